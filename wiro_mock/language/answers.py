"""The `answer` step: what a language model says, in which order, and how fast.

The text comes from the scenario, from the run's own prompt (`say: echo`), or from a text of ours of the wanted length
(`say: corpus`). Each token comes at its time, seeded by the task's token.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, Protocol

from pydantic import AfterValidator, Field, JsonValue, model_validator

from wiro_mock.kernel import ids, tokens
from wiro_mock.kernel.answer import Answer, Finish, Piece, Usage, usage_of
from wiro_mock.kernel.events import SECOND, Duration, Reply
from wiro_mock.language.corpus import corpus
from wiro_mock.language.durations import DurationText, RateText
from wiro_mock.language.strict import AFTER, Given, StepModel, Strict, Text
from wiro_mock.language.substitution import check_texts

MOST_SNAPSHOTS: Final = 500
MOST_SHOWN: Final = 5_000_000
"""Characters of the answer that the snapshots of one step show together; ours. Each shows all of it so far, and its
frame up to three times."""
LEAST_SNAPSHOTS: Final = 20
MOST_TOKENS: Final = 50_000
MOST_SEEN: Final = 20_000
"""Frames of an answer that are told one by one; ours."""


class Call(Strict):
    """A call of a tool that the run has offered."""

    name: Text = Field(description="the tool's name")
    arguments: Annotated[JsonValue, AfterValidator(check_texts)] = Field(
        default={}, description="its arguments, a mapping; ${…} is filled in"
    )
    id: Annotated[Text | None, Given] = Field(default=None, description="call_id; by default one made from the seed")


class CustomCall(Strict):
    """A call of a custom tool, whose input is a text."""

    name: Text = Field(description="the tool's name")
    input: Text = Field(default="", description="its input; ${…} is filled in")
    id: Annotated[Text | None, Given] = Field(default=None, description="call_id; by default one made from the seed")


class PieceItem(Strict):
    """One piece of an answer: exactly one of `thinking`, `answer`, `call` and `custom_call`."""

    thinking: Annotated[Text | None, Given] = Field(default=None, description="what it thinks")
    answer: Annotated[Text | None, Given] = Field(default=None, description="what it says")
    call: Annotated[Call | None, Given] = Field(default=None, description="a tool that it calls")
    custom_call: Annotated[CustomCall | None, Given] = Field(default=None, description="a custom tool that it calls")

    @model_validator(mode="after")
    def _one(self) -> PieceItem:
        if len(self.model_fields_set) != 1:
            names = " and ".join(self.model_fields_set) or "none"
            raise ValueError(f"a piece is exactly one of thinking, answer, call, custom_call, here {names}")
        return self


class UsageItem(Strict):
    """Tokens, where they are not to be counted from the texts."""

    input: Annotated[int | None, Given] = Field(default=None, ge=0, description="of the prompt and what came before")
    output: Annotated[int | None, Given] = Field(default=None, ge=0, description="of thinking and answer together")
    reasoning: Annotated[int | None, Given] = Field(default=None, ge=0, description="of the thinking")
    cached: Annotated[int | None, Given] = Field(default=None, ge=0, description="of the input, those known before")

    @model_validator(mode="after")
    def _adds_up(self) -> UsageItem:
        if not self.model_fields_set:
            raise ValueError(
                "is empty; write one of input, output, reasoning, cached, or leave it out to have them counted"
            )
        for part, whole in (("reasoning", "output"), ("cached", "input")):
            some, most = getattr(self, part), getattr(self, whole)
            if some is not None and most is not None and some > most:
                raise ValueError(f"{part} is a part of {whole}, and {some} are more than {most}; mend one of the two")
        return self


class SeenItem(Strict):
    """One frame of an answer, as it was seen: how much of it there was, and when."""

    upto: int = Field(ge=0, description="characters of the answer that had been said by then")
    after: DurationText = Field(default=0, description="how long after the frame before it")
    elapsed: DurationText = Field(default=0, description="how long the answer had taken by then, in its own words")


_COUNTED: Final = UsageItem.model_construct()


class AnswerText(StepModel):
    """A language model's answer, token by token: task_output objects with all of it so far; and an output."""

    shorthand: ClassVar[str] = "text"
    least: ClassVar[str] = "answer: a text"
    text: Annotated[Text | None, Given] = Field(default=None, description="the answer; ${…} is filled in")
    thinking: Annotated[Text | None, Given] = Field(default=None, description="what it thinks before it answers")
    pieces: Annotated[list[PieceItem] | None, Given] = Field(
        default=None, min_length=1, description="thinking, answers and calls of tools, in any order"
    )
    say: Annotated[Literal["echo", "corpus"] | None, Given] = Field(
        default=None, description="echo: the prompt comes back; corpus: a text of `tokens` tokens"
    )
    tokens: Annotated[int | None, Given] = Field(
        default=None, ge=1, le=MOST_TOKENS, description="how long a text of the corpus is; by default 120"
    )
    first: DurationText = Field(default=300_000, description="how long until the first token; by default 300ms")
    rate: RateText = Field(default=40.0, description="tokens per second, such as 45tps; by default 40tps")
    jitter: float = Field(default=0.0, ge=0, le=1, description="how uneven the pace is, from 0 to 1; seeded")
    finish: Annotated[Finish | None, Given] = Field(
        default=None, description="why it stops; by default tool_calls after a call, and stop otherwise"
    )
    usage: Annotated[UsageItem | None, Given] = Field(default=None, description="tokens, instead of counting them")
    seen: Annotated[list[SeenItem] | None, Given] = Field(
        default=None, min_length=1, max_length=MOST_SEEN, description="in place of a pace: the frames as they came"
    )
    shown: Literal["stream", "end"] = Field(
        default="stream", description="end: the frames tell only that it is thinking, and the text comes at the end"
    )
    tagged: bool = Field(default=False, description="whether the answers stand in <answer> tags at the end")
    after: DurationText = Field(default=0, description=AFTER)

    @property
    def ends(self) -> list[str]:
        """The keys that were written and tell of the whole answer."""
        return [key for key in ("finish", "usage", "tagged") if key in self.model_fields_set]

    @model_validator(mode="after")
    def _one_source(self) -> AnswerText:
        given = [key for key in ("text", "pieces", "say") if getattr(self, key) is not None]
        if len(given) != 1:
            names = " and ".join(given) or "none"
            raise ValueError(f"an answer has exactly one source, here {names}; write one of text, pieces, say")
        if self.pieces is not None and self.thinking is not None:
            raise ValueError("`thinking` stands beside pieces; write it as the first of them")
        if self.tokens is not None and self.say != "corpus":
            raise ValueError("`tokens` is for `say: corpus`; leave it out, or write that")
        if self.seen is not None and (paced := {"rate", "first", "jitter"} & self.model_fields_set):
            raise ValueError(f"{' and '.join(sorted(paced))}: frames that were seen have their own times; leave it out")
        return self


