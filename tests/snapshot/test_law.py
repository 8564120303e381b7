"""Law: a world that is saved and loaded goes on exactly as the one that was not, whatever was done to it before."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests import api_kit
from tests.api_kit import CAPTION, Reply, make_world, part, post, post_parts, send
from tests.snapshot.kit import loaded, saved, seen
from tests.test_sessions import STT, TTS, VOICE, tone
from wiro_mock.faults import Fault
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.rules import Limits
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import Library, make_fault
from wiro_mock.mock import World

LLM = "/v1/Run/openai/gpt-5-2"
HOOK = "http://127.0.0.1:9/hook"
SCENARIOS = """
scenario: stuck-at-the-door
about: Comes to one line, and waits.
match: {with: {prompt: door}}
steps: [{start: {after: 300ms}}, {print: one}, {hold: door}, {produce: {text: "out of ${task.id}"}}, {exit: 0}]
---
scenario: two-files
about: Makes two files.
steps: [{produce: {text: one}}, {produce: {image: {width: 4, height: 4}}}, {exit: 0}]
---
scenario: unlucky
about: Its runs go wrong now and then.
match: {with: {prompt: unlucky}}
steps: [{start: 1s}, {print: two}, {exit: 0}]
faults:
  - {on: Run, do: {status: 502}, when: {every: 2}, times: 3}
  - {on: Task/Detail, do: {status: 503}, times: 2, then: [{status: 500}, ok]}
  - {on: webhook, do: {latency: 3s}}
"""
FAULTS: tuple[dict[str, Any], ...] = (
    {"on": "Task/Detail", "do": {"status": 503}, "times": 2},
    {"on": "Run", "do": {"status": 500}, "when": {"share": 0.5}, "times": 3},
    {"on": "webhook", "do": "reorder"},
    {"on": "webhook", "do": {"late": True, "latency": "1s..3s"}},
    {"on": "webhook", "do": {"duplicate": True}},
    {"on": "Task/*", "do": {"garbage": 20}, "when": {"nth": 2}},
)
SETS = ("flaky-network", "cold-start", "slow-gpu", "rate-limited", "webhook-trouble", "bad-day")


@dataclass(frozen=True)
class Act:
    """Something that is done to a world, about the `target`-th task (counted round)."""

    verb: str
    target: int = 0
    what: Any = None


_RUNS = st.sampled_from(
    [
        (CAPTION, {}), (CAPTION, {"callbackUrl": HOOK}), (CAPTION, {"prompt": "door", "callbackUrl": HOOK}),
        (CAPTION, {"prompt": "unlucky", "callbackUrl": HOOK}), (CAPTION, {"prompt": ["a", {"b": [1.5, None]}]}),
        (LLM, {"prompt": "hello", "user_id": "u", "session_id": "s"}), (LLM, {"prompt": "again " * 60}),
        (VOICE, {}), (TTS, {"prompt": "say it"}), (STT, {}), ("/v1/Run/nobody/knows", {}),
    ]
)  # fmt: skip
_TIMES = st.sampled_from([0, SECOND // 10, SECOND // 2, SECOND, 3 * SECOND, 60 * SECOND])
ACTS = st.one_of(
    st.builds(Act, verb=st.just("run"), what=_RUNS),
    st.builds(Act, verb=st.just("run"), what=_RUNS),
    st.builds(Act, verb=st.just("advance"), what=_TIMES),
    st.builds(Act, verb=st.sampled_from(["poll", "poll", "cancel", "kill", "release", "delete", "deadline"]),
              target=st.integers(0, 4)),
    st.builds(Act, verb=st.sampled_from(["hear", "interrupt", "end_session"]), target=st.integers(0, 4)),
    st.builds(Act, verb=st.just("use"), what=st.tuples(
        st.sampled_from(["two-files", "failure", "gpu-out-of-memory", "insufficient-balance", "never-starts"]),
        st.sampled_from([None, 1, 2]))),
    st.builds(Act, verb=st.just("fault"), what=st.sampled_from(FAULTS)),
    st.builds(Act, verb=st.just("set"), what=st.sampled_from(SETS)),
    st.builds(Act, verb=st.just("account"), what=st.sampled_from(["0.4", "12", "1000"])),
    st.builds(Act, verb=st.sampled_from(["upload", "folder", "file run", "download", "take", "done"]),
              target=st.integers(0, 4)),
)  # fmt: skip


class Player:
    """Does things to a world, and remembers every answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: list[Any] = []

    def play(self, act: Act) -> None:
        """Do it, and note what came of it."""
        tasks = list(self.world.sim.tasks())
        task_id = tasks[act.target % len(tasks)].job.id if tasks else "0"
        found = getattr(self, f"_{act.verb.replace(' ', '_')}")(act, task_id)
        shown = (found.status, found.content) if isinstance(found, Reply) else found
        self.answers.append((act.verb, shown))

    def _run(self, act: Act, _: str) -> Reply:
        path, fields = act.what
        return post(self.world, path, fields, headers=api_kit.signed(str(len(self.answers))))

    def _advance(self, act: Act, _: str) -> None:
        self.world.skip(act.what)

    def _deadline(self, _: Act, __: str) -> None:
        with self.world.lock:
            if (deadline := self.world.next_deadline()) is not None:
                self.world.jump(deadline)

    def _poll(self, _: Act, task_id: str) -> Reply:
        return post(self.world, "/v1/Task/Detail", {"taskid": task_id})

    def _cancel(self, _: Act, task_id: str) -> Reply:
        return post(self.world, "/v1/Task/Cancel", {"taskid": task_id})

    def _kill(self, _: Act, task_id: str) -> Reply:
        return post(self.world, "/v1/Task/Kill", {"taskid": task_id})

    def _delete(self, _: Act, task_id: str) -> Reply:
        return post(self.world, "/v1/Task/InputOutputDelete", {"taskid": task_id})

    def _release(self, act: Act, task_id: str) -> list[str]:
        return self.world.release(task_id=task_id if act.target else "")

    def _hear(self, act: Act, task_id: str) -> bool:
        return self.world.hear(task_id, (tone(0.3) if act.target % 2 else b"") + bytes(30_000))

    def _interrupt(self, _: Act, task_id: str) -> bool:
        return self.world.interrupt(task_id)

    def _end_session(self, _: Act, task_id: str) -> bool:
        return self.world.end_session(task_id)

    def _use(self, act: Act, _: str) -> str:
        name, times = act.what
        return self.world.use(name, times=times).name

    def _fault(self, act: Act, _: str) -> None:
        self.world.faults.arm(Fault(item=make_fault(act.what), where="a test"))

    def _set(self, act: Act, _: str) -> object:
        try:
            return self.world.arm_set(act.what).where
        except ScenarioError as error:
            return str(error)

    def _account(self, act: Act, _: str) -> None:
        self.world.change_account(balance=Decimal(act.what))

    def _upload(self, act: Act, _: str) -> Reply:
        return post_parts(self.world, "/v1/File/Upload", part("file", b"cat" * act.target, filename="cat.txt"))

    def _folder(self, act: Act, _: str) -> Reply:
        return post(self.world, "/v1/File/FolderCreate", {"name": f"folder-{act.target}", "parentid": "0"})

    def _file_run(self, act: Act, _: str) -> Reply:
        picture = part("inputImage", bytes(act.target), filename="a.png", kind="image/png")
        return post_parts(self.world, CAPTION, picture)

    def _download(self, act: Act, _: str) -> object:
        files = list(self.world.sim.files)
        if not files:
            return None
        file = files[act.target % len(files)]
        return send(self.world, "GET", f"/v1/File/{file.accesskey}/{file.name}")

    def _take(self, act: Act, _: str) -> object:
        with self.world.lock:
            taken = self.world.deliveries.take(self.world.sim.now)
            if taken is None:
                return None
            taken.attempts += 1
            again = act.target % 2
            if again:
                taken.again = 2 * SECOND
            else:
                taken.end("posted", "")
            self.world.deliveries.done(taken, self.world.sim.now)
            return (taken.id, taken.due)

    def _done(self, _: Act, task_id: str) -> bool:
        with self.world.lock:
            return self.world.deliveries.saw_end(task_id, self.world.sim.now)


