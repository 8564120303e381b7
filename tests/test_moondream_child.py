"""Our own engine as a child process: waited for, started again, told of, never left behind. And `serve` with both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.api_kit import make_world
from tests.engine_kit import Exchange, engine, well
from tests.live_kit import eventually, get, post
from tests.process_kit import serving
from tests.test_moondream_endpoint import CAPTION, PNG, ended, start
from tests.test_serve import signed
from wiro_mock.backends import child, moondream
from wiro_mock.backends.child import ChildEngine
from wiro_mock.casting import Standing
from wiro_mock.commands.group import wiro_mock
from wiro_mock.mock import World

FAKE = [sys.executable, "-m", "tests.fake_engine"]


@contextmanager
def engined(told: list[str], *arguments: str) -> Iterator[tuple[World, ChildEngine]]:
    """A world behind a child, which is a fake."""
    with ChildEngine([*FAKE, *arguments], told.append) as made:
        standing = Standing(name="moondream", model=moondream.MODELS, backend=moondream.behind(made))
        world = make_world(standing=[standing], tell=told.append)
        try:
            yield world, made
        finally:
            world.close()


def is_gone(pid: int | None) -> bool:
    """Whether there is no such process (any more)."""
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_run_waits_for_the_child_to_load_and_the_child_ends_with_the_block() -> None:
    """The wait is in task_assign; afterwards no process is left."""
    with engined([], "well") as (world, made):
        assert ended(world, start(world)).debugoutput == CAPTION
        pid = made.pid
    assert is_gone(pid)


def test_a_child_that_cannot_load_fails_runs_with_its_own_words() -> None:
    """It is not tried again: nothing would be different."""
    told: list[str] = []
    with engined(told, "refuses") as (world, _):
        task = ended(world, start(world))
        reason = "the engine ended with status 1: no weights in /tmp/x; --weights is their folder"
        assert (task.exit_code, task.stderr) == (1, reason)
        eventually(lambda: f"{reason}; runs of moondream3-preview fail from now on" in told)
        assert "engine: no weights in /tmp/x; --weights is their folder" in told
        assert ended(world, start(world)).stderr == reason


def test_a_child_whose_device_breaks_is_started_again(tmp_path: Path) -> None:
    """The request that met it fails; the next one waits for the new process."""
    told: list[str] = []
    with engined(told, "breaks", str(tmp_path)) as (world, made):
        first = ended(world, start(world))
        assert first.exit_code == 1
        assert "broke off" in first.stderr or "closed the stream" in first.stderr
        eventually(
            lambda: any("status 70: CUDA error: device-side assert; it is started again" in line for line in told)
        )
        second = ended(world, start(world))
        assert second.exit_code == 1
        eventually(lambda: sum("it is started again" in line for line in told) == 2)
        assert ended(world, start(world)).debugoutput == CAPTION
        assert not is_gone(made.pid)


def test_a_picture_that_crashes_the_engine_does_not_restart_it_for_ever(tmp_path: Path) -> None:
    """Each crash was the first: the count began anew with every run that was given the address, not with answers."""
    told: list[str] = []
    over = "runs of moondream3-preview fail from now on"
    with engined(told, "always-breaks", str(tmp_path)) as (world, _):
        for crashes in range(1, child.MOST_CRASHES + 1):
            ended(world, start(world))
            fate = "it is started again" if crashes < child.MOST_CRASHES else over
            seen = 1 if fate == over else crashes
            eventually(lambda fate=fate, seen=seen: sum(fate in line for line in told) == seen)  # type: ignore[misc]
        assert ended(world, start(world)).stderr == "the engine ended with status 70: CUDA error: device-side assert"
        assert sum("it is started again" in line for line in told) == child.MOST_CRASHES - 1


def test_an_answer_makes_the_next_crash_the_first() -> None:
    """An engine that breaks now and then is worth starting again."""
    with engined([], "well") as (world, made):
        made._crashes = child.MOST_CRASHES - 1
        assert ended(world, start(world)).debugoutput == CAPTION
        assert made._crashes == 0


def test_a_kill_ends_the_wait_for_a_child_that_is_loading() -> None:
    """It is what `on_cancel` is for."""
    script = "import sys; sys.stdin.read()"
    made = ChildEngine([sys.executable, "-c", script], lambda line: None)
    standing = Standing(name="moondream", model=moondream.MODELS, backend=moondream.behind(made))
    with made:
        world = make_world(standing=[standing])
        task_id = start(world)
        eventually(lambda: world.sim.task(task_id).status == "task_assign")  # type: ignore[union-attr]
        with world.lock:
            world.sim.kill(task_id)
            world.collect()
        eventually(lambda: not world.live._over or not world.live.stuck)
        eventually(lambda: all(run.join(0) for run in world.live._over))
        world.close()


def test_a_child_does_not_survive_whoever_started_it() -> None:
    """Its stdin ends, however its parent ends: here by SIGKILL."""
    code = (
        "import sys, time\n"
        "from wiro_mock.backends.child import ChildEngine\n"
        f"made = ChildEngine({[*FAKE, 'well']!r}, print).__enter__()\n"
        "while made._endpoint is None: time.sleep(0.01)\n"
        "print(made.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.kill()
    eventually(lambda: is_gone(pid))


def test_the_command_is_that_of_our_engine_server() -> None:
    """On a free port, and to end with us."""
    assert child.command("/w", "--engine", "torch")[1:] == [
        *("-m", "wiro_mock", "moondream", "serve", "--weights", "/w", "--port", "0", "--stop-at-eof"),
        *("--grace", "3", "--engine", "torch"),
    ]


# -- serve -------------------------------------------------------------------------------------------------


def test_serve_with_an_endpoint(tmp_path: Path) -> None:
    """The whole path between processes: a form over REST, the engine, the file of the CDN; a kill frees the engine."""
    with engine() as fake, serving(tmp_path, "--moondream-endpoint", fake.url, "--time", "auto") as server:
        answer = post(
            f"{server.api}/Run/moondream3-preview/caption",
            headers=signed(server),
            files={"inputImage": ("cat.png", PNG, "image/png")},
            data={"length": "short"},
        ).json()

        def detail() -> dict[str, object]:
            shape = post(f"{server.api}/Task/Detail", headers=signed(server), json={"taskid": answer["taskid"]})
            task: dict[str, object] = shape.json()["tasklist"][0]
            return task

        eventually(lambda: detail()["status"] == "task_postprocess_end")
        done = detail()
        assert (done["pexit"], done["debugoutput"]) == ("0", CAPTION)
        (output,) = done["outputs"]  # type: ignore[misc]
        assert get(output["url"]).text == CAPTION  # type: ignore[has-type]
        assert fake.asked[0].body["length"] == "short"

        def silent(exchange: Exchange) -> None:
            exchange.wait_for_the_client_to_go()
            fake.conduct = well

        fake.conduct = silent
        answer = post(
            f"{server.api}/Run/moondream3-preview/caption",
            headers=signed(server),
            files={"inputImage": ("cat.png", PNG, "image/png")},
        ).json()
        eventually(lambda: detail()["status"] == "task_assign")
        post(f"{server.api}/Task/Kill", headers=signed(server), json={"taskid": answer["taskid"]})
        assert detail()["status"] == "task_cancel"
        eventually(lambda: fake.conduct is well)
        assert server.stop(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--moondream-endpoint", "gpu:2020"),
            "--moondream-endpoint: 'gpu:2020' is no endpoint; write it like http://127.0.0.1:2020/v1",
        ),
        (
            ("--moondream-endpoint", "http://x", "--moondream", "/w"),
            "--moondream starts an engine and --moondream-endpoint names another; give one of them",
        ),
        (
            ("--moondream-with", "--engine torch"),
            "--moondream-with is for the engine that --moondream WEIGHTS starts; give that, too",
        ),
        (
            ("--moondream", "/w", "--moondream-with", "'open"),
            "--moondream-with: no closing quotation; close the quotes",
        ),
        (
            ("--moondream", "/nowhere"),
            "--moondream: there is no folder '/nowhere'; it takes a folder of weights, or owner/name in the hub's "
            "cache",
        ),
    ],
)
def test_options_that_contradict_each_other(options: tuple[str, ...], sentence: str) -> None:
    """One sentence, before anything is started."""
    done = CliRunner().invoke(wiro_mock, ["serve", "--port", "0", *options], prog_name="wiro-mock")
    assert (done.exit_code, done.stderr) == (2, f"wiro-mock: {sentence}\n")
