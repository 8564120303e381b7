"""The folder that a model file is put into: `DIR/models`, of the DIR that `wiro-mock serve --scenarios DIR` takes.

The name of a file is made of the clean slugs, of letters, digits and dashes only, so no owner and no slug leads out
of that folder. A file is written beside its place and then moved there, because a server may be watching.
"""

from __future__ import annotations

import os
import re
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import MODELS, load_models
from wiro_mock.published.draft import NotAModel

LONGEST: Final = 120
"""Characters of a file's name before its suffix."""


class CannotWrite(Exception):
    """The file cannot be put there; the message says why, and the way out."""


def file_name(model: Model) -> str:
    """The name of a model's file: `owner-slug.yaml`, plus a checksum where characters had to be left out of it."""
    wanted = f"{clean_slug(model.owner)}-{clean_slug(model.slug)}"
    name = re.sub(r"[^a-z0-9-]+", "-", wanted).strip("-")[:LONGEST]
    return f"{name}.yaml" if name == wanted else f"{name or 'model'}-{zlib.crc32(wanted.encode()):08x}.yaml"


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

    Raises `CannotWrite` where a file is there already, unless `force`; or another file of the folder describes one of
    the models, which the loader would complain of.
    """
    wanted = [(folder / MODELS / file_name(model), model, text) for model, text in files]
    described = _described(folder)
    for path, model, _ in wanted:
        if elsewhere := [
            place for place in described.get(model.clean_name, []) if place.rpartition(":")[0] != str(path)
        ]:
            raise CannotWrite(f"{elsewhere[0]} describes {model.name} already; take it out there, or give another --to")
        if os.path.lexists(path) and not force:
            raise CannotWrite(f"{path} is there already; --force replaces it, --print shows what would be written")
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
