"""The bytes behind a URL that a run has sent, with limits on their size, their time and where they may come from.

Whoever can send a run could otherwise make the mock ask servers that only it can reach. So every name, also that of a
redirect, is looked up here, and the address that was checked is the one that is connected to.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from wiro_mock.addresses import Address, is_nowhere, is_public
from wiro_mock.backends.http import NoUrl, Target, exchange, read_url
from wiro_mock.backends.job import BackendError, Job
from wiro_mock.text import bare_url

LARGEST: Final = 32 << 20
"""Bytes of what is fetched; ours."""
SECONDS: Final = 30.0
"""For all of it, redirects included; ours."""
REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CHUNK: Final = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What lay behind a URL."""

    data: bytes
    contenttype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Fetches URLs. `hosts` are names or addresses of private networks that may be asked all the same."""

    hosts: frozenset[str] = frozenset()
    largest: int = LARGEST
    seconds: float = SECONDS

    def fetch(self, url: str, job: Job) -> Fetched:
        """The bytes behind a URL. Raises `BackendError` with the reason; a cancelled job breaks it off."""
        end = time.monotonic() + self.seconds
        try:
            for _ in range(REDIRECTS + 1):
                answer = self._ask(read_url(url), job, end)
                if isinstance(answer, Fetched):
                    return answer
                url = _joined(url, answer)
        except NoUrl as error:
            raise BackendError(f"{bare_url(url)!r} cannot be fetched: {error}") from None
        except TimeoutError:
            raise BackendError(f"{_told(url)} was not fetched within {self.seconds:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise BackendError(f"{_told(url)} cannot be fetched: {str(error) or type(error).__name__}") from None
        raise BackendError(f"{_told(url)} is the end of more than {REDIRECTS} redirects")

    def _ask(self, target: Target, job: Job, end: float) -> Fetched | str:
        """What there is, or where it is instead."""
        address = self._checked(target)
        with exchange(target, job, address=str(address), left=lambda: _left(end)) as response:
            if response.status in _REDIRECTS and (location := response.getheader("Location")):
                return location
            if response.status != 200:
                raise BackendError(f"{target.text} answered with HTTP {response.status}, not 200")
            return Fetched(data=self._read(target, response), contenttype=response.headers.get_content_type())

    def _read(self, target: Target, response: http.client.HTTPResponse) -> bytes:
        data = bytearray()
        while piece := response.read1(_CHUNK):
            data += piece
            if len(data) > self.largest:
                raise BackendError(f"{target.text} is larger than {self.largest >> 20} MiB")
        if response.length:  # it broke off
            raise http.client.IncompleteRead(b"", response.length)
        return bytes(data)

    def _checked(self, target: Target) -> Address:
        addresses = _addresses(target)
        for address in addresses:
            if is_nowhere(address):
                raise BackendError(f"{target.text} is at {address}, where nothing is ever fetched from")
            if not is_public(address) and target.host.lower() not in self.hosts:
                raise BackendError(
                    f"{target.text} is at {address}, on this machine or its own network, and is not fetched; "
                    f"--fetch-host {target.host} lets it be"
                )
        return addresses[0]


def _addresses(target: Target) -> list[Address]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise BackendError(f"{target.text} cannot be fetched: there is no host {target.host!r}") from None
    return [ipaddress.ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise NoUrl("it redirects to what is no URL") from None


def _told(url: str) -> str:
    try:
        return read_url(url).text
    except NoUrl:
        return repr(bare_url(url))
