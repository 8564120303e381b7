"""The task: what may follow what, and what a log makes of each field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.strategies import BLOBS, EXAMPLES, MODEL, order, simulation
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND, Entry, Event
from wiro_mock.kernel.status import KILLABLE, TERMINAL, TRANSITIONS, IllegalEvent, Status, next_status
from wiro_mock.kernel.task import Task, evolve, fold

JOB = simulation().submit(order()).job
PRODUCED = e.Produced(name="0.png", blob=BLOBS[0])
EVENTS: tuple[Event, ...] = (e.Queued(job=JOB), *EXAMPLES)
# The table once more, in the words of the wire, so that a slip in the one shows against the other.
TABLE = """
task_queue              Accepted:task_accept Cancelled:task_cancel
task_accept             PreprocessStarted:task_preprocess_start Assigned:task_assign
task_accept             SetupFailed:task_error Cancelled:task_cancel
task_preprocess_start   PreprocessEnded:task_preprocess_end SetupFailed:task_error Cancelled:task_cancel
task_preprocess_end     Assigned:task_assign SetupFailed:task_error Cancelled:task_cancel
task_assign             Started:task_start SetupFailed:task_error Cancelled:task_cancel
task_start              Output:task_output ErrorOutput:task_start Produced:task_start
task_start              StreamReady:task_start Heard:task_start Voiced:task_start
task_start              StreamEnded:task_start TurnCharged:task_start SessionEnded:task_start
task_start              OutputEnded:task_output_full Cancelled:task_cancel
task_output             Output:task_output ErrorOutput:task_output Produced:task_output
task_output             StreamReady:task_output Heard:task_output Voiced:task_output
task_output             StreamEnded:task_output TurnCharged:task_output SessionEnded:task_output
task_output             OutputEnded:task_output_full Cancelled:task_cancel
task_output_full        ErrorEnded:task_output_full Exited:task_end Cancelled:task_cancel
task_end                PostprocessStarted:task_postprocess_start Cancelled:task_cancel
task_postprocess_start  PostprocessEnded:task_postprocess_end Cancelled:task_cancel
task_postprocess_end    FilesDeleted:task_postprocess_end
task_cancel             FilesDeleted:task_cancel
task_error              Requeued:task_queue GaveUp:task_postprocess_end Cancelled:task_cancel
"""
LEGAL = {
    (row.split()[0], name): after
    for row in TABLE.split("\n")
    for name, after in (c.split(":") for c in row.split()[1:])
}
HAPPY: tuple[Event, ...] = (
    e.Queued(job=JOB),
    e.Accepted(),
    e.PreprocessStarted(),
    e.PreprocessEnded(),
    e.Assigned(),
    e.Started(),
    e.Output(message="line"),
    PRODUCED,
    e.OutputEnded(),
    e.Exited(code=0),
    e.PostprocessStarted(),
    e.PostprocessEnded(),
)


def told(events: Iterable[Event], *, step: int = SECOND, start: int = 100 * SECOND) -> Task:
    """The task of these events, one every `step`."""
    return fold(Entry(at=start + n * step, event=event) for n, event in enumerate(events))


def until(kind: type[Event]) -> list[Event]:
    """The happy way, up to and including the first event of this kind."""
    return list(HAPPY[: next(n for n, event in enumerate(HAPPY) if type(event) is kind) + 1])


# -- the table -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("status", Status)
def test_each_event_is_legal_or_not_in_each_status(status: Status, event: Event) -> None:
    """All pairs; the complaint names the event, the status and what could follow."""
    name = type(event).__name__
    if after := LEGAL.get((status, name)):
        assert next_status(status, event) is Status(after)
        return
    with pytest.raises(IllegalEvent) as illegal:
        next_status(status, event)
    allowed = [what for before, what in LEGAL if before == status]
    assert str(illegal.value) == f"{name} cannot follow {status.value}; what can: {', '.join(allowed)}"


def test_the_table_of_events_is_complete() -> None:
    """Every kind of event is tried above, and every status has its row."""
    assert {type(event) for event in EVENTS} == set(e.Event.__args__)
    assert TRANSITIONS.keys() == set(Status)


def test_only_the_two_ends_are_absorbing_and_every_open_status_can_be_stopped() -> None:
    """Terminal is what only the deletion of files can follow."""
    assert {status for status in Status if set(TRANSITIONS[status].values()) == {status}} == TERMINAL
    assert {"task_postprocess_end", "task_cancel"} == TERMINAL
    assert {status for status in Status if e.Cancelled in TRANSITIONS[status]} == set(Status) - TERMINAL


def test_kill_works_from_task_assign_to_the_last_status_before_the_end() -> None:
    """In the words of the wire (rest.md §4.3)."""
    assert sorted(KILLABLE) == sorted(
        ["task_assign", "task_start", "task_output", "task_output_full", "task_end", "task_postprocess_start"]
    )


def test_a_log_begins_with_queued_and_with_nothing_else() -> None:
    """And an empty one tells of nothing."""
    with pytest.raises(IllegalEvent, match=r"^Accepted cannot begin a log; Queued does$"):
        evolve(None, Entry(at=0, event=e.Accepted()))
    with pytest.raises(IllegalEvent, match=r"^an empty log tells of no task$"):
        fold([])


# -- fields ----------------------------------------------------------------------------------------------


def test_each_status_is_stamped_when_it_is_first_entered() -> None:
    """The instants of the happy way, one second apart."""
    statuses = [status for status in Status if status not in {Status.CANCEL, Status.ERROR}]
    seconds = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]
    assert told(HAPPY).times == {s: (100 + n) * SECOND for s, n in zip(statuses, seconds, strict=True)}
    assert told(HAPPY).created_at == 100 * SECOND


def test_a_status_that_is_entered_again_keeps_its_instant() -> None:
    """`task_output` is stamped by the first output, not by the last."""
    task = told([*until(e.Output), e.Output(message="more")])
    assert task.times[Status.OUTPUT] == 106 * SECOND


def test_stdout_and_stderr_grow_line_by_line() -> None:
    """Progress leaves the line it says, or none; stderr ends nothing."""
    bar = e.Progress(step=1, total=2, elapsed=0, remaining=0, line="50%")
    events = [
        *until(e.Output),
        e.ErrorOutput(text="warning"),
        e.Output(message=bar),
        e.Output(message=replace(bar, line="")),
        e.ErrorOutput(text="again"),
    ]
    task = told(events)
    assert (task.stdout, task.stderr, task.status) == ("line\n50%", "warning\nagain", Status.OUTPUT)
    assert task.debugoutput == "line\n50%"


def test_the_accumulated_output_only_grows() -> None:
    """A line printed after a stream stands behind it, and what is streamed then stands behind the line."""
    text = "A cat asleep. And a dog."
    upto = [5, 13, 20, len(text)]
    first, second, third, fourth = (e.Snapshot(text=text, upto=n, elapsed=0, words_per_second=1.0) for n in upto)
    outputs = [e.Output(message=message) for message in (first, second, "line", third, fourth)]
    seen = [told([*until(e.Started), *outputs[:count]]).debugoutput for count in range(1, 6)]
    assert seen[-1] == "A cat asleep.\nline\n And a dog."
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))


def test_a_streamed_answer_is_cumulative_and_follows_the_printed_lines() -> None:
    """Each snapshot replaces the one before it."""
    first = e.Snapshot(text="A cat asleep.", upto=5, elapsed=0, words_per_second=2.0)
    task = told([*until(e.Started), e.Output(message=first), e.Output(message=replace(first, upto=13))])
    assert (task.answer, task.debugoutput) == ("A cat asleep.", "A cat asleep.")
    assert told([*until(e.Output), e.Output(message=first)]).debugoutput == "line\nA cat"


def test_outputs_show_from_a_good_exit_on() -> None:
    """Not while the process runs, though they exist."""
    running, ended = told(until(e.OutputEnded)), told(until(e.Exited))
    assert [file.name for file in running.outputs] == ["0.png"]
    assert running.shown_outputs == ()
    assert ended.shown_outputs == ended.outputs == running.outputs
    assert running.outputs[0].added_at == 107 * SECOND


@pytest.mark.parametrize(
    "end",
    [
        [*until(e.OutputEnded), e.Exited(code=1)],
        [*until(e.OutputEnded), e.Cancelled(killed=True)],
        [*until(e.Exited), e.Cancelled(killed=True)],
        [*HAPPY, e.FilesDeleted()],
    ],
    ids=["failed", "killed", "killed after a good exit", "deleted"],
)
def test_outputs_are_not_shown_of_what_did_not_end_well(end: list[Event]) -> None:
    """Nor after their deletion."""
    assert told(end).outputs
    assert told(end).shown_outputs == ()


def test_each_output_has_its_own_keys() -> None:
    """They derive from the task's token and the place."""
    task = told([*until(e.Produced), PRODUCED])
    assert len({file.accesskey for file in task.outputs}) == len({file.cdn_folder for file in task.outputs}) == 2
    assert len({file.folder_id for file in task.outputs}) == 1


