"""Who talks to Wiro in these tests, and through which door.

`--door respx`, `--door server`, `--door env`: in process, over real sockets, or configured by the environment; all
three when nothing is said. `--bug NAME` plants a mistake in the clients, to see that the suite notices. `--recorded`
plays the tests with the mark `real` from what was recorded of Wiro, through the door `env`.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from wiro_mock import WiroMock

from captioner.aio import AsyncCaptioner
from captioner.back_end import BUGS as BACK_END_BUGS
from captioner.back_end import BackEnd
from captioner.bugs import BUGS, plant
from captioner.following import AsyncFollower, Follower
from captioner.polling import Captioner
from captioner.with_aiohttp import AiohttpCaptioner
from captioner.with_requests import RequestsCaptioner

DOORS = ("respx", "server", "env")
IN_PROCESS = ("httpx", "httpx-async")
CLIENTS = (*IN_PROCESS, "requests", "aiohttp", "websockets", "websockets-async")

Caption = Callable[..., str]


def pytest_addoption(parser: pytest.Parser) -> None:
    ours = parser.getgroup("captioner")
    ours.addoption("--door", choices=DOORS, help="reach Wiro through this door only")
    ours.addoption("--recorded", action="store_true", help="play the tests with the mark real from their recordings")
    ours.addoption("--bug", choices=[*BUGS, *BACK_END_BUGS], default="", help="plant this mistake in the clients")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    only = metafunc.config.getoption("door") or ("env" if metafunc.config.getoption("recorded") else "")
    doors = [only] if only else DOORS
    if "client" in metafunc.fixturenames:
        pairs = [(client, door) for client in CLIENTS for door in doors if door != "respx" or client in IN_PROCESS]
        metafunc.parametrize(("client", "door"), pairs)
    elif "door" in metafunc.fixturenames:
        metafunc.parametrize("door", doors)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Any test may run against another Wiro, as far as it goes there; some are recorded, if that is wanted."""
    for item in items:
        item.add_marker("wiro_contract")
        if config.getoption("recorded") and item.get_closest_marker("real"):
            item.add_marker("wiro_record")


@pytest.fixture
def account(wiro: WiroMock, door: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """What a client must be told so that it comes through this door."""
    if door == "env":
        request.getfixturevalue("wiro_env")
        return {}
    account = {"api_key": wiro.api_key, "api_secret": wiro.api_secret}
    if door == "respx":
        request.getfixturevalue("wiro_respx")
        return account
    server = request.getfixturevalue("wiro_server")
    return {**account, "base_url": server.url, "socket_url": server.socket_url}


@pytest.fixture
def bug(request: pytest.FixtureRequest) -> str:
    bug = str(request.config.getoption("bug"))
    return bug if bug in BUGS else ""


@pytest.fixture
def back_end(wiro: WiroMock, captioner: Captioner, door: str, request: pytest.FixtureRequest) -> Iterator[BackEnd]:
    """Our back end, which Wiro calls back as it is called: in process, or over a socket."""
    back_end = BACK_END_BUGS.get(str(request.config.getoption("bug")), BackEnd)(captioner)
    if door == "respx":
        wiro.webhooks.to(back_end.app, host="captions.example")
        yield back_end
        return
    with listening(back_end.app) as port:
        back_end.callback = f"http://127.0.0.1:{port}/wiro"
        yield back_end


@contextmanager
def listening(app: Starlette) -> Iterator[int]:
    """A server of ours; its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture
def captioner(account: dict[str, str], bug: str) -> Iterator[Captioner]:
    """Our captioner, through each door."""
    with plant(bug, Captioner)(**account) as captioner:
        yield captioner


@pytest.fixture
def caption(client: str, account: dict[str, str], bug: str) -> Caption:
    """A function that captions a picture, with each of our clients and through each door that is open to it."""

    def sync(picture: str | Path, **parameters: Any) -> str:
        kind: Any = RequestsCaptioner if client == "requests" else Captioner
        with plant(bug, kind)(**account) as captioner:
            return str(captioner.caption(picture, **parameters))

    def follow(picture: str | Path, **parameters: Any) -> str:
        with plant(bug, Captioner)(**account) as captioner:
            return plant(bug, Follower)(captioner).caption(picture, **parameters)

    async def wait(picture: str | Path, **parameters: Any) -> str:
        kind: Any = AiohttpCaptioner if client == "aiohttp" else AsyncCaptioner
        async with plant(bug, kind)(**account) as captioner:
            who = plant(bug, AsyncFollower)(captioner) if client == "websockets-async" else captioner
            return str(await who.caption(picture, **parameters))

    if client in ("httpx", "requests"):
        return sync
    return follow if client == "websockets" else lambda *args, **named: asyncio.run(wait(*args, **named))


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    """A picture of a cat; Wiro does not look, here."""
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    return picture
