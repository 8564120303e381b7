"""A client of Wiro as its documentation teaches it, for the demo: HTTP and a WebSocket, and nothing of ours.

What it does is what your own client has to do.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect

TERMINAL = ("task_postprocess_end", "task_cancel")
"""After these frames nothing follows (rest.md §4.1)."""
PATIENCE = 15.0
"""Seconds without a frame, after which something is wrong."""
TICK = 0.1
"""Seconds between two looks at the view, while no frame comes."""

Frame = dict[str, Any]


class Trouble(Exception):
    """The other side did not do what it should."""


class Client:
    """The HTTP half. Proxies of the environment are not asked: the server is on this machine."""

    def __init__(self, url: str, socket_url: str, key: str, secret: str) -> None:
        self.url = url
        self.socket_url = socket_url
        self._key = key
        self._secret = secret
        self._http = httpx.Client(trust_env=False, timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def signature(self) -> tuple[str, str]:
        """A nonce, and its signature: key and secret have their places exchanged, and that is right (rest.md §1.2)."""
        nonce = str(int(time.time()))
        message = (self._secret + nonce).encode()
        return nonce, hmac.new(self._key.encode(), message, hashlib.sha256).hexdigest()

    def run(
        self, model: str, name: str, picture: bytes, parameters: dict[str, str], signed: tuple[str, str]
    ) -> dict[str, Any]:
        """Upload a picture and run a model on it, in one request."""
        files = {"inputImage": (name, picture, "image/png")}
        return self._post(f"/v1/Run/{model}", signed, data=parameters, files=files)

    def detail(self, token: str) -> dict[str, Any]:
        """The task as it is now."""
        answer = self._post("/v1/Task/Detail", self.signature(), json={"tasktoken": token})
        task: dict[str, Any] = answer["tasklist"][0]
        return task

    def download(self, url: str) -> str:
        """The text of a file."""
        return self._http.get(url).raise_for_status().text

    def follow(self) -> Follower:
        """A connection to the socket."""
        return Follower(self.socket_url)

    def _post(self, path: str, signed: tuple[str, str], **body: Any) -> dict[str, Any]:
        headers = {"x-api-key": self._key, "x-nonce": signed[0], "x-signature": signed[1]}
        answer = self._http.post(self.url + path, headers=headers, **body)
        shape: dict[str, Any] = answer.json()
        if not shape["result"]:
            raise Trouble(f"POST {path} was refused: {shape['errors']}")
        return shape


class Follower:
    """The socket half: registers for one task, and hands on its frames until its end."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._open = ExitStack()
        # A socket of our own is never led through a proxy of the environment.
        own = socket.create_connection((parts.hostname, parts.port))
        # Entered rather than kept: used otherwise, websockets warns from 17.1 on.
        self._socket: ClientConnection = self._open.enter_context(connect(url, sock=own))
        self._began = 0.0
        self.registration = ""
        self.seen: list[tuple[float, Frame]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def first(self) -> Frame:
        """The welcome."""
        return self._parsed(self._socket.recv(timeout=PATIENCE))

    def register(self, token: str) -> None:
        """Ask for the frames of a task; the clock of the timeline starts here."""
        self.registration = json.dumps({"type": "task_info", "tasktoken": token})
        self._socket.send(self.registration)
        self._began = time.monotonic()

    def frames(self, while_waiting: Callable[[float], None]) -> Iterator[tuple[float, Frame]]:
        """Every frame with the seconds since the registration, to the last. Calls back ten times a second."""
        heard = time.monotonic()
        while time.monotonic() - heard < PATIENCE:
            while_waiting(time.monotonic() - self._began)
            try:
                text = self._socket.recv(timeout=TICK)
            except TimeoutError:
                continue
            heard = time.monotonic()
            self.seen.append((heard - self._began, self._parsed(text)))
            yield self.seen[-1]
            if self.seen[-1][1]["type"] in TERMINAL:
                return
        raise Trouble(f"no frame came for {PATIENCE:.0f} seconds")

    @staticmethod
    def _parsed(text: str | bytes) -> Frame:
        frame: Frame = json.loads(text)
        return frame
