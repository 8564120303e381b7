"""A language model's answer, put together from the frames that tell of it, each of them the whole of it so far. Pure.

It is written as one: other output in the midst of it comes first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wiro_mock.kernel import events as e
from wiro_mock.kernel.answer import Answer, Piece, Usage
from wiro_mock.kernel.events import Instant
from wiro_mock.recorder.rounded import fit
from wiro_mock.recorder.sighting import Seen, Sighting, is_text, listed


class Answering:
    """A language model's answer, and how much of it each frame tells."""

    def __init__(self, seen: Sighting) -> None:
        content: Mapping[str, Any] = next(
            (one["content"] for one in listed(seen.last) if isinstance(one.get("content"), dict)), {}
        )
        told = [one.frame["message"] for one in seen.frames if is_text(one.frame)]
        whole = content or (told[-1] if told else {})
        self.pieces = tuple(pieces_of(whole))
        self._left = len(told)
        thinks = bool(self.pieces) or any(one.get("isThinking") is True for one in told)
        self._hidden = bool(told) and not any(pieces_of(one) for one in told) and thinks
        if not self.pieces and (content or whole.get("finishreason")):
            self.pieces = (Piece(kind="answer", text=""),)  # it said nothing
        self._tagged = any(str(one).startswith("<answer>") for one in content.get("answer") or ())
        finish = whole.get("finishreason")
        self._answer = Answer(
            prompt=str(content.get("prompt", "")),
            pieces=self.pieces,
            finish=finish if finish in ("stop", "tool_calls", "length", "content_filter", "error") else "stop",
            usage=_usage(whole.get("usage")),
        )
        self._zero: Instant | None = None

    def reply(self, message: Mapping[str, Any], at: Instant) -> e.Reply:
        """What this frame tells of it."""
        self._zero = at if self._zero is None else self._zero
        self._left -= 1
        said = pieces_of(message)
        words = sum(len(piece.text.split()) for piece in said)
        upto = sum(piece.length for piece in said)
        return e.Reply(
            answer=self._answer,
            upto=self._answer.length if not self._left or self._hidden else upto,
            elapsed=fit(words, message, at - self._zero),
            last=not self._left,
            hidden=self._hidden,
            tagged=self._tagged,
        )


def answers_together(frames: Sequence[Seen]) -> list[Seen]:
    """The frames, with what came in the midst of an answer before it."""
    places = [place for place, one in enumerate(frames) if is_text(one.frame)]
    if not places:
        return list(frames)
    first, last = places[0], places[-1]
    amid = [one for one in frames[first:last] if not is_text(one.frame)]
    early = [Seen(at=frames[first].at, frame=one.frame) for one in amid]
    return [*frames[:first], *early, *(frames[place] for place in places), *frames[last + 1 :]]


def is_answer(seen: Sighting) -> bool:
    """Whether the text is a language model's: it is among the outputs, or its frames tell of thinking or its end."""
    if any(isinstance(one.get("content"), dict) for one in listed(seen.last)):
        return True
    told = [one.frame["message"] for one in seen.frames if is_text(one.frame)]
    return any(one.get("thinking") or one.get("finishreason") or one.get("isThinking") for one in told)


def pieces_of(message: Mapping[str, Any]) -> list[Piece]:
    """What has been said, in either form; nothing of the stretches that are still empty."""
    if isinstance(segments := message.get("segments"), list):
        return [_piece(one) for one in segments if isinstance(one, dict)]
    made = list[Piece]()
    thinking, answer = message.get("thinking") or [], message.get("answer") or []
    for place in range(max(len(thinking), len(answer))):
        for kind, texts in (("thinking", thinking), ("answer", answer)):
            if place < len(texts) and texts[place]:
                text = re.sub(r"\A<answer>(.*)</answer>\Z", r"\1", str(texts[place]), flags=re.DOTALL)
                made.append(Piece(kind="thinking" if kind == "thinking" else "answer", text=text))
    return made or ([Piece(kind="answer", text=str(message["raw"]))] if message.get("raw") else [])


def _piece(one: Mapping[str, Any]) -> Piece:
    kind = one.get("type")
    if kind not in ("function_call", "custom_tool_call"):
        return Piece(kind="thinking" if kind == "thinking" else "answer", text=str(one.get("text", "")))
    text = one.get("arguments") if kind == "function_call" else one.get("input")
    named = {name: str(one.get(name, "")) for name in ("id", "call_id", "name")}
    return Piece(kind="function_call" if kind == "function_call" else "custom_tool_call", text=str(text or ""), **named)


def _usage(shape: object) -> Usage:
    def count(whole: object, name: str) -> int:
        found = whole.get(name) if isinstance(whole, dict) else None
        return found if isinstance(found, int) and found >= 0 else 0

    of = shape if isinstance(shape, dict) else {}
    return Usage(
        input=count(of, "input_tokens"),
        output=count(of, "output_tokens"),
        reasoning=min(count(of.get("output_tokens_details"), "reasoning_tokens"), count(of, "output_tokens")),
        cached=min(count(of.get("input_tokens_details"), "cached_tokens"), count(of, "input_tokens")),
    )


def said_by(message: Mapping[str, Any]) -> str:
    """All that has been said, as one text."""
    return "".join(piece.text for piece in pieces_of(message))
