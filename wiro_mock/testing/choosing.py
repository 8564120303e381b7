"""Choosing what happens to a run, and moving time to a point of a task's life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Protocol, TypedDict

from wiro_mock.backends import Backend
from wiro_mock.casting import Use
from wiro_mock.kernel.texts import value_text
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import make_scenario
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.scenario import Scenario
from wiro_mock.testing.call_site import here
from wiro_mock.testing.holding import point

__tracebackhide__ = True  # a failure is in the tester's line


class AccountTerms(TypedDict, total=False):
    """What the runs of a scenario meet in place of the account's own state: `account:` in the words of the YAML."""

    balance: Decimal | float | str
    suspended: bool
    member: bool


class Asking(Protocol):
    """Asks for scenarios for the runs to come."""

    def __call__(self, scenarios: Sequence[str | Scenario], *, where: str, **given: Any) -> Use: ...


@dataclass(slots=True)
class OnRun:
    """The runs that something is to happen to; `finished` when it was said what."""

    _ask: Asking
    model: str
    with_: Mapping[str, object]
    nth: int | None
    where: str
    finished: bool = False

    def use(self, *scenarios: str | Scenario, times: int | None = None, optional: bool = False) -> None:
        """Play these scenarios for them: in turn, and the last one stays; see `WiroMock.use`."""
        self.finished = True
        self._ask(
            scenarios,
            where=here(),
            model=self.model,
            with_=self.with_,
            nth=self.nth,
            times=times,
            optional=optional,
        )


def use(
    world: World,
    scenarios: Sequence[str | Scenario],
    *,
    where: str,
    model: str = "*",
    with_: Mapping[str, object] | None = None,
    nth: int | None = None,
    times: int | None = None,
    optional: bool = False,
) -> Use:
    """Ask for scenarios by name or as they are. Raises `Misuse` for what cannot be asked for."""
    if not scenarios:
        raise Misuse('use: no scenario; write the name of one, such as wiro.use("gpu-out-of-memory")')
    for name, value in (("nth", nth), ("times", times)):
        if value is not None and (type(value) is not int or value < 1):
            raise Misuse(f"use: {name} is a whole number from 1, not {value!r}")
    if nth is not None and len(scenarios) > 1:
        raise Misuse(f"use: nth={nth} is one run, and {len(scenarios)} scenarios were given; give one")
    with world.lock:
        check_model(world, model, asking="use")
        if with_ is not None and not isinstance(with_, Mapping):
            raise Misuse(f"use: with_ is a mapping such as {{'length': 'short'}}, not {with_!r}")
        found = tuple(_find(world, scenario) for scenario in scenarios)
        return world.casting.use(
            Use(
                scenarios=found,
                model=model,
                parameters={name: _values(name, value) for name, value in (with_ or {}).items()},
                nth=nth,
                times=times,
                optional=optional,
                where=where,
            )
        )


def check_model(world: World, glob: object, *, asking: str) -> None:
    """Raise `Misuse` for a glob that no model is like."""
    if not isinstance(glob, str):
        raise Misuse(f"{asking}: model is a text such as google/*, not {glob!r}")
    if glob == "*" or any(known.fits(glob) for known in world.catalog):
        return
    if world.settings.unknown_models == "play" and glob.count("/") == 1:
        return
    names = [known.name for known in world.catalog]
    near = get_close_matches(glob, names, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(names)}"
    raise Misuse(f'{asking}: no model is like "{glob}"; {hint}')


def nothing_held(world: World, name: str) -> str:
    """Why nothing was released."""
    held = ", ".join(f"task {task} at {hold!r}" for task, hold in world.sim.holds().items())
    going = [f"task {task.job.id} is in {task.status}" for task in world.sim.tasks() if not task.finished]
    on_the_way = f"; {', '.join(going[:3])}, and comes there when time passes" if going and not held else ""
    return f"nothing {f'at {name!r} ' if name else ''}is held; held now: {held or 'no task'}{on_the_way}"


def make(world: World, where: str, data: Mapping[str, object], rest: Mapping[str, object]) -> Scenario:
    """Make a scenario for this world; of `rest`, what is not None. Raises `Misuse` with every complaint about it."""
    data = _plain({**data, **{key: value for key, value in rest.items() if value is not None}})
    try:
        made = make_scenario(data, source=where)
    except ScenarioError as error:
        raise Misuse(str(error)) from None
    with world.lock:
        world.casting.own.append(made)
    return made


def backend(
    world: World, model: str, run: Backend, *, options: Mapping[str, object] | None, where: str, optional: bool
) -> Scenario:
    """Let a backend that is a function play the runs of a model from now on; its scenario. Raises `Misuse`."""
    if not callable(run):
        raise Misuse(f"backend: {run!r} is no function; give one that takes a job and yields events")
    with world.lock:
        name = f"backend-{len(world.backends) + 1}"
        document = {"scenario": name, "backend": {"use": name, "options": dict(options or {})}}
        try:
            made = make_scenario(_plain(document), source=where)
        except ScenarioError as error:
            raise Misuse(str(error)) from None
        use(world, [made], where=where, model=model, optional=optional)
        world.backends[name] = run
        return made


def jump_to(world: World, task_id: str, to: str) -> None:
    """Let time pass until the task has come to a point. Raises `Misuse` when it cannot come there by itself."""
    is_it = point(to, asking="jump_to")
    with world.lock:
        world.settle()
        log, before = world.sim.log(task_id), 0
        while not any(is_it(entry.event) for entry in log[before:]):
            before = len(log)
            deadline = world.sim.next_deadline() if world.sim.can_progress(task_id) else None
            if deadline is None:
                raise Misuse(f"jump_to: {_stuck(world, task_id)}, and does not come to {to} by itself")
            world.jump(deadline)


def _stuck(world: World, task_id: str) -> str:
    task = world.sim.task(task_id)
    if task is None or task.finished:
        return f"task {task_id} ended in {task.status if task else 'the past'}"
    return f"task {task_id} is in {task.status} and waits for {world.sim.waiting_for(task_id) or 'a free worker'}"


def _find(world: World, scenario: str | Scenario) -> Scenario:
    if isinstance(scenario, Scenario):
        return scenario
    if not isinstance(scenario, str):
        way = "write use(*names)" if isinstance(scenario, list | tuple) else "make one with wiro.scenario(...)"
        raise Misuse(f"use: {scenario!r} is no name of a scenario; {way}")
    for known in reversed(world.scenarios):
        if known.name == scenario:
            return known
    names = [known.name for known in world.scenarios]
    near = get_close_matches(str(scenario).lower(), names, n=1, cutoff=0.6)
    hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(names)}"
    raise Misuse(f'no scenario "{scenario}"; {hint}')


def _values(name: str, value: object) -> tuple[str, ...]:
    values = tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)
    for item in values:
        if not isinstance(item, str | int | float):
            raise Misuse(f"use: with_ {name}={item!r} cannot be compared; write a text, a number, or a list of them")
    return tuple(map(value_text, values))


def _plain(value: Any) -> Any:
    """Lists and dicts as YAML gives them, of whatever sequence and mapping was written."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return value
