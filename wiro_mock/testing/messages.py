"""What was said between a client and a world: requests with their answers, and frames on sockets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wiro_mock.api import jsontext
from wiro_mock.journal import Exchange
from wiro_mock.kernel.events import SECOND
from wiro_mock.socket_log import SocketFrame
from wiro_mock.testing.era import Era
from wiro_mock.text import printable


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A request and its answer. `id` is what the answer's header `x-wiro-mock-request-id` says."""

    _era: Era
    id: str
    _exchange: Exchange = field(compare=False)

    @property
    def at(self) -> float:
        """When it was answered: unix seconds on the world's clock."""
        return self._exchange.at / SECOND

    @property
    def method(self) -> str:
        """`GET`, `POST` …; `SOCKET` for what was said on a socket and could not be used."""
        return self._exchange.method

    @property
    def path(self) -> str:
        """The path, without the query."""
        return self._exchange.path

    @property
    def operation(self) -> str:
        """The operation's name, such as `Task/Detail`; empty where there is none."""
        return self._exchange.outcome.operation

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return self._exchange.status

    @property
    def code(self) -> int | None:
        """Wiro's error code; None where the request was not refused."""
        return self._exchange.outcome.code

    @property
    def message(self) -> str:
        """Wiro's sentence, where the request was refused."""
        return self._exchange.outcome.message

    @property
    def reason(self) -> str:
        """Why, in words for the tester."""
        return self._exchange.outcome.reason

    @property
    def task(self) -> str:
        """The id of the task that it was about; empty where there is none."""
        return self._exchange.outcome.task_id

    @property
    def fields(self) -> dict[str, Any]:
        """What was sent; long values are cut, files are told of by name, size and digest."""
        return dict(self._exchange.fields)

    @property
    def signed(self) -> str:
        """How it showed its key: `signed`, `key-only`, `wrong`, `missing`, `public`, `off`, or nothing."""
        return self._exchange.signed

    @property
    def unexpected(self) -> bool:
        """Whether nothing here answers to such a request."""
        return self._exchange.outcome.unexpected

    @property
    def json(self) -> Any:
        """The answer, parsed; None where it is no JSON, or longer than 64 KiB."""
        return parsed(self._exchange.answer)

    def __repr__(self) -> str:
        return line(self._era, f"<Request {self.id} {told(self._exchange)}>")


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """A frame on a socket. `direction` is `out` for what the client received, `in` for what it said."""

    _era: Era
    id: int
    _frame: SocketFrame = field(compare=False)

    @property
    def at(self) -> float:
        """When it was sent: unix seconds on the world's clock."""
        return self._frame.at / SECOND

    @property
    def socket(self) -> int:
        """The number of its connection; they are counted from 1."""
        return self._frame.socket

    @property
    def direction(self) -> str:
        """`in` or `out`, seen from the server."""
        return self._frame.direction

    @property
    def task(self) -> str:
        """The id of the task that it names; empty where there is none."""
        return self._frame.task_id

    @property
    def type(self) -> str:
        """Its type, such as `task_output`."""
        return self._frame.type

    @property
    def text(self) -> str:
        """The frame itself, up to 64 KiB; of a binary one, the beginning in hex."""
        return self._frame.text

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._frame.size

    @property
    def json(self) -> Any:
        """The frame, parsed; None where it is no JSON."""
        return parsed(self._frame.text)

    def __repr__(self) -> str:
        way = "to" if self.direction == "out" else "from"
        text = self.text if len(self.text) <= 80 else f"{self.text[:79]}…"
        return line(self._era, f"<Frame {self.id} {way} socket {self.socket}: {text}>")


def told(exchange: Exchange) -> str:
    """A request and its answer on one line, without its id."""
    outcome = exchange.outcome
    refused = f" code {outcome.code} {outcome.message!r}" if outcome.code is not None else ""
    task = f" (task {outcome.task_id})" if outcome.task_id else ""
    return printable(f"{exchange.method} {exchange.path[:200]} -> {exchange.status}{refused}{task}")


def parsed(text: str | bytes) -> Any:
    """The value of a JSON text; None for anything else."""
    try:
        return jsontext.loads(text) if text else None
    except ValueError:
        return None


def line(era: Era, text: str) -> str:
    """The text on one line, without any credential."""
    return printable(era.clean(text))
