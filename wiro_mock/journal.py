"""What was asked and what was answered: a bounded record of requests, without any credential.

An exchange keeps parsed fields, digests and virtual instants: no header, host, port, nonce or signature. So two
runs of a client that makes one request at a time give the same journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiro_mock.api.messages import Outcome, Upload
from wiro_mock.kernel.events import Instant

TEXT_SHOWN = 1_000
"""Characters of one value that are shown."""
ITEMS_SHOWN = 100
OVERHEAD = 600
"""Bytes that an exchange takes beside the text of its request, roughly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer. `at` is in microseconds since the epoch, `weight` in bytes."""

    id: str
    at: Instant
    method: str
    path: str
    fields: Mapping[str, object]
    status: int
    outcome: Outcome
    weight: int

    def shown(self) -> dict[str, Any]:
        """The exchange as JSON values; long values are cut, files are told of by name, size and digest."""
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
            "fields": {name[:TEXT_SHOWN]: _shown(value) for name, value in list(self.fields.items())[:ITEMS_SHOWN]},
        }


class Journal:
    """The latest exchanges, oldest first: at most so many, and at most so many bytes."""

    def __init__(self, *, requests: int = 1_000, size: int = 16 << 20) -> None:
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
    ) -> Exchange:
        """Keep an exchange, and give it its id."""
        self._count += 1
        weight = OVERHEAD + size + len(path)
        exchange = Exchange(
            id=f"req-{self._count}",
            at=at,
            method=method,
            path=path[:TEXT_SHOWN],
            fields=fields or {},
            status=status,
            outcome=outcome,
            weight=weight,
        )
        self._exchanges.append(exchange)
        self._weight += weight
        while len(self._exchanges) > self._requests or self._weight > self._size:
            self._weight -= self._exchanges.popleft().weight
        return exchange

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


def _shown(value: object) -> Any:
    match value:
        case Upload(filename=filename, blob=blob):
            return {
                "file": filename[:TEXT_SHOWN],
                "size": blob.size,
                "sha256": blob.digest,
                "contenttype": blob.contenttype,
            }
        case str():
            return value if len(value) <= TEXT_SHOWN else f"{value[:TEXT_SHOWN]}… ({len(value)} characters)"
        case list():
            return [_shown(item) for item in value[:ITEMS_SHOWN]]
        case dict():
            return {str(name)[:TEXT_SHOWN]: _shown(item) for name, item in list(value.items())[:ITEMS_SHOWN]}
        case _:
            return value
