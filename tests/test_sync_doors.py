"""`Run/sync` through every door, and what breaks its answers: the same bytes, and the same accidents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import trio

from tests.api_kit import make_world, signed
from tests.process_kit import PATIENCE
from tests.sync_kit import API, CHAT, EVENTS, PROMPT, SYNC, events, in_process
from tests.test_worlds import signed as signed_by
from tests.test_worlds import world_of
from wiro_mock import WiroMock
from wiro_mock.asgi import create_app
from wiro_mock.kernel.events import SECOND
from wiro_mock.misuse import Misuse, WaitsForEver
from wiro_mock.mock import World
from wiro_mock.respx_router import make_router
from wiro_mock.server import ServerThread
from wiro_mock.worlds import Worlds

HELD = "scenario: held\nmatch: {model: '*'}\nsteps: [accept, start, hold: start, exit: 0]"


# -- the same answers ----------------------------------------------------------------------------------


def by_asgi(world: World, headers: dict[str, str]) -> httpx.Response:
    """In one loop, without the app's lifespan, as most tests use it."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(world))
        async with httpx.AsyncClient(transport=transport, base_url=API) as client:
            return await client.post(CHAT, json=PROMPT, headers=headers)

    return asyncio.run(ask())


def by_server(world: World, headers: dict[str, str]) -> httpx.Response:
    """Over a socket, with the host of Wiro."""
    with ServerThread(create_app(world)) as thread:
        return httpx.post(
            thread.url + CHAT,
            json=PROMPT,
            headers={**headers, "host": "api.wiro.ai"},
            timeout=PATIENCE,
            trust_env=False,
        )


def by_respx(world: World, headers: dict[str, str]) -> httpx.Response:
    """In process, a synchronous client."""
    with make_router(world):
        return httpx.post(API + CHAT, json=PROMPT, headers=headers)


def by_async_respx(world: World, headers: dict[str, str]) -> httpx.Response:
    """In process, an asynchronous one."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.post(API + CHAT, json=PROMPT, headers=headers)

    with make_router(world):
        return asyncio.run(ask())


DOORS: tuple[Callable[[World, dict[str, str]], httpx.Response], ...] = (by_asgi, by_server, by_respx, by_async_respx)


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["json", "events"])
def test_through_every_door_come_the_same_bytes(headers: dict[str, str]) -> None:
    """And the journal tells the same of them (law 6)."""
    answers, journals = [], []
    for door in DOORS:
        world = make_world(time="auto")
        answer = door(world, {**signed(), **headers})
        answers.append((answer.status_code, answer.headers["content-type"], answer.content))
        (exchange,) = world.journal.entries()
        journals.append((exchange.at - exchange.came_at, exchange.status, exchange.outcome))
        world.close()
    assert answers == answers[:1] * len(DOORS)
    assert journals == journals[:1] * len(DOORS)
    assert answers[0][0] == 200


def test_an_app_in_the_loop_of_the_test_really_waits() -> None:
    """So a coroutine beside it may let the task go on."""

    async def both() -> Any:
        world = make_world(time="auto", scenarios=HELD)
        transport = httpx.ASGITransport(create_app(world))
        async with httpx.AsyncClient(transport=transport, base_url=API, headers=signed()) as client:
            waiting = asyncio.ensure_future(client.post(SYNC, json={}))
            while not world.sim.holds():
                await asyncio.sleep(0)
            assert not waiting.done()
            world.release()
            return (await waiting).json()

    assert asyncio.run(both())["tasklist"][0]["pexit"] == "0"


def test_a_timeline_shows_who_waits_and_when_it_was_answered() -> None:
    """Beside what had happened when it came, then beside the end."""

    async def both(wiro: WiroMock) -> tuple[str, str]:
        transport = httpx.ASGITransport(wiro.app)
        async with httpx.AsyncClient(transport=transport, base_url=API, headers={"x-api-key": wiro.api_key}) as client:
            waiting = asyncio.ensure_future(client.post(SYNC, json={}))
            while not wiro.world.sim.holds():
                await asyncio.sleep(0)
            before = str(wiro.tasks[0].timeline)
            wiro.release()
            await waiting
            return before, str(wiro.tasks[0].timeline)

    with WiroMock(key_only=True) as wiro:
        wiro.hold("task_start")
        before, after = (text.splitlines() for text in asyncio.run(both(wiro)))
        assert before[0].endswith("run/sync, unanswered (req-1)")
        assert after[-1].endswith("run/sync (req-1)")
        assert "run/sync" not in "".join(after[:-1])


def test_under_trio_an_app_says_that_it_cannot_wait() -> None:
    """And who can."""

    async def ask() -> None:
        transport = httpx.ASGITransport(create_app(make_world(time="auto")))
        async with httpx.AsyncClient(transport=transport, base_url=API, headers=signed()) as client:
            await client.post(SYNC, json={})

    with pytest.raises(Misuse, match=r"waits in an event loop of asyncio, .* use wiro.serve\(\)"):
        trio.run(ask)


def test_a_world_that_goes_while_a_request_is_on_its_way_starts_nothing() -> None:
    """Its client is answered, and no pump is left behind."""

    async def ask() -> tuple[int, int]:
        gone, stays = world_of("gone"), world_of("stays")
        app = create_app(worlds := Worlds(gone, stays))

        async def body() -> AsyncIterator[bytes]:
            worlds.detach(gone)
            yield b'{"prompt": "hi"}'

        headers = {**signed_by(gone), "content-type": "application/json"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=API) as client:
            answer = await client.post(CHAT, content=body(), headers=headers)
        await asyncio.sleep(0)  # what was stopped ends
        left = asyncio.all_tasks() - {asyncio.current_task()}
        return answer.status_code, len(left)

    assert asyncio.run(ask()) == (503, 0)


# -- in process ----------------------------------------------------------------------------------------


def test_in_process_time_passes_for_who_waits() -> None:
    """Where it jumps to the end, whatever the client's timeout is."""
    with in_process(
        scenarios="scenario: slow\nmatch: {model: '*'}\nsteps: [accept, start, exit: {code: 0, after: 30m}]"
    ) as both:
        world, client = both
        begun = world.sim.now
        assert client.post(SYNC, json={}, timeout=1).json()["tasklist"][0]["pexit"] == "0"
        assert world.sim.now - begun >= 1800 * SECOND


