"""What a test may demand, and how it is told what there was instead, word for word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest

from tests.api_kit import CAPTION, KEY, SECRET, detail, get, make_world, part, post, post_parts, run, signed
from wiro_mock.kernel.rules import Limits
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing import sequences
from wiro_mock.testing.assertions import (
    assert_no_leaks,
    assert_not_called,
    assert_polled,
    assert_ran,
    assert_signed,
)
from wiro_mock.testing.sequences import tasks

MODEL = "moondream3-preview/caption"
QUERY = "/v1/Run/moondream3-preview/query"


def complaint(assertion: Callable[..., object], *args: Any, **more: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assertion(*args, **more)
    return str(caught.value)


def misuse(assertion: Callable[..., object], *args: Any, **more: Any) -> str:
    with pytest.raises(Misuse) as caught:
        assertion(*args, **more)
    return str(caught.value)


# -- assert_ran ----------------------------------------------------------------------------------------


def test_a_run_that_was_taken_on_is_returned() -> None:
    """The first one that fits, by any form of the model's name."""
    world = make_world()
    run(world, {"length": "short"})
    task_id, _ = run(world, {"length": "long", "n": 3})
    run(world, {"length": "long"})
    for model in (MODEL, "Moondream3-Preview/Caption", "moondream3-preview/*", "*"):
        assert assert_ran(world, model, length="long").id == task_id
    assert assert_ran(world, MODEL, times=2, length="long").id == task_id
    assert assert_ran(world, MODEL, n="3").id == assert_ran(world, MODEL, n=3).id == task_id
    assert assert_ran(world, MODEL, with_={"length": "long"}, n=ANY).id == task_id


