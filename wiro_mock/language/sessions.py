"""The `session` step: a realtime session, whose turns react to what the client is heard to say.

Here is how it is spelt, and how it becomes a script of the kernel; what a session does is in `kernel.session`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal, Protocol

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from wiro_mock.kernel import tokens
from wiro_mock.kernel.audio import SAMPLE, WINDOW, Clip, Tone, microseconds_of, samples_of
from wiro_mock.kernel.events import Duration
from wiro_mock.kernel.session_script import Dictation, Script, ScriptTurn, When
from wiro_mock.language.durations import DurationText
from wiro_mock.language.money import usd
from wiro_mock.language.produce import SourceFile, read_beside
from wiro_mock.language.recordings import LONGEST_SECONDS, samples_of_wav
from wiro_mock.language.strict import AFTER, Given, StepModel, Strict, Text

MOST_TURNS: Final = 200
MOST_WORDS: Final = 5_000
A_WORD: Final = 300_000
"""How long a tone is for each word that is said, in microseconds, where its length is not given; ours."""
LONGEST_TONE: Final = 60_000_000
HEARD: Final = 200_000
SILENT: Final = 5_000_000
"""What `for` is where it is left out: so much speech, so much silence."""


def _is_usd(text: str) -> str:
    usd(text)
    return text


def _is_wav(source: SourceFile) -> SourceFile:
    samples_of_wav(source)
    return source


_Usd = Annotated[Annotated[str, AfterValidator(_is_usd)] | None, Given]
_Tokens = Annotated[dict[str, int] | None, Given]
_COST: Final = "USD, in quotes; by default the model's price for a turn"
_USAGE: Final = "what task_cost tells as usage; by default tokens of what was understood and said"


def _check_length(key: str, length: Duration) -> None:
    """Raise `ValueError` for less than a window of what is heard: every one would fit, or none."""
    if length < microseconds_of(WINDOW):
        raise ValueError(f"`{key}` is too short; write at least 20ms, for so long is what is listened to at once")


class _Short(StepModel):
    """What may be written in short inside a step; editors are told so."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler(core)
        return {"anyOf": [made, dict(handler.resolve_ref_schema(made)["properties"][cls.shorthand])]}


