"""What a run asks of a language model, and the conversation that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from wiro_mock.language.substitution import LONGEST_VALUE, parameter, value_text

DEPTH_READ: Final = 1_000_000
"""Characters of `messages` as a text up to which it is read."""


def prompt_of(parameters: Mapping[str, object], defaults: Mapping[str, str]) -> str:
    """`prompt`; else the last message of a user in `messages` (a list, or a JSON text of one); else `text`.

    Which of `prompt` and `messages` holds where both are sent, no source says; this is our choice.
    """
    for name in ("prompt", "messages", "text"):
        value = parameters.get(name)
        found = _last_asked(value) if name == "messages" else parameter(name, parameters, defaults)
        if found:
            return found[:LONGEST_VALUE]
    return ""


def _last_asked(value: object) -> str:
    if isinstance(value, str) and len(value) <= DEPTH_READ:
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
