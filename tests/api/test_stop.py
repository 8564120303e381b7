"""Cancel, Kill and InputOutputDelete: what may be stopped when, and what is left."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.test_detail import NEWER_KEYS, SEED_KEYS, T0, UP_TO_START, ByHand
from tests.api_kit import CAPTION, detail, get, make_world, part, post, post_parts, run
from wiro_mock.api.profile import Profile
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND
from wiro_mock.mock import World

NOT_CANCELLABLE = "Task is not in a cancellable state."
NOT_RUNNING = "Task could not be killed: task is not running"
TO_THE_END = (*UP_TO_START, e.OutputEnded(), e.Exited(code=0), e.PostprocessStarted(), e.PostprocessEnded())


def stop(world: World, how: str, task_id: str) -> Any:
    reply = post(world, f"/v1/Task/{how}", {"taskid": task_id})
    assert reply.status == 200
    return reply


@pytest.mark.parametrize("how", ["Cancel", "Kill"])
def test_the_answer_is_the_task_without_a_total(how: str) -> None:
    """errors, tasklist, result (rest.md C8); the switch adds total in front."""
    for profile, keys in (
        (Profile(), ["errors", "tasklist", "result"]),
        (Profile(stop_total=True), ["total", "errors", "tasklist", "result"]),
    ):
        task = ByHand(profile=profile)
        if how == "Kill":
            task.happens(*UP_TO_START)
        answer = stop(task.world, how, task.id).json
        assert list(answer) == keys
        assert (answer["errors"], answer["result"]) == ([], True)
        (shown,) = answer["tasklist"]
        assert list(shown) == SEED_KEYS + NEWER_KEYS
        assert shown == detail(task.world, task.id)
        assert shown["status"] == "task_cancel"


def test_a_cancelled_task_was_never_begun() -> None:
    """Canceltime is now, nothing was run or charged (rest.md §12)."""
    task = ByHand()
    task.world.jump(task.world.sim.now + 10 * SECOND)
    (shown,) = stop(task.world, "Cancel", task.id).json["tasklist"]
    assert (shown["canceltime"], shown["endtime"], shown["elapsedseconds"]) == (str(T0 + 10), "0", "0.0000")
    assert (shown["pexit"], shown["outputs"], shown["size"], shown["totalcost"]) == (None, [], "0", "0")


def test_a_killed_task_has_an_end_and_no_cost() -> None:
    """Canceltime and endtime are set; what ran until then costs nothing (rest.md C12)."""
    task = ByHand()
    task.happens(*UP_TO_START, task.produced())
    task.world.jump(task.world.sim.now + 10 * SECOND)
    (shown,) = stop(task.world, "Kill", task.id).json["tasklist"]
    assert (shown["canceltime"], shown["endtime"], shown["elapsedseconds"]) == (str(T0 + 70),) * 2 + ("60.0000",)
    assert (shown["pexit"], shown["outputs"], shown["totalcost"]) == (None, [], "0")


def test_the_cost_and_the_time_of_a_stop_are_switches() -> None:
    """The seed's samples show a cost and a canceltime of "0" (C12, C13)."""
    task = ByHand(profile=Profile(cancelled_cost="charged", canceltime="zero"))
    task.happens(*UP_TO_START)
    (shown,) = stop(task.world, "Kill", task.id).json["tasklist"]
    assert shown["totalcost"] == "0.023400000000"
    assert shown["canceltime"] == "0"
    queued = ByHand(profile=Profile(cancelled_cost="charged"))
    assert stop(queued.world, "Cancel", queued.id).json["tasklist"][0]["totalcost"] == "0"


# What has happened before; then what Cancel and Kill answer: None for done.
STATES: list[tuple[tuple[e.Event, ...], str | None, str | None]] = [
    ((), None, NOT_RUNNING),
    (TO_THE_END[:1], NOT_CANCELLABLE, NOT_RUNNING),
    (TO_THE_END[:2], NOT_CANCELLABLE, NOT_RUNNING),
    (TO_THE_END[:3], NOT_CANCELLABLE, NOT_RUNNING),
    (TO_THE_END[:4], NOT_CANCELLABLE, None),
    (TO_THE_END[:5], NOT_CANCELLABLE, None),
    (TO_THE_END[:6], NOT_CANCELLABLE, None),
    (TO_THE_END[:7], NOT_CANCELLABLE, None),
    (TO_THE_END[:8], NOT_CANCELLABLE, None),
    (TO_THE_END, NOT_CANCELLABLE, None),
    ((e.Accepted(), e.SetupFailed(message="x")), NOT_CANCELLABLE, NOT_RUNNING),
    ((e.Cancelled(killed=False),), NOT_CANCELLABLE, NOT_RUNNING),
    ((*UP_TO_START, e.Cancelled(killed=True)), NOT_CANCELLABLE, NOT_RUNNING),
]


