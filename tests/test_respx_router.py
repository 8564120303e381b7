"""The in-process door: what of httpx's requests it answers, what it lets go on and where to, and its named routes."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore
import httpx
import pytest
import respx
from respx.models import AllMockedAssertionError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.api_kit import CAPTION, KEY, SECRET, make_world, signed
from wiro_mock.api.auth import hmac_hex
from wiro_mock.api.operations import OPERATIONS
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.respx_router import ROUTES, WiroRouter, make_router, patched_by_pytest_httpx
from wiro_mock.server import ServerThread

API = "https://api.wiro.ai"
RUN = API + CAPTION
DETAIL = f"{API}/v1/Task/Detail"
HTTP = httpx.Client()
"""One client, made before any router: making one takes longer than most tests."""
TWO_MOCKS = (
    "wiro_respx and pytest-httpx's httpx_mock both replace httpx's transport; use one of them: register the other "
    "hosts' answers on a respx router, or use wiro_server instead"
)


@pytest.fixture
def world() -> Iterator[World]:
    world = make_world(time="auto")
    yield world
    world.close()


@pytest.fixture
def router(world: World) -> Iterator[WiroRouter]:
    with make_router(world) as router:
        yield router


def run(client: httpx.Client | None = None) -> str:
    """The id of a new task."""
    answer = (client or HTTP).post(RUN, json={"prompt": "a cat"}, headers=signed())
    return str(answer.json()["taskid"])


def detail(task: str, **more: Any) -> httpx.Response:
    return HTTP.post(DETAIL, json={"taskid": task}, headers=signed(), **more)


def upload(data: bytes, **more: Any) -> dict[str, Any]:
    answer = HTTP.post(f"{API}/v1/File/Upload", files={"file": ("a.mp4", data)}, headers=signed(), **more)
    (item,) = answer.json()["list"]
    return dict(item)


# -- whose requests are answered ---------------------------------------------------------------------


def test_a_run_and_its_poll_are_answered_in_process(router: WiroRouter, world: World) -> None:
    """With Wiro's own origin in the URLs, as a client sees it there; and the files behind them are served."""
    task = run()
    (shown,) = detail(task).json()["tasklist"]
    assert shown["status"] == "task_postprocess_end"
    (output,) = shown["outputs"]
    assert output["url"].startswith("https://cdn1.wiro.ai/")
    assert HTTP.get(output["url"]).content
    assert [exchange.outcome.operation for exchange in world.journal.entries()] == ["Run", "Task/Detail", "CDN"]


@pytest.mark.parametrize(
    "origin",
    [
        "http://api.wiro.ai",
        "https://wiro.ai",
        "https://cdn7.wiro.ai:8443",
        "https://API.WIRO.AI",
        "https://api.wiro.ai.",
    ],
)
def test_every_host_of_wiro_is_answered(router: WiroRouter, origin: str) -> None:
    """Whatever its scheme and port; also as it may be spelt."""
    assert HTTP.post(f"{origin}{CAPTION}", json={}, headers=signed()).json()["result"] is True
    assert router["Run"].call_count == 1


@pytest.mark.parametrize("host", ["notwiro.ai", "wiro.ai.example.test", "api.wiro.example.test"])
def test_a_host_that_only_looks_like_wiros_is_not_answered(router: WiroRouter, host: str) -> None:
    """It is another host."""
    with respx.mock(base_url=f"https://{host}") as other:
        other.get("/").respond(418)
        assert HTTP.get(f"https://{host}/").status_code == 418
    assert not router.calls.called


def test_unknown_paths_get_wiros_404(router: WiroRouter) -> None:
    """Those of the control API too: it is the server's."""
    for path in ("/v1/Nothing", "/__wiro/journal"):
        answer = HTTP.get(API + path)
        assert answer.status_code == 404
        assert answer.json()["result"] is False
    assert router["unknown"].call_count == 2


class OwnClient(httpx.Client):
    """A client of a user's own."""


