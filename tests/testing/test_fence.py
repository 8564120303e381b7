"""While the plugin is there, no test looks up the real Wiro unless it is allowed, whatever its fixtures and client."""

from __future__ import annotations

import _socket
import os
import socket
from collections.abc import Callable
from socket import getaddrinfo as bound_early
from typing import Any

import pytest

from tests.testing.test_guard import CLIENTS, told
from wiro_mock.testing.fence import Fence
from wiro_mock.testing.guard import WAYS_OUT


def on_a_socket(connect: Callable[[socket.socket, Any], object]) -> None:
    with socket.socket() as one:
        connect(one, ("socket.wiro.ai", 443))


BARE: dict[str, Callable[[], object]] = {
    "bound early": lambda: bound_early("api.wiro.ai", 443),
    "a bare socket": lambda: on_a_socket(socket.socket.connect),
    "a bare socket, for a number": lambda: on_a_socket(socket.socket.connect_ex),
    "bytes": lambda: socket.getaddrinfo(b"CDN1.wiro.ai.", 443),
}
LOOK_UP = "import pytest, socket\ndef look_up(): return socket.getaddrinfo('api.wiro.ai', 443)\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, everything_is_loaded: None) -> list[str]:
    """The hosts that were really looked up: by nobody, but it is noted."""
    hosts: list[str] = []

    def look_up(host: str, *given: object) -> list[Any]:
        hosts.append(host)
        return []

    monkeypatch.setattr(_socket, "getaddrinfo", look_up)
    return hosts


def play(pytester: pytest.Pytester, test: str, *flags: str) -> pytest.RunResult:
    pytester.makepyfile(test_it=LOOK_UP + test)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "default", *flags)


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("client", [*CLIENTS, *BARE])
def test_every_client_is_told(client: str) -> None:
    """In a test like this one, which uses no fixture of ours: the sentence, with the ways out."""
    pytest.importorskip("aiohttp")
    if "uvloop" in client:
        pytest.importorskip("uvloop")
    fence = Fence()
    fence.up()
    try:
        fence.look_around()
        said = told({**CLIENTS, **BARE}[client])
    finally:
        fence.down()
    assert WAYS_OUT in said
    assert fence.attempts
    if client not in ("async httpx", "aiohttp"):  # which ask in a thread, where the tester's line is out of sight
        assert fence.attempts[0].place.startswith(("tests/testing/test_guard.py:", "tests/testing/test_fence.py:"))


def test_it_refuses_wherever_it_is_asked(pytester: pytest.Pytester, asked: list[str]) -> None:
    """While tests are collected, in a fixture, in a test, and after another one that was allowed."""
    result = play(
        pytester,
        """
try:
    look_up()
except OSError as error:
    TOLD = str(error)

@pytest.mark.wiro(network=True)
def test_allowed():
    look_up()

@pytest.fixture
def client():
    with pytest.raises(OSError, match="the real Wiro") as caught:
        look_up()
    return caught.value

def test_refused(client):
    assert str(client) == TOLD
    with pytest.raises(OSError, match="blocked: api.wiro.ai is the real Wiro"):
        look_up()
""",
    )
    result.assert_outcomes(passed=2, warnings=1)  # for the attempt of the last test
    assert asked == ["api.wiro.ai"]


def test_an_attempt_that_was_swallowed_is_told(pytester: pytest.Pytester, asked: list[str]) -> None:
    """A client may take it for a bad day of the network, and its test pass."""
    swallowed = "def test_it():\n    try:\n        look_up()\n    except OSError:\n        pass\n"
    result = play(pytester, swallowed)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*WiroWarning: unexpected call: api.wiro.ai was looked up at test_it.py:2*"])
    play(pytester, f"{swallowed}    assert 0").assert_outcomes(failed=1)
    assert not asked


def test_a_test_with_a_wiro_fails_for_it_once(pytester: pytest.Pytester, asked: list[str]) -> None:
    """As its guard tells of it; also where the look-up was imported before the guard came."""
    result = play(
        pytester,
        "from socket import getaddrinfo\n"
        "def test_it(wiro):\n    try:\n        getaddrinfo('api.wiro.ai', 443)\n    except OSError:\n        pass\n",
    )
    result.assert_outcomes(passed=1, errors=1)
    assert "WiroWarning" not in result.stdout.str()


