"""The public Moondream protocol over HTTP: JSON in, JSON or server-sent events out.

At the door it is decided, before a body is read, whether there is room. Nothing is answered before the engine has
said something, so that running out of memory beforehand is a status (507) also for a stream; later it is an event.
A client that leaves is noticed at once, and its slot is free at the next step.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from wiro_mock.moondream.asking import PICTURE_BYTES, SKILLS, Ask, Skill, ask_of
from wiro_mock.moondream.job import Chunk, Done, Engine, Event, Job
from wiro_mock.moondream.metrics import Metrics
from wiro_mock.moondream.pictures import decoded
from wiro_mock.moondream.refusals import BadAsk, Failure, as_failure, told

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

BODY_BYTES = PICTURE_BYTES * 4 // 3 + (1 << 20)
PATIENCE = 60.0
"""Seconds that a client may take for its body, or for reading a piece of the answer."""
DECODERS = 2
"""So many pictures are decoded at a time: each may take 150 MB meanwhile."""
LEFT = 499
RETRY_SECONDS = "1"


class Left(Exception):
    """The client is gone."""


class Door:
    """At most `room` requests are inside, playing or waiting."""

    def __init__(self, room: int) -> None:
        self.room, self.inside = room, 0

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Inside while the block runs. Raises `Failure` where there is no room."""
        if self.inside >= self.room:
            raise Failure(f"{self.inside} requests are here already; try again later", status=503)
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


def create_app(
    engine: Engine, *, queue: int = 64, load_seconds: float = 0.0, say: Callable[[str], None] = print
) -> Starlette:
    """The app around an engine. `queue` requests may wait besides those in slots; every path also under `/v1`."""
    door, metrics = Door(engine.state().slots + queue), Metrics(load_seconds)
    limiter = asyncio.Semaphore(DECODERS)

    async def health(request: Request) -> Response:  # noqa: ARG001 -- starlette's signature
        state = engine.state()
        return JSONResponse(
            {
                "status": "ok",
                "engine": engine.name,
                "model": engine.model,
                "device": engine.device,
                "active": state.active,
                "waiting": state.waiting,
                "slots": state.slots,
                "steps": state.steps,
                "load_s": round(load_seconds, 3),
                "version": version("wiro-mock"),
            }
        )

    async def counted(request: Request) -> Response:  # noqa: ARG001
        return PlainTextResponse(metrics.text(engine), media_type="text/plain; version=0.0.4")

    routes = [Route("/health", health), Route("/metrics", counted)]
    for skill in SKILLS:
        endpoint = Endpoint(skill=skill, engine=engine, door=door, metrics=metrics, limiter=limiter, say=say)
        routes += [Route(f"{base}/{skill}", endpoint, methods=["POST"]) for base in ("", "/v1")]
    return Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_allowed})


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    ways = ", ".join(f"POST /{skill}" for skill in SKILLS)
    return JSONResponse(
        {"error": f"there is nothing at {request.url.path}; there are {ways}, GET /health, GET /metrics"}, 404
    )


async def _not_allowed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return JSONResponse({"error": f"{request.method} is not for {request.url.path}; skills are asked with POST"}, 405)


