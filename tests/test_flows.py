"""The mock on real input: what a reader of Wiro's own pages runs, with nothing changed but the host.

The model page's shell flow and browser flow, and a script as the Python documentation teaches it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.flows.browser import CHROMIUM, DRIVER, browser, pages
from tests.live_kit import get, post
from tests.process_kit import PATIENCE, Serving, environment, serving
from wiro_mock.language.media import png

FLOWS = Path(__file__).parent / "flows"
CAPTION = "A tabby cat lies asleep on a sunlit windowsill beside a small potted plant."
LIFE = [
    "task_queue",
    "task_accept",
    "task_preprocess_start",
    "task_preprocess_end",
    "task_assign",
    "task_start",
    "task_output",
    "task_output_full",
    "task_end",
    "task_postprocess_start",
    "task_postprocess_end",
]
NO_SHELL = ", ".join(tool for tool in ("bash", "curl", "openssl") if shutil.which(tool) is None)
NO_BROWSER = ", ".join(name for name, path in (("chromium", CHROMIUM), ("chromedriver", DRIVER)) if path is None)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A real picture in a file."""
    file = tmp_path / "windowsill.png"
    file.write_bytes(png(640, 480, "#e0a458"))
    return file


def play(server: Serving, *command: str | Path, **more: str) -> list[str]:
    """The lines that a script prints, which must succeed and say nothing on stderr."""
    env = environment(YOUR_API_KEY=server.key, YOUR_API_SECRET=server.secret, **more)
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=env, check=False)
    assert (done.returncode, done.stderr) == (0, ""), (done.stdout, done.stderr, server.said())
    return done.stdout.splitlines()


def once(types: list[str]) -> list[str]:
    """The types of frames, several of one type in a row as one."""
    return [name for number, name in enumerate(types) if number == 0 or types[number - 1] != name]


# -- the shell -----------------------------------------------------------------------------------------


@pytest.mark.skipif(bool(NO_SHELL), reason=f"not installed: {NO_SHELL}")
def test_the_pages_shell_flow_runs_as_it_stands(tmp_path: Path, picture: Path) -> None:
    """One nonce and openssl's whole line sign everything; Run, Detail, Kill, Cancel, and the result.

    Each look at a task is a step of time, and nothing else moves it: what runs is still running when it is killed.
    """
    with serving(tmp_path, "--time", "manual", "--poll", "next") as server:
        lines = play(server, "bash", FLOWS / "page.sh", HOST=server.origin, PICTURE=str(picture))
        ran, detail, killed, queued, cancelled, again, finished = map(json.loads, lines[:7])
        uploaded = get(detail["tasklist"][0]["parameters"]["inputImage"])
    assert all(answer["result"] and not answer["errors"] for answer in (ran, queued, again))
    assert list(ran) == ["errors", "taskid", "socketaccesstoken", "result"]
    assert detail["tasklist"][0]["id"] == ran["taskid"]
    check_parameters(detail["tasklist"][0])
    assert uploaded.content == picture.read_bytes()
    assert uploaded.headers["content-type"] == "image/png"
    for answer, run in ((killed, ran), (cancelled, queued)):
        assert list(answer) == ["errors", "tasklist", "result"]
        assert answer["result"] is True
        assert (answer["tasklist"][0]["id"], answer["tasklist"][0]["status"]) == (run["taskid"], "task_cancel")
    task = finished["tasklist"][0]
    assert (task["status"], task["pexit"], task["debugoutput"].strip()) == ("task_postprocess_end", "0", CAPTION)
    assert task["outputs"][0]["contenttype"] == "text/plain"
    assert lines[7:] == [CAPTION]
    assert server.said() == ""


def check_parameters(task: dict[str, Any]) -> None:
    """What was sent comes back: texts as they were, the file as a URL; a sentence is no address to call."""
    sent = task["parameters"]
    assert (sent["length"], sent["temperature"], sent["top_p"]) == ("normal", "0.7", "0.95")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1/File/\w{30}/inputImage-\d+\.png", sent["inputImage"])


# -- the browser ---------------------------------------------------------------------------------------


