"""Several worlds behind one server: each client sees its own, whatever the others do, come or go."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.api_kit import CAPTION, library, make_world
from tests.live_kit import UPGRADE, Listener, eventually, hooks, raw, text_frame, wait_in_vain
from tests.process_kit import PATIENCE
from wiro_mock.api.auth import sign
from wiro_mock.api.profile import Profile
from wiro_mock.asgi import create_app
from wiro_mock.kernel.account import Project
from wiro_mock.mock import World
from wiro_mock.server import ServerThread
from wiro_mock.settings import Settings
from wiro_mock.worlds import REMEMBERED, Worlds


def world_of(name: str, **settings: Any) -> World:
    """A world whose credentials come from its seed."""
    world = World(Settings(**{"seed": name, "time": "auto", **settings}), library=library())
    world.name = name
    return world


def signed(world: World, nonce: str = "1734513807") -> dict[str, str]:
    project = world.project
    return {"x-api-key": project.key, "x-nonce": nonce, "x-signature": sign(project.key, project.secret, nonce)}


# No client here speaks TLS, and a context for it would take longer than the rest of the client.


class Shared:
    """A running server over worlds that come and go."""

    def __init__(self, worlds: Worlds, thread: ServerThread) -> None:
        self.worlds = worlds
        self.thread = thread
        self.http = httpx.Client(base_url=thread.url, trust_env=False, verify=False, timeout=PATIENCE)

    def attached(self, *names: str, **settings: Any) -> list[World]:
        made = [world_of(name, **settings) for name in names]
        for world in made:
            self.worlds.attach(world)
        return made

    def post(self, world: World, path: str, fields: object) -> Any:
        return self.http.post(path, json=fields, headers=signed(world)).json()

    def run(self, world: World, **fields: Any) -> tuple[str, str]:
        answer = self.post(world, CAPTION, fields)
        assert answer["result"] is True, answer
        return answer["taskid"], answer["socketaccesstoken"]

    @contextmanager
    def socket(self, *tokens: str, welcome: bool = True) -> Iterator[Listener]:
        url = self.thread.socket_url
        with connect(url, proxy=None, compression=None, open_timeout=PATIENCE) as connection:
            listener = Listener(connection)
            if welcome:
                assert listener.frame()["type"] == "connected"
            listener.register(*tokens)
            yield listener


@pytest.fixture
def shared() -> Iterator[Shared]:
    worlds = Worlds()
    with ServerThread(create_app(worlds)) as thread:
        running = Shared(worlds, thread)
        try:
            yield running
        finally:
            running.http.close()


def reasons(world: World) -> list[str]:
    return [exchange.outcome.reason for exchange in world.journal.entries() if exchange.outcome.reason]


def check_closed(listener: Listener) -> None:
    with pytest.raises(ConnectionClosed) as error:
        listener.text()
    assert error.value.rcvd is not None
    assert error.value.rcvd.code == 1001


# -- finding the world ---------------------------------------------------------------------------


def test_where_there_is_one_world_everything_goes_to_it() -> None:
    """Whatever the key, and whatever the path."""
    world = world_of("a")
    worlds = Worlds(world)
    for headers in ({}, {"x-api-key": "no such key"}, signed(world)):
        assert worlds.for_request("POST", "/v1/Run/a/b", headers) is world
    assert worlds.for_request("GET", "/v1/File/nobodys/key", {}) is world
    assert worlds.only is world
    assert not worlds.has_strays


def test_among_several_the_key_says_which() -> None:
    """Also a key in quotes, and a secret in a key's place: whose client it is wants to hear of it."""
    a, b = world_of("a"), world_of("b")
    worlds = Worlds(a, b)
    for world in (a, b):
        for key in (world.project.key, f'"{world.project.key}"', f" {world.project.key} ", world.project.secret):
            assert worlds.for_request("POST", CAPTION, {"x-api-key": key}) is world
    for headers in ({}, {"x-api-key": ""}, {"x-api-key": a.project.key[:-1]}, {"authorization": a.project.key}):
        assert worlds.for_request("POST", CAPTION, headers) is worlds.strays
    assert worlds.strays.clock.mode == "manual"
    assert worlds.strays.name == "strays"
    assert worlds.only is None


