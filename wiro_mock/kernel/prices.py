"""What a model asks for its runs: the tiers of its `dynamicprice`, how they look on the wire, and exact sums of USD.

Which tier holds for a run, and what it comes to, is in `bill`. The methods are those of rest.md §8 (Wiro's pricing
page of April 2026); `cp-outputPictureCount` has been seen in use, and is documented nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Final, Literal, TypeAlias

from wiro_mock.kernel.numbers import json_number

Method: TypeAlias = Literal[
    "cpr", "cps", "cpo", "cpt", "cp-pixel", "cp-audiosecondslength", "cp-promptlength", "cp-outputVideoLength",
    "cp-realtimeturn", "cp-readoutput", "cp-outputPictureCount",
]  # fmt: skip
METHODS: Final[tuple[Method, ...]] = Method.__args__  # type: ignore[attr-defined]

EXACT: Final = Context(prec=200)
"""Python reckons with 28 digits, which a price of twelve decimals times 10**18 tokens goes beyond."""
TWELVE_PLACES: Final = Decimal("0.000000000001")
_QUANTITY: Final = re.compile(r"QUANTITY:([0-9]{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One price of a model. It holds for runs whose parameters are as in `inputs`, compared as text; `QUANTITY:n`
    stands for n files. `extra` is for every further megapixel, `per_input` for those of input images (`cp-pixel`).
    """

    price: Decimal
    method: Method
    inputs: Mapping[str, str] = field(default_factory=dict)
    extra: Decimal | None = None
    per_input: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a run has used, where its scenario (or a live backend) says so; None where the run itself must tell.

    `tokens` counts input and output, `audio_seconds` the input, `video_seconds` and `pixels` the output, `turns` those
    of a realtime session; `price` is the USD that a model with `cp-readoutput` names itself.
    """

    tokens: int | None = None
    audio_seconds: Decimal | None = None
    video_seconds: Decimal | None = None
    turns: int | None = None
    pixels: int | None = None
    price: Decimal | None = None


NOTHING_SAID: Final = Used()


def quantity(wanted: str) -> int | None:
    """The n of `QUANTITY:n`; None for a value that is compared as text."""
    found = _QUANTITY.fullmatch(wanted)
    return int(found[1]) if found else None


def product(amount: Decimal, times: Decimal | int) -> Decimal:
    """The exact product."""
    return EXACT.multiply(amount, times)


def total(*amounts: Decimal) -> Decimal:
    """The exact sum."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def twelve_places(amount: Decimal) -> Decimal:
    """The amount with the twelve decimals that `totalcost` has; what is printed is what is charged."""
    return amount.quantize(TWELVE_PLACES, context=EXACT)


def price(elapsed_seconds: int, cps: Decimal) -> Decimal:
    """What a run paid by the second costs: whole seconds times the price per second as printed, to twelve places.

    The printed price, so that a reader of Detail can redo the multiplication (rest.md §8).
    """
    return product(twelve_places(cps), elapsed_seconds)


def shown(tiers: Sequence[Tier]) -> list[dict[str, object]]:
    """The tiers as `dynamicprice` lists them: `[{"inputs": {}, "price": 0.09, "priceMethod": "cpr"}]`.

    `priceExtra` and `priceInput` stand there where they are given (rest.md §8). Numbers are numbers: up to fifteen
    digits, as the files of models have them, are exact.
    """
    return [_shown(tier) for tier in tiers]


def _shown(tier: Tier) -> dict[str, object]:
    item: dict[str, object] = {
        "inputs": dict(tier.inputs),
        "price": json_number(tier.price),
        "priceMethod": tier.method,
    }
    if tier.extra is not None:
        item["priceExtra"] = json_number(tier.extra)
    if tier.per_input is not None:
        item["priceInput"] = json_number(tier.per_input)
    return item
