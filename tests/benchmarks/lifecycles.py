"""Whole lifecycles per second in one process, without a socket: the kernel alone, and through `World.handle`.

`kernel` submits an order to a `Simulation` whose planner gives the shipped caption plan, and advances to the
task's end. `world` plays a signed Run and a signed Detail in time mode auto, where the poll is worth the rest
of the task; the bodies are parsed already, as a transport would hand them over. Finished tasks beyond 10 000 are
forgotten on both sides, as in a server.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from decimal import Decimal

from tests.benchmarks import kit
from wiro_mock.api import Body, Request
from wiro_mock.api.auth import sign
from wiro_mock.kernel.account import Account, Project
from wiro_mock.kernel.catalog import Catalog
from wiro_mock.kernel.orders import Order
from wiro_mock.kernel.plan import Plan
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.status import Status
from wiro_mock.loader import Library
from wiro_mock.matching import choose
from wiro_mock.mock import World
from wiro_mock.settings import Settings

BALANCE = Decimal(1_000_000_000)
FIELDS = {"inputImageUrl": "https://example.test/cat.png", "prompt": "a cat"}
MODEL = ("moondream3-preview", "caption")


def kernel() -> Callable[[], None]:
    """One lifecycle in the kernel alone, with a plan that is compiled once."""
    world = World(Settings(balance=BALANCE))
    model = Catalog(Library().models).resolve(*MODEL)
    order = Order(model=model, owner=MODEL[0], project=MODEL[1], project_id="699", parameters=FIELDS)
    plans: list[Plan] = []

    def plan(job: object) -> Plan:
        if not plans:
            chosen = choose(world.scenarios, model, FIELDS)
            plans.append(chosen.scenario.compile(job, world.runs.keep, balance=BALANCE))  # type: ignore[arg-type]
        return plans[0]

    sim = Simulation(seed="0", account=Account(uuid="u", balance=BALANCE), planner=plan)

    def live() -> None:
        task = sim.submit(order)
        sim.advance(sim.now + 60_000_000)
        done = sim.task(task.job.id)
        assert done is not None
        assert done.status is Status.POSTPROCESS_END

    return live


def world(time_mode: str = "auto") -> Callable[[], None]:
    """One lifecycle through `World.handle`, signed."""
    project = Project(id="699", key=kit.KEY, secret=kit.SECRET, key_only=False)
    there = World(Settings(time=time_mode, project=project, balance=BALANCE), library=Library())
    headers = {
        "content-type": "application/json",
        "x-api-key": kit.KEY,
        "x-nonce": "1763769600",
        "x-signature": sign(kit.KEY, kit.SECRET, "1763769600"),
    }

    def ask(path: str, fields: dict[str, object]) -> bytes:
        body = Body(fields=fields, raw=b"{}", text_size=60)
        request = Request(method="POST", path=path, headers=headers, origin="http://127.0.0.1:4747", body=body)
        return there.handle(request).content

    def live() -> None:
        token = json.loads(ask(kit.CAPTION_RUN, dict(FIELDS)))["socketaccesstoken"]
        assert b'"status":"task_postprocess_end"' in ask("/v1/Task/Detail", {"tasktoken": token})

    return live


def measure(live: Callable[[], None], seconds: float, at_most: int) -> float:
    """Lifecycles per second of processor time."""
    started, count = time.process_time(), 0
    while (taken := time.process_time() - started) < seconds and count < at_most:
        live()
        count += 1
    return count / taken


def main(arguments: list[str] | None = None) -> None:
    """Measure both in turns."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.lifecycles", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of processor time, for each side in each round")
    options = parser.parse_args(arguments)
    kit.title("whole lifecycles in process, per second of processor time")
    sides = {"kernel alone": kernel(), "world.handle, signed Run + Detail": world()}
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for name in kit.in_turn(list(sides), options.rounds):
        rates[name].append(measure(sides[name], options.seconds, 100_000))
    kit.table(["", "best/s", "median/s"], [[name, max(of), kit.median(of)] for name, of in rates.items()])


if __name__ == "__main__":
    main()
