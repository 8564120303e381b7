"""How a webhook is posted: one request with h11 over a plain connection, whole or broken off as a fault says."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import h11

from wiro_mock.addresses import Address
from wiro_mock.receivers import Post
from wiro_mock.resets import reset
from wiro_mock.webhook_targets import Target

ANSWER_LIMIT = 64 << 10
"""Bytes of an answer that are read."""
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
"""Files that Docker and Podman put into their containers."""


async def send(target: Target, address: Address, post: Post) -> None:
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


def reason_of(error: Exception, target: Target | None) -> str:
    """Why nothing was answered, in words for the tester."""
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