def test_in_process_a_client_waits_as_long_as_its_timeout_lets_it() -> None:
    """Where time does not jump; the task goes on, and the journal tells why there was no answer."""
    slow = "scenario: slow\nmatch: {model: '*'}\nsteps: [accept, start, exit: {code: 0, after: 8s}]"
    with in_process(time="manual", scenarios=slow) as (world, client):
        begun = world.sim.now
        with pytest.raises(httpx.ReadTimeout):
            client.post(SYNC, json={}, timeout=5)
        assert world.sim.now - begun == 5 * SECOND
        (exchange,) = world.journal.entries()
        assert exchange.outcome.reason.startswith("the client's read timeout of 5 s was over: the task waits for")
        assert exchange.outcome.reason.endswith("; the task goes on")
        assert client.post(SYNC, json={}, timeout=10).json()["tasklist"][0]["pexit"] == "0"


def test_in_process_comments_keep_a_client_waiting() -> None:
    """Its timeout counts from the last byte: 20 s are enough for a minute of silence, and 10 s are not."""
    silent = "scenario: silent\nmatch: {model: '*'}\nsteps: [accept, start, exit: {code: 0, after: 1m}]"
    with in_process(time="manual", scenarios=silent) as (world, client):
        told = events(client.post(SYNC, json={}, headers=EVENTS, timeout=20).text)
        assert [name for name, _ in told] == ["start", *[":"] * 4, "done"]
        with pytest.raises(httpx.ReadTimeout):
            client.post(SYNC, json={}, headers=EVENTS, timeout=10)
        assert world.journal.entries()[-1].status == 200


@pytest.mark.parametrize("time", ["auto", "manual"])
@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["json", "events"])
def test_in_process_nobody_waits_for_a_release_that_cannot_come(time: str, headers: dict[str, str]) -> None:
    """The test that could let the task go on is the one that waits; a stream without a timeout is told so."""
    with in_process(time=time, scenarios=HELD) as (world, client):
        if headers:
            with pytest.raises(WaitsForEver, match="waits for the hold 'start'"):
                client.post(SYNC, json={}, headers=headers, timeout=None)
        else:
            assert client.post(SYNC, json={}, timeout=None).status_code == 504
        with pytest.raises(httpx.ReadTimeout):
            client.post(SYNC, json={}, headers=headers, timeout=7)
        assert "waits for the hold 'start'" in world.journal.entries()[-1].outcome.reason


def test_in_process_a_stream_that_is_closed_is_not_read_on() -> None:
    """No time passes for it any more, and its task goes on."""
    with in_process() as (world, client):
        with client.stream("POST", CHAT, json=PROMPT, headers=EVENTS) as stream:
            assert next(stream.iter_lines()) == "event: start"
        (exchange,) = world.journal.entries()
        assert exchange.outcome.reason == "the client went away before its end; the task goes on"
        (task,) = world.sim.tasks()
        assert not task.finished
        world.skip(60 * SECOND)
        assert world.sim.task(task.job.id).finished  # type: ignore[union-attr]


@pytest.mark.parametrize("scenario", ["team-spend-limit", "member-spend-limit", "team-model-not-allowed"])
def test_a_team_refuses_synchronous_runs_too(scenario: str) -> None:
    """With the sentence of its policy (rest.md §2.3)."""
    with in_process() as (world, client):
        world.use(scenario)
        told = client.post(SYNC, json={}, headers=EVENTS).json()["errors"][0]
        assert (told["code"], "team" in told["message"].lower()) == (0, True)
        assert not [*world.sim.tasks()]
