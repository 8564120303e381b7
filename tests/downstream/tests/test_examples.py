"""A first look, one thing each; README shows these."""

from __future__ import annotations

import pytest
from wiro_mock import WiroMock

from captioner.errors import OutOfMemory, TaskCancelled, TimedOut
from captioner.following import Follower
from captioner.polling import Captioner
from captioner.with_requests import RequestsCaptioner

CAT = "https://example.com/cat.png"


# three doors


def test_httpx_in_process(wiro, wiro_respx):
    captioner = Captioner(wiro.api_key, wiro.api_secret)  # https://api.wiro.ai is written into it
    assert captioner.caption(CAT, length="short").startswith("A tabby cat")
    wiro.assert_ran("moondream3-preview/caption", length="short")


def test_any_library_over_real_sockets(wiro, wiro_server):
    with RequestsCaptioner(wiro.api_key, wiro.api_secret, wiro_server.url) as captioner:
        assert captioner.caption(CAT).startswith("A tabby cat")


def test_a_client_that_reads_the_environment(wiro, wiro_env):
    with Captioner() as captioner:
        assert captioner.caption(CAT).startswith("A tabby cat")


def test_started_in_process_and_followed_over_the_socket(wiro, wiro_respx, wiro_server):
    captioner = Captioner(wiro.api_key, wiro.api_secret)
    assert Follower(captioner, wiro_server.socket_url).caption(CAT).startswith("A tabby cat")


# what happens


@pytest.fixture
def captioner(wiro_env):
    with Captioner() as captioner:
        yield captioner


def test_the_gpu_is_full(wiro, captioner):
    wiro.use("gpu-out-of-memory")
    with pytest.raises(OutOfMemory):
        captioner.caption(CAT)
    assert wiro.tasks[-1].exit_code == 1


def test_busy_at_first(wiro, captioner):
    wiro.patch_sleep("captioner.polling")  # its pauses take no time
    wiro.use("concurrency-limit", "caption")  # the first run is refused with code 96, the next one works
    assert captioner.caption(CAT)


def test_a_situation_of_our_own(wiro, captioner):
    wiro.use(wiro.scenario("silent", steps=[{"start": "1s"}, {"exit": 0}]))
    assert captioner.caption(CAT) == ""


# when it happens


def test_cancelled_while_it_waits(wiro, captioner):
    with wiro.hold("task_accept"):
        task = captioner.start(CAT)
        captioner.stop(task.task_id)
    with pytest.raises(TaskCancelled):
        captioner.check(captioner.wait(task))


def test_nobody_ever_takes_the_task(wiro, captioner):
    wiro.patch_sleep("captioner.polling")
    wiro.use("never-starts")
    with pytest.raises(TimedOut):
        captioner.caption(CAT)
    assert wiro.tasks[-1].status == "task_cancel"


@pytest.mark.wiro(time="manual")
def test_two_minutes_in_the_queue(wiro, captioner):
    wiro.use("slow-queue")
    task = captioner.start(CAT)
    wiro.jump("1m")
    assert captioner.look(task.task_id).status == "task_queue"
    wiro.jump("1m30s")
    assert captioner.look(task.task_id).status == "task_postprocess_end"


# what happened


def test_a_picture_is_sent(wiro, captioner, cat):
    captioner.caption(cat, length="short")
    task = wiro.assert_ran("moondream3-preview/caption", length="short")
    assert task.parameters["inputImage"].read() == cat.read_bytes()


def test_a_picture_is_kept_for_many_runs(wiro, captioner, cat):
    address = captioner.upload(cat)
    assert (wiro.uploads[-1].name, wiro.uploads[-1].url) == ("cat.png", address)


def test_good_manners(wiro, captioner):
    captioner.caption(CAT)
    wiro.assert_polled(at_most=3)
    wiro.assert_signed()
    wiro.assert_no_leaks()


def test_without_fixtures():
    with WiroMock() as wiro, wiro.respx():
        assert Captioner(wiro.api_key, wiro.api_secret).caption(CAT)
        wiro.assert_no_leaks()
