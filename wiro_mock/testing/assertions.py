"""What a test may demand of what has happened: each raises `AssertionError`, which shows what there was instead.

None of them passes because there was nothing to look at, or because it has been forgotten: that is said instead.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from wiro_mock.clock import monotonic
from wiro_mock.journal import POLL, Exchange
from wiro_mock.kernel.events import SECOND
from wiro_mock.language.durations import format_duration
from wiro_mock.mock import World
from wiro_mock.testing.diff import calls, model_of
from wiro_mock.testing.era import present
from wiro_mock.testing.messages import told
from wiro_mock.testing.options import seconds
from wiro_mock.testing.ran import assert_ran, check_known
from wiro_mock.testing.sequences import check_operation, tasks
from wiro_mock.testing.telling import LINES, complaint, counted, listed, more
from wiro_mock.testing.views import Task

__all__ = ["assert_no_leaks", "assert_not_called", "assert_polled", "assert_ran", "assert_signed"]
GOODBYE = 0.5
"""Real seconds in which the server is sure to have noticed that a client has left its socket."""


def assert_not_called(world: World, operation: str | None = None, *, model: str | None = None) -> None:
    """No request of this operation came, refused ones included; none at all, if none is named.

    With a `model`, only requests for its runs and tasks count. Raises `Misuse` for what is no operation or model.
    """
    __tracebackhide__ = True
    if operation is not None:
        check_operation(operation)
    if model is not None:
        check_known(world.catalog, model, calls(world))
    era = present(world)
    with era.settled():
        found = [one for one in era.exchanges() if operation in (None, one.outcome.operation)]
        if model is not None:
            found = [one for one in found if _is_of(world, one, model)]
        forgotten = sum(n for (name, _), n in era.journal.forgotten.items() if operation in (None, name))
    what, any_of = (f"{operation or one}{f' of {model}' if model else ''}" for one in ("something", "anything"))
    if found:
        head = f"{what} was called, in {counted(len(found), 'request')}:"
        raise AssertionError(complaint(world, [head, *listed(found)]))
    if forgotten:
        raise AssertionError(
            f"whether {any_of} was called cannot be told: {counted(forgotten, 'older request')} that may have been "
            "that had to make room in the journal"
        )


def assert_polled(
    world: World,
    task: Task | str | None = None,
    *,
    at_most: int | None = None,
    at_least: int | None = None,
    min_interval: str | float | timedelta | None = None,
) -> None:
    """The task was polled by Detail so often, and with such pauses; without a `task`, every task was, each by itself.

    With no condition: at least once. `min_interval` is `"1s"`, seconds or a timedelta, from an answer to the
    next request, on the world's clock. Raises `Misuse` for what is no duration.
    """
    __tracebackhide__ = True
    pause = None if min_interval is None else round(seconds(min_interval, asking="min_interval") * SECOND)
    if at_least is None and at_most is None and pause is None:
        at_least = 1
    every = tasks(world)
    chosen = list(every) if task is None else [every[task if isinstance(task, str) else task.id]]
    era = present(world)
    polls = [one for one in era.exchanges() if one.outcome.operation == POLL]
    if not chosen:
        raise AssertionError("there is no task that could have been polled")
    for one in chosen:
        mine = [poll for poll in polls if poll.outcome.task_id == one.id]
        forgotten = era.journal.forgotten_polls[one.id]
        _check_count(one, mine, forgotten, at_least, at_most)
        if pause is not None:
            if forgotten:
                told = counted(forgotten, "poll")
                raise AssertionError(f"its pauses cannot be told: the journal has forgotten {told} of task {one.id}")
            _check_pauses(world, one, mine, pause)


def assert_signed(world: World) -> None:
    """Every request that needs a key was signed, and rightly, and there was one.

    In a world whose project is key-only, or that looks at no key, nothing is signed; then this fails and says so.
    """
    __tracebackhide__ = True
    era = present(world)
    if world.auth_mode == "off":
        raise AssertionError(
            "in this world nobody looks at keys (auth is off), so nothing is signed; use auth='strict'"
        )
    if world.project.key_only:
        raise AssertionError(
            "this world's project is key-only: its requests carry the key and no signature; drop key_only to check one"
        )
    exchanges = era.exchanges()
    bad = [one for one in exchanges if one.signed in ("wrong", "missing")]
    forgotten = sum(n for (_, signed), n in era.journal.forgotten.items() if signed in ("wrong", "missing"))
    if bad:
        lines = [f"{one.id} {told(one)}: {one.outcome.reason}" for one in bad[:LINES]]
        head = f"{counted(len(bad), 'request')} of {len(exchanges)} not rightly signed:"
        raise AssertionError(complaint(world, [head, *(f"  {line}" for line in lines), *more(bad)]))
    if forgotten:
        raise AssertionError(f"the journal has forgotten {counted(forgotten, 'request')} not rightly signed")
    if not any(one.signed == "signed" for one in exchanges):
        raise AssertionError("no request that needs a key was made, so none was signed")


def assert_no_leaks(world: World) -> None:
    """Nothing was left behind: no open socket, no unfinished or held task, no output that nobody has downloaded."""
    __tracebackhide__ = True
    if left := leaks(world):
        head = f"{counted(len(left), 'thing')} left behind:"
        raise AssertionError(complaint(world, [head, *(f"  {leak}" for leak in left)]))


def leaks(world: World) -> list[str]:
    """What was left behind, one line each."""
    _see_off(world)
    return [*(f"socket {number} is still open" for number in sorted(world.sockets)), *unfinished(world)]


def unfinished(world: World) -> list[str]:
    """The same without sockets, which some time must be given to."""
    found: list[str] = []
    era = present(world)
    with era.settled():
        holds = era.sim.holds()
        for task in tasks(world):
            named = f"task {task.id} ({task.model})"
            if task.id in holds:
                found.append(f"the hold {holds[task.id]!r} was never released: {named} stands in {task.status}")
            elif not task.finished:
                waits = f", and waits for {task.waits_for}" if task.waits_for else ""
                found.append(f"{named} is unfinished: it is in {task.status}{waits}")
            found += [
                f"the output {file.name!r} of {named} was never downloaded"
                for file in task.outputs
                if not file.downloaded
            ]
    return found


def _see_off(world: World) -> None:
    """Wait until the server has noticed that a client has just left: it does so in a thread of its own."""
    end = monotonic() + GOODBYE
    while world.sockets and monotonic() < end:
        time.sleep(0.002)


def _is_of(world: World, exchange: Exchange, model: str) -> bool:
    outcome = exchange.outcome
    if outcome.operation in ("Run", "Run/sync"):
        return model_of(world, exchange).fits(model)
    task = world.sim.task(outcome.task_id)
    return task is not None and task.job.model.fits(model)


def _check_count(
    task: Task, polls: Sequence[Exchange], forgotten: int, at_least: int | None, at_most: int | None
) -> None:
    __tracebackhide__ = True
    count = len(polls) + forgotten
    if at_most is not None and count > at_most:
        expected = f"at most {at_most}"
    elif at_least is not None and count < at_least:
        expected = f"at least {at_least}"
    else:
        return
    which = f": {polls[0].id} … {polls[-1].id}" if len(polls) > 1 else f": {polls[0].id}" if polls else ""
    raise AssertionError(f"task {task.id} was polled {_times(count)}, expected {expected}{which}")


def _check_pauses(world: World, task: Task, polls: Sequence[Exchange], pause: int) -> None:
    __tracebackhide__ = True
    short = [(one, other) for one, other in pairwise(polls) if other.came_at - one.at < pause]
    if not short:
        return
    one, other = min(short, key=lambda pair: pair[1].came_at - pair[0].at)
    gap = format_duration(other.came_at - one.at)
    hint = "" if world.clock.mode not in ("auto", "manual") else " (which really sleeping does not move)"
    raise AssertionError(
        f"{other.id} polled task {task.id} {gap} after {one.id} was answered, on the world's clock{hint}; "
        f"expected at least {format_duration(pause)}; {len(short)} of {len(polls) - 1} pauses are too short"
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
