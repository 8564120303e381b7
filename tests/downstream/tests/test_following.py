"""Over the socket: words, progress and the end, as they come."""

from __future__ import annotations

import threading

import pytest
from wiro_mock import Served, WiroMock

from captioner.bugs import plant
from captioner.conduct import Story
from captioner.errors import TaskFailed
from captioner.following import Follower
from captioner.polling import Captioner

CAT = "https://example.com/cat.png"


@pytest.fixture
def follower(captioner: Captioner, wiro_server: Served, bug: str) -> Follower:
    """Starts its tasks through each door, in process too, and follows them over a real socket."""
    return plant(bug, Follower)(captioner, wiro_server.socket_url)


@pytest.mark.real
def test_words_come_as_they_are_said(wiro: WiroMock, follower: Follower) -> None:
    heard: list[str] = []
    assert follower.caption(CAT, lambda story: heard.append(story.text), length="long") == "Two cats on a wall."
    assert heard == sorted(heard, key=len)
    assert {"Two", "Two cats", "Two cats on"} < set(heard)


@pytest.mark.real
def test_the_text_is_not_said_twice(wiro: WiroMock, follower: Follower) -> None:
    story = follower.follow(follower.captioner.start(CAT, length="long"))
    assert story.text == "Two cats on a wall."


@pytest.mark.real
def test_progress_and_warnings_are_told_apart_from_words(wiro: WiroMock, follower: Follower) -> None:
    story = follower.follow(follower.captioner.start(CAT, length="long"))
    assert story.percentages == [50, 100]
    assert story.warnings == ["UserWarning: this image has an alpha channel"]


def test_only_the_exit_code_tells_success(wiro: WiroMock, follower: Follower) -> None:
    wiro.use("failure")
    story = follower.follow(follower.captioner.start(CAT))
    assert (story.ended, story.exit_code) == ("task_postprocess_end", 1)


def test_a_failure_is_an_error(wiro: WiroMock, follower: Follower) -> None:
    wiro.use("failure")
    with pytest.raises(TaskFailed):
        follower.caption(CAT)


@pytest.mark.real
def test_the_socket_is_left_at_the_end(wiro: WiroMock, follower: Follower) -> None:
    follower.caption(CAT)
    wiro.assert_no_leaks()


def test_half_a_sentence_can_be_looked_at(wiro: WiroMock, follower: Follower) -> None:
    story = Story()
    with wiro.hold("stream", nth=3):
        started = follower.captioner.start(CAT, length="long")
        listening = threading.Thread(target=follower.follow, args=(started,), kwargs={"story": story})
        listening.start()
        wiro.frames.wait_for("task_output", count=4)
        assert wiro.tasks[-1].status == "task_output"
    listening.join()
    assert story.ended == "task_postprocess_end"


@pytest.mark.real
def test_a_task_that_is_over_is_still_told_of(wiro: WiroMock, follower: Follower) -> None:
    started = follower.captioner.start(CAT)
    follower.captioner.wait(started)
    assert follower.follow(started).exit_code == 0
