"""The `produce` step: an output file from a text, a JSON value, a picture, a tone, a ready-made file, or a file beside
the YAML.

A picture and a tone are made as the run asks for them: what the YAML leaves open (the size, the format) is what the
run's parameters say. So one scenario plays for every model of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, ValidationInfo, WithJsonSchema, model_validator

from wiro_mock.kernel.sizes import LARGEST_SIDE
from wiro_mock.language.durations import DurationText
from wiro_mock.language.fillers import Kind, room
from wiro_mock.language.pictures import Format, picture
from wiro_mock.language.sizes import LARGEST_FILE, Size
from wiro_mock.language.sounds import HEAD, RATE
from wiro_mock.language.strict import AFTER, Given, StepModel, Strict, Text
from wiro_mock.language.substitution import check_text, check_texts


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
    size: Annotated[Size | None, Given] = Field(
        default=None, description="so many bytes exactly, such as 3MB; of a PNG or a JPEG with width and height"
    )

    @model_validator(mode="after")
    def _has_room(self) -> Image:
        if self.size is None:
            return self
        if self.width is None or self.height is None:
            raise ValueError("size needs width and height; write both")
        if self.format == "webp":
            raise ValueError("size is for png and jpeg; write one of them as the format, or leave size out")
        kinds: list[Literal["png", "jpeg"]] = ["png", "jpeg"] if self.format is None else [self.format]
        least = max(len(picture(kind, self.width, self.height, self.color)) + room(kind) for kind in kinds)
        if self.size < least:
            raise ValueError(f"a picture of {self.width} by {self.height} takes {least} bytes; write at least that")
        return self


class Audio(Strict):
    """A tone, as a WAV file; or the ready-made MP3, which is two seconds of 440 Hz."""

    seconds: Annotated[float | None, Given] = Field(
        default=None, ge=0.1, le=3600, description="how long a WAV is; by default 1"
    )
    hz: Annotated[int | None, Given] = Field(
        default=None, ge=20, le=8_000, description="how high a WAV's tone is; by default 440"
    )
    rate: Annotated[int | None, Given] = Field(
        default=None, ge=8_000, le=192_000, description=f"a WAV's samples a second; by default {RATE}"
    )
    format: Annotated[Literal["wav", "mp3"] | None, Given] = Field(default=None, description=f"{_FORMAT} wav")

    @model_validator(mode="after")
    def _wav_has_a_pitch(self) -> Audio:
        if self.format == "mp3" and self.is_shaped:
            raise ValueError(
                "an MP3 is ready-made, so seconds, hz and rate mean nothing to it; leave them out, or format"
            )
        size = HEAD + 2 * round((self.seconds or 1) * (self.rate or RATE))
        if size > LARGEST_FILE:
            raise ValueError(
                f"it would have {size} bytes; at most {LARGEST_FILE >> 20} MiB: write fewer seconds, or a lower rate"
            )
        return self

    @property
    def is_shaped(self) -> bool:
        """Whether its length, its pitch or its rate stands there, which only a WAV can have."""
        return self.seconds is not None or self.hz is not None or self.rate is not None


MOST_CELLS = 200_000
"""Of one table: some of a second, while the world waits; ours."""
_COLUMNS = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "object", "additionalProperties": {"enum": list(get_args(Kind))}, "minProperties": 1},
    ]
}


def _checked_columns(value: object) -> object:
    names = range(1, value + 1) if type(value) is int else value
    if (
        not isinstance(names, range | list | dict)
        or not names
        or not all(isinstance(name, str | int) for name in names)
    ):
        raise ValueError(
            f"{str(value)[:60]!r} are no columns; write how many, their names, or names with what is in them"
        )
    if isinstance(value, dict):
        for kind in value.values():
            if kind not in get_args(Kind):
                raise ValueError(f"'{str(kind)[:60]}' is not possible; write one of: {', '.join(get_args(Kind))}")
    if len(names) > 1_000 or (isinstance(value, list) and len(set(value)) < len(value)):
        raise ValueError("columns are at most 1000, and no name stands there twice")
    return value


class Table(Strict):
    """A table of made-up values: the same for the same seed, other ones for every task."""

    rows: int = Field(ge=0, le=MOST_CELLS, description="how many, the head of a CSV not counted")
    columns: Annotated[Any, BeforeValidator(_checked_columns), Given, WithJsonSchema(_COLUMNS)] = Field(
        default=None,
        description="how many; or their names; or names with count, word, number, text, date or flag. By default id, "
        "name and score",
    )
    format: Annotated[Literal["csv", "json"] | None, Given] = Field(
        default=None, description="csv or json (a list of objects); by default that of the name's extension, else csv"
    )

    @model_validator(mode="after")
    def _not_too_many(self) -> Table:
        columns = self.columns if isinstance(self.columns, int) else len(self.columns or (1, 2, 3))
        if self.rows * columns > MOST_CELLS:
            raise ValueError(f"it would have {self.rows * columns} cells; write at most {MOST_CELLS}")
        return self


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


SOURCES = ("text", "data", "image", "audio", "table", "filler", "sample", "file")


class Produce(StepModel):
    """An output file, from exactly one source: a text, a value, a picture, a tone, what is made up, or a file."""

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
    table: Annotated[Table | None, Given] = Field(default=None, description="rows of made-up values, as CSV or JSON")
    filler: Annotated[Size | None, Given] = Field(
        default=None, description="so many bytes of English, one sentence a line: 300, 20kB, 5MB"
    )
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
        given = [key for key in SOURCES if self._has(key)]
        if len(given) != 1:
            names = " and ".join(key.replace("data", "json") for key in given) or "none"
            way = f"write one of {', '.join(SOURCES).replace('data', 'json')}"
            raise ValueError(f"a file has exactly one source, here {names}; {way}")
        if self.image is not None and self.image.size is not None and (self.name or "").lower().endswith(".webp"):
            raise ValueError("image.size is for png and jpeg; give the file another name, or leave size out")
        return self

    def _has(self, key: str) -> bool:
        return key in self.model_fields_set and (key == "data" or getattr(self, key) is not None)
