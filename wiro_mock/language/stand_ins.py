"""The timeline of steps that are not all well written, so that every complaint comes at once.

A broken step whose name can be read stands in the timeline as a step of that name. Where it is not certain what
was meant, several readings are tried, and only what is wrong in all of them is a complaint: what is said here
must stay true once the steps are mended.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from pydantic import ValidationError

from wiro_mock.language.broken_rules import Problem
from wiro_mock.language.steps import StepItem, step_kinds
from wiro_mock.language.timeline import check

Reading: TypeAlias = tuple[StepItem, ...]
"""What an item may mean: one step, or those that were written into one item."""

_LEAST: Final[dict[str, Any]] = {
    "print": "",
    "stderr": "",
    "progress": {"steps": 1},
    "tick": {"step": 1, "of": 1},
    "stream": "",
    "answer": "",
    "session": {"turns": [{"when": "start"}]},
    "produce": {"text": ""},
    "exit": 0,
    "hold": "it",
    "setup_error": "",
    "refuse": 97,
}
_STARTS_OVER: Final = {"message": "", "then": "requeue"}
_OUTCOMES: Final = ("fail", "requeue", "stuck")


def check_broken(items: Sequence[Any], context: dict[str, Any]) -> list[Problem]:
    """What is certainly wrong with the order of these items of `steps`, as they came from YAML."""
    readings = [list(_readings(item, context)) for item in items]
    certain, *others = (_check([some[number % len(some)] for some in readings]) for number in range(3))
    return [problem for key, problem in certain.items() if all(key in other for other in others)]


def _check(readings: list[Reading]) -> dict[tuple[int, str, str], Problem]:
    steps = [(index, step) for index, reading in enumerate(readings) for step in reading]
    found = {}
    for problem in check([step for _, step in steps]):
        index = steps[problem.index][0] if steps else 0
        found[index, problem.rule, problem.name] = replace(problem, index=index)
    return found


def _readings(item: Any, context: dict[str, Any]) -> Iterator[Reading]:
    """One reading, two or three."""
    try:
        yield (StepItem.model_validate(item, context=context),)
        return
    except ValidationError:
        pass
    written = item if isinstance(item, dict) else {str(item).partition(" ")[0]: None}
    names = [name for name in written if name in step_kinds()] or _near(written)
    if not names:
        yield from (_made("hold", "it"), _made("exit", 0), _made("setup_error", _STARTS_OVER))
        return
    yield tuple(_stand_in(name, written.get(name)) for name in names)
    if "setup_error" in names and _outcome(written.get("setup_error")) is None:
        yield tuple(_stand_in(name, _STARTS_OVER) for name in names)


def _near(written: dict[str, Any]) -> list[str]:
    found = (difflib.get_close_matches(name.lower()[:60], step_kinds(), n=1) for name in written)
    return next(([name] for near in found for name in near), [])


def _stand_in(name: str, value: Any) -> StepItem:
    if name == "setup_error":
        return _made(name, {"message": "", "then": _outcome(value) or "fail"})[0]
    return _made(name, _LEAST.get(name))[0]


def _outcome(value: Any) -> str | None:
    """What comes after a broken `setup_error`; None when that cannot be told."""
    if not isinstance(value, dict):
        return "fail"
    then = value.get("then", "fail" if value.keys() <= {"message", "after", "wait"} else None)
    return None if then == "stuck" and "wait" in value else next((one for one in _OUTCOMES if one == then), None)


def _made(name: str, value: Any) -> Reading:
    return (StepItem.model_validate({name: value}),)
