"""One open socket. It belongs to no world until it names a token: then it talks with the world of that task.
An API key in the upgrade's headers, which Wiro does not ask for, says at once whose it is.

A client may follow tasks of several worlds on one socket; for each of them there is a talk. Where only one world is
attached, the socket is that world's from the start. A token that no task has is remembered here too, in case that
another world than the one which was told of it comes to have a task with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from starlette.types import Receive, Scope, Send

from wiro_mock.api import Conversation, Outcome, jsontext
from wiro_mock.api.following import TOKENS_PER_SOCKET
from wiro_mock.api.frames import WELCOME
from wiro_mock.api.session_shape import PIPE
from wiro_mock.api.socket import LONGEST_MESSAGE, TOKEN_LENGTH
from wiro_mock.api.socket_hints import END, INTERRUPT
from wiro_mock.breaking import NO_PING, WRITE, transport_of
from wiro_mock.faults import Fault
from wiro_mock.faults.striking import Strike
from wiro_mock.hosting import Hosting
from wiro_mock.mock import World
from wiro_mock.resets import reset
from wiro_mock.talk import Talk, Write
from wiro_mock.text import printable
from wiro_mock.transport import header_map, origin, raw_path
from wiro_mock.worlds import Worlds

GOING_AWAY = 1001
WHOSE = (
    "several worlds share this server, and an upgrade does not say whose it is; let the client send x-api-key with it, "
    "or serve this world alone (wiro.serve())"
)
"""Why no fault strikes a connection that is opened: Wiro's own socket asks for no key (socket.md §1.1)."""
WATCH = "x-wiro-mock-watch"
"""The header of an upgrade that only wants to see, as `wiro-mock watch` does: no realtime session lives by it."""
CLOSE_SECONDS = 1.0
"""How long a client that is let go may take to take note of it."""


class SocketEndpoint:
    """An ASGI app that plays Wiro's WebSocket over the worlds of a server."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follow one connection to its end, whichever side ends it."""
        await receive()  # websocket.connect
        worlds = self._hosting.worlds
        world = worlds.only or worlds.for_key(header_map(scope).get("x-api-key", ""))
        opening = Opening(world, scope) if world is not None else None
        if opening is not None and opening.refusal:
            await refuse(scope, send, opening.refusal)
            return
        await send({"type": "websocket.accept"})
        if opening is not None:
            opening.accepted()
        else:
            miss(worlds)
        await Connection(self._hosting, scope, send, home=world).play(receive)


