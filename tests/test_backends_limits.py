"""What backends say costs its length; what they yield is looked at before it is believed; what they do last is seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest

from tests.api_kit import run as run_task
from tests.live_kit import eventually
from tests.scenarios_kit import JOB
from tests.test_backends import finished, world_with
from wiro_mock.backends import Job, feeding
from wiro_mock.backends.feeding import Feed
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Entry, Event
from wiro_mock.kernel.prices import Used
from wiro_mock.kernel.task import Task, evolve
from wiro_mock.kernel.texts import Growing
from wiro_mock.recording import record

BAR = e.Progress(step=1, total=2, elapsed=0, remaining=0)


class Counted(Growing):
    """A text that counts the characters that were read of it."""

    def __init__(self) -> None:
        self.read = 0
        super().__init__()

    def __getitem__(self, part: slice) -> str:
        found = super().__getitem__(part)
        self.read += len(found)
        return found


def test_a_stream_costs_its_length_and_not_its_square() -> None:
    """20 000 pieces of 200 characters were not done after 48 s: each was compared with all before it, and copied."""
    job, feed, at = Job(task=JOB, shelf=cast("Any", None)), Feed(), 0
    said = job._said = Counted()
    told = feed._text = Counted()
    log = [Entry(at=0, event=e.Queued(job=JOB)), Entry(at=0, event=e.Accepted())]
    task = evolve(evolve(None, log[0]), log[1])
    for _ in range(500):
        at += 1
        for event in feed.events(task, job.say("a word and "), now=at, since=at - 1):
            log.append(Entry(at=at, event=event))
            task = evolve(task, log[-1])
    assert (said.read, told.read) == (len(said), 0)
    assert task.debugoutput == "a word and " * 500
    snapshot = cast("e.Output", log[-1].event).message
    assert cast("e.Snapshot", snapshot).words_per_second == round(3 * 500 * 1_000_000 / 499, 1)
    told.read = 0
    log += [Entry(at=at, event=event) for event in feed.ended(task)]
    record(log, lambda blob: b"")
    assert told.read <= 2 * len(told)


def test_printed_lines_are_not_copied_with_each_line() -> None:
    """Nor those of stderr: what a task has printed is a rope."""
    log = [Entry(at=0, event=event) for event in (e.Queued(job=JOB), e.Accepted(), e.Assigned(), e.Started())]
    task: Task | None = None
    for entry in log:
        task = evolve(task, entry)
    for _ in range(1000):
        task = evolve(task, Entry(at=0, event=e.Output(message="a line")))
        task = evolve(task, Entry(at=0, event=e.ErrorOutput(text="a complaint")))
    assert task is not None
    assert task.debugoutput == "\n".join(["a line"] * 1000)
    assert task.stderr == "\n".join(["a complaint"] * 1000)
    assert max(len(task.printed._parts), len(task.complaints._parts)) < 16


@pytest.mark.parametrize("shared", [True, False])
def test_snapshots_of_ones_own_may_share_a_text_or_not(shared: bool) -> None:
    """`job.say` shares one text; who makes snapshots by hand may as well, or write each anew."""
    text = "A cat asleep."

    def run(job: Job) -> Iterator[Event]:
        for upto in (1, 5, 5, 13):
            one = text if shared else text[:upto]
            yield e.Output(message=e.Snapshot(text=one, upto=upto, elapsed=0, words_per_second=0))

    world = world_with(run)
    assert finished(world, run_task(world)[0]).debugoutput == text
    world.close()


class Shy:
    """It cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (e.Exited(code=0, used=cast("Any", ["x"])), "have used ['x']; write Used(tokens=…) of"),
        (e.Exited(code=0, used=Used(tokens=cast("Any", "x"))), "have used tokens 'x'; it is a whole number from 0 to"),
        (e.Exited(code=0, used=Used(pixels=-1)), "have used pixels -1; it is a whole number from 0 to"),
        (e.Exited(code=0, used=Used(price=Decimal("NaN"))), "have used price Decimal('NaN'); it is a Decimal from 0"),
        (e.Exited(code=0, used=Used(price=cast("Any", 0.5))), "have used price 0.5; it is a Decimal from 0 to"),
        (e.Exited(code=1000), "exit with the code 1000; it is a number such as 0"),
        (e.GaveUp(code=cast("Any", "z")), "give up with the code 'z'; a set-up that fails has the code 1"),
        (e.GaveUp(code=3), "give up with the code 3; a set-up that fails has the code 1"),
        (e.Output(message=replace(BAR, total=0)), "have as many steps as 0; it is a number from 1"),
        (e.Output(message=replace(BAR, step=cast("Any", "x"))), "be at step 'x'; it is a number from 0"),
        (e.Output(message=replace(BAR, elapsed=cast("Any", 0.5))), "take 0.5; times are whole microseconds"),
        (e.Output(message=replace(BAR, kind="x" * 300)), f"show a bar with '{'x' * 39}; its words have at most"),
        (e.Output(message=replace(BAR, task=cast("Any", None))), "say None; it is a text"),
        (e.Output(message=cast("Any", 5)), "yield int 5 as an output; what it can: a text, Progress, and Snapshot"),
        (e.ErrorOutput(text=cast("Any", None)), "say None; it is a text"),
        (e.SetupFailed(message=cast("Any", 3)), "say 3; it is a text"),
        (e.Produced(name=cast("Any", None), blob=cast("Any", None)), "produce None; make files by job.produce"),
        (Shy(), "yield Shy Shy (its __repr__ failed); what it can: "),
    ],
)
def test_what_would_fail_further_on_is_refused_here(event: Any, reason: str) -> None:
    """A usage that was no Used ended in the bill and a bar of no steps in the frame, where no task fails of it."""

    def run(job: Job) -> Iterator[Event]:
        if not isinstance(event, e.SetupFailed | e.GaveUp):
            yield job.print("A")
        yield event

    world = world_with(run)
    task = finished(world, run_task(world)[0])
    assert task.stderr.startswith(f"IllegalEvent: a backend cannot {reason}")
    assert task.exit_code == 1
    world.close()


