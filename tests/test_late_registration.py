"""Who registers late: the history where time is virtual, one frame for the status elsewhere (design.md §11)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests import api_kit
from tests.api_kit import make_world
from tests.test_socket import ONE_EACH, ORIGIN, after, real, register, said, types
from wiro_mock.api import Conversation, Profile, find_profile, switch
from wiro_mock.mock import World


@pytest.mark.parametrize("mode", ["auto", "manual"])
def test_in_virtual_time_a_late_registration_gets_the_whole_history_then_what_follows(mode: str) -> None:
    """Nobody can be in time there (design.md §11)."""
    world = make_world(time=mode, poll=0)
    _, token = api_kit.run(world)
    after(world, 2)
    conversation = Conversation(world, ORIGIN)
    assert conversation.receive(register(token)) == []
    assert types(said(conversation)) == ONE_EACH[:5]
    after(world, 60)
    assert types(said(conversation)) == ONE_EACH[5:]


@pytest.mark.parametrize(("wait", "kind"), [(0, "task_queue"), (1.0, "task_preprocess_end"), (3.3, "task_output")])
def test_in_real_time_a_late_registration_gets_one_frame_for_the_current_status(wait: float, kind: str) -> None:
    """Once, at once; then what follows, and nothing twice (socket.md §3)."""
    world = real()
    _, token = api_kit.run(world)
    after(world, wait)
    conversation = Conversation(world, ORIGIN)
    (frame,) = conversation.receive(register(token))
    assert json.loads(frame)["type"] == kind
    assert said(conversation) == []
    after(world, 60)
    rest = said(conversation)
    assert types([json.loads(frame), *rest]) == ONE_EACH[ONE_EACH.index(kind) :]
    assert frame not in map(json.dumps, rest)


def test_the_current_status_is_not_that_of_stderr() -> None:
    """A `task_error` says nothing of where the task is; the frame before it does."""
    world = real()
    world.use("stderr-warnings")
    task_id, token = api_kit.run(world)
    while not (task := world.sim.task(task_id)) or not task.stderr:
        world.jump(world.sim.next_deadline() or 0)
    (frame,) = Conversation(world, ORIGIN).receive(register(token))
    assert json.loads(frame)["type"] == "task_start"


@pytest.mark.parametrize(
    ("scenario", "kind"), [("caption", "task_postprocess_end"), ("killed-while-running", "task_cancel")]
)
def test_in_real_time_a_registration_after_the_end_gets_the_terminal_frame_at_once(scenario: str, kind: str) -> None:
    """SDKs would hang for 600 s without it (socket.md §2.3); each new socket gets it again."""
    world = real()
    world.use(scenario)
    _, token = api_kit.run(world)
    after(world, 60)
    for _ in range(2):
        conversation = Conversation(world, ORIGIN)
        (frame,) = conversation.receive(register(token))
        assert json.loads(frame)["type"] == kind
        assert json.loads(frame)["terminal"] is True
        assert [wanted for _, wanted in conversation.changes] == [True, False]  # and it is not followed any more
        assert said(conversation) == []


def test_deleted_files_do_not_hide_the_end() -> None:
    """After InputOutputDelete the terminal frame is still the last word, without the files."""
    world = real()
    task_id, token = api_kit.run(world)
    after(world, 60)
    api_kit.post(world, "/v1/Task/InputOutputDelete", {"taskid": task_id})
    (frame,) = Conversation(world, ORIGIN).receive(register(token))
    assert json.loads(frame)["type"] == "task_postprocess_end"
    assert json.loads(frame)["message"] == []


@pytest.mark.parametrize(
    ("make", "replay", "running", "ended"),
    [
        (real, "full", ONE_EACH[:5], ONE_EACH),
        (real, "none", [], []),
        (make_world, "status", ["task_assign"], ["task_postprocess_end"]),
        (make_world, "none", [], []),
    ],
)
def test_the_switch_replay_overrides_what_late_comers_get(
    make: Callable[..., World], replay: str, running: list[str], ended: list[str]
) -> None:
    """`full`, `status` or `none`, whatever the time mode; what comes later comes in any case."""
    profile: Profile = switch(find_profile("current"), f"replay={replay}")
    world = make(profile=profile)
    _, token = api_kit.run(world)
    after(world, 2)
    conversation = Conversation(world, ORIGIN)
    assert types([*map(json.loads, conversation.receive(register(token))), *said(conversation)]) == running
    after(world, 60)
    assert types(said(conversation)) == ONE_EACH[5:]
    late = Conversation(world, ORIGIN)
    assert types([*map(json.loads, late.receive(register(token))), *said(late)]) == ended
