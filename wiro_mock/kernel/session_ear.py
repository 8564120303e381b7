"""What a session has heard: windows of 20 ms, each a loudness, become utterances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt
from typing import Final

from wiro_mock.kernel.audio import WINDOW, microseconds_of
from wiro_mock.kernel.events import Duration, Heard

WINDOW_TIME: Final = microseconds_of(WINDOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """What has been heard so far, in windows: `loud` and `quiet` ones of the utterance that began at `since` (a sample
    of the session), the sum of their loud squares, the `still` ones since then, all loud ones, and the words told.
    """

    place: int = 0
    since: int | None = None
    loud: int = 0
    quiet: int = 0
    energy: int = 0
    still: int = 0
    speech: int = 0
    told: int = 0

    @property
    def lasted(self) -> Duration:
        """How long the utterance was loud."""
        return self.loud * WINDOW_TIME

    def listen(self, level: int, threshold: int) -> Ear:
        """One window more."""
        is_loud = level >= threshold
        # Fifty times a second for every caller: written out, it takes a third of the time of `replace`.
        return Ear(
            place=self.place + WINDOW,
            since=self.place if is_loud and self.since is None else self.since,
            loud=self.loud + is_loud,
            quiet=0 if is_loud else self.quiet + 1,
            energy=self.energy + is_loud * level * level,
            still=0 if is_loud else self.still + 1,
            speech=self.speech + is_loud,
            told=self.told,
        )

    def ended(self) -> Ear:
        """The utterance is over."""
        return replace(self, since=None, loud=0, quiet=0, energy=0)

    def utterance(self, said: str) -> Heard:
        """The utterance that is there."""
        assert self.since is not None
        stop = self.place - self.quiet * WINDOW
        loudness = isqrt(self.energy // self.loud)
        return Heard(speech=self.lasted, rms=loudness, start=self.since, stop=stop, said=said)


NOTHING_HEARD: Final = Ear()
