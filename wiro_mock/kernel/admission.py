"""Whether the account may run a model: the checks of a Run that look at the account, in their order.

Suspended, closed model, members only, balance, concurrency: the order is our choice (rest.md §5.5: undocumented). The
sentences are Wiro's (rest.md §9); the minimum balances are those of rest.md §8. A scenario may set what a run meets in
place of the account's own state (`Terms`): the reasons say so.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from wiro_mock.kernel.account import AS_IT_IS, Account, Terms, concurrency_limit, concurrency_refusal
from wiro_mock.kernel.refusals import No

if TYPE_CHECKING:
    from wiro_mock.kernel.catalog import Model

MINIMUM_BALANCE = Decimal("0.50")
MINIMUM_FOR_TRAINING = Decimal(10)


def check_admission(account: Account, model: Model, unfinished: int, terms: Terms = AS_IT_IS) -> None:
    """Let one more run of this model in, or raise the first `Refusal`; `unfinished` tasks are there already."""
    met = terms.applied(account)
    if met.suspended:
        way = _way(terms, "suspended", "wiro.account.suspended = False")
        raise No.SUSPENDED.refusal(reason=f"the account is suspended{way}", concern="suspended")
    if model.access == "closed":
        way = f"write access: public into the model's file, or run another model than {model.name}"
        raise No.CLOSED.refusal(reason=f"the model's file says access: closed, so nobody may run it; {way}")
    if model.access == "members" and not met.member:
        way = _way(terms, "member", "wiro.account.member = True")
        reason = f"{model.name} is for members only, and the account is no member{way}"
        raise No.SIGN_IN.refusal(reason=reason, concern="member")
    _check_balance(met.balance, model, terms)
    _check_concurrency(met.balance, unfinished, terms)


def _check_balance(balance: Decimal, model: Model, terms: Terms) -> None:
    least = MINIMUM_FOR_TRAINING if model.training else MINIMUM_BALANCE
    if balance < least:
        why = f" for training, which {model.name} does" if model.training else ""
        way = _way(terms, "balance", f"wiro.account.balance = {least}")
        reason = f"balance {balance} USD is below the minimum of {least} USD{why}{way}"
        raise No.BALANCE.refusal(reason=reason, concern="balance")


def _check_concurrency(balance: Decimal, unfinished: int, terms: Terms) -> None:
    limit = concurrency_limit(balance)
    if limit is not None and unfinished >= limit:
        way = _way(terms, "balance", "wiro.account.balance = 1000 (above 250 USD there is no limit)")
        tasks = "1 unfinished task" if unfinished == 1 else f"{unfinished} unfinished tasks"
        reason = f"{tasks}, limit {limit} at a balance of {balance} USD{way}; or let tasks end first"
        raise concurrency_refusal(balance, limit, reason=reason, concern="balance")


def _way(terms: Terms, name: str, change: str) -> str:
    """The way out: of what a scenario set, or of the account's own state."""
    if terms.sets(name):
        return f", as {terms.source} sets it; change `account` there, or play another scenario"
    return f"; the way out: {change}, or POST /__wiro/account"
