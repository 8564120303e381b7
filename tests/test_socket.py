"""The dialogue of the socket, without a socket: registration, what is dropped, late comers, several at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import api_kit
from tests.api_kit import make_world
from wiro_mock.api import Conversation, find_profile, following, switch
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.rules import Limits
from wiro_mock.mock import World

ORIGIN = "http://127.0.0.1:4747"
ONE_EACH = [
    "task_queue",
    "task_accept",
    "task_preprocess_start",
    "task_preprocess_end",
    "task_assign",
    "task_start",
    "task_output",
    "task_output_full",
    "task_end",
    "task_postprocess_start",
    "task_postprocess_end",
]


def register(token: object, **more: object) -> str:
    return json.dumps({"type": "task_info", "tasktoken": token, **more})


def said(conversation: Conversation) -> list[dict[str, Any]]:
    """All frames that are to be sent now."""
    frames: list[dict[str, Any]] = []
    while texts := conversation.pending():
        frames += map(json.loads, texts)
    return frames


def types(frames: list[dict[str, Any]] | list[str]) -> list[str]:
    """Their types, repetitions once."""
    kinds: list[str] = []
    for item in frames:
        kind = json.loads(item)["type"] if isinstance(item, str) else item["type"]
        if kinds[-1:] != [kind]:
            kinds.append(kind)
    return kinds


def after(world: World, seconds: float) -> None:
    world.jump(world.sim.now + int(seconds * SECOND))


def real(**more: Any) -> World:
    """A world in real time, so slow that nothing happens by itself while a test looks."""
    return make_world(time="0.000001x", **more)


def test_the_welcome_is_one_frame_and_can_be_switched_off() -> None:
    """`connected` with its version, exactly (socket.md §1.1)."""
    assert Conversation(make_world(), ORIGIN).welcome() == ['{"type":"connected","version":"1.0"}']
    silent = make_world(profile=switch(find_profile("current"), "welcome=false"))
    assert Conversation(silent, ORIGIN).welcome() == []


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ("\ud800", "not JSON"),
        ("[" * 10_000, "nested deeper"),
        ('{"type":"task_info","tasktoken":NaN}', "NaN is not JSON"),
        ("[1]", "JSON that is an array"),
        ("null", "JSON that is null"),
        ("3", "JSON that is a number"),
        ("{}", "a message without a type; it has no keys"),
        ('{"tpye":"task_info","tasktoken":"x"}', "a message without a type; did you mean 'type' where 'tpye' stands?"),
        ('{"type":"task-info","tasktoken":"x"}', "did you mean 'task_info'?"),
        (
            '{"type":"subscribe"}',
            "known here are task_info, task_session_interrupt and task_session_end; send "
            '{"type": "task_info", "tasktoken": TOKEN}',
        ),
        ('{"type":"agent_info","agenttoken":"x"}', "agent_info"),
        ('{"type":["task_info"],"tasktoken":"x"}', "known here are task_info"),
        ('{"type":"task_info","tasktoken":5}', "tasktoken is a number"),
        ('{"type":"task_info","tasktoken":["x"]}', "tasktoken is an array"),
        ('{"type":"task_info","tasktoken":false}', "tasktoken is a boolean"),
    ],
)
def test_what_a_client_may_not_say_is_dropped_in_silence_with_a_note(text: str, note: str) -> None:
    """No frame, no close: unknown things are dropped (socket.md §3); the tester is told what it was."""
    conversation = Conversation(make_world(), ORIGIN)
    assert conversation.receive(text) == []
    (told,) = conversation.notes
    assert note in told
    assert told.startswith("dropped ")


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"task_info"}',
        '{"type":"task_info","tasktoken":null}',
        '{"type":"task_info","tasktoken":""}',
        '{"type":"task_info","tasktoken":" \\t"}',
    ],
)
def test_a_registration_without_a_token_is_answered_with_the_error_frame(text: str) -> None:
    """As the agents' sibling: an error frame, and the connection stays open (socket.md §3)."""
    conversation = Conversation(make_world(), ORIGIN)
    assert conversation.receive(text) == ['{"type":"error","message":"tasktoken-required","result":false}']


def test_the_registration_of_the_saved_page_is_understood() -> None:
    """With a space after each colon, and with keys that nobody knows."""
    world = make_world()
    _, token = api_kit.run(world)
    for text in (f'{{"type": "task_info", "tasktoken": "{token}"}}', register(token, extra=[1])):
        conversation = Conversation(world, ORIGIN)
        assert conversation.receive(text) == []
        assert types(said(conversation)) == ["task_queue"]


def test_registering_twice_changes_nothing_even_after_the_end() -> None:
    """No duplicate, no second snapshot (socket.md §3)."""
    for world in (make_world(), real()):
        _, token = api_kit.run(world)
        conversation = Conversation(world, ORIGIN)
        conversation.receive(register(token))
        said(conversation)
        assert conversation.receive(register(token)) == []
        after(world, 60)
        assert types(said(conversation)) == ONE_EACH[1:]
        assert conversation.receive(register(token)) == []
        assert said(conversation) == []


