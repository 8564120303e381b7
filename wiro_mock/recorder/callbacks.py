"""Webhooks: the address in a run is replaced by one of the recorder's, which passes on what comes there.

That is done where the upstream can reach the recorder: an upstream on this machine can, any other one by an address
that somebody has told us (a tunnel's). Otherwise the run's own address stays, and nothing is known of its webhook.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote_plus, urlsplit

from wiro_mock.kernel.events import Instant
from wiro_mock.kernel.rules import is_web_url
from wiro_mock.recorder.follower import Follower

PLACE: Final = "/__callback/"
"""Below it, the webhook of a run, by a number."""
NAME: Final = "callbackUrl"
MOST: Final = 1_000
"""Webhooks that are waited for; the oldest is forgotten first."""
MOST_EARLY: Final = 3
"""Attempts at a webhook that are kept before the answer to its run."""


@dataclass(slots=True, kw_only=True)
class Call:
    """Where a webhook is to go, by which host the client knows the recorder, and the run that it belongs to."""

    url: str
    ours: str
    _follower: Follower | None = None
    _early: list[tuple[object, Instant]] = field(default_factory=list)

    @property
    def task(self) -> str:
        """The id of its task; empty while that is not known."""
        return self._follower.task_id if self._follower is not None else ""

    def belongs_to(self, follower: Follower) -> None:
        """Its run has been taken on; a webhook may have come before that was known."""
        self._follower = follower
        for body, at in self._early:
            follower.hook(body, at)

    def came(self, body: object, at: Instant) -> None:
        """It was posted with this body."""
        if self._follower is not None:
            self._follower.hook(body, at)
        elif len(self._early) < MOST_EARLY:
            self._early.append((body, at))


@dataclass(slots=True)
class Callbacks:
    """The webhooks to come. `base` is the address at which the upstream reaches the recorder; empty: it cannot."""

    base: str
    calls: dict[int, Call] = field(default_factory=dict)
    _drawn: int = 0

    @classmethod
    def to(cls, base: str, upstream: str) -> Callbacks:
        """By the address that was told, or `*` (whatever the client calls us) for an upstream on this machine."""
        is_near = urlsplit(upstream).hostname in ("127.0.0.1", "::1", "localhost")
        return cls(base.rstrip("/") or ("*" if is_near else ""))

    def redirect(
        self, body: bytes, parameters: Mapping[str, object], kind: str, ours: str
    ) -> tuple[bytes, Call | None]:
        """The body of a run with our address for its webhook in place of the client's."""
        url = parameters.get(NAME)
        if not self.base or not isinstance(url, str) or not is_web_url(url):
            return body, None
        self._drawn += 1
        place = f"{ours if self.base == '*' else self.base}{PLACE}{self._drawn}"
        call = self.calls[self._drawn] = Call(url=url, ours=ours)
        if len(self.calls) > MOST:
            del self.calls[next(iter(self.calls))]
        if "json" in kind:
            return json.dumps({**json.loads(body), NAME: place}).encode(), call
        for old, new in ((url, place), (quote_plus(url), quote_plus(place))):
            body = body.replace(old.encode(), new.encode())
        return body, call

    def at(self, path: str) -> Call | None:
        """The webhook that belongs to this path of ours."""
        number = path.removeprefix(PLACE)
        return self.calls.get(int(number)) if number.isdecimal() and len(number) < 10 else None
