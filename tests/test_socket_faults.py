"""Faults of the socket: what a client of a real socket sees of each, what the journal tells, and what cannot be."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.api_kit import KEY, SECRET, detail
from tests.api_kit import run as start
from tests.live_kit import Listener, Live, eventually, live, pings_to
from tests.process_kit import PATIENCE
from tests.test_socket import ONE_EACH
from wiro_mock import Misuse, Unmet, WiroMock, server
from wiro_mock.faults import Fault
from wiro_mock.faults.frames import DEEDS, MOST
from wiro_mock.language.verbs import UPGRADE, VERBS
from wiro_mock.mock import World
from wiro_mock.testing import faulting

END = "task_postprocess_end"
HELD = """
scenario: held
about: Waits for the test.
steps: [{start: {}}, {print: one}, {print: two}, {hold: door}, {exit: 0}]
"""


@pytest.fixture(scope="module")
def auto() -> Iterator[Live]:
    """One server in virtual time; polls are worth nothing."""
    with live(poll=0, scenarios=HELD) as running:
        yield running
        running.check_clean()


def arm(world: World, do: object, when: object = None, times: int | None = None, on: str = "socket") -> Any:
    """Arm a fault in the words of the YAML."""
    words = {"on": on, "do": do, "when": when, "times": times}
    item = faulting.read({key: value for key, value in words.items() if value is not None})
    made = Fault(item=item, where="here")
    world.faults.clear()
    faulting.arm(world, [made])
    return made


def seen(listener: Listener) -> list[Any]:
    """What a client gets until the terminal frame, or until the socket closes; in the end, how that was."""
    got: list[Any] = []
    try:
        while True:
            message = listener.connection.recv(PATIENCE)
            try:
                got.append(json.loads(message) if isinstance(message, str) else message)
            except ValueError:
                got.append(message)
            if isinstance(got[-1], dict) and got[-1].get("type") == END and got[-1]["message"]:
                return got
    except ConnectionClosed as closed:
        return [*got, closed.rcvd.code if closed.rcvd else "broken"]


def is_over(running: Live, task_id: str) -> bool:
    return bool(running.detail(task_id)["status"] == END)


def kinds(got: list[Any]) -> list[Any]:
    return [one["type"] if isinstance(one, dict) and "type" in one else one for one in got]


WHOLE = [kind for kind in ONE_EACH for _ in range(6 if kind == "task_output" else 1)]
AT = WHOLE.index("task_start")


def struck(auto: Live, do: object, frame: str = "task_start") -> list[Any]:
    """What a client sees of one fault at a frame."""
    fault = arm(auto.world, do, {"frame": frame})
    _, token = auto.run()
    with auto.socket("/v1", token) as listener:
        got = seen(listener)
        assert fault.struck == 1, fault
        return got


def with_(*instead: Any) -> list[Any]:
    """The kinds of all frames, with others in place of `task_start`."""
    return [*WHOLE[:AT], *instead, *WHOLE[AT + 1 :]]


TABLE: dict[str, tuple[object, Callable[[list[Any]], object]]] = {
    "ok": ("ok", lambda got: kinds(got) == WHOLE),
    "drop": ("drop", lambda got: kinds(got) == with_()),
    "duplicate": ("duplicate", lambda got: kinds(got) == with_("task_start", "task_start")),
    "reorder": ("reorder", lambda got: kinds(got)[AT : AT + 2] == [WHOLE[AT + 1], "task_start"]),
    "unknown_type": ({"unknown_type": "task_moon"}, lambda got: kinds(got) == with_("task_moon", "task_start")),
    "early_end": ("early_end", lambda got: kinds(got) == with_(END, "task_start") and got[AT]["success"] is True),
    "sparse": ("sparse", lambda got: kinds(got) == WHOLE and not {"id", "message", "result"} & got[AT].keys()),
    "json_in_string": ("json_in_string", lambda got: kinds(got) == WHOLE and got[AT]["message"] == "null"),
    "bad_json": ("bad_json", lambda got: isinstance(got[AT], str) and len(got) == len(WHOLE)),
    "top_level": ({"top_level": "array"}, lambda got: got[AT] == [] and len(got) == len(WHOLE)),
    "oversized": (
        "oversized",
        lambda got: kinds(got) == WHOLE and len(json.dumps(got[AT], separators=(",", ":"))) == MOST + 1,
    ),
    "latency": ({"latency": "2s"}, lambda got: kinds(got) == WHOLE),
    "burst": ("burst", lambda got: kinds(got) == WHOLE),
    "close": ({"close": 1013}, lambda got: kinds(got) == [*WHOLE[:AT], 1013]),
    "reset": ("reset", lambda got: kinds(got) == [*WHOLE[:AT], "broken"]),
    "disconnect": ("disconnect", lambda got: kinds(got) == [*WHOLE[:AT], "broken"]),
}


@pytest.mark.parametrize("verb", TABLE)
def test_what_a_client_sees_of_each_verb(auto: Live, verb: str) -> None:
    """At one frame; the rest is whole, and so is the task."""
    do, holds = TABLE[verb]
    got = struck(auto, do)
    assert holds(got), (verb, kinds(got))
    (note,) = (one for one in auto.world.journal.entries(limit=2) if one.method == "SOCKET")
    assert "set at here, no. 1 of 1, at the frame task_start of socket" in note.outcome.reason
    assert note.outcome.task_id == list(auto.world.sim.tasks())[-1].job.id
    assert auto.told[-1] == f"socket ({note.id}): {note.outcome.reason}"


def test_the_table_has_every_verb_of_the_socket() -> None:
    """Each is in the tests above or below, and each has a deed."""
    of_socket = {name for name, verb in VERBS.items() if "socket" in verb.where}
    assert {*TABLE, "hang", *UPGRADE} == of_socket
    assert of_socket - UPGRADE - {"latency", "reorder", "burst"} <= {*DEEDS}


def test_what_is_sent_is_in_the_log_of_frames_and_nothing_else(auto: Live) -> None:
    """Two of a doubled frame, none of a dropped one, the size of one that is too long."""
    auto.world.reset()
    struck(auto, "duplicate")
    assert [frame.type for frame in auto.world.frames].count("task_start") == 2
    auto.world.reset()
    struck(auto, "drop")
    assert "task_start" not in [frame.type for frame in auto.world.frames]
    auto.world.reset()
    struck(auto, {"oversized": "binary"})
    (frame,) = [frame for frame in auto.world.frames if frame.size > MOST]
    assert (frame.size, frame.direction, frame.type) == (MOST + 1, "out", "binary")


def test_silence_lasts_and_holds_up_nobody(auto: Live) -> None:
    """Half-open from the welcome on, or from a frame on: the socket stays open, the task goes on, others get all."""
    for when, before in (({"frame": "connected"}, 0), ({"frame": "task_start"}, AT + 1)):
        fault = arm(auto.world, "hang", when)
        task_id, token = auto.run()
        with connect(f"ws://{auto.thread.netloc}/v1", proxy=None, close_timeout=0.1) as deaf:
            deaf.send(json.dumps({"type": "task_info", "tasktoken": token}))
            got = [deaf.recv(PATIENCE) for _ in range(before)]
            assert len(got) == before
            eventually(partial(is_over, auto, task_id))
            assert fault.struck == 1
            assert len(auto.frames_of(token)) == len(WHOLE)
            assert deaf.ping().wait(PATIENCE)
            with pytest.raises(TimeoutError):
                deaf.recv(0.05)


def test_an_upgrade_is_refused_with_a_status(auto: Live) -> None:
    """The second connection, as often as is said; the third is served."""
    arm(auto.world, {"status": 503}, {"nth": 2}, times=2)
    with auto.socket():
        pass
    for _ in range(2):
        with pytest.raises(InvalidStatus) as error, auto.socket():
            pass
        assert error.value.response.status_code == 503
    with auto.socket() as listener:
        listener.check_silence()
    (told,) = [line for line in auto.told if "no. 2 of 2, at the upgrade of socket" in line]
    assert "the fault status 503 on socket, set at here" in told


def test_a_connection_is_never_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are, again and again meanwhile."""
    monkeypatch.setattr(server, "PING_SECONDS", 0.02)
    monkeypatch.setattr(server, "PONG_SECONDS", PATIENCE)
    with live() as running:
        arm(running.world, "no_ping", {"connection": 1})
        with running.socket() as first, running.socket() as second:
            of_first, of_second = pings_to(first), pings_to(second)
            eventually(lambda: len(of_second) >= 5)
            first.check_silence()
            assert of_first == []


