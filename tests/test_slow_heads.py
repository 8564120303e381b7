"""A client that begins a request and does not end it: it is told, and its connection closed, on every kind of port."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn.protocols.http.auto as uvicorn_auto
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.live_kit import UPGRADE, eventually, everything, raw
from tests.reach.reach_kit import reached
from wiro_mock import WiroMock
from wiro_mock.asgi import create_app
from wiro_mock.protocols import HEAD_SECONDS
from wiro_mock.server import ServerThread

READY = b"GET /__wiro/ready HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module", params=["h11", "installed"])
def thread(request: pytest.FixtureRequest) -> Iterator[ServerThread]:
    """A plain server, with either parser."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "h11":
            patch.setattr(uvicorn_auto, "AutoHTTPProtocol", H11Protocol)
        with WiroMock() as wiro, ServerThread(create_app(wiro.world)) as made:
            yield made


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    """A port that is a proxy, too."""
    with reached(tmp_path_factory.mktemp("front")) as one:
        yield one.thread


def protocol_of(one: socket.socket) -> Any:
    """The server's end of a connection, as soon as it is there."""
    found: list[Any] = []

    def is_there() -> bool:
        found[:] = [
            made
            for made in gc.get_objects()
            if hasattr(type(made), "head_is_late")
            and made.transport is not None
            and made.transport.get_extra_info("peername") == one.getsockname()
        ]
        return bool(found)

    eventually(is_there)
    return found[-1]


def timer_of(protocol: Any) -> Any:
    return protocol._late if hasattr(protocol, "_late") else protocol._timer


def come_late(one: socket.socket, thread: ServerThread) -> None:
    """What the timer does when its time has come."""
    protocol, loop = protocol_of(one), thread._loop
    assert loop is not None
    eventually(lambda: timer_of(protocol) is not None)
    assert timer_of(protocol).when() - loop.time() <= HEAD_SECONDS
    loop.call_soon_threadsafe(protocol.head_is_late)


@pytest.mark.parametrize("head", [b"G", READY, b"POST /v1/Run/a/b HTTP/1.1\r\nHost: x\r\ncontent-le"])
def test_half_a_head_is_answered_and_the_connection_closed(thread: ServerThread, head: bytes) -> None:
    """408, once it is late."""
    one = raw((thread.host, thread.port), head)
    protocol = protocol_of(one)
    eventually(lambda: protocol._began)
    come_late(one, thread)
    assert everything(one).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_who_says_nothing_is_let_go_without_a_word(thread: ServerThread) -> None:
    """A client that connected in advance takes an answer for one to its next request."""
    one = raw((thread.host, thread.port))
    come_late(one, thread)
    assert everything(one) == b""


def test_the_next_head_is_watched_as_well(thread: ServerThread) -> None:
    """After a whole request; that one was not late, nor is a request that is at work."""
    one = raw((thread.host, thread.port), READY + b"\r\n")
    answer = b""
    while not answer.endswith(b'{"ready":true}'):
        answer += one.recv(4096)
    protocol = protocol_of(one)
    assert protocol._late is None
    one.sendall(READY)
    come_late(one, thread)
    assert everything(one).startswith(b"HTTP/1.1 408 ")


def test_a_drip_does_not_buy_time(thread: ServerThread) -> None:
    """The clock runs from the first byte of a head, however many come after it."""
    one = raw((thread.host, thread.port), READY)
    protocol = protocol_of(one)
    eventually(lambda: protocol._began)
    timer = protocol._late
    one.sendall(b"X-Drip: 1\r\n" * 3)
    one.sendall(b"X-Last: 1\r\n\r\n")
    assert one.recv(4096).startswith(b"HTTP/1.1 200")
    assert timer.cancelled()
    one.close()


def test_a_body_and_a_socket_are_not_heads(thread: ServerThread) -> None:
    """A slow upload, and a WebSocket that only listens, may take their time."""
    upload = raw((thread.host, thread.port), b"POST /v1/Run/a/b HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\n12")
    protocol = protocol_of(upload)
    eventually(lambda: protocol.cycle is not None and protocol._late is None)
    upload.sendall(b"345")
    assert upload.recv(4096).startswith(b"HTTP/1.1 ")
    upload.close()
    with raw((thread.host, thread.port), UPGRADE) as ws:
        half = protocol_of(ws)
        timer = half._late
        ws.sendall(b"\r\n")
        assert ws.recv(4096).startswith(b"HTTP/1.1 101 ")
        assert timer.cancelled()
        assert half._late is None


@pytest.mark.parametrize(
    "head", [b"CONN", b"CONNECT api.wiro.ai:443 HTTP/1.1\r\nHost: x\r\n", b"GET http://api.wiro.ai/v1"]
)
def test_a_proxy_does_not_wait_either(front: ServerThread, head: bytes) -> None:
    """The same of what it reads itself."""
    one = raw((front.host, front.port), head)
    protocol = protocol_of(one)
    eventually(lambda: bytes(protocol._data) == head)
    come_late(one, front)
    answer = everything(one)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not come to its end in 60 s" in answer


def test_a_proxy_lets_go_who_says_nothing(front: ServerThread) -> None:
    """Before TLS, and after it was handed over, too."""
    silent = raw((front.host, front.port))
    come_late(silent, front)
    with silent, suppress(ConnectionResetError):  # it is let go at once
        assert silent.recv(1) == b""
    half = raw((front.host, front.port), READY)
    eventually(lambda: getattr(protocol_of(half), "_began", False))
    come_late(half, front)
    assert everything(half).startswith(b"HTTP/1.1 408 ")
