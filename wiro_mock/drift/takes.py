"""A take: the requests that a client made, what was answered, and the frames of its tasks. Pure values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

from wiro_mock.recorder.observed import Seen

Shown: TypeAlias = Literal["none", "unknown key", "key", "missigned", "signed"]
"""How a request showed its key."""


class _Absent(Enum):
    """Of one value, which stays the same when it is copied."""

    ABSENT = 0


ABSENT: Final = _Absent.ABSENT
"""Stands for an answer that there is none of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file in a form: the field's name, its own, its type and its size. Its bytes nobody has kept."""

    name: str
    filename: str
    contenttype: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form with files in it."""

    fields: Mapping[str, Any]
    files: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its answer. `call` is the path below the base URL, such as `Task/Detail`; `at` is in seconds.

    `answer` is a JSON value, or `ABSENT` where the answer is no JSON or there is none; `where` says where it is from.
    Where `method` is GET or HEAD a file was fetched: `call` is its URL, `asked` and `headers` are those of the request
    and of the answer, by their names in small letters.
    """

    call: str
    body: Any
    status: int
    answer: Any
    shown: Shown = "signed"
    at: float = 0.0
    where: str = ""
    method: str = "POST"
    asked: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_file(self) -> bool:
        """Whether this is a file that was fetched."""
        return self.method != "POST"

    @property
    def operation(self) -> str:
        """The operation's name: all runs are one, and all synchronous ones."""
        if self.call.startswith("Run/"):
            return "Run" if self.call.count("/") == 2 else "Run/sync"
        return self.call

    @property
    def error(self) -> tuple[Any, Any]:
        """Code and message of the first error; None for what is not there."""
        errors = self.answer.get("errors") if isinstance(self.answer, dict) else None
        first = errors[0] if isinstance(errors, list) and errors else None
        return (first.get("code"), first.get("message")) if isinstance(first, dict) else (None, None)

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks in the answer."""
        listed = self.answer.get("tasklist") if isinstance(self.answer, dict) else None
        return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []

    @property
    def run_id(self) -> str:
        """The id of the task, if this is a run that was taken on."""
        if self.operation != "Run" or not isinstance(self.answer, dict) or not self.answer.get("taskid"):
            return ""
        return str(self.answer["taskid"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook that was posted: of which task, when (microseconds, on the clock of the frames), its headers by their
    names in small letters, its JSON (`ABSENT` where it is none), and the status that it was answered with.
    """

    task: str
    at: int
    headers: Mapping[str, str]
    body: Any
    answered: int = 200
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What was asked, in that order, and the frames of each task by its id; `loose` are frames of no task.

    `hooks` are the webhooks that came, in that order; `awaited` says of which tasks they would have been seen, and
    until when one listened (microseconds).

    A task of `followed` was listened to from its begin; of any other, frames may be missing without fault.
    `skipped` says what could not be read, or compared. Of a scenario (`is_scenario`), only a part of what its run was
    given is known.
    """

    name: str
    exchanges: tuple[Exchange, ...] = ()
    streams: Mapping[str, tuple[Seen, ...]] = field(default_factory=dict)
    loose: tuple[Mapping[str, Any], ...] = ()
    followed: frozenset[str] = frozenset()
    hooks: tuple[Hook, ...] = ()
    awaited: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    is_scenario: bool = False

    def runs(self) -> Iterator[Exchange]:
        """The runs that were taken on."""
        return (one for one in self.exchanges if one.run_id)


def task_in(body: Any) -> Mapping[str, Any]:
    """The task that a webhook tells of, in a `tasklist` or bare; empty for none."""
    listed = body.get("tasklist", [body]) if isinstance(body, dict) else None
    found = listed[0] if isinstance(listed, list) and listed else None
    return found if isinstance(found, dict) else {}
