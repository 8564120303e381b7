"""The control API of a running server, under `/__wiro`: JSON both ways, open on loopback only.

Beyond loopback everything but `ready` needs the token that `--admin-token` sets.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from wiro_mock.api import jsontext
from wiro_mock.control import RESOURCES
from wiro_mock.control.asking import Mistake
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.lodging import Lodging, NoRoom
from wiro_mock.mock import World
from wiro_mock.session_control import Download
from wiro_mock.worlds import Worlds

TOKEN_HEADER = "x-wiro-mock-admin-token"  # noqa: S105 -- a header's name
CLOSED = (
    "the control API is closed beyond loopback; start the server with --admin-token TOKEN and send it as "
    f"'Authorization: Bearer TOKEN' or '{TOKEN_HEADER}: TOKEN'"
)
GUARDED = (
    "the control API needs the token of --admin-token beyond loopback; send it as "
    f"'Authorization: Bearer TOKEN' or '{TOKEN_HEADER}: TOKEN'"
)
WRONG_TOKEN = "this is not the token that the server was started with by --admin-token"  # noqa: S105 -- a sentence
OTHER_NAME = (
    "the control API is asked under 127.0.0.1, [::1] or localhost, not under another name of this machine; "
    "or send the admin token"
)
CROSS_SITE = "the control API takes no requests from a web page of another origin; send the admin token to allow it"
NO_SUCH_KEY = "x-api-key is the key of none of the worlds here; without that header the latest one answers"
BODY_LIMIT = 1 << 20
WORLDS = ("/worlds", "/worlds/{world}")
UPKEEP = ("/snapshot", "/metrics", "/reload")
"""What is kept, counted and read again: see `upkeep`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may use the control API: `closed` where the server listens beyond loopback; `token` opens it."""

    closed: bool = False
    token: str = ""

    def problem(self, headers: Mapping[str, str]) -> str:
        """Why this request may not; empty when it may."""
        if self.token and self._has_token(headers):
            return ""
        if self.closed:
            return CLOSED if not self.token else WRONG_TOKEN if self._sent(headers) else GUARDED
        host, page = headers.get("host", ""), headers.get("origin", "")
        if page and page.split("://")[-1] != host:
            return CROSS_SITE
        # A page may have its own name point at loopback, and is of the same origin then.
        return "" if _is_own_name(host) else OTHER_NAME

    def _has_token(self, headers: Mapping[str, str]) -> bool:
        sent = self._sent(headers).encode("utf-8", "replace")
        return hmac.compare_digest(sent, self.token.encode("utf-8", "replace"))

    @staticmethod
    def _sent(headers: Mapping[str, str]) -> str:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        return headers.get(TOKEN_HEADER) or (bearer.strip() if scheme.lower() == "bearer" else "")


def _is_own_name(host: str) -> bool:
    name = re.sub(r":\d*$", "", host).lower().strip("[]")
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def routes(worlds: Worlds, access: Access, lodging: Lodging) -> list[Route]:
    """The routes of the control API over worlds: an `x-api-key` says which, where there are several."""
    # An endpoint that is an object and no function gets every method, known or not.
    own = [Route(path, _WorldsResource(worlds, access, path, lodging)) for path in WORLDS]
    return [*own, *(Route(path, Resource(worlds, access, path)) for path in (*RESOURCES, "/{path:path}"))]


class Resource:
    """An ASGI app for one path of the control API."""

    def __init__(self, worlds: Worlds, access: Access, path: str) -> None:
        self.worlds = worlds
        self.access = access
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            # Read to its end whatever comes of it: an answer on an unread body may never arrive.
            body = await _body(request)
        except ClientDisconnect:
            return
        await self._answer(request, body)(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Response:
        problem = self.access.problem(request.headers)
        if problem and self._path != "/ready":
            return json_answer(403, {"error": problem})
        verbs = RESOURCES.get(self._path)
        if verbs is None:
            paths = [f"/__wiro{known}" for known in (*RESOURCES, *WORLDS, *UPKEEP)]
            return json_answer(404, {"error": f"no {request.url.path[:200]} here", "paths": paths})
        handler = verbs.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            error = f"{request.method} does nothing at /__wiro{self._path}; the verbs here: {', '.join(verbs)}"
            return json_answer(405, {"error": error}, {"allow": ", ".join(verbs)})
        try:
            parsed, world = _parsed(body), self.world_for(request)
            with world.lock:
                world.settle()
                status, value = handler(world, parsed, {**request.query_params, **request.path_params})
            if isinstance(value, Download):
                return Response(value.content, status_code=status, media_type=value.contenttype)
            return json_answer(status, value)
        except (Mistake, ScenarioError, ValueError) as error:
            return json_answer(400, {"error": str(error)})

    def world_for(self, request: Request) -> World:
        """The only world, or the one whose key was sent, or the latest."""
        attached, key = self.worlds.worlds, request.headers.get("x-api-key", "")
        if key and len(attached) > 1 and self._path != "/ready":
            if (world := self.worlds.for_key(key)) is None:
                raise Mistake(NO_SUCH_KEY)  # to act on another test's world instead would be worse
            return world
        return self.worlds.home or (attached[-1] if attached else self.worlds.strays)


class _WorldsResource(Resource):
    """An ASGI app for the worlds that others make here: `/worlds`, and one of them."""

    def __init__(self, worlds: Worlds, access: Access, path: str, lodging: Lodging) -> None:
        super().__init__(worlds, access, path)
        self._lodging = lodging

    def _answer(self, request: Request, body: bytes) -> Response:
        if problem := self.access.problem(request.headers):
            return json_answer(403, {"error": problem})
        verbs: Mapping[str, Callable[[Request, Mapping[str, Any]], Response]] = (
            {"GET": self._show, "POST": self._make} if self._path == "/worlds" else {"DELETE": self._remove}
        )
        handler = verbs.get(request.method)
        if handler is None:
            error = f"{request.method} does nothing at /__wiro{self._path}; the verbs here: {', '.join(verbs)}"
            return json_answer(405, {"error": error}, {"allow": ", ".join(verbs)})
        try:
            return handler(request, _parsed(body))
        except NoRoom as error:
            return json_answer(error.status, {"error": str(error)})
        except (Mistake, ScenarioError, ValueError) as error:
            return json_answer(400, {"error": str(error)})

    def _show(self, request: Request, body: Mapping[str, Any]) -> Response:  # noqa: ARG002 -- all take the same
        return json_answer(200, {"worlds": self._lodging.shown(), "most": self._lodging.most})

    def _make(self, request: Request, body: Mapping[str, Any]) -> Response:
        made = self._lodging.make(body)
        project, origin = made.world.project, f"{request.url.scheme}://{request.url.netloc}"
        told = {
            "id": made.id,
            "api_key": project.key,
            "api_secret": None if project.key_only else project.secret,
            "url": f"{origin}/v1",
            "socket_url": f"ws{origin.removeprefix('http')}/v1",
            "seed": made.world.settings.seed,
            "time": made.world.clock.mode,
            "idle": made.idle,
        }
        return json_answer(201, told)

    def _remove(self, request: Request, body: Mapping[str, Any]) -> Response:  # noqa: ARG002 -- all take the same
        if (one := self._lodging.find(request.path_params["world"])) is None:
            error = "no such world here; it may have gone, being idle; GET /__wiro/worlds lists them"
            return json_answer(404, {"error": error})
        return json_answer(200, {"deleted": one.id, **self._lodging.remove(one)})


async def _body(request: Request) -> bytes:
    text = bytearray()
    async for piece in request.stream():
        text += piece[: BODY_LIMIT + 1 - len(text)]
    return bytes(text)


def _parsed(body: bytes) -> Mapping[str, Any]:
    if len(body) > BODY_LIMIT:
        raise Mistake(f"the body is longer than {BODY_LIMIT} bytes")
    if not body.strip():
        return {}
    try:
        value = jsontext.loads(body)
    except ValueError as error:
        raise Mistake(f"the body is not JSON that can be read: {error}; send a JSON object, or no body") from None
    if not isinstance(value, dict):
        raise Mistake(f"the body is {jsontext.kind_of(value)}; a JSON object is expected")
    return value


def json_answer(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(jsontext.dumps(value), status_code=status, media_type="application/json", headers=headers)
