"""Backends behind tasks: what they yield is what happens, and whatever becomes of them the mock goes on."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.api_kit import ORIGIN, make_world, multipart, part, post, send, signed
from tests.api_kit import run as run_task
from tests.live_kit import PATIENCE, eventually, hooks, live
from wiro_mock import Misuse, WiroMock
from wiro_mock.backends import Backend, BackendError, Job
from wiro_mock.casting import Standing
from wiro_mock.control import RESOURCES
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Event
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.rules import Limits
from wiro_mock.kernel.status import Status
from wiro_mock.mock import World

QUERY = "/v1/Run/moondream3-preview/query"
KINDS = [e.Queued, e.Accepted, e.Assigned, e.Started, e.Output, e.Output, e.Produced]
ENDING = [e.OutputEnded, e.Exited, e.PostprocessStarted, e.PostprocessEnded]


def caption(job: Job) -> Iterator[Event]:
    yield job.say("A cat")
    yield job.say(" asleep.")
    yield job.produce("0.txt", "A cat asleep.")


def world_with(backend: Backend, tell: list[str] | None = None, **settings: Any) -> World:
    standing = Standing(name="mine", model="moondream3-preview/*", backend=backend)
    return make_world(tell=(tell if tell is not None else []).append, standing=[standing], **settings)


def finished(world: World, task_id: str) -> Any:
    def is_over() -> bool:
        with world.lock:
            task = world.sim.task(task_id)
            return task is not None and task.finished

    eventually(is_over)
    return world.sim.task(task_id)


def kinds(world: World, task_id: str) -> list[type[Event]]:
    return [type(entry.event) for entry in world.sim.log(task_id)]


def test_what_a_backend_yields_happens_and_what_it_leaves_out_is_filled_in() -> None:
    """Ten words of a backend are a whole life of a task, with the text streamed, the file kept and the run charged."""
    world = world_with(caption)
    task_id, _ = run_task(world)
    task = finished(world, task_id)
    assert kinds(world, task_id) == KINDS + ENDING
    assert (task.exit_code, task.debugoutput, task.stderr) == (0, "A cat asleep.", "")
    (detail,) = post(world, "/v1/Task/Detail", {"taskid": task_id}).json["tasklist"]
    (output,) = detail["outputs"]
    assert (output["name"], output["size"], detail["pexit"]) == ("0.txt", "13", "0")
    assert world.blobs.read(task.outputs[0].blob) == b"A cat asleep."
    world.close()


def test_a_live_run_needs_nobody_to_look_at_it() -> None:
    """It begins with its Run, also where time stands still: a model computes whether or not somebody polls."""
    begun = threading.Event()

    def run(job: Job) -> Iterator[Event]:
        begun.set()
        yield job.print("here")

    world = world_with(run, time="manual")
    run_task(world)
    assert begun.wait(PATIENCE)
    world.close()


def test_an_exception_is_a_failed_task_with_its_reason() -> None:
    """Before the start as a failed set-up, after it as stderr and exit code 1; told to the tester, too."""
    told: list[str] = []

    def early(job: Job) -> Iterator[Event]:
        raise BackendError("no weights in /tmp/x; give --weights")
        yield

    def late(job: Job) -> Iterator[Event]:
        yield job.say("A")
        raise ValueError("NaN in layer 3")

    world = world_with(early, told)
    task_id, _ = run_task(world)
    task = finished(world, task_id)
    assert (task.status, task.exit_code, task.stderr) == (
        Status.POSTPROCESS_END,
        1,
        "no weights in /tmp/x; give --weights",
    )
    assert kinds(world, task_id)[-2:] == [e.SetupFailed, e.GaveUp]
    world.backends["mine"] = late
    task_id, _ = run_task(world)
    task = finished(world, task_id)
    assert (task.exit_code, task.debugoutput, task.stderr) == (1, "A", "ValueError: NaN in layer 3")
    assert kinds(world, task_id)[-6:] == [e.ErrorOutput, e.OutputEnded, e.ErrorEnded, *ENDING[1:]]
    eventually(lambda: len(told) == 2)
    assert told[1] == f"task {task_id}: its backend 'mine' failed: ValueError: NaN in layer 3"
    assert world.sim.spent == 0
    world.close()


@pytest.mark.parametrize(
    ("yielded", "reason"),
    [
        ([], "the backend has yielded nothing; yield job.say(...), job.produce(...) or Exited(code=0)"),
        (["A cat."], "IllegalEvent: a backend cannot yield str 'A cat.'; what it can: PreprocessStarted, "),
        ([e.Cancelled(killed=True)], "IllegalEvent: a backend cannot yield Cancelled; what it can: "),
        ([e.Started(), e.PreprocessStarted()], "IllegalEvent: PreprocessStarted cannot follow task_start; what can: "),
        ([e.PreprocessStarted()], "the backend ended between PreprocessStarted and PreprocessEnded"),
        (
            [e.Output(message=e.Snapshot(text=text, upto=1, elapsed=0, words_per_second=0)) for text in "AB"],
            "IllegalEvent: a streamed text only grows; begin each Snapshot with the text of the one before it",
        ),
    ],
)
def test_what_no_backend_may_yield_fails_its_task(yielded: list[Any], reason: str) -> None:
    """With the rule that was broken; never a task that stands still, or a log that cannot be."""
    world = world_with(lambda job: iter(yielded))
    task_id, _ = run_task(world)
    task = finished(world, task_id)
    assert task.stderr.startswith(reason)
    assert task.exit_code == 1
    world.close()


def test_an_exit_says_how_it_ended_and_what_was_used() -> None:
    """A code of the backend's own; stderr before it is complete with it."""

    def run(job: Job) -> Iterator[Event]:
        yield e.PreprocessStarted()
        yield e.PreprocessEnded()
        yield job.stderr("a warning")
        yield e.Exited(code=3)

    world = world_with(run)
    task_id, _ = run_task(world)
    task = finished(world, task_id)
    assert (task.exit_code, task.stderr) == (3, "a warning")
    assert kinds(world, task_id)[2:] == [
        e.PreprocessStarted,
        e.PreprocessEnded,
        e.Assigned,
        e.Started,
        e.ErrorOutput,
        e.OutputEnded,
        e.ErrorEnded,
        *ENDING[1:],
    ]
    world.close()


