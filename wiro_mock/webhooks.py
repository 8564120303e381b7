"""Webhooks leave the house here, and only towards addresses that belong to whoever runs the tests.

A target is posted to when every address its name resolves to is loopback, RFC 1918 or unique-local; the address
that was checked is the one connected to. Other hosts only when they were named; link-local addresses never.
What was not posted stands in the deliveries with its reason.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from types import TracebackType
from typing import Self, TypeAlias

import httpx

from wiro_mock.mock import Webhook, World

TIMEOUT_SECONDS = 10.0
ANSWER_LIMIT = 64 << 10
"""Bytes of an answer that are read."""
AT_ONCE = 20
BETWEEN_ATTEMPTS_SECONDS = 2.0  # as Wiro documents for agents' webhooks (rest.md §6)

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_PRIVATE = [
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
]


class Refused(Exception):
    """This target is not posted to; the message says why and what would help."""


class Poster:
    """Posts webhooks, several at a time. `allowed_hosts` are names (or addresses) beyond the private ones."""

    def __init__(self, world: World, *, allowed_hosts: frozenset[str] = frozenset()) -> None:
        self._world = world
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS)
        self._places = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def post(self, webhook: Webhook) -> None:
        """Post one webhook and write down how it went. Never raises but when cancelled."""
        async with self._places:
            try:
                url, host = await self._checked(webhook.delivery.url)
            except Refused as refused:
                self._tell(webhook, "not posted", str(refused))
                return
            body = self._world.webhook_body(webhook)
            if body is None:
                self._tell(webhook, "not posted", "the task was forgotten before its webhook could be posted")
                return
            await self._attempt_all(webhook, url, host, body.encode())

    async def _attempt_all(self, webhook: Webhook, url: httpx.URL, host: str, body: bytes) -> None:
        attempts = self._world.profile.callback_attempts
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(BETWEEN_ATTEMPTS_SECONDS)
            webhook.attempts += 1
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    status = await self._send(url, host, body)
            except TimeoutError:
                self._tell(webhook, "failed", f"no answer within {TIMEOUT_SECONDS:g} s")
                continue
            except (httpx.HTTPError, OSError, ValueError) as error:
                self._tell(webhook, "failed", _reason(error))
                continue
            webhook.status = status
            if status == 200:
                webhook.state, webhook.reason = "posted", ""
                return
            redirect = "; redirects are not followed" if 300 <= status < 400 else ""
            self._tell(webhook, "failed", f"answered with HTTP {status}{redirect}")

    async def _send(self, url: httpx.URL, host: str, body: bytes) -> int:
        headers = {"content-type": "application/json", "host": host, "accept-encoding": "identity"}
        extensions = {"sni_hostname": host.rsplit(":", 1)[0].strip("[]")} if url.scheme == "https" else {}
        request = self._client.build_request("POST", url, content=body, headers=headers, extensions=extensions)
        response = await self._client.send(request, stream=True)
        try:
            read = 0
            async for piece in response.aiter_raw():
                read += len(piece)
                if read >= ANSWER_LIMIT:
                    break
            return response.status_code
        finally:
            await response.aclose()

    async def _checked(self, text: str) -> tuple[httpx.URL, str]:
        """The URL with a checked address instead of its host, and the Host to send."""
        try:
            url = httpx.URL(text)
        except (httpx.InvalidURL, ValueError) as error:
            raise Refused(f"callbackUrl cannot be read: {error}") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise Refused("callbackUrl is no http or https URL with a host")
        port = url.port or (443 if url.scheme == "https" else 80)
        address = check(url.host, await _resolve(url.host, port), self._allowed)
        return url.copy_with(host=str(address)), url.netloc.decode("ascii")

    def _tell(self, webhook: Webhook, state: str, reason: str) -> None:
        webhook.state, webhook.reason = state, reason
        self._world.tell(f"webhook {webhook.id} of task {webhook.delivery.task_id}: {state}: {reason}")


def check(host: str, addresses: list[Address], allowed: frozenset[str] = frozenset()) -> Address:
    """The address to connect to, or `Refused` when any of them is off limits."""
    for address in addresses:
        plain = getattr(address, "ipv4_mapped", None) or address
        if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
            raise Refused(f"{host} is {address}, where webhooks are never posted to")
        if host.lower() not in allowed and not any(plain in network for network in _PRIVATE):
            raise Refused(
                f"{host} is {address}, which is not loopback or private; --webhook-host {host} lets webhooks go there"
            )
    return addresses[0]


async def _resolve(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused(f"{host} cannot be resolved: {error}") from None
    return [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError):
        return f"could not connect from where the mock runs: {text}"
    return text
