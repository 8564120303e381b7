"""`await wiro.wait_for(task, point)`: in every way in which time passes, and what it says when it waits in vain."""

from __future__ import annotations

import re
from collections.abc import Mapping

import anyio
import pytest
from anyio import to_thread

from tests.test_library_choosing import made
from tests.test_library_time import begin
from wiro_mock import Misuse

HELD: list[str | Mapping[str, object]] = [
    {"start": "1s"},
    {"print": "one"},
    {"hold": "door"},
    {"print": "two"},
    {"print": {"after": "1s", "text": "three"}},
    {"exit": 0},
]
BACKENDS = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])


@BACKENDS
@pytest.mark.anyio
async def test_where_time_jumps_it_jumps_to_the_point(anyio_backend: str) -> None:
    """And no further: an hour takes no time."""
    with made() as wiro:
        wiro.scenario(
            "hour", steps=[{"start": "1h"}, {"print": "one"}, {"print": {"after": "1h", "text": "two"}}, {"exit": 0}]
        )
        wiro.use("hour")
        token = begin(wiro)
        task = await wiro.wait_for(token, "task_output")
        assert (task.status, task.debugoutput) == ("task_output", "one")
        await wiro.wait_for(task, "print", nth=2)
        assert task.debugoutput == "one\ntwo"
        assert (await wiro.wait_for(task)).succeeded
        assert await wiro.wait_for(task.id, "task_start") == task  # it has been there


@BACKENDS
@pytest.mark.anyio
async def test_where_a_test_moves_time_it_waits_for_that(anyio_backend: str) -> None:
    """Another coroutine jumps."""
    with made(time="manual") as wiro:
        task = wiro.tasks[begin(wiro)]
        seen = []

        async def wait() -> None:
            await wiro.wait_for(task, "task_end")
            seen.append(task.status)

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert (seen, task.status) == ([], "task_queue")
            await to_thread.run_sync(lambda: wiro.jump_to(task, "task_end"))
        assert seen == ["task_postprocess_start"]
        assert not wiro.world._watchers


@pytest.mark.anyio
async def test_where_time_passes_by_itself_it_waits() -> None:
    """Nobody else need look at the task meanwhile."""
    with made(time="manual") as wiro:
        task = wiro.tasks[begin(wiro)]
        assert not task.finished
        wiro.world.set_time("50x")
        assert (await wiro.wait_for(task, timeout="60s")).succeeded


@pytest.mark.anyio
async def test_a_task_that_is_held_is_waited_for_until_it_is_released() -> None:
    """Also where time jumps: nothing jumps over a hold."""
    with made() as wiro:
        wiro.scenario("held", steps=HELD)
        wiro.use("held")
        task = await wiro.wait_for(begin(wiro), "print")
        with pytest.raises(
            AssertionError,
            match=re.escape(
                f"task {task.id} did not come to task_end within 0.03 s; it is in task_output and waits for"
            ),
        ):
            await wiro.wait_for(task, "task_end", timeout="30ms")
        async with anyio.create_task_group() as group:
            group.start_soon(wiro.wait_for, task, "task_end")
            await anyio.wait_all_tasks_blocked()
            wiro.release(task)
        assert task.debugoutput == "one\ntwo\nthree"


@pytest.mark.anyio
async def test_who_gives_up_moves_no_clock_any_more() -> None:
    """A cancelled wait leaves no thread behind that goes on."""
    with made() as wiro:
        wiro.scenario("held", steps=HELD)
        wiro.use("held")
        task = await wiro.wait_for(begin(wiro), "print")
        with anyio.move_on_after(0.05):
            await wiro.wait_for(task, timeout=60)
        with anyio.fail_after(60):
            while wiro.world._watchers:
                await anyio.sleep(0.001)
        wiro.release(task)
        assert task.status == "task_output"


@pytest.mark.anyio
async def test_a_point_to_which_the_task_does_not_come_is_told_at_once() -> None:
    """Not after the patience."""
    with made() as wiro:
        wiro.use("killed-while-running")
        task = wiro.tasks[begin(wiro)]
        with pytest.raises(AssertionError) as error:
            await wiro.wait_for(task, "task_end", timeout=60)
        assert str(error.value) == f"task {task.id} ended in task_cancel, and did not come to task_end"
        wiro.use("caption")
        task = wiro.tasks[begin(wiro)]
        with pytest.raises(AssertionError, match="did not come to progress more than 5 times"):
            await wiro.wait_for(task, "progress", nth=6, timeout=60)


@pytest.mark.anyio
async def test_what_is_wrong_is_said() -> None:
    """No such point, no such task, no such length, a world that is reset, time that stands still."""
    with made(time="manual") as wiro:
        task = wiro.tasks[begin(wiro)]
        with pytest.raises(Misuse, match="wait_for: 'task_ende' is no point in a task's life; did you mean 'task_end'"):
            await wiro.wait_for(task, "task_ende")
        with pytest.raises(Misuse, match="wait_for: nth counts from 1, and is not 0"):
            await wiro.wait_for(task, "task_end", nth=0)
        with pytest.raises(KeyError, match="no task has the id or token 'none'"):
            await wiro.wait_for("none")
        with pytest.raises(Misuse, match="wait_for"):
            await wiro.wait_for(task, timeout="soon")
        with pytest.raises(AssertionError, match=r"task_queue, and time stands still: wiro\.jump moves it"):
            await wiro.wait_for(task, timeout="10ms")

        async def wait() -> None:
            with pytest.raises(AssertionError, match="the world was reset while it was waited for"):
                await wiro.wait_for(task)

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            wiro.world.reset()