def test_a_second_try_after_a_failed_setup_shows_nothing_of_the_first() -> None:
    """Its error and its instants are gone; the instant of creation stays."""
    failed = [*until(e.Assigned), e.SetupFailed(message="User has no output folder")]
    assert told(failed).stderr == "User has no output folder"
    assert not told(failed).finished
    again = told([*failed, e.Requeued()])
    assert (again.status, again.stderr, again.times) == (Status.QUEUE, "", {Status.QUEUE: 106 * SECOND})
    assert again.created_at == 100 * SECOND


def test_giving_up_after_a_failed_setup_ends_with_the_code_and_the_message() -> None:
    """An end that costs nothing."""
    task = told([*until(e.Assigned), e.SetupFailed(message="no GPU"), e.GaveUp(code=1)])
    assert (task.finished, task.exit_code, task.stderr, task.cost) == (True, 1, "no GPU", None)
    assert task.ended_at == task.times[Status.POSTPROCESS_END]
    assert task.elapsed_seconds == (task.ended_at or 0) // SECOND - task.times[Status.ACCEPT] // SECOND


# -- elapsed time and cost -------------------------------------------------------------------------------


def timed(accept: int, end: int, *, code: int = 0) -> Task:
    """A finished task that was accepted and ended at these microseconds."""
    before = [Entry(at=accept, event=event) for event in (HAPPY[0], *HAPPY[1:9])]
    after = [Entry(at=end, event=event) for event in (e.Exited(code=code), *HAPPY[10:])]
    return fold([*before, *after])


