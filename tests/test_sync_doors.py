"""`Run/sync` through every door, and what breaks its answers: the same bytes, and the same accidents."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.api_kit import make_world, signed
from tests.live_kit import eventually, live, raw
from tests.process_kit import PATIENCE
from tests.sync_kit import CHAT, EVENTS, SYNC, events, names, request, tasks
from wiro_mock.asgi import create_app
from wiro_mock.faults import Fault
from wiro_mock.kernel.events import SECOND
from wiro_mock.loader import make_fault
from wiro_mock.misuse import WaitsForEver
from wiro_mock.mock import World
from wiro_mock.respx_router import make_router
from wiro_mock.server import ServerThread

API = "https://api.wiro.ai"
HELD = "scenario: held\nmatch: {model: '*'}\nsteps: [accept, start, hold: start, exit: 0]"
PROMPT = {"prompt": "hello"}


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


# -- in process ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def in_process(**settings: Any) -> Iterator[tuple[World, httpx.Client]]:
    """A world with a client in process."""
    world = make_world(**{"time": "auto", **settings})
    with make_router(world), httpx.Client(base_url=API, headers=signed()) as client:
        yield world, client
    world.close()


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


# -- what breaks ---------------------------------------------------------------------------------------


def arm(world: World, do: Any, **more: Any) -> None:
    """Arm a fault of synchronous runs."""
    with world.lock:
        world.faults.arm(Fault(item=make_fault({"on": "Run/sync", "do": do, **more}), where="here"))


CUT = {"after_bytes": 100}


@pytest.mark.parametrize(
    ("do", "error"),
    [
        ("reset", httpx.ReadError),
        ("disconnect", httpx.RemoteProtocolError),
        ({"truncate": 100}, httpx.RemoteProtocolError),
    ],
)
def test_a_stream_breaks_off_in_the_middle_and_its_task_goes_on(do: Any, error: type[Exception]) -> None:
    """After so many bytes, over a socket and in process alike."""
    got: list[list[bytes]] = []

    def listen(client: httpx.Client) -> None:
        got.append([])
        with pytest.raises(error), client.stream("POST", CHAT, json=PROMPT, headers={**signed(), **EVENTS}) as stream:
            got[-1].extend(stream.iter_raw())

    with live() as running:
        arm(running.world, do, **({} if isinstance(do, dict) else {"when": CUT}))
        listen(running.http)
        check_cut(running.world)
        running.check_healthy()
    with in_process() as (world, client):
        arm(world, do, **({} if isinstance(do, dict) else {"when": CUT}))
        listen(client)
        check_cut(world)
    sizes = [len(b"".join(one)) for one in got]
    assert sizes[1] == 100
    assert sizes[0] in (100, 0)  # what a reset overtakes is lost


def check_cut(world: World) -> None:
    """The journal names the fault and the end; the task goes on."""
    eventually(lambda: "goes on" in world.journal.entries()[0].outcome.reason)
    (exchange,) = world.journal.entries()
    assert "set at here, no. 1 of 1" in exchange.outcome.reason
    assert exchange.outcome.reason.endswith("; the task goes on")
    (task,) = world.sim.tasks()
    assert not task.finished


def test_a_stream_stops_in_the_middle_and_its_connection_stays_open() -> None:
    """`hang`: over a socket until the client goes; in process until its patience is at an end."""
    with live() as running:
        arm(running.world, "hang", when=CUT)
        with raw((running.thread.host, running.thread.port), request(CHAT, EVENTS)) as sock:
            got = b""
            while b"event: start" not in got:
                got += sock.recv(1 << 16)
            eventually(lambda: "cut off after 100 bytes" in running.world.journal.entries()[0].outcome.reason)
        running.check_clean()
    with in_process() as (world, client):
        arm(world, "hang", when=CUT)
        with pytest.raises(httpx.ReadTimeout):
            client.post(CHAT, json=PROMPT, headers=EVENTS)


def test_a_stream_drips() -> None:
    """In so many bytes a second of the world's time, whole in the end."""
    with live() as running:
        plain = running.http.post(CHAT, json=PROMPT, headers={**signed(), **EVENTS})
        begun = running.world.sim.now
        arm(running.world, {"drip": 100})
        told = running.http.post(CHAT, json=PROMPT, headers={**signed(), **EVENTS})
        assert names(events(told.text)) == ["start", "task_output", "done"]
        assert running.world.sim.now - begun >= len(plain.content) // 100 * SECOND
    with in_process() as (world, client):
        begun = world.sim.now
        arm(world, {"drip": 100})
        told = client.post(CHAT, json=PROMPT, headers=EVENTS, timeout=5)
        assert names(events(told.text)) == ["start", "task_output", "done"]
        assert world.sim.now - begun >= len(plain.content) // 100 * SECOND


