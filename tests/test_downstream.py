"""A stranger's project, `downstream/`, uses the mock as any team would.

Its own suite is run as the team runs it; then each mistake that a client of Wiro can make is planted in its clients,
and the words with which the suite fails are looked at: they must tell somebody who has never seen the mock.
"""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

DOWNSTREAM = Path(__file__).parent / "downstream"
PATIENCE = 280.0
"""Real seconds that a pytest within this one may take: a safety net, below the limit of a test."""
BUGS = {
    (
        "no-exit-code",
        "tests/test_every_client.py::test_a_failure_is_an_error[httpx-env]",
    ): """\
E       Failed: DID NOT RAISE TaskFailed
task 523708: moondream3-preview/caption, scenario 'failure', task_postprocess_end, exit code 1
  +1.600s  task_error              ValueError: the input could not be processed
  +1.600s  task_end                exit code 1
""",
    (
        "no-retry",
        "tests/test_every_client.py::test_when_busy_it_tries_again[httpx-env]",
    ): """\
E       captioner.errors.TooManyTasks: You have reached your concurrent task limit. With your current balance of \
$50.00, you can run up to 5 tasks at the same time. Add funds to increase your limit. (code 96)
refused, and why:
left behind:
  unused registration: "concurrency-limit", "concurrency-limit", "caption" were asked for at \
tests/test_every_client.py:50: 1 of 3 was played, concurrency-limit, caption never; remove it, or write optional=True
""",
    (
        "swapped-keys",
        "tests/test_captioner.py::test_the_parameters_are_ours[respx]",
    ): """\
E           captioner.errors.Unauthorized: Project authorization is not valid. (code 0)
refused, and why:
  POST /v1/Run/moondream3-preview/caption -> 401 code 0 'Project authorization is not valid.' (req-1): \
x-signature is wrong: key and secret are swapped (the API key is the HMAC's key)
""",
    (
        "polls-for-ever",
        "tests/test_captioner.py::test_a_cancelled_task_is_not_waited_for[respx]",
    ): """\
E       AssertionError: task 673932 was polled 301 times, expected at most 2: req-2 … req-302
task 673932: moondream3-preview/caption, scenario 'cancelled-in-queue', task_cancel
""",
    (
        "forgets-files",
        "tests/test_captioner.py::test_nothing_is_left_behind[env]",
    ): """\
E       AssertionError: 1 thing left behind:
E         the output '0.txt' of task 699125 (moondream3-preview/caption) was never downloaded
""",
    (
        "fears-warnings",
        "tests/test_every_client.py::test_warnings_are_no_failure[httpx-respx]",
    ): """\
E           captioner.errors.TaskFailed: task 777526 exited with 0: UserWarning: Some weights were not initialized...
task 777526: moondream3-preview/caption, scenario 'stderr-warnings', task_postprocess_end, exit code 0, \
cost 0.00117 USD (2 s at cps 0.000585)
""",
    (
        "wrong-path",
        "tests/test_captioner.py::test_the_parameters_are_ours[env]",
    ): """\
E       captioner.errors.Refused: Error parsing url. (code 0)
refused, and why:
  POST /v1/Task/Details -> 404 code 0 'Error parsing url.' (req-2): POST /v1/Task/Details: no operation of the API \
as it is played here; did you mean POST /v1/Task/Detail?
""",
    (
        "wrong-name",
        "tests/test_captioner.py::test_the_parameters_are_ours[env]",
    ): """\
E       AssertionError: no run of moondream3-preview/caption with inputImage='https://example.com/cat.png', \
length='short'; the only call is req-1 (task 803430):
E           model         moondream3-preview/caption
E           inputImage    'https://example.com/cat.png'
E         ! length        expected 'short', got nothing
E           lenght        'short' (not asked about)
""",
    (
        "wrong-value",
        "tests/test_captioner.py::test_the_parameters_are_ours[env]",
    ): """\
E       AssertionError: no run of moondream3-preview/caption with inputImage='https://example.com/cat.png', \
length='short'; the only call is req-1 (task 803430):
E         ! length        expected 'short', got 'normal'
""",
    (
        "open-socket",
        "tests/test_following.py::test_the_socket_is_left_at_the_end[env]",
    ): """\
E       AssertionError: 1 thing left behind:
E         socket 1 is still open
""",
    (
        "trusts-webhook",
        "tests/test_back_end.py::test_a_webhook_is_not_believed[respx]",
    ): """\
E       AssertionError: assert 'failed' == 'done'
E         - done
E         + failed
""",
    (
        "trusts-webhook",
        "tests/test_back_end.py::test_a_webhook_is_not_believed[server]",
    ): """\
E       AssertionError: assert 'failed' == 'done'
E         - done
E         + failed
""",
    (
        "delivers-twice",
        "tests/test_back_end.py::test_a_webhook_that_comes_twice_is_one_job[env]",
    ): """\
E       AssertionError: assert 2 == 1
""",
    (
        "delivers-twice",
        "tests/test_back_end.py::test_a_webhook_that_comes_twice_is_one_job[respx]",
    ): """\
E       AssertionError: assert 2 == 1
""",
    (
        "knows-too-late",
        "tests/test_back_end.py::test_a_webhook_may_come_before_its_own_job[respx]",
    ): """\
E       AssertionError: assert 'waiting' == 'done'
E         - done
E         + waiting
""",
    (
        "knows-too-late",
        "tests/test_back_end.py::test_a_webhook_may_come_before_its_own_job[server]",
    ): """\
E       AssertionError: assert 'waiting' == 'done'
E         - done
E         + waiting
""",
    (
        "stutters",
        "tests/test_following.py::test_the_text_is_not_said_twice[env]",
    ): """\
E         - Two cats on a wall.
E         + TwoTwo catsTwo cats onTwo cats on aTwo cats on a wall.
  +2.300s  task_output             Two                                           socket 1
  +2.500s  task_output             Two cats on a wall.                           socket 1
""",
}
"""The mistake and the test that meets it; lines of what pytest says, in their order."""


