"""Why a request was answered as it was: the exchange, the scenarios that were looked at, the task, and what to change.

Told of what the journal has kept, so without credentials, and of the world as it is now: where both differ, that is
said.
"""

from __future__ import annotations

from collections.abc import Iterator

from wiro_mock.explain.edits import rows as edit_rows
from wiro_mock.explain.layout import Row, laid_out
from wiro_mock.explain.runs import rows as run_rows
from wiro_mock.explain.tasks import rows as task_rows
from wiro_mock.journal import Exchange
from wiro_mock.mock import World

__all__ = ["NoSuchRequest", "explain", "unmatched"]

LATEST = 20


class NoSuchRequest(LookupError):
    """There is no exchange of this id; the message says which there are."""


def explain(world: World, request_id: str) -> list[str]:
    """The lines about one exchange, such as `req-7`. Raises `NoSuchRequest` when the journal has none of this id."""
    with world.lock:
        world.settle()
        exchange = _find(world, request_id)
        return laid_out(_headline(exchange), [*_rows(world, exchange)], clean=world.journal.clean)


def unmatched(world: World, *, limit: int = LATEST) -> list[str]:
    """The ids of the latest exchanges that something was amiss with, oldest first: those that have a reason."""
    entries = world.journal.entries(limit=len(world.journal))
    return [one.id for one in entries if one.outcome.code is not None or one.outcome.reason][-limit:]


def _find(world: World, request_id: str) -> Exchange:
    wanted = request_id.strip().removeprefix("req-")
    entries = world.journal.entries(limit=len(world.journal))
    for exchange in (*entries, *world.unexpected.values()):
        if exchange.id == f"req-{wanted}":
            return exchange
    raise NoSuchRequest(f"no request {request_id[:60]!r} here; {_which(entries, world.journal.dropped)}")


def _which(entries: list[Exchange], dropped: int) -> str:
    if not entries:
        return "there has been none yet" if not dropped else f"all {dropped} have been forgotten"
    forgotten = f", the first {dropped} of them forgotten" if dropped else ""
    if len(entries) == 1 and not dropped:
        return f"the only one is {entries[0].id}"
    return f"there are req-1 to {entries[-1].id}{forgotten}"


def _headline(exchange: Exchange) -> str:
    return f"{exchange.id}: {exchange.method} {exchange.path[:200]} -> {exchange.status} {exchange.what}"


def _rows(world: World, exchange: Exchange) -> Iterator[Row]:
    outcome = exchange.outcome
    if outcome.reason:
        yield Row("why", outcome.reason)
    yield from (Row("input", note.told()) for note in outcome.inputs)
    yield from run_rows(world, exchange)
    yield from task_rows(world, exchange)
    if outcome.code is not None or outcome.operation == "socket":
        yield from edit_rows(world, exchange)