class Longer:
    """As dirty-equals does it: `==` decides."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and len(other) > self.length

    def __hash__(self) -> int:
        return self.length


@pytest.mark.parametrize(
    ("sent", "expected", "is_same"),
    [
        ("a", "a", True),
        ("a", "b", False),
        (3, "3", True),
        ("3", 3, True),
        (True, "true", True),
        ("true", True, True),
        (0.5, "0.5", True),
        (None, None, True),
        ("None", None, False),
        (None, "", False),
        ([1, "b"], [1, "b"], True),
        ([1, "b"], ["1", "b"], True),
        ([1, "b"], [1], False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, "a", False),
        ("abc", ANY, True),
        ("abc", Longer(2), True),
        ("abc", Longer(3), False),
    ],
)
def test_values_are_compared(sent: object, expected: object, is_same: bool) -> None:
    """By `==`, else as text."""
    world = make_world()
    run(world, {"value": sent})
    if is_same:
        assert_ran(world, MODEL, value=expected)
    else:
        assert "  ! value" in complaint(assert_ran, world, MODEL, value=expected)


def test_what_was_not_given_is_none() -> None:
    """And nothing else; a default of the model is not given."""
    world = make_world()
    run(world, {})
    assert_ran(world, MODEL, length=None)
    assert "expected <ANY>, got nothing" in complaint(assert_ran, world, MODEL, length=ANY)
    assert "expected 'normal', got nothing" in complaint(assert_ran, world, MODEL, length="normal")


def test_bytes_are_compared_with_those_of_a_file() -> None:
    """Of one, or of several in a list; also of a file that has been deleted."""
    world = make_world(time="auto")
    image = part("image", b"one", filename="a.png", kind="image/png")
    more = [part("more", data, filename="b.png", kind="image/png") for data in (b"two", b"three")]
    post_parts(world, CAPTION, image, *more)
    task = assert_ran(world, MODEL, image=b"one", more=[b"two", b"three"])
    file = task.parameters["image"]
    assert_ran(world, MODEL, image=file.name)
    assert_ran(world, MODEL, image=file.url)
    detail(world, task.id)
    post(world, "/v1/Task/InputOutputDelete", {"tasktoken": task.token})
    assert_ran(world, MODEL, image=b"one")
    text = complaint(assert_ran, world, MODEL, image=b"x" * 100)
    assert f"  ! image    expected {b'x' * 40!r}… (100 bytes), got the file '{file.name}' (3 bytes)" in text


def test_the_nearest_call_is_shown_field_by_field() -> None:
    """Refused ones count as calls; of those alike the latest."""
    world = make_world()
    run(world, path=QUERY)
    post(world, "/v1/Run/no/model", {"length": "long", "prompt": "a cat"})
    run(world, {"length": "normal", "prompt": "a dog"})
    task_id, _ = run(world, {"length": "short", "prompt": "a cat"})
    assert complaint(assert_ran, world, MODEL, length="long") == (
        f"no run of moondream3-preview/caption with length='long'; the nearest of 4 calls is req-4 (task {task_id}):\n"
        "    model     moondream3-preview/caption\n"
        "  ! length    expected 'long', got 'short'\n"
        "    prompt    'a cat' (not asked about)"
    )
    nearest = complaint(assert_ran, world, MODEL, length="long", prompt="a dog")
    assert "is req-3 (task" in nearest
    assert nearest.endswith("  ! length    expected 'long', got 'normal'\n    prompt    'a dog'")


def test_a_call_of_the_same_model_is_nearer() -> None:
    """However much else differs."""
    world = make_world()
    task_id, _ = run(world, {"length": "short", "prompt": "a dog"})
    run(world, {"length": "long", "prompt": "a cat"}, path=QUERY)
    assert f"is req-1 (task {task_id}):" in complaint(assert_ran, world, MODEL, length="long", prompt="a cat")


def test_the_only_call_is_shown() -> None:
    """Also of another model."""
    world = make_world()
    task_id, _ = run(world, {"prompt": "x" * 200}, path=QUERY)
    assert complaint(assert_ran, world, MODEL, length="long") == (
        f"no run of moondream3-preview/caption with length='long'; the only call is req-1 (task {task_id}):\n"
        "  ! model     expected moondream3-preview/caption, got moondream3-preview/query\n"
        "  ! length    expected 'long', got nothing\n"
        f"    prompt    '{'x' * 78}… (not asked about)"
    )


def test_a_refused_run_did_not_run() -> None:
    """And it is said why."""
    world = make_world()
    world.use("insufficient-balance")
    post(world, CAPTION, {"length": "long", "callbackUrl": "http://127.0.0.1:9/"})
    text = complaint(assert_ran, world, MODEL, length="long")
    assert text.startswith(
        "no run of moondream3-preview/caption with length='long' was taken on: req-1 asked for it and was refused with "
        "code 97 'Insufficient balance' (the scenario 'insufficient-balance' refuses every run ("
    )
    text = complaint(assert_ran, world, MODEL, length="short")
    assert "the only call is req-1, which was refused with code 97 'Insufficient balance' (" in text
    assert text.endswith("\n    model     moondream3-preview/caption\n  ! length    expected 'short', got 'long'")


def test_what_was_called_instead_is_told() -> None:
    """At most ten lines of it."""
    world = make_world()
    run_none = f"no run of {MODEL}"
    assert complaint(assert_ran, world, MODEL) == f"{run_none}: nothing was called at all"
    post(world, "/v1/Task/Detail", {"taskid": "7"})
    assert complaint(assert_ran, world, MODEL) == (
        f"{run_none}: no run was asked for; what was called instead:\n"
        "  req-1 POST /v1/Task/Detail -> 200 code 1 'There is no task yet.'"
    )
    for _ in range(12):
        post(world, "/v1/nope")
    lines = complaint(assert_ran, world, MODEL).splitlines()
    assert len(lines) == 12
    assert lines[-1] == "  … and 3 more"


def test_how_often_it_ran_is_exact() -> None:
    """Too often, and too seldom, with the nearest other call; never is zero times."""
    world = make_world()
    first, _ = run(world, {"length": "long"})
    second, _ = run(world, {"length": "long"})
    third, _ = run(world, {"length": "short"})
    assert complaint(assert_ran, world, MODEL, times=1, length="long") == (
        f"2 runs of {MODEL} with length='long', expected 1: req-1 (task {first}), req-2 (task {second})"
    )
    assert complaint(assert_ran, world, MODEL, times=3, length="long") == (
        f"2 runs of {MODEL} with length='long', expected 3: req-1 (task {first}), req-2 (task {second})\n"
        f"the nearest other call is req-3 (task {third}):\n"
        "    model     moondream3-preview/caption\n"
        "  ! length    expected 'long', got 'short'"
    )
    assert_ran(world, MODEL, times=0, length="normal")
    assert complaint(assert_ran, world, MODEL, times=0, length="short").startswith("1 run of ")


def test_a_model_that_cannot_be_meant_is_misuse() -> None:
    """A misspelt one would never have been called."""
    world = make_world()
    for assertion in (lambda name: assert_ran(world, name), lambda name: assert_not_called(world, model=name)):
        assert misuse(assertion, "moondream3-preview/captoin") == (
            "there is no model 'moondream3-preview/captoin'; did you mean 'moondream3-preview/caption'?"
        )
        assert misuse(assertion, "caption") == (
            "'caption' is not the name of a model; write it like moondream3-preview/caption or wiro/*"
        )
    post(world, "/v1/Run/no/model", {})
    assert "code 1 'slug-owner-project-not-exist'" in complaint(assert_ran, world, "no/model")


def test_a_run_outlives_its_request_in_the_journal() -> None:
    """And its task, if that is forgotten first."""
    world = make_world(journal_requests=1)
    task_id, _ = run(world, {"length": "long"})
    detail(world, task_id)
    assert assert_ran(world, MODEL, length="long").id == task_id
    text = complaint(assert_ran, world, MODEL, length="short")
    assert f"the only call is task {task_id}:" in text
    assert text.endswith("\n(the journal has forgotten 1 older request)")
    world = make_world(limits=Limits(finished=0))
    run(world, {"length": "long"})
    world.jump(world.sim.now + 60_000_000)
    assert complaint(assert_ran, world, MODEL, length="long") == (
        f"a run of {MODEL} with length='long' was taken on, but the world has forgotten its task to make room"
    )


def test_no_complaint_holds_a_credential() -> None:
    """Wherever one has strayed."""
    world = make_world()
    run(world, {"prompt": f"{KEY} {SECRET}"})
    post(world, f"/v1/{SECRET}", {})
    text = complaint(assert_ran, world, MODEL, length="long") + complaint(assert_not_called, world)
    assert KEY not in text
    assert SECRET not in text
    assert "'*** ***'" in text


# -- assert_not_called ---------------------------------------------------------------------------------


def test_what_was_not_called() -> None:
    """By operation, by model, by both; refused requests are calls."""
    world = make_world()
    assert_not_called(world)
    task_id, _ = run(world)
    post(world, "/v1/Task/Kill", {"taskid": "7"})
    detail(world, task_id)
    assert_not_called(world, "Task/Cancel")
    assert_not_called(world, model="moondream3-preview/query")
    assert_not_called(world, "Task/Kill", model=MODEL)
    assert complaint(assert_not_called, world, "Task/Kill") == (
        "Task/Kill was called, in 1 request:\n  req-2 POST /v1/Task/Kill -> 200 code 1 'There is no task yet.'"
    )
    assert complaint(assert_not_called, world, model=MODEL) == (
        f"something of {MODEL} was called, in 2 requests:\n"
        f"  req-1 POST {CAPTION} -> 200 (task {task_id})\n"
        f"  req-3 POST /v1/Task/Detail -> 200 (task {task_id})"
    )
    assert complaint(assert_not_called, world).startswith("something was called, in 3 requests:\n")
    assert complaint(assert_not_called, world, "Run", model="moondream3*/*").startswith("Run of moondream3*/* was ")
    assert misuse(assert_not_called, world, "Task/Kil") == "there is no operation 'Task/Kil'; did you mean 'Task/Kill'?"


def test_what_was_forgotten_may_have_been_called() -> None:
    """Then it is not claimed that it was not."""
    world = make_world(journal_requests=1)
    task_id, _ = run(world)
    detail(world, task_id)
    assert_not_called(world, "Task/Kill")
    assert complaint(assert_not_called, world, "Run") == (
        "whether Run was called cannot be told: 1 older request that may have been that had to make room in the journal"
    )


def test_forgotten_polls_are_counted_and_have_no_pauses() -> None:
    """How many there were of a task is known for ever, when they were is not."""
    world = make_world(journal_requests=1)
    task_id, _ = run(world)
    for _ in range(3):
        detail(world, task_id)
    assert tasks(world)[task_id].polls == 3
    assert_polled(world, at_most=3, at_least=3)
    assert complaint(assert_polled, world, at_most=2) == (
        f"task {task_id} was polled 3 times, expected at most 2: req-4"
    )
    assert complaint(assert_polled, world, min_interval="1s") == (
        f"its pauses cannot be told: the journal has forgotten 2 polls of task {task_id}"
    )
    assert "poll 3 (req-4)" in str(tasks(world)[task_id].timeline)


# -- assert_polled -------------------------------------------------------------------------------------


def test_how_often_a_task_was_polled() -> None:
    """Each task by itself, or the one that is named."""
    world = make_world()
    assert complaint(assert_polled, world, at_most=1) == "there is no task that could have been polled"
    one, token = run(world)
    other, _ = run(world)
    for _ in range(3):
        detail(world, one)
    assert_polled(world, one)
    assert_polled(world, token, at_least=3, at_most=3)
    assert_polled(world, sequences.tasks(world)[0], at_most=3)
    assert_polled(world, at_most=3)
    assert_polled(world, other, at_most=0)
    assert complaint(assert_polled, world, one, at_most=2) == (
        f"task {one} was polled 3 times, expected at most 2: req-3 … req-5"
    )
    assert complaint(assert_polled, world, at_least=1) == f"task {other} was polled 0 times, expected at least 1"
    assert complaint(assert_polled, world) == f"task {other} was polled 0 times, expected at least 1"
    detail(world, other)
    assert complaint(assert_polled, world, other, at_least=2) == (
        f"task {other} was polled once, expected at least 2: req-6"
    )


def test_the_pause_between_two_polls() -> None:
    """From an answer to the next request, on the world's clock."""
    world = make_world(time="manual")
    task_id, _ = run(world)
    for pause in (2_000_000, 500_000, 700_000):
        detail(world, task_id)
        world.clock.jump(world.clock.now() + pause)  # nobody looks meanwhile
    detail(world, task_id)
    assert_polled(world, min_interval="500ms")
    assert complaint(assert_polled, world, min_interval="1s") == (
        f"req-4 polled task {task_id} 500ms after req-3 was answered, on the world's clock (which really sleeping does "
        "not move); expected at least 1s; 2 of 3 pauses are too short"
    )
    assert misuse(assert_polled, world, min_interval="1") == "min_interval: 1 has no unit; write 1s or 1ms"


