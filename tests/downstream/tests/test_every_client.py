"""What all our clients promise, whichever library they use and whichever door they come through."""

from __future__ import annotations

from pathlib import Path

import pytest
from wiro_mock import WiroMock

from captioner.errors import NoCredit, OutOfMemory, TaskCancelled, TaskFailed, TooManyTasks, Unauthorized
from conftest import Caption

CAT = "https://example.com/cat.png"
ON_THE_SILL = "A tabby cat lies asleep on a sunlit windowsill beside a small potted plant."


@pytest.mark.real
def test_a_picture_gets_its_caption(wiro: WiroMock, caption: Caption) -> None:
    assert caption(CAT, length="short") == ON_THE_SILL
    wiro.assert_ran("moondream3-preview/caption", inputImage=CAT, length="short")
    wiro.assert_signed()
    wiro.assert_no_leaks()


def test_a_file_is_sent_along(wiro: WiroMock, caption: Caption, cat: Path) -> None:
    assert caption(cat) == ON_THE_SILL
    assert wiro.tasks[-1].parameters["inputImage"].read() == cat.read_bytes()


def test_a_failure_is_an_error(wiro: WiroMock, caption: Caption) -> None:
    wiro.use("failure")
    with pytest.raises(TaskFailed, match=r"(?s)exited with 1: .*ValueError: the input could not be processed"):
        caption(CAT)
    assert wiro.tasks[-1].exit_code == 1


def test_a_full_gpu_is_told_from_other_failures(wiro: WiroMock, caption: Caption) -> None:
    wiro.use("gpu-out-of-memory")
    with pytest.raises(OutOfMemory):
        caption(CAT)


def test_warnings_are_no_failure(wiro: WiroMock, caption: Caption) -> None:
    wiro.use("stderr-warnings")
    assert caption(CAT) == "A quiet street after the rain."


def test_when_busy_it_tries_again(wiro: WiroMock, caption: Caption) -> None:
    wiro.patch_sleep("captioner")
    wiro.use("concurrency-limit", "concurrency-limit", "caption")
    assert caption(CAT) == ON_THE_SILL


def test_when_always_busy_it_gives_up(wiro: WiroMock, caption: Caption) -> None:
    wiro.patch_sleep("captioner")
    wiro.use("concurrency-limit")
    with pytest.raises(TooManyTasks):
        caption(CAT)
    assert len(wiro.requests) == 4


def test_without_credit_it_gives_up_at_once(wiro: WiroMock, caption: Caption) -> None:
    wiro.use("insufficient-balance")
    with pytest.raises(NoCredit):
        caption(CAT)
    assert len(wiro.requests) == 1


@pytest.mark.parametrize("end", ["cancelled-in-queue", "killed-while-running"])
def test_a_task_that_somebody_else_stops_is_an_error(wiro: WiroMock, caption: Caption, end: str) -> None:
    wiro.use(end)
    with pytest.raises(TaskCancelled):
        caption(CAT)


def test_a_wrong_secret_is_told(caption: Caption, account: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRO_API_SECRET", "wrong")
    account.update(api_secret="wrong")
    with pytest.raises(Unauthorized):
        caption(CAT)