def test_a_secret_that_two_worlds_share_says_nothing() -> None:
    """Rather astray than with the wrong one."""
    projects = [Project(id="1", key=f"key of number {number}", secret="the same secret") for number in (1, 2)]
    worlds = Worlds(*(world_of(project.key, project=project) for project in projects))
    assert worlds.for_key("the same secret") is None


def test_two_worlds_with_one_key_or_one_seed_cannot_be_attached_together() -> None:
    """It is said which, and what to do; nothing has changed then."""
    first, second = world_of("first", seed="s"), world_of("second", seed="s")
    worlds = Worlds(first)
    with pytest.raises(ValueError) as error:
        worlds.attach(second)
    assert str(error.value) == (
        "the world of first and the world of second have the same API key, and no request could be told from one of "
        "the other's; give one of them another seed or api_key"
    )
    third = world_of("", seed="s", project=Project(id="1", key="another key", secret="a secret"))
    with pytest.raises(ValueError) as error:
        worlds.attach(third)
    assert str(error.value) == (
        "the world of first and a world without a name have the same seed 's', and with it the same tokens and file "
        "URLs; give one of them another seed"
    )
    assert worlds.worlds == (first,)
    worlds.attach(first)  # again is no error
    assert worlds.worlds == (first,)
    worlds.detach(second)
    worlds.detach(first)
    worlds.detach(first)
    worlds.attach(second)
    assert worlds.worlds == (second,)
    assert worlds.for_key(second.project.key) is second


def test_a_token_finds_its_world_also_after_a_reset() -> None:
    """And none when its task is forgotten."""
    a, b = make_world(seed="a"), world_of("b")
    worlds = Worlds(a, b)
    token = _run_in(a)
    assert worlds.for_token(token) is a
    a.reset()
    assert worlds.for_token(token) is None
    assert worlds.for_token(_run_in(a)) is a
    worlds.detach(a)
    assert worlds.for_token(token) is None


def _run_in(world: World) -> str:
    from tests.api_kit import run

    return run(world)[1]


def test_the_keys_of_the_last_thousand_worlds_are_known() -> None:
    """By the names of their tests; the older ones are forgotten, and a world that is back is no longer over."""
    worlds = Worlds()
    here = world_of("here")
    old = [world_of(f"test {number}") for number in range(REMEMBERED + 1)]
    for world in old:
        worlds.attach(world)
        worlds.detach(world)
    worlds.attach(here)
    assert here.explain_key is not None
    assert here.explain_key(old[0].project.key) == ""
    assert here.explain_key(old[1].project.key) == (
        "x-api-key is the key of the world of test 1, which is over; the client was built before this test's wiro_env "
        "(or in a fixture of wider scope): build it in the test"
    )
    worlds.attach(old[1])
    assert here.explain_key(old[1].project.key) == ""
    worlds.detach(here)
    assert here.explain_key is None


# -- over real sockets ---------------------------------------------------------------------------


def test_a_key_of_a_world_that_is_over_is_refused_and_explained(shared: Shared) -> None:
    """On the wire in Wiro's own words, in the journal of the world that answers in ours."""
    (old,) = shared.attached("test_before")
    before = shared.http.post(CAPTION, json={}, headers={"x-api-key": "none"})
    assert reasons(old) == ["x-api-key is not the key of this mock's project"]
    shared.worlds.detach(old)
    (new,) = shared.attached("test_now")
    answer = shared.http.post(CAPTION, json={}, headers=signed(old))
    assert answer.status_code == before.status_code == 401
    assert answer.json()["errors"] == before.json()["errors"]
    assert reasons(new) == [
        "x-api-key is the key of the world of test_before, which is over; the client was built before this test's "
        "wiro_env (or in a fixture of wider scope): build it in the test"
    ]
    assert not len(shared.worlds.strays.journal)
    shared.attached("another")
    shared.http.post(CAPTION, json={}, headers=signed(old))
    assert reasons(shared.worlds.strays) == reasons(new)


def test_what_belongs_to_nobody_is_answered_by_the_strays(shared: Shared) -> None:
    """As Wiro answers it, and no world that somebody checks hears of it."""
    for worlds in ([], ["a", "b"]):
        shared.attached(*worlds)
        assert shared.http.post(CAPTION, json={}, headers={"x-api-key": "none"}).status_code == 401
        assert shared.http.post(CAPTION, json={}).status_code == 401
        assert shared.http.get("/v1/File/nobodys/key").status_code == 404
    strays = shared.worlds.strays
    assert reasons(strays) == 2 * [
        "x-api-key is the key of none of the worlds that are attached now",
        "no x-api-key header",
        "no file at this URL: never there, not there yet, deleted, or forgotten",
    ]
    assert [len(world.journal) for world in shared.worlds.worlds] == [0, 0]


