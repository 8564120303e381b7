"""A port that is a proxy for Wiro's hosts, or speaks TLS: clients with Wiro's own addresses are served there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests
from websockets.sync.client import connect

from tests.live_kit import eventually
from tests.reach.reach_kit import MODEL, Reached, reached
from wiro_mock.reach.doors import MOST_TUNNELS, Doors, is_loopback
from wiro_mock.reach.front import HEAD_BYTES

PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 100


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def loops(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each event loop on which a server may run."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "asyncio":
            patch.setattr("wiro_mock.server.loop_factory", lambda: None)
        else:
            pytest.importorskip("uvloop")
        yield


@pytest.fixture(scope="module")
def proxied(loops: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    with reached(tmp_path_factory.mktemp("proxied")) as one:
        yield one


@pytest.fixture(scope="module")
def tls(loops: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    with reached(tmp_path_factory.mktemp("tls"), tls=True) as one:
        yield one


@pytest.fixture(scope="module")
def far() -> Iterator[int]:
    """A server that is not Wiro's: it says who it is first, and then what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    one, _ = listening.accept()
                except OSError:
                    return
                with one, contextlib.suppress(ConnectionError):  # whoever is refused may reset
                    one.sendall(b"hello, ")
                    while data := one.recv(4096):
                        one.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def said(one: Reached, request: bytes, *, more: bytes = b"", until: bytes = b"") -> bytes:
    """Everything that comes back on a connection of its own."""
    with socket.create_connection((one.thread.host, one.thread.port), timeout=20) as raw:
        raw.sendall(request)
        answer = b""
        while piece := raw.recv(4096):
            answer += piece
            if more and b"\r\n\r\n" in answer:
                raw.sendall(more)
                more = b""
            if until and until in answer:
                break
        return answer


def wait_for(one: Reached, text: str) -> str:
    """The line with this text, which is told in another thread."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for line in tuple(one.told):
            if text in line:
                return line
        time.sleep(0.005)
    raise AssertionError((text, one.told))


# -- clients -------------------------------------------------------------------------------------------


def test_requests_plays_a_whole_task(proxied: Reached) -> None:
    """Upload, run, poll and download, all at Wiro's own addresses, which are also those in the answers."""
    with requests.Session() as http:
        http.trust_env = False
        http.proxies, http.verify = {"https": proxied.proxy}, str(proxied.ca)
        http.headers.update(proxied.headers)
        run = http.post(f"https://api.wiro.ai/v1/Run/{MODEL}", files={"inputImage": ("cat.png", PICTURE)}).json()
        task = http.post("https://api.wiro.ai/v1/Task/Detail", json={"tasktoken": run["socketaccesstoken"]}).json()
        (shape,) = task["tasklist"]
        assert shape["parameters"]["inputImage"].startswith("https://api.wiro.ai/v1/File/")
        assert http.get(shape["parameters"]["inputImage"]).content == PICTURE
        output = shape["outputs"][0]["url"]
        assert output.startswith("https://cdn1.wiro.ai/")
        assert http.get(output).text == shape["debugoutput"]