class OwnAsyncClient(httpx.AsyncClient):
    """Another."""

    async def request(self, *args: Any, **more: Any) -> httpx.Response:
        return await super().request(*args, **more)


def refuse(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} came through")


@pytest.mark.parametrize(
    "client",
    [
        httpx.Client(),
        OwnClient(base_url=API),
        httpx.Client(transport=httpx.MockTransport(refuse)),
        httpx.Client(mounts={"https://api.wiro.ai": httpx.MockTransport(refuse)}),
        httpx.Client(proxy="http://127.0.0.1:9"),
    ],
    ids=["plain", "subclass", "transport", "mounts", "proxy"],
)
def test_clients_made_before_are_answered(world: World, client: httpx.Client) -> None:
    """Whatever they would have sent their requests through; and afterwards that is used again."""
    with make_router(world) as router:
        assert run(client)
    assert not router.calls.called
    client.close()


@pytest.mark.parametrize("client", [httpx.AsyncClient(), OwnAsyncClient(base_url=API)], ids=["plain", "subclass"])
def test_asynchronous_clients_made_before_are_answered(router: WiroRouter, client: httpx.AsyncClient) -> None:
    """Nothing is waited for, so that no event loop is needed: it goes with any."""
    coroutine = client.post(RUN, json={}, headers=signed())
    with pytest.raises(StopIteration) as told:
        coroutine.send(None)
    assert told.value.value.json()["result"] is True
    assert router["Run"].call_count == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_either_event_loop(world: World, backend: str) -> None:
    """The router is entered with `async with`, too."""
    anyio, _ = pytest.importorskip("anyio"), pytest.importorskip(backend)

    async def live() -> int:
        async with make_router(world) as router, httpx.AsyncClient(headers=signed()) as client:
            answer = await client.post(RUN, json={})
            await client.post(DETAIL, json={"taskid": answer.json()["taskid"]})
            return router.calls.call_count

    assert anyio.run(live, backend=backend) == 2


