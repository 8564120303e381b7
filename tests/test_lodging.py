"""Worlds that others make on a running server: found by their keys, apart from each other, and gone when idle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.client import connect

from wiro_mock.api import Request
from wiro_mock.api.auth import sign
from wiro_mock.asgi import create_app
from wiro_mock.lodging import Lodging, NoRoom
from wiro_mock.mock import World
from wiro_mock.server import ServerThread
from wiro_mock.settings import Settings
from wiro_mock.worlds import REMEMBERED, Worlds

MODEL = "moondream3-preview/caption"


class Server:
    """A running server with a world of its own, and what is asked of it."""

    def __init__(self, thread: ServerThread, home: World, worlds: Worlds) -> None:
        self.home, self.worlds = home, worlds
        self.url = thread.url
        self.http = httpx.Client(base_url=thread.url, trust_env=False, timeout=30)

    def make(self, **given: object) -> Any:
        answer = self.http.post("/__wiro/worlds", json=given)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def refused(self, **given: object) -> tuple[int, str]:
        answer = self.http.post("/__wiro/worlds", json=given)
        return answer.status_code, answer.json()["error"]

    def run(self, made: Any, **headers: str) -> Any:
        if made["api_secret"]:
            headers |= {"x-nonce": "1", "x-signature": sign(made["api_key"], made["api_secret"], "1")}
        headers["x-api-key"] = made["api_key"]
        return self.http.post(f"/v1/Run/{MODEL}", json={"inputImage": "x"}, headers=headers).json()

    def control(self, method: str, path: str, made: Any, **body: object) -> Any:
        return self.http.request(method, f"/__wiro/{path}", json=body, headers={"x-api-key": made["api_key"]}).json()


@pytest.fixture
def server() -> Iterator[Server]:
    home = World(Settings(seed="home", time="manual"))
    app = create_app(home, most_worlds=5)
    with ServerThread(app) as thread:
        one = Server(thread, home, app.state.worlds)
        yield one
        one.http.close()
    home.close()


def test_one_key_is_one_world(server: Server) -> None:
    """Two suites on one server, a fault in one of them: neither notices the other, nor does the server's own world."""
    one, other = (
        server.make(name="python", key_only=True, time="auto"),
        server.make(name="node", key_only=True, time="auto", seed=7),
    )
    assert other["api_secret"] is None
    server.control("POST", "faults", one, on="Run", do={"status": 503})
    failed = server.http.post(f"/v1/Run/{MODEL}", json={}, headers={"x-api-key": one["api_key"]})
    assert failed.status_code == 503
    assert server.run(other)["result"] is True
    assert server.run(one)["result"] is True
    assert [len(server.control("GET", "tasks", made)["tasks"]) for made in (one, other)] == [1, 1]
    assert server.http.get("/__wiro/tasks").json()["tasks"] == []  # of the server's own, which no key means
    shown = server.http.get("/__wiro/worlds").json()
    assert [(world["name"], world["requests"]) for world in shown["worlds"]] == [("python", 2), ("node", 1)]
    assert one["api_key"] not in json.dumps(shown)


def test_its_socket_and_its_files_are_found_without_a_key(server: Server) -> None:
    """By the token, and by the URL."""
    made = server.make(time="auto")
    token = server.run(made)["socketaccesstoken"]
    with connect(made["socket_url"], proxy=None) as socket:
        socket.send(json.dumps({"type": "task_info", "tasktoken": token}))
        while (frame := json.loads(socket.recv(timeout=30))).get("type") != "task_postprocess_end":
            pass
    assert server.http.get(frame["message"][0]["url"]).status_code == 200


def test_it_goes_when_it_is_deleted(server: Server) -> None:
    """And says what a test would fail for; its key is nobody's then, which is counted."""
    made = server.make(time="auto")
    server.http.post("/v1/Nonsense", headers={"x-api-key": made["api_key"]})
    server.control("POST", "faults", made, on="Run", do={"status": 503})
    left = server.http.delete(f"/__wiro/worlds/{made['id']}").json()
    assert left["deleted"] == made["id"]
    assert left["requests"] == 1
    assert "POST /v1/Nonsense" in left["unexpected"][0]
    gone = server.http.delete(f"/__wiro/worlds/{made['id']}")
    assert (gone.status_code, "it may have gone, being idle" in gone.text) == (404, True)
    server.run(made)
    (told,) = server.worlds.told_of_unknown_keys()
    assert told.startswith("1 request had an x-api-key that no world here knows (first: POST /v1/Run/")
    assert made["api_key"] not in told


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"sed": 1}, "unknown key 'sed'; did you mean 'seed'?"),
        ({"time": "soon"}, "time is real, auto, manual or a rate such as 10x"),
        ({"balance": "much"}, "balance: "),
        ({"profile": "curent"}, "no profile 'curent'"),
        ({"switches": ["nonsense=1"]}, "switches: "),
        ({"unknown_models": "maybe"}, "is one of refuse, play"),
        ({"faults": ["bad-dya"]}, "bad-day"),
        ({"api_key": "a b"}, "travels in a header"),
        ({"key_only": True, "api_secret": "x"}, "a key-only project has no secret"),
        ({"idle": 0}, "is a number of seconds above 0"),
        ({"workers": 0}, "is a whole number from 1"),
        ({"seed": True}, "is a whole number from 0, or a text"),
    ],
)
def test_what_no_world_can_be(given: dict[str, object], sentence: str, server: Server) -> None:
    """One sentence, and nothing is made."""
    status, error = server.refused(**given)
    assert status == 400
    assert sentence in error
    assert server.http.get("/__wiro/worlds").json()["worlds"] == []


