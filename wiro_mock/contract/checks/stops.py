"""Tasks that are stopped: in the queue, at work, and too late (rest.md §4.3, §9)."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import ENVELOPES, LETS_IN
from wiro_mock.contract.checks.tasks import SHAPE
from wiro_mock.contract.compare import shown
from wiro_mock.contract.made import Stopped
from wiro_mock.contract.promise import Broken, NotVerified, Promise, expect, field
from wiro_mock.contract.service import IS_SHOWN, TAKEN_ON, Service
from wiro_mock.sources import APRIL, PAGE, SDKS

CANCEL, CANCEL_AGAIN = "tasks.cancel", "tasks.cancel_again"
NO_CANCEL = (1, "Task is not in a cancellable state.")
LEFT_THE_QUEUE = "the task had left the queue before it could be cancelled"


class StopEnvelope(TypedDict):
    """`StopAnswer`, whatever its tasks are like."""

    errors: list[shapes.ErrorItem]
    tasklist: list[Any]
    result: Literal[True]


def check_cancel(wiro: Service) -> None:
    """Cancel takes a task out of the queue, and shows it; a task that has left the queue is refused."""
    stop = wiro.cancelled().stop
    if stop.error[0] is not None:
        expect(NO_CANCEL, stop.error, what="code and message")
        raise NotVerified(LEFT_THE_QUEUE)
    _is_stopped(wiro, stop.json)


def check_cancel_again(wiro: Service) -> None:
    """A task that is not in the queue cannot be cancelled, and there is a sentence for that."""
    expect(NO_CANCEL, wiro.cancelled().again.error, what="code and message")


def check_finished_is_not_cancelled(wiro: Service) -> None:
    """Nor can one that has ended, and it stays as it was."""
    finished = wiro.finished()
    expect(NO_CANCEL, wiro.post("Task/Cancel", {"taskid": finished.run.task_id}).error, what="code and message")
    after = wiro.task_of(wiro.post("Task/Detail", {"taskid": finished.run.task_id}))
    expect(finished.task.get("status"), after.get("status"), what="status")


def _cancelled(wiro: Service) -> Stopped:
    """The run that was cancelled, where it could be."""
    stopped = wiro.cancelled()
    if stopped.stop.error[0] is not None:
        raise NotVerified(LEFT_THE_QUEUE)
    return stopped


def check_stays_cancelled(wiro: Service) -> None:
    """What was cancelled can still be looked at, and is in `task_cancel` for good."""
    expect("task_cancel", _cancelled(wiro).task.get("status"), what="status")


def check_stopped_shape(wiro: Service) -> None:
    """A task that was stopped has every field of a finished one."""
    stopped = wiro.cancelled()
    in_answer = wiro.task_of(stopped.stop) if stopped.stop.error[0] is None else stopped.task
    killed = wiro.killed().stop
    for task in (in_answer, stopped.task, *([wiro.task_of(killed)] if killed.error[0] is None else [])):
        wiro.compare(task, shapes.TaskShape, path="tasklist[0]")


def check_cancelled_is_free(wiro: Service) -> None:
    """What was cancelled in the queue costs nothing."""
    stopped = _cancelled(wiro)
    cost = field(stopped.task, "totalcost", str, told_by=SHAPE)
    if cost.strip("0.") != "":
        raise Broken("totalcost 0 of a cancelled task", f"totalcost {shown(cost)}")


def check_kill(wiro: Service) -> None:
    """Kill, by the token, stops a task that has a worker, and shows it as cancelled."""
    stopped = wiro.killed()
    stop = stopped.stop
    if stop.error[0] is not None:
        text = str(stop.error[1])
        if stop.error[0] != 1 or not text.startswith("Task could not be killed:"):
            raise Broken("code 1 and 'Task could not be killed: …'", f"code and message {shown(stop.error)}")
        raise NotVerified("the task could not be killed when it was tried")
    if wiro.task_of(stop).get("status") == "task_postprocess_end":
        raise NotVerified("the task had ended before it could be killed")
    _is_stopped(wiro, stop.json)


def _is_stopped(wiro: Service, answer: Any) -> None:
    if isinstance(answer, dict) and "total" in answer:
        # Two sources contradict each other (rest.md C8).
        wiro.differs("total of Cancel and Kill", "absent", answer["total"], switch="stop_total=true")
        answer = {name: value for name, value in answer.items() if name != "total"}
    wiro.compare(answer, StopEnvelope)
    if not answer["tasklist"]:
        raise Broken("the task in tasklist", "tasklist []")
    status = field(answer["tasklist"][0], "status", str, told_by=SHAPE)
    expect("task_cancel", status, what="tasklist[0].status")


def _promise(check: Any, source: Any, *needs: str) -> Promise:
    needed = (LETS_IN, TAKEN_ON, IS_SHOWN, *needs)
    return Promise(area="tasks", check=check, cost="runs a model", source=source, needs=needed)


PROMISES = (
    _promise(check_cancel, APRIL),
    _promise(check_cancel_again, APRIL, CANCEL, ENVELOPES),
    _promise(check_finished_is_not_cancelled, APRIL, CANCEL_AGAIN),
    _promise(check_stays_cancelled, SDKS, CANCEL),
    _promise(check_stopped_shape, PAGE, SHAPE, CANCEL),
    _promise(check_cancelled_is_free, APRIL, CANCEL),
    _promise(check_kill, SDKS, CANCEL),
)
