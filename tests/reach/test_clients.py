"""Programs play a whole task under `exec`, in many languages: with Wiro's own addresses written into them by
interception, and with those of the mock, where they can be set, without.

Those whose toolchain is not here are skipped with a reason. For Node, `WIRO_MOCK_NODE_MODULES` names a folder with ws,
https-proxy-agent, axios and undici: nothing is downloaded here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.process_kit import environment
from wiro_mock.commands.group import wiro_mock

CLIENTS = Path(__file__).parent / "clients"
CAPTION = "A tabby cat lies asleep on a sunlit windowsill beside a small potted plant."
OPTIONS = ("--time", "auto", "--fail-on", "unmatched,leaks")
SET_UP = ("sh", "-c", 'OWN_API=$WIRO_BASE_URL OWN_SOCKET=$WIRO_SOCKET_URL exec "$@"', "sh")
MODULES = os.environ.get("WIRO_MOCK_NODE_MODULES", "")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority") / "ca"


@pytest.fixture
def played(
    ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """`exec` in this process, of a client that prints so many captions: the report's world. First with Wiro's own
    addresses, then with the mock's, as a setting of the client's own.
    """
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("WIRO_MOCK_CA_DIR", str(ca))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    report = tmp_path / "report.json"

    def play(*command: str, captions: int = 1) -> Any:
        one(*OPTIONS, "--", *SET_UP, *command, captions=captions)
        return one("--intercept", *OPTIONS, "--", *command, captions=captions)

    def one(*words: str, captions: int) -> Any:
        words = ("exec", "--report", str(report), *words)
        status = CliRunner().invoke(wiro_mock, words, prog_name="wiro-mock").exit_code
        said = capfd.readouterr()
        assert (status, said.out.split("\n")) == (0, [CAPTION] * captions + [""] * said.out.endswith("\n")), said.err
        return json.loads(report.read_text())["worlds"][0]

    return play


def needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed here")


def test_python(played: Callable[..., Any]) -> None:
    """With websockets, and aiohttp with its own; unmodified, but for aiohttp's `trust_env`."""
    libraries = ("requests", "httpx", "aiohttp", "urllib")
    told = played(sys.executable, str(CLIENTS / "hard_coded.py"), *libraries, captions=len(libraries))
    assert [task["status"] for task in told["tasks"]] == ["task_postprocess_end"] * len(libraries)
    for number, task in enumerate(told["tasks"], 1):
        assert any(f"socket {number}" in moment["seen_by"] for moment in task["timeline"])


def test_curl(played: Callable[..., Any]) -> None:
    """Wiro's own shell flow."""
    needs("curl", "openssl", "sed")
    played("sh", str(CLIENTS / "hard_coded.sh"))


@pytest.mark.parametrize("library", ["fetch", "axios"])
def test_node(library: str, played: Callable[..., Any], tmp_path: Path) -> None:
    """With ws, and the proxy agents that Node needs before its version 24."""
    needs("node")
    if not MODULES:
        pytest.skip("WIRO_MOCK_NODE_MODULES names no folder with ws, https-proxy-agent, axios and undici")
    (tmp_path / "node_modules").symlink_to(Path(MODULES).resolve())
    shutil.copy(CLIENTS / "hard_coded.mjs", tmp_path)
    played("node", "--no-warnings", str(tmp_path / "hard_coded.mjs"), library)


def test_go(played: Callable[..., Any], tmp_path: Path) -> None:
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
    played(str(tmp_path / "client"))


@pytest.mark.parametrize("by", ["curl", "streams"])
def test_php(by: str, played: Callable[..., Any]) -> None:
    """By its curl, and by its streams, which have to be told of the proxy."""
    needs("php")
    if by == "curl" and "curl" not in subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("this PHP has no curl")
    played("php", str(CLIENTS / "hard_coded.php"), by)


def test_java(played: Callable[..., Any]) -> None:
    """`java.net.http`, with its WebSocket."""
    needs("java", "javac")
    played("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", str(CLIENTS / "HardCoded.java"))
