"""A JSON value against a documented shape, field by field: where they differ, and how.

The shapes are the TypedDicts of `wiro_mock.shapes`. Knows nothing of HTTP, of promises or of the mock: the contract
suite holds answers against it, and the drift report recordings. (pydantic would refuse these TypedDicts before Python
3.12, and of a union it tells of every member; here the nearest member is the one that is told of.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, TypeAlias, Union, get_args, get_origin, get_type_hints, is_typeddict

Kind: TypeAlias = Literal["missing", "renamed", "new", "type", "value"]
_NAMES = {
    str: "a string", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null",
    list: "a list", dict: "an object",
}  # fmt: skip
SHOWN = 160
"""Characters of a value that are shown."""
SIMILAR = 0.6
"""How alike two names are, from 0 to 1, before one is taken for the other's new spelling. Ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where a value is not as documented.

    `path` is as in `tasklist[0].outputs[1].size`, empty for the whole value; `shape` and `field` name the documented
    field. A field that is `new` is no contradiction: everything documented is there.
    """

    path: str
    kind: Kind
    expected: str
    got: str
    shape: str
    field: str

    @property
    def is_new(self) -> bool:
        """Whether it is an addition, and breaks nothing."""
        return self.kind == "new"


def differences(value: object, shape: Any, *, path: str = "") -> list[Difference]:
    """Where a value, as `json.loads` gives it, differs from a type: a TypedDict, or a list or union of such.

    What differs in the same way in several items of a list is told once, of the first.
    """
    found: dict[tuple[str, Kind], Difference] = {}
    for one in _compared(value, shape, path, _Place("", "")):
        found.setdefault((re.sub(r"\[\d+\]", "[]", one.path), one.kind), one)
    return list(found.values())


def shown(value: object) -> str:
    """A JSON value in one short line."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def told(shape: Any) -> str:
    """A type in words, such as `a string or null`."""
    if shape is Any:
        return "any value"
    if get_origin(shape) is Literal:
        return " or ".join(shown(value) for value in get_args(shape))
    if get_origin(shape) in (Union, UnionType):
        return " or ".join(dict.fromkeys(told(member) for member in get_args(shape)))
    if get_origin(shape) is list:
        return "a list"
    if get_origin(shape) is dict or is_typeddict(shape):
        return "an object"
    return _NAMES.get(shape, str(shape))


@cache
def fields_of(shape: Any) -> Mapping[str, tuple[Any, bool]]:
    """The fields of a TypedDict: the type of each, and whether it is always there."""
    hints = get_type_hints(shape, include_extras=True)
    return {
        name: (get_args(hint)[0], False) if get_origin(hint) is NotRequired else (hint, True)
        for name, hint in hints.items()
    }


@dataclass(frozen=True, slots=True)
class _Place:
    """The documented field that is being looked at."""

    shape: str
    field: str


def _compared(value: object, shape: Any, path: str, at: _Place) -> Iterator[Difference]:
    if shape is Any:
        return
    origin = get_origin(shape)
    if origin in (Union, UnionType):
        yield from _nearest(value, get_args(shape), shape, path, at)
    elif is_typeddict(shape) and isinstance(value, dict):
        yield from _object(value, shape, path)
    elif origin is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _compared(item, get_args(shape)[0], f"{path}[{index}]", at)
    elif origin is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from _compared(item, get_args(shape)[1], _under(path, key), at)
    elif origin is Literal:
        if not any(value == one and type(value) is type(one) for one in get_args(shape)):
            yield _difference("value" if _kinds_agree(value, shape) else "type", value, shape, path, at)
    elif not _is_a(value, shape):
        yield _difference("type", value, shape, path, at)


def _nearest(value: object, members: tuple[Any, ...], whole: Any, path: str, at: _Place) -> list[Difference]:
    """The differences from the member that comes nearest; where none has the value's own kind, one for the union."""
    tries = [list(_compared(value, member, path, at)) for member in members]
    best = min(tries, key=lambda found: sum(not one.is_new for one in found))
    if any(one.path == path and one.kind == "type" for one in best):
        return [_difference("type", value, whole, path, at)]
    return best


def _object(value: dict[str, Any], shape: Any, path: str) -> Iterator[Difference]:
    fields, name = fields_of(shape), shape.__name__
    new = {key: item for key, item in value.items() if key not in fields}
    missing = [field for field, (_, required) in fields.items() if required and field not in value]
    least = 0.0 if len(missing) == len(new) == 1 else SIMILAR  # one gone and one come: it has another name
    for field, (kind, required) in fields.items():
        at, under = _Place(name, field), _under(path, field)
        if field in value:
            yield from _compared(value[field], kind, under, at)
        elif required:
            spelt = _respelt(field, kind, new, least)
            new.pop(spelt, None)
            got = f"no such field, but {_under(path, spelt)}" if spelt else "no such field"
            how: Kind = "renamed" if spelt else "missing"
            yield Difference(path=under, kind=how, expected=told(kind), got=got, shape=name, field=field)
    for key, item in new.items():
        yield Difference(
            path=_under(path, key), kind="new", expected="no such field", got=shown(item), shape=name, field=key
        )


def _respelt(field: str, kind: Any, new: Mapping[str, Any], least: float) -> str:
    """The undocumented field that a missing one seems to have become; empty for none."""

    def alike(key: str) -> float:
        one, other = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (field, key))
        return 1.0 if one == other else SequenceMatcher(None, one, other).ratio()

    fitting = [key for key, item in new.items() if not any(_compared(item, kind, "", _Place("", "")))]
    best = max(fitting, key=alike, default="")
    return best if best and alike(best) >= least else ""


def _difference(kind: Kind, value: object, shape: Any, path: str, at: _Place) -> Difference:
    return Difference(path=path, kind=kind, expected=told(shape), got=_with_kind(value), shape=at.shape, field=at.field)


def _with_kind(value: object) -> str:
    """A value, said to be what it is where the value alone might be misread."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return shown(value)
    if isinstance(value, int | float):
        return f"the number {shown(value)}"
    return f"{'a list' if isinstance(value, list) else 'an object'}: {shown(value)}"


def _is_a(value: object, kind: Any) -> bool:
    if kind in (int, float):
        return not isinstance(value, bool) and isinstance(value, int if kind is int else int | float)
    return kind in _NAMES and isinstance(value, kind)


def _kinds_agree(value: object, literal: Any) -> bool:
    return any(type(value) is type(one) for one in get_args(literal))


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
