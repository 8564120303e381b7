"""What all models of the language have in common: no unknown keys, no conversions, no changes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from wiro_mock.language.substitution import check_text, written

DRAFT = "https://json-schema.org/draft/2020-12/schema"
AFTER = "how long after the step before it (or after the release of a hold)"


class Strict(BaseModel):
    """No unknown keys, no conversions, no changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StepModel(Strict):
    """What all steps have in common: the short form.

    `shorthand` is the key that a bare value stands for; `least` is the shortest way to write a step that cannot
    stand without a value.
    """

    shorthand: ClassVar[str] = ""
    least: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return {cls.shorthand: value} if cls.shorthand and not isinstance(value, dict) else value


def _given(value: object) -> object:
    if value is None:
        raise ValueError("has no value; write one, or leave the key out")
    return value


Given = BeforeValidator(_given)
"""For keys that may be left out: a key that is there without a value is a mistake, not the default."""

Text: TypeAlias = Annotated[
    str, BeforeValidator(written), AfterValidator(check_text), WithJsonSchema({"type": ["string", "number"]})
]
"""A text with `${…}` in it. A plain number is the text that it is written as."""


def tidy(part: Any) -> None:
    """Take out the titles, the defaults (which are not spelt as in YAML), and nulls that only mean "left out"."""
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else []:
        tidy(inner)
    if isinstance(part, dict):
        for key in ("title", "default"):
            if not isinstance(part.get(key, {}), dict):
                del part[key]
        forms = [form for form in part.get("anyOf", []) if form != {"type": "null"}]
        if len(forms) == 1:
            del part["anyOf"]
            part.update(forms[0])
        elif forms:
            part["anyOf"] = forms
