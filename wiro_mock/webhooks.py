"""Webhooks leave the house here: to a receiver in this process, or to addresses of whoever runs the tests.

A target is posted to when every address its name resolves to is loopback, RFC 1918 or unique-local; the address
that was checked is the one connected to. Other hosts only when they were named; link-local addresses never.
What was not posted stands in the deliveries with its reason.

It is done with h11 over a plain connection: an HTTP client would bring proxies from the environment, redirects
and pools, and could be patched by a test of the very process that it runs in (respx).
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

import h11

from wiro_mock.addresses import Address, is_nowhere, is_private
from wiro_mock.clock import monotonic
from wiro_mock.deliveries import Webhook
from wiro_mock.kernel.events import SECOND, Duration
from wiro_mock.mock import World
from wiro_mock.receivers import Post, Receiver
from wiro_mock.resets import reset
from wiro_mock.text import printable

TIMEOUT_SECONDS = 10.0
ANSWER_LIMIT = 64 << 10
"""Bytes of an answer that are read."""
HANG: Duration = 10 * SECOND
"""How long a connection stays open on which nothing more comes, on the world's clock; where that stands still, not at
all: a receiver has but to see that the rest does not come."""

CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
"""Files that Docker and Podman put into their containers."""


class Refused(Exception):
    """This target is not posted to; the message says why and what would help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a webhook goes. `host` is the name as written, `netloc` what the Host header says."""

    secure: bool
    host: str
    port: int
    netloc: str
    path: str
    authorization: str = ""


class Poster:
    """Posts webhooks. `allowed_hosts` are names (or addresses) beyond the private ones."""

    def __init__(self, world: World, *, allowed_hosts: frozenset[str] = frozenset()) -> None:
        self._world = world
        self._allowed = frozenset(host.lower().strip("[]") for host in allowed_hosts)

    async def post(self, webhook: Webhook) -> None:
        """Post one webhook once, and write down how it went. Never raises but when cancelled."""
        webhook.reason = "being posted"
        try:
            await self._attempt(webhook)
        except asyncio.CancelledError:
            webhook.end("not posted", "the server stopped before it was posted")
            raise
        except Refused as refused:
            self._tell(webhook, "not posted", str(refused))
        except Exception as error:
            self._tell(webhook, "failed", f"a mistake in wiro_mock itself: {type(error).__name__}: {error}")

    async def _attempt(self, webhook: Webhook) -> None:
        receiver = self._world.receivers.get(webhook.delivery.url)
        target = None if receiver is not None else read_target(webhook.delivery.url)
        post = self._post_of(webhook)
        webhook.status = None
        problem = await self._try(post, receiver, target)
        came_of_it = "failed" if webhook.status is None else "taken" if webhook.status == 200 else "refused"
        self._world.deliveries.attempted[came_of_it] += 1
        # Anything but 200 is a failure, as Wiro documents for agents' webhooks (rest.md §6). The status alone decides:
        # that a 200 whose body does not end is no failure is our choice.
        if (status := webhook.status) == 200:
            problem = f"the body of the answer did not end: {problem}" if problem else ""
            self._taken(webhook, printable(problem))
            return
        if status is not None:
            problem = f"answered with HTTP {status}{'; redirects are not followed' if 300 <= status < 400 else ''}"
        post.attempt.error = printable(problem)
        self._failed(webhook, problem)

    def _post_of(self, webhook: Webhook) -> Post:
        own = self._world.webhook_body(webhook)
        if own is None:
            raise Refused("nothing is known of its task")
        if (do := webhook.do) is None:
            return Post(webhook=webhook, pieces=[own.encode()])
        from wiro_mock.faults.bodies import damage_of, wrecked_body  # most webhooks are whole

        pieces = wrecked_body(do, own.encode(), webhook.noise)
        damage = damage_of(do, sum(map(len, pieces)), webhook.cut_after)
        return Post(
            webhook=webhook,
            pieces=pieces,
            content_type=do.content_type or "application/json",
            damage=damage,
            pace=self._seconds(SECOND) / damage.drip if damage.drip else 0.0,
            hang=self._seconds(HANG) if damage.end == "hang" else 0.0,
        )

    def _seconds(self, length: Duration) -> float:
        """The real seconds that so much of the world's time takes; 0 where time does not pass by itself."""
        clock = self._world.clock
        return clock.seconds_until(clock.now() + length) or 0.0

    def _taken(self, webhook: Webhook, told: str) -> None:
        webhook.taken, webhook.failures = True, 0
        if webhook.copies:
            webhook.copies -= 1
            webhook.again, webhook.reason = 0, f"posted, and comes once more ({webhook.fault})"
        else:
            webhook.end("posted", told)

    def _failed(self, webhook: Webhook, problem: str) -> None:
        webhook.failures += 1
        if webhook.failures < self._world.profile.callback_attempts:
            seconds = self._world.profile.callback_backoff
            webhook.again = round(seconds * SECOND)
            webhook.reason = printable(
                f"attempt {webhook.attempts} failed: {problem}; the next is due after {seconds:g} s"
            )
            self._world.tell(webhook.line)
        else:
            self._tell(webhook, "posted" if webhook.taken else "failed", problem)

    async def _try(self, post: Post, receiver: Receiver | None, target: Target | None) -> str:
        """Post once, and write down the status as soon as it is there; what went wrong, or nothing."""
        webhook, begun = post.webhook, monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS + post.size * post.pace + post.hang):
                if target is None:
                    assert receiver is not None
                    self._begin(post)
                    return await receiver.post(post)
                address = check(target.host, await _resolve(target.host, target.port), self._allowed)
                self._begin(post)
                await _send(target, address, post)
        except TimeoutError:
            return f"no answer within {TIMEOUT_SECONDS:g} s" if webhook.status is None else "it took too long"
        except (OSError, h11.ProtocolError, ValueError) as error:
            return _reason(error, target)
        finally:
            post.attempt.seconds = monotonic() - begun
        if webhook.status is None and post.breaks:
            return post.breaks
        return "" if webhook.status else "the answer is no HTTP: it has no status"

    def _begin(self, post: Post) -> None:
        post.webhook.attempts += 1
        post.attempt.at = self._world.clock.now()
        post.webhook.tries.append(post.attempt)

    def _tell(self, webhook: Webhook, state: str, reason: str) -> None:
        webhook.end(state, printable(reason))
        self._world.tell(webhook.line)


