"""How large a picture is and how long a sound lasts, looked up only where a model's price asks for it.

Files come from anywhere: broken, lying about their size, made to keep a reader busy. So a file is never decoded: its
headers are read through a `Sip`, which gives up after so many bytes and so many reads, and what it claims beyond
reason is not believed. What could not be measured stays unknown, and `kernel.bill` says what that costs.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import BinaryIO, Final, Protocol, TypeVar, cast
from urllib.parse import unquote, urlsplit

from wiro_mock.kernel.catalog import FILES, Model
from wiro_mock.kernel.events import Produced
from wiro_mock.kernel.file_inputs import LONGEST_URL, entries
from wiro_mock.kernel.files import Blob, FileIndex
from wiro_mock.kernel.plan import Plan, PlanItem, Step

MOST_BYTES: Final = 1 << 16
"""Of one file: a picture's size and a sound's length stand in headers, and what lies between them is skipped."""
MOST_READS: Final = 10_000
LONGEST_SIDE: Final = 1 << 16
"""Pixels; a picture that claims more is not believed. JPEG cannot have more."""
LONGEST_SOUND: Final = Decimal(1_000_000)
_MILLISECOND: Final = Decimal("0.001")
_NETPBM: Final = b"P"
_Found = TypeVar("_Found")


class Opener(Protocol):
    """Where the bytes are."""

    def open(self, blob: Blob) -> BinaryIO:
        """The bytes of a blob, to be closed by the caller."""
        ...


class TooMuch(OSError):
    """A reader wanted more of a file than is read."""


class Sip(io.RawIOBase):
    """A file of which only so much can be read, wherever: `MOST_BYTES`, in `MOST_READS`. Then `TooMuch`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes = MOST_BYTES
        self._reads = MOST_READS

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go anywhere; going costs as much as reading."""
        self._count()
        return self._file.seek(offset, whence)

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; fewer than `size` only at the end of the file."""
        self._count()
        data = self._file.read(self._bytes + 1 if size is None or size < 0 else min(size, self._bytes + 1))
        self._bytes -= len(data)
        if self._bytes < 0:
            raise TooMuch(f"more than {MOST_BYTES} bytes")
        return data

    def _count(self) -> None:
        self._reads -= 1
        if self._reads < 0:
            raise TooMuch(f"more than {MOST_READS} reads")


class Measure:
    """Measures what the prices of a model ask for, and nothing for a model that is not paid by it."""

    def __init__(self, model: Model, files: Opener) -> None:
        methods = {tier.method for tier in model.prices}
        self._model = model
        self._files = files
        self._pictures = "cp-pixel" in methods
        self._sounds = "cp-audiosecondslength" in methods

    def __bool__(self) -> bool:
        return self._pictures or self._sounds

    def blob(self, blob: Blob) -> Blob:
        """The blob with what is asked for, as far as it can be known."""
        if self._pictures:
            blob = replace(blob, pixels=self._measured(blob, pixels))
        return replace(blob, seconds=self._measured(blob, seconds)) if self._sounds else blob

    def linked(self, parameters: Mapping[str, object], held: Callable[[str], Blob | None]) -> dict[str, Blob]:
        """What the URLs hold that the run names, measured: URL → blob. What is not known is not fetched."""
        if not self:
            return {}
        names = (one.id for one in self._model.parameters if one.type in FILES)
        urls = (one for name in names for one in entries(parameters, name) if isinstance(one, str))
        return {url: self.blob(blob) for url in urls if (blob := held(url)) is not None}

    def plan(self, plan: Plan) -> Plan:
        """The plan with the pictures that it produces measured."""
        return replace(plan, items=[self._item(item) for item in plan.items]) if self._pictures else plan

    def _item(self, item: PlanItem) -> PlanItem:
        match item:
            case Step(event=Produced(blob=blob) as event) if blob.contenttype.startswith("image/"):
                return replace(item, event=replace(event, blob=self.blob(blob)))
            case _:
                return item

    def _measured(self, blob: Blob, how: Callable[[BinaryIO, int], _Found]) -> _Found:
        with self._files.open(blob) as file:
            return how(file, blob.size)


def pixels(file: BinaryIO, size: int) -> int | None:  # noqa: ARG001, as every way to measure
    """How many pixels a picture has; None for what is none, or is not to be believed."""
    import imagesize

    sip = Sip(file)
    if sip.read(1) == _NETPBM:  # its numbers have no end, and it is no format of the web
        return None
    sip.seek(0)
    # Never raises: whatever goes wrong is -1 to it.
    width, height = imagesize.get(sip, exif_rotation=False)
    believed = 1 <= width <= LONGEST_SIDE and 1 <= height <= LONGEST_SIDE
    return int(width) * int(height) if believed else None


def seconds(file: BinaryIO, size: int) -> Decimal | None:
    """How long a sound lasts, in milliseconds; None for what is none, or is not to be believed. `size` in bytes."""
    try:
        length: Decimal | None = _of_wave(Sip(file), size)
    except Exception:  # not one of those that the standard library reads
        file.seek(0)
        length = _of_other(Sip(file))
    return length if length is not None and length.is_finite() and 0 <= length <= LONGEST_SOUND else None


def _of_wave(sip: Sip, size: int) -> Decimal:
    import wave

    with wave.open(cast("BinaryIO", sip)) as sound:
        width = sound.getnchannels() * sound.getsampwidth()
        # A stream says 0xFFFFFFFF, and a liar what it likes: there are no more samples than bytes for them.
        frames = min(sound.getnframes(), size // width)
        length: Decimal = Decimal(frames) / sound.getframerate()
        return length.quantize(_MILLISECOND)


def _of_other(sip: Sip) -> Decimal | None:
    from tinytag import TinyTag

    try:
        found = TinyTag.get(file_obj=cast("BinaryIO", sip), tags=False).duration
        return None if not found else Decimal(str(found)).quantize(_MILLISECOND)
    except Exception:  # what a parser says of bytes that are no sound, or no honest one
        return None


def own_file(url: str, kept: FileIndex) -> Blob | None:
    """The file of this mock that a URL leads to, at any host: its keys cannot be guessed. None for any other URL."""
    if len(url) > LONGEST_URL:
        return None
    try:
        *_, key, name = urlsplit(url).path.split("/")
    except ValueError:
        return None
    file = kept.by_accesskey(key) or kept.by_cdn_folder(key)
    return file.blob if file is not None and file.name == unquote(name, errors="replace") else None
