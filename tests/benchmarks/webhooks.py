"""Webhooks per second to a quick receiver, alone and beside receivers that never answer.

World, pump and receivers share one process and one loop. Runs are signed requests through `World.handle`, fifty at a
time; the pump ends their tasks and posts. To each slow receiver 20 posts are in flight and 5 more wait in its line: the
quick one's rate must stay what it was.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable

from tests import api_kit
from tests.benchmarks import kit
from wiro_mock.mock import World
from wiro_mock.pump import Pump
from wiro_mock.webhooks import Poster

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def quick(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """200 at once."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Nothing, until the mock loses patience."""
    while await reader.read(1 << 16):
        pass
    writer.close()


async def rate(count: int, slow: int) -> float:
    """Webhooks per second to the quick receiver, beside so many slow ones with 25 webhooks each."""
    servers = [await asyncio.start_server(one, "127.0.0.1", 0) for one in (quick, *[silent] * slow)]
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/" for server in servers]
    world: World = api_kit.make_world(time="auto", poll=0)
    pump = Pump(world, Poster(world).post)
    pumping = asyncio.ensure_future(pump.run())
    for url in urls[1:]:
        for _ in range(25):
            api_kit.run(world, {"callbackUrl": url})
    await asyncio.sleep(0.5)
    started, done = time.perf_counter(), 0
    while done < count:
        for _ in range(50):
            api_kit.run(world, {"callbackUrl": urls[0]})
        done += 50
        while sum(hook.state == "posted" for hook in world.webhooks) < done:
            await asyncio.sleep(0)
    taken = time.perf_counter() - started
    pumping.cancel()
    await asyncio.gather(pumping, return_exceptions=True)
    for server in servers:
        server.close()
    return count / taken


def main(arguments: list[str] | None = None) -> None:
    """Measure each in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.webhooks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=500)
    options = parser.parse_args(arguments)
    kit.title("webhooks per second to a quick receiver")
    rates: dict[int, list[float]] = {0: [], 1: [], 10: []}
    for slow in kit.in_turn(list(rates), options.rounds):
        rates[slow].append(asyncio.run(rate(options.count, slow)))
    rows = [[f"{slow} slow receivers", max(of), kit.median(of)] for slow, of in rates.items()]
    kit.table(["", "best/s", "median/s"], rows)


if __name__ == "__main__":
    main()
