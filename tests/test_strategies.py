"""The strategies for users: what they make is legal, plays to its end, covers everything, and finds mistakes."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any, Final

import pytest
import yaml
from hypothesis import Phase, find, given, seed, settings
from hypothesis import strategies as st

from tests import naive_clients
from tests.api_kit import detail, library, make_world, run
from tests.scenarios_kit import JOB, keep
from wiro_mock import Scenario, strategies
from wiro_mock.api import wire
from wiro_mock.api.frames import frame
from wiro_mock.api.jsontext import dumps
from wiro_mock.api.profile import Profile
from wiro_mock.kernel import events as e
from wiro_mock.kernel.answer import Piece
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.plan import Hold, Stall, Step
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.status import TERMINAL, TRANSITIONS, Status, next_status
from wiro_mock.language import timeline
from wiro_mock.language.media import CONTENT_TYPES
from wiro_mock.loader import Library, load_text
from wiro_mock.strategies import playing
from wiro_mock.strategies.outputs import OUTPUT_STEPS

SURE: Final = settings(max_examples=3000, database=None, derandomize=True, phases=[Phase.generate])
"""For what must be among the examples: sought long enough, and not made smaller."""
SMALLEST: Final = settings(max_examples=100, database=None, derandomize=True)
"""Hypothesis's own number of examples."""
ENDS: Final = ("task_postprocess_end", "task_cancel")


def scenario_of(steps: list[strategies.Step]) -> Scenario:
    return Scenario.model_validate({"scenario": "generated", "steps": steps})


def names(steps: list[strategies.Step]) -> list[str]:
    return [name for step in steps for name in step]


def plan_of(steps: list[strategies.Step]) -> list[Any]:
    return list(scenario_of(steps).compile(JOB, keep).items)


def events_of(steps: list[strategies.Step]) -> list[Any]:
    return [item.event for item in plan_of(steps) if isinstance(item, Step)]


def codes(events: list[Any]) -> list[int]:
    return [event.code for event in events if isinstance(event, e.Exited)]


def pieces(event: Any) -> tuple[Piece, ...]:
    """Those of the answer that the event tells of, if it does."""
    message = getattr(event, "message", None)
    return message.answer.pieces if isinstance(message, e.Reply) else ()


def finishes(events: list[Any]) -> list[str]:
    return [event.message.answer.finish for event in events if pieces(event)]


@cache
def many(**keywords: Any) -> list[list[strategies.Step]]:
    """Many timelines, to look for something among them; the same at every time."""
    made: list[list[strategies.Step]] = []

    @settings(max_examples=800, database=None, derandomize=True, phases=[Phase.generate])
    @given(strategies.timelines(**keywords))
    def collect(steps: list[strategies.Step]) -> None:
        made.append(steps)

    collect()
    return made


# -- what is made is legal ---------------------------------------------------------------------------


@given(strategies.timelines(ends=False))
def test_every_timeline_is_legal(steps: list[strategies.Step]) -> None:
    """It passes the check of the timeline, and each of its steps has one key."""
    assert timeline.check(scenario_of(steps).steps) == []
    assert all(len(step) == 1 for step in steps)


@given(strategies.timelines(ends=False))
def test_a_timeline_can_be_written_as_yaml(steps: list[strategies.Step]) -> None:
    """Written down and read by the loader, with all its checks, it is the same scenario."""
    text = yaml.safe_dump({"scenario": "generated", "steps": steps}, allow_unicode=True)
    [read] = load_text(text)
    assert read.steps == scenario_of(steps).steps


@given(strategies.timelines())
def test_every_timeline_plays_to_its_end_in_a_world(steps: list[strategies.Step]) -> None:
    """One poll in automatic time shows the end, and success exactly where the last event says so."""
    scenarios = library()
    scenarios.scenarios = [*scenarios.scenarios, scenario_of(steps)]
    world = make_world(time="auto")
    world.casting._library = scenarios
    world.use("generated")
    shown = detail(world, run(world)[0])
    assert shown["status"] in ENDS
    codes = [event.code for event in events_of(steps) if isinstance(event, e.Exited | e.GaveUp)]
    cancelled = isinstance(events_of(steps)[-1], e.Cancelled)
    assert (shown["status"] == "task_cancel") is cancelled
    assert shown["pexit"] == (None if cancelled else str(codes[-1]))
    world.close()


