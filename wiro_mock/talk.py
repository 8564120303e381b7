"""What a client says on a socket and what it is told, between one connection and one world.

One half listens and one sends, and only the second writes frames, so that they come in order. What was said is
recorded in the world: all of it in the log of frames, what was dropped in the journal too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, TypeAlias

from starlette.types import Send

from wiro_mock.api import Conversation, Outcome
from wiro_mock.api.socket import LONGEST_MESSAGE
from wiro_mock.faults.frames import Act, Out, Wreckage, kind_of, unfit
from wiro_mock.faults.striking import Strike
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.mock import World
from wiro_mock.pump import Follower
from wiro_mock.text import printable

REPLIES_WAITING = 1_000
"""So many replies wait to be sent on a socket before no more is read from it."""

Write: TypeAlias = Callable[[Sequence[str | bytes]], bool]
"""Sends messages at once, in one go; whether it could."""


def _nowhere(messages: Sequence[str | bytes]) -> bool:  # noqa: ARG001 -- a door that is shut
    return False


class Talk:
    """One connection's talk with one world: it hears, and it sends; only the second half writes frames.

    One that only `watches` is no party to a realtime session, which ends without it as if it were not there.
    """

    def __init__(
        self,
        world: World,
        conversation: Conversation,
        follower: Follower,
        *,
        welcome: bool = True,
        watches: bool = False,
    ) -> None:
        self.world = world
        self._watches = watches
        self.halves: list[asyncio.Future[Any]] = []
        self._conversation = conversation
        self._follower = follower
        self._replies: list[str] = conversation.welcome() if welcome else []
        self._sessions: dict[str, Simulation] = {}
        self._taken = asyncio.Event()
        self._write: Write = _nowhere
        self._busy = False
        self._failure: Exception | None = None
        self._break_off: Callable[[str], None] | None = None
        with world.lock:
            self._number = next(world.socket_numbers)
            world.sockets.add(self._number)
        self._wreckage = Wreckage(self._number)
        follower.wake()

    @property
    def was_let_go(self) -> bool:
        """Whether its client has read nothing for too long."""
        return self._follower.let_go.is_set()

    def start(
        self, send: Send, write: Write | None = None, break_off: Callable[[str], None] | None = None
    ) -> list[asyncio.Future[Any]]:
        """Send what there is to send from now on; what runs, and ends only when something is over.

        `write` sends a message at once, if the connection is open and has room: most need no coroutine to be woken.
        `break_off` ends the connection as it says: `reset` or `disconnect`.
        """
        self._break_off = break_off
        if write is not None:
            self._write = write
            self._follower.push = self._push
        self.halves = [
            asyncio.ensure_future(self.send_news(send)),
            asyncio.ensure_future(self._follower.let_go.wait()),
        ]
        return self.halves

    def end(self, *, gone: bool = False) -> None:
        """Neither send nor follow anything any more. `gone`: the client has left, and its realtime sessions end."""
        self._follower.leave()
        with self.world.lock:
            self.world.sockets.discard(self._number)
            left = self.world.sessions
            alone = [(one, left.parting(one)) for one in self._sessions if left.leave(one, self._number)]
        for task_id, parting in alone if gone else ():
            self._hang_up(task_id, parting)
        for half in self.halves:
            half.cancel()
        self._replies.clear()
        self._taken.set()  # nobody is to wait for a sender that is no more

    def _hang_up(self, task_id: str, parting: int) -> None:
        """End a session that nobody listens to any more, now or after the time to come back, by the system's clock."""
        grace, sim = self.world.settings.realtime_grace, self._sessions[task_id]
        if grace > 0:
            asyncio.get_running_loop().call_later(grace, self.world.hang_up, sim, task_id, parting)
        else:
            self.world.hang_up(sim, task_id, parting)

    def expect(self, token: str) -> None:
        """Follow the task with this token from its first frame: it was registered before the task was there."""
        with self.world.lock:
            self._conversation.expect(token)
        self._follower.wake()

    async def hear(self, message: MutableMapping[str, Any], token: str = "") -> None:
        """Take what the client said; returns when there is room for more."""
        text = message.get("text")
        with self.world.lock:
            self.world.settle()
            task_id = self._record(message, token)
            if text is None:
                self._conversation.receive_bytes(message.get("bytes") or b"")
            else:
                self._replies += self._conversation.receive(text)
            lines = self._write_down(message, task_id)
            self._listen_as_told()
        for line in lines:
            self.world.tell(line)
        self._follower.wake()
        # A client that only talks must not keep the sender from its turn.
        await asyncio.sleep(0)
        await self._let_replies_go()

    async def _let_replies_go(self) -> None:
        """Wait while too much is to be sent. If the client goes meanwhile, the sender ends or sends into the void."""
        while len(self._replies) > REPLIES_WAITING:
            self._taken.clear()
            await self._taken.wait()

    async def send_news(self, send: Send) -> None:
        """Send what happens, as it happens, in order."""
        while True:
            await self._follower.news()
            self._busy = True
            if self._failure is not None:
                raise self._failure
            while (self._replies or self._conversation.has_news) and (outs := self._take()):
                await self._send_all(outs, send)
                if self._conversation.has_news:
                    # A client that reads as fast as we write is always writable: a long history would have the loop.
                    await asyncio.sleep(0)
            self._busy = False
            self._follower.caught_up()

    async def _send_all(self, outs: Sequence[Out], send: Send) -> None:
        """All of it in one go where there is room for it, else one after the other as there comes to be."""
        frames = [out for out in outs if not isinstance(out, Act)]
        if len(frames) == len(outs) and self._write(frames):
            self._follower.moved()
            return
        for out in outs:
            self._follower.blocked = True
            await self._send_out(out, send)
            self._follower.moved()

    async def _send_out(self, out: Out, send: Send) -> None:
        if isinstance(out, Act):
            await self._act(out, send)
        else:
            await send({"type": "websocket.send", "text" if isinstance(out, str) else "bytes": out})

    async def _act(self, act: Act, send: Send) -> None:
        """Do what a fault does beside frames. A `hang` is done by doing nothing."""
        if act.kind == "wait":
            await asyncio.sleep(self.world.pass_time(act.value))
        elif act.kind == "close":
            await send({"type": "websocket.close", "code": act.value})
        elif act.kind != "hang" and self._break_off is not None:
            self._break_off(act.kind)

    @property
    def _is_whole(self) -> bool:
        """Whether frames go out as they are."""
        return self._wreckage.is_whole and not self.world.faults.strikes("socket")

    def _push(self) -> bool:
        """Send at once what has just happened; whether that is all there is to send."""
        if self._busy or self._replies or not self._is_whole or not self._write(()):
            return False
        try:
            self._write([out for out in self._take() if not isinstance(out, Act)])
        except Exception as error:
            self._failure = error  # for the half whose end is the connection's
            return False
        return not self._conversation.has_news

    def _take(self) -> Sequence[Out]:
        """What is to be sent next; nothing where there is nothing left."""
        outs: Sequence[Out] = ()
        while not outs and (self._replies or self._conversation.has_news):
            with self.world.lock:
                frames = self._next_frames()
                if not frames:
                    return ()
                outs, lines = self._on_their_way(frames)
                sent = [out for out in outs if not isinstance(out, Act)]
                if sent:
                    self.world.frames.sent(self._number, self.world.sim.now, sent)
            for line in lines:
                self.world.tell(line)
        return outs

    def _next_frames(self) -> Sequence[str | bytes]:
        if self._replies:
            frames, self._replies = self._replies, []
            self._taken.set()
            return frames
        pending = self._conversation.pending()
        self._listen_as_told()
        return pending

    def _on_their_way(self, frames: Sequence[str | bytes]) -> tuple[Sequence[Out], list[str]]:
        """What becomes of the frames by the faults of the socket, and the lines that tell of those."""
        if self._is_whole:
            self._wreckage.sent += len(frames)
            return frames, []
        outs: list[Out] = []
        lines: list[str] = []
        for frame in frames:
            kind, task_id = kind_of(frame)
            strike, told = self._strike(frame, kind, task_id)
            lines += told
            outs += self._wreckage.through(frame, kind, strike)
        return outs, lines

    def _strike(self, frame: str | bytes, kind: str, task_id: str) -> tuple[Strike | None, list[str]]:
        if self._wreckage.over:
            return None, []
        sim = self.world.sim
        task = sim.task(task_id)
        if isinstance(frame, bytes):  # audio, which begins with its task's token
            task = sim.task_by_token(frame.partition(b"|")[0].decode("latin-1"))
        strike = self.world.faults.strike(
            self.world,
            "socket",
            scope=task.job.id if task else task_id,
            status=task.status.value if task else "",
            fits=lambda fault: self._wreckage.is_like(fault, kind),
        )
        if strike is None:
            return None, []
        task_id = task.job.id if task else task_id
        if self._break_off is None and {"reset", "disconnect"}.intersection(strike.do.verbs):
            return None, [self._journal(strike.could_not("this server cannot break its connections"), task_id)]
        if why := unfit(strike, kind):
            return None, [self._journal(strike.could_not(why), task_id)]
        return strike, [self._journal(f"{strike.applied()}, at the frame {kind} of socket {self._number}", task_id)]

    def _journal(self, told: str, task_id: str) -> str:
        outcome = Outcome(operation="socket", reason=told, task_id=task_id)
        exchange = self.world.journal.record(
            at=self.world.sim.now, method="SOCKET", path="/v1", status=101, outcome=outcome
        )
        return printable(f"socket ({exchange.id}): {told}")

    def _listen_as_told(self) -> None:
        for task_id, wanted in self._conversation.changes:
            if wanted:
                self._follower.follow(task_id)
                if not self._watches and self.world.sim.session(task_id) is not None:
                    self._sessions[task_id] = self.world.sim
                    self.world.joined(task_id, self._number)
            else:
                self._follower.unfollow(task_id)
                self._sessions.pop(task_id, None)
        self._conversation.changes.clear()

    def _record(self, message: MutableMapping[str, Any], token: str) -> str:
        """Keep what the client said; the id of the task that it names."""
        text = message.get("text")
        task = self.world.sim.task_by_token(token) if token else None
        said = text if text is not None else message.get("bytes") or b""
        task_id = task.job.id if task else ""
        self.world.frames.heard(self._number, self.world.sim.now, said, task_id=task_id)
        return task_id

    def _write_down(self, message: MutableMapping[str, Any], task_id: str) -> list[str]:
        """Keep what was dropped in the journal; the lines that tell of it."""
        lines = []
        text, data = message.get("text"), message.get("bytes") or b""
        fields = {"binary": f"{len(data)} bytes"} if text is None else {"text": text[:LONGEST_MESSAGE]}
        for note in self._conversation.notes:
            exchange = self.world.journal.record(
                at=self.world.sim.now,
                method="SOCKET",
                path="/v1",
                status=101,
                outcome=Outcome(operation="socket", reason=note, task_id=task_id),
                fields=fields,
                size=len(data if text is None else text),
            )
            lines.append(printable(f"socket ({exchange.id}): {exchange.outcome.reason}"))
        self._conversation.notes.clear()
        return lines
