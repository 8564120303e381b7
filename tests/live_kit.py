"""What the tests with real sockets share: a running server over a world, clients of it, and raw bytes."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from tests import process_kit
from tests.api_kit import CAPTION, make_world, signed
from wiro_mock import protocols, server
from wiro_mock.admin import Access
from wiro_mock.api.jsontext import loads
from wiro_mock.asgi import create_app
from wiro_mock.mock import World
from wiro_mock.pump import Pump
from wiro_mock.server import ServerThread

PATIENCE = process_kit.PATIENCE
# httpx's own patience is 5 s, and a busy machine may take as long to answer a first request.
get = partial(httpx.get, timeout=PATIENCE, trust_env=False)
post = partial(httpx.post, timeout=PATIENCE, trust_env=False)


class Live:
    """A running server over a world, with an HTTP client and everything that was told to the tester."""

    def __init__(self, world: World, thread: ServerThread, told: list[str], pumps: dict[str, Pump]) -> None:
        self.world = world
        self.thread = thread
        self.told = told
        self.pumps = pumps
        self.http = httpx.Client(base_url=thread.url, trust_env=False, timeout=PATIENCE)

    @property
    def pump(self) -> Pump:
        return self.pumps["pump"]

    def post(self, path: str, fields: object) -> Any:
        """A signed POST of a JSON body; the answer's JSON."""
        return self.http.post(path, json=fields, headers=signed()).json()

    def run(self, path: str = CAPTION, **fields: Any) -> tuple[str, str]:
        """Take on a run; its id and its token."""
        answer = self.post(path, fields)
        assert answer["result"] is True, answer
        return answer["taskid"], answer["socketaccesstoken"]

    def detail(self, task_id: str) -> dict[str, Any]:
        (task,) = self.post("/v1/Task/Detail", {"taskid": task_id})["tasklist"]
        return dict(task)

    def admin(self, path: str, fields: object = None) -> Any:
        """GET of a resource of the control API, or POST of fields to it; the answer's JSON."""
        answer = self.http.get(f"/__wiro{path}") if fields is None else self.http.post(f"/__wiro{path}", json=fields)
        return answer.json()

    @contextmanager
    def socket(self, path: str = "/v1", *tokens: str) -> Iterator[Listener]:
        """An open socket that has been welcomed, and has registered these tokens."""
        url = f"ws://{self.thread.netloc}{path}"
        with connect(url, proxy=None, compression=None, max_size=None, open_timeout=PATIENCE) as connection:
            listener = Listener(connection)
            if self.world.profile.welcome:
                assert listener.text() == '{"type":"connected","version":"1.0"}'
            listener.register(*tokens)
            yield listener

    def frames_of(self, token: str) -> list[dict[str, Any]]:
        """All frames of a task up to its terminal one, on a socket of its own."""
        with self.socket("/v1", token) as listener:
            return listener.until_end()

    def is_clean(self) -> bool:
        """Whether nobody is left who follows anything."""
        return not self.world._watchers and not self.pump.followers and not self.pump.awaited and not self.pump.behind

    def check_clean(self) -> None:
        """Nobody is left, soon."""
        eventually(self.is_clean)

    def check_healthy(self) -> None:
        """A whole run still works, over HTTP and the socket, and leaves nothing behind."""
        _, token = self.run()
        if self.world.clock.mode == "auto":
            assert self.frames_of(token)[-1]["type"] == "task_postprocess_end"
        self.check_clean()


class Listener:
    """A client of the socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def register(self, *tokens: str) -> None:
        for token in tokens:
            self.say({"type": "task_info", "tasktoken": token})

    def say(self, value: object) -> None:
        self.connection.send(json.dumps(value))

    def text(self) -> str:
        text = self.connection.recv(PATIENCE)
        assert isinstance(text, str)
        return text

    def frame(self) -> dict[str, Any]:
        frame = loads(self.text())
        assert isinstance(frame, dict)
        return frame

    def until(self, kind: str) -> list[dict[str, Any]]:
        """The frames up to the first of this type."""
        frames = [self.frame()]
        while frames[-1]["type"] != kind:
            frames.append(self.frame())
        return frames

    def until_end(self) -> list[dict[str, Any]]:
        """The frames up to a terminal one."""
        frames = [self.frame()]
        while frames[-1]["type"] not in ("task_postprocess_end", "task_cancel"):
            frames.append(self.frame())
        return frames

    def check_silence(self) -> None:
        """Nothing more is on its way: the next thing that comes is the answer to a message without a token."""
        self.say({"type": "task_info"})
        assert self.frame()["message"] == "tasktoken-required"


def pings_to(listener: Listener) -> list[bytes]:
    """What the server pings this client with, from now on; the client's library answers as before."""
    pings: list[bytes] = []
    protocol = listener.connection.protocol
    receive = protocol.recv_frame

    def note(frame: Frame) -> None:
        if frame.opcode is Opcode.PING:
            pings.append(bytes(frame.data))
        receive(frame)

    protocol.recv_frame = note  # type: ignore[method-assign]
    return pings


