"""Why a request was answered as it was: word for word, in the library, over the control API and on the command line."""

from __future__ import annotations

import inspect
import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tests.api_kit import CAPTION, KEY, ORIGIN, SECRET, make_world, post, run, send, signed
from tests.live_kit import get, live
from tests.places import in_a_checkout
from tests.process_kit import COMMAND, environment, serving
from wiro_mock.admin import Access
from wiro_mock.api.socket import Conversation
from wiro_mock.api.socket_hints import ITS_SOURCE
from wiro_mock.casting import Use
from wiro_mock.commands.group import wiro_mock
from wiro_mock.explain import NoSuchRequest, explain, unmatched
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.rules import Limits
from wiro_mock.library import WiroMock
from wiro_mock.loader import Library, load_text
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World

NANO = "/v1/Run/google/nano-banana-pro"
HELD = """
scenario: held
about: Waits for the test.
steps: [{accept: {after: 1s}}, {hold: door}, {start: {}}, {exit: 0}]
"""
SEND = 'send {"type": "task_info", "tasktoken": TOKEN}'
SHELF = """
scenario: large
about: A large picture.
match: {model: google/*, with: {resolution: 4K}}
steps: [{exit: 0}]
---
scenario: any-google
about: Any picture.
match: {model: google/*}
steps: [{exit: 0}]
---
scenario: exact
about: This picture.
match: {model: google/nano-banana-pro, with: {prompt: [cat, dog]}}
steps: [{exit: 0}]
---
scenario: of-others
about: Nothing near.
match: {model: klingai/*, with: {seed: 1}}
steps: [{exit: 0}]
"""


def told(world: World, request_id: str = "") -> str:
    """What is explained of one request, or of the latest."""
    return "\n".join(explain(world, request_id or world.journal.entries(limit=1)[0].id))


def below(text: str) -> str:
    """What stands under the headline."""
    return "\n".join(text.split("\n")[1:])


def says(text: str) -> str:
    """A text of the test, without the indentation and the line breaks around it."""
    return inspect.cleandoc(text)


# -- runs ------------------------------------------------------------------------------------------------


@in_a_checkout
def test_a_run_tells_what_played_what_was_skipped_and_what_fits_too() -> None:
    """The nearest first, each with its place and what differs; what is not near at all is not told of."""
    world = make_world(scenarios=SHELF)
    task_id, _ = run(world, {"prompt": "cat"}, path=NANO)
    assert told(world) == says(
        f"""
        req-1: POST /v1/Run/google/nano-banana-pro -> 200 accepted
          scenario  'exact' (<text>:12), its match fits
          skipped   'large' (<text>:2): with.resolution is '1K', not '4K'
          fits too  'any-google' (<text>:7): something more specific, later, or asked for goes first
                    'image' (scenarios/image.yaml:4): default for image, where nothing else plays
          task      {task_id}
          then      task_queue
          now       task_postprocess_end, exit code 0
        """
    )


@in_a_checkout
def test_a_default_says_so_and_the_nearest_match_why_it_did_not_play() -> None:
    """By the number of conditions that hold."""
    world = make_world(scenarios=SHELF.replace("google/*}", "google/*, with: {prompt: x}}"))
    run(world, {"prompt": "bird"}, path=NANO)
    assert below(told(world)).split("\n")[:5] == [
        "  scenario  'image' (scenarios/image.yaml:4), default for image",
        "  skipped   'exact' (<text>:12): with.prompt is 'bird', not 'cat' or 'dog'",
        "            'any-google' (<text>:7): with.prompt is 'bird', not 'x'",
        "            'large' (<text>:2): with.resolution is '1K', not '4K'",
        f"  task      {world.journal.entries()[0].outcome.task_id}",
    ]


def test_at_most_ten_candidates_are_told_of() -> None:
    """And how many more there are."""
    one = "scenario: no-{0}\nabout: x\nmatch: {{model: google/*, with: {{seed: {0}}}}}\nsteps: [{{exit: 0}}]\n"
    world = make_world(scenarios="---\n".join(one.format(number) for number in range(13)))
    run(world, {"prompt": "cat", "seed": "99"}, path=NANO)
    lines = told(world).split("\n")
    assert sum("with.seed is '99', not " in line for line in lines) == 10
    assert "            and 3 more" in lines