def test_a_stream_that_is_over_before_it_could_be_cut_off_says_so() -> None:
    """The fault was armed for nothing, and the journal tells."""
    with live() as running:
        arm(running.world, "reset", when={"after_bytes": 10**6})
        told = running.http.post(SYNC, json={}, headers={**signed(), **EVENTS})
        assert events(told.text)[-1][0] == "done"
        assert "bytes before it was to be cut off" in running.world.journal.entries()[0].outcome.reason


@pytest.mark.parametrize(
    ("do", "why"),
    [("truncate", "say after how many bytes"), ("corrupt", "made only when it is sent"), ("bad_json", "is no JSON")],
)
def test_what_cannot_be_done_to_a_stream_says_why_and_does_no_harm(do: str, why: str) -> None:
    """The stream comes whole, and the fault is not spent."""
    with in_process() as (world, client):
        arm(world, do)
        assert events(client.post(SYNC, json={}, headers=EVENTS).text)[-1][0] == "done"
        assert why in world.journal.entries()[0].outcome.reason
        (fault,) = world.faults
        assert (fault.struck, why in fault.unfit) == (0, True)


def test_the_answer_that_was_waited_for_can_be_broken_too() -> None:
    """Struck when it is there: the task has ended, and only its bytes are harmed."""
    with live() as running:
        arm(running.world, "truncate")
        with pytest.raises(httpx.RemoteProtocolError):
            running.http.post(SYNC, json={}, headers=signed())
        (task,) = tasks(running)
        assert task.finished
        arm(running.world, "reset", effect="after")
        with pytest.raises(httpx.TransportError):
            running.http.post(SYNC, json={}, headers=signed())
        assert running.world.journal.entries()[-1].status == 0
        assert tasks(running)[-1].finished
        arm(running.world, "bad_json")
        told = running.http.post(SYNC, json={}, headers=signed())
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            told.json()
        count = len(tasks(running))
        arm(running.world, {"status": 503})
        assert running.http.post(SYNC, json={}, headers=signed()).status_code == 503
        assert len(tasks(running)) == count
        running.check_healthy()


def test_a_run_is_no_synchronous_run_to_a_fault() -> None:
    """`on: Run` leaves `Run/sync` alone, and `Run*` means both."""
    with in_process() as (world, client):
        world.faults.arm(Fault(item=make_fault({"on": "Run", "do": {"status": 503}}), where="here"))
        assert client.post(SYNC, json={}).status_code == 200
        world.faults.arm(Fault(item=make_fault({"on": "Run*", "do": {"status": 502}}), where="here"))
        assert client.post(SYNC, json={}).status_code == 502


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["json", "events"])
def test_the_set_sync_trouble_loses_answers_and_no_tasks(headers: dict[str, str]) -> None:
    """Given up by a gateway, lost, broken off, slow, and well; five tasks, each to be paid for."""
    became: list[Any] = []
    with live() as running:
        running.world.arm_set("sync-trouble", where="here")
        for _ in range(5):
            try:
                became.append(running.http.post(CHAT, json=PROMPT, headers={**signed(), **headers}).status_code)
            except httpx.TransportError:
                became.append("lost")
        assert became == [504, "lost", "lost", 200, 200]
        running.world.skip(600 * SECOND)
        assert [task.exit_code for task in tasks(running)] == [0] * 5
        assert not [*running.world.faults]


@pytest.mark.parametrize("scenario", ["team-spend-limit", "member-spend-limit", "team-model-not-allowed"])
def test_a_team_refuses_synchronous_runs_too(scenario: str) -> None:
    """With the sentence of its policy (rest.md §2.3)."""
    with in_process() as (world, client):
        world.use(scenario)
        told = client.post(SYNC, json={}, headers=EVENTS).json()["errors"][0]
        assert (told["code"], "team" in told["message"].lower()) == (0, True)
        assert not [*world.sim.tasks()]
