"""The pytest plugin as a stranger's suite meets it: fixtures, mark, settings, verdicts, reports."""

from __future__ import annotations

import re

import pytest

from wiro_mock.testing.options import library_of

CLIENT = """
import hashlib, hmac, httpx

API = "https://api.wiro.ai/v1"

def headers(wiro, nonce="1734513807"):
    message = (wiro.api_secret + nonce).encode()
    signature = hmac.new(wiro.api_key.encode(), message, hashlib.sha256).hexdigest()
    return {"x-api-key": wiro.api_key, "x-nonce": nonce, "x-signature": signature}

def call(wiro, path, fields=None, api=API):
    return httpx.post(f"{api}/{path}", json=fields or {}, headers=headers(wiro), timeout=60, trust_env=False).json()

def caption(wiro, api=API, **fields):
    return call(wiro, "Run/moondream3-preview/caption", fields, api)

def detail(wiro, run, api=API):
    return call(wiro, "Task/Detail", {"taskid": run["taskid"]}, api)["tasklist"][0]
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, everything_is_loaded: None) -> pytest.Pytester:
    """A stranger's suite with a small client in it."""
    monkeypatch.setenv("COLUMNS", "400")
    pytester.makepyfile(client=CLIENT)
    return pytester


def play(suite: pytest.Pytester, test: str, *flags: str) -> pytest.RunResult:
    """Run one test module in this process."""
    suite.makepyfile(test_it="import httpx, pytest\nfrom client import *\n" + test)
    return suite.runpytest_inprocess("-p", "no:cacheprovider", "-W", "default", *flags)


def errors_of(result: pytest.RunResult) -> list[str]:
    """The lines that pytest marks as the error."""
    return [line[1:].strip() for line in result.outlines if line.startswith("E ")]


# -- fixtures ------------------------------------------------------------------------------------------


def test_a_test_has_a_wiro_of_its_own(suite: pytest.Pytester) -> None:
    """In process, instantly, with nothing set up; the next test's is another one."""
    result = play(
        suite,
        """
        seen = []

        @pytest.mark.parametrize("turn", [1, 2])
        def test_caption(wiro, wiro_respx, turn):
            run = caption(wiro, length="short")
            task = detail(wiro, run)
            assert (task["status"], task["pexit"]) == ("task_postprocess_end", "0")
            url = task["outputs"][0]["url"]
            assert url.startswith("https://cdn1.wiro.ai/")
            assert httpx.get(url).text == task["debugoutput"]
            assert [one.id for one in wiro.tasks] == [run["taskid"]]
            assert wiro.tasks[-1].exit_code == 0
            wiro.assert_ran("moondream3-preview/caption", length="short")
            wiro.assert_signed()
            wiro.assert_no_leaks()
            assert (wiro_respx["Run"].call_count, wiro_respx["Task/Detail"].call_count) == (1, 1)
            seen.append((wiro.api_key, wiro.api_secret, run["taskid"], run["socketaccesstoken"]))

        def test_they_share_nothing(wiro):
            assert (len(wiro.tasks), len(wiro.requests)) == (0, 0)
            assert len({part for one in seen for part in one}) == 8
            assert wiro.api_key not in seen[0] + seen[1]
        """.replace("\n        ", "\n"),
    )
    result.assert_outcomes(passed=3)


def test_both_doors_show_one_world(suite: pytest.Pytester) -> None:
    """Started over respx, followed over the socket; the environment names the server."""
    result = play(
        suite,
        """
import json, os
from websockets.sync.client import connect

def test_follow(wiro, wiro_respx, wiro_server):
    run = caption(wiro)
    with connect(wiro_server.socket_url, proxy=None) as socket:
        socket.send(json.dumps({"type": "task_info", "tasktoken": run["socketaccesstoken"]}))
        frames = []
        while not frames or frames[-1]["type"] != "task_postprocess_end":
            frames.append(json.loads(socket.recv(60)))
    assert [frame.type for frame in wiro.frames if frame.direction == "out"] == [frame["type"] for frame in frames]
    assert detail(wiro, run, wiro_server.url)["pexit"] == "0"
    assert wiro_server.url.endswith("/v1") and wiro_server.socket_url.endswith("/v1")

def test_environment(wiro, wiro_env):
    assert os.environ["WIRO_API_KEY"] == wiro.api_key
    assert os.environ["WIRO_API_SECRET"] == wiro.api_secret
    assert os.environ["WIRO_BASE_URL"] == wiro_env.url
    assert os.environ["WIRO_SOCKET_URL"] == wiro_env.socket_url
    assert caption(wiro, os.environ["WIRO_BASE_URL"])["result"] is True

def test_afterwards():
    assert "WIRO_API_KEY" not in os.environ
""",
    )
    result.assert_outcomes(passed=3)


