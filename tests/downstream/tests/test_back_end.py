"""Our back end, which lives on webhooks: they may lie, come twice, or before the job is in our table."""

from __future__ import annotations

from wiro_mock import WiroMock

from captioner.back_end import BackEnd

CAT = "https://example.com/cat.png"


def test_a_job_is_done_when_wiro_calls_back(wiro: WiroMock, back_end: BackEnd) -> None:
    job = back_end.order(CAT)
    assert wiro.webhooks.wait(job.task_id, timeout=60).status == 200
    assert (job.state, job.mails) == ("done", 1)
    assert job.caption == wiro.tasks[job.task_id].debugoutput


def test_a_failure_is_a_failure(wiro: WiroMock, back_end: BackEnd) -> None:
    wiro.use("failure")
    job = back_end.order(CAT)
    wiro.webhooks.wait(job.task_id, timeout=60)
    assert (job.state, job.mails) == ("failed", 1)


def test_a_webhook_is_not_believed(wiro: WiroMock, back_end: BackEnd) -> None:
    wiro.faults("webhook-lies")
    job = back_end.order(CAT)
    wiro.webhooks.wait(job.task_id, timeout=60)
    assert job.state == "done"


def test_a_webhook_that_comes_twice_is_one_job(wiro: WiroMock, back_end: BackEnd) -> None:
    wiro.faults("webhook-twice")
    job = back_end.order(CAT)
    assert wiro.webhooks.wait(job.task_id, timeout=60).attempts == 2
    assert job.mails == 1


def test_a_webhook_may_come_before_its_own_job(wiro: WiroMock, back_end: BackEnd) -> None:
    wiro.faults("webhook-first")
    job = back_end.order(CAT)
    wiro.webhooks.wait(job.task_id, timeout=60)
    assert job.state == "done"
