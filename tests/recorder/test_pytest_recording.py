"""`pytest --wiro-record`: a stranger's tests are recorded from a Wiro elsewhere, and played without it from then on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_kit import KEY, SECRET
from tests.live_kit import Live, live

CLIENT = """
import hashlib, hmac, json, os, httpx, pytest
from websockets.sync.client import connect

def post(path, fields):
    key, secret = os.environ["WIRO_API_KEY"], os.environ["WIRO_API_SECRET"]
    signature = hmac.new(key.encode(), f"{secret}17".encode(), hashlib.sha256).hexdigest()
    headers = {"x-api-key": key, "x-nonce": "17", "x-signature": signature}
    url = os.environ["WIRO_BASE_URL"] + path
    return httpx.post(url, json=fields, headers=headers, timeout=60, trust_env=False).json()

def run(**fields):
    return post("/Run/moondream3-preview/caption", fields)

def caption(**fields):
    begun = run(**fields)
    with connect(os.environ["WIRO_SOCKET_URL"], proxy=None, open_timeout=60) as socket:
        socket.send(json.dumps({"type": "task_info", "tasktoken": begun["socketaccesstoken"]}))
        for text in socket:
            if json.loads(text)["type"] in ("task_postprocess_end", "task_cancel"):
                break
    (task,) = post("/Task/Detail", {"taskid": begun["taskid"]})["tasklist"]
    return task["debugoutput"]

pytestmark = pytest.mark.wiro_record
"""


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch, everything_is_loaded: None) -> Iterator[Live]:
    """A Wiro to record from, with the credentials of the environment, which says what nobody else says."""
    monkeypatch.setenv("WIRO_API_KEY", KEY)
    monkeypatch.setenv("WIRO_API_SECRET", SECRET)
    with live() as running:
        monkeypatch.setenv("WIRO_UPSTREAM", f"{running.thread.url}/v1")
        says(running, "Recorded words.")
        yield running


def says(running: Live, words: str) -> None:
    from wiro_mock.testing import choosing

    data = {"scenario": "says", "steps": ["start", {"print": words}, {"exit": 0}]}
    made = choosing.make(running.world, "here", data, {})
    choosing.use(running.world, [made], where="here")


def runs_at(upstream: Live) -> int:
    return len(list(upstream.world.sim.tasks()))


@pytest.fixture
def suite(pytester: pytest.Pytester, upstream: Live) -> pytest.Pytester:
    return pytester


def play(suite: pytest.Pytester, *flags: str, test: str = "") -> pytest.RunResult:
    if test:
        suite.makepyfile(test_cats=CLIENT + test)
    return suite.runpytest_inprocess("-p", "no:cacheprovider", "-W", "default", *flags)


WORDS = """
@pytest.mark.parametrize("length", ["short", "a/b"])
def test_words(wiro, wiro_env, length):
    assert caption(length=length) == "Recorded words."
    wiro.assert_ran("moondream3-preview/caption", length=length)

class TestMore:
    def test_without_a_run(self, wiro, wiro_env):
        pass
