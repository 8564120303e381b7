"""The GitHub Action: its steps, as the runner runs them, in a shell.

The runner's part is played here: inputs become variables, and the files that outputs and variables are written to are
read. The server that the action leaves behind is real.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.process_kit import environment

ROOT = Path(__file__).resolve().parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: dict[str, dict[str, Any]] = {step["id"]: step for step in ACTION["runs"]["steps"]}
INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")


@dataclass
class Step:
    """What a step left: its status, its log, and what it wrote for those that follow."""

    status: int
    log: str
    outputs: dict[str, str]
    variables: dict[str, str]
    paths: list[str]


@dataclass
class Runner:
    """GitHub's runner, as far as a composite action sees it."""

    temp: Path
    servers: list[int] = field(default_factory=list)

    def step(self, name: str, *, variables: dict[str, str] | None = None, **inputs: str) -> Step:
        """Run one step with these inputs, the others at their defaults."""
        given = {key: entry["default"] for key, entry in ACTION["inputs"].items()}
        given |= {key.replace("_", "-"): value for key, value in inputs.items()}
        files = {kind: self.temp / kind.lower() for kind in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}
        for file in files.values():
            file.write_text("")
        env = environment(RUNNER_TEMP=str(self.temp), GITHUB_ACTION_PATH=str(ROOT), **(variables or {}))
        env |= {kind: str(file) for kind, file in files.items()}
        env |= {key: INPUT.sub(lambda match: given[match[1]], value) for key, value in STEPS[name]["env"].items()}
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],  # as the runner does
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if served := re.search(r"process (\d+)", ran.stdout):
            self.servers.append(int(served[1]))
        return Step(
            ran.returncode,
            ran.stdout + ran.stderr,
            dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines()),
            dict(line.split("=", 1) for line in files["GITHUB_ENV"].read_text().splitlines()),
            files["GITHUB_PATH"].read_text().splitlines(),
        )

    def start(self, **inputs: str) -> Step:
        """The step that serves, with the command of this checkout."""
        program = self.temp / "wiro-mock-command"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wiro_mock "$@"\n')
        program.chmod(0o755)
        return self.step("start", variables={"WIRO_MOCK": str(program), "PYTHONPATH": str(ROOT)}, **inputs)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """A runner that ends what a job leaves behind."""
    made = Runner(tmp_path)
    yield made
    for server in made.servers:
        os.kill(server, signal.SIGTERM)


def signed(key: str, secret: str) -> dict[str, str]:
    """The headers of a request."""
    signature = hmac.new(key.encode(), f"{secret}1734513807".encode(), hashlib.sha256).hexdigest()
    return {"x-api-key": key, "x-nonce": "1734513807", "x-signature": signature}


def test_the_steps_that_follow_reach_the_server(runner: Runner, tmp_path: Path) -> None:
    """All outputs that are declared are there and true, and so are the variables; the secret stands in the log only
    where the runner is told to mask it.
    """
    own = tmp_path / "own"
    own.mkdir()
    (own / "one.yaml").write_text("scenario: mine\nmatch: {model: a/b}\nsteps:\n  - exit: 3\n")
    done = runner.start(time="auto", scenarios=f"\n  {own}  \n\n", options="--unknown-models=play\n--seed\n7\n")
    assert done.status == 0, done.log
    declared = {
        key: re.fullmatch(r"\$\{\{ steps\.start\.outputs\.([\w-]+) }}", out["value"])
        for key, out in ACTION["outputs"].items()
    }
    assert {key: match and match[1] for key, match in declared.items()} == {key: key for key in done.outputs}
    key, secret = done.outputs["api-key"], done.outputs["api-secret"]
    assert done.variables == {
        "WIRO_BASE_URL": done.outputs["url"],
        "WIRO_SOCKET_URL": done.outputs["socket-url"],
        "WIRO_MOCK_URL": done.outputs["mock-url"],
        "WIRO_API_KEY": key,
        "WIRO_API_SECRET": secret,
    }
    assert [line for line in done.log.splitlines() if secret in line] == [f"::add-mask::{secret}"]
    assert done.outputs["socket-url"].startswith("ws://127.0.0.1:")
    with httpx.Client(base_url=done.outputs["url"], headers=signed(key, secret), trust_env=False) as http:
        run = http.post("/Run/a/b", json={}).json()
        task = http.post("/Task/Detail", json={"taskid": run["taskid"]}).json()["tasklist"][0]
        assert task["pexit"] == "3"  # by the scenario of one's own
        assert http.get(f"{done.outputs['mock-url']}/__wiro/ready").json() == {"ready": True}
    assert "SIGTERM" not in Path(done.outputs["log"]).read_text()


