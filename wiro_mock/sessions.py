"""What was heard in realtime sessions, and who listens to them: the bytes and the sockets, which are no events.

Of each session the last 60 seconds are kept, and of all of them 64 MiB; the oldest make room, and are counted all the
same. The simulation is told how loud it was, window by window, and decides what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isqrt
from typing import Any, Final

from wiro_mock.kernel.audio import RATE, SAMPLE, WINDOW, squares

KEPT_SECONDS: Final = 60
KEPT: Final = KEPT_SECONDS * RATE * SAMPLE
"""Bytes of a session that are kept."""
KEPT_OF_ALL: Final = 64 << 20
MOST: Final = 10_000
"""So many sessions are remembered."""
_WINDOW_BYTES: Final = WINDOW * SAMPLE


class Recording:
    """What a client said in one session. `samples` counts all of it, `frames` the binary frames that it came in."""

    def __init__(self) -> None:
        self.samples = 0
        self.frames = 0
        self._energy = 0
        self._kept = bytearray()
        self._forgotten = 0  # bytes before the kept ones
        self._judged = 0  # bytes whose loudness is known

    @property
    def seconds(self) -> float:
        """How long it is in all."""
        return self.samples / RATE

    @property
    def kept_seconds(self) -> float:
        """How much of it is kept, at its end."""
        return len(self._kept) / SAMPLE / RATE

    @property
    def weight(self) -> int:
        """Bytes that are kept."""
        return len(self._kept)

    @property
    def rms(self) -> int:
        """How loud it is on average, from 0 to 32 768; of whole windows of 20 ms."""
        return isqrt(self._energy * SAMPLE // self._judged) if self._judged else 0

    def standing(self) -> dict[str, Any]:
        """All of it, as values."""
        return {
            "samples": self.samples,
            "frames": self.frames,
            "energy": self._energy,
            "pcm": bytes(self._kept),
            "forgotten": self._forgotten,
            "judged": self._judged,
        }

    @classmethod
    def resume(cls, *, samples: int, frames: int, energy: int, pcm: bytes, forgotten: int, judged: int) -> Recording:
        """One that goes on from there."""
        made = cls()
        made.samples, made.frames, made._energy = samples, frames, energy
        made._kept, made._forgotten, made._judged = bytearray(pcm), forgotten, judged
        return made

    def take(self, pcm: bytes) -> list[int]:
        """Keep what has come, and tell how loud each window is that is whole by now."""
        self.frames += 1
        self.samples += len(pcm) // SAMPLE
        self._kept += pcm
        whole = self._forgotten + len(self._kept)
        whole -= whole % _WINDOW_BYTES
        found = squares(bytes(self._kept[self._judged - self._forgotten : whole - self._forgotten]))
        self._judged = whole
        self._energy += sum(found)
        self.forget(len(self._kept) - KEPT)
        return [isqrt(square // WINDOW) for square in found]

    def forget(self, size: int) -> None:
        """Forget so many bytes, the oldest; but no window that has not been judged."""
        size = min(size, self._judged - self._forgotten)
        if size > 0:
            del self._kept[:size]
            self._forgotten += size

    def pcm(self, start: int = 0, stop: int | None = None) -> bytes:
        """Samples from one place to another, as bytes: silence where they have been forgotten or never came."""
        stop = self.samples if stop is None else stop
        first, last = (place * SAMPLE - self._forgotten for place in (start, stop))
        kept = bytes(self._kept[max(0, first) : max(0, last)])
        silent = bytes(max(0, min(last, 0) - first)) if first < 0 else b""
        return (silent + kept).ljust(last - first, b"\0")

    def kept(self) -> bytes:
        """All samples that are kept."""
        return bytes(self._kept)


class Sessions:
    """The recordings of the sessions, by the ids of their tasks, and the sockets that listen to each."""

    def __init__(self) -> None:
        self.recordings: dict[str, Recording] = {}
        self._listeners: dict[str, set[int]] = {}
        self._partings: dict[str, int] = {}
        self._weight = 0

    @property
    def joined(self) -> tuple[str, ...]:
        """The sessions that sockets have listened to."""
        return tuple(self._listeners)

    def resume(self, recordings: Mapping[str, Recording], joined: Iterable[str]) -> None:
        """Go on with these; the sockets that have listened are gone, and nobody has hung up."""
        self.recordings.update(recordings)
        self._weight = sum(one.weight for one in recordings.values())
        self._listeners.update((task_id, set()) for task_id in joined)
        self._make_room()

    def recording(self, task_id: str) -> Recording:
        """What was heard in a session; nothing yet in one that nobody has spoken in."""
        return self.recordings.get(task_id) or Recording()

    def take(self, task_id: str, pcm: bytes) -> list[int]:
        """Keep what was heard, and tell how loud it was."""
        if task_id not in self.recordings:
            self.recordings[task_id] = Recording()
            if len(self.recordings) > MOST:
                self._weight -= self.recordings.pop(next(iter(self.recordings))).weight
        recording = self.recordings[task_id]
        before = recording.weight
        levels = recording.take(pcm)
        self._weight += recording.weight - before
        self._make_room()
        return levels

    def join(self, task_id: str, socket: int) -> None:
        """A socket listens to a session."""
        self._listeners.setdefault(task_id, set()).add(socket)
        self._partings[task_id] = self._partings.get(task_id, 0) + 1

    def leave(self, task_id: str, socket: int) -> bool:
        """It does so no longer; whether it was the last one."""
        listeners = self._listeners.get(task_id, set())
        if socket not in listeners:
            return False
        listeners.discard(socket)
        return not listeners

    def parting(self, task_id: str) -> int:
        """Names the time for which nobody has listened to a session by now: it changes when somebody comes again."""
        return self._partings.get(task_id, 0)

    def is_alone(self, task_id: str, since: int) -> bool:
        """Whether nobody has listened to a session since that parting."""
        return not self._listeners.get(task_id) and self.parting(task_id) == since

    def was_joined(self, task_id: str) -> bool:
        """Whether any socket has ever listened to it."""
        return task_id in self._listeners

    def drop(self, task_id: str) -> None:
        """The session is over: nobody listens any more. What was heard stays."""
        self._listeners.pop(task_id, None)
        self._partings.pop(task_id, None)

    def _make_room(self) -> None:
        for recording in self.recordings.values():
            if self._weight <= KEPT_OF_ALL:
                return
            before = recording.weight
            recording.forget(before)
            self._weight += recording.weight - before