# -- what is allowed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "is_allowed"),
    [
        ({}, False),
        ({"ini": "true"}, True),
        ({"mark": "True"}, True),
        ({"flag": "true"}, True),
        ({"ini": "true", "mark": "False"}, False),
        ({"ini": "true", "flag": "false"}, False),
        ({"mark": "True", "flag": "false"}, False),
        ({"ini": "false", "mark": "'yes'"}, True),
    ],
)
@pytest.mark.parametrize("fixture", ["", "wiro"])
def test_the_flag_goes_before_the_mark_before_the_ini_file(
    given: dict[str, str], *, is_allowed: bool, fixture: str, pytester: pytest.Pytester, asked: list[str]
) -> None:
    """With the fixture `wiro`, and without any."""
    pytester.makeini(f"[pytest]\nwiro_network = {given.get('ini', '')}")
    test = f"@pytest.mark.wiro(network={given['mark']})\n" if "mark" in given else ""
    test += f"def test_it({fixture}):\n    look_up()\n"
    result = play(pytester, test, *([f"--wiro-network={given['flag']}"] if "flag" in given else []))
    assert bool(asked) is is_allowed
    result.assert_outcomes(**({"passed": 1} if is_allowed else {"failed": 1}))


def test_wiro_settings_allow_it(pytester: pytest.Pytester, asked: list[str]) -> None:
    """As every keyword; the next test is not allowed by it."""
    result = play(
        pytester,
        "class TestOne:\n    @pytest.fixture\n    def wiro_settings(self):\n        return {'network': True}\n"
        "    def test_it(self, wiro):\n        look_up()\n"
        "def test_other(wiro):\n    with pytest.raises(OSError): look_up()\n",
    )
    result.assert_outcomes(passed=2, errors=1)
    assert asked == ["api.wiro.ai"]


@pytest.mark.parametrize(
    ("ini", "mark", "sentence"),
    [
        ("maybe", "", "ini option wiro_network: is true or false, not 'maybe'"),
        ("", "@pytest.mark.wiro(network='maybe')", "network: is true or false, not 'maybe'"),
    ],
)
def test_what_is_neither(ini: str, mark: str, sentence: str, pytester: pytest.Pytester) -> None:
    """One sentence, with the place."""
    pytester.makeini(f"[pytest]\nwiro_network = {ini}")
    result = play(pytester, f"{mark}\ndef test_it(): pass\n")
    assert result.ret
    assert sentence in result.stdout.str() + result.stderr.str()


# -- what is let be ------------------------------------------------------------------------------------


def test_other_hosts_are_looked_up_and_connected_to() -> None:
    """Nothing that is not Wiro's notices; and everything is put back."""
    owners = {_socket: ("getaddrinfo",), socket: ("gethostbyname",), socket.socket: ("connect", "connect_ex")}
    before = [(owner, name, vars(owner).get(name)) for owner, names in owners.items() for name in names]
    fence = Fence()
    fence.up()
    try:
        assert socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
        assert socket.getaddrinfo(None, 80)
        assert socket.gethostbyname("localhost")
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as one:
            assert one.connect_ex(listening.getsockname()) == 0
        with pytest.raises(TypeError):
            socket.getaddrinfo()  # type: ignore[call-arg]
        if hasattr(socket, "AF_UNIX"):
            with socket.socket(socket.AF_UNIX) as one, pytest.raises(FileNotFoundError):
                one.connect("/no/such/socket/of/wiro.ai")
        for host in ("mywiro.ai", "wiro.ai.invalid"):
            with pytest.raises(OSError) as caught:
                socket.getaddrinfo(host, 443, flags=socket.AI_NUMERICHOST)
            assert "blocked" not in str(caught.value)
    finally:
        fence.down()
    assert fence.attempts == []
    assert [(owner, name, vars(owner).get(name)) for owner, names in owners.items() for name in names] == before


@pytest.mark.parametrize(
    ("environ", "inside"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy.corp:3128"}, "wiro.ai"),
        ({"https_proxy": "http://proxy.corp:3128", "NO_PROXY": "a,b"}, "a,b,wiro.ai"),
        ({"HTTPS_PROXY": "http://127.0.0.1:4747", "WIRO_MOCK_URL": "http://127.0.0.1:4747"}, None),
    ],
)
def test_a_proxy_of_the_environment_does_not_look_it_up_instead(
    environ: dict[str, str], inside: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would, and the money be spent; the mock's own proxy may. What is allowed goes through it."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")] + ["WIRO_MOCK_URL"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    before, fence = dict(os.environ), Fence()
    with fence.during_test(allowed=False):
        assert os.environ.get("NO_PROXY") == inside
        assert {**os.environ, "NO_PROXY": "", "no_proxy": ""} == {
            **before,
            "NO_PROXY": "",
            "no_proxy": "",
        } or not inside
    with fence.during_test(allowed=True):
        assert dict(os.environ) == before
    assert dict(os.environ) == before
