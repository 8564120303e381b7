"""Which scenario plays a run, and why no other one does: what was asked for, what matches, what is a default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiro_mock.api.operations import find
from wiro_mock.casting import Use
from wiro_mock.explain.layout import Row
from wiro_mock.journal import Exchange
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.nearest import CLOSE, likeness, listed
from wiro_mock.kernel.orders import OWN_FIELDS
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.masking import HIDDEN
from wiro_mock.mock import World

if TYPE_CHECKING:
    from wiro_mock.matching import Chosen
    from wiro_mock.scenario import Scenario

SHOWN = 10
"""So many candidates are shown, the nearest first."""
_CUT = re.compile(r"… \(\d+ (?:characters|values)\)\Z")


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the journal tells of it: its model as it is now, and its parameters as far as they were kept."""

    model: Model
    parameters: Mapping[str, object]
    cut: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A scenario that did not play, what it is called, and why it did not; `near` is in how much it fits."""

    name: str
    why: str
    near: float
    fits: bool = False


def rows(world: World, exchange: Exchange) -> Iterator[Row]:
    """What is to be told of a run's scenario: the one that played, those that did not, the one that would play now."""
    outcome = exchange.outcome
    run = run_of(world, exchange) if outcome.scenario or outcome.unexpected else None
    if run is None:  # also where a run was turned away before anything was chosen for it
        return
    if outcome.scenario:
        yield Row("scenario", f"{_named(world, outcome.scenario)}, {_how(outcome.how)}")
    played = _use_that_played(world, exchange)
    candidates = [*_other_uses(world, run, played), *_other_matches(world, run, outcome.scenario)]
    near = sorted((one for one in candidates if not one.fits and one.near > 0), key=lambda one: -one.near)
    fitting = [one for one in candidates if one.fits]
    for one in near[:SHOWN]:
        yield Row("skipped", f"{one.name}: {one.why}")
    if len(near) > SHOWN:
        yield Row("skipped", f"and {len(near) - SHOWN} more")
    for one in fitting[:SHOWN]:
        yield Row("fits too", f"{one.name}: {one.why}")
    if len(fitting) > SHOWN:
        yield Row("fits too", f"and {len(fitting) - SHOWN} more")
    if not near and not fitting and not outcome.scenario:
        yield Row("skipped", f"nothing comes near; {_registered(world)}")
    if run.cut and candidates:
        yield Row("compared", f"the journal has cut or hidden {listed(run.cut)}: what was compared is what it kept")
    yield from _now(world, exchange, run)


def run_of(world: World, exchange: Exchange) -> Run | None:
    """The run that an exchange asked for; None when there is no such model."""
    found = find(exchange.method, exchange.path)
    if found is None or found[0].name not in ("Run", "Run/sync"):
        return None
    try:
        model = world.model(*found[1])
    except Refusal:
        return None
    fields = {name: value for name, value in exchange.fields.items() if name not in OWN_FIELDS}
    cut = tuple(name for name, value in fields.items() if _is_cut(value))
    return Run(model, {name: _parameter(value) for name, value in fields.items()}, cut)


def would_play(world: World, run: Run, asked: str | None) -> Chosen:
    """The scenario that would play the run now; nothing counts as used by it. Raises `ScenarioError` for none."""
    return world.casting.look(run.model, run.parameters, asked).chosen


def source_of(world: World, name: str) -> str:
    """The `path:line` of a scenario; empty where it has none, or is there no more."""
    known = scenario_of(world, name)
    return known.source if known is not None else ""


def scenario_of(world: World, name: str) -> Scenario | None:
    """The scenario of this name; None where it is there no more."""
    used = (scenario for use in world.casting.asked for scenario in use.scenarios)
    return next((one for one in (*reversed(world.scenarios), *used) if one.name == name), None)


def _named(world: World, name: str) -> str:
    source = source_of(world, name)
    return f"'{name}' ({source})" if source else f"'{name}'"


def _how(how: str) -> str:
    return {"match": "its match fits", "asked for": "asked for by name"}.get(how, how)


def _is_cut(value: object) -> bool:
    return value == HIDDEN or (isinstance(value, str) and _CUT.search(value) is not None)


def _parameter(value: object) -> object:
    """A value of the journal, to be compared as the run's: a file counts by its name."""
    if isinstance(value, list):
        return [_parameter(item) for item in value]
    if isinstance(value, dict) and value.keys() == {"file", "size", "sha256", "contenttype"}:
        return value["file"]
    return value


