"""Who waits for an engine: first come, first served; who leaves is gone at once, with all its pixels.

How many may wait is decided at the door (`app`), before a body is read.
"""

from __future__ import annotations

import threading
from collections import deque

from wiro_mock.moondream.job import Job


class Line:
    """A line of jobs between threads."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken out."""
        return self._closed

    def put(self, job: Job) -> None:
        """The job waits from now on."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()

    def take(self, *, wait: bool) -> Job | None:
        """The first job; None if there is none and it is not waited for, or the line is closed."""
        with self._changed:
            while wait and not self._jobs and not self._closed:
                self._changed.wait()
            return self._jobs.popleft() if self._jobs and not self._closed else None

    def leave(self, job: Job) -> bool:
        """The job waits no longer; whether it did."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
                return True
            return False

    def close(self) -> list[Job]:
        """Wake who waits to take; the jobs that nobody will take."""
        with self._changed:
            self._closed = True
            left = list(self._jobs)
            self._jobs.clear()
            self._changed.notify_all()
            return left
