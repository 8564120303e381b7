"""Law 7, for live runs: a log written as a scenario and run again gives the same log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api_kit import make_world, run
from tests.scenarios_kit import JOB
from tests.test_backends import world_with
from tests.test_moondream_endpoint import ended
from wiro_mock import Misuse, WiroMock, recording
from wiro_mock.backends import Job
from wiro_mock.backends.feeding import Feed
from wiro_mock.control import RESOURCES
from wiro_mock.control.asking import Mistake
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Entry, Event
from wiro_mock.kernel.lifecycle import failing
from wiro_mock.kernel.prices import Used
from wiro_mock.kernel.status import KILLABLE
from wiro_mock.kernel.task import fold
from wiro_mock.language import yaml_source
from wiro_mock.loader import load_text
from wiro_mock.recording import NotRecordable, record

TEXTS = st.text(max_size=30)
SPANS = st.integers(0, 5_000_000)
PROGRESS = st.builds(
    e.Progress,
    step=st.integers(0, 10),
    total=st.integers(1, 10),
    elapsed=SPANS,
    remaining=SPANS,
    task=TEXTS,
    line=TEXTS,
)
STORED: dict[str, bytes] = {}


def produced(name: str, data: bytes, kind: str) -> e.Produced:
    digest = hashlib.sha256(data).hexdigest()
    STORED[digest] = data
    job = Job(task=JOB, shelf=None)  # type: ignore[arg-type]
    return job.produce(name, data, kind)


SAID = st.one_of(
    st.builds(lambda text: ("say", text), TEXTS),
    st.builds(lambda text: e.Output(message=text), TEXTS),
    st.builds(lambda shown: e.Output(message=shown), PROGRESS),
    st.builds(lambda text: e.ErrorOutput(text=text), TEXTS),
    st.builds(produced, TEXTS, TEXTS.map(lambda text: text.encode(errors="replace")), st.just("text/plain")),
    st.builds(produced, TEXTS, st.just(b'{"a": "$1"}'), st.just("application/json")),
)
USED = st.builds(Used, tokens=st.none() | st.integers(0, 99), price=st.none() | st.just(Decimal("0.05")))
BEGINNINGS: st.SearchStrategy[list[Event]] = st.sampled_from([[], [e.Assigned()], [e.Started()]])
ENDS = st.sampled_from(["itself", "exit", "failure", "kill"])


@st.composite
def live_logs(draw: st.DrawFn) -> Sequence[Entry]:
    """The log of a live run: what some backend yields at some times, fed as the mock feeds it."""
    at = 1_735_689_600_000_000
    log, feed, said = (
        [Entry(at=at, event=e.Queued(job=replace(JOB, parameters={"length": "$hort", "n": 5})))],
        Feed(),
        "",
    )
    log.append(Entry(at=at, event=e.Accepted()))

    def happen(events: Sequence[Event]) -> None:
        log.extend(Entry(at=at, event=event) for event in events)

    opening: list[Event] = []
    if draw(st.booleans()):
        opening = [e.PreprocessStarted(), e.PreprocessEnded()]
    for event in [*opening, *draw(BEGINNINGS)]:
        at += draw(SPANS)
        happen(feed.events(fold(log), event, now=at, since=log[-1].at))
    for one in draw(st.lists(SAID, max_size=6)):
        at += draw(SPANS)
        if isinstance(one, tuple):
            said += one[1]
            one = e.Output(message=e.Snapshot(text=said, upto=len(said), elapsed=0, words_per_second=0))  # noqa: PLW2901
        happen(feed.events(fold(log), one, now=at, since=log[-1].at))
    at += draw(SPANS)
    how = draw(ENDS)
    task = fold(log)
    if how == "kill" and task.status in KILLABLE:
        happen([e.Cancelled(killed=True)])
    elif how == "failure" or (how != "exit" and len(log) == 2):
        happen(failing(task, draw(TEXTS)))
    else:
        if how == "exit":
            happen(feed.events(task, e.Exited(code=3, used=draw(USED)), now=at, since=log[-1].at))
            at += draw(SPANS)
        if not fold(log).finished:
            happen(feed.ended(fold(log)))
    return log


def distances(log: Sequence[Entry]) -> list[tuple[int, Event]]:
    return [(entry.at - log[0].at, entry.event) for entry in log[1:]]


@given(live_logs())
def test_a_live_log_written_as_a_scenario_and_run_again_is_the_same_log(log: Sequence[Entry]) -> None:
    """Replay: every event at its distance, whatever was said, and however it ended."""
    made = record(log, lambda blob: STORED[blob.digest])
    assert not made.files
    world = make_world(scenarios=made.text)
    task_id, _ = run(world, {"length": "$hort", "n": "5"})
    world.jump(world.sim.now + 10**9)
    task = world.sim.task(task_id)
    assert task is not None
    assert task.job.scenario == f"recorded-{JOB.id}"
    assert distances(world.sim.log(task_id)) == distances(log)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ["x" * (60 << 10)] * 18,
            "it would take 1106612 bytes, and a file of scenarios has at most 1048576; say it in ",
        ),
        (["x"] * 40, "it would have more than 100 values once aliases are expanded; say it in fewer and larger pieces"),
    ],
)
def test_what_no_mock_would_read_again_is_not_written(
    monkeypatch: pytest.MonkeyPatch, lines: list[str], reason: str
) -> None:
    """The recording of a long run was there, and refused by whoever was to play it."""
    monkeypatch.setattr(recording, "_SURELY_SHORT", 0)
    monkeypatch.setattr(yaml_source, "MOST_NODES", 100)
    events: list[Event] = [e.Queued(job=JOB), e.Accepted(), e.Assigned(), e.Started()]
    log = [Entry(at=0, event=event) for event in [*events, *(e.Output(message=line) for line in lines)]]
    log += [Entry(at=0, event=event) for event in failing(fold(log), "no more")]
    with pytest.raises(NotRecordable) as caught:
        record(log, lambda blob: b"")
    assert str(caught.value).startswith(reason)


def test_a_real_thread_s_run_is_replayed_as_it_was(tmp_path: Path) -> None:
    """From a test: recorded into a folder with the file that no YAML can hold, and played from there."""

    def backend(job: Job) -> Iterator[Event]:
        yield e.PreprocessStarted()
        yield e.PreprocessEnded()
        yield job.say("A cat costs $5")
        yield job.stderr("a warning")
        yield job.say(", or more.")
        yield job.produce('a "b".png', b"\x89PNG\xff", "image/png")

    world = world_with(backend)
    task_id, _ = run(world, {"length": "short"})
    ended(world, task_id)
    wiro = WiroMock(seed=1)
    live = world.sim.log(task_id)
    wiro.world, kept = world, wiro.world
    with pytest.raises(Misuse, match=f"record: recorded-{task_id}-0.png cannot be written into YAML; give a folder"):
        wiro.record(task_id)
    with pytest.raises(Misuse, match="record: 'A B' is no name of a scenario; write a-b"):
        wiro.record(task_id, tmp_path, name="A B")
    text = wiro.record(task_id, tmp_path, name="cat")
    wiro.world = kept
    wiro.close()
    assert (tmp_path / "cat.yaml").read_text() == text
    assert 'match: {model: moondream3-preview/caption, with: {"length": "short"}}' in text
    with WiroMock(scenarios=tmp_path) as again:
        task_id = again_run(again)
        again.jump("10m")
        replayed = again.world.sim.log(task_id)
        assert distances(replayed) == distances(live)
        assert again.tasks[0].scenario == "cat"
        assert again.world.blobs.read(again.world.sim.task(task_id).outputs[0].blob) == b"\x89PNG\xff"  # type: ignore[union-attr]
    world.close()


def again_run(wiro: WiroMock) -> str:
    from wiro_mock.api.auth import sign

    headers = {"x-api-key": wiro.api_key, "x-nonce": "1", "x-signature": sign(wiro.api_key, wiro.api_secret, "1")}
    return run(wiro.world, {"length": "short"}, headers=headers)[0]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (
            "[answer: hello, stderr: oh, answer: again, exit: 0]",
            "there is no step for an answer that goes on after something else was written",
        ),
    ],
)
def test_what_the_language_has_other_words_for_is_refused_by_name(steps: str, reason: str) -> None:
    """Never written as something else."""
    world = make_world(scenarios=f"scenario: x\nmatch: {{model: '*'}}\nsteps: {steps}\n")
    task_id, _ = run(world)
    world.jump(world.sim.now + 10**9)
    with pytest.raises(NotRecordable) as caught:
        record(world.sim.log(task_id), world.blobs.read)
    assert str(caught.value) == reason


def test_an_unfinished_task_cannot_be_written() -> None:
    """It is not known how it ends."""
    world = make_world()
    task_id, _ = run(world)
    with pytest.raises(NotRecordable, match=f"task {task_id} is in task_queue; it can be written when it has finished"):
        record(world.sim.log(task_id), world.blobs.read)


def test_a_scripted_run_without_progress_of_its_own_pace_is_written_too() -> None:
    """A failed set-up and a second try; a cancel in the queue."""
    for steps in (
        "[setup_error: {message: no disk, after: 1s, then: requeue, wait: 2s}, accept: 1s, print: a, exit: 0]",
        "[cancel: 2s]",
        "[setup_error: {message: no disk, then: fail, wait: 5s}]",
        "[progress: {steps: 3, for: 1s, log: true}, exit: -9]",
    ):
        world = make_world(scenarios=f"scenario: x\nmatch: {{model: '*'}}\nsteps: {steps}\n")
        task_id, _ = run(world)
        world.jump(world.sim.now + 10**9)
        made = record(world.sim.log(task_id), world.blobs.read)
        (scenario,) = load_text(made.text)
        again = make_world(scenarios=made.text)
        second, _ = run(again)
        again.jump(again.sim.now + 10**9)
        assert distances(again.sim.log(second)) == distances(world.sim.log(task_id))
        assert scenario.name == f"recorded-{task_id}"


def test_the_control_api_gives_the_scenario() -> None:
    """As YAML, with the files in base64; or the reason why there is none."""
    world = make_world(
        scenarios="scenario: x\nmatch: {model: '*'}\nsteps: [print: hi, produce: {image: {}}, exit: 0]\n"
    )
    task_id, _ = run(world)
    with pytest.raises(Mistake, match="it can be written when it has finished"):
        RESOURCES["/tasks/{task}/scenario"]["GET"](world, {}, {"task": task_id})
    world.jump(world.sim.now + 10**9)
    status, shape = RESOURCES["/tasks/{task}/scenario"]["GET"](world, {}, {"task": task_id})
    assert isinstance(shape, dict)
    assert (status, list(shape["files"])) == (200, [f"recorded-{task_id}-0.png"])
    assert shape["scenario"].startswith(f"scenario: recorded-{task_id}\n")
    assert RESOURCES["/tasks/{task}/scenario"]["GET"](world, {}, {"task": "none"})[0] == 404
