"""Types of options that explain themselves when the value is wrong."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import click


class Profiles(click.ParamType[str]):
    """The name of a profile."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the name against the profiles that are there."""
        from wiro_mock.api.profile import find_profile

        try:
            return find_profile(str(value)).name
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Valued(click.ParamType[str]):
    """An amount of money, from 0."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that it is an amount."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or not 0 <= amount <= 1_000_000_000:
            self.fail(f"{value!r} is no amount in USD such as 12.50", param, ctx)
        return str(amount)
