"""The weekly workflow: it says when it skipped, opens an issue on drift, and fails only where nothing could be told.

Its script is run with a `gh` and a `wiro-mock` that write down what they were asked.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCRIPT, WORKFLOW = ROOT / ".ci" / "contract", ROOT / ".github" / "workflows" / "contract.yml"
SECRET = "s3cr3t-of-the-project"
WIRO_MOCK = """#!/usr/bin/env bash
echo "wiro-mock $*" >>"$CALLS"
name=$1 status=$STATUS
[[ $name = drift ]] && status=$DRIFT
while (($#)); do
  [[ $1 = --markdown && $status != 2 ]] && echo "### Wiro's $name" >"$2"
  [[ $1 = --markdown && $MORE ]] && yes 'ü' | head -n "$MORE" >>"$2"
  [[ $1 = --json && $status != 2 && $NEWS = $name ]] && echo '{"level": "upstream new"}' >"$2"
  shift
done
exit "$status"
"""
GH = """#!/usr/bin/env bash
echo "gh $*" >>"$CALLS"
[[ $2 = list ]] && echo "$OPEN"
while (($#)); do [[ $1 = --body-file ]] && cat "$2" >>"$CALLS"; shift; done
exit 0
"""


@dataclass(frozen=True)
class Ran:
    status: int
    said: str
    calls: str
    summary: str


def ran(
    folder: Path,
    *,
    status: int = 0,
    drift: int = 0,
    news: str = "",
    open_issue: str = "",
    secrets: bool = True,
    more: int = 0,
) -> Ran:
    """The script, in a folder with such programs."""
    tools = folder / "bin"
    tools.mkdir()
    for name, text in (("wiro-mock", WIRO_MOCK), ("gh", GH)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    summary, calls = folder / "summary.md", folder / "calls.txt"
    calls.touch()
    env = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(summary),
        "CALLS": str(calls),
        "STATUS": str(status),
        "DRIFT": str(drift),
        "OPEN": open_issue,
        "NEWS": news,
        "MORE": str(more or ""),
        **({"WIRO_API_KEY": "key", "WIRO_API_SECRET": SECRET} if secrets else {}),
    }
    done = subprocess.run(["bash", SCRIPT], env=env, capture_output=True, text=True, timeout=60, check=False)
    written = summary.read_text() if summary.exists() else ""
    assert SECRET not in done.stdout + done.stderr + written + calls.read_text()
    return Ran(done.returncode, done.stdout + done.stderr, calls.read_text(), written)


def test_without_credentials_it_says_that_it_skipped(tmp_path: Path) -> None:
    """As a notice and in the summary; nothing is asked, and that is no failure."""
    found = ran(tmp_path, secrets=False)
    assert found.status == 0
    assert "::notice title=Contract and drift skipped::Skipped: the secrets WIRO_API_KEY and" in found.said
    assert found.summary.startswith("Skipped: ")
    assert found.calls == ""


def test_where_all_is_well_no_issue_is_opened(tmp_path: Path) -> None:
    """The report is in the summary."""
    found = ran(tmp_path)
    assert found.status == 0
    assert "gh " not in found.calls
    assert "wiro-mock contract --target real --markdown " in found.calls
    assert "### Wiro's contract" in found.summary


@pytest.mark.parametrize("how", [{"status": 1}, {"news": "contract"}, {"drift": 1}, {"news": "drift"}])
def test_drift_opens_an_issue(tmp_path: Path, how: dict[str, object]) -> None:
    """A broken promise, something new, or what the drift report found: with the report as its text."""
    found = ran(tmp_path, **how)  # type: ignore[arg-type]
    assert found.status == 0
    assert re.search(r"gh issue create --title Wiro's API has drifted from the mock --label wiro-drift", found.calls)
    assert "### Wiro's contract" in found.calls.partition("gh issue create")[2]
    assert "### Wiro's drift" in found.calls.partition("gh issue create")[2]


def test_a_report_that_is_too_long_for_an_issue_is_cut(tmp_path: Path) -> None:
    """GitHub would refuse it whole; the summary has all of it."""
    found = ran(tmp_path, status=1, more=30_000)
    text = found.calls.partition("gh issue create")[2].partition("\n")[2]
    assert text.endswith("\nü\n\nCut here: the whole report is in the summary of the job.\n")
    assert 59_900 < len(text.encode()) < 60_100
    assert found.summary.count("ü") == 60_000


def test_an_issue_that_is_open_gets_a_comment(tmp_path: Path) -> None:
    """Instead of one more every week."""
    found = ran(tmp_path, status=1, open_issue="42")
    assert "gh issue comment 42 --body-file" in found.calls
    assert "issue create" not in found.calls


@pytest.mark.parametrize("how", [{"status": 2}, {"drift": 2}])
def test_what_could_not_run_fails_the_job_and_opens_nothing(tmp_path: Path, how: dict[str, object]) -> None:
    """An unreachable service is no drift."""
    found = ran(tmp_path, **how)  # type: ignore[arg-type]
    assert found.status == 2
    assert "could not run::" in found.said
    assert "issue create" not in found.calls


def test_drift_is_not_asked_for_where_something_stood_in_the_way(tmp_path: Path) -> None:
    """A key that nobody knows any more is refused everywhere, and would be told as drift."""
    found = ran(tmp_path, status=2, drift=1)
    assert found.status == 2
    assert "wiro-mock drift" not in found.calls
    assert "issue create" not in found.calls


def test_the_workflow_runs_the_script_weekly_with_the_secrets() -> None:
    """And may open issues, and nothing more."""
    made = yaml.safe_load(WORKFLOW.read_text())
    (job,) = made["jobs"].values()
    assert made[True]["schedule"] == [{"cron": "17 5 * * 1"}]  # YAML 1.1 reads `on` as true
    assert made["permissions"] == {"contents": "read", "issues": "write"}
    last = job["steps"][-1]
    assert last["run"] == "bash .ci/contract"
    assert {"WIRO_API_KEY", "WIRO_API_SECRET", "GH_TOKEN"} <= last["env"].keys()
