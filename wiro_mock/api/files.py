"""Folders and uploads. What their URLs lead to is in `downloads`."""

from __future__ import annotations

import re

from wiro_mock.api import wire
from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.archive import Unpacking
from wiro_mock.api.body import text_of
from wiro_mock.api.messages import Outcome, Request, Upload, World
from wiro_mock.api.origin import origins
from wiro_mock.api.upload_rules import check_types, device_note, is_listed, refuse_known
from wiro_mock.kernel.files import plain_name
from wiro_mock.kernel.refusals import No

FOLDER_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")


def create_folder(world: World, request: Request) -> Answer:
    """Make a folder. The name is of letters, digits, `_` and `-` (rest.md §2.2); the refusal's text is our choice."""
    name = text_of(request.body.fields, "name")
    if not FOLDER_NAME.fullmatch(name):
        raise No.FILE_INVALID.refusal(reason=f"a folder's name is of A-Z, a-z, 0-9, _ and -, not {name[:60]!r}")
    parent = _folder_id(world, text_of(request.body.fields, "parentid"), "parentid")
    return answer(wire.folder(world.sim.create_folder(name, parent)), Outcome())


def upload(world: World, request: Request) -> Answer:
    """Keep a file, or several under one name; of a ZIP archive, the files in it (rest.md §2.2)."""
    value = request.body.fields.get("file")
    parts = [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, Upload)]
    if not parts:
        raise No.FILE_INVALID.refusal(reason="no part named 'file' with a file name in a multipart body")
    folder = _folder_id(world, text_of(request.body.fields, "folderid"), "folderid")
    check_types(world, parts)
    takes = is_listed if world.profile.upload_types == "listed" else _anything
    with Unpacking(world.blobs, needed=world.sim.files.needs, takes=takes) as unpacking:
        found = [file for part in parts for file in unpacking.files_of(part)]
        names = [plain_name(file.filename) for file in found]
        if (known := refuse_known(world, request, names, folder)) is not None:
            return known
        files = [world.sim.upload(name, file.blob, folder) for name, file in zip(names, found, strict=True)]
        note = "; ".join(filter(None, (*unpacking.notes, device_note(names))))
    return answer(wire.uploads(files, origins(request.origin)), Outcome(reason=note))


def _anything(file: Upload) -> bool:  # noqa: ARG001 -- as every rule of this kind
    return True


def _folder_id(world: World, folder_id: str, field: str) -> str:
    if folder_id and folder_id not in world.sim.files.folders:
        raise No.FILE_INVALID.refusal(reason=f"{field} {folder_id[:60]!r} is no folder here")
    return folder_id
