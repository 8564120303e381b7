"""Why nothing answers at a path, and which operation may be meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from wiro_mock.kernel.nearest import CLOSE, likeness, listed

PATH_SHOWN = 200


class Operation(Protocol):
    """An endpoint, as far as its path is concerned."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def pattern(self) -> re.Pattern[str]: ...


def explained(method: str, path: str, operations: Sequence[Operation]) -> str:
    """The request, and what is wrong with it, for the tester."""
    from wiro_mock.api.surface import not_played  # which knows the operations, and is seldom asked

    why = not_played(method, path[: 2 * PATH_SHOWN]) or _why(path, operations)
    return f"{method} {path[:PATH_SHOWN]}: {why}"


def switched_off(path: str, switch: str) -> str:
    """Why nothing answers at a path that a switch of the profile opens."""
    return f"{path}: no source shows its answer, so nothing answers; with the switch {switch} something of ours does"


def nearest_call(path: str, operations: Iterable[Operation]) -> str:
    """The request that may be meant, such as `POST /v1/Task/Detail`; empty when none is near."""
    ratios = [(_likeness(operation.path, path), operation) for operation in operations]
    best, operation = max(ratios, key=lambda pair: pair[0])
    return f"{operation.method} {_filled(operation.path, path)}" if best >= CLOSE else ""


def _why(path: str, operations: Sequence[Operation]) -> str:
    for operation in operations:
        if operation.pattern.fullmatch(path):
            return f"this path is played for {operation.method} only; send {operation.method}"
    for trouble, mended in (
        ("the path ends with a slash, and Wiro's do not", path.rstrip("/")),
        ("the path lacks /v1 at its beginning; the base URL ends in /v1", f"/v1{path}"),
        ("/v1 stands twice; the base URL has it already", path.removeprefix("/v1")),
    ):
        for operation in operations:
            if mended != path and operation.pattern.fullmatch(mended):
                return f"{trouble}: {operation.method} {mended[:PATH_SHOWN]}"
    what = "no operation of the API as it is played here"
    if near := nearest_call(path, operations):
        return f"{what}; did you mean {near}?"
    return f"{what}; none is near; there are: {listed([f'{one.method} {one.path}' for one in operations])}"


def _likeness(template: str, path: str) -> float:
    """How alike they are where the template has words of its own; what stands for its `{names}` is not compared."""
    wanted, given = _segments(template), _segments(path)
    words = [(word, given[at] if at < len(given) else "") for at, word in enumerate(wanted) if word[0] != "{"]
    if not words:
        return 0.0
    if len(given) >= len(wanted) and min(likeness(*pair) for pair in words) < CLOSE:
        return 0.0
    whole = likeness("/".join(word for word, _ in words), "/".join(other for _, other in words))
    return whole - 0.05 * abs(len(given) - len(wanted))


def _filled(template: str, path: str) -> str:
    given = _segments(path)
    filled = [
        given[at] if word[0] == "{" and at < len(given) and given[at] else word
        for at, word in enumerate(_segments(template))
    ]
    root = ("", "v1") if template.startswith("/v1/") else ("",)
    return "/".join((*root, *filled))[:PATH_SHOWN]


def _segments(path: str) -> list[str]:
    segments = path[: 2 * PATH_SHOWN].strip("/").split("/")
    while segments[0] == "v1" and len(segments) > 1:
        del segments[0]
    return segments
