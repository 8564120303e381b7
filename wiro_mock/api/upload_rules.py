"""What File/Upload takes: the documented types, and file names that are there already.

Wiro documents a list of types (rest.md §7.1) and no error for others; that they are refused with `invalid-parameters`,
and that the name's extension decides, is our choice. `upload_types=any` takes everything.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from wiro_mock.api import wire
from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.messages import Outcome, Request, Upload, World
from wiro_mock.api.origin import origins
from wiro_mock.api.storage import held_in
from wiro_mock.kernel.files import File, plain_name
from wiro_mock.kernel.refusals import No
from wiro_mock.language.media import CONTENT_TYPES

TYPES: Final = (
    *("jpg", "png", "gif", "jpeg", "webp", "heic", "mp4", "webm", "mov", "mp3", "wav", "m4a"),
    *("pdf", "csv", "docx", "xlsx", "pptx", "txt", "md", "epub", "zip"),
)
"""Extensions of what may be uploaded, in Wiro's order (rest.md §7.1, D:files of 2026-04)."""
_CONTENT_TYPES: Final = frozenset({"application/octet-stream", *(CONTENT_TYPES[f".{one}"] for one in TYPES)})
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,16}$")
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\..*)?", re.IGNORECASE)
_SHOWN: Final = 60


def is_listed(file: Upload) -> bool:
    """Whether it is of a documented type: by its extension, or by its content type where it has none ("blob").

    What has neither is taken, for nobody can tell.
    """
    name = plain_name(file.filename)
    if _EXTENSION.search(name):
        return PurePosixPath(name).suffix[1:].lower() in TYPES
    return file.blob.contenttype.partition(";")[0].strip().lower() in _CONTENT_TYPES


def is_device(name: str) -> bool:
    """Whether Windows takes this file name for one of its devices, such as `NUL` or `con.txt`."""
    return _DEVICE.fullmatch(plain_name(name)) is not None


def check_types(world: World, files: list[Upload]) -> None:
    """Refuse what is of no documented type, unless the profile takes anything."""
    if world.profile.upload_types == "any":
        return
    if odd := next((file for file in files if not is_listed(file)), None):
        raise No.FILE_INVALID.refusal(reason=unlisted(odd))


def unlisted(file: Upload) -> str:
    """Why a file is not taken, and what would help."""
    return (
        f"{shown(file.filename)} ({file.blob.contenttype}) is of no type that Wiro documents for uploads: "
        f"{' '.join(TYPES)}; the switch upload_types=any takes every type"
    )


def device_note(names: list[str]) -> str:
    """A word about files that are named like a device; empty when none is. Nothing here makes a file of that name."""
    if odd := next(filter(is_device, names), ""):
        return f"{shown(odd)} is the name of a device on Windows; it is kept, but cannot be saved there by that name"
    return ""


def refuse_known(world: World, request: Request, names: list[str], folder_id: str) -> Answer | None:
    """Wiro's `filesystem-already-exist` for a name that the folder has already, where the switch says so.

    Seen by one client, sometimes with the URL of the older file and sometimes without (rest.md §7.2); that a name
    counts once a folder is our choice. None where there is nothing to refuse.
    """
    if world.profile.duplicate_filename == "accept":
        return None
    there = {held.name: held for held in held_in(world, folder_id) if isinstance(held, File)}
    twice = next((name for at, name in enumerate(names) if name in there or name in names[:at]), None)
    if twice is None:
        return None
    refusal = No.FILE_EXISTS.refusal(reason=_told(twice, there.get(twice), world.profile.duplicate_filename))
    if world.profile.duplicate_filename == "error" or twice not in there:
        raise refusal
    shape = {
        **wire.failure(refusal, world.seconds(), world.profile),
        "list": wire.uploads([there[twice]], origins(request.origin))["list"],
    }
    return answer(shape, Outcome(code=refusal.code, message=refusal.message, reason=refusal.reason))


def shown(name: str) -> str:
    """A name as it stands in a reason."""
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")


def _told(name: str, older: File | None, switch: str) -> str:
    where = f"file {older.id} has this name in the same folder" if older else "it comes twice in one request"
    return f"{shown(name)}: {where}, and the switch duplicate_filename is {switch}; accept keeps both"