def test_a_world_is_a_context_manager_too(suite: pytest.Pytester) -> None:
    """Without any fixture: in process, on real sockets, as an ASGI app."""
    result = play(
        suite,
        """
from wiro_mock import WiroMock

def test_without_fixtures():
    with WiroMock(scenario="failure", seed=7) as wiro:
        with wiro.respx() as router:
            assert detail(wiro, caption(wiro))["pexit"] == "1"
            assert router["Run"].called
        with wiro.serve() as server:
            assert detail(wiro, caption(wiro, server.url), server.url)["pexit"] == "1"
        transport = httpx.ASGITransport(wiro.app)
        assert len(wiro.tasks) == 2
    assert WiroMock(seed=7).api_key == wiro.api_key
""",
    )
    result.assert_outcomes(passed=1)


# -- settings ------------------------------------------------------------------------------------------


def test_marks_merge_from_module_to_class_to_function(suite: pytest.Pytester) -> None:
    """The closer one goes first, keyword by keyword."""
    result = play(
        suite,
        """
pytestmark = pytest.mark.wiro(time="manual", balance="7.5", scenario="slow-queue")

def test_module(wiro):
    assert (wiro.time, wiro.balance) == ("manual", 7.5)

@pytest.mark.wiro(balance=8, seed=4242)
class TestIt:
    @pytest.mark.wiro(seed=1)
    def test_function(self, wiro):
        assert (wiro.time, wiro.balance, wiro.seed) == ("manual", 8.0, 1)

    def test_class(self, wiro):
        assert (wiro.balance, wiro.seed) == (8.0, 4242)

    @pytest.mark.wiro(scenario="failure", time="auto")
    def test_scenario(self, wiro, wiro_respx):
        assert detail(wiro, caption(wiro))["pexit"] == "1"
""",
    )
    result.assert_outcomes(passed=4)


def test_a_flag_goes_before_a_mark_before_the_fixture_before_an_ini_option(suite: pytest.Pytester) -> None:
    """Keyword by keyword."""
    suite.makeini("[pytest]\nwiro_time = 2x\nwiro_balance = 2\nwiro_seed = 2\nwiro_auth = off\n")
    test = """
@pytest.fixture(scope="module")
def wiro_settings():
    return {"balance": 3, "seed": 3, "time": "3x"}

@pytest.mark.wiro(seed=4, time="4x")
def test_it(wiro):
    assert (wiro.world.auth_mode, wiro.balance, wiro.seed, wiro.time) == ("off", 3.0, 4, TIME)
"""
    play(suite, "TIME = '4x'" + test).assert_outcomes(passed=1)
    play(suite, "TIME = '5x'" + test, "--wiro-time=5x").assert_outcomes(passed=1)


