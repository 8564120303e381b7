"""The bytes behind every URL that an answer contains, as a CDN serves them: whole, in part, or not again.

What conditions mean is RFC 9110's (§13 and §14). A Range of several parts is ignored, as the RFC allows, and so is one
that is no range at all; of Wiro's CDN nothing is known here. `Last-Modified` is the instant at which the file was made.
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime

from wiro_mock.api.answers import EXPIRED, Answer
from wiro_mock.api.messages import Outcome, Request, Response, World
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.files import File, FileKind
from wiro_mock.kernel.refusals import No


def fetch_by_accesskey(world: World, request: Request, accesskey: str, name: str) -> Answer:
    """`GET /v1/File/{accesskey}/{name}`: run inputs and uploads, without a key."""
    return _serve(world, request, world.sim.files.by_accesskey(accesskey), name)


def fetch_from_cdn(world: World, request: Request, folder: str, name: str) -> Answer:
    """`GET /{folder}/{name}`: outputs and uploads, without a key."""
    return _serve(world, request, world.sim.files.by_cdn_folder(folder), name)


def _serve(world: World, request: Request, file: File | None, name: str) -> Answer:
    if file is None or name != file.name or not _is_shown(world, file):
        raise No.ROUTE.refusal(reason="no file at this URL: never there, not there yet, deleted, or forgotten")
    if world.expire_files is not None and (late := _expired_for(world, file, world.expire_files)) is not None:
        return _expired(world, late)
    etag, changed = f'"{file.blob.digest[:32]}"', formatdate(file.added_at // SECOND, usegmt=True)
    validators = [("etag", etag), ("last-modified", changed)]
    if _is_known(request, file, etag):
        return Answer(Response(status=304, headers=tuple(validators)), Outcome())
    headers = [*validators, ("accept-ranges", "bytes"), ("content-type", file.blob.contenttype)]
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


def _is_known(request: Request, file: File, etag: str) -> bool:
    """Whether the client has these very bytes already. A date counts only where no ETag is named (RFC 9110 §13.1.3)."""
    if known := request.headers.get("if-none-match", ""):
        return etag in known or known.strip() == "*"
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
        seconds = since.replace(tzinfo=since.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # what is no date is ignored
        return False
    return file.added_at // SECOND <= seconds


def _expired_for(world: World, file: File, lasts: int) -> int | None:
    """For how many seconds its URL has been of no use; None while it is. Uploads stay (rest.md §7.5)."""
    late = world.sim.now - file.added_at - lasts
    return late // SECOND if file.kind is not FileKind.UPLOAD and late >= 0 else None


def _expired(world: World, late: int) -> Answer:
    reason = f"the URL of this file expired {late} s ago by the world's clock: expire_files lets files of tasks last "
    reason += f"{(world.expire_files or 0) / SECOND:g} s"
    return Answer(EXPIRED, Outcome(reason=reason))


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
