"""`${name}` in the texts of a scenario: substitution only, never logic.

The names are checked when the scenario is loaded; what a run's own parameter (`${with.NAME}`) is worth is
known only when it runs. `$$` stands for `$`; a dollar before anything but `{` or `$` is a dollar.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

from wiro_mock.kernel.texts import value_text

NAMES = (
    "model", "model.owner", "model.slug", "task.id", "scenario",
    "prompt", "session.turn", "session.prompt", "session.answer",
)  # fmt: skip
"""What every run has; besides there is `with.NAME` for its parameters. `prompt` is what it asks of a language model;
`session.…` are the number of its turn in a conversation (from 1), and what was asked and answered before."""
LONGEST_WISH = 100
MOST_NAMES = 100

PLACE = re.compile(r"\$(?:\$|\{([^}]*)(\})?)")
"""A dollar sign that means something: `$$`, or `${name}`, whose brace may be missing."""


def written(value: object) -> object:
    """The text of a plain number as somebody wrote it (`1.50`); anything else as it is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return getattr(value, "written", str(value))
    return value


def mapped_texts(value: object) -> object:
    """A mapping with its plain values as the texts that somebody wrote; anything else as it is."""
    if not isinstance(value, dict):
        return value
    return {key: item if isinstance(item, dict | list) else value_text(written(item)) for key, item in value.items()}


def check_text(text: str) -> str:
    """The text itself, or a `ValueError` about every `${…}` in it that can never work."""
    check_texts(text)
    return text


def check_texts(value: object) -> object:
    """The JSON value itself, every text in it checked."""
    unknown, troubles = dict[str, None](), dict[str, None]()
    for text in _texts(value):
        places = [(found[1], found[2]) for found in PLACE.finditer(text) if found[1] is not None]
        if len(places) > MOST_NAMES:
            troubles[f"{len(places)} times ${{…}} in one text; at most {MOST_NAMES} are filled in"] = None
        unknown |= {name: None for name, closed in places[:MOST_NAMES] if closed and not _is_name(name)}
        if any(closed is None for _, closed in places):
            troubles["'${' is not closed; write ${name}, or $$ for a dollar sign"] = None
    if unknown or troubles:
        raise ValueError("; and ".join([*_unknown(list(unknown)), *troubles]))
    return value


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    for part in parts:
        yield from _texts(part)


def _is_name(name: str) -> bool:
    return name in NAMES or (name.startswith("with.") and len(name) > len("with."))


def _unknown(names: list[str]) -> list[str]:
    """One sentence about all unknown names of a text, if there are any."""
    known = {known: f"${{{known}}}" for known in (*NAMES, "with.PARAMETER")}
    near = {name: difflib.get_close_matches(name.lower()[:60], known, n=1) for name in names}
    everything = f"there are: {', '.join(known.values())}"
    shown = {name: f"${{{name if len(name) <= 60 else name[:60] + '…'}}}" for name in names}
    if len(names) == 1:
        [name] = names
        hint = f"did you mean {known[near[name][0]]}?" if near[name] else everything
        return [f"unknown name {shown[name]}; {hint}"]
    hints = [shown[name] + (f" (did you mean {known[near[name][0]]}?)" if near[name] else "") for name in names]
    return [f"unknown names {', '.join(hints[:-1])} and {hints[-1]}; {everything}"] if names else []


def parameter(name: str, parameters: Mapping[str, object], defaults: Mapping[str, str]) -> str | None:
    """What a run has under this name: what was sent, else the model's default; None when neither is there."""
    if name in parameters:
        return value_text(parameters[name])
    return defaults.get(name)


def unlike(
    wanted: Mapping[str, Sequence[str]], parameters: Mapping[str, object], defaults: Mapping[str, str]
) -> list[str]:
    """Nothing when a run's parameters are as wanted, compared as text, else each difference in words."""
    differences = []
    for name, values in wanted.items():
        value = parameter(name, parameters, defaults)
        if value not in values:
            given = "is not given" if value is None else f"is '{value if len(value) < 80 else value[:80] + '…'}'"
            differences.append(f"with.{name} {given}, not {' or '.join(map(repr, values))}")
    return differences
