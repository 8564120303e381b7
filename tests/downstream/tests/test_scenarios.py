"""Situations of our own: a folder that pytest's configuration names, and some that only one test needs."""

from __future__ import annotations

import pytest
from wiro_mock import WiroMock

from captioner.errors import TaskFailed
from captioner.polling import Captioner

CAT = "https://example.com/cat.png"


def test_our_folder_plays_by_itself(wiro: WiroMock, captioner: Captioner) -> None:
    assert captioner.caption(CAT, length="long") == "Two cats on a wall."
    assert wiro.tasks[-1].scenario == "wordy"


def test_a_situation_built_in_python(wiro: WiroMock, captioner: Captioner) -> None:
    shy = wiro.scenario("shy", steps=[{"start": "1s"}, {"stderr": "RuntimeError: no cat to be seen"}, {"exit": 3}])
    wiro.use(shy)
    with pytest.raises(TaskFailed, match="exited with 3: RuntimeError: no cat to be seen"):
        captioner.caption(CAT)


def test_each_picture_its_own_fate(wiro: WiroMock, captioner: Captioner) -> None:
    wiro.on_run(model="moondream3-preview/*", with_={"inputImage": "https://example.com/broken.png"}).use("failure")
    assert captioner.caption(CAT)
    with pytest.raises(TaskFailed):
        captioner.caption("https://example.com/broken.png")


def test_only_the_second_run_fails(wiro: WiroMock, captioner: Captioner) -> None:
    wiro.use("failure", nth=2)
    captioner.caption(CAT)
    with pytest.raises(TaskFailed):
        captioner.caption(CAT)
    captioner.caption(CAT)


@pytest.mark.wiro(scenario="empty-output")
def test_nothing_to_show(wiro: WiroMock, captioner: Captioner) -> None:
    assert captioner.caption(CAT) == ""
