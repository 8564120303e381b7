"""Scenarios read anew while a server runs: all of them or none, told in counts, and nothing that runs is disturbed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_kit import CAPTION, make_world
from tests.live_kit import Live, live
from tests.process_kit import serving
from wiro_mock.loader import Library

OLD = "scenario: mine\nabout: Mine.\nmatch: {model: '*'}\nsteps: [{start: 1s}, {print: old}, {exit: 0}]\n"
NEW = OLD.replace("old", "new")
BROKEN = NEW.replace("exit: 0", "exxit: 0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(OLD)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Live]:
    """A server whose scenarios are not watched: what changes, changes by a reload."""
    with live(time="manual") as running:
        running.world.casting = running.world.casting.with_library(Library(folder, watch=False))
        yield running


def said(running: Live, task_id: str) -> str:
    """What a task has printed in the end."""
    running.world.skip(60 * 10**6)
    return str(running.detail(task_id)["debugoutput"])


def test_runs_that_have_begun_keep_their_scenario(server: Live, folder: Path) -> None:
    """And the next one plays the new one. The counts are told, and that a task was running."""
    begun, _ = server.run(CAPTION)
    (folder / "mine.yaml").write_text(NEW)
    (folder / "models").mkdir()
    told = server.http.post("/__wiro/reload")
    assert told.status_code == 200
    assert (told.json()["reloaded"], told.json()["unfinished"], told.json()["broken"]) == (True, 1, [])
    assert told.json()["lines"] == [f"reloaded 1 scenario from {folder}"]
    after, _ = server.run(CAPTION)
    assert (said(server, begun), said(server, after)) == ("old", "new")
    assert server.told[-1] == f"reloaded 1 scenario from {folder}"


def test_a_broken_file_keeps_all_that_was_there(server: Live, folder: Path) -> None:
    """409 with file and line. Not even the files that are sound are taken; mended, all of them are."""
    (folder / "another.yaml").write_text(OLD.replace("mine", "another").replace("old", "another"))
    (folder / "mine.yaml").write_text(BROKEN)
    told = server.http.post("/__wiro/reload")
    assert told.status_code == 409
    (complaint,) = told.json()["broken"]
    assert complaint.startswith(f"{folder / 'mine.yaml'}:4:")
    assert "did you mean" in complaint
    assert told.json()["lines"] == [f"kept the last good scenarios: {complaint}"]
    assert "another" not in [one["scenario"] for one in server.admin("/scenarios")["scenarios"]]
    assert server.admin("/scenarios")["broken"] == [complaint]
    assert said(server, server.run(CAPTION)[0]) == "old"
    (folder / "mine.yaml").write_text(NEW)
    assert server.http.post("/__wiro/reload").json()["lines"] == [f"reloaded 2 scenarios from {folder}"]
    assert "another" in [one["scenario"] for one in server.admin("/scenarios")["scenarios"]]


def test_what_was_asked_for_by_name_plays_what_has_that_name_now(folder: Path) -> None:
    """Watched or reloaded; a scenario that has gone is played on by whoever asked for it."""
    world = make_world()
    world.casting = world.casting.with_library(Library(folder))
    world.use("mine")
    (folder / "mine.yaml").write_text(NEW + "# longer, so that it is another file\n")
    world.casting.refresh()
    (use,) = world.uses
    assert "new" in repr(use.scenarios[0])
    (folder / "mine.yaml").unlink()
    world.casting.refresh()
    assert "new" in repr(use.scenarios[0])


def test_a_server_without_files_of_its_own_says_so() -> None:
    """Nothing fails, and nothing is claimed."""
    with live() as running:
        told = running.http.post("/__wiro/reload").json()
        assert told["lines"] == ["there are no scenarios of your own to be reloaded"]
        assert running.http.get("/__wiro/reload").status_code == 405


def test_sighup_reloads_a_server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As servers do; it goes on serving, and says on stderr what it has read, or what is broken."""
    with serving(tmp_path_factory.mktemp("server"), "--scenarios", str(folder)) as server:
        (folder / "mine.yaml").write_text(BROKEN)
        server.process.send_signal(signal.SIGHUP)
        assert "kept the last good scenarios" in server.said("mine.yaml:4")
        (folder / "mine.yaml").write_text(NEW)
        server.process.send_signal(signal.SIGHUP)
        assert f"reloaded 1 scenario from {folder}" in server.said("reloaded 1 scenario")
        assert server.stop() == (0, "")