@in_a_checkout
def test_a_use_is_told_of_with_its_place_and_what_would_play_now() -> None:
    """Spent ones, others' turns, other models, and what came after."""
    with WiroMock(seed=1, strict=False) as wiro:
        line = inspect.currentframe().f_lineno  # type: ignore[union-attr]
        wiro.use("failure", times=1)
        wiro.use("slow-queue", model="moondream3-preview/query", optional=True)
        wiro.use("stderr-warnings", nth=3, optional=True)
        wiro.use("empty-output", with_={"prompt": "dog"}, optional=True)
        client = Requests(wiro)
        client.run(prompt="cat")
        text = wiro.explain("req-1")
        at = f"tests/{Path(__file__).name}"
        assert text.split("\n")[1:11] == [
            f"  scenario  'failure' (scenarios/failure.yaml:3), asked for at {at}:{line + 1}",
            f"  skipped   'stderr-warnings', asked for at {at}:{line + 3}: it plays for run 3 only, and",
            "              1 run has come that fit so far",
            f"            'empty-output', asked for at {at}:{line + 4}: with.prompt is 'cat', not 'dog'",
            f"            'slow-queue', asked for at {at}:{line + 2}: model is",
            "              moondream3-preview/caption, not moondream3-preview/query",
            "  fits too  'caption' (scenarios/caption.yaml:4): default for text, where nothing else plays",
            "  now       the same request would be played by 'caption' (scenarios/caption.yaml:4), default for",
            "              text",
            f"  task      {wiro.tasks[0].id}",
        ]
        assert wiro.explain(wiro.requests[0]) == text
        client.run(prompt="cat")
        assert "'failure', asked for at " in wiro.explain("req-2")
        assert "it is spent: it was asked for once" in wiro.explain("req-2")


def test_a_use_that_another_replaced_or_was_taken_back_says_so() -> None:
    """With the place of the one that took its place."""
    world = make_world()
    world.casting.use(Use(scenarios=(world.casting.find("failure"),), where="t.py:1"))
    world.casting.use(Use(scenarios=(world.casting.find("empty-output"),), where="t.py:2"))
    run(world)
    assert "  skipped   'failure', asked for at t.py:1: the one at t.py:2 took its place\n" in told(world)
    world.use_none()
    run(world)
    assert "'empty-output', asked for at t.py:2: it was taken back\n" in told(world)
    assert "now       the same request would be played by 'caption'" in told(world, "req-1")


@in_a_checkout
def test_two_uses_that_fit_are_told_apart_by_which_came_later() -> None:
    """The later one goes first; one that was asked for after the request cannot have played it."""
    world = make_world()
    for place in ("t.py:1", "t.py:2"):
        world.casting.use(Use(scenarios=(world.casting.find("failure"),), where=place, times=5))
    run(world)
    assert "  fits too  'failure', asked for at t.py:1: a later one goes first\n" in told(world)
    world.casting.use(Use(scenarios=(world.casting.find("failure"),), where="t.py:3", times=5))
    assert "  fits too  'failure', asked for at t.py:3: it was asked for after this request\n" in told(world)
    assert "  now       the same request would be played by 'failure' (scenarios/failure.yaml:3), asked" in told(world)


def test_explaining_uses_up_nothing() -> None:
    """What would play now is found out without playing."""
    world = make_world()
    world.use("failure", times=2)
    run(world)
    before = (world.uses[0].seen, world.uses[0].played)
    assert told(world) == told(world)
    assert (world.uses[0].seen, world.uses[0].played) == before == (1, 1)


@in_a_checkout
def test_a_scenario_of_the_header_is_what_would_play_again() -> None:
    """The journal keeps no header; that it was asked for by name is known."""
    world = make_world(scenario_header=True)
    run(world, headers={**signed(), "x-wiro-mock-scenario": "failure"})
    assert "  scenario  'failure' (scenarios/failure.yaml:3), asked for by name\n" in told(world)
    assert "would be played" not in told(world)


def test_values_that_the_journal_has_cut_or_hidden_are_named() -> None:
    """For then the comparison may be wrong."""
    world = make_world(scenarios=SHELF)
    run(world, {"prompt": "x" * 5_000, "apikey": "abc"}, path=NANO)
    line = "  compared  the journal has cut or hidden prompt, apikey: what was compared is what it kept\n"
    assert line in told(world)
    assert "abc" not in told(world)


