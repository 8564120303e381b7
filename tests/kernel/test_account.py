"""Money: the two refusals of a run, word for word, and what a run meets."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.kernel.account import Account, Project, Terms, concurrency_limit, concurrency_refusal, usd
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
    ("sent", "amount"),
    [
        ("0.40", "0.40"),
        (0.07, "0.07"),
        (0, "0"),
        (Decimal("1.50"), "1.50"),
        ("-3", "-3"),
        ("-0", "0"),
        (-0.0, "0.0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0E+99999999"), "0"),
        ("5.", "5"),
        (".5", "0.5"),
        (1e-7, "1E-7"),
    ],
)
def test_an_amount_is_the_digits_it_is_written_with(sent: object, amount: str) -> None:
    """A float too: 0.07 is seven cents, not the binary fraction nearest to them."""
    assert str(usd(sent)) == amount


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "much",
        "NaN",
        "inf",
        "1e3",
        "1_0",
        "\u0665",
        "+5",
        " 5 ",
        "-",
        ".",
        "1.2.3",
        "1e-999999999999999999",
        "1e-3000000",
        "0." + "3" * 900_000,
        "1" * 100_000,
        True,
        None,
        [],
        float("nan"),
        Decimal("sNaN"),
        "x" * 99,
    ],
)
def test_what_is_no_amount_is_refused(sent: object) -> None:
    """With an example, and not repeated at length."""
    with pytest.raises(ValueError, match=r"^is an amount of USD such as 0\.40, not ") as caught:
        usd(sent)
    assert len(str(caught.value)) < 110


@pytest.mark.parametrize(
    "number",
    [
        10**13,
        -(10**13),
        10**80,
        1e-13,
        1e300,
        0.1 + 0.2,
        "1000000000000.01",
        Decimal("1e-999999999999999999"),
        Decimal("0e-5000"),
    ],
)
def test_an_amount_of_too_many_digits_is_refused(number: object) -> None:
    """It would be told of in every answer, digit by digit."""
    with pytest.raises(ValueError, match=r"^is an amount of USD up to 10\^12 with at most 12 decimals, not ") as caught:
        usd(number)
    assert len(str(caught.value)) < 140


@given(st.decimals(-(10**12), 10**12, places=12))
def test_a_balance_that_is_shown_can_be_set_again(amount: Decimal) -> None:
    """The digits that the control API tells are those it takes, debts included."""
    assert usd(f"{amount:f}") == amount
    assert f"{usd(f'{amount:f}'):f}" == f"{amount:f}".replace("-0.000000000000", "0.000000000000")


def test_the_limit_is_reckoned_without_rounding() -> None:
    """With 28 digits, a hair below 20 USD would be 20."""
    hair = Decimal("19." + "9" * 38)
    assert concurrency_limit(hair) == 1
    refusal = concurrency_refusal(hair, 1)
    assert "$19.99" in refusal.message
    assert concurrency_limit(Decimal(-980)) == 1
