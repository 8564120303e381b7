"""Requests and answers on their way: bodies within bounds, and the headers of one connection left behind."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from wiro_mock.api.jsontext import loads
from wiro_mock.recorder.follower import MOST

HOP: Final = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailers",
    "transfer-encoding", "upgrade", "host", "expect", "content-length", "content-encoding", "accept-encoding",
})  # fmt: skip
"""Headers that are of one connection (RFC 9110 §7.6.1), and those that httpx makes."""
OURS: Final = HOP | {"date"}
"""Headers of an answer that our own server writes."""
ADDRESSES: Final = frozenset({"location", "content-location"})
CODINGS: Final = "gzip, deflate"
"""Of bodies, that are read without another library."""


def refused(status: int, why: str) -> Response:
    """An answer of the recorder's own, in the form of Wiro's."""
    return JSONResponse({"result": False, "errors": [{"code": 0, "message": f"wiro-mock record: {why}"}]}, status)


async def body_of(request: Request) -> bytes:
    """All of a request's body. Raises `ValueError` where it is too long, `ClientDisconnect` where it isn't whole: the
    half of an upload is no run.
    """
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MOST:
            raise ValueError
    request._body = bytes(data)
    return bytes(data)


async def parameters_of(request: Request) -> dict[str, object]:
    """What a Run asks for, without its files."""
    if "json" in request.headers.get("content-type", "json"):
        found = parsed(await request.body())
        return found if isinstance(found, dict) else {}
    with suppress(Exception):  # a body that nobody can read is the upstream's to refuse
        async with request.form() as form:  # its files are closed, or their disposal would be a warning in a test
            return {name: value for name, value in form.items() if isinstance(value, str)}
    return {}


async def fields_of(request: Request) -> dict[str, object] | None:
    """All that was sent; None where files were among it."""
    if "json" not in request.headers.get("content-type", "json"):
        with suppress(Exception):
            async with request.form() as form:
                if not all(isinstance(value, str) for value in form.values()):
                    return None
    return await parameters_of(request)


async def parts_of(request: Request) -> list[dict[str, object]]:
    """What was sent in a form, as HAR has it: texts by their values, files by their names, types and sizes."""
    found: list[dict[str, object]] = []
    with suppress(Exception):
        for name, value in (await request.form()).multi_items():
            if isinstance(value, str):
                found.append({"name": name, "value": value})
            else:
                kind = value.content_type or ""
                found.append({"name": name, "fileName": value.filename, "contentType": kind, "_size": value.size or 0})
    return found


def parsed(text: str | bytes) -> object:
    """The value of a JSON text; None where it is none, or is nested so deep that nobody could write it again."""
    with suppress(ValueError):
        return loads(text)
    return None


def forwarded(headers: Headers) -> list[tuple[bytes, bytes]]:
    """A client's headers for the upstream, byte by byte, without those of the connection, and what this calls so."""
    left = HOP | {name.strip().lower() for one in headers.getlist("connection") for name in one.split(",")}
    return [(name, value) for name, value in headers.raw if name.decode("latin-1").lower() not in left]


def no_cookies() -> CookieJar:
    """Keeps none: those of one client must not go along with another's requests."""
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


def what_broke(error: httpx.HTTPError) -> str:
    """What the upstream did, as the end of a sentence."""
    if isinstance(error, httpx.DecodingError):
        return "sent a body that is not in the coding that its header names"
    if isinstance(error, httpx.ConnectError):
        return f"cannot be reached ({str(error).partition(' (_ssl')[0][:200]})"
    return f"broke the connection ({type(error).__name__})"


async def pieces_of(
    answer: httpx.Response, *, raw: bool = False, broke: Callable[[httpx.HTTPError], None] | None = None
) -> AsyncGenerator[bytes]:
    """An answer's body as it comes, decoded unless it is wanted `raw`; `broke` is told what ends it before its end."""
    try:
        async for piece in answer.aiter_raw() if raw else answer.aiter_bytes():
            yield piece
    except httpx.HTTPError as error:
        if broke:
            broke(error)
        raise
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


def with_headers(
    response: Response, answer: httpx.Response, *, raw: bool = False, to_ours: Callable[[str], str] = str
) -> Response:
    """The answer with the upstream's headers, several of one name too; `to_ours` changes the addresses in them."""
    for name, value in answer.headers.multi_items():
        if name.lower() == "content-type":
            response.headers[name] = value
        elif name.lower() not in OURS or (raw and name.lower() == "content-encoding"):
            response.headers.append(name, to_ours(value) if name.lower() in ADDRESSES else value)
    length, is_plain = answer.headers.get("content-length"), raw or "content-encoding" not in answer.headers
    if isinstance(response, StreamingResponse) and length is not None and is_plain:
        response.headers["content-length"] = length
    return response


def without_length(response: Response) -> Response:
    """The answer, of any length: in what streams the addresses are changed on the way."""
    del response.headers["content-length"]
    return response