class Run(Protocol):
    """What an answer needs to know of its run."""

    @property
    def seed(self) -> str:
        """Makes what is drawn."""

    @property
    def prompt(self) -> str:
        """What was asked."""

    @property
    def earlier(self) -> int:
        """Tokens of what was said before in the same conversation."""

    def fill(self, text: str) -> str:
        """The text with its names replaced."""

    def fill_all(self, value: object) -> object:
        """The JSON value with the names in all its texts replaced."""


def pieces_of(step: AnswerText, run: Run, before: int) -> Iterator[Piece]:
    """The pieces of a step, filled in for a run; `before` pieces came in earlier steps."""
    if step.thinking is not None:
        yield Piece(kind="thinking", text=run.fill(step.thinking))
    if step.text is not None:
        yield Piece(kind="answer", text=run.fill(step.text))
    elif step.say == "echo":
        yield Piece(kind="answer", text=run.prompt)
    elif step.say == "corpus":
        yield Piece(kind="answer", text=corpus(step.tokens or 120))
    for number, item in enumerate(step.pieces or (), before):
        yield _piece(item, run, number)


def _piece(item: PieceItem, run: Run, number: int) -> Piece:
    if item.thinking is not None:
        return Piece(kind="thinking", text=run.fill(item.thinking))
    if item.answer is not None:
        return Piece(kind="answer", text=run.fill(item.answer))
    call_id = f"call_{ids.token(run.seed, 'call', number)[:24]}"
    own = f"fc_{ids.token(run.seed, 'item', number)[:24]}"
    if item.call is not None:
        text = json.dumps(run.fill_all(item.call.arguments), ensure_ascii=False)
        given, name = run.fill(item.call.id or ""), run.fill(item.call.name)
        return Piece(kind="function_call", text=text, id=own, call_id=given or call_id, name=name)
    call = item.custom_call
    assert call is not None
    given, text, name = run.fill(call.id or ""), run.fill(call.input), run.fill(call.name)
    return Piece(kind="custom_tool_call", text=text, id=own, call_id=given or call_id, name=name)


