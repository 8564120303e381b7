"""Scenarios: which one plays, what it compiles to, and which timelines are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from tests.scenarios_kit import JOB, MODEL, keep, made
from wiro_mock.complaints import ScenarioError
from wiro_mock.durations import format_duration
from wiro_mock.kernel.events import Entry, Queued
from wiro_mock.kernel.plan import Step
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.task import fold
from wiro_mock.scenario import Scenario, choose, schema
from wiro_mock.timeline import check

FLUX = replace(MODEL, owner="Wiro", slug="FLUX.2-dev", kind="image", defaults={})


# -- which one plays


@pytest.mark.parametrize(
    "glob",
    ["Wiro/FLUX.2-dev", "wiro/flux-2-dev", "WIRO/*", "*/flux*", "*", ["x/y", "wiro/flux-2-*"], "wiro/FLUX.2-*"],
)
def test_globs_fit_the_clean_and_the_display_form(glob: Any) -> None:
    """In any letter case."""
    assert made([{"exit": 0}], match={"model": glob}).matches(FLUX, {}) == []


def test_differences_are_told_in_words() -> None:
    """Each field that differs, with what it is and what would do."""
    match = {"model": ["moondream3-preview/*", "a/b"], "with": {"length": ["short", "normal"], "n": 3}}
    scenario = made([{"exit": 0}], match=match)
    assert scenario.matches(FLUX, {"length": "long"}) == [
        "model is Wiro/FLUX.2-dev, not moondream3-preview/* or a/b",
        "with.length is 'long', not 'short' or 'normal'",
        "with.n is not given, not '3'",
    ]
    assert scenario.matches(MODEL, {"n": 3}) == []
    assert made([{"exit": 0}]).matches(MODEL, {}) == ["it has no match: it plays only when asked for by name"]


def test_values_are_compared_as_text() -> None:
    """A number in YAML is the same as its digits in a form."""
    scenario = made([{"exit": 0}], match={"with": {"a": 10, "b": True, "c": 0.5}})
    assert scenario.matches(MODEL, {"a": "10", "b": "true", "c": 0.5}) == []


def _named(name: str, **keys: Any) -> Scenario:
    return made([{"exit": 0}], **{"scenario": name, **keys})


def test_the_most_specific_scenario_wins() -> None:
    """More parameters, then the longer literal part of the glob that fits, then the later one."""
    everything = _named("any", match={"model": "*"}, default_for=["video", "text"])
    family = _named("family", match={"model": ["moondream3-preview/*", "a/very-long-name-of-another-model"]})
    exact = _named("exact", match={"model": "moondream3-preview/caption"})
    short = _named("short", match={"with": {"length": "short"}})
    asked = _named("asked")
    later = _named("later", match={"model": "moondream3-preview/caption"})
    shelf = [short, exact, family, everything, asked]

    def chosen(model: Any, parameters: dict[str, object], name: str | None = None, *more: Scenario) -> tuple[str, str]:
        found = choose([*shelf, *more], model, parameters, name)
        return found.scenario.name, found.how

    assert chosen(MODEL, {}) == ("exact", "match")
    assert chosen(MODEL, {"length": "short"}) == ("short", "match")
    assert chosen(replace(MODEL, slug="query"), {}) == ("family", "match")
    assert chosen(FLUX, {}) == ("any", "match")
    assert chosen(MODEL, {}, "asked") == ("asked", "asked for")
    assert chosen(MODEL, {}, None, later) == ("later", "match")
    assert exact.specificity == (0, 26)
    assert short.specificity == (1, 0)


def test_without_a_match_the_kind_of_output_decides() -> None:
    """The later of two defaults."""
    shelf = [_named("one", default_for="text"), _named("two", default_for=["image", "text"])]
    found = choose(shelf, MODEL, {})
    assert (found.scenario.name, found.how) == ("two", "default for text")


def test_when_nothing_plays_the_nearest_is_shown() -> None:
    """With the field that differed and the ways out."""
    near = made([{"exit": 0}], match={"model": "wiro/*", "with": {"length": "short"}})
    far = _named("far", match={"model": "x/*", "with": {"length": "long"}})
    with pytest.raises(ScenarioError) as caught:
        choose([far, near], FLUX, {"length": "long"})
    assert str(caught.value) == (
        "no scenario plays for Wiro/FLUX.2-dev (kind image); the nearest is 'far' (trial.yaml:3), but "
        "model is Wiro/FLUX.2-dev, not x/*; add `default_for: image` to one, or a match, or ask for one by name"
    )
    with pytest.raises(ScenarioError) as caught:
        choose([near], FLUX, {"length": "long"})
    assert "the nearest is 'trial' (trial.yaml:3), but with.length is 'long', not 'short';" in str(caught.value)
    with pytest.raises(ScenarioError) as caught:
        choose([], FLUX, {})
    assert str(caught.value) == (
        "no scenario plays for Wiro/FLUX.2-dev (kind image): none has a match; "
        "add `default_for: image` to one, or a match, or ask for one by name"
    )


def test_an_unknown_name_gets_a_suggestion() -> None:
    """The nearest name, or all of them."""
    shelf = [_named("failure"), _named("image")]
    for asked, hint in (("failur", "did you mean 'failure'?"), ("zzz", "there are: failure, image")):
        with pytest.raises(ScenarioError) as caught:
            choose(shelf, MODEL, {}, asked)
        assert str(caught.value) == f"no scenario '{asked}'; {hint}"


# -- refusals


@pytest.mark.parametrize(
    ("step", "code", "message"),
    [
        (97, 97, "Insufficient balance"),
        ({"code": 98}, 98, "sign in to run this model"),
        ({"code": 1, "message": "tool-not-accessible"}, 1, "tool-not-accessible"),
        ({"code": 97, "message": "own words"}, 97, "own words"),
    ],
)
def test_refusals_say_what_wiro_says(step: Any, code: int, message: str) -> None:
    """Or what the scenario says instead."""
    with pytest.raises(Refusal) as caught:
        made([{"refuse": step}]).compile(JOB, keep)
    assert (caught.value.code, caught.value.message, caught.value.status) == (code, message, 200)
    assert caught.value.reason == "the scenario 'trial' refuses every run (trial.yaml:3)"


@pytest.mark.parametrize(
    ("balance", "said"), [("1000", "$50.00, you can run up to 5"), ("40", "$40.00, you can run up to 4")]
)
def test_the_limits_sentence_follows_the_balance(balance: str, said: str) -> None:
    """An unlimited balance has no such sentence, so Wiro's example stands in."""
    with pytest.raises(Refusal) as caught:
        made([{"refuse": 96}]).compile(JOB, keep, balance=Decimal(balance))
    assert f"With your current balance of {said} tasks at the same time." in caught.value.message


