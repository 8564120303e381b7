"""Upstreams, disks and clients that fail; what is recorded then, and what the user is told."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api_kit import CAPTION, KEY, SECRET, signed
from tests.live_kit import PATIENCE, eventually, live
from tests.process_kit import COMMAND, environment
from tests.reach.reach_kit import reached
from tests.recorder.kit import Recording, ended, recording, telling, upstream_that
from wiro_mock.loader import load_scenarios
from wiro_mock.recorder import follower, passing
from wiro_mock.recorder.shelf import Shelf

TOKEN = "tok-0123456789abcdef"


def said(body: bytes, *headers: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers])
    return f"{head}\r\n\r\n".encode() + body


def begun(request: bytes) -> bytes:
    """An upstream that takes every run on as task 523411, and whose Detail says that it has ended with code 3."""
    if b"/Task/Detail" in request:
        task = {"id": "523411", "status": "task_postprocess_end", "pexit": "3", "debugoutput": "a\nb", "outputs": []}
        return said(json.dumps({"result": True, "errors": [], "total": "1", "tasklist": [task]}).encode())
    answer = {"errors": [], "taskid": "523411", "socketaccesstoken": TOKEN, "result": True}
    return said(json.dumps(answer).encode())


def frame(kind: str, **more: Any) -> str:
    return json.dumps({"type": kind, "id": "523411", "tasktoken": TOKEN, "message": None, "result": True, **more})


def post(made: Recording, path: str = "/Run/moondream3-preview/caption", **fields: Any) -> httpx.Response:
    return httpx.post(f"{made.api}{path}", json=fields, headers=signed(), trust_env=False, timeout=PATIENCE)


def written(folder: Path, name: str = "caption-1") -> str:
    text = (folder / f"{name}.yaml").read_text()
    assert load_scenarios(folder / f"{name}.yaml")
    return text


# -- the upstream ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("then", ["close", "reset"])
def test_an_upstream_that_dies_in_mid_task_leaves_a_part(then: str, tmp_path: Path) -> None:
    """Which says so, and is told of; what came by then is in it."""
    with (
        telling(frame("task_accept"), frame("task_start"), frame("task_output", message="half"), then=then) as socket,
        upstream_that(begun) as url,
        recording(url, tmp_path, socket=socket) as made,
    ):
        post(made)
        ended(made)
    assert 'print: {text: "half"' in written(tmp_path)
    assert 'stall: "the upstream\'s socket broke"' in written(tmp_path)
    assert "the upstream's socket for caption-1 broke" in made.told[0]


def test_what_the_socket_did_not_tell_detail_does(tmp_path: Path) -> None:
    """The end of a task whose socket broke, by the client's own poll."""
    with (
        telling(frame("task_start"), then="close") as socket,
        upstream_that(begun) as url,
        recording(url, tmp_path, socket=socket) as made,
    ):
        post(made)
        ended(made)
        post(made, "/Task/Detail", taskid="523411")
    assert "exit: {code: 3" in written(tmp_path)
    assert "stall" not in written(tmp_path)


def test_the_frames_of_april_2026_have_their_exit_code_and_log_from_detail(tmp_path: Path) -> None:
    """Their last frame tells neither, and the lines of a progress bar are in no frame (socket.md §0)."""
    tick = {"type": "progressGenerate", "stepCurrent": "1", "stepTotal": "2", "speed": "1.0", "elapsedTime": "1s"}
    with (
        telling(
            frame("task_start"),
            frame("task_output", message=tick),
            frame("task_output", message={**tick, "stepCurrent": "2"}),
            frame("task_end"),
            frame("task_postprocess_end", message=[]),
        ) as socket,
        upstream_that(begun) as url,
        recording(url, tmp_path, socket=socket) as made,
    ):
        post(made)
        ended(made)
        assert "exit: {code: 0" in written(tmp_path)
        post(made, "/Task/Detail", taskid="523411")
    assert "exit: {code: 3" in written(tmp_path)
    assert [line.split('line: "')[1][0] for line in written(tmp_path).splitlines() if "tick:" in line] == ["a", "b"]


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_bodies_that_are_coded_reach_the_client_whole(coding: str, tmp_path: Path) -> None:
    """Gzip is asked for, and read; another one that comes unasked goes on as it is, and is told of."""
    plain = begun(b"").partition(b"\r\n\r\n")[2]
    body = gzip.compress(plain) if coding == "gzip" else b"\x8b\x03\x80brotli, for all we know\x03"
    asked: list[bytes] = []

    def answer(request: bytes) -> bytes:
        asked.append(request)
        return said(body, f"Content-Encoding: {coding}")

    with (
        telling(frame("task_cancel")) as socket,
        upstream_that(answer) as url,
        recording(url, tmp_path, socket=socket) as made,
        httpx.stream(
            "POST", f"{made.api}/Run/moondream3-preview/caption", json={}, trust_env=False, timeout=PATIENCE
        ) as got,
    ):
        raw = b"".join(got.iter_raw())
        ended(made)
    assert b"accept-encoding: gzip, deflate\r\n" in asked[0]
    assert raw == (plain if coding == "gzip" else body)
    assert got.headers.get("content-encoding") == (None if coding == "gzip" else "br")
    assert (tmp_path / "caption-1.yaml").exists() == (coding == "gzip")
    assert made.told == [] if coding == "gzip" else "in the coding br, unasked" in made.told[0]


