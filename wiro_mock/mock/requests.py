"""What comes over HTTP: played in a settled world, struck by a fault, and written down; and what nothing answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from wiro_mock.api import Outcome, Request, Response
from wiro_mock.api import handle as play
from wiro_mock.api.body import text_of
from wiro_mock.api.operations import find, refused
from wiro_mock.clock import monotonic
from wiro_mock.journal import POLL, Exchange
from wiro_mock.kernel.events import Duration, Instant
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.mock import hooks
from wiro_mock.mock.polling import PollError
from wiro_mock.store import NoPlace

if TYPE_CHECKING:
    from wiro_mock.faults.striking import Strike
    from wiro_mock.mock.world import World

REQUEST_ID = "x-wiro-mock-request-id"
"""The one header of ours in an answer: the id of its exchange in the journal."""
UNEXPECTED_KEPT = 1_000
"""So many kinds of unexpected calls are remembered apart from the journal, which forgets: the first of each."""
DOWNLOADS_KEPT = 100_000


def handle(world: World, request: Request, *, unread: str = "") -> Response:
    """Play one request: settle, answer, write it down. Never raises for what a client can send."""
    began = monotonic() if world.log_request is not None else 0.0
    with world.lock:
        world.runs.expect()
        came_at, response, outcome = _played(world, request, unread)
        if outcome.file and len(world.downloads) < DOWNLOADS_KEPT:
            world.downloads.add(outcome.file)
        if outcome.unexpected and (past := _from_the_past(world, request)):
            outcome = replace(outcome, unexpected=False, reason=f"{outcome.reason}; {past}")
        if (chosen := world.runs.chosen) is not None:
            outcome = replace(outcome, scenario=chosen.scenario.name, how=chosen.how)
        if inputs := world.runs.inputs:
            misspelt = [note.told() for note in inputs if note.near]
            outcome = replace(outcome, inputs=inputs, reason="; ".join(filter(None, (outcome.reason, *misspelt))))
        if request.met:
            outcome = replace(outcome, reason="; ".join(filter(None, (outcome.reason, request.met))))
        exchange = _written_down(world, request, response, outcome, came_at=came_at)
        if outcome.operation == POLL:
            hooks.hear_poll(world, exchange)
        world.collect()
    _tell(world, exchange, began)
    if response.wait is not None:
        response.wait.exchange = exchange.id
    headers = (*response.headers, (REQUEST_ID, exchange.id))
    return replace(response, headers=headers)


def _tell(world: World, exchange: Exchange, began: float) -> None:
    log, outcome = world.log_request, exchange.outcome
    has_told = log is not None and log(exchange, world.name, monotonic() - began)
    if not has_told and (outcome.code is not None or outcome.reason):
        world.tell(exchange.line())


# -- while a request is being sent ---------------------------------------------------------------------


class Met(NamedTuple):
    """What a fault does to a request on its way: the answer (or the end) where it is cut off, else how it is slowed
    down; and how that is told. Nothing at all where none is due.
    """

    response: Response | None = None
    latency: Duration = 0
    drip: int = 0
    told: str = ""


def while_sent(world: World, request: Request) -> list[int]:
    """After how many bytes of its body a fault may strike this request, the fewest first."""
    found = find(request.method, request.path)
    with world.lock:
        return world.faults.while_sent(found[0].name) if found is not None else []


def struck_while_sent(world: World, request: Request, after: int, sent: int) -> Met:
    """`after` so many bytes of its body a request is struck, or not; `sent` is how many have come."""
    began = monotonic() if world.log_request is not None else 0.0
    with world.lock:
        world.settle()
        if (strike := _strike_while_sent(world, request, after)) is None:
            return Met()
        latency = strike.do.latency.draw(strike.draw("latency")) if strike.do.latency is not None else 0
        told = f"{sent} bytes of the body had come"
        if not strike.before:
            return Met(latency=latency, drip=strike.do.drip or 0, told=f"{strike.applied()}; {told}")
        from wiro_mock.faults.deeds import Unfit, wrecked

        try:
            response = wrecked(strike, request, None)
        except Unfit as unfit:
            return Met(told=strike.could_not(str(unfit)))
        told = f"{strike.applied()}; {told}, and the request had no effect"
        outcome = Outcome(operation=strike.operation, reason=told)
        exchange = _written_down(world, request, response, outcome, came_at=world.sim.now)
    _tell(world, exchange, began)
    if response.damage is not None and response.damage.latency:  # which is waited for before it
        response = replace(response, damage=replace(response.damage, latency=0))
    return Met(response=replace(response, headers=(*response.headers, (REQUEST_ID, exchange.id))), latency=latency)


def sent_whole(world: World, request: Request, size: int) -> str:
    """A request has come whole, so that no fault could strike it on its way; those that would have, say so."""
    with world.lock:
        due = (_strike_while_sent(world, request, after) for after in while_sent(world, request) if after <= size)
        return "; ".join(one.could_not(NOT_ON_ITS_WAY) for one in due if one is not None)


def _strike_while_sent(world: World, request: Request, after: int) -> Strike | None:
    found = find(request.method, request.path)
    assert found is not None
    return world.faults.strike(world, found[0].name, request=request, after_sent=after)


NOT_ON_ITS_WAY = "a request in process comes whole, and is never on its way; use wiro_server or wiro.serve()"


def lost_socket(world: World, path: str) -> None:
    """A client asked for a socket at a path where there is none."""
    reason = "there is no socket at this path; it is at /v1, as wiro_server.socket_url and the ready line say"
    lost(world, "SOCKET", path, Outcome(operation="socket", reason=reason, unexpected=True))


def lost(world: World, method: str, path: str, outcome: Outcome) -> None:
    """A client asked for what is not played at all, and was answered 404."""
    with world.lock:
        world.settle()
        exchange = world.journal.record(at=world.sim.now, method=method, path=path, status=404, outcome=outcome)
        if len(world.unexpected) < UNEXPECTED_KEPT:
            world.unexpected.setdefault((method, exchange.path[:200]), exchange)
    world.tell(exchange.line())


def strike(world: World, operation: str, request: Request, segments: Sequence[str]) -> Strike | None:
    """The fault that strikes this request, if one does."""
    world.runs.asked_by(request, operation)
    if not world.faults:
        return None
    task = _task_of(world.sim, operation, request, segments)
    scope, status = (task.job.id, task.status.value) if task is not None else ("", "")
    return world.faults.strike(world, operation, scope=scope, status=status, request=request)


def _played(world: World, request: Request, unread: str = "") -> tuple[Instant, Response, Outcome]:
    """The answer, and the instant at which it was asked for."""
    came_at = world.sim.now
    try:
        world.warm_up()
        world.settle()
        came_at = world.sim.now
        if unread:
            # Where files lie is the tester's business, and not on the wire.
            return came_at, *_broken(world, "an upload cannot be kept here", reason=unread)
        return came_at, *_answered(world, request)
    except ScenarioError as error:
        # Where the file lies is the tester's business, and not on the wire.
        told = "; ".join(complaint.message for complaint in error.complaints)
        return came_at, *_broken(world, told, reason=str(error))
    except PollError as error:
        return came_at, *_broken(world, str(error))
    except NoPlace as error:
        return came_at, *_broken(world, "an output cannot be kept here", reason=str(error))
    except Exception as error:
        return came_at, *_broken(world, f"{type(error).__name__}: {error} (a mistake in wiro_mock itself)")


def _answered(world: World, request: Request) -> tuple[Response, Outcome]:
    if request.path in world.faults.loops:
        return _redirected(world, request)
    return world.runs.struck(*play(world, request))


def _redirected(world: World, request: Request) -> tuple[Response, Outcome]:
    """The address that a redirect loop leads to, again and again."""
    from wiro_mock.faults.deeds import redirect

    told = "followed a redirect of the fault redirect_loop, which leads here again"
    outcome = Outcome(operation=world.faults.loops[request.path], reason=told, signed="public")
    return redirect(request.origin, request.path), outcome


def _broken(world: World, message: str, *, reason: str = "") -> tuple[Response, Outcome]:
    """The mock itself cannot go on: HTTP 500, and the sentence on the wire too, for Wiro has none for this."""
    return refused(world, Refusal(0, message, status=500, reason=reason or message, unexpected=True))


def _from_the_past(world: World, request: Request) -> str:
    """What is known of the key of another world, which is over: its calls are nobody's fault here."""
    return world.explain_key(request.headers.get("x-api-key", "")) if world.explain_key else ""


