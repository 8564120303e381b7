"""Files and folders → things by their names: which files there are, what is in them, and every complaint about it.

A `Kind` of document says how to make the thing of it. All complaints of all files are gathered, and raised at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from wiro_mock.kernel.catalog import Model, clean_name
from wiro_mock.language import timeline
from wiro_mock.language.broken_rules import Problem
from wiro_mock.language.complaints import Complaint, ScenarioError
from wiro_mock.language.fault_sets import FaultSet
from wiro_mock.language.model_files import ModelFile
from wiro_mock.language.stand_ins import check_broken
from wiro_mock.language.wording import complaints_of, thing
from wiro_mock.language.yaml_source import LARGEST, Document, read_documents
from wiro_mock.scenario import Scenario

Made = TypeVar("Made")
MODELS = "models"
"""The folder, inside a folder of scenarios, whose files describe models."""
FAULTS = "faults"
"""The folder, inside a folder of scenarios, whose files are fault sets."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[Made]):
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


def load(paths: Iterable[Path | str], files_of: Callable[[Path], list[Path]], kind: Kind[Made]) -> list[Made]:
    """The things in files and folders, in order. Raises `ScenarioError` with all complaints of all files.

    A later path may redefine a name, and the later one wins; twice in one path is a complaint.
    """
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


def load_from(text: str, file: str, folder: Path | None, kind: Kind[Made]) -> list[Made]:
    """The things in a text, which complaints call `file`. Raises `ScenarioError` with all of them."""
    complaints: list[Complaint] = []
    made = _gather(_read_text(text, file, folder, kind, complaints), complaints)
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


def _read_file(path: Path, kind: Kind[Made], complaints: list[Complaint]) -> Iterator[_Read[Made]]:
    try:
        text = _text_of(path)
    except ValueError as error:
        complaints.append(Complaint(str(path), 1, 1, f"{path.name}: {error}"))
        return
    yield from _read_text(text, str(path), path.parent, kind, complaints)


def _read_text(
    text: str, file: str, folder: Path | None, kind: Kind[Made], complaints: list[Complaint]
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


# -- which files there are ---------------------------------------------------------------------------------


def scenario_files(path: Path) -> list[Path]:
    """The files with scenarios: of a folder all but the hidden ones, and but those of models and fault sets."""
    if not path.is_dir():
        return [path]
    found = []
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith("."))
        if Path(folder) == path:
            names[:] = [name for name in names if name not in (MODELS, FAULTS)]
        found += [Path(folder, name) for name in files if name.endswith((".yaml", ".yml"))]
    return sorted(found)


def model_files(path: Path) -> list[Path]:
    """The files with models."""
    return _yaml_in(path / MODELS)


def fault_files(path: Path) -> list[Path]:
    """The files with fault sets."""
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


# -- the kinds of documents --------------------------------------------------------------------------------


def scenario_of(document: Document, file: str, folder: Path | None) -> Scenario:
    """The scenario of a document. Raises `ScenarioError` with all complaints."""
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


SCENARIO = Kind(scenario_of, "scenario", str)
MODEL = Kind(_model, "model", _slug)
FAULT_SET = Kind(_fault_set, "fault_set", str)
