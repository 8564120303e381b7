"""What a world does with its webhooks before anybody posts them: faults strike them, and each waits for its time.

A webhook is one call for the faults, however often it is tried: what is done to it is decided when its task ends.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from wiro_mock.clock import monotonic
from wiro_mock.journal import Exchange

if TYPE_CHECKING:
    from wiro_mock.deliveries import Deliveries, Webhook
    from wiro_mock.mock.state import State

PLACE = "webhook"
PATIENCE = 2.0
"""Real seconds that a late answer waits for webhooks which were due before it. Our choice."""
LATE = "waits until a poll has been answered with the end of its task"
NEXT = "waits until the next webhook has been posted"


def line_up(world: State) -> None:
    """Take the webhooks of the tasks that have ended, and line up those that are to come."""
    for webhook in world.deliveries.collect(world.sim.outbox):
        if world.faults.strikes(PLACE):
            _strike(world, webhook)
        if webhook.state == "waiting" and (given_up := world.deliveries.line_up(webhook)):
            world.tell(given_up.line)


def hear_poll(world: State, exchange: Exchange) -> None:
    """A poll was answered: what waits for one that has seen the end is due now. Called with the lock held."""
    task = world.sim.task(exchange.outcome.task_id)
    if exchange.status == 200 and exchange.outcome.code is None and (task is None or task.finished):
        world.stir_if(world.deliveries.saw_end(exchange.outcome.task_id, world.sim.now))


def _strike(world: State, webhook: Webhook) -> None:
    """The fault that strikes a webhook, if one does."""
    task = webhook.task
    strike = world.faults.strike(
        world,  # type: ignore[arg-type]  # a State is never anything but a World
        PLACE,
        scope=webhook.delivery.task_id,
        status=task.status.value if task is not None else "",
    )
    if strike is None:
        return
    do = strike.do
    webhook.do, webhook.noise = do, strike.random.getrandbits(64)
    webhook.cut_after = strike.fault.item.when.after_bytes
    webhook.late = do.latency.draw(strike.draw("latency")) if do.latency is not None else 0
    webhook.due += webhook.late
    webhook.copies = 1 if do.duplicate else 0
    if do.late or do.reorder:
        webhook.until, webhook.reason = ("poll", LATE) if do.late else ("next", NEXT)
    webhook.fault = strike.applied()
    if do.drop:
        webhook.end("not posted", webhook.fault)
    world.tell(f"webhook {webhook.id} of task {webhook.delivery.task_id}: {webhook.fault}")


def posted(world: State, deliveries: Deliveries, webhook: Webhook) -> None:
    """It was posted, or was to be; whoever waits for it looks again. Called where it was posted."""
    with world.lock:
        deliveries.done(webhook, world.clock.now())
        world.stir_if(changed=True)
        world.collect()


def go_first(world: State) -> bool:
    """Whether there are webhooks that have to be posted before an answer that is late, for they were due before it.

    So it is in real time by itself; where time jumps, the answer would overtake them. For a while only, `PATIENCE`: a
    receiver may be waiting for the very answer.
    """
    with world.lock:
        return world.posters > 0 and world.clock.mode in ("auto", "manual") and world.deliveries.is_busy(world.sim.now)


def wait_for_those_before(world: State) -> None:
    """Wait until the webhooks that go first have gone, in a thread whose client would get its answer too early."""
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        return  # a receiver may live in this loop, which must not stand still
    end, news = monotonic() + PATIENCE, threading.Event()
    with world.lock:
        world.on_change.add(news.set)
    try:
        while go_first(world) and (left := end - monotonic()) > 0:
            news.wait(left)
            news.clear()
    finally:
        with world.lock:
            world.on_change.discard(news.set)


async def let_those_before_go(world: State) -> None:
    """The same in a loop, which goes on meanwhile."""
    end = monotonic() + PATIENCE
    while go_first(world) and monotonic() < end:
        await asyncio.sleep(0.001)
