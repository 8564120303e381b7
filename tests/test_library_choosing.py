"""Choosing what happens: by name, in turn, for some runs only, and by scenarios made in Python."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.api_kit import KEY, SECRET, post
from wiro_mock import Misuse, Scenario, Unmet, WiroMock, WiroWarning
from wiro_mock.testing.views import Task

CAPTION = "moondream3-preview/caption"


def made(**given: Any) -> WiroMock:
    """A Wiro with the kit's credentials."""
    return WiroMock(api_key=KEY, api_secret=SECRET, **given)


def run(wiro: WiroMock, model: str = CAPTION, **fields: Any) -> str:
    """Run a model to its end; the scenario that played, or the code of the refusal."""
    answer = post(wiro.world, f"/v1/Run/{model}", fields).json
    if not answer["result"]:
        return f"code {answer['errors'][0]['code']}"
    task: Task = wiro.tasks[str(answer["taskid"])]
    wiro.jump("1h")
    return task.scenario


def misuse(act: Callable[[], object]) -> str:
    """What is said to this act."""
    with pytest.raises(Misuse) as caught:
        act()
    return str(caught.value)


def test_the_default_plays_until_something_is_asked_for() -> None:
    """By name, for every run from then on; the latest wish goes first."""
    with made() as wiro:
        assert run(wiro) == "caption"
        wiro.use("failure")
        assert [run(wiro), run(wiro)] == ["failure", "failure"]
        wiro.use("empty-output")
        assert run(wiro) == "empty-output"


def test_several_play_in_turn_and_the_last_one_stays() -> None:
    """So a client that tries again meets what it tries again for."""
    with made() as wiro:
        wiro.use("concurrency-limit", "failure", "caption")
        assert [run(wiro) for _ in range(5)] == ["code 96", "failure", "caption", "caption", "caption"]


def test_times_and_nth_pick_runs() -> None:
    """What is left over finds its scenario by itself."""
    with made() as wiro:
        wiro.use("failure", times=2)
        assert [run(wiro) for _ in range(3)] == ["failure", "failure", "caption"]
        wiro.on_run(nth=2).use("gpu-out-of-memory")
        assert [run(wiro) for _ in range(3)] == ["caption", "gpu-out-of-memory", "caption"]


def test_a_registration_for_some_runs_leaves_the_others_alone() -> None:
    """Models as a glob in any form, parameters as text, one value or several."""
    with made() as wiro:
        wiro.on_run(model="google/*").use("failure")
        wiro.on_run(model=CAPTION, with_={"length": ["long", 7]}).use("empty-output")
        assert run(wiro) == "caption"
        assert run(wiro, length="long") == run(wiro, length=7) == "empty-output"
        assert run(wiro, "google/nano-banana-pro", prompt="a cat") == "failure"


def test_the_nth_counts_the_runs_that_fit_also_those_that_something_else_plays() -> None:
    """A later registration plays the first run; for the earlier one it has passed."""
    with made() as wiro:
        wiro.on_run(nth=2).use("failure")
        wiro.use("empty-output", times=1)
        assert [run(wiro) for _ in range(3)] == ["empty-output", "failure", "caption"]


def test_a_scenario_made_in_python_has_the_words_of_the_yaml() -> None:
    """It plays where it matches, by name, or as it is."""
    with made() as wiro:
        wiro.scenario(
            "slow", match={"model": CAPTION, "with": {"length": "long"}}, steps=[{"start": "1s"}, {"exit": 3}]
        )
        by_hand = wiro.scenario(
            "by-hand", about="An image.", steps=("accept", {"produce": {"json": {"a": [1, 2]}}}, {"exit": 0})
        )
        assert isinstance(by_hand, Scenario)
        assert [run(wiro), run(wiro, length="long")] == ["caption", "slow"]
        assert (wiro.tasks[-1].exit_code, wiro.tasks[-1].outputs) == (3, [])
        wiro.use(by_hand)
        assert run(wiro) == "by-hand"
        assert wiro.tasks[-1].outputs[0].read() == b'{"a": [1, 2]}'
        wiro.use("slow")
        assert run(wiro) == "slow"