def test_the_documented_sample_costs_six_seconds() -> None:
    """1734513813 - 1734513807 = 6, and 6 * 0.000585 = 0.003510000000."""
    task = timed(1_734_513_807 * SECOND, 1_734_513_813 * SECOND)
    assert task.job.model.cps == MODEL.cps == Decimal("0.000585")
    assert (task.elapsed_seconds, str(task.cost)) == (6, "0.003510000000")


@pytest.mark.parametrize(
    ("accept", "end", "seconds"),
    [(1_999_999, 2_000_000, 1), (1_000_000, 1_999_999, 0), (1_000_001, 3_000_000, 2), (1_500_000, 2_499_999, 1)],
)
def test_elapsed_is_the_difference_of_the_printed_seconds(accept: int, end: int, seconds: int) -> None:
    """Each is cut to whole seconds first, so that a reader of Detail can redo the sum."""
    assert timed(accept, end).elapsed_seconds == seconds


def test_nothing_is_charged_before_the_end_or_for_a_failure() -> None:
    """None, which is not the same as a price of zero."""
    assert timed(0, 9 * SECOND, code=137).cost is None
    assert timed(0, 9 * SECOND, code=137).elapsed_seconds == 9
    assert told(until(e.PostprocessStarted)).cost is None
    assert timed(0, 0).cost == 0


def test_a_kill_ends_the_process_and_costs_nothing() -> None:
    """`endtime` is the kill's own, unless the process had ended before."""
    killed = told([*until(e.Output), e.Cancelled(killed=True)])
    assert (killed.ended_at, killed.elapsed_seconds, killed.cost) == (107 * SECOND, 6, None)
    late = told([*until(e.PostprocessStarted), e.Cancelled(killed=True)])
    assert (late.ended_at, late.cost) == (109 * SECOND, None)
    assert (late.succeeded, late.exit_code) == (False, 0)


def test_a_cancel_in_the_queue_has_no_end_and_no_time() -> None:
    """No process ever ran."""
    task = told([HAPPY[0], e.Cancelled(killed=False)])
    assert (task.finished, task.killed, task.ended_at, task.elapsed_seconds, task.cost) == (True, False, None, 0, None)


def test_only_exit_code_zero_is_success() -> None:
    """`task_postprocess_end` alone never means it."""
    assert timed(0, 1).succeeded
    assert not timed(0, 1, code=1).succeeded
    assert not told(until(e.PostprocessStarted)).succeeded
