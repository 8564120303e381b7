"""`wiro-mock serve` from the outside: what it prints and when, how it ends, and what it refuses to begin."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.live_kit import get, post
from tests.process_kit import COMMAND, PATIENCE, READY, Serving, environment, serving
from wiro_mock.api.auth import sign
from wiro_mock.commands.group import wiro_mock

MODEL = "moondream3-preview/caption"


def signed(server: Serving, key: str = "", secret: str = "") -> dict[str, str]:
    key, secret = key or server.key, secret or server.secret
    return {"x-api-key": key, "x-nonce": "17", "x-signature": sign(key, secret, "17")}


def run(server: Serving, headers: dict[str, str] | None = None) -> dict[str, object]:
    answer = post(f"{server.api}/Run/{MODEL}", headers=headers or signed(server), json={"inputImage": "x"})
    shape: dict[str, object] = answer.json()
    return shape


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server with the default pair, for tests that leave it as it is."""
    with serving(tmp_path_factory.mktemp("server"), env={"WIRO_API_KEY": ""}) as one:
        yield one


# -- the beginning -------------------------------------------------------------------------------------


def test_the_ready_line_tells_where_and_who(server: Serving) -> None:
    """The default pair is shown, since nobody could know it otherwise; a client that uses the line is served."""
    assert READY.fullmatch(server.line)
    assert server.api.startswith("http://127.0.0.1:")
    assert server.socket == server.api.replace("http", "ws")
    assert get(f"{server.origin}/__wiro/ready").status_code == 200
    assert run(server)["result"] is True


def test_given_credentials_are_shown_nowhere(tmp_path: Path) -> None:
    """No secret on stdout, and neither on stderr when a signature fails; they are the environment's, and hold."""
    env = {"WIRO_API_KEY": "key-of-mine", "WIRO_API_SECRET": "secret-of-mine"}
    with serving(tmp_path, "--log", env=env) as server:
        assert (server.key, server.secret) == ("key-of-mine", "***")
        assert run(server, signed(server, "key-of-mine", "secret-of-mine"))["result"] is True
        assert run(server, signed(server, "key-of-mine", "wrong"))["result"] is False
        assert run(server, signed(server, "secret-of-mine", "key-of-mine"))["result"] is False
        said = server.said("swapped")
    assert "-of-mine" not in said


def test_the_key_of_a_key_only_project_is_hidden_like_a_secret(tmp_path: Path) -> None:
    """It is the whole credential; a default beside it is shown."""
    with serving(tmp_path, "--api-key", "mine", "--key-only") as server:
        assert server.line.endswith("key=*** secret=wiro-mock-secret\n")


def refused(*options: str) -> Result:
    """`serve` in this process, for what never gets to serving."""
    return CliRunner().invoke(wiro_mock, ["serve", *options], prog_name="wiro-mock")


