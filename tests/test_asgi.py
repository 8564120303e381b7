"""The HTTP half of the app over real connections: paths, pages of other origins, HEAD."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.api_kit import CAPTION, make_world, signed
from tests.live_kit import Live, live, raw
from wiro_mock import hosting


@pytest.fixture(scope="module")
def auto() -> Iterator[Live]:
    """One server in virtual time for all tests here; polls are worth nothing."""
    with live(poll=0) as running:
        yield running


@pytest.mark.parametrize("path", ["/v1", "/", "/v2", "/v1/%0A", "/v1/Run/a%2Fb", "/__wiro%0A"])
def test_any_path_without_an_upgrade_is_answered_by_the_api(auto: Live, path: str) -> None:
    """404 in Wiro's own words, without a redirect, for every path that there can be."""
    answer = auto.http.get(path)
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (404, "Error parsing url.")


def test_a_page_may_preflight_any_call_with_its_headers(auto: Live) -> None:
    """From any origin, `null` too, with x-api-key and the rest; also towards a private network."""
    answer = auto.http.options(
        CAPTION,
        headers={
            "origin": "null",
            "access-control-request-method": "POST",
            "access-control-request-headers": "x-api-key,x-nonce,x-signature,content-type",
            "access-control-request-private-network": "true",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "x-signature" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-private-network"] == "true"


def test_a_page_may_read_every_answer(auto: Live) -> None:
    """Refusals of any status and files as well: an answer without the header is a riddle to whoever debugs."""
    task_id, token = auto.run()
    auto.frames_of(token)
    file = auto.detail(task_id)["outputs"][0]["url"]
    page = {"origin": "http://page.test"}
    answers = [
        auto.http.post(CAPTION, json={}, headers=signed() | page),
        auto.http.post(CAPTION, json={}, headers=page),
        auto.http.get("/nowhere", headers=page),
        auto.http.get(file, headers=page),
        auto.http.get(file, headers=page | {"range": "bytes=0-3"}),
        auto.http.get(file.replace("0.txt", "1.txt"), headers=page),
    ]
    assert [answer.status_code for answer in answers][:5] == [200, 401, 404, 200, 206]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {"*"}
    admin = auto.http.get("/__wiro/ready", headers={"origin": auto.thread.url})
    assert "access-control-allow-origin" not in admin.headers


def test_head_gives_the_headers_of_get_and_no_body(auto: Live) -> None:
    """On a file; the connection stays usable."""
    task_id, token = auto.run()
    auto.frames_of(token)
    file = auto.detail(task_id)["outputs"][0]["url"]
    sock = raw((auto.thread.host, auto.thread.port))
    with sock:
        path = file.removeprefix(auto.thread.url)
        for _ in range(2):
            sock.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            received = b""
            while b"\r\n\r\n" not in received:
                received += sock.recv(4096)
            assert received.endswith(b"\r\n\r\n")
            assert b"content-length: 75\r\n" in received
    assert auto.http.head(file).headers["etag"] == auto.http.get(file).headers["etag"]


def test_what_fails_while_warming_up_is_left_to_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread dies loudly, as it once did under load; a scenario file that is broken by now is told of by a Run."""
    died: list[object] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    tried = threading.Event()

    def fail() -> None:
        tried.set()
        raise RuntimeError("broken by now")

    before = set(threading.enumerate())
    hosting._warm(fail, make_world())
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert (tried.is_set(), died) == (True, [])
