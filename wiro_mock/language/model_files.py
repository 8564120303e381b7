"""The models on offer, as documents of `models/*.yaml`: as strict as the scenarios."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.language.parameters import Parameters
from wiro_mock.language.strict import Given, Strict
from wiro_mock.language.substitution import value_text, written


def _check_model(name: str) -> str:
    owner, _, slug = name.partition("/")
    if not clean_slug(owner) or not clean_slug(slug) or "/" in slug:
        raise ValueError(f"'{name}' is not the name of a model; write it like moondream3-preview/caption")
    return name


def _price(value: object) -> Decimal:
    text = value if isinstance(value, str) else ""
    if not text.replace(".", "", 1).isdecimal() or not text.isascii():
        raise ValueError(f'{value!r} is not a price; write USD per second in quotes, such as "0.000585"')
    return Decimal(text)


def _texts(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key: item if isinstance(item, dict | list) else value_text(written(item)) for key, item in value.items()}


class ModelFile(Strict):
    """One model on offer, as a document of `models/*.yaml`."""

    model: Annotated[str, AfterValidator(_check_model)] = Field(description="owner/slug, in display form")
    id: str = Field(pattern=r"^[0-9]+$", description="digits in quotes")
    kind: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="its kind of output, such as text or image")
    cps: Annotated[Decimal, BeforeValidator(_price)] = Field(description="USD per second, in quotes")
    seconds: Annotated[int | None, Given] = Field(default=None, ge=1, description="how long a run takes on average")
    about: str = Field(default="", description="one sentence")
    categories: list[str] = Field(default=[], description="a list of words")
    parameters: Parameters = Field(default={}, description="its parameters by their ids")
    defaults: Annotated[dict[str, str], BeforeValidator(_texts)] = Field(
        default={}, description="default values of its parameters, where there is no list of them"
    )

    @field_validator("defaults")
    @classmethod
    def _said_once(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if value and info.data.get("parameters"):
            raise ValueError("stands beside parameters; write `default` into the parameter itself")
        return value

    def value(self) -> Model:
        """The model itself."""
        owner, _, slug = self.model.partition("/")
        return Model(
            id=self.id,
            owner=owner,
            slug=slug,
            kind=self.kind,
            cps=self.cps,
            description=self.about,
            categories=tuple(self.categories),
            seconds=self.seconds,
            parameters=tuple(one.value(name) for name, one in self.parameters.items()),
            defaults=self.defaults,
        )
