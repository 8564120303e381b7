"""Law 6: the same requests through `handle`, ASGI, a real socket and respx (sync and async) give the same answers.

But for the origin of URLs and for what a transport adds to the headers: date, connection, vary, content-length.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx
import pytest

from tests.api_kit import CAPTION, ORIGIN, Reply, make_world, multipart, part, send, signed
from tests.process_kit import PATIENCE
from wiro_mock.api.origin import WIRO, WIRO_CDN
from wiro_mock.api.pictures import WIRO_MEDIA
from wiro_mock.asgi import create_app
from wiro_mock.mock import World
from wiro_mock.respx_router import make_router
from wiro_mock.server import ServerThread

ADDED = ("date", "connection", "vary", "content-length")


@dataclass(frozen=True)
class Ask:
    """One request, as a client would make it."""

    method: str
    path: str
    body: bytes = b""
    kind: str = ""
    headers: dict[str, str] = field(default_factory=signed)

    @property
    def all_headers(self) -> dict[str, str]:
        return {**({"content-type": self.kind} if self.kind else {}), **self.headers}


Story: TypeAlias = Generator[Ask, Reply, None]
"""A client: it asks, and what it asks next depends on what it was told."""


def ask(path: str, **fields: object) -> Ask:
    return Ask("POST", path, json.dumps(fields).encode(), "application/json")


def fetch(url: str, **headers: str) -> Ask:
    return Ask(
        "GET", "/" + url.split("/", 3)[3], headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def happy() -> Story:
    """Run with a file, poll, fetch input and output, delete, fetch again."""
    body, kind = multipart([part("inputImage", b"\x89PNG", filename="a.png"), part("length", "ü")])
    told = yield Ask("POST", CAPTION, body, kind)
    token = told.json["socketaccesstoken"]
    told = yield ask("/v1/Task/Detail", tasktoken=token)
    (task,) = told.json["tasklist"]
    for url in (task["outputs"][0]["url"], task["parameters"]["inputImage"]):
        first = yield fetch(url)
        yield fetch(url, range="bytes=1-2")
        yield fetch(url, range="bytes=99-")
        yield fetch(url, if_none_match=first.headers["etag"])
        yield Ask("HEAD", fetch(url).path, headers={})
    yield ask("/v1/Task/InputOutputDelete", tasktoken=token)
    yield fetch(task["outputs"][0]["url"])
    yield ask("/v1/Task/Detail", tasktoken=token)


def failure() -> Story:
    """A run that fails, by id, urlencoded."""
    told = yield ask(CAPTION, prompt="\ud800 surrogate")
    body = f"taskid={told.json['taskid']}".encode()
    yield Ask("POST", "/v1/Task/Detail", body, "application/x-www-form-urlencoded")


def cancel() -> Story:
    """Cancelled in the queue, twice."""
    told = yield ask(CAPTION)
    for _ in range(2):
        yield ask("/v1/Task/Cancel", taskid=told.json["taskid"])
    yield ask("/v1/Task/Detail", taskid=told.json["taskid"])


def kill() -> Story:
    """Refused in the queue, done while running, refused afterwards; multipart."""
    told = yield ask(CAPTION)
    body, kind = multipart([part("socketaccesstoken", told.json["socketaccesstoken"])])
    yield Ask("POST", "/v1/Task/Kill", body, kind)
    yield ask("/v1/Task/Detail", taskid=told.json["taskid"])
    for _ in range(2):
        yield Ask("POST", "/v1/Task/Kill", body, kind)


def lists() -> Story:
    """No task, one in the queue, the same one finished, and a page beyond the end; JSON and urlencoded."""
    yield ask("/v1/Task/List", type="model", sort="id", order="DESC", start="0", limit="20")
    body, kind = multipart([part("inputImage", b"\x89PNG", filename="a.png")])
    told = yield Ask("POST", CAPTION, body, kind)
    yield ask("/v1/Task/List", modelName="Caption")
    yield ask("/v1/Task/Detail", taskid=told.json["taskid"])
    yield Ask("POST", "/v1/Task/List", b"limit=1", "application/x-www-form-urlencoded")
    yield ask("/v1/Task/List", start=1, order="asc")
    yield Ask("POST", "/v1/Task/List", headers={})


def catalogue() -> Story:
    """Models found without a key, one that is not there, a picture, a page and one that is not there."""
    told = yield Ask("POST", "/v1/Tool/List", b"search=caption&limit=2", "application/x-www-form-urlencoded", {})
    yield fetch(told.json["tool"][0]["image"])
    yield ask("/v1/Tool/List", categories=["llm"], start="1", limit="2", summary=True)
    yield ask("/v1/Tool/List", sort="none")
    yield ask("/v1/Tool/Detail", slugowner="wiro", slugproject="Virtual Try-On")
    yield ask("/v1/Tool/Detail", slugowner="nobody", slugproject="nothing")
    yield Ask("POST", "/v1/Tool/Explore", headers={})
    for model in ("moondream3-preview/caption", "nobody/nothing"):
        yield Ask("GET", f"/models/{model}/llms.txt", headers={})
        yield Ask("HEAD", f"/models/{model}/llms-full.txt", headers={})


def refusals() -> Story:
    """Every kind of no, and bodies that cannot be read."""
    yield Ask("POST", CAPTION, headers={})
    yield Ask("POST", CAPTION, b"{}", "application/json", {**signed(), "x-signature": "0" * 64})
    yield Ask("POST", CAPTION, b"{}", "application/json", {**signed(), "x-signature": signed()["x-signature"].upper()})
    yield ask("/v1/Run/nobody/nothing")
    yield ask("/v1/Task/Detail", tasktoken="unknown")
    yield ask("/v1/Task/Kill")
    yield Ask("POST", CAPTION, b"{", "application/json")
    yield Ask("POST", CAPTION, b'{"length":"short"}', "multipart/form-data")
    yield Ask("POST", CAPTION, multipart([part("a", "b")])[0][:-9], "multipart/form-data; boundary=----kit")
    yield Ask("POST", CAPTION, b"[" * 10_000 + b"]" * 10_000, "application/json")
    for method, path in (
        ("GET", "/v1/Task/Detail"),
        ("DELETE", CAPTION),
        ("POST", "/v1/Task/Detail/"),
        ("POST", "/Task/Detail"),
        ("POST", "/v1/Run/moondream3-preview/caption%2Fx"),
        ("GET", "/v1/File/%2e%2e/%2e%2e"),
        ("GET", "/nothing/here"),
        ("HEAD", "/nothing/here"),
    ):
        yield Ask(method, path)


def uploads() -> Story:
    """A folder, a file in it by a name that needs quoting, and its bytes."""
    told = yield ask("/v1/File/FolderCreate", name="folder")
    yield ask("/v1/File/FolderCreate", name="no/folder")
    folder = told.json["list"][0]["id"]
    data = bytes(range(256)) * 8_000  # larger than what is kept in memory, and than one chunk
    body, kind = multipart([part("folderid", folder), part("file", data, filename="Bürö 100%.png", kind="image/png")])
    told = yield Ask("POST", "/v1/File/Upload", body, kind)
    told = yield fetch(told.json["list"][0]["url"])
    assert told.content == data
    yield Ask("POST", "/v1/File/Upload")


def through_handle(world: World, story: Story) -> list[Reply]:
    return _tell(
        story, lambda one: send(world, one.method, one.path, one.body, content_type=one.kind, headers=one.headers)
    )


def through_asgi(world: World, story: Story, *, origin: str = "http://asgi.test:81") -> list[Reply]:
    async def once(one: Ask) -> Reply:
        transport = httpx.ASGITransport(create_app(world))
        async with httpx.AsyncClient(transport=transport, base_url=origin) as client:
            return _taken(await client.request(one.method, one.path, content=one.body, headers=one.all_headers))

    return _tell(story, lambda one: asyncio.run(once(one)), origin=origin)


def over_a_socket(world: World, story: Story) -> list[Reply]:
    with ServerThread(create_app(world)) as server, httpx.Client(base_url=server.url, timeout=PATIENCE) as client:

        def once(one: Ask) -> Reply:
            return _taken(client.request(one.method, one.path, content=one.body, headers=one.all_headers))

        return _tell(story, once, origin=server.url)


def through_respx(world: World, story: Story) -> list[Reply]:
    with make_router(world), httpx.Client(base_url=WIRO) as client:

        def once(one: Ask) -> Reply:
            return _taken(client.request(one.method, one.path, content=one.body, headers=one.all_headers))

        return _tell(story, once, origin=WIRO)


def through_async_respx(world: World, story: Story) -> list[Reply]:
    async def once(one: Ask) -> Reply:
        async with make_router(world), httpx.AsyncClient(base_url=WIRO) as client:
            return _taken(await client.request(one.method, one.path, content=one.body, headers=one.all_headers))

    return _tell(story, lambda one: asyncio.run(once(one)), origin=WIRO)


def _taken(response: httpx.Response) -> Reply:
    return Reply(response.status_code, dict(response.headers), response.content)


def _tell(story: Story, once: Callable[[Ask], Reply], *, origin: str = ORIGIN) -> list[Reply]:
    """Play the story through a door; its answers as if they had come from the kit's origin."""
    replies: list[Reply] = []
    try:
        one = next(story)
        while True:
            reply = once(one)
            replies.append(_plain(reply, origin))
            one = story.send(reply)
    except StopIteration:
        return replies