def test_bodies_beyond_all_bounds_are_passed_on_or_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An answer of any length reaches the client, and no more than the bound is kept of it; a request is refused."""
    monkeypatch.setattr(passing, "MOST", 1000)
    long = json.dumps({"result": True, "tasklist": ["x" * 5000]}).encode()
    with upstream_that(lambda _: said(long)) as url, recording(url, tmp_path) as made:
        assert post(made, "/Task/List").content == long
        refused = post(made, prompt="x" * 2000)
    assert refused.status_code == 413
    assert "send it past the recorder" in refused.text
    assert "more than 64 MiB of JSON" in made.told[0]


def test_headers_of_one_name_stay_several_and_downloads_keep_their_length(tmp_path: Path) -> None:
    """A client that shows how far a download is needs the length."""
    answer = said(b"\x89PNG", "Set-Cookie: a=1", "Set-Cookie: b=2", kind="image/png")
    with upstream_that(lambda _: answer) as url, recording(url, tmp_path) as made:
        got = httpx.get(f"{made.thread.url}/file.png", trust_env=False, timeout=PATIENCE)
    assert got.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (got.headers["content-length"], got.content) == ("4", b"\x89PNG")


def test_a_socket_that_is_none_is_told(tmp_path: Path) -> None:
    """Frames that are no JSON, of another task, or of nobody's are left out; the task ends all the same."""
    with (
        telling("no json", b"sound", "[1]", frame("task_cancel", id="9"), frame("task_cancel")) as socket,
        upstream_that(begun) as url,
        recording(url, tmp_path, socket=socket) as made,
    ):
        post(made)
        ended(made)
    assert written(tmp_path).count("cancel:") == 1
    assert made.told == []


