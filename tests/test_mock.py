"""The world: what a poll is worth, scenarios in use, holds, and what is left when something breaks."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.api_kit import CAPTION, KEY, SECRET, detail, get, make_world, part, post, post_parts, run
from wiro_mock.api.profile import Profile
from wiro_mock.clock import EPOCH
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.files import FileIndex
from wiro_mock.kernel.rules import Limits
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.mock import World
from wiro_mock.settings import Settings, parse_poll

HELD = """
scenario: held
about: Waits for a test in the middle.
steps:
  - accept: {after: 1s}
  - assign: {after: 1s}
  - hold: model-loads
  - start: {after: 2s}
  - print: done
  - exit: 0
  - postprocess: {for: 1s}
---
scenario: stalled
about: Starts and then does nothing.
steps:
  - accept: {after: 1s}
  - assign: {after: 1s}
  - start: {after: 1s}
  - stall: forever
"""
LONG = """
scenario: endless
about: More entries than one poll should make.
steps:
  - accept: {after: 1s}
  - assign: {after: 1s}
  - start: {after: 1s}
  - progress: {steps: 6000, for: 1s}
  - progress: {steps: 6000, for: 1s}
  - exit: 0
  - postprocess: {for: 1s}
"""


def statuses(world: World, task_id: str, polls: int) -> list[str]:
    return [detail(world, task_id)["status"] for _ in range(polls)]


def test_a_poll_in_automatic_time_is_worth_the_whole_run() -> None:
    """The first poll finds the task finished, at the instant at which it finished (design.md §11)."""
    world = make_world(time="auto")
    task_id, _ = run(world)
    other, _ = run(world)
    first = detail(world, task_id)
    assert first["status"] == "task_postprocess_end"
    assert world.sim.log(task_id)[-1].at == world.sim.now == world.clock.now()
    assert statuses(world, other, 1) == ["task_postprocess_end"]


def test_a_poll_is_worth_nothing_elsewhere() -> None:
    """Manual time stands still; nothing moves but by command."""
    world = make_world(time="manual")
    task_id, _ = run(world)
    assert statuses(world, task_id, 3) == ["task_queue"] * 3
    assert world.sim.now == EPOCH


def test_a_poll_may_be_worth_the_next_thing() -> None:
    """Of the polled task: one more instant of its log each time; a finished task stays as it is."""
    world = make_world(time="manual", poll="next")
    task_id, _ = run(world)
    lengths = []
    for _ in range(30):
        detail(world, task_id)
        lengths.append(len(world.sim.log(task_id)))
    instants = {entry.at for entry in world.sim.log(task_id)} - {EPOCH}
    assert len(set(lengths)) == len(instants)
    assert sorted(lengths) == lengths
    assert world.sim.now == max(instants)


def test_a_poll_of_one_task_passes_over_the_instants_of_the_others() -> None:
    """`next` is the next thing that happens to the polled task."""
    world = make_world(time="manual", poll="next")
    world.use("slow-queue", times=1)
    slow, _ = run(world)
    quick, _ = run(world)
    assert detail(world, slow)["status"] == "task_accept"
    assert world.sim.now == EPOCH + 120 * SECOND
    assert detail(world, quick)["status"] == "task_postprocess_end"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1, "task_accept"), (3, "task_output"), (60, "task_postprocess_end")]
)
def test_a_poll_may_be_worth_some_seconds(seconds: int, expected: str) -> None:
    """Exactly so many."""
    world = make_world(time="manual", poll=seconds * SECOND)
    task_id, _ = run(world)
    shown = detail(world, task_id)
    assert world.sim.now == EPOCH + seconds * SECOND
    assert shown["status"] in (expected, "task_preprocess_end")


def test_a_poll_that_is_refused_is_worth_nothing() -> None:
    """No time passes for a task that is not there, nor for a stranger."""
    world = make_world(time="auto")
    run(world)
    post(world, "/v1/Task/Detail", {"tasktoken": "unknown"})
    post(world, "/v1/Task/Detail", {}, headers={"x-api-key": "stranger"})
    assert world.sim.now == EPOCH


@pytest.mark.parametrize(("scenario", "status"), [("held", "task_assign"), ("stalled", "task_start")])
def test_a_poll_stops_where_only_somebody_else_can_help(scenario: str, status: str) -> None:
    """At a hold or a stall, at once, and says what is waited for."""
    world = make_world(scenarios=HELD, time="auto")
    world.use(scenario)
    task_id, _ = run(world)
    assert statuses(world, task_id, 2) == [status, status]
    assert world.sim.now == EPOCH + (2 if scenario == "held" else 3) * SECOND
    assert world.sim.waiting_for(task_id) != ""


def test_a_held_task_goes_on_from_its_release() -> None:
    """By task, by name, or all; the steps after it are timed from then."""
    world = make_world(scenarios=HELD, time="manual")
    world.use("held")
    first, _ = run(world)
    second, _ = run(world)
    world.jump(EPOCH + 100 * SECOND)
    assert world.release(name="other") == []
    assert world.release(task_id=second) == [second]
    assert world.release(name="model-loads") == [first]
    assert world.release() == []
    world.jump(EPOCH + 102 * SECOND)
    assert detail(world, first)["starttime"] == str(EPOCH // SECOND + 102)


def test_a_task_that_waits_for_a_worker_is_polled_to_its_end() -> None:
    """Time passes for all tasks until the polled one has had its turn."""
    world = make_world(time="auto", limits=Limits(workers=1))
    tasks = [run(world)[0] for _ in range(3)]
    assert statuses(world, tasks[-1], 1) == ["task_postprocess_end"]
    assert [task.status.value for task in world.sim.tasks()] == ["task_postprocess_end"] * 3


def test_a_poll_that_waits_for_a_worker_which_never_comes_returns() -> None:
    """The only worker is held by a task that stalls."""
    world = make_world(scenarios=HELD, time="auto", limits=Limits(workers=1))
    world.use("stalled", times=1)
    run(world)
    world.jump(EPOCH + SECOND)
    waiting, _ = run(world)
    assert statuses(world, waiting, 2) == ["task_queue"] * 2


def test_a_poll_that_would_play_too_long_names_its_scenario() -> None:
    """Ten thousand entries in one poll are an error of the scenario: HTTP 500, and the way out."""
    told: list[str] = []
    world = make_world(scenarios=LONG, time="auto", tell=told.append)
    world.use("endless")
    task_id, _ = run(world)
    reply = post(world, "/v1/Task/Detail", {"taskid": task_id})
    assert reply.status == 500
    assert list(reply.json) == ["result", "errors"]
    assert reply.error["message"] == (
        f"scenario 'endless' made more than 10000 entries within one poll of task {task_id}; "
        "give its steps fewer repetitions, or poll with --poll next or --poll SECONDS"
    )
    assert told
    assert world.journal.entries()[-1].status == 500
    assert detail(world, task_id)["status"] == "task_postprocess_end"


@pytest.mark.parametrize(
    ("text", "worth"),
    [("finish", "finish"), ("next", "next"), ("2", 2 * SECOND), ("0.5", SECOND // 2), ("0", 0), ("2s", 2 * SECOND)],
)
def test_what_a_poll_is_worth_is_read_from_text(text: str, worth: object) -> None:
    """Two words, or seconds."""
    assert parse_poll(text) == worth


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf", "1e99", "2 parsecs"])
def test_any_other_worth_has_a_way_out(text: str) -> None:
    """What there is, and what was asked for."""
    with pytest.raises(
        ValueError, match=r"a poll is worth finish, next or a number of seconds such as 2 or 0\.5, not "
    ):
        parse_poll(text)


def test_zero_is_a_worth_of_its_own() -> None:
    """A world in automatic time whose polls are worth nothing."""
    world = make_world(time="auto", poll=0)
    assert statuses(world, run(world)[0], 2) == ["task_queue"] * 2


def played(world: World, path: str = CAPTION) -> str:
    task = world.sim.task(run(world, {"prompt": "a cat"}, path=path)[0])
    assert task is not None
    return task.job.scenario


def test_a_scenario_in_use_plays_so_many_runs_of_its_models() -> None:
    """The latest first; then every run finds its own again."""
    world = make_world()
    world.use("failure")
    world.use("empty-output", model="MOONDREAM3-preview/*", times=2)
    assert [use.name for use in world.uses] == ["failure", "empty-output"]
    assert played(world, "/v1/Run/google/nano-banana-pro") == "failure"
    assert [played(world) for _ in range(3)] == ["empty-output", "empty-output", "failure"]
    world.use_none()
    assert played(world) == "caption"
    assert played(world, "/v1/Run/google/nano-banana-pro") == "image"


def test_a_scenario_that_is_not_there_is_a_complaint() -> None:
    """To whoever asks for it in Python; on the wire where a header asks: HTTP 500 with the near misses."""
    world = make_world(scenario_header=True)
    with pytest.raises(ScenarioError, match="failure"):
        world.use("failur")
    headers = {"x-api-key": KEY, "x-wiro-mock-scenario": "failur"}
    world = make_world(scenario_header=True, key_only=True)
    reply = post_parts(world, CAPTION, part("inputImage", b"x", filename="a.png"), headers=headers)
    assert reply.status == 500
    assert "failure" in reply.error["message"]
    assert len(world.blobs) == 0


def test_a_mistake_of_ours_is_an_answer_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client gets an envelope, the tester a line; the next request is served."""
    told: list[str] = []
    world = make_world(tell=told.append)

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("oops")

    with monkeypatch.context() as patch:
        patch.setattr(Simulation, "submit", broken)
        reply = post(world, CAPTION, {})
    assert reply.status == 500
    assert "ZeroDivisionError: oops (a mistake in wiro_mock itself)" in reply.error["message"]
    assert "ZeroDivisionError" in told[-1]
    run(world)