def test_what_is_produced_by_hand_has_a_plain_name_and_a_kind() -> None:
    """They go into a URL and a header."""

    def run(job: Job) -> Iterator[Event]:
        made = job.produce("a.txt", "A")
        yield replace(made, name='../../up/"b\n.txt')
        yield replace(made, blob=replace(made.blob, contenttype="text/html\r\nX-Evil: 1"))

    world = world_with(run)
    task = finished(world, run_task(world)[0])
    assert [file.name for file in task.outputs] == ["'b.txt"]
    assert task.stderr.startswith("IllegalEvent: a backend cannot produce a 'text/html\\r\\nX-Evil: 1'; ")
    world.close()


def test_files_without_an_end_fail_their_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run filled the disk, and was forgotten at its end, for it was more than the mock keeps."""
    monkeypatch.setattr(feeding, "MOST_PRODUCED", 2 << 20)

    def run(job: Job) -> Iterator[Event]:
        for number in range(20_000):
            yield job.produce(f"{number}.bin", number.to_bytes(2, "big") * (1 << 18))

    world = world_with(run)
    task = finished(world, run_task(world)[0])
    assert (task.exit_code, len(task.outputs)) == (1, 4)
    assert task.stderr == "the backend has produced more than 2 MiB of files; make fewer"
    world.close()


def test_an_exception_after_the_exit_is_told() -> None:
    """No wire has a place for it any more: the log is closed and the code is out. Whoever runs the mock hears of it."""

    def run(job: Job) -> Iterator[Event]:
        yield job.say("A")
        yield e.Exited(code=0)
        raise ValueError("late")

    told: list[str] = []
    world = world_with(run, told)
    task = finished(world, run_task(world)[0])
    assert (task.status, task.exit_code) == ("task_postprocess_end", 0)
    eventually(lambda: told)
    assert told == [
        f"task {task.job.id}: its backend 'mine' failed after its task had ended with code 0, so that no client sees "
        "it: ValueError: late"
    ]
    world.close()
