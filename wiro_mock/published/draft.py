"""What a source says of one model, before anything is checked, guessed or left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from wiro_mock.kernel.prices import Tier


class NotAModel(Exception):
    """The source is no description of a model; the message says what was found, and what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One parameter as its source has it: numbers and defaults as texts, `None` for what it does not say.

    `low` and `high` are the ends of its range, `most` is how many files or characters there may be;
    `option_labels` go with the options, as far as there are any; `more_options` says that the options need not be all.
    """

    id: str
    type: str = "text"
    required: bool = False
    default: str | None = None
    low: str | None = None
    high: str | None = None
    step: str | None = None
    options: tuple[str, ...] = ()
    option_labels: tuple[str, ...] = ()
    more_options: bool = False
    most: int | None = None
    label: str = ""
    note: str = ""
    placeholder: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One model as its source has it; `None` is what the source does not say.

    `form` names the kind of source for people, `lacks` what such a source never says, and `remarks` what was left out
    while it was read.
    """

    form: str
    lacks: str
    owner: str
    slug: str
    id: str | None = None
    title: str = ""
    about: str = ""
    image: str = ""
    readme: str = ""
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    inspire: tuple[Mapping[str, str], ...] = ()
    cps: Decimal | None = None
    prices: tuple[Tier, ...] = ()
    seconds: int | None = None
    members: bool = False
    created: int = 0
    comments: int = 0
    raters: int = 0
    points: Decimal = Decimal(0)
    parameters: tuple[Found, ...] = ()
    remarks: tuple[str, ...] = ()
