"""What breaks the answers of `Run/sync`: over a socket and in process the same accidents, and the task goes on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api_kit import signed
from tests.live_kit import eventually, everything, live, raw
from tests.sync_kit import CHAT, EVENTS, PROMPT, SYNC, events, in_process, names, request, tasks
from tests.test_worlds import Shared
from tests.test_worlds import signed as signed_by
from wiro_mock import server
from wiro_mock.asgi import create_app
from wiro_mock.faults import Fault
from wiro_mock.kernel.events import SECOND
from wiro_mock.loader import make_fault
from wiro_mock.mock import World
from wiro_mock.server import ServerThread
from wiro_mock.worlds import Worlds


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


# -- servers of other kinds ----------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["json", "events"])
def test_who_waits_in_a_world_that_is_taken_off_the_server_is_let_go(headers: dict[str, str]) -> None:
    """Its connection is reset, for nothing is to come any more; those of another world go on waiting."""
    with ServerThread(create_app(worlds := Worlds())) as thread:
        shared = Shared(worlds, thread)
        one, other = shared.attached("one", "other", time="manual")
        sent = [request(CHAT, {**signed_by(world), **headers}) for world in (one, other)]
        socks = [raw((thread.host, thread.port), one_request) for one_request in sent]
        eventually(lambda: one._watchers and other._watchers)
        worlds.detach(one)
        with socks[0] as sock, pytest.raises(ConnectionResetError):
            everything(sock)
        (exchange,) = one.journal.entries()
        assert exchange.outcome.reason.startswith("its world was taken off the server while the client waited")
        other.skip(600 * SECOND)
        with socks[1] as sock:
            got = b""
            while b"task_postprocess_end" not in got:
                got += sock.recv(1 << 16)
        shared.http.close()


def test_the_parser_and_the_loop_of_python_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """h11 and asyncio, where httptools and uvloop are not installed."""
    from uvicorn.protocols.http import auto
    from uvicorn.protocols.http.h11_impl import H11Protocol

    monkeypatch.setattr(auto, "AutoHTTPProtocol", H11Protocol)
    monkeypatch.setattr(server, "loop_factory", lambda: None)
    with live() as running:
        asked: dict[str, Any] = {"json": PROMPT, "headers": {**signed(), **EVENTS}}
        assert names(events(running.http.post(CHAT, **asked).text)) == ["start", "task_output", "done"]
        assert running.http.post(CHAT, json=PROMPT, headers=signed()).json()["tasklist"][0]["pexit"] == "0"
        for do, error in (("reset", httpx.ReadError), ("disconnect", httpx.RemoteProtocolError)):
            arm(running.world, do, when=CUT)
            with pytest.raises(error):
                running.http.post(CHAT, **asked)
        running.check_healthy()
