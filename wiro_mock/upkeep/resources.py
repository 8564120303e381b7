"""The resources of the upkeep, over HTTP."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, ClassVar

from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from wiro_mock.admin import Access, Resource, json_answer
from wiro_mock.control.asking import Mistake
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.mock import World
from wiro_mock.upkeep import reloading
from wiro_mock.worlds import Worlds

ZIP = "application/zip"
SETTINGS = (
    "credentials", "api_key", "api_secret", "key_only", "time", "poll", "auth_mode", "profile", "unknown_models",
    "scenario_header", "realtime_grace", "limits", "balance", "faults", "use", "expire_files", "undeclared_inputs",
)  # fmt: skip
"""What `keep` may name: in these the server's own holds, whatever a snapshot says."""
BESIDES_FILES = (1 << 30) + (256 << 20)
"""Bytes that a snapshot may have besides its files."""

Verb = Callable[[World, Request], Awaitable[Response]]


class Upkeep(Resource):
    """An ASGI app for one path; `verbs` are the names of the methods that answer each verb."""

    path: ClassVar[str] = ""
    verbs: ClassVar[Mapping[str, str]] = {}
    own_body: ClassVar[tuple[str, ...]] = ()
    """The verbs whose body is read by the method itself."""

    def __init__(self, worlds: Worlds, access: Access) -> None:
        super().__init__(worlds, access, self.path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            answer = await self._answered(request)
        except ClientDisconnect:
            return
        await answer(scope, receive, send)

    async def _answered(self, request: Request) -> Response:
        problem = self.access.problem(request.headers)
        name = "GET" if request.method == "HEAD" else request.method
        if problem or name not in self.verbs or name not in self.own_body:
            async for _ in request.stream():  # an answer on an unread body may never arrive
                pass
        if problem:
            return json_answer(403, {"error": problem})
        if name not in self.verbs:
            known = ", ".join(self.verbs)
            error = f"{request.method} does nothing at /__wiro{self.path}; the verbs here: {known}"
            return json_answer(405, {"error": error}, {"allow": known})
        try:
            method: Verb = getattr(self, self.verbs[name])
            return await method(self.world_for(request), request)
        except (Mistake, ValueError) as error:
            return json_answer(400, {"error": str(error)})


class SnapshotResource(Upkeep):
    """`GET /snapshot` saves a world, `PUT` loads one."""

    path = "/snapshot"
    verbs: ClassVar[Mapping[str, str]] = {"GET": "save", "PUT": "load"}
    own_body = ("PUT",)

    async def save(self, world: World, request: Request) -> Response:
        """The world as a file; `?secret=false` leaves its credentials out."""
        from wiro_mock.snapshot import SnapshotError

        secret = _truth(_only(request, "secret").get("secret", "true"), "secret")
        try:
            path = await asyncio.to_thread(_saved, world, secret)
        except SnapshotError as error:
            return json_answer(507, {"error": str(error)})
        gone = BackgroundTask(_unlink, path)
        return FileResponse(path, media_type=ZIP, filename="world.wiro-mock.zip", background=gone)

    async def load(self, world: World, request: Request) -> Response:
        """Let the world go on from a file; `?keep=credentials,time` names settings in which its own hold."""
        from wiro_mock.snapshot import SnapshotError, load

        keep = [name for name in _only(request, "keep").get("keep", "").split(",") if name]
        if unknown := [name for name in keep if name not in SETTINGS]:
            raise Mistake(f"keep: there is no {unknown[0][:60]!r}; {did_you_mean(unknown[0], SETTINGS)}")
        try:
            with tempfile.TemporaryFile() as file:
                if not await _received(request, file, world.settings.limits.bytes + BESIDES_FILES):
                    way = "start the server with a larger --keep-mib"
                    return json_answer(413, {"error": f"the snapshot is larger than all that is kept here; {way}"})
                file.seek(0)
                loaded = await asyncio.to_thread(load, world, file, name="the snapshot", keep=keep)
        except SnapshotError as error:
            return json_answer(400, {"error": str(error)})
        except OSError as error:
            why = f"the snapshot cannot be received: {error.strerror or error}; set TMPDIR to a folder with room"
            return json_answer(507, {"error": why})
        return json_answer(200, {**loaded.shown(), "api_key": None if world.project.key_only else world.project.key})


class MetricsResource(Upkeep):
    """`GET /metrics`: counters and gauges of the server, in the text format of Prometheus."""

    path = "/metrics"
    verbs: ClassVar[Mapping[str, str]] = {"GET": "show"}

    def __init__(self, worlds: Worlds, access: Access) -> None:
        super().__init__(worlds, access)
        self._scrape: Callable[[], tuple[bytes, str]] | None = None

    async def show(self, world: World, request: Request) -> Response:  # noqa: ARG002 -- all worlds of the server
        """What is counted, over all worlds."""
        if self._scrape is None:
            try:
                from wiro_mock.upkeep.metrics import scraper
            except ImportError:
                error = "metrics need the library prometheus-client; pip install 'wiro-mock[metrics]'"
                return json_answer(501, {"error": error})
            self._scrape = scraper(self.worlds)
        content, kind = await asyncio.to_thread(self._scrape)
        return Response(content, headers={"content-type": kind})


class ReloadResource(Upkeep):
    """`POST /reload`: read the scenarios, models and fault sets anew."""

    path = "/reload"
    verbs: ClassVar[Mapping[str, str]] = {"POST": "reload"}

    async def reload(self, world: World, request: Request) -> Response:
        """All of them, or where any is broken none: then 409, with every complaint."""
        _only(request)
        told = await asyncio.to_thread(reloading.reload, world)
        return json_answer(200 if not told["broken"] else 409, told)


def _saved(world: World, secret: bool) -> Path:  # noqa: FBT001 -- called in a thread, by place
    from wiro_mock.snapshot import SnapshotError, save

    try:
        handle, name = tempfile.mkstemp(prefix="wiro-mock-", suffix=".zip")
        os.close(handle)
    except OSError as error:
        raise SnapshotError(
            f"no temporary file can be made: {error.strerror}; set TMPDIR to a folder with room"
        ) from None
    try:
        save(world, Path(name), secret=secret)
    except BaseException:
        _unlink(Path(name))
        raise
    return Path(name)


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


async def _received(request: Request, file: IO[bytes], most: int) -> bool:
    """Whether all of the body has come, and is no longer than that."""
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size <= most:
            file.write(piece)
    return size <= most


def _only(request: Request, *known: str) -> Mapping[str, str]:
    query = dict(request.query_params)
    if unknown := [name for name in query if name not in known]:
        way = did_you_mean(unknown[0], known, what="the parameters here") if known else "there are none here"
        raise Mistake(f"unknown parameter {unknown[0][:60]!r}; {way}")
    return query


def _truth(text: str, name: str) -> bool:
    if text not in ("true", "false"):
        raise Mistake(f"{name} is true or false, not {text[:60]!r}")
    return text == "true"
