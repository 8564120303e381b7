"""A plan: what a task is going to do, and when. Scenarios compile to it; the simulation walks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from wiro_mock.kernel.events import Duration, Entry, Event, Produced, Queued

if TYPE_CHECKING:
    from wiro_mock.kernel.files import Blob
    from wiro_mock.kernel.session_script import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`after` microseconds after the previous step (or its release), the event happens."""

    after: Duration
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Wait here, however long, until somebody releases it. `name` says what is being waited for."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Nothing more ever happens by itself; only a cancel or a kill ends the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converse:
    """A realtime session: what happens is between the script and the client, until one of them ends it."""

    script: Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """From here on the backend of this name says what happens, with its `options`, until the task is finished."""

    backend: str
    options: Mapping[str, object] = field(default_factory=dict)


PlanItem: TypeAlias = Step | Hold | Stall | Converse | Live


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The items in order, and the name of the scenario they come from."""

    scenario: str
    items: Sequence[PlanItem] = field(default=())

    def script(self) -> Script | None:
        """The script of its realtime session, if it has one."""
        return next((item.script for item in self.items if isinstance(item, Converse)), None)

    def blobs(self) -> list[Blob]:
        """The bytes of the files that the plan is going to produce."""
        return [item.event.blob for item in self.items if isinstance(item, Step) and isinstance(item.event, Produced)]


def replay(log: Iterable[Entry], *, scenario: str = "replay") -> Plan:
    """The plan that makes the same log again: every entry but `Queued`, at the same distances."""
    items: list[PlanItem] = []
    before: int | None = None
    for entry in log:
        if not isinstance(entry.event, Queued) and before is not None:
            items.append(Step(after=entry.at - before, event=entry.event))
        before = entry.at
    return Plan(scenario=scenario, items=items)
