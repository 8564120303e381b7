"""A stranger's project, `downstream/`, is recorded from a second mock, and plays without it from then on.

In both ways that users have: by pytest, a recording for each test; and by `wiro-mock record`, in front of whatever
talks, played by `wiro-mock serve`. The upstream is another mock that plays the project's own pictures by their
addresses, for nobody who is recorded can set anything up there. That the recordings are what plays is shown by
changing one.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api_kit import KEY, SECRET, make_world
from tests.live_kit import Live, live
from tests.process_kit import COMMAND, PATIENCE, environment, serving
from wiro_mock.loader import Library
from wiro_mock.mock import World

DOWNSTREAM = Path(__file__).parent / "downstream"
CREDENTIALS = {"WIRO_API_KEY": KEY, "WIRO_API_SECRET": SECRET}
REAL = 27
"""Tests that say what Wiro itself does; all are recorded, and all are played."""
AGAINST = ("tests/test_real.py", "tests/test_following.py")
PASSED, SKIPPED = 17, 4
"""Of these files, against a Wiro elsewhere: a hold exists in the mock only, as do scenarios that a test asks for."""
REASON = "wiro.use exists in the mock only, and the target is"


@pytest.fixture(autouse=True)
def _loaded(everything_is_loaded: None) -> None:
    """Tests with pytester need it."""


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """A Wiro that knows the project's pictures, as a staging server would."""
    for name in ("WIRO_API_KEY", "WIRO_API_SECRET", "WIRO_BASE_URL", "WIRO_SOCKET_URL", "WIRO_UPSTREAM"):
        monkeypatch.delenv(name, raising=False)
    settings = make_world(time="auto").settings
    with live(World(settings, library=Library(DOWNSTREAM / "scenarios"))) as running:
        yield running


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """The project, in a folder that may be written."""
    for name in ("captioner", "tests", "scenarios"):
        shutil.copytree(DOWNSTREAM / name, pytester.path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(DOWNSTREAM / "pyproject.toml", pytester.path)
    return pytester


def suite(project: pytest.Pytester, *flags: str) -> pytest.RunResult:
    """What comes of its suite."""
    return project.runpytest_inprocess("-c", "pyproject.toml", "-p", "no:cacheprovider", "-rs", *flags)


def spoil(folder: Path, old: str, new: str) -> int:
    """Change what was recorded; in how many places."""
    changed = 0
    for path in folder.rglob("caption-*.yaml"):
        text = path.read_text()
        path.write_text(text.replace(old, new))
        changed += text.count(old)
    return changed


def test_by_pytest(project: pytest.Pytester, upstream: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--wiro-record=once` records what has the mark, with all six clients; then nobody is asked any more."""
    url = f"{upstream.thread.url}/v1"
    with monkeypatch.context() as surroundings:
        for name, value in CREDENTIALS.items():
            surroundings.setenv(name, value)
        recorded = suite(project, "--recorded", "-m", "real", "--wiro-record=once", f"--wiro-upstream={url}")
    recorded.assert_outcomes(passed=REAL, deselected=recorded.parseoutcomes()["deselected"])
    asked = len(list(upstream.world.sim.tasks()))
    assert asked > REAL
    upstream.thread.stop()
    played = suite(project, "--recorded", "-m", "real")
    played.assert_outcomes(passed=REAL, deselected=played.parseoutcomes()["deselected"])
    assert len(list(upstream.world.sim.tasks())) == asked
    recordings = project.path / "tests/recordings"
    assert not any(secret in path.read_text() for path in recordings.rglob("*.[yj]*") for secret in (KEY, SECRET))

    assert spoil(recordings, "Three boats", "Four boats")
    assert spoil(recordings / "test_real/test_busy_at_first[env]", "code: 96", "code: 97")
    lied = suite(project, "--recorded", "tests/test_real.py", "-k", "env and (requests or busy)")
    lied.assert_outcomes(failed=2, deselected=lied.parseoutcomes()["deselected"])
    lied.stdout.fnmatch_lines(["E *assert 'Four boats in a harbour.' == 'Three boats in a harbour.'"])
    lied.stdout.fnmatch_lines(["E *NoCredit: You have reached your concurrent task limit.*(code 97)"])


def test_by_the_command(
    project: pytest.Pytester, upstream: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`wiro-mock record -- pytest` tells the suite where it is; `wiro-mock serve` plays the folder, run by run."""
    to = project.path / "recordings"
    inner = [sys.executable, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
    pytest_at = f"{shlex.join([*inner, '--door', 'env', *AGAINST])} --wiro-target=$WIRO_BASE_URL"
    command = [
        *COMMAND,
        "record",
        "--upstream",
        f"{upstream.thread.url}/v1",
        "--to",
        str(to),
        "--",
        "sh",
        "-c",
        pytest_at,
    ]
    done = subprocess.run(
        command, cwd=project.path, env=environment(**CREDENTIALS), capture_output=True, text=True, timeout=4 * PATIENCE,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    passed = outcomes(done.stdout, "PASSED")
    assert (len(passed), len(outcomes(done.stdout, "SKIPPED"))) == (PASSED, SKIPPED)
    assert REASON in done.stdout

    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    keys = ("--api-key", KEY, "--api-secret", SECRET)
    with serving(tmp_path, "--scenarios", str(to), "--time", "auto", *keys) as server:
        played = suite(project, "-v", "--door", "env", f"--wiro-target={server.api}", *AGAINST)
        assert outcomes(played.stdout.str(), "PASSED") == passed
        played.assert_outcomes(passed=PASSED, skipped=SKIPPED)
        played.stdout.fnmatch_lines([f"SKIPPED*{REASON}*"])
        tasks = httpx.get(f"{server.origin}/__wiro/tasks", trust_env=False, timeout=PATIENCE).json()["tasks"]
        assert {re.sub(r"\d+", "N", task["scenario"]) for task in tasks} == {"caption-N"}  # nothing else plays

        assert spoil(to, "cannot identify image file", "cannot read it")
        assert spoil(to, '- stderr: {text: "UnidentifiedImageError', '- stderr: {text: "OSError')
        lied = suite(project, "--door", "env", f"--wiro-target={server.api}", "tests/test_real.py", "-k", "aiohttp")
        lied.assert_outcomes(failed=1, deselected=lied.parseoutcomes()["deselected"])
        lied.stdout.fnmatch_lines(["E *Actual message: 'task * exited with 2: OSError: cannot read it'"])


def outcomes(told: str, outcome: str) -> set[str]:
    """The tests that came to this, as `pytest -v` tells them."""
    return set(re.findall(rf"(?m)^(tests/\S+\.py::.+?) {outcome}\b", told))