def test_a_late_frame_takes_as_long_as_it_says() -> None:
    """In real time, here a fast one: an hour would be too long for this test. In virtual time nobody waits."""
    with live(poll=0, time="18000x") as running:
        arm(running.world, {"latency": "1h"}, {"frame": "connected"})
        began = time.monotonic()
        with running.socket():
            assert time.monotonic() - began >= 0.2
    with live(poll=0) as running:
        arm(running.world, {"latency": "1h"}, {"frame": "connected"})
        before = running.world.sim.now
        with running.socket():
            assert running.world.sim.now - before == 3600 * 1_000_000


def test_the_end_may_come_before_the_frame_or_without_it(auto: Live) -> None:
    """Detail and the socket disagree: the two that every SDK trips over (socket.md §3)."""
    arm(auto.world, "early_end", {"frame": "task_output"})
    auto.world.use("held")
    task_id, token = auto.run()
    with auto.socket("/v1", token) as listener:
        assert listener.until(END)[-1]["success"] is True
        assert auto.detail(task_id)["status"] == "task_output"
    arm(auto.world, "drop", {"frame": END})
    auto.world.use_none()
    task_id, token = auto.run()
    with auto.socket("/v1", token) as listener:
        assert listener.until("task_postprocess_start")
        listener.check_silence()
        assert auto.detail(task_id)["status"] == END