@given(strategies.timelines(longest="10s"))
def test_a_timeline_is_no_longer_than_asked(steps: list[strategies.Step]) -> None:
    """All its times together are at most `longest`."""
    assert sum(item.after for item in plan_of(steps)) <= 10 * SECOND


def test_a_timeline_may_take_all_of_its_time() -> None:
    """There are timelines of many minutes, and none that never can be."""
    assert any(sum(item.after for item in plan_of(steps)) > 500 * SECOND for steps in many())
    hours = settings(SURE, max_examples=300)
    find(strategies.timelines(longest="2h"), lambda steps: "1h" in repr(steps), settings=hours)


@given(strategies.timelines(outputs=("produce", "stderr")))
def test_outputs_can_be_chosen(steps: list[strategies.Step]) -> None:
    """Nothing else is put out."""
    assert not {"print", "progress", "stream", "answer"} & {*names(steps)}


@given(strategies.timelines(outputs=()))
def test_models_can_be_silent(steps: list[strategies.Step]) -> None:
    """No outputs at all."""
    assert not {*strategies.OUTPUTS} & {*names(steps)}


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"outputs": ["prnt"]}, "no output 'prnt'; did you mean 'print'?"),
        ({"longest": "5"}, "5 has no unit; write 5s or 5ms"),
        ({"longest": "5s"}, "longest is 5s, which is too short for some outputs; write at least 10s"),
    ],
)
def test_what_cannot_be_made_is_refused_at_once(keywords: dict[str, Any], sentence: str) -> None:
    """Not when the first example is drawn."""
    for make in (strategies.timelines, strategies.scenarios):
        with pytest.raises(ValueError) as caught:
            make(**keywords)
        assert str(caught.value) == sentence


def test_an_unknown_profile_is_refused_at_once() -> None:
    """With the profiles that there are."""
    for make in (strategies.task_details, strategies.frame_sequences):
        with pytest.raises(ValueError, match=r"no profile 'nil'; there are: current, 2026-09, 2026-04, 2025-12"):
            make(profile="nil")


# -- everything is covered ---------------------------------------------------------------------------

