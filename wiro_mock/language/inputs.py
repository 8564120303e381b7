"""`inputs:` of a scenario: what URLs hold that runs send as inputs, so that nothing is fetched from anywhere."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema, model_validator

from wiro_mock.language.media import content_type
from wiro_mock.language.outputs import produced
from wiro_mock.language.produce import Audio, Image, Produce, Sample, read_beside
from wiro_mock.language.strict import Given, Strict

MOST_URLS = 1_000
LONGEST = 2_000
_SOURCES = ("text", "json", "image", "audio", "sample", "file")


def normal_url(url: object) -> str:
    """The URL as it is compared: scheme and host in small letters, nothing around it, no fragment.

    Raises `ValueError` with the way out for what is none.
    """
    text = url.strip() if isinstance(url, str) else ""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # a port that is none is noticed only when it is asked for
    except ValueError:
        host = None
    if not host or parts.scheme.lower() not in ("http", "https") or not text.isprintable() or " " in text:
        raise ValueError(f"{str(url)[:100]!r} is no URL; write it like https://example.com/cat.png")
    if len(text) > LONGEST:
        raise ValueError(f"'{text[:60]}…' is longer than {LONGEST} characters")
    return parts._replace(scheme=parts.scheme.lower(), netloc=_lower_host(parts.netloc), fragment="").geturl()


def _lower_host(netloc: str) -> str:
    user, at, host = netloc.rpartition("@")
    return f"{user}{at}{host.lower()}"


def type_of(url: str) -> str:
    """The content type that the name at the end of a URL's path stands for."""
    return content_type(unquote(urlsplit(url).path, errors="replace"))


class InputItem(Strict):
    """What a URL holds, from exactly one source: `text`, `json`, `image`, `audio`, `sample` or `file`."""

    text: Annotated[str | None, Given] = Field(default=None, description="a text, as it stands")
    data: JsonValue = Field(default=None, alias="json", description="any value, written as JSON")
    image: Annotated[Image | None, Given] = Field(default=None, description="a picture of one colour")
    audio: Annotated[Audio | None, Given] = Field(default=None, description="a tone, or the ready-made MP3")
    sample: Annotated[Sample | None, Given] = Field(default=None, description="a small ready-made file")
    file: Annotated[Any, BeforeValidator(read_beside), Given, WithJsonSchema({"type": "string"})] = Field(
        default=None, description="a file beside this one"
    )
    contenttype: Annotated[str | None, Given] = Field(
        default=None,
        pattern=r"^[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)?$",
        description="a type such as image/png; by default that of the source, or of the URL's extension",
    )

    @model_validator(mode="after")
    def _one_source(self) -> InputItem:
        given = [key for key in _SOURCES if key.replace("json", "data") in self.model_fields_set]
        if len(given) != 1:
            names = " and ".join(given) or "none"
            raise ValueError(f"a URL holds exactly one thing, here {names}; write one of {', '.join(_SOURCES)}")
        return self

    def words(self) -> dict[str, object]:
        """The words of the YAML."""
        shown = self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"file"})
        return {**shown, **({"file": str(self.file.path.name)} if self.file is not None else {})}

    def content(self, url: str) -> tuple[bytes, str]:
        """The bytes and the content type that lie at this URL."""
        data, kind = self._made(url)
        return data, self.contenttype or kind

    def _made(self, url: str) -> tuple[bytes, str]:
        otherwise = type_of(url)
        if self.text is not None:
            return self.text.encode(errors="replace"), "text/plain" if otherwise == _UNKNOWN else otherwise
        if "data" in self.model_fields_set:
            return json.dumps(self.data, ensure_ascii=False).encode(errors="replace"), "application/json"
        if self.file is not None:
            return self.file.data, content_type(self.file.path.name, otherwise)
        name = PurePosixPath(urlsplit(url).path).name.replace('"', "").replace("\\", "")[-100:]
        step = Produce.model_construct(name=name, image=self.image, audio=self.audio, sample=self.sample)
        made = produced(step, lambda _: (), lambda: url)
        assert made is not None  # one of the three is there
        data = made[1] if isinstance(made[1], bytes) else b"".join(made[1])
        return data, content_type(f"x.{made[0]}")


_UNKNOWN = "application/octet-stream"


def _checked(inputs: dict[str, InputItem]) -> dict[str, InputItem]:
    found: dict[str, InputItem] = {}
    for url, item in inputs.items():
        if (known := normal_url(url)) in found:
            raise ValueError(f"'{url[:100]}' stands here twice; keep one of the two")
        found[known] = item
    if len(found) > MOST_URLS:
        raise ValueError(f"there are {len(found)} URLs; at most {MOST_URLS}")
    return found


Inputs = Annotated[dict[str, InputItem], AfterValidator(_checked)]
"""URL → what it holds."""
