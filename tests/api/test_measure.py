"""Looking at files where a price asks for it: what is found, and that no file keeps the mock busy."""

from __future__ import annotations

import io
import struct
import time
import wave
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.kernel.test_bill import model, tier
from wiro_mock.api.measure import MOST_BYTES, MOST_READS, Measure, Sip, TooMuch, pixels, seconds
from wiro_mock.kernel import events as e
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.plan import Hold, Plan, Step
from wiro_mock.language.media import png
from wiro_mock.store import BlobStore


def size_of(data: bytes) -> int | None:
    return pixels(io.BytesIO(data), len(data))


def length_of(data: bytes) -> Decimal | None:
    return seconds(io.BytesIO(data), len(data))


def sound(frames: int, *, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    """A WAV of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(channels)
        made.setsampwidth(width)
        made.setframerate(rate)
        made.writeframes(bytes(frames * channels * width))
    return file.getvalue()


MP3_FRAME = bytes.fromhex("fffb9064") + bytes(413)  # 128 kbit/s, 44100 Hz, 1152 samples
JPEG = (
    b"\xff\xd8\xff\xe1\xff\xfe" + bytes(0xFFFC) + b"\xff\xe2\xff\xfe" + bytes(0xFFFC)  # two large segments to skip
    + b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 480, 640) + b"\x01\x01\x11\x00\xff\xd9"
)  # fmt: skip
GIF = b"GIF89a" + struct.pack("<HH", 30, 20) + bytes(3)
WEBP = b"RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\x1f\x03\x00" + b"\x57\x02\x00"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (png(640, 480, "#aabbcc"), 640 * 480),
        (png(1, 1, "#aabbcc"), 1),
        (JPEG, 640 * 480),
        (GIF, 600),
        (WEBP, 800 * 600),
        (b'<svg width="100" height="50">', 5000),
        (b"", None),
        (b"P6 10 10 255 ", None),
        (b"no picture at all", None),
        (png(640, 480, "#aabbcc")[:12], None),
        (sound(8000), None),
    ],
)
def test_a_picture_is_as_large_as_it_says(data: bytes, found: int | None) -> None:
    """The formats of the web; None for what is no picture."""
    assert size_of(data) == found


@pytest.mark.parametrize(
    ("width", "height", "believed"),
    [(65536, 65536, True), (65537, 1, False), (1, 65537, False), (2**31 - 1, 2**31 - 1, False), (0, 5, False)],
)
def test_a_boast_is_not_believed(width: int, height: int, *, believed: bool) -> None:
    """A picture that unpacks to gigabytes, or to nothing, counts as one that nobody looked at."""
    liar = png(8, 8, "#aabbcc").replace(struct.pack(">II", 8, 8), struct.pack(">II", width, height), 1)
    assert size_of(liar) == (width * height if believed else None)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (sound(8000), "1.000"),
        (sound(12_345, rate=44_100, channels=2), "0.280"),
        (sound(0), "0.000"),
        (sound(44_100, rate=44_100, width=1), "1.000"),
        (MP3_FRAME * 500, "13.061"),
        (b"", None),
        (b"no sound at all", None),
        (png(8, 8, "#aabbcc"), None),
        (sound(8000)[:20], None),
    ],
)
def test_a_sound_lasts_as_long_as_it_says(data: bytes, found: str | None) -> None:
    """WAV by the standard library, other formats by tinytag; in milliseconds."""
    assert length_of(data) == (None if found is None else Decimal(found))


def test_a_sound_with_a_large_cover_is_measured() -> None:
    """The cover of a song is passed over: it would be more than is read."""
    cover = b"APIC" + struct.pack(">I", 300_000) + bytes(300_002)
    tag = b"ID3\x03\x00\x00" + bytes([len(cover) >> shift & 127 for shift in (21, 14, 7, 0)]) + cover
    assert length_of(tag + MP3_FRAME * 500) == Decimal("13.061")


def test_a_sound_has_no_more_samples_than_bytes() -> None:
    """A stream says 0xFFFFFFFF, which would be three days of it."""
    honest = sound(8000)
    liar = honest[:40] + b"\xff\xff\xff\xff" + honest[44:]
    assert length_of(liar) == Decimal("1.003")  # the header counts, too: at most a millisecond or three


def test_a_sound_of_years_is_not_believed() -> None:
    """An MP4 may claim any length; this one says 2**32 - 1 seconds."""

    def box(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", 8 + len(data)) + kind + data

    def movie(length: int) -> bytes:
        header = struct.pack(">IIIII", 0, 0, 0, 1, length) + bytes(80)
        return box(b"ftyp", b"M4A \x00\x00\x00\x00M4A mp42") + box(b"moov", box(b"mvhd", header))

    assert length_of(movie(12)) == 12
    assert length_of(movie(2**32 - 1)) is None


class Counted(io.BytesIO):
    """A file that counts what is read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


MP4 = b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42"
HOSTILE = {
    "numbers without end": b"P6 " + b"9" * 10**6,
    "segments without end": b"\xff\xd8" + b"\xff\xe1\x00\x02" * 500_000,
    "boxes without end": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1" + b"\x00\x00\x00\x08free" * 100_000,
    "JPEG 2000 boxes without end": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\x00\x00\x00\x08free" * 100_000,
    "entries without end": b"II*\x00\x08\x00\x00\x00" + b"\xff" * 200_000,
    "an SVG without end": b"<svg " + b" " * 10**6,
    "marks of frames": b"\xff\xfb" * 10**6,
    "a tag without end": b"ID3" + bytes(range(256)) * 4_000,
    "pages without end": (b"OggS\x00\x00" + bytes(20) + b"\x01\x00") * 50_000,
    "empty boxes": MP4 + b"\x00\x00\x00\x00moov" * 100_000,
    "small boxes": MP4 + b"\x00\x00\x00\x08free" * 100_000,
    "boxes in boxes": MP4 + b"\x7f\x00\x00\x00moov" * 100_000,
    "blocks without end": b"fLaC" + b"\x01\x00\x00\x00" * 100_000,
    "chunks without end": b"RIFF\xff\xff\xff\xffWAVE" + b"junk\x00\x00\x00\x00" * 100_000,
    "a rate of nothing": sound(8000)[:24] + bytes(4) + sound(8000)[28:],
    "a large chunk": b"FORM\xff\xff\xff\xffAIFF" + b"COMM\xff\xff\xff\xf0" * 1_000,
    "windows media": bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C") + b"\xff" * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("how", [pixels, seconds])
def test_no_file_keeps_the_reader_busy(name: str, how: Callable[[io.BytesIO, int], object]) -> None:
    """Whatever it is made of: a bounded part of it is read, in a moment, and nothing is raised."""
    data = HOSTILE[name]
    file, began = Counted(data), time.process_time()
    found = how(file, len(data))
    assert found is None or found == 0
    assert file.taken <= 2 * (MOST_BYTES + 1)  # a sound may be tried by both readers
    assert time.process_time() - began < 1


SEEDS = st.sampled_from([*HOSTILE.values(), sound(100), png(9, 9, "#aabbcc"), JPEG, GIF, WEBP, MP3_FRAME * 3])


@given(SEEDS, st.lists(st.tuples(st.integers(0, 120), st.binary(min_size=1, max_size=6)), max_size=4))
@example(b"", [])
def test_broken_files_raise_nothing(seed: bytes, changes: list[tuple[int, bytes]]) -> None:
    """Bytes changed anywhere in the first ones; what is found is within reason."""
    data = bytearray(seed[:5_000])
    for place, new in changes:
        data[place : place + len(new)] = new
    size, length = size_of(bytes(data)), length_of(bytes(data))
    assert size is None or 1 <= size <= 1 << 32
    assert length is None or 0 <= length <= 1_000_000


def test_a_sip_is_bounded_in_bytes_and_in_reads() -> None:
    """Also where everything is asked for at once, and where nobody reads but only goes to and fro."""
    everything = Sip(io.BytesIO(bytes(MOST_BYTES)))
    assert len(everything.read()) == MOST_BYTES
    assert everything.read(1) == b""
    for size in (-1, MOST_BYTES + 1):
        with pytest.raises(TooMuch):
            Sip(io.BytesIO(bytes(MOST_BYTES + 1))).read(size)
    restless = Sip(io.BytesIO(bytes(10)))
    for _ in range(MOST_READS):
        restless.seek(0)
    with pytest.raises(TooMuch):
        restless.seek(0)


@pytest.mark.parametrize(
    ("method", "known"),
    [("cp-pixel", (72, None)), ("cp-audiosecondslength", (None, None)), ("cpr", (None, None)), ("cpt", (None, None))],
)
def test_only_what_the_price_asks_for_is_looked_at(method: str, known: tuple[int | None, None]) -> None:
    """A model without such a price never opens a file."""
    store = BlobStore()
    blob = store.put(png(9, 8, "#aabbcc"), "image/png")
    measure = Measure(model(tier(method)), store)
    found = measure.blob(blob)
    assert (found.pixels, found.seconds) == known
    assert bool(measure) == (method in {"cp-pixel", "cp-audiosecondslength"})
    assert measure.blob(blob) == blob or method == "cp-pixel"


def test_the_pictures_of_a_plan_are_measured() -> None:
    """And nothing else of it changes."""
    store = BlobStore()
    picture = store.put(png(9, 8, "#aabbcc"), "image/png")
    text = store.put(b"cat", "text/plain")
    items = (
        Step(after=1, event=e.Produced(name="0.png", blob=picture)),
        Hold(name="here"),
        Step(after=2, event=e.Produced(name="1.txt", blob=text)),
    )
    plan = Plan(scenario="s", items=items)
    looked = Measure(model(tier("cp-pixel")), store).plan(plan)
    seen = replace(items[0], event=e.Produced(name="0.png", blob=replace(picture, pixels=72)))
    assert list(looked.items) == [seen, *items[1:]]
    assert Measure(model(tier("cpr")), store).plan(plan) is plan


def test_nothing_is_opened_without_need() -> None:
    """The store would say that it has no such file."""
    unknown = Blob(digest="0" * 64, size=1, contenttype="image/png")
    assert Measure(model(), BlobStore()).blob(unknown) is unknown