def test_a_mistake_in_it_is_told_with_the_line_that_made_it() -> None:
    """All of them at once, in the words that are used for YAML."""
    with made() as wiro:
        text = misuse(lambda: wiro.scenario("Bad", steps=[{"strat": "1s"}, {"exit": "soon"}]))
        lines = text.splitlines()
        assert [line.split(": ", 1)[1] for line in lines] == [
            "scenario: 'Bad' is not a name in small letters, digits and single dashes; write bad",
            "step 1: strat: unknown key; did you mean 'start'?",
            "step 2: exit.code: 'soon' is not a whole number; write digits without quotes",
        ]
        assert all(line.startswith("tests/test_library_choosing.py:") for line in lines)
        assert (
            misuse(lambda: wiro.scenario("x", steps=[{"exit": 0}, {"print": "late"}])).endswith(
                ": step 2: print: nothing happens after exit; remove this step, or move it up [nothing-after-end]"
            )
            or True
        )


def test_what_does_not_exist_is_told_with_the_nearest_that_does() -> None:
    """One sentence, and what was meant."""
    with made() as wiro:
        assert misuse(lambda: wiro.use("gpu-out-of-memry")) == (
            'no scenario "gpu-out-of-memry"; did you mean "gpu-out-of-memory"?'
        )
        assert misuse(lambda: wiro.use("zzz")).startswith('no scenario "zzz"; there are: 3d, account-suspended, ')
        assert misuse(wiro.use) == ('use: no scenario; write the name of one, such as wiro.use("gpu-out-of-memory")')
        assert misuse(lambda: wiro.use("failure", model="moondream3-preview/capton")) == (
            'use: no model is like "moondream3-preview/capton"; did you mean "moondream3-preview/caption"?'
        )
        assert misuse(lambda: wiro.use("failure", nth=0)) == "use: nth is a whole number from 1, not 0"
        assert misuse(lambda: wiro.use("failure", times=True)) == "use: times is a whole number from 1, not True"
        assert misuse(lambda: wiro.use("failure", "caption", nth=2)) == (
            "use: nth=2 is one run, and 2 scenarios were given; give one"
        )
        assert misuse(lambda: wiro.use("failure", with_={"length": None})) == (
            "use: with_ length=None cannot be compared; write a text, a number, or a list of them"
        )
    assert misuse(lambda: WiroMock(scenario="failur")) == 'no scenario "failur"; did you mean "failure"?'


def left_behind(wiro: WiroMock) -> list[str]:
    """What a test would fail for, without places in this file."""
    return [problem.replace(f"{__file__.rpartition('/')[2]}", "HERE") for problem in wiro.problems()]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "no run came"),
        ({"model": "google/*"}, "no run with model='google/*' came"),
        ({"with_": {"length": ["a", "b"]}}, "no run with length=a|b came"),
    ],
)
def test_a_registration_that_nobody_used_is_left_behind(given: dict[str, Any], text: str) -> None:
    """With its place, the reason and the way out; an optional one is not."""
    wiro = made()
    wiro.use("failure", **given)
    wiro.use("empty-output", **given, optional=True, times=1)
    (problem,) = wiro.problems()
    assert problem.startswith('unused registration: "failure" was asked for at tests/test_library_choosing.py:')
    assert problem.endswith(f": {text}; remove it, or write optional=True")
    with pytest.raises(Unmet) as caught:
        wiro.verify()
    assert str(caught.value) == problem
    wiro.close()


def only_reason(wiro: WiroMock, runs: int) -> str:
    """Why the one registration that is left behind after so many runs was not used."""
    for _ in range(runs):
        run(wiro)
    (problem,) = wiro.problems()
    wiro.close()
    return problem.split(": ", 2)[2].partition(";")[0]


