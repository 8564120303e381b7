"""The prices of a model, as `models/*.yaml` writes them: the tiers of Wiro's `dynamicprice`, and nothing absurd.

What contradicts itself is a complaint at the key that has to be mended, as with parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from wiro_mock.kernel.catalog import FILES
from wiro_mock.kernel.prices import Method, Tier, quantity
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.language.money import usd_on_the_wire
from wiro_mock.language.parameters import ParameterFile
from wiro_mock.language.strict import Strict
from wiro_mock.language.substitution import mapped_texts

COUNT = "QUANTITY:"


class PriceFile(Strict):
    """One tier of a model's prices, in the words of Wiro's `dynamicprice`."""

    price: Annotated[Decimal, BeforeValidator(usd_on_the_wire)] = Field(description="USD, in quotes")
    method: Method = Field(
        description="how it is reckoned, such as cpr (per run), cpo (per output) or cps (per second)"
    )
    inputs: Annotated[dict[str, str], BeforeValidator(mapped_texts)] = Field(
        default={}, description="the parameters for which it holds; QUANTITY:n stands for n files"
    )
    extra: Annotated[Decimal | None, BeforeValidator(usd_on_the_wire)] = Field(
        default=None, description="USD for every further megapixel (cp-pixel), in quotes"
    )
    per_input: Annotated[Decimal | None, BeforeValidator(usd_on_the_wire)] = Field(
        default=None, description="USD for every megapixel of the input images (cp-pixel), in quotes"
    )

    @field_validator("extra", "per_input")
    @classmethod
    def _belongs(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        method = info.data.get("method")
        if method not in (None, "cp-pixel"):
            raise ValueError(f"means nothing with the method {method}; take it out, or write method: cp-pixel")
        return value

    @field_validator("inputs")
    @classmethod
    def _countable(cls, value: dict[str, str]) -> dict[str, str]:
        for name, wanted in value.items():
            if wanted.upper().startswith(COUNT) and quantity(wanted) is None:
                raise ValueError(f"'{wanted}' of {name} counts nothing; write QUANTITY:2 for two files")
        return value

    def value(self) -> Tier:
        """The tier itself."""
        return Tier(
            price=self.price, method=self.method, inputs=self.inputs, extra=self.extra, per_input=self.per_input
        )


def check_prices(prices: Sequence[PriceFile], parameters: Mapping[str, ParameterFile]) -> None:
    """Raise a `ValidationError` for tiers that contradict each other, or the model's parameters.

    A model without a list of its parameters may name any.
    """
    wrong = [*_twice(prices), *_unknown(prices, parameters)]
    if wrong:
        details = [
            InitErrorDetails(
                type=PydanticCustomError("value_error", "{error}", {"error": message}), loc=place, input=None
            )
            for place, message in wrong
        ]
        raise ValidationError.from_exception_data("prices", details)


_Wrong = tuple[tuple[str | int, ...], str]


def _twice(prices: Sequence[PriceFile]) -> Iterator[_Wrong]:
    for place, one in enumerate(prices):
        for earlier, other in enumerate(prices[:place]):
            if one.inputs == other.inputs:
                which = f"price {earlier + 1} holds for the same runs as price {place + 1}"
                way = "write other inputs into one of the two, or take it out"
                yield (place, *(["inputs"] if "inputs" in one.model_fields_set else [])), f"{which}; {way}"
                break


def _unknown(prices: Sequence[PriceFile], parameters: Mapping[str, ParameterFile]) -> Iterator[_Wrong]:
    pairs = [(place, *pair) for place, one in enumerate(prices) for pair in one.inputs.items()] if parameters else []
    for place, name, wanted in pairs:
        path = (place, "inputs", name)
        if name not in parameters:
            hint = did_you_mean(name, parameters, what="its parameters are")
            yield path, f"the model has no parameter '{name}'; {hint}"
        elif quantity(wanted) is not None and parameters[name].type not in FILES:
            kind = parameters[name].type
            yield path, f"a {kind} has no files to count; write a value that it may have, or name a file parameter"
