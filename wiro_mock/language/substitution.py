"""`${name}` in the texts of a scenario: substitution only, never logic.

The names are checked when the scenario is loaded; what a run's own parameter (`${with.NAME}`) is worth is
known only when it runs. `$$` stands for `$`; a dollar before anything but `{` or `$` is a dollar.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping

from wiro_mock.kernel.events import Job
from wiro_mock.kernel.files import File
from wiro_mock.language.complaints import did_you_mean

NAMES = ("model", "model.owner", "model.slug", "task.id", "scenario")
"""What every run has; besides there is `with.NAME` for its parameters."""
LONGEST_VALUE = 100_000
MOST_NAMES = 100

_PLACE = re.compile(r"\$(?:\$|\{([^}]*)(\})?)")


class MissingName(LookupError):
    """A `${with.NAME}` that this run has no value for; the message names what exists."""


def check_text(text: str) -> str:
    """The text itself, or a `ValueError` about the first `${…}` in it that can never work."""
    names = list(_names(text))
    if len(names) > MOST_NAMES:
        raise ValueError(f"{len(names)} times ${{…}} in one text; at most {MOST_NAMES} are filled in")
    for name in names:
        if name in NAMES or (name.startswith("with.") and len(name) > len("with.")):
            continue
        known = {known: f"${{{known}}}" for known in (*NAMES, "with.PARAMETER")}
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f"did you mean {known[near[0]]}?" if near else f"there are: {', '.join(known.values())}"
        raise ValueError(f"unknown name ${{{name}}}; {hint}")
    return text


def check_texts(value: object) -> object:
    """The JSON value itself, every text in it checked."""
    if isinstance(value, str):
        return check_text(value)
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    for part in parts:
        check_texts(part)
    return value


def value_text(value: object) -> str:
    """A parameter's value as text: a file by its name, lists joined by commas, objects as JSON."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case File(name=name):
            return name
        case list() | tuple():
            return ", ".join(value_text(item) for item in value)
        case dict():
            return json.dumps(value, ensure_ascii=False, default=value_text)
        case _:
            return str(value)


def parameter(name: str, parameters: Mapping[str, object], defaults: Mapping[str, str]) -> str | None:
    """What a run has under this name: what was sent, else the model's default; None when neither is there."""
    if name in parameters:
        return value_text(parameters[name])
    return defaults.get(name)


class Names:
    """The names of one run, ready to be filled into texts."""

    def __init__(self, job: Job, scenario: str) -> None:
        model = job.model
        self._job = job
        self._known = {
            "model": model.name,
            "model.owner": model.owner,
            "model.slug": model.slug,
            "task.id": job.id,
            "scenario": scenario,
        }

    def fill(self, text: str) -> str:
        """The text with every `${name}` replaced; raises `MissingName`."""
        return _PLACE.sub(lambda found: self._value(found[1]), text) if "$" in text else text

    def fill_all(self, value: object) -> object:
        """A JSON value with every text in it, keys too, filled."""
        match value:
            case str():
                return self.fill(value)
            case dict():
                return {self.fill(key): self.fill_all(item) for key, item in value.items()}
            case list():
                return [self.fill_all(item) for item in value]
            case _:
                return value

    def _value(self, name: str | None) -> str:
        if name is None:
            return "$"
        if name in self._known:
            return self._known[name]
        job, wanted = self._job, name.removeprefix("with.")
        value = parameter(wanted, job.parameters, job.model.defaults)
        if value is None:
            names = sorted({*job.parameters, *job.model.defaults})
            hint = did_you_mean(wanted, names, what="its parameters are")
            raise MissingName(f"${{{name}}}: this run of {job.model.name} has no parameter '{wanted}'; {hint}")
        return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"


def _names(text: str) -> Iterator[str]:
    for found in _PLACE.finditer(text):
        if found[1] is None:
            continue
        if found[2] is None:
            raise ValueError("'${' is not closed; write ${name}, or $$ for a dollar sign")
        yield found[1]
