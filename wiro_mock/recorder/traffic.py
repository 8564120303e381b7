"""The wire itself, beside the scenarios: one exchange of each kind, and the frames of each task, as an HTTP archive.

A scenario keeps what happened; `wiro-mock drift` needs how it was spelt, too: every field, of whatever type. What is
kept is redacted like everything else, but that a task's token becomes a name for it (`token-of-2221`), so that one sees
whose it was. Only runs, tasks and their webhooks, files (never their bytes) and the catalogue are kept: nothing of
accounts, teams and wallets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.metadata import version
from typing import Any, Final

from wiro_mock.api.jsontext import loads
from wiro_mock.kernel.events import Instant
from wiro_mock.recorder.archived import (
    OF_FILES,
    file_entry,
    hook_entry,
    of_a_list,
    posted_form,
    said_by,
    without_address,
)
from wiro_mock.recorder.callbacks import Call
from wiro_mock.recorder.halves import without_halves
from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.shelf import Shelf
from wiro_mock.recorder.sighting import TERMINAL

FILE: Final = "traffic.har"
KEPT: Final = ("Run/", "Task/", "Tool/", "File/")
MOST_ENTRIES, MOST_BYTES, LONGEST = 2_000, 16 << 20, 1 << 20
"""Exchanges and frames together, of all tasks; what is longer than `LONGEST` by itself is left out."""
MOST_KINDS, MOST_RUNS = 10_000, 10_000
"""Kinds of exchanges that are told apart, and runs whose tokens are known by a name."""


class Traffic:
    """Collects what comes by, and writes it. What there is no room for is counted, and told in the archive."""

    def __init__(self, shelf: Shelf, redactor: Redactor) -> None:
        self._name = ""
        self._shelf, self._redactor = shelf, redactor
        self._entries: list[str] = []
        self._told: list[str] = []
        """The tasks that are over, as they are written: to look through the frames of all again takes long."""
        self._frames: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self._kinds: set[bytes] = set()
        self._tokens: dict[str, str] = {}
        self._cut: dict[str, None] = {}
        self._posts: list[tuple[Call, Instant, dict[str, object], str, int]] = []
        self._awaited: dict[str, None] = {}
        self._size = self._left_out = self._count = 0

    def answered(
        self,
        path: str,
        headers: Mapping[str, str],
        body: object,
        status: int,
        text: str,
        *,
        parts: Sequence[Mapping[str, object]] = (),
    ) -> None:
        """A POST was answered with JSON; `body` are the fields that were sent, None where files were among them: then
        `parts` are what the form has.
        """
        call = path.removeprefix("/v1/")
        try:
            answer = loads(text)
        except ValueError:
            return
        self._learn(answer)
        asked = body if body is not None else list(map(self._part, parts))
        if not call.startswith(KEPT) or asked == [] or not self._is_new(_kind(call, asked, status, answer)):
            return
        said = json.dumps(self._safe(of_a_list(call, answer)), ensure_ascii=False)
        sent = json.dumps(self._safe(without_address(asked)), ensure_ascii=False)
        if self._fits(len(said) + len(sent)):
            entry = _entry(self._redactor.text(call), headers, sent, status, said)
            if body is None:
                entry["request"]["postData"] = posted_form(json.loads(sent))
            self._entries.append(_text(entry))

    def fetched(self, method: str, url: str, asked: Mapping[str, str], status: int, headers: Mapping[str, str]) -> None:
        """A file was asked for: of the answer, its headers are kept."""
        if any(name.startswith("if-") for name in asked):
            return  # whether the client has it already is the client's own
        told = self._redactor.value({name: headers[name] for name in OF_FILES if name in headers})
        assert isinstance(told, dict)
        entry = _text(file_entry(method, self._redactor.text(url), asked, status, told))
        kind = repr((method, url, asked.get("range"), status)).encode()
        if self._is_new(blake2b(kind, digest_size=16).digest()) and self._fits(len(entry)):
            self._entries.append(entry)

    def _part(self, part: Mapping[str, object]) -> dict[str, object]:
        """A part of a form; a text is as secret as its name says, and the webhook's address is nobody's business."""
        name = str(part["name"])
        safe = self._safe(without_address({name: part.get("value", "")}))
        return {**part, "value": next(iter(safe.values()))} if "value" in part else dict(part)

    def _is_new(self, kind: bytes) -> bool:
        """Whether it is the first of its kind; of too many kinds, no more are kept."""
        if kind in self._kinds:
            return False
        if len(self._kinds) >= MOST_KINDS:
            self._left_out += 1
            return False
        self._kinds.add(kind)
        return True

    def heard(self, frame: Mapping[str, Any], at: int) -> None:
        """A frame came, at an instant in microseconds."""
        safe = self._safe(dict(frame))
        task = str(frame.get("id", ""))
        if task in self._cut or not self._fits(len(json.dumps(safe, ensure_ascii=False))):
            self._cut[task] = None  # a gap in the midst would look like frames that never came
            _forget(self._cut)
        else:
            self._frames.setdefault(task, []).append((at, safe))

    def awaits(self, task: str) -> None:
        """The webhook of this task will come by."""
        self._awaited[task] = None
        _forget(self._awaited)

    def posted(self, call: Call, at: Instant, headers: Mapping[str, str], body: object, status: int) -> None:
        """A webhook came, and was answered; `body` is its JSON, None where it is none."""
        said = json.dumps(self._safe(body), ensure_ascii=False) if body is not None else ""
        told = self._redactor.value(said_by(headers))
        if self._fits(len(said)) and isinstance(told, dict):
            self._posts.append((call, at, told, said, status))

    def write(self, now: Instant = 0) -> None:
        """Put it beside the scenarios. Raises `CannotRecord`."""
        over = [task for task, heard in self._frames.items() if heard[-1][1].get("type") in TERMINAL]
        self._told += [self._socket(self._frames.pop(task)) for task in over]
        entries = [*self._entries, *self._told, *map(self._socket, self._frames.values())]
        if not entries:
            return
        creator = {"name": "wiro_mock", "version": version("wiro-mock")}
        log: dict[str, Any] = {"version": "1.2", "creator": creator, "pages": []}
        if self._awaited:
            log["_webhooks"] = dict.fromkeys(self._awaited, now / 1_000_000)  # listened for, until now
        if self._left_out:
            log["comment"] = f"{self._left_out} more were left out: there was no room for them"
        hooks = (hook_entry(call.task, at, told, said, status) for call, at, told, said, status in self._posts)
        head, listed = _text(log).removesuffix("\n}"), ",\n".join([*entries, *map(_text, hooks)])
        self._name = self._name or self._shelf.beside(FILE)
        self._shelf.put(self._name, f'{{"log": {head},\n "entries": [\n{listed}\n]}}}}\n'.encode(errors="replace"))

    def _socket(self, heard: Sequence[tuple[int, dict[str, Any]]]) -> str:
        """A task's frames as those of a socket of its own; half a secret is one, too."""
        frames = without_halves([frame for _, frame in heard], self._redactor, partial=True, growing=True)
        messages = [
            {"type": "receive", "time": at / 1_000_000, "opcode": 1, "data": json.dumps(frame, ensure_ascii=False)}
            for (at, _), frame in zip(heard, frames, strict=True)
        ]
        return _text({**_socket_entry(), "_webSocketMessages": messages})

    def _learn(self, answer: Any) -> None:
        if isinstance(answer, dict) and answer.get("taskid") and answer.get("socketaccesstoken"):
            self._tokens[str(answer["socketaccesstoken"])] = f"token-of-{answer['taskid']}"
            _forget(self._tokens)

    def _safe(self, value: Any) -> Any:
        return self._named(value, self._redactor.value(value))

    def _named(self, value: Any, redacted: Any) -> Any:
        """The redacted value, with the names of the tokens where they stood."""
        if isinstance(value, str):
            return self._tokens.get(value, redacted)
        if isinstance(value, list) and isinstance(redacted, list):
            return [self._named(*both) for both in zip(value, redacted, strict=True)]
        if isinstance(value, dict) and isinstance(redacted, dict) and len(value) == len(redacted):
            both = zip(value.values(), redacted.items(), strict=True)
            return {key: self._named(one, other) for one, (key, other) in both}
        return redacted

    def _fits(self, size: int) -> bool:
        fits = size <= LONGEST and self._size + size <= MOST_BYTES and self._count < MOST_ENTRIES
        if fits:
            self._size += size
            self._count += 1
        else:
            self._left_out += 1
        return fits


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _forget(known: dict[str, Any]) -> None:
    """Of what is new with every run, the latest are known."""
    if len(known) > MOST_RUNS:
        del known[next(iter(known))]


