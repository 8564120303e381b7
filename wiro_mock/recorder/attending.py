"""Realtime sessions as they pass over their clients' own sockets.

A session is a party of two: a recorder that registered its token as well might get the sound in the client's place, and
would keep the session alive when that has gone. So where a model's name tells that it may be one, nobody else listens.
Of any other that turns out to be one, what the client says is seen here, and what is said to it by its follower.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from wiro_mock.api import session_shape
from wiro_mock.kernel.unknown_models import WORDS
from wiro_mock.recorder.follower import Follower
from wiro_mock.recorder.passing import parsed
from wiro_mock.recorder.talked import Said

BACK: Final = 60.0
"""Seconds within which a client that has left may come again."""
FIRST: Final = 3600.0
"""Seconds within which a client listens to its session for the first time."""
LONGEST_WORD: Final = 10_000
"""Characters of what a client says in text; what is longer is nothing that Wiro knows."""
_SAYS: Final[dict[object, Said]] = {
    "task_session_interrupt": "task_session_interrupt",
    "task_session_end": "task_session_end",
}


def may_be_realtime(slug: str) -> bool:
    """Whether a model's name tells of realtime sessions."""
    return any(WORDS.get(word, "").startswith("realtime") for word in re.findall(r"[a-z0-9]+", slug.lower()))


@dataclass(slots=True, kw_only=True, eq=False)
class Attending:
    """The sockets of one session's client. `by_wire`: they alone tell of it; what comes when the session itself is over
    may be listened to (`listen`).
    """

    follower: Follower
    by_wire: bool
    listen: Callable[[], None]
    _sockets: list[Tap] = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None

    async def attend(self) -> None:
        """Until the session is over, or its client has gone for good."""
        self._wait_for_client(FIRST)
        await self.follower.attend()

    def join(self, tap: Tap) -> None:
        """A socket of the client has registered."""
        if tap not in self._sockets:
            self._sockets.append(tap)
        if self._timer:
            self._timer.cancel()
        self.follower.alone = False

    def leave(self, tap: Tap, *, broken: bool = False) -> None:
        """One is gone; `broken`: it was the upstream that closed it."""
        self._sockets.remove(tap)
        follower = self.follower
        if self._sockets or follower.over.is_set() or (follower.sighting.talk is None and not self.by_wire):
            return
        talk = follower.sighting.talk
        if follower.ending or (talk is not None and any(kind == "task_session_end" for _, kind in talk.said)):
            if self.by_wire:
                self.listen()  # most clients of the documentation go at task_end
            return
        if talk is not None:
            talk.said.append((follower.now(), "left"))
        follower.left(broken=broken)
        if self.by_wire:
            self._wait_for_client(BACK)

    def _wait_for_client(self, seconds: float) -> None:
        self.follower.alone = True
        self._timer = asyncio.get_running_loop().call_later(seconds, self.follower.over.set)

    def says(self, kind: Said) -> None:
        """The client has said this."""
        if self.follower.sighting.talk is not None:
            self.follower.sighting.talk.said.append((self.follower.now(), kind))

    def hears(self, pcm: bytes) -> None:
        """The client has spoken."""
        if self.follower.sighting.talk is not None:
            self.follower.sighting.talk.hear(pcm, self.follower.now())

    def tells(self, tap: Tap) -> bool:
        """Whether what comes over this socket is to be taken."""
        return self.by_wire and self._sockets[:1] == [tap] and not self.follower.over.is_set()


@dataclass(slots=True, kw_only=True, eq=False)
class Tap:
    """What passes over one socket of a client. `find` is the session with a token, if there is one."""

    find: Callable[[str], Attending | None]
    tell: Callable[[str], None]
    _by_token: dict[str, Attending] = field(default_factory=dict)

    def up(self, said: str | bytes) -> None:
        """The client says this."""
        self._safely(self._up, said)

    def down(self, said: str | bytes) -> None:
        """This is said to the client."""
        if self._by_token:
            self._safely(self._down, said)

    def end(self, *, broken: bool = False) -> None:
        """The socket is closed; `broken`: by the upstream."""
        for one in [*self._by_token.values()]:
            one.leave(self, broken=broken)
        self._by_token.clear()

    def _safely(self, take: Callable[[Any], None], said: str | bytes) -> None:
        """Whatever becomes of the recording, the client is served."""
        try:
            take(said)
        except Exception as error:
            self.tell(f"a socket is not recorded: {type(error).__name__}, a mistake in wiro_mock itself")
            self.end()

    def _up(self, said: str | bytes) -> None:
        if isinstance(said, bytes):
            self._speak(said)
            return
        frame = parsed(said) if len(said) <= LONGEST_WORD else None
        if not isinstance(frame, dict):
            return
        token = str(frame.get("tasktoken"))
        if frame.get("type") == "task_info" and (found := self.find(token)):
            self._by_token[token] = found
            found.join(self)
        elif frame.get("type") in _SAYS and token in self._by_token:
            self._by_token[token].says(_SAYS[frame["type"]])

    def _speak(self, said: bytes) -> None:
        try:
            audio = session_shape.read(said)
        except session_shape.NoAudio:
            return  # the upstream's to judge
        if found := self._by_token.get(audio.token):
            found.hears(audio.pcm)

    def _down(self, said: str | bytes) -> None:
        telling = [one for one in self._by_token.values() if one.tells(self)]
        if not telling:
            return
        if isinstance(said, bytes):
            token, _, pcm = said.partition(session_shape.PIPE)
            for one in telling:
                if one.follower.token.encode() == token:
                    one.follower.voice(pcm)
        elif isinstance(frame := parsed(said), dict):
            for one in telling:
                if one.follower.is_about(frame):
                    one.follower.take(frame, len(said))
