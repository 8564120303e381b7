"""The frames of a task: S1 to S6 of socket.md §1.5 for every shipped scenario, byte for byte; law 8, Projection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import api_kit
from tests.api_kit import CAPTION, make_world, post, shipped_library
from tests.strategies import plans
from wiro_mock.api import Conversation, Profile, find_profile, switch
from wiro_mock.api.frames import frame
from wiro_mock.api.origin import origins
from wiro_mock.api.progress_shape import duration
from wiro_mock.kernel import events as e
from wiro_mock.kernel.audio import pcm
from wiro_mock.kernel.events import SECOND, Entry
from wiro_mock.kernel.plan import Plan
from wiro_mock.kernel.task import Task
from wiro_mock.mock import World

ORIGIN = "http://wiro.test:8443"
CURRENT, SEED = find_profile("current"), find_profile("2025-12")
WARNING = "UserWarning: Some weights were not initialized..."
FUTURE = "FutureWarning: this argument will change its default value"
MEMORY = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. "
    "GPU 0 has a total capacity of 23.69 GiB of which 1.12 GiB is free."
)
FAILED = ["Traceback (most recent call last):", "ValueError: the input could not be processed"]
CAT = "A tabby cat lies asleep on a sunlit windowsill beside a small potted plant."
PREPARED = ["task_queue", "task_accept", "task_preprocess_start", "task_preprocess_end", "task_assign", "task_start"]
STARTED = ["task_queue", "task_accept", "task_assign", "task_start"]

# A type alone: no message. A pair: a type and its message; of progress, how many objects.
S: dict[str, list[str | tuple[str, object]]] = {
    "caption": [*PREPARED, ("progress", 5), ("task_output", CAT), ("full", CAT), ("end", "0.txt")],
    "image": [*PREPARED, ("progress", 10), ("task_output", "Done."), ("full", None), ("end", "0.png")],
    "video": [*PREPARED, ("progress", 10), ("task_output", "Done."), ("full", None), ("end", "0.mp4")],
    "audio": [*PREPARED, ("progress", 5), ("task_output", "Done."), ("full", "Done."), ("end", "0.wav")],
    "3d": [*PREPARED, ("progress", 5), ("task_output", "Done."), ("full", "Done."), ("end", "0.glb")],
    "document": [*PREPARED, ("progress", 5), ("task_output", "Done."), ("full", "Done."), ("end", "0.pdf")],
    "json": [*PREPARED, ("progress", 5), ("task_output", "Done."), ("full", "Done."), ("end", "0.json")],
    "empty-output": [*STARTED, ("progress", 2), ("full", ""), ("end", None)],
    "slow-queue": [
        *STARTED,
        ("progress", 4),
        ("task_output", "It was worth the wait."),
        ("full", "It was worth the wait."),
        ("end", "0.txt"),
    ],
    "stderr-warnings": [
        *STARTED,
        ("task_error", WARNING),
        ("progress", 4),
        ("task_error", FUTURE),
        ("task_output", "A quiet street after the rain."),
        ("full", "A quiet street after the rain."),
        ("errors", f"{WARNING}\n{FUTURE}"),
        ("end", "0.txt"),
    ],
    "failure": [
        *STARTED,
        ("progress", 2),
        *(("task_error", line) for line in FAILED),
        ("full", ""),
        ("errors", "\n".join(FAILED)),
        ("end", None),
    ],
    "gpu-out-of-memory": [
        *STARTED,
        ("progress", 3),
        ("task_error", MEMORY),
        ("full", None),
        ("errors", MEMORY),
        ("end", None),
    ],
    "cancelled-in-queue": ["task_queue", "task_cancel"],
    "killed-while-running": [*STARTED, ("progress", 3), "task_cancel"],
    "never-starts": ["task_queue"],
    "setup-error-fail": ["task_queue", "task_accept", ("task_error", "Output folder creation failed"), ("last", None)],
    "setup-error-stuck": ["task_queue", "task_accept", ("task_error", "User has no output folder")],
    "setup-error-requeue": [
        "task_queue",
        "task_accept",
        ("task_error", "Output folder creation failed"),
        *STARTED,
        ("progress", 4),
        ("task_output", "The second try went well."),
        ("full", "The second try went well."),
        ("end", "0.txt"),
    ],
}
EXIT_CODES = {"failure": 1, "gpu-out-of-memory": 1, "setup-error-fail": 1}


def test_every_shipped_scenario_with_a_task_has_its_sequence_here() -> None:
    """A scenario that is added needs its frames written down."""
    refusing = {"account-suspended", "concurrency-limit", "insufficient-balance", "members-only", "model-not-found"}
    refusing |= {"team-model-not-allowed", "team-spend-limit", "member-spend-limit"}
    elsewhere = ("llm", "realtime")  # tests/test_answers.py, tests/test_sessions.py
    names = {scenario.name for scenario in shipped_library().scenarios if not scenario.name.startswith(elsewhere)}
    assert names - refusing == set(S)


@pytest.mark.parametrize("profile", [CURRENT, SEED], ids=["current", "2025-12"])
@pytest.mark.parametrize("name", S)
def test_a_scenario_sends_its_canonical_sequence_byte_for_byte(name: str, profile: Profile) -> None:
    """Every frame, its keys in their order, in both generations of the envelope."""
    world = make_world(profile=profile)
    world.use(name)
    task_id, token = api_kit.run(world, {"prompt": "x"})
    world.jump(world.sim.now + 86_400 * SECOND)
    task = world.sim.task(task_id)
    assert task is not None
    sent = list(_frames(world, token))
    files = [
        {
            "name": file.name,
            "contenttype": file.blob.contenttype,
            "size": str(file.blob.size),
            "url": f"{ORIGIN}/{file.cdn_folder}/{file.name}",
        }
        for file in task.outputs
    ]
    expected = list(_expected(S[name], profile, task.debugoutput, files))
    assert sent == [_envelope(kind, message, (task_id, token), profile, name) for kind, message in expected]


def _expected(
    rows: list[str | tuple[str, object]], profile: Profile, log: str, files: list[dict[str, str]]
) -> Iterator[tuple[str, object]]:
    old = profile is SEED
    for row in rows:
        kind, what = row if isinstance(row, tuple) else (row, None)
        match kind, what:
            case "progress", int(total):
                for step in range(1, total + 1):
                    yield "task_output", (step, total)
            case "full", _:
                assert what is None or what == log
                yield "task_output_full", {"raw": log} if old else ""
            case "errors", _:
                yield "task_error_full", {"raw": what} if old else ""
            case "end", name:
                yield "task_end", None
                yield "task_postprocess_start", None
                assert [file["name"] for file in files] == ([] if name is None else [name])
                yield "task_postprocess_end", files
            case "last", _:
                yield "task_postprocess_end", []
            case _:
                yield kind, what


def _envelope(kind: str, message: object, ids: tuple[str, str], profile: Profile, scenario: str) -> str:
    if isinstance(message, tuple):
        message = _Progress(*message)
    shape = {
        "type": kind,
        "id": ids[0],
        "tasktoken": ids[1],
        "message": message,
        "result": kind != "task_cancel",
    }
    if profile is CURRENT:
        ended = kind in ("task_postprocess_end", "task_cancel")
        code = EXIT_CODES.get(scenario, 0) if kind == "task_postprocess_end" else None
        shape |= {"success": code == 0 if ended else None, "terminal": ended, "exitCode": code}
    return _text(shape)


class _Progress(dict[str, str]):
    """Equal to the object of this step; its times and its speed are another test's business."""

    def __init__(self, step: int, total: int) -> None:
        super().__init__(
            type="progressGenerate",
            task="Generate",
            percentage=str(round(100 * step / total)),
            stepCurrent=str(step),
            stepTotal=str(total),
            speed="*",
            speedType="it/s",
            elapsedTime="*",
            remainingTime="*",
        )