def answer_of(steps: Sequence[tuple[AnswerText, Sequence[Piece]]], run: Run) -> Answer:
    """The one answer of all `answer` steps of a scenario; the last of them says how it ends."""
    pieces = tuple(piece for _, some in steps for piece in some)
    last = steps[-1][0]
    counted = usage_of(run.prompt, pieces, earlier=run.earlier)
    said = last.usage or _COUNTED
    whole_input = counted.input if said.input is None else said.input
    whole_output = counted.output if said.output is None else said.output
    usage = Usage(
        input=whole_input,
        output=whole_output,
        reasoning=min(counted.reasoning if said.reasoning is None else said.reasoning, whole_output),
        cached=min(counted.cached if said.cached is None else said.cached, whole_input),
    )
    ends_with_call = bool(pieces) and pieces[-1].is_call
    return Answer(
        prompt=run.prompt,
        pieces=pieces,
        finish=last.finish or ("tool_calls" if ends_with_call else "stop"),
        usage=usage,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one step says of the answer: its pieces, the place at which they begin, the time since the answer began, and
    whether it is the last.
    """

    start: int
    pieces: Sequence[Piece]
    before: Duration
    last: bool
    seed: str


def replies(answer: Answer, part: Part, step: AnswerText) -> Iterator[tuple[Duration, Reply]]:
    """The snapshots of one step, each at its time: one for every token, or for several of them where there are many.

    Where they were seen, they are what was seen.
    """
    if step.seen is not None:
        yield from _seen(answer, part, step, step.seen)
        return
    places = list(_places(part.start, part.pieces)) or [part.start]  # nothing to say is said, too
    average = 1 + (part.start + places[-1]) // 2
    most = min(MOST_SNAPSHOTS, max(LEAST_SNAPSHOTS, MOST_SHOWN // average))
    group = -(-len(places) // most) or 1
    end = len(places) - 1
    times = _times(len(places), step, f"{part.seed}/{part.start}")
    for number in (number for number in range(len(places)) if number % group == 0 or number == end):
        shown = Reply(
            answer=answer,
            upto=places[number],
            elapsed=part.before + times[number],
            last=part.last and number == end,
            hidden=step.shown == "end",
            tagged=step.tagged,
        )
        yield times[number], shown


def _seen(answer: Answer, part: Part, step: AnswerText, items: Sequence[SeenItem]) -> Iterator[tuple[Duration, Reply]]:
    """The snapshots that were seen. The last one has all of its step, whatever it says: so does the output."""
    at, whole = 0, sum(piece.length for piece in part.pieces)
    for number, item in enumerate(items):
        at += item.after
        end = number == len(items) - 1
        upto = part.start + (whole if end else min(item.upto, whole))
        yield (
            at,
            Reply(
                answer=answer,
                upto=upto,
                elapsed=item.elapsed,
                last=part.last and end,
                hidden=step.shown == "end",
                tagged=step.tagged,
            ),
        )


def _places(start: int, pieces: Iterable[Piece]) -> Iterator[int]:
    """Where each token ends, in characters of the whole answer."""
    for piece in pieces:
        found = False
        for end in tokens.ends(piece.text):
            found = True
            yield start + end
        if not found and piece.length:
            yield start + piece.length
        start += piece.length


def _times(count: int, step: AnswerText, seed: str) -> list[Duration]:
    """When each token comes, since the step began. The first comes when it comes; the others keep their pace."""
    gap, at = SECOND / step.rate, float(step.first)
    times = []
    for number in range(count):
        if number:
            drawn = ids.derive(seed, "jitter", number) % 2_000_001 / 1_000_000 - 1 if step.jitter else 0.0
            at += gap * (1 + step.jitter * drawn)
        times.append(round(at))
    return times
