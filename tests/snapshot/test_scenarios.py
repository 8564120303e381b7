"""What a saved world plays goes along with it: files as they were read, the files beside them, and what Python made."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.api_kit import CAPTION, make_world, post, run
from tests.snapshot.kit import loaded, saved
from wiro_mock.api import Request
from wiro_mock.api.auth import sign
from wiro_mock.kernel import events as e
from wiro_mock.library import WiroMock
from wiro_mock.loader import Library
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World

MINE = """
scenario: mine
about: Makes a file that lies beside it.
match: {model: "*/caption"}
steps: [{start: 1s}, {print: mine}, {produce: {file: beside/cat.txt}}, {exit: 0}]
"""
MODEL = """
model: me/anything
id: "90001"
kind: text
cps: "0.001"
"""
SET = "fault_set: my-day\nfaults: [{on: Task/Detail, do: {status: 418}, times: 1}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    for name, text in {
        "mine.yaml": MINE,
        "beside/cat.txt": "a cat",
        "models/me.yaml": MODEL,
        "faults/day.yaml": SET,
        "not.txt": "of no use",
    }.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    return made


def world_with(*folders: Path | str, **more: Any) -> World:
    made = make_world(**more)
    made.casting = made.casting.with_library(Library(*folders))
    return made


def printed(world: World, path: str = CAPTION) -> str:
    """What a run prints in the end."""
    task_id, _ = run(world, path=path)
    world.skip(60 * 10**6)
    (shape,) = post(world, "/v1/Task/Detail", {"taskid": task_id}).json["tasklist"]
    return str(shape["debugoutput"])


def without(folder: Path) -> None:
    """The folder is not there."""
    folder.rename(folder.with_name("gone"))


def test_a_world_takes_its_scenarios_along(folder: Path) -> None:
    """YAML, the files beside it, models and fault sets: on a machine that has none of them."""
    data = saved(world_with(folder))
    without(folder)
    world = loaded(data, make_world())
    assert printed(world) == "mine"
    (file,) = world.sim.files
    assert world.blobs.read(file.blob) == b"a cat"
    assert "me/anything" in [model.name for model in world.catalog]
    world.arm_set("my-day")
    assert post(world, "/v1/Task/Detail", {"taskid": "1"}).status == 418
    assert saved(loaded(saved(world), make_world())) == saved(world)


def test_files_that_were_broken_since_do_no_harm(folder: Path) -> None:
    """What goes along is what was read, not what lies there now."""
    world = world_with(folder)
    (folder / "mine.yaml").write_text("scenario: [")
    (folder / "beside/cat.txt").write_text("a dog")
    world.casting.refresh()
    again = loaded(saved(world), make_world())
    assert printed(again) == "mine"
    assert [again.blobs.read(file.blob) for file in again.sim.files] == [b"a cat"]


def test_the_files_of_a_server_go_before_those_of_a_snapshot(folder: Path, tmp_path: Path) -> None:
    """They are what its user edits; and what all of is redefined is not carried along for ever."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.yaml").write_text("scenario: mine\nabout: x\nmatch: {model: '*'}\nsteps: [{print: own}, {exit: 0}]\n")
    data = saved(world_with(folder))
    world = loaded(data, world_with(own))
    assert printed(world) == "own"
    for _ in range(3):
        world = loaded(saved(world), world_with(own))
    # The models of the first are still of use; of the server's own, what was saved, and what lies there.
    assert len(world.casting.library.folders) == 3
    assert printed(world) == "own"


def test_a_single_file_goes_along(folder: Path) -> None:
    """As `--scenarios FILE` has it."""
    data = saved(world_with(folder / "mine.yaml"))
    without(folder)
    assert printed(loaded(data, make_world())) == "mine"


def test_an_old_scenario_that_is_still_asked_for_goes_along_in_its_words(folder: Path) -> None:
    """Its file has gone, and with it the file beside it; whoever asked for it plays it on."""
    world = world_with(folder)
    world.use("mine")
    (folder / "mine.yaml").unlink()
    world.casting.refresh()
    again = loaded(saved(world), make_world())
    assert printed(again) == "mine"
    assert [again.blobs.read(file.blob) for file in again.sim.files] == [b"a cat"]


