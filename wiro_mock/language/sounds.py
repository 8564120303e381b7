"""A tone as a WAV file: 16 bits, one channel, 16 000 samples a second unless another rate is asked for."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

RATE: Final = 16_000
LOUDNESS: Final = 12_000
"""Of 32 767: loud enough to be heard, and no fright in headphones."""
HEAD: Final = 44
"""Bytes before the first sample."""
_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone of this length in seconds, pitch and rate, in pieces: the longest takes no memory."""

    seconds: float
    hz: int
    rate: int = RATE

    @property
    def samples(self) -> int:
        """How many there are."""
        return round(self.seconds * self.rate)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return HEAD + 2 * self.samples

    def __iter__(self) -> Iterator[bytes]:
        from array import array
        from math import gcd, pi, sin
        from sys import byteorder

        period = self.rate // gcd(self.rate, self.hz)  # after so many samples the same ones come again
        wave = (round(LOUDNESS * sin(2 * pi * self.hz * place / self.rate)) for place in range(period))
        wavelet = array("h", wave) * -(-_AT_ONCE // period)
        if byteorder == "big":
            wavelet.byteswap()
        piece, left = wavelet.tobytes(), 2 * self.samples
        yield self._head(left)
        while left > 0:
            yield piece[:left]
            left -= len(piece)

    def _head(self, size: int) -> bytes:
        form = struct.pack("<HHIIHH", 1, 1, self.rate, 2 * self.rate, 2, 16)
        return b"RIFF%bWAVEfmt %b%bdata%b" % (_u32(size + HEAD - 8), _u32(len(form)), form, _u32(size))


@functools.lru_cache(maxsize=8)
def wav(seconds: float, hz: int, rate: int = RATE) -> bytes:
    """A tone of this length and pitch."""
    return b"".join(Tone(seconds, hz, rate))


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")
