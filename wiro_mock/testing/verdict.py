"""What a test left behind that it should not have: the only things that fail it at its end.

Exactly these: an unexpected call, a registration that nobody used, a fault that never fired, a hold that nobody
released. Each is one line with its place and its way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from wiro_mock.casting import Use
from wiro_mock.faults import Fault
from wiro_mock.inputs import CLOSE
from wiro_mock.kernel.nearest import nearest
from wiro_mock.mock import World
from wiro_mock.scenario import Scenario
from wiro_mock.testing.choosing import OnRun
from wiro_mock.testing.guard import WAYS_OUT, Attempt
from wiro_mock.testing.holding import Hold
from wiro_mock.text import printable


class Unmet(AssertionError):
    """A test's end: what it left behind, all of it, one line each."""


class WiroWarning(UserWarning):
    """What would have failed the test, if it were strict."""


def unexpected_calls(world: World, allowed: Sequence[str]) -> Iterator[str]:
    """Calls for which there is no operation, no model or no scenario, or at which the mock itself gave up."""
    for exchange in world.unexpected.values():
        what = f"{exchange.method} {exchange.path}"
        if not any(fnmatchcase(what, glob) or fnmatchcase(exchange.path, glob) for glob in allowed):
            reason = exchange.outcome.reason or exchange.outcome.message
            told = f"{what[:200]} -> {exchange.status} ({exchange.id}): {reason.removeprefix(f'{what[:200]}: ')}"
            way = " If" if told.endswith("?") else "; if"
            yield f"unexpected call: {told}{way} the client is meant to call it, wiro.allow({what[:200]!r})"


def blocked_calls(attempts: Iterable[Attempt]) -> Iterator[str]:
    """Attempts to reach the real Wiro."""
    for attempt in attempts:
        at = f" at {attempt.place}" if attempt.place else ""
        yield (f"unexpected call: {attempt.host} was looked up{at}, which is the real Wiro; {WAYS_OUT}")


def unsent_inputs(world: World) -> Iterator[str]:
    """URLs of which it was said what they hold, and that no run has sent."""
    for one in world.inputs:
        if one.optional or one.runs:
            continue
        near = nearest(one.url, world.inputs.sent, close=CLOSE)
        sent = f"; {near[:200]!r} was, so did you mean that?" if near else ""
        yield f"input_url {one.url[:200]!r} at {one.where}: no run sent it{sent}; remove it, or write optional=True"


def unused_uses(uses: Iterable[Use]) -> Iterator[str]:
    """Scenarios that were asked for, and did not all come to play."""
    for use in uses:
        wanted = 1 if use.nth is not None else len(use.scenarios)
        if use.optional or use.wide or use.played >= wanted:
            continue
        way = "put the mark on the class or the module" if use.where.startswith("@") else "write optional=True"
        yield f"{_asked(use)}: {_why_unused(use, wanted)}; remove it, or {way}"


def _asked(use: Use) -> str:
    names = ", ".join(f'"{scenario.name}"' for scenario in use.scenarios)
    where = f"at {use.where}" if use.where else "by the control API"
    return f"unused registration: {names} {'was' if len(use.scenarios) == 1 else 'were'} asked for {where}"


def _why_unused(use: Use, wanted: int) -> str:
    if use.played:
        left = ", ".join(scenario.name for scenario in use.scenarios[use.played :])
        return f"{use.played} of {wanted} {'was' if use.played == 1 else 'were'} played, {left} never"
    if use.outplayed is not None:
        return f"it was replaced by the one at {use.outplayed.where} before any run"
    if use.nth is not None and use.seen:
        return f"it was to play for run {use.nth}, and {use.seen} came that fit"
    if use.seen:
        return f"{use.seen} run{'s' * (use.seen != 1)} fitted, and a later registration played them"
    if use.turned_away:
        count = "1 run that fits was" if use.turned_away == 1 else f"{use.turned_away} runs that fit were"
        return f"{count} refused before it could play: {use.refused_with}"
    runs = [f"model={use.model!r}"] if use.model != "*" else []
    runs += [f"{name}={'|'.join(values)}" for name, values in use.parameters.items()]
    return f"no run with {', '.join(runs)} came" if runs else "no run came"