HERE, THERE = api_kit.library(SCENARIOS), api_kit.library(SCENARIOS)
"""The same scenarios, read twice, as two processes read them."""


def world(time: str, workers: int | None, library: Library = HERE) -> World:
    made = make_world(time=time, limits=Limits(workers=workers, finished=3))
    made.casting._library = library
    return made


@given(
    st.lists(ACTS, min_size=1, max_size=12),
    st.sampled_from(["manual", "auto"]),
    st.sampled_from([None, 1]),
    st.data(),
)
def test_a_world_that_is_saved_and_loaded_goes_on_as_the_one_that_was_not(
    acts: list[Act], time: str, workers: int | None, data: st.DataObject
) -> None:
    """Answers, logs, frames, files, bills, webhooks, journal, faults: all of it, at once and for the rest of time."""
    moves = data.draw(st.sets(st.integers(0, len(acts) - 1), min_size=1, max_size=2))
    stays, moves_on = Player(world(time, workers)), Player(world(time, workers))
    for place, act in enumerate(acts):
        if place in moves:
            stays.world.settle()  # as every command does, and saving, too
            moves_on.world = loaded(saved(moves_on.world), world("10x", 7, THERE))
            assert seen(moves_on.world) == seen(stays.world)
        for player in (stays, moves_on):
            player.play(act)
        assert moves_on.answers[-1] == stays.answers[-1]
    for player in (stays, moves_on):
        player.world.skip(3600 * SECOND)
    assert seen(moves_on.world) == seen(stays.world)


def test_a_conversation_goes_along() -> None:
    """What was said before under one session, and when the world began."""
    stays = Player(world("manual", None))
    stays.play(Act("run", what=(LLM, {"prompt": "hello", "user_id": "u", "session_id": "s"})))
    stays.world.skip(600 * SECOND)
    goes_on = loaded(saved(stays.world), world("auto", 1, THERE))
    assert [name for name, _ in goes_on.talks.conversations()] == [("u", "s")]
    assert seen(goes_on) == seen(stays.world)
    assert goes_on.sim.began_at == stays.world.sim.began_at < goes_on.sim.now
