"""A call of an httpx client in process: through our router, and through respx routers that answer statically.

Each round plays every side once, in turning order, in fresh routers, as a test has them; the times are of processor
time per call, and the ratios are medians over rounds of the same round's times. `one route` is a respx router with a
single static route; `as many` has as many named routes as ours, the operation's at the place where it stands in
the list of operations. The answers of the static sides are those of the world, ready-made; nothing is made for
them, nor is a signature looked at. All requests are signed by the client beforehand.

`Detail, fresh` is the first poll of a task in time mode auto, which plays the whole task; `Detail, again` a later one.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import respx

from tests.benchmarks import kit
from wiro_mock.api.auth import sign
from wiro_mock.api.operations import OPERATIONS
from wiro_mock.kernel.account import Project
from wiro_mock.loader import Library
from wiro_mock.mock import World
from wiro_mock.respx_router import make_router
from wiro_mock.settings import Settings

API = "https://api.wiro.ai"
NONCE = "1763769600"
HEADERS = {"x-api-key": kit.KEY, "x-nonce": NONCE, "x-signature": sign(kit.KEY, kit.SECRET, NONCE)}
FIELDS = {"inputImageUrl": "https://example.test/cat.png", "prompt": "a cat"}
PICTURE = bytes(range(256)) * 16
TARGETS = {"Run": (1.5, 1.3), "Detail, fresh": (1.5, 1.3), "Detail, again": (1.5, 1.3)}
"""At most so many times one static route, and as many static routes (issue 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is measured: `make` gives the arguments of so many requests to `operation`."""

    name: str
    operation: str
    make: Callable[[httpx.Client, int], list[dict[str, Any]]]


def _run(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    return [{"url": API + kit.CAPTION_RUN, "json": FIELDS}] * count


def _tasks(client: httpx.Client, count: int) -> list[str]:
    return [str(client.post(**one).json()["taskid"]) for one in _run(client, count)]


def _fresh(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    return [{"url": f"{API}/v1/Task/Detail", "json": {"taskid": task}} for task in _tasks(client, count)]


def _again(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    (poll,) = _fresh(client, 1)
    client.post(**poll)
    return [poll] * count


def _cancel(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    return [{"url": f"{API}/v1/Task/Cancel", "json": {"taskid": task}} for task in _tasks(client, count)]


def _upload(client: httpx.Client, count: int) -> list[dict[str, Any]]:
    return [{"url": f"{API}/v1/File/Upload", "files": {"file": ("a.png", PICTURE, "image/png")}}] * count


CALLS = (
    Call(name="Run", operation="Run", make=_run),
    Call(name="Detail, fresh", operation="Task/Detail", make=_fresh),
    Call(name="Detail, again", operation="Task/Detail", make=_again),
    Call(name="Cancel", operation="Task/Cancel", make=_cancel),
    Call(name="Upload, 4 KiB", operation="File/Upload", make=_upload),
)


def world() -> World:
    """A world that no number of runs makes poor, with the journal on."""
    project = Project(id="699", key=kit.KEY, secret=kit.SECRET, key_only=False)
    return World(Settings(project=project, balance=Decimal(1_000_000_000)), library=LIBRARY)


LIBRARY = Library()


def ours(call: Call, client: httpx.Client, count: int) -> float:
    """Seconds per call through our router; the last answer is looked at."""
    there = world()
    with make_router(there) as router:
        _tasks(client, 1)  # the first run of a world reads the catalogue
        asked = call.make(client, count)
        router.reset()
        seconds, answer = _timed(client, asked)
        assert answer.json()["result"] is True, answer.text
        assert router[call.operation].call_count == count
    there.close()
    return seconds


@contextmanager
def _static(call: Call, content: bytes, names: list[str], using: str) -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False, using=using) as router:
        for operation in OPERATIONS:
            if operation.name in names:
                pattern = operation.path.replace("{owner}", "[^/]+").replace("{model}", "[^/]+")
                pattern = pattern.replace("{accesskey}", "[^/]+").replace("{name}", "[^/]+")
                url = {"path": operation.path} if "{" not in operation.path else {"path__regex": f"^{pattern}$"}
                route = router.route(method=operation.method, host="api.wiro.ai", name=operation.name, **url)
                route.respond(200, content=content, content_type="application/json; charset=utf-8")
        yield router


def static(call: Call, client: httpx.Client, count: int, *, many: bool, using: str = "httpcore") -> float:
    """Seconds per call through a respx router with the operation's route alone, or with all of them."""
    there = world()
    with make_router(there):
        asked = call.make(client, count)
        content = client.post(**asked[0]).content
    names = [operation.name for operation in OPERATIONS] if many else [call.operation]
    with _static(call, content, names, using) as router:
        seconds, answer = _timed(client, asked)
        assert answer.content == content
        assert router[call.operation].call_count == count
    there.close()
    return seconds


def _timed(client: httpx.Client, asked: list[dict[str, Any]]) -> tuple[float, httpx.Response]:
    gc.collect()
    started = time.process_time()
    for one in asked:
        answer = client.post(**one)
    return (time.process_time() - started) / len(asked), answer


def _each_router(client: httpx.Client, count: int) -> float:
    there = world()
    started = time.process_time()
    for _ in range(count):
        with make_router(there):
            pass
    return (time.process_time() - started) / count


SIDES: dict[str, Callable[[Call, httpx.Client, int], float]] = {
    "ours": ours,
    "one route": lambda call, client, count: static(call, client, count, many=False),
    "as many": lambda call, client, count: static(call, client, count, many=True),
    'one route, using="httpx"': lambda call, client, count: static(call, client, count, many=False, using="httpx"),
}


def measure(call: Call, client: httpx.Client, *, rounds: int, count: int) -> list[object]:
    """The row of one call."""
    times: dict[str, list[float]] = {name: [] for name in SIDES}
    for side in SIDES.values():
        side(call, client, min(count, 20))  # a warm-up of each
    for name in kit.in_turn(list(SIDES), rounds):
        times[name].append(SIDES[name](call, client, count))
    mine, *others = times.values()
    ratios = [kit.median([one / its for one, its in zip(mine, of, strict=True)]) for of in others]
    one, many = TARGETS.get(call.name, ("-", 1.3))
    middles = [f"{kit.median(of) * 1e6:.0f} µs" for of in times.values()]
    return [call.name, *middles[:3], ratios[0], one, ratios[1], many, ratios[2]]


def main(arguments: list[str] | None = None) -> None:
    """Measure every call in turns, and what making a router takes."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.respx_calls", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=100, help="for each side in each round")
    options = parser.parse_args(arguments)
    kit.title("calls of an httpx client in process, against static respx routers")
    with httpx.Client(headers=HEADERS) as client:
        rows = [measure(call, client, rounds=options.rounds, count=options.calls) for call in CALLS]
        made = kit.median([_each_router(client, options.calls) for _ in range(options.rounds)])
    headings = ["", "ours", "one route", "as many", "÷ one", "target", "÷ many", "target", "÷ one, using httpx"]
    kit.table(headings, rows)
    print(f"   making, entering and leaving a router: {made * 1e6:.0f} µs\n")


if __name__ == "__main__":
    main()
