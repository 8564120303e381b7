"""Starting, stopping, listening: the server around the app."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.api_kit import CAPTION, make_world, signed
from tests.live_kit import UPGRADE, eventually, everything, get, live, raw, wait_in_vain
from tests.process_kit import PATIENCE
from wiro_mock.asgi import create_app
from wiro_mock.breaking import TRANSPORT
from wiro_mock.server import CannotListen, ServerThread, bind, serve_until_stopped


def test_a_server_starts_and_stops_even_with_connections_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop waits for no tick, no keep-alive, no half-sent upload and no socket; all of them are closed."""
    wait_in_vain(monkeypatch)
    with live() as running:
        netloc = (running.thread.host, running.thread.port)
        running.http.get("/__wiro/ready")
        upload = raw(netloc, b"POST /v1/File/Upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        mute = raw(netloc)
        half = raw(netloc, UPGRADE)
        with running.socket() as listener:
            running.thread.stop()
            with pytest.raises(ConnectionClosed):
                listener.text()
        for sock in (upload, mute, half):
            with sock, suppress(ConnectionResetError):
                assert sock.recv(1000) == b""
        running.thread.stop()


def test_a_server_that_was_never_started_can_be_stopped() -> None:
    """And gives its port back."""
    thread = ServerThread(create_app(make_world()))
    thread.stop()
    with bind(thread.host, thread.port) as again:
        assert again.getsockname()[1] == thread.port


def test_a_stop_leaves_no_thread_and_no_upload_behind() -> None:
    """What a cut-off client had written goes, too."""
    before = threading.active_count()
    with live() as running:
        boundary = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        cut_off = raw(
            (running.thread.host, running.thread.port),
            b"POST /v1/File/Upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 9000000\r\n\r\n" + boundary + b"x" * 3_000_000,
        )
        eventually(lambda: running.world.blobs._folder and list(running.world.blobs._folder.iterdir()))
        folder = running.world.blobs._folder
        assert folder is not None
        running.thread.stop()
        assert not list(folder.iterdir())
        cut_off.close()
    eventually(lambda: threading.active_count() <= before)


def test_two_servers_stand_side_by_side_and_know_nothing_of_each_other() -> None:
    """Each on a port of its own, with a world of its own."""
    with live(seed="a") as one, live(seed="b") as two:
        assert one.run() != two.run()
        assert len(list(one.world.sim.tasks())) == len(list(two.world.sim.tasks())) == 1


def test_two_servers_may_share_a_world() -> None:
    """A task that was run through one is followed through the other, each in its own thread."""
    world = make_world(time="auto", poll=0)
    with live(world) as one, live(world) as two:
        _, token = one.run()
        assert one.frames_of(token) == [
            {**frame, "message": _moved(frame["message"], two.thread.url, one.thread.url)}
            for frame in two.frames_of(token)
        ]


def _moved(message: object, old: str, new: str) -> object:
    return (
        [{**file, "url": file["url"].replace(old, new)} for file in message] if isinstance(message, list) else message
    )


def test_a_port_in_use_is_one_sentence_with_the_way_out() -> None:
    """Also where the other one only means to listen, so that it does not fail later and elsewhere."""
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen) as error:
            bind("127.0.0.1", port)
    text = str(error.value)
    assert text == f"cannot listen on 127.0.0.1:{port}: Address already in use; --port 0 takes a free port"


@pytest.mark.parametrize(
    ("host", "port"), [("no-such-host.invalid", 0), ("192.0.2.1", 0), ("127.0.0.1", 70000), ("a" * 70, 0), ("", -1)]
)
def test_an_address_that_cannot_be_had_is_one_sentence(host: str, port: int) -> None:
    """An unknown name, somebody else's address, no port."""
    with pytest.raises(CannotListen, match="cannot listen on"):
        bind(host, port)


def test_listening_on_ipv6_gives_urls_with_brackets() -> None:
    """And a server that answers there, on both doors."""
    try:
        thread = ServerThread(create_app(make_world()), host="::1")
    except CannotListen:
        pytest.skip("no IPv6 here")
    with thread:
        assert thread.url == f"http://[::1]:{thread.port}"
        assert get(f"{thread.url}/__wiro/ready").status_code == 200
        with connect(thread.socket_url, proxy=None, open_timeout=PATIENCE) as connection:
            assert connection.recv() == '{"type":"connected","version":"1.0"}'


def test_answers_are_not_delayed_by_nagle() -> None:
    """A request takes some 3 ms, and not the 40 that TCP_NODELAY's absence costs (design.md §8)."""
    app, delays = create_app(make_world()), list[int]()

    async def looked_at(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            accepted = scope["state"][TRANSPORT].get_extra_info("socket")
            delays.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await app(scope, receive, send)

    with ServerThread(looked_at) as thread:
        assert thread._socket.proto == socket.IPPROTO_TCP  # asyncio asks for no more; uvloop never delays
        assert get(f"{thread.url}/__wiro/ready").status_code == 200
    assert [delay != 0 for delay in delays] == [True]


def test_a_connection_is_kept_alive_between_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection serves many requests, and is not closed within the pause between two polls."""
    from wiro_mock import server

    request = b"GET /__wiro/ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    assert server.KEEP_ALIVE_SECONDS >= 60
    with live() as running, raw((running.thread.host, running.thread.port)) as sock:
        for _ in range(3):
            sock.sendall(request)
            answer = b""
            while b'"ready"' not in answer:
                answer += sock.recv(4096)
    monkeypatch.setattr(server, "KEEP_ALIVE_SECONDS", 0.05)
    assert server._config(create_app(make_world())).timeout_keep_alive == 0.05  # uvicorn's own are 5 s
    with live() as running:
        assert b'"ready"' in everything(raw((running.thread.host, running.thread.port), request))


def test_a_client_that_expects_100_continue_gets_it_before_its_answer() -> None:
    """As curl asks for it with every larger body."""
    with live() as running, raw((running.thread.host, running.thread.port)) as sock:
        lines = [f"{name}: {value}" for name, value in signed().items()]
        head = [f"POST {CAPTION} HTTP/1.1", "Host: x", "Content-Type: application/json", "Content-Length: 2"]
        sock.sendall("\r\n".join([*head, "Expect: 100-continue", *lines, "", ""]).encode())
        assert sock.recv(1000).startswith(b"HTTP/1.1 100")
        sock.sendall(b"{}")
        received = b""
        while b"socketaccesstoken" not in received:
            received += sock.recv(4096)
        assert received.startswith(b"HTTP/1.1 200")


def test_serve_until_stopped_says_when_it_can_serve_and_ends_when_told() -> None:
    """`ready` is called when a request is answered, and not before; the port is free afterwards."""
    sock = bind("127.0.0.1", 0)
    host, port = sock.getsockname()

    async def life() -> list[int]:
        stop, statuses, begun = asyncio.Event(), [], asyncio.Event()
        app = create_app(make_world())
        serving = asyncio.create_task(serve_until_stopped(app, sock, stop=stop, ready=begun.set))
        await begun.wait()
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            statuses.append((await client.get(f"http://{host}:{port}/__wiro/ready")).status_code)
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await serving
        return statuses

    assert asyncio.run(life()) == [200]
    bind(host, port).close()


def test_a_lifespan_that_fails_is_an_error_of_the_start() -> None:
    """And not a server that never answers."""
    app = create_app(make_world())

    @asynccontextmanager
    async def broken(_: object) -> AsyncIterator[None]:
        if app:
            raise RuntimeError
        yield

    app.router.lifespan_context = broken
    with pytest.raises(RuntimeError, match="could not start"):
        ServerThread(app).start()
