"""What a stream of `Run/sync` says depends on the task's log and on the time alone, not on when somebody looks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api_kit import make_world, signed
from tests.live_kit import Live, eventually, live
from tests.sync_kit import CHAT, EVENTS, SYNC, events, names, request, tasks
from wiro_mock import pump
from wiro_mock.api import Body, Request
from wiro_mock.api.waits import COMMENT, COMMENTS, KEEP_ALIVE, Stream
from wiro_mock.kernel.events import SECOND
from wiro_mock.mock import World, waiting
from wiro_mock.mock.alarms import Alarms

WORDY = """
scenario: wordy
match: {model: "*"}
steps:
  - accept
  - start: {after: 40s}
  - stream: {text: "Two cats on a warm wall.", rate: 0.1tps}
  - stderr: "a warning"
  - exit: {code: 0, after: 50s}
  - postprocess: {for: 3s}
"""
LENGTH = 200 * SECOND
SAID = Body(fields={"prompt": "hi"})


def streaming(world: World) -> Stream:
    """A stream that nobody has read from yet."""
    asked = Request(method="POST", path=CHAT, headers={**signed(), **EVENTS}, origin="http://x", body=SAID)
    wait = world.handle(asked).wait
    assert isinstance(wait, Stream)
    return wait


def whole() -> bytes:
    """All of it, taken when everything had happened."""
    world = make_world(scenarios=WORDY)
    stream = streaming(world)
    world.skip(LENGTH)
    return taken(world, stream)


def taken(world: World, stream: Stream) -> bytes:
    """What there is to be taken now."""
    return b"".join(iter(lambda: waiting.take(world, stream), b""))


def test_between_the_events_a_comment_stands_for_each_fifteen_seconds_of_silence() -> None:
    """And they begin to count anew with each event; what is no event of the stream does not break a silence."""
    told = events(whole().decode())
    assert names(told)[:3] == ["start", ":", "task_output"]
    assert [name for name, _ in told].count("done") == 1
    silences, count = [], 0
    for name, data in told:
        if name == ":":
            assert data == "keep-alive"
            count += 1
        else:
            silences.append(count)
            count = 0
    assert silences[1] == 40 // 15
    assert silences[-1] == 53 // 15
    assert len(silences) > 4


@given(st.lists(st.integers(0, LENGTH), max_size=12))
def test_however_often_somebody_looks_it_is_the_same_stream(looks: list[int]) -> None:
    """Law 2 and law 8, for streams."""
    world = make_world(scenarios=WORDY)
    stream = streaming(world)
    start, got = world.sim.now, b""
    for at in sorted(looks):
        world.jump(max(world.sim.now, start + at))
        got += taken(world, stream)
    world.jump(start + LENGTH)
    assert got + taken(world, stream) == WHOLE
    assert taken(world, stream) == b""


WHOLE = whole()


def test_of_a_long_silence_only_the_first_comments_come() -> None:
    """A test that lets ten years pass does not get 300 MB."""
    world = make_world(scenarios=HELD)
    stream = streaming(world)
    world.skip(3650 * 86_400 * SECOND)
    taken(world, stream)
    world.skip(KEEP_ALIVE)
    assert taken(world, stream) == COMMENT.encode()
    assert COMMENTS * len(COMMENT) < 4_000


HELD = "scenario: held\nmatch: {model: '*'}\nsteps: [accept, start, hold: start, exit: 0]"


@contextmanager
def open_stream(time: str) -> Iterator[tuple[Live, Iterator[str]]]:
    """A server whose tasks are held, and the blocks of a stream as they come, the first of them taken."""
    asked: dict[str, Any] = {"json": {}, "headers": {**signed(), **EVENTS}}
    with live(time=time, scenarios=HELD) as running, running.http.stream("POST", SYNC, **asked) as stream:
        blocks = _blocks(stream.iter_text())
        assert next(blocks).startswith("event: start")
        yield running, blocks


def _blocks(texts: Iterator[str]) -> Iterator[str]:
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n\n")
        yield from whole


def test_comments_come_over_a_socket_while_the_task_is_silent() -> None:
    """By the world's clock, which the test moves."""
    with open_stream("manual") as (running, blocks):
        for length, count in ((14, 0), (1, 1), (44, 2), (1, 1)):
            eventually(lambda: not running.pump.behind)
            running.world.skip(length * SECOND)
            assert [next(blocks) for _ in range(count)] == [": keep-alive"] * count
    assert not running.world.alarms


