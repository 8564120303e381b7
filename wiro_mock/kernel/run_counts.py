"""How often each model has been run: what the list of models tells of it.

Counted as it happens, so that telling it takes no walk over the tasks, and a task that is forgotten stays counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wiro_mock.kernel.events import Instant
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import Task

MOST: Final = 10_000
"""So many models are counted; the one that has not been run for longest makes room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCount:
    """The runs of one model. `last_at` is when the latest was taken on; one that was cancelled neither succeeded nor
    failed (our choice; the sample of Wiro's documentation has more runs than those two together, rest.md §2.6).
    """

    runs: int = 0
    succeeded: int = 0
    failed: int = 0
    last_at: Instant | None = None


_NONE: Final = RunCount()


class RunCounts:
    """The counts by the names of the models, as in `Model.name`."""

    def __init__(self) -> None:
        self.counts: dict[str, RunCount] = {}

    def of(self, name: str) -> RunCount:
        """The count of a model; of nought for one that was never run."""
        return self.counts.get(name, _NONE)

    def hear(self, before: Task | None, task: Task) -> None:
        """Something has happened to a task: its run has begun, or ended, or neither."""
        name = task.job.model.name
        if before is None:
            count = self.counts.pop(name, _NONE)
            self.counts[name] = replace(count, runs=count.runs + 1, last_at=task.created_at)
            if len(self.counts) > MOST:
                del self.counts[next(iter(self.counts))]
        elif task.status is Status.POSTPROCESS_END and not before.finished and name in self.counts:
            count = self.counts[name]
            well = task.succeeded
            self.counts[name] = replace(count, succeeded=count.succeeded + well, failed=count.failed + (not well))
