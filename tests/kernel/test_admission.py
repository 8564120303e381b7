"""Whether the account may run a model: each refusal word for word, from both sides, and their order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.kernel.account import Account, Terms, concurrency_limit
from wiro_mock.kernel.admission import check_admission
from wiro_mock.kernel.catalog import Access, Model
from wiro_mock.kernel.refusals import Refusal

RICH = Account(uuid="u")
PUBLIC = Model(id="1", owner="acme", slug="painter", kind="image", cps=Decimal("0.001"))
SUSPENDED = "Your account has been suspended. Please contact support if you believe this is a mistake."


def _refusal(account: Account, model: Model = PUBLIC, unfinished: int = 0, terms: Terms | None = None) -> Refusal:
    with pytest.raises(Refusal) as refused:
        check_admission(account, model, unfinished, terms or Terms())
    assert refused.value.status == 200
    assert not refused.value.unexpected
    return refused.value


def _having(balance: str) -> Account:
    return replace(RICH, balance=Decimal(balance))


def test_too_many_tasks_are_refused_in_the_documented_words() -> None:
    """The sentence of the error reference, with its own numbers."""
    check_admission(_having("50"), PUBLIC, 4)
    refused = _refusal(_having("50"), unfinished=5)
    assert (refused.code, refused.concern) == (96, "balance")
    assert refused.message == (
        "You have reached your concurrent task limit. With your current balance of $50.00, "
        "you can run up to 5 tasks at the same time. Add funds to increase your limit."
    )
    assert refused.reason == (
        "5 unfinished tasks, limit 5 at a balance of 50 USD; the way out: wiro.account.balance = 1000 (above 250 USD "
        "there is no limit), or POST /__wiro/account; or let tasks end first"
    )
    assert _refusal(_having("9"), unfinished=1).reason.startswith("1 unfinished task, limit 1 ")


def test_above_250_any_number_runs() -> None:
    """No limit means none."""
    check_admission(_having("250.01"), PUBLIC, 1_000_000)


def test_too_little_money_is_refused() -> None:
    """Half a dollar is enough; less is not, and 97 comes before 96."""
    check_admission(_having("0.50"), PUBLIC, 0)
    refused = _refusal(_having("0.49"), unfinished=100)
    assert (refused.code, refused.message, refused.concern) == (97, "Insufficient balance", "balance")
    assert refused.reason == (
        "balance 0.49 USD is below the minimum of 0.50 USD; the way out: wiro.account.balance = 0.50, "
        "or POST /__wiro/account"
    )


def test_training_needs_ten_dollars() -> None:
    """Exactly ten will do, and another model needs no more than before (rest.md §8)."""
    trainer = replace(PUBLIC, training=True)
    check_admission(_having("10"), trainer, 0)
    check_admission(_having("9.99"), PUBLIC, 0)
    refused = _refusal(_having("9.99"), trainer)
    assert (refused.code, refused.message) == (97, "Insufficient balance")
    assert "below the minimum of 10 USD for training, which acme/painter does; the way out: " in refused.reason


def test_a_balance_is_shown_so_that_the_limit_follows_from_it() -> None:
    """49.997 USD allow four tasks at once; shown as $50.00 the sentence would contradict itself."""
    refused = _refusal(_having("49.997"), unfinished=4)
    assert "balance of $49.99, you can run up to 4 tasks" in refused.message


def test_a_suspended_account_runs_nothing() -> None:
    """Wiro's sentence; code 0."""
    refused = _refusal(replace(RICH, suspended=True))
    assert (refused.code, refused.message, refused.concern) == (0, SUSPENDED, "suspended")
    assert refused.reason == (
        "the account is suspended; the way out: wiro.account.suspended = False, or POST /__wiro/account"
    )


def test_a_closed_model_runs_for_nobody() -> None:
    """A member is nobody, too."""
    refused = _refusal(RICH, replace(PUBLIC, access="closed"))
    assert (refused.code, refused.message, refused.concern) == (1, "tool-not-accessible", "")
    assert "access: closed" in refused.reason
    assert "write access: public" in refused.reason


def test_a_model_for_members_runs_for_members() -> None:
    """And a public one for everybody."""
    stranger, exclusive = replace(RICH, member=False), replace(PUBLIC, access="members")
    check_admission(RICH, exclusive, 0)
    check_admission(stranger, PUBLIC, 0)
    refused = _refusal(stranger, exclusive)
    assert (refused.code, refused.message, refused.concern) == (98, "sign in to run this model", "member")
    assert "acme/painter is for members only" in refused.reason
    assert "wiro.account.member = True" in refused.reason


def test_terms_are_met_in_place_of_the_account() -> None:
    """In both directions, and the reason says whose they are."""
    check_admission(replace(RICH, suspended=True), PUBLIC, 0, Terms(suspended=False))
    check_admission(_having("0"), PUBLIC, 0, Terms(balance=Decimal(1)))
    refused = _refusal(RICH, terms=Terms(balance=Decimal("0.1"), source="the scenario 'poor' (a.yaml:3)"))
    assert refused.reason == (
        "balance 0.1 USD is below the minimum of 0.50 USD, as the scenario 'poor' (a.yaml:3) sets it; change `account` "
        "there, or play another scenario"
    )
    mixed = _refusal(replace(RICH, suspended=True), terms=Terms(balance=Decimal(1), source="x"))
    assert mixed.reason.endswith("wiro.account.suspended = False, or POST /__wiro/account")


ACCESS: tuple[Access, ...] = ("public", "members", "closed")


@given(
    suspended=st.booleans(),
    member=st.booleans(),
    access=st.sampled_from(ACCESS),
    training=st.booleans(),
    balance=st.decimals("0", "300", places=2),
    unfinished=st.integers(0, 30),
)
def test_the_first_check_that_fails_is_the_one_told(
    *, suspended: bool, member: bool, access: Access, training: bool, balance: Decimal, unfinished: int
) -> None:
    """Suspended, closed, members, balance, concurrency; and nothing else refuses."""
    limit = concurrency_limit(balance)
    failing = [
        (suspended, 0),
        (access == "closed", 1),
        (access == "members" and not member, 98),
        (balance < (10 if training else Decimal("0.5")), 97),
        (limit is not None and unfinished >= limit, 96),
    ]
    expected = next((code for fails, code in failing if fails), None)
    account = Account(uuid="u", balance=balance, suspended=suspended, member=member)
    try:
        check_admission(account, replace(PUBLIC, access=access, training=training), unfinished)
        told = None
    except Refusal as refusal:
        told = refusal.code
    assert told == expected
