"""Takes down what a client asks and is answered while it does so: what the probe of a live service leaves behind."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wiro_mock.contract.client import Answer, Credentials
from wiro_mock.drift.takes import ABSENT, Exchange, Hook, Shown, Take
from wiro_mock.recorder.observed import TERMINAL, Seen


@dataclass
class Tap:
    """Collects exchanges and frames. `now` is the time in seconds."""

    credentials: Credentials
    now: Callable[[], float] = time.monotonic
    exchanges: list[Exchange] = field(default_factory=list)
    streams: dict[str, list[Seen]] = field(default_factory=dict)
    loose: list[dict[str, Any]] = field(default_factory=list)
    hooks: tuple[Hook, ...] = ()
    awaited: Mapping[str, int] = field(default_factory=dict)

    def answered(self, call: str, headers: Mapping[str, str], body: object, answer: Answer) -> None:
        """A request was answered."""
        shown = self._shown(headers)
        self.exchanges.append(
            Exchange(
                call=call, body=body, status=answer.status, answer=answer.json, shown=shown, at=self.now(), where=call
            )
        )

    def fetched(self, url: str, asked: Mapping[str, str], status: int, headers: Mapping[str, str]) -> None:
        """A file was asked for."""
        where = "GET of a file"
        self.exchanges.append(
            Exchange(
                call=url, body=None, status=status, answer=ABSENT, at=self.now(), where=where,
                method="GET", asked=asked, headers=headers,
            )
        )  # fmt: skip

    def heard(self, frame: dict[str, Any]) -> None:
        """A frame came. After the one that ends a task its frames are those of a late registration, and left out."""
        if "id" not in frame:
            self.loose.append(frame)
            return
        told = self.streams.setdefault(str(frame["id"]), [])
        if not told or told[-1].kind not in TERMINAL:
            told.append(Seen(at=int(self.now() * 1_000_000), frame=frame))

    def cut_off(self) -> list[str]:
        """The sockets that fell silent, or broke, before the end of their task: that may be anybody's fault."""
        return [
            f"the socket told nothing more of a task after {told[-1].kind}: it broke, or fell silent before the end"
            for told in self.streams.values()
            if told[-1].kind not in TERMINAL
        ]

    def take(self, name: str, *, skipped: tuple[str, ...] = ()) -> Take:
        """All of it."""
        streams = {task: tuple(told) for task, told in self.streams.items()}
        return Take(
            name=name,
            exchanges=tuple(self.exchanges),
            streams=streams,
            loose=tuple(self.loose),
            followed=frozenset(task for task, told in streams.items() if told[-1].kind in TERMINAL),
            hooks=self.hooks,
            awaited=self.awaited,
            skipped=skipped,
        )

    def _shown(self, headers: Mapping[str, str]) -> Shown:
        key, nonce, signature = (headers.get(name, "") for name in ("x-api-key", "x-nonce", "x-signature"))
        if not key:
            return "none"
        if key != self.credentials.key:
            return "unknown key"
        if not signature:
            return "key" if self.credentials.secret else "signed"
        right = hmac.digest(key.encode(), (self.credentials.secret + nonce).encode(), "sha256").hex()
        return "signed" if hmac.compare_digest(right, signature) else "missigned"
