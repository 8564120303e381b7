"""`wiro.intercept()`: every client of this process is served at Wiro's own addresses, and nothing stays patched."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
import urllib.request
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any

import httpx
import pytest
import requests
import trio
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from wiro_mock import WiroMock
from wiro_mock.misuse import Misuse
from wiro_mock.testing.guard import HostGuard

API, SOCKET = "https://api.wiro.ai/v1", "wss://socket.wiro.ai/v1"
DETAIL = f"{API}/Task/Detail"
BEFORE_CLIENT = requests.Session()  # built before anything is intercepted, as a client of a module is


def patched() -> list[object]:
    """What stands where something may be patched."""
    found: list[object] = [
        socket.getaddrinfo,
        socket.gethostbyname,
        socket.gethostbyname_ex,
        ssl.SSLContext.wrap_socket,
    ]
    found += [vars(socket.socket).get("connect"), vars(socket.socket).get("connect_ex"), ssl.SSLContext.wrap_bio]
    return [*found, asyncio.BaseEventLoop.getaddrinfo, os.environ.get("NO_PROXY"), os.environ.get("no_proxy")]


async def with_httpx(token: str) -> int:
    async with httpx.AsyncClient() as http:
        return int((await http.post(DETAIL, headers=KEY, json={"tasktoken": token})).json()["total"])


async def with_aiohttp(token: str) -> int:
    import aiohttp

    async with aiohttp.ClientSession(headers=KEY) as session:
        async with session.ws_connect(SOCKET) as ws:
            assert (await ws.receive_json())["type"] == "connected"
        async with session.post(DETAIL, json={"tasktoken": token}) as answer:
            return int((await answer.json())["total"])


async def with_websockets(token: str) -> int:
    async with connect_async(SOCKET) as ws:
        await ws.send(json.dumps({"type": "task_info", "tasktoken": token}))
        return int("connected" in str(await ws.recv()))


def with_sync_websockets(token: str) -> int:
    with connect(SOCKET) as ws:
        return int("connected" in str(ws.recv()))


def with_urllib(token: str) -> int:
    data, headers = json.dumps({"tasktoken": token}).encode(), {**KEY, "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(DETAIL, data, headers)) as answer:
        return int(json.load(answer)["total"])


def with_urllib3(token: str) -> int:
    import urllib3

    with urllib3.PoolManager() as pool:
        return int(pool.request("POST", DETAIL, headers=KEY, json={"tasktoken": token}).json()["total"])


def on_uvloop(play: Coroutine[Any, Any, int]) -> int:
    uvloop = pytest.importorskip("uvloop")
    result: int = uvloop.run(play)
    return result


KEY = {"x-api-key": "the-key"}
CLIENTS: dict[str, Callable[[str], int]] = {
    "requests": lambda token: int(BEFORE_CLIENT.post(DETAIL, headers=KEY, json={"tasktoken": token}).json()["total"]),
    "httpx": lambda token: int(httpx.post(DETAIL, headers=KEY, json={"tasktoken": token}).json()["total"]),
    "urllib": with_urllib,
    "urllib3": with_urllib3,
    "websockets, sync": with_sync_websockets,
    "httpx on asyncio": lambda token: asyncio.run(with_httpx(token)),
    "httpx on trio": lambda token: trio.run(with_httpx, token),
    "httpx on uvloop": lambda token: on_uvloop(with_httpx(token)),
    "aiohttp": lambda token: asyncio.run(with_aiohttp(token)),
    "aiohttp on uvloop": lambda token: on_uvloop(with_aiohttp(token)),
    "websockets": lambda token: asyncio.run(with_websockets(token)),
    "websockets on uvloop": lambda token: on_uvloop(with_websockets(token)),
}


@pytest.mark.parametrize("guarded", [False, True])
def test_every_client_reaches_the_world(guarded: bool) -> None:
    """At Wiro's own addresses, with their own sockets and TLS; also while the real Wiro may not be looked up."""
    pytest.importorskip("aiohttp")
    before = patched()
    guard = HostGuard()
    with WiroMock(key_only=True, api_key=KEY["x-api-key"], strict=False) as wiro:
        if guarded:
            guard.__enter__()
        with wiro.intercept() as same:
            assert same is wiro
            run = f"{API}/Run/moondream3-preview/caption"
            token = requests.post(run, headers=KEY, json={"inputImage": "x"}).json()["socketaccesstoken"]
            for name, client in CLIENTS.items():
                if "uvloop" in name and find_spec("uvloop") is None:
                    continue
                assert client(token) == 1, name
            detail = requests.post(DETAIL, headers=KEY, json={"tasktoken": token}).json()
            output = detail["tasklist"][0]["outputs"][0]["url"]
            assert output.startswith("https://cdn1.wiro.ai/")
            assert requests.get(output).ok
        guard.undo()
    assert patched() == before
    assert guard.attempts == []
    BEFORE_CLIENT.close()


