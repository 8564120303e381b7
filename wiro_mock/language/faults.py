"""`faults:` of a scenario or of a fault set: what goes wrong on the way, while the task goes on as its steps say.

A fault is no event: the log never lies, the bytes do. Each says where it strikes (`on`), when (`when`), what it does
(`do`, then `then`), how often (`times`), and whether the operation took place (`effect`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from wiro_mock.kernel.refusals import No
from wiro_mock.language.chances import Chance, ChanceText
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.language.strict import Given, Strict
from wiro_mock.language.verbs import (
    ABOUT_A_TASK,
    FRAMES_WITHOUT,
    OPERATIONS,
    PLACES,
    RUNS,
    UPGRADE,
    VERBS,
    Kind,
    kind_of,
    operations_of,
)

Effect: TypeAlias = Literal["before", "after"]
MOST_TIMES = 1_000_000
GARBAGE = 64
"""Bytes of garbage, where nothing else is said."""
HUGE = 10_000_000
"""Bytes of a huge webhook, where nothing else is said."""
INTERNAL_ERROR = 1011
UNHEARD_OF = "task_unheard_of"
_CLOSE_CODE = WithJsonSchema({"anyOf": [{"const": True}, {"type": "integer", "minimum": 1000, "maximum": 4999}]})


def _flag(value: object) -> object:
    if value is not True:
        raise ValueError("can only be true; leave it out where it is not meant")
    return value


def _or(default: object) -> BeforeValidator:
    return BeforeValidator(lambda value: default if value is True else value)


def _null(value: object) -> object:
    return "null" if value is None else value


def _close_code(code: int) -> int:
    known = 1000 <= code <= 1014 and code not in (1004, 1005, 1006)
    if not known and not 3000 <= code <= 4999:
        raise ValueError(
            f"{code} cannot be sent; write 1000 to 1003, 1007 to 1014, 3000 to 4999, or reset for what looks like 1006"
        )
    return code


Flag = Annotated[Literal[True] | None, BeforeValidator(_flag), WithJsonSchema({"const": True})]
_TRUE_OR_NUMBER = WithJsonSchema({"anyOf": [{"const": True}, {"type": "integer", "minimum": 1, "maximum": 1 << 20}]})
_SENTENCES = {no.value[0]: no.value[1] for no in (No.SIGN_IN, No.BALANCE)} | {
    96: "You have reached your concurrent task limit."
}
"""What Wiro says with a code, where the fault does not say it itself (rest.md §9)."""


class Do(Strict):
    """What is done: one verb, or several that go together, such as {status: 429, retry_after: 2}."""

    ok: Flag = Field(default=None, description=VERBS["ok"].about)
    status: Annotated[Annotated[int, Field(ge=400, le=599)] | None, Given] = Field(
        default=None, description="the HTTP status that a gateway answers with, such as 503"
    )
    code: Annotated[Annotated[int, Field(ge=0, le=999)] | None, Given] = Field(
        default=None, description=VERBS["code"].about
    )
    message: Annotated[Annotated[str, Field(min_length=1)] | None, Given] = Field(
        default=None, description=VERBS["message"].about
    )
    retry_after: Annotated[Annotated[int, Field(ge=0, le=86_400)] | None, Given] = Field(
        default=None, description=VERBS["retry_after"].about
    )
    redirect_loop: Flag = Field(default=None, description=VERBS["redirect_loop"].about)
    expired: Flag = Field(default=None, description=VERBS["expired"].about)
    garbage: Annotated[Annotated[int, Field(ge=1, le=1 << 20)] | None, Given, _or(GARBAGE), _TRUE_OR_NUMBER] = Field(
        default=None, description=VERBS["garbage"].about
    )
    top_level: Annotated[
        Literal["array", "null"] | None, BeforeValidator(_null), WithJsonSchema({"enum": ["array", "null", None]})
    ] = Field(default=None, description=VERBS["top_level"].about)
    bad_json: Flag = Field(default=None, description=VERBS["bad_json"].about)
    corrupt: Annotated[Annotated[int, Field(ge=1, le=1 << 20)] | None, Given, _or(1), _TRUE_OR_NUMBER] = Field(
        default=None, description=VERBS["corrupt"].about
    )
    content_type: Annotated[Annotated[str, Field(pattern=r"^[\x21-\x7e][\x20-\x7e]{0,199}$")] | None, Given] = Field(
        default=None, description="a content type such as text/html"
    )
    latency: Annotated[ChanceText | None, Given] = Field(default=None, description=VERBS["latency"].about)
    drip: Annotated[Annotated[int, Field(ge=1, le=1 << 30)] | None, Given] = Field(
        default=None, description=VERBS["drip"].about
    )
    hang: Flag = Field(default=None, description=VERBS["hang"].about)
    reset: Flag = Field(default=None, description=VERBS["reset"].about)
    disconnect: Flag = Field(default=None, description=VERBS["disconnect"].about)
    truncate: Annotated[Literal[True] | Annotated[int, Field(ge=0, le=1 << 30)] | None, Given] = Field(
        default=None, description=VERBS["truncate"].about
    )

    close: Annotated[
        Literal[True] | Annotated[int, AfterValidator(_close_code)] | None, Given, _or(INTERNAL_ERROR), _CLOSE_CODE
    ] = Field(default=None, description=VERBS["close"].about)
    drop: Flag = Field(default=None, description=VERBS["drop"].about)
    duplicate: Flag = Field(default=None, description=VERBS["duplicate"].about)
    reorder: Flag = Field(default=None, description=VERBS["reorder"].about)
    burst: Flag = Field(default=None, description=VERBS["burst"].about)
    unknown_type: Annotated[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")] | None,
        Given,
        _or(UNHEARD_OF),
        WithJsonSchema({"anyOf": [{"const": True}, {"type": "string", "pattern": r"^[a-z][a-z0-9_]{0,63}$"}]}),
    ] = Field(default=None, description=VERBS["unknown_type"].about)
    early_end: Flag = Field(default=None, description=VERBS["early_end"].about)
    oversized: Annotated[
        Literal["text", "binary"] | None, Given, _or("text"), WithJsonSchema({"enum": [True, "text", "binary"]})
    ] = Field(default=None, description=VERBS["oversized"].about)
    sparse: Flag = Field(default=None, description=VERBS["sparse"].about)
    json_in_string: Flag = Field(default=None, description=VERBS["json_in_string"].about)
    late: Flag = Field(default=None, description=VERBS["late"].about)
    pexit: Annotated[
        Literal[True] | Annotated[int, Field(ge=-255, le=255)] | None,
        Given,
        WithJsonSchema({"anyOf": [{"const": True}, {"type": "integer", "minimum": -255, "maximum": 255}]}),
    ] = Field(default=None, description=VERBS["pexit"].about)
    huge: Annotated[
        Annotated[int, Field(ge=1, le=1 << 26)] | None,
        Given,
        _or(HUGE),
        WithJsonSchema({"anyOf": [{"const": True}, {"type": "integer", "minimum": 1, "maximum": 1 << 26}]}),
    ] = Field(default=None, description=VERBS["huge"].about)
    no_ping: Flag = Field(default=None, description=VERBS["no_ping"].about)

    @model_validator(mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value not in VERBS:
            raise ValueError(f"there is no fault '{value}'; {did_you_mean(value, VERBS)}")
        if not VERBS[value].word:
            raise ValueError(f"'{value}' needs a value; write {{{value}: …}}")
        return {value: True}

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if not self.verbs:
            raise ValueError(f"is empty; write one of: {', '.join(VERBS)}")
        parts: dict[str, str] = {}
        for verb in self.verbs:
            part = VERBS[verb].part
            if part in ("answer", "body", "end", "frames") and {verb, parts.get(part)} != {"status", "code"}:
                if part in parts:
                    raise ValueError(f"{parts[part]} and {verb} cannot both be done at once; write two faults")
                parts[part] = verb
        if self.ok and len(self.verbs) > 1:
            raise ValueError("ok: nothing goes wrong then; leave the others out")
        if self.message and self.code is None:
            raise ValueError("message: goes with a code; add it, such as code: 96")
        if self.code is not None and self.message is None and self.code not in _SENTENCES:
            raise ValueError(f"code: {self.code} has no sentence of its own; add message: TEXT")
        if self.retry_after is not None and self.status is None and self.code is None:
            raise ValueError("retry_after: goes with a status; add it, such as status: 429")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A verb that needs no value can stand alone."""
        made = handler(core_schema)
        return {"anyOf": [made, {"type": "string", "enum": [name for name, verb in VERBS.items() if verb.word]}]}

    @property
    def verbs(self) -> list[str]:
        """The verbs that are done, in the order of the table."""
        return [name for name in VERBS if name in self.model_fields_set]

    @property
    def sentence(self) -> str:
        """What Wiro says with the code."""
        return self.message or _SENTENCES.get(self.code or 0, "")

    def makes_answer(self, after_bytes: int | None) -> bool:
        """Whether the client gets nothing of Wiro's own answer, so that the operation need not take place."""
        parts = {VERBS[verb].part for verb in self.verbs if not VERBS[verb].own}
        return bool(parts & {"answer", "body"} or ("end" in parts and after_bytes is None))

    def words(self) -> Any:
        """How it is spelt."""
        verbs = self.verbs
        if len(verbs) == 1 and VERBS[verbs[0]].word and getattr(self, verbs[0]) in (True, *_DEFAULTS[verbs[0]]):
            return verbs[0]
        return {verb: _word_of(getattr(self, verb)) for verb in verbs}

    def __str__(self) -> str:
        words = self.words()
        return words if isinstance(words, str) else ", ".join(f"{key} {_told(value)}" for key, value in words.items())


