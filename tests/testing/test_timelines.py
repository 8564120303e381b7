"""The timeline of a task: what happened, and beside each thing who has been told of it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.api_kit import CAPTION, ORIGIN, detail, make_world, post, run
from wiro_mock.api.profile import Profile
from wiro_mock.api.socket import Conversation
from wiro_mock.mock import World
from wiro_mock.testing import sequences
from wiro_mock.testing.timelines import Moment, Timeline

SHORT = """
scenario: short
match: {model: moondream3-preview/caption}
steps:
  - accept: 1s
  - assign
  - start
  - print: one
  - hold: gate
  - print: {text: two, after: 1s}
  - produce: {name: a.txt, text: cat}
  - exit: 0
"""


def follow(world: World, socket: int, token: str) -> Conversation:
    """A client that registers on a socket."""
    talk = Conversation(world, ORIGIN)
    say(world, socket, talk.receive(f'{{"type": "task_info", "tasktoken": "{token}"}}'))
    say(world, socket, talk.pending())
    return talk


def say(world: World, socket: int, frames: Sequence[str | bytes]) -> None:
    world.frames.sent(socket, world.sim.now, frames)


def test_a_timeline_tells_who_saw_what() -> None:
    """Polls, two sockets, and a webhook, each beside the latest thing that it tells of."""
    world = make_world(time="manual", scenarios=SHORT)
    task_id, token = run(world, {"callbackUrl": "http://127.0.0.1:9/"})
    first = follow(world, 1, token)
    detail(world, task_id)
    world.jump(world.sim.now + 1_000_000)
    say(world, 1, first.pending())
    detail(world, task_id)
    detail(world, task_id)
    task = sequences.tasks(world)[0]
    waiting = str(task.timeline)
    second = follow(world, 2, token)
    world.release()
    world.jump(world.sim.now + 10_000_000)
    say(world, 1, first.pending())
    say(world, 2, second.pending())
    detail(world, task_id)
    world.deliveries.webhooks[0].end("posted", "taken")
    assert waiting.splitlines() == [
        "+0.000s  task_queue   moondream3-preview/caption, scenario short  run (req-1), poll 1 (req-2), socket 1",
        "+1.000s  task_accept                                              socket 1",
        "+1.000s  task_assign                                              socket 1",
        "+1.000s  task_start                                               socket 1",
        "+1.000s  task_output  one                                         poll 2 (req-3), poll 3 (req-4), socket 1",
        "         …            waits for the hold 'gate'",
    ]
    moments = {f"{one.kind} {one.detail}": one for one in task.timeline}
    assert moments["task_output one"].seen_by == ("poll 2 (req-3)", "poll 3 (req-4)", "socket 1", "socket 2")
    assert moments["task_output two"] == Moment(
        at=2.0, kind="task_output", detail="two", seen_by=("socket 1", "socket 2")
    )
    assert moments["produce a.txt (text/plain, 3 bytes)"].seen_by == ()
    assert task.timeline[-1].kind == "task_postprocess_end"
    assert task.timeline[-1].seen_by == ("poll 4 (req-5)", "socket 1", "socket 2", "webhook hook-1")
    assert isinstance(task.timeline[1:], Timeline)


def test_a_late_registration_begins_where_it_began() -> None:
    """With one frame for the present status, it has not seen what was before."""
    world = make_world(time="manual", scenarios=SHORT, profile=Profile(replay="status"))
    _, token = run(world)
    world.jump(world.sim.now + 1_000_000)
    follow(world, 1, token)
    seen = [(one.kind, one.seen_by) for one in sequences.tasks(world)[0].timeline]
    assert seen[-2:] == [("task_start", ()), ("task_output", ("socket 1",))]
    assert not any("socket 1" in who for _, who in seen[:-1])


def test_each_of_several_things_at_one_instant_was_seen() -> None:
    """A socket gets them in the order of the log."""
    world = make_world(time="auto", scenarios=SHORT.replace("  - hold: gate\n", "  - print: more\n  - print: most\n"))
    task_id, token = run(world)
    talk = follow(world, 1, token)
    detail(world, task_id)
    say(world, 1, talk.pending())
    unseen = [one.kind for one in sequences.tasks(world)[0].timeline if "socket 1" not in one.seen_by]
    assert unseen == ["produce"]


def test_a_late_registration_with_history_has_seen_all_of_it() -> None:
    """Also of a task that has stood in the queue twice."""
    twice = (
        "scenario: twice\nsteps: [accept, setup_error: {message: no, then: requeue}, accept, assign, start, exit: 0]\n"
    )
    world = make_world(time="auto", scenarios=twice)
    world.use("twice")
    task_id, token = run(world)
    detail(world, task_id)
    follow(world, 1, token)
    moments = sequences.tasks(world)[0].timeline
    assert [one.kind for one in moments].count("task_queue") == 2
    assert all("socket 1" in one.seen_by for one in moments)


def test_what_a_client_stopped_is_told() -> None:
    """The answer of the Cancel has told of the end; a refused one tells of no task."""
    world = make_world()
    task_id, _ = run(world)
    post(world, "/v1/Task/Kill", {"taskid": task_id})
    post(world, "/v1/Task/Cancel", {"taskid": task_id})
    assert [(one.kind, one.detail, one.seen_by) for one in sequences.tasks(world)[0].timeline][1:] == [
        ("task_cancel", "cancelled", ("cancel (req-3)",))
    ]


def test_a_webhook_that_did_not_arrive_is_told_as_that() -> None:
    """Nobody has seen the end by it."""
    world = make_world(time="auto", scenarios=SHORT.replace("  - hold: gate\n", ""))
    detail(world, run(world, {"callbackUrl": "http://127.0.0.1:9/"})[0])
    world.deliveries.webhooks[0].end("failed", "refused")
    assert sequences.tasks(world)[0].timeline[-1].seen_by == ("poll 1 (req-2)", "webhook hook-1 (failed)")


def test_a_long_timeline_is_cut_in_the_middle() -> None:
    """Of many alike the first and the last ones are shown, and of many who saw one thing the first and the last."""
    moments = [Moment(at=at, kind="task_output", detail=f"{at}%") for at in range(100)]
    seen = tuple(f"poll {n}" for n in range(1, 51))
    assert str(Timeline([*moments, Moment(at=100, kind="task_end", seen_by=seen)])).splitlines() == [
        "+0.000s    task_output  0%",
        "+1.000s    task_output  1%",
        "+2.000s    task_output  2%",
        "           …            (95 more task_output)",
        "+98.000s   task_output  98%",
        "+99.000s   task_output  99%",
        "+100.000s  task_end                            poll 1, poll 2, … (47 more), poll 50",
    ]
    assert str(Timeline([])) == repr(Timeline([])) == "nothing happened"


def test_a_timeline_is_printable() -> None:
    """Whatever a client has put into it."""
    world = make_world(time="auto", scenarios=SHORT.replace("print: one", 'print: "${with.prompt}"'))
    post(world, CAPTION, {"prompt": "\x1b[31m\u202e"})
    task = sequences.tasks(world)[0]
    detail(world, task.id)
    assert all(line.isprintable() for line in str(task.timeline).splitlines())
