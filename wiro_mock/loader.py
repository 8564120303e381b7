"""YAML files → scenarios and models, with every complaint of every file at once.

A `Library` is what a running server uses: it reads again when a file has changed, and keeps the last good
version when the change is broken.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from wiro_mock.contents import Content, content_of
from wiro_mock.kernel.catalog import Catalog, Model
from wiro_mock.language.complaints import Complaint, ScenarioError, complain, did_you_mean
from wiro_mock.language.fault_sets import FaultSet
from wiro_mock.language.faults import FaultItem
from wiro_mock.language.plan_table import plan_rows
from wiro_mock.language.produce import SourceFile
from wiro_mock.language.wording import sentences_of
from wiro_mock.language.yaml_source import Document
from wiro_mock.reading import (
    FAULT_SET,
    MODEL,
    SCENARIO,
    Made,
    fault_files,
    load,
    load_from,
    model_files,
    scenario_files,
    scenario_of,
)
from wiro_mock.scenario import Scenario
from wiro_mock.shipped import shipped

__all__ = [
    "Library",
    "ScenarioError",
    "load_fault_sets",
    "load_models",
    "load_scenarios",
    "load_text",
    "plan_rows",
    "shipped",
]


def load_scenarios(*paths: Path | str) -> list[Scenario]:
    """The scenarios of files and folders, in order. Raises `ScenarioError` with all complaints of all files.

    A later path may redefine a name, and the later one wins; twice in one path is a complaint.
    """
    return load(paths, scenario_files, SCENARIO)


def load_models(*paths: Path | str) -> list[Model]:
    """The models that the folders describe in their `models/`; a later folder may redefine one."""
    return load(paths, model_files, MODEL)


def load_fault_sets(*paths: Path | str) -> list[FaultSet]:
    """The fault sets that the folders have in their `faults/`; a later folder may redefine one."""
    return load(paths, fault_files, FAULT_SET)


def load_text(text: str, *, file: str = "<text>", folder: Path | None = None) -> list[Scenario]:
    """The scenarios of a YAML text. `folder` is where a `file:` is looked for."""
    return load_from(text, file, folder, SCENARIO)


def make_scenario(data: object, *, source: str = "", folder: Path | None = None) -> Scenario:
    """The scenario of a document that was written in Python, in the same words. `source` is the "file:line" of the
    code, which every complaint names. Raises `ScenarioError` with all complaints.
    """
    file, _, line = source.rpartition(":")
    return scenario_of(Document(place=(int(line) if line.isdecimal() else 1, 1), data=data), file or source, folder)


def make_fault(data: object) -> FaultItem:
    """A fault that was written in Python or JSON, in the words of the YAML. Raises `ScenarioError`."""
    try:
        return FaultItem.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(Complaint("", 1, 1, told) for told in sentences_of(error, FaultItem)) from None


class Library:
    """The shipped scenarios and models and those of the given folders, kept up to date on request.

    `broken` are the complaints about the files as they stand, one line each: empty when all is well. Without `watch`
    they are read once and for all. `contents` are the files of each folder as they were when they were read last.
    """

    def __init__(self, *folders: Path | str, watch: bool = True) -> None:
        self.watch = watch
        self.folders = [Path(folder) for folder in folders]
        self.scenarios: list[Scenario] = []
        self.models: list[Model] = []
        self.broken: list[str] = []
        self.contents: list[Content] = []
        self._sets: list[FaultSet] = []
        self._lock = threading.RLock()
        self._seen: dict[Path, tuple[int, int]] = {}
        self._catalog: tuple[list[Model], Catalog] = ([], Catalog())
        self._read(self._look())

    @property
    def catalog(self) -> Catalog:
        """The models, to be found by their names: one catalogue for all worlds, until they change."""
        models, catalog = self._catalog
        if models is not self.models:
            catalog = Catalog(self.models)
            self._catalog = (self.models, catalog)  # in one, for the worlds of several threads share a library
        return catalog

    def refresh(self) -> list[str]:
        """Read again if a file of the given folders has changed; the lines to tell the tester, if any."""
        if not self.folders or not self.watch:
            return []
        seen = self._look()
        if seen == self._seen:
            return []
        told = self.broken
        lines = self._read_again(seen)
        return lines if not self.broken or self.broken != told else []

    def reload(self) -> list[str]:
        """Read all files again, changed or not, watched or not; the lines to tell the tester."""
        return self._read_again(self._look()) if self.folders else ["there are no scenarios of your own to be reloaded"]

    def _read_again(self, seen: dict[Path, tuple[int, int]]) -> list[str]:
        """All of the files, or where any of them is broken none: then what was there before stays."""
        self._seen = seen
        try:
            self._read(seen)
        except ScenarioError as error:
            self.broken = list(map(str, error.complaints))
            return [f"kept the last good scenarios: {line}" for line in self.broken]
        self.broken = []
        return [self._reloaded(folder) for folder in self.folders]

    @property
    def fault_sets(self) -> list[FaultSet]:
        """The fault sets; the shipped ones are read when they are first asked for."""
        return list({one.name: one for one in (*_read_shipped_sets(), *self._sets)}.values())

    def fault_set(self, name: str) -> FaultSet:
        """The fault set of this name. Raises `ScenarioError` with the way out."""
        for one in self.fault_sets:
            if one.name == name:
                return one
        raise complain(f"no fault set '{name[:100]}'; {did_you_mean(name, (one.name for one in self.fault_sets))}")

    def _read(self, before: dict[Path, tuple[int, int]]) -> None:
        complaints: list[Complaint] = []
        each = [_collected(load_scenarios, (folder,), complaints) for folder in self.folders]
        models = _collected(load_models, tuple(self.folders), complaints)
        sets = _collected(load_fault_sets, tuple(self.folders), complaints)
        if complaints:
            raise ScenarioError(complaints)
        contents = [content_of(folder, of) for folder, of in zip(self.folders, each, strict=True)]
        shipped_scenarios, shipped_models = _read_shipped()
        scenarios = _by_name(shipped_scenarios, *each)
        all_models = list({model.clean_name: model for model in (*shipped_models, *models)}.values())
        # Nothing is taken before all of it is there; several worlds, and threads, may share it.
        with self._lock:
            self.scenarios, self.models, self._sets, self.contents = scenarios, all_models, sets, contents
            _ = self.catalog  # made while it is read, so that it costs no task its time
        # As it was before the reading, so that a change in the meantime is seen the next time.
        self._seen = {path: before.get(path, now) for path, now in self._look().items()}

    def _look(self) -> dict[Path, tuple[int, int]]:
        """What is there, and when it changed. Files that scenarios send out count, too."""
        found: dict[Path, tuple[int, int]] = {}
        for path in (*self._yaml_files(), *self._sent_files()):
            try:
                stat = path.stat()
            except OSError:
                continue
            found[path] = (stat.st_mtime_ns, stat.st_size)
        return found

    def _yaml_files(self) -> Iterator[Path]:
        for folder in self.folders:
            yield from scenario_files(folder)
            yield from model_files(folder)
            yield from fault_files(folder)

    def _sent_files(self) -> Iterator[Path]:
        for scenario in self.scenarios:
            for item in scenario.steps:
                if item.produce is not None and isinstance(item.produce.file, SourceFile):
                    yield item.produce.file.path

    def _reloaded(self, folder: Path) -> str:
        """What was read from a folder: its scenarios, models and fault sets, as far as there are any."""
        counts = {
            "scenario": _count_of(scenario_files(folder), self.scenarios),
            "model": _count_of(model_files(folder), self.models),
            "fault set": _count_of(fault_files(folder), self._sets),
        }
        there = [f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items() if count]
        return f"reloaded {', '.join(there) or '0 scenarios'} from {folder}"


def _by_name(*folders: list[Scenario]) -> list[Scenario]:
    """The scenarios of all folders; of a name, the later one, in its own place among those of its folder."""
    shipped_ones, *own = folders
    found: dict[str, Scenario] = {}
    for scenario in (one for folder in own for one in folder):
        found.pop(scenario.name, None)
        found[scenario.name] = scenario
    return list({scenario.name: scenario for scenario in (*shipped_ones, *found.values())}.values())


class _Sourced(Protocol):
    @property
    def source(self) -> str: ...


def _count_of(paths: Iterable[Path], made: Iterable[_Sourced]) -> int:
    """How many of these things were read from these files."""
    files = {str(path) for path in paths}
    return sum(one.source.rpartition(":")[0] in files for one in made)


@cache
def _read_shipped() -> tuple[list[Scenario], list[Model]]:
    """What the package ships: values that never change, read once for all worlds of a process."""
    return load_scenarios(shipped()), load_models(shipped())


@cache
def _read_shipped_sets() -> list[FaultSet]:
    return load_fault_sets(shipped())


def _collected(load: Callable[..., list[Made]], folders: tuple[Path, ...], complaints: list[Complaint]) -> list[Made]:
    try:
        return load(*folders)
    except ScenarioError as error:
        complaints += error.complaints
        return []