_DEFAULTS: dict[str, tuple[object, ...]] = {
    **dict.fromkeys(VERBS, ()),
    "garbage": (GARBAGE,),
    "huge": (HUGE,),
    "corrupt": (1,),
    "close": (INTERNAL_ERROR,),
    "unknown_type": (UNHEARD_OF,),
    "oversized": ("text",),
}


def _word_of(value: Any) -> Any:
    return value.words() if isinstance(value, Chance) else value


def _told(value: object) -> str:
    return " ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else str(value)


class Turn(Do):
    """What is done next, and how many times."""

    times: Annotated[int, Field(ge=1, le=MOST_TIMES)] = Field(default=1, description="how many times; once by default")

    def words(self) -> Any:
        """How it is spelt."""
        words = super().words()
        if self.times == 1:
            return words
        return {**(words if isinstance(words, dict) else {words: True}), "times": self.times}


FRAME_TYPES = (
    "connected",
    "task_queue",
    "task_accept",
    "task_preprocess_start",
    "task_preprocess_end",
    "task_assign",
    "task_start",
    "task_output",
    "task_error",
    "task_output_full",
    "task_error_full",
    "task_end",
    "task_postprocess_start",
    "task_postprocess_end",
    "task_cancel",
    "task_stream_ready",
    "task_stream_end",
    "task_cost",
    "binary",
    "error",
)
"""What a frame of the server can be."""
_FRAME = WithJsonSchema({"enum": list(FRAME_TYPES)})