def test_the_users_own_scenarios_come_from_a_folder_in_the_ini_file(suite: pytest.Pytester) -> None:
    """Relative to that file; a broken one is told with all its complaints."""
    folder = suite.mkdir("situations")
    (folder / "mine.yaml").write_text("scenario: mine\nsteps: [exit: 9]\n")
    suite.makeini("[pytest]\nwiro_scenarios = situations\n")
    test = """
@pytest.mark.wiro(scenario="mine")
def test_mine(wiro, wiro_respx):
    assert detail(wiro, caption(wiro))["pexit"] == "9"
"""
    play(suite, test).assert_outcomes(passed=1)
    (folder / "mine.yaml").write_text("scenario: mine\nsteps: [exti: 9]\n")
    library_of.cache_clear()
    result = play(suite, test)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*mine.yaml:2:9: step 1: exti: unknown key; did you mean 'exit'?"])


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        (
            "tme='auto'",
            '@pytest.mark.wiro of test_it.py::test_it: unknown keyword "tme"; did you mean "time"? the keywords are: '
            "scenario, preset, time, auth, strict, seed, profile, balance, unknown_models, faults, poll, workers, "
            "scenarios, moondream_endpoint, fetch_hosts, suspended, member, key_only, api_key, api_secret, switches, "
            "patch_sleep, realtime_grace, expire_files, undeclared_inputs, network",
        ),
        ("'failure'", "@pytest.mark.wiro of test_it.py::test_it: takes keywords only, such as scenario='failure'"),
        (
            "time='fast'",
            "@pytest.mark.wiro of test_it.py::test_it: "
            "time: time is real, auto, manual or a rate such as 10x, not 'fast'",
        ),
        (
            "scenario='gpu-out-of-memry'",
            '@pytest.mark.wiro of test_it.py::test_it: no scenario "gpu-out-of-memry"; '
            'did you mean "gpu-out-of-memory"?',
        ),
        (
            "seed='x'",
            "@pytest.mark.wiro of test_it.py::test_it: seed: a seed is a whole number from 0, such as 4242, not 'x'",
        ),
        ("auth='of'", "@pytest.mark.wiro of test_it.py::test_it: auth: is strict, lenient or off, not 'of'"),
        ("strict='maybe'", "@pytest.mark.wiro of test_it.py::test_it: strict: is true or false, not 'maybe'"),
        (
            "profile='2024'",
            "@pytest.mark.wiro of test_it.py::test_it: profile: no profile '2024'; "
            "there are: current, 2026-09, 2026-04, 2025-12",
        ),
        (
            "balance='much'",
            "@pytest.mark.wiro of test_it.py::test_it: balance: is an amount of USD such as 0.40, not 'much'",
        ),
    ],
)
def test_a_wrong_mark_is_told_in_one_sentence(suite: pytest.Pytester, mark: str, told: str) -> None:
    """And its test does not run."""
    result = play(suite, f"@pytest.mark.wiro({mark})\ndef test_it(wiro):\n    pass\n")
    result.assert_outcomes(errors=1)
    assert told in result.outlines


def test_the_account_and_unknown_models_are_keywords(suite: pytest.Pytester) -> None:
    """Of the mark; unknown models are a flag and an ini option, too."""
    test = """
import pytest

@pytest.mark.wiro(suspended=True, member=False)
def test_it(wiro):
    assert (wiro.account.suspended, wiro.account.member) == (True, False)
    assert wiro.world.settings.unknown_models == "play"
"""
    play(suite, test, "--wiro-unknown-models=play").assert_outcomes(passed=1)
    suite.makeini("[pytest]\nwiro_unknown_models = play\n")
    play(suite, test).assert_outcomes(passed=1)


def test_a_wrong_keyword_is_told_also_where_no_fixture_is_used(suite: pytest.Pytester) -> None:
    """Else the typo would be silence."""
    result = play(suite, "@pytest.mark.wiro(tme=1)\ndef test_it():\n    pass\n")
    result.assert_outcomes(errors=1)


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--wiro-seed=x", "ERROR: --wiro-seed: seed: a seed is a whole number from 0, such as 4242, not 'x'"),
        ("--wiro-time=fast", "ERROR: --wiro-time: time: time is real, auto, manual or a rate such as 10x, not 'fast'"),
    ],
)
def test_a_wrong_flag_is_a_usage_error(suite: pytest.Pytester, flag: str, told: str) -> None:
    """Before any test runs."""
    result = play(suite, "def test_it():\n    pass\n", flag)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert told in result.errlines


def test_a_wrong_ini_option_names_itself(suite: pytest.Pytester) -> None:
    """As it stands in the file."""
    suite.makeini("[pytest]\nwiro_time = fast\n")
    result = play(suite, "def test_it(wiro):\n    pass\n")
    told = "ini option wiro_time: time: time is real, auto, manual or a rate such as 10x, not 'fast'"
    assert told in result.outlines


