"""The folder that a model file is put into: `DIR/models`, of the DIR that `wiro-mock serve --scenarios DIR` takes.

The name of a file is made of the clean slugs, of letters, digits and dashes only, so no owner and no slug leads out
of that folder; no two models have the same, for no clean slug has two dashes in a row.

A file is written beside its place and then moved there, because a server may be watching.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from wiro_mock.kernel.catalog import Model, clean_name, clean_slug
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import load_models
from wiro_mock.published.draft import NotAModel
from wiro_mock.reading import MODELS

LONGEST: Final = 120
"""Characters of a file's name before its suffix."""
_MODEL: Final = re.compile(
    r"""^["']?model["']?[ \t]*:[ \t]+["']?([^"'#\n]{1,500}?)["']?[ \t]*(?:#.*)?$""", re.MULTILINE
)


class CannotWrite(Exception):
    """The file cannot be put there; the message says why, and the way out."""


def file_name(model: Model) -> str:
    """The name of a model's file: `owner--slug.yaml`, plus a digest where characters had to be left out of it."""
    wanted = f"{clean_slug(model.owner)}--{clean_slug(model.slug)}"
    name = re.sub(r"[^a-z0-9-]+", "-", wanted).strip("-")[:LONGEST]
    if name == wanted:
        return f"{name}.yaml"
    digest = hashlib.sha256(model.clean_name.encode(errors="replace")).hexdigest()[:16]
    return f"{name or 'model'}--{digest}.yaml"


def checked(model: Model, text: str) -> None:
    """See that the loader makes this very model of the text. Raises `NotAModel` where it does not."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, MODELS, "model.yaml")
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        try:
            [read] = load_models(folder)
        except ScenarioError as error:
            complaint = error.complaints[0]
            raise NotAModel(f"no model file can be made of it: {complaint.message}") from None
    if read != model:
        raise NotAModel("no model file can be made of it that reads back as the same model; please tell us of it")


def put(folder: Path, files: Iterable[tuple[Model, str]], *, force: bool = False) -> list[Path]:
    """Write each model's text into `folder/models`; the paths. All or, where one cannot be written, none.

    Raises `CannotWrite` where a file is there already, unless `force`; where that file describes another model, also
    then; where another file of the folder describes one of the models, which the loader would complain of; and where
    two of the models are one.
    """
    wanted = [(folder / MODELS / file_name(model), model, text) for model, text in files]
    described = _described(folder)
    for number, (path, model, _) in enumerate(wanted):
        if same := next((other for at, other, _ in wanted[:number] if at == path), None):
            raise CannotWrite(f"the source has {same.name} and {model.name}, which are one model; take one of them out")
        if elsewhere := [
            place for place in described.get(model.clean_name, []) if place.rpartition(":")[0] != str(path)
        ]:
            raise CannotWrite(f"{elsewhere[0]} describes {model.name} already; take it out there, or give another --to")
        if os.path.lexists(path) and not force:
            raise CannotWrite(f"{path} is there already; --force replaces it, --print shows what would be written")
        if other := _another(path, model):
            raise CannotWrite(f"{path} describes {other}, which would be lost; move it to another file first")
    try:
        (folder / MODELS).mkdir(parents=True, exist_ok=True)
        for path, _, text in wanted:
            _replace(path, text)
    except OSError as error:
        way = "give --to a folder that you may write to"
        raise CannotWrite(f"cannot write {error.filename or folder}: {error.strerror}; {way}") from None
    return [path for path, _, _ in wanted]


def _described(folder: Path) -> dict[str, list[str]]:
    """Where each model of the folder is described; nothing where a file is broken, of which the loader tells."""
    places: dict[str, list[str]] = {}
    with suppress(ScenarioError):
        for model in load_models(folder):
            places.setdefault(model.clean_name, []).append(model.source)
    return places


def _another(path: Path, model: Model) -> str:
    """Another model that a file names, also where the file is broken and no loader takes it; empty for none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""  # writing fails, too, and says why
    for found in _MODEL.finditer(text):
        owner, _, slug = found[1].partition("/")
        if clean_name(owner, slug) != model.clean_name:
            return found[1]
    return ""


def _replace(path: Path, text: str) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
