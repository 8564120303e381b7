"""Which scenario plays a run: what was asked for by name, what matches, or the default of the model's kind.

Imports the language when it is first needed: a server can answer before it has read a scenario.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wiro_mock.backends import Backend
    from wiro_mock.kernel.catalog import Catalog, Model
    from wiro_mock.loader import Library
    from wiro_mock.matching import Chosen
    from wiro_mock.scenario import Scenario


ASKED = 10_000
"""So many uses are remembered, those that are over too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A backend that plays the runs of `model` (a glob) for as long as the mock lives, as a scenario with this match
    would: what is more specific, or asked for by name, goes before it.
    """

    name: str
    model: str
    backend: Backend


@dataclass(slots=True, kw_only=True, eq=False)
class Use:
    """Scenarios that were asked for: for which runs, and what became of it. They play in turn, and the last one stays.

    `model` is a glob, `parameters` are compared as text; `nth` plays for that one of the runs that fit, `times` for so
    many of them at most. `seen` counts the runs that fit, `played` those it played for. `turned_away` counts those
    that fit and were refused beforehand, by the account or for their parameters; `refused_with` is the last sentence.
    `where` is the place in the tester's code; `wide` is one that was not made for a single test, which need not use it.
    """

    scenarios: tuple[Scenario, ...]
    model: str = "*"
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nth: int | None = None
    times: int | None = None
    optional: bool = False
    where: str = ""
    wide: bool = False
    seen: int = 0
    played: int = 0
    turned_away: int = 0
    refused_with: str = ""
    outplayed: Use | None = None
    """The later use that took its place, if one did."""

    @property
    def name(self) -> str:
        """The names of its scenarios."""
        return ", ".join(scenario.name for scenario in self.scenarios)

    @property
    def spent(self) -> bool:
        """Whether it plays for no run any more."""
        if self.nth is not None:
            return self.seen >= self.nth
        return self.times is not None and self.played >= self.times

    @property
    def for_everything(self) -> bool:
        """Whether it plays for every run of its models, for ever."""
        return not self.parameters and self.nth is None and self.times is None

    def shown(self) -> dict[str, Any]:
        """It as JSON values; `times` is how often it still plays."""
        left = None if self.times is None else self.times - self.played
        shown: dict[str, Any] = {"name": self.name, "model": self.model, "times": left}
        if self.parameters:
            shown["with"] = {name: list(values) for name, values in self.parameters.items()}
        return shown if self.nth is None else {**shown, "nth": self.nth}

    def differences(self, model: Model, parameters: Mapping[str, object]) -> list[str]:
        """Nothing when a run fits, else each difference in words."""
        from wiro_mock.language.substitution import unlike

        found = [] if model.fits(self.model) else [f"model is {model.name}, not {self.model}"]
        return found + unlike(self.parameters, parameters, model.defaults)

    def due(self) -> Scenario | None:
        """The scenario that would play one more run that fits; None when it is another one's turn. Counts nothing."""
        if self.nth is not None and self.seen + 1 != self.nth:
            return None
        if self.times is not None and self.played >= self.times:
            return None
        return self.scenarios[min(self.played + 1, len(self.scenarios)) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The scenario that is to play a run. Nothing is counted before it is taken.

    `fitting` are all uses that fit the run, `use` is the one among them that it comes from, if any.
    """

    chosen: Chosen
    fitting: tuple[Use, ...] = ()
    use: Use | None = None

    def turn_away(self, message: str) -> None:
        """The run was refused for what the scenario has no part in, so it counts as none that came."""
        for use in self.fitting:
            use.turned_away += 1
            use.refused_with = message


class Casting:
    """The scenarios and models of a world, and what was asked for. Not safe without the world's lock.

    `tell` gets a line whenever files have changed, or were broken by a change. `own` are scenarios that were made in
    Python; `asked` remembers every use, also those that are over. `come` counts the runs that fit a match of which
    there are several in turn (`Match.turn_of`).
    """

    def __init__(self, library: Library | None, tell: Callable[[str], None], standing: Sequence[Standing] = ()) -> None:
        self._standing = standing
        self._live: list[Scenario] = []
        self.uses: list[Use] = []
        self.asked: deque[Use] = deque(maxlen=ASKED)
        self.own: list[Scenario] = []
        self.come: dict[str, int] = {}
        self._library = library
        self._known: Sequence[Scenario] = () if library is None else library.scenarios
        self._tell = tell

    def with_library(self, library: Library) -> Casting:
        """Another one, in which nothing has been asked for yet, with these files."""
        return Casting(library, self._tell, self._standing)

    def begin(self) -> None:
        """Forget what was asked for."""
        self.uses, self.own, self.come = [], [], {}
        self.asked.clear()

    @property
    def is_read(self) -> bool:
        """Whether the scenarios have been read."""
        return self._library is not None

    @property
    def library(self) -> Library:
        """The files; only the shipped ones where no library was given."""
        if self._library is None:
            from wiro_mock.loader import Library

            self._library = Library()
        return self._library

    def refresh(self) -> None:
        """Look whether files have changed, and read those that have. Takes a while: once for each request will do."""
        for line in self.library.refresh():
            self._tell(line)
        if self._known is not (now := self.library.scenarios):
            self._renew(now)
            self._known = now

    def _renew(self, now: Sequence[Scenario]) -> None:
        """What was asked for by its name is what has that name now; runs that have begun go on as they are."""
        before = {scenario.name: scenario for scenario in self._known}
        after = {scenario.name: scenario for scenario in now}
        for use in self.uses:
            use.scenarios = tuple(
                after.get(one.name, one) if one is before.get(one.name) else one for one in use.scenarios
            )

    @property
    def catalog(self) -> Catalog:
        """The models on offer, as the files stood at the last refresh."""
        return self.library.catalog

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """The scenarios, as the files stood at the last refresh, those of standing backends, and then those that were
        made in Python.
        """
        if self._standing and not self._live:
            from wiro_mock.loader import make_scenario

            self._live = [
                make_scenario({"scenario": one.name, "match": {"model": one.model}, "backend": one.name})
                for one in self._standing
            ]
        return [*self.library.scenarios, *self._live, *self.own] if self.own or self._live else self.library.scenarios

    def find(self, name: str) -> Scenario:
        """The scenario of this name. Raises `ScenarioError` when there is none."""
        from wiro_mock.matching import choose

        return choose(self.scenarios, next(iter(self.catalog)), {}, asked=name).scenario

    def use(self, use: Use) -> Use:
        """Ask for scenarios from now on."""
        if use.for_everything:
            for known in self.uses:
                known.outplayed = use if use.model in ("*", known.model) else None
            self.uses = [known for known in self.uses if known.outplayed is None]
        self.uses.append(use)
        self.asked.append(use)
        return use

    def look(self, model: Model, parameters: Mapping[str, object], asked: str | None) -> Part:
        """The part of a run, of which nothing is counted yet; `asked` is the scenario that its request asked for.

        The latest use that fits goes before the request's own wish. Raises `ScenarioError` where nothing plays.
        """
        from wiro_mock.matching import Chosen, choose

        fitting = tuple(use for use in reversed(self.uses) if not use.differences(model, parameters))
        for use in fitting:
            if (scenario := use.due()) is not None:
                at = f" at {use.where}" if use.where else ""
                chosen = Chosen(scenario, f"asked for{at}", demanded=not (use.wide or use.optional))
                return Part(chosen=chosen, fitting=fitting, use=use)
        chosen = choose(self.scenarios, model, parameters, asked=asked, come=self.come)
        if chosen.scenario in self.own:
            chosen = replace(chosen, demanded=True)
        return Part(chosen=chosen, fitting=fitting)

    def take(self, part: Part) -> Chosen:
        """The part plays: its run counts for every use that fits, and as played for the one that it comes from."""
        for use in part.fitting:
            use.seen += 1
        if part.use is not None:
            part.use.played += 1
        for turn in part.chosen.turns:
            self.come[turn] = self.come.get(turn, 0) + 1
        self.uses = [use for use in self.uses if not use.spent]
        return part.chosen