def _plain(reply: Reply, origin: str) -> Reply:
    headers = {name: value for name, value in reply.headers.items() if name not in ADDED}
    content = reply.content.replace(origin.encode(), ORIGIN.encode())
    if origin == WIRO:
        content = content.replace(WIRO_CDN.encode(), ORIGIN.encode()).replace(WIRO_MEDIA.encode(), ORIGIN.encode())
    return Reply(reply.status, headers, content)


STORIES: list[tuple[str, Callable[[], Story], dict[str, Any]]] = [
    ("caption", happy, {"time": "auto"}),
    ("failure", failure, {"time": "auto"}),
    ("slow-queue", cancel, {"time": "manual"}),
    ("caption", kill, {"time": "manual", "poll": 3_000_000}),
    ("caption", lists, {"time": "auto"}),
    ("caption", catalogue, {"time": "auto"}),
    ("caption", refusals, {"time": "auto"}),
    ("caption", uploads, {"time": "auto"}),
]


@pytest.mark.parametrize(("scenario", "story", "settings"), STORIES, ids=[story.__name__ for _, story, _ in STORIES])
def test_every_door_gives_the_same_answers(scenario: str, story: Callable[[], Story], settings: dict[str, Any]) -> None:
    """Statuses, headers, bodies, and what the journal says of them."""
    told: list[list[Reply]] = []
    journals: list[str] = []
    for door in (through_handle, through_asgi, over_a_socket, through_respx, through_async_respx):
        world = make_world(**settings)
        world.use(scenario)
        told.append(door(world, story()))
        journals.append(json.dumps([entry.shown() for entry in world.journal.entries(limit=1_000)]))
        world.close()
    for replies in told[1:]:
        for reply, expected in zip(replies, told[0], strict=True):
            assert reply == expected
    assert set(journals) == {journals[0]}


@pytest.mark.parametrize(("scenario", "story", "settings"), STORIES, ids=[story.__name__ for _, story, _ in STORIES])
def test_respx_and_asgi_give_the_same_headers_too(
    scenario: str, story: Callable[[], Story], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for the same host nothing differs at all."""
    monkeypatch.setattr("tests.test_agreement.ADDED", ())
    told: list[list[Reply]] = []
    for door in (functools.partial(through_asgi, origin=WIRO), through_respx, through_async_respx):
        world = make_world(**settings)
        world.use(scenario)
        told.append(door(world, story()))
        world.close()
    assert told[1] == told[0]
    assert told[2] == told[0]


def test_the_doors_are_told_of_their_differences() -> None:
    """The comparison itself: another origin in a body would be seen, and so would another header."""
    reply = Reply(200, {"date": "x", "etag": "y"}, b'{"url":"http://a:1/x"}')
    assert _plain(reply, "http://a:1") == Reply(200, {"etag": "y"}, b'{"url":"http://127.0.0.1:4747/x"}')
    assert _plain(reply, "http://b:1").content == reply.content
