"""What passes over a client's socket in a realtime session: the sound that comes, and how loud the client's own is.

What the client says is never kept, only the loudness of each 20 ms, for it is that which turns are brought about by,
and a checksum, by which an echo is known as one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, Literal, TypeAlias
from zlib import crc32

from wiro_mock.kernel.audio import SAMPLE, WINDOW, levels
from wiro_mock.kernel.events import Instant
from wiro_mock.recorder.sighting import SOUND, Seen

MOST_WINDOWS: Final = 50 * 3600 * 10
"""Ten hours of what the client says are listened to."""
Said: TypeAlias = Literal["task_session_interrupt", "task_session_end", "left"]


@dataclass(slots=True)
class Talk:
    """A session, as it was heard. `loud` is the loudness of each window of the client's sound; `marks` tell how many
    windows there were at which instant; `sound` is what came from the other side, as far as there was room for it, of
    `samples` in all.
    """

    loud: array[int] = field(default_factory=lambda: array("H"))
    marks: list[tuple[Instant, int]] = field(default_factory=list)
    prints: array[int] = field(default_factory=lambda: array("I"))
    said: list[tuple[Instant, Said]] = field(default_factory=list)
    sound: bytearray = field(default_factory=bytearray)
    samples: int = 0
    _rest: bytes = b""

    def hear(self, pcm: bytes, at: Instant) -> None:
        """The client says something."""
        data = self._rest + pcm
        if len(self.loud) < MOST_WINDOWS:
            self.loud.extend(levels(data))
            self.prints.extend(_prints(data))
            self._rest = data[len(data) - len(data) % (WINDOW * SAMPLE) :]
            self.marks.append((at, len(self.loud)))

    def voice(self, pcm: bytes, at: Instant, room: int) -> Seen:
        """Something is said to the client, of which so many bytes may be kept; as a frame among the others."""
        count = len(pcm) // SAMPLE
        start, self.samples = self.samples, self.samples + count
        if len(self.sound) == start * SAMPLE and count * SAMPLE <= room:
            self.sound += pcm[: count * SAMPLE]
        return Seen(at=at, frame={"type": SOUND, "start": start, "stop": self.samples})

    def echoed(self, start: int, stop: int) -> int | None:
        """From which sample on the client has said what comes here from one sample to another; None: it has not."""
        found = bytes(self.sound[start * SAMPLE : stop * SAMPLE])
        wanted = array("I", _prints(found)).tobytes()
        if not wanted or not any(found):
            return None
        size, known = self.prints.itemsize, self.prints.tobytes()
        place = known.find(wanted)
        while place > 0 and place % size:
            place = known.find(wanted, place + 1)
        return None if place < 0 else place // size * WINDOW

    def windows(self, at: Instant) -> int:
        """How much the client had said by then."""
        place = bisect_right(self.marks, at, key=itemgetter(0))
        return self.marks[place - 1][1] if place else 0

    def when(self, window: int) -> Instant | None:
        """When so much had been said; None: it has not been."""
        place = bisect_left(self.marks, window, key=itemgetter(1))
        return self.marks[place][0] if place < len(self.marks) else None


def _prints(data: bytes) -> Iterator[int]:
    """A checksum of each whole window."""
    size = WINDOW * SAMPLE
    return (crc32(data[at : at + size]) for at in range(0, len(data) - size + 1, size))