def test_an_upstream_behind_tls_with_an_authority_of_its_own(tmp_path: Path) -> None:
    """For REST, the socket and files; without the authority it is a sentence."""
    script = (
        "import httpx, os, sys; a = httpx.post(os.environ['WIRO_BASE_URL'] + '/Run/moondream3-preview/caption', "
        "json={}, headers={'x-api-key': sys.argv[1]}).json(); sys.exit(7 if a['result'] else 1)"
    )
    with reached(tmp_path, tls=True) as there:
        url = f"{there.thread.url}/v1"
        words = [*COMMAND, "record", "--upstream", url, "--to", str(tmp_path / "r"), "--grace", "60"]
        done = subprocess.run(
            [*words, "--upstream-ca", str(there.ca), "--", COMMAND[0], "-c", script, there.wiro.api_key],
            env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        with recording(there.thread.url, tmp_path / "other") as made:
            assert post(made).status_code == 502
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    assert "produce: {" in written(tmp_path / "r")
    assert there.wiro.api_key not in written(tmp_path / "r")
    assert "cannot be reached ([SSL: CERTIFICATE_VERIFY_FAILED]" in made.told[0]


# -- the disk --------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_leaves_no_half_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The client notices nothing; there is room again, and the task is written."""
    full = [True]
    write = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if not full[0]:
            return write(path, data)
        write(path, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with live() as running, recording(running.thread.url, tmp_path) as made:
        answer = post(made).json()
        ended(made)
        assert [path.name for path in tmp_path.iterdir()] == [".wiro-mock-record.lock"]
        full[0] = False
        running.detail(answer["taskid"])
        assert post(made, "/Task/Detail", taskid=answer["taskid"]).json()["total"] == "1"
    assert "caption-1.yaml could not be written: No space left on device; this task is not recorded" in made.told[0]
    assert "exit: {code: 0}" in written(tmp_path)


def test_a_folder_that_is_made_read_only_meanwhile_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a full disk is (we may be root, whom no mode stops)."""

    def deny(path: Path, _: bytes) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_bytes", deny)
    with live() as running, recording(running.thread.url, tmp_path) as made:
        assert post(made).json()["result"] is True
        ended(made)
    assert all("could not be written: Permission denied" in line for line in made.told)
    assert made.told


def test_without_bytes_an_output_is_a_text_that_says_so(tmp_path: Path) -> None:
    """And nothing is downloaded."""
    with live() as running, recording(running.thread.url, tmp_path, wants_bytes=False) as made:
        running.world.use("image")
        post(made)
        ended(made)
        asked = [exchange.path for exchange in running.world.journal.entries()]
    assert 'text: "these bytes were not recorded", contenttype: "text/plain"' in written(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["caption-1.yaml"]
    assert asked == [CAPTION]


# -- clients and the recorder itself ---------------------------------------------------------------------


def test_a_recorder_that_is_killed_leaves_what_it_had_seen(tmp_path: Path) -> None:
    """With no time to say goodbye; the next one may record into the same folder at once."""
    with live(time="manual") as running:
        command = [*COMMAND, "record", "--upstream", f"{running.thread.url}/v1", "--to", str(tmp_path)]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().split("api=")[1].split()[0]
            httpx.post(f"{url}/Run/moondream3-preview/caption", json={}, headers=signed(), trust_env=False, timeout=60)
            eventually((tmp_path / "caption-1.yaml").exists)
            os.kill(process.pid, signal.SIGKILL)
    assert "Recorded in part" in written(tmp_path)
    assert "it had not ended when this was written" in written(tmp_path)
    Shelf(tmp_path).close()


def test_fifty_tasks_at_once_are_fifty_recordings(tmp_path: Path) -> None:
    """None of them has frames of another, and nothing of them stays in memory that is not bounded."""

    async def all_of_them(made: Recording) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
            url = f"{made.api}/Run/moondream3-preview/caption"
            runs = (http.post(url, json={"prompt": f"no. {n}"}, headers=signed()) for n in range(50))
            assert all(answer.json()["result"] for answer in await asyncio.gather(*runs))

    with live() as running, recording(running.thread.url, tmp_path) as made:
        asyncio.run(all_of_them(made))
        ended(made)
        assert made.told == []
        assert len(made.recorder.runs._known) == 50
    scenarios = load_scenarios(tmp_path)
    assert len(scenarios) == 50
    assert {scenario.match.parameters["prompt"][0] for scenario in scenarios if scenario.match} == {
        f"no. {n}" for n in range(50)
    }
    assert all("Recorded in part" not in path.read_text() for path in tmp_path.glob("*.yaml"))


def test_tasks_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The oldest first, and those that are big at once."""
    from wiro_mock.recorder import runs

    monkeypatch.setattr(runs, "LATEST", 2)
    with live() as running, recording(running.thread.url, tmp_path) as made:
        for _ in range(4):
            post(made)
            ended(made)
        assert len(made.recorder.runs._known) == 2
        monkeypatch.setattr(runs, "HEAVY", 10)
        post(made)
        ended(made)
        assert len(made.recorder.runs._known) == 0


def test_a_task_that_tells_without_end_is_cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At 64 MiB; here at less."""
    monkeypatch.setattr(follower, "MOST", 2000)
    lines = [frame("task_output", message="x" * 100) for _ in range(40)]
    with (
        telling(frame("task_start"), *lines) as socket,
        upstream_that(begun) as url,
        recording(url, tmp_path, socket=socket) as made,
    ):
        post(made)
        ended(made)
    assert "caption-1 it told more than 0 MiB; what was seen of it is kept" in made.told
    assert 5 < written(tmp_path).count("xxx") < 20 * 100


def test_credentials_are_nowhere(tmp_path: Path) -> None:
    """Not even in what an upstream says that repeats them: in a refusal, in an error page, in a Detail."""
    echo = json.dumps({"result": False, "errors": [{"code": 9, "message": f"bad key {KEY} and {SECRET}"}]}).encode()
    with upstream_that(lambda _: said(echo)) as url, recording(url, tmp_path, SECRET) as made:
        post(made)
    page = said(f"<h1>{KEY}</h1>".encode(), status="500 No", kind="text/html")
    with upstream_that(lambda _: page) as url, recording(url, tmp_path, SECRET) as made:
        post(made, f"/Run/a/{KEY}")
    assert "refuse: {code: 9" in written(tmp_path)
    assert KEY not in made.text() + "".join(made.told)
    assert SECRET not in made.text() + "".join(made.told)


def test_a_recorder_collects_its_garbage(tmp_path: Path) -> None:
    """The collector rests only while a command starts: a recorder kept 28 KiB of every task that was over."""
    arguments = ["wiro-mock", "record", "--upstream", "http://127.0.0.1:9/v1", "--to", str(tmp_path), "--", "true"]
    code = (
        "import atexit, gc, sys; from wiro_mock.cli import main\n"
        f"sys.argv = {arguments!r}; atexit.register(lambda: print('collects', gc.isenabled())); main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == "collects True\n"