def test_two_worlds_at_once_are_told_by_their_keys() -> None:
    """Of one process; the first to go takes nothing from the other."""
    before = patched()
    with WiroMock(key_only=True, seed=1) as one, WiroMock(key_only=True, seed=2) as other, other.intercept():
        with one.intercept():
            for wiro in (one, other):
                headers = {"x-api-key": wiro.api_key}
                requests.post(f"{API}/Run/moondream3-preview/caption", headers=headers, json={"inputImage": "x"})
        requests.post(DETAIL, headers={"x-api-key": other.api_key}, json={"taskid": other.tasks[0].id})
        assert [len(wiro.requests) for wiro in (one, other)] == [1, 2]
    assert patched() == before


def test_faults_are_the_networks_own() -> None:
    """Not an exception that an interception library makes up."""
    with WiroMock(key_only=True) as wiro, wiro.intercept():
        wiro.fault("Tool/List", reset=True)
        with pytest.raises(requests.ConnectionError):
            requests.post(f"{API}/Tool/List", json={})


def test_other_hosts_are_reached_as_ever() -> None:
    """By name and by address."""
    with socket.create_server(("127.0.0.1", 0)) as far, WiroMock() as wiro, wiro.intercept():
        with socket.create_connection(("localhost", far.getsockname()[1]), timeout=20):
            pass
        assert socket.gethostbyname("localhost").startswith("127.")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that says what to install; and nothing is patched."""
    before = patched()
    monkeypatch.setitem(sys.modules, "trustme", None)
    monkeypatch.setattr("wiro_mock.testing.redirecting._authority", [])
    with (
        WiroMock() as wiro,
        pytest.raises(Misuse, match=r"pip install 'wiro-mock\[tls\]'; httpx alone"),
        wiro.intercept(),
    ):
        pass
    assert patched() == before


def test_the_fixture(everything_is_loaded: None, pytester: pytest.Pytester) -> None:
    """`wiro_intercept` is `wiro`; a client without it is refused, in a sentence that names the three ways out."""
    pytester.makepyfile(
        """
        import pytest, requests

        @pytest.mark.wiro(key_only=True)
        @pytest.mark.parametrize("number", [1, 2])
        def test_intercepted(wiro, wiro_intercept, number):
            assert wiro_intercept is wiro
            url, headers = "https://api.wiro.ai/v1/Run/moondream3-preview/caption", {"x-api-key": wiro.api_key}
            assert requests.post(url, headers=headers, json={"inputImage": "x"}).json()["result"]
            wiro.assert_ran("moondream3-preview/caption")

        def test_not_intercepted(wiro):
            with pytest.raises(requests.ConnectionError, match="let wiro_intercept answer at Wiro's own addresses"):
                requests.post("https://api.wiro.ai/v1/Tool/List", json={})
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        ["*unexpected call: api.wiro.ai was looked up*or allow it by @pytest.mark.wiro(network=True)*"]
    )
