"""Time that a test moves, and holds that it sets."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.api_kit import detail
from tests.api_kit import run as start
from tests.test_library_choosing import made, misuse
from wiro_mock import WiroMock


def begin(wiro: WiroMock, **fields: Any) -> str:
    """Take on a run; its id."""
    return start(wiro.world, fields)[0]


def test_a_jump_is_as_long_as_it_says() -> None:
    """A text, seconds, or a timedelta."""
    with made(time="manual") as wiro:
        before = wiro.now
        wiro.jump("2m")
        wiro.jump(1.5)
        wiro.jump(timedelta(hours=1))
        assert wiro.now - before == 120 + 1.5 + 3600


def test_manual_time_stands_still_until_it_is_moved() -> None:
    """However often somebody asks."""
    with made(time="manual") as wiro:
        task = wiro.tasks[begin(wiro)]
        assert [detail(wiro.world, task.id)["status"] for _ in range(3)] == ["task_queue"] * 3
        wiro.jump("1s")
        assert task.status == "task_preprocess_end"
        wiro.jump("10s")
        assert (task.status, task.exit_code) == ("task_postprocess_end", 0)


@pytest.mark.parametrize("time", ["manual", "auto"])
def test_time_jumps_to_a_point_of_a_task(time: str) -> None:
    """A status or a step; what has been is no reason to wait."""
    with made(time=time) as wiro:
        task = wiro.tasks[begin(wiro)]
        wiro.jump_to(task, "task_start")
        assert task.status == "task_start"
        wiro.jump_to(task.id, "task_accept")
        assert task.status == "task_start"
        wiro.jump_to(task.token, "produce")
        assert task.status == "task_output"
        wiro.jump_to(task, "task_postprocess_end")
        assert task.finished


def test_a_jump_that_cannot_arrive_says_why() -> None:
    """Ended, held, stalled; and a point that does not exist."""
    with made(time="manual") as wiro:
        wiro.use("cancelled-in-queue", "never-starts")
        cancelled = wiro.tasks[begin(wiro)]
        assert misuse(lambda: wiro.jump_to(cancelled, "task_start")) == (
            f"jump_to: task {cancelled.id} ended in task_cancel, and does not come to task_start by itself"
        )
        stalled = wiro.tasks[begin(wiro)]
        assert misuse(lambda: wiro.jump_to(stalled, "task_start")) == (
            f"jump_to: task {stalled.id} is in task_queue and waits for nothing: it is stalled by its scenario, "
            "and does not come to task_start by itself"
        )
        assert misuse(lambda: wiro.jump_to(stalled, "task_sart")) == (
            "jump_to: 'task_sart' is no point in a task's life; did you mean 'task_start'?"
        )


@pytest.mark.parametrize("time", ["real", "10x"])
def test_real_time_cannot_be_moved(time: str) -> None:
    """One sentence, with the way out."""
    with made(time=time) as wiro:
        acts = {
            "jump": lambda: wiro.jump("1s"),
            "jump_to": lambda: wiro.jump_to("1", "task_start"),
            "patch_sleep": lambda: wiro.patch_sleep("tests"),
        }
        for name, act in acts.items():
            assert misuse(act) == (
                f"{name}: time is {time} here and passes by itself; give the mark or WiroMock time='manual', where it "
                "stands still until it is moved, or time='auto', where it jumps when somebody waits"
            )


@pytest.mark.parametrize(
    ("length", "told"),
    [
        ("2 parsecs", "jump: '2 parsecs' is not a duration; write it like 200ms, 2s or 1m30s"),
        ("5", "jump: 5 has no unit; write 5s or 5ms"),
        (-1, "jump: -1 is no length of time; write seconds from 0, or a text such as 2m or 500ms"),
        (None, "jump: None is not a duration; write it like 200ms, 2s or 1m30s"),
    ],
)
def test_what_is_no_length_of_time_is_told(length: Any, told: str) -> None:
    """With examples of what is."""
    with made() as wiro:
        assert misuse(lambda: wiro.jump(length)) == told


def test_a_hold_stops_tasks_before_a_status_while_its_block_runs() -> None:
    """They answer polls all the while, and go on when the block ends."""
    with made() as wiro:
        with wiro.hold("task_start") as hold:
            task = wiro.tasks[begin(wiro)]
            assert detail(wiro.world, task.id)["status"] == "task_assign"
            assert (task.status, hold.held, task.waits_for) == ("task_assign", [task.id], "the hold 'task_start'")
        assert detail(wiro.world, task.id)["status"] == "task_postprocess_end"
        assert hold.held == []


def test_a_hold_stops_a_stream_before_its_nth_word() -> None:
    """By the step's name, or by the frame's."""
    steps: list[dict[str, object]] = [{"stream": {"text": "one two three four", "rate": "10tps"}}, {"exit": 0}]
    for point in ("stream", "task_output"):
        with made() as wiro:
            wiro.use(wiro.scenario("talk", steps=steps))
            with wiro.hold(point, nth=3):
                task = wiro.tasks[begin(wiro)]
                assert detail(wiro.world, task.id)["debugoutput"] == "one two"
            assert detail(wiro.world, task.id)["debugoutput"] == "one two three four"


def test_a_hold_counts_what_a_task_has_done_before_it_was_set() -> None:
    """So the third word is the third word of the stream."""
    with made(time="manual") as wiro:
        wiro.use(
            wiro.scenario("talk", steps=[{"stream": {"text": "a b c d", "rate": "1tps", "first": "1s"}}, {"exit": 0}])
        )
        task = wiro.tasks[begin(wiro)]
        wiro.jump("2s")
        assert task.debugoutput == "a b"
        with wiro.hold("stream", nth=3):
            wiro.jump("1m")
            assert task.debugoutput == "a b"


def test_one_task_of_a_hold_may_go_on_alone() -> None:
    """By its view or its id; the hold goes on holding the others."""
    with made() as wiro:
        hold = wiro.hold("task_accept", model="moondream3-preview/*")
        first, second = (wiro.tasks[begin(wiro)] for _ in range(2))
        wiro.jump("1h")
        assert hold.held == [first.id, second.id]
        hold.release(first)
        assert hold.held == [second.id]
        wiro.jump("1h")
        assert (first.finished, second.finished, hold.is_set) == (True, False, True)
        third = wiro.tasks[begin(wiro)]
        wiro.jump("1h")
        assert hold.held == [second.id, third.id]
        assert wiro.release(second.id) == [second.id]
        hold.release()
        assert not hold.is_set
        wiro.jump("1h")
        assert (second.finished, third.finished) == (True, True)


def test_a_hold_of_a_scenario_is_released_by_its_name() -> None:
    """Or all at once; what is not held is told with what is."""
    with made() as wiro:
        wiro.use(wiro.scenario("held", steps=[{"hold": "the-start"}, {"exit": 0}]))
        task = wiro.tasks[begin(wiro)]
        assert misuse(lambda: wiro.release("the-end")) == (
            f"release: nothing at 'the-end' is held; held now: task {task.id} at 'the-start'"
        )
        assert wiro.release("the-start") == [task.id]
        assert misuse(wiro.release) == "release: nothing is held; held now: no task"
        wiro.jump("1h")
        assert task.finished


def test_a_hold_that_nobody_released_is_left_behind() -> None:
    """With the line that set it: of the test, or of the scenario."""
    wiro = made()
    wiro.scenario("held", match={"model": "*"}, steps=[{"hold": "the-start"}, {"exit": 0}])
    wiro.hold("task_start")
    scenario = wiro.tasks[begin(wiro)]
    wiro.on_run(nth=1).use("caption")
    test = wiro.tasks[begin(wiro)]
    wiro.jump("1h")
    first, second = wiro.problems()
    assert first.startswith('hold never released: "the-start" of the scenario "held" (tests/test_library_time.py:')
    assert first.endswith(f" still holds task {scenario.id}; wiro.release() it")
    assert second.startswith('hold never released: "task_start" set at tests/test_library_time.py:')
    assert second.endswith(f" still holds task {test.id}; release it, or set it by `with wiro.hold(...)`")
    wiro.close()


def test_a_hold_to_which_nobody_came_is_left_behind() -> None:
    """Unless it is optional, or a task was on its way and stopped."""
    wiro = made()
    with wiro.hold("task_start"), wiro.hold("task_end", optional=True):
        pass
    (problem,) = wiro.problems()
    assert problem.startswith('unused registration: hold("task_start") set at tests/test_library_time.py:')
    assert problem.endswith(": no task came to it; remove it, or write optional=True")
    wiro.close()
    with made() as wiro, wiro.hold("task_start"):
        task = begin(wiro)
        wiro.world.sim.cancel(task)
    with made() as wiro:
        with wiro.hold("task_start"):
            task = begin(wiro)
        assert detail(wiro.world, task)["status"] == "task_postprocess_end"
    wiro = made()
    with wiro.hold("stream", nth=40):
        detail(wiro.world, begin(wiro))
    (problem,) = wiro.problems()
    assert problem.startswith('unused registration: hold("stream", nth=40) set at tests/test_library_time.py:')
    wiro.close()


def test_a_hold_is_waited_for() -> None:
    """By a thread that goes on as soon as somebody is held; and in vain it says where everybody is."""
    with made() as wiro, wiro.hold("task_start") as hold:
        task = wiro.tasks[begin(wiro)]
        assert misuse(lambda: hold.wait(0.001)) == (
            f"no task came to hold('task_start') within 0.001 s; task {task.id} is in task_queue (time is auto)"
        )
        client = threading.Thread(target=detail, args=(wiro.world, task.id))
        client.start()
        assert hold.wait(60) == task.id
        client.join()


def test_what_is_no_hold_is_told() -> None:
    """No such point, no such count."""
    with made() as wiro:
        assert misuse(lambda: wiro.hold("task_strat")) == (
            "hold: 'task_strat' is no point in a task's life; did you mean 'task_start'?"
        )
        assert misuse(lambda: wiro.hold("task_start", nth=0)) == "hold: nth counts from 1, and is not 0"


def test_a_sleeping_client_moves_the_clock() -> None:
    """In the modules named, and not after the end."""
    import time

    with made(time="manual") as wiro:
        wiro.patch_sleep("tests.test_library_time")
        task = wiro.tasks[begin(wiro)]
        before = wiro.now
        while detail(wiro.world, task.id)["status"] != "task_postprocess_end":
            time.sleep(2)
        assert wiro.now - before == 6
    real = time.sleep
    assert real.__module__ == "time"


def test_a_task_is_kept_until_every_hold_at_its_point_has_let_it_go() -> None:
    """Two of one name, a status and a step: each has caught it, and each says so."""
    with made() as wiro:
        first, second = wiro.hold("task_start"), wiro.hold("start")
        task = wiro.tasks[begin(wiro)]
        wiro.jump("1h")
        assert first.held == second.held == [task.id]
        first.release(task)
        wiro.jump("1h")
        assert (first.held, second.held, task.status) == ([], [task.id], "task_assign")
        second.release()
        wiro.jump("1h")
        assert task.finished
        first.release()


def test_holds_at_different_times_of_one_point_do_not_disturb_each_other() -> None:
    """The second word and the third."""
    with made() as wiro:
        wiro.use(
            wiro.scenario("talk", steps=[{"stream": {"text": "a b c d", "rate": "1tps", "first": "1s"}}, {"exit": 0}])
        )
        with wiro.hold("stream", nth=2) as second, wiro.hold("stream", nth=3) as third:
            task = wiro.tasks[begin(wiro)]
            wiro.jump("1h")
            assert (second.held, third.held, task.debugoutput) == ([task.id], [], "a")
            second.release()
            wiro.jump("1h")
            assert (third.held, task.debugoutput) == ([task.id], "a b")


def test_leaving_one_hold_does_not_release_another() -> None:
    """Also where both have caught the same task, one after the other; and a scenario's own."""
    with made() as wiro:
        wiro.use(wiro.scenario("held", steps=[{"start": "1s"}, {"hold": "own"}, {"exit": 0}]))
        with wiro.hold("task_start") as first:
            task = wiro.tasks[begin(wiro)]
            wiro.jump("1h")
            first.release(task)
            wiro.jump("1h")
            assert (first.held, task.waits_for) == ([], "the hold 'own'")
        assert task.waits_for == "the hold 'own'"
        with wiro.hold("task_end") as last:
            wiro.release("own")
            wiro.jump("1h")
            assert last.held == [task.id]
        wiro.jump("1h")
        assert task.finished


