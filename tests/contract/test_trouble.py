"""Servers that are in the way: gone, slow, redirecting, rate-limiting, HTML. Each is named, and breaks no promise."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.api_kit import KEY, SECRET
from tests.contract.kit import contract_world, named, our_target, played, serving
from tests.reach.reach_kit import reached
from wiro_mock.asgi import create_app
from wiro_mock.contract import client, service
from wiro_mock.contract.client import Credentials
from wiro_mock.contract.listener import Listener
from wiro_mock.contract.promise import Promise
from wiro_mock.contract.runner import CannotRun, Target
from wiro_mock.contract.service import Service
from wiro_mock.server import ServerThread
from wiro_mock.sources import GUESS


def answering(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> ASGIApp:
    """A server that has one answer for everything."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})

    return app


HTML = (b"content-type", b"text/html; charset=utf-8")
JSON = (b"content-type", b"application/json")
IN_THE_WAY = {
    "a page of HTML": (
        answering(200, b"<h1>Welcome</h1>", HTML),
        "HTTP 200 with a page of HTML where JSON is expected",
    ),
    "a proxy's page": (answering(502, b"<h1>Bad gateway</h1>", HTML), "HTTP 502, the service is in trouble"),
    "a redirect": (
        answering(301, b"", (b"location", b"https://elsewhere.example/v1")),
        "HTTP 301 sends elsewhere, to 'https://elsewhere.example/v1'",
    ),
    "a rate limit": (
        answering(429, b"{}", JSON, (b"retry-after", b"0")),
        "rate-limited (HTTP 429, Retry-After 0)",
    ),
    "half a JSON": (answering(200, b'{"result": tr', JSON), "bytes of application/json where JSON is expected"),
    "nothing": (answering(200, b""), "HTTP 200 with 0 bytes of no content type"),
    "another JSON": (answering(200, b"[]", JSON), "answers Tool/Detail without an object"),
}


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_what_is_no_api_is_named_before_anything_is_checked(what: str) -> None:
    """It is the target that is wrong, not its promises."""
    app, sentence = IN_THE_WAY[what]
    with serving(app) as target, pytest.raises(CannotRun) as error:
        played(target)
    assert sentence in str(error.value)


def test_a_target_that_nobody_listens_at_is_named() -> None:
    """With its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    target = Target(url=url, socket_url="ws://127.0.0.1:9/v1", credentials=Credentials(key=KEY, secret=SECRET))
    with pytest.raises(CannotRun, match="cannot be reached: "):
        played(target)


def test_a_target_that_never_answers_is_given_up() -> None:
    """After the patience that was given."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        target = Target(url=url, socket_url="ws://127.0.0.1:9/v1", credentials=Credentials(key=KEY, secret=SECRET))
        with pytest.raises(CannotRun, match=r"no answer within 0\.2 s"):
            played(target, patience=0.2)


class Spoilt:
    """The mock's app, but for the requests to one path."""

    def __init__(self, app: ASGIApp, path: str, other: ASGIApp) -> None:
        self.app, self.path, self.other = app, path, other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hit = scope["type"] == "http" and scope["path"].startswith(self.path)
        await (self.other if hit else self.app)(scope, receive, send)


MIDWAY: dict[str, tuple[ASGIApp, str]] = {
    "HTML": (answering(200, b"<html>", HTML), "POST Task/List: HTTP 200 with a page of HTML"),
    "429": (answering(429, b"", (b"retry-after", b"0")), "POST Task/List: rate-limited (HTTP 429"),
    "503": (answering(503, b"{}", JSON), "POST Task/List: HTTP 503, the service is in trouble"),
    "302": (answering(302, b"", (b"location", b"/login")), "POST Task/List: HTTP 302 sends elsewhere, to '/login'"),
}


@pytest.mark.parametrize("what", MIDWAY)
def test_trouble_on_the_way_keeps_a_promise_from_being_checked_and_the_others_not(what: str) -> None:
    """It is skipped with the trouble's name; nothing is broken, and the status says that something could not run."""
    other, sentence = MIDWAY[what]
    with ServerThread(Spoilt(create_app(contract_world()), "/v1/Task/List", other)) as thread:
        names = ("auth.lets_in", "auth.refusals_are_envelopes", "tasks.list_shape", "tasks.unknown_task")
        found = played(our_target(thread), promises=named(*names))
    assert found.broken == {}
    ((name, because),) = found.skipped.items()
    assert name == "tasks.list_shape"
    assert because.startswith(sentence)
    assert found.result.status == 2
    assert f"{name}: {because}" in found.lines


def test_a_socket_that_is_not_there_leaves_the_rest_checked() -> None:
    """What the socket would tell is not verified; the task is looked at all the same."""
    with ServerThread(create_app(contract_world())) as thread:
        target = our_target(thread)
        away = Target(url=target.url, socket_url="ws://127.0.0.1:9/v1", credentials=target.credentials)
        found = played(away)
    assert found.broken == {}
    assert {name.partition(".")[0] for name in found.skipped} == {"socket"}
    assert set(found.skipped.values()) == {found.skipped["socket.welcome"]}
    assert found.skipped["socket.welcome"].startswith("ws://127.0.0.1:9/v1 cannot be reached: ")
    assert found.result.status == 2