# -- the end that comes from outside ------------------------------------------------------------------------


def test_kill_ends_the_task_at_once_and_wakes_a_backend_that_is_silent() -> None:
    """The answer to Kill is already that of the ended task; what unblocks the backend is called in another thread."""
    woken, left = threading.Event(), threading.Event()

    def run(job: Job) -> Iterator[Event]:
        job.on_cancel(woken.set)
        yield job.say("A")
        woken.wait(PATIENCE)
        assert job.cancelled.is_set()
        left.set()
        yield job.say(" late word")

    world = world_with(run)
    task_id, _ = run_task(world)
    eventually(lambda: e.Output in kinds(world, task_id))
    (killed,) = post(world, "/v1/Task/Kill", {"taskid": task_id}).json["tasklist"]
    assert killed["status"] == "task_cancel"
    assert left.wait(PATIENCE)
    eventually(lambda: world.sim.dropped == 1)
    assert kinds(world, task_id)[-1] is e.Cancelled
    assert world.live.stuck == []
    world.close()


def test_kill_stops_a_backend_that_has_not_said_a_word() -> None:
    """It is at work from the moment it has a worker, though its task still shows `task_accept`."""
    begun, left = threading.Event(), threading.Event()

    def run(job: Job) -> Iterator[Event]:
        begun.set()
        assert job.cancelled.wait(PATIENCE)
        left.set()
        yield job.say("late")

    world = world_with(run)
    task_id, _ = run_task(world)
    assert begun.wait(PATIENCE)
    (killed,) = post(world, "/v1/Task/Kill", {"taskid": task_id}).json["tasklist"]
    assert killed["status"] == "task_cancel"
    assert left.wait(PATIENCE)
    world.close()


