"""What was asked and what was answered: a bounded record of requests, without any credential.

An exchange keeps parsed fields, digests and virtual instants: no header, host, port, nonce or signature. So two
runs of a client that makes one request at a time give the same journal. What is kept is cut to what is shown, and
a credential that strays into a field or a path is blotted out.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import islice
from typing import Any

from wiro_mock.api.messages import InputNote, Outcome, Upload
from wiro_mock.kernel.events import Instant
from wiro_mock.masking import HIDDEN, Mask
from wiro_mock.text import printable

TEXT_SHOWN = 1_000
"""Characters of one value that are shown."""
ITEMS_SHOWN = 100
METHOD_SHOWN = 40
OVERHEAD = 600
"""Bytes that an exchange takes beside the text of its request, roughly."""
NESTED_UP_TO = 1 << 16
"""Bytes of a request's fields up to which values inside values are kept."""
MOST_KEPT = 2 * ITEMS_SHOWN * TEXT_SHOWN
"""Bytes of a larger request that are left after cutting."""
POLL = "Task/Detail"
TASKS_COUNTED = 10_000
"""So many tasks are remembered whose polls had to make room."""
CREDENTIALS = ("x-api-key", "x-nonce", "x-signature", "authorization", "nonce", "signature", "apikey", "secret")
"""Headers that are nobody's business, and what they hold, also where they are sent as fields."""
ANSWER_KEPT = 1 << 16
"""Bytes of an answer up to which it is kept, whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer. `at` is in microseconds since the epoch, `weight` in bytes. `fields` holds JSON
    values: long ones are cut, files are told of by name, size and digest.

    Not part of what is shown, for it may differ between two runs of a client: `came_at`, the instant before a poll
    let time pass; the `origin` that the request came to; the bytes of the `answer`, if there are at most 64 KiB.
    """

    id: str
    at: Instant
    method: str
    path: str
    fields: Mapping[str, object]
    status: int
    outcome: Outcome
    weight: int
    came_at: Instant
    origin: str = ""
    answer: bytes = field(default=b"", repr=False)

    @property
    def signed(self) -> str:
        """How the request showed its key; see `Outcome`."""
        return self.outcome.signed

    @property
    def waits(self) -> bool:
        """Whether its answer is still to come (`Run/sync`); of one that never comes, there is a reason why."""
        return self.status == 0 and not self.outcome.reason

    def shown(self) -> dict[str, Any]:
        """The exchange as JSON values."""
        outcome = self.outcome
        return {
            "id": self.id,
            "at": self.at / 1_000_000,
            "method": self.method,
            "path": self.path,
            "operation": outcome.operation or None,
            "status": self.status,
            "code": outcome.code,
            "message": outcome.message or None,
            "reason": outcome.reason or None,
            "task": outcome.task_id or None,
            "scenario": outcome.scenario or None,
            "fields": dict(self.fields),
            **({"inputs": [note.shown() for note in outcome.inputs]} if outcome.inputs else {}),
        }

    def line(self) -> str:
        """The exchange as one line for the tester: what was answered, and why."""
        outcome = self.outcome
        return printable(f"{self.method} {self.path[:200]} -> {self.status} {self.what} ({self.id}): {outcome.reason}")

    @property
    def what(self) -> str:
        """What was answered, in a few words."""
        outcome = self.outcome
        if outcome.operation == "socket":
            return "a fault on the socket" if outcome.reason.startswith(FAULT) else "a message on the socket"
        if self.status == 500 and outcome.unexpected:
            return "the mock itself cannot go on"
        if self.status == 0:
            return "waits for the end of its task" if self.waits else "never answered"
        if outcome.code is None:
            return (
                "accepted" if self.status < 400 else "failed on the way" if self._was_struck else _phrase(self.status)
            )
        return f"code {outcome.code} {outcome.message!r}"

    @property
    def _was_struck(self) -> bool:
        """Whether a fault made this answer; else it is the mock's own, such as that of a URL that has expired."""
        told = self.outcome.reason.split("; ")
        return any(one.startswith(FAULT) and ", could not apply" not in one for one in told)


