"""The same fault on a real socket and in process: a client meets the same, if with other bytes of noise around it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import httpx
import pytest

from tests.api_kit import signed
from tests.live_kit import eventually
from tests.process_kit import PATIENCE
from tests.test_library_choosing import misuse
from wiro_mock import server
from wiro_mock.api import OPERATIONS
from wiro_mock.faults.deeds import DEEDS
from wiro_mock.language import verbs
from wiro_mock.library import WiroMock
from wiro_mock.misuse import WaitsForEver

Outcome: TypeAlias = tuple[object, ...]
IMPATIENT: Final = httpx.Timeout(PATIENCE, read=0.25)
PATIENT: Final = httpx.Timeout(PATIENCE)


def patience(given: dict[str, Any]) -> httpx.Timeout:
    """Short only where the answer never comes: nobody's speed is tested here."""
    return IMPATIENT if "hang" in given else PATIENT


CASES: Final[dict[str, tuple[dict[str, Any], Outcome]]] = {
    "ok": ({"ok": True}, (200, "object")),
    "status": ({"status": 503, "retry_after": 3}, (503, "no JSON")),
    "code": ({"code": 96}, (200, "object")),
    "message": ({"code": 5, "message": "out of order", "status": 429}, (429, "object")),
    "retry_after": ({"status": 429, "retry_after": 0}, (429, "no JSON")),
    "redirect_loop": ({"redirect_loop": True}, ("TooManyRedirects",)),
    "garbage": ({"garbage": True}, (200, "no JSON")),
    "top_level": ({"top_level": "array"}, (200, "list")),
    "null": ({"top_level": "null"}, (200, "NoneType")),
    "bad_json": ({"bad_json": True}, (200, "no JSON")),
    "corrupt": ({"corrupt": 64}, (200, "no JSON")),
    "content_type": ({"content_type": "text/html"}, (200, "object")),
    "latency": ({"latency": "1ms"}, (200, "object")),
    "drip": ({"drip": 100_000}, (200, "object")),
    "hang": ({"hang": True}, ("ReadTimeout",)),
    "hang later": ({"hang": True, "after_bytes": 10}, ("ReadTimeout",)),
    "reset": ({"reset": True}, ("ReadError",)),
    "reset later": ({"reset": True, "after_bytes": 10}, ("ReadError",)),
    "disconnect": ({"disconnect": True}, ("RemoteProtocolError",)),
    "disconnect later": ({"disconnect": True, "after_bytes": 10}, ("RemoteProtocolError",)),
    "truncate": ({"truncate": True}, ("RemoteProtocolError",)),
    "truncate at once": ({"truncate": 0}, ("RemoteProtocolError",)),
}


def test_the_tables_are_whole() -> None:
    """The language's names are those of the API; each verb of answers has its deed and its case."""
    assert set(verbs.OPERATIONS) == {operation.name for operation in OPERATIONS}
    built = {name for name, verb in verbs.VERBS.items() if {"api", "file"} & {*verb.where}}
    assert set(DEEDS) >= built
    assert built - set(CASES) == {"expired"}


@contextmanager
def door(wiro: WiroMock, name: str) -> Iterator[str]:
    """Where the API is through this door."""
    if name == "socket":
        with wiro.serve() as served:
            yield served.url
    else:
        with wiro.respx():
            yield "https://api.wiro.ai/v1"


def outcome(send: Callable[[], httpx.Response]) -> Outcome:
    """What a client makes of an answer, or the exception that it has to deal with."""
    try:
        answer = send()
    except (httpx.HTTPError, httpx.TooManyRedirects) as error:
        return (type(error).__name__,)
    return read(answer)


def read(answer: httpx.Response) -> Outcome:
    try:
        made = answer.json()
    except ValueError:
        return answer.status_code, "no JSON"
    return answer.status_code, "object" if isinstance(made, dict) else type(made).__name__


@pytest.mark.parametrize("where", ["socket", "respx"])
@pytest.mark.parametrize("case", CASES)
def test_a_verb_is_the_same_through_both_doors(where: str, case: str) -> None:
    """And it is over after it: the next call of the same client is answered."""
    given, expected = CASES[case]
    with WiroMock(seed=1, key_only=True) as wiro:
        wiro.fault("Task/List", **given)
        with door(wiro, where) as base, httpx.Client(headers={"x-api-key": wiro.api_key}) as client:

            def send(timeout: httpx.Timeout) -> httpx.Response:
                return client.post(f"{base}/Task/List", json={}, follow_redirects=True, timeout=timeout)

            assert outcome(lambda: send(patience(given))) == expected
            assert outcome(lambda: send(PATIENT)) == (200, "object")


