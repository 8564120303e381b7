"""Which scenario plays a run: what was asked for by name, what matches, or the default of the model's kind.

Imports the language when it is first needed: a server can answer before it has read a scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from wiro_mock.kernel.catalog import Catalog
from wiro_mock.kernel.events import Job

if TYPE_CHECKING:
    from wiro_mock.loader import Library
    from wiro_mock.scenario import Scenario


@dataclass(slots=True, kw_only=True)
class Use:
    """A scenario that was asked for by name: for models of this glob, for so many runs (None: all)."""

    name: str
    model: str
    times: int | None


class Casting:
    """The scenarios and models of a world, and what was asked for. Not safe without the world's lock.

    `tell` gets a line whenever files have changed, or were broken by a change.
    """

    def __init__(self, library: Library | None, tell: Callable[[str], None]) -> None:
        self.uses: list[Use] = []
        self._library = library
        self._catalog: Catalog | None = None
        self._tell = tell

    @property
    def is_read(self) -> bool:
        """Whether the scenarios have been read."""
        return self._catalog is not None

    @property
    def library(self) -> Library:
        """The files; only the shipped ones where no library was given."""
        if self._library is None:
            from wiro_mock.loader import Library

            self._library = Library()
        return self._library

    @property
    def catalog(self) -> Catalog:
        """The models on offer, as the files stand now."""
        for line in self.library.refresh():
            self._catalog = None
            self._tell(line)
        if self._catalog is None:
            self._catalog = Catalog(self.library.models)
        return self._catalog

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """The scenarios, as the files stand now."""
        _ = self.catalog
        return self.library.scenarios

    def use(self, name: str, *, model: str, times: int | None) -> Scenario:
        """Ask for a scenario by name; raises `ScenarioError` when there is none of this name."""
        from wiro_mock.scenario import choose

        scenario = choose(self.scenarios, next(iter(self.catalog)), {}, asked=name).scenario
        if times is None:  # it outplays those before it
            self.uses = [use for use in self.uses if model not in ("*", use.model)]
        self.uses.append(Use(name=name, model=model, times=times))
        return scenario

    def choose(self, job: Job, asked: str | None) -> Scenario:
        """The scenario of a job; `asked` is the one its request asked for. Raises `ScenarioError` for none.

        The latest use that fits goes before the request's own wish.
        """
        from wiro_mock.scenario import choose

        use = next((use for use in reversed(self.uses) if fnmatchcase(job.model.name.lower(), use.model.lower())), None)
        name = use.name if use else asked
        chosen = choose(self.library.scenarios, job.model, job.parameters, asked=name).scenario
        if use is not None and use.times is not None:
            use.times -= 1
            if use.times <= 0:
                self.uses.remove(use)
        return chosen
