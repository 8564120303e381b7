"""Which scenario plays a run.

In order: the one asked for by name; the most specific one whose `match` fits; the default of the model's kind of
output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.nearest import listed, nearest
from wiro_mock.language.complaints import complain
from wiro_mock.scenario import Scenario

NAME_SHOWN = 100
NONE_CAME: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The scenario of a run, and how it came to play: "asked for", "match" or "default for KIND".

    `demanded` is one that a test asked for, and that must come to all of its effects. `turns` is what the run counts
    for (`Match.turn_of`).
    """

    scenario: Scenario
    how: str
    demanded: bool = False
    turns: tuple[str, ...] = ()


def choose(
    scenarios: Sequence[Scenario],
    model: Model,
    parameters: Mapping[str, object],
    asked: str | None = None,
    come: Mapping[str, int] = NONE_CAME,
) -> Chosen:
    """The scenario that plays this run; of equals, the later in the sequence. Raises `ScenarioError` for none.

    `come` is how many runs have come before that fit (`Match.turn_of` → number).
    """
    if asked is not None:
        return Chosen(_named(scenarios, asked), "asked for")
    fitting = [scenario for scenario in scenarios if scenario.match and not scenario.matches(model, parameters)]
    due = [scenario for scenario in fitting if not scenario.is_early(come)]
    if due:
        best = max(enumerate(due), key=lambda numbered: (numbered[1].rank(model), numbered[0]))
        return Chosen(best[1], "match", turns=turns_of(fitting))
    for scenario in reversed(scenarios):
        if model.kind in scenario.default_for:
            return Chosen(scenario, f"default for {model.kind}", turns=turns_of(fitting))
    raise complain(_nothing_plays(scenarios, model, parameters))


def turns_of(fitting: Sequence[Scenario]) -> tuple[str, ...]:
    """What a run counts for: the matches that it fits, where one of them waits for its turn."""
    turns = {one.match.turn_of for one in fitting if one.match is not None and one.match.nth > 1}
    return tuple(sorted(turns))


def _named(scenarios: Sequence[Scenario], asked: str) -> Scenario:
    for scenario in reversed(scenarios):
        if scenario.name == asked:
            return scenario
    names = [scenario.name for scenario in scenarios]
    near = nearest(asked, names)
    hint = f"did you mean '{near}'?" if near else f"none is near; there are: {listed(names)}"
    raise complain(f"no scenario '{asked[:NAME_SHOWN]}'; {hint}")


def _nothing_plays(scenarios: Sequence[Scenario], model: Model, parameters: Mapping[str, object]) -> str:
    what = f"no scenario plays for {model.name} (kind {model.kind})"
    way = f"add `default_for: {model.kind}` to one, or a match, or ask for one by name"
    candidates = [(scenario.matches(model, parameters), scenario) for scenario in scenarios if scenario.match]
    candidates = [(differences or ["it is not its turn yet"], scenario) for differences, scenario in candidates]
    if not candidates:
        return f"{what}: none has a match; {way}"
    differences, nearest = min(candidates, key=lambda pair: len(pair[0]))
    where = f" ({nearest.source})" if nearest.source else ""
    return f"{what}; the nearest is '{nearest.name}'{where}, but {' and '.join(differences)}; {way}"