def _frame_type(name: str) -> str:
    if name not in FRAME_TYPES:
        raise ValueError(f"no frame is of type '{name}'; {did_you_mean(name, FRAME_TYPES)}")
    return name


class When(Strict):
    """Which calls are struck; all must hold."""

    status: Annotated[
        Literal[
            "task_queue",
            "task_accept",
            "task_preprocess_start",
            "task_preprocess_end",
            "task_assign",
            "task_start",
            "task_output",
            "task_output_full",
            "task_end",
            "task_postprocess_start",
            "task_postprocess_end",
            "task_cancel",
            "task_error",
        ]
        | None,
        Given,
    ] = Field(default=None, description="calls about a task in this status")
    nth: Annotated[Annotated[int, Field(ge=1)] | None, Given] = Field(
        default=None, description="from the nth of those calls on"
    )
    every: Annotated[Annotated[int, Field(ge=1)] | None, Given] = Field(
        default=None, description="each nth of those calls"
    )
    share: Annotated[Annotated[float, Field(gt=0, le=1)] | None, Given] = Field(
        default=None, description="this share of the calls, such as 0.2, drawn from the seed"
    )
    after_bytes: Annotated[Annotated[int, Field(ge=0)] | None, Given] = Field(
        default=None, description="hang, reset and disconnect come after so many bytes of the body"
    )
    frame: Annotated[Annotated[str, AfterValidator(_frame_type)] | None, Given, _FRAME] = Field(
        default=None, description="of the socket: frames of this type, such as task_output"
    )
    after_frames: Annotated[Annotated[int, Field(ge=0)] | None, Given] = Field(
        default=None, description="of the socket: after so many frames on the same connection, the welcome counted"
    )
    connection: Annotated[Annotated[int, Field(ge=1)] | None, Given] = Field(
        default=None, description="of the socket: only the nth connection"
    )


