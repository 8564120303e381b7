"""The account's money, whatever happens: what was spent and what is left add up to what was put in."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.strategies import START, order, plans, simulation
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.plan import Plan
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.rules import Limits

CENTS = st.integers(0, 100_000).map(lambda cents: Decimal(cents) / 100)


class Money(RuleBasedStateMachine):
    """Runs, time, top-ups, suspensions; tasks are forgotten on the way, what they cost is not."""

    def __init__(self) -> None:
        super().__init__()
        self.sim = simulation(balance=5, limits=Limits(finished=2))
        self.put_in = Decimal(5)
        self.costs: dict[str, Decimal] = {}
        self.at = START

    @rule(plan=plans())
    def run(self, plan: Plan) -> None:
        """Take a run on, or be refused: neither moves money."""
        before = self.sim.balance, self.sim.spent
        suspended = self.sim.account.suspended
        made = self.sim.made
        with suppress(Refusal):
            self.sim.submit(order(plan))
        if suspended:
            assert self.sim.made == made
        assert self.sim.balance <= before[0]
        self._look()

    @rule(seconds=st.integers(0, 30))
    def wait(self, seconds: int) -> None:
        """Let tasks end, one second at a time, and see what each cost before it is forgotten."""
        for _ in range(seconds):
            self.at += SECOND
            self.sim.advance(self.at)
            self._look()

    @rule(balance=CENTS)
    def top_up(self, balance: Decimal) -> None:
        """Or take money out."""
        self.put_in += balance - self.sim.balance
        self.sim.change_account(balance=balance)

    @rule(suspended=st.booleans(), member=st.booleans())
    def change(self, *, suspended: bool, member: bool) -> None:
        """Neither moves money."""
        before = self.sim.balance, self.sim.spent
        account = self.sim.change_account(suspended=suspended, member=member)
        assert (account.suspended, account.member) == (suspended, member)
        assert (self.sim.balance, self.sim.spent) == before

    def _look(self) -> None:
        for task in self.sim.tasks():
            if task.finished:
                self.costs[task.job.id] = task.cost or Decimal(0)

    @invariant()
    def nothing_is_lost(self) -> None:
        """To the last of twelve places."""
        assert self.sim.spent + self.sim.balance == self.put_in
        assert self.sim.spent >= sum(self.costs.values())


Money.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
test_money_is_never_lost = Money.TestCase
