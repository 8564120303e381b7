"""`wiro-mock ready`: what scripts of CI and health checks ask, word for word."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner, Result

from wiro_mock import Served, WiroMock
from wiro_mock.commands.ready import ready


def play(*words: str, **environment: str | None) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(ready, words, env={"WIRO_MOCK_URL": None, **environment})


@contextmanager
def answering(*bodies: bytes, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that answers its questions with these, the last one for ever."""
    left = list(bodies)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = left.pop(0) if len(left) > 1 else left[0]
            if not body:
                return  # closes without a word
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def origin(wiro_server: Served) -> str:
    """A real server, by its own address."""
    return wiro_server.url.removesuffix("/v1")


def test_a_server_that_can_serve(wiro: WiroMock, origin: str) -> None:
    """By argument, with the address of the API too, or by the variable; a proxy of the environment plays no part."""
    proxies = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "NO_PROXY": ""}
    for result in (play(origin), play(f"{origin}/v1"), play(WIRO_MOCK_URL=origin), play(origin, **proxies)):
        assert (result.exit_code, result.output) == (0, "ready\n")


def test_the_health_check_of_a_container_finds_the_server_by_its_variables(origin: str) -> None:
    """It is given no arguments, so it goes by the port that `serve` goes by; a named address goes first."""
    port = origin.rsplit(":", 1)[1]
    nowhere = {"WIRO_MOCK_SERVE_PORT": None, "WIRO_MOCK_PORT": "1"}
    assert play(**{**nowhere, "WIRO_MOCK_PORT": port}).output == "ready\n"
    assert play(**{**nowhere, "WIRO_MOCK_SERVE_PORT": port}).output == "ready\n"
    assert play(**nowhere, WIRO_MOCK_URL=origin).output == "ready\n"
    result = play(**nowhere)
    assert (result.exit_code, result.output) == (
        1,
        "Error: nothing is ready at http://127.0.0.1:1: Connection refused\n",
    )


def test_the_health_check_finds_a_server_with_tls() -> None:
    """Whether a variable, a file or a flag has it speak TLS."""
    trustme = pytest.importorskip("trustme")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with answering(b'{"ready": true}', tls=context) as url:
        port = url.rsplit(":", 1)[1]
        assert play(WIRO_MOCK_SERVE_PORT=None, WIRO_MOCK_PORT=port).output == "ready\n"


@pytest.mark.parametrize("wait", [(), ("--wait", "0.2")])
def test_nobody_there(wait: tuple[str, ...]) -> None:
    result = play("http://127.0.0.1:1", *wait)
    waited = " for 0.2 s" if wait else ""
    expected = f"Error: nothing is ready at http://127.0.0.1:1{waited}: Connection refused\n"
    assert (result.exit_code, result.output) == (1, expected)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>nginx</html>", "something else answers there, no wiro-mock"),
        (b'["ready"]', "something else answers there, no wiro-mock"),
        (b'{"ready": "yes"}', "something else answers there, no wiro-mock"),
        (b"", "Remote end closed connection without response"),
    ],
)
def test_somebody_else_there(body: bytes, words: str) -> None:
    with answering(body) as url:
        result = play(url)
    assert (result.exit_code, result.output) == (1, f"Error: nothing is ready at {url}: {words}\n")


def test_it_waits_until_the_server_can_serve() -> None:
    """As long as it may, and no longer than it must."""
    with answering(b"", b"starting", b'{"ready": true}') as url:
        result = play(url, "--wait", "60")
    assert (result.exit_code, result.output) == (0, "ready\n")


@pytest.mark.parametrize("url", ["localhost:4747", "ftp://localhost", "http://", "http://h:port", "http://[::1"])
def test_what_is_no_address(url: str) -> None:
    result = play(url)
    assert result.exit_code == 2
    assert f"{url!r} is no address; write one such as http://127.0.0.1:4747" in result.output
