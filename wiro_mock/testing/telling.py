"""How a failed assertion is told: at most ten lines of what was called, without credentials, and what is not known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wiro_mock.journal import Exchange
from wiro_mock.mock import World
from wiro_mock.testing.era import present
from wiro_mock.testing.messages import told

LINES = 10


def counted(number: int, noun: str) -> str:
    """`1 poll`, `2 polls`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(exchanges: Sequence[Exchange]) -> list[str]:
    """The first ten requests with their answers, and how many more there are."""
    return [*(f"  {one.id} {told(one)}" for one in exchanges[:LINES]), *more(exchanges)]


def more(exchanges: Sequence[Exchange]) -> list[str]:
    """What is said when there are more than ten."""
    return [f"  … and {len(exchanges) - LINES} more"] if len(exchanges) > LINES else []


def complaint(world: World, lines: Iterable[str]) -> str:
    """The text of a failure, and that the journal is not complete where it is not."""
    era = present(world)
    dropped = era.journal.dropped
    forgotten = [f"(the journal has forgotten {counted(dropped, 'older request')})"] if dropped else []
    return era.clean("\n".join([*lines, *forgotten]))