def _written_down(
    world: World, request: Request, response: Response, outcome: Outcome, *, came_at: Instant
) -> Exchange:
    is_lost = response.damage is not None and response.damage.is_total
    is_to_come = response.wait is not None and not response.streams  # `waiting` says how it ended
    exchange = world.journal.record(
        at=world.sim.now,
        method=request.method,
        path=request.path,
        status=0 if is_lost or is_to_come else response.status,
        outcome=outcome,
        fields=request.body.fields,
        size=request.body.text_size,
        came_at=came_at,
        origin=request.origin,
        answer=response.content,
    )
    if outcome.unexpected and len(world.unexpected) < UNEXPECTED_KEPT:
        world.unexpected.setdefault((request.method, exchange.path[:200]), exchange)
    return exchange


def _task_of(sim: Simulation, operation: str, request: Request, segments: Sequence[str]) -> Task | None:
    """The task that a request is about."""
    if operation in ("File", "CDN"):
        file = (sim.files.by_accesskey if operation == "File" else sim.files.by_cdn_folder)(segments[0])
        return sim.task(file.task_id) if file is not None else None
    named = (text_of(request.body.fields, name) for name in ("taskid", "tasktoken", "socketaccesstoken"))
    tasks = (sim.task(name) or sim.task_by_token(name) for name in named)
    return next(filter(None, tasks), None)
