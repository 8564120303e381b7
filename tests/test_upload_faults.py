"""Faults in mid-upload: what a client meets that is still sending, and what it leaves behind, which is nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import anyio
import httpx
import pytest

from tests.api_kit import KEY, SECRET, make_world
from tests.live_kit import PATIENCE, Live, eventually, live, raw
from tests.test_library_choosing import misuse
from wiro_mock import sending
from wiro_mock.faults import Fault
from wiro_mock.kernel.account import Project
from wiro_mock.kernel.events import SECOND
from wiro_mock.library import WiroMock
from wiro_mock.loader import ScenarioError, make_fault
from wiro_mock.testing import faulting

KIB: Final = 1 << 10
RESET: Final = (httpx.ReadError, httpx.RemoteProtocolError)
"""The latter where httpx met the RST while it wrote: it passes over that, and finds nothing to be read."""
FILE: Final = b"\x89" * (256 * KIB)
RUN: Final = "/v1/Run/moondream3-preview/caption"


@pytest.fixture
def server() -> Iterator[Live]:
    with live(time="manual", project=Project(id="1", key=KEY, secret=SECRET, key_only=True)) as running:
        running.http.headers["x-api-key"] = KEY
        yield running


def arm(running: Live, do: Any, *, on: str = "upload", after: int = 100 * KIB, **more: Any) -> Fault:
    item = faulting.read({"on": on, "do": do, "when": {"after_sent": after, **more.pop("when", {})}, **more})
    with running.world.lock:
        return running.world.faults.arm(Fault(item=item, where="here"))


def send(running: Live, path: str = "/v1/File/Upload", data: bytes = FILE, **given: Any) -> httpx.Response:
    return running.http.post(path, files={"file" if "File" in path else "inputImage": ("cat.png", data)}, **given)


def reasons(running: Live) -> list[str]:
    with running.world.lock:
        return [one.outcome.reason for one in running.world.journal]


def check_nothing_is_left(running: Live) -> None:
    """No file, no task, and no bytes; and the next upload is let in."""
    assert not list(running.world.sim.files.uploads)
    assert not list(running.world.sim.tasks())
    eventually(lambda: len(running.world.blobs) == 0)


@pytest.mark.parametrize("path", ["/v1/File/Upload", RUN, f"{RUN}/sync"])
@pytest.mark.parametrize(("do", "error"), [("reset", RESET), ("disconnect", httpx.RemoteProtocolError)])
def test_an_upload_breaks_off_on_the_way(server: Live, path: str, do: str, error: Any) -> None:
    """By a RST or by a FIN; nothing has happened, and the next one is taken."""
    on = {"/v1/File/Upload": "upload", RUN: "Run"}.get(path, "Run/sync")
    fault = arm(server, do, on=on)
    with pytest.raises(error):
        send(server, path)
    check_nothing_is_left(server)
    (told,) = reasons(server)
    assert told.startswith(f"the fault {do} on {on}, set at here, no. 1 of 1; ")
    assert told.endswith(" bytes of the body had come, and the request had no effect")
    assert fault.is_spent
    if path != f"{RUN}/sync":
        assert send(server, path).json()["result"] is True


HEAD: Final = (
    b"POST /v1/File/Upload HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n"
    b"content-length: 300000000\r\n\r\n"
)


def half(running: Live) -> socket.socket:
    """A client that has sent a part of a large upload."""
    return raw((running.thread.host, running.thread.port), HEAD, FILE[: 150 * KIB])


def send_on(client: socket.socket) -> None:
    """As much as any buffer can hold, and more."""
    for _ in range(800):
        client.send(FILE)


def test_a_reset_comes_while_a_client_is_sending(server: Live) -> None:
    """It need not have sent the rest."""
    arm(server, "reset")
    with pytest.raises((ConnectionResetError, BrokenPipeError)), half(server) as client:
        client.recv(1)  # met while the half is sent, or after it
    check_nothing_is_left(server)


def test_a_fin_comes_while_a_client_is_sending(server: Live) -> None:
    """What it sends all the same is read, so that no RST follows."""
    arm(server, "disconnect")
    with half(server) as client:
        assert client.recv(1) == b""
        client.sendall(FILE)
    check_nothing_is_left(server)


def test_nothing_comes_and_nothing_is_read_any_more(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client can send until no buffer takes more; that it has gone is seen in the end, whatever was left unread."""
    unread = threading.Event()

    async def wait(_: float) -> None:
        await asyncio.get_running_loop().run_in_executor(None, unread.wait, PATIENCE)

    monkeypatch.setattr(sending, "_leave_unread", wait)
    arm(server, "hang")
    with half(server) as client:
        eventually(lambda: reasons(server))
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            send_on(client)
        with pytest.raises(TimeoutError):
            client.recv(1)
    unread.set()
    check_nothing_is_left(server)
    server.check_clean()
    assert send(server).json()["result"] is True


