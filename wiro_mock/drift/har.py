"""HTTP archives, as browsers, proxies and `wiro-mock record` write them (HAR 1.2): a take of each.

The frames of a socket are read where the archive has them, as Chrome writes them (`_webSocketMessages`). What cannot be
compared is skipped, by name: answers that were not kept, forms of which nothing is. Of files, the headers are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from wiro_mock.api import find
from wiro_mock.drift.storage import listing
from wiro_mock.drift.takes import ABSENT, Exchange, Form, Hook, Part, Shown, Take
from wiro_mock.recorder.observed import Seen

FAR = 1e12
"""Seconds that are no time of anybody's."""
LARGEST = 256 << 20
"""Bytes of an archive that are read."""


class CannotRead(Exception):
    """A recording that says nothing; the message names it, and the way out."""


@dataclass
class _Reader:
    """Collects what the entries tell."""

    name: str
    exchanges: list[Exchange] = field(default_factory=list)
    streams: dict[str, list[Seen]] = field(default_factory=dict)
    loose: list[Mapping[str, Any]] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def take_of_har(path: Path) -> Take:
    """The take of an archive. Raises `CannotRead`."""
    reader = _Reader(path.name)
    log = _log(path)
    for number, entry in enumerate(log["entries"], 1):
        try:
            _read(reader, entry, f"{path.name} entry {number}")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reader.skipped.append(f"{path.name} entry {number} is none of HAR 1.2 ({type(error).__name__}: {error})")
    take = Take(
        name=path.name,
        exchanges=tuple(sorted(reader.exchanges, key=lambda one: one.at)),
        streams={task: tuple(told) for task, told in reader.streams.items()},
        loose=tuple(reader.loose),
        hooks=tuple(sorted(reader.hooks, key=lambda one: one.at)),
        awaited=_awaited(log.get("_webhooks")),
        skipped=tuple(dict.fromkeys(reader.skipped)),
    )
    take = _without_pages(replace(take, skipped=(*_newer(path, log.get("creator")), *take.skipped)))
    if not take.exchanges and not take.streams:
        raise CannotRead(f"{path} tells nothing of Wiro's API; record again, with the answers (wiro-mock record)")
    return take


