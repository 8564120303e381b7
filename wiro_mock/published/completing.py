"""A draft → a whole model, and what is to be said of it: what was guessed, and what was left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.kernel.kinds import Kind
from wiro_mock.kernel.unknown_models import GUESSED_CPS
from wiro_mock.published.cleaning import LONGEST_ID, cleaned, shown
from wiro_mock.published.draft import Draft, NotAModel
from wiro_mock.published.guessing import guess_id, guess_kind
from wiro_mock.published.tiers import sound_tiers

LONGEST_NAME: Final = 100
"""Characters of an owner or a slug."""
MOST_TEXT: Final = 200_000
"""Characters of a readme, in which pages are long."""
DEAREST: Final = 1_000_000
"""USD per second, beyond which a price is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A model that was read: the model, the ground of each guess by its key in the file, what was left out of the
    source, the form of the source in words, and what such a source never says.
    """

    model: Model
    guesses: Mapping[str, str]
    left_out: tuple[str, ...]
    form: str
    lacks: str


def complete(draft: Draft, kind: Kind | None = None) -> Offer:
    """The model of a draft; `kind` is asked for rather than inferred. Raises `NotAModel` for an impossible name."""
    _check_name(draft.owner, draft.slug)
    left_out = list(draft.remarks)
    guesses: dict[str, str] = {}
    if draft.id is None or not re.fullmatch(r"[0-9]{1,18}", draft.id):
        guesses["id"] = "made of the name"
    if kind is None:
        kind, guesses["kind"] = guess_kind(draft)
    cps = draft.cps
    if cps is None or not 0 <= cps <= DEAREST:
        cps = GUESSED_CPS
        guesses["cps"] = "Wiro's price is unknown"
    parameters = cleaned(draft.parameters, left_out)
    model = Model(
        id=guess_id(draft.owner, draft.slug) if "id" in guesses else str(draft.id),
        owner=draft.owner,
        slug=draft.slug,
        kind=kind,
        cps=cps,
        description=draft.about,
        categories=draft.categories,
        seconds=draft.seconds,
        parameters=parameters,
        prices=sound_tiers(draft.prices, parameters, left_out),
        access="members" if draft.members else "public",
        tags=draft.tags,
        title=draft.title,
        image=draft.image.strip(),
        readme=_readme(draft.readme, left_out),
        samples=draft.samples,
        inspire=tuple(one for one in draft.inspire if one and _has_keys(one, left_out)),
        created=draft.created,
        comments=draft.comments,
        raters=draft.raters,
        points=draft.points if 0 <= draft.points <= 5 else Decimal(0),
    )
    return Offer(model=model, guesses=guesses, left_out=tuple(left_out), form=draft.form, lacks=draft.lacks)


def _check_name(owner: str, slug: str) -> None:
    """An owner and a slug are one path segment of a URL each (rest.md §5.1)."""
    for word in (owner, slug):
        if not clean_slug(word) or not word.isprintable() or len(word) > LONGEST_NAME or re.search(r"[/\\?#]", word):
            raise NotAModel(
                f"it names the model {shown(owner)} / {shown(slug)}, which no URL can have; expected are an owner "
                "and a slug like moondream3-preview/caption"
            )


def _has_keys(inputs: Iterable[str], left_out: list[str]) -> bool:
    if all(0 < len(key) <= LONGEST_ID for key in inputs):
        return True
    left_out.append(
        f"an example, which has a parameter without a name, or with one of more than {LONGEST_ID} characters"
    )
    return False


def _readme(readme: str, left_out: list[str]) -> str:
    if len(readme) <= MOST_TEXT:
        return readme
    left_out.append(f"the end of the readme, which has {len(readme)} characters")
    return readme[:MOST_TEXT]
