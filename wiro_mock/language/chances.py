"""Lengths of time that are drawn: fixed (`2s`), anything between two (`1s..3s`), or around a mean (`{normal: 2s}`).

A draw is a function of a number from 0 to 1, which comes from a seed: equal seeds, equal lengths.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from wiro_mock.kernel.events import Duration
from wiro_mock.language.durations import LONGEST, DurationText, format_duration, parse_duration
from wiro_mock.language.strict import Given, Strict

_FORMS = "write it like 2s, 1s..3s, {normal: 2s, sd: 500ms}, {lognormal: 2s, sd: 1s} or {exponential: 2s}"
_NARROW = 1e-9
"""How far a draw stays away from 0 and 1, where some distributions are infinite."""


class Chance(Strict):
    """A length of time that is drawn each time anew; exactly one of the first four is there."""

    uniform: Annotated[tuple[Duration, Duration] | None, WithJsonSchema({"type": "string"})] = Field(
        default=None, description="anything between two lengths, such as 1s..3s"
    )
    normal: Annotated[DurationText | None, Given] = Field(default=None, description="the mean of a normal distribution")
    lognormal: Annotated[DurationText | None, Given] = Field(
        default=None, description="the mean of a log-normal distribution: mostly shorter, now and then much longer"
    )
    exponential: Annotated[DurationText | None, Given] = Field(
        default=None, description="the mean of an exponential distribution"
    )
    sd: Annotated[DurationText | None, Given] = Field(
        default=None, description="the standard deviation of normal and lognormal; by default half the mean"
    )

    @model_validator(mode="after")
    def _is_one(self) -> Chance:
        given = [name for name in ("uniform", "normal", "lognormal", "exponential") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"is {'several' if given else 'no'} lengths of time at once; {_FORMS}")
        if self.sd is not None and given[0] not in ("normal", "lognormal"):
            raise ValueError(f"sd: {given[0]} has none; leave it out, or write normal or lognormal")
        if given[0] == "lognormal" and not self.lognormal:
            raise ValueError("lognormal: the mean is above 0s")
        return self

    def draw(self, number: float) -> Duration:
        """The length in microseconds for a number from 0 to 1; longer for a larger one."""
        number = min(max(number, _NARROW), 1 - _NARROW)
        if self.uniform is not None:
            low, high = self.uniform
            return low + round((high - low) * number)
        if self.exponential is not None:
            return _bounded(-self.exponential * math.log1p(-number))
        mean = self.normal if self.normal is not None else self.lognormal or 0
        sd = self.sd if self.sd is not None else mean // 2
        if self.normal is not None:
            return _bounded(mean + sd * NormalDist().inv_cdf(number))
        width = math.log1p((sd / mean) ** 2)
        return _bounded(math.exp(math.log(mean) - width / 2 + math.sqrt(width) * NormalDist().inv_cdf(number)))

    def words(self) -> Any:
        """How it is spelt."""
        if self.uniform is not None:
            low, high = map(format_duration, self.uniform)
            return low if low == high else f"{low}..{high}"
        return {name: format_duration(getattr(self, name)) for name in sorted(self.model_fields_set)}

    def __str__(self) -> str:
        words = self.words()
        return words if isinstance(words, str) else " ".join(f"{name} {value}" for name, value in words.items())


def _bounded(microseconds: float) -> Duration:
    return round(min(max(microseconds, 0), LONGEST))


def parse_chance(value: object) -> object:
    """What `Chance` is made of: a text such as `2s` or `1s..3s` is taken apart."""
    if isinstance(value, dict | Chance):
        if isinstance(value, dict) and "uniform" in value:
            raise ValueError("uniform: write the two lengths themselves, such as 1s..3s")
        return value
    if not isinstance(value, str):
        parse_duration(value)  # says that a unit is missing
        raise ValueError(f"{value!r} is not a length of time; {_FORMS}")
    low, dots, high = value.partition("..")
    least, most = parse_duration(low.strip()), parse_duration(high.strip() if dots else low.strip())
    if least > most:
        raise ValueError(f"{value} ends before it begins; write {high.strip()}..{low.strip()}")
    return Chance.model_construct(_fields_set={"uniform"}, uniform=(least, most))


_LENGTH = r"([0-9.]+(h|ms|m|s|us))+"
ChanceText: TypeAlias = Annotated[
    Chance,
    BeforeValidator(parse_chance),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": rf"^{_LENGTH}( ?\.\. ?{_LENGTH})?$", "examples": ["2s", "1s..3s"]},
                {
                    "type": "object",
                    "properties": {
                        name: {
                            "type": "string",
                            "pattern": f"^{_LENGTH}$",
                            "description": Chance.model_fields[name].description,
                        }
                        for name in ("normal", "lognormal", "exponential", "sd")
                    },
                    "additionalProperties": False,
                    "minProperties": 1,
                    "maxProperties": 2,
                },
            ]
        }
    ),
]
"""A `Chance` as it is written."""
