"""What a promise is, and the four ways in which a check of one can end other than well.

`Broken` counts against the service. `Unmet`, `NotVerified` and `Trouble` do not: the promise could not be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from wiro_mock.sources import Source

if TYPE_CHECKING:
    from wiro_mock.contract.service import Service

Cost: TypeAlias = Literal["free", "reads", "runs a model", "leaves a file", "runs a dearer model"]
AREAS = ("auth", "catalogue", "runs", "tasks", "files", "socket")
BY_WISH = ("uploads", "sync", "webhooks", "language", "sessions")
"""Areas that are checked only where they are named: they take runs of their own, or leave something."""
Level: TypeAlias = Literal["upstream new", "documentation differs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise. `check` returns when it held; `needs` are the promises without which it says nothing.

    `cost` is `free` where no account is looked at, `reads` where one is, `runs a model` (or `a dearer model`) where
    that costs money, `leaves a file` where nobody can promise that what it uploads can be deleted.
    """

    area: str
    check: Callable[[Service], None]
    cost: Cost
    source: Source
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it is reported, such as `auth.wrong_signature`."""
        return f"{self.area}.{self.check.__name__.removeprefix('check_')}"

    @property
    def about(self) -> str:
        """The promise in a sentence or two."""
        return " ".join((self.check.__doc__ or "").split())


class Broken(Exception):
    """The promise did not hold: what was expected, and what came."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class Unmet(Exception):
    """The promise rests on another one, named here, that is broken: what that one expects, and what came instead."""

    def __init__(self, need: str, expected: str = "", got: str = "") -> None:
        super().__init__(need)
        self.expected = expected or f"what {need} promises"
        self.got = got or "something else"


class NotVerified(Exception):
    """There was no occasion to look at the promise; the text says why."""


class Trouble(Exception):
    """The service could not be asked: unreachable, too slow, rate-limited, or something else answers in its place."""


class RateLimited(Trouble):
    """It would not be asked so often: whatever it was asked for, it has not done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is worth telling of a promise that held. `subject` is the same for the same thing met elsewhere."""

    level: Level
    subject: str
    text: str


def expect(expected: object, got: object, *, what: str) -> None:
    """Both are equal, of the same type, or the promise is broken. `what` names the field or the status."""
    from wiro_mock.contract.compare import shown

    if expected != got or type(expected) is not type(got):
        raise Broken(f"{what} {shown(expected)}", f"{what} {shown(got)}")


def field(value: Any, name: str, kind: type, *, told_by: str) -> Any:
    """A field of an answer that another promise speaks for; `Unmet` names that one if the field isn't as it says."""
    from wiro_mock.contract.compare import shown, told

    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        raise Unmet(told_by, f"{name}: {told(kind)}", f"{name} {shown(found)}")
    return found