def _text(shape: object) -> str:
    return json.dumps(shape, ensure_ascii=False, separators=(",", ":"))


def _frames(world: World, token: str) -> Iterator[str]:
    conversation = Conversation(world, ORIGIN)
    assert conversation.receive(_text({"type": "task_info", "tasktoken": token})) == []
    while texts := conversation.pending():
        for text in texts:
            value = json.loads(text)
            assert _text(value) == text  # compact, unescaped, as JSON.stringify writes it
            if isinstance(value["message"], dict) and "stepTotal" in value["message"]:
                assert all(isinstance(item, str) for item in value["message"].values())
                value["message"] |= {"speed": "*", "elapsedTime": "*", "remainingTime": "*"}
            yield _text(value)


def test_progress_tells_speed_and_times_as_strings() -> None:
    """Five steps in 2.5 s: two a second, whole seconds gone and to go (socket.md §4.1)."""
    world = make_world()
    _, token = api_kit.run(world)
    world.jump(world.sim.now + 60 * SECOND)
    conversation = Conversation(world, ORIGIN)
    conversation.receive(_text({"type": "task_info", "tasktoken": token}))
    messages = [json.loads(text)["message"] for text in conversation.pending(100)]
    bars = [message for message in messages if isinstance(message, dict)]
    assert [bar["speed"] for bar in bars] == ["2.0"] * 5
    assert [bar["elapsedTime"] for bar in bars] == ["0s", "1s", "1s", "2s", "2s"]
    assert [bar["remainingTime"] for bar in bars] == ["2s", "1s", "1s", "0s", "0s"]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (5.9, "5s"), (60, "1m 0s"), (65, "1m 5s"), (3725, "62m 5s")])
