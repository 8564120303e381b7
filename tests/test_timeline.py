"""Timelines: the impossible ones break a rule that has a name, and the others fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.scenarios_kit import JOB, keep, made
from wiro_mock.kernel.events import Entry, Queued
from wiro_mock.kernel.plan import Step
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.task import fold
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.language.durations import format_duration
from wiro_mock.language.timeline import check

ORDER = "the order is accept, preprocess, assign, start, output, exit, postprocess"


@pytest.mark.parametrize(
    ("steps", "index", "rule", "message"),
    [
        (
            [{"exit": 0}, {"print": "x"}],
            1,
            "output-after-end",
            "print: the process has ended by here; move it before exit",
        ),
        (
            [{"start": {}}, {"accept": {}}, {"exit": 0}],
            1,
            "step-out-of-order",
            f"accept: comes too late, the task is in task_start by here; {ORDER}",
        ),
        (
            [{"assign": {}}, {"preprocess": {}}, {"exit": 0}],
            1,
            "step-out-of-order",
            f"preprocess: comes too late, the task is in task_assign by here; {ORDER}",
        ),
        (
            [{"print": "x"}, {"setup_error": "m"}, {"exit": 0}],
            1,
            "step-out-of-order",
            f"setup_error: comes too late, the task is in task_output by here; {ORDER}",
        ),
        (
            [{"print": "x"}, {"postprocess": {}}, {"exit": 0}],
            1,
            "step-out-of-order",
            "postprocess: comes before the process has ended; put an exit before it",
        ),
        (
            [{"print": "x"}],
            0,
            "success-without-exit",
            "the steps end, but the task does not; end with exit, stall, hold, cancel or setup_error",
        ),
        (
            [],
            0,
            "success-without-exit",
            "the steps end, but the task does not; end with exit, stall, hold, cancel or setup_error",
        ),
        (
            [{"setup_error": {"message": "m", "then": "requeue"}}],
            0,
            "success-without-exit",
            "the steps end, but the task does not; end with exit, stall, hold, cancel or setup_error",
        ),
        (
            [{"stall": None}, {"exit": 0}],
            1,
            "nothing-after-end",
            "exit: nothing happens after stall; remove this step, or move it up",
        ),
        (
            [{"exit": 0}, {"postprocess": {}}, {"hold": "x"}],
            2,
            "nothing-after-end",
            "hold: nothing happens after postprocess; remove this step, or move it up",
        ),
        (
            [{"exit": 0}, {"refuse": 97}],
            1,
            "refuse-alone",
            "refuse: a refused run has no task, so no other step can happen; make it the only step",
        ),
        (
            [{"accept": {}}, {"cancel": {}}, {"exit": 0}],
            1,
            "cancel-here",
            "cancel: a task in task_accept can be neither cancelled (only in task_queue) nor killed "
            "(from task_assign on); move it before accept or after assign",
        ),
        (
            [{"progress": {"steps": 1000}}] * 51 + [{"exit": 0}],
            49,
            "too-many-events",
            "progress: more than 50000 events by here; use fewer or shorter steps",
        ),
    ],
)
def test_impossible_timelines_break_a_rule(steps: list[Any], index: int, rule: str, message: str) -> None:
    """Found before there is a run; the first problem names the step, and compiling refuses as well."""
    scenario = made(steps)
    first = check(scenario.steps)[0]
    assert (first.index, first.rule, first.message) == (index, rule, message)
    with pytest.raises(ScenarioError) as caught:
        scenario.compile(JOB, keep)
    assert str(caught.value) == f"trial.yaml:3:1: scenario 'trial': {message} [{rule}]"


def test_a_failed_run_may_have_files() -> None:
    """What the process left before it failed is its own affair."""
    assert check(made([{"produce": {"text": "x"}}, {"exit": 1}]).steps) == []


RULES = {
    "step-out-of-order",
    "output-after-end",
    "nothing-after-end",
    "success-without-exit",
    "cancel-here",
    "refuse-alone",
}
_times = st.integers(0, 10_000_000).map(format_duration)
_after = st.one_of(st.just({}), st.builds(lambda t: {"after": t}, _times))
_lasting = st.builds(lambda after, t: {**after, "for": t}, _after, _times)
_STEPS: dict[str, st.SearchStrategy[Any]] = {
    "accept": _after,
    "preprocess": _lasting,
    "assign": _after,
    "start": _after,
    "print": st.sampled_from(["x", "${with.prompt}", "$$"]),
    "stderr": st.just("oh"),
    "progress": st.builds(lambda n, k: {**k, "steps": n}, st.integers(1, 7), _lasting),
    "stream": st.just({"text": "a b c", "rate": "3tps", "first": "1s"}),
    "produce": st.sampled_from([{"text": "t"}, {"json": [1]}, {"image": {"width": 1, "height": 1}}]),
    "exit": st.sampled_from([0, 1]),
    "postprocess": _lasting,
    "hold": st.just("h"),
    "stall": st.none(),
    "cancel": _after,
    "setup_error": st.sampled_from(["m", {"message": "m", "then": "requeue"}, {"message": "m", "then": "stuck"}]),
    "refuse": st.just(97),
}


def _one(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return _STEPS[name].map(lambda value: {name: value})


_step = st.sampled_from(sorted(_STEPS)).flatmap(_one)
_ORDERED = ["accept", "preprocess", "assign", "start", "print", "stderr", "stream", "produce", "exit", "postprocess"]
_likely = st.lists(st.sampled_from(_ORDERED), unique=True).flatmap(
    lambda names: st.tuples(*[_one(name) for name in sorted(names, key=_ORDERED.index)])
)


@given(st.one_of(st.lists(_step, max_size=8), _likely))
def test_any_valid_list_of_steps_folds(steps: Sequence[Any]) -> None:
    """What is not refused by a rule that has a name is a log that can have happened."""
    scenario = made(steps)
    problems = check(scenario.steps)
    event("refused" if problems else "plays")
    if problems:
        assert {problem.rule for problem in problems} <= RULES
        return
    try:
        plan = scenario.compile(JOB, keep)
    except Refusal:
        return
    log, at = [Entry(at=0, event=Queued(job=JOB))], 0
    for item in plan.items:
        if isinstance(item, Step):
            assert item.after >= 0
            at += item.after
            log.append(Entry(at=at, event=item.event))
    task = fold(log)
    ends = {"stall", "hold", "setup_error"}
    assert task.finished or ends & {next(iter(step)) for step in steps}