@contextmanager
def live(world: World | None = None, *, access: Access | None = None, **settings: Any) -> Iterator[Live]:
    """A server over this world, or over one with these settings (in virtual time that jumps by itself)."""
    told: list[str] = []
    made = world or make_world(**{"time": "auto", **settings})
    made.teller = told.append
    app = create_app(made, access=access)
    with ServerThread(app) as thread:
        running = Live(made, thread, told, app.state.pumps)
        try:
            yield running
        finally:
            running.http.close()
    made.close()


def wait_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a server that waits for a tick of uvicorn's, or for what a client has not read, waits for ever."""

    async def never_tick(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(uvicorn.Server, "main_loop", never_tick)
    monkeypatch.setattr(protocols, "UNREAD_SECONDS", 3600.0)
    monkeypatch.setattr(server, "PONG_SECONDS", 3600.0)


def eventually(is_so: Callable[[], object], patience: float = PATIENCE) -> None:
    """Return as soon as it is so; fail when it does not come to be."""
    end = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.002)


def raw(netloc: tuple[str, int], *pieces: bytes) -> socket.socket:
    """A connection on which these bytes were sent."""
    sock = socket.create_connection(netloc, timeout=PATIENCE)
    for piece in pieces:
        sock.sendall(piece)
    return sock


def everything(sock: socket.socket) -> bytes:
    """All that comes until the other side closes; a reset is an error."""
    received = b""
    with sock:
        while data := sock.recv(1 << 16):
            received += data
    return received


def reset(sock: socket.socket) -> None:
    """Close with a TCP reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


UPGRADE = (
    b"GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def text_frame(text: bytes) -> bytes:
    """A masked text frame as a client sends it (mask of zeros)."""
    assert len(text) < 126
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


class Hooks:
    """A target for webhooks: it keeps what was posted, and answers what it is told to answer."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.posts: list[tuple[dict[str, str], bytes, str]] = []
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hooks.posts.append(({k.lower(): v for k, v in self.headers.items()}, body, self.path))
                answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the base class's
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128  # of its usual five, many posts at once would be reset
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"


def answer_with(status: int = 200, body: bytes = b'{"ok":true}', **headers: str) -> Callable[[Any], None]:
    """An answer of a target."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@contextmanager
def hooks(answer: Callable[[Any], None] | None = None) -> Iterator[Hooks]:
    """A running target."""
    target = Hooks(answer or answer_with())
    thread = threading.Thread(target=target.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield target
    finally:
        target.server.shutdown()
        target.server.server_close()
        thread.join()


def hook_of(running: Live, task_id: str) -> dict[str, Any]:
    """The task's webhook as the control API shows it, once its fate is known."""

    def found() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = running.admin("/webhooks")["webhooks"]
        return [hook for hook in listed if hook["task"] == task_id and hook["state"] != "waiting"]

    eventually(found)
    return found()[0]


def fate(running: Live, url: str) -> dict[str, Any]:
    """What became of the webhook of a run with this callbackUrl."""
    return hook_of(running, running.run(callbackUrl=url)[0])


def opened(running: Live, speech: bytes, headers: bytes = b"") -> tuple[socket.socket, bytes]:
    """A raw socket on which the upgrade was answered and something said, and what was received so far."""
    sock = raw((running.thread.host, running.thread.port), UPGRADE + headers + b"\r\n")
    received = b""
    while b"\r\n\r\n" not in received:
        received += sock.recv(1)
    sock.sendall(speech)
    return sock, received
