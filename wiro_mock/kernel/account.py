"""Whose money it is: projects and their keys, the balance, the concurrency limit, the price of a run.

All amounts are USD in exact decimal arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from wiro_mock.kernel.refusals import No, Refusal

MINIMUM_BALANCE = Decimal("0.50")  # rest.md §8, from Wiro's error reference
UNLIMITED_ABOVE = Decimal(250)
LIMITED_SHARE = Decimal("0.10")
TWELVE_PLACES = Decimal("0.000000000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One API project. `key_only` projects need no signature; that is fixed when one is made (rest.md §1.1)."""

    id: str
    key: str
    secret: str
    key_only: bool = False

    def __repr__(self) -> str:
        return f"Project(id={self.id!r}, key_only={self.key_only})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The owner of projects. `uuid` is what tasks and files carry as `uuid` (rest.md C22)."""

    uuid: str
    balance: Decimal = Decimal(1000)


def concurrency_limit(balance: Decimal) -> int | None:
    """How many unfinished tasks this balance allows; None when unlimited.

    `None if balance > 250 else max(1, floor(balance * 0.10))` (rest.md §8).
    """
    if balance > UNLIMITED_ABOVE:
        return None
    return max(1, int(balance * LIMITED_SHARE))


def concurrency_refusal(balance: Decimal, limit: int, *, reason: str = "") -> Refusal:
    """The refusal of a run beyond the limit, with the computed sentence.

    The balance is shown in whole cents, rounded down, so that the limit beside it follows from it.
    """
    shown = balance.quantize(Decimal("0.01"), rounding=ROUND_DOWN)
    return No.CONCURRENCY.refusal(balance=shown, limit=limit, reason=reason)


def check_admission(balance: Decimal, unfinished: int) -> None:
    """Let one more run in, or raise the `Refusal`: 97 for too little money, 96 for too many tasks at once."""
    if balance < MINIMUM_BALANCE:
        raise No.BALANCE.refusal(reason=f"balance {balance} USD is below the minimum of {MINIMUM_BALANCE} USD")
    limit = concurrency_limit(balance)
    if limit is not None and unfinished >= limit:
        reason = f"{unfinished} unfinished tasks, limit {limit} at a balance of {balance} USD"
        raise concurrency_refusal(balance, limit, reason=reason)


def price(elapsed_seconds: int, cps: Decimal) -> Decimal:
    """What a finished run costs: whole seconds times the price per second as it is printed, to twelve places.

    The printed price, so that a reader of Detail can redo the multiplication (rest.md §8).
    """
    return elapsed_seconds * cps.quantize(TWELVE_PLACES)