def test_two_worlds_with_one_seed_or_one_key(server: Server) -> None:
    """Neither their tokens nor their requests could be told apart."""
    server.make(seed=42, api_key="mine")
    assert server.refused(seed=42)[0] == server.refused(api_key="mine")[0] == 409
    assert "have the same seed '42'" in server.refused(seed="42")[1]
    assert "have the same API key" in server.refused(api_key="mine")[1]
    assert "same seed" in server.refused(seed="home")[1]


def test_only_so_many_fit(server: Server) -> None:
    """The next one is refused with what would help; after a deletion there is room."""
    made = [server.make() for _ in range(5)]
    status, error = server.refused()
    assert status == 429
    assert "5 worlds are here, and no more fit" in error
    server.http.delete(f"/__wiro/worlds/{made[0]['api_key']}")
    server.make()


def test_wrong_verbs_and_strangers(server: Server) -> None:
    """As everywhere in the control API."""
    assert server.http.put("/__wiro/worlds").headers["allow"] == "GET, POST"
    assert server.http.get("/__wiro/worlds/w1").headers["allow"] == "DELETE"
    assert server.http.post("/__wiro/worlds", headers={"host": "evil.example"}).status_code == 403
    assert "/__wiro/worlds" in server.http.get("/__wiro/nonsense").json()["paths"]


def test_without_a_key_the_servers_own_world_is_meant(server: Server) -> None:
    """Also where others were made since: a reset must not hit them."""
    made = server.make(time="auto")
    server.run(made)
    server.http.post("/__wiro/reset")
    assert len(server.control("GET", "tasks", made)["tasks"]) == 1
    answer = server.http.post("/v1/Task/Detail", json={"taskid": "1"})
    assert answer.status_code == 401
    assert len(server.home.journal) == 1


# -- idle, on a clock that the test moves ------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def lodging(most: int = 10_000) -> tuple[Lodging, Clock, Worlds]:
    clock, worlds = Clock(), Worlds()
    return Lodging(worlds, most=most, now=clock), clock, worlds


def test_an_idle_world_goes() -> None:
    """Only use keeps it: a request, a frame, or an open socket."""
    made, clock, worlds = lodging()
    used, unused, open_ = (made.make({"idle": 10}) for _ in range(3))
    open_.world.sockets.add(1)
    clock.now = 9
    used.world.handle(Request(method="GET", path="/", headers={}, origin="http://x"))
    assert made.sweep() == []
    clock.now = 10
    assert made.sweep() == [unused.id]
    assert [one["id"] for one in made.shown()] == [used.id, open_.id]
    clock.now = 19
    open_.world.sockets.clear()
    assert made.sweep() == [used.id]
    clock.now = 20
    assert made.sweep() == [open_.id]
    assert worlds.worlds == ()


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 50)), max_size=8))
def test_nobody_stays_beyond_the_idle_time(steps: list[tuple[float, float]]) -> None:
    """Whatever the order in which worlds come and time passes."""
    made, clock, _ = lodging()
    born: dict[str, tuple[float, float]] = {}
    for idle, passed in steps:
        one = made.make({"idle": idle})
        born[one.id] = (clock.now, idle)
        clock.now += passed
        made.sweep()
        alive = {world["id"] for world in made.shown()}
        assert alive == {name for name, (at, lasts) in born.items() if clock.now - at < lasts}
    made.close()
    assert len(made) == 0


def test_ten_thousand_come_and_go() -> None:
    """Deleted, or idle: nothing of them is kept but the latest thousand keys, so the memory has a bound."""
    import gc
    import weakref

    made, clock, worlds = lodging(most=50)
    alive: weakref.WeakSet[World] = weakref.WeakSet()
    for number in range(10_000):
        one = made.make({"idle": 10, "key_only": True})
        alive.add(one.world)
        if number % 2:
            made.remove(one)
        else:
            clock.now += 1
            made.sweep()
        assert len(made) <= 10
    clock.now += 10
    made.sweep()
    del one
    gc.collect()
    assert len(made) == len(worlds.worlds) == len(alive) == 0
    assert len(worlds.over) == REMEMBERED
    assert not worlds._by_key
    assert not worlds._by_seed


def test_files_of_all_worlds_have_one_limit() -> None:
    """What many keep together is not more than the server may."""
    from wiro_mock.kernel.rules import Limits

    home = World(Settings(seed="home", limits=Limits(bytes=0)))
    made = Lodging(Worlds(home, home=home), like=home)
    with pytest.raises(NoRoom, match=r"--keep-mib is 0; delete some of them"):
        made.make({})


def test_the_server_looks_by_itself() -> None:
    """Nobody has to ask: a timer of the server's loop lets an idle world go."""
    import time

    home = World(Settings(seed="home", time="manual"))
    app = create_app(home)
    with ServerThread(app) as thread, httpx.Client(base_url=thread.url, trust_env=False) as http:
        http.post("/__wiro/worlds", json={"idle": 0.001}).raise_for_status()
        end = time.monotonic() + 30
        while len(app.state.worlds.worlds) > 1 and time.monotonic() < end:
            time.sleep(0.01)
        assert app.state.worlds.worlds == (home,)
    home.close()
