"""Sound as it is on the socket: PCM of 24 000 samples a second, 16 bits, one channel, in pieces of 200 ms.

What a model says is a `Sound`, and a piece of it is a place in that sound: the samples are made when they are sent. How
loud something is, is told for windows of 20 ms, so that whoever listens need not know a single sample. The format is
Wiro's (socket.md §5); the windows are our choice.
"""

from __future__ import annotations

import functools
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import gcd, isqrt, pi, sin
from operator import mul
from typing import Final, TypeAlias

RATE: Final = 24_000
"""Samples a second, in both directions (socket.md §5)."""
CHUNK: Final = 4_800
"""Samples of a piece: 200 ms, 9 600 bytes (socket.md §5)."""
WINDOW: Final = 480
"""Samples that are judged together: 20 ms."""
SAMPLE: Final = 2
"""Bytes of a sample."""
_SILENT: Final = array("h", bytes(WINDOW * SAMPLE))
"""A microphone that is on says this most of the time, and to see that costs little."""
LOUDNESS: Final = 12_000
"""The height of a tone, of 32 767."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """A sine."""

    hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Ready-made samples. Every piece that is sent shares the one clip."""

    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """What was heard from one sample of a session on: its echo."""

    start: int


Sound: TypeAlias = Tone | Clip | Excerpt
Heard: TypeAlias = Callable[[int, int], bytes]
"""Gives the samples of what was heard, from one place to another; silence where they have been forgotten."""


def samples_of(microseconds: int) -> int:
    """How many samples so much time takes."""
    return microseconds * RATE // 1_000_000


def microseconds_of(samples: int) -> int:
    """How much time so many samples take."""
    return samples * 1_000_000 // RATE


def pieces(samples: int) -> Iterator[tuple[int, int]]:
    """The pieces of a sound of this length: from, and to; the last may be shorter."""
    for start in range(0, samples, CHUNK):
        yield start, min(start + CHUNK, samples)


def pcm(sound: Sound, start: int, stop: int, heard: Heard) -> bytes:
    """The samples of a sound from one place to another, as bytes (little-endian)."""
    match sound:
        case Tone(hz=hz):
            return _tone(hz, start, stop)
        case Clip(pcm=data):
            return data[start * SAMPLE : stop * SAMPLE]
        case Excerpt(start=first):
            return heard(first + start, first + stop)


def levels(data: bytes) -> list[int]:
    """How loud each whole window of these samples is: the root of the mean of their squares, from 0 to 32 768."""
    return [isqrt(square // WINDOW) for square in squares(data)]


def squares(data: bytes) -> list[int]:
    """The sum of the squares of each whole window."""
    samples = _samples(data[: len(data) - len(data) % (WINDOW * SAMPLE)])
    windows = (samples[place : place + WINDOW] for place in range(0, len(samples), WINDOW))
    return [0 if window == _SILENT else _square(window) for window in windows]


if sys.version_info >= (3, 12):
    from math import sumprod

    def _square(window: array[int]) -> int:
        return sumprod(window, window)
else:

    def _square(window: array[int]) -> int:
        return sum(map(mul, window, window))


def rms(values: Iterable[int], samples: int) -> int:
    """How loud so many samples are together, from the sums of their squares."""
    return isqrt(sum(values) // samples) if samples else 0


def wav(data: bytes) -> bytes:
    """A WAV file of these samples."""
    size, rate = len(data), RATE.to_bytes(4, "little")
    head = b"fmt " + (16).to_bytes(4, "little") + b"\1\0\1\0" + rate + (RATE * SAMPLE).to_bytes(4, "little")
    rest = head + b"\2\0\x10\0" + b"data" + size.to_bytes(4, "little") + data
    return b"RIFF" + (len(rest) + 4).to_bytes(4, "little") + b"WAVE" + rest


@functools.lru_cache(maxsize=16)
def _wavelet(hz: int) -> bytes:
    """As much of a tone as repeats itself, and a piece more, so that a piece lies in it in one."""
    period = RATE // gcd(RATE, hz)
    wave = array("h", (round(LOUDNESS * sin(2 * pi * hz * place / RATE)) for place in range(period)))
    return _bytes(wave * (1 + -(-CHUNK // period)))


def _tone(hz: int, start: int, stop: int) -> bytes:
    place = start % (RATE // gcd(RATE, hz))
    wave, length = _wavelet(hz), (stop - start) * SAMPLE
    return wave[place * SAMPLE : place * SAMPLE + length]


def _samples(data: bytes) -> array[int]:
    samples = array("h", data)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _bytes(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples = array("h", samples)
        samples.byteswap()
    return samples.tobytes()
