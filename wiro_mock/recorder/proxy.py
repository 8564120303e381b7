"""What clients talk to: every request and every frame goes on to the upstream, and its answer comes back.

Only addresses are changed on the way. A Run that is taken on gets a follower; one that is refused is a scenario at
once.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from wiro_mock.recorder import passing, streams
from wiro_mock.recorder.archived import is_file
from wiro_mock.recorder.attending import Tap
from wiro_mock.recorder.callbacks import PLACE, Call, Callbacks
from wiro_mock.recorder.follower import MOST
from wiro_mock.recorder.passing import CODINGS, pieces_of, refused, with_headers, without_length
from wiro_mock.recorder.places import Upstream
from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.runs import Run, Runs
from wiro_mock.recorder.shelf import Shelf
from wiro_mock.recorder.traffic import Traffic
from wiro_mock.recorder.wires import play

if TYPE_CHECKING:
    import ssl

SYNC: Final = 45 * 60.0
"""Seconds that a synchronous run may be silent: Wiro's own cap is 40 minutes (rest.md §2.1)."""
STOPS: Final = ("/v1/Task/Cancel", "/v1/Task/Kill")
METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]
CONNECTIONS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=2.0)
"""As many to the upstream as clients have with us: slow ones keep nobody waiting. One that was idle for longer may be
closed by the upstream just when it is used again; servers wait for 5 s and more.
"""


