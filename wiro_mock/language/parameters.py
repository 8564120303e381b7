"""A parameter of a model, as `models/*.yaml` writes it: Wiro's own words (`type`, `min`, `options`, …), and strict.

What contradicts itself is a complaint at the key that has to be mended, so the keys stand here in the order in which
they are compared: the type first, the default last.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from wiro_mock.kernel.catalog import CHOICES, FILES, NUMBERS, TEXTS, Parameter, ParameterType
from wiro_mock.kernel.texts import value_text
from wiro_mock.language.strict import Given, Strict
from wiro_mock.language.substitution import written

AND_MORE: Final = "…"
"""As the last of the options: there are more of them than our source shows."""


_NO_VALUE: Final = "has no value; write one, or leave the key out"


def _number(value: object) -> object:
    if value is None:
        raise ValueError(_NO_VALUE)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"'{value_text(value)}' is not a number; write digits without quotes")
    return Decimal(str(written(value)))


def _text(value: object) -> object:
    if value is None:
        raise ValueError(_NO_VALUE)
    return value if isinstance(value, dict | list) else value_text(written(value))


def _options(value: object) -> object:
    """Options without a label may be written as plain texts."""
    if not isinstance(value, list):
        return value
    return [item if isinstance(item, dict) else {"value": item} for item in value]


def numeric(text: str) -> Decimal | None:
    """The number that a text is, if it is one, in digits."""
    digits = text.removeprefix("-").removeprefix("+").replace(".", "", 1)
    return Decimal(text) if digits.isascii() and digits.isdecimal() else None


_Number: TypeAlias = Annotated[Decimal | None, BeforeValidator(_number)]
_Count: TypeAlias = Annotated[int | None, Given]


class OptionFile(Strict):
    """One option: what is sent, and what a form calls it."""

    value: Annotated[str, BeforeValidator(_text)] = Field(description="what is sent")
    label: Annotated[str | None, BeforeValidator(_text)] = Field(
        default=None, description="what a form calls it; by default the value"
    )


class ParameterFile(Strict):
    """One parameter; its id is the key that it stands under."""

    type: ParameterType = Field(description="its type, such as text, number, select or combinefileinput")
    required: bool = Field(default=False, description="true or false")
    min: _Number = Field(default=None, description="the smallest number")
    max: _Number = Field(default=None, description="the largest number")
    step: _Number = Field(default=None, description="numbers are multiples of it")
    options: Annotated[list[OptionFile], BeforeValidator(_options)] = Field(
        default=[],
        min_length=1,
        description="what may be chosen, texts or {value: …, label: …}; … as the last one: there are more",
    )
    entries: _Count = Field(default=None, ge=1, description="how many files or URLs there may be")
    maxlength: _Count = Field(default=None, ge=1, description="how many characters there may be")
    label: str = Field(default="", description="what a form calls it")
    note: str = Field(default="", description="a hint for whoever fills in a form")
    placeholder: str = Field(default="", description="what an empty field of a form shows")
    group: str = Field(default="", description="the title of the group of the form that it stands in; by default Input")
    default: Annotated[str | None, BeforeValidator(_text)] = Field(default=None, description="its default value")

    @field_validator("min", "max", "step", "options", "entries", "maxlength")
    @classmethod
    def _fits_the_type(cls, value: Any, info: ValidationInfo) -> Any:
        name, kind = str(info.field_name), info.data.get("type")
        if kind is not None and kind not in _BELONGS[name]:
            raise ValueError(f"a {kind} has no {name}; take it out, or write another type")
        return value

    @field_validator("max")
    @classmethod
    def _above_min(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        least = info.data.get("min")
        if least is not None and value < least:
            raise ValueError(f"{value} is below min, which is {least}; swap the two, or mend one")
        return value

    @field_validator("step")
    @classmethod
    def _goes_on(cls, value: Decimal) -> Decimal:
        if value <= 0:
            raise ValueError(f"{value} leads nowhere; write a number above 0, or leave it out")
        return value

    @field_validator("default")
    @classmethod
    def _possible(cls, value: str, info: ValidationInfo) -> str:
        kind, options = info.data.get("type"), [one.value for one in info.data.get("options", [])]
        if kind in _BELONGS["min"] and value:
            _check_range(value, info.data, must_be_number=kind in NUMBERS)
        # In any letter case: Wiro's own pages have `Auto` for the option `auto`.
        if options and AND_MORE not in options[-1:] and value.lower() not in map(str.lower, options):
            raise ValueError(f"{value!r} is none of the options; add it to them, or write one of them")
        return value

    def value(self, name: str) -> Parameter:
        """The parameter of this id."""
        more = bool(self.options) and self.options[-1].value == AND_MORE
        options = self.options[:-1] if more else self.options
        labels = tuple("" if one.label == one.value else one.label or "" for one in options)
        return Parameter(
            id=name,
            type=self.type,
            required=self.required,
            default=self.default,
            minimum=self.min,
            maximum=self.max,
            step=self.step,
            options=tuple(one.value for one in options),
            option_labels=labels if any(labels) else (),
            more_options=more,
            entries=self.entries,
            max_length=self.maxlength,
            label=self.label,
            note=self.note,
            placeholder=self.placeholder,
            group=self.group,
        )


def _check_range(value: str, known: dict[str, Any], *, must_be_number: bool) -> None:
    least, most = known.get("min"), known.get("max")
    number = numeric(value)
    if number is None:
        if must_be_number or least is not None or most is not None:
            raise ValueError(f"{value!r} is not a number; write digits")
        return
    if least is not None and number < least:
        raise ValueError(f"{value} is below min, which is {least}; write one in the range, or mend min")
    if most is not None and number > most:
        raise ValueError(f"{value} is above max, which is {most}; write one in the range, or mend max")


_RANGED = NUMBERS | TEXTS
_BELONGS: Final = {
    "min": _RANGED,
    "max": _RANGED,
    "step": _RANGED,
    "options": CHOICES,
    "entries": FILES,
    "maxlength": TEXTS,
}


def _check_ids(value: dict[str, ParameterFile]) -> dict[str, ParameterFile]:
    for name in value:
        if not name or not name.isprintable() or any(char in " ,;:=&?" for char in name):
            raise ValueError(f"{name!r} cannot be a parameter's id; write a word such as inputImage")
    return value


Parameters: TypeAlias = Annotated[dict[str, ParameterFile], AfterValidator(_check_ids)]
"""The parameters of a model by their ids, in the order of its page."""