def test_the_flags_have_a_group_of_their_own(suite: pytest.Pytester) -> None:
    """And the mark is known to --strict-markers and to --markers."""
    result = suite.runpytest_inprocess("--help")
    result.stdout.fnmatch_lines(["wiro: the Wiro of a test (wiro_mock):", "*--wiro-scenario=*", "*--wiro-time=*"])
    result = suite.runpytest_inprocess("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.wiro(scenario=*"])


# -- the end of a test ---------------------------------------------------------------------------------


def test_what_a_test_leaves_behind_fails_it(suite: pytest.Pytester) -> None:
    """As an error of its teardown, one line each, without a traceback."""
    result = play(
        suite,
        """
def test_it(wiro, wiro_respx):
    wiro.use("failure")
    call(wiro, "Task/Details")
    wiro.hold("task_start")
""",
    )
    result.assert_outcomes(passed=1, errors=1)
    # Where CI is set, pytest's summary repeats them.
    told = dict.fromkeys(result.outlines)
    lines = [line for line in told if line.startswith(("unexpected call", "unused", "hold never"))]
    assert [line.partition(":")[0] for line in lines] == [
        "unexpected call",
        "unused registration",
        "unused registration",
    ]
    assert lines[1] == (
        'unused registration: "failure" was asked for at test_it.py:5: no run came; remove it, or write optional=True'
    )


def test_not_strict_only_warns(suite: pytest.Pytester) -> None:
    """By mark, flag or ini option."""
    result = play(suite, "@pytest.mark.wiro(strict=False)\ndef test_it(wiro):\n    wiro.use('failure')\n")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(['*WiroWarning: unused registration: "failure" was asked for at test_it.py:5: *'])
    result = play(suite, "def test_it(wiro):\n    wiro.use('failure')\n", "--wiro-strict=false")
    result.assert_outcomes(passed=1, warnings=1)


def test_a_registration_of_a_wider_scope_is_never_unused_in_one_test(suite: pytest.Pytester) -> None:
    """Of a module's mark, of a class's, of the settings fixture, of a flag; one of the test's own mark is."""
    wide = 'pytestmark = pytest.mark.wiro(scenario="failure")\ndef test_it(wiro):\n    pass\n'
    play(suite, wide).assert_outcomes(passed=1)
    cls = '@pytest.mark.wiro(scenario="failure")\nclass TestIt:\n    def test_it(self, wiro):\n        pass\n'
    play(suite, cls).assert_outcomes(passed=1)
    fixture = (
        '@pytest.fixture(scope="session")\ndef wiro_settings():\n    return {"scenario": ["failure", "caption"]}\n'
        "def test_it(wiro):\n    pass\n"
    )
    play(suite, fixture).assert_outcomes(passed=1)
    play(suite, "def test_it(wiro):\n    pass\n", "--wiro-scenario=failure").assert_outcomes(passed=1)
    own = '@pytest.mark.wiro(scenario="failure")\ndef test_it(wiro):\n    pass\n'
    result = play(suite, own)
    result.assert_outcomes(passed=1, errors=1)
    assert (
        'unused registration: "failure" was asked for at @pytest.mark.wiro of test_it.py::test_it: no run came; '
        "remove it, or put the mark on the class or the module"
    ) in result.outlines


def test_the_tests_own_failure_is_never_hidden(suite: pytest.Pytester) -> None:
    """What it left behind is told in its report, and is no second error."""
    result = play(
        suite,
        """
def test_it(wiro, wiro_respx):
    wiro.use("failure")
    assert 1 == 2, "its own"
""",
    )
    result.assert_outcomes(failed=1)
    assert errors_of(result)[0] == "AssertionError: its own"
    result.stdout.fnmatch_lines(["*- wiro -*", "left behind:", '  unused registration: "failure" was asked for at *'])