@pytest.fixture(autouse=True)
def _loaded(everything_is_loaded: None) -> None:
    """Tests with pytester need it."""


def outcome(*args: str) -> str:
    """What comes of downstream's suite, as pytest counts it, in a process of its own; it must succeed."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "WIRO", "COV"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", *args]
    done = subprocess.run(
        command, cwd=DOWNSTREAM, env=surroundings, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r" in .*", "", done.stdout.strip().splitlines()[-1])


def test_through_every_door_in_parallel() -> None:
    """Six clients and three doors, on four workers."""
    assert outcome("-n", "4") == "305 passed"


def test_through_one_door_alone() -> None:
    """One door, in one process, in order."""
    assert outcome("--door", "env") == "127 passed"


@pytest.mark.parametrize(("bug", "test"), BUGS, ids=[bug for bug, _ in BUGS])
def test_a_planted_bug_is_caught(pytester: pytest.Pytester, bug: str, test: str) -> None:
    """The suite fails, and says why in words that name the mistake."""
    os.chdir(DOWNSTREAM)  # pytester goes back
    result = pytester.runpytest("-c", "pyproject.toml", "-p", "no:cacheprovider", "--bug", bug, test)
    result.assert_outcomes(failed=1)
    check_lines(result, BUGS[bug, test])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # what a client with such a bug leaves open is its own


ENDS = """\
_____________________ ERROR at teardown of test_wrong_path _____________________
unexpected call: POST /v1/Task/Details -> 404 (req-2): no operation of the API as it is played here; did you mean \
POST /v1/Task/Detail? If the client is meant to call it, wiro.allow('POST /v1/Task/Details')
______________________ ERROR at teardown of test_no_retry ______________________
unused registration: "concurrency-limit", "caption" were asked for at test_ends.py:14: 1 of 2 was played, caption \
never; remove it, or write optional=True
________________________ ERROR at teardown of test_hold ________________________
hold never released: "task_start" set at test_ends.py:19 still holds task 651091; release it, or set it by \
`with wiro.hold(...)`
"""


def test_what_a_client_swallows_is_told_at_the_end(pytester: pytest.Pytester) -> None:
    """The client gives up in silence, so the test passes, and what it left behind fails it."""
    pytester.syspathinsert(DOWNSTREAM)
    pytester.makepyfile(
        test_ends="""
        from contextlib import suppress

        from captioner.bugs import plant
        from captioner.errors import WiroError
        from captioner.polling import Captioner

        CAT = "https://example.com/cat.png"

        def test_wrong_path(wiro, wiro_respx):
            with suppress(WiroError):
                plant("wrong-path", Captioner)(wiro.api_key, wiro.api_secret).caption(CAT)

        def test_no_retry(wiro, wiro_respx):
            wiro.use("concurrency-limit", "caption")
            with suppress(WiroError):
                plant("no-retry", Captioner)(wiro.api_key, wiro.api_secret).caption(CAT)

        def test_hold(wiro, wiro_respx):
            wiro.hold("task_start")
            captioner = Captioner(wiro.api_key, wiro.api_secret)
            captioner.look(captioner.start(CAT).task_id)
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, errors=3)
    check_lines(result, ENDS)


def check_lines(result: pytest.RunResult, expected: str) -> None:
    """Pytest has said these lines, in this order, among others."""
    lines = iter([line.rstrip() for line in result.outlines])
    for line in expected.splitlines():
        assert line in lines, f"{line!r} is not there, or not in its place"