def test_the_catalogue_of_a_world_needs_its_key_where_there_are_several(shared: Shared) -> None:
    """Without one the shipped models are told of, by no world that somebody checks; covers are everybody's."""
    calls = [("POST", "/v1/Tool/List"), ("POST", "/v1/Tool/Explore"), ("GET", "/models/openai/gpt-5-2/llms.txt")]
    for worlds in ([], ["a", "b"]):
        made = shared.attached(*worlds)
        for method, path in calls:
            assert shared.http.request(method, path).status_code == 200
        cover = shared.http.post("/v1/Tool/List", json={"limit": 1}).json()["tool"][0]["image"]
        assert shared.http.get(cover).headers["content-type"] == "image/png"
        assert [len(world.journal) for world in made] == [0] * len(made)
    assert shared.http.post("/v1/Tool/List", headers={"x-api-key": made[0].project.key}).status_code == 200
    assert [len(world.journal) for world in made] == [1, 0]


async def a_client(url: str, socket_url: str, world: World, number: int) -> list[Any]:
    """All that a client does with Wiro, and what it got."""
    seen: list[Any] = []
    async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False, timeout=PATIENCE) as http:
        for turn in range(number % 3 + 1):
            data = f"file {turn} of {world.name}".encode()
            files = {"file": ("a.txt", data, "text/plain")}
            uploaded = (await http.post("/v1/File/Upload", files=files, headers=signed(world))).json()
            run = (await http.post(CAPTION, json={"prompt": world.name}, headers=signed(world))).json()
            async with connect_async(socket_url, proxy=None, compression=None) as socket:
                await socket.send(json.dumps({"type": "task_info", "tasktoken": run["socketaccesstoken"]}))
                frames = [json.loads(await socket.recv())]
                while frames[-1]["type"] != "task_postprocess_end":
                    frames.append(json.loads(await socket.recv()))
            detail = (await http.post("/v1/Task/Detail", json={"taskid": run["taskid"]}, headers=signed(world))).json()
            urls = [uploaded["list"][0]["url"], *(output["url"] for output in detail["tasklist"][0]["outputs"])]
            contents = [(await http.get(link)).content for link in urls]
            assert contents[0] == data
            seen += [uploaded, run, frames, detail, [content.decode() for content in contents]]
    return list(json.loads(json.dumps(seen).replace(url, "")))


def state(world: World) -> list[Any]:
    """What is left of a client's doings."""
    shown = [{**exchange.shown()} for exchange in world.journal.entries()]
    frames = [(frame.type, frame.direction, frame.task_id, frame.at) for frame in world.frames]
    return [shown, frames, world.sim.now, world.sim.balance, [task.job.id for task in world.sim.tasks()]]


def test_twenty_worlds_on_one_server_know_nothing_of_each_other() -> None:
    """Each client sees exactly what it sees when it is alone, and its world is left as it is then."""

    def made() -> list[World]:
        return [world_of(f"w{number}", balance=Decimal(100 + number)) for number in range(20)]

    alone = []
    for number, world in enumerate(made()):
        with ServerThread(create_app(world)) as thread:
            alone.append((asyncio.run(a_client(thread.url, thread.socket_url, world, number)), state(world)))

    async def together(thread: ServerThread, worlds: list[World]) -> list[list[Any]]:
        clients = (a_client(thread.url, thread.socket_url, world, number) for number, world in enumerate(worlds))
        return await asyncio.gather(*clients)

    worlds = made()
    served = Worlds(*worlds)
    with ServerThread(create_app(served)) as thread:
        seen = asyncio.run(together(thread, worlds))
    for number, world in enumerate(worlds):
        shown, left = seen[number], state(world)
        # The welcome belongs to no world where there are several.
        expected, (journal, frames, *rest) = alone[number]
        assert shown == expected
        assert left == [journal, [frame for frame in frames if frame[0] != "connected"], *rest]
    assert not len(served.strays.journal)