def test_an_uploaded_file_counts_by_its_name() -> None:
    """As it does when the run is cast."""
    scenario = "scenario: cats\nabout: x\nmatch: {with: {inputImage: cat.png}}\nsteps: [{exit: 0}]\n"
    world = make_world(scenarios=scenario)
    part = (
        b'--b\r\ncontent-disposition: form-data; name="inputImage"; filename="dog.png"\r\n'
        b"content-type: image/png\r\n\r\nx\r\n--b--\r\n"
    )
    send(world, "POST", CAPTION, part, content_type="multipart/form-data; boundary=b", headers=signed())
    run(world, {"inputImage": "dog.png"})
    assert "with.inputImage" not in told(world, "req-1")  # no condition holds: it is not near
    assert unmatched(world) == []


# -- refusals --------------------------------------------------------------------------------------------

MODELS = (
    "add it by wiro-mock model add FILE-OR-URL, describe it in models/*.yaml of a folder of scenarios "
    "(scenarios/README.md, Models), or play it without a description by unknown_models='play' (--unknown-models play)"
)


@pytest.mark.parametrize(
    ("path", "reason", "first"),
    [
        (
            "google/nano-bananna-pro",
            "did you mean google/nano-banana-pro? If not, ",
            "POST /v1/Run/google/nano-banana-pro",
        ),
        (
            "caption/moondream3-preview",
            "owner and model have changed places; did you mean moondream3-preview/caption? If not, ",
            "POST /v1/Run/moondream3-preview/caption",
        ),
        (
            "klingai/robot",
            "the models of klingai: kling-v2.5-turbo, kling-v2.6, kling-v3, kling-v3-motion-control, kling-v3-omni; ",
            "",
        ),
        ("acme/caption", "another owner has one of that name: moondream3-preview/caption; ", ""),
        ("acme/robot", "none of the 108 is near; ", ""),
    ],
)
def test_an_unknown_model(path: str, reason: str, first: str) -> None:
    """The nearest one, the owner's others, or what there is; and how to describe one's own."""
    world = make_world()
    assert post(world, f"/v1/Run/{path}", {}).error["message"] == "slug-owner-project-not-exist"
    assert world.journal.entries()[0].outcome.reason == f"no model {path} in the catalogue; {reason}{MODELS}"
    text = told(world)
    assert f"\n  try       {first}" in text or not first
    assert '\n  or        WiroMock(unknown_models="play") or wiro-mock serve --unknown-models play\n' in text
    describe = "            describe it in models/ of your scenarios folder:\n"
    assert f'{describe}            model: {path}\n            id: "9001"' in text


