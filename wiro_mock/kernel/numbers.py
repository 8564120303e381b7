"""Exact numbers: as texts and as JSON has them, and what number a value of a run is."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Final

LONGEST_NUMBER: Final = 10_000
"""Characters of a text that is read as a number; ours. A longer one is none."""
_DECIMAL: Final = re.compile(r"\s*([+-]?)(?:\d+(?:\.\d*)?|\.\d+)(?:e([+-]?)\d+)?\s*", re.ASCII | re.IGNORECASE)
_HUGE: Final = 1 << 2_000


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


def number_of(value: object) -> Decimal | None:
    """The number that a value is: a JSON number, or a text of one (rest.md §5.3); None for anything else.

    A text may have a sign, decimals, an exponent and blanks around it; `NaN`, `Infinity`, hexadecimal digits and
    digits of other scripts are no numbers, and neither are booleans: our choice. What is too large to be written out
    comes back as an infinity, which no range holds.
    """
    if isinstance(value, str):
        found = _DECIMAL.fullmatch(value) if len(value) <= LONGEST_NUMBER else None
        if found is None:
            return None
        try:
            return Decimal(value)
        except InvalidOperation:  # an exponent of twenty digits
            return Decimal(0) if found[2] == "-" else Decimal(f"{found[1]}Infinity")
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        if abs(value) >= _HUGE:
            return Decimal("Infinity") if value > 0 else Decimal("-Infinity")
        return Decimal(value)
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))  # the digits that were sent, not those of the double nearest to them
    return None
