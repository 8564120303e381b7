"""README cannot rot: its shell runs, its YAML loads, and its tables are printed from the code."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.places import PACKAGE, ROOT
from wiro_mock.api.surface import grouped, markdown, rows
from wiro_mock.kernel.status import TERMINAL, TRANSITIONS
from wiro_mock.loader import load_models, load_text, shipped
from wiro_mock.testing.holding import POINTS
from wiro_mock.testing.keyword_table import KEYWORDS

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def between(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, flags=re.DOTALL)
    assert found is not None, f"README has no <!-- {name} --> section"
    return found[1].strip()


def surface_table(*, played: bool) -> str:
    """The endpoints, as `wiro-mock surface` has them: the groups of which something is played, or the others."""
    groups = grouped(rows()).values()
    return markdown(row for found in groups if any(row.here == "played" for row in found) is played for row in found)


SURFACE: dict[str, Callable[[], str]] = {
    "surface": partial(surface_table, played=True),
    "beyond": partial(surface_table, played=False),
}


def status_diagram() -> str:
    """The state diagram, from TRANSITIONS; cancelling is possible everywhere and left out of the picture."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> task_queue"]
    for status, events in TRANSITIONS.items():
        for event, target in events.items():
            if event.__name__ not in ("Cancelled", "FilesDeleted") and target is not status:
                lines.append(f"    {status} --> {target}: {event.__name__}")
    lines += [f"    {status} --> [*]" for status in sorted(TERMINAL)]
    lines += ["    note right of task_cancel: from every status before the end", "```"]
    return "\n".join(lines)


def keywords_table() -> str:
    """The keywords of the mark, from the table that flags and ini options are made of."""
    rows = ["| keyword | what it does | flag | ini option |", "|---|---|---|---|"]
    for name, about, example, is_flag in KEYWORDS:
        flag, ini = f"`--wiro-{name.replace('_', '-')}={example}`", f"`wiro_{name}`"
        rows.append(f"| `{name}` | {about} | {flag if is_flag else ''} | {ini if is_flag else ''} |")
    return "\n".join(rows)


def points_list() -> str:
    """The points at which tasks can be held, from the code."""
    return ", ".join(f"`{name}`" for name in POINTS)


GUIDE = PACKAGE / "testing" / "README.md"
PRINTED = {"keywords": keywords_table, "points": points_list}


@pytest.mark.parametrize("name", PRINTED)
def test_the_guides_tables_are_those_of_the_code(name: str) -> None:
    """What the guide lists is printed from the code."""
    text = GUIDE.read_text(encoding="utf-8")
    assert f"<!-- {name} -->\n{PRINTED[name]()}\n<!-- /{name} -->" in text


def test_the_guides_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """As it stands; it prints where Wiro is served, and the credentials."""
    (block,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    exec(compile(block, str(GUIDE), "exec"), {"__name__": "guide"})
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1 ws://127\.0\.0\.1:\d+/v1 \w{30} \w{30}\n", capsys.readouterr().out)


@pytest.mark.parametrize("name", SURFACE)
def test_the_endpoint_tables_are_those_of_the_code(name: str) -> None:
    """README has the table of `wiro-mock surface`, in two parts that leave nothing out."""
    assert between(name) == SURFACE[name]()
    assert sum(between(name).count("\n| `") for name in SURFACE) == len(rows())


def test_the_status_diagram_is_that_of_the_code() -> None:
    """The diagram in README is printed from TRANSITIONS."""
    assert between("statuses") == status_diagram()


def test_the_yaml_in_readme_loads() -> None:
    """Every scenario that README shows is one."""
    names = [scenario.name for text in blocks("yaml") for scenario in load_text(text)]
    assert names == [
        "long-captions-fail",
        "small-talk",
        "paid-for-twice",
    ]


def test_readme_counts_the_models_and_names_the_scenarios() -> None:
    """What README says is shipped is what is shipped."""
    assert f"It knows {len(load_models(shipped()))} models" in README
    names = {path.stem for path in shipped().glob("*.yaml")}
    assert names <= set(re.findall(r"`([a-z0-9-]+)`", README))


@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("openssl") is None, reason="needs curl and openssl")
def test_the_shell_blocks_run_as_they_stand(tmp_path: Path) -> None:
    """A reader who types README's shell blocks, between the set-up and the tests, sees them work."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = "\n".join(["set -euo pipefail", *blocks("sh")[1:-1], "kill %1"]).replace("4747", str(port))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (
        f"wiro-mock ready api=http://127.0.0.1:{port}/v1 socket=ws://127.0.0.1:{port}/v1 key=my-key secret=***"
        in done.stdout
    )
    assert '"result":true' in done.stdout
    assert '"tasklist":[{"id":' in done.stdout
    assert '"in_use":[{"name":"gpu-out-of-memory"' in done.stdout
    assert '"mode":"manual"' in done.stdout
    assert '{"reset":true}' in done.stdout
    assert '"result":true,"errors":[],"total":' in done.stdout
    assert "Model name: google/nano-banana-pro" in done.stdout
    assert "BLOCK_ONLY_HIGH" in done.stdout
    (promises,) = re.findall(r"against (\d+) promises", README)
    assert f"{promises} held" in done.stdout
    assert "\nready\n" in done.stdout
    assert (tmp_path / "demo.zip").stat().st_size > 1_000
    assert done.stderr == ""


MODULES = [block for block in blocks("python") if block.startswith("import ") and "strategies" not in block]
"""The blocks of Python in README that are whole test modules."""


@pytest.mark.parametrize(("block", "passed"), [*zip(MODULES, ("2 passed", "1 passed", "1 passed"), strict=True)])
def test_the_python_in_readme_is_a_test_module_that_passes(tmp_path: Path, block: str, passed: str) -> None:
    """With pytest, from nowhere near this checkout."""
    (tmp_path / "test_caption.py").write_text(block, encoding="utf-8")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert passed in done.stdout, done.stdout + done.stderr


def test_the_naive_client_in_readme_is_found_out(tmp_path: Path) -> None:
    """By the very example that README prints, in the first hundred."""
    (block,) = (block for block in blocks("python") if "strategies" in block)
    (tmp_path / "test_fuzz.py").write_text(block, encoding="utf-8")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CI": "true"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    (shown,) = (block for block in blocks("text") if block.startswith("Failing test case"))
    # Its first line has other words in other releases of Hypothesis.
    told = [line.removeprefix("E").strip() for line in done.stdout.splitlines()]
    assert shown.splitlines()[1].strip() in told, done.stdout


def test_the_other_python_in_readme_is_tests_of_the_project_downstream() -> None:
    """Word for word; they run with that project's suite (see test_downstream)."""
    examples = (ROOT / "tests" / "downstream" / "tests" / "test_examples.py").read_text(encoding="utf-8")
    shown = [block for block in blocks("python") if block not in MODULES and "strategies" not in block]
    assert len(shown) >= 3
    for block in shown:
        for function in re.split(r"\n\n\n", block.strip()):
            assert f"\n\n\n{function}\n" in f"{examples}\n", function


if __name__ == "__main__":
    # Write the printed sections anew: python -m tests.test_readme
    for path, sections in (
        (ROOT / "README.md", {**SURFACE, "statuses": status_diagram}),
        (GUIDE, PRINTED),
    ):
        text = path.read_text(encoding="utf-8")
        for name, printed in sections.items():
            before, rest = text.split(f"<!-- {name} -->\n")
            text = f"{before}<!-- {name} -->\n{printed()}\n<!-- /{name} -->{rest.split(f'<!-- /{name} -->')[1]}"
        path.write_text(text, encoding="utf-8")