@pytest.mark.parametrize("case", ["hang", "reset later", "truncate", "drip", "status", "redirect_loop"])
def test_an_async_client_in_process_meets_the_same(case: str) -> None:
    """And its loop is never blocked: nothing waits."""
    given, expected = CASES[case]

    async def play(wiro: WiroMock) -> Outcome:
        async with httpx.AsyncClient(timeout=5, headers={"x-api-key": wiro.api_key}) as client:
            try:
                return read(await client.post("https://api.wiro.ai/v1/Task/List", json={}, follow_redirects=True))
            except (httpx.HTTPError, httpx.TooManyRedirects) as error:
                return (type(error).__name__,)

    with WiroMock(seed=1, key_only=True) as wiro, wiro.respx():
        wiro.fault("Task/List", **given)
        assert asyncio.run(play(wiro)) == expected


def test_in_process_what_lasts_too_long_is_a_timeout_at_once() -> None:
    """The clock moves by what the client has waited: its timeout, or the latency."""
    with WiroMock(seed=1, key_only=True) as wiro, wiro.respx(), httpx.Client(timeout=30) as client:
        headers = {"x-api-key": wiro.api_key}
        wiro.fault("Tool/List", latency="10m")
        wiro.fault("Tool/List", latency=7.0)
        wiro.fault("Tool/List", hang=True)
        began = wiro.now
        with pytest.raises(httpx.ReadTimeout):
            client.post("https://api.wiro.ai/v1/Tool/List", headers=headers)
        assert wiro.now - began == 30
        client.post("https://api.wiro.ai/v1/Tool/List", headers=headers)
        assert wiro.now - began == 37
        with pytest.raises(httpx.ReadTimeout):
            client.post("https://api.wiro.ai/v1/Tool/List", headers=headers)
        assert wiro.now - began == 67


def test_a_client_without_a_timeout_that_hangs_is_told() -> None:
    """In process nobody may wait for ever, and a timeout that nobody has set must not come to its rescue."""
    with WiroMock(seed=1) as wiro, wiro.respx(), httpx.Client(timeout=None) as client:
        wiro.fault("Tool/List", hang=True)
        with pytest.raises(WaitsForEver, match="this client has no read timeout and would wait for ever"):
            client.post("https://api.wiro.ai/v1/Tool/List")


def test_a_reset_is_a_real_one() -> None:
    """The kernel says so to a client that knows nothing of HTTP; a FIN is an empty read instead."""
    with WiroMock(seed=1) as wiro, wiro.serve() as served:
        address = served.origin.removeprefix("http://").split(":")
        wiro.fault("Tool/List", reset=True)
        wiro.fault("Tool/List", disconnect=True)
        request = b"POST /v1/Tool/List HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
        with socket.create_connection((address[0], int(address[1])), timeout=PATIENCE) as raw:
            raw.sendall(request)
            with pytest.raises(ConnectionResetError):
                raw.recv(100)
        with socket.create_connection((address[0], int(address[1])), timeout=PATIENCE) as raw:
            raw.sendall(request)
            assert raw.recv(100) == b""


