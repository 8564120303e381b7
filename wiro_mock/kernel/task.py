"""A task as a value: the fold of its log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, assert_never

from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND, Entry, Instant, Job
from wiro_mock.kernel.files import File, FileKind, make_file
from wiro_mock.kernel.prices import EXACT, NOTHING_SAID, Used
from wiro_mock.kernel.status import TERMINAL, IllegalEvent, Status, next_status
from wiro_mock.kernel.texts import Rope

if TYPE_CHECKING:
    from wiro_mock.kernel.bill import Run


_NOTHING: Final = Rope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is known of a task at the end of its log.

    `times` holds the instant at which each status was entered, since the task was last queued. `printed` and
    `complaints` are stdout and stderr; `streamed` is the last that was said of a streamed text, and of that text the
    first `answer_told` characters stand in `printed` already. `reply` is a language model's answer so far. `used` is
    what the process told of its usage; `cost` is what was charged, in USD, and None where nothing was: only a
    successful end costs (rest.md §8). A realtime session is charged turn by turn, and what was charged stays so,
    however it ends; `turns` counts them, and is None where there is no such session.
    """

    job: Job
    status: Status
    created_at: Instant
    times: Mapping[Status, Instant]
    printed: Rope = _NOTHING
    streamed: e.Snapshot | e.Reply | None = None
    answer_told: int = 0
    reply: e.Reply | None = None
    complaints: Rope = _NOTHING
    exit_code: int | None = None
    outputs: tuple[File, ...] = ()
    killed: bool = False
    files_deleted: bool = False
    used: Used = NOTHING_SAID
    cost: Decimal | None = None
    turns: int | None = None

    @property
    def finished(self) -> bool:
        """Whether the log is closed."""
        return self.status in TERMINAL

    @property
    def succeeded(self) -> bool:
        """Finished with exit code 0; `task_postprocess_end` alone never means success (rest.md §4.2)."""
        return self.status is Status.POSTPROCESS_END and self.exit_code == 0

    @property
    def debugoutput(self) -> str:
        """The accumulated stdout, printed lines and streamed text in the order in which they came."""
        return str(_shown(self))

    @property
    def stdout(self) -> str:
        """The printed lines, and what had been streamed when the last of them came."""
        return str(self.printed)

    @property
    def answer(self) -> str:
        """The streamed text so far."""
        return _streamed(self, 0)

    @property
    def stderr(self) -> str:
        """The lines of stderr."""
        return str(self.complaints)

    @property
    def shown_outputs(self) -> tuple[File, ...]:
        """The files that Detail lists: none before the process has exited well, none of a cancelled task.

        They show from `task_end` on, because some clients stop there (clients.md §1 line 27).
        """
        hidden = self.exit_code != 0 or self.status is Status.CANCEL or self.files_deleted
        return () if hidden else self.outputs

    @property
    def shown_reply(self) -> e.Reply | None:
        """The language model's answer that Detail lists among the outputs, and when: as `shown_outputs`."""
        hidden = self.exit_code != 0 or self.status is Status.CANCEL or self.files_deleted
        return None if hidden else self.reply

    @property
    def ended_at(self) -> Instant | None:
        """When the process ended: by itself, or because the task was killed, or given up before it started."""
        if Status.END in self.times:
            return self.times[Status.END]
        return self.times.get(Status.CANCEL) if self.killed else self.times.get(Status.POSTPROCESS_END)

    @property
    def elapsed_seconds(self) -> int:
        """Whole seconds from `accepttime` to `endtime` as they are printed; 0 while either is missing.

        The printed ones, so that a reader of Detail can redo the sum: 1734513813 - 1734513807 = 6 (rest.md §3).
        """
        accepted, ended = self.times.get(Status.ACCEPT), self.ended_at
        return 0 if accepted is None or ended is None else ended // SECOND - accepted // SECOND


def evolve(task: Task | None, entry: Entry) -> Task:
    """The task after one more entry. The first entry of a log is `Queued`, and no other is."""
    event = entry.event
    if task is None:
        if not isinstance(event, e.Queued):
            raise IllegalEvent(f"{type(event).__name__} cannot begin a log; Queued does")
        return Task(job=event.job, status=Status.QUEUE, created_at=entry.at, times={Status.QUEUE: entry.at})
    status = next_status(task.status, event)
    times = task.times if status is task.status else {**task.times, status: entry.at}
    match event:
        case e.Output(message=message):
            return _with_message(task, message, status, times)
        case e.ErrorOutput(text=text):
            return replace(task, complaints=_joined(task.complaints, text), status=status, times=times)
        case e.SetupFailed(message=text):
            return replace(task, complaints=_joined(task.complaints, text), status=status, times=times)
        case e.Produced():
            return replace(task, outputs=(*task.outputs, output_file(task, event, entry.at)), status=status)
        case e.Exited(code=code, used=used):
            return replace(task, exit_code=code, used=used, status=status, times=times)
        case e.GaveUp(code=code):
            return replace(task, exit_code=code, status=status, times=times)
        case e.Cancelled(killed=killed):
            return replace(task, killed=killed, status=status, times=times)
        case e.Requeued():
            # A healthy second try must not show the first one's error (clients.md §1 line 19).
            return replace(task, status=status, times={Status.QUEUE: entry.at}, complaints=_NOTHING)
        case e.FilesDeleted():
            return replace(task, files_deleted=True)
        case e.StreamReady():
            return replace(task, turns=task.turns or 0, cost=task.cost or Decimal(0))
        case e.TurnCharged(cost=cost, final=final):
            turns = (task.turns or 0) + (not final)
            return replace(task, turns=turns, cost=EXACT.add(task.cost or Decimal(0), cost))
        case e.Heard() | e.Voiced() | e.StreamEnded() | e.SessionEnded():
            return task
        case (
            e.Accepted()
            | e.PreprocessStarted()
            | e.PreprocessEnded()
            | e.Assigned()
            | e.Started()
            | e.OutputEnded()
            | e.ErrorEnded()
            | e.PostprocessStarted()
        ):
            return _moved(task, status, times)
        case e.PostprocessEnded():
            return _charged(_moved(task, status, times))
        case e.Queued():
            raise IllegalEvent("Queued begins a log and cannot come again; see Requeued")
        case _:
            assert_never(event)


