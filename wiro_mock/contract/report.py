"""The verdicts as text for a terminal: a row for each as it comes, and what needs reading at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from wiro_mock.contract.promise import Promise
from wiro_mock.contract.verdicts import Verdict, one_line

Write = Callable[[str], None]
NAMES = ("promise", "cost", "standing", "source")
"""The columns after the outcome."""
SECTIONS = (
    ("mock wrong", "Broken promises"),
    ("upstream new", "New upstream"),
    ("documentation differs", "The documentation differs from this service"),
)


class Table:
    """Rows of one width, told as the verdicts are reached."""

    def __init__(self, promises: Sequence[Promise], write: Write) -> None:
        self._write = write
        self._total = len(promises)
        self._done = 0
        rows = [NAMES, *map(_cells, promises)]
        self._widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def begin(self) -> None:
        """The head of the table."""
        self._write(self._line(" " * len(self._counted()), "outcome", NAMES))

    def row(self, verdict: Verdict) -> None:
        """One more."""
        self._done += 1
        self._write(self._line(self._counted(), verdict.outcome, _cells(verdict.promise)))

    def _counted(self) -> str:
        return f"{self._done:>{len(str(self._total))}}/{self._total}"

    def _line(self, counted: str, outcome: str, cells: Sequence[str]) -> str:
        shown = (f"{cell:<{width}}" for cell, width in zip(cells, self._widths, strict=True))
        return f"{counted}  {outcome:<7}  {'  '.join(shown)}".rstrip()


def _cells(promise: Promise) -> tuple[str, ...]:
    return promise.name, promise.cost, promise.source.standing, str(promise.source)


def told(verdicts: Iterable[Verdict], *, left: Iterable[str] = (), by_wish: Iterable[Verdict] = ()) -> list[str]:
    """What is below the table: broken promises, news, contradictions, what was not verified, and the count. `by_wish`
    are those that nobody has asked for; they are told by their areas.
    """
    listed = list(verdicts)
    lines: list[str] = []
    for level, title in SECTIONS:
        found = _of_level(listed, level)
        lines += ["", f"{title}:", *found] if found else []
    skipped = [one_line(f"{one.promise.name}: {one.because}") for one in listed if one.outcome == "skipped"]
    reasons = Counter((one.promise.area, one.because) for one in by_wish)
    skipped += [f"{area} ({count} promises): {because}" for (area, because), count in reasons.items()]
    lines += ["", "Not verified:", *skipped] if skipped else []
    remains = list(left)
    lines += ["", "Left behind:", *remains] if remains else []
    return [*lines, "", summary(listed)]


def summary(verdicts: Iterable[Verdict]) -> str:
    """The outcomes, counted."""
    outcomes = [one.outcome for one in verdicts]
    counted = ", ".join(f"{outcomes.count(one)} {one}" for one in ("held", "broken", "skipped"))
    return f"{len(outcomes)} promises: {counted}"


def _of_level(verdicts: Iterable[Verdict], level: str) -> list[str]:
    if level == "mock wrong":
        return [one.line for one in verdicts if one.outcome == "broken"]
    return [f"{one.promise.name}: {note.text}" for one in verdicts for note in one.notes if note.level == level]
