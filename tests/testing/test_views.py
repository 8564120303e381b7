"""What a test sees of a world: live, settled, and true also after the world has forgotten or begun anew."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import pytest

from tests.api_kit import (
    CAPTION,
    KEY,
    SECRET,
    detail,
    get,
    make_world,
    part,
    post,
    post_parts,
    run,
    send,
    signed,
    upload,
)
from wiro_mock.kernel.rules import Limits
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing import sequences
from wiro_mock.testing.views import FileView

HELD = (
    "scenario: held\nmatch: {model: moondream3-preview/caption}\nsteps: [accept, assign, hold: gate, start, exit: 0]\n"
)
FAILS = """
scenario: fails
match: {model: moondream3-preview/caption}
steps: [accept, assign, start, stderr: "out of memory", exit: 1]
"""


def test_a_task_tells_what_it_is_at_the_moment() -> None:
    """The very same view, before and after."""
    world = make_world(time="manual")
    task_id, token = run(world, {"length": "short", "n": [1, 2]})
    (task,) = sequences.tasks(world)
    assert (task.id, task.token, task.model) == (task_id, token, "moondream3-preview/caption")
    assert task.parameters == {"length": "short", "n": [1, 2]}
    assert (task.status, task.exit_code, task.finished, task.cost, task.outputs) == (
        "task_queue",
        None,
        False,
        None,
        [],
    )
    world.jump(world.sim.now + 60_000_000)
    assert (task.status, task.exit_code, task.finished) == ("task_postprocess_end", 0, True)
    assert (task.succeeded, task.cancelled, task.scenario) == (True, False, "caption")
    assert task.cost == Decimal("0.002925")
    assert task.debugoutput.startswith("A tabby cat")
    assert [file.name for file in task.outputs] == ["0.txt"]
    assert type(task.status) is str


def test_a_view_settles_the_world() -> None:
    """The clock has gone on, and nobody else has looked since."""
    world = make_world()
    run(world)
    task = sequences.tasks(world)[0]
    for second, status in ((1, "task_preprocess_end"), (60, "task_postprocess_end")):
        world.clock.jump(world.clock.now() + second * 1_000_000)
        assert task.status == status
    world.clock.jump(world.clock.now() + 1_000_000)
    run(world)
    world.clock.jump(world.clock.now() + 60_000_000)
    assert sequences.tasks(world)[1].finished


def test_a_failure_is_told() -> None:
    """By its exit code and its stderr."""
    world = make_world(time="auto", scenarios=FAILS)
    detail(world, run(world)[0])
    task = sequences.tasks(world)[-1]
    assert (task.exit_code, task.debugerror, task.succeeded, task.finished) == (1, "out of memory", False, True)


def test_a_cancelled_task_is_told() -> None:
    """It has no exit code."""
    world = make_world()
    post(world, "/v1/Task/Cancel", {"taskid": run(world)[0]})
    task = sequences.tasks(world)[-1]
    assert (task.status, task.cancelled, task.exit_code) == ("task_cancel", True, None)


def test_a_held_task_says_what_it_waits_for() -> None:
    """In its repr, too, which holds no token."""
    world = make_world(time="auto", scenarios=HELD)
    task_id, token = run(world)
    detail(world, task_id)
    task = sequences.tasks(world)[-1]
    assert task.waits_for == "the hold 'gate'"
    assert repr(task) == f"<Task {task_id} moondream3-preview/caption task_assign, waits for the hold 'gate'>"
    assert token not in repr(task)


def test_polls_are_counted() -> None:
    """Those that named this task, by whatever name, and no other request."""
    world = make_world()
    task_id, token = run(world)
    other, _ = run(world)
    detail(world, task_id)
    post(world, "/v1/Task/Detail", {"tasktoken": token})
    detail(world, other)
    post(world, "/v1/Task/Cancel", {"taskid": task_id})
    assert [task.polls for task in sequences.tasks(world)] == [2, 1]


def test_a_file_parameter_is_a_view_of_the_file() -> None:
    """Several under one name are a list."""
    world = make_world()
    post_parts(
        world,
        CAPTION,
        part("inputImage", b"one", filename="a.png", kind="image/png"),
        part("more", b"two", filename="b.png", kind="image/png"),
        part("more", b"three", filename="c.png", kind="image/png"),
        part("prompt", "a cat"),
    )
    parameters = sequences.tasks(world)[0].parameters
    image = parameters["inputImage"]
    assert (image.read(), image.size, image.contenttype) == (b"one", 3, "image/png")
    assert image.sha256 == hashlib.sha256(b"one").hexdigest()
    assert [file.read() for file in parameters["more"]] == [b"two", b"three"]
    assert parameters["prompt"] == "a cat"


def test_an_output_is_downloaded_once_its_bytes_were_fetched() -> None:
    """By a GET, of a part too; neither HEAD nor a 304 fetches any."""
    world = make_world(time="auto")
    detail(world, run(world)[0])
    file = sequences.tasks(world)[0].outputs[0]
    path = file.url.removeprefix("http://127.0.0.1:4747")
    etag = send(world, "HEAD", path).headers["etag"]
    assert get(world, file.url, if_none_match=etag).status == 304
    assert get(world, file.url, range="bytes=999999-").status == 416
    assert not file.downloaded
    assert repr(file) == "<File '0.txt' text/plain, 75 bytes>"
    assert get(world, file.url, range="bytes=0-1").status == 206
    assert file.downloaded
    assert repr(file) == "<File '0.txt' text/plain, 75 bytes, downloaded>"
    assert file.text() == get(world, file.url).content.decode()


def test_a_reset_does_not_change_what_was_seen_before() -> None:
    """The same seed makes the same ids again, and they mean other tasks and files."""
    world = make_world(time="auto")
    task_id, _ = run(world)
    detail(world, task_id)
    before = sequences.tasks(world)[0]
    file = before.outputs[0]
    get(world, file.url)
    world.reset()
    with pytest.raises(Misuse) as caught:
        file.read()
    run(world)
    after = sequences.tasks(world)[0]
    assert before.id == after.id
    assert before != after
    assert (before.status, after.status) == ("task_postprocess_end", "task_queue")
    assert (before.polls, after.polls) == (1, 0)
    assert file.downloaded
    assert not FileView(after._era, file._file, "").downloaded
    assert str(caught.value) == (
        "the bytes of '0.txt' are gone, for its files were deleted, or the world was reset or had to make room; "
        "read them before that"
    )


def test_a_task_that_was_forgotten_stays_as_it_was_last() -> None:
    """With its timeline, and its place among the tasks is free."""
    world = make_world(limits=Limits(finished=0))
    task_id, _ = run(world)
    task = sequences.tasks(world)[0]
    world.jump(world.sim.now + 60_000_000)
    assert world.sim.task(task_id) is None
    assert (task.status, task.exit_code, task.waits_for) == ("task_postprocess_end", 0, "")
    assert task.timeline[-1].kind == "task_postprocess_end"
    assert repr(sequences.tasks(world)) == "no tasks, 1 older one has been forgotten"


def test_the_same_task_seen_twice_is_equal() -> None:
    """A view is a value; it can be counted in a set."""
    world = make_world()
    run(world)
    run(world)
    assert sequences.tasks(world)[0] == sequences.tasks(world)[0]
    assert len({*sequences.tasks(world), *sequences.tasks(world)}) == 2


def test_a_request_tells_what_came_of_it() -> None:
    """What was sent, what was answered, and why."""
    world = make_world()
    task_id, _ = run(world, {"prompt": "a cat"})
    post(world, "/v1/Task/Detail", {"taskid": "7"})
    ran, asked = sequences.requests(world)
    assert (ran.id, ran.method, ran.path, ran.operation, ran.status) == ("req-1", "POST", CAPTION, "Run", 200)
    assert (ran.task, ran.fields, ran.at) == (task_id, {"prompt": "a cat"}, 1_735_689_600.0)
    assert (ran.code, ran.message, ran.reason, ran.signed, ran.unexpected) == (None, "", "", "signed", False)
    assert ran.json["taskid"] == task_id
    assert (asked.code, asked.message) == (1, "There is no task yet.")
    assert asked.reason.startswith("no task with taskid '7' here")
    assert repr(asked) == "<Request req-2 POST /v1/Task/Detail -> 200 code 1 'There is no task yet.'>"


@pytest.mark.parametrize(
    ("headers", "settings", "expected"),
    [
        (signed(), {}, "signed"),
        ({"x-api-key": KEY}, {}, "missing"),
        ({}, {}, "missing"),
        ({"authorization": "Bearer x"}, {}, "missing"),
        ({"x-api-key": "other"}, {}, "wrong"),
        ({**signed(), "x-nonce": "1"}, {}, "wrong"),
        ({**signed(), "x-nonce": "1"}, {"auth_mode": "lenient"}, "wrong"),
        ({}, {"auth_mode": "off"}, "off"),
        ({"x-api-key": KEY}, {"key_only": True}, "key-only"),
        ({"x-api-key": "other"}, {"key_only": True}, "wrong"),
    ],
)
def test_a_request_tells_how_it_was_signed(headers: dict[str, str], settings: dict[str, Any], expected: str) -> None:
    """Whether it was let in or not."""
    world = make_world(**settings)
    post(world, "/v1/Task/Detail", {"taskid": "7"}, headers=headers)
    assert sequences.requests(world)[0].signed == expected


def test_what_needs_no_key_is_public() -> None:
    """And of what is no operation at all nothing can be said."""
    world = make_world()
    get(world, "http://127.0.0.1:4747/v1/File/x/y")
    get(world, "http://127.0.0.1:4747/favicon.ico")
    assert [request.signed for request in sequences.requests(world)] == ["public", ""]


REFUSES = "scenario: refuses\nsteps: [refuse: {code: 1, message: slug-owner-project-not-exist}]\n"
BROKEN = 'scenario: broken\nsteps: [accept, assign, start, print: "${with.nothing}", exit: 0]\n'


def _asked(name: str) -> Any:
    def ask(world: World) -> None:
        world.use(name)
        post(world, CAPTION, {})

    return ask


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda world: post(world, "/v1/nope", {}), True),
        (lambda world: get(world, "http://127.0.0.1:4747/favicon.ico"), True),
        (lambda world: post(world, "/v1/Run/no/model", {}), True),
        (_asked("broken"), True),
        (_asked("refuses"), False),
        (lambda world: get(world, "http://127.0.0.1:4747/v1/File/x/y"), False),
        (lambda world: post(world, "/v1/Task/Detail", {"taskid": "7"}), False),
        (lambda world: post(world, CAPTION, {}, headers={}), False),
        (lambda world: send(world, "POST", CAPTION, b"{", content_type="application/json", headers=signed()), False),
    ],
    ids=["route", "page", "model", "scenario", "refusal", "file", "task", "key", "body"],
)
def test_a_request_is_unexpected_when_nothing_here_answers_to_it(ask: Any, expected: bool) -> None:
    """No operation, no model, no scenario; what Wiro itself refuses is an answer."""
    world = make_world(scenarios=f"{REFUSES}---\n{BROKEN}")
    ask(world)
    (request,) = sequences.requests(world)
    assert request.code is not None or request.status == 404
    assert request.unexpected is expected
    assert list(sequences.requests(world).unexpected) == ([request] if expected else [])


def test_a_mistake_of_the_mock_is_unexpected() -> None:
    """It cannot go on, and says so with HTTP 500."""
    world = make_world()
    world.sim = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        post(world, "/v1/Task/Detail", {})
    world = make_world(time="auto")
    task_id, _ = run(world)
    world.poll = None  # type: ignore[assignment, method-assign]
    assert post(world, "/v1/Task/Detail", {"taskid": task_id}).status == 500
    assert sequences.requests(world)[-1].unexpected


def test_a_webhook_tells_what_is_posted() -> None:
    """The body is the Detail of the end, whatever happens to the task later."""
    world = make_world(time="auto")
    task_id, _ = run(world, {"callbackUrl": "http://me:secret-word@127.0.0.1:9/hook"})
    assert list(sequences.deliveries(world)) == []
    shown = post(world, "/v1/Task/Detail", {"taskid": task_id}).json
    (hook,) = sequences.deliveries(world)
    assert (hook.task, hook.url, hook.state, hook.attempts) == (task_id, "http://***@127.0.0.1:9/hook", "waiting", 0)
    assert hook.json == shown
    assert sequences.tasks(world)[0].webhooks == [hook]
    body = hook.body
    world.deliveries.webhooks[0].end("posted", "taken")
    post(world, "/v1/Task/InputOutputDelete", {"tasktoken": sequences.tasks(world)[0].token})
    assert (hook.state, hook.body) == ("posted", body)
    assert repr(hook) == f"<Delivery hook-1 task {task_id} to http://***@127.0.0.1:9/hook posted: taken>"


def test_uploads_are_seen_with_the_url_that_was_answered() -> None:
    """Each under the origin to which it came."""
    world = make_world()
    item = upload(world, b"bytes", "a.png")
    (file,) = sequences.uploads(world)
    assert (file.name, file.read(), file.url) == ("a.png", b"bytes", item["url"])
    get(world, file.url)
    assert file.downloaded


def test_no_repr_holds_a_credential() -> None:
    """Wherever one has strayed."""
    world = make_world(time="auto")
    task_id, _ = run(world, {"callbackUrl": f"http://127.0.0.1:9/{SECRET}"})
    detail(world, task_id)
    post(world, f"/v1/{KEY}", {})
    upload(world, b"x", f"{SECRET}.png")
    for seen in (sequences.tasks, sequences.requests, sequences.deliveries, sequences.uploads):
        text = repr(seen(world)) + str(sequences.tasks(world)[0].timeline)
        assert KEY not in text
        assert SECRET not in text