def test_frames_of_several_tasks_come_in_the_order_in_which_things_happened() -> None:
    """Each labelled with its task; batches of any size keep the order."""
    world = make_world()
    conversation = Conversation(world, ORIGIN)
    ids = []
    for wait in (0.0, 0.1, 0.3):
        after(world, wait)
        task_id, token = api_kit.run(world)
        ids.append(task_id)
        conversation.receive(register(token))
    after(world, 60)
    frames: list[dict[str, Any]] = []
    while texts := conversation.pending(limit=3):
        assert len(texts) <= 3
        frames += map(json.loads, texts)
    entries = [(entry.at, n, at) for n, i in enumerate(ids) for at, entry in enumerate(world.sim.log(i))]
    silent = {(n, at) for n, i in enumerate(ids) for at, x in enumerate(world.sim.log(i)) if "Produced" in repr(x)}
    expected = [ids[n] for _, n, at in sorted(entries) if (n, at) not in silent]
    assert [frame["id"] for frame in frames] == expected
    for task_id in ids:
        assert types([frame for frame in frames if frame["id"] == task_id]) == ONE_EACH


def test_an_unknown_token_is_remembered_in_silence_until_its_run_comes() -> None:
    """A token that is known before its Run was stored works, in real time too, from the first frame."""
    twin = real(seed="kit")
    _, token = api_kit.run(twin)
    world = real(seed="kit")
    conversation = Conversation(world, ORIGIN)
    assert conversation.receive(register(token)) == []
    assert conversation.notes == ["registered a token that no task has"]
    assert conversation.changes == [("*", True)]
    assert said(conversation) == []
    task_id, same = api_kit.run(world)
    assert same == token
    assert types(said(conversation)) == ["task_queue"]
    assert conversation.changes[1:] == [(task_id, True), ("*", False)]
    after(world, 60)
    assert types(said(conversation)) == ONE_EACH[1:]
    assert conversation.changes[3:] == [(task_id, False)]


def test_what_is_too_long_for_a_token_is_dropped() -> None:
    """Ten thousand unknown tokens of 8 MB each would be 80 GB."""
    conversation = Conversation(make_world(), ORIGIN)
    conversation.receive(register("x" * 200))
    assert list(conversation._unknown) == ["x" * 200]
    assert conversation.receive(register("y" * 201)) == []
    assert list(conversation._unknown) == ["x" * 200]
    assert conversation.notes[1:] == ["dropped task_info whose tasktoken has 201 characters; no token is that long"]


def test_a_socket_can_be_reused_for_any_number_of_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished tasks do not count against the registrations of a socket; unfinished and unknown ones do."""
    monkeypatch.setattr(following, "TOKENS_PER_SOCKET", 3)
    world = make_world()
    conversation = Conversation(world, ORIGIN)
    for _ in range(7):
        _, token = api_kit.run(world)
        conversation.receive(register(token))
        after(world, 60)
        assert types(said(conversation)) == ONE_EACH
    assert len(conversation._done) == 3
    for name in "abcd":
        conversation.receive(register(name))
    assert conversation.notes[-1] == "dropped a registration beyond 3 on one socket"
    assert len(conversation._unknown) == 3


def test_a_follower_gets_the_rest_of_a_task_that_was_forgotten_meanwhile() -> None:
    """The log that it holds tells to the end, even though nobody else can find the task any more."""
    world = make_world(limits=Limits(finished=0))
    task_id, token = api_kit.run(world)
    conversation = Conversation(world, ORIGIN)
    conversation.receive(register(token))
    after(world, 60)
    assert world.sim.task(task_id) is None
    assert types(said(conversation)) == ONE_EACH


def test_deleting_files_right_after_the_end_does_not_trouble_a_slow_follower() -> None:
    """An entry behind the terminal one has no frame, and what comes before it is told in full."""
    world = make_world()
    task_id, token = api_kit.run(world)
    conversation = Conversation(world, ORIGIN)
    conversation.receive(register(token))
    after(world, 60)
    api_kit.post(world, "/v1/Task/InputOutputDelete", {"taskid": task_id})
    assert types(said(conversation)) == ONE_EACH
    assert not conversation._follows


def test_after_a_reset_the_same_token_is_a_new_task() -> None:
    """The same seed draws the same tokens again: what was registered before must not stand in their way."""
    world = make_world()
    task_id, token = api_kit.run(world)
    conversation = Conversation(world, ORIGIN)
    conversation.receive(register(token))
    conversation.receive(register("not yet"))
    world.reset()
    assert said(conversation) == []
    assert conversation.changes[2:] == [(task_id, False), ("*", False)]
    assert api_kit.run(world) == (task_id, token)
    assert said(conversation) == []  # nobody has registered for this one
    conversation.receive(register(token))
    assert types(said(conversation)) == ["task_queue"]
    after(world, 60)
    assert types(said(conversation)) == ONE_EACH[1:]


def test_urls_in_frames_have_the_origin_of_the_conversation() -> None:
    """Each connection sees files where it came from; behind Wiro's own name they are on Wiro's CDN."""
    world = make_world()
    _, token = api_kit.run(world)
    after(world, 60)
    for origin, start in (("http://a:1", "http://a:1/"), ("https://api.wiro.ai", "https://cdn1.wiro.ai/")):
        conversation = Conversation(world, origin)
        conversation.receive(register(token))
        (file,) = said(conversation)[-1]["message"]
        assert file["url"].startswith(start)
        assert list(file) == ["name", "contenttype", "size", "url"]