def test_a_hold_catches_who_waits_in_line_already() -> None:
    """A worker that becomes free is no way around it."""
    with made(workers=1, time="manual") as wiro:
        first, second = (wiro.tasks[begin(wiro)] for _ in range(2))
        wiro.jump_to(first, "task_start")
        with wiro.hold("task_accept") as hold:
            wiro.jump("1h")
            assert (first.finished, hold.held, second.status) == (True, [second.id], "task_queue")
        wiro.jump("1h")
        assert second.finished


def test_a_hold_is_waited_for_where_time_passes_by_itself() -> None:
    """Nobody polls; whoever waits looks by himself."""
    with made(time="1000x") as wiro, wiro.hold("task_start") as hold:
        task = begin(wiro)
        assert hold.wait(60) == task


@pytest.mark.anyio
async def test_in_a_coroutine_waiting_is_awaited() -> None:
    """Else the loop would stand still, and the client in it."""
    with made(time="1000x") as wiro, wiro.hold("task_start") as hold:
        task = begin(wiro)
        assert misuse(hold.wait) == (
            "hold.wait would stop the event loop that runs here; await hold.wait_async instead"
        )
        assert misuse(lambda: wiro.frames.wait_for("task_end")) == (
            "frames.wait_for would stop the event loop that runs here; await frames.wait_for_async instead"
        )
        assert await hold.wait_async("60s") == task


def test_what_was_patched_is_not_patched_after_the_end() -> None:
    """Of the block, however it ends."""
    import time

    genuine = time.sleep

    def block() -> None:
        with made() as wiro:
            wiro.patch_sleep("tests")
            assert time.sleep is not genuine
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    assert time.sleep is genuine


def test_a_hold_that_a_failing_block_leaves_is_told_of() -> None:
    """Else the report would show a task that goes on for no reason."""
    wiro = made()

    def block() -> None:
        with wiro.hold("task_start"):
            detail(wiro.world, begin(wiro))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    (line,) = [line for line in wiro.report().splitlines() if "was held by" in line]
    assert line.strip().startswith(f"task {wiro.tasks[-1].id} was held by hold('task_start') set at tests/")
    assert line.endswith(" until the test failed")
    wiro.close()