SOCKET_ONLY = ("frame", "after_frames", "connection")


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


_GLOB = {"type": "string", "pattern": r"[*?\[]"}
_PLACE = {"anyOf": [{"enum": [*OPERATIONS, *PLACES]}, _GLOB]}


def _known(names: list[str]) -> list[str]:
    for name in names:
        operations_of(name)
    return names


On = Annotated[
    list[str],
    BeforeValidator(_listed),
    AfterValidator(_known),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [_PLACE, {"type": "array", "items": _PLACE, "minItems": 1}]}),
]


class FaultItem(Strict):
    """One fault: where it strikes, when, what it does, and how often."""

    on: On = Field(
        description="an operation such as Task/Detail, a glob such as Task/*, upload, cdn, socket or webhook; or a list"
    )
    when: Annotated[When, Given] = Field(default=When(), description="which calls it strikes; by default all")
    do: Do = Field(description="what is done to the request, such as {status: 503}")
    times: Annotated[Annotated[int, Field(ge=1, le=MOST_TIMES)] | None, Given] = Field(
        default=None, description="how often; by default once, and always with every or share"
    )
    then: list[Turn] = Field(default=[], description="what is done after that, in turn, such as [{status: 502}, ok]")
    effect: Annotated[Effect | None, Given] = Field(
        default=None, description="before: the operation does not take place; after: it does, and its answer suffers"
    )
    optional: bool = Field(default=False, description="whether a test passes that never meets it")

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        for do in self.turns:
            for verb in do.verbs:
                for name in self.on:
                    if not any(kind_of(one) in VERBS[verb].where for one in operations_of(name)):
                        raise ValueError(f"{verb}: cannot be done to {name}; {_where_instead(verb)}")
            self._check_socket(do)
            self._check_webhook()
            self._check_bytes(do)
            if self.effect == "before" and not do.ok and not do.makes_answer(self.when.after_bytes):
                raise ValueError(
                    f"effect: before cannot be, for {do} lets Wiro's own answer through, so the operation takes "
                    "place; leave it out, or write after"
                )
        if self.then and self.times is None and (self.when.every or self.when.share):
            raise ValueError("then: would never come, for the first goes on for ever; add times")
        self._check_meeting()
        return self

    def _check_meeting(self) -> None:
        """That there is something that all its turns can be done to, in this status."""
        if not self.operations:
            raise ValueError(f"then: nothing of {' or '.join(self.on)} is struck by all turns; write two faults")
        if self.when.status is not None and not self.operations & ABOUT_A_TASK - RUNS:
            raise ValueError(
                f"when.status: a request of {' or '.join(self.on)} is about no task that has a status; leave it out"
            )
        if self.opens and any(not do.ok and not UPGRADE.intersection(do.verbs) for do in self.turns):
            raise ValueError(
                "then: some turns are done when a connection is opened and some to frames; write two faults"
            )

    def _check_socket(self, do: Do) -> None:
        """On a socket there are connections and frames; elsewhere there are neither."""
        when = self.when
        given = [name for name in SOCKET_ONLY if getattr(when, name) is not None]
        if "socket" not in self.kinds:
            if given:
                raise ValueError(f"when.{given[0]}: is of the socket; write on: socket, or leave it out")
            return
        if self.kinds != {"socket"}:
            raise ValueError(f"on: socket stands alone, for {', '.join(self.on)} have no frames; write two faults")
        if self.effect is not None:
            raise ValueError("effect: is of operations, and a socket has none; leave it out")
        if when.after_bytes is not None:
            raise ValueError("when.after_bytes: is of answers; on a socket write after_frames")
        parts = [verb for verb in do.verbs if VERBS[verb].part in ("answer", "body", "end", "frames")]
        if len(parts) > 1:
            raise ValueError(f"{parts[0]} and {parts[1]} cannot both be done to one frame; write two faults")
        for verb in do.verbs:
            frames, why = FRAMES_WITHOUT.get(verb, ((), ""))
            if when.frame in frames:
                raise ValueError(f"{verb}: cannot be done to a frame {when.frame}: {why}; strike another frame")
        if upgrade := UPGRADE.intersection(do.verbs):
            name = min(upgrade)
            if len(do.verbs) > 1:
                raise ValueError(f"{name}: is done when the connection is opened, and stands alone; write two faults")
            if wrong := [key for key in ("frame", "after_frames", "status") if getattr(when, key) is not None]:
                raise ValueError(f"when.{wrong[0]}: {name} is done before there is any frame; leave it out")

    def _check_webhook(self) -> None:
        if "webhook" in self.kinds and self.effect is not None:
            raise ValueError("effect: is of operations, and a webhook is none; leave it out")

    def _check_bytes(self, do: Do) -> None:
        if self.when.after_bytes is None:
            return
        if do.truncate is not None and do.truncate is not True:
            raise ValueError("when.after_bytes: truncate says itself after how many bytes; leave one of the two out")
        if not do.ok and not any(VERBS[verb].part == "end" for verb in do.verbs):
            raise ValueError(f"when.after_bytes: is for hang, reset, disconnect and truncate, not for {do}")

    @cached_property
    def operations(self) -> frozenset[str]:
        """The operations (or `socket`, `webhook`) that it strikes; of a glob, what all its verbs can be done to."""
        where = [VERBS[verb].where for do in self.turns for verb in do.verbs]
        named = (one for name in self.on for one in operations_of(name))
        return frozenset(one for one in named if all(kind_of(one) in kinds for kinds in where))

    @property
    def opens(self) -> bool:
        """Whether it strikes connections when they are opened, and no frames."""
        return "socket" in self.operations and any(UPGRADE.intersection(do.verbs) for do in self.turns)

    @property
    def kinds(self) -> frozenset[Kind]:
        """What kinds of things it strikes."""
        return frozenset(map(kind_of, self.operations))

    @property
    def turns(self) -> list[Do]:
        """What is done, in turn."""
        return [self.do, *self.then]

    @property
    def most(self) -> int | None:
        """How often the first turn is done; None for always."""
        return self.times if self.times is not None else None if self.when.every or self.when.share else 1

    def words(self) -> dict[str, Any]:
        """How it is spelt."""
        return dict(self._words())

    def _words(self) -> Iterator[tuple[str, Any]]:
        yield "on", self.on[0] if len(self.on) == 1 else self.on
        if self.when.model_fields_set:
            yield "when", self.when.model_dump(exclude_unset=True)
        yield "do", self.do.words()
        if self.times is not None:
            yield "times", self.times
        if self.then:
            yield "then", [turn.words() for turn in self.then]
        if self.effect is not None:
            yield "effect", self.effect
        if self.optional:
            yield "optional", True


