"""The way out of a misspelling: the nearest of what there is, or some of what there is."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

LONGEST_WORD = 100
"""Characters of a word that are compared; a client may send any number."""
CLOSE = 0.6
"""From so much likeness on, one word may be meant for another."""


def likeness(one: str, other: str) -> float:
    """How alike two words are in small letters: 0 for nothing in common, 1 for the same."""
    return difflib.SequenceMatcher(None, one[:LONGEST_WORD].lower(), other[:LONGEST_WORD].lower()).ratio()


@dataclass(frozen=True, slots=True)
class Letters:
    """Which letters a word has, and how often: one number, with as many bits set for each letter.

    Two of them tell in no time how alike two words can be at most, whatever the order of their letters.
    """

    bits: int
    length: int

    @classmethod
    def of(cls, word: str) -> Letters:
        """Those of a word in small letters."""
        compared = word[:LONGEST_WORD].lower()[:LONGEST_WORD]
        counts = Counter(ord(letter) % _CLASSES for letter in compared)
        return cls(sum(((1 << count) - 1) << LONGEST_WORD * one for one, count in counts.items()), len(compared))

    def likeness(self, other: Letters) -> float:
        """No less than the likeness of the two words."""
        both = self.length + other.length
        return 2 * (self.bits & other.bits).bit_count() / both if both else 1.0


_CLASSES: Final = 97
"""Letters with the same remainder are taken for the same one; small letters, digits and the dash are all apart."""


def nearest(word: str, known: Iterable[str], *, close: float = CLOSE) -> str | None:
    """The known word that is most like this one, if any is alike enough."""
    ratios = [(likeness(word, other), other) for other in known]
    best = max(ratios, default=(0.0, ""), key=lambda pair: pair[0])
    return best[1] if best[0] >= close else None


def listed(names: Collection[str], *, most: int = 10) -> str:
    """The names with commas between them: so many at most, and how many more there are."""
    shown = ", ".join(islice(names, most)) or "none"
    return f"{shown}, and {len(names) - most} more" if len(names) > most else shown
