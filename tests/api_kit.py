"""What the tests of the API share: worlds in virtual time, signed requests, bodies, and answers taken apart.

`send` does what a transport does, in process: feed the body, handle, unpin what the body has written.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from wiro_mock.api import NO_BODY, Request
from wiro_mock.api.auth import sign
from wiro_mock.api.body import BodyReader
from wiro_mock.casting import Standing
from wiro_mock.kernel.account import Project
from wiro_mock.kernel.catalog import FILES, NUMBERS, Model, Parameter
from wiro_mock.loader import Library, load_text
from wiro_mock.mock import World
from wiro_mock.settings import Settings

ORIGIN: Final = "http://127.0.0.1:4747"
KEY: Final = "k3yk3yk3yk3yk3yk3yk3yk3yk3yk3y"
SECRET: Final = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t"
NONCE: Final = "1734513807123"
CAPTION: Final = "/v1/Run/moondream3-preview/caption"
JSON: Final = "application/json"


@functools.cache
def shipped_library() -> Library:
    return Library()


def library(scenarios: str = "") -> Library:
    """The shipped library, with the scenarios of a YAML text besides."""
    made = copy.copy(shipped_library())
    if scenarios:
        made.scenarios = [*made.scenarios, *load_text(scenarios)]
    return made


def make_world(
    *,
    scenarios: str = "",
    tell: Callable[[str], None] | None = None,
    key_only: bool = False,
    standing: Sequence[Standing] = (),
    **settings: Any,
) -> World:
    """A world with the kit's key and secret; its time stands still unless the settings say otherwise."""
    project = Project(id="699", key=KEY, secret=SECRET, key_only=key_only)
    return World(
        Settings(**{"time": "manual", "project": project, "seed": "kit", **settings}),
        library=library(scenarios),
        tell=tell,
        standing=standing,
    )


def signed(nonce: str = NONCE) -> dict[str, str]:
    """The three headers of a signature project."""
    return {"x-api-key": KEY, "x-nonce": nonce, "x-signature": sign(KEY, SECRET, nonce)}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with its bytes in hand."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def error(self) -> dict[str, Any]:
        """The one error of a refusal."""
        (error,) = self.json["errors"]
        assert self.json["result"] is False
        return dict(error)


def send(
    world: World,
    method: str,
    path: str,
    body: bytes = b"",
    *,
    content_type: str = "",
    headers: Mapping[str, str] | None = None,
    origin: str = ORIGIN,
) -> Reply:
    """One request, with exactly these headers."""
    reader = BodyReader(content_type, world.blobs)
    reader.feed(body)
    sent = {**({"content-type": content_type} if content_type else {}), **(headers or {})}
    request = Request(method=method, path=path, headers=sent, origin=origin, body=reader.finish() if body else NO_BODY)
    try:
        response = world.handle(request)
        content = response.content if response.chunks is None else b"".join(response.chunks)
    finally:
        for written in reader.blobs:
            world.blobs.unpin(written, needed=world.sim.files.needs)
    return Reply(response.status, dict(response.headers), content)


def post(world: World, path: str, fields: object = None, **more: Any) -> Reply:
    """A signed POST of a JSON body."""
    body = b"" if fields is None else json.dumps(fields).encode()
    return send(world, "POST", path, body, **{"content_type": JSON, "headers": signed(), **more})


def get(world: World, url: str, **headers: str) -> Reply:
    """A GET of a URL of the kit's origin, without a key."""
    assert url.startswith(ORIGIN), url
    return send(world, "GET", url.removeprefix(ORIGIN), headers={k.replace("_", "-"): v for k, v in headers.items()})


def run(world: World, fields: object = None, *, path: str = CAPTION, **more: Any) -> tuple[str, str]:
    """Take on a run; its id and token."""
    answer = post(world, path, {} if fields is None else fields, **more).json
    assert answer["result"] is True, answer
    return answer["taskid"], answer["socketaccesstoken"]


def detail(world: World, task_id: str) -> dict[str, Any]:
    """The task as Detail shows it."""
    (task,) = post(world, "/v1/Task/Detail", {"taskid": task_id}).json["tasklist"]
    return dict(task)


def part(name: str, data: bytes | str, *, filename: str | None = None, kind: str = "") -> bytes:
    """One part of a multipart body, without its boundary."""
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    lines = [disposition, *([f"Content-Type: {kind}"] if kind else []), "", ""]
    return "\r\n".join(lines).encode() + (data.encode() if isinstance(data, str) else data)


def multipart(parts: Iterable[bytes], boundary: str = "----kit") -> tuple[bytes, str]:
    """A multipart body and its content type."""
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), one) for one in parts)
    return body + b"--%b--\r\n" % boundary.encode(), f"multipart/form-data; boundary={boundary}"


def post_parts(world: World, path: str, *parts: bytes, **more: Any) -> Reply:
    """A signed POST of a multipart body."""
    body, content_type = multipart(parts)
    return send(world, "POST", path, body, content_type=content_type, **{"headers": signed(), **more})


def filled(model: Model) -> dict[str, Any]:
    """The required parameters of a model, as plainly as can be: the default, the first choice, the smallest number."""
    return {one.id: _plainest(one) for one in model.parameters if one.required}


def _plainest(one: Parameter) -> str:
    if one.type in FILES:
        return "https://example.com/a.png"
    if one.default or one.options:
        return one.default or one.options[0]
    is_number = one.type in NUMBERS or one.minimum is not None
    return format(one.minimum or Decimal(1), "f") if is_number else "a cat"


def upload(world: World, data: bytes, filename: str = "picture.png", kind: str = "image/png") -> dict[str, Any]:
    """Upload a file; what the answer says of it."""
    (item,) = post_parts(world, "/v1/File/Upload", part("file", data, filename=filename, kind=kind)).json["list"]
    return dict(item)
