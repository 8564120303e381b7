"""`--log text|json`: one line for each request, with what it was about and nothing that is secret."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.api_kit import CAPTION, KEY, SECRET, make_world, post, run, send
from tests.live_kit import get
from tests.live_kit import post as ask
from tests.process_kit import serving
from wiro_mock.commands.request_log import Libraries, log_of
from wiro_mock.mock import World

RECORD = (
    "time level message request method path status operation task world rule code reason ms virtual_time".split()  # noqa: SIM905
)


def logged(kind: str, **settings: Any) -> tuple[World, list[str], list[str]]:
    """A world with a log, the lines of the log, and what was told besides."""
    lines: list[str] = []
    told: list[str] = []
    world = make_world(tell=told.append, **settings)
    world.log_request = log_of(kind, lines.append, lines.append)
    return world, lines, told


def test_a_line_of_json_tells_what_a_request_was_about() -> None:
    """Task, world, rule, latency; and a refusal's reason, which is told there only."""
    world, lines, told = logged("json")
    task, _ = run(world, {"inputImage": "SECRET-PROMPT"})
    post(world, "/v1/Task/Detail", {"taskid": "nothing"})
    world.name = "mine"
    post(world, "/v1/Task/Detail", {"taskid": task})
    first, refused, last = map(json.loads, lines)
    assert list(first) == RECORD
    assert (first["task"], first["world"], first["rule"], first["level"]) == (task, "home", "caption", "info")
    assert (first["method"], first["path"], first["status"], first["operation"]) == ("POST", CAPTION, 200, "Run")
    assert first["message"] == f"POST {CAPTION} 200"
    assert isinstance(first["ms"], float)
    assert first["time"].endswith("Z")
    assert (refused["level"], refused["task"]) == ("warning", None)
    assert refused["reason"]
    assert last["world"] == "mine"
    assert told == []
    assert "SECRET-PROMPT" not in "".join(lines)


def test_a_line_of_text_is_short() -> None:
    """And the reason of a refusal stands on a line of its own, as ever."""
    world, lines, told = logged("text")
    task, _ = run(world)
    post(world, "/v1/nowhere")
    assert lines[0].startswith(f"req-1 POST {CAPTION} 200 task={task} rule=caption ms=")
    assert len(lines) == 2
    assert len(told) == 1


@given(path=st.text(max_size=50), method=st.text(max_size=10), kind=st.sampled_from(["json", "text"]))
def test_no_path_breaks_a_line(path: str, method: str, kind: str) -> None:
    """One line of ASCII that is JSON, or one printable line: whatever the client sends."""
    world, lines, _ = logged(kind)
    send(world, method, f"/{path}")
    (line,) = lines
    assert line.isprintable()
    if kind == "json":
        assert line.isascii()
        assert set(json.loads(line)) == set(RECORD)


@given(
    where=st.sampled_from(["/v1/{}", "/v1/Run/{}/x", "/v1/File/{}", "/v1?key={}"]),
    kind=st.sampled_from(["json", "text"]),
)
def test_no_credential_is_logged(where: str, kind: str) -> None:
    """Wherever in a path it strays."""
    world, lines, _ = logged(kind)
    for secret in (KEY, SECRET):
        send(world, "GET", where.format(secret))
    assert len(lines) == 2
    assert KEY not in "".join(lines)
    assert SECRET not in "".join(lines)


def test_what_libraries_log_is_json_too() -> None:
    """With its traceback as one text; and Python's warnings. Afterwards all is as before."""
    lines: list[str] = []
    before = [*logging.getLogger().handlers]
    with Libraries(lines.append):
        try:
            _ = 1 // 0
        except ZeroDivisionError:
            logging.getLogger("asyncio").exception("lost %s", "it")
        logging.getLogger("asyncio").info("not told")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)
    lost, old = map(json.loads, lines)
    assert (lost["level"], lost["message"], lost["logger"]) == ("error", "lost it", "asyncio")
    assert lost["trace"].endswith("ZeroDivisionError: integer division or modulo by zero")
    assert "DeprecationWarning: old" in old["message"]
    assert logging.getLogger().handlers == before


def test_a_server_logs_json_and_nothing_else_on_stderr(tmp_path: Path) -> None:
    """Configured by variables, with a preset in one word; what is told besides is JSON, too. It has no home and no
    UTF-8 here, and nothing is written into its working directory, which is not to be written to.
    """
    place = tmp_path / "place"
    place.mkdir(mode=0o555)
    env = {"WIRO_MOCK_LOG": "json", "WIRO_MOCK_TIME": "auto", "WIRO_API_SECRET": "hush-hush-hush"}
    env |= {"HOME": "/nowhere", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with serving(tmp_path, "llm-chat", "--host", "0.0.0.0", "--key-only", env=env, cwd=place) as server:
        api = server.api.replace("0.0.0.0", "127.0.0.1")
        answer = ask(
            f"{api}/Run/black-forest-labs/flux-2-pro", headers={"x-api-key": server.key}, json={"prompt": "hush-prompt"}
        )
        get(f"{api}/%22%0a%ff\u202e")
        said = server.said("%22")
    told, *records = map(json.loads, said.splitlines())
    assert told["message"].startswith("listening on 0.0.0.0, beyond loopback")
    assert [record["status"] for record in records] == [200, 404]
    assert (records[0]["task"], records[0]["rule"]) == (answer.json()["taskid"], "llm")
    assert "hush" not in said
    assert list(place.iterdir()) == []
