"""`wiro-mock exec`: what a command is given, how it ends, and what is told of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.live_kit import PATIENCE, eventually
from tests.process_kit import COMMAND, environment
from wiro_mock.commands import exec_report
from wiro_mock.commands.exec_options import OPTIONS
from wiro_mock.commands.group import wiro_mock
from wiro_mock.commands.serve_options import OPTIONS as OF_SERVE
from wiro_mock.mock import World
from wiro_mock.reach.variables import NO_PROXY, frees_wiro, past_proxies
from wiro_mock.settings import Settings

CLIENT = """
import json, os, urllib.request, hmac, hashlib
key, secret, base = (os.environ[name] for name in ("WIRO_API_KEY", "WIRO_API_SECRET", "WIRO_BASE_URL"))
def call(path, fields, key=key):
    signature = hmac.new(key.encode(), (secret + "1").encode(), hashlib.sha256).hexdigest()
    headers = {"x-api-key": key, "x-nonce": "1", "x-signature": signature, "content-type": "application/json"}
    request = urllib.request.Request(base + path, json.dumps(fields).encode(), headers)
    try:
        return json.load(urllib.request.urlopen(request))
    except urllib.error.HTTPError as error:
        return json.load(error)
"""
CAPTION = f"""{CLIENT}
run = call("/Run/moondream3-preview/caption", {{"inputImage": "https://example.com/cat.png"}})
task = call("/Task/Detail", {{"tasktoken": run["socketaccesstoken"]}})["tasklist"][0]
assert task["status"] == "task_postprocess_end", task
"""


def run(*words: str) -> int:
    """`exec` in this process; its status. What the command and the mock write is for `capfd`."""
    return CliRunner().invoke(wiro_mock, ["exec", *words], prog_name="wiro-mock").exit_code


def python(text: str) -> tuple[str, ...]:
    return ("--", sys.executable, "-c", text)


def test_it_takes_whatever_serve_takes() -> None:
    """What URLs hold (`--input-url`), faults, a snapshot, all of it; only the preset has to be an option here."""
    of_serve, own = ({opt for one in options for opt in one.opts} for options in (OF_SERVE, OPTIONS))
    assert own >= of_serve - {"preset"} | {"--preset", "--input-url", "--undeclared-inputs"}


# -- what a command is given -----------------------------------------------------------------------------


def test_the_command_is_told_where_and_who(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A real key of the environment is not handed on, and stdout is the command's alone."""
    monkeypatch.setenv("WIRO_API_KEY", "a-real-key")
    monkeypatch.setenv("WIRO_API_SECRET", "a-real-secret")
    assert run(*python("import json, os; print(json.dumps(dict(os.environ)))")) == 0
    told = json.loads(capfd.readouterr().out)
    origin = told["WIRO_MOCK_URL"]
    assert origin.startswith("http://127.0.0.1:")
    assert told["WIRO_BASE_URL"] == f"{origin}/v1"
    assert told["WIRO_SOCKET_URL"] == f"ws{origin.removeprefix('http')}/v1"
    assert len(told["WIRO_API_KEY"]) == len(told["WIRO_API_SECRET"]) == 30
    assert set(told["NO_PROXY"].split(",")) >= {"localhost", "127.0.0.1", "::1"}


def test_credentials_are_fresh_unless_given(capfd: pytest.CaptureFixture[str]) -> None:
    """Two runs have two keys; a given pair is handed on, and a key-only project has no secret."""
    show = python("import os; print(os.environ['WIRO_API_KEY'], os.environ['WIRO_API_SECRET'])")
    assert run(*show) == run(*show) == run("--api-key", "mine", "--api-secret", "hush", *show) == 0
    assert run("--key-only", "--api-key", "mine", *show) == 0
    one, two, three, four = (line.split(" ") for line in capfd.readouterr().out.splitlines())
    assert one != two
    assert three == ["mine", "hush"]
    assert four == ["mine", ""]


def test_a_client_plays_a_task_and_the_report_tells_of_it(tmp_path: Path) -> None:
    """The journal and a timeline of every task, without a credential."""
    report = tmp_path / "report.json"
    assert run("--time", "auto", "--fail-on", "unmatched,unfired", "--report", str(report), *python(CAPTION)) == 0
    told = json.loads(report.read_text())
    (world,) = told["worlds"]
    assert [one["operation"] for one in world["journal"]] == ["Run", "Task/Detail"]
    (task,) = world["tasks"]
    assert task["status"] == "task_postprocess_end"
    assert [one["kind"] for one in task["timeline"]][:2] == ["task_queue", "task_accept"]
    assert any("poll 1" in seen for one in task["timeline"] for seen in one["seen_by"])
    assert told["status"] == 0
    assert told["problems"] == []
    assert told["command"] == sys.executable