def _moved(task: Task, status: Status, times: Mapping[Status, Instant]) -> Task:
    """`replace(task, status=status, times=times)` for the most frequent of all steps, in a third of its time."""
    return Task(
        job=task.job,
        status=status,
        created_at=task.created_at,
        times=times,
        printed=task.printed,
        streamed=task.streamed,
        answer_told=task.answer_told,
        reply=task.reply,
        complaints=task.complaints,
        exit_code=task.exit_code,
        outputs=task.outputs,
        killed=task.killed,
        files_deleted=task.files_deleted,
        used=task.used,
        cost=task.cost,
        turns=task.turns,
    )


def _charged(task: Task) -> Task:
    """The finished task with its cost. It is reckoned once: whoever looks at the task later needs no sum."""
    return replace(task, cost=reckoned(task)) if task.succeeded and task.turns is None else task


def reckoned(task: Task) -> Decimal:
    """What the task would cost in USD, with twelve decimals, if it had succeeded with what it has used so far."""
    from wiro_mock.kernel.bill import cost_of

    return cost_of(_run(task))


def ground_of_cost(task: Task) -> str:
    """What made a task's cost, for the tester: a tier, seconds, or the turns of a session."""
    from wiro_mock.kernel.bill import ground_of

    if task.turns is not None:
        return f"{task.turns} turn{'' if task.turns == 1 else 's'}"
    return ground_of(_run(task))


def _run(task: Task) -> Run:
    """The run that is to be paid for. How runs are paid is imported with the first of them: a start need not wait."""
    from wiro_mock.kernel.bill import Run

    return Run(
        job=task.job,
        seconds=task.elapsed_seconds,
        outputs=task.outputs,
        text=task.debugoutput,
        answer=None if task.reply is None else task.reply.answer,
        used=task.used,
    )


def fold(log: Iterable[Entry]) -> Task:
    """The task that a log tells of. Raises `IllegalEvent` for a log that cannot have happened."""
    task: Task | None = None
    for entry in log:
        task = evolve(task, entry)
    if task is None:
        raise IllegalEvent("an empty log tells of no task")
    return task


def output_file(task: Task, event: e.Produced, at: Instant) -> File:
    """The file that this event adds to the task; its ids derive from the task's token and its place."""
    return make_file(
        task.job.token,
        "output",
        len(task.outputs),
        name=event.name,
        kind=FileKind.OUTPUT,
        blob=event.blob,
        at=at,
        task_id=task.job.id,
    )


def _with_message(task: Task, message: e.Message, status: Status, times: Mapping[Status, Instant]) -> Task:
    match message:
        case str():
            return _with_line(task, message, status, times)
        case e.Progress(line=line):
            return _with_line(task, line, status, times) if line else replace(task, status=status, times=times)
        case e.Snapshot():
            return replace(task, streamed=message, status=status, times=times)
        case e.Reply():
            return replace(task, streamed=message, reply=message, status=status, times=times)
        case _:
            assert_never(message)


def _with_line(task: Task, line: str, status: Status, times: Mapping[Status, Instant]) -> Task:
    told = task.answer_told + len(_untold(task))
    return replace(task, printed=_joined(_shown(task), line), answer_told=told, status=status, times=times)


def _shown(task: Task) -> Rope:
    """What was printed and streamed, in the order in which it came."""
    streaming = _untold(task)
    return _joined(task.printed, streaming) if streaming else task.printed


def _untold(task: Task) -> str:
    """What has been streamed since the last line that was printed."""
    return _streamed(task, task.answer_told)


def _streamed(task: Task, since: int) -> str:
    match task.streamed:
        case None:
            return ""
        case e.Snapshot(text=text, upto=upto):
            return text[since:upto]
        case e.Reply() as reply:
            from wiro_mock.kernel.answer import plain

            return plain(reply.said())[since:]
        case _:
            assert_never(task.streamed)


def _joined(before: Rope, line: str) -> Rope:
    return before.add("\n", line) if before else before.add(line)
