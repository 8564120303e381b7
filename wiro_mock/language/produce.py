"""The `produce` step: an output file from a text, a JSON value, a colour, or a file beside the YAML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, ValidationInfo, WithJsonSchema, model_validator

from wiro_mock.language.durations import DurationText
from wiro_mock.language.strict import AFTER, Given, StepModel, Strict, Text
from wiro_mock.language.substitution import check_text, check_texts

LARGEST_FILE = 100 << 20


def _check_name(name: str) -> str:
    if not name or len(name) > 200 or any(char in '/\\"' or not char.isprintable() for char in name):
        raise ValueError(f"{name!r} cannot be a file's name; write one without slashes, quotes or line ends")
    return check_text(name)


class Image(Strict):
    """A PNG of one colour."""

    width: int = Field(default=512, ge=1, le=4096, description="in pixels")
    height: int = Field(default=512, ge=1, le=4096, description="in pixels")
    color: str = Field(default="#6b8e9f", pattern=r"^#[0-9a-fA-F]{6}$", description='"#rrggbb", in quotes')


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file beside the YAML, as it was when the scenario was loaded."""

    path: Path
    data: bytes


def _read_beside(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text; write a path relative to this file")
    folder = (info.context or {}).get("folder")
    if folder is None:
        raise ValueError("there is no folder to look in; a `file` is found beside the YAML file that names it")
    try:
        return _read_inside(Path(folder).resolve(), value)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        reason = getattr(error, "strerror", None) or "its links lead in a circle"
        raise ValueError(f"'{value}' cannot be read: {reason}; look at its name and its permissions") from None


def _read_inside(root: Path, value: str) -> SourceFile:
    if "\0" in value:
        raise ValueError(f"{value!r} cannot be a file's name; write a path relative to this file")
    path = (root / value).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"'{value}' leads out of the folder of this file; copy the file beside it")
    if not path.is_file():
        raise ValueError(f"there is no file '{value}' beside this one; paths are relative to this file")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"'{value}' is larger than {LARGEST_FILE >> 20} MiB")
    return SourceFile(path, path.read_bytes())


class Produce(StepModel):
    """An output file, from exactly one source: `text`, `json`, `image` or `file`."""

    least: ClassVar[str] = "produce: {text: a text}"
    name: Annotated[Annotated[str, AfterValidator(_check_name)] | None, Given] = Field(
        default=None, description="the file's name; by default its number and the extension of its kind (0.png)"
    )
    text: Annotated[Text | None, Given] = Field(default=None, description="the file's text; ${…} is filled in")
    data: Annotated[JsonValue, AfterValidator(check_texts)] = Field(
        default=None, alias="json", description="any value, written as JSON; ${…} is filled in"
    )
    image: Annotated[Image | None, Given] = Field(default=None, description="a PNG of one colour")
    file: Annotated[Any, BeforeValidator(_read_beside), Given, WithJsonSchema({"type": "string"})] = Field(
        default=None, description="a file beside this one"
    )
    contenttype: Annotated[str | None, Given] = Field(
        default=None,
        pattern=r"^[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)?$",
        description="a type such as text/plain; by default that of the kind",
    )
    after: DurationText = Field(default=0, description=AFTER)

    @model_validator(mode="after")
    def _one_source(self) -> Produce:
        given = [key for key in ("text", "data", "image", "file") if self._has(key)]
        if len(given) != 1:
            names = " and ".join(key.replace("data", "json") for key in given) or "none"
            raise ValueError(f"a file has exactly one source, here {names}; write one of text, json, image, file")
        return self

    def _has(self, key: str) -> bool:
        return key in self.model_fields_set and (key == "data" or getattr(self, key) is not None)