def test_a_backend_that_does_not_notice_its_end_is_told_of_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its task is over all the same, and the mock serves."""
    from wiro_mock.backends import running

    monkeypatch.setattr(running, "PATIENCE_SECONDS", 0.0)
    go, told = threading.Event(), list[str]()

    def run(job: Job) -> Iterator[Event]:
        yield job.say("A")
        go.wait(PATIENCE)

    world = world_with(run, told)
    task_id, _ = run_task(world)
    eventually(lambda: e.Output in kinds(world, task_id))
    shown = {
        "task": task_id,
        "backend": "mine",
        "thread": f"wiro-mock-backend-{task_id}",
        "over": False,
        "stuck": False,
    }
    show = RESOURCES["/backends"]["GET"]
    assert show(world, {}, {}) == (200, {"backends": [shown]})
    post(world, "/v1/Task/Kill", {"taskid": task_id})
    eventually(lambda: bool(told))
    assert show(world, {}, {}) == (200, {"backends": [{**shown, "over": True, "stuck": True}]})
    assert told[0].startswith(
        f"stuck: the backend 'mine' of task {task_id} is still at work 0 s after its task was over"
    )
    assert f"(thread wiro-mock-backend-{task_id})" in told[0]
    assert world.live.stuck == [task_id]
    go.set()
    eventually(lambda: world.live.stuck == [])
    assert show(world, {}, {}) == (200, {"backends": []})
    world.close()


def test_a_thread_that_is_ended_by_force_ends_its_task() -> None:
    """SystemExit, and the like, are reasons as well."""

    def run(job: Job) -> Iterator[Event]:
        yield job.say("A")
        sys.exit(9)

    world = world_with(run)
    task_id, _ = run_task(world)
    assert finished(world, task_id).stderr == "SystemExit: 9"
    world.close()


def test_a_reset_and_a_close_let_backends_know() -> None:
    """What they say afterwards is nobody's."""
    over = list[threading.Event]()

    def run(job: Job) -> Iterator[Event]:
        over.append(job.cancelled)
        yield job.say("A")
        job.cancelled.wait(PATIENCE)
        yield job.say("B")

    world = world_with(run)
    run_task(world)
    eventually(lambda: len(over) == 1)
    world.reset()
    assert over[0].wait(PATIENCE)
    assert not world.live
    run_task(world)
    eventually(lambda: len(over) == 2)
    world.close()
    assert over[1].wait(PATIENCE)


# -- time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "manual", "1000x"])
def test_the_clock_runs_at_rate_one_while_a_backend_is_at_work(mode: str) -> None:
    """Polls are worth nothing then, whatever the mode; afterwards the clock is what it was, and goes on from there."""
    go, done = threading.Event(), threading.Event()

    def run(job: Job) -> Iterator[Event]:
        yield job.say("A")
        done.set()
        go.wait(PATIENCE)
        yield job.say(" B")

    world = world_with(run, time=mode)
    before = world.clock
    task_id, _ = run_task(world)
    assert done.wait(PATIENCE)
    for _ in range(3):
        (detail,) = post(world, "/v1/Task/Detail", {"taskid": task_id}).json["tasklist"]
        assert detail["status"] == "task_output"
    assert world.clock is not before
    assert (world.clock.mode, world.clock.autojump) == (before.mode, False)
    during = world.clock.now()
    go.set()
    finished(world, task_id)
    assert world.clock is before
    assert before.now() >= during
    ats = [entry.at for entry in world.sim.log(task_id)]
    assert ats == sorted(ats)
    world.close()


def test_a_change_of_the_time_mode_waits_for_the_backend() -> None:
    """The new mode is told at once, and holds when nobody computes any more."""
    go = threading.Event()

    def run(job: Job) -> Iterator[Event]:
        go.wait(PATIENCE)
        yield job.say("A")

    world = world_with(run, time="auto")
    task_id, _ = run_task(world)
    world.set_time("manual")
    assert (world.clock.mode, world.clock.seconds_until(world.clock.now() + 10**9) is None) == ("manual", False)
    go.set()
    finished(world, task_id)
    assert world.clock.seconds_until(world.clock.now() + 1) is None
    world.close()


def test_a_live_run_waits_for_a_worker_and_gives_it_back() -> None:
    """As any task: the second begins when the first has ended, or was killed."""
    begun = list[str]()

    def run(job: Job) -> Iterator[Event]:
        begun.append(job.id)
        job.cancelled.wait(PATIENCE)
        yield job.say("late")

    world = world_with(run, limits=Limits(workers=1))
    first, _ = run_task(world)
    second, _ = run_task(world)
    eventually(lambda: begun == [first])
    assert world.sim.waiting_for(first) == "its backend mine, which is at work"
    assert world.sim.waiting_for(second) == "a free worker"
    assert world.sim.task(second).status is Status.QUEUE  # type: ignore[union-attr]
    with world.lock:
        world.sim.emit(first, e.Assigned())
        world.sim.kill(first)
        world.collect()
    eventually(lambda: begun == [first, second])
    world.close()


