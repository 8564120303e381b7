"""Fixtures that are attached to a running server by `WIRO_MOCK_URL`: a world of each test's own, which goes with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wiro_mock.asgi import create_app
from wiro_mock.mock import World
from wiro_mock.server import ServerThread
from wiro_mock.settings import Settings
from wiro_mock.worlds import Worlds

CALL = """
import httpx, os, pytest
def run(wiro, path="/Run/moondream3-preview/caption", image="x"):
    with httpx.Client(base_url=os.environ["WIRO_BASE_URL"], trust_env=False, timeout=60) as http:
        return http.post(path, json={"inputImage": image}, headers={"x-api-key": os.environ["WIRO_API_KEY"]}).json()
"""


@pytest.fixture
def worlds(everything_is_loaded: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worlds]:
    home = World(Settings(seed="home", time="manual"))
    app = create_app(home)
    with ServerThread(app) as thread:
        monkeypatch.setenv("WIRO_MOCK_URL", thread.url)
        found: Worlds = app.state.worlds
        yield found
    home.close()


def test_each_test_has_a_world_there(worlds: Worlds, pytester: pytest.Pytester) -> None:
    """With its own key, and set up by the mark; nothing is left when they have ended."""
    pytester.makepyfile(
        f"""{CALL}
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.wiro(key_only=True, balance="1.40", scenario="failure")
def test_one(wiro, wiro_env, number):
    assert wiro_env.url == os.environ["WIRO_BASE_URL"]
    assert run(wiro)["result"] is True
    assert [(task["status"], task["scenario"]) for task in wiro.tasks] == [("task_queue", "failure")]
    assert len(wiro.requests) == 1
    wiro.jump("1m")

@pytest.mark.wiro(key_only=True)
def test_words(wiro, wiro_env):
    wiro.fault("Run", status=503)
    with pytest.raises(ValueError):
        run(wiro)
    wiro.use("insufficient-balance", times=1)
    assert run(wiro)["errors"][0]["code"] == 97
    assert wiro.time == "auto"

@pytest.mark.wiro(key_only=True, undeclared_inputs="refuse", expire_files="1h")
def test_inputs(wiro, wiro_env):
    assert run(wiro, image="https://a.b/c.png")["errors"][0]["message"] == "Request files [inputImage] required"
    wiro.input_url("https://a.b/d.png", b"cat")
    assert run(wiro, image="https://a.b/d.png")["result"] is True
    assert wiro.requests[-1]["inputs"][0]["size"] == 3
"""
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    # The refused run is an unexpected call, which fails the test at its end, there as in process.
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*unexpected call: POST /v1/Run/moondream3-preview/caption*c.png*"])
    assert len(worlds.worlds) == 1
    assert worlds.unknown_keys == 0


def test_what_needs_the_world_in_process_says_so(worlds: Worlds, pytester: pytest.Pytester) -> None:
    """One sentence, with the way out."""
    pytester.makepyfile(
        f"""{CALL}
from wiro_mock.misuse import Misuse
def test_hold(wiro):
    with pytest.raises(Misuse, match="wiro.hold needs the world in this process, and WIRO_MOCK_URL attaches"):
        wiro.hold("task_start")

def test_respx(wiro_respx): ...

@pytest.mark.wiro(patch_sleep="x")
def test_keyword(wiro): ...
"""
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*wiro.respx needs the world in this process*"])
    result.stdout.fnmatch_lines(["*the keyword patch_sleep needs the world in this process*; unset WIRO_MOCK_URL*"])


def test_what_a_test_leaves_there_fails_it(worlds: Worlds, pytester: pytest.Pytester) -> None:
    """As it does in process."""
    pytester.makepyfile(
        f"""{CALL}
def test_stray(wiro, wiro_env):
    run(wiro, "/Nonsense")
"""
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*unexpected call: POST /v1/Nonsense*"])


def test_no_server_there(
    everything_is_loaded: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence that names the variable."""
    monkeypatch.setenv("WIRO_MOCK_URL", "http://127.0.0.1:1")
    pytester.makepyfile("def test_one(wiro): ...")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*WIRO_MOCK_URL is http://127.0.0.1:1, and no wiro_mock answers there*"])


def test_faults_have_all_their_words(worlds: Worlds, pytester: pytest.Pytester) -> None:
    """How often, when, of which task, what then: as in process."""
    pytester.makepyfile(
        f"""{CALL}
@pytest.mark.wiro(key_only=True)
def test_it(wiro, wiro_env):
    def statuses(path, fields, count):
        mine = {{"x-api-key": wiro.api_key}}
        with httpx.Client(base_url=wiro_env.url, trust_env=False, timeout=60, headers=mine) as http:
            return [http.post(path, json=fields).status_code for _ in range(count)]
    run, picture = "/Run/moondream3-preview/caption", {{"inputImage": "x"}}
    wiro.fault(("Run", "Task/List"), status=503, times=2, nth=2, optional=True)
    assert statuses(run, picture, 4) == [200, 503, 503, 200]
    task = wiro.tasks[0]
    wiro.fault("Task/Detail", status=500, task=task, then=[{{"latency": 0.001}}])
    other = wiro.tasks[1]["id"]
    assert statuses("/Task/Detail", {{"taskid": other}}, 1) == [200]
    assert statuses("/Task/Detail", {{"taskid": task["id"]}}, 2) == [500, 200]
    with pytest.raises(Exception, match="unknown key"):
        wiro.fault("Run", stauts=503)
"""
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
