"""The models on offer, as documents of `models/*.yaml`: as strict as the scenarios."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from wiro_mock.kernel.catalog import LONGEST_SLUG, Access, Model, clean_slug
from wiro_mock.kernel.kinds import Kind
from wiro_mock.language.money import usd
from wiro_mock.language.parameters import Parameters
from wiro_mock.language.price_files import PriceFile, check_prices
from wiro_mock.language.strict import Given, Strict
from wiro_mock.language.substitution import mapped_texts, written


def _check_model(name: str) -> str:
    owner, _, slug = name.partition("/")
    if not clean_slug(owner) or not clean_slug(slug) or "/" in slug:
        raise ValueError(f"'{name}' is not the name of a model; write it like moondream3-preview/caption")
    if len(owner) > LONGEST_SLUG or len(slug) > LONGEST_SLUG:
        raise ValueError(f"'{name[:40]}…' is too long: owner and slug have at most {LONGEST_SLUG} characters each")
    return name


def _per_second(value: object) -> Decimal:
    return usd(value, 'USD per second in quotes, such as "0.000585"')


def _points(value: object) -> object:
    return Decimal(str(written(value))) if isinstance(value, int | float) and not isinstance(value, bool) else value


class ModelFile(Strict):
    """One model on offer, as a document of `models/*.yaml`."""

    model: Annotated[str, AfterValidator(_check_model)] = Field(description="owner/slug, in display form")
    id: str = Field(pattern=r"^[0-9]+$", description="digits in quotes")
    kind: Kind = Field(description="its kind of output, such as text or image")
    cps: Annotated[Decimal, BeforeValidator(_per_second)] = Field(description="USD per second, in quotes")
    seconds: Annotated[int | None, Given] = Field(default=None, ge=1, description="how long a run takes on average")
    about: str = Field(default="", description="one sentence")
    categories: list[str] = Field(default=[], description="a list of words")
    parameters: Parameters = Field(default={}, description="its parameters by their ids")
    prices: list[PriceFile] = Field(default=[], description="its prices, where a run is not paid by the second")
    access: Access = Field(default="public", description="who may run it: public, members or closed (nobody)")
    training: bool = Field(default=False, description="true for a model that trains: it needs a balance of 10 USD")
    workflow: bool = Field(default=False, description="true for a workflow, which a list of models can leave out")
    tags: list[str] = Field(default=[], description="a list of words")
    title: str = Field(default="", description="its name for people; by default the slug as displayed")
    image: str = Field(default="", description="the URL of its cover")
    readme: str = Field(default="", description="what its page says, in HTML")
    samples: list[str] = Field(default=[], description="URLs of sample outputs")
    inspire: list[Annotated[dict[str, str], BeforeValidator(mapped_texts)]] = Field(
        default=[], description="example inputs, each a mapping of parameters to values"
    )
    created: int = Field(default=0, ge=0, description="when it was published, in unix seconds")
    comments: int = Field(default=0, ge=0, description="how many comments it has")
    raters: int = Field(default=0, ge=0, description="how many people have rated it")
    points: Annotated[Decimal, BeforeValidator(_points)] = Field(
        default=Decimal(0), ge=0, le=5, description="what they gave on average, from 0 to 5"
    )
    defaults: Annotated[dict[str, str], BeforeValidator(mapped_texts)] = Field(
        default={}, description="default values of its parameters, where there is no list of them"
    )

    @field_validator("prices")
    @classmethod
    def _agree(cls, value: list[PriceFile], info: ValidationInfo) -> list[PriceFile]:
        check_prices(value, info.data.get("parameters") or {})
        return value

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
            prices=tuple(price.value() for price in self.prices),
            access=self.access,
            training=self.training,
            workflow=self.workflow,
            tags=tuple(self.tags),
            title=self.title,
            image=self.image,
            readme=self.readme,
            samples=tuple(self.samples),
            inspire=tuple(self.inspire),
            created=self.created,
            comments=self.comments,
            raters=self.raters,
            points=self.points,
        )
