"""`wiro.account`: money that a tester compares as it is written, state that can be set, and nonsense."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock import Misuse, WiroMock
from wiro_mock.api.auth import sign
from wiro_mock.testing.account import Usd

CENTS = st.integers(0, 10**9).map(lambda cents: Decimal(cents) / 100)
RUN = "https://api.wiro.ai/v1/Run/moondream3-preview/caption"


def _run(wiro: WiroMock) -> dict[str, Any]:
    """The answer to one run."""
    headers = {"x-api-key": wiro.api_key, "x-nonce": "1", "x-signature": sign(wiro.api_key, wiro.api_secret, "1")}
    with wiro.respx():
        answer: dict[str, Any] = httpx.post(RUN, json={}, headers=headers).json()
    return answer


@given(CENTS, CENTS)
def test_amounts_compare_with_floats_as_they_are_written(one: Decimal, other: Decimal) -> None:
    """Every comparison with a float of so many cents is that of the cents."""
    usd, number = Usd(one), float(other)
    assert (usd == number, usd != number) == (one == other, one != other)
    assert (usd < number, usd <= number, usd > number, usd >= number) == (
        one < other,
        one <= other,
        one > other,
        one >= other,
    )
    assert (number == usd, number < usd, number >= usd) == (other == one, other < one, other >= one)


@given(CENTS, CENTS)
def test_sums_with_floats_are_exact_and_stay_amounts(one: Decimal, other: Decimal) -> None:
    """On both sides, and with decimals too."""
    for number in (float(other), other):
        for made, exact in (
            (Usd(one) + number, one + other),
            (number + Usd(one), one + other),
            (Usd(one) - number, one - other),
            (number - Usd(one), other - one),
        ):
            assert type(made) is Usd
            assert Decimal(made) == exact


def test_what_a_tester_expects_of_literals() -> None:
    """Where a plain Decimal surprises."""
    assert Decimal("0.57") > 0.569999999999
    assert not Decimal("0.07") == 0.07  # noqa: SIM201 -- this is the surprise
    assert not Decimal("0.29") <= 0.29
    assert Usd("0.07") == 0.07
    assert Usd("0.29") <= 0.29
    assert Usd("0.05") <= 0.05
    assert not Usd("0.0500000000000000001") <= 0.05
    assert Usd("0.5") == Fraction(1, 2)
    assert Usd("1") != "1"
    assert hash(Usd("1.5")) == hash(Decimal("1.5"))
    assert Usd("0.00351") == pytest.approx(0.0035, abs=0.001)
    assert repr(Usd("0E-12")) == "Usd('0.000000000000')"
    assert f"{Usd('0.4'):.2f}" == "0.40"
    with pytest.raises(TypeError):
        _ = Usd("1") < "2"  # type: ignore[operator]
    with pytest.raises(TypeError):
        _ = Usd("1") + "2"  # type: ignore[operator]
    assert Usd(1) < float("inf")


@pytest.mark.parametrize("given_as", ["0.40", 0.4, Decimal("0.40")])
def test_the_balance_can_be_set_from_anything_that_is_an_amount(given_as: str | float | Decimal) -> None:
    """And the next run meets it."""
    with WiroMock() as wiro:
        wiro.account.balance = given_as
        assert wiro.account.balance == Decimal("0.4")
        assert wiro.account.balance == 0.4
        assert _run(wiro)["errors"][0]["code"] == 97
        wiro.account.balance = 1
        assert _run(wiro)["result"] is True


def test_spent_and_balance_add_up() -> None:
    """What was charged is gone, whatever was put in meanwhile."""
    with WiroMock(balance=5, time="manual") as wiro:
        assert wiro.account.spent == 0
        assert wiro.account.balance == 5
        _run(wiro)
        assert wiro.account.spent == 0
        assert wiro.account.unfinished == 1
        wiro.jump("1h")
        spent = wiro.account.spent
        assert 0 < spent <= 0.05
        assert spent == wiro.tasks[0].cost
        assert wiro.account.balance + spent == 5
        wiro.account.balance = 8
        _run(wiro)
        wiro.jump("1h")
        assert wiro.account.spent == 2 * spent
        assert wiro.account.balance == 8 - spent
        assert wiro.balance == float(wiro.account.balance)


def test_the_report_tells_what_was_spent_and_why() -> None:
    """So a failed `assert wiro.account.spent <= 0.05` shows which task it was."""
    with WiroMock(balance="5.50") as wiro:
        _run(wiro)
        wiro.jump("1h")
        task, report = wiro.tasks[0], wiro.report()
        cost = f"{task.cost:f}".rstrip("0")
        assert f"account: balance {Decimal('5.5') - Decimal(cost)} USD, spent {cost} USD" in report
        assert f", exit code 0, cost {cost} USD ({task.cost_ground})\n" in report
        assert task.cost_ground.endswith(" s at cps 0.000585")
        wiro.use("failure", optional=True)
        _run(wiro)
        assert wiro.tasks[-1].cost_ground == ""


def test_a_suspended_account_is_let_in_again() -> None:
    """Set by keyword, changed on the way."""
    with WiroMock(suspended=True, member=False) as wiro:
        assert not wiro.account.member
        assert "suspended" in _run(wiro)["errors"][0]["message"]
        wiro.account.suspended = False
        assert _run(wiro)["result"] is True
        wiro.account.suspended = True
        assert _run(wiro)["result"] is False


def test_the_limit_goes_with_the_balance() -> None:
    """As Wiro reckons it: a tenth, and none above 250 USD."""
    with WiroMock(balance="50") as wiro:
        assert wiro.account.limit == 5
        wiro.account.balance = 251
        assert wiro.account.limit is None


def test_it_tells_what_it_is() -> None:
    """At a glance, for a failing assertion."""
    with WiroMock(balance="0.40", time="manual") as wiro:
        account = wiro.account
        assert repr(account) == "<Account: balance 0.4 USD, spent 0 USD, 0 of 1 tasks>"
        account.balance, account.suspended, account.member = 1000, True, False
        assert repr(account) == "<Account: balance 1000 USD, spent 0 USD, 0 tasks, no limit, suspended, no member>"
        assert (account.suspended, account.member, wiro.account.member) == (True, False, False)


@pytest.mark.parametrize("nonsense", ["much", True, None, float("nan"), "", [1], 10**20, 0.1 + 0.2])
def test_a_balance_that_is_none_is_misuse(nonsense: Any) -> None:
    """With an example of one that is."""
    with WiroMock() as wiro, pytest.raises(Misuse, match=r"^account: balance is an amount of USD .*, not "):
        wiro.account.balance = nonsense


@pytest.mark.parametrize("nonsense", ["no", 1, None, 0])
def test_a_state_that_is_no_truth_is_misuse(nonsense: Any) -> None:
    """`"false"` would be true."""
    with WiroMock() as wiro:
        with pytest.raises(Misuse, match=r"^account: suspended is True or False, not "):
            wiro.account.suspended = nonsense
        with pytest.raises(Misuse, match=r"^account: member is True or False, not "):
            wiro.account.member = nonsense
        assert (wiro.account.suspended, wiro.account.member) == (False, True)


def test_what_it_has_not_cannot_be_set() -> None:
    """A slip of the pen would otherwise do nothing at all; what was spent is a fact."""
    with WiroMock() as wiro:
        with pytest.raises(AttributeError):
            wiro.account.ballance = 1  # type: ignore[attr-defined]
        with pytest.raises(AttributeError):
            wiro.account.spent = Usd(0)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("keyword", "value", "complaint"),
    [
        ("suspended", "perhaps", "WiroMock: suspended: is true or false, not 'perhaps'"),
        ("member", 3, "WiroMock: member: is true or false, not 3"),
        ("unknown_models", "allow", "WiroMock: unknown_models: is refuse or play, not 'allow'"),
        ("balance", "much", "WiroMock: balance: is an amount of USD such as 0.40, not 'much'"),
    ],
)
def test_keywords_that_make_no_sense(keyword: str, value: Any, complaint: str) -> None:
    """Each in one sentence."""
    with pytest.raises(Misuse) as caught:
        WiroMock(**{keyword: value})
    assert str(caught.value) == complaint
