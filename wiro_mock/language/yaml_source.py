"""YAML without its traps: plain data, and the line and column of everything in it.

Built on the events of PyYAML's parser (the one in C where it exists), not on its constructors: a key `on` stays
text, and so do `1:30`, `012` and dates; only null, true, false and plain decimal numbers are anything else.
Duplicate keys, tags, recursive and exploding aliases are complaints. Nothing here recurses, so no document can
exhaust the stack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

Path: TypeAlias = tuple[str | int, ...]
"""Where something stands: keys and indices from the document's root."""
Place: TypeAlias = tuple[int, int]
"""Line and column, from 1."""

LARGEST = 1 << 20
MOST_NODES = 50_000
DEEPEST = 40

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_CONSTANTS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong with the YAML itself."""

    place: Place
    message: str


@dataclass(slots=True)
class Document:
    """One document: its data, and where each value and each key in it stands."""

    place: Place
    data: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)

    def place_of(self, path: Path, *, key: bool = False) -> Place:
        """The place of the value (or of the key) at this path, or of the nearest thing around it."""
        if key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, self.place)


def read_documents(text: str) -> tuple[list[Document], list[Trouble]]:
    """The documents of a YAML text that are whole and not empty, and what is wrong with it."""
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except _Stop as stop:
        reader.troubles.append(stop.trouble)
    except yaml.YAMLError as error:
        reader.troubles.append(_syntax(error, text))
    whole = reader.documents[: reader.ended]
    return [document for document in whole if document.data is not None], reader.troubles


class _Stop(Exception):
    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.trouble = Trouble(place, message)


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is being read."""

    data: Any
    path: Path
    anchor: str | None
    count: int
    key: str | None = None


class _Reader:
    def __init__(self) -> None:
        self.documents: list[Document] = []
        self.troubles: list[Trouble] = []
        self.ended = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def take(self, event: yaml.Event) -> None:
        """One event further."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._anchors, self._count = {}, 0
        elif isinstance(event, yaml.DocumentEndEvent):
            self.ended = len(self.documents)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            closed = self._open.pop()
            if closed.anchor:
                self._anchors[closed.anchor] = (closed.data, self._count - closed.count)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = _place(event.start_mark)
        if event.tag not in _TEXT_TAGS:
            raise _Stop(place, f"the tag {event.tag} is not understood here; write plain YAML")
        plain = bool(event.implicit[0]) and event.tag is None
        if any("\ud800" <= char <= "\udfff" for char in event.value):
            raise _Stop(place, "half of a surrogate pair is not a character; write the character itself")
        if self._awaits_key():
            self._key(event.value, place)
        else:
            self._put(_resolved(event.value) if plain else event.value, place, event.anchor)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place, name = _place(event.start_mark), event.anchor
        if any(name == frame.anchor for frame in self._open):
            raise _Stop(place, f"*{name} stands inside &{name} itself; a thing cannot contain itself, write it out")
        if name not in self._anchors:
            raise _Stop(place, f"*{name} has no &{name} before it; define it first, or write the value out")
        if self._awaits_key():
            raise _Stop(place, f"*{name} stands where a key is expected; write the key out")
        value, count = self._anchors[name]
        self._count += count
        self._put(value, place, None)

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        place = _place(event.start_mark)
        if event.tag not in (None, "!"):
            raise _Stop(place, f"the tag {event.tag} is not understood here; write plain YAML")
        if self._awaits_key():
            raise _Stop(place, "a key is a word, not a list or a mapping; values with braces need quotes")
        if len(self._open) >= DEEPEST:
            raise _Stop(place, f"more than {DEEPEST} levels deep; no scenario needs that")
        data: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        before = self._count
        path = self._put(data, place, None)
        self._open.append(_Open(data=data, path=path, anchor=event.anchor, count=before))

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].data, dict) and self._open[-1].key is None

    def _key(self, key: str, place: Place) -> None:
        frame = self._open[-1]
        path = (*frame.path, key)
        if key in frame.data:
            line = self.documents[-1].keys[path][0]
            self.troubles.append(Trouble(place, f"{key}: stands here and in line {line}; keep one of the two"))
        frame.key = key
        self.documents[-1].keys[path] = place

    def _put(self, value: Any, place: Place, anchor: str | None) -> Path:
        self._count += 1
        if self._count > MOST_NODES:
            raise _Stop(place, f"more than {MOST_NODES} values once aliases are expanded; write less")
        if anchor:
            self._anchors[anchor] = (value, 1)
        path = self._attach(value, place)
        self.documents[-1].values[path] = place
        return path

    def _attach(self, value: Any, place: Place) -> Path:
        if not self._open:
            self.documents.append(Document(place=place, data=value))
            return ()
        frame = self._open[-1]
        if isinstance(frame.data, list):
            frame.data.append(value)
            return (*frame.path, len(frame.data) - 1)
        assert frame.key is not None
        path = (*frame.path, frame.key)
        frame.data[frame.key] = value
        frame.key = None
        return path


class _Whole(int):
    written: str


class _Decimal(float):
    written: str


def _resolved(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _WHOLE.fullmatch(text):
        return _number(int, _Whole, text)
    return _number(float, _Decimal, text) if _DECIMAL.fullmatch(text) else text


def _number(kind: Any, remembering: Any, text: str) -> Any:
    """The number; with its spelling, where it has one of its own (`1.50`, `+5`)."""
    value = kind(text)
    if str(value) != text:
        value = remembering(text)
        value.written = text
    return value


def _place(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1


def _offender(error: yaml.YAMLError, text: str) -> Any:
    """The mark of what has to be mended: what was begun, where the parser found no end of it."""
    mark, begun = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if not mark or not begun:
        return mark or begun
    rest = _LINE_END.split(text)[mark.line :]
    at_the_end = not "".join([rest[0][mark.column :], *rest[1:]] if rest else []).strip()
    return begun if at_the_end or "expected ':'" in str(getattr(error, "problem", "")) else mark


def _syntax(error: yaml.YAMLError, text: str) -> Trouble:
    mark = _offender(error, text)
    if isinstance(error, yaml.MarkedYAMLError) and mark:
        place = _place(mark)
        lines = _LINE_END.split(text)
        line = lines[mark.line] if mark.line < len(lines) else ""
        if "\t" in line[: mark.column + 1]:
            return Trouble(place, "YAML: a tab cannot indent; use spaces")
        return Trouble(place, f"YAML: {error.problem or error.context}; look at the quotes, colons and indentation")
    position = getattr(error, "position", 0)
    before = text[:position] if isinstance(position, int) else ""
    place = before.count("\n") + 1, len(before) - before.rfind("\n")
    return Trouble(place, "YAML: a character that cannot be printed; take it out, or escape it inside double quotes")
