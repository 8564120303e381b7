"""What a service sent against what the mock sent, value by value: pure, and ignorant of where either is from.

A documented shape decides where there is one: what contradicts it, or is in none, differs, whatever the mock did. What
a shape leaves open (a field that may be there, null or a text, any message) is held against the mock's own value.
Values that no two runs share (ids, times, tokens, texts) are compared by their type and their form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin, is_typeddict

from wiro_mock.contract.compare import differences, fields_of, shown

Kind: TypeAlias = Literal["missing", "renamed", "new", "type", "value", "null", "form", "other", "absent", "present"]
"""`absent` and `present` are fields that a shape leaves open, `other` is another of its types; `form` is of texts."""
NOT_MESSAGES: Final = frozenset({"parameters"})
"""Fields whose content is the client's own."""
FLAGS: Final = frozenset({"result", "success", "terminal", "isThinking"})
"""Truths that do not depend on the run."""
_WHOLE, _DECIMAL = re.compile(r"-?\d+"), re.compile(r"-?\d+\.(\d+)")
_NUMBERS: Final = frozenset({
    "id", "taskid", "size", "total", "starttime", "endtime", "createtime", "canceltime", "assigntime", "accepttime",
    "preprocessstarttime", "preprocessendtime", "postprocessstarttime", "postprocessendtime", "addedtime",
    "modifiedtime", "elapsedseconds", "cps", "totalcost", "pexit", "percentage", "stepCurrent", "stepTotal", "speed",
})  # fmt: skip
"""Fields whose texts are numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place where both differ. `path` is as in `tasklist[0].size`; `shape` and `field` name the documented field,
    empty where none is; `mock` and `live` say what either sends, and `value` is what the service sent.
    """

    path: str
    kind: Kind
    mock: str
    live: str
    value: Any = None
    shape: str = ""
    field: str = ""


def compared(mock: object, live: object, shape: Any = Any, *, path: str = "") -> list[Difference]:
    """Where the service's value differs from the shape, or from the mock's. Each place is told once."""
    found = [_of_shape(one, live, path) for one in differences(live, shape, path=path)]
    found = [
        one for one in found if one.kind != "new" or _value_at(mock, _below(one.path, path)) is None
    ]  # the mock's own, too
    told = {one.path for one in found} | {_owner(one) for one in found if one.kind == "renamed"}
    for one in _beyond(mock, live, shape, _At(path, "", "")):
        if one.path not in told:
            told.add(one.path)
            found.append(one)
    once: dict[tuple[str, str], Difference] = {}
    for one in found:
        once.setdefault((re.sub(r"\[\d+\]", "[]", one.path), one.kind), one)
    return list(once.values())


@dataclass(frozen=True, slots=True)
class _At:
    """Where we are: a path, and the documented field."""

    path: str
    shape: str
    field: str

    def under(self, key: str, shape: str = "") -> _At:
        return _At(f"{self.path}.{key}" if self.path else key, shape, key)

    def item(self, index: int) -> _At:
        return _At(f"{self.path}[{index}]", self.shape, self.field)

    def differs(self, kind: Kind, mock: str, live: str, value: object) -> Difference:
        return Difference(
            path=self.path, kind=kind, mock=mock, live=live, value=value, shape=self.shape, field=self.field
        )


def _of_shape(one: Any, live: object, path: str) -> Difference:
    value = _value_at(live, _below(one.path, path))
    return Difference(
        path=one.path, kind=one.kind, mock=one.expected, live=one.got, value=value, shape=one.shape, field=one.field
    )


def _owner(one: Difference) -> str:
    """The path of the new name of a field that was renamed."""
    return one.live.removeprefix("no such field, but ")


def _below(path: str, root: str) -> str:
    return path.removeprefix(root).removeprefix(".")