@pytest.mark.parametrize("body", ["pytest.skip('not today')", "pytest.xfail('known')"])
def test_a_test_that_stops_by_itself_leaves_nothing_behind(suite: pytest.Pytester, body: str) -> None:
    """Skipped or expected to fail in the middle, it had no chance to use what it had set up."""
    result = play(suite, f"def test_it(wiro):\n    wiro.use('failure')\n    {body}\n")
    assert result.parseoutcomes().keys() <= {"skipped", "xfailed"}


def test_the_report_of_a_failed_test_shows_the_timeline_and_the_seed(suite: pytest.Pytester) -> None:
    """And the flag that repeats it makes the very same ids and credentials."""
    test = """
def test_it(wiro, wiro_respx):
    wiro.use("gpu-out-of-memory")
    task = detail(wiro, caption(wiro))
    call(wiro, "Task/Cancel", {"taskid": task["id"]})
    httpx.post(API + "/Task/Detail", headers={**headers(wiro), "x-signature": "0" * 64})
    print("ids", wiro.api_key, task["id"], task["socketaccesstoken"])
    assert task["pexit"] == "0"
"""
    result = play(suite, test)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- wiro -*",
            "seed: * (repeat with --wiro-seed=*); time: auto; profile: current",
            "4 requests, 1 task",
            "task *: moondream3-preview/caption, scenario 'gpu-out-of-memory', task_postprocess_end, exit code 1",
            "*task_queue*",
            "*task_end*exit code 1*",
            "*task_postprocess_end*",
            "refused, and why:",
            "  POST /v1/Task/Cancel -> 200 code 1 *",
            "  POST /v1/Task/Detail -> 401 code 0 'Project authorization is not valid.' (req-4): x-signature is wrong*",
        ]
    )
    text = result.stdout.str()
    seed = re.search(r"--wiro-seed=(\d+)", text)
    ids = re.search(r"^ids (.*)$", text, re.MULTILINE)
    assert seed is not None
    assert ids is not None
    assert ids[1].split()[0] not in text.replace(ids[0], "")  # the key is printed by the test only
    again = play(suite, test.replace("def test_it", "def test_under_another_name"), f"--wiro-seed={seed[1]}")
    assert ids[0] in again.outlines


# -- misuse --------------------------------------------------------------------------------------------


def test_pytest_httpx_beside_wiro_respx_is_told(suite: pytest.Pytester) -> None:
    """Both replace httpx's transport; pytest-httpx itself need not be there."""
    result = play(
        suite,
        """
@pytest.fixture
def httpx_mock():
    return None

def test_it(wiro_respx, httpx_mock):
    pass
""",
    )
    result.assert_outcomes(errors=1)
    assert (
        "wiro_respx and pytest-httpx's httpx_mock both replace httpx's transport; use one of them: register the other "
        "hosts' answers on a respx router, or use wiro_server instead"
    ) in result.outlines


def test_a_fixture_of_ours_in_a_session_scoped_fixture_is_told(suite: pytest.Pytester) -> None:
    """With what to do instead."""
    result = play(
        suite,
        """
@pytest.fixture(scope="session")
def client(wiro_env):
    return object()

def test_it(client):
    pass
""",
    )
    result.assert_outcomes(errors=1)
    assert (
        "wiro_env is made anew for every test, so a session-scoped fixture cannot use it: make that fixture "
        "function-scoped, or let it make a Wiro of its own, by `with WiroMock() as wiro: yield wiro`"
    ) in result.outlines


