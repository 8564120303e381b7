"""What a world does with its webhooks before anybody posts them: faults strike them, and each waits for its time.

A webhook is one call for the faults, however often it is tried: what is done to it is decided when its task ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiro_mock.journal import Exchange

if TYPE_CHECKING:
    from wiro_mock.deliveries import Webhook
    from wiro_mock.mock.state import State

PLACE = "webhook"
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
