"""The bytes of a source: a file, what comes on stdin (`-`), or what an http(s) URL answers."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from wiro_mock.published.draft import NotAModel
from wiro_mock.published.recognised import EXPECTED, LARGEST
from wiro_mock.text import printable

SECONDS: Final = 15.0
"""So long may a server say nothing."""
ALL_SECONDS: Final = 30.0
"""So long may all of it take; a server can say a little every second, for hours."""
MOST_REDIRECTS: Final = 5
_PAGE: Final = re.compile(r"/models/[^/]+/[^/]+/?")
_BY_HAND: Final = "look at the address, or save the page and give the file"
_POSTS: Final = "Wiro's API takes POSTs only: save its answer, and give the file"
_OF_A_MODEL: Final = re.compile(r"/models/[^/]+/[^/]+(/llms(-full)?\.txt)?/?")
_NOT_THERE: Final = "look at the address; that of a model's page is like https://wiro.ai/models/pruna/p-image"
_NO_SUCH_MODEL: Final = "look at owner and slug in it, which are in small letters, with dashes for spaces and dots"
_WAYS: Final = {
    404: _NOT_THERE,
    401: _POSTS,
    403: _POSTS,
    405: _POSTS,
}
_OWN: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What was read: the bytes, and where they come from, without credentials, for a comment."""

    data: bytes
    place: str


def is_url(name: str) -> bool:
    """Whether a name is an http(s) URL."""
    return name.lower().startswith(("http://", "https://"))


def read_source(name: str) -> Source:
    """The bytes of a file or URL. Raises `NotAModel` where there are none, with the way out in its message."""
    if is_url(name):
        return _fetched(name)
    if name == "-":
        return Source(data=sys.stdin.buffer.read(LARGEST + 1), place="stdin")
    if "://" in name:
        raise NotAModel(f"'{printable(name[:100])}' is no http(s) URL; give such a URL, or a file")
    path = Path(name)
    try:
        if path.is_dir():
            raise NotAModel(f"'{name}' is a folder; give a file in it, or a URL")
        if not path.exists():
            raise NotAModel(
                f"there is no file '{printable(name[:200])}'; look at the path, or give a URL with its https://"
            )
        with path.open("rb") as file:
            return Source(data=file.read(LARGEST + 1), place=path.name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NotAModel(f"'{printable(name[:200])}' cannot be read: {reason}; look at its permissions") from None


def address_of(url: str) -> str:
    """The address that is asked: of a model's page, the text beside it (page.md)."""
    parts = urlsplit(url)
    if not _PAGE.fullmatch(parts.path):
        return url
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/llms-full.txt", query="", fragment=""))


def shown_url(url: str) -> str:
    """The URL without what may be secret in it: a user, a password, a query."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    return printable(urlunsplit((parts.scheme, netloc, parts.path, "", "")))


def _fetched(url: str) -> Source:
    import asyncio

    import httpx

    try:
        address = address_of(url)
        shown = shown_url(address)
    except ValueError:
        raise NotAModel(
            f"'{printable(url[:100])}' is no URL; write one like https://wiro.ai/models/owner/slug"
        ) from None
    try:
        return Source(data=asyncio.run(_asked(address, shown)), place=shown)
    except TimeoutError:
        raise NotAModel(f"{shown} is not there in whole after {ALL_SECONDS:g} seconds; {_BY_HAND}") from None
    except httpx.TooManyRedirects:
        raise NotAModel(f"{shown} leads on more than {MOST_REDIRECTS} times; give the address at its end") from None
    except httpx.TimeoutException:
        raise NotAModel(f"{shown} does not answer within {SECONDS:g} seconds; {_BY_HAND}") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise NotAModel(f"{shown} cannot be asked: {printable(str(error))}; give an http(s) URL") from None
    except httpx.HTTPError as error:
        reason = printable(str(error)) or type(error).__name__
        raise NotAModel(f"{shown} cannot be reached: {reason}; {_BY_HAND}") from None


async def _asked(address: str, shown: str) -> bytes:
    """What the address answers. In a loop of its own, because only there a clock runs over all of it: the limits of
    an HTTP client begin anew with every byte.
    """
    import asyncio

    import httpx

    own = {f"all://{host}": None for host in _OWN}  # a proxy of the environment is not asked for this machine
    async with (
        asyncio.timeout(ALL_SECONDS),
        httpx.AsyncClient(timeout=SECONDS, follow_redirects=True, max_redirects=MOST_REDIRECTS, mounts=own) as client,
        client.stream("GET", address, headers={"accept": "text/plain, application/json"}) as response,
    ):
        if response.status_code != httpx.codes.OK:
            raise NotAModel(_status(shown, response.status_code))
        return await _body(response.aiter_bytes(), shown)


async def _body(chunks: AsyncIterable[bytes], shown: str) -> bytes:
    """The whole body, of bounded size also where it is compressed."""
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > LARGEST:
            raise NotAModel(f"{shown} is larger than {LARGEST >> 20} MiB; {EXPECTED}")
    return bytes(data)


def _status(shown: str, status: int) -> str:
    is_model = status == 404 and _OF_A_MODEL.fullmatch(urlsplit(shown).path)
    way = _NO_SUCH_MODEL if is_model else _WAYS.get(status, _BY_HAND)
    return f"{shown} answers with the status {status}; {way}"