# -- in process ----------------------------------------------------------------------------------------


def test_what_python_made_goes_along() -> None:
    """Scenarios, what was asked for, how often it has played; and the credentials of the test stay its own."""
    with WiroMock(time="manual", strict=False) as wiro, WiroMock(time="auto", seed=5, strict=False) as other:
        wiro.scenario(
            "mine", steps=[{"print": "made in Python"}, {"exit": 0}], match={"model": "*/caption"}, optional=True
        )
        wiro.use("failure", times=2, optional=True)
        run_in(wiro)
        key = other.api_key
        other.restore(wiro.snapshot())
        assert (other.api_key, other.time) == (key, "manual")
        assert [use.shown()["times"] for use in other.world.uses] == [1]
        run_in(other)
        assert run_in(other).scenario == "mine"
        assert [task.scenario for task in other.tasks] == ["failure", "failure", "mine"]
        other.restore(wiro.snapshot(), credentials=True)
        assert other.api_key == wiro.api_key


def run_in(wiro: WiroMock) -> Any:
    """A run, played to its end."""
    post_run(wiro)
    wiro.world.skip(60 * 10**6)
    return wiro.tasks[-1]


def test_a_test_goes_back_to_where_it_was(tmp_path: Path) -> None:
    """As often as it likes, from bytes or from a file; what it holds is let go."""
    path = tmp_path / "world.zip"
    with WiroMock(time="manual", strict=False) as wiro:
        run_in(wiro)
        before = wiro.snapshot(path)
        assert path.read_bytes() == before
        for again in (before, path, str(path)):
            with wiro.hold("task_start"):
                run_in(wiro)
                assert len(wiro.tasks) == 2
                wiro.restore(again)
            assert len(wiro.tasks) == 1
            assert not wiro.world.gates
        assert wiro.snapshot() == before


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (b"", "restore: the snapshot is no snapshot of wiro-mock, or not all of one"),
        ("none.zip", "restore: none.zip cannot be read: there is no such file; look at the path"),
        (5, "restore: give what wiro.snapshot() gave, or the path of a file, not 5"),
    ],
)
def test_misuse_is_said(what: Any, sentence: str) -> None:
    """In one sentence, at the line of the tester; the world is as it was."""
    with WiroMock(strict=False) as wiro:
        sim = wiro.world.sim
        with pytest.raises(Misuse) as caught:
            wiro.restore(what)
        assert str(caught.value).startswith(sentence)
        assert wiro.world.sim is sim
        with pytest.raises(Misuse, match=r"snapshot: .* cannot be written"):
            wiro.snapshot("/nowhere/at/all.zip")


def test_a_backend_that_was_at_work_is_given_up_with_the_reason() -> None:
    """What it had computed is gone; one whose turn has not come begins as it would have."""
    begun, go = threading.Event(), threading.Event()

    def slow(job: Any) -> Any:
        yield e.Output(message="so far")
        begun.set()
        go.wait(60)

    with WiroMock(time="manual", strict=False, workers=1) as wiro, WiroMock(time="manual", strict=False) as other:
        wiro.backend("*/caption", slow)
        other.backend("*/caption", lambda job: iter([e.Output(message="done elsewhere")]), optional=True)
        post_run(wiro)
        post_run(wiro)
        assert begun.wait(60)
        data = wiro.snapshot()
        go.set()
        other.restore(data)
        while other.world.live.wait(60):
            pass
        given_up, waited = other.world.sim.tasks()
        assert (given_up.exit_code, given_up.debugoutput) == (1, "so far")
        assert given_up.stderr == (
            "its backend 'backend-1' was at work when this world was saved, and its work is lost; run it again"
        )
        assert (waited.exit_code, waited.debugoutput) == (0, "done elsewhere")


def post_run(wiro: WiroMock) -> None:
    """A run, as far as it goes by itself."""
    headers = {"x-api-key": wiro.api_key, "x-nonce": "1", "x-signature": sign(wiro.api_key, wiro.api_secret, "1")}
    wiro.world.handle(Request(method="POST", path=CAPTION, headers=headers, origin="http://x"))
