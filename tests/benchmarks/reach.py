"""What reaching the mock costs: `python tests/benchmarks/reach.py`. Each figure is the best of several.

The overhead of `exec` around an empty command; a request through the interception proxy against one over TLS, on a kept
connection and on new ones; memory per world; and the same load on one world and on a hundred.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.reach.reach_kit import reached
from wiro_mock.asgi import create_app
from wiro_mock.lodging import Lodging
from wiro_mock.mock import World
from wiro_mock.server import ServerThread
from wiro_mock.settings import Settings

TIMES = 5
REQUESTS = 1_000


def best(act: Callable[[], object]) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return min(times)


def of_exec() -> None:
    for options in ([], ["--intercept"]):
        command = [sys.executable, "-m", "wiro_mock", "exec", *options, "--", "true"]

        def play(command: list[str] = command) -> None:
            subprocess.run(command, check=True)

        print(f"exec {' '.join(options)} -- true: {best(play) * 1e3:.0f} ms")


def ask(http: httpx.Client, url: str, key: str) -> None:
    answer = http.post(url, json={"taskid": "1"}, headers={"x-api-key": key})
    assert answer.status_code == 200, answer.text


def of_proxy(folder: Path) -> None:
    with reached(folder, tls=True) as one:
        key, context = one.wiro.api_key, one.context()
        figures: list[tuple[float, float]] = []
        own, far = f"{one.thread.api_url}/Task/Detail", "https://api.wiro.ai/v1/Task/Detail"
        for name, url, proxy in (("direct TLS", own, None), ("interception", far, one.proxy)):

            def kept(url: str = url, proxy: str | None = proxy) -> None:
                with httpx.Client(proxy=proxy, verify=context, trust_env=False) as http:
                    for _ in range(REQUESTS):
                        ask(http, url, key)

            def new(url: str = url, proxy: str | None = proxy) -> None:
                for _ in range(50):
                    with httpx.Client(proxy=proxy, verify=context, trust_env=False) as http:
                        ask(http, url, key)

            on_kept, on_new = best(kept) / REQUESTS * 1e6, best(new) / 50 * 1e6
            figures.append((on_kept, on_new))
            print(f"{name}: {on_kept:.0f} us a request, {on_new:.0f} us on a new one")
        (kept_direct, new_direct), (kept_through, new_through) = figures
        told = f"{kept_through / kept_direct:.2f} times direct TLS, {new_through / new_direct:.2f} times on a new one"
        print(f"through the proxy: {told}")


def memory() -> float:
    """MiB that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * resource.getpagesize() / 2**20


def of_worlds() -> None:
    home = World(Settings(seed="home"))
    app = create_app(home, most_worlds=100_000)
    lodging: Lodging = app.state.lodging
    with ServerThread(app) as thread, httpx.Client(base_url=thread.url, trust_env=False, timeout=60) as http:
        http.post("/__wiro/worlds", json={}).raise_for_status()
        for count in (1_000, 3_000):
            before, began = memory(), time.perf_counter()
            for _ in range(count):
                http.post("/__wiro/worlds", json={"key_only": True}).raise_for_status()
            each = (memory() - before) / count
            took = (time.perf_counter() - began) / count * 1e3
            print(f"{count} worlds: {each * 1024:.0f} KiB each, {1024 / each:.0f} in a GiB, {took:.2f} ms to make one")
    assert len(lodging) == 0


def of_load() -> None:
    for count in (1, 100):
        home = World(Settings(seed="home"))
        with (
            ServerThread(create_app(home)) as thread,
            httpx.Client(base_url=thread.url, trust_env=False, timeout=60) as http,
        ):
            keys = [http.post("/__wiro/worlds", json={"key_only": True}).json()["api_key"] for _ in range(count)]

            def load(keys: list[str] = keys, http: httpx.Client = http, url: str = thread.api_url) -> None:
                for number in range(REQUESTS):
                    ask(http, f"{url}/Task/Detail", keys[number % len(keys)])

            print(f"{count} worlds: {REQUESTS / best(load):.0f} requests a second")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        os.environ["WIRO_MOCK_CA_DIR"] = str(Path(name) / "ca")
        of_exec()
        of_proxy(Path(name))
    of_load()
    of_worlds()
