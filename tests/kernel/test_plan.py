"""Replay: the plan that a log gives."""

from __future__ import annotations

from tests.strategies import order, simulation
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Entry
from wiro_mock.kernel.plan import Plan, Step, replay

JOB = simulation().submit(order()).job


def test_a_log_gives_its_steps_at_their_distances() -> None:
    """`Queued` begins the count and is no step itself."""
    log = [
        Entry(at=100, event=e.Queued(job=JOB)),
        Entry(at=130, event=e.Accepted()),
        Entry(at=130, event=e.Assigned()),
        Entry(at=135, event=e.Started()),
    ]
    steps = [Step(after=30, event=e.Accepted()), Step(after=0, event=e.Assigned()), Step(after=5, event=e.Started())]
    assert replay(log) == Plan(scenario="replay", items=steps)


def test_an_empty_log_gives_an_empty_plan_of_the_given_name() -> None:
    """Nothing happened, nothing will."""
    assert replay([], scenario="again") == Plan(scenario="again", items=[])
