"""What can be wrong with the order of steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """A step that cannot happen where it stands: its place in `steps`, the broken rule, what to do, and its name."""

    index: int
    rule: str
    message: str
    name: str = ""


class BrokenRule(Exception):
    """Raised inside a walk; becomes a `Problem`."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