def test_when_says_at_which_frame_of_which_connection(auto: Live) -> None:
    """After so many frames, at the nth of a type, on the nth connection, each second one."""

    def of(when: object, times: int | None = None) -> list[str]:
        arm(auto.world, "unknown_type", when, times)
        _, token = auto.run()
        with auto.socket("/v1", token) as listener:
            return kinds(listener.until_end())

    new = "task_unheard_of"
    assert of({"after_frames": 3}).index(new) == 2  # the welcome counts
    assert of({"frame": "task_output", "nth": 3}).index(new) == WHOLE.index("task_output") + 2
    assert of({"frame": "task_output", "every": 2}).count(new) == 3
    assert of({"frame": "task_output"}, times=2).count(new) == 2
    latest = next(reversed(list(auto.world.frames))).socket
    assert new not in of({"connection": latest + 9})
    assert new in of({"connection": latest + 2, "after_frames": 1})


def test_a_burst_keeps_everything_back_until_the_end() -> None:
    """Nothing comes while the task walks its statuses, then all of it comes."""
    with live(poll=0, time="manual") as running:
        arm(running.world, "burst", {"frame": "task_accept"})
        task_id, token = running.run()
        with running.socket("/v1", token) as listener:
            first = listener.until("task_queue")
            while running.detail(task_id)["status"] != "task_postprocess_start":
                running.admin("/time", {"advance": "100ms"})
            assert listener.connection.ping().wait(PATIENCE), "the connection is alive"
            with pytest.raises(TimeoutError):
                listener.connection.recv(0)
            running.admin("/time", {"advance": "1h"})
            rest = listener.until_end()
            assert [frame["type"] for frame in first + rest] == WHOLE


