"""Where something stands in the mock's own files: `wiro_mock/shapes.py:97`. What a finding points to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

import wiro_mock

HOME = Path(wiro_mock.__file__).parent
SHAPES = ("wiro_mock.shapes", "wiro_mock.api.rest_shapes")
BUILDERS = ("progress_shape", "answer_shape", "session_shape", "frames", "wire", "task_list", "tool_shape")
"""The modules of `wiro_mock.api` that make objects of no documented shape."""

PLACES: Final = {
    "webhook headers": ("webhook_sending.py", r'"content-type"'),
    "webhook body": ("mock/world.py", r"def webhook_body\b"),
    "webhooks posted": ("kernel/writer.py", r"outbox\.append"),
    "files served": ("api/downloads.py", r"def _serve\b"),
    "file headers": ("api/downloads.py", r'"accept-ranges"'),
}
"""Where something is done that has no name on the wire: a file, and a pattern of the line."""


@cache
def line_of_field(shape: str, field: str) -> str:
    """The line of a field of a documented shape, or that of the shape; empty if there is none of this name."""
    for name in SHAPES:
        found = getattr(import_module(name), shape, None)
        if isinstance(found, type):
            lines, first = inspect.getsourcelines(found)
            at = next((n for n, line in enumerate(lines) if re.match(rf"\s+{re.escape(field)}\s*:", line)), 0)
            return f"{_shown(Path(inspect.getfile(found)))}:{first + at} ({shape}{f'.{field}' if at else ''})"
    return ""


@cache
def line_of_key(key: str) -> str:
    """The line on which a key of a message is written; that of the frames for one that is new."""
    for name in BUILDERS:
        if found := line_of(f"api/{name}.py", rf'"{re.escape(key)}"'):
            return found
    return line_of("api/frames.py", r"def _message\b")


def line_of_refusal(message: str, code: object = None) -> str:
    """The line of a refusal by its sentence; that of the table for one that there is none of."""
    member = refusal(message, code)
    return line_of("kernel/refusals.py", rf"    {member} = \(" if member else r"class No\b")


def refusal(message: str, code: object = None) -> str:
    """The name of the refusal that says this sentence, whatever numbers and names it fills in; empty for none."""
    return next((name for name, known, text in _refusals() if text.fullmatch(message) and code in (None, known)), "")


@cache
def _refusals() -> tuple[tuple[str, int, re.Pattern[str]], ...]:
    from wiro_mock.kernel.refusals import No

    def pattern(text: str) -> re.Pattern[str]:
        literals = re.split(r"\{[^{}]*\}", text)
        return re.compile(".*?".join(map(re.escape, literals)), re.DOTALL)

    return tuple((one.name, one.value[0], pattern(one.value[1])) for one in No)


def line_of_place(name: str) -> str:
    """The line of one of `PLACES`."""
    return line_of(*PLACES[name])


@cache
def line_of(file: str, pattern: str) -> str:
    """The first line of one of our files that a pattern is found in, as `wiro_mock/api/wire.py:12`; empty for none."""
    path = HOME / file
    found = _first(path.read_text(encoding="utf-8").splitlines(), pattern) if path.exists() else 0
    return f"{_shown(path)}:{found}" if found else ""


def line_of_step(source: str, verbs: Iterable[str]) -> str:
    """The line of a scenario's step, by the scenario's `file:line` and the verbs that it may have."""
    file, _, begin = source.rpartition(":")
    path = Path(file)
    if not path.is_file():
        return source
    lines, first = path.read_text(encoding="utf-8").splitlines(), int(begin) if begin.isdecimal() else 1
    found = _first(lines[first - 1 :], rf"\s*- (?:{'|'.join(verbs)})\b")
    return f"{_shown(path)}:{found + first - 1 if found else first}"


def _first(lines: list[str], pattern: str) -> int:
    return next((number for number, line in enumerate(lines, 1) if re.search(pattern, line)), 0)


def _shown(path: Path) -> str:
    for root in (HOME.parent, Path.cwd()):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return str(path)