def unfinished_on_runs(begun: Iterable[OnRun]) -> Iterator[str]:
    """Runs that were chosen, and nothing was said of what is to happen to them."""
    for on_run in begun:
        if not on_run.finished:
            yield f"unused registration: on_run at {on_run.where} has no scenario; write wiro.on_run(...).use(NAME)"


def unused_scenarios(world: World, made: Iterable[tuple[Scenario, str]]) -> Iterator[str]:
    """Scenarios that were made in Python, are in no use, and never played."""
    used = {scenario.name for use in world.casting.asked for scenario in use.scenarios}
    for scenario, where in made:
        if scenario.name not in used and scenario.name not in world.played:
            way = "wiro.use it, give it a match that fits, remove it, or write optional=True"
            yield f'unused registration: the scenario "{scenario.name}" made at {where} never played; {way}'


def unused_holds(holds: Iterable[tuple[Hold, bool]]) -> Iterator[str]:
    """Holds to which no task ever came."""
    for hold, optional in holds:
        if not optional and not hold.was_of_use:
            nth = f", nth={hold.nth}" if hold.nth != 1 else ""
            yield (
                f'unused registration: hold("{hold.name}"{nth}) set at {hold.where}: no task came to it; '
                "remove it, or write optional=True"
            )


def unfired_faults(faults: Iterable[Fault]) -> Iterator[str]:
    """Faults that no request has met, and those that could not be done to any that did."""
    for fault in faults:
        if fault.struck or fault.optional:
            continue
        way = "write optional: true beside it" if ".y" in fault.where.rpartition("/")[2] else "write optional=True"
        told = f"{fault}, set at {fault.where}"
        if fault.unfit:
            yield f"fault could not apply: {told}: {fault.unfit}; remove it, or {way}"
        else:
            yield f"fault never fired: {told}: {_why_unfired(fault)}; remove it, or {way}"


def unmet_sets(world: World) -> Iterator[str]:
    """Fault sets of which nothing was ever met."""
    for armed in world.fault_sets:
        if not armed.optional and not armed.was_met:
            yield (
                f'fault set never met: "{armed.of.name}" was armed at {armed.where}, and no such request came; '
                "remove it, or write optional=True"
            )


def _why_unfired(fault: Fault) -> str:
    about = f" about task {fault.task_id}" if fault.task_id else ""
    if not fault.calls:
        in_status = f" in {fault.item.when.status}" if fault.item.when.status else ""
        return f"no such request{about}{in_status} came"
    came = "1 such request" if fault.calls == 1 else f"{fault.calls} such requests"
    when = ", ".join(f"{key} {value}" for key, value in fault.item.when.model_dump(exclude_none=True).items())
    return f"{came}{about} came, and none was struck ({when})"


def forgotten_holds(world: World, holds: Sequence[Hold]) -> Iterator[str]:
    """Tasks that are still held: by a hold of the test, or by a step of their scenario."""
    world.settle()
    for task_id, name in world.sim.holds().items():
        task = world.sim.task(task_id)
        setter = next((hold for hold in holds if task_id in hold.held), None)
        if setter is not None:
            place, way = f"set at {setter.where}", "release it, or set it by `with wiro.hold(...)`"
        else:
            place, way = f"of the scenario {_source(world, task.job.scenario if task else '')}", "wiro.release() it"
        yield f'hold never released: "{name}" {place} still holds task {task_id}; {way}'


def _source(world: World, name: str) -> str:
    source = next((one.source for one in reversed(world.scenarios) if one.name == name), "")
    return f'"{name}" ({source})' if source else f'"{name}"'


def told(problems: Sequence[str]) -> str:
    """The problems as one text."""
    return "\n".join(printable(problem) for problem in problems)
