"""A language model's answer: its pieces in order, and how much of it has been said at an instant.

A piece is a stretch of thinking, a stretch of answer, or a call of a tool. A stream tells the whole of what has been
said so far, again and again (socket.md §4.2), so every snapshot shares the one answer and holds a place in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from wiro_mock.kernel import tokens

PieceKind: TypeAlias = Literal["thinking", "answer", "function_call", "custom_tool_call"]
Finish: TypeAlias = Literal["stop", "tool_calls", "length", "content_filter", "error"]
"""Why the model stopped, in Wiro's words (socket.md §4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of an answer. The text of a tool's call is its arguments (a JSON text) or its input; the rest names
    the call.
    """

    kind: PieceKind
    text: str
    id: str = ""
    call_id: str = ""
    name: str = ""

    @property
    def is_call(self) -> bool:
        """Whether it calls a tool."""
        return self.kind in ("function_call", "custom_tool_call")

    @property
    def length(self) -> int:
        """Its characters; a call without any still takes a place."""
        return max(len(self.text), 1) if self.is_call else len(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """As much of a piece as has been said, and whether that is all of it."""

    piece: Piece
    text: str
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of an answer. `reasoning` of the `output`, and `cached` of the `input`, are parts, not more of them."""

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cached: int = 0

    @property
    def total(self) -> int:
        """Input and output together."""
        return self.input + self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answers to a prompt. `finish` and `usage` are told at the end."""

    prompt: str
    pieces: tuple[Piece, ...]
    finish: Finish = "stop"
    usage: Usage = Usage()

    @property
    def length(self) -> int:
        """All its characters."""
        return sum(piece.length for piece in self.pieces)

    def said(self, upto: int | None = None) -> tuple[Said, ...]:
        """What has been said when so many characters have: the pieces begun, the last one perhaps in part.

        All of it without `upto`.
        """
        return tuple(self._said(self.length if upto is None else upto))

    def _said(self, left: int) -> Iterator[Said]:
        for piece in self.pieces:
            if left <= 0:
                return
            yield Said(piece=piece, text=piece.text[:left], whole=left >= piece.length)
            left -= piece.length


def usage_of(prompt: str, pieces: Iterable[Piece], *, earlier: int = 0) -> Usage:
    """The tokens of a prompt, with those `earlier` in its conversation, and of an answer's pieces."""
    output = reasoning = 0
    for piece in pieces:
        amount = tokens.count(piece.text)
        output += amount
        reasoning += amount if piece.kind == "thinking" else 0
    return Usage(input=earlier + tokens.count(prompt), output=output, reasoning=reasoning, cached=earlier)


def is_thinking(said: Sequence[Said]) -> bool:
    """Whether the model was thinking last."""
    return bool(said) and said[-1].piece.kind == "thinking"


def plain(said: Iterable[Said]) -> str:
    """The answer alone, its stretches one after the other: what `debugoutput` shows."""
    return "\n\n".join(one.text for one in said if one.piece.kind == "answer")


def raw(said: Iterable[Said]) -> str:
    """Thinking and answer in one text, the thinking between its tags (socket.md §4.2)."""
    parts = []
    for one in said:
        if one.piece.kind == "thinking":
            parts.append(f"<think>{one.text}{'</think>' if one.whole else ''}")
        elif one.piece.kind == "answer":
            parts.append(one.text)
    return "".join(parts)


def pairs(said: Iterable[Said]) -> tuple[list[str], list[str]]:
    """The legacy lists `thinking` and `answer`, paired by their places (socket.md §4.2).

    An answer without a thought before it has an empty one in its place, unless there is no thinking at all.
    """
    thinking, answer = list[str](), list[str]()
    for one in said:
        if one.piece.kind == "thinking":
            if len(thinking) > len(answer):  # two thoughts in a row: the first has no answer
                answer.append("")
            thinking.append(one.text)
        elif one.piece.kind == "answer":
            while len(thinking) < len(answer) + 1:
                thinking.append("")
            answer.append(one.text)
    return (thinking if any(thinking) else []), answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question and its answer in a conversation, and the tokens of both."""

    prompt: str
    answer: str
    tokens: int

    @classmethod
    def of(cls, prompt: str, answer: str) -> Turn:
        """The turn, with its tokens counted."""
        return cls(prompt=prompt, answer=answer, tokens=tokens.count(prompt) + tokens.count(answer))

    @property
    def size(self) -> int:
        """Its characters."""
        return len(self.prompt) + len(self.answer)