@pytest.mark.parametrize(("code", "message"), [(97, "Insufficient balance"), (96, "You have reached"), (98, "sign in")])
def test_an_account_that_cannot_run_models_breaks_no_promise(code: int, message: str) -> None:
    """It says nothing of the API; what needs no run is checked."""
    no = json.dumps({"result": False, "errors": [{"code": code, "message": message}]}).encode()
    refusing = answering(200, no, JSON)
    with ServerThread(Spoilt(create_app(contract_world()), "/v1/Run/pruna/p-image", refusing)) as thread:
        found = played(our_target(thread), "auth", "tasks")
    assert found.broken == {}
    assert found.named("auth.lets_in").outcome == "held"
    assert found.skipped["runs.is_taken_on"] == (
        f'POST Run/pruna/p-image: the account cannot run models: {code} "{message}"'
    )
    assert found.result.status == 2


def test_a_run_that_is_refused_for_another_reason_breaks_one_promise() -> None:
    """All that needs a run is skipped because of it."""
    no = json.dumps({"result": False, "errors": [{"code": 1, "message": "tool-not-accessible"}]}).encode()
    with ServerThread(
        Spoilt(create_app(contract_world()), "/v1/Run/pruna/p-image", answering(200, no, JSON))
    ) as thread:
        found = played(our_target(thread), "tasks")
    ((name, (expected, got)),) = found.broken.items()
    assert (name, expected) == ("runs.is_taken_on", "a taskid")
    assert "tool-not-accessible" in got
    assert set(found.skipped.values()) == {"runs.is_taken_on is broken", "left out by --only"}
    assert found.result.status == 1


def test_wrong_credentials_break_the_promise_that_they_let_in() -> None:
    """And nothing else: what needs the key is skipped because of it."""
    with ServerThread(create_app(contract_world())) as thread:
        found = played(our_target(thread, secret="wrongwrongwrong"))
    assert found.broken["auth.lets_in"] == (
        "a status other than 401",
        "HTTP 401: 'Project authorization is not valid.'; are key and secret right?",
    )
    assert set(found.broken) == {"auth.lets_in"}
    assert set(found.skipped.values()) == {"auth.lets_in is broken"}
    assert found.named("catalogue.list_shape").outcome == "held"
    assert found.result.status == 1


def echoing(edit: Callable[[dict[str, Any]], str]) -> ASGIApp:
    """A server that tells what it was sent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        error = {"code": 7, "message": edit(headers)}
        body = json.dumps({"result": False, "errors": [error]}).encode()
        await send({"type": "http.response.start", "status": 400, "headers": [JSON]})
        await send({"type": "http.response.body", "body": body})

    return app


def test_no_secret_is_told_though_a_server_tells_it() -> None:
    """Key, secret and tokens are masked in everything that is said of an answer, line breaks included."""
    app = echoing(lambda headers: f"key {headers.get('x-api-key')}\nsecret {SECRET}")
    with ServerThread(Spoilt(create_app(contract_world()), "/v1/Task/Detail", app)) as thread:
        found = played(our_target(thread), "auth", "tasks")
    said = "\n".join([*found.lines, *(one.line for one in found.result.verdicts)])
    assert "key ***" in said
    assert "secret ***" in said
    assert KEY not in said
    assert SECRET not in said
    assert all("\n" not in line for line in found.lines)


# -- sockets -------------------------------------------------------------------------------------------


class Mute:
    """A socket that is opened, says what it is given, and then nothing more: not even to a ping. Or it is torn."""

    def __init__(self, *frames: str, torn: bool = False) -> None:
        self.said, self.torn = [text.encode() for text in frames], torn
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.listening.getsockname()[1]}/v1"
        self.open: list[socket.socket] = []
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self) -> str:
        self.thread.start()
        return self.url

    def __exit__(self, *_: object) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join()
        for one in self.open:
            one.close()

    def serve(self) -> None:
        """Greet everybody who comes."""
        with suppress(OSError):
            while True:
                self.greet(self.listening.accept()[0])

    def greet(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += (piece := client.recv(4096))
            if not piece:
                return
        (key,) = (line.split()[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        digest = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # RFC 6455
        client.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + digest + b"\r\n\r\n"
        )
        client.sendall(b"".join(b"\x81" + bytes([len(text)]) + text for text in self.said))
        if self.torn:
            client.close()
        else:
            self.open.append(client)


OF_THE_SOCKET = ("auth.lets_in", "runs.is_taken_on", "tasks.is_shown", "socket.frame_shape")


class Brief(Listener):
    """One with little patience, once it is connected."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._patience = 0.05
        return self


