"""The account of a Wiro as a test sees it: its money, whether it is suspended, and what its limits are.

Money is exact decimals. A tester writes `0.05` all the same, and means five cents; `Usd` understands it so.
"""

from __future__ import annotations

from decimal import Decimal
from numbers import Rational
from typing import Any, TypeAlias

from wiro_mock.kernel.account import concurrency_limit, usd
from wiro_mock.kernel.numbers import plain
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World

__tracebackhide__ = True  # a failure is in the tester's line

Number: TypeAlias = Decimal | float | Rational
"""What can be compared with an amount, added to it, or taken from it."""


class Usd(Decimal):
    """An exact amount of USD, which takes a float for the digits that it is written with.

    The float `0.07` is a little more than seven cents, and `0.1 + 0.2` a little more than thirty: a plain Decimal
    compares with that binary number, so `Decimal("0.07") == 0.07` is False. Here it is True, and sums and differences
    with floats are exact as well. Everything else is as with any Decimal.
    """

    def __repr__(self) -> str:
        return f"Usd('{self:f}')"

    def __hash__(self) -> int:
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(_written(other))

    def __ne__(self, other: object) -> bool:
        return super().__ne__(_written(other))

    def __lt__(self, other: Number) -> bool:
        return super().__lt__(_exact(other))

    def __le__(self, other: Number) -> bool:
        return super().__le__(_exact(other))

    def __gt__(self, other: Number) -> bool:
        return super().__gt__(_exact(other))

    def __ge__(self, other: Number) -> bool:
        return super().__ge__(_exact(other))

    def __add__(self, other: Number) -> Usd:
        return _usd(super().__add__(_exact(other)))

    def __radd__(self, other: Number) -> Usd:
        return _usd(super().__radd__(_exact(other)))

    def __sub__(self, other: Number) -> Usd:
        return _usd(super().__sub__(_exact(other)))

    def __rsub__(self, other: Number) -> Usd:
        return _usd(super().__rsub__(_exact(other)))


def _written(value: object) -> object:
    return Decimal(repr(value)) if isinstance(value, float) else value


def _exact(value: Any) -> Any:
    # What is no number at all is left to Decimal, which says so in Python's own words.
    return _written(value)


def _usd(value: Decimal) -> Usd:
    return value if value is NotImplemented else Usd(value)


class Account:
    """The account, live: what is read is so now, and what is set holds from now on. Raises `Misuse` for nonsense.

    `wiro.account.balance = "0.40"`; `assert wiro.account.spent <= 0.05`.
    """

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        self._world = world

    def __repr__(self) -> str:
        known = [f"balance {plain(self.balance)} USD", f"spent {plain(self.spent)} USD"]
        limit = self.limit
        known.append(
            f"{self.unfinished} of {limit} tasks" if limit is not None else f"{self.unfinished} tasks, no limit"
        )
        known += ["suspended"] * self.suspended + ["no member"] * (not self.member)
        return f"<Account: {', '.join(known)}>"

    @property
    def balance(self) -> Usd:
        """What is left of the money, in USD."""
        with self._world.lock:
            self._world.settle()
            return Usd(self._world.sim.balance)

    @balance.setter
    def balance(self, value: Decimal | str | float) -> None:
        try:
            amount = usd(value)
        except ValueError as error:
            raise Misuse(f"account: balance {error}") from None
        self._world.change_account(balance=amount)

    @property
    def spent(self) -> Usd:
        """What has been charged since the beginning, in USD: only runs that succeed cost anything."""
        with self._world.lock:
            self._world.settle()
            return Usd(self._world.sim.spent)

    @property
    def suspended(self) -> bool:
        """Whether the account is suspended, so that every run is refused."""
        return self._world.sim.account.suspended

    @suspended.setter
    def suspended(self, value: bool) -> None:
        self._world.change_account(suspended=_truth("suspended", value))

    @property
    def member(self) -> bool:
        """Whether models that are for members only may be run."""
        return self._world.sim.account.member

    @member.setter
    def member(self, value: bool) -> None:
        self._world.change_account(member=_truth("member", value))

    @property
    def limit(self) -> int | None:
        """How many unfinished tasks there may be at once with the balance as it is now; None when unlimited."""
        return concurrency_limit(self.balance)

    @property
    def unfinished(self) -> int:
        """How many tasks are not finished now; each counts against the limit."""
        with self._world.lock:
            self._world.settle()
            return self._world.sim.unfinished


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise Misuse(f"account: {name} is True or False, not {value!r}")
    return value
