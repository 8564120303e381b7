"""What clients talk to: every request and every frame goes on to the upstream, and its answer comes back.

Only addresses are changed on the way. A Run that is taken on gets a follower; one that is refused is a scenario at
once.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from wiro_mock.kernel.catalog import clean_slug
from wiro_mock.recorder.follower import CLOSING, MOST, Follower
from wiro_mock.recorder.observed import Sighting, refusal_of
from wiro_mock.recorder.places import Upstream
from wiro_mock.recorder.redaction import REDACTED, Redactor
from wiro_mock.recorder.shelf import CannotRecord, Shelf
from wiro_mock.recorder.traffic import Traffic

METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]
_HOP: Final = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding",
    "upgrade", "host", "content-length", "content-encoding", "accept-encoding",
})  # fmt: skip
"""Headers that are of one connection (RFC 9110 §7.6.1), and those that httpx makes."""


class Recorder:
    """The proxy over an upstream. `app` is to be served; its end writes the tasks that have not ended, after `grace`
    seconds. `now` is the time in microseconds; `traffic` keeps the wire itself, where that is wanted.
    """

    def __init__(
        self,
        upstream: Upstream,
        shelf: Shelf,
        redactor: Redactor,
        *,
        tell: Callable[[str], None],
        wants_bytes: bool = True,
        timeout: float = 60.0,
        grace: float = 5.0,
        now: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
        traffic: Traffic | None = None,
    ) -> None:
        self._upstream, self._shelf, self._redactor, self._tell = upstream, shelf, redactor, tell
        self._wants_bytes, self._timeout, self._grace, self._now = wants_bytes, timeout, grace, now
        self._traffic = traffic
        self._followers: dict[asyncio.Task[None], Follower] = {}
        self._http: httpx.AsyncClient
        routes = [
            WebSocketRoute("/{path:path}", self._play),
            Route("/{path:path}", self._answer, methods=METHODS),
        ]
        self.app = Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=self._timeout, follow_redirects=False) as self._http:
            yield
            if self._followers:
                await asyncio.wait(self._followers, timeout=self._grace)
            left = dict(self._followers)
            for task, follower in left.items():
                task.cancel()
                follower.sighting.partial = "the recorder was ended before the task"
                follower.write()
            self._write_traffic()
            await asyncio.gather(*left, return_exceptions=True)  # their sockets are closed before the loop is

    async def _answer(self, request: Request) -> Response:
        path = (
            request.scope["raw_path"].decode("ascii", "replace") if request.scope.get("raw_path") else request.url.path
        )
        url = self._upstream.of_path(path)
        if url is None:
            return _refused(403, "this file lies on no host of the upstream's")
        self._redactor.learn_headers(request.headers)
        ours = f"{request.url.scheme}://{request.url.netloc}"
        try:
            body = await _body(request)
        except ValueError:
            return _refused(
                413, f"more than {MOST >> 20} MiB in one request are not recorded; send it past the recorder"
            )
        asked = self._http.build_request(
            request.method,
            url + (f"?{request.url.query}" if request.url.query else ""),
            headers=[(name, value) for name, value in request.headers.items() if name.lower() not in _HOP],
            content=self._upstream.to_theirs(body, ours),
        )
        at = self._now()
        try:
            answer = await self._http.send(asked, stream=True)
            return await self._passed_on(request, answer, path, ours, at)
        except httpx.TimeoutException:
            return self._broken(504, path, f"the upstream did not answer within {self._timeout:g} s")
        except httpx.HTTPError as error:
            return self._broken(502, path, f"the upstream broke the connection ({type(error).__name__})")

    async def _passed_on(self, request: Request, answer: httpx.Response, path: str, ours: str, at: int) -> Response:
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        self._redactor.learn_headers(answer.headers)
        if "json" not in answer.headers.get("content-type", ""):
            if path.startswith("/v1/Run/"):
                kind = answer.headers.get("content-type", "no type").partition(";")[0]
                self._tell(
                    f"the upstream answered {self._shown(path)} with status {answer.status_code} and {kind}, "
                    "not JSON; the answer was passed on, and nothing recorded"
                )
            return StreamingResponse(_pieces(answer), answer.status_code, headers)
        text = (await answer.aread()).decode(errors="replace")
        await answer.aclose()
        if answer.status_code == 429:
            self._tell(f"the upstream limits the rate (429) at {self._shown(path)}; the answer was passed on")
        if path.startswith("/v1/Run/"):
            await self._run(request, path, text, at)
        if self._traffic and request.method == "POST":
            self._traffic.answered(path, request.headers, await _fields(request), answer.status_code, text)
        return Response(self._upstream.to_ours(text, ours), answer.status_code, headers)

    async def _run(self, request: Request, path: str, text: str, at: int) -> None:
        """See what became of a Run: a task, or a refusal."""
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            self._tell(f"the upstream answered {self._shown(path)} with no object of JSON; nothing was recorded")
            return
        token = str(answer.get("socketaccesstoken") or "")
        self._redactor.learn(token)
        owner, project = ([*path.removeprefix("/v1/Run/").split("/"), "", ""])[:2]
        owner, project = self._redactor.text(owner), self._redactor.text(project)
        name = self._shelf.name(clean_slug(project) or "run")
        parameters = self._redactor.value(await _parameters(request))
        assert isinstance(parameters, dict)
        kept = {key: one for key, one in parameters.items() if REDACTED not in str(one) and REDACTED not in key}
        sighting = Sighting(name=name, owner=owner, project=project, parameters=kept, at=at)
        if answer.get("result") and token:
            self._follow(sighting, str(answer.get("taskid")), token)
        elif errors := answer.get("errors"):
            self._refused(sighting, errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {})

    def _follow(self, sighting: Sighting, task_id: str, token: str) -> None:
        follower = Follower(
            sighting=sighting,
            task_id=task_id,
            token=token,
            shelf=self._shelf,
            redactor=self._redactor,
            tell=self._tell,
            now=self._now,
            fetch=self._fetch if self._wants_bytes else None,
            heard=self._traffic.heard if self._traffic else None,
        )
        task = asyncio.create_task(follower.follow(self._upstream.socket))
        self._followers[task] = follower
        task.add_done_callback(self._followers.pop)
        task.add_done_callback(self._write_traffic)

    def _write_traffic(self, _: object = None) -> None:
        if self._traffic:
            try:
                self._traffic.write()
            except CannotRecord as complaint:
                self._tell(str(complaint))

    def _refused(self, sighting: Sighting, error: dict[str, Any]) -> None:
        code, message = error.get("code"), self._redactor.text(str(error.get("message", "")))
        if isinstance(code, int) and 0 <= code <= 99_999:
            try:
                self._shelf.write(sighting.name, refusal_of(sighting, code, message))
            except CannotRecord as complaint:
                self._tell(str(complaint))

    async def _fetch(self, url: str) -> bytes | None:
        """The bytes of an output, where it lies on a host of the upstream's."""
        netloc = httpx.URL(url).netloc.decode()
        if not self._upstream.is_its(netloc):
            return None
        data = bytearray()
        try:
            async with self._http.stream("GET", url) as answer:
                async for piece in answer.aiter_bytes():
                    data += piece
                    if len(data) > MOST:
                        raise httpx.DecodingError("too long")
        except httpx.HTTPError as error:
            self._tell(f"an output could not be fetched ({type(error).__name__}); its bytes are not recorded")
            return None
        return bytes(data) if answer.status_code == 200 else None

    async def _play(self, here: WebSocket) -> None:
        """A client's socket: what comes from either side goes to the other."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, WebSocketException

        ours = f"{'https' if here.url.scheme == 'wss' else 'http'}://{here.url.netloc}"
        try:
            there = await connect(self._upstream.socket, max_size=MOST, close_timeout=CLOSING)
        except (OSError, WebSocketException) as error:
            self._tell(f"the upstream's socket cannot be opened ({self._redactor.text(str(error))}); look at --socket")
            await here.close()
            return
        await here.accept()

        async def outward() -> None:
            with suppress(WebSocketDisconnect, ConnectionClosed):
                while (message := await here.receive())["type"] == "websocket.receive":
                    said = message.get("text")
                    await there.send(message["bytes"] if said is None else said)

        async def inward() -> None:
            async for said in there:
                if isinstance(said, bytes):
                    await here.send_bytes(said)
                else:
                    await here.send_text(self._upstream.to_ours(said, ours))

        ways = {asyncio.create_task(outward()), asyncio.create_task(inward())}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await there.close()
            with suppress(RuntimeError, WebSocketDisconnect):
                await here.close(there.close_code if there.close_code in (1000, 1001, 1011) else 1000)

    def _broken(self, status: int, path: str, why: str) -> Response:
        self._tell(f"{self._shown(path)}: {why}; the client was told so, with status {status}")
        return _refused(status, why)

    def _shown(self, path: str) -> str:
        return self._redactor.text(path.removeprefix("/v1/"))[:200]


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"result": False, "errors": [{"code": 0, "message": f"wiro-mock record: {why}"}]}, status)


async def _body(request: Request) -> bytes:
    """All of a request's body. Raises `ValueError` where it is too long."""
    data = bytearray()
    with suppress(ClientDisconnect):
        async for piece in request.stream():
            data += piece
            if len(data) > MOST:
                raise ValueError
    request._body = bytes(data)
    return bytes(data)


async def _parameters(request: Request) -> dict[str, object]:
    """What a Run asks for, without its files."""
    if "json" in request.headers.get("content-type", "json"):
        with suppress(ValueError):
            found = json.loads(await request.body())
            return found if isinstance(found, dict) else {}
        return {}
    with suppress(Exception):  # a body that nobody can read is the upstream's to refuse
        return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    return {}


async def _fields(request: Request) -> dict[str, object] | None:
    """All that was sent; None where files were among it."""
    if "json" not in request.headers.get("content-type", "json"):
        with suppress(Exception):
            if not all(isinstance(value, str) for value in (await request.form()).values()):
                return None
    return await _parameters(request)


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    finally:
        await answer.aclose()