def test_an_answer_comes_too_early_and_the_connection_lives_on(server: Live) -> None:
    """As of a gateway that has seen enough; then comes what is said, and the rest of the body disturbs nobody."""
    arm(server, {"status": 413, "retry_after": 3, "latency": "2s"}, then=["ok", {"status": 503}])
    began = server.world.sim.now
    answer = send(server)
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (413, "Request Entity Too Large", "3")
    assert server.world.sim.now - began == 2 * SECOND
    exchange = server.world.journal.entries()[-1]
    assert answer.headers["x-wiro-mock-request-id"] == exchange.id
    assert (exchange.status, exchange.outcome.operation) == (413, "File/Upload")
    assert exchange.line() in server.told
    check_nothing_is_left(server)
    assert send(server).json()["result"] is True
    assert reasons(server)[-1].startswith(
        "the fault ok (of status 413, retry_after 3, latency 2s on upload), set at here, "
    )
    assert [send(server).status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("after", [0, 100 * KIB])
def test_an_upload_is_read_slowly(server: Live, after: int) -> None:
    """The rest so many bytes a second, in the time of the world; the file is whole, and the journal tells of it."""
    arm(server, {"drip": 1 * KIB, "latency": "5s"}, after=after)
    began = server.world.sim.now
    assert send(server).json()["result"] is True
    size = 256 * KIB
    lasted = server.world.sim.now - began
    assert 5 * SECOND + (size - after) * SECOND // KIB <= lasted <= 6 * SECOND + (size - after) * SECOND // KIB
    ((_, file),) = server.world.sim.files.uploads.items()
    assert file.blob.size == size
    assert reasons(server)[-1].startswith("the fault latency 5s, drip 1024 on upload, set at here, no. 1 of 1; ")


def test_a_body_that_does_not_get_so_far_is_no_call(server: Live) -> None:
    """Each request is counted once, at the byte that is meant; of two faults each at its own."""
    late = arm(server, {"status": 503}, after=200 * KIB, when={"nth": 2})
    early = arm(server, {"status": 502}, after=10 * KIB, when={"nth": 4})
    sizes = [1, 200, 250, 300, 250]
    assert [send(server, data=b"x" * (size * KIB)).status_code for size in sizes] == [200, 200, 503, 200, 502]
    assert (late.calls, early.calls) == (2, 4)


def test_who_has_no_key_is_struck_too(server: Live) -> None:
    """A gateway cuts off whoever sends too much; that is ours to choose."""
    arm(server, {"status": 413})
    assert send(server, headers={"x-api-key": "nobody's"}).status_code == 413
    assert send(server, headers={"x-api-key": "nobody's"}).status_code == 401


# -- the other doors -----------------------------------------------------------------------------------


def test_in_process_nothing_is_on_its_way() -> None:
    """The request is answered as ever; it says so in the journal, and at the end of the test."""
    with closing(WiroMock(key_only=True)) as wiro:
        wiro.fault("upload", after_sent=1000, reset=True)
        with wiro.respx(), httpx.Client(headers={"x-api-key": wiro.api_key}) as client:
            url = "https://api.wiro.ai/v1/File/Upload"
            for size in (10, 2000):
                assert client.post(url, files={"file": ("a.png", b"x" * size)}).json()["result"] is True
        why = (
            "could not apply: a request in process comes whole, and is never on its way; use wiro_server or wiro.serve("
        )
        assert [why in (one.reason or "") for one in wiro.requests] == [False, True]
        (problem,) = wiro.problems()
        assert "a request in process comes whole" in problem


def test_an_app_in_other_hands_can_answer_early_and_break_nothing() -> None:
    """`wiro.app`: whatever needs a connection of our own is refused, or says so."""
    with WiroMock(key_only=True) as wiro:
        app = wiro.app
        assert "reset on upload cannot be done by wiro.app" in misuse(
            lambda: wiro.fault("upload", after_sent=1, reset=True)
        )
        wiro.fault("upload", after_sent=1, status=503)

        async def play() -> int:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, headers={"x-api-key": wiro.api_key}) as client:
                return (
                    await client.post("http://wiro.test/v1/File/Upload", files={"file": ("a.png", FILE)})
                ).status_code

        assert anyio.run(play) == 503


# -- the language --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            {"on": "Task/Detail", "do": "reset"},
            "when.after_sent: Task/Detail sends no files; write upload, Run or Run/sync",
        ),
        (
            {"on": "upload", "do": "bad_json"},
            "when.after_sent: there is no answer yet to which bad_json could be done; write",
        ),
        ({"on": "upload", "do": {"drip": 5, "status": 503}}, "drip: is how fast the rest is read"),
        ({"on": "upload", "do": "reset", "effect": "after"}, "effect: a request that is cut off does not take place"),
        ({"on": "socket", "do": {"close": 1011}}, "when.after_sent: socket sends no files"),
        ({"on": "upload", "do": "reset", "when": {"after_bytes": 3}}, "when.after_bytes: is of the answer"),
        (
            {"on": "Run", "do": "reset", "when": {"status": "task_start"}},
            "when.status: a request of Run is about no task",
        ),
    ],
)
def test_what_cannot_be_meant_says_so(words: dict[str, Any], told: str) -> None:
    """With the way out."""
    with pytest.raises(ScenarioError) as error:
        make_fault({**words, "when": {"after_sent": 9, **words.get("when", {})}})
    assert told in str(error.value)


def test_of_a_glob_uploads_are_meant() -> None:
    """And of everything the runs, too."""
    when = {"after_sent": 9}
    assert make_fault({"on": "File/*", "do": "reset", "when": when}).operations == {"File/Upload"}
    assert make_fault({"on": "*", "do": "reset", "when": when}).operations == {"File/Upload", "Run", "Run/sync"}


def test_a_scenario_is_not_known_while_its_run_is_being_sent() -> None:
    """So its own faults cannot strike then."""
    text = """scenario: cut
about: Cut off.
steps: [exit: 0]
faults:
  - {on: Run, when: {after_sent: 5}, do: reset}
"""
    with pytest.raises(ScenarioError, match="nobody knows which scenario plays it; put the fault into a fault set"):
        make_world(scenarios=text).warm_up()