def test_a_server_stops_while_a_client_hangs() -> None:
    """A hang ends with the server: the client is cut off, and nobody waits for it."""
    with WiroMock(seed=1) as wiro:
        wiro.fault("Tool/List", hang=True)
        with wiro.serve() as served:
            address = served.origin.removeprefix("http://").split(":")
            raw = socket.create_connection((address[0], int(address[1])), timeout=PATIENCE)
            raw.sendall(b"POST /v1/Tool/List HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            eventually(lambda: wiro.requests)
        with raw:
            assert raw.recv(100) == b""


def test_real_time_is_waited_for() -> None:
    """On a real socket, where the world's time is real: a latency is a timeout of the client's own clock."""
    with WiroMock(seed=1, time="real") as wiro, wiro.serve() as served, httpx.Client(timeout=IMPATIENT) as client:
        wiro.fault("Tool/List", latency="1h")
        with pytest.raises(httpx.ReadTimeout):
            client.post(f"{served.url}/Tool/List")
        wiro.fault("Tool/Detail", drip=5)
        with pytest.raises(httpx.ReadTimeout):  # a piece each 200 ms, and each is waited for
            client.post(f"{served.url}/Tool/Detail", timeout=httpx.Timeout(PATIENCE, read=0.05))


def test_what_a_door_cannot_do_is_said_when_it_is_set_up() -> None:
    """An ASGI app has no connection to break; in either order, unless another door is open, too."""
    with WiroMock(seed=1) as wiro:
        _ = wiro.app
        assert misuse(lambda: wiro.fault("Tool/List", reset=True)) == (
            "fault: reset on Tool/List cannot be done by wiro.app, for an ASGI app cannot break its connection; use "
            "wiro.serve() or wiro_server (a real socket), or wiro.respx()"
        )
        wiro.fault("Tool/List", status=500, optional=True)
        with wiro.respx():
            wiro.fault("Tool/List", reset=True, optional=True)
    with WiroMock(seed=1) as other:
        other.fault("Tool/List", then=["hang"], optional=True)
        assert "hang on Tool/List cannot be done by wiro.app" in misuse(lambda: other.app)


def test_what_could_not_be_done_is_told_at_the_end() -> None:
    """It is not spent, and Wiro's own answer is whole."""

    async def play(wiro: WiroMock) -> httpx.Response:
        transport = httpx.ASGITransport(wiro.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://wiro") as client:
            return await client.post("/v1/Tool/List", headers=signed())

    wiro = WiroMock(seed=1)
    with wiro.respx():
        wiro.fault("Tool/List", reset=True)
        wiro.fault("Tool/Detail", truncate=100_000)
        answer = asyncio.run(play(wiro))
        assert answer.json()["result"] is True
        httpx.post("https://api.wiro.ai/v1/Tool/Detail", json={})
    first, second = wiro.problems()
    assert first.startswith("fault could not apply: reset on Tool/List, set at tests/test_fault_doors.py:")
    assert "an ASGI app in somebody else's hands cannot break its connection" in first
    assert "bytes, and it was to end after 100000; remove it, or write optional=True" in second
    assert "could not apply" in wiro.requests[0].reason
    wiro.close()


@pytest.mark.parametrize("case", ["reset", "reset later", "truncate", "hang later", "disconnect", "status"])
def test_the_parser_and_the_loop_of_python_do_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """h11 and asyncio, where httptools and uvloop are not installed."""
    from uvicorn.protocols.http import auto
    from uvicorn.protocols.http.h11_impl import H11Protocol

    monkeypatch.setattr(auto, "AutoHTTPProtocol", H11Protocol)
    monkeypatch.setattr(server, "loop_factory", lambda: None)
    given, expected = CASES[case]
    with WiroMock(seed=1) as wiro, wiro.serve() as served, httpx.Client(timeout=patience(given)) as client:
        wiro.fault("Tool/List", **given)
        assert outcome(lambda: client.post(f"{served.url}/Tool/List")) == expected


@pytest.mark.parametrize("where", ["socket", "respx"])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"status": 403}, (403, 9)),
        ({"status": 404}, (404, 9)),
        ({"expired": True}, (403, 78)),
        ({"truncate": True}, "RemoteProtocolError"),
        ({"reset": True, "after_bytes": 1_000_000}, "ReadError"),
        ({"hang": True, "after_bytes": 1_000_000}, "ReadTimeout"),
        ({"corrupt": 5}, (200, 3_000_000)),
        ({"drip": 100_000_000}, (200, 3_000_000)),
        ({"garbage": 10}, (200, 10)),
    ],
)
def test_a_large_file_is_damaged_on_its_way(where: str, given: dict[str, Any], expected: object) -> None:
    """Of the world's disk: it is let go of however it ends, and the next download is whole."""
    with (
        WiroMock(seed=1, key_only=True) as wiro,
        door(wiro, where) as base,
        httpx.Client(timeout=PATIENT, headers={"x-api-key": wiro.api_key}) as client,
    ):
        data = bytes(range(250)) * 12_000
        sent = client.post(f"{base}/File/Upload", files={"file": ("a.mp4", data, "image/png")})
        url = sent.json()["list"][0]["url"]
        wiro.fault("cdn", **given)
        if isinstance(expected, str):
            assert outcome(lambda: client.get(url, timeout=patience(given))) == (expected,)
        else:
            answer = client.get(url)
            assert (answer.status_code, len(answer.content)) == expected
            assert (answer.content == data) is ("drip" in given)
        assert client.get(url).content == data
        wiro.fault("cdn", corrupt=1)
        with client.stream("GET", url):
            pass  # not read at all


def test_the_journal_of_a_lost_answer_can_be_exported(tmp_path: Path) -> None:
    """Its status is 0, as HAR has it for a request without an answer."""
    with WiroMock(seed=1) as wiro, wiro.respx(), httpx.Client() as client:
        wiro.fault("Tool/List", reset=True)
        with pytest.raises(httpx.ReadError):
            client.post("https://api.wiro.ai/v1/Tool/List")
        for name in ("a.har", "a.jsonl"):
            wiro.export(tmp_path / name)
            assert '"status": 0' in (tmp_path / name).read_text().replace('":0', '": 0')
        assert "never answered" in wiro.explain("req-1")


def test_faults_are_a_keyword() -> None:
    """Of the mark, of a flag, of the ini file; a wrong name is told."""
    with WiroMock(seed=1, faults="slow-gpu,cold-start") as wiro:
        assert [armed.of.name for armed in wiro.world.fault_sets] == ["slow-gpu", "cold-start"]
    assert misuse(lambda: WiroMock(faults=["slow-gup"])) == "faults: no fault set 'slow-gup'; did you mean 'slow-gpu'?"