def test_a_secret_with_a_percent_sign_is_masked_as_it_is(runner: Runner) -> None:
    """The runner takes %25, %0D and %0A in a command's text for what they stand for, and would mask something else."""
    done = runner.start(api_secret="s%0Aec%25ret")
    assert (done.status, done.outputs["api-secret"]) == (0, "s%0Aec%25ret"), done.log
    assert "::add-mask::s%250Aec%2525ret\n" in done.log
    assert "No such file" not in done.log


def test_the_options_that_are_described_are_options(runner: Runner) -> None:
    """The examples in the description of the input can be copied."""
    named = re.findall(r"--[\w=-]+", ACTION["inputs"]["options"]["description"])
    assert len(named) == 2
    done = runner.start(options="\n".join(named))
    assert done.status == 0, done.log


def test_given_credentials_hold_and_the_environment_stays_if_so_wished(runner: Runner) -> None:
    """A key of one's own, and no variables."""
    done = runner.start(api_key="my-key", api_secret="my-secret", env="false", faults="rate-limited")
    assert (done.status, done.variables) == (0, {}), done.log
    assert (done.outputs["api-key"], done.outputs["api-secret"]) == ("my-key", "my-secret")
    answer = httpx.post(
        f"{done.outputs['url']}/Task/Detail",
        json={"taskid": "1"},
        headers=signed("my-key", "my-secret"),
        trust_env=False,
    )
    assert answer.status_code in (200, 429)


def test_why_nothing_is_served_stands_on_the_page_of_the_job(runner: Runner) -> None:
    """The server's own words, as an annotation; and the job fails at once."""
    done = runner.start(time="soon")
    assert done.status == 1
    assert re.search(r"^::error title=wiro-mock::wiro-mock: .*'soon'", done.log, re.MULTILINE), done.log
    assert done.outputs == {}


def test_a_line_break_in_a_key_adds_no_output(runner: Runner) -> None:
    done = runner.start(api_key="a\nurl=http://evil.example")
    assert (done.status, done.outputs, done.variables) == (1, {}, {})
    assert "::error title=wiro-mock::api-key and api-secret are one line each" in done.log


PYTHON = """#!/bin/sh
[ "$1" = -c ] && exit ${OLD:-0}
mkdir -p "$3/bin"
for name in pip wiro-mock; do
  printf '#!/bin/sh\\necho "%s $*" >>"%s"\\nexit ${PIP:-0}\\n' "$name" "$CALLS" >"$3/bin/$name"
  chmod +x "$3/bin/$name"
done
"""


@pytest.mark.parametrize(
    ("version", "installed"),
    [("", f"{ROOT}[tls]"), ("0.1.0", "wiro-mock[tls]==0.1.0"), ("v0.1.0", "wiro-mock[tls]==0.1.0")],
)
def test_the_wanted_version_is_installed_beside_the_jobs_own_packages(
    runner: Runner, tmp_path: Path, version: str, installed: str
) -> None:
    """Into an environment of its own, whose commands the steps that follow find; by a pip that only takes notes."""
    done = runner.step("install", variables=_stand_in(tmp_path), version=version)
    assert done.status == 0, done.log
    assert done.paths == [f"{tmp_path}/wiro-mock/bin"]
    assert (tmp_path / "calls").read_text().splitlines()[
        0
    ] == f"pip install --quiet --disable-pip-version-check {installed}"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"RUNNER_OS": "Windows"}, "wiro-mock serves on Linux and macOS; use a runner of these"),
        ({"OLD": "1"}, "no Python 3.11 or later is on PATH; put actions/setup-python before this step"),
        ({"PIP": "1"}, "cannot install wiro-mock[tls]==9.9; see the lines of pip above"),
    ],
)
def test_what_cannot_be_installed_is_told(
    runner: Runner, tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    done = runner.step("install", variables=_stand_in(tmp_path) | variables, version="9.9")
    assert done.status == 1
    assert f"::error title=wiro-mock::{words}" in done.log


def _stand_in(folder: Path) -> dict[str, str]:
    """Variables with which every Python is one that makes an environment without contents."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("python3", "python", *(f"python3.{minor}" for minor in (14, 13, 12, 11))):
        (programs / name).write_text(PYTHON)
        (programs / name).chmod(0o755)
    return {"PATH": f"{programs}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}


def test_the_image_of_a_pre_release_is_tagged_too() -> None:
    """The tag is the version in pyproject.toml, which PyPI has in the form of PEP 440: semver knows no 0.2.0rc1."""
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    (meta,) = (step for step in release["jobs"]["image"]["steps"] if step.get("id") == "meta")
    kinds = [dict(part.split("=", 1) for part in line.split(",")) for line in meta["with"]["tags"].split()]
    assert {kind["type"] for kind in kinds} == {"pep440"}
    assert "{{version}}" in {kind["pattern"] for kind in kinds}
