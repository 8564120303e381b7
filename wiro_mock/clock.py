"""What time it is, and how long a deadline is away: the two questions that a clock answers.

The only module that reads the system's time. All instants are whole microseconds since the Unix epoch;
all waiting is told in real seconds. The vocabulary (rate, jump, autojump) is trio's.
"""

from __future__ import annotations

import re
import time
from typing import Protocol

from wiro_mock.kernel.events import Instant

EPOCH: Instant = 1_735_689_600_000_000
"""Where virtual clocks start: 2025-01-01T00:00:00Z."""


class Clock(Protocol):
    """A world's clock. `mode` is its name as the command line spells it."""

    mode: str
    autojump: bool

    def now(self) -> Instant:
        """The present instant, in microseconds since the epoch."""
        ...

    def jump(self, to: Instant) -> None:
        """Make `to` the present; an instant in the past changes nothing."""
        ...

    def seconds_until(self, deadline: Instant) -> float | None:
        """Real seconds until the deadline; 0 when it has come, None when it never comes by itself."""
        ...


class SystemClock:
    """The system's time, at a rate: 1 is real, 10 runs ten times as fast. It can jump ahead, never back."""

    autojump = False

    def __init__(self, rate: float = 1.0, start: Instant | None = None) -> None:
        if not 0 < rate <= 1_000_000:
            raise ValueError(f"a clock's rate is above 0 and at most 1000000, not {rate:g}; to stop time use manual")
        self.mode = "real" if rate == 1 else f"{rate:.9f}".rstrip("0").rstrip(".") + "x"
        self.rate = rate
        self._start = time.time_ns() // 1000 if start is None else start
        self._started_ns = time.monotonic_ns()

    def now(self) -> Instant:
        """The present instant, in microseconds since the epoch."""
        return self._start + int((time.monotonic_ns() - self._started_ns) * self.rate) // 1000

    def jump(self, to: Instant) -> None:
        """Make `to` the present; an instant in the past changes nothing."""
        self._start += max(0, to - self.now())

    def seconds_until(self, deadline: Instant) -> float:
        """Real seconds until the deadline; 0 when it has come."""
        return max(0.0, (deadline - self.now()) / 1_000_000 / self.rate)


class VirtualClock:
    """Time that stands still until it is told. With `autojump`, whoever waits moves it to the next deadline."""

    def __init__(self, *, autojump: bool, start: Instant = EPOCH) -> None:
        self.autojump = autojump
        self.mode = "auto" if autojump else "manual"
        self._now = start

    def now(self) -> Instant:
        """The present instant, in microseconds since the epoch."""
        return self._now

    def jump(self, to: Instant) -> None:
        """Make `to` the present; an instant in the past changes nothing."""
        self._now = max(self._now, to)

    def seconds_until(self, deadline: Instant) -> float | None:
        """0 when the deadline has come, None otherwise: nothing comes by itself here."""
        return 0.0 if deadline <= self._now else None


class BorrowedClock(SystemClock):
    """The system's time at rate 1 in the place of another clock, whose `mode` it keeps; see `given_back`."""

    def __init__(self, of: Clock) -> None:
        super().__init__(start=of.now())
        self.mode = of.mode
        self._of = of

    def given_back(self) -> Clock:
        """The other clock, which goes on from the present instant."""
        self._of.jump(self.now())
        return self._of


def monotonic() -> float:
    """Seconds on the system's own clock, for guards on clients: they run on it in every mode."""
    return time.monotonic()


def make_clock(mode: str, *, now: Instant | None = None) -> Clock:
    """The clock of a mode: `real`, `auto`, `manual`, or a rate such as `10x`; it goes on from `now`.

    Raises `ValueError` with the way out for anything else.
    """
    if mode in ("auto", "manual"):
        return VirtualClock(autojump=mode == "auto", start=EPOCH if now is None else now)
    if mode == "real":
        return SystemClock(start=now)
    if match := re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)x", mode):
        return SystemClock(rate=float(match[1]), start=now)
    raise ValueError(f"time is real, auto, manual or a rate such as 10x, not {mode!r}")