@pytest.mark.parametrize("torn", [False, True])
def test_a_socket_that_falls_silent_or_breaks_is_in_the_way(torn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a ping is answered, or there is no close: nothing is said of the frames that did not come."""
    if not torn:
        monkeypatch.setattr(service, "Listener", Brief)
    promises = named(*OF_THE_SOCKET, "socket.every_status_is_told", "tasks.succeeds", "socket.end_tells_success")
    with ServerThread(create_app(contract_world())) as thread, Mute(WELCOME, torn=torn) as url:
        target = Target(url=our_target(thread).url, socket_url=url, credentials=Credentials(key=KEY, secret=SECRET))
        found = played(target, promises=promises)
    assert found.broken == {}
    assert set(found.skipped) == {"socket.frame_shape", "socket.every_status_is_told", "socket.end_tells_success"}
    because = f"{url}: the connection broke: " if torn else f"{url}: no frame within 0.05 s, and no answer to a ping"
    assert all(text.startswith(because) for text in found.skipped.values()), found.skipped
    assert found.result.status == 2


WELCOME = '{"type":"connected","version":"1.0"}'


def test_a_long_silence_is_waited_for_while_the_task_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue may take longer than the patience for one answer; Detail says that there is something to wait for."""
    heard: list[Listener] = []
    real = Listener.until_end

    def until_end(self: Listener) -> list[dict[str, Any]]:
        heard.append(self)
        return real(self) if len(heard) > 2 else []  # silent for two patiences

    monkeypatch.setattr(Listener, "until_end", until_end)
    promises = named(*OF_THE_SOCKET, "socket.every_status_is_told", "socket.statuses_are_in_order")
    with ServerThread(create_app(contract_world())) as thread:
        found = played(our_target(thread), promises=promises)
    assert len(heard) > 2
    assert found.broken == found.skipped == {}


# -- what is not the service's fault -------------------------------------------------------------------


def test_a_key_that_is_nobodys_is_in_the_way() -> None:
    """The service says so itself, with the sentence that it has for any unknown key."""
    with ServerThread(create_app(contract_world())) as thread:
        found = played(our_target(thread, key="nobodys-key"))
    assert found.broken == {}
    assert set(found.skipped.values()) == {
        "the service does not know the key: 'Project authorization is not founded.'; is WIRO_API_KEY right?"
    }
    assert found.named("auth.unknown_key").outcome == "held"
    assert found.result.status == 2


def test_the_origin_without_the_path_is_no_base_url() -> None:
    """Nothing is said of promises there."""
    with ServerThread(create_app(contract_world())) as thread:
        target = our_target(thread)
        bare = Target(url=thread.url, socket_url=target.socket_url, credentials=target.credentials)
        with pytest.raises(CannotRun, match=r"has no Tool/Detail: HTTP 404; is this the API's base URL"):
            played(bare)


def test_an_answer_that_nobody_thought_of_stops_no_other_check() -> None:
    """It is told with the error; what is checked besides is."""

    def check_odd(wiro: Service) -> None:
        """A check that stumbles."""
        raise KeyError("outputs")

    odd = Promise(area="auth", check=check_odd, cost="free", source=GUESS)
    with ServerThread(create_app(contract_world())) as thread:
        found = played(our_target(thread), promises=[odd, *named("auth.lets_in")])
    assert found.skipped == {"auth.odd": "the check stumbled over an answer: KeyError: 'outputs'; please report it"}
    assert found.named("auth.lets_in").outcome == "held"
    assert found.result.status == 2


def test_a_run_whose_answer_is_lost_may_be_left_behind() -> None:
    """It is told; one that was refused for coming too often is not."""
    for status, is_told in ((502, True), (429, False)):
        spoilt = Spoilt(create_app(contract_world()), "/v1/Run/pruna", answering(status, b"", (b"retry-after", b"0")))
        with ServerThread(spoilt) as thread:
            found = played(our_target(thread), promises=named("auth.lets_in", "runs.is_taken_on"))
        text = "a run of pruna/p-image may have been taken on, though no answer came; look at it in your dashboard"
        assert (text in found.lines) is is_told
        assert found.result.status == 2


def test_an_authority_of_ones_own_is_named_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for any program; without it the complaint says how."""
    monkeypatch.setattr(client, "_authorities", httpx.create_ssl_context)  # which is read once otherwise
    with reached(tmp_path, tls=True, proxy=False) as there:
        url = f"https://{there.thread.netloc}/v1"
        key = Credentials(key=there.wiro.api_key)
        target = Target(url=url, socket_url=url.replace("https", "wss"), credentials=key)
        promises = named("auth.lets_in", "socket.welcome")
        with pytest.raises(CannotRun, match="name the file of an authority of your own in SSL_CERT_FILE"):
            played(target, promises=promises)
        monkeypatch.setenv("SSL_CERT_FILE", str(there.ca))
        assert played(target, promises=promises).result.status == 0
