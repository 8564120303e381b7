"""Fault sets at work: their faults are armed like any others, their delays make the plans of tasks longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from wiro_mock.faults.armed import Fault, Faults
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Event, Job
from wiro_mock.kernel.ids import derive
from wiro_mock.kernel.plan import Plan, PlanItem, Step

if TYPE_CHECKING:
    from wiro_mock.language.fault_sets import Delay, FaultSet

_POINTS: Final[dict[str, type[Event]]] = {
    "task_accept": e.Accepted,
    "task_preprocess_start": e.PreprocessStarted,
    "task_assign": e.Assigned,
    "task_start": e.Started,
    "task_end": e.Exited,
}
MODELS_KEPT: Final = 10_000
"""So many models can be warm, in a Wiro that plays any name; the others are cold each time."""
_DRAWS: Final = 1 << 256


@dataclass(slots=True, kw_only=True, eq=False)
class Armed:
    """A set that was asked for: its faults, how many tasks it has delayed, and the models that are warm by now."""

    of: FaultSet
    where: str
    optional: bool = False
    faults: Sequence[Fault] = ()
    delayed: int = 0
    warm: set[str] = field(default_factory=set)

    @property
    def was_met(self) -> bool:
        """Whether anything came that it is about."""
        return bool(self.delayed) or any(fault.calls for fault in self.faults)


def arm(faults: Faults, found: FaultSet, *, where: str, optional: bool) -> Armed:
    """Arm all faults of a set. None of them has to be met by itself."""
    made = [
        Fault(item=item, where=found.source_of(index) or where, optional=True)
        for index, item in enumerate(found.faults)
    ]
    return Armed(of=found, where=where, optional=optional, faults=[faults.arm(fault) for fault in made])


def delayed(plan: Plan, job: Job, armed: Sequence[Armed], seed: str) -> Plan:
    """The plan with all delays of the armed sets in it."""
    items = list(plan.items)
    for number, one in enumerate(armed):
        is_first = job.model.name not in one.warm
        if len(one.warm) < MODELS_KEPT:
            one.warm.add(job.model.name)
        for at, delay in enumerate(one.of.delays):
            if is_first or not delay.first:
                number_drawn = derive(seed, "delay", job.id, number, at) / _DRAWS
                one.delayed += _put_off(items, delay, number_drawn)
    return replace(plan, items=tuple(items))


def _put_off(items: list[PlanItem], delay: Delay, number: float) -> int:
    for index, item in enumerate(items):
        if isinstance(item, Step) and isinstance(item.event, _POINTS[delay.before]):
            items[index] = replace(item, after=item.after + delay.by.draw(number))
            return 1
    return 0
