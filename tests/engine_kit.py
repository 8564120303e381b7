"""A fake engine: a real HTTP server on loopback that speaks Moondream's protocol, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ("A", " tabby", " cat", " asleep.")
ANSWERS: dict[str, Any] = {
    "detect": {"objects": [{"x_min": 0.1, "y_min": -0.02, "x_max": 0.5, "y_max": 1.01}]},
    "point": {"points": [{"x": 0.25, "y": 0.5}]},
}


@dataclass
class Asked:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: Any


class Exchange:
    """One request and what is done with it."""

    def __init__(self, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        self.asked = asked
        self._handler = handler

    def answer(self, status: int, value: object, kind: str = "application/json", **headers: str) -> None:
        """A whole answer."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.head(status, kind, **{"Content-Length": str(len(data)), **headers})
        self.write(data)

    def head(self, status: int, kind: str, **headers: str) -> None:
        self._handler.send_response(status)
        self._handler.send_header("Content-Type", kind)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()

    def write(self, data: bytes) -> None:
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def event(self, value: object) -> None:
        """One event of a stream."""
        self.write(b"data: " + json.dumps(value).encode() + b"\n\n")

    def wait_for_the_client_to_go(self) -> None:
        """Return when the client closes its side."""
        self._handler.connection.settimeout(10)
        assert self._handler.connection.recv(1) == b""


def well(exchange: Exchange) -> None:
    """As an engine should."""
    skill = exchange.asked.path.rpartition("/")[2]
    if exchange.asked.body["stream"]:
        exchange.head(200, "text/event-stream")
        for word in WORDS:
            exchange.event({"chunk": word})
        exchange.event({"completed": True})
    else:
        exchange.answer(200, ANSWERS[skill])


Conduct = Callable[[Exchange], None]


@dataclass
class Engine:
    """A running fake. Set `conduct` to change what it does from then on."""

    url: str
    conduct: Conduct = well
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def engine(conduct: Conduct = well) -> Iterator[Engine]:
    """A fake engine, while the block runs."""
    made = Engine(url="", conduct=conduct)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.asked.append(Asked(self.path, headers, body))
            self.close_connection = True
            made.conduct(Exchange(self, made.asked[-1]))

        def do_GET(self) -> None:
            made.asked.append(Asked(self.path, dict(self.headers), None))
            self.close_connection = True
            made.conduct(Exchange(self, made.asked[-1]))

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that has gone is what some tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
