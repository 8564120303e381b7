"""YAML files → scenarios and models, with every complaint of every file at once.

A `Library` is what a running server uses: it reads again when a file has changed, and keeps the last good
version when the change is broken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.language import timeline
from wiro_mock.language.complaints import Complaint, ScenarioError
from wiro_mock.language.model_files import ModelFile
from wiro_mock.language.plan_table import plan_rows
from wiro_mock.language.produce import SourceFile
from wiro_mock.language.wording import complaints_of, thing
from wiro_mock.language.yaml_source import LARGEST, Document, read_documents
from wiro_mock.scenario import Scenario

__all__ = ["Library", "ScenarioError", "load_models", "load_scenarios", "load_text", "plan_rows", "shipped"]

Made = TypeVar("Made")
MODELS = "models"
"""The folder, inside a folder of scenarios, whose files describe models."""


def shipped() -> Path:
    """The folder of the shipped scenarios: inside an installed package, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "scenarios"
    return inside if inside.is_dir() else package.parent / "scenarios"


def load_scenarios(*paths: Path | str) -> list[Scenario]:
    """The scenarios of files and folders, in order. Raises `ScenarioError` with all complaints of all files.

    A later path may redefine a name, and the later one wins; twice in one path is a complaint.
    """
    return _load(paths, _scenario_files, _scenario, lambda scenario: scenario.name)


def load_models(*paths: Path | str) -> list[Model]:
    """The models that the folders describe in their `models/`; a later folder may redefine one."""
    return _load(paths, _model_files, _model, _slugs)


def load_text(text: str, *, file: str = "<text>", folder: Path | None = None) -> list[Scenario]:
    """The scenarios of a YAML text. `folder` is where a `file:` is looked for."""
    complaints: list[Complaint] = []
    made = {one.name: one for one, _ in _read_text(text, file, folder, _scenario, complaints)}
    if complaints:
        raise ScenarioError(complaints)
    return list(made.values())


class Library:
    """The shipped scenarios and models and those of the given folders, kept up to date on request."""

    def __init__(self, *folders: Path | str) -> None:
        self.folders = [Path(folder) for folder in folders]
        self.scenarios: list[Scenario] = []
        self.models: list[Model] = []
        self._broken = ""
        self._seen: dict[Path, tuple[int, int]] = {}
        self._read(self._look())

    def refresh(self) -> list[str]:
        """Read again if a file of the given folders has changed; the lines to tell the tester, if any."""
        if not self.folders:
            return []
        seen = self._look()
        if seen == self._seen:
            return []
        self._seen = seen
        try:
            self._read(seen)
        except ScenarioError as error:
            told, self._broken = self._broken, str(error)
            if told == self._broken:
                return []
            return [f"kept the last good scenarios: {complaint}" for complaint in error.complaints]
        self._broken = ""
        return [self._reloaded(folder) for folder in self.folders]

    def _read(self, before: dict[Path, tuple[int, int]]) -> None:
        complaints: list[Complaint] = []
        scenarios = _collected(load_scenarios, tuple(self.folders), complaints)
        models = _collected(load_models, tuple(self.folders), complaints)
        if complaints:
            raise ScenarioError(complaints)
        shipped_scenarios, shipped_models = _read_shipped()
        self.scenarios = list({scenario.name: scenario for scenario in (*shipped_scenarios, *scenarios)}.values())
        self.models = list({_slugs(model): model for model in (*shipped_models, *models)}.values())
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

    def _sent_files(self) -> Iterator[Path]:
        for scenario in self.scenarios:
            for item in scenario.steps:
                if item.produce is not None and isinstance(item.produce.file, SourceFile):
                    yield item.produce.file.path

    def _reloaded(self, folder: Path) -> str:
        files = {str(path) for path in _scenario_files(folder)}
        count = sum(scenario.source.rpartition(":")[0] in files for scenario in self.scenarios)
        return f"reloaded {count} scenario{'' if count == 1 else 's'} from {folder}"