def test_aiohttp_and_httpx_and_websockets(proxied: Reached) -> None:
    """Each by its own way to name a proxy."""

    async def with_aiohttp() -> str:
        async with aiohttp.ClientSession(headers=proxied.headers) as session:
            url, json = f"https://api.wiro.ai/v1/Run/{MODEL}", {"inputImage": "https://example.com/cat.png"}
            async with session.post(url, json=json, proxy=proxied.proxy, ssl=proxied.context()) as answer:
                token: str = (await answer.json())["socketaccesstoken"]
            return token

    token = asyncio.run(with_aiohttp())
    with httpx.Client(timeout=60, proxy=proxied.proxy, verify=proxied.context(), headers=proxied.headers) as http:
        assert http.post("https://api.wiro.ai/v1/Task/Detail", json={"tasktoken": token}).json()["total"] == "1"
    with connect("wss://socket.wiro.ai/v1", open_timeout=60, proxy=proxied.proxy, ssl=proxied.context()) as ws:
        assert "connected" in str(ws.recv())
        ws.send(f'{{"type": "task_info", "tasktoken": "{token}"}}')
        assert "task_" in str(ws.recv())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_for_a_whole_url(proxied: Reached, scheme: str) -> None:
    """As any client asks a proxy for http://, and some versions of axios for https:// too."""
    body = b'{"inputImage": "https://example.com/cat.png"}'
    head = (
        f"POST {scheme}://api.wiro.ai/v1/Run/{MODEL} HTTP/1.1\r\nHost: elsewhere.example\r\n"
        f"Proxy-Connection: keep-alive\r\nx-api-key: {proxied.wiro.api_key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    answer = said(proxied, head.encode() + body)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"socketaccesstoken" in answer
    assert b"connection: close" in answer.lower()


def test_a_plain_request_is_served_beside_the_proxy(proxied: Reached) -> None:
    """The base URL of the mock's own is still there, and so is the control API; byte by byte, too."""
    assert httpx.get(f"{proxied.proxy}/__wiro/ready", trust_env=False, timeout=60).json() == {"ready": True}
    with socket.create_connection((proxied.thread.host, proxied.thread.port), timeout=20) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"GET /__wiro/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":
            raw.sendall(bytes((byte,)))
        assert raw.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_plain_socket_through_connect(proxied: Reached) -> None:
    """`ws://` at port 80 is asked for by CONNECT, too, and no TLS follows."""
    with connect("ws://socket.wiro.ai/v1", open_timeout=60, proxy=proxied.proxy) as ws:
        assert "connected" in str(ws.recv())


def test_the_gateway_is_refused_politely(proxied: Reached) -> None:
    """In the shape that its clients read; the call is unexpected."""
    with httpx.Client(timeout=60, proxy=proxied.proxy, verify=proxied.context()) as http:
        answer = http.post("https://llm.wiro.ai/v1/chat/completions", json={"model": "x", "messages": []})
    assert answer.status_code == 404
    assert "does not play the LLM gateway" in answer.json()["error"]["message"]
    assert any("llm.wiro.ai" in path for _, path in proxied.wiro.world.unexpected)


def test_faults_break_the_connection_under_tls(proxied: Reached) -> None:
    """A reset is a reset, not an end in good order."""
    proxied.wiro.fault("Tool/List", reset=True)
    with (
        httpx.Client(timeout=60, proxy=proxied.proxy, verify=proxied.context()) as http,
        pytest.raises(httpx.TransportError),
    ):
        http.post("https://api.wiro.ai/v1/Tool/List", json={})
    assert not [problem for problem in proxied.wiro.problems() if "fault" in problem]


# -- TLS by itself --------------------------------------------------------------------------------------


def test_tls_under_every_name_of_ours(tls: Reached) -> None:
    """For those who redirect names by a hosts file; `http` on this port is one sentence."""
    assert tls.thread.url.startswith("https://")
    assert tls.thread.socket_url.startswith("wss://")
    with httpx.Client(timeout=60, verify=tls.context(), trust_env=False) as http:
        assert http.get(f"{tls.thread.url}/__wiro/ready").json() == {"ready": True}
    for name in ("api.wiro.ai", "socket.wiro.ai", "cdn1.wiro.ai", "localhost"):
        with (
            socket.create_connection((tls.thread.host, tls.thread.port), timeout=20) as raw,
            tls.context().wrap_socket(raw, server_hostname=name) as secure,
        ):
            assert secure.version() == "TLSv1.3"
    with connect(tls.thread.socket_url, open_timeout=60, ssl=tls.context(), proxy=None) as ws:
        assert "connected" in str(ws.recv())


def test_a_plain_request_to_the_tls_port(tls: Reached) -> None:
    """It is answered, and told."""
    answer = httpx.get(tls.thread.url.replace("https", "http"), trust_env=False)
    assert answer.status_code == 400
    assert "say https:// and wss://" in answer.text
    wait_for(tls, "a plain request came to the port that speaks TLS")


def test_tls_to_a_plain_port_is_told(proxied: Reached) -> None:
    """The client only sees that it fails."""
    with (
        socket.create_connection((proxied.thread.host, proxied.thread.port), timeout=20) as raw,
        pytest.raises((ssl.SSLError, OSError)),
    ):
        proxied.context().wrap_socket(raw, server_hostname="api.wiro.ai")
    wait_for(proxied, "a client speaks TLS, and this port does not")


@pytest.mark.parametrize(
    ("agent", "variable"), [("python-requests/2", "REQUESTS_CA_BUNDLE"), ("", "the variables of its stack")]
)
def test_a_client_that_does_not_trust_the_ca(proxied: Reached, agent: str, variable: str) -> None:
    """The log says so, with the variable that its stack reads."""
    with socket.create_connection((proxied.thread.host, proxied.thread.port), timeout=20) as raw:
        raw.sendall(f"CONNECT api.wiro.ai:443 HTTP/1.1\r\nUser-Agent: {agent}\r\n\r\n".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 200")
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(raw, server_hostname="api.wiro.ai")
    line = wait_for(proxied, f"set {variable} as")
    assert "api.wiro.ai: a client does not trust the CA of wiro_mock (tlsv1 alert unknown ca)" in line
    assert "wiro-mock ca --env" in line


# -- what is not Wiro's ---------------------------------------------------------------------------------


def test_other_hosts_are_tunnelled(proxied: Reached, far: int) -> None:
    """In both directions, also where the far end speaks first; and a plain request is passed on whole."""
    tunnel = f"CONNECT 127.0.0.1:{far} HTTP/1.1\r\n\r\n".encode()
    answer = said(proxied, tunnel, more=b"world", until=b"world")
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\nhello, world"
    request = f"GET http://127.0.0.1:{far}/path?q=1 HTTP/1.1\r\nProxy-Authorization: secret\r\nX: y\r\n\r\n"
    passed = said(proxied, request.encode(), until=b"\r\n\r\n")
    assert passed.startswith(b"hello, GET /path?q=1 HTTP/1.1\r\n")
    assert b"X: y" in passed
    assert b"secret" not in passed


def test_many_bytes_go_through_a_tunnel(proxied: Reached, far: int) -> None:
    """More than any buffer holds, to somebody who reads late: nobody waits for ever, and nothing is lost."""
    sent = bytes(range(256)) * 20_000
    with socket.create_connection((proxied.thread.host, proxied.thread.port), timeout=30) as raw:
        raw.sendall(f"CONNECT 127.0.0.1:{far} HTTP/1.1\r\n\r\n".encode())

        def send() -> None:
            raw.sendall(sent)
            raw.shutdown(socket.SHUT_WR)

        threading.Thread(target=send, daemon=True).start()
        got = bytearray()
        while piece := raw.recv(1 << 16):
            got += piece
    assert got.partition(b"hello, ")[2] == sent


@pytest.mark.parametrize(
    ("request_line", "status", "sentence"),
    [
        ("CONNECT nonsense HTTP/1.1", 400, "CONNECT takes host:port"),
        ("CONNECT [::1 HTTP/1.1", 400, "CONNECT takes host:port"),
        ("CONNECT example.com:99999 HTTP/1.1", 400, "CONNECT takes host:port"),
        ("CONNECT 127.0.0.1:1 HTTP/1.1", 502, "127.0.0.1:1 cannot be reached"),
        ("GET http:///nowhere HTTP/1.1", 400, "no such URL"),
        ("GET https://example.com/ HTTP/1.1", 400, "is asked for https:// by CONNECT"),
        (f"GET http://example.com/{'a' * HEAD_BYTES} HTTP/1.1", 431, "too long for a proxy"),
    ],
)
def test_what_a_proxy_cannot_do(proxied: Reached, request_line: str, status: int, sentence: str) -> None:
    """Each is answered in a sentence, and nothing hangs."""
    end = "" if status == 431 else "\r\n\r\n"
    answer = said(proxied, f"{request_line}{end}".encode())
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert sentence in answer.decode()


def test_a_forbidden_host(tmp_path: Path, far: int) -> None:
    """Refused by the list, told, and never asked for."""
    with reached(tmp_path, tunnel=["*.example.com"]) as one:
        answer = said(one, f"CONNECT 127.0.0.1:{far} HTTP/1.1\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"127.0.0.1 is none of the hosts of --tunnel" in answer
        assert "refused 127.0.0.1" in wait_for(one, "proxy: ")


def doors(*tunnel: str) -> Doors:
    def never() -> object:
        raise AssertionError

    return Doors(proxy=True, tunnel=tunnel, renew=never, tell=print)  # type: ignore[arg-type]


def test_whom_a_proxy_leads_where() -> None:
    """This machine everywhere; others nowhere but to what was named; nobody to the real Wiro, and not too many."""
    assert doors().refusal("example.com", "127.0.0.1") == ""
    assert "for this machine only; --tunnel example.com" in doors().refusal("example.com", "192.168.1.7")
    assert doors("*.example.com").refusal("A.example.com.", "192.168.1.7") == ""
    assert "none of the hosts" in doors("none").refusal("example.com", "127.0.0.1")
    for host in ("api.wiro.ai", "WIRO.ai.", "x.y.wiro.ai"):
        assert "answered here" in doors("*").refusal(host, "127.0.0.1")
    full = doors()
    full.tunnels = MOST_TUNNELS
    assert "tunnels are open" in full.refusal("example.com", "127.0.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost.", "::1", "169.254.169.254", "fe80::1%eth0", "0.0.0.0"])
def test_nobody_else_is_led_to_what_this_machine_alone_reaches(host: str) -> None:
    """Its loopback, and a cloud's metadata: a glob does not mean them, nor a name that leads there."""
    address = {"localhost.": "127.0.0.1"}.get(host, host)
    assert "without a glob" in doors("*").inner_refusal(host, address, "192.168.1.7")
    assert "without a glob" in doors("*").inner_refusal("innocent.example", address, "192.168.1.7")
    assert doors("*", host.rstrip(".")).inner_refusal(host, address, "192.168.1.7") == ""
    assert doors("*").inner_refusal(host, address, "127.0.0.1") == ""
    assert doors("*").inner_refusal("example.com", "93.184.215.14", "192.168.1.7") == ""


def test_the_address_that_a_name_led_to_is_looked_at(tmp_path: Path, far: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After connecting, before a byte: a client on another machine learns nothing of it."""
    with reached(tmp_path, tunnel=["*"]) as one:
        monkeypatch.setattr("wiro_mock.reach.doors.is_loopback", lambda address: address == "elsewhere")
        answer = said(one, f"CONNECT localhost:{far} HTTP/1.1\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"which is this machine's alone" in answer
        eventually(lambda: one.doors.tunnels == 0)


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x00\x05hello", b"\x00" * 300, b"\x16" + b"\xff" * 2000])
def test_garbage_after_connect_is_let_go(proxied: Reached, garbage: bytes) -> None:
    """Where TLS should begin; the port serves on."""
    with socket.create_connection((proxied.thread.host, proxied.thread.port), timeout=20) as raw:
        raw.sendall(b"CONNECT api.wiro.ai:443 HTTP/1.1\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 200")
        raw.sendall(garbage)
        raw.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while raw.recv(4096):
                pass
    assert httpx.get(f"{proxied.proxy}/__wiro/ready", trust_env=False, timeout=60).json() == {"ready": True}


def test_another_name_in_the_handshake_is_the_clients_to_refuse(proxied: Reached) -> None:
    """The certificate has Wiro's names, whatever is asked for: who wants another site's does not believe it."""
    with socket.create_connection((proxied.thread.host, proxied.thread.port), timeout=20) as raw:
        raw.sendall(b"CONNECT api.wiro.ai:443 HTTP/1.1\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 200")
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            proxied.context().wrap_socket(raw, server_hostname="example.com")


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False), ("", False)],
)
def test_what_is_this_machine(address: str, here: bool) -> None:
    """Also as an IPv6 listener sees it."""
    assert is_loopback(address) is here


def test_tunnels_are_counted_and_given_back(proxied: Reached, far: int) -> None:
    """After its end, and where it never came to be."""
    said(proxied, f"CONNECT 127.0.0.1:{far} HTTP/1.1\r\n\r\n".encode(), until=b"hello")
    said(proxied, b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n")
    end = time.monotonic() + 20
    while proxied.doors.tunnels and time.monotonic() < end:
        time.sleep(0.005)
    assert proxied.doors.tunnels == 0
