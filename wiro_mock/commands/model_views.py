"""How `wiro-mock model` shows models: small tables for people."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import click

from wiro_mock.kernel.catalog import FILES, Catalog, Model, Parameter, clean_slug
from wiro_mock.kernel.nearest import nearest
from wiro_mock.kernel.numbers import plain
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.text import printable

MOST_NEAR = 5
"""So many models are named that may be meant."""
_MORE_MODELS = "see wiro-mock model list (--scenarios DIR adds your own)"
NARROWEST = 40
"""Columns that the last cell of a row gets at least."""


def chosen(models: Iterable[Model], owner: str | None, kind: str | None, search: str | None) -> list[Model]:
    """The models of this owner and kind with this text. Raises a usage error where there is none, with the way out."""
    found = list(models)
    if owner is not None:
        owners = {clean_slug(one.owner): one.owner for one in found}
        if clean_slug(owner) not in owners:
            near = did_you_mean(owner, sorted(owners))
            raise click.UsageError(f"there is no owner {owner!r}; {near}")
        found = [one for one in found if clean_slug(one.owner) == clean_slug(owner)]
    found = [one for one in found if kind in {None, one.kind}]
    words = (search or "").lower().split()
    found = [one for one in found if all(word in _text(one) for word in words)]
    if not found:
        raise click.UsageError("there is no such model; leave out --owner, --kind or --search to see more")
    return found


def find(models: Iterable[Model], name: str) -> Model:
    """The model of this name, in display or clean form. Raises a usage error that names the nearest one."""
    owner, _, slug = name.partition("/")
    catalog = Catalog(models)
    try:
        return catalog.resolve(owner, slug)
    except Refusal:
        near = _near(catalog, owner, slug)
        what = f"did you mean {' or '.join(near)}? If not," if near else f"none of the {len(catalog)} is near;"
        raise click.UsageError(f"there is no model {name!r}; {what} {_MORE_MODELS}") from None


def _near(catalog: Catalog, owner: str, slug: str) -> list[str]:
    """The models that may be meant: the nearest; else those of that slug; else those with the word in their names."""
    if near := catalog.nearest(owner, slug):
        return [near.name]
    word = clean_slug(slug or owner)
    same = [one.name for one in catalog if clean_slug(one.slug) == word]
    if same or slug:
        return same[:MOST_NEAR] or _alike(catalog, word)
    return [one.name for one in catalog if word and word in _text_of_name(one)][:MOST_NEAR] or _alike(catalog, word)


def _alike(catalog: Catalog, word: str) -> list[str]:
    """The model whose slug is most like the word, if any is alike enough."""
    slugs = {clean_slug(one.slug): one.name for one in catalog}
    near = nearest(word, slugs)
    return [slugs[near]] if near else []


def _text_of_name(model: Model) -> str:
    return f"{clean_slug(model.owner)}/{clean_slug(model.slug)}"


def view(model: Model) -> Iterator[str]:
    """The lines that show a model."""
    yield click.style(model.name, bold=True) + (f": {printable(model.description)}" if model.description else "")
    yield f"  {', '.join(_facts(model))}"
    yield f"  POST /v1/Run/{model.clean_name}"
    if not model.parameters:
        yield "  its parameters are not known: whatever is sent is taken"
        return
    rows = [
        (one.id, one.type, "required" if one.required else "", _default(one), _may_be(one)) for one in model.parameters
    ]
    yield ""
    for line in aligned([("parameter", "type", "", "default", "may be"), *rows]):
        yield f"  {line}"


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The rows with their cells below each other; the last cell is wrapped to the width of the terminal."""
    rows = [tuple(printable(cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    before = sum(widths) + 2 * len(widths)
    room = max(NARROWEST, shutil.get_terminal_size().columns - before - 2)
    for *cells, last in rows:
        start = "".join(f"{cell:<{width}}  " for cell, width in zip(cells, widths, strict=True))
        lines = textwrap.wrap(last, room, break_long_words=False, break_on_hyphens=False) or [""]
        yield f"{start}{lines[0]}".rstrip()
        yield from (f"{' ' * before}{line}" for line in lines[1:])


def _text(model: Model) -> str:
    names = f"{model.name} {model.clean_name} {model.title}"
    return " ".join((names, model.description, *model.categories, *model.tags)).lower()


def _facts(model: Model) -> Iterator[str]:
    yield f"id {model.id}"
    yield f"output {model.kind}"
    if model.prices:
        for tier in model.prices:
            inputs = ", ".join(f"{key} {value}" for key, value in tier.inputs.items())
            yield f"{plain(tier.price)} USD by {tier.method}" + (f" ({printable(inputs)})" if inputs else "")
    else:
        yield f"{plain(model.cps)} USD a second"
    if model.seconds is not None:
        yield f"about {model.seconds} s a run"
    if model.access != "public":
        yield {"members": "for members only", "closed": "closed"}[model.access]


def _default(one: Parameter) -> str:
    default = one.default or ""
    return default if len(default) <= 30 else f"{default[:30]}…"


def _may_be(one: Parameter) -> str:
    """What may be sent, in words."""
    said = []
    if one.options:
        options = [
            (value or '""') + (f" ({label})" if label != value else "")
            for value, label in dict.fromkeys(one.shown_options)
        ]
        said.append(", ".join(options) + (", …" if one.more_options else ""))
    if one.minimum is not None or one.maximum is not None:
        low, high = ("…" if end is None else plain(end) for end in (one.minimum, one.maximum))
        said.append(f"{low} to {high}")
    if one.step is not None:
        said.append(f"in steps of {plain(one.step)}")
    if one.type in FILES:
        said.append(
            "a file or URL"
            if one.entries == 1
            else f"up to {one.entries} files or URLs"
            if one.entries
            else "files or URLs"
        )
    if one.max_length is not None:
        said.append(f"up to {one.max_length} characters")
    return ", ".join(said)
