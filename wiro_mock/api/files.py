"""Folders, uploads, and the bytes behind every URL that an answer contains."""

from __future__ import annotations

import re

from wiro_mock.api import wire
from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.archive import Unpacking
from wiro_mock.api.body import text_of
from wiro_mock.api.messages import Outcome, Request, Response, Upload, World
from wiro_mock.api.origin import origins
from wiro_mock.api.upload_rules import check_types, device_note, is_listed, refuse_known
from wiro_mock.kernel.files import File, FileKind, plain_name
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


def fetch_by_accesskey(world: World, request: Request, accesskey: str, name: str) -> Answer:
    """`GET /v1/File/{accesskey}/{name}`: run inputs and uploads, without a key."""
    return _serve(world, request, world.sim.files.by_accesskey(accesskey), name)


def fetch_from_cdn(world: World, request: Request, folder: str, name: str) -> Answer:
    """`GET /{folder}/{name}`: outputs and uploads, without a key."""
    return _serve(world, request, world.sim.files.by_cdn_folder(folder), name)


def _serve(world: World, request: Request, file: File | None, name: str) -> Answer:
    if file is None or name != file.name or not _is_shown(world, file):
        raise No.ROUTE.refusal(reason="no file at this URL: never there, not there yet, deleted, or forgotten")
    etag = f'"{file.blob.digest[:32]}"'
    headers = [("etag", etag), ("accept-ranges", "bytes"), ("content-type", file.blob.contenttype)]
    known = request.headers.get("if-none-match", "")
    if etag in known or known.strip() == "*":
        return Answer(Response(status=304, headers=tuple(headers[:1])), Outcome())
    size, start, stop, status = file.blob.size, 0, file.blob.size, 200
    wanted = request.headers.get("range", "")
    if wanted and request.method == "GET" and request.headers.get("if-range", etag) == etag:
        parsed = byte_range(wanted, size)
        if parsed == (0, 0):
            headers.append(("content-range", f"bytes */{size}"))
            return Answer(Response(status=416, headers=tuple(headers)), Outcome())
        if parsed is not None:
            start, stop, status = *parsed, 206
            headers.append(("content-range", f"bytes {start}-{stop - 1}/{size}"))
    headers.append(("content-length", str(stop - start)))
    if request.method == "HEAD":
        return Answer(Response(status=status, headers=tuple(headers)), Outcome())
    chunks = world.blobs.chunks(file.blob, start, stop)
    return Answer(Response(status=status, headers=tuple(headers), chunks=chunks), Outcome(file=file.id))


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """The bytes that a Range header asks for, as (start, stop); (0, 0) when it cannot be satisfied.

    None for a header that is no single range of bytes; it is then ignored (RFC 9110 §14.2), and so is the wish
    for the last bytes of an empty file.
    """
    match = re.fullmatch(r"\s*bytes\s*=\s*([0-9]{0,4000})-([0-9]{0,4000})\s*", header, re.IGNORECASE)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = int(match[2])
        return (0, 0) if length == 0 else (max(0, size - length), size) if size else None
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None
    stop = min(int(match[2]) + 1, size) if match[2] else size
    return (start, stop) if start < size else (0, 0)


def _is_shown(world: World, file: File) -> bool:
    """An output is there as soon as Detail lists it, and not before."""
    if file.kind is not FileKind.OUTPUT:
        return True
    task = world.sim.task(file.task_id)
    return task is not None and file in task.shown_outputs
