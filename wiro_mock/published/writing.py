"""A model → the YAML of its file, in the style of the shipped ones: short, in Wiro's words, one parameter a line.

What is written reads back as the same model. Keys that say no more than their default are left out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from wiro_mock.kernel.catalog import Model, Parameter
from wiro_mock.kernel.numbers import digits
from wiro_mock.kernel.prices import Tier
from wiro_mock.language.parameters import AND_MORE
from wiro_mock.published.completing import Offer
from wiro_mock.published.scalars import flow, literal, prose, quoted, scalar
from wiro_mock.text import printable

WIDTH: Final = 110
_MORE_LEFT_OUT: Final = 50
"""So many things that were left out are told one by one."""


def write(model: Model, guesses: Mapping[str, str] | None = None) -> str:
    """The YAML of a model. `guesses` are the grounds by key, to be told beside the key."""
    lines = []
    for key, value in _keys(model):
        ground = (guesses or {}).get(key)
        comment = f"  # our guess: {printable(ground)}" if ground and "\n" not in value else ""
        separator = "" if value.startswith("\n") else " "
        lines.append(f"{key}:{separator}{value}{comment}")
    return "\n".join(lines) + "\n"


def document(offer: Offer, place: str, now: float) -> str:
    """The file of a model that was read: a comment that says whence and when, then the model.

    `place` is the file or URL that it comes from, `now` the time in unix seconds; the date is that of UTC.
    """
    day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    head = [f"{offer.model.name}, added on {day} by wiro-mock model add from {place}: {a(offer.form)}."]
    if offer.lacks:
        head.append(f"{offer.lacks[0].upper()}{offer.lacks[1:]}.")
    if offer.guesses:
        head.append(f"Our guess, not Wiro's word: {', '.join(offer.guesses)}.")
    if left_out := list(offer.left_out[:_MORE_LEFT_OUT]):
        if more := len(offer.left_out) - len(left_out):
            left_out.append(f"{more} more")
        head += ["Left out:", *(f"- {one}" for one in left_out)]
    comment = [line for one in head for line in _wrapped(one)]
    return "\n".join(comment) + "\n\n" + write(offer.model, offer.guesses)


def a(form: str) -> str:
    """The words with their article."""
    return f"{'an' if form[0] in 'AEIOU' else 'a'} {form}"


def _wrapped(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(printable(text), WIDTH, break_long_words=False) or [""]]


def _keys(model: Model) -> Iterator[tuple[str, str]]:
    yield "model", prose(model.name)
    yield "id", quoted(model.id)
    yield "kind", scalar(model.kind)
    yield "cps", quoted(digits(model.cps))
    if model.seconds is not None:
        yield "seconds", str(model.seconds)
    for key, text in (("title", model.title), ("about", model.description), ("image", model.image)):
        if text:
            yield key, _text(text)
    for key, texts in (("categories", model.categories), ("tags", model.tags)):
        if texts:
            yield key, flow(texts)
    if model.access != "public":
        yield "access", model.access
    yield from _numbers(model)
    if model.prices:
        yield "prices", "".join(f"\n  - {{{', '.join(_tier(tier))}}}" for tier in model.prices)
    if model.parameters:
        yield "parameters", "".join(f"\n  {scalar(one.id)}: {{{', '.join(_said(one))}}}" for one in model.parameters)
    elif model.defaults:
        yield "defaults", _mapping(model.defaults)
    if model.samples:
        yield "samples", "".join(f"\n  - {scalar(sample)}" for sample in model.samples)
    if model.inspire:
        yield "inspire", "".join(f"\n  - {_mapping(example)}" for example in model.inspire)
    if model.readme:
        yield "readme", _text(model.readme)


def _numbers(model: Model) -> Iterator[tuple[str, str]]:
    for key, said in (("training", model.training), ("workflow", model.workflow)):
        if said:
            yield key, "true"
    for key, count in (("created", model.created), ("comments", model.comments), ("raters", model.raters)):
        if count:
            yield key, str(count)
    if model.points:
        yield "points", digits(model.points)


def _text(text: str) -> str:
    return literal(text, "  ") or prose(text)


def _mapping(texts: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{scalar(key)}: {scalar(value)}' for key, value in texts.items())}}}"


def _tier(tier: Tier) -> Iterator[str]:
    yield f"price: {quoted(digits(tier.price))}"
    yield f"method: {tier.method}"
    if tier.inputs:
        yield f"inputs: {_mapping(tier.inputs)}"
    for key, amount in (("extra", tier.extra), ("per_input", tier.per_input)):
        if amount is not None:
            yield f"{key}: {quoted(digits(amount))}"


def _said(one: Parameter) -> Iterator[str]:
    yield f"type: {one.type}"
    if one.required:
        yield "required: true"
    for key, number in (("min", one.minimum), ("max", one.maximum), ("step", one.step)):
        if number is not None:
            yield f"{key}: {digits(number)}"
    if one.default is not None:
        yield f"default: {_default(one.default)}"
    if one.options:
        yield f"options: {_options(one)}"
    for key, count in (("entries", one.entries), ("maxlength", one.max_length)):
        if count is not None:
            yield f"{key}: {count}"
    for key, text in (
        ("label", one.label),
        ("note", one.note),
        ("placeholder", one.placeholder),
        ("group", one.group),
    ):
        if text:
            yield f"{key}: {scalar(text)}"


def _default(default: str) -> str:
    """A number may stand bare, where it reads as it was written."""
    bare = default.isascii() and default.isdecimal() and len(default) < 18 and str(int(default)) == default
    return default if bare else scalar(default)


def _options(one: Parameter) -> str:
    labels = one.option_labels or ("",) * len(one.options)
    options = [
        f"{{value: {scalar(value)}, label: {scalar(label)}}}" if label else scalar(value)
        for value, label in zip(one.options, labels, strict=True)
    ]
    return f"[{', '.join([*options, *[AND_MORE] * one.more_options])}]"
