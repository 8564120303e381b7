"""A respx router over a world: httpx clients reach Wiro's hosts in process, everything else goes where it would.

The router uses respx's mocker named `httpx`, which lies above the default one (`httpcore`) and above a client's own
transport, and stands first in it. What is for another host is left to the routers after it, or passed down: to
the routers of the default mocker, to a client's own transport, or to the network.

Every operation is a route of its name. It answers for the world until a test gives it another answer.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import Self

import httpx
import respx
from respx.models import AllMockedAssertionError, PassThrough, RouteList, SideEffectError
from respx.patterns import Pattern
from respx.router import MockRouter
from respx.types import RouteResultTypes

from wiro_mock.api import NO_BODY, Request, Response
from wiro_mock.api.body import BodyReader
from wiro_mock.api.operations import OPERATIONS, find
from wiro_mock.api.origin import WIRO, is_wiro, origin_of
from wiro_mock.kernel.files import Blob
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World

UNKNOWN = "unknown"
"""The name of the route for paths of Wiro's hosts that are no operation: Wiro's 404."""
ROUTES = frozenset({UNKNOWN, *(operation.name for operation in OPERATIONS)})
"""The names of all routes of a router."""

TWO_MOCKS = (
    "wiro_respx and pytest-httpx's httpx_mock both replace httpx's transport; use one of them: register the other "
    "hosts' answers on a respx router, or use wiro_server instead"
)


class WiroRouter(MockRouter):
    """A `respx.MockRouter` that answers for Wiro's hosts while it is entered (`with` or `async with`).

    `router["Run"]`, `router["Task/Detail"]` … are the routes of the operations, `router["unknown"]` is that of all
    other paths; see `ROUTES`. None must be called. Routes that a test adds go first. Entering it raises `Misuse`
    while pytest-httpx is at work; so does a request.
    """

    def __init__(self, world: World) -> None:
        super().__init__(assert_all_called=False, using="httpx")
        self._world = world
        self.routes: _Routes = _Routes(self._answer)

    def __repr__(self) -> str:
        return f"<WiroRouter over {self._world.name or 'a Wiro'}: {len(self.calls)} calls>"

    def __enter__(self) -> Self:
        self.start()
        return self

    async def __aenter__(self) -> Self:
        return self.__enter__()

    def start(self) -> None:
        """Begin to answer, before all other routers."""
        if patched_by_pytest_httpx():
            raise Misuse(TWO_MOCKS)
        super().start()
        if self.Mocker is not None:
            self.Mocker.routers.remove(self)
            self.Mocker.routers.insert(0, self)

    def handler(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or raise what sends it on: `PassThrough`, or `AllMockedAssertionError`."""
        if (response := self._at_once(request)) is not None:
            return response
        try:
            return super().handler(request)
        except AllMockedAssertionError as error:
            raise self._onward(request, error) from None

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """The same for an asynchronous client, whose test may have added asynchronous side effects."""
        if (response := self._at_once(request)) is not None:
            return response
        try:
            return await super().async_handler(request)
        except AllMockedAssertionError as error:
            raise self._onward(request, error) from None

    def _at_once(self, request: httpx.Request) -> httpx.Response | None:
        """The world's answer where no test has a say in it: respx would try one pattern after the other."""
        if patched_by_pytest_httpx():
            raise Misuse(TWO_MOCKS)
        if (name := _meaning(request)) is None:
            return None
        route = self.routes[name]
        if not self.routes.are_all_untouched():
            _ = self.routes[UNKNOWN]  # for what a route with a pattern of the test's does not take
            return None
        try:
            response = self._answer(request)
        except httpx.TransportError:  # a fault
            self.record(request, response=None, route=route)
            raise
        self.record(request, response=response, route=route)
        return response

    def _onward(self, request: httpx.Request, error: AllMockedAssertionError) -> Exception:
        """What sends a request of another host on: to the next router here, or past this mocker."""
        routers = self.Mocker.routers if self.Mocker is not None else []
        if _meaning(request) is not None or not routers or routers[-1] is not self:
            return error
        return PassThrough(f"not for Wiro: {request!r}", request=request, origin=_NOBODY)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        return answer(self._world, request)


def make_router(world: World) -> WiroRouter:
    """A router over a world. It is not active yet: enter it."""
    return WiroRouter(world)


def patched_by_pytest_httpx() -> bool:
    """Whether pytest-httpx's `httpx_mock` is at work."""
    return httpx.HTTPTransport.handle_request.__module__.startswith("pytest_httpx")


# -- one request -------------------------------------------------------------------------------------


def answer(world: World, request: httpx.Request) -> httpx.Response:
    """Play one request, which has been read, in a world: what `transport.ApiEndpoint` does for ASGI."""
    headers = _header_map(request)
    content, blobs = request.content, list[Blob]()
    try:
        body = NO_BODY
        if content:
            reader = BodyReader(headers.get("content-type", ""), world.blobs)
            blobs = reader.blobs
            reader.feed(content)
            body = reader.finish()
        made = Request(
            method=request.method,
            path=_raw_path(request),
            headers=headers,
            origin=_origin(request, headers.get("host", ""), world),
            body=body,
            query=request.url.query.decode("latin-1"),
        )
        if world.faults and (met := world.sent_whole(made, len(content))):
            made = replace(made, met=met)
        response = world.handle(made)
    finally:
        if blobs:
            with world.lock:
                for blob in blobs:
                    world.blobs.unpin(blob, needed=world.sim.files.needs)
    if response.wait is not None and (response.damage is None or not response.damage.is_total):
        from wiro_mock.respx_waiting import wait_for  # what few tests need

        response = wait_for(world, response, request)
    return _response(world, response, request)


