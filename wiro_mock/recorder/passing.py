"""Requests and answers on their way: bodies within bounds, and the headers of one connection left behind."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from wiro_mock.recorder.follower import MOST

HOP: Final = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding",
    "upgrade", "host", "content-length", "content-encoding", "accept-encoding",
})  # fmt: skip
"""Headers that are of one connection (RFC 9110 §7.6.1), and those that httpx makes."""
CODINGS: Final = "gzip, deflate"
"""Of bodies, that are read without another library."""


def refused(status: int, why: str) -> Response:
    """An answer of the recorder's own, in the form of Wiro's."""
    return JSONResponse({"result": False, "errors": [{"code": 0, "message": f"wiro-mock record: {why}"}]}, status)


async def body_of(request: Request) -> bytes:
    """All of a request's body. Raises `ValueError` where it is too long."""
    data = bytearray()
    with suppress(ClientDisconnect):
        async for piece in request.stream():
            data += piece
            if len(data) > MOST:
                raise ValueError
    request._body = bytes(data)
    return bytes(data)


async def parameters_of(request: Request) -> dict[str, object]:
    """What a Run asks for, without its files."""
    if "json" in request.headers.get("content-type", "json"):
        with suppress(ValueError):
            found = json.loads(await request.body())
            return found if isinstance(found, dict) else {}
        return {}
    with suppress(Exception):  # a body that nobody can read is the upstream's to refuse
        return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    return {}


async def fields_of(request: Request) -> dict[str, object] | None:
    """All that was sent; None where files were among it."""
    if "json" not in request.headers.get("content-type", "json"):
        with suppress(Exception):
            if not all(isinstance(value, str) for value in (await request.form()).values()):
                return None
    return await parameters_of(request)


def parsed(text: str) -> object:
    """The value of a JSON text; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


async def pieces_of(answer: httpx.Response, *, raw: bool = False) -> AsyncIterator[bytes]:
    """An answer's body as it comes, decoded unless it is wanted `raw`."""
    try:
        async for piece in answer.aiter_raw() if raw else answer.aiter_bytes():
            yield piece
    finally:
        await answer.aclose()


async def gathered(pieces: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """What comes, and whether that is all; no more than is kept of anything."""
    data = bytearray()
    async for piece in pieces:
        data += piece
        if len(data) > MOST:
            return bytes(data), False
    return bytes(data), True


async def joined(data: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What has come and what comes."""
    yield data
    async for piece in pieces:
        yield piece


def with_headers(response: Response, answer: httpx.Response, *, raw: bool = False) -> Response:
    """The answer with the upstream's headers, several of one name too."""
    for name, value in answer.headers.multi_items():
        if name.lower() == "content-type":
            response.headers[name] = value
        elif name.lower() not in HOP or (raw and name.lower() == "content-encoding"):
            response.headers.append(name, value)
    length, is_plain = answer.headers.get("content-length"), raw or "content-encoding" not in answer.headers
    if isinstance(response, StreamingResponse) and length is not None and is_plain:
        response.headers["content-length"] = length
    return response
