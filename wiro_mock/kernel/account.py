"""Whose money it is: projects and their keys, the balance, the concurrency limit, the price of a run.

All amounts are USD in exact decimal arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from wiro_mock.kernel.refusals import No, Refusal

MOST_USD = Decimal(10**12)
UNLIMITED_ABOVE = Decimal(250)
LIMITED_SHARE = Decimal("0.10")


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
    """The owner of projects. `uuid` is what tasks and files carry as `uuid` (rest.md C22); `balance` is in USD.

    A `suspended` account runs nothing; one that is no `member` runs no model that is for members only.
    """

    uuid: str
    balance: Decimal = Decimal(1000)
    suspended: bool = False
    member: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a run meets in place of the account's own state; None leaves that as it is. `source` says who set it."""

    balance: Decimal | None = None
    suspended: bool | None = None
    member: bool | None = None
    source: str = ""

    def sets(self, name: str) -> bool:
        """Whether this part of the account's state (`balance`, `suspended`, `member`) is replaced."""
        return getattr(self, name) is not None

    def applied(self, account: Account) -> Account:
        """The account as the run meets it."""
        return replace(
            account,
            balance=account.balance if self.balance is None else self.balance,
            suspended=account.suspended if self.suspended is None else self.suspended,
            member=account.member if self.member is None else self.member,
        )


AS_IT_IS = Terms()


def usd(value: object) -> Decimal:
    """An amount of USD from 0, exact: a float counts as the digits it is written with. Raises `ValueError`."""
    try:
        amount = Decimal(str(value)) if isinstance(value, str | int | float | Decimal) else Decimal("NaN")
    except ArithmeticError:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or not 0 <= amount <= MOST_USD:
        raise ValueError(f"is an amount of USD such as 0.40, not {str(value)[:60]!r}")
    return amount


def concurrency_limit(balance: Decimal) -> int | None:
    """How many unfinished tasks this balance allows; None when unlimited.

    `None if balance > 250 else max(1, floor(balance * 0.10))` (rest.md §8).
    """
    if balance > UNLIMITED_ABOVE:
        return None
    return max(1, int(balance * LIMITED_SHARE))


def concurrency_refusal(balance: Decimal, limit: int, *, reason: str = "", concern: str = "") -> Refusal:
    """The refusal of a run beyond the limit, with the computed sentence.

    The balance is shown in whole cents, rounded down, so that the limit beside it follows from it.
    """
    shown = balance.quantize(Decimal("0.01"), rounding=ROUND_DOWN)
    return No.CONCURRENCY.refusal(balance=shown, limit=limit, reason=reason, concern=concern)
