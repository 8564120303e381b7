"""A gate may hold back any step of a plan, once, without touching the clock or any other task."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import ACCOUNT, START, order, orders, planner, plans, simulation
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND, Event
from wiro_mock.kernel.plan import Plan, Step
from wiro_mock.kernel.rules import Limits
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import Task

PLAN = Plan(
    scenario="walk",
    items=(
        Step(after=SECOND, event=e.Accepted()),
        Step(after=SECOND, event=e.Assigned()),
        Step(after=SECOND, event=e.Started()),
        Step(after=SECOND, event=e.OutputEnded()),
        Step(after=SECOND, event=e.Exited(code=0)),
        Step(after=0, event=e.PostprocessStarted()),
        Step(after=0, event=e.PostprocessEnded()),
    ),
)


def gated(kind: type[Event], *, workers: int | None = None) -> Simulation:
    """A simulation that holds back every event of this kind."""

    def gate(task: Task, event: Event) -> str:
        return "shut" if isinstance(event, kind) else ""

    limits = Limits(workers=workers)
    return Simulation(seed="seed", account=ACCOUNT, planner=planner, now=START, limits=limits, gate=gate)


def test_a_step_is_held_back_when_it_is_due_and_happens_at_its_release() -> None:
    """What follows is timed from there; the task answers all the while."""
    sim = gated(e.Started)
    task = sim.submit(order(PLAN))
    sim.advance(START + 100 * SECOND)
    assert (sim.holds(), sim.next_deadline()) == ({task.job.id: "shut"}, None)
    assert sim.waiting_for(task.job.id) == "the hold 'shut'"
    held = sim.task(task.job.id)
    assert held is not None
    assert held.status is Status.ASSIGN
    assert sim.release(task.job.id)
    assert not sim.release(task.job.id)
    sim.settle()
    assert [entry.at - START for entry in sim.log(task.job.id)] == [at * SECOND for at in (0, 1, 2, 100)]
    sim.advance(START + 102 * SECOND)
    ended = sim.task(task.job.id)
    assert ended is not None
    assert ended.status is Status.POSTPROCESS_END


def test_a_held_task_can_be_killed() -> None:
    """Its step never happens, and its release is none."""
    sim = gated(e.Started)
    task = sim.submit(order(PLAN))
    sim.advance(START + 100 * SECOND)
    assert sim.kill(task.job.id).status is Status.CANCEL
    assert (sim.holds(), sim.release(task.job.id)) == ({}, False)


def test_a_task_that_is_held_in_the_queue_takes_no_worker() -> None:
    """Others pass it by; released, it waits for a worker like everybody."""
    first_held = list[str]()

    def gate(task: Task, event: Event) -> str:
        return "shut" if isinstance(event, e.Accepted) and task.job.id in first_held else ""

    sim = Simulation(seed="s", account=ACCOUNT, planner=planner, now=START, limits=Limits(workers=1), gate=gate)
    first = sim.submit(order(PLAN)).job.id
    first_held.append(first)
    second = sim.submit(order(PLAN)).job.id
    sim.advance(START + SECOND)
    assert (sim.holds(), sim.busy, sim.waiting_for(second)) == ({first: "shut"}, 1, "")
    sim.release(first)
    sim.settle()
    assert (sim.waiting_for(first), sim.busy) == ("a free worker", 1)
    sim.advance(START + 20 * SECOND)
    assert sim.unfinished == 0


@given(plans(waits=False, homeward=True), st.integers(0, 8))
def test_held_back_and_released_at_once_gives_the_very_same_log(plan: Plan, place: int) -> None:
    """A gate that lets go in the same instant cannot be seen."""
    plain, held = simulation(), gated(plan.items[place % len(plan.items)].event.__class__)  # type: ignore[union-attr]
    ids = [sim.submit(order(plan)).job.id for sim in (plain, held)]
    for sim in (plain, held):
        sim.settle()
        while (deadline := sim.next_deadline()) is not None or sim.holds():
            for task_id in sim.holds():
                sim.release(task_id)
            sim.advance(sim.now if deadline is None else deadline)
    assert ids[0] == ids[1]
    assert plain.log(ids[0]) == held.log(ids[1])
    assert plain.unfinished == held.unfinished == 0


@given(orders(), st.lists(st.integers(0, 3 * SECOND), max_size=6))
def test_in_pieces_or_at_once_it_is_held_back_at_the_same_place(one: object, pieces: list[int]) -> None:
    """The law of splitting holds with a gate, too."""
    seen = []
    for parts in (pieces, [sum(pieces)]):
        sim = gated(e.Output)
        task = sim.submit(one)  # type: ignore[arg-type]
        for part in parts:
            sim.advance(sim.now + part)
        sim.settle()
        seen.append((sim.log(task.job.id), sim.holds(), sim.now))
    assert seen[0] == seen[1]
