"""Saving and loading a world of many tasks: seconds, bytes, memory; and how long another client waits meanwhile.

The world is made in process: half of its tasks have ended, half of them are on their way; captions and pictures, with
`--talk` every third a language model that says a hundred words, and a webhook each. Then a server in a process of its
own loads the file, saves it, and loads it again, while one client asks for the same task again and again: its slowest
answer is the price.
"""

from __future__ import annotations

import argparse
import http.client
import tempfile
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from tests.benchmarks import kit
from tests.benchmarks.growth import ask
from wiro_mock.kernel.account import Project
from wiro_mock.kernel.events import SECOND
from wiro_mock.loader import Library
from wiro_mock.mock import World
from wiro_mock.settings import Settings
from wiro_mock.snapshot import load, save
from wiro_mock.snapshot.taking import let_go, take

RUNS = (
    ("Run/moondream3-preview/caption", {"inputImage": "https://example.test/cat.png"}),
    ("Run/google/nano-banana", {"prompt": "a cat"}),
)
TALK = ("Run/openai/gpt-5-2", {"prompt": "Tell me of a cat. " * 20, "user_id": "u", "session_id": "s"})


def settings() -> Settings:
    """A world without authentication, with a balance that does not run out, and time that stands still."""
    project = Project(id="699", key=kit.KEY, secret=kit.SECRET, key_only=True)
    return Settings(time="manual", auth_mode="off", project=project, balance=Decimal(10**9))


def many_tasks(count: int, *, talk: bool = False) -> World:
    """A world of so many tasks."""
    world, runs = World(settings(), library=Library()), (*RUNS, *((TALK,) if talk else ()))
    for half in range(2):
        for at in range(count // 2):
            path, fields = runs[at % len(runs)]
            ask(world, path, {**fields, "callbackUrl": f"http://127.0.0.1:9/{at}"})
        world.skip(3600 * SECOND if half == 0 else 2 * SECOND)
    return world


def seconds(act: Callable[[], object]) -> tuple[float, float]:
    """What it takes by the clock, and of this process's processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


class Asker(threading.Thread):
    """A client that asks for a task again and again: how many answers it got, and the slowest of them."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.waits: list[float] = []
        self._port = port
        self._over = threading.Event()

    def run(self) -> None:
        """Ask until it is over."""
        request = kit.post(self._port, "/v1/Task/Detail", b'{"taskid":"1"}', signed=False)
        connection = kit.Connection(self._port)
        while not self._over.is_set():
            began = time.perf_counter()
            connection.send(request)
            connection.receive()
            self.waits.append(time.perf_counter() - began)

    def stop(self) -> float:
        """The slowest answer, in milliseconds."""
        self._over.set()
        self.join()
        return max(self.waits) * 1000


def beside(port: int, act: Callable[[], object]) -> tuple[float, float]:
    """The seconds of an act, and the slowest answer of a client meanwhile."""
    asker = Asker(port)
    asker.start()
    while len(asker.waits) < 20:
        time.sleep(0.01)
    taken = time.perf_counter()
    act()
    taken = time.perf_counter() - taken
    return taken, asker.stop()


def over_http(port: int, verb: str, body: bytes | None = None) -> bytes:
    """A snapshot saved or loaded over HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request(verb, "/__wiro/snapshot", body=body)
    answer = connection.getresponse()
    data = answer.read()
    assert answer.status == 200, data[:300]
    connection.close()
    return data


def in_process(count: int, path: Path, *, talk: bool) -> None:
    """Save and load in one process, where nobody else wants anything."""
    world = many_tasks(count, talk=talk)
    events = sum(len(world.sim.log(task.job.id)) for task in world.sim.tasks())
    held, _ = seconds(lambda: let_go(world, take(world)))
    rows: list[list[object]] = [["taken (others wait for so long)", held, ""]]
    rows.append(["saved", *seconds(lambda: save(world, path))])
    again = World(settings(), library=Library())
    rows.append(["loaded", *seconds(lambda: load(again, path))])
    assert again.sim.made == count
    kit.table([f"{count} tasks", "s", "of the processor"], rows)
    print(f"{events} events; {path.stat().st_size} bytes, {path.stat().st_size / count:.0f} a task")


def of_a_server(count: int, path: Path) -> None:
    """Load, save and load in a server, beside a client of it."""
    with kit.wiro_mock("base", "--auth", "off") as child:
        kit.ask(child.port, kit.post(child.port, "/v1/Task/Detail", b'{"taskid":"1"}', signed=False))
        empty = child.resident
        data = path.read_bytes()
        rows: list[list[object]] = []
        for name, verb, body in (("loaded", "PUT", data), ("saved", "GET", None), ("loaded again", "PUT", data)):
            taken, slowest = beside(child.port, lambda verb=verb, body=body: over_http(child.port, verb, body))  # type: ignore[misc]
            rows.append([name, taken, slowest, child.resident / 2**20])
        kit.table([f"a server, {count} tasks", "s", "slowest answer, ms", "MiB after it"], rows)
        print(f"{empty / 2**20:.1f} MiB before; {(child.resident - empty) / count / 1024:.1f} KiB a task")
        metrics, _ = seconds(lambda: kit.ask(child.port, kit.get(child.port, "/__wiro/metrics")))
        again, _ = seconds(lambda: kit.ask(child.port, kit.get(child.port, "/__wiro/metrics")))
        print(f"/__wiro/metrics: {metrics * 1000:.0f} ms the first time, {again * 1000:.0f} ms the second")


def main(arguments: list[str] | None = None) -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.snapshots", description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--talk", action="store_true")
    options = parser.parse_args(arguments)
    kit.title("a world saved and loaded")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "world.zip")
        in_process(options.tasks, path, talk=options.talk)
        of_a_server(options.tasks, path)


if __name__ == "__main__":
    main()
