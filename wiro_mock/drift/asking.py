"""A mock in this process, asked: a call and a body in, status and JSON out; and the frames that it would have sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from wiro_mock.api import NO_BODY, Request
from wiro_mock.api.auth import sign
from wiro_mock.api.body import BodyReader
from wiro_mock.api.frames import frame
from wiro_mock.api.origin import origins
from wiro_mock.drift.takes import Exchange, Form
from wiro_mock.mock import World
from wiro_mock.recorder.observed import Seen

ORIGIN: Final = "http://127.0.0.1"
NONCE: Final = 1_734_513_807_123
NOBODYS: Final = "0" * 30
STEPS_AT_MOST: Final = 100_000
BOUNDARY: Final = "wiro-mock-drift-1d0e8b8f"
MOST: Final = 64 << 10
"""Bytes of a file that is repeated."""


def asked_of(world: World, call: str, body: Any, headers: Mapping[str, str] | None = None) -> tuple[int, Any] | None:
    """Status and JSON that a mock answers to a call, signed unless other headers are given; None for no JSON."""
    if headers is None:
        project, nonce = world.project, str(NONCE)
        signature = sign(project.key, project.secret, nonce)
        headers = {"x-api-key": project.key, "x-nonce": nonce, "x-signature": signature}
    kind, data = _form(body) if isinstance(body, Form) else ("application/json", json.dumps(body).encode())
    reader = BodyReader(kind, world.blobs)
    reader.feed(data)
    finished = reader.finish() if body is not None else NO_BODY
    sent = {"content-type": kind, **headers}
    response = world.handle(Request(method="POST", path=f"/v1/{call}", headers=sent, origin=ORIGIN, body=finished))
    try:
        return response.status, json.loads(response.content)
    except ValueError:
        return None


def fetched_of(world: World, one: Exchange, path: str) -> Exchange:
    """What a mock answers to a request for the file at a path."""
    response = world.handle(Request(method=one.method, path=path, headers=dict(one.asked), origin=ORIGIN, body=NO_BODY))
    for _ in response.chunks or ():
        pass
    headers = {name.lower(): value for name, value in response.headers}
    return replace(one, status=response.status, headers=headers)


def _form(form: Form) -> tuple[str, bytes]:
    """The type and the bytes of a form; those of its files are zeros."""
    fields = [(name, None, "", str(value).encode(errors="replace")) for name, value in form.fields.items()]
    files = [(one.name, one.filename, one.contenttype, bytes(min(one.size, MOST))) for one in form.files]
    data = bytearray()
    for name, filename, kind, content in (*fields, *files):
        of_file = "" if filename is None else f'; filename="{_quoted(filename)}"'
        said = f"\r\nContent-Type: {_quoted(kind)}" if kind else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{_quoted(name)}"{of_file}{said}\r\n\r\n'
        data += head.encode(errors="replace") + content + b"\r\n"
    return f"multipart/form-data; boundary={BOUNDARY}", bytes(data) + f"--{BOUNDARY}--\r\n".encode()


def _quoted(text: str) -> str:
    return re.sub(r'[\r\n"]', " ", text)


def ways_to_show(world: World, one: Exchange, nonce: str) -> list[dict[str, str]]:
    """The headers in which the key may have been shown; several where a recording hides which it was."""
    project = world.project
    key, signature = {"x-api-key": project.key}, sign(project.key, project.secret, nonce)
    signed = {**key, "x-nonce": nonce, "x-signature": signature}
    wrong = {**signed, "x-signature": "0" * 64}
    ways: dict[str, list[dict[str, str]]] = {
        "none": [{}],
        "unknown key": [{"x-api-key": NOBODYS}],
        "key": [key],
        "missigned": [wrong],
        "signed": [signed],
    }
    if one.status in (401, 403) and one.shown == "signed":
        return [wrong, {"x-api-key": NOBODYS}]
    if one.shown == "key" and one.status not in (401, 403):
        return [signed]  # of a project that works by key only
    return ways[one.shown]


def frames_to_the_end(world: World, task_id: str) -> tuple[Seen, ...]:
    """The frames of a task of ours, from its begin to where nothing more happens by itself."""
    for _ in range(STEPS_AT_MOST):
        task, deadline = world.sim.task(task_id), world.next_deadline()
        if task is None or task.finished or deadline is None:
            break
        world.jump(deadline)
    return frames_of(world, task_id)


def frames_of(world: World, task_id: str) -> tuple[Seen, ...]:
    """The frames of a task of ours so far."""
    task = world.sim.task(task_id)
    if task is None:
        return ()
    told = ((entry.at, frame(entry, task, origins(ORIGIN), world.profile)) for entry in world.sim.log(task_id))
    return tuple(Seen(at=at, frame=dict(shape)) for at, shape in told if shape is not None)
