"""What a run of a model may send: its form filled in, from the definitions of its parameters alone.

A number is sent as a number or as a text, a file as any of the spellings that clients have (rest.md §5.3, §5.4). The
simplest comes first everywhere, for that is what Hypothesis shrinks to.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from wiro_mock.kernel.catalog import CHOICES, FILES, NUMBERS, Catalog, Model, Parameter
from wiro_mock.kernel.file_inputs import companions
from wiro_mock.kernel.numbers import digits, json_number
from wiro_mock.kernel.orders import OWN_FIELDS
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.strategies.outputs import Keys
from wiro_mock.testing.options import library_of

MOST_FILES: Final = 3
LONGEST_TEXT: Final = 40
_URLS: Final = (
    "https://example.com/a.png",
    "http://127.0.0.1:8000/b%20c.jpg?size=1,2",
    "HTTPS://EXAMPLE.COM/猫.webp#x",
)
_WORDS: Final = ("a cat", "Say hello in Türkiye.", "猫 🐈", '$5, or "6"', "two\nlines", " ", "0", "[x]", "true")


def inputs(
    model: str | Model, *, scenarios: str | PathLike[str] | Sequence[str | PathLike[str]] = ()
) -> st.SearchStrategy[Keys]:
    """Parameters of a run that Wiro takes on: what a client may put into the JSON body of `Run` for this model.

    `model` is its name, such as `google/nano-banana-pro`, in clean or in display form; `scenarios` are your folders,
    where it's a model of your own. Every required parameter is given, others now and then, or as empty texts;
    numbers are in their range, choices among the options, files are URLs in one of the spellings that clients have.
    Raises `ValueError` where there is no such model.
    """
    found = model if isinstance(model, Model) else _model(model, scenarios)
    own = [one for one in found.parameters if one.id not in OWN_FIELDS]
    files = [one for one in own if one.type in FILES]
    urls = {name for one in files for name in companions(one.id)}
    asked_as_url = {one.id for one in own if one.id in urls and one.required}
    filled = [_files(one, required=one.required or bool(asked_as_url & {*companions(one.id)})) for one in files]
    values = {one.id: _value(one) for one in own if one.type not in FILES and one.id not in urls}
    required = {one.id for one in own if one.required}
    fields = st.fixed_dictionaries(
        {name: value for name, value in values.items() if name in required},
        optional={name: st.one_of(value, st.just("")) for name, value in values.items() if name not in required},
    )
    return st.builds(_merged, fields, *filled)


def _model(name: str, folders: str | PathLike[str] | Sequence[str | PathLike[str]]) -> Model:
    some = [folders] if isinstance(folders, str | PathLike) else folders
    owner, _, slug = name.partition("/")
    try:
        return Catalog(library_of(tuple(Path(fspath(one)) for one in some)).models).resolve(owner, slug)
    except Refusal as refusal:
        raise ValueError(refusal.reason) from None


def _merged(*fields: Keys) -> Keys:
    return {name: value for some in fields for name, value in some.items()}


def _value(one: Parameter) -> st.SearchStrategy[Any]:
    """Values that a run may give, other than an empty text for none."""
    if one.type in CHOICES:
        return _choices(one)
    if one.type == "checkbox":
        # The worker's own flag is a value, too: one client sends it (rest.md §5.3).
        return st.sampled_from([True, False, "true", "false", f"--{one.id}"])
    if one.type in NUMBERS or one.minimum is not None or one.maximum is not None:
        return _numbers(one)
    longest = min(one.max_length or LONGEST_TEXT, LONGEST_TEXT)
    words = [word for word in _WORDS if len(word) <= longest]
    written = st.text(st.characters(codec="utf-8"), min_size=1, max_size=longest)
    return st.one_of(st.sampled_from(words), written) if words else written


def _choices(one: Parameter) -> st.SearchStrategy[Any]:
    if not one.options:  # Wiro's page loads them
        return st.sampled_from([one.default or "617", "701"])
    listed = list(one.options)
    if one.default in listed:
        listed = [one.default, *listed]
    return st.sampled_from(listed)


def _numbers(one: Parameter) -> st.SearchStrategy[Any]:
    """Numbers of the range, its two ends among them, as numbers and as texts of them."""
    least = one.minimum if one.minimum is not None else min(Decimal(0), one.maximum or Decimal(0))
    most = one.maximum if one.maximum is not None else max(Decimal(1_000), least + 1_000)
    whole = least == least.to_integral_value() and most == most.to_integral_value() and most > least
    step = one.step or (Decimal(1) if whole else Decimal("0.01"))
    steps = st.integers(0, int((most - least) / step)).map(lambda count: least + count * step)
    ends = [Decimal(text) for text in filter(None, [one.default]) if _is_plain(text)] + [least, most]
    return st.builds(_written, st.one_of(st.sampled_from(ends), steps), st.booleans())


def _is_plain(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").replace(".", "", 1).isdecimal()


def _written(number: Decimal, as_text: bool) -> object:  # noqa: FBT001 -- drawn by Hypothesis
    if as_text:
        return digits(number)
    return json_number(number)


def _files(one: Parameter, *, required: bool) -> st.SearchStrategy[Keys]:
    most = min(one.entries or (1 if one.type == "fileinput" else MOST_FILES), MOST_FILES)
    urls = st.lists(st.sampled_from(_URLS), min_size=1, max_size=most, unique=True)
    given = st.builds(lambda some, spelled: spelled(one.id, some), urls, st.sampled_from(_SPELLINGS))
    return given if required else st.one_of(st.just({}), given, st.just({one.id: "", companions(one.id)[0]: ""}))


def _in_its_field(name: str, urls: list[str]) -> Keys:
    return {name: urls[0] if len(urls) == 1 else urls}


def _as_a_list(name: str, urls: list[str]) -> Keys:
    return {name: urls}


def _as_json(name: str, urls: list[str]) -> Keys:
    return {name: json.dumps(urls)}


def _beside_it(name: str, urls: list[str]) -> Keys:
    return {name: "", companions(name)[0]: ",".join(urls)}


def _under_the_other_name(name: str, urls: list[str]) -> Keys:
    return {companions(name)[-1]: ",".join(urls)}


def _under_all_names(name: str, urls: list[str]) -> Keys:
    return {other: ",".join(urls) for other in companions(name)}


_SPELLINGS: Final = (_in_its_field, _as_a_list, _as_json, _beside_it, _under_the_other_name, _under_all_names)
