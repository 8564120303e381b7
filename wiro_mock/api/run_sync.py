"""`POST /v1/Run/{owner}/{model}/sync`: a Run that is answered with the end of its task (rest.md §2.1, socket.md §1.6).

Known from the newest documentation alone, which shows no whole answer. What it leaves open is our choice: the data of
`start`, the sentences, what is streamed of models that write no text (nothing), and that a stream has no cap.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from wiro_mock.api import answer_shape, jsontext, run, wire
from wiro_mock.api.answers import JSON_HEADERS, Answer, answer
from wiro_mock.api.messages import Outcome, Request, Response, World
from wiro_mock.api.waits import Pending, Stream, sse
from wiro_mock.kernel import events as e
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.events import SECOND, Duration, Entry
from wiro_mock.kernel.refusals import No, Refusal

CAP: Duration = 40 * 60 * SECOND
"""How long an answer in JSON is waited for, on the world's clock."""
SSE_HEADERS = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
LOST = "the world has begun anew while the client waited, and its tasks are gone"


def run_sync(world: World, request: Request, owner: str, model: str) -> Answer:
    """Take on a run, as `Run` does, and answer with its end; or raise the `Refusal`, also for models that take none."""
    _check(world.model(owner, model))
    task = run.take_on(world, request, owner, model)
    sim, log = world.sim, world.sim.log(task.job.id)
    outcome = Outcome(task_id=task.job.id, scenario=task.job.scenario, seen=len(log))
    origin = request.origin

    def render(world: World, wait: Pending) -> Answer:
        return _ended(world, wait, origin)

    if not streams(request):
        wait = Pending(task_id=task.job.id, sim=sim, log=log, until=sim.now + CAP, render=render)
        return Answer(Response(headers=JSON_HEADERS, wait=wait), outcome)
    start = {"id": task.job.id, "status": str(task.status), "pexit": None}
    start |= {"taskid": task.job.id, "socketaccesstoken": task.job.token}  # ours, so that a client can come back to it
    stream = Stream(
        task_id=task.job.id,
        sim=sim,
        log=log,
        until=None,
        render=render,
        start=sse("start", jsontext.dumps(start)),
        event=_event,
        silent_since=sim.now,
    )
    return Answer(Response(headers=SSE_HEADERS, wait=stream), outcome)


def streams(request: Request) -> bool:
    """Whether the client asks for server-sent events."""
    if parse_qs(request.query).get("stream", [""])[-1].lower() in ("true", "1"):
        return True
    kinds = request.headers.get("accept", "").lower().split(",")
    return any(kind.partition(";")[0].strip() == "text/event-stream" for kind in kinds)


def _check(model: Model) -> None:
    if not model.training and not model.kind.startswith("realtime"):
        return
    what = "training" if model.training else "realtime"
    raise No.SYNC.refusal(
        kind=what, reason=f"{model.name} is a {what} model, which takes no synchronous run; Run it without /sync"
    )


def _ended(world: World, wait: Pending, origin: str) -> Answer:
    """What is answered in the end."""
    if not wait.is_there(world):
        from wiro_mock.api.operations import refused  # which has this module in its table

        return refused(world, Refusal(No.TASK.value[0], world.profile.not_found_message, reason=LOST))
    task = wait.task(world)
    seen = len(wait.log) if world.sim.task(wait.task_id) else 0
    outcome = Outcome(task_id=wait.task_id, scenario=task.job.scenario, seen=seen)
    if wait.ended_at is not None:
        text = world.detail_texts.of(task, origin, world.profile)
        return Answer(Response(headers=JSON_HEADERS, content=text), outcome)
    waits = world.sim.waiting_for(wait.task_id) or "time to pass"
    refusal = No.SYNC_CAP.refusal(reason=f"the task goes on; it is in {task.status} and waits for {waits}")
    shape = {
        **wire.failure(refusal, world.seconds(), world.profile),
        "taskid": wait.task_id,
        "socketaccesstoken": task.job.token,
    }
    told = Outcome(
        task_id=wait.task_id,
        scenario=task.job.scenario,
        code=refusal.code,
        message=refusal.message,
        reason=refusal.reason,
        seen=seen,
    )
    return answer(shape, told, status=refusal.status)


def _event(wait: Stream, entry: Entry) -> str:
    """The text so far, the whole of it and never a piece; nothing for what is no text."""
    message = entry.event.message if isinstance(entry.event, e.Output) else None
    if isinstance(message, e.Reply):
        segments = answer_shape.segments(message)
    elif isinstance(message, e.Snapshot):
        segments = [{"type": "answer", "text": message.so_far}]
    else:
        return ""
    shape = {"id": wait.task_id, "status": "task_output", "pexit": None, "segments": segments}
    return sse("task_output", jsontext.dumps(shape))