class Voice(_Short):
    """What is sent as sound: exactly one of `tone`, `file` and `echo`; or just the word echo, or none."""

    shorthand: ClassVar[str] = "word"
    word: Annotated[Literal["echo", "none"] | None, Given] = Field(
        default=None, description="echo: what was heard; none: no sound"
    )
    tone: Annotated[int | None, Given] = Field(default=None, ge=20, le=8_000, description="how high, in Hz")
    file: Annotated[
        Any, BeforeValidator(read_beside), AfterValidator(_is_wav), Given, WithJsonSchema({"type": "string"})
    ] = Field(default=None, description="a WAV file beside this one, with 16 bits")
    lasting: Annotated[DurationText | None, Given] = Field(
        default=None, alias="for", description="how long a tone is; by default 300ms for each word of `say`"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Voice:
        given = [key for key in ("word", "tone", "file") if getattr(self, key) is not None]
        if len(given) != 1:
            names = " and ".join(given).replace("word", "echo") or "none"
            raise ValueError(f"a sound has exactly one source, here {names}; write echo, none, {{tone: 440}} or a file")
        if self.lasting is not None and self.tone is None:
            raise ValueError("`for` says how long a tone is, and there is none; leave it out")
        if self.lasting is not None and not 0 < self.lasting <= LONGEST_SECONDS * 1_000_000:
            raise ValueError("`for` says how long a tone is: more than nothing, and at most 10m")
        return self


class TurnItem(Strict):
    """A turn of a realtime session: when it comes, and what is said."""

    when: When = Field(description="start: by itself; heard: after the client has spoken; silence: when it does not")
    least: Annotated[DurationText | None, Given] = Field(
        default=None,
        alias="for",
        description="how much speech at least (by default 200ms), or after how much silence (5s)",
    )
    after: DurationText = Field(default=0, description="how long until the first sound")
    transcript: Annotated[Text | None, Given] = Field(
        default=None, description="what was understood (TRANSCRIPT_USER:); ${…} is filled in"
    )
    say: Annotated[Text | None, Given] = Field(
        default=None, description="what is said (TRANSCRIPT_AI:); ${…} is filled in"
    )
    audio: Annotated[Voice | None, Given] = Field(
        default=None, description="its sound; by default a tone of 440 Hz where something is said"
    )
    cost: _Usd = Field(default=None, description=_COST)
    usage: _Tokens = Field(default=None, description=_USAGE)
    repeat: bool = Field(default=False, description="whether it plays every time that it fits; by default once")
    ends: bool = Field(default=False, description="whether the session ends after it")
    interrupt_after: Annotated[DurationText | None, Given] = Field(
        default=None, description="after so much of the sound it waits for the client's task_session_interrupt"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> TurnItem:
        if self.when == "start" and self.least is not None:
            raise ValueError("`for` says how much is heard, and `when: start` waits for nothing; leave one of them out")
        if self.when != "heard" and self.transcript is not None:
            raise ValueError(
                f"`transcript` is what was understood, and nothing is at `when: {self.when}`; leave it out"
            )
        if self.when != "heard" and self.audio is not None and self.audio.word == "echo":
            raise ValueError(f"`audio: echo` says what was heard, and nothing is at `when: {self.when}`; write a tone")
        if self.when == "start" and self.repeat:
            raise ValueError("`repeat`: a session starts once; leave it out")
        soundless = self.say is None if self.audio is None else self.audio.word == "none"
        if self.interrupt_after is not None and soundless:
            way = "give it `say` or `audio`" if self.audio is None else "give it another `audio`"
            raise ValueError(f"`interrupt_after` is about sound, and there is none; {way}")
        if self.when == "silence" and self.least is not None:
            _check_length("for", self.least)
        return self


class Transcribe(_Short):
    """What is understood word by word, while it is heard."""

    shorthand: ClassVar[str] = "text"
    text: Text = Field(min_length=1, description="all words, in order; ${…} is filled in")
    every: DurationText = Field(default=400_000, description="for how much speech there is a word; by default 400ms")
    cost: _Usd = Field(default=None, description=_COST)
    usage: _Tokens = Field(default=None, description=_USAGE)

    @model_validator(mode="after")
    def _takes_time(self) -> Transcribe:
        _check_length("every", self.every)
        return self


class SessionStep(StepModel):
    """A realtime session (task_stream_ready): it listens, answers in turns, and lasts until it is ended."""

    least: ClassVar[str] = "session: {turns: [{when: heard, say: a text}]}"
    turns: Annotated[list[TurnItem] | None, Given] = Field(
        default=None, min_length=1, max_length=MOST_TURNS, description="its turns; of those that fit, the first plays"
    )
    transcribe: Annotated[Transcribe | None, Given] = Field(
        default=None, description="no turns, but what is heard as text, word by word"
    )
    silence: DurationText = Field(default=500_000, description="how much silence ends what is said; by default 500ms")
    threshold: int = Field(default=500, ge=1, le=32_767, description="how loud speech is (RMS of 32768)")
    barge_in: Annotated[DurationText | None, Given] = Field(
        default=None, description="after how much speech of the client the session stops talking by itself"
    )
    pace: Annotated[Literal["real", "instant"] | None, Given] = Field(
        default=None, description="real: 200 ms for a piece of 200 ms; by default instant where time is virtual"
    )
    transcripts: bool = Field(default=True, description="whether what is said is told as text, too")
    after: DurationText = Field(default=0, description=AFTER)

    @model_validator(mode="after")
    def _one_of_two(self) -> SessionStep:
        if (self.turns is None) == (self.transcribe is None):
            found = "neither" if self.turns is None else "both"
            raise ValueError(f"a session has turns or transcribes, here {found}; write one of turns, transcribe")
        _check_length("silence", self.silence)
        if self.barge_in is not None:
            _check_length("barge_in", self.barge_in)
        return self


class Run(Protocol):
    """What a session needs to know of its run."""

    @property
    def turn_price(self) -> Decimal:
        """What a turn costs, in USD."""

    def fill(self, text: str) -> str:
        """The text with its names replaced."""


def script_of(step: SessionStep, run: Run) -> Script:
    """The script of a session, filled in for a run."""
    dictation = None if step.transcribe is None else _dictation(step.transcribe, run)
    return Script(
        turns=tuple(_turn(item, run) for item in step.turns or ()),
        dictation=dictation,
        threshold=step.threshold,
        silence=step.silence,
        barge_in=step.barge_in,
        paced=None if step.pace is None else step.pace == "real",
        transcripts=step.transcripts,
    )


def _dictation(item: Transcribe, run: Run) -> Dictation:
    words = tuple(run.fill(item.text).split()[:MOST_WORDS])
    return Dictation(words=words, every=item.every, cost=_cost(item.cost, run), usage=item.usage or {})


def _turn(item: TurnItem, run: Run) -> ScriptTurn:
    said, understood = run.fill(item.say or ""), run.fill(item.transcript or "")
    sound, samples = _sound(item, said)
    return ScriptTurn(
        when=item.when,
        least=item.least if item.least is not None else {"start": 0, "heard": HEARD, "silence": SILENT}[item.when],
        after=item.after,
        transcript=understood,
        say=said,
        sound=sound,
        echo=item.audio is not None and item.audio.word == "echo",
        samples=samples,
        cost=_cost(item.cost, run),
        usage=_usage(understood, said) if item.usage is None else item.usage,
        repeat=item.repeat,
        ends=item.ends,
        waits=item.interrupt_after,
    )


def _sound(item: TurnItem, said: str) -> tuple[Tone | Clip | None, int]:
    """The sound of a turn, and its samples; of an echo nothing is known yet."""
    voice = item.audio
    if voice is not None and voice.word is not None:
        return None, 0
    if voice is not None and voice.file is not None:
        clip = Clip(pcm=samples_of_wav(voice.file))
        return clip, len(clip.pcm) // SAMPLE
    if voice is None and not said:
        return None, 0
    by_words = min(max(1, len(said.split())) * A_WORD, LONGEST_TONE)
    lasting = by_words if voice is None or voice.lasting is None else voice.lasting
    return Tone(hz=440 if voice is None or voice.tone is None else voice.tone), samples_of(lasting)


def _usage(understood: str, said: str) -> Mapping[str, int]:
    """A provider's own; the two keys are those of Wiro's example (socket.md §1.3 no. 17)."""
    return {"input_tokens": tokens.count(understood), "output_tokens": tokens.count(said)}


def _cost(written: str | None, run: Run) -> Decimal:
    return run.turn_price if written is None else usd(written)
