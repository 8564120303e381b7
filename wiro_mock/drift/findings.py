"""What was found: where the mock and the service differ, how bad that is, and what to change.

One drift is told once, however often it was met: findings with the same `key` are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["mock wrong", "upstream new", "documentation differs"]
LEVELS: tuple[tuple[Level, str], ...] = (
    ("mock wrong", "The mock is wrong"),
    ("upstream new", "New upstream"),
    ("documentation differs", "The documentation differs from this service"),
)
SAME, DRIFTED, COULD_NOT_RUN = 0, 1, 2
"""The exit statuses."""
PLACES_TOLD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference. `what` names the place as in `Task/Detail tasklist[0].size`; `mock` and `live` say what each
    sends; `change` is the switch, or the file and line, that would make the mock send the same; `places` are the calls
    and frames that it was met in; `switch` is the switch of the mock's profile that may do it, as `name=value`,
    and `otherwise` what to change where it does not: empty where it is no difference then.
    """

    level: Level
    key: tuple[str, ...]
    what: str
    mock: str
    live: str
    change: str
    places: tuple[str, ...] = ()
    switch: str = ""
    otherwise: str = ""

    @property
    def line(self) -> str:
        """All of it on one line."""
        return f"{self.what}: the mock sends {self.mock}, this service {self.live}{self.elsewhere}; {self.change}"

    @property
    def elsewhere(self) -> str:
        """The other places that it was met in, in brackets; empty for none."""
        return f" (also in {_some(self.places[1:])})" if len(self.places) > 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The whole result: findings, how much was compared, what was not, and what stood in the way."""

    source: str
    findings: Sequence[Finding]
    requests: int
    frames: int
    files: int = 0
    hooks: int = 0
    not_compared: Sequence[str] = ()
    trouble: Sequence[str] = ()
    left_behind: Sequence[str] = ()

    @property
    def status(self) -> int:
        """1 where the mock is wrong, 2 where something stood in the way or nothing was compared, else 0."""
        if any(one.level == "mock wrong" for one in self.findings):
            return DRIFTED
        return COULD_NOT_RUN if self.trouble or not self.compared else SAME

    @property
    def compared(self) -> int:
        """How much was compared, of whatever kind."""
        return self.requests + self.frames + self.files + self.hooks

    @property
    def summary(self) -> str:
        """In one sentence."""
        if not self.compared:
            return "nothing was compared"
        hindered = f"; {_so_many(len(self.trouble), 'thing')} stood in the way" if self.trouble else ""
        counted = [sum(one.level == level for one in self.findings) for level, _ in LEVELS]
        more = ((self.files, "file"), (self.hooks, "webhook"))
        kinds = [_so_many(number, what) for number, what in more if number]
        kinds = [_so_many(self.requests, "answer"), _so_many(self.frames, "frame"), *kinds]
        compared = f"{', '.join(kinds[:-1])} and {kinds[-1]} compared"
        if not sum(counted):
            return f"{compared}: no drift{hindered}"
        wrong, new, differs = counted
        told = f"{wrong} where the mock is wrong, {new} new upstream, {differs} where the documentation differs"
        return f"{compared}: {told}{hindered}"


def unexplained(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that no switch has made go: what to change is in a file, and what a shape leaves open is none."""
    return [_without_switch(one) for one in findings if one.otherwise or not one.switch]


def _without_switch(one: Finding) -> Finding:
    return replace(one, switch="", change=one.otherwise, level="mock wrong") if one.switch else one


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Each once, the worst first, with all its places; all that one switch does is one."""
    found: dict[tuple[str, ...], Finding] = {}
    for one in findings:
        key = ("switch", one.switch) if one.switch else one.key
        known = found.get(key)
        places = tuple(dict.fromkeys((*(known.places if known else ()), *one.places)))
        found[key] = replace(known or one, places=places)
    order = [level for level, _ in LEVELS]
    return sorted(found.values(), key=lambda one: order.index(one.level))


def _some(places: Sequence[str]) -> str:
    more = len(places) - PLACES_TOLD
    return ", ".join(places[:PLACES_TOLD]) + (f" and {more} more" if more > 0 else "")


def _so_many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