def test_durations_read_as_in_the_documentation(seconds: float, text: str) -> None:
    """`5s` and `1m 5s` (socket.md §4.1)."""
    assert duration(int(seconds * SECOND)) == text


def test_a_streamed_text_is_told_whole_each_time_in_the_forms_of_the_profile() -> None:
    """Cumulative, with `segments` in `current` only, so that clients of either generation read it (socket.md §4.2)."""
    yaml = "scenario: talk\nabout: It talks.\nsteps:\n  - stream: {text: one two three, rate: 10tps}\n  - exit: 0\n"
    for profile in (CURRENT, SEED):
        world = make_world(scenarios=yaml, profile=profile)
        world.use("talk")
        _, token = api_kit.run(world)
        world.jump(world.sim.now + 60 * SECOND)
        messages = [json.loads(text)["message"] for text in _frames(world, token)]
        snapshots = [message for message in messages if isinstance(message, dict) and "answer" in message]
        assert [message["raw"] for message in snapshots][-1] == "one two three"
        for before, after in pairwise(snapshots):
            assert after["raw"].startswith(before["raw"])
        for message in snapshots:
            assert message["answer"] == [message["raw"]]
            assert message["thinking"] == []
            assert message["isThinking"] is False
            assert message.get("segments") == (
                [{"type": "answer", "text": message["raw"]}] if profile is CURRENT else None
            )


def test_the_result_of_a_cancel_frame_is_a_switch() -> None:
    """No source shows a `task_cancel` frame, so its `result` can be chosen (socket.md §1.3)."""
    world = make_world(profile=switch(CURRENT, "cancel_result=true"))
    world.use("cancelled-in-queue")
    _, token = api_kit.run(world)
    world.jump(world.sim.now + 3600 * SECOND)
    assert json.loads(list(_frames(world, token))[-1])["result"] is True


@given(plan=plans(waits=False), cuts=st.lists(st.integers(0, 20 * SECOND), max_size=8), limit=st.integers(1, 5))
@settings(max_examples=60)
def test_the_frames_received_are_the_logs_projection(plan: Plan, cuts: list[int], limit: int) -> None:
    """Law 8: a follower who asks at any moments gets, joined, what the finished log projects to; Detail agrees."""
    world = make_world()
    world.sim._planner = lambda job: plan
    answer = post(world, CAPTION, {}).json
    conversation = Conversation(world, ORIGIN)
    conversation.receive(_text({"type": "task_info", "tasktoken": answer["socketaccesstoken"]}))
    got: list[str | bytes] = []
    for cut in cuts:
        world.jump(world.sim.now + cut)
        got += conversation.pending(limit)
        _check_detail_agrees(world, answer["taskid"], got, conversation)
    world.jump(world.sim.now + 1000 * SECOND)
    while more := conversation.pending(limit):
        got += more
    task = world.sim.task(answer["taskid"])
    assert task is not None
    log: list[Entry] = world.sim.log(answer["taskid"])
    shapes = [_binary(entry, task) or frame(entry, task, origins(ORIGIN), world.profile) for entry in log]
    assert got == [shape if isinstance(shape, bytes) else _text(shape) for shape in shapes if shape is not None]
    assert not [follow for follow in conversation._follows.values() if follow.has_news]


def _binary(entry: Entry, task: Task) -> bytes | None:
    """A piece of sound, which is no text frame."""
    piece = entry.event
    if not isinstance(piece, e.Voiced):
        return None
    return task.job.token.encode() + b"|" + pcm(piece.sound, piece.start, piece.stop, lambda start, stop: b"")


def _check_detail_agrees(world: World, task_id: str, got: list[str | bytes], conversation: Conversation) -> None:
    """Once everything has been handed out, Detail shows the status of the last frame that has one."""
    if not got or any(follow.has_news for follow in conversation._follows.values()):
        return
    shown = api_kit.detail(world, task_id)
    entries = world.sim.log(task_id)
    without = (e.ErrorOutput, e.ErrorEnded, e.StreamReady, e.Voiced, e.StreamEnded, e.TurnCharged)
    if any(isinstance(entry.event, without) for entry in entries):
        return  # these have frames and no status
    last = json.loads(got[-1])
    assert last["type"] == shown["status"]
    if last["type"] == "task_postprocess_end":
        assert str(last["exitCode"]) == shown["pexit"]
        assert [file["name"] for file in last["message"]] == [file["name"] for file in shown["outputs"]]
