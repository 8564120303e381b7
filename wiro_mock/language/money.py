"""Amounts of USD, as the files of models write them: digits in quotes, so that no binary fraction comes between."""

from __future__ import annotations

from decimal import Decimal

from wiro_mock.kernel.prices import twelve_places


def usd(value: object, what: str = 'USD in quotes, such as "0.09"') -> Decimal:
    """The amount that a text is, or a `ValueError` that says how `what` is written."""
    text = value if isinstance(value, str) else ""
    if not text.replace(".", "", 1).isdecimal() or not text.isascii():
        raise ValueError(f"{value!r} is not a price; write {what}")
    return Decimal(text)


def usd_on_the_wire(value: object) -> Decimal:
    """An amount that `dynamicprice` can show: there it is a JSON number, which has only so many digits."""
    amount = usd(value)
    if amount != twelve_places(amount) or not _is_a_number(amount):
        raise ValueError(f"'{value}' has too many digits; write at most twelve decimals, and fifteen digits in all")
    return amount


def _is_a_number(amount: Decimal) -> bool:
    try:
        return Decimal(repr(float(amount))) == amount
    except OverflowError:
        return False
