"""The vocabulary of scenarios: one small model per step, exactly as it is written in YAML.

What a step *does* is in `timeline`; here is only how it may be spelt. A step may be written in short: `print: "text"`
for `print: {text: "text"}`, `start: 1s` for `start: {after: 1s}`, and just `start` where it needs no keys.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import Field, model_validator

from wiro_mock.kernel.account import concurrency_limit, concurrency_refusal
from wiro_mock.kernel.prices import NOTHING_SAID, Used
from wiro_mock.kernel.refusals import No, Refusal
from wiro_mock.language.answers import AnswerText
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.language.durations import DurationText, RateText
from wiro_mock.language.produce import Produce
from wiro_mock.language.sessions import SessionStep
from wiro_mock.language.strict import AFTER, Given, StepModel, Strict, Text
from wiro_mock.language.usage import UsageWords

SENTENCES = {96: No.CONCURRENCY, 97: No.BALANCE, 98: No.SIGN_IN}
"""The refusals that need no message, because Wiro's own sentence is known."""


class Accept(StepModel):
    """A worker takes the task out of the queue (task_accept)."""

    shorthand: ClassVar[str] = "after"
    after: DurationText = Field(default=0, description=AFTER)


class Preprocess(StepModel):
    """Inputs are prepared (task_preprocess_start, task_preprocess_end); not every model does it."""

    shorthand: ClassVar[str] = "for"
    after: DurationText = Field(default=0, description=AFTER)
    lasting: DurationText = Field(default=0, alias="for", description="how long it takes")


class Assign(StepModel):
    """A GPU is given (task_assign)."""

    shorthand: ClassVar[str] = "after"
    after: DurationText = Field(default=0, description=AFTER)


class Start(StepModel):
    """The model's process starts (task_start)."""

    shorthand: ClassVar[str] = "after"
    after: DurationText = Field(default=0, description=AFTER)


class Print(StepModel):
    """A line on stdout (task_output)."""

    shorthand: ClassVar[str] = "text"
    least: ClassVar[str] = "print: a text"
    text: Text = Field(description="the line; ${…} is filled in")
    after: DurationText = Field(default=0, description=AFTER)


class Stderr(StepModel):
    """A line on stderr (task_error); never an end by itself."""

    shorthand: ClassVar[str] = "text"
    least: ClassVar[str] = "stderr: a text"
    text: Text = Field(description="the line; ${…} is filled in")
    after: DurationText = Field(default=0, description=AFTER)


class ProgressBar(StepModel):
    """A progress bar: evenly spaced task_output objects, the last one at 100 %."""

    least: ClassVar[str] = "progress: {steps: 10, for: 3s}"
    steps: int = Field(ge=1, le=40_000, description="how many objects")
    lasting: DurationText = Field(default=0, alias="for", description="how long the whole bar takes")
    after: DurationText = Field(default=0, description=AFTER)
    task: str = Field(default="Generate", description="`task` on the wire")
    kind: str = Field(default="progressGenerate", description="`type` on the wire")
    speed_type: str = Field(default="it/s", description="`speedType` on the wire")
    log: bool = Field(default=False, description="whether each object leaves a line of the bar in debugoutput")


class StreamPiece(Strict):
    """A piece of a text, and when it came."""

    text: Text = Field(description="the piece, with its blanks; ${…} is filled in")
    after: DurationText = Field(default=0, description="how long after the piece before it")
    elapsed: Annotated[DurationText | None, Given] = Field(
        default=None, description="`elapsedTime` as it was told; by default the time since the stream began"
    )
    speed: Annotated[float | None, Given] = Field(
        default=None, ge=0, le=1e9, allow_inf_nan=False,
        description="`speed` in words per second as it was told; by default that of all words until here",
    )  # fmt: skip


