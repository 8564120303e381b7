"""From ASGI to the API and back: what the HTTP endpoint does with bytes. No rule of Wiro's is here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from wiro_mock.api import NO_BODY, Body, Request, Response
from wiro_mock.api.body import BodyReader
from wiro_mock.api.origin import origin_of
from wiro_mock.breaking import Breaking, CutShort, transport_of
from wiro_mock.kernel.files import Blob
from wiro_mock.mock import World
from wiro_mock.store import NoPlace

if TYPE_CHECKING:
    from wiro_mock.hosting import Hosting
    from wiro_mock.sending import Sending


NO_ANSWER = Response(status=503, headers=(("content-type", "text/plain"),), content=b"Service Unavailable")


class ClientGone(Exception):
    """The client went away before its request was whole."""


class ApiEndpoint:
    """An ASGI app that plays Wiro's HTTP API and CDN over worlds."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self.worlds = hosting.worlds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers, path = header_map(scope), raw_path(scope)
        world = self.worlds.for_request(scope["method"], path, headers)
        unread = ""
        transport = transport_of(scope)
        request = Request(
            method=scope["method"],
            path=path,
            headers=headers,
            origin=origin(scope, headers, world),
            can_break=transport is not None,
            query=scope.get("query_string", b"").decode("latin-1"),
        )
        sending = _sending(world, request) if world.faults else None
        try:
            body, blobs = await self._read(world, headers, receive, sending)
        except ClientGone:
            return
        except CutShort as cut:
            from wiro_mock.sending import end

            await end(world, cut.response, _headers(cut.response), transport=transport, receive=receive, send=send)
            return
        except NoPlace as error:
            body, blobs, unread = NO_BODY, [], str(error)
        request = replace(request, body=body, met="" if sending is None else sending.met)
        try:
            response = world.handle(request, unread=unread)
        finally:
            self._unpin(world, blobs)
        if (wait := response.wait) is not None and (response.damage is None or not response.damage.is_total):
            from wiro_mock.waiting import Waiting  # what few clients ask for

            waiting = Waiting(self._hosting, world, wait, receive, transport)
            if wait.streams:
                await waiting.stream(response, send)
                return
            answer = await waiting.answer()
            if answer is None:
                if transport is None:  # nothing can be reset there, and its server wants an answer
                    await self._send(NO_ANSWER, receive, send)
                return
            response = replace(answer, headers=(*answer.headers, response.headers[-1]))
        if response.damage is None:
            await self._send(response, receive, send)
        else:
            breaking = Breaking(world, transport, receive, send)
            await breaking.carry_out(response, response.damage, _headers(response))

    async def _read(
        self, world: World, headers: Mapping[str, str], receive: Receive, sending: Sending | None
    ) -> tuple[Body, list[Blob]]:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body") and not message.get("body"):
            return NO_BODY, []
        reader = BodyReader(headers.get("content-type", ""), world.blobs)
        try:
            while message["type"] == "http.request":
                reader.feed(piece := message.get("body", b""))
                if sending is not None:
                    await sending.took(len(piece))
                if not message.get("more_body"):
                    return reader.finish(), reader.blobs
                message = await receive()
            raise ClientGone
        except BaseException as error:
            reader.abandon()
            self._unpin(world, reader.blobs)
            # Whoever still sends hears no answer.
            while isinstance(error, NoPlace) and message["type"] == "http.request" and message.get("more_body"):
                message = await receive()
            raise

    def _unpin(self, world: World, blobs: list[Blob]) -> None:
        # Under the lock: a run in another thread may be about to need the very same bytes.
        with world.lock:
            for blob in blobs:
                world.blobs.unpin(blob, needed=world.sim.files.needs)

    async def _send(self, response: Response, receive: Receive, send: Send) -> None:
        headers = _headers(response)
        if response.chunks is None:
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": response.content})
            return
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        gone = asyncio.ensure_future(receive())
        try:
            for chunk in response.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                # Lets the loop notice that the client has gone; asyncio logs every write to nobody.
                await asyncio.sleep(0)
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


def _sending(world: World, request: Request) -> Sending | None:
    """What looks at a request while it comes, where any fault may strike it then."""
    if not world.while_sent(request):
        return None
    from wiro_mock.sending import Sending  # most servers strike nothing

    return Sending(world, request)


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    # The length in a 304 would be that of the file, not of its missing content (RFC 9110 §8.6).
    if response.chunks is None and response.status != 304 and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(response.content)).encode()))
    return headers


def header_map(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name; several of one name joined by a comma, as Node joins them."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def raw_path(scope: Scope) -> str:
    """The path as it came, percent-encoded and without the query."""
    raw: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw is None else raw.decode("latin-1")


def origin(scope: Scope, headers: Mapping[str, str], world: World) -> str:
    """The origin of a request or an upgrade, as URLs in its answer are to have it."""
    scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
    host, port = scope.get("server") or ("127.0.0.1", 80)
    own = f"[{host}]" if ":" in host else host
    return origin_of(
        scheme, headers.get("host", ""), fallback=f"{scheme}://{own}:{port}", public_url=world.settings.public_url
    )
