"""Faults: a gateway's status instead of an answer, so many times; what never fired is told."""

from __future__ import annotations

import pytest

from tests.api_kit import CAPTION, get, make_world, post, run
from tests.test_library_choosing import made, misuse
from wiro_mock import Scenario
from wiro_mock.loader import ScenarioError, load_text

FLAKY = """
scenario: flaky
steps: [accept: 1s, start: 1s, print: a cat, exit: 0]
faults:
  - {on: Task/Detail, do: {status: 503}, times: 2}
  - {on: Task/Cancel, do: {status: 502}}
"""


def test_a_scenarios_faults_meet_the_requests_about_its_tasks() -> None:
    """Each task has its own, and a request that meets one has no effect: no poll, no cancel."""
    world = make_world(scenarios=FLAKY, time="auto")
    other, _ = run(world)
    world.use("flaky")
    task, token = run(world)
    assert post(world, "/v1/Task/Detail", {"taskid": other}).status == 200
    replies = [post(world, "/v1/Task/Detail", {"tasktoken": token}) for _ in range(3)]
    assert [reply.status for reply in replies] == [503, 503, 200]
    assert (replies[0].content, replies[0].headers["content-type"]) == (
        b"Service Unavailable",
        "text/plain; charset=utf-8",
    )
    second, _ = run(world)
    assert post(world, "/v1/Task/Cancel", {"taskid": second}).status == 502
    assert world.sim.task(second).status == "task_queue"  # type: ignore[union-attr]
    assert post(world, "/v1/Task/Cancel", {"taskid": second}).json["result"] is True
    assert post(world, "/v1/Task/Detail", {"taskid": second}).status == 503
    assert task != second


def test_a_fault_is_told_with_its_place() -> None:
    """In the journal and to the tester."""
    told: list[str] = []
    world = make_world(scenarios=FLAKY, tell=told.append)
    world.use("flaky")
    task, _ = run(world)
    post(world, "/v1/Task/Detail", {"taskid": task})
    assert told == [
        "POST /v1/Task/Detail -> 503 failed on the way (req-2): the fault status 503 on Task/Detail, set at <text>:2, "
        "no. 1 of 2; the request had no effect"
    ]


def test_a_test_sets_faults_too() -> None:
    """Of any operation, also of a run: it creates no task; and of one task only."""
    with made() as wiro:
        wiro.fault("Run", times=2)
        assert [post(wiro.world, CAPTION, {}).status for _ in range(3)] == [503, 503, 200]
        assert len(wiro.tasks) == 1
        task, other = wiro.tasks[-1], wiro.tasks[run(wiro.world)[0]]
        wiro.fault("Task/Detail", status=429, task=task)
        replies = [post(wiro.world, "/v1/Task/Detail", {"taskid": one.id}).status for one in (other, task, task)]
        assert replies == [200, 429, 200]
        wiro.fault("CDN", status=404)
        url = task.outputs[0].url
        assert [get(wiro.world, url).status for _ in range(2)] == [404, 200]


def test_a_fault_that_never_fired_is_left_behind() -> None:
    """Of the test or of a scenario; fired once, it is no more, and an optional one never is."""
    wiro = made()
    wiro.fault("Task/Kill")
    wiro.fault("Task/Kill", optional=True)
    wiro.scenario(
        "flaky",
        match={"model": "*"},
        steps=["start", {"exit": 0}],
        faults=[{"on": "Task/Detail", "do": {"status": 500}, "times": 2}],
    )
    task, _ = run(wiro.world)
    first, second = wiro.problems()
    assert first.startswith("fault never fired: status 503 on Task/Kill, set at tests/test_faults.py:")
    assert first.endswith(": no such request came; remove it, or write optional=True")
    assert second.startswith("fault never fired: status 500 on Task/Detail, set at tests/test_faults.py:")
    assert second.endswith(f": no such request about task {task} came; remove it, or write optional=True")
    post(wiro.world, "/v1/Task/Detail", {"taskid": task})
    assert wiro.problems() == [first]
    wiro.close()


def test_what_is_no_fault_is_told() -> None:
    """No such operation, status or count."""
    with made() as wiro:
        assert misuse(lambda: wiro.fault("Task/Details")) == (
            "fault: on: 'Task/Details' is not possible; did you mean 'Task/Detail'?"
        )
        assert (
            misuse(lambda: wiro.fault("Run", status=200)) == "fault: do.status: '200' is too small; write at least 400"
        )
        assert misuse(lambda: wiro.fault("Run", times=0)) == "fault: times: '0' is too small; write at least 1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[{on: Task/Details, do: {status: 503}}]",
            "faults.on: 'Task/Details' is not possible; did you mean 'Task/Detail'?",
        ),
        ("[{on: Task/Detail, do: {status: 200}}]", "faults.do.status: '200' is too small; write at least 400"),
        ("[{on: Task/Detail, do: {stats: 503}}]", "faults.do.stats: unknown key; did you mean 'status'?"),
        ("[{on: Task/Detail, do: {status: 503}, times: 0}]", "faults.times: '0' is too small; write at least 1"),
        (
            "[{on: Task/Detail}]",
            "faults.do: is missing; add it: what is done to the request, such as {status: 503}",
        ),
    ],
)
def test_a_scenario_with_a_wrong_fault_is_complained_of(text: str, told: str) -> None:
    """In the words of all complaints."""
    assert told in [message.split(" ", 1)[1] for message in complaints(f"steps: [exit: 0]\nfaults: {text}")]


def test_a_refused_run_has_no_faults() -> None:
    """There is nothing to ask about."""
    (message,) = complaints("steps: [refuse: 97]\nfaults: [{on: Task/Detail, do: {status: 503}}]")
    assert message.endswith("faults: a refused run has no task, so no request about it can fail; leave them out")


def complaints(rest: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\n{rest}")
    return str(caught.value).splitlines()


def test_a_scenario_shows_its_faults() -> None:
    """In the words that make it again."""
    scenario = load_text(FLAKY)[0]
    again = eval(repr(scenario), {"Scenario": Scenario})
    assert again.model_dump() == scenario.model_dump()
    assert repr(again) == repr(scenario)


def test_faults_of_what_a_test_did_not_ask_for_need_not_fire() -> None:
    """A scenario that matches by itself, an optional use, an optional fault; that of a test's own use must."""
    wiro = made()
    (flaky,) = load_text("scenario: f\nmatch: {model: '*'}\nsteps: [exit: 0]\n" + FAULTY)
    wiro.world.casting.library.scenarios = [*wiro.world.casting.library.scenarios, flaky]
    try:
        run(wiro.world)
        assert wiro.problems() == []
        wiro.use(flaky, optional=True)
        run(wiro.world)
        assert wiro.problems() == []
        wiro.use(flaky)
        run(wiro.world)
        assert [problem.partition(":")[0] for problem in wiro.problems()] == ["fault never fired"]
    finally:
        wiro.world.casting.library.scenarios = wiro.world.casting.library.scenarios[:-1]
        wiro.close()


FAULTY = "faults: [{on: Task/Detail, do: {status: 503}}, {on: Task/Kill, do: {status: 503}, optional: true}]"


def test_many_faults_do_not_make_polls_slow() -> None:
    """Each request looks for those of its own task only."""
    world = make_world(scenarios=FLAKY)
    world.use("flaky")
    for _ in range(50):
        run(world)
    assert sum(1 for _ in world.faults) == 100
    assert world.faults.strike(world, "Task/Detail", scope="nobody") is None
