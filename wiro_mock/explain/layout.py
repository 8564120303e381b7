"""Labelled rows become lines that a terminal shows well: aligned, and at most 100 characters where words allow."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from wiro_mock.shipped import shipped
from wiro_mock.text import printable

WIDTH = 100
INDENT = 12
"""Where the text of a row begins, behind its label."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is told, under a label. `code` stands as it is, to be copied, one line for each of its lines."""

    label: str
    text: str
    code: bool = False


def laid_out(headline: str, rows: Iterable[Row], *, clean: Callable[[str], str]) -> list[str]:
    """The lines of it all. A label stands once for the rows that follow one another under it.

    `clean` takes credentials out; paths below the current folder are told from there on, and shipped scenarios of an
    installed package as `wiro_mock/scenarios/...`: where a virtual environment lies is of no interest.
    """
    package = Path(__file__).resolve().parents[1]
    folders = (package.parent, Path.cwd()) if shipped().is_relative_to(package) else (Path.cwd(),)
    above = [str(folder).rstrip(os.sep) + os.sep for folder in folders]

    def told(text: str) -> str:
        text = clean(text)
        for folder in above:
            text = text.replace(folder, "")
        return printable(text)

    lines = _wrapped(told(headline), "", "  ")
    last = ""
    for row in rows:
        label = row.label if row.label != last else ""
        last = row.label
        lines += _row_lines(label, row, told)
    return lines


def _row_lines(label: str, row: Row, told: Callable[[str], str]) -> list[str]:
    beginning = f"  {label:<{INDENT - 2}}"
    if row.code:
        texts = [told(line) for line in row.text.split("\n")]
        return [(beginning + texts[0]).rstrip(), *((" " * INDENT + text).rstrip() for text in texts[1:])]
    return _wrapped(told(row.text), beginning, " " * (INDENT + 2)) or [beginning.rstrip()]


def _wrapped(text: str, first: str, others: str) -> list[str]:
    # Whole words only: a path, a model and a YAML line are to be copied.
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )
