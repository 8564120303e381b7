"""A progress bar on the wire, and how it writes a length of time."""

from __future__ import annotations

from wiro_mock.kernel.events import SECOND, Duration, Progress


def progress(shown: Progress) -> dict[str, str]:
    """A progress object: every value a string (socket.md §4.1)."""
    speed = shown.step * SECOND / shown.elapsed if shown.elapsed else 0.0
    return {
        "type": shown.kind,
        "task": shown.task,
        "percentage": str(round(100 * shown.step / shown.total)),
        "stepCurrent": str(shown.step),
        "stepTotal": str(shown.total),
        "speed": f"{speed:.1f}",
        "speedType": shown.speed_type,
        "elapsedTime": duration(shown.elapsed),
        "remainingTime": duration(shown.remaining),
    }


def duration(length: Duration) -> str:
    """A length of time as progress shows it: `5s`, `1m 5s` (socket.md §4.1)."""
    minutes, rest = divmod(length // SECOND, 60)
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"