def test_the_suggested_model_can_be_served(tmp_path: Path) -> None:
    """What is to be copied works as it stands; then the same request is explained with what would play."""
    world = make_world()
    post(world, "/v1/Run/acme/robot", {})
    lines = told(world).split("\n")
    start = next(number for number, line in enumerate(lines) if line.endswith("model: acme/robot"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "acme.yaml").write_text("\n".join(line[12:] for line in lines[start:]))
    world = World(library=Library(tmp_path))
    assert world.catalog.resolve("acme", "robot").kind == "text"


def test_no_scenario_plays() -> None:
    """The call and the YAML that would help; the YAML can be read."""
    world = make_world()
    world.casting.library.scenarios = [one for one in world.scenarios if "image" not in one.default_for]
    reply = post(world, NANO, {"prompt": "cat"})
    assert reply.status == 500
    lines = told(world).split("\n")
    assert lines[0] == "req-1: POST /v1/Run/google/nano-banana-pro -> 500 the mock itself cannot go on"
    assert "\n  skipped   nothing comes near; none has a match; by name there are: 3d, " in told(world)
    assert '  try       wiro.use("caption", model="google/nano-banana-pro")' in lines
    start = next(number for number, line in enumerate(lines) if "scenario: nano" in line)
    (scenario,) = load_text("\n".join(line[12:] for line in lines[start:]))
    assert scenario.match is not None
    assert scenario.match.model == ["google/nano-banana-pro"]


def test_nothing_near_lists_what_is_registered() -> None:
    """Ten of those with a match, at most."""
    world = make_world(scenarios="scenario: far\nabout: x\nmatch: {model: klingai/*}\nsteps: [{exit: 0}]\n")
    world.casting.library.scenarios = [one for one in world.scenarios if not one.default_for]
    post(world, CAPTION, {})
    assert "\n  skipped   nothing comes near; with a match there are: far\n" in told(world)
    reason = world.journal.entries()[0].outcome.reason
    assert "the nearest is 'far' (<text>:1), but model is moondream3-preview/caption, not klingai/*" in reason


def test_a_scenario_that_is_not_there() -> None:
    """The header with the nearest name."""
    world = make_world(scenario_header=True)
    post(world, CAPTION, {}, headers={**signed(), "x-wiro-mock-scenario": "captoin"})
    assert "\n  why       no scenario 'captoin'; did you mean 'caption'?\n" in told(world)
    assert told(world).endswith('  try       x-wiro-mock-scenario: caption\n            or: wiro.use("caption")')


@in_a_checkout
def test_a_parameter_that_a_scenario_needs() -> None:
    """The YAML line, and where the parameter can come from; no path on the wire."""
    text = "scenario: needs\nabout: x\nmatch: {model: '*/*'}\nsteps: [{print: '${with.who}'}, {exit: 0}]\n"
    world = make_world(scenarios=text)
    reply = post(world, CAPTION, {"whom": "me"})
    way = "send it, give the model a default for it, or match only runs that have it (`with`)"
    sentence = (
        "scenario 'needs': ${with.who}: this run of moondream3-preview/caption has no parameter 'who'; "
        f"did you mean 'whom'?; {way}"
    )
    assert reply.error["message"] == sentence
    assert world.journal.entries()[0].outcome.reason == f"<text>:1:1: {sentence}"
    assert told(world).split("\n")[4:] == [
        "  scenario  'needs' (<text>:1), its match fits",
        "  fits too  'caption' (scenarios/caption.yaml:4): default for text, where nothing else plays",
        '  try       send it: {"who": "…"}',
        "  or        give the model a default, in its file in models/ of your scenarios folder:",
        '            defaults: {who: "…"}',
    ]


@in_a_checkout
def test_a_scenario_that_refuses_is_told_as_that() -> None:
    """It is no mistake of the client; its line says who says no."""
    world = make_world()
    world.use("insufficient-balance", times=1)
    post(world, CAPTION, {})
    assert told(world).split("\n")[-2:] == [
        "  try       another scenario: 'insufficient-balance' is there to refuse",
        "              (scenarios/insufficient-balance.yaml:3)",
    ]


@pytest.mark.parametrize(
    ("path", "fields", "more", "suggestion"),
    [
        ("/v1/Task/Details", {}, {}, "  try       POST /v1/Task/Detail"),
        ("/v1/Task/Detail", {}, {}, '  try       {"tasktoken": "…"}, as the answer to Run named it: socketaccesstoken'),
        ("/v1/Task/Detail", {"taskid": "5"}, {}, "  try       wiro.tasks, or GET /__wiro/tasks: what there is"),
        (
            "/v1/Task/InputOutputDelete",
            {"tasktoken": "5"},
            {},
            "  try       wiro.tasks, or GET /__wiro/tasks: what there is",
        ),
        (CAPTION, {}, {"headers": {}}, "            x-nonce: 1734513807"),
        (CAPTION, {}, {"headers": {"x-api-key": KEY}}, "            x-nonce: 1734513807"),
        (
            CAPTION,
            {},
            {"headers": {"x-api-key": "?"}},
            "  try       x-api-key: the key that wiro.api_key or the server's ready line tells",
        ),
    ],
)
def test_every_refusal_has_its_suggestion(path: str, fields: Any, more: dict[str, Any], suggestion: str) -> None:
    """To be copied."""
    world = make_world()
    post(world, path, fields, **more)
    assert suggestion in told(world).split("\n")


def test_a_run_that_was_turned_away_is_told_of_no_scenario() -> None:
    """Nothing was chosen for it, and no other scenario would change that."""
    world = make_world(scenarios=SHELF)
    post(world, NANO, {"prompt": "cat"}, headers={})
    assert "\n  why       no x-api-key header\n  try       x-api-key: API_KEY\n" in told(world)
    assert not any(f"\n  {label} " in told(world) for label in ("scenario", "skipped", "fits too", "now"))


def test_a_credential_that_a_test_has_written_down_is_not_told() -> None:
    """A use is compared with the whole of it."""
    world = make_world()
    use = Use(scenarios=(world.casting.find("failure"),), parameters={"prompt": (SECRET,)}, where="t.py:1")
    world.casting.use(use)
    run(world, {"prompt": "x"})
    assert "asked for at t.py:1: with.prompt is 'x', not '***'" in told(world)


def test_money_is_a_setting() -> None:
    """Where no scenario has refused."""
    world = make_world(balance=Decimal(0))
    post(world, CAPTION, {})
    assert told(world).split("\n")[-2:] == [
        "  try       wiro.account.balance = …, WiroMock(balance=…), or wiro-mock serve --balance USD",
        '  or        POST /__wiro/account {"balance": "…"}',
    ]


# -- tasks -----------------------------------------------------------------------------------------------


def test_a_task_in_the_wrong_state() -> None:
    """The state it is in, those that are needed, what it waits for, and how a test brings it there."""
    world = make_world(scenarios=HELD)
    world.use("held")
    task_id, token = run(world)
    post(world, "/v1/Task/Kill", {"taskid": task_id})
    reason = (
        "Kill works from task_assign to task_postprocess_start, and Cancel in task_queue; it waits for time to pass"
    )
    assert world.journal.entries()[-1].outcome.reason == f"task {task_id} is in task_queue; {reason}"
    assert told(world) == says(
        f"""
        req-2: POST /v1/Task/Kill -> 200 code 1 'Task could not be killed: task is not running'
          why       task {task_id} is in task_queue; Kill works from task_assign to task_postprocess_start, and
                      Cancel in task_queue; it waits for time to pass
          task      {task_id}, moondream3-preview/caption, plays 'held' (<text>:2)
          now       task_queue, waits for time to pass: something is due in 1s: wiro.jump("1s")
          try       wiro.jump_to("{task_id}", "task_start")
          or        POST /v1/Task/Cancel
        """
    )
    world.jump(world.sim.now + 2 * SECOND)
    post(world, "/v1/Task/Cancel", {"taskid": task_id})
    assert world.journal.entries()[-1].outcome.reason == (
        f"task {task_id} is in task_accept; Cancel works in task_queue only; Kill works from task_assign on; "
        "it waits for the hold 'door'"
    )
    onward = f'wiro.release("{task_id}"), and then wiro.jump_to("{task_id}", '
    assert f'\n  or        {onward}"task_start"), and then POST /v1/Task/Kill' in told(world)
    post(world, "/v1/Task/InputOutputDelete", {"tasktoken": token})
    assert world.journal.entries()[-1].outcome.reason == (
        f"task {task_id} is in task_accept; files are deleted in task_postprocess_end and task_cancel only; "
        "it waits for the hold 'door'"
    )
    assert told(world).endswith(f'  try       {onward}"task_postprocess_end")')
    world.release()
    world.jump(world.sim.now + 2 * SECOND)
    post(world, "/v1/Task/Cancel", {"taskid": task_id})
    assert world.journal.entries()[-1].outcome.reason.endswith("Kill works from task_assign on; it has ended")
    assert told(world).endswith("# the task stays in the queue until the block ends")


def test_a_poll_tells_the_state_then_and_now() -> None:
    """What the answer told of, and what has come since."""
    world = make_world(scenarios=HELD)
    world.use("held")
    task_id, token = run(world)
    post(world, "/v1/Task/Detail", {"tasktoken": token})
    world.jump(world.sim.now + 2 * SECOND)
    assert told(world, "req-2") == says(
        f"""
        req-2: POST /v1/Task/Detail -> 200 accepted
          task      {task_id}, moondream3-preview/caption, plays 'held' (<text>:2)
          then      task_queue
          now       task_accept, waits for the hold 'door': wiro.release("{task_id}") or POST
                      /__wiro/holds/release
        """
    )
    world.release()
    world.jump(world.sim.now + 60 * SECOND)
    assert told(world, "req-2").endswith("  now       task_postprocess_end, exit code 0")


@pytest.mark.parametrize(
    ("name", "change", "hint"),
    [
        ("taskid", lambda task, token: token, "it is the token of task {task}, sent as its id"),
        (
            "taskid",
            lambda task, token: f' "{task}" ',
            "it is the id of task {task} with quotes or white space around it",
        ),
        ("taskid", lambda task, token: "7", "the only task here is {task}"),
        ("tasktoken", lambda task, token: task, "it is the id of task {task}, sent as its token"),
        (
            "tasktoken",
            lambda task, token: f"'{token}'",
            "it is the token of task {task} with quotes or white space around it",
        ),
        (
            "tasktoken",
            lambda task, token: token[:12],
            "it is the beginning of the token of task {task}, cut after 12 characters",
        ),
        (
            "tasktoken",
            lambda task, token: token.swapcase(),
            "it is nearly the token of task {task}; copy it whole, in capital and small letters",
        ),
        ("tasktoken", lambda task, token: "x", "the only task here is {task}"),
    ],
)
def test_an_unknown_id_or_token(name: str, change: Any, hint: str) -> None:
    """What may be meant by it."""
    world = make_world()
    task_id, token = run(world)
    sent = change(task_id, token)
    assert post(world, "/v1/Task/Detail", {name: sent}).error["code"] == 1
    expected = f"no task with {name} {sent!r} here; {hint.format(task=task_id)}"
    assert world.journal.entries()[-1].outcome.reason == expected


def test_what_there_is_instead_of_the_task() -> None:
    """Nothing yet, several, or one that was forgotten."""
    world = make_world(time="auto", limits=Limits(finished=1))

    def reason(task_id: str) -> str:
        post(world, "/v1/Task/Detail", {"taskid": task_id})
        return world.journal.entries()[-1].outcome.reason

    assert reason("7") == "no task with taskid '7' here; this world has had no task yet"
    ids = [run(world)[0] for _ in range(3)]
    assert reason("7").endswith(f"; the 3 tasks here are {ids[0]} to {ids[2]}")
    for task_id in ids:
        post(world, "/v1/Task/Detail", {"taskid": task_id})
    assert reason(ids[0]).endswith("; that task ended and has been forgotten; the latest 1 finished ones are kept")
    assert "\n  task      " + ids[0] + " has been forgotten since" in told(world, "req-2")
    assert reason("9" * 5000).endswith(f"; the only task here is {ids[2]}")


# -- the socket ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            '{"type":"task_info","taskToken":"x"}',
            "task_info without a tasktoken; did you mean 'tasktoken' where 'taskToken' stands?",
        ),
        (
            '{"type":"task_info","socketaccesstoken":"x"}',
            "task_info without a tasktoken; did you mean 'tasktoken' where 'socketaccesstoken' stands?",
        ),
        ('{"type":"task_info","tasktoken":" "}', "task_info without a tasktoken; it is empty"),
        ('{"type":"task_info"}', f"task_info without a tasktoken; it has 'type'; {SEND}"),
        (
            '{"type":"task-info","tasktoken":"x"}',
            "dropped a message of type 'task-info'; known here are task_info, task_session_interrupt and "
            "task_session_end; did you mean 'task_info'?",
        ),
        (
            '{"type":"ping"}',
            "dropped a message of type 'ping'; known here are task_info, task_session_interrupt and task_session_end; "
            f"{SEND}",
        ),
        ('{"Type":"task_info"}', "dropped a message without a type; did you mean 'type' where 'Type' stands?"),
        ("[1]", f"dropped JSON that is an array, where an object is expected; {SEND}"),
        ("null", f"dropped JSON that is null, where an object is expected; {SEND}"),
        ('{"type":null}', f"dropped a message whose type is null; {SEND}"),
        ('{"type":"task_info","tasktoken":5}', f"dropped task_info whose tasktoken is a number; {SEND}"),
        ('{"type":"task_session_end"}', f"dropped task_session_end without the token of a task; {ITS_SOURCE}"),
    ],
)
def test_a_socket_message_that_nobody_understands(text: str, note: str) -> None:
    """Which key or type was expected, and which may be meant."""
    conversation = Conversation(make_world(), ORIGIN)
    conversation.receive(text)
    assert conversation.notes == [note]