SITUATIONS: Final[dict[str, Callable[[list[str], list[Any]], bool]]] = {
    "a success without output": lambda steps, events: steps == ["exit"] and events[-3].code == 0,
    "a warning on a success": lambda steps, events: "stderr" in steps and e.Exited(code=0) in events,
    "several files": lambda steps, events: steps.count("produce") > 1 and e.Exited(code=0) in events,
    "a second try": lambda steps, events: e.Requeued() in events and e.Exited(code=0) in events,
    "a third try": lambda steps, events: events.count(e.Requeued()) == 2,
    "a set-up that fails for good": lambda steps, events: events[-1] == e.GaveUp(code=1),
    "a cancel in the queue": lambda steps, events: steps == ["cancel"],
    "a kill before the start": lambda steps, events: steps[-2:] == ["assign", "cancel"],
    "a kill among outputs": lambda steps, events: steps[-2:] == ["print", "cancel"],
    "a kill after the exit": lambda steps, events: steps[-2:] == ["exit", "cancel"],
    "an answer in several steps": lambda steps, events: steps.count("answer") > 1,
    "a model that calls a tool": lambda steps, events: any(end == "tool_calls" for end in finishes(events)),
    "an answer that is cut off": lambda steps, events: any(end == "length" for end in finishes(events)),
    "a model that thinks": lambda steps, events: any(
        piece.kind == "thinking" for event in events for piece in pieces(event)
    ),
    "an answer that comes at the end": lambda steps, events: any(
        isinstance(event, e.Output) and isinstance(event.message, e.Reply) and event.message.hidden for event in events
    ),
    "a killed answer": lambda steps, events: steps[-2:] == ["answer", "cancel"],
    "everything said": lambda steps, events: {"accept", "preprocess", "assign", "start", "postprocess"} <= {*steps},
    "any other exit code": lambda steps, events: any(code not in (0, 1, 2, 137, 139, 255) for code in codes(events)),
    "any other signal": lambda steps, events: any(code < 0 and code != -9 for code in codes(events)),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_situation_is_among_the_timelines(situation: str) -> None:
    """What a client can meet, it meets here."""
    is_it = SITUATIONS[situation]
    assert any(is_it(names(steps), events_of(steps)) for steps in many())


@pytest.mark.parametrize("name", strategies.OUTPUTS)
def test_every_output_is_among_the_timelines(name: str) -> None:
    """Lines, progress, streams and files."""
    assert any(name in names(steps) for steps in many())


@pytest.mark.parametrize("code", [0, 1, 2, 137, 139, 255, -9])
def test_the_usual_exit_codes_are_among_the_timelines(code: int) -> None:
    """Not only now and then."""
    assert sum(code in codes(events_of(steps)) for steps in many()) > 4


@pytest.mark.parametrize("word", ["hold", "stall", "stuck"])
def test_what_never_ends_comes_only_when_asked_for(word: str) -> None:
    """Holds and stalls everywhere in a task's life, and set-ups that stay failed."""
    assert any(word in repr(steps) for steps in many(ends=False))
    assert not any(word in names(steps) or "'then': 'stuck'" in repr(steps) for steps in many())


@given(strategies.timelines())
def test_what_is_to_end_has_nothing_to_wait_for(steps: list[strategies.Step]) -> None:
    """No hold, no stall, and a terminal status at last."""
    items = plan_of(steps)
    assert not any(isinstance(item, Hold | Stall) for item in items)
    assert _statuses(items)[-1] in TERMINAL


def _statuses(items: list[Any]) -> list[Status]:
    status, seen = Status.QUEUE, [Status.QUEUE]
    for item in items:
        if isinstance(item, Step):
            status = next_status(status, item.event)
            seen.append(status)
    return seen


def test_every_transition_that_a_scenario_can_make_is_made() -> None:
    """Of the kernel's table only that is missing which no scenario can write: it takes a client, or a hold inside."""
    made: set[tuple[Status, type[e.Event]]] = set()
    for steps in many():
        items = plan_of(steps)
        made.update(zip(_statuses(items), [type(item.event) for item in items], strict=False))
    table = {(status, kind) for status, kinds in TRANSITIONS.items() for kind in kinds}
    unwritable = [
        *((status, e.FilesDeleted) for status in TERMINAL),
        *((status, e.Cancelled) for status in (Status.ACCEPT, Status.PREPROCESS_START, Status.PREPROCESS_END)),
        *((status, e.Cancelled) for status in (Status.OUTPUT_FULL, Status.POSTPROCESS_START, Status.ERROR)),
        (Status.PREPROCESS_START, e.SetupFailed),
    ]
    # A realtime session is drawn by no strategy, for it takes a client that speaks.
    session = (e.StreamReady, e.Heard, e.Voiced, e.StreamEnded, e.TurnCharged, e.SessionEnded)
    unwritable += [(status, kind) for status in (Status.START, Status.OUTPUT) for kind in session]
    assert table - made == {*unwritable}


def test_files_of_every_kind_are_produced() -> None:
    """Every extension that has a type of its own, and none; with a type of its own, and without."""
    files: list[dict[str, Any]] = []

    @settings(max_examples=1500, database=None, derandomize=True, phases=[Phase.generate])
    @given(OUTPUT_STEPS["produce"])
    def collect(keys: dict[str, Any]) -> None:
        files.append(keys)

    collect()
    assert {*CONTENT_TYPES, ""} <= {_suffix(keys.get("name", "")) for keys in files}
    known = {"text", "json", "image", "audio", "sample", "name", "contenttype"}
    assert known == {key for keys in files for key in keys}
    assert {"mp4", "mp3", "glb", "pdf"} == {keys["sample"] for keys in files if "sample" in keys}


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2] if "." in name else ""


