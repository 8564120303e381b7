"""The real Wiro is not looked up while a guard is there, whichever library asks; everything else is."""

from __future__ import annotations

import asyncio
import importlib
import socket
import sys
import threading
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.testing.guard import MOST_ATTEMPTS, HostGuard, is_wiro

SENTENCE = (
    "blocked: {} is the real Wiro; give the client wiro_server.url (wiro_env sets WIRO_BASE_URL; build the client after"
    " that), let wiro_intercept answer at Wiro's own addresses (for httpx alone, wiro_respx), or allow it by "
    "@pytest.mark.wiro(network=True) or --wiro-network=true"
)


def _standing() -> dict[tuple[Any, str], object]:
    """What looks up, as it is now; the fence of this session is part of it."""
    owners: list[Any] = [socket, asyncio.BaseEventLoop]
    owners += [
        getattr(sys.modules[module], name)
        for module, name in (("uvloop", "Loop"), ("aiohttp.resolver", "AsyncResolver"))
        if module in sys.modules
    ]
    names = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection", "resolve")
    return {(owner, name): vars(owner).get(name) for owner in owners for name in names}


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """After each test, looking up is what it was before."""
    for module in ("aiohttp", "uvloop"):  # before the guard comes, as a client under test has them
        with suppress(ImportError):
            importlib.import_module(module)
    before = _standing()
    yield
    assert _standing() == before


def told(act: Callable[[], object]) -> str:
    """What an act fails with, and everything that it was caused by."""
    with pytest.raises(Exception) as caught:
        act()
    error: BaseException | None = caught.value
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


async def with_aiohttp() -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get("https://api.wiro.ai/v1"):
        pass


async def with_async_httpx() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get("https://api.wiro.ai/v1")


def with_websockets() -> None:
    from websockets.sync.client import connect

    connect("wss://api.wiro.ai/v1", proxy=None)


async def by_aiodns() -> None:
    """The choice of aiohttp where aiodns is installed; it need not be, as nothing is asked."""
    from aiohttp.resolver import AsyncResolver

    await AsyncResolver.resolve(object.__new__(AsyncResolver), "api.wiro.ai", 443)


async def with_a_connection() -> None:
    await asyncio.get_running_loop().create_connection(asyncio.Protocol, host="api.wiro.ai", port=443)


def on_uvloop(client: Callable[[], Coroutine[Any, Any, None]]) -> None:
    import uvloop

    uvloop.run(client())


CLIENTS: dict[str, Callable[[], object]] = {
    "httpx": lambda: httpx.get("https://api.wiro.ai/v1", trust_env=False),
    "async httpx": lambda: asyncio.run(with_async_httpx()),
    "requests": lambda: requests.get("https://api.wiro.ai/v1", timeout=5, proxies={"https": ""}),
    "urllib": lambda: urllib.request.build_opener(urllib.request.ProxyHandler({})).open("https://api.wiro.ai/v1"),
    "aiohttp": lambda: asyncio.run(with_aiohttp()),
    "websockets": with_websockets,
    "aiohttp, by aiodns": lambda: asyncio.run(by_aiodns()),
    "uvloop": lambda: on_uvloop(with_async_httpx),
    "uvloop, by name": lambda: on_uvloop(with_a_connection),
    "socket": lambda: socket.create_connection(("api.wiro.ai", 443)),
    "by name": lambda: socket.gethostbyname("api.wiro.ai"),
    "by name, with all addresses": lambda: socket.gethostbyname_ex("api.wiro.ai"),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_reaches_it(client: str) -> None:
    """The sentence comes out of every library, and the attempt is noted with the tester's own line."""
    pytest.importorskip("aiohttp")
    if "uvloop" in client:
        pytest.importorskip("uvloop")
    with HostGuard() as guard:
        assert SENTENCE.format("api.wiro.ai") in told(CLIENTS[client])
    assert guard.attempts
    for attempt in guard.attempts:
        assert attempt.host == "api.wiro.ai"
        assert attempt.place.startswith("tests/testing/test_guard.py:")


@pytest.mark.parametrize(
    ("host", "wiro"),
    [
        ("wiro.ai", True),
        ("socket.wiro.ai", True),
        ("CDN1.Wiro.AI.", True),
        (b"api.wiro.ai", True),
        ("mywiro.ai", False),
        ("wiro.ai.example.com", False),
        ("localhost", False),
        ("127.0.0.1", False),
        (None, False),
        (b"\xff.wiro.ai", True),
        ("", False),
    ],
)
def test_what_is_wiro(host: Any, wiro: bool) -> None:
    """The name and all below it."""
    assert is_wiro(host) is wiro


def test_other_hosts_are_looked_up() -> None:
    """Also from a loop and from another thread."""

    async def asked() -> object:
        return await asyncio.get_running_loop().getaddrinfo("localhost", 80)

    with HostGuard() as guard:
        assert socket.getaddrinfo("localhost", 80)
        assert asyncio.run(asked())
    assert guard.attempts == []


def test_an_attempt_in_another_thread_is_noted() -> None:
    """Nobody knows whose thread it is."""
    with HostGuard() as one, HostGuard() as other:
        thread = threading.Thread(target=told, args=(CLIENTS["by name"],))
        thread.start()
        thread.join()
    assert len(one.attempts) == len(other.attempts) == 1


def test_it_notes_no_more_than_so_many() -> None:
    """A client that tries for ever fills no memory."""
    with HostGuard() as guard:
        for _ in range(MOST_ATTEMPTS + 5):
            with pytest.raises(socket.gaierror, match=r"^blocked"):
                socket.gethostbyname("wiro.ai")
    assert len(guard.attempts) == MOST_ATTEMPTS


@given(st.permutations(range(4)))
def test_undone_in_any_order_nothing_is_left(order: list[int]) -> None:
    """The last to go puts back what stood there; again is no error."""
    guards = [HostGuard().__enter__() for _ in range(4)]
    for number in order:
        with pytest.raises(socket.gaierror) as caught:
            socket.getaddrinfo("api.wiro.ai", 443)
        assert (str(caught.value), caught.value.errno) == (SENTENCE.format("api.wiro.ai"), socket.EAI_NONAME)
        guards[number].undo()
        guards[number].undo()


def test_what_somebody_put_over_it_stays() -> None:
    """A test's own stand-in is not ours to remove."""
    genuine = socket.getaddrinfo
    patch = pytest.MonkeyPatch()
    with HostGuard():
        mine: Any = lambda *args: []  # noqa: E731
        patch.setattr(socket, "getaddrinfo", mine)
    assert socket.getaddrinfo is mine
    patch.undo()  # which puts ours back: it asks nothing any more
    try:
        assert socket.getaddrinfo("localhost", 80)
        with HostGuard(), pytest.raises(socket.gaierror, match=r"^blocked"):
            socket.getaddrinfo("wiro.ai", 80)
    finally:
        socket.getaddrinfo = genuine
