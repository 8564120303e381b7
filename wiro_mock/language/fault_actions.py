"""What a fault does: one verb of the table, or several that go together, and in which words that is written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from wiro_mock.kernel.refusals import No
from wiro_mock.language.chances import Chance, ChanceText
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.language.strict import Given, Strict
from wiro_mock.language.verbs import VERBS

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