def test_a_token_that_is_registered_wrongly() -> None:
    """Whose it may be; of one that may yet come, nothing is said."""
    world = make_world()
    task_id, token = run(world)
    conversation = Conversation(world, ORIGIN)
    for sent in (task_id, token[:-1], "of-a-run-to-come"):
        conversation.receive(json.dumps({"type": "task_info", "tasktoken": sent}))
    assert conversation.notes == [
        f"registered a token that no task has; it is the id of task {task_id}, sent as its token",
        f"registered a token that no task has; it is the beginning of the token of task {task_id}, cut after 29 "
        "characters",
        "registered a token that no task has",
    ]


def test_a_socket_message_is_explained_like_a_request() -> None:
    """With what to send instead."""
    with live() as running:
        with running.socket() as listener:
            listener.connection.send('{"type":"task-info"}')
            listener.check_silence()
        (request_id, _) = unmatched(running.world)
        assert told(running.world, request_id) == says(
            f"""
            {request_id}: SOCKET /v1 -> 101 a message on the socket
              why       dropped a message of type 'task-info'; known here are task_info, task_session_interrupt
                          and task_session_end; did you mean 'task_info'?
              try       {{"type": "task_info", "tasktoken": TOKEN}}
            """
        )


# -- ids, doors ------------------------------------------------------------------------------------------


