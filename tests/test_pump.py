"""The pump: who moves time, when, and for whom; and that nobody can hold it up for long."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests import api_kit
from tests.api_kit import make_world
from tests.process_kit import PATIENCE
from wiro_mock import pump as pump_module
from wiro_mock.deliveries import AT_ONCE, Webhook
from wiro_mock.kernel.events import SECOND
from wiro_mock.mock import World
from wiro_mock.pump import Follower, Pump

pytestmark = pytest.mark.anyio

QUICK = """
scenario: quick
about: Over in a moment of real time.
steps:
  - accept: {after: 30ms}
  - start: {after: 30ms}
  - exit: {code: 0, after: 30ms}
"""
HELD = """
scenario: held
about: Waits for the test.
steps:
  - accept: {after: 1s}
  - hold: door
  - exit: {code: 0, after: 1s}
"""


@asynccontextmanager
async def pumping(world: World, post: object = None) -> AsyncIterator[Pump]:
    pump = Pump(world, post)  # type: ignore[arg-type]
    running = asyncio.create_task(pump.run())
    try:
        yield pump
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def soon(is_so: object) -> None:
    """Let the loop turn until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # type: ignore[operator]
            await asyncio.sleep(0.001)


async def settled() -> None:
    """Let everything happen that can without time."""
    for _ in range(50):
        await asyncio.sleep(0)


def finished(world: World, task_id: str) -> bool:
    task = world.sim.task(task_id)
    return task is not None and task.finished


def follow(pump: Pump, task_id: str) -> Follower:
    follower = pump.join()
    follower.follow(task_id)
    return follower


async def read_all(follower: Follower) -> None:
    while True:
        await follower.news()
        follower.caught_up()


async def test_time_jumps_one_deadline_at_a_time_and_only_when_every_follower_has_sent() -> None:
    """Between two jumps everybody sees exactly one instant; one who lags holds the next jump up."""
    world = make_world(time="auto")
    task_id, _ = api_kit.run(world)
    world.poll_worth = 0
    log = world.sim.log(task_id)
    async with pumping(world) as pump:
        lagging, other = follow(pump, task_id), follow(pump, task_id)
        reading = asyncio.create_task(read_all(other))
        instants = [world.sim.now]
        while not finished(world, task_id):
            async with asyncio.timeout(PATIENCE):
                await lagging.news()
            await settled()  # and nothing moves while this one has not caught up
            new = {entry.at for entry in log if entry.at > instants[-1]}
            assert new == {world.sim.now}
            instants.append(world.sim.now)
            assert pump.behind == {lagging}
            lagging.caught_up()
        reading.cancel()
    assert instants[1:] == sorted({entry.at for entry in log} - {instants[0]})


async def test_time_stands_still_when_nobody_waits() -> None:
    """Tasks that nobody follows do not run by themselves in virtual time, nor for a follower of finished ones."""
    world = make_world(time="auto", poll=0)
    done, _ = api_kit.run(world)
    world.jump(world.sim.now + 60 * SECOND)
    before = world.sim.now
    api_kit.run(world)
    async with pumping(world) as pump:
        follow(pump, done)
        follow(pump, "*")
        follow(pump, "unknown")
        await settled()
        assert world.sim.now == before


@pytest.mark.parametrize("mode", ["manual", "auto"])
async def test_manual_time_moves_only_when_told_and_a_change_of_mode_is_seen(mode: str) -> None:
    """In manual mode nothing moves for a follower; switched to auto or 1000000x with the follower there, it does."""
    world = make_world(time="manual")
    task_id, _ = api_kit.run(world)
    async with pumping(world) as pump:
        reading = asyncio.create_task(read_all(follow(pump, task_id)))
        before = world.sim.now
        await settled()
        assert world.sim.now == before
        world.jump(before + SECOND)
        assert world.sim.now == before + SECOND
        await settled()
        assert world.sim.now == before + SECOND
        world.set_time("auto" if mode == "auto" else "1000x")
        await soon(lambda: finished(world, task_id))
        reading.cancel()


