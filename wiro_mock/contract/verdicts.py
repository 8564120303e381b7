"""What became of each promise, and the run through all of them: preconditions first, and no broken promise twice.

A promise that rests on a broken one is skipped because of it. What a check met besides (a new field, a known
contradiction of the documentation) is noted once, however often it was met.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from wiro_mock.contract.promise import BY_WISH, Broken, Note, NotVerified, Promise, Trouble, Unmet
from wiro_mock.contract.service import Service

Outcome: TypeAlias = Literal["held", "broken", "skipped"]
Skipped: TypeAlias = Literal["", "broken precondition", "no occasion", "trouble", "not asked for"]
HELD, BROKEN, COULD_NOT_RUN = 0, 1, 2
"""The exit statuses."""
MASK = "***"
SHORTEST_SECRET = 4
"""Characters of a secret below which hiding it would hide half the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One promise and what became of it. `skipped` says in a word, `because` in a sentence, why it wasn't checked."""

    promise: Promise
    outcome: Outcome
    expected: str = ""
    got: str = ""
    skipped: Skipped = ""
    because: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def level(self) -> str:
        """`mock wrong`, `upstream new`, `documentation differs`, `not verified`, or empty where all is well.

        The mock keeps every promise of the suite, so one that is broken elsewhere is one that the mock is wrong about.
        """
        if self.outcome == "skipped":
            return "not verified"
        levels = {note.level for note in self.notes}
        if self.outcome == "broken":
            return "mock wrong"
        return next((one for one in ("upstream new", "documentation differs") if one in levels), "")

    @property
    def line(self) -> str:
        """`promise: expected …, got …`, on one line whatever was got."""
        return one_line(f"{self.promise.name}: expected {self.expected}, got {self.got}")


def chosen(promises: Sequence[Promise], areas: Iterable[str]) -> list[Promise]:
    """The promises of these areas, with those that they need, in the order of the table. Without areas: of all but
    those that are checked by wish only.
    """
    wanted = set(areas)
    names = {one.name for one in promises if (one.area in wanted if wanted else one.area not in BY_WISH)}
    by_name = {one.name: one for one in promises}
    open_ends = list(names)
    while open_ends:
        for need in by_name[open_ends.pop()].needs:
            if need not in names:
                names.add(need)
                open_ends.append(need)
    return [one for one in promises if one.name in names]


class Judge:
    """Checks promises one after the other, and remembers what is broken and what was noted."""

    def __init__(self, service: Service, promises: Iterable[Promise] = ()) -> None:
        self._service = service
        self._by_name = {one.name: one for one in promises}
        self._told: set[str] = set()
        self.verdicts: dict[str, Verdict] = {}

    def all(self, promises: Iterable[Promise]) -> Iterator[Verdict]:
        """A verdict for each, as it is reached."""
        for promise in promises:
            yield self.check(promise)

    def verdict(self, promise: Promise) -> Verdict:
        """The verdict on a promise, reached before or now; those that it needs are checked first."""
        for need in promise.needs:
            if need not in self.verdicts:
                self.verdict(self._by_name[need])
        return self.verdicts.get(promise.name) or self.check(promise)

    def check(self, promise: Promise) -> Verdict:
        """The verdict on a promise; those that it needs have theirs."""
        verdict = self._hindered(promise) or self._checked(promise)
        self.verdicts[promise.name] = verdict
        return verdict

    def _hindered(self, promise: Promise) -> Verdict | None:
        """The verdict where a precondition has not held: broken itself, or skipped for a reason of its own."""
        for need in promise.needs:
            before = self.verdicts.get(need)
            if before is None or before.outcome == "held":
                continue
            if before.outcome == "broken":
                return _skipped(promise, "broken precondition", f"{need} is broken")
            if before.skipped != "no occasion":
                return _skipped(promise, before.skipped, before.because)
        return None

    def _checked(self, promise: Promise) -> Verdict:
        self._service.notes.clear()
        try:
            promise.check(self._service)
        except Broken as broken:
            expected, got = (self._scrubbed(text) for text in (broken.expected, broken.got))
            return Verdict(promise=promise, outcome="broken", expected=expected, got=got, notes=self._notes())
        except Unmet as unmet:
            return self._unmet(promise, unmet)
        except NotVerified as reason:
            return _skipped(promise, "no occasion", self._scrubbed(str(reason)), self._notes())
        except Trouble as trouble:
            return _skipped(promise, "trouble", self._scrubbed(str(trouble)), self._notes())
        except Exception as error:  # an answer that nobody has thought of; the others are checked all the same
            text = f"the check stumbled over an answer: {type(error).__name__}: {error}; please report it"
            return _skipped(promise, "trouble", self._scrubbed(text), self._notes())
        return Verdict(promise=promise, outcome="held", notes=self._notes())

    def _unmet(self, promise: Promise, unmet: Unmet) -> Verdict:
        """Something it rests on is not as another promise says, which is broken, or itself was not checked."""
        need = str(unmet)
        before = self.verdicts.get(need)
        if before is not None and before.outcome == "skipped":
            return _skipped(promise, before.skipped, before.because)
        if need == promise.name or before is None or before.outcome == "held":
            expected, got = (self._scrubbed(text) for text in (unmet.expected, unmet.got))
            return Verdict(promise=promise, outcome="broken", expected=expected, got=got, notes=self._notes())
        return _skipped(promise, "broken precondition", f"{need} is broken")

    def _notes(self) -> tuple[Note, ...]:
        """What was noted now and not before."""
        fresh = {note.subject: note for note in self._service.notes if note.subject not in self._told}
        self._told |= fresh.keys()
        return tuple(
            Note(level=note.level, subject=note.subject, text=one_line(self._scrubbed(note.text)))
            for note in fresh.values()
        )

    def _scrubbed(self, text: str) -> str:
        return scrubbed(text, self._service)


def scrubbed(text: str, service: Service) -> str:
    """A text without key, secret and the tokens of tasks."""
    shown = service.credentials
    for secret in (shown.key, shown.secret, *(run.token for run in service.started)):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text


def status_of(verdicts: Iterable[Verdict]) -> int:
    """The exit status: 1 for a broken promise or for none checked, 2 where trouble kept some from being checked."""
    listed = list(verdicts)
    if any(one.outcome == "broken" for one in listed):
        return BROKEN
    if any(one.skipped == "trouble" for one in listed):
        return COULD_NOT_RUN
    return HELD if any(one.outcome == "held" for one in listed) else BROKEN


def one_line(text: str) -> str:
    """A text without line breaks, other control characters, and halves of characters, which nobody can write."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", text)


def not_asked_for(promises: Sequence[Promise], asked: Sequence[Promise]) -> list[Verdict]:
    """Verdicts on those that were left out, so that a report lists them as not verified."""
    names = {one.name for one in asked}
    return [_skipped(one, "not asked for", _why_not(one)) for one in promises if one.name not in names]


def _why_not(one: Promise) -> str:
    return f"checked only by --only {one.area}: it {one.cost}" if one.area in BY_WISH else "left out by --only"


def _skipped(promise: Promise, how: Skipped, because: str, notes: tuple[Note, ...] = ()) -> Verdict:
    return Verdict(promise=promise, outcome="skipped", skipped=how, because=one_line(because), notes=notes)