def _header_map(request: httpx.Request) -> dict[str, str]:
    """The headers by lower-case name; several of one name joined by a comma, as Node joins them."""
    headers: dict[str, str] = {}
    for name, value in request.headers.raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _raw_path(request: httpx.Request) -> str:
    return request.url.raw_path.partition(b"?")[0].decode("latin-1")


def _origin(request: httpx.Request, host: str, world: World) -> str:
    # The URL is one of Wiro's; the Host may be a client's own, or nonsense.
    return origin_of(request.url.scheme, host, fallback=WIRO, public_url=world.settings.public_url)


def _response(world: World, response: Response, request: httpx.Request) -> httpx.Response:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    chunks = response.chunks
    if chunks is None:
        chunks = iter((response.content,))
        # The length in a 304 would be that of the file, not of its missing content (RFC 9110 §8.6).
        if response.status != 304 and not any(name == b"content-length" for name, _ in headers):
            headers.append((b"content-length", b"%d" % len(response.content)))
    if response.damage is not None:
        from wiro_mock.respx_damage import begin  # what few tests need

        chunks = begin(world, response, request)
    return httpx.Response(response.status, headers=headers, stream=_Stream(chunks), request=request)


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Bytes for either kind of client. respx would read a `ByteStream` before the client does, who then could not."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk

    def close(self) -> None:
        """Let go of the file."""
        if isinstance(self._chunks, Generator):
            self._chunks.close()

    async def aclose(self) -> None:
        """The same."""
        self.close()


# -- the routes --------------------------------------------------------------------------------------


def _meaning(request: httpx.Request) -> str | None:
    """The name of the route that a request is for; None for another host."""
    if not is_wiro(request.url.host.rstrip(".")):
        return None
    found = find(request.method, _raw_path(request))
    return found[0].name if found else UNKNOWN


class _Means(Pattern):
    """Matches the requests of one operation. Equal to no pattern that a test can write, so that none replaces it."""

    value: str

    def parse(self, request: httpx.Request) -> str | None:
        """The name of the route that the request is for."""
        return _meaning(request)


class _Everything(_Means):
    """Matches every request to Wiro's hosts."""

    def _eq(self, value: str | None) -> respx.patterns.Match:
        return respx.patterns.Match(value is not None)


class OperationRoute(respx.Route):
    """The route of one operation: the world answers, until a test gives it something else to do.

    It answers again once a list of side effects is used up, where a side effect returns None, and after `mock()`.
    """

    def __init__(self, name: str, world_answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._own = _Everything(name) if name == UNKNOWN else _Means(name)
        super().__init__(self._own)
        self._name = name
        self._world_answer = world_answer

    @property
    def is_untouched(self) -> bool:
        """Whether the world answers, and nobody else."""
        changed = self.side_effect is not None or self.return_value is not None or self.is_pass_through
        return self.pattern is self._own and not changed

    def resolve(self, request: httpx.Request, **kwargs: object) -> RouteResultTypes:
        """What the test wants answered, or else what the world answers."""
        result: RouteResultTypes = None
        if self.side_effect is not None or self.return_value is not None:
            try:
                result = super().resolve(request, **kwargs)
            except StopIteration:
                self.side_effect = None
        return self._from_world(request) if result is None else result

    def _from_world(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._world_answer(request)
        except Exception as error:
            raise SideEffectError(self, origin=error) from error


_NOBODY = respx.Route()


class _Routes(RouteList):
    """The routes of a router. That of an operation is made when it is first asked for: all take a millisecond."""

    def __init__(self, world_answer: Callable[[httpx.Request], httpx.Response]) -> None:
        super().__init__()
        self._world_answer = world_answer
        self._making = threading.Lock()

    def are_all_untouched(self) -> bool:
        """Whether no test has added or changed a route."""
        return all(isinstance(route, OperationRoute) and route.is_untouched for route in self._routes)

    def __iter__(self) -> Iterator[respx.Route]:
        # A test's own routes first, and last what takes everything.
        return iter(sorted(self._routes, key=lambda r: isinstance(r, OperationRoute) + (r.name == UNKNOWN)))

    def __contains__(self, name: str) -> bool:
        return name in ROUTES or super().__contains__(name)

    def __getitem__(self, key: int | str) -> respx.Route:
        if isinstance(key, str) and key not in self._names:
            if key not in ROUTES:
                raise KeyError(f"no route {key!r}; there are: {', '.join(sorted(ROUTES | set(self._names)))}")
            with self._making:
                if key not in self._names:
                    made = OperationRoute(key, self._world_answer)
                    self._routes.append(made)
                    self._names[key] = made
        return super().__getitem__(key)

    def add(self, route: respx.Route, name: str | None = None) -> respx.Route:
        """Add a route; one of an operation's name changes that operation's route, as respx has it."""
        if name in ROUTES:
            _ = self[name]
        return super().add(route, name)

    def pop(self, name: str, default: object = ...) -> object:
        """Take a route away; the world answers its operation again."""
        if name in ROUTES:
            _ = self[name]
        return super().pop(name, default)  # type: ignore[no-untyped-call]