def test_what_a_poll_is_worth_is_no_pause() -> None:
    """The clock moves while it is answered; the client has not waited."""
    world = make_world(time="auto", poll="next")
    task_id, _ = run(world)
    detail(world, task_id)
    detail(world, task_id)
    one, other = sequences.requests(world).of("Task/Detail")
    assert other.at > one.at
    assert "0s after req-2 was answered" in complaint(assert_polled, world, min_interval="1ms")


# -- assert_signed -------------------------------------------------------------------------------------


def test_every_request_was_signed() -> None:
    """What needs no key may have none."""
    world = make_world(auth_mode="lenient")
    assert complaint(assert_signed, world) == "no request that needs a key was made, so none was signed"
    get(world, "http://127.0.0.1:4747/v1/File/x/y")
    run(world)
    assert_signed(world)
    post(world, "/v1/Task/Detail", {"taskid": "7"}, headers={"x-api-key": KEY})
    post(world, "/v1/Task/Detail", {"taskid": "7"}, headers={**signed(), "x-nonce": "1"})
    lines = complaint(assert_signed, world).splitlines()
    assert lines[0] == "2 requests of 4 not rightly signed:"
    assert lines[1].startswith("  req-3 POST /v1/Task/Detail -> 200 code 1 'There is no task yet.': ")
    assert "x-signature and x-nonce missing" in lines[1]
    assert "x-signature is wrong" in lines[2]


