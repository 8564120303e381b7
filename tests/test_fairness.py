"""Long frames and long histories: whoever asks for something else meanwhile has a turn, and each text is made once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from tests.api_kit import make_world, run
from tests.test_pump import pumping, soon
from wiro_mock import pump as pump_module
from wiro_mock import socket_log
from wiro_mock.api import Conversation
from wiro_mock.api.frame_texts import LONGEST, FrameTexts
from wiro_mock.api.profile import find_profile
from wiro_mock.kernel.events import SECOND
from wiro_mock.mock import World
from wiro_mock.protocols import message_frame
from wiro_mock.socket_log import FrameLog
from wiro_mock.talk import Talk

PIECES = 120
TALKATIVE = f"""
scenario: talkative
about: A text that grows to 120 000 characters, of which each frame tells all.
match: {{model: "*"}}
steps:
  - stream:
      pieces: [{", ".join(f"{{text: '{number:03}{'y' * 997}', after: 10ms}}" for number in range(PIECES))}]
  - exit: 0
"""
ORIGIN = "http://mock.test"


def talkative() -> tuple[World, str]:
    """A world with such a task, which is over; the task's token."""
    world = make_world(time="auto", scenarios=TALKATIVE)
    _, token = run(world)
    world.jump(world.sim.now + 3600 * SECOND)
    return world, token


@pytest.mark.anyio
async def test_a_long_history_leaves_turns_to_others() -> None:
    """Also where its client takes whatever is written: between two pieces of it the loop turns."""
    world, token = talkative()
    turns, over = 0, asyncio.Event()
    writes: list[int] = []

    def write(messages: Sequence[str | bytes]) -> bool:
        writes.extend([turns] * bool(messages))
        if any('"task_postprocess_end"' in str(one)[:100] for one in messages):
            over.set()
        return True

    async def send(message: Any) -> None:
        raise AssertionError("there was room")

    async def turn() -> None:
        nonlocal turns
        while not over.is_set():
            turns += 1
            await asyncio.sleep(0)

    async with pumping(world) as pump:
        talk = Talk(world, Conversation(world, ORIGIN), pump.join(), welcome=False)
        halves = talk.start(send, write)
        turning = asyncio.create_task(turn())
        await talk.hear({"text": json.dumps({"type": "task_info", "tasktoken": token})}, token)
        await soon(over.is_set)
        await turning
        talk.end()
        await asyncio.gather(*halves, return_exceptions=True)
    assert len(writes) > PIECES // 2
    assert all(before < after for before, after in pairwise(writes))


@pytest.mark.anyio
async def test_the_followers_of_an_entry_take_turns_with_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once their slice of time is over; time does not jump before each of them has had its frame."""
    monkeypatch.setattr(pump_module, "SLICE_SECONDS", 0.0)
    world = make_world(time="auto")
    task, _ = run(world)
    turns = 0
    pushed: list[tuple[int, int, float]] = []

    def push(number: int) -> bool:
        pushed.append((number, turns, world.sim.now))
        return True

    async with pumping(world) as pump:
        with world.lock:
            for number in range(5):
                follower = pump.join()
                follower.push = lambda number=number: push(number)
                follower.follow(task)
        async with asyncio.timeout(60):
            while not world.sim.task(task).finished or len(pushed) % 5:  # type: ignore[union-attr]
                turns += 1
                await asyncio.sleep(0)
        for follower in tuple(pump.followers):
            follower.leave()
    rounds = [pushed[at : at + 5] for at in range(0, len(pushed), 5)]
    assert len(rounds) > 3
    for one in rounds:
        assert sorted(number for number, _, _ in one) == [0, 1, 2, 3, 4]
        assert len({at for _, _, at in one}) == 1
        assert len({turn for _, turn, _ in one}) == 5


def test_a_long_text_is_made_once_for_all_who_follow() -> None:
    """The latest of them is kept, and no other; short ones are kept beside it."""
    world, token = talkative()
    task = world.sim.task_by_token(token)
    assert task is not None
    entries = [entry for entry in world.sim.log(task.job.id) if "Output" in type(entry.event).__name__]
    texts, profile = FrameTexts(), find_profile("current")
    long, longer = (texts.of(entry, task, ORIGIN, profile) for entry in entries[-3:-1])
    assert len(long or "") > LONGEST
    assert texts.of(entries[-2], task, ORIGIN, profile) is longer
    again = texts.of(entries[-3], task, ORIGIN, profile)
    assert again is not long
    assert again == long
    assert texts.of(entries[0], task, ORIGIN, profile) is texts.of(entries[0], task, ORIGIN, profile)
    assert texts.of(entries[-3], task, "http://other", profile) == again
    assert longer is not None
    assert message_frame(longer) is message_frame(longer)


def test_of_a_long_frame_only_the_beginning_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is one of ours: type and task stand there."""
    log = FrameLog()
    long = json.dumps({"type": "task_output", "id": "2221", "message": "x" * (1 << 17)}, separators=(",", ":"))
    other = json.dumps({"message": "x" * (1 << 17), "id": "2222", "type": "odd"})
    with monkeypatch.context() as patched:
        patched.setattr(socket_log, "_read", lambda text: pytest.fail("it was read"))
        log.sent(1, 0, [long])
    log.sent(1, 0, [other])
    assert [(one.type, one.task_id, one.size) for one in log] == [
        ("task_output", "2221", len(long)),
        ("odd", "2222", len(other)),
    ]