class Recorder:
    """The proxy over an upstream. `app` is to be served; its end writes the tasks that have not ended, after `grace`
    seconds. `callbacks` is the address at which the upstream reaches it, for webhooks; `tls` trusts the upstream. `now`
    is the time in microseconds; `traffic` keeps the wire itself, where that is wanted.
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
        callbacks: str = "",
        tls: ssl.SSLContext | None = None,
        now: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
        traffic: Traffic | None = None,
    ) -> None:
        self._upstream, self._redactor, self._tell = upstream, redactor, tell
        self._timeout, self._grace, self._now = timeout, grace, now
        self._callbacks, self._tls = Callbacks.to(callbacks, upstream.url), tls
        self.runs = Runs(
            upstream=upstream, shelf=shelf, redactor=redactor, tell=tell, wants_bytes=wants_bytes, tls=tls, now=now,
            traffic=traffic,
        )  # fmt: skip
        self._http: httpx.AsyncClient
        self._unanswered: dict[int, str] = {}
        """Synchronous runs whose upstream has said nothing yet."""
        routes = [
            WebSocketRoute("/{path:path}", self._play),
            Route(f"{PLACE}{{number}}", self._called_back, methods=["POST"]),
            Route("/{path:path}", self._asked, methods=METHODS),
        ]
        self.app = Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        await asyncio.to_thread(importlib.import_module, "websockets.asyncio.client")  # or the first task's frames wait
        verify = _usual_trust() if self._tls is None else self._tls
        async with httpx.AsyncClient(
            timeout=self._timeout, follow_redirects=False, verify=verify, limits=CONNECTIONS,
            cookies=passing.no_cookies(),
        ) as self._http:  # fmt: skip
            self.runs.http = self._http
            yield
            for shown in self._unanswered.values():
                self._tell(f"{shown} had not been answered when the recorder ended; nothing of it is recorded")
            await self.runs.end(self._grace)

    async def _asked(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        finally:
            await request.close()  # the files of a form

    async def _answer(self, request: Request) -> Response:
        path = (
            request.scope["raw_path"].decode("ascii", "replace") if request.scope.get("raw_path") else request.url.path
        )
        url = self._upstream.of_path(path)
        if url is None:
            return refused(403, "this file lies on no host of the upstream's")
        self._redactor.learn_headers(request.headers)
        ours = f"{request.url.scheme}://{request.url.netloc}"
        try:
            body = await passing.body_of(request)
        except ValueError:
            return refused(
                413, f"more than {MOST >> 20} MiB in one request are not recorded; send it past the recorder"
            )
        except ClientDisconnect:
            return refused(400, "the request broke off before its end, and did not go on to the upstream")
        run = await self._begun(request, path, ours)
        try:
            asked = self._http.build_request(
                request.method,
                url + (f"?{request.url.query}" if request.url.query else ""),
                headers=[*passing.forwarded(request.headers), (b"accept-encoding", CODINGS.encode())],
                content=self._upstream.to_theirs(body, ours) if run is None else run.body,
                timeout=httpx.Timeout(self._timeout, read=SYNC if path.endswith("/sync") else self._timeout),
            )
            answer = await self._sent(asked, run, path)
            return await self._passed_on(request, run, answer, path, ours)
        except httpx.TimeoutException:
            return self._broken(504, path, f"the upstream did not answer within {self._timeout:g} s")
        except httpx.InvalidURL as error:
            return refused(400, f"this address cannot be passed on ({str(error)[:100]})")
        except httpx.HTTPError as error:
            return self._broken(502, path, f"the upstream {passing.what_broke(error)}")

    async def _sent(self, asked: httpx.Request, run: Run | None, path: str) -> httpx.Response:
        """The upstream's answer. Of a synchronous run nothing else tells before that, so it is remembered meanwhile."""
        if run is None or not path.endswith("/sync"):
            return await self._http.send(asked, stream=True)
        self._unanswered[id(run)] = self._shown(path)
        try:
            answer = await self._http.send(asked, stream=True)
        except httpx.HTTPError:
            del self._unanswered[id(run)]
            raise
        del self._unanswered[id(run)]
        return answer

    async def _begun(self, request: Request, path: str, ours: str) -> Run | None:
        """A run, with the recorder's address for its webhook; None for any other request."""
        if request.method != "POST" or not path.startswith("/v1/Run/"):
            return None
        parameters = await passing.parameters_of(request)
        self._redactor.learn_named(parameters)
        kind = request.headers.get("content-type", "json")
        body, call = self._callbacks.redirect(
            self._upstream.to_theirs(await request.body(), ours), parameters, kind, ours
        )
        return Run(parameters=parameters, body=body, call=call, at=self._now())

    async def _passed_on(
        self, request: Request, run: Run | None, answer: httpx.Response, path: str, ours: str
    ) -> Response:
        self._redactor.learn_headers(answer.headers)
        if self.runs.traffic and is_file(request.method, path):
            url = str(answer.request.url)
            self.runs.traffic.fetched(request.method, url, request.headers, answer.status_code, answer.headers)
        coding = answer.headers.get("content-encoding", "identity")
        is_json = "json" in answer.headers.get("content-type", "") and request.method != "HEAD"

        def broke(error: httpx.HTTPError) -> None:
            self._tell(f"{self._shown(path)}: the upstream {passing.what_broke(error)} in the midst of its answer; "
                       "so did the recorder")  # fmt: skip

        def handed(response: Response, *, raw: bool = False) -> Response:
            return with_headers(response, answer, raw=raw, to_ours=lambda text: self._upstream.to_ours(text, ours))

        if coding not in ("identity", *CODINGS.split(", ")):
            self._tell(f"the upstream's answer to {self._shown(path)} is in the coding {coding[:20]}, unasked; "
                       "it was passed on as it is, and nothing recorded")  # fmt: skip
            pieces = pieces_of(answer, raw=True, broke=broke)
            return handed(StreamingResponse(pieces, answer.status_code), raw=True)
        if run is not None and answer.headers.get("content-type", "").startswith(streams.KIND):
            watch = streams.Watch(runs=self.runs, run=run, path=path, now=self._now)
            pieces = pieces_of(answer, broke=broke)
            seen = streams.watched(pieces, lambda text: self._upstream.to_ours(text, ours), watch)
            return without_length(handed(StreamingResponse(seen, answer.status_code)))
        if not is_json:
            if run is not None:
                kind = answer.headers.get("content-type", "no type").partition(";")[0]
                self._tell(
                    f"the upstream answered {self._shown(path)} with status {answer.status_code} and {kind}, "
                    "not JSON; the answer was passed on, and nothing recorded"
                )
            return handed(StreamingResponse(pieces_of(answer, broke=broke), answer.status_code))
        pieces = pieces_of(answer)
        data, is_whole = await passing.gathered(pieces)
        if not is_whole:
            self._tell(f"the upstream answered {self._shown(path)} with more than {MOST >> 20} MiB of JSON; "
                       "it was passed on as it is, and nothing recorded")  # fmt: skip
            return handed(StreamingResponse(passing.joined(data, pieces), answer.status_code))
        if answer.status_code == 429:
            self._tell(f"the upstream limits the rate (429) at {self._shown(path)}; the answer was passed on")
        try:
            await self._note(request, run, path, answer.status_code, data.decode(errors="replace"))
        except Exception as error:  # whatever becomes of the recording, the client gets its answer
            self._tell(f"{self._shown(path)} is not recorded: {type(error).__name__}, a mistake in wiro_mock itself")
        said = self._upstream.to_ours(data.decode(errors="surrogateescape"), ours)
        return handed(Response(said.encode(errors="surrogateescape"), answer.status_code))

    async def _note(self, request: Request, run: Run | None, path: str, status: int, text: str) -> None:
        """Keep what an answer in JSON tells."""
        if run is not None:
            await self.runs.see(run, path, self._shown(path), status, text)
        elif path == "/v1/Task/Detail":
            await self.runs.detail(text)
        elif path in STOPS and isinstance(said := passing.parsed(text), dict) and said.get("result"):
            self.runs.stopped((await passing.parameters_of(request)).get("taskid"))
        if self.runs.traffic and request.method == "POST":
            fields = await passing.fields_of(request)
            parts = await passing.parts_of(request) if fields is None else ()
            self.runs.traffic.answered(path, request.headers, fields, status, text, parts=parts)

    async def _called_back(self, request: Request) -> Response:
        """A webhook: it goes to the client's own address, and what that answers goes back."""
        call = self._callbacks.at(request.url.path)
        if call is None:
            return refused(404, "no run waits for a webhook here")
        try:
            text = (await passing.body_of(request)).decode(errors="surrogateescape")
        except (ValueError, ClientDisconnect):
            return refused(413, "this webhook is too long, or not whole, and was not passed on")
        body, at = passing.parsed(text), self._now()
        call.came(body, at)
        answer = await self._handed_on(request, call, text)
        if self.runs.traffic:
            self.runs.traffic.posted(call, at, request.headers, body, answer.status_code)
        return answer

    async def _handed_on(self, request: Request, call: Call, text: str) -> Response:
        headers = passing.forwarded(request.headers)
        try:
            content = self._upstream.to_ours(text, call.ours).encode(errors="surrogateescape")
            answer = await self._http.request(request.method, call.url, headers=headers, content=content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self._broken(502, PLACE, f"the client's callbackUrl could not be reached ({type(error).__name__})")
        return with_headers(Response(answer.content, answer.status_code), answer)

    async def _play(self, here: WebSocket) -> None:
        self._redactor.learn_headers(here.headers)
        tap = Tap(find=self.runs.attending, tell=self._tell)
        await play(here, self._upstream, self._tls, lambda text: self._tell(self._redactor.text(text)), tap)

    def _broken(self, status: int, path: str, why: str) -> Response:
        self._tell(f"{self._shown(path)}: {why}; the client was told so, with status {status}")
        return refused(status, why)

    def _shown(self, path: str) -> str:
        return self._redactor.text(path.removeprefix("/v1/"))[:200]


@cache
def _usual_trust() -> ssl.SSLContext:
    """The authorities of the system, read once: with pytest there is a recorder for every test."""
    return httpx.create_ssl_context()