def test_where_nothing_is_signed_it_is_said() -> None:
    """Nothing has been checked there, so it does not pass."""
    for settings, said in (
        ({"key_only": True}, "this world's project is key-only: its requests carry the key and no signature; drop"),
        ({"auth_mode": "off"}, "in this world nobody looks at keys (auth is off), so nothing is signed; use"),
    ):
        world = make_world(**settings)
        run(world)
        assert complaint(assert_signed, world).startswith(said)


def test_a_wrong_signature_is_not_forgotten() -> None:
    """Though the journal may no longer know which request it was."""
    world = make_world(journal_requests=1)
    post(world, CAPTION, {}, headers={})
    run(world)
    assert complaint(assert_signed, world) == ("the journal has forgotten 1 request not rightly signed")


# -- assert_no_leaks -----------------------------------------------------------------------------------


def test_all_leaks_are_told_at_once() -> None:
    """Sockets, unfinished and held tasks, and outputs that nobody has downloaded."""
    held = f"scenario: held\nmatch: {{model: {MODEL}}}\nsteps: [accept, assign, hold: gate, start, exit: 0]\n"
    world = make_world(time="auto", scenarios=held)
    assert_no_leaks(world)
    one, _ = run(world)
    detail(world, one)
    done, _ = run(world, path=QUERY)
    detail(world, done)
    queued, _ = run(world, path=QUERY)
    world.sockets.add(2)
    assert complaint(assert_no_leaks, world) == (
        "4 things left behind:\n"
        "  socket 2 is still open\n"
        f"  the hold 'gate' was never released: task {one} (moondream3-preview/caption) stands in task_assign\n"
        f"  the output '0.txt' of task {done} (moondream3-preview/query) was never downloaded\n"
        f"  task {queued} (moondream3-preview/query) is unfinished: it is in task_queue"
    )
    world.sockets.discard(2)
    world.release()
    detail(world, one)
    detail(world, queued)
    for task in sequences.tasks(world):
        for file in task.outputs:
            get(world, file.url)
    assert_no_leaks(world)


def test_one_leak_is_told() -> None:
    """With what the task waits for."""
    stalled = f"scenario: stalled\nmatch: {{model: {MODEL}}}\nsteps: [accept, stall]\n"
    world = make_world(time="auto", scenarios=stalled)
    task_id, _ = run(world)
    detail(world, task_id)
    assert re.fullmatch(
        rf"1 thing left behind:\n  task {task_id} \({MODEL}\) is unfinished: it is in task_accept, "
        "and waits for nothing: it is stalled by its scenario",
        complaint(assert_no_leaks, world),
    )


def test_files_that_were_deleted_need_no_download() -> None:
    """The client has said that it does not want them."""
    world = make_world(time="auto")
    task_id, token = run(world)
    detail(world, task_id)
    post(world, "/v1/Task/InputOutputDelete", {"tasktoken": token})
    assert_no_leaks(world)


def test_assertions_hide_themselves_in_a_traceback() -> None:
    """So that pytest points at the test's own line."""
    world: World = make_world()
    with pytest.raises(AssertionError) as caught:
        assert_ran(world, MODEL)
    assert caught.traceback[-1].frame.f_locals["__tracebackhide__"] is True
