"""What a run asks of its model in words: for the bill, for a language model's answer, and for `${prompt}`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from wiro_mock.kernel.events import Job
from wiro_mock.kernel.texts import value_text

LONGEST_MESSAGES: Final = 1_000_000
"""Characters of `messages` as a text up to which it is read."""


def prompt_of(job: Job) -> str:
    """`prompt`; else the last message of a user in `messages` (a list, or a JSON text of one); else `text`; else the
    first long text among the model's parameters. Where the run sent none of them, their defaults, in the same order.

    Which of them holds where several are sent, no source says; this is our choice.
    """
    return next(filter(None, _asked(job)), "")


def _asked(job: Job) -> Iterator[str]:
    long = (one.id for one in job.model.parameters if one.type == "textarea")
    names = tuple(dict.fromkeys(("prompt", "messages", "text", *long)))
    for name in names:
        value = job.parameters.get(name)
        yield _last_asked(value) if name == "messages" else value_text(value)
    for name in names:
        yield job.model.defaults.get(name, "")


def _last_asked(value: object) -> str:
    if isinstance(value, str) and len(value) <= LONGEST_MESSAGES:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return ""
    for item in reversed(value if isinstance(value, list) else []):
        if isinstance(item, dict) and item.get("role") == "user":
            return _content(item.get("content"))
    return ""


def _content(value: object) -> str:
    """The text of a message: itself, or the texts of its parts."""
    if not isinstance(value, list):
        return value_text(value)
    parts = (item.get("text") for item in value if isinstance(item, dict))
    return " ".join(part for part in parts if isinstance(part, str))