def test_a_client_built_before_wiro_env_is_told(suite: pytest.Pytester) -> None:
    """Whether it has the real address, or the key of another test."""
    result = play(
        suite,
        """
import os

class Client:
    def __init__(self):
        self.url = os.environ.get("WIRO_BASE_URL", "https://api.wiro.ai/v1")
        self.key = os.environ.get("WIRO_API_KEY", "none")
    def run(self):
        try:
            path = "/Run/moondream3-preview/caption"
            return httpx.post(self.url + path, headers={"x-api-key": self.key}).json()
        except httpx.ConnectError as error:
            return str(error)

early = Client()
kept = []

def test_with_the_real_address(wiro_env):
    kept.append(Client())
    assert "blocked: api.wiro.ai is the real Wiro" in early.run()

def test_with_an_old_key(wiro_env, wiro):
    assert kept[0].run()["result"] is False
    print(wiro.requests[-1].reason)
    assert 0
""",
    )
    result.assert_outcomes(passed=1, errors=1, failed=1)
    lines = [line for line in result.outlines if line.startswith("unexpected call")]
    assert lines[0].startswith("unexpected call: api.wiro.ai was looked up at ")
    assert lines[0].endswith(
        "test_it.py:13, which is the real Wiro; give the client wiro_server.url (wiro_env sets WIRO_BASE_URL; build "
        "the client after that), let wiro_intercept answer at Wiro's own addresses (for httpx alone, wiro_respx), or "
        "allow it by @pytest.mark.wiro(network=True) or --wiro-network=true"
    )
    told = (
        "x-api-key is the key of the world of test_it.py::test_with_the_real_address, which is over; the client was "
        "built before this test's wiro_env (or in a fixture of wider scope): build it in the test"
    )
    assert told in result.outlines


# -- what audits have found ----------------------------------------------------------------------------


@pytest.mark.parametrize("stop", ["raise KeyboardInterrupt", "pytest.exit('my reason')"])
def test_an_interrupted_session_ends_cleanly(suite: pytest.Pytester, stop: str) -> None:
    """Whatever the test has left behind."""
    suite.makepyfile(test_it=f"import pytest\ndef test_it(wiro):\n    wiro.use('caption')\n    {stop}\n")
    result = suite.runpytest_subprocess("-p", "no:cacheprovider")
    text = result.stdout.str() + result.stderr.str()
    assert "unused registration" not in text
    assert "Traceback" not in text
    assert "no tests ran" in text


def test_a_teardown_that_fails_by_itself_is_not_failed_twice(suite: pytest.Pytester) -> None:
    """What is left behind is told in its report."""
    result = play(
        suite,
        """
@pytest.fixture
def mine(wiro):
    yield
    wiro.hold("task_start")
    raise RuntimeError("its own")

def test_it(mine):
    pass
""",
    )
    result.assert_outcomes(passed=1, errors=1)
    assert errors_of(result) == ["RuntimeError: its own"]
    assert any(line.startswith('  unused registration: hold("task_start")') for line in result.outlines)


