"""`Task/Detail`, `Task/Cancel`, `Task/Kill`, `Task/InputOutputDelete`."""

from __future__ import annotations

from collections.abc import Mapping

from wiro_mock.api import wire
from wiro_mock.api.answers import JSON_HEADERS, Answer, answer
from wiro_mock.api.body import text_of
from wiro_mock.api.lost_tasks import about_id, about_token, what_there_is
from wiro_mock.api.messages import Outcome, Request, Response, World
from wiro_mock.api.origin import origins
from wiro_mock.kernel.refusals import No, Refusal
from wiro_mock.kernel.task import Task

TOKENS = ("tasktoken", "socketaccesstoken")
ANY = (*TOKENS, "taskid")
"""Every name under which clients send an identifier; a token goes before an id (rest.md §2.1, clients.md §3)."""

_CANCEL_ADVICE = "Kill works from task_assign on"
_KILL_ADVICE = "Kill works from task_assign to task_postprocess_start, and Cancel in task_queue"
_DELETE_ADVICE = "files are deleted in task_postprocess_end and task_cancel only"


def detail(world: World, request: Request) -> Answer:
    """Show a task. In a world where polls are worth something, time passes first."""
    task = world.poll(_find(world, request, documented=("tasktoken", "taskid")))
    text = world.detail_texts.of(task, request.origin, world.profile)
    return Answer(Response(headers=JSON_HEADERS, content=text), _outcome(world, task))


def cancel(world: World, request: Request) -> Answer:
    """Cancel a task that is still in the queue."""
    found = _find(world, request, documented=("taskid",))
    try:
        task = world.sim.cancel(found.job.id)
    except Refusal as refusal:
        raise _advised(world, found, refusal, _CANCEL_ADVICE) from None
    return answer(wire.stopped(task, origins(request.origin), world.profile), _outcome(world, task))


def kill(world: World, request: Request) -> Answer:
    """Stop a running task."""
    found = _find(world, request, documented=("socketaccesstoken", "taskid"))
    try:
        task = world.sim.kill(found.job.id)
    except Refusal as refusal:
        raise _advised(world, found, refusal, _KILL_ADVICE) from None
    return answer(wire.stopped(task, origins(request.origin), world.profile), _outcome(world, task))


def delete_files(world: World, request: Request) -> Answer:
    """Delete the files of a finished task; again is no error (rest.md §7.4)."""
    try:
        task = _find(world, request, documented=("tasktoken",))
    except Refusal as refusal:
        if refusal.code == No.TASK.value[0]:
            raise No.DELETE_TASK.refusal(reason=refusal.reason) from None
        raise
    try:
        world.sim.delete_files(task.job.id)
    except Refusal as refusal:
        raise _advised(world, task, refusal, _DELETE_ADVICE) from None
    return answer(wire.done(), _outcome(world, task))


def _outcome(world: World, task: Task) -> Outcome:
    task_id = task.job.id
    seen = len(world.sim.log(task_id)) if world.sim.task(task_id) else 0
    return Outcome(task_id=task_id, scenario=task.job.scenario, seen=seen)


def _find(world: World, request: Request, documented: tuple[str, ...]) -> Task:
    """The task that a request names, or the `Refusal` (0: nothing named, 1: no such task)."""
    names = ANY if world.profile.identifiers == "any" else documented
    fields: Mapping[str, object] = request.body.fields
    for name in names:
        if text := text_of(fields, name):
            task = world.sim.task_by_token(text) if name in TOKENS else world.sim.task(text)
            if task is None:
                raise _no_task(world, name, text)
            return task
    raise No.IDENTIFIER.refusal(reason=_no_identifier(names, fields))


def _no_identifier(names: tuple[str, ...], fields: Mapping[str, object]) -> str:
    if sent := [name for name in names if name in fields]:
        return f"{sent[0]} is {str(fields[sent[0]])[:60]!r}, which is no identifier; a string or a number is"
    return f"none of {', '.join(names)} in the body, which has: {_names(fields)}"


def _no_task(world: World, name: str, text: str) -> Refusal:
    sim = world.sim
    hint = (about_token(sim, text) or what_there_is(sim)) if name in TOKENS else about_id(sim, text)
    reason = f"no task with {name} {text[:60]!r} here; {hint}"
    return Refusal(No.TASK.value[0], world.profile.not_found_message, reason=reason)


def _advised(world: World, task: Task, refusal: Refusal, advice: str) -> Refusal:
    """The refusal of a task in the wrong state, with the states that are needed and what the task waits for."""
    waits = world.sim.waiting_for(task.job.id) or "time to pass"
    refusal.reason += f"; {advice}; {'it has ended' if task.finished else f'it waits for {waits}'}"
    return refusal


def _names(fields: Mapping[str, object]) -> str:
    return ", ".join(repr(name[:40]) for name in list(fields)[:10]) or "no fields"