class Connection:
    """One connection, from its upgrade to its end. `home` is the world that it belongs to before it names a token."""

    def __init__(self, hosting: Hosting, scope: Scope, send: Send, *, home: World | None = None) -> None:
        self._hosting = hosting
        self._home = home
        self._worlds = hosting.worlds
        self._scope = scope
        self._send = send
        self._talks: dict[World, Talk] = {}
        self._lost: dict[str, World] = {}
        self._latest: World | None = None
        self._over = asyncio.Event()
        self._dismissed = False
        self._watches = WATCH in header_map(scope)
        self._failure: BaseException | None = None

    async def play(self, receive: Receive) -> None:
        """Listen and send until the client goes, or is let go."""
        self._hosting.connections.add(self)
        listening: asyncio.Future[None] | None = None
        try:
            await self._welcome()
            listening = asyncio.ensure_future(self._listen(receive))
            listening.add_done_callback(self._ended)
            await self._over.wait()
        finally:
            self._hosting.connections.discard(self)
            self._hosting.search_no_more(self)
            for talk in self._talks.values():
                talk.end(gone=True)
            ending = [half for talk in self._talks.values() for half in talk.halves]
            if listening is not None:
                listening.cancel()
                ending.append(listening)
            await asyncio.gather(*ending, return_exceptions=True)
        self._tell_of_mistakes()
        if self._dismissed:
            await self._dismiss()

    def detached(self, world: World) -> None:
        """Talk with this world no more; a client that follows nothing else is let go, lest it wait for ever."""
        self._lost = {token: told for token, told in self._lost.items() if told is not world}
        if (talk := self._talks.pop(world, None)) is None:
            return
        talk.end()
        if not any(other in self._worlds.worlds for other in self._talks):
            self._dismissed = True
            self._over.set()

    def look_again(self) -> None:
        """See whether any world has a task by now whose token was registered before."""
        for token, told in tuple(self._lost.items()):
            if (world := self._worlds.for_token(token)) is not None:
                del self._lost[token]
                if world is not told:
                    self._talk_with(world).expect(token)
        if not self._lost:
            self._hosting.search_no_more(self)

    async def _welcome(self) -> None:
        if (world := self._own) is not None:
            self._talk_with(world, welcome=True)
        elif (self._worlds.worlds or (self._worlds.strays,))[0].profile.welcome:
            await self._send({"type": "websocket.send", "text": jsontext.dumps(WELCOME)})

    async def _listen(self, receive: Receive) -> None:
        """Take what the client says, until it goes."""
        while (message := await receive())["type"] != "websocket.disconnect":
            token, registers = _token(message)
            self._latest = self._world_for(token, registers=registers)
            await self._talk_with(self._latest).hear(message, token)

    def _world_for(self, token: str, *, registers: bool) -> World:
        """The world which is to hear what a client said, with this token in it or with none."""
        if token and (world := self._worlds.for_token(token)) is not None:
            return world
        if not registers and self._latest in self._talks:
            return self._latest
        world = self._own or self._worlds.fallback
        if registers and len(self._lost) < TOKENS_PER_SOCKET:
            self._lost.setdefault(token, world)
            self._hosting.search(self)
        return world

    @property
    def _own(self) -> World | None:
        """The world that what names no task is for, where there is one."""
        return self._worlds.only or (self._home if self._home in self._worlds.worlds else None)

    def _talk_with(self, world: World, *, welcome: bool = False) -> Talk:
        if (talk := self._talks.get(world)) is None:
            dialogue = Conversation(world, origin(self._scope, header_map(self._scope), world))
            talk = Talk(world, dialogue, self._hosting.pump_of(world).join(), welcome=welcome, watches=self._watches)
            self._talks[world] = talk
            for half in talk.start(self._send, *doors(self._scope)):
                half.add_done_callback(self._ended)
        return talk

    def _ended(self, half: asyncio.Future[Any]) -> None:
        """A half has come to its end, and so does the connection, unless the half was told to end."""
        if not half.cancelled():
            self._failure = self._failure or half.exception()
            self._over.set()

    def _tell_of_mistakes(self) -> None:
        for talk in self._talks.values():
            if talk.was_let_go:
                talk.world.tell("socket: a client that read nothing for too long was let go")
        # A client that has gone is no news; a mistake of ours is.
        if (error := self._failure) is not None and not isinstance(error, OSError):
            world = self._latest or self._worlds.fallback
            world.tell(f"socket: closed by a mistake in wiro_mock itself: {type(error).__name__}: {error}")

    async def _dismiss(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send({"type": "websocket.close", "code": GOING_AWAY})
        except (TimeoutError, OSError):
            return  # it reads nothing, or has gone by itself


def _token(message: Mapping[str, Any]) -> tuple[str, bool]:
    """The token that a message names, or nothing where it is too long to be one; and whether it registers it."""
    text = message.get("text")
    if isinstance(text, str):
        return _named(text) if len(text) <= LONGEST_MESSAGE else ("", False)
    head, pipe, _ = (message.get("bytes") or b"")[: TOKEN_LENGTH + 1].partition(PIPE)
    return head.decode("ascii", "replace") if pipe else "", False


def _named(text: str) -> tuple[str, bool]:
    try:
        said = jsontext.loads(text)
    except ValueError:
        return "", False
    kind, token = (said.get("type"), said.get("tasktoken")) if isinstance(said, dict) else (None, None)
    if kind not in ("task_info", INTERRUPT, END) or not isinstance(token, str):
        return "", False
    is_token = bool(token.strip()) and len(token) <= TOKEN_LENGTH
    return (token, kind == "task_info") if is_token else ("", False)


class Opening:
    """The faults of a world that strike a connection when it is opened: a refusal with a status, or no pings at all."""

    def __init__(self, world: World, scope: Scope) -> None:
        self.refusal = 0
        self._silence: Callable[[], None] | None = scope.get("extensions", {}).get(NO_PING)
        self._quiet = False
        with world.lock:
            world.settle()
            number = next(copy(world.socket_numbers))
            strike = world.faults.strike(world, "socket", fits=lambda fault: is_opening(fault, number))
            line = "" if strike is None else self._struck(world, strike, raw_path(scope), number)
            if self.refusal:
                next(world.socket_numbers)
        if line:
            world.tell(line)

    def accepted(self) -> None:
        """The connection is open."""
        if self._quiet and self._silence is not None:
            self._silence()

    def _struck(self, world: World, strike: Strike, path: str, number: int) -> str:
        self.refusal, self._quiet = strike.do.status or 0, bool(strike.do.no_ping)
        if self._quiet and self._silence is None:
            told = strike.could_not("this server's pings cannot be stopped")
        else:
            told = f"{strike.applied()}, at the upgrade of socket {number}"
        outcome = Outcome(operation="socket", reason=told)
        status = self.refusal or 101
        exchange = world.journal.record(at=world.sim.now, method="SOCKET", path=path, status=status, outcome=outcome)
        return printable(f"socket ({exchange.id}): {told}")


def miss(worlds: Worlds) -> None:
    """A connection was opened of which nobody knows to which of several worlds it belongs: no fault may strike it."""
    for world in worlds.worlds:
        with world.lock:
            world.faults.miss("socket", lambda fault: fault.item.opens, WHOSE)


def is_opening(fault: Fault, number: int) -> bool:
    """Whether a fault is for connections that are opened, and for this one."""
    return fault.item.opens and fault.item.when.connection in (None, number)


def doors(scope: Scope) -> tuple[Write | None, Callable[[str], None] | None]:
    """What our own server lets be done with a connection, where ASGI has no word for it."""
    transport = transport_of(scope)

    def break_off(how: str) -> None:
        assert transport is not None
        reset(transport) if how == "reset" else transport.close()

    return scope.get("extensions", {}).get(WRITE), None if transport is None else break_off


async def no_such_socket(scope: Scope, send: Send, worlds: Worlds) -> None:
    """Refuse an upgrade at any other path with 404 (socket.md §3: unknown; our choice)."""
    worlds.fallback.lost_socket(raw_path(scope))
    await refuse(scope, send, 404)


async def refuse(scope: Scope, send: Send, status: int) -> None:
    """Answer an upgrade with an HTTP status."""
    if "websocket.http.response" in scope.get("extensions", {}):
        headers: list[tuple[bytes, bytes]] = [(b"content-length", b"0")]
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b""})
        return
    await send({"type": "websocket.close", "code": 1000})