"""


def files(suite: pytest.Pytester) -> list[str]:
    return sorted(str(path.relative_to(suite.path)) for path in suite.path.glob("recordings/*/*/*"))


def test_what_was_recorded_once_is_played_without_an_upstream(suite: pytest.Pytester, upstream: Live) -> None:
    """In folders beside the test, one for each, with nothing secret in them; `once` does not ask again."""
    play(suite, "--wiro-record=once", test=WORDS).assert_outcomes(passed=3)
    asked = runs_at(upstream)
    assert asked == 2
    short = "recordings/test_cats/test_words[short]"
    assert [path for path in files(suite) if path.startswith(short)] == [
        f"{short}/caption-1.yaml", f"{short}/recorded.json",
    ]  # fmt: skip
    assert len(files(suite)) == 5  # a folder whose name is no path, and one of a test without a run
    assert not list(suite.path.rglob("recordings/**/.*"))
    written = "".join(path.read_text() for path in suite.path.glob("recordings/**/*.*") if path.is_file())
    assert KEY not in written
    assert SECRET not in written
    says(upstream, "Other words.")
    play(suite).assert_outcomes(passed=3)
    play(suite, "--wiro-record=once").assert_outcomes(passed=3)
    assert runs_at(upstream) == asked
    play(suite, "--wiro-record=rewrite").assert_outcomes(passed=1, failed=2)  # the upstream says other words
    assert "Other words." in (suite.path / f"{short}/caption-1.yaml").read_text()


def test_without_a_recording_the_file_is_named_and_the_way_out(suite: pytest.Pytester) -> None:
    """By default nothing is recorded, and nothing is asked."""
    result = play(suite, test=WORDS)
    result.assert_outcomes(errors=3)
    where = suite.path / "recordings/test_cats/test_words[short]/recorded.json"
    way = "pytest --wiro-record=once --wiro-upstream=real 'test_cats.py::test_words[short]'"
    assert f"{where} is not there: test_cats.py::test_words[short] has never been recorded; record it by {way}" in str(
        result.stdout
    )


TWO = """
def test_two(wiro, wiro_env):
    assert [caption(prompt=one) for one in ("a", "b", "a")] == ["Recorded words."] * 3
"""


def test_a_run_that_was_not_recorded_fails_the_test_and_new_records_it(suite: pytest.Pytester, upstream: Live) -> None:
    """The model and the parameters tell the runs apart; `once` leaves the recording alone, `new` makes it anew."""
    once = TWO.replace('("a", "b", "a")', '("a", "b")').replace("* 3", "* 2")
    play(suite, "--wiro-record=once", test=once).assert_outcomes(passed=1)
    more = TWO.replace("assert [caption", "[run").replace(' == ["Recorded words."] * 3', "")
    result = play(suite, "--wiro-record=once", test=more)
    result.assert_outcomes(passed=1, errors=1)
    folder = suite.path / "recordings/test_cats/test_two"
    told = f"asked for once more, or with other parameters, than in {folder}; record it again: pytest --wiro-record=new"
    assert told in str(result.stdout)
    result = play(suite, "--wiro-record=new", test=TWO)
    result.assert_outcomes(passed=1)
    assert json.loads((folder / "recorded.json").read_text())["scenarios"] == ["caption-1", "caption-2", "caption-3"]
    assert runs_at(upstream) == 2 + 3
    play(suite, "--wiro-record=new").assert_outcomes(passed=1)
    assert runs_at(upstream) == 2 + 3


def test_what_exists_in_the_mock_only_skips_while_recording(suite: pytest.Pytester) -> None:
    """What was recorded before is kept; through respx there is nothing to keep."""
    test = """
def test_hold(wiro, wiro_env):
    wiro.patch_sleep("time")
    run()
    wiro.tasks

def test_respx(wiro, wiro_respx):
    run()
