"""`wiro-mock watch`: what it shows in a pipe and on a terminal, and with what status it ends."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from tests.api_kit import CAPTION
from tests.live_kit import Live, eventually, live
from tests.process_kit import COMMAND, PATIENCE, environment
from tests.test_demo import all_of
from wiro_mock.api import find_profile
from wiro_mock.commands import watch_views
from wiro_mock.commands.group import wiro_mock
from wiro_mock.commands.watch_views import LiveView, View, answer_of
from wiro_mock.kernel.events import SECOND

LLM = "/v1/Run/openai/gpt-5-2"
SLOW = """
scenario: slow
about: Comes to one line, and waits.
steps: [{start: {}}, {print: one}, {hold: door}, {exit: 0}]
"""


@pytest.fixture(scope="module")
def auto() -> Iterator[Live]:
    """A server in virtual time, so that a task is over as soon as it is watched."""
    with live(poll=0) as running:
        yield running


def watch(running: Live, *words: str) -> Result:
    """The command in this process."""
    line = ["watch", *words, "--server", running.thread.url]
    return CliRunner().invoke(wiro_mock, line, prog_name="wiro-mock")


def begun(running: Live, *words: str, stdout: int = subprocess.PIPE, **env: str) -> subprocess.Popen[bytes]:
    """The command as a process of its own."""
    line = [*COMMAND, "watch", *words, "--server", running.thread.url]
    return subprocess.Popen(line, stdout=stdout, stderr=subprocess.PIPE, env=environment(**env))


def names(output: str) -> list[str]:
    return re.findall(r"^\+\d+\.\d{3}s (\S+)", output, re.MULTILINE)


@pytest.mark.parametrize("by", [0, 1], ids=["id", "token"])
def test_a_pipe_gets_one_line_per_frame_and_status_0(auto: Live, by: int) -> None:
    """With the seconds, the type, and what there is to say."""
    result = watch(auto, auto.run()[by])
    assert (result.exit_code, result.stderr) == (0, "")
    shown = names(result.stdout)
    assert shown[:2] == ["connected", "task_queue"]
    assert shown[-1] == "task_postprocess_end"
    assert " 60% 3/5 2.0 it/s, 1s left" in result.stdout
    assert "exit code 0; 0.txt (text/plain, 75 bytes) http://" in result.stdout.splitlines()[-1]
    auto.check_clean()


@pytest.mark.parametrize(
    ("scenario", "last"),
    [("failure", "task_postprocess_end"), ("killed-while-running", "task_cancel")],
)
@pytest.mark.parametrize("profile", ["current", "2026-04"])
def test_a_task_that_failed_or_was_cancelled_gives_status_1(scenario: str, last: str, profile: str) -> None:
    """Also where the wire does not say so, as in April 2026: then the control API does."""
    with live(poll=0, profile=find_profile(profile)) as running:
        running.world.use(scenario)
        result = watch(running, running.run()[1])
        assert (result.exit_code, names(result.stdout)[-1]) == (1, last)
        running.world.use_none()
        assert watch(running, running.run()[1]).exit_code == 0


def test_an_answer_is_shown_as_it_grows(auto: Live) -> None:
    """Of each snapshot what is new; joined, that is the whole of it."""
    task_id, token = auto.run(LLM, prompt="Tell me of cats")
    result = watch(auto, token)
    assert result.exit_code == 0
    pieces = re.findall(r"task_output +(thinking|answer): (.*)", result.stdout)
    (output,) = auto.detail(task_id)["outputs"]
    for kind, whole in (("thinking", output["content"]["thinking"]), ("answer", output["content"]["answer"])):
        told = "".join(text for name, text in pieces if name == kind)
        assert told.replace("\\n", "\n") == whole[0]
    assert len(pieces) >= 5
    assert re.search(r"an answer that ended by stop, \d+ tokens$", result.stdout)


def test_a_token_that_no_task_has_yet_is_waited_for() -> None:
    """And said to be."""
    with live(poll=0) as first:
        _, token = first.run()
    with live(poll=0) as running:
        process = begun(running, token)
        eventually(lambda: running.world.frames.frames[-1:] and running.world.frames.frames[-1].direction == "in")
        running.run()
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, names(output.decode())[-1]) == (0, "task_postprocess_end")
    assert errors.decode() == "no task has this token yet; its frames come as soon as it is run\n"


def test_wrong_usage_and_a_server_that_is_not_there_give_status_2(auto: Live) -> None:
    """In one sentence, with the way out."""

    def told(task: str, server: str) -> str:
        result = CliRunner().invoke(wiro_mock, ["watch", task, "--server", server], prog_name="wiro-mock")
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        return result.stderr

    url = auto.thread.url
    assert told("99", url) == "wiro-mock: no task '99' here; GET /__wiro/tasks lists them\n"
    assert "cannot be reached" in told("99", "http://127.0.0.1:9")
    assert "is `wiro-mock serve` running there?" in told("token", "http://127.0.0.1:9")
    assert "is no address" in told("token", "ftp://127.0.0.1:9")
    assert "is no address" in told("token", "localhost")
    assert "/elsewhere refused a socket with HTTP 404" in told("token", f"{url}/elsewhere")


def test_a_server_that_goes_away_gives_status_2() -> None:
    """What became of the task is not known then."""
    with live(scenarios=SLOW, time="100x") as running:
        running.world.use("slow")
        process = begun(running, running.run()[1], PYTHONUNBUFFERED="1")
        assert process.stdout is not None
        while b"one" not in process.stdout.readline():
            assert process.poll() is None
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert b"before the task had ended" in errors


def test_ctrl_c_gives_status_130() -> None:
    """Without a traceback."""
    with live(scenarios=SLOW, time="100x") as running:
        running.world.use("slow")
        process = begun(running, running.run()[1], PYTHONUNBUFFERED="1")
        assert process.stdout is not None
        while b"one" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, errors.strip()) == (130, b"")
        running.check_clean()


def test_a_terminal_sees_a_bar_that_moves_and_an_answer_that_grows() -> None:
    """Written over one line, also while nothing comes; what has been thought is dim."""
    with live(time="manual", poll=0) as running:
        screens = []
        for path in (CAPTION, LLM):
            _, token = running.run(path, prompt="Tell me of cats")
            terminal, behind = pty.openpty()
            process = begun(running, token, stdout=behind, TERM="xterm", LC_ALL="C.UTF-8")
            os.close(behind)
            waiting = b""
            while waiting.count(b"\r\x1b[2K") < 6:  # the welcome, the queue, and a spinner that turns
                waiting += os.read(terminal, 65536)
            running.world.jump(running.world.sim.now + 3600 * SECOND)
            screens.append(all_of(terminal, waiting))
            os.close(terminal)
            assert (process.wait(PATIENCE), process.communicate()[1]) == (0, b"")
    bar, answer = screens
    assert bar.count("\r\x1b[2K") > 10
    assert "100% 5/5" in bar
    assert "━" in bar
    thought = re.search(r"thinking {10,}(.*?)\x1b\[36manswer ", answer, re.DOTALL)
    assert thought
    dim = "".join(re.findall(r"\x1b\[2m([^\x1b\r]*)\x1b\[0m", thought[1]))
    assert dim.startswith("The user wants")
    assert "\x1b[2mThis" not in answer


def test_frames_that_no_client_understands_are_shown_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """In either view; nothing of them reaches the terminal as it is."""
    for view in (View(), LiveView(80)):
        view.unreadable(1, "{broken\x1b[2J")
        view.binary(1, b"x" * 9600)
        view.frame(1, {"type": "task_new", "message": {"percentage": "many"}, "id": "1"})
        view.frame(1, {"type": "task_output", "message": {"thinking": "no list", "answer": [1, None]}})
        view.frame(1, {"type": "task_output", "message": {"segments": [None, {"text": 1}, {"type": "answer"}]}})
        view.frame(1, {"type": "task_postprocess_end", "message": [None, {"content": 3}]})
        view.frame(1, {"type": "task_cost", "turnCost": 0.002, "cumulativeCost": 0.012})
        view.frame(1, {"type": "task_error", "message": "\x1b]0;title\x07"})
        told = capsys.readouterr().out
        assert "\x1b[2J" not in told
        assert "\x1b]0" not in told
        assert r"{broken\x1b[2J" in told
        assert "0.2" in told
        assert "turnCost=0.002 cumulativeCost=0.012" in told


def test_an_answer_that_does_not_continue_is_told_anew() -> None:
    """As after a repeated or reordered frame."""
    view = View()
    assert list(view._grown([("thinking", "a")])) == [("thinking", "a")]
    assert list(view._grown([("thinking", "ab"), ("answer", "c")])) == [("thinking", "b"), ("answer", "c")]
    assert list(view._grown([("thinking", "ab"), ("answer", "c")])) == []
    assert list(view._grown([("thinking", "a")])) == [("thinking", "a")]
    assert list(view._grown([])) == []


def test_both_forms_of_an_answer_are_read() -> None:
    """Segments, and the older lists, in pairs."""
    call = {"type": "function_call", "name": "weather", "arguments": "{}"}
    assert answer_of({"segments": [{"type": "thinking", "text": "t"}, call]}) == [
        ("thinking", "t"),
        ("call weather", "{}"),
    ]
    lists = {"thinking": ["a", "b"], "answer": ["c"]}
    assert answer_of(lists) == [("thinking", "a"), ("answer", "c"), ("thinking", "b")]
    assert answer_of({"percentage": "3"}) is None
    assert answer_of("text") is None


def test_no_colours_where_none_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """`NO_COLOR`, a dumb terminal, a pipe."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert type(watch_views.view()) is View