def read_target(url: str) -> Target:
    """The parts of a callbackUrl, or `Refused` when it cannot be posted to at all."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        name = host if ":" in host else host.encode("idna").decode()
    except ValueError:
        # What the exception says may hold the credentials of the URL.
        raise Refused("callbackUrl cannot be read") from None
    if parts.scheme not in ("http", "https") or not name or port == 0:
        raise Refused("callbackUrl is no http or https URL with a host and a port")
    secure = parts.scheme == "https"
    written = f"[{name}]" if ":" in name else name
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._", errors="replace")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?", errors="replace")
    return Target(
        secure=secure,
        host=name,
        port=port or (443 if secure else 80),
        netloc=written if port is None else f"{written}:{port}",
        path=f"{path}?{query}" if query else path,
        authorization=_basic(parts),
    )


def _basic(parts: SplitResult) -> str:
    """Credentials in the URL go where every HTTP client puts them: into a header, and nowhere else."""
    if not parts.username and not parts.password:
        return ""
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode("utf-8", "replace")).decode()


def check(host: str, addresses: list[Address], allowed: frozenset[str] = frozenset()) -> Address:
    """The address to connect to, or `Refused` when any of them is off limits."""
    if not addresses:
        raise Refused(f"{host} has no address")
    for address in addresses:
        if is_nowhere(address):
            raise Refused(f"{host} is {address}, where webhooks are never posted to")
        if host.lower() not in allowed and not is_private(address):
            raise Refused(
                f"{host} is {address}, which is not loopback or private; --webhook-host {host} lets webhooks go there"
            )
    return addresses[0]


async def _resolve(host: str, port: int) -> list[Address]:
    """All addresses of a name. In a thread that nobody waits for: a server that stops must not wait for DNS."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Address]] = loop.create_future()

    def settle(found: list[Address] | None, error: Exception | None) -> None:
        if not answer.done():
            answer.set_exception(error) if error else answer.set_result(found or [])

    def look_up() -> None:
        found, failure = None, None
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = [ipaddress.ip_address(str(entry[4][0]).split("%", maxsplit=1)[0]) for entry in entries]
        except (OSError, ValueError) as error:
            failure = Refused(f"{host} cannot be resolved: {getattr(error, 'strerror', None) or error}")
        try:
            loop.call_soon_threadsafe(settle, found, failure)
        except RuntimeError:
            return  # the loop is gone, and nobody asks any more

    threading.Thread(target=look_up, name="wiro-mock-dns", daemon=True).start()
    return await answer


