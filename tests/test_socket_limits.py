"""What a client may do to a socket that is too much, and what it costs: nobody else, and no memory without a bound."""

from __future__ import annotations

import gc
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError

from tests.live_kit import UPGRADE, Live, eventually, live, opened, reset, text_frame
from tests.process_kit import PATIENCE
from wiro_mock import Misuse, WiroMock, protocols
from wiro_mock.api.following import TOKENS_PER_SOCKET
from wiro_mock.kernel.events import SECOND
from wiro_mock.testing.export import export

LONG = """
scenario: long
about: A minute of frames that grow, more than any buffer on the way can hold.
steps:
  - stream: {text: "%s", rate: 33tps}
  - exit: 0
""" % ("lorem " * 2_000)


@pytest.fixture(scope="module")
def auto() -> Iterator[Live]:
    """One server in virtual time."""
    with live(poll=0) as running:
        yield running


def test_audio_of_more_than_8_mib_closes_the_socket_and_nothing_else(auto: Live) -> None:
    """1009, too big; one of exactly 8 MiB is read, and dropped."""
    with auto.socket() as listener:
        listener.connection.send(bytes(8 << 20))
        listener.check_silence()
        with pytest.raises(ConnectionClosedError) as error:  # noqa: PT012 -- either may be the one to notice
            listener.connection.send(bytes((8 << 20) + 1))
            listener.text()
    assert error.value.rcvd is None or error.value.rcvd.code == 1009
    auto.check_clean()


@pytest.mark.parametrize("said", [b"", b"|", b"no pipe", b"unknown|" + bytes(3), bytes(9600)], ids=repr)
def test_audio_before_any_registration_is_dropped(auto: Live, said: bytes) -> None:
    """The socket stays open, and the journal tells of it."""
    with auto.socket() as listener:
        listener.connection.send(said)
        listener.check_silence()
    assert any(
        one.method == "SOCKET" and "dropped" in one.outcome.reason for one in auto.world.journal.entries(limit=3)
    )


def test_what_is_no_utf_8_closes_the_socket_with_1007(auto: Live) -> None:
    """As RFC 6455 §8.1 has it."""
    sock, received = opened(auto, b"\x81\x82" + bytes(4) + b"\xff\xfe")
    with sock:
        while b"\x03\xef" not in received:
            received += sock.recv(1000)
    auto.check_clean()
    auto.check_healthy()


def test_ten_thousand_registrations_are_as_many_as_there_can_be() -> None:
    """Those beyond are dropped and told of; a task of the first of them is still followed."""
    with live(poll=0) as first:
        _, token = first.run()
    with live(poll=0) as running, running.socket() as listener:
        listener.register(token)
        for number in range(TOKENS_PER_SOCKET):
            listener.say({"type": "task_info", "tasktoken": f"token-{number}"})
        listener.check_silence()
        assert sum("a registration beyond 10000" in line for line in running.told) == 1
        assert running.run()[1] == token
        assert listener.until_end()


def test_a_flood_of_pings_by_a_client_that_reads_nothing_fills_no_memory(auto: Live) -> None:
    """Its pongs are dropped once its pipe is full; others are served meanwhile."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect((auto.thread.host, auto.thread.port))
    deaf.sendall(UPGRADE + b"\r\n")
    ping = b"\x89\xfd" + bytes(4) + b"x" * 125
    deaf.settimeout(PATIENCE)
    for _ in range(400):
        deaf.sendall(ping * 250)  # 13 MB of pings
    assert auto.frames_of(auto.run()[1])
    open_ones = [one for one in gc.get_objects() if type(one) is protocols.SocketProtocol and not one.disconnected]
    assert max(one.transport.get_write_buffer_size() for one in open_ones) < 1 << 20
    reset(deaf)
    auto.check_clean()


def test_a_follower_that_reads_nothing_for_a_minute_delays_nobody() -> None:
    """A minute of the world's time, 12 MB of frames: the others have theirs as they happen, and the task ends.

    The clock goes on to an instant only when the other has every frame of the one before.
    """
    with live(scenarios=LONG, time="manual") as running:
        running.world.use("long")
        task_id, token = running.run()
        deaf, _ = opened(running, text_frame(b'{"type":"task_info","tasktoken":"%s"}' % token.encode()))
        with running.socket("/v1", token) as listener:
            eventually(lambda: len(running.world._watchers.get(task_id, ())) == 2)
            log, begun = running.world.sim.log(task_id), running.world.sim.now
            frames = [listener.frame()]
            while (deadline := running.world.sim.next_deadline()) is not None:
                running.world.jump(deadline)
                frames += [listener.frame() for _ in log[len(frames) :]]  # each entry is one frame
        assert frames[-1]["type"] == "task_postprocess_end"
        assert running.world.sim.now - begun > 60 * SECOND
        assert running.detail(task_id)["status"] == "task_postprocess_end"
        reset(deaf)
        running.check_clean()


@pytest.mark.parametrize(
    "step", [{"stream": {"text": "a b", "rate": "0tps"}}, {"answer": {"text": "a b", "rate": "0tps"}}]
)
def test_a_rate_of_zero_is_refused_when_the_scenario_is_made(step: dict[str, Any]) -> None:
    """With the way out."""
    with WiroMock() as wiro, pytest.raises(Misuse, match="rate"):
        wiro.scenario("standing", steps=[step, {"exit": 0}])


def story(folder: Path, name: str) -> tuple[bytes, list[Any]]:
    """The same client twice: a run, a socket with mistakes, a poll; what the journal and the log of frames say."""
    with live(poll=0, seed="story") as running:
        running.world.frames._kept.clear()
        task_id, token = running.run(prompt="a cat")
        with running.socket("/v1", token) as listener:
            listener.until_end()
            listener.say({"type": "task_inof"})
            listener.connection.send(b"audio")
            listener.check_silence()
        running.detail(task_id)
        eventually(lambda: not running.world.sockets)
        file = folder / f"{name}.jsonl"
        export(running.world, str(file))
        frames = [(one.at, one.socket, one.direction, one.type, one.size, one.text) for one in running.world.frames]
        return file.read_bytes(), [
            tuple(str(part).replace(str(running.thread.port), "PORT") for part in one) for one in frames
        ]


def test_two_runs_with_one_seed_have_the_same_journal_to_the_byte(tmp_path: Path) -> None:
    """Through real sockets; frames with direction, instant and size."""
    journals, frames = zip(*(story(tmp_path, name) for name in ("one", "two")), strict=True)
    assert journals[0] == journals[1]
    assert b"task_inof" in journals[0]
    assert frames[0] == frames[1]
    assert {frame[2] for frame in frames[0]} == {"in", "out"}
    assert json.loads(journals[0].splitlines()[0])


def test_a_head_of_a_binary_frame_is_kept(auto: Live) -> None:
    """Sixty-four bytes, in hex; and its whole size."""
    with auto.socket() as listener:
        listener.connection.send(b"token|" + bytes(range(200)))
        listener.check_silence()
    frame = next(one for one in reversed(auto.world.frames.frames) if one.size == 206)
    assert (frame.direction, frame.type) == ("in", "binary")
    assert frame.text.startswith("74 6f 6b 65 6e 7c 00 01")
    assert len(bytes.fromhex(frame.text)) == 64
