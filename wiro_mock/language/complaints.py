"""What is wrong with a scenario, said so that it can be mended: the place, the thing, the way out.

Complaints are collected and raised together, because a tester would rather mend five mistakes than one five times.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from wiro_mock.text import printable


@dataclass(frozen=True, slots=True)
class Complaint:
    """One mistake. `line` and `column` count from 1; `rule` names the rule of timelines that was broken."""

    file: str
    line: int
    column: int
    message: str
    rule: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.file else ""
        # On one line, even where a key or a file's name has a line break in it.
        return printable(f"{place}{self.message}{f' [{self.rule}]' if self.rule else ''}")


class ScenarioError(Exception):
    """All complaints of all files at once, sorted by their places; as text, one line each."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = sorted(complaints, key=lambda one: (one.file, one.line, one.column))
        super().__init__("\n".join(str(complaint) for complaint in self.complaints))


def complain(message: str, *, source: str = "", rule: str = "") -> ScenarioError:
    """A `ScenarioError` with a single complaint; `source` is "path:line" of the document, where there is one."""
    file, _, line = source.rpartition(":")
    return ScenarioError([Complaint(file, int(line) if line.isdecimal() else 1, 1, message, rule)])


def did_you_mean(word: str, known: Iterable[str], *, what: str = "there are") -> str:
    """The way out of a misspelling: the nearest known word, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"{what}: {', '.join(names) or 'none'}"