@cache
def _read_shipped() -> tuple[list[Scenario], list[Model]]:
    """What the package ships: values that never change, read once for all worlds of a process."""
    return load_scenarios(shipped()), load_models(shipped())


def _slugs(model: Model) -> str:
    return f"{clean_slug(model.owner)}/{clean_slug(model.slug)}"


# -- files ---------------------------------------------------------------------------------------------


def _scenario_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = []
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith("."))
        if Path(folder) == path and MODELS in names:
            names.remove(MODELS)
        found += [Path(folder, name) for name in files if name.endswith((".yaml", ".yml"))]
    return sorted(found)


def _model_files(path: Path) -> list[Path]:
    return sorted(file for file in (path / MODELS).glob("*") if file.suffix in (".yaml", ".yml"))


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

Maker = Callable[[Document, str, Path | None], Made]


def _load(
    paths: Iterable[Path | str],
    files_of: Callable[[Path], list[Path]],
    make: Maker[Made],
    key: Callable[[Made], str],
) -> list[Made]:
    complaints: list[Complaint] = []
    made: dict[str, Made] = {}
    for path in map(Path, paths):
        here: dict[str, str] = {}
        for file in files_of(path):
            for one, place in _read_file(file, make, complaints):
                name = key(one)
                if name in here:
                    message = f"{name}: is defined here and at {here[name]}; rename one of the two"
                    complaints.append(Complaint(*_split(place), 1, message))
                here.setdefault(name, place)
                made.pop(name, None)
                made[name] = one
    if complaints:
        raise ScenarioError(complaints)
    return list(made.values())


def _collected(load: Callable[..., list[Made]], folders: tuple[Path, ...], complaints: list[Complaint]) -> list[Made]:
    try:
        return load(*folders)
    except ScenarioError as error:
        complaints += error.complaints
        return []


def _read_file(path: Path, make: Maker[Made], complaints: list[Complaint]) -> Iterator[tuple[Made, str]]:
    try:
        text = _text_of(path)
    except ValueError as error:
        complaints.append(Complaint(str(path), 1, 1, f"{path.name}: {error}"))
        return
    yield from _read_text(text, str(path), path.parent, make, complaints)


def _read_text(
    text: str, file: str, folder: Path | None, make: Maker[Made], complaints: list[Complaint]
) -> Iterator[tuple[Made, str]]:
    documents, troubles = read_documents(text)
    complaints += [Complaint(file, *trouble.place, trouble.message) for trouble in troubles]
    if not documents and not troubles:
        complaints.append(Complaint(file, 1, 1, "the file: is empty; begin with `scenario: a-name`"))
    for document in documents:
        try:
            yield make(document, file, folder), f"{file}:{document.place[0]}"
        except ScenarioError as error:
            complaints += error.complaints


def _validated(kind: type[BaseModel], document: Document, file: str, context: dict[str, Any]) -> Any:
    try:
        return kind.model_validate(document.data, context=context)
    except ValidationError as error:
        raise ScenarioError(complaints_of(error, kind, document, file)) from None


def _scenario(document: Document, file: str, folder: Path | None) -> Scenario:
    context = {"source": f"{file}:{document.place[0]}", "folder": folder}
    scenario: Scenario = _validated(Scenario, document, file, context)
    complaints = []
    for problem in timeline.check(scenario.steps):
        path = ("steps", problem.index)
        name = scenario.steps[problem.index].name if scenario.steps else ""
        place = document.place_of((*path, name), key=True)
        complaints.append(Complaint(file, *place, f"{thing(path)}: {problem.message}", problem.rule))
    if complaints:
        raise ScenarioError(complaints)
    return scenario


def _split(place: str) -> tuple[str, int]:
    file, _, line = place.rpartition(":")
    return file, int(line)


def _model(document: Document, file: str, folder: Path | None) -> Model:
    made: ModelFile = _validated(ModelFile, document, file, {"folder": folder})
    return made.value()