@pytest.mark.parametrize("mode", ["real", "10x"])
async def test_in_real_time_a_follower_hears_of_each_step_when_it_is_due(mode: str) -> None:
    """90 ms of steps take 90 ms, or 9 at ten times the rate; nobody polls."""
    world = make_world(time=mode, scenarios=QUICK)
    world.use("quick")
    begun = time.monotonic()
    task_id, _ = api_kit.run(world)
    async with pumping(world) as pump:
        reading = asyncio.create_task(read_all(follow(pump, task_id)))
        await soon(lambda: finished(world, task_id))
        reading.cancel()
    # The log has the instants of the plan, not those at which the pump came round.
    log = world.sim.log(task_id)
    assert log[-1].at - log[0].at == 90_000
    assert time.monotonic() - begun >= (0.08 if mode == "real" else 0.008)


async def test_a_change_made_in_another_thread_reaches_followers_and_pump() -> None:
    """A release from outside wakes the follower, and time goes on."""
    world = make_world(time="auto", scenarios=HELD)
    world.use("held")
    task_id, _ = api_kit.run(world)
    async with pumping(world) as pump:
        follower = follow(pump, task_id)
        reading = asyncio.create_task(read_all(follower))
        await soon(lambda: world.sim.holds() == {task_id: "door"})
        await settled()
        assert not finished(world, task_id)
        thread = threading.Thread(target=world.release)
        thread.start()
        await soon(lambda: finished(world, task_id))
        thread.join()
        reading.cancel()


async def test_a_new_task_wakes_those_who_wait_for_any() -> None:
    """`*` is told of every new task, and of nothing else."""
    world = make_world()
    async with pumping(world) as pump:
        follower = follow(pump, "*")
        await settled()
        api_kit.run(world)
        async with asyncio.timeout(PATIENCE):
            await follower.news()
        world.jump(world.sim.now + 60 * SECOND)
        more = asyncio.create_task(follower.news())
        await settled()
        assert not more.done()
        more.cancel()


async def test_a_follower_that_sends_nothing_on_is_let_go_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After the guard, on the system's clock, it follows nothing any more and is told so."""
    monkeypatch.setattr(pump_module, "SLOW_FOLLOWER_SECONDS", 0.05)
    world = make_world(time="auto")
    task_id, _ = api_kit.run(world)
    async with pumping(world) as pump:
        stuck, reader = follow(pump, task_id), follow(pump, task_id)
        reading = asyncio.create_task(read_all(reader))
        await soon(lambda: finished(world, task_id))
        assert stuck.let_go.is_set()
        assert not reader.let_go.is_set()
        assert stuck not in pump.followers
        stuck.follow(task_id)  # too late
        await settled()
        assert pump.followers == {reader}
        reading.cancel()


async def test_a_slow_follower_that_does_move_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is on standing still, not on taking long. It looks every 50 ms; what it reads is a clock of ours."""
    monkeypatch.setattr(pump_module, "SLOW_FOLLOWER_SECONDS", 0.05)
    now = [100.0]
    looks: list[float] = []

    def read() -> float:
        looks.append(now[0])
        return now[0]

    monkeypatch.setattr(pump_module, "monotonic", read)
    world = make_world(time="auto")
    task_id, _ = api_kit.run(world)
    async with pumping(world) as pump:
        follower = follow(pump, task_id)
        await follower.news()
        for _ in range(6):
            now[0] += 0.04
            looks.clear()
            await soon(lambda: looks)  # the guard has looked, and has seen it move not long ago
            assert not follower.let_go.is_set()
            follower.moved()
        now[0] += 0.06
        await soon(follower.let_go.is_set)


async def test_news_from_outside_do_not_make_a_stuck_follower_look_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what it sends on counts."""
    monkeypatch.setattr(pump_module, "SLOW_FOLLOWER_SECONDS", 0.05)
    world = make_world(time="auto", poll=0)
    task_id, _ = api_kit.run(world)
    async with pumping(world) as pump:
        stuck = follow(pump, task_id)
        await stuck.news()

        def is_let_go() -> bool:
            stuck.wake()
            return stuck.let_go.is_set()

        await soon(is_let_go)