def test_comments_come_by_themselves_where_time_does() -> None:
    """Where it runs, at whatever rate; a test need do nothing."""
    with open_stream("1000x") as (_, blocks):
        assert [next(blocks) for _ in range(2)] == [": keep-alive"] * 2


def test_time_that_jumps_does_not_run_away_with_comments() -> None:
    """They drive no clock: a held task stays where it is."""
    with open_stream("auto") as (running, blocks):
        eventually(running.world.sim.holds)
        held_at = running.world.sim.now
        (task,) = tasks(running)
        assert running.detail(task.job.id)["status"] == "task_start"
        assert running.world.sim.now == held_at
        running.admin("/holds/release", {})
        assert next(blocks).startswith("event: done")


# -- who never reads -----------------------------------------------------------------------------------

TALKER = f"""
scenario: talker
match: {{model: google/*}}
steps: [accept, start, stream: {{text: "{"antidisestablishmentarianism " * 2_000}", rate: 100tps}}, exit: 0]
"""


def test_who_never_reads_delays_nobody_and_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the megabytes of repeated text little is ever made: a stream is read from the log, as far as it is sent."""
    monkeypatch.setattr(pump, "PATIENCE", 0.01)
    monkeypatch.setattr(pump, "SLOW_FOLLOWER_SECONDS", 0.02)
    made: list[int] = []

    def take(stream: Stream, world: World) -> bytes:
        made.append(len(data := own(stream, world)))
        return data

    own = Stream.take
    monkeypatch.setattr(Stream, "take", take)
    with live(scenarios=TALKER) as running, socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect((running.thread.host, running.thread.port))
        sock.sendall(request(CHAT, EVENTS))
        eventually(lambda: tasks(running))
        _, token = running.run()
        assert running.frames_of(token)[-1]["type"] == "task_postprocess_end"
        eventually(lambda: "was let go" in running.world.journal.entries()[0].outcome.reason)
        reason = running.world.journal.entries()[0].outcome.reason
        assert reason == "the client read nothing for too long and was let go; the task goes on"
        stream = streaming(running.world)
        running.world.skip(LENGTH)
        assert sum(made) < len(taken(running.world, stream)) / 2
        running.check_clean()


# -- alarms --------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 5), st.integers(0, 50), st.sampled_from(("cap", "reminder"))),
        st.tuples(st.just("drop"), st.integers(0, 5)),
        st.tuples(st.just("ring"), st.integers(0, 20)),
    ),
    max_size=60,
)


@given(STEPS)
def test_alarms_ring_once_and_in_time(steps: list[tuple[object, ...]]) -> None:
    """Like a table of who is to be called when."""
    alarms, now, rung = Alarms(), 0, []
    wakes = [lambda who=who: rung.append(who) for who in range(6)]
    table: dict[int, tuple[int, object]] = {}
    for step in steps:
        rung.clear()
        match step:
            case ("set", int(who), int(after), kind):
                table[who] = (now + after, kind)
                alarms.set(wakes[who], now + after, kind)  # type: ignore[arg-type]
            case ("drop", int(who)):
                table.pop(who, None)
                alarms.drop(wakes[who])
            case ("ring", int(length)):
                now += length
                alarms.ring(now)
                assert sorted(rung) == sorted(who for who, (at, _) in table.items() if at <= now)
                table = {who: one for who, one in table.items() if one[0] > now}
        assert len(alarms) == len(table)
        kinds: tuple[Literal["cap", "reminder"], ...] = ("cap", "reminder")
        for kind in kinds:
            assert alarms.first(kind) == min((at for at, one in table.values() if one == kind), default=None)


def test_those_who_go_leave_nothing_behind() -> None:
    """However many come and go while time stands still."""
    alarms = Alarms()
    for number in range(10_000):
        wake = lambda number=number: None  # noqa: E731
        alarms.set(wake, number, "cap")
        alarms.drop(wake)
    assert sum(map(len, alarms._heaps.values())) < 200