class TaskFault(FaultItem):
    """A fault of a scenario: it strikes the run that plays it, and requests about its task."""

    @field_validator("on")
    @classmethod
    def _is_about_a_task(cls, names: list[str]) -> list[str]:
        for name in names:
            if not ABOUT_A_TASK & {*operations_of(name)}:
                raise ValueError(
                    f"a request of {name} is about no task of this scenario; put the fault into a fault set or into "
                    "wiro.fault(…), which strike any request"
                )
        return names

    @model_validator(mode="after")
    def _knows_its_task(self) -> Self:
        for do in self.turns if "socket" in self.kinds else ():
            if self.when.frame == "connected" or UPGRADE.intersection(do.verbs):
                raise ValueError(
                    f"{do}: a connection that is opened is about no task of this scenario yet; put the fault into a "
                    "fault set or into wiro.fault(…), which strike any connection"
                )
        return self

    @cached_property
    def operations(self) -> frozenset[str]:
        """The operations that it strikes, among those that are about a task."""
        return ABOUT_A_TASK & super().operations


def _where_instead(verb: str) -> str:
    names = {"api": "an operation such as Task/Detail", "file": "cdn", "socket": "socket", "webhook": "webhook"}
    return f"strike {' or '.join(names[kind] for kind in VERBS[verb].where)}"
