"""The journal as a file: as JSON lines, the same on every run, or as an HTTP archive that browsers' tools open.

Neither holds a header or a credential: the journal keeps none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wiro_mock.api.jsontext import dumps
from wiro_mock.api.origin import WIRO, origins
from wiro_mock.journal import Exchange
from wiro_mock.kernel.events import SECOND, Instant
from wiro_mock.kernel.files import Blob
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing.era import present

NO_HEADERS = "the journal of wiro_mock keeps no headers, for they hold the credentials"
JSON = "application/json; charset=utf-8"
_SOCKET = "SOCKET"


def jsonl(world: World) -> Iterator[str]:
    """The journal's canonical form: a JSON object for every exchange, oldest first, without line breaks.

    Two runs of a client that makes one request at a time give the same lines, in virtual time and with one seed.
    """
    return (dumps(exchange.shown()) for exchange in present(world).exchanges())


def har(world: World) -> dict[str, Any]:
    """The journal as an HTTP archive, version 1.2: JSON values. What was dropped on sockets is not part of it.

    Instants are those of the world's clock; what is ours is under `_wiro`.
    """
    era = present(world)
    with era.settled():
        blobs = {file.id: file.blob for file in era.sim.files}
        entries = [_entry(one, blobs, era.clean) for one in era.exchanges() if one.method != _SOCKET]
    creator = {"name": "wiro_mock", "version": version("wiro-mock")}
    log: dict[str, Any] = {"version": "1.2", "creator": creator, "pages": [], "entries": entries}
    if era.journal.dropped:
        log["comment"] = f"{era.journal.dropped} older requests have been forgotten to make room"
    return {"log": log}


def export(world: World, path: str | Path) -> None:
    """Write the journal to a file whose name ends in `.jsonl` or `.har`. Raises `Misuse` for another, and `OSError`."""
    target = Path(path)
    match target.suffix.lower():
        case ".jsonl":
            text = "".join(f"{line}\n" for line in jsonl(world))
        case ".har":
            text = json.dumps(har(world), ensure_ascii=True, indent=1) + "\n"
        case _:
            raise Misuse(f"cannot tell how to write {target.name!r}; let its name end in .jsonl or .har")
    target.write_text(text, encoding="utf-8", newline="\n")


def _entry(exchange: Exchange, blobs: Mapping[str, Blob], clean: Callable[[str], str]) -> dict[str, Any]:
    wait = (exchange.at - exchange.came_at) / 1000
    return {
        "startedDateTime": _iso(exchange.came_at),
        "time": wait,
        "request": _request(exchange),
        "response": _response(exchange, blobs, clean),
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": 0},
        "_wiro": {
            "id": exchange.id,
            "operation": exchange.outcome.operation or None,
            "reason": exchange.outcome.reason or None,
            "task": exchange.outcome.task_id or None,
        },
    }


def _request(exchange: Exchange) -> dict[str, Any]:
    at = origins(exchange.origin or WIRO)
    origin = at.cdn if exchange.outcome.operation == "CDN" else at.api
    request = {"method": exchange.method, "url": f"{origin}{exchange.path}", **_without_headers()}
    request["queryString"] = []
    if exchange.fields:
        # What was a form or multipart is told as JSON, too: files by name, size and digest.
        text = dumps(dict(exchange.fields))
        request["postData"] = {"mimeType": JSON, "text": text, "comment": "the fields; long values are cut"}
    return request


def _response(exchange: Exchange, blobs: Mapping[str, Blob], clean: Callable[[str], str]) -> dict[str, Any]:
    content: dict[str, Any] = {"size": len(exchange.answer), "mimeType": JSON}
    if exchange.answer:
        content["text"] = clean(exchange.answer.decode(errors="replace"))
    elif exchange.outcome.file:
        blob = blobs.get(exchange.outcome.file)
        content["mimeType"] = blob.contenttype if blob else "application/octet-stream"
        content["size"] = blob.size if blob else 0
        content["comment"] = "the bytes of a file, which are not kept here"
    else:
        content["mimeType"] = "x-unknown"
        content["comment"] = "no content, or more than 64 KiB, which is not kept"
    return {
        "status": exchange.status,
        "statusText": _phrase(exchange.status),
        **_without_headers(),
        "content": content,
        "redirectURL": "",
    }


def _without_headers() -> dict[str, Any]:
    """The fields of a request and of an answer that have nothing in them here; -1 stands for an unknown size."""
    return {
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "headersSize": -1,
        "bodySize": -1,
        "comment": NO_HEADERS,
    }


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _iso(at: Instant) -> str:
    seconds, micros = divmod(at, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros).isoformat(timespec="microseconds")
