"""Snapshots of running servers: over HTTP, by the command, at the beginning and at the end of `serve`."""

from __future__ import annotations

import json
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from click.testing import CliRunner, Result

from tests.api_kit import KEY, SECRET, make_world, signed
from tests.live_kit import Live, get, hook_of, hooks, live, post
from tests.process_kit import serving
from wiro_mock.api.auth import sign
from wiro_mock.commands.group import wiro_mock
from wiro_mock.commands.keeping import SETTINGS as OPTIONS
from wiro_mock.commands.keeping import AtExit
from wiro_mock.kernel.account import Project
from wiro_mock.mock import World
from wiro_mock.snapshot import load, save
from wiro_mock.upkeep.resources import SETTINGS

HOUR = {"advance": "1h"}


def snapshot_of(running: Live, **query: str) -> bytes:
    answer = running.http.get("/__wiro/snapshot", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    return answer.content


def put(running: Live, data: bytes, **query: str) -> Any:
    return running.http.put("/__wiro/snapshot", content=data, params=query)


# -- over HTTP -----------------------------------------------------------------------------------------


def test_a_server_goes_on_where_another_stood() -> None:
    """Its clients find their tasks by id, by token, and on the socket; and the same credentials hold."""
    with live(time="manual", seed="one") as first:
        task_id, token = first.run()
        first.admin("/time", {"advance": 1})
        before = first.detail(task_id)
        data = snapshot_of(first)
        first.admin("/time", HOUR)
        ended = first.detail(task_id)
        frames = first.frames_of(token)
    with live(make_world(time="auto", seed="two", project=Project(id="1", key="x", secret="y"))) as second:
        told = put(second, data).json()
        assert (told["tasks"], told["unfinished"], told["time"], told["api_key"]) == (1, 1, "manual", KEY)
        assert second.detail(task_id) == before
        with second.socket("/v1", token) as listener:
            second.admin("/time", HOUR)
            # The URLs in a frame lead to where it is asked for.
            there = json.dumps(listener.until_end()).replace(second.thread.netloc, first.thread.netloc)
            assert json.loads(there) == frames
        there = json.dumps(second.detail(task_id)).replace(second.thread.netloc, first.thread.netloc)
        assert json.loads(there) == ended
        second.check_clean()


def test_an_open_socket_stays_open_and_registers_again() -> None:
    """As after a reset: what it had registered is forgotten, and the token finds the task that has it now."""
    with live(time="manual") as running:
        _, token = running.run()
        data = snapshot_of(running)
        with running.socket("/v1", token) as listener:
            assert listener.frame()["type"] == "task_queue"
            running.admin("/time", HOUR)
            assert listener.until_end()[-1]["type"] == "task_postprocess_end"
            assert put(running, data).status_code == 200
            running.admin("/time", HOUR)
            listener.register(token)
            again = listener.until_end()
        assert [frame["type"] for frame in again][-1] == "task_postprocess_end"


def test_webhooks_that_were_still_to_come_come() -> None:
    """The one that waits for its time, and those of tasks that had not ended."""
    with hooks() as target, live(time="manual") as first:
        first.run(callbackUrl=target.url)
        data = snapshot_of(first)
        assert not target.posts
        with live(time="manual", seed="two") as second:
            task_id = put(second, data) and next(iter(second.world.sim.tasks())).job.id
            second.admin("/time", HOUR)
            assert hook_of(second, task_id)["state"] == "posted"
            ((_, body, _),) = target.posts
            assert json.loads(body)["tasklist"][0]["status"] == "task_postprocess_end"


def test_settings_may_be_kept() -> None:
    """The server's own credentials and time hold where they are wanted; a name that there is not is said."""
    with live(time="manual") as first:
        first.run()
        data = snapshot_of(first)
    with live(make_world(time="auto", project=Project(id="1", key="mine", secret="mine2"))) as second:
        answer = put(second, data, keep="credential")
        assert (answer.status_code, answer.json()["error"]) == (
            400,
            "keep: there is no 'credential'; did you mean 'credentials'?",
        )
        told = put(second, data, keep="credentials,time").json()
        assert (told["api_key"], told["time"]) == ("mine", "auto")
        # Without the secret there is nothing else to be had.
        told = put(second, snapshot_of(second, secret="false")).json()
        assert told["api_key"] == "mine"
    assert set(OPTIONS.values()) <= set(SETTINGS)


@pytest.mark.parametrize(
    ("keep", "project"),
    [
        ((), Project(id="7", key="theirs", secret="theirs2", key_only=True)),
        (("api_key",), Project(id="7", key="mine", secret="theirs2", key_only=True)),
        (("api_secret",), Project(id="7", key="theirs", secret="mine2", key_only=True)),
        (("key_only",), Project(id="7", key="theirs", secret="theirs2")),
        (("credentials",), Project(id="1", key="mine", secret="mine2")),
    ],
)
def test_each_of_the_credentials_holds_by_itself(keep: tuple[str, ...], project: Project, tmp_path: Path) -> None:
    """Whoever gives a key alone has not said anything of the secret: least of all that it be the default one."""
    path = tmp_path / "world.zip"
    save(make_world(project=Project(id="7", key="theirs", secret="theirs2", key_only=True)), path)
    world = make_world(project=Project(id="1", key="mine", secret="mine2"))
    load(world, path, keep=keep)
    assert (world.project, world.settings.project, world.settings.key_only) == (project, project, project.key_only)


def test_a_refused_one_leaves_the_server_as_it_was() -> None:
    """400 with the sentence; nothing is heard of it besides."""
    with live(time="manual") as running:
        task_id, _ = running.run()
        answer = put(running, b"rubbish")
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("the snapshot is no snapshot of wiro-mock, or not all of one")
        assert running.detail(task_id)["status"] == "task_queue"
        assert running.admin("/tasks")["tasks"][0]["id"] == task_id


def test_one_of_several_worlds_is_saved_and_loaded_by_its_key() -> None:
    """And no two of them get the same key, or the same tokens."""
    with live(time="manual") as running:
        running.run()
        made = running.http.post("/__wiro/worlds", json={"seed": "lodger", "time": "manual"}).json()
        own = {"x-api-key": made["api_key"]}
        signature = sign(made["api_key"], made["api_secret"], "1")
        headers = {**own, "x-nonce": "1", "x-signature": signature}
        assert running.http.post("/v1/Run/moondream3-preview/caption", json={}, headers=headers).json()["result"]
        theirs = running.http.get("/__wiro/snapshot", headers=own).content
        home = snapshot_of(running)
        answer = running.http.put("/__wiro/snapshot", content=home, headers=own)
        assert (answer.status_code, answer.json()["error"]) == (
            400,
            "the snapshot cannot be loaded here: another world here has the same API key; delete that world, or keep "
            "your credentials",
        )
        answer = running.http.put("/__wiro/snapshot?keep=credentials", content=home, headers=own)
        assert "another world here has the same seed" in answer.json()["error"]
        assert running.http.delete(f"/__wiro/worlds/{made['id']}").status_code == 200
        # Now its key and its seed are free: the server's own world becomes that one, and is found by its key.
        assert put(running, theirs).json()["api_key"] == made["api_key"]
        made = running.http.post("/__wiro/worlds", json={"seed": "other", "time": "manual", "api_key": KEY}).json()
        assert running.http.post("/v1/Task/Detail", json={"taskid": "1"}, headers=headers).status_code == 200
        assert running.http.post("/v1/Task/Detail", json={"taskid": "1"}, headers=signed()).status_code == 401


# -- the command -----------------------------------------------------------------------------------------


def command(running: Live, *words: str) -> Result:
    return CliRunner().invoke(wiro_mock, ["snapshot", *words, "--url", running.thread.url], prog_name="wiro-mock")


def test_the_command_saves_and_loads(tmp_path: Path) -> None:
    """A file that only its owner reads, which takes the place of another; and what was loaded, in a line."""
    path = tmp_path / "demo.zip"
    path.write_bytes(b"old")
    with live(time="manual") as running:
        running.run()
        result = command(running, "save", str(path))
        assert (result.exit_code, result.output) == (0, f"saved {path} ({path.stat().st_size} bytes)\n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]
        running.admin("/reset", {})
        result = command(running, "load", str(path))
        assert result.output == (
            f"loaded {path}: 1 tasks, 1 of them unfinished, 1 files, time manual\nthe world's API key is {KEY}\n"
        )
        assert SECRET not in result.output
        assert running.world.sim.made == 1


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    """A file that is none, one that is not there, a folder that is not there, a server that is none, a wrong token."""
    path = tmp_path / "demo.zip"
    path.write_bytes(b"rubbish")
    with live(time="manual") as running:
        result = command(running, "load", str(path))
        assert (result.exit_code, result.output) == (
            1,
            f"wiro-mock: {path} is no snapshot of wiro-mock, or not all of one: it is no whole ZIP file; save it once "
            "more\n",
        )
        result = command(running, "load", str(tmp_path / "x.zip"))
        assert (
            result.output
            == f"wiro-mock: {tmp_path / 'x.zip'} cannot be read: No such file or directory; look at the path\n"
        )
        result = command(running, "save", str(tmp_path / "none" / "x.zip"))
        assert result.output == (f"wiro-mock: there is no folder {tmp_path / 'none'}; make it, or give another path\n")
    result = CliRunner().invoke(wiro_mock, ["snapshot", "save", str(path), "--url", "http://127.0.0.1:9"])
    assert (result.exit_code, "is `wiro-mock serve` running there?" in result.output) == (2, True)
    assert path.read_bytes() == b"rubbish"


# -- serve ---------------------------------------------------------------------------------------------


def test_serve_saves_at_its_end_and_goes_on_at_its_beginning(tmp_path: Path) -> None:
    """A signal ends it with status 0 and a file; the next one begins there, with the credentials of the file."""
    path = tmp_path / "world.zip"
    env = {"WIRO_API_KEY": "key-of-mine", "WIRO_API_SECRET": "secret-of-mine"}
    headers = {"x-api-key": "key-of-mine", "x-nonce": "1", "x-signature": sign("key-of-mine", "secret-of-mine", "1")}
    with serving(tmp_path, "--time", "manual", "--save-on-exit", str(path), env=env) as server:
        task = post(f"{server.api}/Run/moondream3-preview/caption", json={}, headers=headers).json()
        assert server.stop(signal.SIGINT) == (0, "")
        assert f"saved 1 task to {path}" in server.said("saved")
    with serving(tmp_path, "--load", str(path)) as server:
        assert (server.key, server.secret) == ("key-of-mine", "***")
        assert f"loaded 1 task from {path}, 1 of them unfinished" in server.said("loaded")
        post(f"{server.origin}/__wiro/time", json=HOUR)
        shape = post(f"{server.api}/Task/Detail", json={"taskid": task["taskid"]}, headers=headers).json()
        assert shape["tasklist"][0]["status"] == "task_postprocess_end"
        assert get(f"{server.origin}/__wiro/time").json()["mode"] == "manual"
        assert "secret-of-mine" not in server.said()
    with serving(tmp_path, "--load", str(path), env={"WIRO_API_KEY": "another-key"}) as server:
        assert (server.key, server.secret) == ("another-key", "***")
        headers = {
            "x-api-key": "another-key",
            "x-nonce": "1",
            "x-signature": sign("another-key", "secret-of-mine", "1"),
        }
        answer = post(f"{server.api}/Task/Detail", json={"taskid": task["taskid"]}, headers=headers)
        assert (answer.status_code, answer.json()["result"]) == (200, True)


def test_a_world_that_cannot_be_saved_ends_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at it raises nothing, where a signal is obeyed; the end says so, with status 1."""

    def fail(_: World) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("wiro_mock.snapshot.taking.take", fail)
    at_exit = AtExit(make_world(), tmp_path / "world.zip")
    at_exit.take()
    with pytest.raises(ClickException, match="the world is not saved: RuntimeError: no"):
        at_exit.write()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (["--load", "{here}/none.zip"], 1, "{here}/none.zip cannot be read: there is no such file; look at the path"),
        (["--load", "{here}/half.zip"], 1, "{here}/half.zip is no snapshot of wiro-mock, or not all of one"),
        (["--load", "{here}/half.zip", "--seed", "7"], 2, "--seed and --load contradict each other"),
        (["--save-on-exit", "{here}"], 2, "{here} is a folder; give the path of a file"),
        (["--save-on-exit", "{here}/none/x"], 2, "there is no folder {here}/none; make it, or give another path"),
    ],
)
def test_serve_does_not_begin_with_what_cannot_be(
    tmp_path: Path, options: list[str], status: int, sentence: str
) -> None:
    """One sentence, before anything is served."""
    (tmp_path / "half.zip").write_bytes(b"PK\x03\x04")
    words = [word.format(here=tmp_path) for word in options]
    result = CliRunner().invoke(wiro_mock, ["serve", "--port", "0", *words], prog_name="wiro-mock")
    assert result.exit_code == status
    assert sentence.format(here=tmp_path) in result.output
    assert result.output.count("\n") == 1