def _value_at(value: Any, path: str) -> Any:
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _beyond(mock: Any, live: Any, shape: Any, at: _At) -> Iterator[Difference]:
    whole, shape = shape, _member(shape, live)
    if whole is not shape and mock is not None and _member(whole, mock) != shape and isinstance(mock, dict):
        return  # a file there, and a text here
    if whole is not shape and None not in (mock, live) and _type(mock) != _type(live):
        yield at.differs("other", _told(mock), _told(live), live)
    elif is_typeddict(shape):
        if isinstance(mock, dict) and isinstance(live, dict):
            yield from _fields(mock, live, shape, at)
            return
    elif get_origin(shape) is list and isinstance(mock, list) and isinstance(live, list):
        yield from _items(mock, live, get_args(shape)[0], at)
        return
    elif get_origin(shape) is dict:
        return  # its keys are data
    elif shape is Any and isinstance(mock, dict) and isinstance(live, dict):
        yield from _keys(mock, live, at)
        return
    elif shape is Any and isinstance(mock, list) and isinstance(live, list):
        yield from _items(mock, live, Any, at)
        return
    yield from _scalars(mock, live, at, is_open=shape is Any)


def _member(shape: Any, live: object) -> Any:
    """The member of a union that the value is of; the shape itself for any other."""
    if get_origin(shape) not in (Union, UnionType):
        return shape
    if live is None:
        return NoneType
    fitting = [one for one in get_args(shape) if one is not NoneType]
    return min(fitting, key=lambda one: sum(not found.is_new for found in differences(live, one)))


def _fields(mock: dict[str, Any], live: dict[str, Any], shape: Any, at: _At) -> Iterator[Difference]:
    for name, (kind, required) in fields_of(shape).items():
        here = at.under(name, shape.__name__)
        if name in mock and name in live:
            yield from _beyond(mock[name], live[name], kind, here)
        elif name in mock and not required:
            yield here.differs("absent", _told(mock[name]), "no such field", None)
        elif name in live and not required:
            yield here.differs("present", "no such field", _told(live[name]), live[name])
    for name, value in mock.items():
        if name not in live and name not in fields_of(shape):
            yield at.under(name, shape.__name__).differs("missing", _told(value), "no such field", None)


def _keys(mock: dict[str, Any], live: dict[str, Any], at: _At) -> Iterator[Difference]:
    """Two objects of no documented shape: the mock's own keys are the measure."""
    gone = [key for key in mock if key not in live]
    come = [key for key in live if key not in mock]
    if len(gone) == len(come) == 1:
        here = at.under(gone[0])
        yield here.differs(
            "renamed", _told(mock[gone[0]]), f"no such field, but {at.under(come[0]).path}", live[come[0]]
        )
        gone = come = []
    for key in gone:
        yield at.under(key).differs("missing", _told(mock[key]), "no such field", None)
    for key in come:
        yield at.under(key).differs("new", "no such field", _told(live[key]), live[key])
    for key, value in mock.items():
        if key in live and key not in NOT_MESSAGES:
            yield from _beyond(value, live[key], Any, at.under(key))


def _items(mock: list[Any], live: list[Any], shape: Any, at: _At) -> Iterator[Difference]:
    if not mock:
        return
    for index, item in enumerate(live):
        yield from _beyond(mock[min(index, len(mock) - 1)], item, shape, at.item(index))


def _scalars(mock: Any, live: Any, at: _At, *, is_open: bool) -> Iterator[Difference]:
    if (mock is None) != (live is None):
        yield at.differs("null", _told(mock), _told(live), live)
    elif is_open and _type(mock) != _type(live):
        yield at.differs("type", _told(mock), _told(live), live)
    elif isinstance(mock, str) and isinstance(live, str) and at.field in _NUMBERS and _form(mock) != _form(live):
        if _form(mock) and not (at.field == "totalcost" and "0" in (mock, live)):  # what costs nothing says just that
            yield at.differs("form", f"{_form(mock)}, as {shown(mock)}", shown(live), live)
    elif at.field in FLAGS and isinstance(mock, bool) and isinstance(live, bool) and mock != live:
        yield at.differs("value", shown(mock), shown(live), live)


def _form(text: str) -> str:
    """The form of a number in a text; empty for what is none."""
    if _WHOLE.fullmatch(text):
        return "digits in a string"
    if found := _DECIMAL.fullmatch(text):
        return f"{len(found[1])} decimals in a string"
    return ""


def _type(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"


def _told(value: object) -> str:
    """A value, said to be what it is."""
    kind = _type(value)
    return kind if kind == "null" else f"{kind}, {shown(value)}" if not isinstance(value, bool) else shown(value)