# -- timelines

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
            [{"progress": {"steps": 1000}}] * 10 + [{"exit": 0}],
            8,
            "too-many-events",
            "progress: more than 9000 events by here; use fewer or shorter steps",
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


# -- the schema


def test_the_schema_describes_every_key() -> None:
    """Editors show a description wherever they complete a key."""
    whole = schema()
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(whole["properties"]) == {"scenario", "about", "match", "default_for", "steps"}
    assert whole["required"] == ["scenario", "about", "steps"]

    def undescribed(part: Any, path: str) -> list[str]:
        if isinstance(part, list):
            return [found for index, item in enumerate(part) for found in undescribed(item, f"{path}/{index}")]
        if not isinstance(part, dict):
            return []
        found = [
            f"{path}/{key}"
            for key, value in part.get("properties", {}).items()
            if "description" not in value and "$ref" not in value
        ]
        return found + [more for key, value in part.items() for more in undescribed(value, f"{path}/{key}")]

    assert undescribed(whole, "") == []


def test_the_schema_knows_the_short_forms() -> None:
    """Each step as a mapping, and as the bare value that it may be."""
    kinds = schema()["$defs"]
    assert [form["type"] for form in kinds["Print"]["anyOf"]] == ["object", "string"]
    assert [form["type"] for form in kinds["Exit"]["anyOf"]] == ["object", "integer"]
    assert [form["type"] for form in kinds["Accept"]["anyOf"]] == ["object", "null"]
    assert kinds["StepItem"]["additionalProperties"] is False
    assert kinds["StepItem"]["maxProperties"] == 1