async def test_leaving_leaves_nothing_behind() -> None:
    """No watcher in the world, no entry in the pump, whatever was followed how often."""
    world = make_world(time="manual")
    first, _ = api_kit.run(world)
    second, _ = api_kit.run(world)
    async with pumping(world) as pump:
        followers = [follow(pump, task_id) for task_id in (first, first, second, "*")]
        followers[0].follow(second)
        followers[0].follow(second)
        followers[0].unfollow(first)
        followers[0].unfollow(first)
        assert pump.awaited == {first: {followers[1]}, second: {followers[0], followers[2]}}
        for follower in followers:
            follower.wake()
            follower.leave()
            follower.leave()
        assert not pump.followers
        assert not pump.behind
        assert not pump.awaited
        assert not world._watchers


async def test_a_late_unfollow_takes_away_nobody_elses_wait() -> None:
    """After a reset a new task may have an old one's id; time moves for who follows it, whoever lets go of the old."""
    world = make_world(time="auto", poll=0)
    task_id, _ = api_kit.run(world)
    async with pumping(world) as pump:
        late = follow(pump, task_id)
        world.jump(world.sim.now + 60 * SECOND)
        await settled()
        assert not pump.awaited
        world.reset()
        assert api_kit.run(world)[0] == task_id
        reading = asyncio.create_task(read_all(follow(pump, task_id)))
        late.unfollow(task_id)
        late.leave()
        await soon(lambda: finished(world, task_id))
        reading.cancel()


async def test_so_many_webhooks_are_posted_at_once_and_the_others_wait_in_line() -> None:
    """One more is taken up as soon as one is done."""
    world = make_world(time="auto", poll=0)
    begun: list[str] = []
    places = asyncio.Semaphore(0)

    async def post(webhook: Webhook) -> None:
        begun.append(webhook.id)
        await places.acquire()

    async with pumping(world, post) as pump:
        for _ in range(30):
            api_kit.run(world, {"callbackUrl": "http://127.0.0.1:9/"})
        await soon(lambda: len(world.webhooks) == 30)
        await settled()
        assert len(begun) == len(pump._posting) == AT_ONCE
        assert len(world.deliveries.unposted) == 10
        places.release()
        await soon(lambda: len(begun) == 21)
        await settled()
        assert len(pump._posting) == AT_ONCE


async def test_a_reset_ends_the_posting_of_what_was_before_it() -> None:
    """Neither what waits nor what is being posted goes on; new webhooks have the places."""
    world = make_world(time="auto", poll=0)
    begun: list[str] = []
    ended: list[str] = []

    async def post(webhook: Webhook) -> None:
        begun.append(webhook.delivery.url)
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(webhook.delivery.url)

    async with pumping(world, post):
        for _ in range(25):
            api_kit.run(world, {"callbackUrl": "http://127.0.0.1:9/old"})
        await soon(lambda: len(begun) == 20)
        world.reset()
        api_kit.run(world, {"callbackUrl": "http://127.0.0.1:9/new"})
        await soon(lambda: begun[20:])
        await settled()
        assert ended == ["http://127.0.0.1:9/old"] * 20
        assert begun[20:] == ["http://127.0.0.1:9/new"]


async def test_of_too_many_waiting_webhooks_the_oldest_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """They say so themselves, and the tester is told."""
    monkeypatch.setattr("wiro_mock.deliveries.WAITING", 3)
    told: list[str] = []
    world = make_world(tell=told.append)
    ids = [api_kit.run(world, {"callbackUrl": "http://127.0.0.1:9/"})[0] for _ in range(5)]
    world.jump(world.sim.now + 60 * SECOND)
    assert [webhook.state for webhook in world.webhooks] == ["not posted"] * 2 + ["waiting"] * 3
    assert {webhook.reason for webhook in list(world.webhooks)[:2]} == {"too many webhooks are waiting"}
    assert [webhook.task is None for webhook in world.webhooks] == [True] * 2 + [False] * 3
    assert told == [
        f"webhook hook-{n} of task {task_id}: not posted: too many webhooks are waiting"
        for n, task_id in enumerate(ids[:2], 1)
    ]


async def test_a_webhook_that_is_to_come_is_worth_a_jump_and_is_posted_once() -> None:
    """Nobody follows, but a callback was asked for: time moves, and the outbox is emptied."""
    world = make_world(time="auto", poll=0)
    posted: list[Webhook] = []

    async def post(webhook: Webhook) -> None:
        await asyncio.sleep(0)
        posted.append(webhook)

    task_id, _ = api_kit.run(world, {"callbackUrl": "http://127.0.0.1:9/"})
    async with pumping(world, post):
        await soon(lambda: posted)
        await settled()
    assert [webhook.delivery.task_id for webhook in posted] == [task_id]
    assert finished(world, task_id)
    assert world.deliveries.awaited == 0