def _kind(call: str, body: object, status: int, answer: Any) -> bytes:
    """What makes an exchange one of a kind that has not been seen: the call, the outcome, and where the task stands."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    tasks = answer.get("tasklist") if isinstance(answer, dict) else None
    error = json.dumps(errors[0], default=str) if isinstance(errors, list) and errors else ""
    shown = [(str(one.get("id")), str(one.get("status"))) for one in tasks or () if isinstance(one, dict)]
    whose = str(answer.get("taskid")) if isinstance(answer, dict) else ""
    is_told = call.startswith("Task/") and call != "Task/InputOutputDelete"  # whose task it is, the answer tells
    made = answer.get("list") if call.startswith("File/") and isinstance(answer, dict) else None
    whose += str([one.get("id") for one in made if isinstance(one, dict)]) if isinstance(made, list) else ""
    asked = "" if is_told else json.dumps(body, sort_keys=True, default=str)
    return blake2b(repr((call, status, error, shown[:1], whose, asked)).encode(), digest_size=16).digest()


def _entry(call: str, headers: Mapping[str, str], sent: str, status: int, said: str) -> dict[str, Any]:
    names = [name for name in ("x-api-key", "x-nonce", "x-signature", "authorization") if name in headers]
    request = {
        "method": "POST",
        "url": f"https://api.wiro.ai/v1/{call}",
        "httpVersion": "HTTP/1.1",
        "headers": [{"name": name, "value": "[redacted]"} for name in ("content-type", *names)],
        "queryString": [],
        "cookies": [],
        "headersSize": -1,
        "bodySize": -1,
        "postData": {"mimeType": "application/json", "text": sent},
    }
    content = {"size": len(said), "mimeType": "application/json", "text": said}
    response = {
        "status": status, "statusText": "", "httpVersion": "HTTP/1.1", "headers": [], "cookies": [],
        "content": content, "redirectURL": "", "headersSize": -1, "bodySize": -1,
    }  # fmt: skip
    return {**_timed(), "request": request, "response": response}


def _socket_entry() -> dict[str, Any]:
    url = "wss://socket.wiro.ai/v1"
    request = {
        "method": "GET", "url": url, "httpVersion": "HTTP/1.1", "headers": [], "queryString": [], "cookies": [],
        "headersSize": -1, "bodySize": -1,
    }  # fmt: skip
    response = {
        "status": 101, "statusText": "", "httpVersion": "HTTP/1.1", "headers": [], "cookies": [], "redirectURL": "",
        "content": {"size": 0, "mimeType": "x-unknown"}, "headersSize": -1, "bodySize": -1,
    }  # fmt: skip
    return {**_timed(), "request": request, "response": response}


def _timed() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"startedDateTime": now, "time": 0, "cache": {}, "timings": {"send": 0, "wait": 0, "receive": 0}}