def test_a_scenario_has_faults_of_its_own_and_they_strike_its_task_only() -> None:
    """Beside a task of another scenario on the same socket."""
    text = """
scenario: doubled
about: The start comes twice.
faults: [{on: socket, when: {frame: task_start}, do: duplicate}]
steps: [{start: {}}, {exit: 0}]
"""
    with live(poll=0, scenarios=text) as running:
        _, plain = running.run()
        running.world.use("doubled")
        _, doubled = running.run()
        with running.socket("/v1", plain, doubled) as listener:
            frames = listener.until_end() + listener.until_end()
        for token, count in ((plain, 1), (doubled, 2)):
            assert [frame["type"] for frame in frames if frame["tasktoken"] == token].count("task_start") == count


CANNOT = [
    ({"on": "socket", "do": {"code": 96}}, "code: cannot be done to socket; strike an operation such as Task/Detail"),
    ({"on": "Run", "do": "duplicate"}, "duplicate: cannot be done to Run; strike socket"),
    ({"on": "socket", "do": {"close": 1006}}, "1006 cannot be sent; write 1000 to 1003"),
    (
        {"on": "socket", "do": "drop", "when": {"frame": "task_strat"}},
        "no frame is of type 'task_strat'; did you mean 'task_start'",
    ),
    ({"on": "socket", "do": "drop", "when": {"after_bytes": 3}}, "on a socket write after_frames"),
    ({"on": "socket", "do": "drop", "effect": "after"}, "effect: is of operations, and a socket has none"),
    ({"on": "Run", "do": "reset", "when": {"after_frames": 3}}, "when.after_frames: is of the socket"),
    ({"on": ["Run", "socket"], "do": "reset"}, "on: socket stands alone"),
    ({"on": "socket", "do": {"drop": True, "sparse": True}}, "cannot both be done to one frame"),
    (
        {"on": "socket", "do": {"status": 503}, "when": {"frame": "connected"}},
        "status is done before there is any frame",
    ),
    ({"on": "socket", "do": "dupliacte"}, "did you mean 'duplicate'"),
]


@pytest.mark.parametrize(("words", "sentence"), CANNOT, ids=str)
def test_what_cannot_be_is_refused_when_it_is_set(words: dict[str, Any], sentence: str) -> None:
    """With the way out."""
    with pytest.raises(Misuse) as error:
        faulting.read(words)
    assert sentence in str(error.value)


def test_what_a_scenario_cannot_strike_is_refused() -> None:
    """A connection that is opened is about no task yet."""
    with WiroMock() as wiro, pytest.raises(Misuse, match="a connection that is opened is about no task"):
        wiro.scenario("x", steps=[{"exit": 0}], faults=[{"on": "socket", "do": {"status": 503}}])


def test_a_fault_of_the_socket_that_never_fired_fails_the_test() -> None:
    """And one that a door cannot do is refused when it is set."""
    with (
        pytest.raises(Unmet, match="fault never fired: duplicate on socket"),
        WiroMock(api_key=KEY, api_secret=SECRET) as wiro,
    ):
        wiro.fault("socket", duplicate=True, frame="task_end")
    with WiroMock(strict=False) as wiro:
        _ = wiro.app
        with pytest.raises(Misuse, match="reset on socket cannot be done by"):
            wiro.fault("socket", reset=True)
    with WiroMock(api_key=KEY, api_secret=SECRET) as wiro, wiro.serve() as server_:
        wiro.fault("socket", close=True, frame="task_start")
        _, token = start(wiro.world)
        with connect(server_.socket_url, proxy=None) as client:
            client.send(json.dumps({"type": "task_info", "tasktoken": token}))
            assert seen(Listener(client))[-1] == 1011
        assert detail(wiro.world, wiro.tasks[0].id)["status"]
