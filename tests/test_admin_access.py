"""Who may use the control API: anybody on this machine, no page of elsewhere, and beyond it who has the token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live_kit import Live, live
from wiro_mock.admin import CLOSED, CROSS_SITE, GUARDED, OTHER_NAME, TOKEN_HEADER, WRONG_TOKEN, Access
from wiro_mock.control import RESOURCES


@pytest.fixture
def server() -> Iterator[Live]:
    with live(time="manual") as running:
        yield running


@pytest.mark.parametrize("token", ["", "t0ken"])
def test_beyond_loopback_everything_but_ready_is_closed(token: str) -> None:
    """403 with the sentence that names the way out, on known and unknown paths and on any verb."""
    with live(access=Access(closed=True, token=token)) as running:
        assert running.http.get("/__wiro/ready").status_code == 200
        for path in (*RESOURCES, "/", "/nothing"):
            if path == "/ready":
                continue
            for verb in ("GET", "POST", "PROPFIND"):
                answer = running.http.request(verb, f"/__wiro{path}", headers={"authorization": "Bearer"})
                assert (answer.status_code, answer.json()) == (403, {"error": GUARDED if token else CLOSED})
        assert "--admin-token" in CLOSED
        assert "--admin-token" in GUARDED


@pytest.mark.parametrize(
    "headers",
    [
        {"x-wiro-mock-admin-token": "t0ken"},
        {"authorization": "Bearer t0ken"},
        {"authorization": "bearer  t0ken"},
        {"authorization": "Bearer t0ken", "origin": "http://page.test", "host": "wiro.test"},
    ],
)
def test_the_token_opens_it_by_either_header(headers: dict[str, str]) -> None:
    """For a page of another origin and under another name, too: whoever has the token is let in."""
    with live(access=Access(closed=True, token="t0ken")) as running:
        assert running.http.get("/__wiro/tasks", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x-wiro-mock-admin-token": "T0ken"},
        {"x-wiro-mock-admin-token": ""},
        {"authorization": "t0ken"},
        {"authorization": "Basic t0ken"},
        {"authorization": "Bearer t0ken2"},
        {"cookie": "t0ken"},
    ],
)
def test_a_wrong_token_does_not(headers: dict[str, str]) -> None:
    """Nor does the right one in the wrong place."""
    with live(access=Access(closed=True, token="t0ken")) as running:
        assert running.http.get("/__wiro/tasks?t0ken", headers=headers).status_code == 403


@pytest.mark.parametrize("origin", ["http://page.test", "null", "http://127.0.0.1:1", "https://localhost"])
def test_a_page_of_another_origin_is_refused(server: Live, origin: str) -> None:
    """Any page that the tester has open could reset the server otherwise."""
    answer = server.http.post("/__wiro/reset", json={}, headers={"origin": origin})
    assert (answer.status_code, answer.json()) == (403, {"error": CROSS_SITE})
    own = server.http.post("/__wiro/reset", json={}, headers={"origin": server.thread.url})
    assert own.status_code == 200


@pytest.mark.parametrize("host", ["evil.test", "evil.test:4747", "127.0.0.1.evil.test", "localhost.evil.test"])
def test_a_page_whose_name_points_here_is_refused(server: Live, host: str) -> None:
    """DNS rebinding: of the same origin, as the browser sees it, but under a name that is not ours."""
    for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
        answer = server.http.get("/__wiro/tasks", headers=headers)
        assert (answer.status_code, answer.json()) == (403, {"error": OTHER_NAME})
    assert server.http.get("/__wiro/ready", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:4747", "wiro.localhost:1", "127.0.0.1", "[::1]:47"])
def test_names_of_this_machine_are_served(server: Live, host: str) -> None:
    """Every spelling that a browser cannot be tricked into."""
    assert server.http.get("/__wiro/tasks", headers={"host": host}).status_code == 200


def test_a_wrong_token_is_told_so() -> None:
    """Whoever sends one need not be told to start the server with one."""
    access = Access(closed=True, token="right")
    assert access.problem({TOKEN_HEADER: "wrong"}) == WRONG_TOKEN
    assert "--admin-token" in WRONG_TOKEN
    assert access.problem({"authorization": "Bearer wrong"}) == access.problem({TOKEN_HEADER: "wrong"})
    assert access.problem({}) == GUARDED
    assert access.problem({TOKEN_HEADER: "right"}) == ""
