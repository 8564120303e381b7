"""What the tests of the import share: the pages beside them, reading them, and drafts of any kind."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from wiro_mock.kernel.catalog import Model, Parameter
from wiro_mock.kernel.prices import METHODS, Tier
from wiro_mock.published.completing import Offer, complete
from wiro_mock.published.draft import Draft, Found
from wiro_mock.published.recognised import read_published

PAGES: Final = Path(__file__).with_name("pages")
TYPES: Final = (
    "text", "textarea", "number", "float", "integer", "numeric", "range", "select", "selectwithcover", "checkbox",
    "fileinput", "multifileinput", "combinefileinput", "color", "",
)  # fmt: skip

TEXTS: Final = st.one_of(
    st.sampled_from(
        [
            "yes", "null", "~", "true", "off", "- x", "#", "a # b", "a: b", "'", '"', "\\", "{}", "[a]", "…", "1.50",
            "012", "1:30", "2026-01-01", "0x1f", "1e3", ".inf", "=", "<<", "!tag", "&a", "*a", "%", "@", "`", "|", ">",
            "? x", "", " lead", "trail ", "a\nb", "a\n\nb\n", " a\n b", "\ttab", "a\rb", "\0", "\x85", "\u2028",
            "\ufeff", "\ufffe", "QUANTITY:2", "QUANTITY:x", "😀", "Türkiye", "__proto__", "../../x", "a,b", "---",
            "...", "--- a", "a\n---\nb", "a:",
            "key: [",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text("ab :#-'\"\n{}[],&*!|>%@`\\0.~ ", max_size=12),
)  # fmt: skip
"""Texts that YAML has meanings of its own for, and any others."""
NAMES: Final = st.text(st.sampled_from("aZ9 ._-ü$:'\""), min_size=1, max_size=12).filter(
    lambda name: name.strip(" ._-") != ""
)
NUMBERS: Final = st.one_of(
    st.none(),
    st.integers(-50, 50).map(str),
    st.decimals(-9, 9, places=3).map(str),
    st.sampled_from(["", "x", "1e400", "9" * 30]),
)
PRICES: Final = st.decimals(0, 100, places=6)
FOUND: Final = st.builds(
    Found,
    id=st.one_of(st.sampled_from(["prompt", "seed", "__proto__", "on", "null", "1"]), TEXTS),
    type=st.sampled_from(TYPES),
    required=st.booleans(),
    default=st.one_of(st.none(), NUMBERS, TEXTS),
    low=NUMBERS,
    high=NUMBERS,
    step=NUMBERS,
    options=st.lists(TEXTS, max_size=4).map(tuple),
    option_labels=st.lists(TEXTS, max_size=4).map(tuple),
    more_options=st.booleans(),
    most=st.one_of(st.none(), st.integers(1, 9)),
    label=TEXTS,
    note=TEXTS,
    placeholder=TEXTS,
    group=TEXTS,
)
TIERS: Final = st.builds(
    Tier,
    price=PRICES,
    method=st.sampled_from(METHODS),
    inputs=st.dictionaries(TEXTS, TEXTS, max_size=2),
    extra=st.none() | PRICES,
    per_input=st.none() | PRICES,
)
WORDS: Final = st.lists(TEXTS, max_size=3).map(tuple)
DRAFTS: Final = st.builds(
    Draft,
    form=st.just("test"),
    lacks=st.just(""),
    owner=NAMES,
    slug=NAMES,
    id=st.one_of(st.none(), st.integers(0, 9999).map(str), TEXTS),
    title=TEXTS,
    about=TEXTS,
    image=TEXTS,
    readme=TEXTS,
    categories=WORDS,
    tags=WORDS,
    samples=WORDS,
    inspire=st.lists(st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=2).map(tuple),
    cps=st.one_of(st.none(), PRICES, st.just(Decimal("1E-7")), st.just(Decimal(-1))),
    prices=st.lists(TIERS, max_size=2).map(tuple),
    seconds=st.none() | st.integers(1, 999),
    members=st.booleans(),
    created=st.integers(0, 2**33),
    comments=st.integers(0, 99),
    raters=st.integers(0, 99),
    points=st.decimals(0, 5, places=2),
    parameters=st.lists(FOUND, max_size=4).map(tuple),
    remarks=WORDS,
)
"""What a source may say: anything, contradictions among it."""


def page(name: str) -> Offer:
    """What is made of one of the pages that lie beside the tests."""
    [draft] = read_published((PAGES / name).read_bytes())
    return complete(draft)


def parameters(model: Model) -> dict[str, Parameter]:
    """A model's parameters by id."""
    return {one.id: one for one in model.parameters}