@pytest.mark.skipif(bool(NO_BROWSER), reason=f"not installed: {NO_BROWSER}")
def test_the_pages_browser_flow_ends_with_the_output_displayed(tmp_path: Path) -> None:
    """A page of another origin signs, uploads, runs, follows, and shows the picture 300 pixels high."""
    with (
        serving(tmp_path, "--time", "auto") as server,
        pages(FLOWS) as origin,
        browser(tmp_path) as chromium,
    ):
        post(f"{server.origin}/__wiro/scenarios/use", json={"scenario": "image"}).raise_for_status()
        query = {"api": server.api, "socket": server.socket, "key": server.key, "secret": server.secret}
        chromium.open(f"{origin}/page.html?{urlencode({**query, 'model': 'moondream3-preview/caption'})}")
        shown = chromium.wait_for("(document.querySelector('#files img') || {}).naturalWidth")
        debug = chromium.evaluate("document.getElementById('debug').textContent")
        height = chromium.evaluate("document.querySelector('#files img').height")
        (tmp_path / "page.png").write_bytes(chromium.screenshot())
        assert server.said() == ""
        server.stop()
        closed = chromium.wait_for("window.alerts")
    frames = [json.loads(line) for line in debug.splitlines()]
    assert once([frame["type"] for frame in frames]) == ["connected", *LIFE]
    assert [frame["message"]["percentage"] for frame in frames if isinstance(frame.get("message"), dict)][-1] == "100"
    assert (shown, height, closed) == (512, 300, 1)


@pytest.mark.skipif(bool(NO_BROWSER), reason=f"not installed: {NO_BROWSER}")
def test_a_page_shows_a_language_model_thinking_and_then_answering(tmp_path: Path) -> None:
    """Both grow, frame by frame, and what stands there at the end is the output."""
    with (
        serving(tmp_path, "--time", "auto", "--key-only") as server,
        pages(FLOWS) as origin,
        browser(tmp_path) as chromium,
    ):
        query = {"api": server.api, "socket": server.socket, "key": server.key, "prompt": "Why is the sky blue?"}
        chromium.open(f"{origin}/chat.html?{urlencode(query)}")
        done = chromium.wait_for("window.done")
        seen = chromium.evaluate("window.seen")
        texts = chromium.evaluate(
            "[...document.querySelectorAll('#said p')].map((one) => [one.className, one.textContent])"
        )
        state = chromium.evaluate("document.getElementById('state').textContent")
        (tmp_path / "chat.png").write_bytes(chromium.screenshot())
        assert server.said() == ""
    assert len(seen) >= 5
    assert once([str(one["thinking"]) for one in seen]) == ["True", "False"]
    lengths = [one["length"] for one in seen]
    assert lengths == sorted(set(lengths))
    assert texts == [["thinking", done["thinking"][0]], ["answer", done["answer"][0]]]
    assert "Why is the sky blue?" in done["answer"][0]
    assert state == "stop"


# -- JavaScript ----------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("node") is None, reason="not installed: node")
def test_a_chat_in_node_runs_to_its_end(tmp_path: Path) -> None:
    """With the WebSocket and the fetch of Node itself."""
    probe = "process.exit(typeof WebSocket === 'undefined' ? 1 : 0)"
    options = ["--experimental-websocket", "--no-warnings"]
    if subprocess.run(["node", *options, "-e", probe], capture_output=True, check=False).returncode:
        pytest.skip("this node has no WebSocket of its own; from release 20.10 on it has")
    with serving(tmp_path, "--time", "auto") as server:
        given = (server.api, server.socket, server.key, server.secret, "Why?")
        (line,) = play(server, "node", *options, FLOWS / "chat.mjs", *given)
        assert server.said() == ""
    told = json.loads(line)
    assert told["success"] is True
    assert told["frames"] >= 5
    assert "Why?" in told["answer"][0]
    assert len(told["thinking"]) == 1
    assert told["total"] > told["frames"]


# -- Python --------------------------------------------------------------------------------------------


def test_a_script_as_the_documentation_teaches_it_does_a_whole_task(tmp_path: Path, picture: Path) -> None:
    """`requests` for Run, Detail and the download; `websockets` for everything between."""
    with serving(tmp_path, "--time", "auto") as server:
        command = (sys.executable, FLOWS / "documented.py", server.api, server.socket, picture)
        lines = play(server, *command)
        assert server.said() == ""
    assert once(lines) == ["connected", *LIFE, CAPTION]