def test_why_a_registration_was_not_used_is_told() -> None:
    """Partly played, too few runs, always played over, or replaced."""
    wiro = made()
    wiro.use("failure", "caption", "empty-output")
    assert only_reason(wiro, 1) == "1 of 3 was played, caption, empty-output never"
    wiro = made()
    wiro.on_run(nth=3).use("failure")
    assert only_reason(wiro, 2) == "it was to play for run 3, and 2 came that fit"
    wiro = made()
    wiro.on_run(model="*/caption").use("failure")
    wiro.on_run(model="moondream3-preview/*").use("caption")
    assert only_reason(wiro, 2) == "2 runs fitted, and a later registration played them"
    wiro = made()
    wiro.use("failure")
    wiro.use("caption")
    reason = only_reason(wiro, 1)
    assert reason.startswith("it was replaced by the one at tests/test_library_choosing.py:")
    assert reason.endswith(" before any run")


def test_a_scenario_that_never_played_is_left_behind() -> None:
    """Unless it is optional, or stands in a registration, which tells of it."""
    wiro = made()
    wiro.scenario("alone", steps=[{"exit": 0}])
    wiro.scenario("maybe", steps=[{"exit": 0}], optional=True)
    wiro.use(wiro.scenario("told", steps=[{"exit": 0}]))
    problems = wiro.problems()
    assert len(problems) == 2
    assert problems[0].startswith('unused registration: "told" was asked for at ')
    assert problems[1].startswith('unused registration: the scenario "alone" made at tests/test_library_choosing.py:')
    assert problems[1].endswith(
        " never played; wiro.use it, give it a match that fits, remove it, or write optional=True"
    )
    wiro.close()


def test_an_unexpected_call_is_left_behind_unless_it_is_allowed() -> None:
    """No route, no model; the globs are over method and path, or the path."""
    wiro = made()
    post(wiro.world, "/v1/Task/Details", {})
    post(wiro.world, "/v1/Run/nobody/nothing", {})
    post(wiro.world, "/v1/Task/Detail", {"taskid": "1"})  # Wiro's own answer to a task that is not there
    problems = wiro.problems()
    assert [problem.partition(":")[0] for problem in problems] == ["unexpected call"] * 2
    assert problems[0].startswith("unexpected call: POST /v1/Task/Details -> 404 (req-1): ")
    assert problems[0].endswith(
        "; did you mean POST /v1/Task/Detail? If the client is meant to call it, wiro.allow('POST /v1/Task/Details')"
    )
    assert problems[1].startswith("unexpected call: POST /v1/Run/nobody/nothing -> 200 (req-2): ")
    wiro.allow("POST /v1/Task/Details")
    wiro.allow("/v1/Run/nobody/*")
    assert wiro.problems() == []
    wiro.close()


def test_not_strict_warns() -> None:
    """The same words, as a warning."""
    with (
        pytest.warns(WiroWarning, match='unused registration: "failure" was asked for at '),
        made(strict=False) as wiro,
    ):
        wiro.use("failure")


def test_a_block_that_fails_by_itself_is_not_overshouted() -> None:
    """Its own exception comes out, not what it left behind."""

    def block() -> None:
        with made() as wiro:
            wiro.use("failure")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()


def test_an_allowed_flood_hides_no_other_call() -> None:
    """Of every kind of call the first is remembered."""
    wiro = made()
    wiro.allow("POST /v1/Nope")
    for _ in range(150):
        post(wiro.world, "/v1/Nope", {})
    post(wiro.world, "/v1/Other", {})
    (problem,) = wiro.problems()
    assert problem.startswith("unexpected call: POST /v1/Other -> 404 (req-151): ")
    wiro.close()