class Endpoint:
    """One skill, as an ASGI app."""

    def __init__(
        self,
        *,
        skill: Skill,
        engine: Engine,
        door: Door,
        metrics: Metrics,
        limiter: asyncio.Semaphore,
        say: Callable[[str], None],
    ) -> None:
        self._skill, self._engine, self._door = skill, engine, door
        self._metrics, self._limiter, self._say = metrics, limiter, say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Play a request; whatever is wrong with it is a status and a sentence under `error`."""
        status = 200
        try:
            async with self._door.entered():
                ask = ask_of(self._skill, await _body(Request(scope, receive)))
                async with self._limiter:
                    prepared = await asyncio.to_thread(self._prepare, ask)
                await self._play(ask, prepared, receive, send)
        except Left:
            status = LEFT
        except (BadAsk, Failure) as error:
            status = error.status
            headers = {"retry-after": RETRY_SECONDS} if status == 503 else None
            if status >= 500:
                self._say(f"/{self._skill}: {error}")
            await JSONResponse({"error": str(error)}, status, headers)(scope, receive, send)
        except Exception as error:  # of Pillow's, torch's or ours: the request fails, and says how
            status = as_failure(error).status
            self._say(f"/{self._skill}: {told(error)}")
            await JSONResponse({"error": str(as_failure(error))}, status)(scope, receive, send)
        finally:
            self._metrics.requests[self._skill, status] += 1

    def _prepare(self, ask: Ask) -> Any:
        return self._engine.prepare(ask, decoded(ask.picture))

    async def _play(self, ask: Ask, prepared: Any, receive: Receive, send: Send) -> None:
        loop, events = asyncio.get_running_loop(), asyncio.Queue[Event | None]()

        def post(event: Event) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(events.put_nowait, event)

        job, began = Job(ask=ask, prepared=prepared, post=post), time.perf_counter()
        gone = asyncio.create_task(_until_gone(receive))
        gone.add_done_callback(lambda _: events.put_nowait(None))
        try:
            self._engine.submit(job)
            first = await _next(events)
            self._metrics.first(time.perf_counter() - began)
            if ask.stream:
                await self._streamed(first, events, send)
            else:
                await self._whole(first, events, send)
        finally:
            gone.cancel()
            self._engine.cancel(job)

    async def _whole(self, event: Event, events: asyncio.Queue[Event | None], send: Send) -> None:
        while not isinstance(event, Done):
            event = await _next(events)
        self._metrics.tokens += event.tokens
        body = json.dumps({**event.answer, "finish_reason": event.reason}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await _sent(send, {"type": "http.response.start", "status": 200, "headers": headers})
        await _sent(send, {"type": "http.response.body", "body": body})

    async def _streamed(self, event: Event, events: asyncio.Queue[Event | None], send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await _sent(send, {"type": "http.response.start", "status": 200, "headers": headers})
        try:
            while isinstance(event, Chunk):
                await _sent(send, _event({"chunk": event.text}))
                event = await _next(events)
            assert isinstance(event, Done)
            self._metrics.tokens += event.tokens
            last: dict[str, Any] = {"completed": True, "finish_reason": event.reason, "tokens": event.tokens}
        except Failure as failure:
            self._say(f"/{self._skill}, in mid-stream: {failure}")
            last = {"error": str(failure)}
        await _sent(send, _event(last))
        await _sent(send, {"type": "http.response.body", "body": b""})


def _event(data: dict[str, Any]) -> Message:
    return {"type": "http.response.body", "body": b"data: %b\n\n" % json.dumps(data).encode(), "more_body": True}


async def _next(events: asyncio.Queue[Event | None]) -> Chunk | Done:
    """What comes next. Raises the `Failure` that comes, and `Left` where the client has gone."""
    event = await events.get()
    if event is None:
        raise Left
    if isinstance(event, Failure):
        raise event
    return event


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _sent(send: Send, message: Message) -> None:
    """Send; a client that reads nothing for a minute counts as gone."""
    try:
        async with asyncio.timeout(PATIENCE):
            await send(message)
    except (TimeoutError, OSError):
        raise Left from None


async def _body(request: Request) -> Any:
    """The body's JSON. Raises `BadAsk`, before more than the limit is in memory."""
    parts = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for part in request.stream():
                parts += part
                if len(parts) > BODY_BYTES:
                    raise BadAsk(f"the body is larger than {BODY_BYTES >> 20} MiB; send a smaller picture", status=413)
    except TimeoutError:
        raise BadAsk("the body did not come within a minute", status=408) from None
    except ClientDisconnect:
        raise Left from None
    try:
        return json.loads(parts)
    except (ValueError, RecursionError):
        raise BadAsk('the body is no JSON; it is {"image_url": "data:image/jpeg;base64,…", …}') from None
