"""No import in the midst of a test: a server's thread finds loaded whatever the clients of a test bring about."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from threading import enumerate as enumerate_threads

import pytest

from wiro_mock import early
from wiro_mock.early import MODULES
from wiro_mock.library import WiroMock

CONFTEST = """
import sys, threading

class Look:
    seen = []

    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            self.seen.append(f"{name} in {threading.current_thread().name}")

sys.meta_path.insert(0, Look())

def pytest_unconfigure():
    with open("seen.txt", "w") as file:
        file.write("\\n".join(Look.seen))
"""
TEST = """
import json
import httpx, pytest, websockets.sync.client

RUN = "/Run/moondream3-preview/caption"
ANY = ("Tool/List", "Tool/Detail", "Tool/Explore", "Task/Stat", "Task/List", "File/List", "Project/List", "Task/Cancel",
       "Wallet/List", "Nothing", "File/Delete", "File/FolderCreate", "Task/InputOutputDelete", "Run/nobody/x")

def play(wiro, base, socket_url):
    client = httpx.Client(base_url=base, headers={"x-api-key": wiro.api_key}, timeout=60)
    made = client.post(RUN, json={"inputImage": "https://a.b/c.png", "callbackUrl": "http://127.0.0.1:9/x"}).json()
    with websockets.sync.client.connect(socket_url, proxy=None) as sock:
        sock.send(json.dumps({"type": "task_info", "tasktoken": made["socketaccesstoken"]}))
        while "task_postprocess_end" not in sock.recv(60):
            pass
    task = client.post("/Task/Detail", json={"tasktoken": made["socketaccesstoken"]}).json()["tasklist"][0]
    assert client.get(task["outputs"][0]["url"]).status_code == 200
    assert client.post(RUN + "/sync", json={}).json()["result"]
    client.post("/File/Upload", files={"file": ("a.zip", b"x" * 200_000)})
    for path in ANY:
        client.post("/" + path, json={"taskid": "1"})
    for do in ({"status": 503}, {"latency": "1ms"}, {"drip": 10**6}, {"truncate": True}):
        wiro.fault("Task/List", **do)
        try:
            client.post("/Task/List", json={})
        except httpx.HTTPError:
            pass
    wiro.fault("upload", after_sent=1, status=503)
    assert client.post("/File/Upload", files={"file": ("a.png", b"x")}).status_code == 503

@pytest.mark.wiro(key_only=True, strict=False)
@pytest.mark.filterwarnings("ignore::wiro_mock.WiroWarning")
def test_shared(wiro, wiro_server):
    play(wiro, wiro_server.url, wiro_server.socket_url)
"""


def seen(folder: Path, test: str) -> list[str]:
    """What was imported by other threads than that of the tests, of what pytest rewrites."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(test)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "wiro_mock.pytest_plugin"]
    env = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=280, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    names = (folder / "seen.txt").read_text().split("\n")
    assert any(name.startswith("uvicorn") for name in names), "the listing sees nothing"
    return [name for name in names if name.startswith(("wiro_mock", "anyio"))]


def test_a_servers_thread_imports_nothing_that_pytest_rewrites(tmp_path: Path) -> None:
    """Whatever a client of the API does, on the shared server; what is loaded before it is in order."""
    assert seen(tmp_path, TEST) == []
    assert list(MODULES) == sorted({*MODULES})
    assert all(map(find_spec, MODULES))


@pytest.mark.parametrize("door", ["serve", "intercept"])
def test_nor_does_that_of_a_server_of_ones_own(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is loaded before its thread begins."""
    if door == "intercept":
        pytest.importorskip("trustme")
    threads: list[int] = []
    monkeypatch.setattr(
        early, "load", lambda: threads.append(sum(one.name == "wiro-mock" for one in enumerate_threads()))
    )
    before = sum(one.name == "wiro-mock" for one in enumerate_threads())
    with WiroMock() as wiro, getattr(wiro, door)():
        assert threads == [before]
