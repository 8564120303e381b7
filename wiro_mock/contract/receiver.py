"""A receiver of webhooks on this machine, while its block runs: what services that are on it can reach."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

LONGEST = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A request that came: its content type, and its JSON, or None; its path, its headers by their names in small
    letters, and when it came, in seconds.
    """

    contenttype: str
    json: Any
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0


@dataclass
class Receiver:
    """Answers every POST with 200, and keeps it. `port` is a free one unless it is given; `now` is in seconds."""

    port: int = 0
    now: Callable[[], float] = time.monotonic
    posts: list[Post] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(min(int(self.headers.get("content-length") or 0), LONGEST))
                headers = {name.lower(): value for name, value in self.headers.items()}
                kind = headers.get("content-type", "")
                post = Post(contenttype=kind, json=_json(data), path=self.path, headers=headers, at=receiver.now())
                with receiver._came:
                    receiver.posts.append(post)
                    receiver._came.notify_all()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return  # nothing on stderr

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
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

    def wait(self, seconds: float, enough: Callable[[Sequence[Post]], bool] = bool) -> None:
        """Until enough has come, or so long."""
        with self._came:
            self._came.wait_for(lambda: enough(self.posts), seconds)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
