"""What is asked of the control API: the keys and values of a request, each read or refused with the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from wiro_mock.kernel.account import usd
from wiro_mock.kernel.events import SECOND
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.mock import World

Answer: TypeAlias = tuple[int, object]
Handler: TypeAlias = Callable[[World, Mapping[str, Any], Mapping[str, str]], Answer]
"""Takes the world, the JSON body, and query and path parameters together; gives a status and JSON, or a `Download`."""


class Mistake(Exception):
    """A request to the control API that cannot be met; the message says why and what would help."""


def only(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raises `Mistake` for a key that is none of these."""
    if unknown := [name for name in body if name not in known]:
        way = did_you_mean(unknown[0], known, what="the keys here") if known else "there are none here"
        raise Mistake(f"unknown key {unknown[0][:60]!r}; {way}")


def only_query(query: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Raises `Mistake` for a parameter of the query that is none of these."""
    if unknown := [name for name in query if name not in known]:
        raise Mistake(
            f"unknown parameter {unknown[0][:60]!r}; {did_you_mean(unknown[0], known, what='the parameters here')}"
        )


def text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A text; `default`, where it is not there."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise Mistake(f"{name} is a text, not {str(value)[:60]!r}")
    return value


def truth(body: Mapping[str, Any], name: str) -> bool | None:
    """True or false; None where it is not there."""
    if name in body and not isinstance(body[name], bool):
        raise Mistake(f"{name} is true or false, not {str(body[name])[:60]!r}")
    return body.get(name)


def balance_of(value: object) -> Decimal:
    """An amount in USD."""
    try:
        return usd(value)
    except ValueError as error:
        raise Mistake(f"balance {error}") from None


def number(value: object, name: str) -> float:
    """A number from 0 to a thousand million."""
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1e9:
        raise Mistake(f"{name} is a number from 0, not {str(value)[:60]!r}")
    return found


def duration(value: object) -> int:
    """Microseconds: of seconds, or of a text such as `2m`."""
    if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
        from wiro_mock.language.durations import parse_duration

        return parse_duration(value)
    return int(number(value, "advance") * SECOND)