def test_a_patched_sleep_waits_for_a_backend_that_is_at_work() -> None:
    """It moves the clock by an hour where nobody computes, and by none of it where somebody does."""
    with WiroMock() as wiro:
        go = threading.Event()

        def run(job: Job) -> Iterator[Event]:
            go.wait(PATIENCE)
            yield job.print("there")

        wiro.backend("*", run)
        wiro.patch_sleep(__name__)
        task_id, _ = run_task(wiro.world, headers=_signed(wiro))
        before = wiro.now
        go.set()
        time.sleep(3600)
        assert finished(wiro.world, task_id).succeeded
        assert wiro.now - before < 3600
        time.sleep(3600)
        assert wiro.now - before >= 3600


def test_sockets_and_webhooks_hear_of_a_live_run_as_of_any() -> None:
    """Frame by frame while the backend is still at work, in a time mode that would otherwise jump; then the webhook."""
    go = threading.Event()

    def run(job: Job) -> Iterator[Event]:
        yield job.say("A")
        go.wait(PATIENCE)
        yield job.say(" cat")

    with hooks() as target, live(world_with(run, time="auto")) as server:
        task_id, token = server.run(callbackUrl=target.url)
        with server.socket("/v1", token) as listener:
            early = listener.until("task_output")
            assert early[-1]["message"]["raw"] == "A"
            assert server.detail(task_id)["status"] == "task_output"
            go.set()
            frames = [*early, *listener.until_end()]
        assert [frame["type"] for frame in frames] == [
            *("task_queue", "task_accept", "task_assign", "task_start", "task_output", "task_output"),
            *("task_output_full", "task_end", "task_postprocess_start", "task_postprocess_end"),
        ]
        assert frames[5]["message"]["raw"] == "A cat"
        eventually(lambda: len(target.posts) == 1)
        assert json.loads(target.posts[0][1])["tasklist"][0]["debugoutput"] == "A cat"


# -- names -------------------------------------------------------------------------------------------------

NAMED = "scenario: named\nmatch: {{model: moondream3-preview/*}}\nbackend: {name}\n"


def module(monkeypatch: pytest.MonkeyPatch, **names: object) -> None:
    made = ModuleType("captioners")
    vars(made).update(names)
    monkeypatch.setitem(sys.modules, "captioners", made)


def test_a_scenario_names_a_backend_of_anybodys_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """By module and name, with options for it."""

    def run(job: Job) -> Iterator[Event]:
        yield job.print(f"{job.options['style']} {job.value('length')} {job.model}")

    module(monkeypatch, caption=run)
    world = make_world(scenarios=NAMED.format(name="{use: 'captioners:caption', options: {style: plain}}"))
    task_id, _ = run_task(world)
    assert finished(world, task_id).debugoutput == "plain normal moondream3-preview/caption"
    world.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "captioners:capton",
            "the backend 'captioners:capton': there is no 'capton' in captioners; did you mean 'caption'?",
        ),
        ("captioners:nothing", "the backend 'captioners:nothing' is a NoneType; it has to be a function, run(job)"),
        (
            "no_such_package.x:run",
            "the backend 'no_such_package.x:run' needs the module 'no_such_package'; install its package",
        ),
        ("not-installed", "no backend 'not-installed'; installed packages offer: "),
    ],
)
def test_a_name_that_leads_nowhere_fails_the_run_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    """It is looked up when it is needed, in the backend's own thread: importing it may take long."""
    module(monkeypatch, caption=caption, nothing=None)
    world = make_world(scenarios=NAMED.format(name=name))
    task_id, _ = run_task(world)
    assert finished(world, task_id).stderr.startswith(reason)
    world.close()


def test_a_package_offers_its_backend_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is the package's choice."""
    (tmp_path / "painters.py").write_text("def run(job):\n    yield job.print('painted')\n")
    info = tmp_path / "painters-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: painters\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[wiro_mock.backends]\npainter = painters:run\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    world = make_world(scenarios=NAMED.format(name="painter"))
    task_id, _ = run_task(world)
    assert finished(world, task_id).debugoutput == "painted"
    world.close()


