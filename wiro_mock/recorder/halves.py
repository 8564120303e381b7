"""Secrets that go on from one frame to the next, or of which only the beginning has been said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wiro_mock.kernel.session import AI, USER
from wiro_mock.recorder.redaction import Redactor


def without_halves(
    frames: Sequence[Mapping[str, Any]], redactor: Redactor, *, partial: bool, growing: bool = False
) -> list[Mapping[str, Any]]:
    """The frames of a task, each of which has no whole secret in it any more, without the halves of one.

    `partial`: the last text may end in the midst of one. `growing`: so may each text that grows, where all are kept.
    """
    found = list(frames)
    for kind in ("task_output", "task_error"):
        places = [place for place, frame in enumerate(found) if frame.get("type") == kind]
        plain = [place for place in places if isinstance(found[place].get("message"), str)]
        texts = redactor.texts([found[place]["message"] for place in plain], partial=partial)
        changed: list[tuple[int, Any]] = list(zip(plain, texts, strict=True))
        grown = [place for place in places if isinstance(found[place].get("message"), dict)]
        if not growing:
            grown = grown[-1:] if partial else []
        changed += ((place, _ended(found[place]["message"], redactor)) for place in grown)
        for place, message in changed:
            found[place] = {**found[place], "message": message}
    for prefix in (USER, AI):
        _transcripts(found, prefix, redactor, partial=partial)
    return found


def _transcripts(found: list[Mapping[str, Any]], prefix: str, redactor: Redactor, *, partial: bool) -> None:
    """Take out what goes on in the next thing that the same one says, be it a word or a part of one."""
    told = [(place, frame.get("message")) for place, frame in enumerate(found)]
    said = [(place, text) for place, text in told if isinstance(text, str) and text.startswith(prefix)]
    texts = redactor.texts([text.removeprefix(prefix) for _, text in said], partial=partial) if said else []
    spaced = redactor.texts([f" {text}" for text in texts], partial=partial) if said else []
    for (place, _), text in zip(said, spaced, strict=True):
        found[place] = {**found[place], "message": prefix + text.removeprefix(" ")}


def _ended(value: Any, redactor: Redactor) -> Any:
    """A streamed text as far as it has come, without the beginning of a secret."""
    if isinstance(value, str):
        return redactor.texts([value], partial=True)[0]
    if isinstance(value, list):
        return [_ended(one, redactor) for one in value]
    return {key: _ended(one, redactor) for key, one in value.items()} if isinstance(value, dict) else value
