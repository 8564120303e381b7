"""The suite as tests, and a user's own tests with the mark `wiro_contract` against the mock and elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api_kit import KEY, SECRET
from tests.contract.kit import Answered, contract_world, drifted
from wiro_mock.contract.runner import Target

pytestmark = pytest.mark.usefixtures("everything_is_loaded")
SUITE = ("--pyargs", "wiro_mock.contract", "-p", "no:cacheprovider")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRO_API_KEY", KEY)
    monkeypatch.setenv("WIRO_API_SECRET", SECRET)


@pytest.fixture
def elsewhere(credentials: None) -> Iterator[Target]:
    """A server that is not the mock of the fixtures."""
    with drifted(world=contract_world()) as target:
        yield target


def other_text(path: str, status: int, value: Any) -> Answered:
    for error in value.get("errors", []) if isinstance(value, dict) else []:
        error["message"] = error["message"].replace("no task", "not a single task")
    return status, {**value, "requestid": "r"} if isinstance(value, dict) else value


def test_the_suite_is_tests(pytester: pytest.Pytester, credentials: None) -> None:
    """One for each promise; a broken one fails with its line, a new field is told at the end."""
    with drifted(answer=other_text) as target:
        result = pytester.runpytest(*SUITE, "--wiro-only=auth,tasks", f"--wiro-target={target.url}", "-rs")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 1
    result.stdout.fnmatch_lines(["*wiro contract*", "upstream new: auth.refusals_are_envelopes: Failure.requestid is*"])
    text = 'tasks.unknown_task: expected code and message {"Task/Detail": [[]1, "There is no task yet."[]]*'
    result.stdout.fnmatch_lines([f"*{text}"])
    assert result.ret == 1


def test_the_suite_is_played_against_the_mock_without_a_target(pytester: pytest.Pytester) -> None:
    """And areas can be chosen; what they need comes with them."""
    result = pytester.runpytest(*SUITE, "--wiro-only=files", "-v")
    result.assert_outcomes(passed=10)
    result.stdout.fnmatch_lines(["*test_promise[[]runs.is_taken_on[]] PASSED*"])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--wiro-target=http://127.0.0.1:9/v1"], "http://127.0.0.1:9/v1 cannot be reached: "),
        (["--wiro-target=nowhere"], "'nowhere' is no address"),
        (["--wiro-budget=0.001USD"], "costs 0.0060 USD at most"),
        (["--wiro-budget=nan"], "'nan' is no amount"),
        (["--wiro-only="], "no area is named"),
    ],
)
def test_what_keeps_the_suite_from_running_ends_it_with_status_two(
    pytester: pytest.Pytester, credentials: None, words: list[str], text: str
) -> None:
    """Named, in one sentence."""
    result = pytester.runpytest(*SUITE, *words)
    assert result.ret == 2
    assert text in result.stdout.str() + result.stderr.str()


def test_without_credentials_no_target_is_asked(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any test is collected."""
    monkeypatch.delenv("WIRO_API_KEY", raising=False)
    monkeypatch.delenv("WIRO_API_SECRET", raising=False)
    result = pytester.runpytest("--wiro-target=real")
    assert result.ret == 2
    assert "WIRO_API_KEY and WIRO_API_SECRET not set" in result.stdout.str() + result.stderr.str()


def test_several_processes_are_told_that_each_would_run_models(pytester: pytest.Pytester, elsewhere: Target) -> None:
    """In a sentence, whatever xdist makes of it; nothing is asked."""
    result = pytester.runpytest_subprocess(*SUITE, f"--wiro-target={elsewhere.url}", "-n", "1")
    assert result.ret != 0
    assert "each process of xdist would run models of its own; leave out -n" in result.stdout.str()
    assert "passed" not in result.stdout.str()


OWN = """
import httpx, pytest
from wiro_mock.contract.client import Credentials

def ask(url, wiro):
    headers = Credentials(key=wiro.api_key, secret=wiro.api_secret).headers()
    return httpx.post(f"{url}/Task/Detail", json={"taskid": "1"}, headers=headers, trust_env=False).json()

@pytest.mark.wiro_contract
def test_promised(wiro, wiro_server):
    assert ask(wiro_server.url, wiro)["errors"][0]["message"] == "There is no task yet."
    print("ASKED", wiro_server.url, wiro_server.socket_url)

@pytest.mark.wiro_contract
def test_environment(wiro_env):
    import os
    assert os.environ["WIRO_BASE_URL"] == wiro_env.url
    assert os.environ["WIRO_API_KEY"]

@pytest.mark.wiro_contract
def test_hold(wiro):
    with wiro.hold("task_accept"):
        pass

@pytest.mark.wiro_contract
def test_jump(wiro):
    wiro.jump("1m")

@pytest.mark.wiro_contract
@pytest.mark.wiro(scenario="gpu-out-of-memory")
def test_set_up(wiro, wiro_server):
    wiro.use("caption")

@pytest.mark.wiro_contract
def test_respx(wiro, wiro_respx):
    assert ask("https://api.wiro.ai/v1", wiro)

def test_of_the_mock(wiro, wiro_respx):
    assert ask("https://api.wiro.ai/v1", wiro)
    wiro.jump("1m")
"""


def test_marked_tests_run_against_the_mock_without_a_target(pytester: pytest.Pytester) -> None:
    """The mark changes nothing then."""
    pytester.makepyfile(OWN)
    result = pytester.runpytest("-p", "no:cacheprovider", "-k", "not test_set_up and not test_hold")
    result.assert_outcomes(passed=5, deselected=2)


def test_marked_tests_run_elsewhere_and_others_stay(pytester: pytest.Pytester, elsewhere: Target) -> None:
    """What exists in the mock only skips with a reason; a test without the mark never leaves the mock."""
    pytester.makepyfile(OWN)
    result = pytester.runpytest("-p", "no:cacheprovider", f"--wiro-target={elsewhere.url}", "-rs", "-s")
    result.assert_outcomes(passed=3, skipped=4)
    result.stdout.fnmatch_lines([f"*ASKED {elsewhere.url} {elsewhere.socket_url}*"])
    for what in ("wiro.hold", "wiro.jump", "what @pytest.mark.wiro(scenario=…) sets up", "wiro_respx, which answers*"):
        where = f"and the target is {elsewhere.url} (--wiro-target)"
        result.stdout.fnmatch_lines([f"SKIPPED*{what} exists in the mock only, {where}"])


def test_the_real_one_is_reached_by_its_own_addresses(pytester: pytest.Pytester, credentials: None) -> None:
    """`wiro_respx` mocks nothing then; that is looked at, and nothing is sent."""
    pytester.makepyfile(
        """
        import httpx, pytest
        pytestmark = pytest.mark.wiro_contract

        def test_addresses(wiro, wiro_server, wiro_respx):
            assert wiro_server.url == "https://api.wiro.ai/v1"
            assert wiro_server.socket_url == "wss://socket.wiro.ai/v1"
            assert type(httpx.Client()._transport).__module__.startswith("httpx")
            assert httpx.HTTPTransport.handle_request.__module__.startswith("httpx")

        def test_calls(wiro_respx):
            wiro_respx.calls.last
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider", "--wiro-target=real", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED*wiro_respx.calls exists in the mock only, and the target is https://api.wiro*"]
    )
