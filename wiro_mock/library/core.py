"""What a `WiroMock` is made of, and what it is: its world, its credentials, its clock, its account."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

from wiro_mock.kernel.events import SECOND
from wiro_mock.mock import World
from wiro_mock.testing import options, sequences, views
from wiro_mock.testing.account import Account
from wiro_mock.testing.guard import HostGuard
from wiro_mock.testing.leftovers import Leftovers

__tracebackhide__ = True  # a failure is in the tester's line
Length: TypeAlias = str | float | timedelta
"""A length of time: `"2m"`, `"500ms"`, seconds, or a timedelta."""


class Core:
    """The parts that every side of a `WiroMock` stands upon."""

    world: World
    _options: options.Options
    _left: Leftovers

    @property
    def api_key(self) -> str:
        """The project's key."""
        return self.world.project.key

    @property
    def api_secret(self) -> str:
        """The project's secret, which is part of what is signed."""
        return self.world.project.secret

    @property
    def seed(self) -> int:
        """What ids, tokens and credentials are made from."""
        return self._options.seed

    @property
    def time(self) -> str:
        """How time passes: `auto`, `manual`, `real`, or a rate such as `10x`."""
        return self.world.clock.mode

    @property
    def strict(self) -> bool:
        """Whether what a test leaves behind fails it, or only warns."""
        return self._options.strict

    @property
    def network(self) -> bool:
        """Whether names of the real Wiro may be looked up."""
        return self._options.network

    @property
    def now(self) -> float:
        """The present instant of its clock, in unix seconds."""
        self.world.settle()
        return self.world.sim.now / SECOND

    @property
    def account(self) -> Account:
        """The account: its money, exact and settable, what was spent, whether it is suspended or a member."""
        return Account(self.world)

    @property
    def balance(self) -> float:
        """What is left of the balance, in USD, as a float; `account.balance` is exact, and can be set."""
        self.world.settle()
        return float(self.world.sim.balance)

    def guard(self) -> HostGuard:
        """Refuse to look up the real Wiro's names in this process, until `close`; an attempt is an unexpected call."""
        if self._left.guard is None:
            self._left.guard = HostGuard().__enter__()
        return self._left.guard

    def _find(self, task: views.Task | str) -> views.Task:
        """A task by itself, its id or its token. Raises what `tasks[…]` raises."""
        return sequences.tasks(self.world)[str(getattr(task, "id", task))]
