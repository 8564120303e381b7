"""Many captions at once, with asyncio."""

from __future__ import annotations

import asyncio

import pytest
from wiro_mock import Served, WiroMock

from captioner.aio import AsyncCaptioner
from captioner.bugs import plant
from captioner.following import AsyncFollower

CAT = "https://example.com/cat.png"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_captions_at_once(wiro: WiroMock, account: dict[str, str], bug: str) -> None:
    async with plant(bug, AsyncCaptioner)(**account) as captioner:
        captions = await asyncio.gather(*(captioner.caption(CAT, length="short") for _ in range(10)))
    assert len(captions) == len(wiro.tasks) == 10
    wiro.assert_no_leaks()


@pytest.mark.wiro(time="manual")
async def test_a_polling_loop_that_really_sleeps(wiro: WiroMock, account: dict[str, str], bug: str) -> None:
    wiro.patch_sleep("captioner.aio")
    wiro.use("slow-queue")
    async with plant(bug, AsyncCaptioner)(**account) as captioner:
        assert await captioner.caption(CAT) == "It was worth the wait."
    wiro.assert_polled(at_least=60, at_most=70)


@pytest.mark.wiro(balance=50)
async def test_the_limit_of_the_account_holds_nobody_up_for_long(
    wiro: WiroMock, account: dict[str, str], bug: str
) -> None:
    """With 50 USD, Wiro runs five tasks at a time; the sixth is refused with code 96 and has to come again."""
    wiro.patch_sleep("captioner.aio")
    async with plant(bug, AsyncCaptioner)(**account) as captioner:
        started = [await captioner.start(CAT) for _ in range(5)]
        sixth = asyncio.create_task(captioner.start(CAT))
        for task in started:
            await captioner.wait(task)
        await captioner.wait(await sixth)
    assert [task.status for task in wiro.tasks] == ["task_postprocess_end"] * 6


async def test_two_followers_hear_their_own(
    wiro: WiroMock, account: dict[str, str], wiro_server: Served, bug: str
) -> None:
    """The socket of a server, whichever door the runs come through."""
    async with plant(bug, AsyncCaptioner)(**account) as captioner:
        follower = AsyncFollower(captioner, wiro_server.socket_url)
        long, short = await asyncio.gather(follower.caption(CAT, length="long"), follower.caption(CAT, length="short"))
    assert long == "Two cats on a wall."
    assert short.startswith("A tabby cat")
