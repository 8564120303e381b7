"""Our captioner in detail, through each door: what it asks for, when it stops, how often it looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from wiro_mock import WiroMock

from captioner.errors import TimedOut, WiroError
from captioner.polling import Captioner

CAT = "https://example.com/cat.png"


def test_a_task_that_waits_is_cancelled(wiro: WiroMock, captioner: Captioner) -> None:
    with wiro.hold("task_accept"):
        started = captioner.start(CAT)
        assert captioner.look(started.task_id).status == "task_queue"
        captioner.stop(started.task_id)
    assert wiro.tasks[-1].status == "task_cancel"


def test_a_task_that_works_is_killed(wiro: WiroMock, captioner: Captioner) -> None:
    with wiro.hold("task_output", nth=3):
        started = captioner.start(CAT)
        assert captioner.look(started.task_id).status == "task_output"
        captioner.stop(started.task_id)
    assert wiro.tasks[-1].status == "task_cancel"


def test_a_task_that_never_starts_is_given_up(wiro: WiroMock, captioner: Captioner) -> None:
    wiro.patch_sleep("captioner.polling")
    wiro.use("never-starts")
    captioner.patience = 60
    with pytest.raises(TimedOut, match="was still in task_queue after 60 s"):
        captioner.caption(CAT)
    assert wiro.tasks[-1].status == "task_cancel"


def test_a_cancelled_task_is_not_waited_for(wiro: WiroMock, captioner: Captioner) -> None:
    wiro.patch_sleep("captioner.polling")
    wiro.use("cancelled-in-queue")
    with pytest.raises(WiroError):
        captioner.caption(CAT)
    wiro.assert_polled(at_most=2)


@pytest.mark.wiro(time="manual")
def test_it_looks_every_two_seconds(wiro: WiroMock, captioner: Captioner) -> None:
    wiro.patch_sleep("captioner.polling")
    captioner.caption(CAT)
    wiro.assert_polled(at_least=3, at_most=5, min_interval="2s")


@pytest.mark.wiro(time="manual")
def test_a_busy_hour_in_no_time(wiro: WiroMock, captioner: Captioner) -> None:
    wiro.use("slow-queue")
    started = captioner.start(CAT)
    wiro.jump("1m")
    assert captioner.look(started.task_id).status == "task_queue"
    wiro.jump_to(wiro.tasks[-1], "task_start")
    assert captioner.look(started.task_id).status == "task_start"
    wiro.jump("1h")
    assert captioner.download(captioner.look(started.task_id)) == "It was worth the wait."


def test_one_upload_serves_two_runs(wiro: WiroMock, captioner: Captioner, cat: Path) -> None:
    address = captioner.upload(cat)
    for length in ("short", "long"):
        captioner.caption(address, length=length)
    assert [task.parameters["inputImage"] for task in wiro.tasks] == [address, address]
    assert [picture.read() for picture in wiro.uploads] == [cat.read_bytes()]


@pytest.mark.real
def test_a_run_without_a_picture_never_leaves_the_house(wiro: WiroMock, captioner: Captioner, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        captioner.caption(tmp_path / "nothing.png")
    wiro.assert_not_called()


@pytest.mark.real
def test_nothing_is_left_behind(wiro: WiroMock, captioner: Captioner) -> None:
    captioner.caption(CAT)
    wiro.assert_no_leaks()


@pytest.mark.real
def test_the_parameters_are_ours(wiro: WiroMock, captioner: Captioner) -> None:
    captioner.caption(CAT, length="short")
    wiro.assert_ran("moondream3-preview/caption", inputImage=CAT, length="short")