"""
    result = play(suite, "--wiro-record=once", "-rs", test=test)
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED*wiro.tasks exists in the mock only, and this test is being recorded*"])
    result.stdout.fnmatch_lines(["SKIPPED*through wiro_respx nothing is recorded*wiro_server or wiro_env*"])
    assert {Path(path).parts[2] for path in files(suite)} == {"test_hold"}


def test_what_sets_the_mock_up_is_at_odds_with_a_recording(suite: pytest.Pytester) -> None:
    """A scenario of the mark's, and one that is asked for in the test."""
    test = """
@pytest.mark.wiro(scenario="failure")
def test_mark(wiro, wiro_env): ...

def test_use(wiro, wiro_env):
    run()
"""
    play(suite, "--wiro-record=once", test=test).assert_outcomes(passed=1, errors=1)
    result = play(suite, "-k", "use", test=test.replace("    run()", '    wiro.use("failure")\n    run()'))
    result.assert_outcomes(passed=1, errors=1, deselected=1)
    assert '"failure", asked for at test_cats.py' in str(result.stdout)
    assert "played in place of a recording; remove it, or the mark" in str(result.stdout)


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("caption-1.yaml", None, "caption-1.yaml is not there, and recorded.json beside it"),
        ("caption-1.yaml", "scenario: caption-1\nsteps:\n  - star", "caption-1.yaml:3"),
        ("recorded.json", '{"form": 1', "recorded.json is no list of recordings;"),
        ("recorded.json", '{"form": 2, "scenarios": []}', "is of form 2, and this"),
        ("recorded.json", '{"form": 1, "scenarios": ["../../x"]}', "recorded.json is no list of recordings;"),
    ],
)
def test_a_recording_that_was_spoilt_is_told(suite: pytest.Pytester, file: str, text: str | None, told: str) -> None:
    """In a sentence with the file and the way out; written anew, it plays again."""
    test = "def test_one(wiro, wiro_env):\n    run()\n"
    play(suite, "--wiro-record=once", test=test).assert_outcomes(passed=1)
    spoilt = suite.path / "recordings/test_cats/test_one" / file
    spoilt.unlink() if text is None else spoilt.write_text(text)
    result = play(suite)
    result.assert_outcomes(errors=1)
    assert told in str(result.stdout)
    assert "record it again: pytest --wiro-record=rewrite" in str(result.stdout)


@pytest.mark.parametrize(
    ("missing", "flags", "told"),
    [
        ("WIRO_API_SECRET", (), "--wiro-record=once: WIRO_API_SECRET not set"),
        ("WIRO_UPSTREAM", (), "--wiro-record=once: give the Wiro to record from: --wiro-upstream=real, or a URL"),
        ("", ("--wiro-upstream=nowhere",), "--wiro-record=once: 'nowhere' is no address"),
        ("", ("--wiro-redact=",), "--wiro-redact needs a text"),
    ],
)
def test_what_is_missing_for_recording_ends_the_session_at_once(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, missing: str, flags: tuple[str, ...], told: str
) -> None:
    """With status 2, before any test."""
    if missing:
        monkeypatch.delenv(missing)
    result = play(suite, "--wiro-record=once", *flags, test=WORDS)
    assert result.ret == 2
    assert told in result.stdout.str() + result.stderr.str()


def test_a_directory_that_cannot_be_written_is_told(suite: pytest.Pytester) -> None:
    """The test fails in a sentence, and asks nothing."""
    (suite.path / "recordings").write_text("a file")
    result = play(suite, "--wiro-record=once", test="def test_one(wiro, wiro_env):\n    run()\n")
    result.assert_outcomes(errors=1)
    assert "cannot record into" in str(result.stdout)


def test_an_upstream_that_is_gone_is_told(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a warning of the test, whose client got a 502; the part is kept."""
    monkeypatch.setenv("WIRO_UPSTREAM", "http://127.0.0.1:9/v1")
    test = "def test_one(wiro, wiro_env):\n    assert run()['result'] is False\n"
    result = play(suite, "--wiro-record=once", test=test)
    result.assert_outcomes(passed=1, warnings=1)
    assert "--wiro-record: Run/moondream3-preview/caption: the upstream cannot be reached" in str(result.stdout)


def test_workers_record_side_by_side(suite: pytest.Pytester, upstream: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under xdist, each its own tests."""
    test = """
@pytest.mark.parametrize("number", range(4))
def test_many(wiro, wiro_env, number):
    assert caption(prompt=str(number)) == "Recorded words."
"""
    suite.makepyfile(test_cats=CLIENT + test)
    plugins = ("-p", "no:cacheprovider", "-p", "wiro_mock.pytest_plugin", "-p", "xdist")
    with monkeypatch.context() as surroundings:
        surroundings.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other people's plugins take three times as long
        done = suite.runpytest_subprocess(*plugins, "-n", "2", "-W", "default", "--wiro-record=once")
    done.assert_outcomes(passed=4)
    assert runs_at(upstream) == 4
    play(suite).assert_outcomes(passed=4)
    assert len(files(suite)) == 8