class StreamText(StepModel):
    """A text that arrives word by word: task_output objects with the whole text so far."""

    shorthand: ClassVar[str] = "text"
    least: ClassVar[str] = "stream: a text"
    text: Annotated[Text | None, Given] = Field(default=None, description="the whole text; ${…} is filled in")
    pieces: Annotated[list[StreamPiece] | None, Given] = Field(
        default=None, min_length=1, description="in place of a text: its pieces as they came, each after its own time"
    )
    rate: RateText = Field(default=40.0, description="words per second, such as 45tps; by default 40tps")
    first: DurationText = Field(default=300_000, description="how long until the first word; by default 300ms")
    after: DurationText = Field(default=0, description=AFTER)

    @model_validator(mode="after")
    def _one_text(self) -> StreamText:
        if (self.text is None) == (self.pieces is None):
            raise ValueError("a stream has a text, or its pieces; write one of the two")
        if self.pieces is not None and (paced := {"rate", "first"} & self.model_fields_set):
            raise ValueError(f"{' and '.join(sorted(paced))}: pieces come after their own times; leave it out")
        return self


class Tick(StepModel):
    """One object of a progress bar, as it was seen."""

    least: ClassVar[str] = "tick: {step: 3, of: 10}"
    step: int = Field(ge=0, le=10**9, description="which step of the bar")
    of: int = Field(ge=1, le=10**9, description="how many steps there are")
    elapsed: DurationText = Field(default=0, description="how long the bar has taken by here")
    remaining: DurationText = Field(default=0, description="how long it takes from here")
    task: str = Field(default="Generate", description="`task` on the wire")
    kind: str = Field(default="progressGenerate", description="`type` on the wire")
    speed_type: str = Field(default="it/s", description="`speedType` on the wire")
    line: Text = Field(default="", description="what it leaves in debugoutput; ${…} is filled in")
    after: DurationText = Field(default=0, description=AFTER)


class Exit(StepModel):
    """The process ends (task_output_full, task_error_full if there was stderr, task_end); 0 is success."""

    shorthand: ClassVar[str] = "code"
    least: ClassVar[str] = "exit: 0"
    code: int = Field(ge=-255, le=255, description="the exit code; 0 is success")
    usage: Annotated[UsageWords | None, Given] = Field(
        default=None, description="what the run has used, where its model's price asks for it"
    )
    after: DurationText = Field(default=0, description=AFTER)

    @property
    def used(self) -> Used:
        """What the run has used, as far as it is said."""
        return NOTHING_SAID if self.usage is None else self.usage.value()


class Postprocess(StepModel):
    """Outputs are stored (task_postprocess_start, task_postprocess_end): the end."""

    shorthand: ClassVar[str] = "for"
    after: DurationText = Field(default=0, description=AFTER)
    lasting: DurationText = Field(default=0, alias="for", description="how long it takes")


class HoldStep(StepModel):
    """Wait here until a test releases it."""

    shorthand: ClassVar[str] = "name"
    least: ClassVar[str] = "hold: NAME"
    name: str = Field(min_length=1, description="by which a test releases it: hold: NAME")


class StallStep(StepModel):
    """Nothing more ever happens by itself; only a cancel or a kill ends the task."""

    shorthand: ClassVar[str] = "reason"
    reason: str | None = Field(default=None, description="why, for the reader")


class Cancel(StepModel):
    """Somebody else cancels the task here (while it is queued) or kills it (from assign on)."""

    shorthand: ClassVar[str] = "after"
    after: DurationText = Field(default=0, description=AFTER)


class SetupError(StepModel):
    """Fatal before the process starts: the task stands in task_error."""

    shorthand: ClassVar[str] = "message"
    least: ClassVar[str] = "setup_error: a message"
    message: Text = Field(description="what debugerror says; ${…} is filled in")
    after: DurationText = Field(default=0, description=AFTER)
    then: Literal["fail", "requeue", "stuck"] = Field(
        default="fail",
        description="fail: it ends with exit code 1; requeue: it starts over and the next steps follow; stuck: nothing",
    )
    wait: DurationText = Field(default=1_000_000, description="how long until then")

    @model_validator(mode="after")
    def _no_idle_wait(self) -> SetupError:
        if self.then == "stuck" and "wait" in self.model_fields_set:
            raise ValueError("`wait` means nothing with `then: stuck`; leave it out, or write then: fail or requeue")
        return self