def test_a_run_that_fails_keeps_no_bytes_of_its_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that the plan would have produced are dropped again."""
    world = make_world()
    plans: list[int] = []

    def broken(*_: Any) -> None:
        plans.append(len(world.blobs))
        raise ZeroDivisionError

    monkeypatch.setattr(FileIndex, "add", broken)
    assert post_parts(world, CAPTION, part("inputImage", b"x", filename="a.png")).status == 500
    assert plans == [2]
    assert len(world.blobs) == 0


def test_finished_tasks_are_forgotten_with_their_files() -> None:
    """Beyond the limit, oldest first; their bytes go too."""
    world = make_world(time="auto", limits=Limits(finished=1))
    urls = []
    for number in range(3):
        body = part("inputImage", b"picture %d" % number, filename="a.png")
        task = post_parts(world, CAPTION, body).json["taskid"]
        urls.append(detail(world, task)["parameters"]["inputImage"])
    assert [get(world, url).status for url in urls] == [404, 404, 200]
    assert len(world.blobs) == 2


def test_a_reset_begins_anew() -> None:
    """No tasks, files or journal; the same credentials and mode; the same seed gives the same ids again."""
    world = make_world(time="auto")
    wakes: list[str] = []
    world.watch("*", lambda: wakes.append("*"))
    world.use("failure")
    first = run(world)
    url = post_parts(world, "/v1/File/Upload", part("file", b"x", filename="a.png")).json["list"][0]["url"]
    detail(world, first[0])
    wakes.clear()
    world.set_time("manual")
    world.reset()
    assert wakes == ["*"]
    assert (len(world.journal), list(world.sim.tasks()), len(world.blobs), world.uses) == (0, [], 0, ())
    assert (world.sim.now, world.clock.mode) == (EPOCH, "auto")
    assert get(world, url).status == 404
    assert run(world) == first


def test_the_mode_of_time_may_change() -> None:
    """Time goes on from where it was; a mode that is none changes nothing."""
    world = make_world(time="auto")
    task_id, _ = run(world)
    detail(world, task_id)
    at = world.sim.now
    world.set_time("manual")
    assert (world.clock.mode, world.clock.now(), world.history_for_late) == ("manual", at, True)
    with pytest.raises(ValueError, match="time is real"):
        world.set_time("sometimes")
    world.set_time("1000x")
    assert world.clock.now() >= at
    assert not world.history_for_late


def test_watchers_hear_of_every_entry_of_their_task() -> None:
    """And no longer once they have left."""
    world = make_world()
    heard: list[str] = []
    task_id, _ = run(world)
    other, _ = run(world)

    def wake() -> None:
        heard.append("!")

    world.watch(task_id, wake)
    world.sim.emit(task_id, e.Accepted())
    world.sim.emit(other, e.Accepted())
    assert heard == ["!"]
    world.unwatch(task_id, wake)
    world.unwatch(task_id, wake)
    world.sim.emit(task_id, e.Assigned())
    assert heard == ["!"]


@pytest.mark.parametrize(
    ("shape", "first"), [("detail", '{"total":"1","errors":[],"tasklist":[{"id":"'), ("task", '{"id":"')]
)
def test_a_callbacks_body_is_the_final_detail(shape: Any, first: str) -> None:
    """The Detail envelope, or by a switch the bare task (rest.md §6), with the origin of the Run."""
    world = make_world(time="auto", profile=Profile(callback_shape=shape))
    task_id, _ = run(world, {"callbackUrl": "http://127.0.0.1:9/"}, origin="http://runner:1")
    detail(world, task_id)
    (webhook,) = world.webhooks
    body = world.webhook_body(webhook)
    assert body is not None
    assert body.startswith(first)
    answer = post(world, "/v1/Task/Detail", {"taskid": task_id}, origin="http://runner:1")
    assert body in answer.content.decode()
    assert (webhook.state, webhook.delivery.url) == ("waiting", "http://127.0.0.1:9/")


def test_a_callback_of_a_forgotten_task_has_its_body_until_it_is_posted() -> None:
    """The webhook holds the task as it ended, and lets go of it with its own end."""
    world = make_world(time="auto", limits=Limits(finished=0))
    task_id, _ = run(world, {"callbackUrl": "http://127.0.0.1:9/"})
    world.jump(world.sim.now + 60 * SECOND)
    (webhook,) = world.webhooks
    assert f'"id":"{task_id}"' in (world.webhook_body(webhook) or "")
    webhook.end("posted", "")
    assert world.webhook_body(webhook) is None


def test_the_balance_falls_by_what_runs_cost_and_limits_what_comes() -> None:
    """Success is charged, failure is not; below half a dollar nothing runs (rest.md §8)."""
    world = make_world(time="auto", balance=Decimal("0.502"))
    cost = Decimal(detail(world, run(world)[0])["totalcost"])
    assert world.sim.balance == Decimal("0.502") - cost
    assert cost > Decimal("0.002")
    assert post(world, CAPTION, {}).error["code"] == 97


def test_worlds_with_one_seed_are_alike_and_others_differ() -> None:
    """Ids, keys, tokens."""
    one, same, other = World(Settings(seed="a")), World(Settings(seed="a")), World(Settings(seed="b"))
    assert one.project == same.project
    assert (one.project.key, one.project.secret) != (other.project.key, other.project.secret)
    assert make_world(seed="a").sim.account.uuid != make_world(seed="b").sim.account.uuid


def test_many_threads_run_and_poll_at_once() -> None:
    """Every run gets its own task and every task ends."""
    world = make_world(time="auto")
    ended: list[str] = []

    def client() -> None:
        ended.extend(detail(world, run(world)[0])["status"] for _ in range(10))

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == ["task_postprocess_end"] * 40
    assert len({task.job.token for task in world.sim.tasks()}) == 40


def test_a_world_does_not_print_its_secrets(tmp_path: Path) -> None:
    """Neither it nor its settings."""
    world = make_world()
    assert KEY not in repr(world) + repr(world.settings) + str(tmp_path)
    assert SECRET not in repr(world) + repr(world.settings) + repr(vars(world)["project"])


def test_a_closed_world_leaves_nothing_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large files included."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    world = make_world()
    post_parts(world, "/v1/File/Upload", part("file", bytes(2 << 20), filename="a.mp4"))
    assert list(tmp_path.iterdir()) != []
    world.close()
    assert list(tmp_path.iterdir()) == []


def test_a_poll_shows_the_end_of_a_task_that_is_forgotten_at_once() -> None:
    """With no finished task kept, the first Detail tells of the end, and the next of nothing."""
    world = make_world(time="auto", limits=Limits(finished=0))
    task_id, _ = run(world)
    assert detail(world, task_id)["status"] == "task_postprocess_end"
    assert post(world, "/v1/Task/Detail", {"taskid": task_id}).error["message"] == "There is no task yet."


def test_a_mistake_of_ours_before_the_request_is_answered_too() -> None:
    """The envelope, the journal and the tester have it; nothing escapes."""
    told: list[str] = []
    world = make_world(time="auto", tell=told.append)

    def broken() -> int:
        raise RuntimeError("the clock is broken")

    world.clock.now = broken  # type: ignore[method-assign]
    reply = post(world, "/v1/Task/Detail", {"taskid": "1"})
    assert reply.status == 500
    assert reply.error["message"] == "RuntimeError: the clock is broken (a mistake in wiro_mock itself)"
    assert "the clock is broken" in told[0]
