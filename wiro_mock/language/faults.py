"""`faults:` of a scenario or of a fault set: what goes wrong on the way, while the task goes on as its steps say.

A fault is no event: the log never lies, the bytes do. Each says where it strikes (`on`), when (`when`), what it does
(`do`, then `then`), how often (`times`), and whether the operation took place (`effect`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from wiro_mock.language.fault_actions import MOST_TIMES, Do, Turn
from wiro_mock.language.fault_conditions import SOCKET_ONLY, When
from wiro_mock.language.strict import Given, Strict
from wiro_mock.language.verbs import (
    ABOUT_A_TASK,
    FRAMES_WITHOUT,
    OPERATIONS,
    PLACES,
    RUNS,
    UPGRADE,
    UPLOADS,
    VERBS,
    WHILE_SENT,
    Kind,
    kind_of,
    operations_of,
)

Effect: TypeAlias = Literal["before", "after"]


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
            self._check_sending(do)
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

    def _check_sending(self, do: Do) -> None:
        """What strikes a request on its way can neither wait for its answer nor know its task."""
        if self.when.after_sent is None:
            return
        if not self.operations:
            raise ValueError(f"when.after_sent: {' or '.join(self.on)} sends no files; write upload, Run or Run/sync")
        if wrong := [verb for verb in do.verbs if verb not in WHILE_SENT]:
            ways = ", ".join(WHILE_SENT[1:])
            raise ValueError(f"when.after_sent: there is no answer yet to which {wrong[0]} could be done; write {ways}")
        if do.drip is not None and {"status", "hang", "reset", "disconnect"}.intersection(do.verbs):
            raise ValueError("drip: is how fast the rest is read, and with the other there is none; write two faults")
        if self.when.after_bytes is not None:
            raise ValueError("when.after_bytes: is of the answer, and there is none yet; leave one of the two out")
        if self.effect is not None:
            raise ValueError("effect: a request that is cut off does not take place; leave it out")

    @cached_property
    def operations(self) -> frozenset[str]:
        """The operations (or `socket`, `webhook`) that it strikes; of a glob, what all its verbs can be done to."""
        where = [VERBS[verb].where for do in self.turns for verb in do.verbs]
        named = (one for name in self.on for one in operations_of(name))
        found = frozenset(one for one in named if all(kind_of(one) in kinds for kinds in where))
        return found if self.when.after_sent is None else found & UPLOADS

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
        if self.when.after_sent is not None:
            raise ValueError(
                "when.after_sent: while a run is being sent nobody knows which scenario plays it; put the fault into a "
                "fault set or into wiro.fault(…), which strike any request"
            )
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
