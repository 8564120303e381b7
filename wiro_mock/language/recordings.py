"""A WAV file beside the YAML as the samples that a realtime session sends: 24 000 a second, 16 bits, one channel.

Channels are mixed into one, and other rates are brought to this one along straight lines between the samples.
"""

from __future__ import annotations

import functools
import sys
from array import array
from io import BytesIO
from typing import Final

from wiro_mock.kernel.audio import RATE
from wiro_mock.language.produce import SourceFile

LONGEST_SECONDS: Final = 600


@functools.lru_cache(maxsize=8)
def samples_of_wav(source: SourceFile) -> bytes:
    """The samples of a WAV file. Raises `ValueError` for anything else than 16 bits and at most ten minutes."""
    import wave  # at the first file: a start need not wait for it

    name = source.path.name
    try:
        with wave.open(BytesIO(source.data)) as file:
            channels, width, rate, frames = file.getparams()[:4]
            data = file.readframes(frames)
    except (wave.Error, EOFError) as error:
        raise ValueError(f"'{name}' cannot be read as a WAV file ({error}); save it as WAV with 16 bits") from None
    if width != 2 or not 1 <= channels <= 8 or not 1_000 <= rate <= 400_000:
        found = f"{8 * width} bits, {channels} channels, {rate} samples a second"
        raise ValueError(f"'{name}' has {found}; save it as WAV with 16 bits")
    if len(data) // (2 * channels) > LONGEST_SECONDS * rate:
        raise ValueError(f"'{name}' is longer than {LONGEST_SECONDS // 60} minutes; cut it")
    return _bytes(_at_our_rate(_mixed(_samples(data), channels), rate))


def _samples(data: bytes) -> array[int]:
    samples = array("h", data[: len(data) - len(data) % 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _bytes(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _mixed(samples: array[int], channels: int) -> array[int]:
    if channels == 1:
        return samples
    whole = len(samples) - len(samples) % channels
    sides = [samples[side:whole:channels] for side in range(channels)]
    return array("h", (sum(together) // channels for together in zip(*sides, strict=True)))


def _at_our_rate(samples: array[int], rate: int) -> array[int]:
    if rate == RATE or not samples:
        return samples
    last = len(samples) - 1
    made = array("h")
    for place in range(len(samples) * RATE // rate):
        whole, rest = divmod(place * rate, RATE)
        here, there = samples[min(whole, last)], samples[min(whole + 1, last)]
        made.append(here + (there - here) * rest // RATE)
    return made
