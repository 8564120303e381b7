"""The socket client of the suite: opens, registers, and keeps what comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Literal, Self

from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from wiro_mock.contract.client import dumped, is_own
from wiro_mock.contract.promise import Trouble, Unmet

ENDS = ("task_postprocess_end", "task_cancel")
"""The frames that close a task (socket.md §1.4 no. 4)."""
STATUSES = (
    "task_queue", "task_accept", "task_preprocess_start", "task_preprocess_end", "task_assign", "task_start",
    "task_output", "task_output_full", "task_error", "task_error_full", "task_end", "task_postprocess_start",
    "task_postprocess_end", "task_cancel",
)  # fmt: skip
"""What the documentation says that a task's status can be (rest.md §4.1), realtime sessions aside."""
WELCOME = "socket.welcome"


class Listener:
    """An open socket while its block runs. Raises `Trouble` where there is none."""

    def __init__(self, url: str, *, patience: float, on_frame: Callable[[dict[str, Any]], None] | None = None) -> None:
        self._url = url
        self._on_frame = on_frame
        self._patience = patience
        self._open = ExitStack()
        self._connection: ClientConnection
        self.is_closed = False
        """Whether the other side has closed it in order."""

    def __enter__(self) -> Self:
        proxy: Literal[True] | None = None if is_own(self._url) else True
        try:
            opening = connect(self._url, max_size=None, open_timeout=self._patience, close_timeout=2, proxy=proxy)
            self._connection = self._open.enter_context(opening)
        except (OSError, InvalidHandshake, InvalidURI, EOFError) as error:
            raise Trouble(f"{self._url} cannot be reached: {str(error) or type(error).__name__}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def say(self, message: object) -> None:
        """Send a JSON message."""
        try:
            self._connection.send(dumped(message))
        except ConnectionClosed as error:
            raise Trouble(f"{self._url}: the connection broke: {error}") from None

    def register(self, token: str) -> None:
        """Ask for the frames of a task."""
        self.say({"type": "task_info", "tasktoken": token})

    def frame(self, patience: float | None = None) -> dict[str, Any] | None:
        """The next text frame; None if nothing comes in time, or nothing more will. Raises `Unmet` for what is none,
        which the welcome has told first, `Trouble` where the connection breaks, or nobody is at its other end.
        """
        try:
            while isinstance(text := self._connection.recv(patience or self._patience), bytes):
                pass
        except TimeoutError:
            self._is_alive()
            return None
        except ConnectionClosedOK:
            self.is_closed = True
            return None
        except ConnectionClosed as error:
            raise Trouble(f"{self._url}: the connection broke: {error}") from None
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            raise Unmet(WELCOME, "a frame that is JSON", f"a frame of {len(text)} characters that is none") from None
        if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
            raise Unmet(WELCOME, "a frame that is an object with a type", f"the frame {text[:160]!r}")
        if self._on_frame:
            self._on_frame(frame)
        return frame

    def _is_alive(self) -> None:
        """Whoever has nothing to say answers a ping all the same. Raises `Trouble` where nobody does."""
        try:
            answered = self._connection.ping().wait(self._patience)
        except ConnectionClosed as error:
            raise Trouble(f"{self._url}: the connection broke: {error}") from None
        if not answered:
            raise Trouble(f"{self._url}: no frame within {self._patience:g} s, and no answer to a ping")

    def until_end(self) -> list[dict[str, Any]]:
        """The frames up to the one that closes the task, or as many as came."""
        frames: list[dict[str, Any]] = []
        while frame := self.frame():
            frames.append(frame)
            if frame["type"] in ENDS:
                break
        return frames
