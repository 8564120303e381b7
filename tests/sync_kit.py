"""What the tests of synchronous runs share: clients that wait, in a thread, and streams taken apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import httpx

from tests.api_kit import CAPTION, make_world, signed
from tests.live_kit import Live, eventually
from tests.process_kit import PATIENCE
from wiro_mock.kernel.task import Task
from wiro_mock.mock import World
from wiro_mock.respx_router import make_router

SYNC = f"{CAPTION}/sync"
CHAT = "/v1/Run/google/gemini-3-flash/sync"
EVENTS = {"accept": "text/event-stream"}
PROMPT = {"prompt": "hello"}
API = "https://api.wiro.ai"


def sync(running: Live, path: str = SYNC, **fields: Any) -> httpx.Response:
    """A synchronous run, as long as it takes."""
    return running.http.post(path, json=fields, headers=signed())


def tasks(running: Live) -> list[Task]:
    """All tasks, oldest first."""
    with running.world.lock:
        return [*running.world.sim.tasks()]


def is_waited_for(running: Live) -> bool:
    """Whether somebody follows the latest task."""
    return tasks(running)[-1].job.id in running.pump.awaited


@contextmanager
def waiting(running: Live, path: str = SYNC, **fields: Any) -> Iterator[Future[httpx.Response]]:
    """A client that waits in a thread, once its task is there; it has to be answered before the end."""
    before = len(tasks(running))
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=running.thread.url, trust_env=False) as client:
        answer = pool.submit(client.post, path, json=fields, headers=signed(), timeout=PATIENCE)
        eventually(lambda: len(tasks(running)) > before and is_waited_for(running))
        try:
            yield answer
        except BaseException:
            running.world.reset()  # lets it go
            raise
        answer.result(PATIENCE)


def request(path: str = SYNC, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """The bytes of a synchronous run."""
    lines = [f"POST {path} HTTP/1.1", "host: x", "content-type: application/json", "content-length: 15"]
    lines += [f"{name}: {value}" for name, value in {**signed(), **headers}.items()]
    return "\r\n".join([*lines, "", '{"prompt":"hi"}']).encode()


def events(text: str) -> list[tuple[str, Any]]:
    """The events of a stream with their data; its comments as `:` with their text."""
    return [_event(block) for block in text.split("\n\n") if block]


def _event(block: str) -> tuple[str, Any]:
    if block.startswith(":"):
        return ":", block.removeprefix(":").strip()
    fields = dict(line.split(": ", 1) for line in block.split("\n"))
    assert list(fields) == ["event", "data"]
    return fields["event"], json.loads(fields["data"])


def names(found: Iterable[tuple[str, Any]]) -> list[str]:
    """The names of events, a row of the same as one."""
    told = [name for name, _ in found]
    return [name for at, name in enumerate(told) if not at or told[at - 1] != name]


@contextmanager
def in_process(**settings: Any) -> Iterator[tuple[World, httpx.Client]]:
    """A world with a client in process."""
    world = make_world(**{"time": "auto", **settings})
    with make_router(world), httpx.Client(base_url=API, headers=signed()) as client:
        yield world, client
    world.close()
