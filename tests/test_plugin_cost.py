"""What a pytest that does not use the mock does not pay for: the modules that must not be imported.

Asserted here; the milliseconds are printed by `python -m tests.benchmarks.plugin`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("starlette", "httpx", "yaml", "pydantic", "respx", "uvicorn", "websockets", "wiro_mock.library")
OURS = {
    "wiro_mock",
    *(f"wiro_mock.pytest_plugin{name}" for name in ("", ".flags", ".notes", ".outside", ".reports", ".worlds")),
    *(f"wiro_mock.testing{name}" for name in ("", ".fence", ".keyword_table")),
}
LISTING = """
import json, sys, pytest

@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    with open("modules.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""


def modules_after(folder: Path, test: str) -> set[str]:
    """What a pytest of its own, with our plugin and no other, has imported at its end; the test must pass."""
    (folder / "conftest.py").write_text(LISTING)
    (folder / "test_it.py").write_text(test)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "wiro_mock.pytest_plugin"],
        cwd=folder,
        env={**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    return set(json.loads((folder / "modules.json").read_text()))


def test_a_suite_that_does_not_use_it_imports_a_few_small_modules(tmp_path: Path) -> None:
    """Neither a library that we need nor a module of ours but the plugin, its fence and its table of keywords."""
    modules = modules_after(tmp_path, "def test_nothing(): pass")
    assert not modules.intersection(HEAVY)
    assert {name for name in modules if name.split(".")[0] == "wiro_mock"} == OURS


def test_the_listing_sees_what_a_used_fixture_imports(tmp_path: Path) -> None:
    """So the test above would notice: the same listing has the heavy ones where a test asks for everything."""
    modules = modules_after(tmp_path, "def test_all(wiro_respx, wiro_server): import websockets")
    assert modules.issuperset(HEAVY)