def test_a_port_in_use_is_one_sentence() -> None:
    """With the way out, and status 1."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = refused("--port", str(taken.getsockname()[1]))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith(": Address already in use; --port 0 takes a free port\n")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("host", "way_out"),
    [
        ("no.such.host.invalid", "; --"),
        ("203.0.113.7", "; this machine has no such address; 127.0.0.1 is this machine alone, 0.0.0.0 is all its"),
        ("a" * 100, "; --"),
        ("not a host", "; --"),
    ],
)
def test_a_host_that_is_not_here_is_one_sentence(host: str, way_out: str) -> None:
    """A name that means nothing, an address of another machine, a label that no name may have."""
    result = refused("--port", "0", "--host", host)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("wiro-mock: cannot listen on ")
    assert way_out in result.stderr
    assert result.stderr.count("\n") == 1


def test_broken_scenarios_are_told_all_at_once(tmp_path: Path) -> None:
    """Nothing is served; every complaint has its place."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"scenario: {name}\nabout: x\nsteps:\n  - exot: 0\n")
    result = refused("--port", "0", "--scenarios", str(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{tmp_path}/a.yaml:4:5: " in result.stderr
    assert f"{tmp_path}/b.yaml:4:5: " in result.stderr
    assert "did you mean 'exit'?" in result.stderr


def test_scenarios_that_are_not_there_are_one_complaint(tmp_path: Path) -> None:
    """A folder that is misspelt must not look like one without scenarios."""
    result = refused("--port", "0", "--scenarios", str(tmp_path / "nowhere"))
    assert result.exit_code == 1
    assert "there is no such file or folder; look at the path" in result.stderr


def test_scenarios_that_may_not_be_read_are_one_complaint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence would mean that they are served. Root may read everything, so the system's answer is played here."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = refused("--port", "0", "--scenarios", str(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"'{tmp_path}' is not readable" in result.stderr


# -- the end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(number: int, tmp_path: Path) -> None:
    """Whatever is going on: an open socket, a task at work, an upload half done, a silent connection.

    All of them stay as they are until it has ended: a server that waited for one of them would not end.
    """
    with serving(tmp_path, "--time", "0.001x") as server:
        host, port = server.origin.removeprefix("http://").split(":")
        token = str(run(server)["socketaccesstoken"])
        with (
            connect(server.socket, open_timeout=PATIENCE) as follower,
            socket.create_connection((host, int(port))) as upload,
            socket.create_connection((host, int(port))),
            httpx.Client(timeout=PATIENCE) as keeps_alive,
        ):
            follower.send(f'{{"type": "task_info", "tasktoken": "{token}"}}')
            assert "connected" in follower.recv(timeout=PATIENCE)
            assert "task_queue" in follower.recv(timeout=PATIENCE)
            keeps_alive.get(f"{server.origin}/__wiro/ready")
            upload.sendall(f"POST /v1/Run/{MODEL} HTTP/1.1\r\nhost: x\r\ncontent-length: 999999\r\n\r\n".encode())
            upload.sendall(b"x" * 100_000)
            status, rest = server.stop(number)
    assert (status, rest) == (0, "")
    assert server.stderr.read_text() == ""


@pytest.mark.parametrize("module", ["click", "uvicorn", "wiro_mock.mock", "wiro_mock.server"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_ends_it_too(number: int, module: str) -> None:
    """However far the start has come: here the signal comes when a certain module is about to be imported."""
    code = f"""
import os, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Interrupt())
sys.argv = ["wiro-mock", "serve", "--port", "0"]
from wiro_mock.cli import main
main()
"""
    done = subprocess.run(
        [COMMAND[0], "-c", code], capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_signal_right_after_the_ready_line_ends_it(tmp_path: Path) -> None:
    """Ready means ready for this, too."""
    with serving(tmp_path) as server:
        status, rest = server.stop(signal.SIGINT)
    assert (status, rest) == (0, "")


def test_unknown_models_are_played_where_that_was_asked_for(tmp_path: Path) -> None:
    """And refused elsewhere; nothing but the two words is taken."""
    with serving(tmp_path, "--unknown-models", "play", "--key-only", "--api-key", "k") as server:
        answer = post(f"{server.api}/Run/acme/robot", headers={"x-api-key": "k"}, json={})
        assert answer.json()["result"] is True
    done = subprocess.run(
        [*COMMAND, "serve", "--unknown-models", "maybe"], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert "'maybe' is not one of 'refuse', 'play'" in done.stderr


def test_fault_sets_are_armed_from_the_start_and_again_after_a_reset(tmp_path: Path) -> None:
    """Several, of one's own folder too; the control API tells of them and of what they did."""
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "monday.yaml").write_text(
        "fault_set: monday\nfaults: [{on: Run, do: {status: 503}}, {on: socket, do: {status: 502}}]\n"
    )
    options = ("--faults", "monday", "--faults", "slow-gpu", "--scenarios", str(tmp_path), "--key-only")
    with serving(tmp_path, *options, "--api-key", "k", "--time", "auto") as server:

        def play() -> list[int]:
            url = f"{server.api}/Run/moondream3-preview/caption"
            return [httpx.post(url, headers={"x-api-key": "k"}, json={}).status_code for _ in range(2)]

        assert play() == [503, 200]
        with pytest.raises(InvalidStatus, match="HTTP 502"):
            connect(server.socket, proxy=None)
        told = httpx.get(f"{server.origin}/__wiro/faults").json()
        assert told["armed_sets"] == [{"set": "monday", "delayed": 0}, {"set": "slow-gpu", "delayed": 3}]
        assert told["faults"] == [], "both are spent"
        assert "the fault status 503 on Run" in server.said("the fault status 502")
        httpx.post(f"{server.origin}/__wiro/reset", json={})
        assert play() == [503, 200]


def test_a_fault_set_that_is_not_there_is_one_complaint(tmp_path: Path) -> None:
    """Before anything is served."""
    done = subprocess.run(
        [*COMMAND, "serve", "--faults", "bad-dya"], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "no fault set 'bad-dya'; did you mean 'bad-day'?" in done.stderr
    assert "Traceback" not in done.stderr


# -- what is told --------------------------------------------------------------------------------------


def test_nothing_is_told_of_what_goes_well(server: Serving) -> None:
    """No log, no banner: not of a task, not of clients that vanish or talk nonsense."""
    host, port = server.origin.removeprefix("http://").split(":")
    run(server)
    before = server.said()
    for nonsense in (b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/x\r\n\r\n", b"POST /v1/Run/a/b HTTP/1.1\r\n"):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(nonsense)
    with connect(server.socket, open_timeout=PATIENCE) as follower:
        follower.socket.shutdown(socket.SHUT_RDWR)
    assert get(f"{server.origin}/__wiro/ready").status_code == 200
    assert server.said() == before


def test_a_refusal_and_a_failed_signature_are_one_line_each(server: Serving) -> None:
    """With the exchange's id, the code, and the reason that the client is not told."""
    before = server.said()
    run(server, signed(server, secret="wrong"))
    post(f"{server.api}/Task/Detail", headers=signed(server), json={"taskid": "1"})
    lines = server.said("Task/Detail").removeprefix(before).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"wiro-mock: POST /v1/Run/{MODEL} -> 401 code 0 ")
    assert "x-signature is wrong" in lines[0]
    assert "There is no task yet." in lines[1]


def test_log_is_one_line_for_each_request(tmp_path: Path) -> None:
    """On stderr, with the id that the answer's header has."""
    with serving(tmp_path, "--log") as server:
        headers = signed(server)
        answer = post(f"{server.api}/Run/{MODEL}", headers=headers, json={"inputImage": "x"})
        post(f"{server.api}/Task/Detail", headers=headers, json={"taskid": answer.json()["taskid"]})
        lines = server.said("Detail").splitlines()
    number = answer.headers["x-wiro-mock-request-id"]
    task = answer.json()["taskid"]
    assert lines[0].startswith(f"wiro-mock: {number} POST /v1/Run/{MODEL} 200 task={task} rule=caption ms=")
    assert f" POST /v1/Task/Detail 200 task={task} rule=caption ms=" in lines[1]
    assert len(lines) == 2


def test_nobody_reading_stderr_does_not_stop_it(tmp_path: Path) -> None:
    """More refusals than a pipe holds: every request is answered, and the end comes at once."""
    reader, writer = os.pipe()
    try:
        with serving(tmp_path, stderr_to=writer) as server, httpx.Client(timeout=PATIENCE) as client:
            for _ in range(400):
                answer = client.post(f"{server.api}/{'nowhere' * 30}")
            assert answer.status_code == 404
            status, _ = server.stop()
        assert status == 0
        assert os.read(reader, 100).startswith(b"wiro-mock: POST /v1/nowhere")
    finally:
        os.close(reader)
        os.close(writer)


def test_a_scenario_that_breaks_while_serving_leaves_the_last_good_one(tmp_path: Path) -> None:
    """The tester is told of the complaint, and of the mending; runs go on."""
    folder = tmp_path / "mine"
    folder.mkdir()
    file = folder / "mine.yaml"
    good = f"scenario: mine\nabout: x\nmatch: {{model: {MODEL}}}\nsteps:\n  - print: PRINTED\n  - exit: 0\n"
    file.write_text(good)
    with serving(tmp_path, "--scenarios", str(folder), "--time", "auto") as server:
        assert printed(server) == "PRINTED"
        file.write_text(good.replace("print:", "prnt:"))
        assert printed(server) == "PRINTED"
        assert f"kept the last good scenarios: {file}:5:5: " in server.said("kept")
        assert printed(server) == "PRINTED"
        (complaint,) = get(f"{server.origin}/__wiro/scenarios").json()["broken"]
        assert complaint.startswith(f"{file}:5:5: ")
        file.write_text(good.replace("PRINTED", "MENDED AGAIN"))
        assert printed(server) == "MENDED AGAIN"
        assert get(f"{server.origin}/__wiro/scenarios").json()["broken"] == []
        said = server.said("reloaded 1 scenario")
    assert said.count("kept the last good") == 1


def printed(server: Serving) -> str:
    """What a new run prints."""
    task = run(server)["taskid"]
    shape = post(f"{server.api}/Task/Detail", headers=signed(server), json={"taskid": task}).json()
    return str(shape["tasklist"][0]["debugoutput"]).strip()


# -- beyond loopback -----------------------------------------------------------------------------------

CONTROLS = ("tasks", "journal", "webhooks", "time", "holds", "scenarios", "nothing-here")


def test_beyond_loopback_the_control_api_is_closed(tmp_path: Path) -> None:
    """It starts and says so; everything but ready answers 403 with the sentence, from this machine too."""
    with serving(tmp_path, "--host", "0.0.0.0") as server:
        assert "the control API is closed; --admin-token TOKEN opens it" in server.said("closed")
        origin = server.origin.replace("0.0.0.0", "127.0.0.1")
        assert get(f"{origin}/__wiro/ready").status_code == 200
        for name in CONTROLS:
            answer = get(f"{origin}/__wiro/{name}")
            assert answer.status_code == 403, name
            assert "start the server with --admin-token TOKEN" in answer.json()["error"]
        assert post(f"{origin}/__wiro/reset").status_code == 403
        wrong = {"authorization": "Bearer guessed"}
        assert get(f"{origin}/__wiro/tasks", headers=wrong).status_code == 403


def test_beyond_loopback_the_token_opens_the_control_api(tmp_path: Path) -> None:
    """To those who send it; it stands in no output."""
    with serving(tmp_path, "--host", "0.0.0.0", "--admin-token", "sesame") as server:
        origin = server.origin.replace("0.0.0.0", "127.0.0.1")
        assert get(f"{origin}/__wiro/tasks").status_code == 403
        headers = {"authorization": "Bearer sesame"}
        assert get(f"{origin}/__wiro/tasks", headers=headers).status_code == 200
        assert "sesame" not in server.said("admin token") + server.line


def test_many_start_on_free_ports_side_by_side(tmp_path: Path) -> None:
    """Port 0 never collides."""
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    with serving(folders[0]) as one, serving(folders[1]) as other:
        assert one.api != other.api
