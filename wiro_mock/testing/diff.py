"""The runs that were asked for, taken on or refused, and what differs between one of them and an expected one.

A run is compared as a YAML match compares it: a value as text; but `==` goes first, so that `mock.ANY` and
dirty-equals say what they mean. Bytes are compared with the bytes of a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from wiro_mock.journal import Exchange
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.orders import OWN_FIELDS
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.texts import value_text
from wiro_mock.mock import World
from wiro_mock.testing.era import present
from wiro_mock.testing.sequences import tasks
from wiro_mock.testing.views import FileView, Task
from wiro_mock.text import printable

MISSING = object()
"""Stands for a parameter that was not given; an expected None means the same."""
LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A run that was asked for. `request` is its id in the journal, empty once it is forgotten there; `task` is None
    where it was refused, or where the task is forgotten.
    """

    model: Model
    parameters: Mapping[str, object]
    request: str = ""
    task: Task | None = None
    refusal: str = ""

    @property
    def name(self) -> str:
        """`req-3 (task 223113)`, as far as both are known."""
        task = f"task {self.task.id}" if self.task else ""
        return f"{self.request} ({task})" if self.request and task else self.request or task

    def differences(self, model: str, wanted: Mapping[str, object]) -> list[str]:
        """The names of what differs; `model` is among them when the model does."""
        names = [] if self.model.fits(model) else ["model"]
        return names + [name for name, value in wanted.items() if not same(value, self.parameters.get(name, MISSING))]

    def table(self, model: str, wanted: Mapping[str, object]) -> Iterator[str]:
        """A line for every field, what differs with a mark at its beginning."""
        different = self.differences(model, wanted)
        names = ["model", *wanted, *(name for name in self.parameters if name not in wanted)]
        width = max(map(len, names)) + 4
        yield _row("model", width, model, self.model.name, is_same="model" not in different)
        for name in names[1:]:
            actual = shown(self.parameters.get(name, MISSING))
            if name in wanted:
                yield _row(name, width, shown(wanted[name]), actual, is_same=name not in different)
            else:
                yield f"    {name:{width}}{actual} (not asked about)"


def calls(world: World) -> list[Call]:
    """Every run that was asked for, oldest first, as far as the world remembers."""
    era = present(world)
    with era.settled():
        views = {task.id: task for task in tasks(world)}
        asked = [exchange for exchange in era.exchanges() if exchange.outcome.operation in ("Run", "Run/sync")]
        found = [_call(world, exchange, views.pop(exchange.outcome.task_id, None)) for exchange in asked]
        return [*(_of_task(task, "") for task in views.values()), *found]


def same(expected: object, actual: object) -> bool:
    """Whether a parameter is as expected."""
    if actual is MISSING:
        return expected is None
    digest = _digest(actual)
    if isinstance(expected, bytes) and digest:
        return hashlib.sha256(expected).hexdigest() == digest
    if isinstance(actual, FileView) and isinstance(expected, str):
        return expected in (actual.name, actual.url)
    if bool(expected == actual):
        return True
    if isinstance(expected, list | tuple) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    plain = str | int | float | Decimal
    return isinstance(expected, plain) and isinstance(actual, plain) and value_text(expected) == value_text(actual)


def shown(value: object) -> str:
    """A value on one line, cut."""
    if value is MISSING:
        return "nothing"
    if isinstance(value, FileView):
        return f"the file {value.name!r} ({value.size} bytes)"
    if isinstance(value, bytes) and len(value) > 40:
        return f"{value[:40]!r}… ({len(value)} bytes)"
    text = printable(repr(value))
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def model_of(world: World, exchange: Exchange) -> Model:
    """The model that a Run's path names, whether there is one or not."""
    owner, _, slug = exchange.path.removeprefix("/v1/Run/").partition("/")
    try:
        return world.model(unquote(owner), unquote(slug))
    except Refusal:
        return Model(id="", owner=unquote(owner), slug=unquote(slug), kind="text", cps=Decimal(0))


def _row(name: str, width: int, expected: str, actual: str, *, is_same: bool) -> str:
    if is_same:
        return f"    {name:{width}}{actual}"
    return f"  ! {name:{width}}expected {expected}, got {actual}"


def _call(world: World, exchange: Exchange, task: Task | None) -> Call:
    if task is not None:
        return _of_task(task, exchange.id)
    outcome, fields = exchange.outcome, exchange.fields
    parameters = {name: value for name, value in fields.items() if name not in OWN_FIELDS}
    reason = f" ({outcome.reason})" if outcome.reason else ""
    refusal = f"code {outcome.code} {outcome.message!r}{reason}" if outcome.code is not None else ""
    return Call(model=model_of(world, exchange), parameters=parameters, request=exchange.id, refusal=refusal)


def _of_task(task: Task, request: str) -> Call:
    return Call(model=task._job.model, parameters=task.parameters, request=request, task=task)


def _digest(value: Any) -> str:
    """The SHA-256 of a file, be it a view or what the journal says of it."""
    if isinstance(value, FileView):
        return value.sha256
    is_told = isinstance(value, dict) and value.keys() == {"file", "size", "sha256", "contenttype"}
    return str(value["sha256"]) if is_told else ""
