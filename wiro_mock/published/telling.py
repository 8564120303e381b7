"""What is told of a model that was added: its path, what it is, what was guessed or left out, what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from wiro_mock.published.completing import Offer
from wiro_mock.published.writing import a
from wiro_mock.text import printable

MOST_TOLD: Final = 10
"""So many things that were left out are told one by one; the file tells of more."""


def told(path: Path, offer: Offer) -> Iterator[str]:
    """The lines about one model: what happened first, then indented facts."""
    model = offer.model
    count = len(model.parameters)
    yield f"wrote {path}"
    yield printable(f"  {model.name}: {model.kind}, {count} parameter{'' if count == 1 else 's'}, from {a(offer.form)}")
    if offer.guesses:
        yield printable(f"  guessed: {'; '.join(f'{key} ({ground})' for key, ground in offer.guesses.items())}")
    if offer.lacks:
        yield f"  not known: {offer.lacks}"
    for one in offer.left_out[:MOST_TOLD]:
        yield printable(f"  left out: {one}")
    if more := offer.left_out[MOST_TOLD:]:
        yield f"  left out: {len(more)} more, which the file tells of"


def way_on(folder: Path, paths: Sequence[Path], offers: Sequence[Offer]) -> str:
    """How to use what was written."""
    name = shlex.quote(str(folder))
    model = offers[0].model
    run = f"POST /v1/Run/{model.clean_name}"
    if len(paths) > 1:
        return f"use them: wiro-mock serve --scenarios {name}"
    return printable(f"use it: wiro-mock serve --scenarios {name}, then {run}")
