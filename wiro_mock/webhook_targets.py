"""Where a webhook may be posted to: a target is read from its URL, resolved, and checked before it is connected to."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import threading
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

from wiro_mock.addresses import Address, is_nowhere, is_private


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


async def resolve(host: str, port: int) -> list[Address]:
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
