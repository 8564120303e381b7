"""Programs with Wiro's own addresses written into them play a whole task under `exec --intercept`, in many languages.

Those whose toolchain is not here are skipped with a reason. For Node, `WIRO_MOCK_NODE_MODULES` names a folder with ws,
https-proxy-agent, axios and undici: nothing is downloaded here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.process_kit import COMMAND, environment

CLIENTS = Path(__file__).parent / "clients"
CAPTION = "A tabby cat lies asleep on a sunlit windowsill beside a small potted plant."
OPTIONS = ("--intercept", "--time", "auto", "--fail-on", "unmatched,leaks")
MODULES = os.environ.get("WIRO_MOCK_NODE_MODULES", "")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority") / "ca"


def played(folder: Path, ca: Path, *command: str) -> Any:
    """What a client of Wiro's own addresses leaves in the report, after it has printed the caption."""
    report = folder / "report.json"
    run = subprocess.run(
        [*COMMAND, "exec", *OPTIONS, "--report", str(report), "--", *command],
        capture_output=True,
        text=True,
        check=False,
        env=environment(WIRO_MOCK_CA_DIR=str(ca), TMPDIR=str(folder)),
        timeout=110,
    )
    assert (run.returncode, run.stdout.strip()) == (0, CAPTION), run.stderr
    return json.loads(report.read_text())["worlds"][0]


def needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed here")


@pytest.mark.parametrize("library", ["requests", "httpx", "aiohttp", "urllib"])
def test_python(library: str, tmp_path: Path, ca: Path) -> None:
    """With websockets, and aiohttp with its own; unmodified, but for aiohttp's `trust_env`."""
    told = played(tmp_path, ca, sys.executable, str(CLIENTS / "hard_coded.py"), library)
    (task,) = told["tasks"]
    assert task["status"] == "task_postprocess_end"
    assert any("socket 1" in moment["seen_by"] for moment in task["timeline"])


def test_curl(tmp_path: Path, ca: Path) -> None:
    """Wiro's own shell flow."""
    needs("curl", "openssl", "sed")
    played(tmp_path, ca, "sh", str(CLIENTS / "hard_coded.sh"))


@pytest.mark.parametrize("library", ["fetch", "axios"])
def test_node(library: str, tmp_path: Path, ca: Path) -> None:
    """With ws, and the proxy agents that Node needs before its version 24."""
    needs("node")
    if not MODULES:
        pytest.skip("WIRO_MOCK_NODE_MODULES names no folder with ws, https-proxy-agent, axios and undici")
    (tmp_path / "node_modules").symlink_to(Path(MODULES).resolve())
    shutil.copy(CLIENTS / "hard_coded.mjs", tmp_path)
    played(tmp_path, ca, "node", "--no-warnings", str(tmp_path / "hard_coded.mjs"), library)


def test_go(tmp_path: Path, ca: Path) -> None:
    """The standard library's client."""
    needs("go")
    built = subprocess.run(
        ["go", "build", "-o", str(tmp_path / "client"), str(CLIENTS / "hard_coded.go")],
        env=environment(GO111MODULE="off", GOFLAGS="", GOCACHE=str(tmp_path / "cache")),
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        pytest.skip(f"this Go does not build: {built.stderr[:200]}")
    played(tmp_path, ca, str(tmp_path / "client"))


@pytest.mark.parametrize("by", ["curl", "streams"])
def test_php(by: str, tmp_path: Path, ca: Path) -> None:
    """By its curl, and by its streams, which have to be told of the proxy."""
    needs("php")
    if by == "curl" and "curl" not in subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("this PHP has no curl")
    played(tmp_path, ca, "php", str(CLIENTS / "hard_coded.php"), by)


def test_java(tmp_path: Path, ca: Path) -> None:
    """`java.net.http`, with its WebSocket."""
    needs("java", "javac")
    played(tmp_path, ca, "java", str(CLIENTS / "HardCoded.java"))