def test_an_unknown_request_names_those_that_are_there() -> None:
    """None yet, one, several, and how many were forgotten."""

    def sentence(world: World, request_id: str = "req-99") -> str:
        with pytest.raises(NoSuchRequest) as caught:
            explain(world, request_id)
        return str(caught.value)

    world = make_world(journal_requests=2)
    assert sentence(world) == "no request 'req-99' here; there has been none yet"
    send(world, "GET", f"/{'0a1b2c3d' + '-0a1b2c3d' * 7}/x")
    assert sentence(world) == "no request 'req-99' here; the only one is req-1"
    post(world, "/v1/Task/Detail", {})
    assert sentence(world, "x") == "no request 'x' here; there are req-1 to req-2"
    post(world, "/v1/Task/Detail", {})
    assert (
        sentence(world, "req-1") == "no request 'req-1' here; there are req-1 to req-3, the first 1 of them forgotten"
    )
    assert told(world, "3") == told(world, "req-3")
    with (
        WiroMock(seed=1) as wiro,
        pytest.raises(Misuse, match="explain: no request 'req-1' here; there has been none yet"),
    ):
        wiro.explain("req-1")


def test_an_unexpected_call_is_remembered_after_the_journal_has_forgotten_it() -> None:
    """It fails a test at its end, so it must be explained."""
    world = make_world(journal_requests=1)
    post(world, "/v1/Task/Details", {})
    post(world, "/v1/Task/Detail", {})
    assert told(world, "req-1").endswith("  try       POST /v1/Task/Detail")


