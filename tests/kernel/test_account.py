"""Money: the two refusals of a run, word for word, and what a run meets."""

from __future__ import annotations

from decimal import Decimal

import pytest

from wiro_mock.kernel.account import Account, Project, Terms, concurrency_limit, usd
from wiro_mock.kernel.refusals import Refusal


@pytest.mark.parametrize(
    ("balance", "limit"),
    [
        ("0.50", 1),
        ("9.99", 1),
        ("10", 1),
        ("19.99", 1),
        ("20", 2),
        ("50", 5),
        ("249.99", 24),
        ("250", 25),
        ("250.01", None),
        ("1000", None),
    ],
)
def test_the_limit_is_a_tenth_of_the_balance_and_none_above_250(balance: str, limit: int | None) -> None:
    """Rounded down, never under one; at exactly 250 there still is one."""
    assert concurrency_limit(Decimal(balance)) == limit


def test_a_project_does_not_show_its_secret() -> None:
    """Nor its key: a repr ends up in logs."""
    shown = repr(Project(id="699", key="the-key", secret="the-secret"))
    assert shown == "Project(id='699', key_only=False)"


def test_a_refusal_shows_what_goes_on_the_wire() -> None:
    """Its text is the message, so that a traceback tells enough."""
    refusal = Refusal(97, "Insufficient balance", reason="why")
    assert (str(refusal), repr(refusal)) == (
        "Insufficient balance",
        "Refusal(code=97, message='Insufficient balance', status=200)",
    )


def test_terms_replace_what_they_set_and_nothing_else() -> None:
    """None leaves a part as it is; False and zero do not."""
    account = Account(uuid="u", balance=Decimal(5), suspended=True, member=False)
    assert Terms().applied(account) == account
    met = Terms(balance=Decimal(0), suspended=False).applied(account)
    assert (met.balance, met.suspended, met.member, met.uuid) == (Decimal(0), False, False, "u")
    terms = Terms(balance=Decimal(0), suspended=False)
    assert [name for name in ("balance", "suspended", "member") if terms.sets(name)] == ["balance", "suspended"]


@pytest.mark.parametrize(
    ("given", "amount"), [("0.40", "0.40"), (0.07, "0.07"), (0, "0"), (Decimal("1.50"), "1.50"), ("1e3", "1E+3")]
)
def test_an_amount_is_the_digits_it_is_written_with(given: object, amount: str) -> None:
    """A float too: 0.07 is seven cents, not the binary fraction nearest to them."""
    assert str(usd(given)) == amount


@pytest.mark.parametrize(
    "given", ["", "much", "NaN", "inf", "-0.01", -1, True, None, [], 10**13, float("nan"), "x" * 99]
)
def test_what_is_no_amount_is_refused(given: object) -> None:
    """With an example, and not repeated at length."""
    with pytest.raises(ValueError, match=r"^is an amount of USD such as 0\.40, not ") as caught:
        usd(given)
    assert len(str(caught.value)) < 110