def test_several_threads(router: WiroRouter) -> None:
    """No call is lost."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: run(), range(40)))) == 40
    assert router["Run"].call_count == 40


# -- one request -------------------------------------------------------------------------------------


def test_a_response_is_like_one_from_the_network(router: WiroRouter) -> None:
    """It can be read as a stream, it tells how long it took, and the router has the same one."""
    task = run()
    with HTTP.stream("POST", DETAIL, json={"taskid": task}, headers=signed()) as answer:
        content = b"".join(answer.iter_raw())
    assert answer.headers["content-length"] == str(len(content))
    answer = detail(task)
    assert answer.content == content
    assert answer.elapsed.total_seconds() < 5
    assert answer.http_version == "HTTP/1.1"
    assert router.calls.last.response.json() == answer.json()
    assert router.calls.last.request is answer.request


def test_a_body_that_is_streamed_is_read(router: WiroRouter) -> None:
    """From either kind of client."""

    def pieces() -> Iterator[bytes]:
        yield b'{"prompt":'
        yield b'"a cat"}'

    async def apieces() -> AsyncIterator[bytes]:
        for piece in pieces():
            yield piece

    async def live() -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.post(RUN, content=apieces(), headers=signed())

    for answer in (HTTP.post(RUN, content=pieces(), headers=signed()), asyncio.run(live())):
        (shown,) = detail(answer.json()["taskid"]).json()["tasklist"]
        assert shown["parameters"] == {"prompt": "a cat"}


def test_headers_are_joined_and_the_path_stays_as_it_was_sent(router: WiroRouter, world: World) -> None:
    """What a server would see: several of one name by a comma, the path percent-encoded, no query."""
    headers = [*signed().items(), ("X-Api-Key", "again")]
    assert HTTP.post(f"{RUN}?key=1", json={}, headers=headers).status_code == 401
    assert HTTP.post(f"{API}/v1/Run/a%2Fb/c", json={}, headers=signed()).json()["result"] is False
    wrong_key, unknown = world.journal.entries()
    assert wrong_key.path == CAPTION
    assert wrong_key.outcome.reason == "x-api-key is not the key of this mock's project"
    assert unknown.path == "/v1/Run/a%2Fb/c"


def _url_for_host(host: str) -> str:
    answer = HTTP.post(f"{API}/v1/File/Upload", files={"file": b"x"}, headers={**signed(), "host": host})
    return str(answer.json()["list"][0]["url"])


def test_a_host_header_of_ones_own_is_the_origin(router: WiroRouter) -> None:
    """As at every door."""
    url = upload(b"x")["url"]
    assert url.startswith("https://cdn1.wiro.ai/")
    assert _url_for_host("mock.example.test:81").startswith("https://mock.example.test:81/")
    assert _url_for_host("not a host").startswith("https://cdn1.wiro.ai/")


def test_the_public_url_is_the_origin() -> None:
    """Where one is set."""
    world = make_world(public_url="https://files.example.test")
    with make_router(world):
        assert upload(b"x")["url"].startswith("https://files.example.test/")


def test_a_signature_over_the_body_is_explained(router: WiroRouter, world: World) -> None:
    """The raw body is there for it."""
    headers = {**signed(), "x-signature": hmac_hex(KEY, b'{"a":1}')}
    assert HTTP.post(RUN, content=b'{"a":1}', headers=headers).status_code == 401
    (exchange,) = world.journal.entries()
    assert "the body is signed" in exchange.outcome.reason


def test_files_of_a_refused_request_are_not_kept(router: WiroRouter, world: World) -> None:
    """Its pins are released; those of a run that is taken on are kept as long as it needs them."""
    assert HTTP.post(RUN, files={"inputImage": b"x" * 9}, headers={}).status_code == 401
    assert len(world.blobs) == 0
    HTTP.post(RUN, files={"inputImage": b"x" * 9}, headers=signed())
    assert len(world.blobs) > 0


def test_files_are_streams_for_either_kind_of_client(router: WiroRouter) -> None:
    """Whole, in part, unchanged, and their head."""
    data = bytes(range(256)) * 8_000  # more than one chunk, more than is kept in memory
    url = upload(data)["url"]
    with HTTP.stream("GET", url) as answer:
        pieces = list(answer.iter_raw())
    assert len(pieces) > 1
    assert b"".join(pieces) == data
    assert answer.headers["content-length"] == str(len(data))
    assert HTTP.get(url, headers={"range": "bytes=255-257"}).content == data[255:258]
    assert HTTP.get(url, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert HTTP.head(url).headers["content-length"] == str(len(data))
    assert HTTP.head(url).content == b""

    async def fetch() -> str:
        digest = hashlib.sha256()
        async with httpx.AsyncClient() as client, client.stream("GET", url) as answer:
            async for piece in answer.aiter_bytes():
                digest.update(piece)
        return digest.hexdigest()

    assert asyncio.run(fetch()) == hashlib.sha256(data).hexdigest()


def test_a_file_that_is_left_is_closed(router: WiroRouter) -> None:
    """Both kinds of client close what they leave half-read."""
    url = upload(bytes(2_000_000))["url"]
    with HTTP.stream("GET", url) as answer:
        next(iter(answer.iter_raw()))
        chunks = _file_behind(router)
        assert chunks.gi_frame is not None
    assert chunks.gi_frame is None

    async def leave() -> Any:
        async with httpx.AsyncClient() as client, client.stream("GET", url):
            return _file_behind(router)

    assert asyncio.run(leave()).gi_frame is None


def _file_behind(router: WiroRouter) -> Any:
    """The generator that holds the open file: httpx binds our stream to the response."""
    bound: Any = router["CDN"].calls.last.response.stream
    return bound._stream._chunks


def test_our_own_mistakes_are_not_taken_for_the_networks(
    router: WiroRouter, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come out as they are, with and without a route of the test's."""

    def fail(request: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(world, "handle", fail)
    with pytest.raises(ZeroDivisionError, match=r"^ours$"):
        run()
    router.get("https://example.test/").respond(200)
    with pytest.raises(ZeroDivisionError, match=r"^ours$"):
        run()


# -- named routes ------------------------------------------------------------------------------------


def test_every_operation_is_a_route(router: WiroRouter) -> None:
    """By its name; each records its own calls; none must be called."""
    assert {"unknown", *(operation.name for operation in OPERATIONS)} == ROUTES
    assert all(name in router.routes and not router[name].called for name in ROUTES)
    task = run()
    detail(task)
    detail(task)
    assert {name: router[name].call_count for name in ROUTES if router[name].called} == {"Run": 1, "Task/Detail": 2}
    assert router.calls.call_count == 3
    router["Run"].calls.assert_called_once()
    assert router["Run"].calls.last.response.json()["taskid"] == task
    assert repr(router["Run"]) == "<Route name='Run' <_Means eq 'Run'>>"


def test_a_name_that_is_none_is_told_what_there_is(router: WiroRouter) -> None:
    """A typo is a KeyError, as in respx."""
    with pytest.raises(
        KeyError, match=r"no route 'Details'; there are: CDN, .*File, .*Task/List, .*llms\.txt, unknown"
    ):
        _ = router["Details"]
    assert "Details" not in router.routes


def test_a_test_may_answer_for_an_operation(router: WiroRouter, world: World) -> None:
    """The world then hears nothing of it; `mock()` takes it back."""
    task = run()
    router["Task/Detail"].respond(503)
    assert detail(task).status_code == 503
    assert run()
    assert [exchange.outcome.operation for exchange in world.journal.entries()] == ["Run", "Run"]
    router["Task/Detail"].mock()
    assert detail(task).status_code == 200
    assert router["Task/Detail"].call_count == 2


def test_after_a_list_of_side_effects_the_world_answers(router: WiroRouter) -> None:
    """A poll that fails once is one line."""
    task = run()
    router["Task/Detail"].mock(side_effect=[httpx.ConnectError, httpx.Response(502)])
    with pytest.raises(httpx.ConnectError):
        detail(task)
    assert detail(task).status_code == 502
    assert detail(task).json()["result"] is True
    assert router["Task/Detail"].call_count == 3


def test_a_side_effect_that_returns_nothing_leaves_it_to_the_world(router: WiroRouter) -> None:
    """So a test can look at a request, or answer some only."""

    def once(request: httpx.Request, route: respx.Route) -> httpx.Response | None:
        return None if route.called else httpx.Response(429)

    router["Run"].side_effect = once
    assert HTTP.post(RUN, json={}, headers=signed()).status_code == 429
    assert run()
    assert router["Run"].call_count == 2


def test_an_asynchronous_side_effect(router: WiroRouter) -> None:
    """It is awaited, as respx does."""

    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return httpx.Response(504)

    async def live() -> int:
        async with httpx.AsyncClient() as client:
            return (await client.post(RUN, json={}, headers=signed())).status_code

    router["Run"].side_effect = slow
    assert asyncio.run(live()) == 504


def test_a_route_of_an_operations_name_changes_that_route(router: WiroRouter) -> None:
    """As respx has it; what the new pattern does not take, the world answers."""
    router.post(f"{API}/v1/Run/klingai/kling-v3", name="Run").respond(503)
    assert HTTP.post(f"{API}/v1/Run/klingai/kling-v3", json={}, headers=signed()).status_code == 503
    assert run()
    assert router["Run"].call_count == 1


def test_routes_of_a_tests_own_go_first(router: WiroRouter) -> None:
    """Of other hosts and of Wiro's; a pattern like one of ours takes nothing away."""
    cat = router.get("https://example.test/cat.png").respond(200, content=b"cat")
    assert HTTP.get("https://example.test/cat.png").content == b"cat"
    own = router.post(DETAIL).respond(500)
    assert detail(run()).status_code == 500
    assert cat.call_count == own.call_count == router["Run"].call_count == 1
    assert not router["Task/Detail"].called


def test_everything_is_undone_at_the_end(world: World) -> None:
    """Answers, routes and calls of one use are gone in the next."""
    router = make_router(world)
    with router:
        router["Run"].respond(500)
        router.get("https://example.test/").respond(200)
        run_status = HTTP.post(RUN, json={}, headers=signed()).status_code
    assert run_status == 500
    with router:
        assert not router["Run"].called
        assert run()
        with pytest.raises(AllMockedAssertionError), respx.mock:
            HTTP.get("https://example.test/")


def test_wiros_hosts_are_answered_whatever_is_cleared(router: WiroRouter) -> None:
    """Nothing that a test takes away lets a request out to Wiro."""
    router.pop("Run")
    assert run()
    router.clear()
    assert run()
    assert router["Run"].call_count == 1


def test_a_router_makes_its_routes_when_they_are_asked_for(world: World) -> None:
    """All of them would take a millisecond for each test."""
    with make_router(world) as router:
        assert len(router.routes) == 0
        run()
        assert [route.name for route in router.routes] == ["Run"]


# -- other hosts -------------------------------------------------------------------------------------

CAT = "https://example.test/cat.png"


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_other_hosts_are_the_tests_own_routers(world: World, using: str, first: str) -> None:
    """Of both of respx's mockers, whichever was started first; what they have no route for is refused by them."""
    routers: list[Any] = [make_router(world), respx.mock(using=using)]
    ordered = routers if first == "ours" else routers[::-1]
    with ordered[0], ordered[1]:
        ours, theirs = routers
        theirs.get(CAT).respond(200, content=b"cat")
        assert HTTP.get(CAT).content == b"cat"
        with pytest.raises(AllMockedAssertionError):
            HTTP.get("https://example.test/dog.png")
        assert run()
        assert (ours.calls.call_count, theirs.calls.call_count) == (1, 1)

        async def live() -> bytes:
            async with httpx.AsyncClient() as client:
                await client.post(RUN, json={}, headers=signed())
                return (await client.get(CAT)).content

        assert asyncio.run(live()) == b"cat"


@respx.mock
def test_the_global_router(world: World) -> None:
    """With the decorator, begun before ours."""
    respx.get(CAT).respond(200, content=b"cat")
    with make_router(world):
        assert HTTP.get(CAT).content == b"cat"
        assert run()


@pytest.mark.parametrize("using", ["httpcore", "httpx"])
def test_a_router_that_mocks_nothing_in_particular(world: World, using: str) -> None:
    """It gets every other host, and none of Wiro's."""
    with make_router(world), respx.mock(using=using, assert_all_mocked=False) as theirs:
        assert HTTP.get(CAT).content == b""
        assert run()
        assert theirs.calls.call_count == 1


def test_routers_of_both_mockers_at_once(world: World) -> None:
    """The upper one's pass-through reaches the lower one, and ours stands in nobody's way."""
    with respx.mock() as lower, make_router(world), respx.mock(using="httpx") as upper:
        upper.get(CAT).pass_through()
        lower.get(CAT).respond(200, content=b"cat")
        assert HTTP.get(CAT).content == b"cat"
        assert run()


def test_the_rest_goes_to_the_network(router: WiroRouter, world: World) -> None:
    """Untouched, and nothing is written down of it: here, to a server of the test's own."""
    seen: list[tuple[str, bytes]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        seen.append((request.headers["transfer-encoding"], await request.body()))
        await PlainTextResponse("from the network")(scope, receive, send)

    def pieces() -> Iterator[bytes]:
        yield from (b"one ", b"two")

    with (
        ServerThread(_with_lifespan(app)) as server,
        httpx.Client(timeout=60) as client,
    ):  # its connection is a real one
        assert client.post(server.url, content=pieces()).text == "from the network"
    assert seen == [("chunked", b"one two")]
    assert not router.calls.called
    assert len(world.journal) == 0


def _with_lifespan(app: Any) -> Starlette:
    made = Starlette()
    made.router.default = app
    return made


def test_a_users_own_app_is_tested_beside_it(router: WiroRouter) -> None:
    """Its client reaches the app, and the app reaches Wiro."""

    async def caption(request: Request) -> PlainTextResponse:
        async with httpx.AsyncClient() as client:
            answer = await client.post(RUN, json={}, headers=signed())
        return PlainTextResponse(f"{answer.json()['result']} {(await request.body()).decode()}")

    async def live() -> str:
        app = Starlette(routes=[Route("/", caption, methods=["POST"])])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app.test") as client:
            return (await client.post("/", content=b"body")).text

    assert asyncio.run(live()) == "True body"
    assert router["Run"].call_count == 1


# -- several at once, and the end --------------------------------------------------------------------


def test_the_later_router_answers(world: World) -> None:
    """And the earlier one again afterwards; its routes for other hosts are there all the time."""
    inner_world = make_world()
    with make_router(world) as outer:
        outer.get(CAT).respond(200, content=b"cat")
        with make_router(inner_world) as inner:
            run()
            assert HTTP.get(CAT).content == b"cat"
            assert (outer["Run"].call_count, inner["Run"].call_count) == (0, 1)
            with respx.mock(base_url="https://dog.test") as dogs:
                dogs.get("/").respond(204)
                assert HTTP.get("https://dog.test/").status_code == 204
        run()
        assert outer["Run"].call_count == 1
    assert (len(world.journal), len(inner_world.journal)) == (1, 1)


def _patched() -> list[object]:
    return [
        httpx.Client._transport_for_url,
        httpx.AsyncClient._transport_for_url,
        httpcore.ConnectionPool.handle_request,
        httpcore.AsyncConnectionPool.handle_async_request,
    ]


def test_however_they_end_httpx_is_as_it_was(world: World) -> None:
    """Two of ours and one of each of respx's mockers, begun and ended in every order; ours answers while it lasts."""
    before = _patched()
    for begin, end in itertools.product(itertools.permutations(range(4)), repeat=2):
        routers: list[Any] = [make_router(world), make_router(world), respx.mock(), respx.mock(using="httpx")]
        for at in begin:
            routers[at].start()
        for at in end[:2]:
            routers[at].stop(quiet=True)
        if not {0, 1} <= set(end[:2]):
            assert HTTP.get(f"{API}/nothing").status_code == 404
        for at in end[2:]:
            routers[at].stop(quiet=True)
        assert _patched() == before


# -- together with pytest-httpx ----------------------------------------------------------------------


def test_pytest_httpx_at_the_same_time_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever came first. Simulated by what pytest-httpx 0.36 does: a function of its module in the transport."""
    assert not patched_by_pytest_httpx()

    def mocked(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    mocked.__module__ = "pytest_httpx"
    with make_router(world):
        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", mocked)
        assert patched_by_pytest_httpx()
        with pytest.raises(Misuse) as refused:
            run()
    assert str(refused.value) == TWO_MOCKS
    before = _patched()
    with pytest.raises(Misuse) as refused, make_router(world):
        pass
    assert str(refused.value) == TWO_MOCKS
    assert _patched() == before


def test_secrets_are_not_in_a_route(router: WiroRouter) -> None:
    """A route may be printed by a failing test."""
    run()
    assert SECRET not in repr(router.routes)
    assert KEY not in repr(router.routes)


@pytest.mark.usefixtures("router")
def test_the_catalogue_its_pictures_and_its_pages_are_answered_in_process() -> None:
    """Three of Wiro's hosts, and no key: nothing is asked of the real ones."""
    (tool,) = HTTP.post(f"{API}/v1/Tool/List", json={"limit": "1"}).json()["tool"]
    assert tool["image"].startswith("https://cdn.wiro.ai/uploads/models/")
    assert HTTP.get(tool["image"]).headers["content-type"] == "image/png"
    page = HTTP.get("https://wiro.ai/models/moondream3-preview/caption/llms-full.txt")
    assert page.status_code == 200
    assert f"\n{API}{CAPTION}\n" in page.text
