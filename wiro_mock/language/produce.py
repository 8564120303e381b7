"""The `produce` step: an output file from a text, a JSON value, a picture, a tone, a ready-made file, or a file beside
the YAML.

A picture and a tone are made as the run asks for them: what the YAML leaves open (the size, the format) is what the
run's parameters say. So one scenario plays for every model of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, ValidationInfo, WithJsonSchema, model_validator

from wiro_mock.kernel.sizes import LARGEST_SIDE
from wiro_mock.language.durations import DurationText
from wiro_mock.language.pictures import Format
from wiro_mock.language.strict import AFTER, Given, StepModel, Strict, Text
from wiro_mock.language.substitution import check_text, check_texts

LARGEST_FILE = 100 << 20


def _check_name(name: str) -> str:
    if not name or len(name) > 200 or any(char in '/\\"' or not char.isprintable() for char in name):
        raise ValueError(f"{name!r} cannot be a file's name; write one without slashes, quotes or line ends")
    return check_text(name)


_SIDE = "in pixels; by default what the run asks for, else 512"
_FORMAT = "by default that of the name's extension, else what the run asks for in outputFormat, else"


class Image(Strict):
    """A picture of one colour."""

    width: Annotated[int | None, Given] = Field(default=None, ge=1, le=LARGEST_SIDE, description=_SIDE)
    height: Annotated[int | None, Given] = Field(default=None, ge=1, le=LARGEST_SIDE, description=_SIDE)
    color: str = Field(default="#6b8e9f", pattern=r"^#[0-9a-fA-F]{6}$", description='"#rrggbb", in quotes')
    format: Annotated[Format | None, Given] = Field(default=None, description=f"{_FORMAT} png")


class Audio(Strict):
    """A tone, as a WAV file; or the ready-made MP3, which is two seconds of 440 Hz."""

    seconds: Annotated[float | None, Given] = Field(
        default=None, ge=0.1, le=60, description="how long a WAV is; by default 1"
    )
    hz: Annotated[int | None, Given] = Field(
        default=None, ge=20, le=8_000, description="how high a WAV's tone is; by default 440"
    )
    format: Annotated[Literal["wav", "mp3"] | None, Given] = Field(default=None, description=f"{_FORMAT} wav")

    @model_validator(mode="after")
    def _wav_has_a_pitch(self) -> Audio:
        if self.format == "mp3" and self.is_shaped:
            raise ValueError("an MP3 is ready-made, so seconds and hz mean nothing to it; leave them out, or format")
        return self

    @property
    def is_shaped(self) -> bool:
        """Whether its length or its pitch stands there, which only a WAV can have."""
        return self.seconds is not None or self.hz is not None


Sample: TypeAlias = Literal["mp4", "mp3", "glb", "pdf"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file beside the YAML, as it was when the scenario was loaded."""

    path: Path
    data: bytes


def read_beside(value: object, info: ValidationInfo) -> object:
    """The file of this name beside the YAML. Raises `ValueError` with the way out."""
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
    """An output file, from exactly one source: `text`, `json`, `image`, `audio`, `sample` or `file`."""

    least: ClassVar[str] = "produce: {text: a text}"
    name: Annotated[Annotated[str, AfterValidator(_check_name)] | None, Given] = Field(
        default=None, description="the file's name; by default its number and the extension of its kind (0.png)"
    )
    text: Annotated[Text | None, Given] = Field(default=None, description="the file's text; ${…} is filled in")
    data: Annotated[JsonValue, AfterValidator(check_texts)] = Field(
        default=None, alias="json", description="any value, written as JSON; ${…} is filled in"
    )
    image: Annotated[Image | None, Given] = Field(
        default=None, description="a picture of one colour: PNG, JPEG or WebP"
    )
    audio: Annotated[Audio | None, Given] = Field(default=None, description="a tone: WAV, or the ready-made MP3")
    sample: Annotated[Sample | None, Given] = Field(
        default=None, description="a small ready-made file: a video (mp4), a sound (mp3), a 3D object (glb), a PDF"
    )
    file: Annotated[Any, BeforeValidator(read_beside), Given, WithJsonSchema({"type": "string"})] = Field(
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
        given = [key for key in ("text", "data", "image", "audio", "sample", "file") if self._has(key)]
        if len(given) != 1:
            names = " and ".join(key.replace("data", "json") for key in given) or "none"
            way = "write one of text, json, image, audio, sample, file"
            raise ValueError(f"a file has exactly one source, here {names}; {way}")
        return self

    def _has(self, key: str) -> bool:
        return key in self.model_fields_set and (key == "data" or getattr(self, key) is not None)
