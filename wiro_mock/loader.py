"""YAML files → scenarios and models, with every complaint of every file at once.

A `Library` is what a running server uses: it reads again when a file has changed, and keeps the last good
version when the change is broken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import ValidationError

from wiro_mock.kernel.catalog import Catalog, Model, clean_name
from wiro_mock.language import timeline
from wiro_mock.language.complaints import Complaint, ScenarioError, complain, did_you_mean
from wiro_mock.language.fault_sets import FaultSet
from wiro_mock.language.faults import FaultItem
from wiro_mock.language.model_files import ModelFile
from wiro_mock.language.plan_table import plan_rows
from wiro_mock.language.produce import SourceFile
from wiro_mock.language.stand_ins import check_broken
from wiro_mock.language.timeline import Problem
from wiro_mock.language.wording import complaints_of, sentences_of, thing
from wiro_mock.language.yaml_source import LARGEST, Document, read_documents
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

Made = TypeVar("Made")
MODELS = "models"
"""The folder, inside a folder of scenarios, whose files describe models."""
FAULTS = "faults"
"""The folder, inside a folder of scenarios, whose files are fault sets."""


def load_scenarios(*paths: Path | str) -> list[Scenario]:
    """The scenarios of files and folders, in order. Raises `ScenarioError` with all complaints of all files.

    A later path may redefine a name, and the later one wins; twice in one path is a complaint.
    """
    return _load(paths, _scenario_files, _SCENARIOS)


def load_models(*paths: Path | str) -> list[Model]:
    """The models that the folders describe in their `models/`; a later folder may redefine one."""
    return _load(paths, _model_files, _MODELS)


def load_fault_sets(*paths: Path | str) -> list[FaultSet]:
    """The fault sets that the folders have in their `faults/`; a later folder may redefine one."""
    return _load(paths, _fault_files, _SETS)


def load_text(text: str, *, file: str = "<text>", folder: Path | None = None) -> list[Scenario]:
    """The scenarios of a YAML text. `folder` is where a `file:` is looked for."""
    complaints: list[Complaint] = []
    made = _gather(_read_text(text, file, folder, _SCENARIOS, complaints), complaints)
    if complaints:
        raise ScenarioError(complaints)
    return list(made.values())


def make_scenario(data: object, *, source: str = "", folder: Path | None = None) -> Scenario:
    """The scenario of a document that was written in Python, in the same words. `source` is the "file:line" of the
    code, which every complaint names. Raises `ScenarioError` with all complaints.
    """
    file, _, line = source.rpartition(":")
    return _scenario(Document(place=(int(line) if line.isdecimal() else 1, 1), data=data), file or source, folder)


def make_fault(data: object) -> FaultItem:
    """A fault that was written in Python or JSON, in the words of the YAML. Raises `ScenarioError`."""
    try:
        return FaultItem.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(Complaint("", 1, 1, told) for told in sentences_of(error, FaultItem)) from None


class Library:
    """The shipped scenarios and models and those of the given folders, kept up to date on request.

    `broken` are the complaints about the files as they stand, one line each: empty when all is well. Without `watch`
    they are read once and for all.
    """

    def __init__(self, *folders: Path | str, watch: bool = True) -> None:
        self._watch = watch
        self.folders = [Path(folder) for folder in folders]
        self.scenarios: list[Scenario] = []
        self.models: list[Model] = []
        self.broken: list[str] = []
        self._sets: list[FaultSet] = []
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
        if not self.folders or not self._watch:
            return []
        seen = self._look()
        if seen == self._seen:
            return []
        self._seen = seen
        try:
            self._read(seen)
        except ScenarioError as error:
            told, self.broken = self.broken, list(map(str, error.complaints))
            return [f"kept the last good scenarios: {line}" for line in self.broken] if told != self.broken else []
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
        scenarios = _collected(load_scenarios, tuple(self.folders), complaints)
        models = _collected(load_models, tuple(self.folders), complaints)
        sets = _collected(load_fault_sets, tuple(self.folders), complaints)
        if complaints:
            raise ScenarioError(complaints)
        shipped_scenarios, shipped_models = _read_shipped()
        self.scenarios = list({scenario.name: scenario for scenario in (*shipped_scenarios, *scenarios)}.values())
        self._sets = sets
        self.models = list({model.clean_name: model for model in (*shipped_models, *models)}.values())
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
            yield from _scenario_files(folder)
            yield from _model_files(folder)
            yield from _fault_files(folder)

    def _sent_files(self) -> Iterator[Path]:
        for scenario in self.scenarios:
            for item in scenario.steps:
                if item.produce is not None and isinstance(item.produce.file, SourceFile):
                    yield item.produce.file.path

    def _reloaded(self, folder: Path) -> str:
        """What was read from a folder: its scenarios, models and fault sets, as far as there are any."""
        counts = {
            "scenario": _count_of(_scenario_files(folder), self.scenarios),
            "model": _count_of(_model_files(folder), self.models),
            "fault set": _count_of(_fault_files(folder), self._sets),
        }
        there = [f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts.items() if count]
        return f"reloaded {', '.join(there) or '0 scenarios'} from {folder}"


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


# -- files ---------------------------------------------------------------------------------------------


def _scenario_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = []
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith("."))
        if Path(folder) == path:
            names[:] = [name for name in names if name not in (MODELS, FAULTS)]
        found += [Path(folder, name) for name in files if name.endswith((".yaml", ".yml"))]
    return sorted(found)


def _model_files(path: Path) -> list[Path]:
    return _yaml_in(path / MODELS)


def _fault_files(path: Path) -> list[Path]:
    return _yaml_in(path / FAULTS)


def _yaml_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.suffix in (".yaml", ".yml"))


def _text_of(path: Path) -> str:
    """The text of a file, or a `ValueError` that says why there is none."""
    try:
        if not path.exists():
            raise ValueError("there is no such file or folder; look at the path")
        if not path.is_file():
            raise ValueError("is not a regular file; give a YAML file or a folder of them")
        if path.stat().st_size > LARGEST:
            way = "put large outputs into files and name them by `file:`"
            raise ValueError(f"is larger than {LARGEST >> 20} MiB; {way}")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}; look at its permissions") from None


# -- documents -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Made]):
    """A kind of document: how to make the thing of it, and under which key it has its name, in which form."""

    make: Callable[[Document, str, Path | None], Made]
    key: str
    name: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Read(Generic[Made]):
    """A document: what it is called, where it begins, and what it makes (None when there were complaints)."""

    name: str
    file: str
    line: int
    made: Made | None


def _load(paths: Iterable[Path | str], files_of: Callable[[Path], list[Path]], kind: _Kind[Made]) -> list[Made]:
    complaints: list[Complaint] = []
    made: dict[str, Made] = {}
    for path in map(Path, paths):
        read = (one for file in files_of(path) for one in _read_file(file, kind, complaints))
        for name, one in _gather(read, complaints).items():
            made.pop(name, None)
            made[name] = one
    if complaints:
        raise ScenarioError(complaints)
    return list(made.values())


def _gather(documents: Iterable[_Read[Made]], complaints: list[Complaint]) -> dict[str, Made]:
    """What the documents make, by name; a name that stands there twice is a complaint, whatever else is wrong."""
    made: dict[str, Made] = {}
    places: dict[str, str] = {}
    for one in documents:
        if one.name in places:
            message = f"{one.name}: is defined here and at {places[one.name]}; rename one of the two"
            complaints.append(Complaint(one.file, one.line, 1, message))
        if one.name:
            places.setdefault(one.name, f"{one.file}:{one.line}")
        if one.made is not None:
            made[one.name] = one.made
    return made


def _collected(load: Callable[..., list[Made]], folders: tuple[Path, ...], complaints: list[Complaint]) -> list[Made]:
    try:
        return load(*folders)
    except ScenarioError as error:
        complaints += error.complaints
        return []


def _read_file(path: Path, kind: _Kind[Made], complaints: list[Complaint]) -> Iterator[_Read[Made]]:
    try:
        text = _text_of(path)
    except ValueError as error:
        complaints.append(Complaint(str(path), 1, 1, f"{path.name}: {error}"))
        return
    yield from _read_text(text, str(path), path.parent, kind, complaints)


def _read_text(
    text: str, file: str, folder: Path | None, kind: _Kind[Made], complaints: list[Complaint]
) -> Iterator[_Read[Made]]:
    documents, troubles = read_documents(text)
    complaints += [Complaint(file, *trouble.place, trouble.message) for trouble in troubles]
    if not documents and not troubles:
        complaints.append(Complaint(file, 1, 1, "the file: is empty; begin with `scenario: a-name`"))
    for document in documents:
        made = None
        try:
            made = kind.make(document, file, folder)
        except ScenarioError as error:
            complaints += error.complaints
        name = document.data.get(kind.key) if isinstance(document.data, dict) else None
        yield _Read(kind.name(name) if isinstance(name, str) else "", file, document.place[0], made)


def _scenario(document: Document, file: str, folder: Path | None) -> Scenario:
    context = {"source": f"{file}:{document.place[0]}", "folder": folder}
    try:
        scenario = Scenario.model_validate(document.data, context=context)
    except ValidationError as error:
        steps = document.data.get("steps") if isinstance(document.data, dict) else None
        problems = check_broken(steps, context) if isinstance(steps, list) else []
        found = [*complaints_of(error, Scenario, document, file), *_out_of_order(problems, document, file)]
        raise ScenarioError(found) from None
    if not scenario.backend and (problems := timeline.check(scenario.steps)):
        raise ScenarioError(_out_of_order(problems, document, file))
    return scenario


def _out_of_order(problems: Iterable[Problem], document: Document, file: str) -> Iterator[Complaint]:
    for problem in problems:
        path = ("steps", problem.index)
        place = document.place_of((*path, problem.name), key=True)
        yield Complaint(file, *place, f"{thing(path)}: {problem.message}", problem.rule)


def _model(document: Document, file: str, folder: Path | None) -> Model:
    try:
        made = ModelFile.model_validate(document.data, context={"folder": folder})
    except ValidationError as error:
        raise ScenarioError(complaints_of(error, ModelFile, document, file)) from None
    return replace(made.value(), source=f"{file}:{document.place[0]}")


def _fault_set(document: Document, file: str, _: Path | None) -> FaultSet:
    faults = document.data.get("faults") if isinstance(document.data, dict) else None
    count = len(faults) if isinstance(faults, list) else 0
    lines = tuple(document.place_of(("faults", index))[0] for index in range(count))
    context = {"source": f"{file}:{document.place[0]}", "lines": lines}
    try:
        return FaultSet.model_validate(document.data, context=context)
    except ValidationError as error:
        raise ScenarioError(complaints_of(error, FaultSet, document, file)) from None


def _slug(name: str) -> str:
    owner, _, slug = name.partition("/")
    return clean_name(owner, slug)


_SCENARIOS = _Kind(_scenario, "scenario", str)
_MODELS = _Kind(_model, "model", _slug)
_SETS = _Kind(_fault_set, "fault_set", str)