def test_worlds_come_and_go_in_threads_while_others_run(shared: Shared) -> None:
    """Nobody waits for long, nobody hears of another's end, and nothing is left."""
    problems: list[BaseException] = []

    def one(thread: int) -> None:
        try:
            with httpx.Client(base_url=shared.thread.url, trust_env=False, verify=False, timeout=PATIENCE) as http:
                for number in range(10):
                    world = world_of(f"{thread}.{number}")
                    shared.worlds.attach(world)
                    run = http.post(CAPTION, json={}, headers=signed(world)).json()
                    with shared.socket(run["socketaccesstoken"], welcome=False) as listener:
                        kinds = {frame["tasktoken"] for frame in listener.until_end() if frame["type"] != "connected"}
                        shared.worlds.detach(world)
                        check_closed(listener)
                    assert kinds == {run["socketaccesstoken"]}
                    assert len(world.journal) == 1
                    assert not world._watchers
                    assert not world.on_change
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=one, args=(thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert shared.worlds.worlds == ()


def test_a_socket_may_follow_tasks_of_several_worlds(shared: Shared) -> None:
    """It is welcomed once, each world counts it as its own, and time jumps in each on its own."""
    a, b, c = shared.attached("a", "b", "c")
    tokens = [shared.run(world)[1] for world in (a, b)]
    with shared.socket() as listener:
        assert not a.sockets | b.sockets | c.sockets
        listener.register(*tokens)
        frames = listener.until_end() + listener.until_end()
        assert a.sockets == b.sockets == {1}
        assert not c.sockets
        listener.check_silence()
    for world, token in zip((a, b), tokens, strict=True):
        mine = [frame for frame in frames if frame["tasktoken"] == token]
        kept = [json.loads(frame.text) for frame in world.frames if frame.direction == "out"]
        assert [frame for frame in kept if frame["type"] != "error"] == mine
        assert mine[0]["type"] == "task_queue"
        assert mine[-1]["type"] == "task_postprocess_end"
    assert not len(c.frames)
    # What names no token is heard by the world that was spoken with last.
    assert (reasons(a), reasons(c)) == ([], [])
    assert [reason.partition(";")[0] for reason in reasons(b)] == ["task_info without a tasktoken"]
    eventually(lambda: not a.sockets | b.sockets)


def test_a_token_is_met_in_whichever_world_it_comes_to_be(shared: Shared) -> None:
    """Registered before its run, before its world was attached, and while another world was the only one."""
    token = _run_in_twin("late")
    with shared.socket(token) as nobody:
        eventually(lambda: len(shared.worlds.strays.journal))
        (first,) = shared.attached("first")
        with shared.socket(token) as told_first:
            eventually(lambda: len(first.journal))
            (late,) = shared.attached("late")
            assert late._watchers
            assert shared.run(late)[1] == token
            for listener in (nobody, told_first):
                frames = listener.until_end()
                assert frames[0]["type"] == "task_queue"
                assert {frame["tasktoken"] for frame in frames} == {token}
            told_first.check_silence()
    eventually(lambda: not late._watchers and not first._watchers and not late.sockets)


def _run_in_twin(name: str) -> str:
    """The token that the first run in a world of this name will have."""
    world = world_of(name)
    with (
        ServerThread(create_app(world)) as thread,
        httpx.Client(base_url=thread.url, trust_env=False, verify=False, timeout=PATIENCE) as http,
    ):
        return str(http.post(CAPTION, json={}, headers=signed(world)).json()["socketaccesstoken"])


def test_a_task_that_was_there_before_its_world_was_attached_is_met_then(shared: Shared) -> None:
    """It may have been run through another door."""
    world = make_world(time="auto")
    token = _run_in(world)
    with shared.socket(token) as listener:
        eventually(lambda: shared.worlds.has_strays and len(shared.worlds.strays.journal))
        shared.worlds.attach(world)
        assert listener.until_end()[0]["type"] == "task_queue"


def test_at_the_end_of_a_world_its_sockets_are_closed(shared: Shared) -> None:
    """Those that follow another world too stay, and so does one that has said nothing yet."""
    a, b = shared.attached("a", "b", time="manual")
    of_a, of_b = shared.run(a)[1], shared.run(b)[1]
    with shared.socket(of_a) as only_a, shared.socket(of_a, of_b) as both, shared.socket() as none:
        for listener, count in ((only_a, 1), (both, 2)):
            for _ in range(count):
                assert listener.frame()["type"] == "task_queue"
        assert len(a.sockets) == 2
        shared.worlds.detach(a)
        assert not a.sockets
        assert not a._watchers
        check_closed(only_a)
        b.jump(b.sim.now + 10**9)
        assert {frame["tasktoken"] for frame in both.until_end()} == {of_b}
        none.register(of_b)
        assert none.until_end()
        shared.worlds.detach(b)
        check_closed(both)
        check_closed(none)


def test_a_socket_of_the_only_world_is_its_own_from_the_start(shared: Shared) -> None:
    """It is counted and written down there, and closed with it, whatever it had said."""
    (only,) = shared.attached("only")
    with shared.socket() as listener:
        assert only.sockets == {1}
        assert [frame.type for frame in only.frames] == ["connected"]
        shared.attached("another")
        shared.worlds.detach(only)
        check_closed(listener)
    with shared.socket() as listener:
        shared.worlds.detach(shared.worlds.worlds[0])
        check_closed(listener)


def test_a_client_that_reads_nothing_does_not_hold_up_the_end_of_a_world(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detach waits for no client."""
    wait_in_vain(monkeypatch)
    (world,) = shared.attached("only", time="manual")
    hello = text_frame(b'{"type":"task_info"}')
    with raw((shared.thread.host, shared.thread.port), UPGRADE + b"\r\n") as deaf:
        assert b"101" in deaf.recv(20)  # only then may it speak
        deaf.sendall(hello * 100)
        eventually(lambda: len(world.journal) == 100)
        shared.worlds.detach(world)
        assert not world.sockets


def test_the_first_worlds_profile_says_whether_there_is_a_welcome(shared: Shared) -> None:
    """Where there are several; none of the attached worlds has it in its log."""
    a, b = shared.attached("a", "b", profile=Profile(welcome=False))
    _, token = shared.run(b)
    with shared.socket(token, welcome=False) as listener:
        assert listener.until_end()[0]["type"] == "task_queue"
    assert "connected" not in {frame.type for frame in (*a.frames, *b.frames)}


def test_a_reset_of_one_world_leaves_the_others_alone(shared: Shared) -> None:
    """Their tasks, sockets and files."""
    a, b = shared.attached("a", "b", time="manual")
    shared.run(a)
    task, token = shared.run(b)
    with shared.socket(token) as listener:
        assert listener.frame()["type"] == "task_queue"
        a.reset()
        assert not list(a.sim.tasks())
        b.jump(b.sim.now + 10**9)
        assert listener.until_end()
    assert shared.post(b, "/v1/Task/Detail", {"taskid": task})["tasklist"]


def test_webhooks_of_each_world_are_posted_while_it_is_attached(shared: Shared) -> None:
    """And no more when it is over: what was in the middle of it is written down so, and not waited for."""
    release, ended = threading.Event(), list[str]()

    def slow(handler: Any) -> None:
        release.wait(PATIENCE)
        ended.append("slow")

    with hooks() as quick, hooks(slow) as target:
        a, b = shared.attached("a", "b")
        shared.run(a, callbackUrl=quick.url)
        shared.run(b, callbackUrl=target.url)
        eventually(lambda: a.webhooks and a.webhooks[0].state == "posted")
        eventually(lambda: target.posts)
        shared.worlds.detach(b)
        assert ended == []
        assert b.webhooks[0].state == "not posted"
        release.set()


# -- the control API -----------------------------------------------------------------------------


def test_the_control_api_is_of_the_world_whose_key_is_sent_or_else_of_the_latest(shared: Shared) -> None:
    """An unknown key among several is a mistake, lest another test's world be reset; `ready` needs none."""

    def tasks(**headers: str) -> list[str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return [task["id"] for task in shared.http.get("/__wiro/tasks", headers=named).json()["tasks"]]

    assert shared.http.get("/__wiro/ready").json() == {"ready": True}
    assert tasks() == []
    a, b = shared.attached("a", "b")
    of_a, of_b = shared.run(a)[0], shared.run(b)[0]
    assert (tasks(), tasks(x_api_key=a.project.key), tasks(x_api_key=b.project.key)) == ([of_b], [of_a], [of_b])
    wrong = {"x-api-key": "none"}
    refused = shared.http.post("/__wiro/reset", headers=wrong)
    assert (refused.status_code, refused.json()) == (
        400,
        {"error": "x-api-key is the key of none of the worlds here; without that header the latest one answers"},
    )
    assert shared.http.get("/__wiro/ready", headers=wrong).json() == {"ready": True}
    shared.http.post("/__wiro/reset", headers={"x-api-key": a.project.key})
    assert (list(a.sim.tasks()), [task.job.id for task in b.sim.tasks()]) == ([], [of_b])
    shared.worlds.detach(b)
    assert tasks(**wrong) == []
    assert shared.worlds.only is a


# -- coming and going ----------------------------------------------------------------------------


def test_worlds_can_be_attached_before_a_start_and_after_a_stop() -> None:
    """Nobody waits for a server that is not there; one app may be started again."""
    worlds = Worlds(world_of("before"))
    app = create_app(worlds)
    for _ in range(2):
        with ServerThread(app) as thread:
            running = Shared(worlds, thread)
            (world,) = worlds.worlds
            with running.socket(running.run(world)[1]) as listener:
                assert listener.until_end()
            running.http.close()
        worlds.attach(other := world_of("after"))
        worlds.detach(other)
        assert not other.on_change
        assert not world.on_change


def test_two_servers_may_share_the_worlds() -> None:
    """A world that is attached is there on both, and its sockets are closed on both."""
    worlds = Worlds()
    with ServerThread(create_app(worlds)) as one, ServerThread(create_app(worlds)) as two:
        first, second = Shared(worlds, one), Shared(worlds, two)
        a, _ = first.attached("a", "b")
        _, token = first.run(a)
        with first.socket(token) as here, second.socket(token) as there:
            assert here.until_end()
            assert there.until_end()
            worlds.detach(a)
            check_closed(here)
            check_closed(there)
        first.http.close()
        second.http.close()


@pytest.mark.anyio
async def test_a_world_can_be_attached_in_the_servers_own_loop() -> None:
    """Where nobody can wait for the loop; its pump runs all the same, and ends."""
    from wiro_mock.server import bind, serving

    worlds = Worlds()
    sock = bind("127.0.0.1", 0)
    host, port = sock.getsockname()
    async with serving(create_app(worlds), sock):
        a, b = world_of("a"), world_of("b")
        worlds.attach(a)
        worlds.attach(b)
        seen = await a_client(f"http://{host}:{port}", f"ws://{host}:{port}/v1", a, 0)
        assert seen
        worlds.detach(a)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not a.on_change
        assert b.on_change


def test_attaching_and_detaching_leaves_nothing(shared: Shared) -> None:
    """Two thousand times, and every one of the worlds can go."""
    made = [world_of(f"w{number}") for number in range(2_000)]
    gone = [weakref.ref(world) for world in made]
    while made:
        world = made.pop()
        shared.worlds.attach(world)
        shared.worlds.detach(world)
    del world
    gc.collect()
    assert [ref for ref in gone if ref() is not None] == []


def test_a_used_world_can_go_too(shared: Shared) -> None:
    """With tasks, a socket and a webhook in it."""
    with hooks() as target:
        for number in range(3):
            (world,) = shared.attached(f"w{number}")
            with shared.socket(shared.run(world, callbackUrl=target.url)[1]) as listener:
                listener.until_end()
                shared.worlds.detach(world)
                check_closed(listener)
            gone = weakref.ref(world)
            del world

            def is_gone() -> bool:
                gc.collect()
                return gone() is None  # noqa: B023 -- asked for at once

            eventually(is_gone)


def test_a_stop_waits_for_no_connection_and_for_no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep-alive connections and sockets, of clients that do not go by themselves."""
    wait_in_vain(monkeypatch)
    worlds = Worlds(world_of("a"), world_of("b"))
    with ServerThread(create_app(worlds)) as thread:
        running = Shared(worlds, thread)
        _, token = running.run(worlds.worlds[0])
        with running.socket(token), running.socket(token), running.socket():
            thread.stop()
        running.http.close()


def test_a_server_says_where_it_is() -> None:
    """The origin, and the two addresses that clients are given."""
    thread = ServerThread(create_app(Worlds()))
    thread.stop()
    assert thread.url == f"http://127.0.0.1:{thread.port}"
    assert thread.api_url == f"http://127.0.0.1:{thread.port}/v1"
    assert thread.socket_url == f"ws://127.0.0.1:{thread.port}/v1"
