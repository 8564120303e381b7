"""Whose money it is: projects and their keys, the balance, the concurrency limit, the price of a run.

All amounts are USD in exact decimal arithmetic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from wiro_mock.kernel.prices import EXACT
from wiro_mock.kernel.refusals import No, Refusal

MOST_USD = Decimal(10**12)
_MOST_DECIMALS: Final = 12
"""As many as the costs have, so that every balance that is shown can be set again."""
_PLAIN: Final = re.compile(r"-?(?:[0-9]{1,13}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})")
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
    """An amount of USD, exact: a float counts as the digits it is written with. Raises `ValueError`.

    A debt is one, too: runs that finish together may cost more than there is. A text is plain digits. No exponent
    and no more than twelve decimals, because an amount of a million digits would be told of in every answer.
    """
    amount = None
    if isinstance(value, str):
        amount = Decimal(value) if _PLAIN.fullmatch(value) else None
    elif isinstance(value, float | Decimal):
        amount = Decimal(repr(value)) if isinstance(value, float) else value
    elif isinstance(value, int) and not isinstance(value, bool):
        amount = Decimal(value) if abs(value) <= MOST_USD else MOST_USD * 10  # as good as any that is too large
    if amount is None or not amount.is_finite():
        raise ValueError(f"is an amount of USD such as 0.40, not {_begun(value)!r}")
    if not -MOST_USD <= amount <= MOST_USD or _decimals(amount) > _MOST_DECIMALS:
        raise ValueError(
            f"is an amount of USD up to 10^12 with at most {_MOST_DECIMALS} decimals, not {_begun(value)!r}"
        )
    # One spelling of each amount: no exponent, and no zero that is negative.
    return EXACT.quantize(amount, Decimal(1)) if _decimals(amount) < 0 else EXACT.plus(amount)


def _decimals(amount: Decimal) -> int:
    """How many digits stand behind the point; less than 0 for an amount with an exponent above 0."""
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _begun(value: object) -> str:
    """The beginning of a value, for a complaint; Python writes no integer of thousands of digits."""
    return "such a number" if isinstance(value, int) and abs(value) > MOST_USD**4 else str(value)[:60]


def concurrency_limit(balance: Decimal) -> int | None:
    """How many unfinished tasks this balance allows; None when unlimited.

    `None if balance > 250 else max(1, floor(balance * 0.10))` (rest.md §8).
    """
    if balance > UNLIMITED_ABOVE:
        return None
    return max(1, int(EXACT.multiply(balance, LIMITED_SHARE)))


def concurrency_refusal(balance: Decimal, limit: int, *, reason: str = "", concern: str = "") -> Refusal:
    """The refusal of a run beyond the limit, with the computed sentence.

    The balance is shown in whole cents, rounded down, so that the limit beside it follows from it.
    """
    shown = balance.quantize(Decimal("0.01"), rounding=ROUND_FLOOR, context=EXACT)
    return No.CONCURRENCY.refusal(balance=shown, limit=limit, reason=reason, concern=concern)
