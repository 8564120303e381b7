"""What a test looks through: indexes, filters, a repr of at most ten lines, and frames that are waited for."""

from __future__ import annotations

import threading

import anyio
import pytest

from tests.api_kit import CAPTION, detail, make_world, post, run
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing import sequences

HELD = (
    "scenario: held\nmatch: {model: moondream3-preview/caption}\nsteps: [accept, assign, hold: gate, start, exit: 0]\n"
)


def say(world: World, kind: str, task_id: str = "", *, socket: int = 1) -> None:
    world.frames.sent(socket, world.sim.now, [f'{{"type":"{kind}","id":"{task_id}"}}'])


def test_a_task_is_found_by_place_id_and_token() -> None:
    """And a part of them is tasks again."""
    world = make_world()
    pairs = [run(world) for _ in range(3)]
    tasks = sequences.tasks(world)
    assert [task.id for task in tasks] == [task_id for task_id, _ in pairs]
    assert tasks[-1] == tasks[pairs[-1][0]] == tasks[pairs[-1][1]]
    assert isinstance(tasks[1:], sequences.Tasks)
    assert [task.id for task in tasks[1:]] == [pairs[1][0], pairs[2][0]]
    assert tasks[0] in tasks[:1]
    with pytest.raises(KeyError, match="no task has the id or token 'nope'; there are 3 tasks:"):
        tasks["nope"]
    with pytest.raises(IndexError) as caught:
        sequences.requests(make_world())[0]
    assert str(caught.value) == "there is no request 0; there are no requests"


def test_tasks_of_a_model() -> None:
    """By clean and display name, and by glob."""
    world = make_world()
    run(world)
    run(world, path="/v1/Run/moondream3-preview/query")
    tasks = sequences.tasks(world)
    assert [task.model for task in tasks.of("moondream3-preview/QUERY")] == ["moondream3-preview/query"]
    assert len(tasks.of("moondream3*/*")) == len(tasks.of("*")) == 2
    assert len(tasks.of("google/*")) == 0
    with pytest.raises(Misuse) as caught:
        tasks.of("caption")
    assert str(caught.value) == (
        "'caption' is not the name of a model; write it like moondream3-preview/caption or wiro/*"
    )


def test_requests_of_an_operation() -> None:
    """And those that were refused."""
    world = make_world()
    task_id, _ = run(world)
    detail(world, task_id)
    post(world, "/v1/Task/Detail", {"taskid": "7"})
    requests = sequences.requests(world)
    assert [request.id for request in requests.of("Task/Detail")] == ["req-2", "req-3"]
    assert [request.id for request in requests.refused] == ["req-3"]
    with pytest.raises(Misuse) as caught:
        requests.of("Task/Details")
    assert str(caught.value) == "there is no operation 'Task/Details'; did you mean 'Task/Detail'?"
    with pytest.raises(Misuse) as caught:
        requests.of("/v1/Task/Kill")
    assert str(caught.value) == "there is no operation '/v1/Task/Kill'; did you mean 'Task/Kill'?"


def test_a_repr_is_at_most_ten_lines() -> None:
    """The latest, and how many there are before them."""
    world = make_world(journal_requests=30)
    for _ in range(40):
        post(world, "/v1/nope")
    lines = repr(sequences.requests(world)).splitlines()
    assert len(lines) == 10
    assert lines[0] == "30 requests, 10 older ones have been forgotten:"
    assert lines[1] == "  … 22 before these"
    assert lines[-1] == "  <Request req-40 POST /v1/nope -> 404 code 0 'Error parsing url.'>"
    assert len(repr(sequences.requests(world)[:9]).splitlines()) == 10
    assert repr(sequences.requests(make_world())) == "no requests"


def test_frames_are_seen() -> None:
    """Those of a type, and of a task."""
    world = make_world()
    say(world, "task_queue", "7")
    say(world, "task_queue", "8", socket=2)
    world.frames.heard(2, world.sim.now, b"\x00\x01")
    one, other, binary = sequences.frames(world)
    assert (one.id, one.socket, one.direction, one.task, one.type) == (1, 1, "out", "7", "task_queue")
    assert (one.at, one.size, one.json) == (1_735_689_600.0, 30, {"type": "task_queue", "id": "7"})
    assert repr(one) == '<Frame 1 to socket 1: {"type":"task_queue","id":"7"}>'
    assert (binary.json, repr(binary)) == (None, "<Frame 3 from socket 2: 00 01>")
    assert list(sequences.frames(world).of("task_queue", task="8")) == [other]


def test_a_frame_is_waited_for() -> None:
    """Those of before the call count; what comes in another thread ends the waiting."""
    world = make_world()
    say(world, "task_output", "7")
    frames = sequences.frames(world)
    timer = threading.Timer(0.02, say, [world, "task_output", "7"])
    timer.start()
    found = frames.wait_for("task_output", count=2, timeout=60)
    timer.join()
    assert [frame.type for frame in found] == ["task_output"] * 2
    assert len(frames.wait_for("task_output", timeout=0)) == 2


def test_a_frame_is_waited_for_in_a_coroutine() -> None:
    """While the loop goes on."""
    world = make_world()

    async def later() -> None:
        await anyio.sleep(0.02)
        say(world, "task_end")

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(later)
            assert len(await sequences.frames(world).wait_for_async("task_end", timeout=60)) == 1

    anyio.run(main)


def test_what_came_instead_is_told() -> None:
    """The state of the task, what it waits for, and the last frames."""
    world = make_world(time="auto", scenarios=HELD)
    task_id, token = run(world)
    detail(world, task_id)
    with pytest.raises(AssertionError) as caught:
        sequences.frames(world).wait_for("task_start", timeout=0)
    assert str(caught.value) == (
        f"none of 1 task_start frame came within 0 s; task {task_id} is in task_assign and waits for the hold 'gate'; "
        "nothing has been said on any socket"
    )
    world.frames.heard(1, world.sim.now, '{"type":"task_info"}', task_id=task_id)
    say(world, "task_output", task_id)
    say(world, "task_output", "8")
    with pytest.raises(AssertionError) as caught:
        sequences.frames(world).wait_for("task_output", count=5, task=token, timeout="10ms")
    assert str(caught.value) == (
        f"1 of 5 task_output frames came within 0.01 s; task {task_id} is in task_assign and waits for the hold "
        "'gate'; last frames: task_info (in), task_output (out), task_output (out)"
    )
    with pytest.raises(AssertionError, match="there is no task 'nope'; "):
        sequences.frames(world).wait_for("task_output", task="nope", timeout=0)
    with pytest.raises(AssertionError, match="; there is no task; "):
        sequences.frames(make_world()).wait_for("task_output", timeout=0)


def test_a_sequence_does_not_change_under_ones_hands() -> None:
    """What it was made of stays; what stands in it lives."""
    world = make_world()
    tasks = sequences.tasks(world)
    run(world, path=CAPTION)
    assert len(tasks) == 0
    assert len(sequences.tasks(world)) == 1
