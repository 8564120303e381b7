"""Steps in the words of the YAML again, each in its shortest form: what a scenario's `repr` shows.

What is spelt here means the same when it is read again. Only a `file` is not: it is shown by its path.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from wiro_mock.kernel.events import Duration
from wiro_mock.language.durations import format_duration, parse_duration, parse_rate
from wiro_mock.language.produce import SourceFile
from wiro_mock.language.steps import StepItem, step_kinds


def step_words(item: StepItem) -> str | dict[str, Any]:
    """One item of `steps`: `"accept"`, `{"exit": 0}`, `{"print": {"text": "A cat.", "after": "1s"}}`."""
    keys = _words(item.step)
    return shortest(item.name, keys) if keys or step_kinds()[item.name].least else item.name


def shortest(name: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    """The step of this name with these keys, in its short form (`{"start": "1s"}`) where there is one."""
    shorthand = step_kinds()[name].shorthand
    return {name: keys[shorthand] if keys.keys() == {shorthand} else dict(keys)}


@functools.cache
def times_of(name: str) -> Mapping[str, Duration]:
    """The keys of a step that are times, as they are spelt, with their defaults in microseconds."""
    fields = step_kinds()[name].model_fields
    return {field.alias or key: field.default for key, field in fields.items() if _is_read_by(parse_duration, field)}


def _words(model: BaseModel) -> dict[str, Any]:
    """What was written of a model, under the keys as they are spelt."""
    fields = type(model).model_fields
    given = {key: field for key, field in fields.items() if key in model.model_fields_set}
    return {field.alias or key: _value(getattr(model, key), field) for key, field in given.items()}


def _value(value: Any, field: FieldInfo) -> Any:
    if _is_read_by(parse_duration, field):
        return format_duration(value)
    if _is_read_by(parse_rate, field):
        return f"{value:.3f}".rstrip("0").rstrip(".") + "tps"
    if isinstance(value, SourceFile):
        return str(value.path)
    if isinstance(value, list):
        return [_words(item) if isinstance(item, BaseModel) else item for item in value]
    return _words(value) if isinstance(value, BaseModel) else value


def _is_read_by(reader: object, field: FieldInfo) -> bool:
    return any(getattr(part, "func", None) is reader for part in field.metadata)
