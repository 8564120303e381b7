"""What Wiro does to our pictures, whoever plays it: the mock, a recording, or Wiro. Nothing is set up beforehand."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from wiro_mock import WiroMock

from captioner.aio import AsyncCaptioner
from captioner.back_end import BackEnd
from captioner.bugs import plant
from captioner.conduct import Conduct
from captioner.errors import NoCredit, OutOfMemory, TaskCancelled, TaskFailed
from captioner.polling import Captioner
from conftest import Caption

AT = "https://pictures.example"
HARBOUR, STREET, BROKEN = f"{AT}/harbour.png", f"{AT}/street.png", f"{AT}/broken.png"
ON_THE_SILL = "A tabby cat lies asleep on a sunlit windowsill beside a small potted plant."
pytestmark = pytest.mark.real


def test_each_picture_its_own_fate(caption: Caption, cat: Path) -> None:
    assert caption(HARBOUR, length="short") == "Three boats in a harbour."
    assert caption(STREET) == "A street after the rain."
    assert caption(cat) == ON_THE_SILL
    with pytest.raises(TaskFailed, match=r"exited with 2: .*UnidentifiedImageError"):
        caption(BROKEN)
    with pytest.raises(OutOfMemory):
        caption(f"{AT}/enormous.png")
    with pytest.raises(TaskCancelled):
        caption(f"{AT}/forbidden.png")
    with pytest.raises(NoCredit):
        caption(f"{AT}/unpayable.png")
    assert caption(HARBOUR, length="short") == "Three boats in a harbour."


def test_busy_at_first(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = iter((0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(Conduct, "back_off", tries)
    assert captioner.caption(f"{AT}/busy.png") == "At last a caption."
    assert len(list(tries)) == 1  # refused twice, then taken on


def test_a_task_that_nobody_takes_is_cancelled(captioner: Captioner) -> None:
    started = captioner.start(f"{AT}/waiting.png")
    assert captioner.look(started.task_id).status == "task_queue"
    captioner.stop(started.task_id)
    assert captioner.look(started.task_id).status == "task_cancel"


def test_a_task_that_never_ends_is_killed(captioner: Captioner) -> None:
    started = captioner.start(f"{AT}/endless.png")
    assert "task_output" in (captioner.look(started.task_id).status for _ in range(1000))
    captioner.stop(started.task_id)
    assert captioner.look(started.task_id).status == "task_cancel"


def test_one_upload_serves_two_runs(captioner: Captioner, cat: Path) -> None:
    address = captioner.upload(cat)
    assert captioner.http.get(address).content == cat.read_bytes()
    assert captioner.caption(address, length="short") == ON_THE_SILL
    assert captioner.caption(address, length="long") == "Two cats on a wall."


def test_many_at_once(account: dict[str, str], bug: str) -> None:
    async def captions(*pictures: str) -> list[str]:
        async with plant(bug, AsyncCaptioner)(**account) as captioner:
            return await asyncio.gather(*(captioner.caption(picture) for picture in pictures))

    assert asyncio.run(captions(HARBOUR, STREET, HARBOUR)) == [
        "Three boats in a harbour.", "A street after the rain.", "Three boats in a harbour.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("picture", "outcome"),
    [(HARBOUR, "done: Three boats in a harbour."), (BROKEN, "failed: ")],
    ids=["harbour", "broken"],
)
def test_wiro_calls_back(wiro: WiroMock, back_end: BackEnd, door: str, picture: str, outcome: str) -> None:
    job = back_end.order(picture)
    if door == "respx":
        wiro.webhooks.wait(job.task_id, timeout=60)  # in process nobody else lets time pass
    assert job.over.wait(60)
    assert (f"{job.state}: {job.caption.strip()}", job.mails) == (outcome, 1)