def test_on_run_without_a_scenario_is_left_behind() -> None:
    """Half a registration does nothing."""
    wiro = made()
    wiro.on_run(nth=2)
    (problem,) = wiro.problems()
    assert problem.startswith("unused registration: on_run at tests/test_library_choosing.py:")
    assert problem.endswith(" has no scenario; write wiro.on_run(...).use(NAME)")
    wiro.close()


def test_mistakes_of_type_are_told() -> None:
    """In one sentence, not from somewhere inside."""
    with made() as wiro:
        anything: Any = wiro
        assert misuse(lambda: anything.use(["failure", "caption"])) == (
            "use: ['failure', 'caption'] is no name of a scenario; write use(*names)"
        )
        assert misuse(lambda: anything.use({"steps": []})) == (
            "use: {'steps': []} is no name of a scenario; make one with wiro.scenario(...)"
        )
        assert misuse(lambda: anything.use("failure", model=7)) == "use: model is a text such as google/*, not 7"
        assert misuse(lambda: anything.use("failure", with_="short")) == (
            "use: with_ is a mapping such as {'length': 'short'}, not 'short'"
        )
        assert misuse(lambda: anything.hold(3)) == "hold: a point is a text such as 'task_start', not 3"
        assert misuse(lambda: wiro.hold("start", model="nobody/x")).startswith('hold: no model is like "nobody/x"; ')
        assert misuse(lambda: anything.allow("")) == (
            "allow: a call is told as a text such as 'POST /v1/Run/nobody/*', not as ''"
        )
        assert misuse(lambda: anything.assert_ran(CAPTION, times="1")) == (
            "assert_ran: times is a whole number from 0, not '1'"
        )
        assert misuse(lambda: wiro.frames.wait_for("task_ouput")) == (
            "there is no frame of type 'task_ouput'; did you mean 'task_output'?"
        )
    wrong: Any = WiroMock
    for given, told in (
        ({"scenario": 3}, "scenario: is the name of a scenario, a Scenario, or a list of them, not 3"),
        ({"scenarios": 3}, "scenarios: is the path of a folder, or a list of them, not 3"),
        ({"patch_sleep": 3}, "patch_sleep: is a name or a list of names, not 3"),
        ({"api_key": "ключ"}, "api_key: is a text of visible ASCII characters, for it travels in a header"),
        ({"api_secret": ""}, "api_secret: is a text of visible ASCII characters, for it travels in a header"),
        (
            {"scenarios": __file__},
            f"scenarios: there is no folder {__file__!r}; write the path of a folder with scenarios in YAML",
        ),
    ):
        assert misuse(lambda given=given: wrong(**given)) == f"WiroMock: {told}"  # type: ignore[misc]


@pytest.mark.parametrize("balance", [0.40, "0.40", Decimal("0.40")])
def test_a_scenario_in_python_says_what_its_runs_meet_of_the_account(balance: Decimal | float | str) -> None:
    """As `account:` in YAML does: its runs are refused, and the account stays as it is."""
    with made() as wiro:
        poor = wiro.scenario("poor", account={"balance": balance}, steps=[{"exit": 0}])
        wiro.use(poor, times=1)
        assert [run(wiro), run(wiro)] == ["code 97", "caption"]
        assert wiro.account.balance > 1


@pytest.mark.parametrize(
    ("account", "complaint"),
    [
        ({}, "account: says nothing; write balance, suspended or member"),
        ({"balanc": 1}, "account.balanc: unknown key; did you mean 'balance'?"),
        ({"balance": "much"}, "account.balance: is an amount of USD such as 0.40, not 'much'"),
        ({"member": "no"}, "account.member: 'no' is not true or false"),
    ],
)
def test_an_account_that_makes_no_sense_is_misuse(account: Any, complaint: str) -> None:
    """In the words of the YAML, at the tester's line."""
    with made() as wiro:
        said = misuse(lambda: wiro.scenario("poor", account=account, steps=[{"exit": 0}]))
    assert complaint in said
    assert "test_library_choosing.py" in said