def test_refusals_are_among_the_scenarios() -> None:
    """The known ones, and others with a message; but most runs are taken on."""
    refused, taken = set[int](), 0

    @settings(max_examples=300, database=None, derandomize=True, phases=[Phase.generate])
    @given(strategies.scenarios())
    def collect(scenario: Scenario) -> None:
        nonlocal taken
        try:
            scenario.compile(JOB, keep)
            taken += 1
        except Refusal as refusal:
            refused.add(refusal.code)

    collect()
    assert refused > {96, 97, 98, 1}
    assert taken > 200


@given(strategies.scenarios(refusals=False, ends=False, name="mine"))
def test_refusals_can_be_left_out(scenario: Scenario) -> None:
    """Every run gets its task; the scenarios have the name that was asked for."""
    assert scenario.compile(JOB, keep).scenario == scenario.name == "mine"


# -- answers and frames ------------------------------------------------------------------------------


@given(strategies.task_details())
def test_a_detail_is_an_answer_of_wiro(answer: Any) -> None:
    """Plain JSON, the keys of the saved page; success never without the code 0 and the end."""
    assert json.loads(dumps(answer)) == answer
    assert [*answer] == ["total", "errors", "tasklist", "result"]
    [task] = answer["tasklist"]
    assert task["status"] in [status.value for status in Status]
    assert task["pexit"] is None or task["status"] not in ("task_cancel", "task_queue", "task_start", "task_output")
    if task["outputs"] or task["totalcost"] != "0":
        assert task["pexit"] == "0"
    files = [output for output in task["outputs"] if output["contenttype"] != "raw"]
    assert all(file["url"].startswith("https://cdn1.wiro.ai/") for file in files)
    assert files == task["outputs"][len(task["outputs"]) - len(files) :]  # an answer stands first, and there is one
    assert len(task["outputs"]) <= len(files) + 1


@given(st.data())
def test_a_detail_can_be_that_of_a_finished_task_or_not(data: st.DataObject) -> None:
    """The choice is kept."""
    for finished in (True, False):
        [task] = data.draw(strategies.task_details(finished=finished))["tasklist"]
        assert (task["status"] in ENDS) is finished


def test_a_detail_can_show_every_status() -> None:
    """All but one: no scenario stays in task_output_full, for the exit follows at the same instant."""
    seen = set[str]()

    @settings(max_examples=500, database=None, derandomize=True, phases=[Phase.generate])
    @given(strategies.task_details())
    def collect(answer: Any) -> None:
        seen.add(answer["tasklist"][0]["status"])

    collect()
    assert seen == {status.value for status in Status} - {"task_output_full"}


@given(strategies.timelines())
def test_a_played_task_is_the_fold_of_its_log(steps: list[strategies.Step]) -> None:
    """From the queue on, each instant once, to the end."""
    played = playing.play(steps, playing.MODELS[0], {})
    items = scenario_of(steps).compile(played.tasks[0].job, keep).items
    assert [entry.event for entry in played.log][1:] == [item.event for item in items if isinstance(item, Step)]
    assert played.tasks[0].status is Status.QUEUE
    assert played.tasks[-1].finished
    assert [task.finished for task in played.tasks].count(True) == 1


def test_the_models_are_shipped_ones() -> None:
    """What is written out in the strategies is what the files say."""
    shipped = {model.id: model for model in Library().models}
    for model in playing.MODELS:
        assert replace(shipped[model.id], parameters=(), seconds=None, created=0) == model


