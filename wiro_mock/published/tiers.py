"""Prices as a source has them → prices that the strict loader takes: each is put to the loader's own rules.

What breaks one is left out, and told: a price of a method that nobody documents, one that counts what cannot be
counted, one that holds for the same runs as another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from pydantic import ValidationError

from wiro_mock.kernel.catalog import Parameter
from wiro_mock.kernel.numbers import digits, plain
from wiro_mock.kernel.prices import Tier
from wiro_mock.language.parameters import ParameterFile
from wiro_mock.language.price_files import PriceFile, check_prices
from wiro_mock.published.cleaning import LONGEST_ID

MOST: Final = 500
"""So many prices are taken of a model."""


def sound_tiers(found: Iterable[Tier], parameters: Iterable[Parameter], left_out: list[str]) -> tuple[Tier, ...]:
    """The prices that are free of contradictions; the others are added to what is left out, one phrase each."""
    types = {one.id: ParameterFile(type=one.type) for one in parameters}
    kept: list[tuple[Tier, PriceFile]] = []
    for number, tier in enumerate(found):
        if number == MOST:
            left_out.append(f"the prices after the first {MOST}")
            break
        one = tier if tier.method == "cp-pixel" else replace(tier, extra=None, per_input=None)
        if one is not tier and (tier.extra or tier.per_input):
            left_out.append(f"what {_named(tier)} has for pixels, of which its method counts none")
        if reason := _wrong(one, [file for _, file in kept], types):
            left_out.append(f"{_named(tier)}: {reason}")
        else:
            kept.append((one, _file(one)))
    return tuple(tier for tier, _ in kept)


def _named(tier: Tier) -> str:
    return f"the price of {plain(tier.price)} by {tier.method}"


def _wrong(tier: Tier, kept: list[PriceFile], types: Mapping[str, ParameterFile]) -> str:
    """Why the price cannot stand beside those that are kept; empty where it can."""
    if not all(0 < len(key) <= LONGEST_ID for key in tier.inputs):
        return "it names a parameter that has no name, or too long a one"
    try:
        check_prices([*kept, _file(tier)], dict(types))
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ").partition("; ")[0]
    return ""


def _file(tier: Tier) -> PriceFile:
    """The price as a file has it. Raises `ValidationError`."""
    amounts = {"price": tier.price, "extra": tier.extra, "per_input": tier.per_input}
    given = {key: digits(amount) for key, amount in amounts.items() if amount is not None}
    return PriceFile.model_validate({**given, "method": tier.method, "inputs": dict(tier.inputs)})