def test_the_report_as_text_is_left_when_the_command_fails(tmp_path: Path) -> None:
    """With the same timeline, for a reader."""
    report = tmp_path / "report.txt"
    assert run("--time", "auto", "--report", str(report), *python(f"{CAPTION}\nraise SystemExit(5)")) == 5
    text = report.read_text()
    assert "ended with status 5" in text
    assert "task_postprocess_end" in text
    assert "poll 1 (req-2)" in text


# -- how it ends ---------------------------------------------------------------------------------------


def test_its_status_is_that_of_the_command() -> None:
    """Also of one that a signal ends, as shells count."""
    assert run(*python("raise SystemExit(7)")) == 7
    assert run("true") == 0  # without the dashes
    assert run("--", "sh", "-c", "kill -KILL $$") == 128 + signal.SIGKILL


def test_a_signal_that_nobody_sent_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """One that was passed on is not."""
    run("--", "sh", "-c", "kill -SEGV $$")
    assert "the command was ended by SIGSEGV" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("command", "status", "sentence"),
    [
        ("no-such-command", 127, "no command 'no-such-command' on PATH"),
        ("./no-such-command", 127, "no command './no-such-command' there"),
        ("/etc/passwd", 126, "cannot run '/etc/passwd': Permission denied"),
        ("broken", 127, "the program in its first line (#!) is not there"),
        ("headless", 126, "Exec format error; a script needs a first line such as #!/bin/sh"),
    ],
)
def test_what_cannot_be_run(
    command: str, status: int, sentence: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each is one sentence, with the status of a shell."""
    for name, text in (("broken", "#!/no/such/program\n"), ("headless", "echo hello\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    assert run("--", str(tmp_path / command) if command in ("broken", "headless") else command) == status
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("wiro-mock: ")
    assert sentence in line


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "no command to run; write it after --"),
        (["--fail-on", "unmatchd", "true"], "did you mean 'unmatched'?"),
        (["--report", "report.har", "true"], "let its name end in .json or .txt"),
        (["--report", "/no/such/folder/r.json", "true"], "No such file or directory; name a file in a folder"),
        (["--time", "soon", "true"], "time is real, auto, manual or a rate such as 10x, not 'soon'"),
    ],
)
def test_wrong_usage_runs_nothing(words: list[str], sentence: str) -> None:
    """One sentence, and status 2."""
    result = CliRunner().invoke(wiro_mock, ["exec", *words], prog_name="wiro-mock")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_port_in_use(capfd: pytest.CaptureFixture[str]) -> None:
    """The same sentence as of `serve`, and the command is not run."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(wiro_mock, ["exec", "--port", str(taken.getsockname()[1]), "echo", "ran"])
    assert result.exit_code == 1
    assert "--port 0 takes a free port" in result.output
    assert "ran" not in capfd.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_the_commands(number: signal.Signals, tmp_path: Path) -> None:
    """It may do what it wants about them, and its status is what comes out."""
    text = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(60)"
    )
    with subprocess.Popen(
        [*COMMAND, "exec", *python(text)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(PATIENCE) == 42


def test_what_it_leaves_behind_is_ended(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its server is about to go; a daemon with a session of its own is let be."""
    note = tmp_path / "pid"
    assert run("--", "sh", "-c", f"sleep 600 & echo $! > {note}; exit 3") == 3
    assert "the command left 1 process running, which was ended" in capfd.readouterr().err
    eventually(lambda: not _runs(int(note.read_text())))


def _runs(pid: int) -> bool:
    """Whether it has not ended; one that has, and at which nobody looked (PID 1 of a container may not), counts so."""
    if Path("/proc").exists():
        stat = Path(f"/proc/{pid}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_its_input_is_the_commands_and_large_output_is_passed_on() -> None:
    """More than any pipe holds, byte by byte, in both directions; and on stderr nothing but its own."""
    text = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer); print('done', file=sys.stderr)"
    sent = bytes(range(256)) * 20_000
    done = subprocess.run(
        [*COMMAND, "exec", *python(text)], input=sent, capture_output=True, check=False, env=environment(), timeout=110
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, sent, b"done\n")


def test_one_in_another(capfd: pytest.CaptureFixture[str]) -> None:
    """The inner command has the inner Wiro, and its status comes out; one proxy does not lead to the other."""
    show = "import os; print(os.environ['WIRO_MOCK_URL'], os.environ['WIRO_API_KEY']); raise SystemExit(6)"
    inner = "import os, subprocess, sys; print(os.environ['WIRO_MOCK_URL'], os.environ['WIRO_API_KEY'], flush=True); "
    inner += (
        f"sys.exit(subprocess.call([sys.executable, '-m', 'wiro_mock', 'exec', '--', sys.executable, '-c', {show!r}]))"
    )
    assert run(*python(inner)) == 6
    (outer_url, outer_key), (inner_url, inner_key) = (line.split() for line in capfd.readouterr().out.splitlines())
    assert outer_url != inner_url
    assert outer_key != inner_key


# -- what fails it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("unmatched", f"{CLIENT}\ncall('/Nonsense', {{}})", "unexpected call: POST /v1/Nonsense"),
        ("unmatched", f"{CLIENT}\ncall('/Task/List', {{}}, key='a-stranger')", "1 request had an x-api-key that no"),
        ("unfired", "", 'fault set never met: of "rate-limited", armed at --faults'),
        ("leaks", f"{CLIENT}\ncall('/Run/moondream3-preview/caption', {{'inputImage': 'x'}})", "left behind: task"),
    ],
)
def test_what_is_left_fails_a_command_that_succeeds(
    kind: str, text: str, sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only where it is asked for, and it is told."""
    options = ["--time", "manual", *(["--faults", "rate-limited"] if kind == "unfired" else [])]
    assert run(*options, *python(text)) == 0
    capfd.readouterr()
    assert run(*options, "--fail-on", kind, *python(text)) == 1
    said = capfd.readouterr().err
    assert sentence in said
    assert "a-stranger" not in said


GUEST = f"""{CLIENT}
def ask(method, path, fields=None):
    url, body = os.environ["WIRO_MOCK_URL"] + path, json.dumps(fields or {{}}).encode()
    return json.load(urllib.request.urlopen(urllib.request.Request(url, body, method=method)))
made = ask("POST", "/__wiro/worlds", {{"name": "a guest", "time": "manual", **GIVEN}})
key, secret = made["api_key"], made["api_secret"]
def delete(): ask("DELETE", "/__wiro/worlds/" + made["id"])
"""


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("unmatched", "call('/Nonsense', {}, key=key)", "unexpected call: POST /v1/Nonsense"),
        ("unfired", "", 'fault set never met: of "rate-limited", armed at '),
        ("leaks", "call('/Run/moondream3-preview/caption', {'inputImage': 'x'}, key=key)", "left behind: task"),
    ],
)
def test_a_world_that_was_deleted_fails_it_just_as_well(
    kind: str, text: str, sentence: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A suite that tidies up after itself does not hide what it left undone; the report has it, as JSON and as text."""
    given = {"faults": ["rate-limited"]} if kind == "unfired" else {}
    command = python(f"GIVEN = {given}\n{GUEST}\n{text}\ndelete()")
    for name in ("report.json", "report.txt"):
        assert run("--fail-on", kind, "--report", str(tmp_path / name), *command) == 1
        assert sentence in capfd.readouterr().err
    told = json.loads((tmp_path / "report.json").read_text())
    assert [(world["name"], world["deleted"]) for world in told["worlds"]] == [("a guest", True), (None, False)]
    assert told["worlds"][0]["journal"] or kind == "unfired"
    assert told["worlds_forgotten"] == 0
    (line,) = [line for line in (tmp_path / "report.txt").read_text().splitlines() if "gone before the end" in line]
    assert line.startswith("a guest: seed ")


def test_of_worlds_that_went_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """And only so many bytes, and so many lines; the rest is counted."""
    monkeypatch.setattr(exec_report, "MOST_WORLDS", 3)
    monkeypatch.setattr(exec_report, "MOST_PROBLEMS", 2)
    departed = exec_report.Departed(("unmatched",), keeps=True)
    for number in range(5):
        world = World(Settings(seed=str(number)))
        world.lost("POST", "/v1/Nonsense", "no such thing")
        departed.note(world)
    assert (len(departed.worlds), departed.forgotten) == (3, 2)
    assert len(departed.problems["unmatched"]) == 2
    monkeypatch.setattr(exec_report, "MOST_BYTES", 10)
    departed = exec_report.Departed((), keeps=True)
    departed.note(World(Settings(seed="last")))
    assert (departed.worlds, departed.forgotten) == ([], 1)


def test_a_command_that_fails_keeps_its_status() -> None:
    """What is left besides is told only."""
    assert run("--fail-on", "unmatched", *python(f"{CLIENT}\ncall('/Nonsense', {{}})\nraise SystemExit(9)")) == 9


# -- proxies -------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["example.com", ".corp", "*", "api.wiro.ai", "*.wiro.ai", ".ai", " ", "WIRO.AI:443"])))
def test_loopback_needs_no_proxy_and_wiro_keeps_its_own(entries: list[str]) -> None:
    """Whatever the environment says; and what it says of other hosts stays."""
    made = past_proxies({"NO_PROXY": ",".join(entries)}, intercepted=True)
    assert set(made) == set(NO_PROXY)
    names = made["NO_PROXY"].split(",")
    assert {"localhost", "127.0.0.1", "::1"} <= set(names)
    assert not any(map(frees_wiro, names))
    assert [name for name in names if name in ("example.com", ".corp")] == list(
        dict.fromkeys(entry for entry in entries if entry in ("example.com", ".corp"))
    )


def test_without_interception_no_proxy_is_only_added_to() -> None:
    """What frees everything still does, and the lower case counts where it stands alone."""
    assert past_proxies({"NO_PROXY": "*"})["NO_PROXY"] == "*"
    assert past_proxies({"no_proxy": "api.wiro.ai"})["NO_PROXY"].startswith("api.wiro.ai,localhost")
