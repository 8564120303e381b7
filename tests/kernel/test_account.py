"""Money: the two refusals of a run, word for word, and the price in exact decimals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from wiro_mock.kernel.account import Project, check_admission, concurrency_limit, price
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


def test_too_many_tasks_are_refused_in_the_documented_words() -> None:
    """The sentence of the error reference, with its own numbers."""
    check_admission(Decimal(50), 4)
    with pytest.raises(Refusal) as refused:
        check_admission(Decimal(50), 5)
    assert (refused.value.code, refused.value.status) == (96, 200)
    assert refused.value.message == (
        "You have reached your concurrent task limit. With your current balance of $50.00, "
        "you can run up to 5 tasks at the same time. Add funds to increase your limit."
    )
    assert refused.value.reason == "5 unfinished tasks, limit 5 at a balance of 50 USD"


def test_above_250_any_number_runs() -> None:
    """No limit means none."""
    check_admission(Decimal("250.01"), 1_000_000)


def test_too_little_money_is_refused_before_anything_else() -> None:
    """Half a dollar is enough; less is not, and 97 comes before 96."""
    check_admission(Decimal("0.50"), 0)
    with pytest.raises(Refusal) as refused:
        check_admission(Decimal("0.49"), 100)
    assert (refused.value.code, refused.value.message) == (97, "Insufficient balance")
    assert "0.49 USD is below the minimum of 0.50 USD" in refused.value.reason


def test_the_documented_sample_costs_what_it_says() -> None:
    """6 * 0.000585 = 0.003510000000, to twelve places."""
    assert str(price(6, Decimal("0.000585"))) == "0.003510000000"


def test_a_price_has_twelve_places_and_no_error_of_binary_fractions() -> None:
    """0.1 three times is 0.3."""
    assert str(price(3, Decimal("0.1"))) == "0.300000000000"
    assert str(price(0, Decimal("0.000585"))) == "0E-12"


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


def test_a_balance_is_shown_so_that_the_limit_follows_from_it() -> None:
    """49.997 USD allow four tasks at once; shown as $50.00 the sentence would contradict itself."""
    with pytest.raises(Refusal, match=r"balance of \$49\.99, you can run up to 4 tasks"):
        check_admission(Decimal("49.997"), 4)


def test_the_price_is_reckoned_from_the_printed_price_per_second() -> None:
    """A reader of Detail can redo the multiplication, also where the model's price has more decimals."""
    assert f"{price(8, Decimal('0.0000005555555555555')):.12f}" == "0.000004444448"
    assert price(4, Decimal("0.0000000000005")) == 0