@given(strategies.frame_sequences())
def test_frames_end_once_and_at_the_end(frames: list[Any]) -> None:
    """Only the last one is terminal; success is exit code 0; everything is of one task."""
    assert [frame["terminal"] for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert frames[0]["type"] == "task_queue"
    assert frames[-1]["type"] in ENDS
    assert frames[-1]["success"] is (frames[-1]["type"] == "task_postprocess_end" and frames[-1]["exitCode"] == 0)
    assert len({(frame["id"], frame["tasktoken"]) for frame in frames}) == 1
    assert json.loads(dumps(frames)) == frames


@given(strategies.frame_sequences())
def test_frames_come_in_an_order_that_can_be(frames: list[Any]) -> None:
    """Each status follows from the one before it by the kernel's table."""
    follows = {(before.value, after.value) for before, ways in TRANSITIONS.items() for after in ways.values()}
    statuses = [frame["type"] for frame in frames if not frame["type"].startswith("task_error")]
    recovered = {("task_accept", "task_queue"), ("task_assign", "task_queue"), ("task_preprocess_end", "task_queue")}
    given_up = {(before, ENDS[0]) for before, _ in recovered}
    assert {*pairwise(statuses)} <= follows | recovered | given_up


def test_frames_may_stop_short() -> None:
    """With `ends=False` some sequences have no end; and still some have one."""
    some = strategies.frame_sequences(ends=False)
    assert find(some, lambda frames: not frames[-1]["terminal"], settings=SURE)[-1]["type"] not in ENDS
    assert find(some, lambda frames: bool(frames[-1]["terminal"]), settings=SURE)[-1]["type"] in ENDS


@given(strategies.timelines())
def test_the_last_frame_and_the_last_detail_agree(steps: list[strategies.Step]) -> None:
    """The same status, the same code, the same files: what `frame_sequences` and `task_details` show of one task."""
    played = playing.play(steps, playing.MODELS[0], {})
    shown = wire.detail(played.tasks[-1], playing._AT, Profile())["tasklist"][0]
    last = frame(played.log[-1], played.tasks[-1], playing._AT, Profile())
    assert last is not None
    assert last["type"] == shown["status"]
    assert last["success"] is (shown["pexit"] == "0")
    files = [file.get("url") for file in last["message"] or []]
    assert files == [file.get("url") for file in shown["outputs"]]


@given(strategies.frame_sequences(profile="2025-12"), strategies.task_details(profile="2025-12"))
def test_the_profile_is_kept(frames: list[Any], answer: Any) -> None:
    """The older envelope, and the keys of the saved page only."""
    assert all("terminal" not in frame for frame in frames)
    assert "isapp" not in answer["tasklist"][0]


# -- how it reads ------------------------------------------------------------------------------------


@given(strategies.scenarios(ends=False))
def test_a_scenario_shows_itself_in_words_that_make_it_again(scenario: Scenario) -> None:
    """Its repr can be pasted into a test."""
    again = eval(repr(scenario), {"Scenario": Scenario})
    assert again.steps == scenario.steps
    assert repr(again) == str(again) == repr(scenario)


def test_the_shipped_scenarios_show_themselves_too() -> None:
    """With what they say besides their steps."""
    for scenario in Library().scenarios:
        again = eval(repr(scenario), {"Scenario": Scenario})
        assert [again.name, again.about, again.default_for, again.match, again.steps] == [
            scenario.name,
            scenario.about,
            scenario.default_for,
            scenario.match,
            scenario.steps,
        ]


def test_a_scenario_is_shown_as_shortly_as_it_can_be_written() -> None:
    """Bare words, short forms, times and rates as people write them; a file by its path."""
    steps = [
        "accept",
        {"start": {"after": "1500ms"}},
        {"stream": {"text": "Hi", "rate": "45.50tps"}},
        {"produce": {"image": {"width": 3}, "after": "0s"}},
        {"produce": {"json": None}},
        {"exit": {"code": 0}},
    ]
    match = {"model": "wiro/*", "with": {"length": "short"}}
    scenario = Scenario.model_validate({"scenario": "short", "match": match, "steps": steps})
    assert repr(scenario) == (
        "Scenario.model_validate({'scenario': 'short', 'match': {'model': ['wiro/*'], 'with': {'length': ['short']}}, "
        "'steps': ['accept', {'start': '1s500ms'}, {'stream': {'text': 'Hi', 'rate': '45.5tps'}}, "
        "{'produce': {'image': {'width': 3}, 'after': '0s'}}, {'produce': {'json': None}}, {'exit': 0}]})"
    )


def test_the_same_seed_makes_the_same_examples() -> None:
    """A failure that was seen once can be seen again."""

    def examples() -> list[str]:
        seen: list[str] = []

        @seed(7)
        @settings(max_examples=40, database=None)
        @given(strategies.scenarios(ends=False), strategies.task_details(), strategies.frame_sequences(ends=False))
        def collect(scenario: Scenario, answer: Any, frames: list[Any]) -> None:
            seen.append(repr((scenario, answer, frames)))

        collect()
        return seen

    assert examples() == examples()


def test_without_hypothesis_the_import_says_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """And names the way out."""
    for name in [name for name in sys.modules if name.startswith("wiro_mock.strategies")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ImportError) as caught:
        importlib.import_module("wiro_mock.strategies")
    assert str(caught.value) == "wiro_mock.strategies needs hypothesis; pip install hypothesis"


# -- what it is good for -----------------------------------------------------------------------------

MISTAKES: Final[dict[naive_clients.Client, list[list[strategies.Step]]]] = {
    naive_clients.takes_the_end_for_success: [[{"exit": 1}]],
    naive_clients.waits_for_ever_for_a_cancelled_task: [[{"cancel": "0s"}]],
    naive_clients.takes_stderr_for_failure: [
        [{"stderr": "UserWarning: slow"}, {"exit": 0}],
        [{"setup_error": {"message": "UserWarning: slow", "then": "requeue"}}, {"exit": 0}],
    ],
}


@pytest.mark.parametrize("client", MISTAKES, ids=lambda client: client.__name__)
def test_a_client_with_a_mistake_is_found_out(client: naive_clients.Client) -> None:
    """Within Hypothesis's own number of examples, and by a scenario of one or two steps."""
    smallest = find(
        strategies.scenarios(), lambda scenario: naive_clients.is_wrong(client, scenario), settings=SMALLEST
    )
    assert repr(smallest) in [repr(scenario_of(steps)) for steps in MISTAKES[client]]


@pytest.mark.parametrize(
    "client", [naive_clients.careful, naive_clients.careful_listener], ids=lambda client: client.__name__
)
def test_a_careful_client_is_right_about_everything(client: naive_clients.Client) -> None:
    """It ends always, and reports success exactly when `pexit` is "0"."""

    @given(strategies.scenarios())
    def try_it(scenario: Scenario) -> None:
        assert not naive_clients.is_wrong(client, scenario)

    try_it()


def test_a_failing_test_shows_the_scenario() -> None:
    """In words that can be pasted, which is what a user sees."""

    @settings(SMALLEST)
    @given(scenario=strategies.scenarios())
    def try_it(scenario: Scenario) -> None:
        assert not naive_clients.is_wrong(naive_clients.takes_the_end_for_success, scenario)

    with pytest.raises(AssertionError) as caught:
        try_it()
    told = "".join("\n".join(caught.value.__notes__).split())
    assert "scenario=Scenario.model_validate({'scenario':'generated','steps':[{'exit':1}]})" in told


def test_a_failing_parser_test_shows_the_timeline() -> None:
    """Beside the long answer stands what Wiro was doing."""

    @settings(SMALLEST)
    @given(strategies.task_details(finished=True))
    def try_it(answer: Any) -> None:
        assert answer["tasklist"][0]["pexit"] in (None, "0")

    with pytest.raises(AssertionError) as caught:
        try_it()
    assert "a task in task_postprocess_end of the timeline [{'exit': 1}]" in "\n".join(caught.value.__notes__)
