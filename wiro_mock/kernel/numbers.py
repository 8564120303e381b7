"""Exact numbers as texts and as JSON has them."""

from __future__ import annotations

from decimal import Decimal


def digits(number: Decimal | int) -> str:
    """A number in all the digits that it has, without an exponent."""
    return format(Decimal(number), "f")


def plain(number: Decimal) -> str:
    """The digits of a number, without an exponent and without zeros that say nothing."""
    shown = digits(number)
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown in {"-0", ""} else shown


def json_number(number: Decimal) -> int | float:
    """A number as JSON has it: a whole one without a point."""
    return int(number) if number == number.to_integral_value() else float(number)
