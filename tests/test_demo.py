"""`wiro-mock demo`, once as a pipe sees it, once as a terminal does, once cut short; all three at the same time."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api_kit import make_world, run
from tests.process_kit import COMMAND, PATIENCE, environment
from wiro_mock.kernel.events import SECOND

FRAMES = [
    "task_queue",
    "task_accept",
    "task_preprocess_start",
    "task_preprocess_end",
    "task_assign",
    "task_start",
    *["task_output"] * 6,
    "task_output_full",
    "task_end",
    "task_postprocess_start",
    "task_postprocess_end",
]
NOWHERE = "http://127.0.0.1:9"
"""A proxy that does not exist: what is led to it fails."""


@dataclass
class Played:
    """A demo that has ended."""

    status: int
    output: str
    errors: str
    home: Path


def begin(home: Path, stdout: int) -> subprocess.Popen[bytes]:
    home.mkdir()
    env = environment(HOME=str(home), HTTP_PROXY=NOWHERE, http_proxy=NOWHERE, ALL_PROXY=NOWHERE, TERM="xterm")
    process = [*COMMAND, "demo"]
    return subprocess.Popen(process, stdout=stdout, stderr=subprocess.PIPE, env=env | {"LC_ALL": "C.UTF-8"}, cwd=home)


def end(process: subprocess.Popen[bytes], home: Path) -> Played:
    output, errors = process.communicate(timeout=PATIENCE)
    return Played(process.returncode, (output or b"").decode(), errors.decode(), home)


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Played]]:
    """All demos of this module, played at once."""
    folder = tmp_path_factory.mktemp("demos")
    terminal, behind = pty.openpty()
    piped = begin(folder / "piped", subprocess.PIPE)
    seen = begin(folder / "seen", behind)
    cut = begin(folder / "cut", subprocess.PIPE)
    os.close(behind)
    try:
        cut_short = interrupted(cut, folder / "cut")
        screen = all_of(terminal)
        yield {
            "piped": end(piped, folder / "piped"),
            "seen": Played(seen.wait(PATIENCE), screen, "", folder / "seen"),
            "cut": cut_short,
        }
    finally:
        os.close(terminal)
        for process in (piped, seen, cut):
            process.kill()
            process.communicate()


def interrupted(process: subprocess.Popen[bytes], home: Path) -> Played:
    """Ctrl-C as soon as the task waits in the queue."""
    assert process.stdout is not None
    while not process.stdout.readline().startswith(b"task_queue"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    return end(process, home)


def all_of(terminal: int, before: bytes = b"") -> str:
    """What is written to a terminal until nobody has it open any more, after what was read before."""
    pieces = [before]
    try:
        while piece := os.read(terminal, 65536):
            pieces.append(piece)
    except OSError:  # how Linux says that the other side is closed
        pass
    return b"".join(pieces).decode()


def test_the_demo_succeeds(demos: dict[str, Played]) -> None:
    """Status 0, nothing on stderr, through no proxy, and nothing is left behind."""
    for played in (demos["piped"], demos["seen"]):
        assert (played.status, played.errors) == (0, "")
    for played in demos.values():
        assert list(played.home.iterdir()) == []


def test_its_task_takes_some_six_seconds() -> None:
    """The demo's own time is real, and a busy machine's is another, so its plan is looked at."""
    world = make_world()
    task_id, _ = run(world)
    world.jump(world.sim.now + 60 * SECOND)
    log = world.sim.log(task_id)
    assert 5 * SECOND < log[-1].at - log[0].at < 7 * SECOND


def test_a_pipe_gets_one_line_per_frame(demos: dict[str, Played]) -> None:
    """Beginning with its type, in order; and no other line begins like one."""
    lines = demos["piped"].output.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("task_")] == FRAMES
    assert sum(line.startswith("connected ") for line in lines) == 1
    assert any(line.startswith("task_output percentage=60 ") for line in lines)
    assert "\x1b" not in demos["piped"].output


def test_the_timeline_begins_with_instants(demos: dict[str, Played]) -> None:
    """One row for each kind of frame in a row; instants never decrease."""
    rows = re.findall(r"^ +\+(\d+\.\d{3})s (task_\w+)", demos["piped"].output, re.MULTILINE)
    assert [name for _, name in rows] == list(dict.fromkeys(FRAMES))
    instants = [float(instant) for instant, _ in rows]
    assert instants == sorted(instants)


def test_the_demo_teaches_what_a_client_does(demos: dict[str, Played]) -> None:
    """The requests, the formula of the signature, the sum of the bill, the result, and what to do next."""
    output = demos["piped"].output
    for lesson in (
        "/v1/Run/moondream3-preview/caption",
        "HMAC-SHA256(key: API key 'demo-key', message: API secret + nonce",
        '{"type": "task_info", "tasktoken": "',
        "/v1/Task/Detail",
        "= totalcost 0.00",
        "0.txt, text/plain",
        '"A tabby cat lies asleep on a sunlit windowsill beside a small potted plant."',
        "Next: wiro-mock serve",
    ):
        assert lesson in output


def test_a_terminal_sees_it_live(demos: dict[str, Played]) -> None:
    """A line that is written over and over, colours, a bar that fills, and the same frames."""
    screen = demos["seen"].output
    assert screen.count("\r\x1b[2K") > len(FRAMES)
    assert "100%" in screen
    plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", screen)
    assert re.findall(r"● (task_\w+)", plain) == [
        name for name in dict.fromkeys(FRAMES) for _ in range(1 + (name == "task_output"))
    ]
    assert "“A tabby cat" in screen


def test_ctrl_c_ends_the_demo_cleanly(demos: dict[str, Played]) -> None:
    """No traceback; the status that shells give to an interrupted program; and before the task's end."""
    assert (demos["cut"].status, demos["cut"].errors.strip()) == (130, "")
    assert FRAMES[-1] not in demos["cut"].output