def test_a_test_that_is_run_again_begins_anew(suite: pytest.Pytester) -> None:
    """Its first failure does not excuse its second end."""
    suite.makeconftest(
        """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for _ in range(2):
        item._initrequest()
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
    )
    result = play(
        suite, "turns = []\ndef test_it(wiro):\n    wiro.use('failure')\n    turns.append(1)\n    assert turns[1:]\n"
    )
    result.assert_outcomes(failed=1, passed=1, errors=1)


def test_no_world_outlives_its_test(suite: pytest.Pytester) -> None:
    """A session of thousands of tests keeps one."""
    result = play(
        suite,
        """
import gc, weakref
worlds = []

@pytest.mark.parametrize("turn", range(5))
def test_it(wiro, wiro_respx, wiro_server, turn):
    caption(wiro)
    worlds.append(weakref.ref(wiro.world))

def test_they_are_gone():
    gc.collect()
    assert [world() for world in worlds] == [None] * 5
""",
    )
    result.assert_outcomes(passed=6)


def test_patches_are_undone_at_the_end_of_the_test(suite: pytest.Pytester) -> None:
    """Also of one that fails."""
    result = play(
        suite,
        """
import socket, time
genuine = time.sleep, socket.getaddrinfo

def test_it(wiro):
    wiro.patch_sleep("client")
    assert (time.sleep, socket.getaddrinfo) == genuine

def test_afterwards():
    assert (time.sleep, socket.getaddrinfo) == genuine
""",
    )
    result.assert_outcomes(failed=1, passed=1)


def test_a_broken_scenario_is_told_without_a_traceback(suite: pytest.Pytester) -> None:
    """One line for each complaint, and nothing of ours."""
    folder = suite.mkdir("bad")
    (folder / "a.yaml").write_text("scenario: a\nsteps:\n  - strat: 1s\n")
    result = play(suite, "def test_it(wiro):\n    pass\n", "--wiro-scenarios=bad")
    result.assert_outcomes(errors=1)
    assert "bad/a.yaml:3:5: step 1: strat: unknown key; did you mean 'start'?" in result.outlines
    assert not any("Traceback" in line or "loader.py" in line for line in result.outlines)


def test_a_late_request_of_an_earlier_test_is_not_this_tests_fault(suite: pytest.Pytester) -> None:
    """Its key says whose it is; through both doors."""
    result = play(
        suite,
        """
old = {}

def test_first(wiro):
    old.update(headers(wiro))

def test_second(wiro, wiro_server):
    assert httpx.post(wiro_server.url + "/Nope", headers=old, trust_env=False, timeout=60).status_code == 404

def test_third(wiro, wiro_respx):
    assert httpx.post(API + "/Run/moondream3-preview/caption", headers=old).status_code == 401
    told = "x-api-key is the key of the world of test_it.py::test_first, which is over"
    assert wiro.requests[-1].reason.startswith(told)
""",
    )
    result.assert_outcomes(passed=3)


def test_a_socket_at_a_wrong_path_is_an_unexpected_call(suite: pytest.Pytester) -> None:
    """Though the client swallows it."""
    result = play(
        suite,
        """
from websockets.sync.client import connect

def test_it(wiro, wiro_server):
    try:
        connect(wiro_server.socket_url.replace("/v1", "/v2"), proxy=None)
    except Exception:
        pass
""",
    )
    result.assert_outcomes(passed=1, errors=1)
    assert (
        "unexpected call: SOCKET /v2 -> 404 (req-1): there is no socket at this path; it is at /v1, as "
        "wiro_server.socket_url and the ready line say; if the client is meant to call it, wiro.allow('SOCKET /v2')"
    ) in result.outlines


def test_what_a_socket_did_not_understand_stands_in_the_report(suite: pytest.Pytester) -> None:
    """Wiro says nothing to it; the report does."""
    result = play(
        suite,
        """
import json
from websockets.sync.client import connect

def test_it(wiro, wiro_server):
    with connect(wiro_server.socket_url, proxy=None) as socket:
        socket.recv(60)
        socket.send(json.dumps({"type": "taskinfo", "tasktoken": "nope"}))
        socket.send(json.dumps({"type": "task_info"}))
        assert json.loads(socket.recv(60))["message"] == "none"
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["noticed:", "  SOCKET /v1 -> 101 a message on the socket (req-1): *did you mean 'task_info'[?]"]
    )


def test_under_xdist_each_test_has_its_own_and_strays_are_told(suite: pytest.Pytester) -> None:
    """Two workers; a request with a key that nobody has, while two worlds are attached."""
    suite.makepyfile(
        test_it="""
import httpx, pytest
from client import *
from wiro_mock import WiroMock

@pytest.mark.parametrize("turn", range(6))
def test_it(wiro, wiro_server, _wiro_shared_server, turn):
    other = WiroMock(seed=9)
    _wiro_shared_server[0].attach(other.world)
    run = caption(wiro, wiro_server.url)
    assert len(wiro.tasks) == 1
    answer = httpx.post(wiro_server.url + "/Task/Detail", headers={"x-api-key": "nobody's"}, timeout=60)
    assert answer.status_code == 401
    _wiro_shared_server[0].detach(other.world)
"""
    )
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["*wiro: requests of no test*", "POST /v1/Task/Detail -> 401 *"])


def test_the_plugin_can_be_switched_off_and_on(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name; and by itself where no plugin is loaded by itself."""
    suite.makepyfile(test_it="def test_it(wiro):\n    assert wiro.api_key\n")
    suite.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:wiro_mock").assert_outcomes(errors=1)
    suite.runpytest_subprocess("-p", "no:cacheprovider", "-p", "wiro_mock").assert_outcomes(passed=1)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    suite.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(errors=1)
    suite.runpytest_subprocess("-p", "no:cacheprovider", "-p", "wiro_mock").assert_outcomes(passed=1)