async def test_what_is_being_posted_is_cancelled_with_the_pump() -> None:
    """A server that stops does not wait for somebody's slow receiver, and leaves no task behind."""
    world = make_world(time="auto", poll=0)
    ends: list[str] = []

    async def post(webhook: Webhook) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ends.append(webhook.id)

    api_kit.run(world, {"callbackUrl": "http://127.0.0.1:9/"})
    async with pumping(world, post) as pump:
        await soon(lambda: pump._posting)
        await settled()
    assert ends == ["hook-1"]


async def test_a_mistake_in_the_world_is_told_and_does_not_stop_the_pump() -> None:
    """Followers would wait for ever in silence."""
    told: list[str] = []
    world = make_world(time="auto", tell=told.append)
    task_id, _ = api_kit.run(world)
    settle, broken = world.settle, [True]

    def settle_badly() -> None:
        if broken.pop() if broken else False:
            raise RuntimeError("a bug")
        settle()

    world.settle = settle_badly  # type: ignore[method-assign]
    async with pumping(world) as pump:
        await soon(lambda: told)
        reading = asyncio.create_task(read_all(follow(pump, task_id)))
        await soon(lambda: finished(world, task_id))
        reading.cancel()
    assert told == ["time stands still until the next request: RuntimeError: a bug"]


async def test_a_thread_that_changes_the_world_after_the_loop_has_gone_is_not_troubled() -> None:
    """A follower of a dead loop is woken in vain, without an exception."""
    world = make_world()

    def one_life() -> None:
        async def life() -> None:
            pump = Pump(world)
            pump.join().follow("*")

        asyncio.run(life())

    thread = threading.Thread(target=one_life)
    thread.start()
    thread.join()
    api_kit.run(world)
    gc.collect()
    assert len(list(world.sim.tasks())) == 1


async def test_a_jump_costs_the_same_with_a_thousand_followers() -> None:
    """A thousand tasks, each followed: the cost of a jump does not grow with those who do not care (no O(n²))."""

    async def seconds_per_jump(count: int) -> float:
        world = make_world(time="auto", poll=0)
        world.use("caption")
        ids = [api_kit.run(world)[0] for _ in range(count)]
        async with pumping(world) as pump:
            readers = [asyncio.create_task(read_all(follow(pump, task_id))) for task_id in ids]
            begun = time.process_time()
            await soon(lambda: finished(world, ids[-1]))
            used = time.process_time() - begun
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
        return used / (15 * count)

    few, many = await seconds_per_jump(50), await seconds_per_jump(1000)
    assert many < 5 * few


async def test_a_client_that_takes_nothing_more_delays_nobody_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes on without it; as soon as it moves again it is waited for as any other."""
    monkeypatch.setattr(pump_module, "PATIENCE", 0.02)
    world = make_world(time="auto")
    task_id, _ = api_kit.run(world)
    async with pumping(world) as pump:
        stuck, reader = follow(pump, task_id), follow(pump, task_id)
        stuck.blocked = True
        reading = asyncio.create_task(read_all(reader))
        await soon(lambda: finished(world, task_id))
        assert not stuck.let_go.is_set()
        await soon(lambda: not pump.behind)
        assert pump.overtaken == {stuck}
        stuck.wake()
        assert not pump.behind
        stuck.moved()
        assert (pump.overtaken, pump.behind) == (set(), {stuck})
        await stuck.news()
        stuck.caught_up()
        assert not pump.behind
        reading.cancel()


async def test_one_that_was_overtaken_and_does_not_move_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """When its time is over, whoever waits."""
    monkeypatch.setattr(pump_module, "PATIENCE", 0.01)
    monkeypatch.setattr(pump_module, "SLOW_FOLLOWER_SECONDS", 0.2)
    world = make_world(time="auto")
    task_id, _ = api_kit.run(world)
    async with pumping(world) as pump:
        stuck = follow(pump, task_id)
        stuck.blocked = True
        await soon(lambda: finished(world, task_id))
        await soon(stuck.let_go.is_set)
        assert (pump.overtaken, pump.behind, pump.followers) == (set(), set(), set())