def test_the_control_api_gives_the_lines() -> None:
    """And 404 with the sentence for what is not there."""
    with live() as running:
        running.http.get("/v1/Task/Details")
        answer = running.admin("/explain/req-1")
        assert answer == {"request": "req-1", "lines": explain(running.world, "req-1")}
        missing = running.http.get("/__wiro/explain/req-7")
        assert (missing.status_code, missing.json()) == (
            404,
            {"error": "no request 'req-7' here; the only one is req-1"},
        )


def play(*words: str) -> Result:
    return CliRunner().invoke(wiro_mock, ["explain", *words], prog_name="wiro-mock")


def test_the_command_prints_the_lines() -> None:
    """Of one request, or of all that something was amiss with."""
    with live() as running:
        url = running.thread.url
        assert play("--url", url).stdout == "nothing was refused: 0 requests in the journal\n"
        running.http.get("/v1/Task/Details")
        running.run()
        running.post("/v1/Task/Detail", {})
        texts = ["\n".join(explain(running.world, request_id)) for request_id in ("req-1", "req-2", "req-3")]
        result = play("req-2", "--url", f"{url}/v1/")
        assert (result.exit_code, result.stdout) == (0, texts[1] + "\n")
        assert play("--url", url).stdout == f"{texts[0]}\n\n{texts[2]}\n"


def test_only_the_latest_twenty_are_explained() -> None:
    """A thousand refusals are no reading."""
    with live() as running:
        for _ in range(22):
            running.http.get("/nope")
        lines = play("--url", running.thread.url).stdout.split("\n")
        heads = [line.split(":")[0] for line in lines if line.startswith("req-")]
        assert heads == [f"req-{number}" for number in range(3, 23)]