# -- candidates ------------------------------------------------------------------------------------------


def _use_that_played(world: World, exchange: Exchange) -> Use | None:
    how, name = exchange.outcome.how, exchange.outcome.scenario
    if not how.startswith("asked for"):
        return None
    where = how.removeprefix("asked for").removeprefix(" at ")
    fitting = (use for use in reversed(world.casting.asked) if use.where == where)
    return next((use for use in fitting if any(one.name == name for one in use.scenarios)), None)


def _other_uses(world: World, run: Run, played: Use | None) -> Iterator[_Candidate]:
    """What was asked for, the latest first: all of it counts as near, for somebody has written it down."""
    after = True
    for use in reversed(world.casting.asked):
        if use is played:
            after = False
            continue
        name = f"'{use.name}', asked for" + (f" at {use.where}" if use.where else " by name")
        differences = use.differences(run.model, run.parameters)
        if differences:
            yield _Candidate(name, " and ".join(differences), 1 / (1 + len(differences)) + 0.1)
        else:
            over = _why_over(world, use)
            still = "it was asked for after this request" if after else "a later one goes first"
            yield _Candidate(name, over or still, 2, fits=not over)


def _why_over(world: World, use: Use) -> str:
    """Why a use plays for no run any more; empty when it may."""
    if use.outplayed is not None:
        return f"the one at {use.outplayed.where} took its place" if use.outplayed.where else "a later one replaced it"
    if use.nth is not None and use.seen >= use.nth:
        return f"it plays for run {use.nth} only, and {_runs(use.seen)} that fit"
    if use.times is not None and use.played >= use.times:
        return f"it is spent: it was asked for {_times(use.times)}"
    if use not in world.casting.uses:
        return "it was taken back"
    if use.nth is not None:
        return f"it plays for run {use.nth} only, and {_runs(use.seen)} that fit so far"
    return ""


def _runs(count: int) -> str:
    return "1 run has come" if count == 1 else f"{count} runs have come"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _other_matches(world: World, run: Run, played: str) -> Iterator[_Candidate]:
    for scenario in reversed(world.scenarios):
        if scenario.name == played:
            continue
        name = f"'{scenario.name}'" + (f" ({scenario.source})" if scenario.source else "")
        if scenario.match is not None:
            differences = scenario.matches(run.model, run.parameters)
            near = _nearness(scenario, run, len(differences))
            early = scenario.is_early(world.casting.come)
            why = " and ".join(differences) or early or "something more specific, later, or asked for goes first"
            yield _Candidate(name, why, near, fits=not differences)
        elif run.model.kind in scenario.default_for:
            why = f"default for {run.model.kind}, where nothing else plays"
            yield _Candidate(name, why, 1, fits=True)


def _nearness(scenario: Scenario, run: Run, differing: int) -> float:
    """Which part of a match fits; a model that differs counts by how alike the names are."""
    assert scenario.match is not None
    globs = scenario.match.model or []
    conditions = len(scenario.match.parameters) + bool(globs)
    if globs and not any(run.model.fits(glob) for glob in globs):
        alike = max(likeness(glob, run.model.name) for glob in globs)
        return (conditions - differing) / conditions + (alike / conditions if alike >= CLOSE else 0)
    return (conditions - differing) / conditions


def _registered(world: World) -> str:
    matching = [scenario.name for scenario in world.scenarios if scenario.match is not None]
    if matching:
        return f"with a match there are: {listed(matching, most=SHOWN)}"
    return f"none has a match; by name there are: {listed([one.name for one in world.scenarios], most=SHOWN)}"


# -- now -------------------------------------------------------------------------------------------------


def _now(world: World, exchange: Exchange, run: Run) -> Iterator[Row]:
    outcome = exchange.outcome
    by_header = outcome.how == "asked for" and _use_that_played(world, exchange) is None
    try:
        chosen = would_play(world, run, outcome.scenario if by_header else None)
    except ScenarioError as error:
        if outcome.scenario:
            yield Row("now", f"nothing would play for it any more: {error}")
        return
    if (chosen.scenario.name, chosen.how) == (outcome.scenario, outcome.how):
        return
    where = f" ({chosen.scenario.source})" if chosen.scenario.source else ""
    yield Row("now", f"the same request would be played by '{chosen.scenario.name}'{where}, {_how(chosen.how)}")