async def _send(target: Target, address: Address, post: Post) -> None:
    """Post to the checked address, and read the answer, or enough of it; its status is written down when it comes."""
    context = await asyncio.to_thread(ssl.create_default_context) if target.secure else None
    reader, writer = await asyncio.open_connection(
        str(address), target.port, ssl=context, server_hostname=target.host if context else None
    )
    if post.damage.end:
        await _break_off(reader, writer, target, post)
        return
    connection = h11.Connection(h11.CLIENT)
    # Beside the reading: who answers before all of it has come, such as 413, is heard all the same.
    writing = asyncio.ensure_future(_write(writer, connection, target, post))
    try:
        async for event in _events(connection, reader):
            if isinstance(event, h11.Response):
                post.answered(event.status_code, [(k.decode("latin-1"), v.decode("latin-1")) for k, v in event.headers])
            elif isinstance(event, h11.Data):
                post.answered_with(bytes(event.data))
    finally:
        writer.transport.abort()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def _break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target, post: Post) -> None:
    """Post what comes of it, and end it there; nobody hears an answer."""
    try:
        if not post.damage.is_total:
            await _write(writer, h11.Connection(h11.CLIENT), target, post)
        if post.damage.end == "hang":
            with suppress(TimeoutError):
                async with asyncio.timeout(post.hang):
                    while await reader.read(16 << 10):
                        pass
    finally:
        reset(writer.transport) if post.damage.end == "reset" else writer.close()


async def _write(writer: asyncio.StreamWriter, connection: h11.Connection, target: Target, post: Post) -> None:
    headers = [
        ("host", target.netloc),
        ("content-type", post.content_type),
        ("content-length", str(post.size)),
        ("connection", "close"),
    ]
    if target.authorization:
        headers.append(("authorization", target.authorization))
    writer.write(connection.send(h11.Request(method="POST", target=target.path, headers=headers)) or b"")
    for piece in post.sent_pieces():
        writer.write(connection.send(h11.Data(data=piece)) or b"")
        await writer.drain()
        await asyncio.sleep(len(piece) * post.pace)
    if not post.damage.end:
        writer.write(connection.send(h11.EndOfMessage()) or b"")
    await writer.drain()


async def _events(connection: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[h11.Event]:
    """What is answered, up to its end or up to the limit."""
    read = 0
    while read < ANSWER_LIMIT:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(16 << 10)
            read += len(data)
            connection.receive_data(data)
            continue
        if isinstance(event, h11.Event):
            yield event
        if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or event is h11.PAUSED:
            return


def _reason(error: Exception, target: Target | None) -> str:
    if isinstance(error, h11.ProtocolError):
        return f"the answer is no HTTP: {error}"
    if isinstance(error, ConnectionRefusedError) and target is not None:
        place = f"{target.host} port {target.port}"
        return f"could not connect to {place} from where the mock runs: nothing listens there{_way()}"
    if isinstance(error, ConnectionResetError):
        return "the receiver has reset the connection"
    return str(error) or type(error).__name__


def _way() -> str:
    """What helps where the mock's loopback is not the tester's."""
    if not any(Path(mark).exists() for mark in CONTAINER_MARKS):
        return ""
    return (
        f" (it runs in a container, {socket.gethostname()}, whose localhost is its own: give the name of your machine "
        "there, such as host.docker.internal, in callbackUrl)"
    )