def _phrase(status: int) -> str:
    """What HTTP calls a status: of an answer that is no JSON there is no message of Wiro's."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # a status of a fault that says so itself
        return "refused"


FAULT = "the fault "
"""So begins the reason of what a fault has done (`faults.armed`)."""


class Journal:
    """The latest exchanges, oldest first: at most so many, and at most so many bytes. `mask` hides the
    credentials in them.

    `forgotten` counts those that had to make room, by operation and by how they were signed; `forgotten_polls` are
    the polls among them, by task. `answered` counts all there have been, by operation and status, and `unmatched` those
    of them that nothing here answers to.
    """

    def __init__(self, *, requests: int = 1_000, size: int = 16 << 20, mask: Mask | None = None) -> None:
        self.mask = mask or Mask()
        self.forgotten: Counter[tuple[str, str]] = Counter()
        self.forgotten_polls: Counter[str] = Counter()
        self.answered: Counter[tuple[str, int]] = Counter()
        self.unmatched = 0
        self._exchanges: deque[Exchange] = deque()
        self._requests = requests
        self._size = size
        self._weight = 0
        self._count = 0

    def __len__(self) -> int:
        return len(self._exchanges)

    @property
    def dropped(self) -> int:
        """How many exchanges were forgotten to make room."""
        return self._count - len(self._exchanges)

    def record(
        self,
        *,
        at: Instant,
        method: str,
        path: str,
        status: int,
        outcome: Outcome,
        fields: Mapping[str, object] | None = None,
        size: int = 0,
        came_at: Instant | None = None,
        origin: str = "",
        answer: bytes = b"",
    ) -> Exchange:
        """Keep an exchange, and give it its id. `size` is about the bytes that the fields take in memory."""
        self._count += 1
        self.answered[outcome.operation, status] += 1
        self.unmatched += outcome.unexpected
        path, reason = self._cut(path), self._cut(outcome.reason, 2 * TEXT_SHOWN)
        if outcome.message or reason:
            outcome = replace(outcome, message=self._cut(outcome.message), reason=reason)
        if outcome.inputs:
            outcome = replace(outcome, inputs=tuple(self._cleaned(note) for note in outcome.inputs))
        answer = self.mask.data(answer) if len(answer) <= ANSWER_KEPT else b""
        weight = OVERHEAD + min(size, MOST_KEPT) + len(path) + len(reason) + len(answer)
        exchange = Exchange(
            id=f"req-{self._count}",
            at=at,
            method=method[:METHOD_SHOWN],
            path=path,
            fields=self._shown(fields, nested=size <= NESTED_UP_TO) if fields else {},
            status=status,
            outcome=outcome,
            weight=weight,
            came_at=at if came_at is None else came_at,
            origin=origin,
            answer=answer,
        )
        self._exchanges.append(exchange)
        self._weight += weight
        self._make_room()
        return exchange

    def _make_room(self) -> None:
        while len(self._exchanges) > self._requests or self._weight > self._size:
            oldest = self._exchanges.popleft()
            self._weight -= oldest.weight
            self.forgotten[oldest.outcome.operation, oldest.signed] += 1
            if oldest.outcome.operation == POLL:
                self.forgotten_polls[oldest.outcome.task_id] += 1
                if len(self.forgotten_polls) > TASKS_COUNTED:
                    del self.forgotten_polls[next(iter(self.forgotten_polls))]

    def amend(self, exchange_id: str, *, at: Instant, status: int, outcome: Outcome, answer: bytes) -> Exchange | None:
        """Put down how a request ended that was kept when it came; None where it has been forgotten since."""
        if (old := self._at(exchange_id)) is None:
            return None
        answer = self.mask.data(answer) if len(answer) <= ANSWER_KEPT else b""
        told = replace(
            old.outcome,
            code=outcome.code,
            message=self._cut(outcome.message),
            reason=self._cut("; ".join(filter(None, (old.outcome.reason, outcome.reason))), 2 * TEXT_SHOWN),
            seen=outcome.seen or old.outcome.seen,
        )
        self.answered[old.outcome.operation, old.status] -= 1
        self.answered[old.outcome.operation, status] += 1
        return self._replace(old, replace(old, at=at, status=status, outcome=told, answer=answer))

    def _at(self, exchange_id: str) -> Exchange | None:
        place = int(exchange_id.removeprefix("req-") or 0) - 1 - self.dropped
        return self._exchanges[place] if 0 <= place < len(self._exchanges) else None

    def _replace(self, old: Exchange, new: Exchange) -> Exchange:
        """Put one in the place of another, within the bounds of all."""
        more = len(new.answer) - len(old.answer) + len(new.outcome.reason) - len(old.outcome.reason)
        made = replace(new, weight=old.weight + more)
        self._exchanges[int(old.id.removeprefix("req-")) - 1 - self.dropped] = made
        self._weight += more
        self._make_room()
        return made

    def add_reason(self, exchange_id: str, why: str) -> None:
        """Say something more of an exchange, where it is still remembered."""
        old = self._at(exchange_id)
        if old is not None:
            reason = self._cut("; ".join(filter(None, (old.outcome.reason, why))), 2 * TEXT_SHOWN)
            self._replace(old, replace(old, outcome=replace(old.outcome, reason=reason)))

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._exchanges)

    @property
    def weight(self) -> int:
        """Bytes that the kept exchanges take, roughly."""
        return self._weight

    def resume(self, exchanges: Iterable[Exchange], count: int) -> None:
        """Go on after these exchanges, which are the latest of so many."""
        self._exchanges.extend(exchanges)
        self._weight = sum(one.weight for one in self._exchanges)
        self._count = count
        self._make_room()

    def entries(
        self, *, limit: int = 100, since: str = "", task: str = "", refused: bool | None = None
    ) -> list[Exchange]:
        """The last `limit` exchanges after the one with id `since`, of one task, only the refused ones (or not)."""
        after = int(since.removeprefix("req-")) if since.removeprefix("req-").isdecimal() else 0
        found = [
            exchange
            for exchange in self._exchanges
            if int(exchange.id.removeprefix("req-")) > after
            and (not task or exchange.outcome.task_id == task)
            and (refused is None or (exchange.outcome.code is not None) is refused)
        ]
        return found[-limit:] if limit else []

    def clean(self, text: str) -> str:
        """The text with every credential in it blotted out."""
        return self.mask.text(text)

    def _cut(self, text: str, length: int = TEXT_SHOWN) -> str:
        return self.mask.cut(text, length)

    def _cleaned(self, note: InputNote) -> InputNote:
        url, near, declared = (self._cut(text, 300) for text in (note.url, note.near, note.declared))
        return replace(note, parameter=self._cut(note.parameter, 100), url=url, near=near, declared=declared)

    def _shown(self, fields: Mapping[str, object], *, nested: bool) -> dict[str, Any]:
        return {
            self._cut(name): HIDDEN if name.lower() in CREDENTIALS else self._value(value, nested=nested)
            for name, value in islice(fields.items(), ITEMS_SHOWN)
        }

    def _value(self, value: object, *, nested: bool) -> Any:
        match value:
            case Upload(filename=filename, blob=blob):
                return {
                    "file": self._cut(filename),
                    "size": blob.size,
                    "sha256": blob.digest,
                    "contenttype": self._cut(blob.contenttype),
                }
            case str():
                return self._cut(value) + (f"… ({len(value)} characters)" if len(value) > TEXT_SHOWN else "")
            case list() | dict() if not nested:
                return f"… ({len(value)} values)"
            case list():
                return [self._value(item, nested=nested) for item in value[:ITEMS_SHOWN]]
            case dict():
                return self._shown(value, nested=nested)
            case _:
                return value