class Refuse(StepModel):
    """The run is refused, and there is no task. The only step of its scenario."""

    shorthand: ClassVar[str] = "code"
    least: ClassVar[str] = "refuse: 97"
    code: int = Field(ge=0, le=99_999, description="the error code")
    message: Annotated[str | None, Given] = Field(
        default=None, description="may be left out for 96, 97 and 98, whose sentence is known"
    )

    @model_validator(mode="after")
    def _has_sentence(self) -> Refuse:
        if self.message is None and self.code not in SENTENCES:
            known = ", ".join(map(str, SENTENCES))
            raise ValueError(f"code {self.code} needs a message; only {known} have a known sentence")
        return self

    def refusal(self, balance: Decimal, reason: str) -> Refusal:
        """What Run answers. The sentence of 96 names the balance and the limit that goes with it."""
        if self.message is not None:
            return Refusal(self.code, self.message, reason=reason)
        if self.code != 96:
            return SENTENCES[self.code].refusal(reason=reason)
        limit = concurrency_limit(balance)
        # An unlimited balance has no such sentence; these are the figures of Wiro's own example.
        return concurrency_refusal(*(Decimal(50), 5) if limit is None else (balance, limit), reason=reason)


AnyStep: TypeAlias = (
    Accept
    | Preprocess
    | Assign
    | Start
    | Print
    | Stderr
    | ProgressBar
    | Tick
    | StreamText
    | AnswerText
    | SessionStep
    | Produce
    | Exit
    | Postprocess
    | HoldStep
    | StallStep
    | Cancel
    | SetupError
    | Refuse
)


class StepItem(Strict):
    """One item of `steps`: a mapping with exactly one key, the step's name; or the bare name."""

    accept: Accept | None = None
    preprocess: Preprocess | None = None
    assign: Assign | None = None
    start: Start | None = None
    print: Print | None = None
    stderr: Stderr | None = None
    progress: ProgressBar | None = None
    tick: Tick | None = None
    stream: StreamText | None = None
    answer: AnswerText | None = None
    session: SessionStep | None = None
    produce: Produce | None = None
    exit: Exit | None = None
    postprocess: Postprocess | None = None
    hold: HoldStep | None = None
    stall: StallStep | None = None
    cancel: Cancel | None = None
    setup_error: SetupError | None = None
    refuse: Refuse | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, value: Any) -> Any:
        if isinstance(value, str):
            return cls._bare(value)
        if not isinstance(value, dict):
            return value
        if len(value) > 1 and value.keys() <= cls.model_fields.keys():
            raise ValueError(f"{len(value)} steps in one item ({', '.join(value)}); give each its own dash")
        if not value:
            raise ValueError(f"an empty step; write one of: {', '.join(cls.model_fields)}")
        return {key: {} if item is None else item for key, item in value.items()}

    @classmethod
    def _bare(cls, word: str) -> dict[str, Any]:
        kinds = step_kinds()
        name, _, rest = word.partition(" ")
        if word in kinds and not kinds[word].least:
            return {word: {}}
        if word in kinds:
            raise ValueError(f"'{word}' needs a value; write `- {kinds[word].least}`")
        if name in kinds:
            raise ValueError(f"'{_cut(word)}' has no colon; write `- {name}: {_cut(rest)}`")
        raise ValueError(f"'{_cut(word)}' is not a step; {did_you_mean(word, kinds, what='a step is one of')}")

    @property
    def name(self) -> str:
        """The step's name."""
        return next(iter(self.model_fields_set))

    @functools.cached_property
    def step(self) -> AnyStep:
        """The step itself."""
        step: AnyStep = getattr(self, self.name)
        return step


@functools.cache
def step_kinds() -> dict[str, type[StepModel]]:
    """The steps by their names."""
    return {name: get_args(field.annotation)[0] for name, field in StepItem.model_fields.items()}


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
