"""The log of `serve` and `exec`: a line for each request, and all else that is told, as text or as JSON.

Written by the standard library's `json`: the lines have to go through `Teller`, which never waits for a reader, and
what the libraries for structured logs add to that is handlers, which do. No body is in it, and no header; a credential
that strays into a path was blotted out by the journal.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from wiro_mock.text import printable

if TYPE_CHECKING:
    from wiro_mock.journal import Exchange

Log: TypeAlias = "Callable[[Exchange, str, float], bool]"
"""Takes an exchange, the name of its world, and the seconds the answer took; whether it has told the reason, too."""
HOME = "home"
"""The name of the world that a server has from its start."""


def log_of(kind: str, tell: Callable[[str], None], write: Callable[[str], None]) -> Log:
    """The log of this kind, text or json: text lines are told, those of JSON are written as they are."""

    def as_text(exchange: Exchange, world: str, seconds: float) -> bool:
        tell(text_line(exchange, world, seconds))
        return False

    def as_json(exchange: Exchange, world: str, seconds: float) -> bool:
        write(dumps(shape_of(exchange, world, seconds)))
        return True

    return as_json if kind == "json" else as_text


def text_line(exchange: Exchange, world: str, seconds: float) -> str:
    """The exchange on one line: its id, what was asked, the status, and then what it was about."""
    outcome = exchange.outcome
    about = {"task": outcome.task_id, "world": world, "rule": outcome.scenario}
    words = [f"{name}={value}" for name, value in about.items() if value]
    words.append(f"ms={seconds * 1000:.1f}")
    line = f"{exchange.id} {exchange.method} {exchange.path} {exchange.status} {' '.join(words)}"
    return printable(line)


def shape_of(exchange: Exchange, world: str, seconds: float) -> dict[str, Any]:
    """The exchange as JSON values. `rule` is the scenario that the request chose, `ms` what the answer took,
    without what a fault lets it wait; `virtual_time` is the instant by the world's clock.
    """
    outcome = exchange.outcome
    refused = outcome.code is not None or bool(outcome.reason)
    return {
        **_stamp("warning" if refused else "info", f"{exchange.method} {exchange.path} {exchange.status}"),
        "request": exchange.id,
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status,
        "operation": outcome.operation or None,
        "task": outcome.task_id or None,
        "world": world or HOME,
        "rule": outcome.scenario or None,
        "code": outcome.code,
        "reason": outcome.reason or None,
        "ms": round(seconds * 1000, 3),
        "virtual_time": exchange.at / 1_000_000,
    }


class Libraries(logging.Handler):
    """What libraries log, and Python's own warnings, as JSON: without it, they would write text between the objects.

    As a context manager it listens from warnings upwards, at the root.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._write = write

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        logging.captureWarnings(capture=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.captureWarnings(capture=False)
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a traceback is a text in it."""
        shape = _stamp(record.levelname.lower(), record.getMessage()) | {"logger": record.name}
        if record.exc_info:
            shape["trace"] = logging.Formatter().formatException(record.exc_info)
        self._write(dumps(shape))


def told(line: str) -> str:
    """A line for the tester as JSON."""
    return dumps(_stamp("warning", line))


def dumps(shape: dict[str, Any]) -> str:
    """One line in ASCII: what is no text on its own is an escape, so every reader can read it."""
    return json.dumps(shape, ensure_ascii=True, allow_nan=False)


def _stamp(level: str, message: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": now, "level": level, "message": message}