@pytest.mark.parametrize(("events", "cancel", "kill"), STATES)
def test_what_may_be_stopped_when(events: tuple[e.Event, ...], cancel: str | None, kill: str | None) -> None:
    """Cancel in the queue only, Kill from task_assign on (rest.md §4.3); a refusal has code 1 and changes nothing."""
    for how, refusal in (("Cancel", cancel), ("Kill", kill)):
        task = ByHand()
        before = task.happens(*events)
        reply = stop(task.world, how, task.id)
        if refusal is None:
            expected = before["status"] if before["status"] == "task_postprocess_end" else "task_cancel"
            assert reply.json["tasklist"][0]["status"] == expected
        else:
            assert (reply.error["code"], reply.error["message"]) == (1, refusal)
            assert list(reply.json) == ["result", "errors"]
            assert detail(task.world, task.id) == before


@pytest.mark.parametrize(
    ("profile", "events", "done"),
    [
        (Profile(kill_before_assign="done"), (), True),
        (Profile(kill_before_assign="done"), (e.Accepted(),), True),
        (Profile(kill_finished="refuse"), TO_THE_END, False),
        (Profile(kill_cancelled="done"), (e.Cancelled(killed=False),), True),
    ],
)
def test_what_no_source_says_of_kill_is_a_switch(profile: Profile, events: tuple[e.Event, ...], done: bool) -> None:
    """The other side of each default of the table above."""
    task = ByHand(profile=profile)
    task.happens(*events)
    assert stop(task.world, "Kill", task.id).json["result"] is done


def finished(world: World) -> tuple[str, str, dict[str, Any]]:
    body = part("inputImage", b"picture", filename="a.png", kind="image/png")
    answer = post_parts(world, CAPTION, body, part("prompt", "kept")).json
    world.jump(world.sim.now + 60 * SECOND)
    return answer["taskid"], answer["socketaccesstoken"], detail(world, answer["taskid"])


def test_deleted_files_are_gone_and_the_record_stays() -> None:
    """Outputs [], outputfolderid "0", the URLs are dead; again is no error (rest.md §7.4)."""
    world = make_world()
    task_id, token, before = finished(world)
    urls = [before["outputs"][0]["url"], before["parameters"]["inputImage"]]
    assert before["outputfolderid"] == before["outputs"][0]["parentid"]
    assert [get(world, url).status for url in urls] == [200, 200]
    for _ in range(2):
        assert post(world, "/v1/Task/InputOutputDelete", {"tasktoken": token}).content == b'{"result":true,"errors":[]}'
        after = detail(world, task_id)
        assert after == {**before, "outputs": [], "size": "0", "outputfolderid": "0"}
        assert [get(world, url).status for url in urls] == [404, 404]
    assert len(world.blobs) == 0


def test_bytes_that_another_task_needs_outlive_the_deletion() -> None:
    """Equal bytes are stored once, and belong to every file that has them."""
    world = make_world()
    _, token, _ = finished(world)
    _, _, other = finished(world)
    post(world, "/v1/Task/InputOutputDelete", {"tasktoken": token})
    assert get(world, other["parameters"]["inputImage"]).content == b"picture"
    assert get(world, other["outputs"][0]["url"]).status == 200


def test_files_of_an_unfinished_or_unknown_task_are_not_deleted() -> None:
    """Wiro's sentences; the codes are rest.md §2.1's recommendation."""
    world = make_world()
    _, token = run(world)
    reply = post(world, "/v1/Task/InputOutputDelete", {"tasktoken": token})
    assert (reply.status, reply.error["code"]) == (200, 0)
    assert reply.error["message"] == "Task must be completed or cancelled before deleting files"
    reply = post(world, "/v1/Task/InputOutputDelete", {"tasktoken": "unknown"})
    assert (reply.status, reply.error["code"], reply.error["message"]) == (200, 1, "task-not-exist")
    reply = post(world, "/v1/Task/InputOutputDelete", {})
    assert (reply.error["code"], reply.error["message"]) == (0, "taskid or socketaccesstoken is required")


@pytest.mark.parametrize("how", ["Cancel", "Kill"])
def test_a_stop_makes_one_callback_and_a_switch_makes_none(how: str) -> None:
    """At task_cancel, as at the end (rest.md §6)."""
    for profile, deliveries in ((Profile(), 1), (Profile(callback_on_cancel=False), 0)):
        world = make_world(profile=profile)
        world.use("never-starts")
        task_id, _ = run(world, {"callbackUrl": "http://127.0.0.1:9/hook"})
        if how == "Kill":
            for event in UP_TO_START:
                world.sim.emit(task_id, event)
        stop(world, how, task_id)
        assert [hook.delivery.url for hook in world.webhooks] == ["http://127.0.0.1:9/hook"] * deliveries
