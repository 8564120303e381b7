"""What a scenario's steps came to, kept for the next run that they are the same for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from wiro_mock.kernel.plan import PlanItem
from wiro_mock.language.fillers import Content
from wiro_mock.language.names import Names
from wiro_mock.language.timeline import Keep

_Known: TypeAlias = tuple[
    object, Mapping[str, tuple[str, ...]], Sequence[PlanItem], Sequence[tuple[Content, str]]
]  # steps, what was looked up of the run, items, files


class Layout:
    """What a scenario's steps came to, which is the same for every run when no run's name is filled into them, and
    the run asks for the same picture.

    Laying them out takes as long as all the rest of a run. Equal to any other: it tells nothing of its scenario.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # All in one, for the worlds of several threads share a scenario.
        self._known: _Known = (None, {}, (), ())

    def of(self, steps: object, names: Names, keep: Keep) -> Sequence[PlanItem] | None:
        """The items of these very steps, their files kept once more; None when they are not known for such a run."""
        of, wished, items, kept = self._known
        if of is not steps or any(names.wishes(name) != wish for name, wish in wished.items()):
            return None
        for data, kind in kept:
            keep(data, kind)
        return items

    def remember(
        self, steps: object, names: Names, items: Sequence[PlanItem], kept: Sequence[tuple[Content, str]]
    ) -> None:
        """The items of steps that none of these names was filled into."""
        self._known = (steps, dict(names.wished), tuple(items), tuple(kept))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout)

    __hash__ = None  # type: ignore[assignment]
