"""The models on offer, and how a slug in a URL finds one (rest.md §5.1)."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

from wiro_mock.kernel.kinds import Kind
from wiro_mock.kernel.nearest import CLOSE, Letters, likeness, listed
from wiro_mock.kernel.prices import Tier
from wiro_mock.kernel.refusals import No

WHERE_MODELS_ARE = (
    "add it by wiro-mock model add FILE-OR-URL, describe it in models/*.yaml of a folder of scenarios "
    "(scenarios/README.md, Models), or play it without a description by unknown_models='play' (--unknown-models play)"
)
"""The three ways to a model that is not there."""
FEW: Final = 10
"""So many models are named where none is near."""
SLUG_SHOWN = 100
"""Characters of an owner or a slug that are told of."""
LONGEST_SLUG: Final = 200
"""Characters of an owner or a slug; a longer one names no model, and is not looked at any closer."""
COMPARED: Final = 10
"""So many models are compared, letter by letter, with a name that is none."""


ParameterType: TypeAlias = Literal[
    "text", "textarea", "number", "float", "integer", "numeric", "range", "select", "selectwithcover", "checkbox",
    "fileinput", "multifileinput", "combinefileinput",
]  # fmt: skip
"""The types of parameters that Wiro has been seen to use (rest.md §2.6)."""
Access: TypeAlias = Literal["public", "members", "closed"]
TEXTS: Final = frozenset({"text", "textarea"})
NUMBERS: Final = frozenset({"number", "float", "integer", "numeric", "range"})
CHOICES: Final = frozenset({"select", "selectwithcover"})
FILES: Final = frozenset({"fileinput", "multifileinput", "combinefileinput"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One input of a model, as its page lists it.

    A text may have a range, too: Wiro's `seed` is one. `more_options` says that the options are not all of them,
    because the source cut the list off. `option_labels` are what a form calls them, one for each option, empty for
    one without; or there are none at all. `entries` is how many files or URLs there may be, `max_length` how many
    characters. `group` is the title of the group of the form that it stands in, empty for the usual one.
    """

    id: str
    type: ParameterType
    required: bool = False
    default: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    options: tuple[str, ...] = ()
    option_labels: tuple[str, ...] = ()
    more_options: bool = False
    entries: int | None = None
    max_length: int | None = None
    label: str = ""
    note: str = ""
    placeholder: str = ""
    group: str = ""

    @property
    def shown_label(self) -> str:
        """What a form calls it: its label, or one made of its id, which is our choice. A label of blanks is none."""
        return self.label if self.label.strip() else readable(self.id)

    @property
    def shown_options(self) -> Iterator[tuple[str, str]]:
        """Each option with what a form calls it: the option itself where it has no label."""
        labels = self.option_labels or ("",) * len(self.options)
        return ((value, label if label.strip() else value) for value, label in zip(self.options, labels, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model. `cps` is its price in USD per second of elapsed time; `kind` is its kind of output
    (`text`, `image`, …), which picks the default scenario; `seconds` is how long a run takes on average, where known.
    `defaults` are the default values of its parameters; where there are `parameters`, they say so themselves.

    `prices` are its tiers, where a run isn't paid by the second; `access` says who may run it: everybody, signed-in
    members, or nobody; `training` needs a higher balance. The rest is what the list of models shows: `created` in
    unix seconds, `points` from 0 to 5, `inspire` example inputs, `image` and `samples` URLs, `readme` HTML.
    `source` is the `file:line` that describes it, for the tester.
    """

    id: str
    owner: str
    slug: str
    kind: Kind
    cps: Decimal
    description: str = ""
    categories: tuple[str, ...] = ()
    seconds: int | None = None
    parameters: tuple[Parameter, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    prices: tuple[Tier, ...] = ()
    access: Access = "public"
    training: bool = False
    workflow: bool = False
    tags: tuple[str, ...] = ()
    title: str = ""
    image: str = ""
    readme: str = ""
    samples: tuple[str, ...] = ()
    inspire: tuple[Mapping[str, str], ...] = ()
    created: int = 0
    comments: int = 0
    raters: int = 0
    points: Decimal = Decimal(0)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.parameters:
            defaults = {one.id: one.default for one in self.parameters if one.default is not None}
            object.__setattr__(self, "defaults", defaults)

    @property
    def name(self) -> str:
        """`owner/slug` in display form."""
        return f"{self.owner}/{self.slug}"

    @property
    def clean_name(self) -> str:
        """`owner/slug` as it stands in URLs."""
        return clean_name(self.owner, self.slug)

    def fits(self, glob: str) -> bool:
        """Whether a glob such as `google/*` means this model, in clean or in display form, in any letter case."""
        return fnmatchcase(self.clean_name, glob.lower()) or fnmatchcase(self.name.lower(), glob.lower())


def clean_slug(text: str) -> str:
    """The URL form of a display slug: lower case, runs of spaces, dots, underscores and dashes as one dash.

    The rule fits every known pair: `veo3.1` → `veo3-1`, `FLUX.2-dev` → `flux-2-dev` (rest.md §5.1). Any other
    character stays, so that a slug with a slash or a line feed in it names no model.
    """
    return _kept(text) if len(text) <= LONGEST_SLUG else _cleaned(text)


def _cleaned(text: str) -> str:
    return re.sub(r"[ ._-]+", "-", text.lower()).strip("-")


_kept = lru_cache(maxsize=1_000)(_cleaned)  # of short texts only: a client may send megabytes


def clean_name(owner: str, slug: str) -> str:
    """`owner/slug` in URL form, under which a model is found."""
    return f"{clean_slug(owner)}/{clean_slug(slug)}"


def readable(name: str) -> str:
    """The id of a parameter in words: `inputImage` → `Input Image`, `user_id` → `User Id`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", re.sub(r"[_.-]+", " ", name)).split()
    return " ".join(word[0].upper() + word[1:] for word in words) or name


class _Named(NamedTuple):
    """A model by its clean names, and which letters they have."""

    owner: str
    slug: str
    owner_letters: Letters
    slug_letters: Letters
    model: Model


class Catalog:
    """The models by clean slug; both the clean and the display form find them, in any letter case."""

    def __init__(self, models: Iterable[Model] = ()) -> None:
        self._models = {model.clean_name: model for model in models}

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    def get(self, owner: str, slug: str) -> Model | None:
        """The model that an owner and a slug name, or None: also for one that is longer than any name here."""
        if len(owner) > LONGEST_SLUG or len(slug) > LONGEST_SLUG:
            return None
        return self._models.get(clean_name(owner, slug))

    def resolve(self, owner: str, slug: str) -> Model:
        """The model that a URL's two segments name.

        Raises `Refusal` (code 1, `slug-owner-project-not-exist`) when there is none.
        """
        model = self.get(owner, slug)
        if model is None:
            wanted = f"{owner[:SLUG_SHOWN]}/{slug[:SLUG_SHOWN]}"
            reason = f"no model {wanted} in the catalogue; {self._hint(owner, slug)}{WHERE_MODELS_ARE}"
            raise No.MODEL.refusal(reason=reason, unexpected=True)
        return model

    def nearest(self, owner: str, slug: str) -> Model | None:
        """The model that may be meant by an owner and a slug that name none: both must be alike.

        What two names have in letters tells how alike they are at most; only those of which that promises most are
        compared letter by letter, for a client may ask for one unknown model after another.
        """
        owner, slug = owner[:SLUG_SHOWN], slug[:SLUG_SHOWN]
        if swapped := self._models.get(clean_name(slug, owner)):
            return swapped
        owner, slug = clean_slug(owner), clean_slug(slug)
        of_owner, of_slug = Letters.of(owner), Letters.of(slug)
        promised = (
            (min(of_owner.likeness(one.owner_letters), of_slug.likeness(one.slug_letters)), one) for one in self._named
        )
        best, near = CLOSE, None
        for most, one in heapq.nlargest(COMPARED, promised, key=lambda pair: pair[0]):
            if most < best:
                break
            alike = min(likeness(owner, one.owner), likeness(slug, one.slug))
            if alike > best or (alike == best and near is None):
                best, near = alike, one.model
        return near

    @cached_property
    def _named(self) -> list[_Named]:
        names = ((clean_slug(model.owner), clean_slug(model.slug), model) for model in self)
        return [_Named(owner, slug, Letters.of(owner), Letters.of(slug), model) for owner, slug, model in names]

    def _hint(self, owner: str, slug: str) -> str:
        owner, slug = owner[:SLUG_SHOWN], slug[:SLUG_SHOWN]
        if swapped := self._models.get(clean_name(slug, owner)):
            return f"owner and model have changed places; did you mean {swapped.name}? If not, "
        of_owner = sorted(one.model.slug for one in self._named if one.owner == clean_slug(owner))
        if near := self.nearest(owner, slug):
            return f"did you mean {near.name}? If not, "
        if of_owner:
            return f"the models of {owner}: {listed(of_owner)}; "
        same = sorted(one.model.name for one in self._named if one.slug == clean_slug(slug))
        if same:
            return f"another owner has one of that name: {listed(same)}; "
        if len(self) > FEW:
            return f"none of the {len(self)} is near; "
        return f"none is near; there are: {listed(sorted(model.name for model in self))}; "
