"""The end of an answer that has waited: rendered, struck by its faults, and written down where its request was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wiro_mock.api import Outcome, Response
from wiro_mock.mock import hooks

if TYPE_CHECKING:
    from wiro_mock.api.waits import Pending, Stream
    from wiro_mock.kernel.events import Instant
    from wiro_mock.mock.world import World


def finish(world: World, wait: Pending) -> Response:
    """The answer, now that it is due; again it would be a second one."""
    with world.lock:
        world.settle()
        response, outcome = wait.render(world, wait)
        for strike in wait.strikes:
            response, outcome = strike.answer(lambda own=(response, outcome): own)  # type: ignore[misc]
        _write_down(world, wait, response, outcome, at=wait.answered_at(world))
    return response


def take(world: World, stream: Stream) -> bytes:
    """The next events of a stream; nothing where there is no news."""
    with world.lock:
        world.settle()
        was_over, data = stream.over, stream.take(world)
        if stream.last is not None and not was_over:
            response, outcome = stream.last
            _write_down(world, stream, replace(response, status=200), outcome, at=stream.answered_at(world))
        return data


def leave(world: World, wait: Pending, why: str) -> None:
    """The client gets no answer, or no end of it; the task goes on."""
    with world.lock:
        status = 200 if wait.streams else 0
        outcome = Outcome(task_id=wait.task_id, reason=f"{why}; the task goes on")
        _write_down(world, wait, Response(status=status), outcome, at=world.sim.now)


def add(world: World, wait: Pending, why: str) -> None:
    """Tell the tester something more of an answer that has come."""
    with world.lock:
        if wait.is_there(world):
            world.journal.add_reason(wait.exchange, why)


def _write_down(world: World, wait: Pending, response: Response, outcome: Outcome, *, at: Instant) -> None:
    if not wait.is_there(world):
        return  # the journal has begun anew, too
    status = 0 if response.damage is not None and response.damage.is_total else response.status
    exchange = world.journal.amend(wait.exchange, at=at, status=status, outcome=outcome, answer=response.content)
    if exchange is None:
        return
    if outcome.code is None and status == 200 and not outcome.reason:
        hooks.hear_poll(world, exchange)
        world.collect()
    if outcome.code is not None or outcome.reason:
        world.tell(exchange.line())
