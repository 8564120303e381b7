"""A tone as a WAV file: 16 bits, one channel, 16 000 samples a second."""

from __future__ import annotations

import functools
from typing import Final

RATE: Final = 16_000
LOUDNESS: Final = 12_000
"""Of 32 767: loud enough to be heard, and no fright in headphones."""


@functools.lru_cache(maxsize=8)
def wav(seconds: float, hz: int) -> bytes:
    """A tone of this length and pitch."""
    import wave
    from array import array
    from io import BytesIO
    from math import gcd, pi, sin

    period = RATE // gcd(RATE, hz)  # after so many samples the same ones come again
    wavelet = array("h", (round(LOUDNESS * sin(2 * pi * hz * place / RATE)) for place in range(period)))
    samples = round(seconds * RATE)
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes((wavelet * -(-samples // period))[:samples].tobytes())
    return file.getvalue()
