"""Values as lines of JSON, and back: a closed set of types, each checked; nothing in a line can make anything else run.

A line is an array of items, each a value of a type with fields, or a long text: its number, counted from the beginning,
is its name, by which later items refer to it. What is shared in memory is so written once, and shared again when it is
read: ten thousand tasks hold one model. Inside an item, JSON's own values are what they are in Python, but that an
array is a tuple; whatever else there is stands in an object whose only key is `!`: a number refers to an item, a pair
names a type and tells what the value is made of. Before the first value of a type stand the names of its fields, so
that a type which has got a field since, with a default, is read all the same.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from operator import attrgetter
from types import NoneType
from typing import Any

from wiro_mock.kernel.texts import Growing, Rope
from wiro_mock.snapshot.hints import Check, checks_of
from wiro_mock.snapshot.trouble import SnapshotError

MARK = "!"
LONG = 200
"""A text of more characters is an item of its own, which all that share it refer to."""
ITEMS, HEAVY = 100, 1 << 20
"""So many items are in a line; fewer, where they come to so many characters."""
_INLINE = frozenset({int, bool, float, NoneType})
_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_loads = json.JSONDecoder().decode


class Types:
    """The closed set: classes with fields (dataclasses) and enums, by their names."""

    def __init__(self, *types: type) -> None:
        self.by_name = {one.__name__: one for one in types}
        if len(self.by_name) != len(types):
            raise ValueError("two of the types have one name")
        self.names = {one: one.__name__ for one in types}
        self.fields = {one: tuple(field.name for field in fields(one)) for one in types if is_dataclass(one)}
        self.getters = {one: _getter(names) for one, names in self.fields.items()}
        self._checks: dict[type, Mapping[str, Check]] = {}

    def checks(self, kind: type) -> Mapping[str, Check]:
        """What each field of a class has to be."""
        if kind not in self._checks:
            self._checks[kind] = checks_of(kind, self.by_name)
        return self._checks[kind]


class Writer:
    """Values → lines, each given to `emit`. All values must stay as they are until the last line has been made."""

    def __init__(self, types: Types, emit: Callable[[str], object]) -> None:
        self._types = types
        self._emit = emit
        self._places: dict[int, int] = {}
        self._kept: list[object] = []  # so that no other value gets the id of one that is gone
        self._told: set[type] = set()
        self._items: list[Any] = []
        self._weight = 0

    def write(self, root: object) -> None:
        """The lines of a value with fields: its parts first, and itself as the last item."""
        self._item_of(root)
        self._flush()

    def _plain(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return value if len(value) <= LONG else self._reference(value)
        if value is None or kind is int or kind is bool or kind is float:
            return value
        if kind is tuple:
            return [self._plain(item) for item in value]
        if kind is dict:
            return self._dict(value)
        if kind in self._types.fields or kind is Growing:
            return self._reference(value)
        return {MARK: self._named(value, kind)}

    def _dict(self, value: dict[Any, Any]) -> Any:
        if all(type(key) is str for key in value) and MARK not in value:
            return {key: self._plain(item) for key, item in value.items()}
        return {MARK: ["dict", [[self._plain(key), self._plain(item)] for key, item in value.items()]]}

    def _named(self, value: Any, kind: type) -> list[Any]:
        if kind is Decimal:
            return ["Decimal", str(value)]
        if kind is Rope:
            return ["Rope", self._plain(str(value))]
        if kind is bytes:
            self._weight += len(value)
            return ["bytes", base64.b64encode(value).decode()]
        if kind is list:
            return ["list", [self._plain(item) for item in value]]
        if kind is frozenset:
            return ["frozenset", [self._plain(item) for item in sorted(value)]]
        if isinstance(value, Enum) and kind in self._types.names:
            return [kind.__name__, value.value]
        raise SnapshotError(
            f"a snapshot cannot hold a {kind.__module__}.{kind.__name__}, which is somewhere in this world; "
            "this is a mistake in wiro_mock itself"
        )

    def _reference(self, value: Any) -> dict[str, int]:
        place = self._places.get(id(value))
        return {MARK: self._item_of(value) if place is None else place}

    def _item_of(self, value: Any) -> int:
        kind = type(value)
        if kind is str or kind is Growing:
            text = str(value)
            item: list[Any] = ["", text]
            self._weight += len(text)
        else:
            item = [kind.__name__]
            for part in self._types.getters[kind](value):
                # Written out for the most frequent kinds: this is half of the time of a snapshot.
                item.append(part if type(part) in _INLINE else self._plain(part))
            if kind not in self._told:
                self._told.add(kind)
                self._items.append({"type": kind.__name__, "fields": self._types.fields[kind]})
        self._items.append(item)
        place = self._places[id(value)] = len(self._kept)
        self._kept.append(value)
        if len(self._items) >= ITEMS or self._weight > HEAVY:
            self._flush()
        return place

    def _flush(self) -> None:
        items, self._items, self._weight = self._items, [], 0
        self._emit(_dumps(items))


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads the fields of a value, all in one go."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


@dataclass(slots=True)
class _Shape:
    """A type as the file tells of it: the names of the fields in the file, and what makes a value."""

    make: Callable[..., object]
    names: list[str]
    checks: list[Check]


class Reader:
    """Lines → values. Raises `SnapshotError` for whatever a writer cannot have made."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._made: list[object] = []
        self._shapes: dict[str, _Shape] = {}

    def read(self, lines: Iterable[bytes], root: type) -> Any:
        """The value of the last item, which has to be of this type."""
        value: object = None
        for number, line in enumerate(lines, 1):
            try:
                for item in _loads(line.decode()):
                    value = self._item(item)
            except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, RecursionError) as error:
                raise SnapshotError(f"is damaged: line {number} of its world cannot be read: {_told(error)}") from None
        if not isinstance(value, root):
            raise SnapshotError("is damaged: its world does not come to its end")
        return value

    def _item(self, item: Any) -> object:
        if isinstance(item, dict):
            self._shape(item)
            return None
        name, *values = item
        if name == "":
            (value,) = values
            if not isinstance(value, str):
                raise ValueError("a text is none")
        else:
            shape = self._shapes[name]
            given = {}
            for field, check, one in zip(shape.names, shape.checks, values, strict=True):
                read = self._value(one) if type(one) is dict or type(one) is list else one
                if not check(read):
                    raise ValueError(f"{name}.{field} cannot be {str(read)[:60]!r}")
                given[field] = read
            value = shape.make(**given)
        self._made.append(value)
        return value

    def _shape(self, item: dict[str, Any]) -> None:
        name, names = item["type"], list(item["fields"])
        kind = self._types.by_name[name]
        known = self._types.fields[kind]
        if unknown := [one for one in names if one not in known]:
            raise ValueError(f"{name} has no field {unknown[0]!r}")
        needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING and f.init]
        if missing := [one for one in needed if one not in names]:
            raise ValueError(f"{name} has to have the field {missing[0]!r}")
        checks = self._types.checks(kind)
        self._shapes[name] = _Shape(kind, names, [checks[one] for one in names])

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind is list:
            return tuple([self._value(item) for item in value])
        if kind is not dict:
            return value
        if MARK not in value:
            return {key: self._value(item) for key, item in value.items()}
        of = value[MARK]
        if type(of) is int and of >= 0:
            return self._made[of]
        name, made_of = of
        return self._named(name, made_of)

    def _text(self, value: Any) -> str:
        text = self._value(value)
        if not isinstance(text, str):
            raise ValueError("a text is none")
        return text

    def _named(self, name: str, made_of: Any) -> object:
        match name:
            case "Decimal":
                return _decimal(made_of)
            case "Rope":
                return Rope(self._text(made_of))
            case "bytes":
                return base64.b64decode(made_of, validate=True)
            case "list":
                return [self._value(item) for item in made_of]
            case "frozenset":
                return frozenset(self._value(item) for item in made_of)
            case "dict":
                return {self._value(key): self._value(item) for key, item in made_of}
            case _:
                kind = self._types.by_name[name]
                if not issubclass(kind, Enum):
                    raise ValueError(f"{name} is no value")
                return kind(made_of)


def _decimal(text: object) -> Decimal:
    if not isinstance(text, str) or len(text) > 10_000:
        raise ValueError("an amount is none")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:60]!r} is no amount") from None


def _told(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | binascii.Error):
        return "it is no JSON"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, KeyError):
        return f"there is no type {str(error)[:60]} here"
    if isinstance(error, IndexError):
        return "it refers to what does not stand before it"
    return str(error)[:200]
