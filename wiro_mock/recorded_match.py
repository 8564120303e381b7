"""Which runs a recording plays for: those of the same model with the same parameters, as far as these last."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from wiro_mock.published.scalars import quoted, scalar
from wiro_mock.recorded_words import flow

LONGEST_WISH: Final = 200
"""Characters of a parameter that the recording is matched by."""
MOST_WISHES: Final = 20
_ADDRESS: Final = re.compile(r"https?://((?:[A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*)(?:/[^\s?#]*)?")


def match_of(model: str, parameters: Mapping[str, object], nth: int = 1) -> str:
    """The `match` of a recording, from the `nth` such run on: the parameters that are short texts, numbers, and
    addresses that are the same tomorrow.
    """
    wishes = dict[str, str]()
    for parameter, value in parameters.items():
        is_short = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
        if is_short and len(str(value)) <= LONGEST_WISH and _lasts(parameter, str(value)) and len(wishes) < MOST_WISHES:
            wishes[quoted(parameter)] = quoted(str(value))
    with_ = f", with: {flow(wishes)}" if wishes else ""
    return f"{{model: {scalar(model)}{with_}{f', nth: {nth}' if nth > 1 else ''}}}"


def _lasts(parameter: str, value: str) -> bool:
    """Whether a value may come again. An address does that has a public name and nothing else: one with a query may be
    signed, one with a port or a number is somebody's machine, and Wiro calls each upload by another name.
    """
    if "://" not in value:
        return True
    found = _ADDRESS.fullmatch(value)
    return found is not None and parameter != "callbackUrl" and not f".{found[1].lower()}".endswith(".wiro.ai")
