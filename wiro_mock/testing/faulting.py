"""Faults that a test sets, in the words of the YAML: `wiro.fault("Run", latency="1s..3s", nth=2)`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from math import inf
from typing import Any, TypedDict

from wiro_mock.faults import Fault
from wiro_mock.faults.armed import unmeetable
from wiro_mock.language.durations import format_duration
from wiro_mock.language.faults import FaultItem
from wiro_mock.loader import ScenarioError, make_fault
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World

__tracebackhide__ = True  # a failure is in the tester's line


class Actions(TypedDict, total=False):
    """What a fault does; the verbs of the language, and what they take."""

    ok: bool
    status: int
    code: int
    message: str
    retry_after: int
    redirect_loop: bool
    expired: bool
    garbage: int | bool
    top_level: str | None
    bad_json: bool
    corrupt: int | bool
    content_type: str
    latency: str | float | timedelta | Mapping[str, str]
    drip: int
    hang: bool
    reset: bool
    disconnect: bool
    truncate: int | bool
    close: int | bool
    drop: bool
    duplicate: bool
    reorder: bool
    burst: bool
    unknown_type: str | bool
    early_end: bool
    oversized: str | bool
    sparse: bool
    json_in_string: bool
    late: bool
    pexit: int | bool
    huge: int | bool
    no_ping: bool


class Conditions(TypedDict, total=False):
    """Which calls a fault strikes; all must hold."""

    status: str
    nth: int
    every: int
    share: float
    after_bytes: int
    after_sent: int
    frame: str
    after_frames: int
    connection: int


def fault(
    on: str | Sequence[str],
    do: Mapping[str, Any],
    *,
    when: Mapping[str, Any],
    task: object,
    where: str,
    **rest: Any,
) -> Fault:
    """A fault that a test sets, not armed yet. Raises `Misuse` with every complaint about it."""
    item = read(in_yaml(on, do, when=when, **rest))
    task_id = "" if task is None else str(getattr(task, "id", task))
    return Fault(item=item, scope=task_id, task_id=task_id, where=where, optional=item.optional)


def in_yaml(on: str | Sequence[str], do: Mapping[str, Any], *, when: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    """A fault in the words of the YAML, as values of JSON."""
    data: dict[str, Any] = {"on": on if isinstance(on, str) else list(on), "do": _spelt(do)}
    if when:
        data["when"] = dict(when)
    data |= {key: value for key, value in rest.items() if value is not None and value != ()}
    if "then" in data:
        data["then"] = [_spelt(turn) if isinstance(turn, Mapping) else turn for turn in data["then"]]
    return data


def read(data: object) -> FaultItem:
    """A fault in the words of the YAML. Raises `Misuse` with every complaint."""
    try:
        return make_fault(data)
    except ScenarioError as error:
        raise Misuse("\n".join(f"fault: {told}" for told in str(error).splitlines())) from None


def arm_set(world: World, name: object, *, where: str, optional: bool) -> None:
    """Arm a fault set by its name. Raises `Misuse` where there is none of it, or where no open door could do it."""
    if not isinstance(name, str):
        raise Misuse(f"faults: a fault set is named by a text such as 'bad-day', not by {name!r}")
    try:
        check_doors(world, (Fault(item=item) for item in world.casting.library.fault_set(name).faults))
        world.arm_set(name, where=where, optional=optional)
    except ScenarioError as error:
        raise Misuse(f"faults: {error}") from None


def arm(world: World, faults: Iterable[Fault]) -> None:
    """From now on they may strike. Raises `Misuse` where no open door of this Wiro could do it."""
    with world.lock:
        for one in faults:
            check_doors(world, [one])
            if one.task_id and (why := unmeetable(one.item, world.sim.task(one.task_id), one.task_id)):
                raise Misuse(f"fault: {why}")
            world.faults.arm(one)


BREAKING = frozenset({"hang", "reset", "disconnect", "truncate", "no_ping"})
"""The verbs that need a transport which can end a connection in the middle."""


def check_doors(world: World, faults: Iterable[Fault]) -> None:
    """Raise `Misuse` for a fault that the one open door cannot do."""
    if world.doors != {"asgi"}:
        return
    for one in faults:
        for do in one.item.turns if one.item.kinds != {"webhook"} else ():
            if found := BREAKING.intersection(do.verbs):
                raise Misuse(
                    f"fault: {min(found)} on {', '.join(one.item.on)} cannot be done by wiro.app, for an ASGI app "
                    "cannot break its connection; use wiro.serve() or wiro_server (a real socket), or wiro.respx()"
                )


def _spelt(do: Mapping[str, Any]) -> dict[str, Any]:
    """Durations in the words of the YAML; seconds and timedeltas are lengths of time, too."""
    return {key: _length(value) if key == "latency" else value for key, value in do.items() if value is not False}


def _length(value: Any) -> Any:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf:
        return format_duration(round(value * 1_000_000))
    return dict(value) if isinstance(value, Mapping) else value
