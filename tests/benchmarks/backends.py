"""What a live run costs around its model: the whole path with a fake engine that answers at once.

`script` is the shipped caption in time mode auto: a signed Run, and the poll that is worth the rest. `function` is a
backend in this process that says so many words. `endpoint` is the same behind a real HTTP server on loopback, in this
process too, through the client of Moondream's protocol. A task's share is the row of one word; a word's is the slope.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

from tests.benchmarks import kit
from tests.engine_kit import Exchange, engine
from wiro_mock.api import Body, Request
from wiro_mock.api.auth import sign
from wiro_mock.backends import Backend, Job, moondream
from wiro_mock.casting import Standing
from wiro_mock.kernel.account import Project
from wiro_mock.kernel.events import Event
from wiro_mock.mock import World
from wiro_mock.settings import Settings

WORDS = (1, 100, 700)


def life(backend: Backend | None) -> Callable[[], None]:
    """One signed Run of a caption, and the wait for its end."""
    standing = [] if backend is None else [Standing(name="bench", model=moondream.MODELS, backend=backend)]
    project = Project(id="699", key=kit.KEY, secret=kit.SECRET)
    world = World(Settings(balance=Decimal(10**9), project=project), standing=standing)
    headers = {"x-api-key": kit.KEY, "x-nonce": "1", "x-signature": sign(kit.KEY, kit.SECRET, "1")}

    def ask(path: str, fields: dict[str, object]) -> dict[str, object]:
        body = Body(fields=fields, text_size=50)
        request = Request(method="POST", path=path, headers=headers, origin="http://127.0.0.1", body=body)
        shape: dict[str, object] = json.loads(world.handle(request).content)
        return shape

    blob = world.blobs.put(b"\x89PNG" + bytes(100_000), "image/png")
    upload = world.sim.upload("cat.png", blob)
    url = f"http://127.0.0.1/v1/File/{upload.accesskey}/{upload.name}"

    def live() -> None:
        task_id = str(ask(kit.CAPTION_RUN, {"inputImageUrl": url})["taskid"])
        if backend is None:
            ask("/v1/Task/Detail", {"taskid": task_id})
        news = threading.Event()
        world.watch(task_id, news.set)
        while (task := world.sim.task(task_id)) is not None and not task.finished:
            news.wait()
            news.clear()
        world.unwatch(task_id, news.set)
        assert task is None or task.succeeded, task.stderr

    return live


def saying(words: int) -> Backend:
    """A backend that says so many words at once."""

    def run(job: Job) -> Iterator[Event]:
        for _ in range(words):
            yield job.say("word ")
        yield job.produce("0.txt", "word " * words)

    return run


def main(arguments: list[str] | None = None) -> None:
    """Measure each path with so many words."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.backends", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=20, help="lifecycles in each round")
    options = parser.parse_args(arguments)
    kit.title("A live run around a fake engine")
    rows = []

    def measured(path: str, words: int, live: Callable[[], None]) -> None:
        live()
        took = []
        for _ in range(options.rounds):
            began = time.perf_counter()
            for _ in range(options.runs):
                live()
            took.append((time.perf_counter() - began) / options.runs)
        rows.append([path, words, f"{1000 * min(took):.2f}", f"{1000 * kit.median(took):.2f}"])

    measured("script", 1, life(None))
    for words in WORDS:
        measured("function", words, life(saying(words)))
    for words in WORDS:

        def conduct(exchange: Exchange, words: int = words) -> None:
            exchange.head(200, "text/event-stream")
            for _ in range(words):
                exchange.event({"chunk": "word "})
            exchange.event({"completed": True})

        with engine(conduct) as fake:
            measured("endpoint", words, life(moondream.at(fake.url)))
    kit.table(["path", "words", "best ms", "median ms"], rows)


if __name__ == "__main__":
    main()
