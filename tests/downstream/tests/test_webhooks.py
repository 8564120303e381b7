"""Where Wiro calls us back: what it would post is there to be read, whether or not anybody listens."""

from __future__ import annotations

import pytest
from wiro_mock import WiroMock

from captioner.errors import TaskFailed
from captioner.polling import Captioner

CAT = "https://example.com/cat.png"
OURS = "https://captions.example/done"


def test_the_callback_shows_the_finished_task(wiro: WiroMock, captioner: Captioner) -> None:
    finished = captioner.wait(captioner.start(CAT, callbackUrl=OURS))
    (delivery,) = wiro.deliveries
    assert delivery.url == OURS
    assert captioner.task(delivery.json) == finished


def test_the_callback_of_a_failure_tells_the_exit_code(wiro: WiroMock, captioner: Captioner) -> None:
    wiro.use("failure")
    captioner.wait(captioner.start(CAT, callbackUrl=OURS))
    with pytest.raises(TaskFailed):
        captioner.check(captioner.task(wiro.deliveries[-1].json))