# -- in a test ---------------------------------------------------------------------------------------------


def test_a_test_gives_a_function_for_a_model() -> None:
    """`wiro.backend` is a registration like any other: it must be of use."""
    with WiroMock() as wiro:
        made = wiro.backend("moondream3-preview/*", caption)
        with wiro.respx():
            task_id, _ = run_task(wiro.world, headers=_signed(wiro))
        finished(wiro.world, task_id)
        assert wiro.tasks[0].scenario == made.name
    wiro = WiroMock()
    wiro.backend("moondream3-preview/*", caption)
    assert "unused registration" in wiro.problems()[0]
    with pytest.raises(
        Misuse, match="backend: 'captioner' is no function; give one that takes a job and yields events"
    ):
        wiro.backend("*", "captioner")  # type: ignore[arg-type]
    wiro.close()


def _signed(wiro: WiroMock) -> dict[str, str]:
    from wiro_mock.api.auth import sign

    return {"x-api-key": wiro.api_key, "x-nonce": "1", "x-signature": sign(wiro.api_key, wiro.api_secret, "1")}


def test_input_files_come_in_every_spelling() -> None:
    """A file part has bytes; a URL has none, unless it leads to a file that lies here, at whatever host."""
    seen = list[tuple[str, str, bytes]]()

    def run(job: Job) -> Iterator[Event]:
        for one in job.inputs("inputImage"):
            seen.append((one.url, one.contenttype, one.read() if one.is_here else b""))
        yield job.print("seen")

    world = world_with(run)
    body, kind = multipart([part("inputImage", b"first", filename="a.png", kind="image/png")])
    task_id, _ = run_task_of(world, body, kind)
    link = f"{ORIGIN}/v1/File/{finished(world, task_id).job.inputs[0].accesskey}/"
    link += finished(world, task_id).job.inputs[0].name
    task_id, _ = run_task(world, {"inputImageUrl": f"https://example.test/a.png,{link}"}, path=QUERY)
    finished(world, task_id)
    assert seen == [("", "image/png", b"first"), ("https://example.test/a.png", "", b""), (link, "image/png", b"first")]
    world.close()


def run_task_of(world: World, body: bytes, kind: str) -> tuple[str, str]:
    answer = send(world, "POST", QUERY, body, content_type=kind, headers=signed()).json
    return answer["taskid"], answer["socketaccesstoken"]


class Untold(Exception):
    """One that cannot be told."""

    def __str__(self) -> str:
        raise RuntimeError("there are no words")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Untold(), "Untold: (no text: its __str__ failed)"),
        (OSError("no file 'cat\udcff.png'"), "OSError: no file 'cat\ufffd.png'"),
    ],
)
def test_an_exception_that_cannot_be_told_or_sent_loses_no_task(error: Exception, reason: str) -> None:
    """A thread that died while it made up the reason left its task unended; half a character is none."""

    def run(job: Job) -> Iterator[Event]:
        yield job.say("A")
        raise error

    world = world_with(run)
    task_id, _ = run_task(world)
    task = finished(world, task_id)
    assert (task.exit_code, task.stderr) == (1, reason)
    world.close()


@pytest.mark.parametrize("code", ["x", None, True, 1.5])
def test_an_exit_code_is_a_number(code: Any) -> None:
    """Any other went out as it was in `pexit`."""

    def run(job: Job) -> Iterator[Event]:
        yield job.say("A")
        yield e.Exited(code=code)

    world = world_with(run)
    task_id, _ = run_task(world)
    task = finished(world, task_id)
    assert task.exit_code == 1
    assert task.stderr == f"IllegalEvent: a backend cannot exit with the code {code!r}; it is a number such as 0"
    world.close()


def test_an_output_without_bytes_fails_its_task() -> None:
    """It was in the task's outputs, and its download an error of the mock's own."""
    unknown = Blob(digest="0" * 64, size=5, contenttype="text/plain")

    def run(job: Job) -> Iterator[Event]:
        yield job.say("A")
        yield e.Produced(name="0.txt", blob=unknown)

    world = world_with(run)
    task_id, _ = run_task(world)
    task = finished(world, task_id)
    assert task.exit_code == 1
    assert task.stderr == "the output '0.txt' has no bytes; make it by job.produce(name, data)"
    assert not task.outputs
    world.close()
