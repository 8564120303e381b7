"""What a run costs: the tiers of a model's `dynamicprice`, which of them holds for a run, and what it comes to.

All amounts are USD in exact decimal arithmetic. The methods and their formulas are those of rest.md §8 (Wiro's
pricing page of April 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, TypeAlias

Method: TypeAlias = Literal[
    "cpr", "cps", "cpo", "cpt", "cp-pixel", "cp-audiosecondslength", "cp-promptlength", "cp-outputVideoLength",
    "cp-realtimeturn", "cp-readoutput",
]  # fmt: skip
METHODS: Final[tuple[Method, ...]] = Method.__args__  # type: ignore[attr-defined]


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
