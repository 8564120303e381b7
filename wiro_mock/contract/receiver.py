"""A receiver of webhooks on this machine, while its block runs: what services that are on it can reach."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

LONGEST = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A request that came: its content type, and its JSON, or None."""

    contenttype: str
    json: Any


@dataclass
class Receiver:
    """Answers every POST with 200, and keeps it."""

    posts: list[Post] = field(default_factory=list)
    _came: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(min(int(self.headers.get("content-length") or 0), LONGEST))
                receiver.posts.append(Post(contenttype=self.headers.get("content-type", ""), json=_json(data)))
                self.send_response(200)
                self.end_headers()
                receiver._came.set()

            def log_message(self, *_: object) -> None:
                return  # nothing on stderr

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/webhook"

    def wait(self, seconds: float) -> None:
        """Until something has come, or so long."""
        self._came.wait(seconds)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