def test_what_cannot_be_explained_is_one_sentence_with_status_2() -> None:
    """An unknown id, no server, another server, a wrong token."""
    with live(access=Access(closed=True, token="t0ken")) as running:
        url = running.thread.url
        for words, sentence in (
            (["req-9", "--url", url, "--admin-token", "t0ken"], "no request 'req-9' here; there has been none yet"),
            (["req-9", "--url", url], "the control API needs the token of --admin-token beyond loopback; send it as"),
            (
                ["--url", f"{url}/elsewhere"],
                f"{url}/elsewhere is no wiro-mock (HTTP 404 at /__wiro); --url is the address of",
            ),
            (["--url", "http://127.0.0.1:1"], "http://127.0.0.1:1 cannot be reached: "),
            (["--url", "nowhere"], "nowhere cannot be reached: "),
            (["--url", "http://[::1"], "http://[::1 cannot be reached: "),
        ):
            result = play(*words)
            assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.output
            assert result.stderr.startswith(f"wiro-mock: {sentence}")


def test_the_command_explains_a_real_server(tmp_path: Path) -> None:
    """From one process to another; the paths are those of the server."""
    with serving(tmp_path) as running:
        get(f"{running.api}/Task/Details")
        done = subprocess.run(
            [*COMMAND, "explain", "--url", running.origin],
            capture_output=True,
            text=True,
            env=environment(),
            check=True,
        )
        assert done.stderr == ""
        assert done.stdout.startswith("req-1: GET /v1/Task/Details -> 404 code 0 'Error parsing url.'\n  why       ")


# -- whatever a client sends -----------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "v1",
        "Run",
        "Task",
        "Detail",
        "Cancel",
        "Kill",
        "google",
        "caption",
        "moondream3-preview",
        "",
        "%2F",
        "%00",
        KEY,
        SECRET,
        "é",
        "a" * 300,
        "x\ny",
        "nano banana",
    ]
)
PATHS = st.one_of(
    st.lists(WORDS, max_size=6).map(lambda words: "/" + "/".join(words)),
    st.sampled_from(
        [CAPTION, NANO, "/v1/Task/Detail", "/v1/Task/Kill", "/v1/Task/Cancel", "/v1/Task/InputOutputDelete"]
    ),
    st.text(max_size=20),
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.sampled_from([KEY, SECRET, "x" * 3000])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
NAMES = st.sampled_from(["taskid", "tasktoken", "prompt", "resolution", "apikey", "file", SECRET, ""])
HEADERS = st.one_of(
    st.just(signed()),
    st.fixed_dictionaries({"x-api-key": st.sampled_from([KEY, SECRET, ""]), "x-nonce": st.just("1")}),
    st.sampled_from(["failure", "captoin", SECRET, ""]).map(lambda name: {**signed(), "x-wiro-mock-scenario": name}),
)


@given(
    st.sampled_from(["GET", "POST", "", "BREW"]),
    PATHS,
    st.one_of(st.dictionaries(NAMES, VALUES, max_size=4), VALUES),
    HEADERS,
    st.text(max_size=20),
)
def test_whatever_a_client_sends_is_explained_without_a_credential(
    method: str, path: str, fields: Any, headers: dict[str, str], said: str
) -> None:
    """Never an error, never a key or a secret, each line on one line."""
    world = make_world(scenarios=SHELF + "---" + HELD, time="auto")
    world.casting.use(Use(scenarios=(world.casting.find("failure"),), parameters={"prompt": ("x",)}, where="t.py:1"))
    run(world)
    send(world, method, path, json.dumps(fields).encode(), content_type="application/json", headers=headers)
    conversation = Conversation(world, ORIGIN)
    conversation.receive(said)
    for exchange in world.journal.entries():
        lines = explain(world, exchange.id)
        text = "\n".join(lines)
        assert lines[0].startswith(f"{exchange.id}:")
        assert KEY not in text
        assert SECRET not in text
        assert all(line.isprintable() and line == line.rstrip() for line in lines)
        assert ("\n  why " in text) is bool(exchange.outcome.reason)


class Requests:
    """Signed requests to a `WiroMock` without a transport."""

    def __init__(self, wiro: WiroMock) -> None:
        self.wiro = wiro

    def run(self, **fields: str) -> None:
        from wiro_mock.api.auth import sign

        headers = {
            "x-api-key": self.wiro.api_key,
            "x-nonce": "1",
            "x-signature": sign(self.wiro.api_key, self.wiro.api_secret, "1"),
        }
        post(self.wiro.world, CAPTION, fields, headers=headers)