def _log(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise CannotRead(f"{path} is longer than {LARGEST >> 20} MiB; record less at a time")
        made = json.loads(path.read_bytes())
        log, entries = made["log"], made["log"]["entries"]
    except OSError as error:
        raise CannotRead(f"{path} cannot be read: {error.strerror}; look at its name and its permissions") from None
    except (ValueError, RecursionError) as error:
        raise CannotRead(f"{path} is no JSON ({str(error)[:100]}): it was cut, or edited; record it again") from None
    except (KeyError, TypeError):
        raise CannotRead(f"{path} is no HTTP archive: it has no log.entries; record with wiro-mock record") from None
    if not isinstance(entries, list) or not entries:
        raise CannotRead(f"{path} is an empty recording; record while a client is at work")
    return dict(log)


def _read(reader: _Reader, entry: dict[str, Any], where: str) -> None:
    if messages := entry.get("_webSocketMessages"):
        _read_socket(reader, messages)
        return
    if posted := entry.get("_webhook"):
        _read_hook(reader, entry, posted, where)
        return
    asked, answered = entry["request"], entry["response"]
    _, found, call = urlsplit(str(asked["url"])).path.partition("/v1/")
    if asked["method"] in ("GET", "HEAD"):
        _read_file(reader, entry, where)
        return
    if not found or asked["method"] != "POST":
        return
    content = answered.get("content") or {}
    answer = _json(content.get("text")) if "json" in str(content.get("mimeType", "json")) else ABSENT
    if answer is ABSENT:
        reader.skipped.append(f"{where}: {call} was answered with HTTP {answered['status']} and no JSON that was kept")
        return
    body = _body(asked.get("postData") or {})
    if body is ABSENT:
        reader.skipped.append(f"{where}: the form of {call} was not kept")
        return
    reader.exchanges.append(
        Exchange(
            call=call,
            body=body,
            status=int(answered["status"]),
            answer=answer,
            shown=_shown(asked.get("headers", ())),
            at=_seconds(str(entry.get("startedDateTime", ""))),
            where=where,
        )
    )


def _json(text: Any) -> Any:
    if not isinstance(text, str):
        return ABSENT
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return ABSENT


def _body(posted: Mapping[str, Any]) -> Any:
    """What was sent, as JSON has it; None for nothing, `ABSENT` for what is not kept."""
    kind, text = str(posted.get("mimeType", "")), posted.get("text")
    if params := posted.get("params"):
        fields = {str(one["name"]): str(one.get("value", "")) for one in params if "fileName" not in one}
        files = tuple(_part(one) for one in params if "fileName" in one)
        return Form(fields=fields, files=files) if files else fields
    if not text:
        return None
    if "urlencoded" in kind:
        return dict(parse_qsl(str(text), keep_blank_values=True))
    return _json(text)


def _part(one: Mapping[str, Any]) -> Part:
    kind, size = str(one.get("contentType") or ""), one.get("_size")
    return Part(
        name=str(one["name"]),
        filename=str(one["fileName"]),
        contenttype=kind,
        size=max(size, 0) if isinstance(size, int) else 0,
    )


def _read_file(reader: _Reader, entry: dict[str, Any], where: str) -> None:
    """A file that was fetched, or may be one: which of them are the API's is known when all is read."""
    asked, answered = _named(entry["request"].get("headers")), entry["response"]
    if not any(name.startswith("if-") for name in asked):
        reader.exchanges.append(
            Exchange(
                call=str(entry["request"]["url"]),
                body=None,
                status=int(answered["status"]),
                answer=ABSENT,
                at=_seconds(str(entry.get("startedDateTime", ""))),
                where=where,
                method=str(entry["request"]["method"]),
                asked={name: asked[name] for name in ("range",) if name in asked},
                headers=_named(answered.get("headers")),
            )
        )


def _named(headers: Any) -> dict[str, str]:
    return {str(one["name"]).lower(): str(one["value"]) for one in headers or ()}


def _newer(path: Path, creator: Any) -> Iterator[str]:
    """What is to be said of an archive that a later wiro_mock has written."""
    written = creator if isinstance(creator, dict) else {}
    theirs, ours = str(written.get("version")), version("wiro-mock")
    if written.get("name") == "wiro_mock" and _numbers(theirs) > _numbers(ours):
        yield f"{path.name} was written by wiro_mock {theirs}, and this is {ours}: what only that one keeps is left out"


def _numbers(text: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d{1,9}", text)[:3]]


def _without_pages(take: Take) -> Take:
    """A browser fetches much more than files of the API."""

    def is_ours(one: Exchange) -> bool:
        found = find("GET", urlsplit(one.call).path)
        return (found is not None and found[0].name in ("File", "CDN")) or bool(listing(take, one.call))

    return replace(take, exchanges=tuple(one for one in take.exchanges if not one.is_file or is_ours(one)))


def _shown(headers: Any) -> Shown:
    names = {str(one.get("name", "")).lower() for one in headers}
    if not names & {"x-api-key", "authorization"}:
        return "none" if names else "signed"  # an archive without any header hides how the key was shown
    return "signed" if "x-signature" in names else "key"


def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _read_hook(reader: _Reader, entry: dict[str, Any], posted: Mapping[str, Any], where: str) -> None:
    asked = entry["request"]
    headers = _named(asked.get("headers"))
    text = (asked.get("postData") or {}).get("text")
    reader.hooks.append(
        Hook(
            task=str(posted["task"]),
            at=int(float(posted["time"]) * 1_000_000),
            headers=headers,
            body=_json(text),
            answered=int(entry["response"]["status"]),
            where=where,
        )
    )


def _awaited(told: Any) -> dict[str, int]:
    """Of which tasks the webhooks would have been seen, and until when."""
    listed = told.items() if isinstance(told, dict) else ()
    return {str(task): int(at * 1_000_000) for task, at in listed if isinstance(at, int | float) and abs(at) < FAR}


def _read_socket(reader: _Reader, messages: Any) -> None:
    """The frames that came. A task that several sockets heard of is told by the first of them."""
    heard: dict[str, list[Seen]] = {}
    for at, frame in _frames(messages):
        if "id" in frame:
            heard.setdefault(str(frame["id"]), []).append(Seen(at=int(at * 1_000_000), frame=frame))
        else:
            reader.loose.append(frame)
    for task, told in heard.items():
        known = reader.streams.get(task, [])
        if len(told) > len(known):
            reader.streams[task] = told


def _frames(messages: Any) -> Iterator[tuple[float, dict[str, Any]]]:
    for one in messages:
        frame = _json(one.get("data")) if one.get("type") == "receive" and one.get("opcode", 1) == 1 else None
        if isinstance(frame, dict) and isinstance(frame.get("type"), str):
            yield float(one.get("time", 0)), frame
