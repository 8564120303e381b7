"""A fault that strikes a call: what the client gets then, and what the journal is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from wiro_mock.api.messages import Outcome, Request, Response
from wiro_mock.text import printable

if TYPE_CHECKING:
    from wiro_mock.api.messages import World
    from wiro_mock.faults.armed import Fault, Faults
    from wiro_mock.language.fault_actions import Do

SHOWN = 200
"""Characters of Wiro's own answer that the journal tells of, where it did not reach the client."""


@dataclass(slots=True, kw_only=True)
class Strike:
    """A fault that strikes a call; `applied` or `could_not` has to be called, once it is known.

    `do` is what it does this time, `before` whether the operation does not take place, `random` makes its noise.
    """

    fault: Fault
    do: Do
    world: World
    faults: Faults
    operation: str = ""
    request: Request | None = None
    random: Random = field(default_factory=Random)

    @property
    def before(self) -> bool:
        """Whether nothing happened."""
        item = self.fault.item
        if self.do.ok or not self.do.makes_answer(item.when.after_bytes):
            return False
        return item.effect != "after"

    def draw(self, what: str) -> float:
        """A number from 0 to 1 for this strike."""
        return self.fault.draw(self.faults.seed, what)

    def applied(self) -> str:
        """It was done; how it is told of."""
        fault = self.fault
        fault.struck += 1
        self.faults.struck[self.operation] += 1
        if fault.is_spent:
            self.faults.disarm(fault)
        of = f" of {fault.total}" if fault.total is not None else ""
        what = fault if self.do is fault.item.do else f"{self.do} (of {fault})"
        return f"the fault {what}, set at {fault.where}, no. {fault.struck}{of}"

    def could_not(self, why: str) -> str:
        """It could not be done, and is not spent; how it is told of."""
        self.fault.unfit = why
        self.fault.times_unfit += 1
        return f"the fault {self.fault}, set at {self.fault.where}, could not apply: {why}"

    def answer(self, play: Callable[[], tuple[Response, Outcome]]) -> tuple[Response, Outcome]:
        """What the client gets, and what the journal is told. `play` makes Wiro's own answer."""
        from wiro_mock.faults.deeds import Unfit, wrecked  # most servers strike nothing

        own = None if self.before else play()
        assert self.request is not None
        if own is not None and own[0].wait is not None and not own[0].streams:
            # It is struck when it is there.
            wait = own[0].wait
            wait.strikes = (*wait.strikes, self)
            return own
        try:
            response = wrecked(self, self.request, own[0] if own else None)
        except Unfit as unfit:
            response, outcome = own or play()
            return response, replace(outcome, reason=_joined(outcome.reason, self.could_not(str(unfit))))
        told = self.applied()
        if own is None:
            code, message = (self.do.code, self.do.sentence) if self.do.code is not None else (None, "")
            task_id = "" if self.fault.scope.startswith("scenario") else self.fault.task_id
            reason = f"{told}; the request had no effect"
            return response, Outcome(
                operation=self.operation, task_id=task_id, code=code, message=message, reason=reason
            )
        return response, self._after(own, response, told)

    def _after(self, own: tuple[Response, Outcome], response: Response, told: str) -> Outcome:
        before, outcome = own
        from wiro_mock.language.durations import format_duration  # pydantic, which a start need not wait for

        late = response.damage.latency if response.damage is not None and self.do.latency is not None else 0
        told = f"{told}, {format_duration(late)} late" if late else told
        if _is_whole(before, response):
            return replace(outcome, reason=_joined(outcome.reason, told))
        text = printable(before.content.decode("utf-8", "replace")[:SHOWN]) if before.content else "the bytes of a file"
        told = f"{told}; the operation took place, and its own answer was {before.status} {text}"
        if before.content[SHOWN:]:
            told += "…"
        if response.status != before.status:
            outcome = replace(outcome, code=self.do.code, message=self.do.sentence if self.do.code is not None else "")
        return replace(outcome, file="", seen=0, reason=_joined(outcome.reason, told))


def _is_whole(own: Response, response: Response) -> bool:
    """Whether Wiro's own answer reaches the client as it is, if late."""
    same = response.content == own.content and response.chunks is own.chunks and response.status == own.status
    return same and (response.damage is None or not response.damage.end)


def _joined(*texts: str) -> str:
    return "; ".join(filter(None, texts))
