"""Clients that wish for HTTP/2 where there is no TLS, as Java's does by itself (`Upgrade: h2c`): they are served by
HTTP/1.1, with either parser, and nothing of theirs is lost.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import uvicorn.protocols.http.auto as uvicorn_auto
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.process_kit import PATIENCE
from wiro_mock import WiroMock
from wiro_mock.asgi import create_app
from wiro_mock.server import ServerThread

WISH = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
BODY = b'{"taskid": "5"}'
CHUNKS = b"5\r\n" + BODY[:5] + b"\r\na\r\n" + BODY[5:] + b"\r\n0\r\n\r\n"
LENGTH, CHUNKED = b"content-length: %d\r\n" % len(BODY), b"transfer-encoding: chunked\r\n"


@pytest.fixture(scope="module", params=["h11", "installed"])
def thread(request: pytest.FixtureRequest) -> Iterator[ServerThread]:
    """A server with either parser, whose project works by key only."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "h11":
            patch.setattr(uvicorn_auto, "AutoHTTPProtocol", H11Protocol)
        with WiroMock(key_only=True, api_key="k") as wiro, ServerThread(create_app(wiro.world)) as made:
            yield made


def post(framing: bytes, wish: bytes = WISH) -> bytes:
    """The head of a poll."""
    head = b"POST /v1/Task/Detail HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\ncontent-type: application/json\r\n"
    return head + wish + framing + b"\r\n"


def answers(thread: ServerThread, pieces: list[bytes], number: int) -> bytes:
    """So many answers to what is sent in these pieces, on one connection."""
    with socket.create_connection((thread.host, thread.port), timeout=PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        for piece in pieces:
            sock.sendall(piece)
        while received.count(b"}]}") + received.count(b"true}") < number:
            data = sock.recv(1 << 16)
            assert data, received
            received += data
        return received


@pytest.mark.parametrize(
    "pieces",
    [
        [post(LENGTH) + BODY],
        [post(LENGTH), BODY],
        [post(LENGTH)[:-3], post(LENGTH)[-3:] + BODY[:4], BODY[4:]],
        [post(CHUNKED) + CHUNKS],
        [post(CHUNKED), CHUNKS[:9], CHUNKS[9:]],
    ],
    ids=["at once", "then the body", "in three", "in chunks", "chunks apart"],
)
def test_the_body_is_read_and_the_connection_lives_on(thread: ServerThread, pieces: list[bytes]) -> None:
    """The poll is of the task that it names; so are the next ones on the connection, with the wish and without."""
    more = [post(LENGTH) + BODY, post(LENGTH, b"") + BODY]
    received = answers(thread, [*pieces, *more], 3)
    assert received.count(b'"message":"There is no task yet."') == 3, received


def test_without_a_body_too(thread: ServerThread) -> None:
    """As curl's `--http2` does it."""
    asked = b"GET /__wiro/ready HTTP/1.1\r\nhost: localhost\r\n" + WISH + b"\r\n"
    received = answers(thread, [asked, asked], 2)
    assert received.count(b"HTTP/1.1 200") == 2
