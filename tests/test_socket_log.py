"""What was said on sockets is kept: bounded, without credentials, and there to be waited for."""

from __future__ import annotations

import json
import threading
import time

import pytest

from tests.api_kit import KEY, SECRET, make_world
from tests.live_kit import eventually, live
from wiro_mock.socket_log import OVERHEAD, TEXT_KEPT, FrameLog, SocketFrame

QUEUED = '{"type":"task_queue","id":"7","tasktoken":"t","message":null,"result":true}'


def is_queue(frame: SocketFrame) -> bool:
    return frame.type == "task_queue"


def test_a_frame_is_told_of_by_place_time_socket_direction_type_task_and_size() -> None:
    """Out of the very bytes of the frame; what a client said has the task that was found for it."""
    log = FrameLog()
    log.sent(3, 1_000_000, [QUEUED])
    log.heard(4, 2_000_000, '{"type":"task_info","tasktoken":"ü"}', task_id="9")
    assert log.frames == [
        SocketFrame(
            id=1, at=1_000_000, socket=3, direction="out", task_id="7", type="task_queue", text=QUEUED, size=len(QUEUED)
        ),
        SocketFrame(
            id=2,
            at=2_000_000,
            socket=4,
            direction="in",
            task_id="9",
            type="task_info",
            text='{"type":"task_info","tasktoken":"ü"}',
            size=37,
        ),
    ]
    assert list(log) == log.frames


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"type":3,"id":[]}', "{}", "[" * 10_000, "\ud800"])
def test_a_frame_that_cannot_be_read_has_no_type(text: str) -> None:
    """And is kept all the same."""
    log = FrameLog()
    log.heard(1, 0, text)
    log.sent(1, 0, [text])
    assert [(frame.type, frame.task_id, frame.text) for frame in log] == [("", "", text)] * 2


def test_a_binary_frame_is_its_size_and_the_beginning_of_it_in_hex() -> None:
    """A credential is in it in plain bytes, and is blotted out before it becomes hex."""
    log = make_world().frames
    log.heard(1, 0, b"\x00\xffRIFF" + b"." * 1000)
    log.heard(1, 0, f"key {KEY} secret {SECRET}".encode())
    sound, secret = log.frames
    assert (sound.text, sound.size, sound.type) == ("00 ff 52 49 46 46" + " 2e" * 58, 1006, "binary")
    assert bytes.fromhex(secret.text) == b"key *** secret ***"


def test_credentials_in_what_a_client_says_are_blotted_out() -> None:
    """Also one that lies across the place where a long text is cut."""
    log = make_world().frames
    log.heard(1, 0, json.dumps({"type": "task_info", "apikey": KEY, "secret": SECRET}))
    log.heard(1, 0, "x" * (TEXT_KEPT - 10) + SECRET)
    log.heard(1, 0, '{"url":"https://user:pass@host/"}')
    kept = "".join(frame.text for frame in log)
    assert KEY not in kept
    assert SECRET[:10] not in kept
    assert "pass" not in kept
    assert log.frames[0].text == '{"type": "task_info", "apikey": "***", "secret": "***"}'


def test_a_long_text_is_cut_and_still_read() -> None:
    """Of what is sent, type and task are found before the cut; its size is that of the whole."""
    log = FrameLog()
    long = json.dumps({"message": "ü" * TEXT_KEPT, "type": "task_output", "id": "5"}, ensure_ascii=False)
    log.sent(1, 0, [long])
    log.heard(1, 0, long)
    for frame, kind, task_id in zip(log, ("task_output", ""), ("5", ""), strict=True):
        assert (frame.type, frame.task_id, frame.text) == (kind, task_id, long[:TEXT_KEPT])
        assert frame.size == len(long.encode())


def test_the_oldest_are_dropped_by_number_and_by_size() -> None:
    """They are counted, and the ids of the others stay."""
    log = FrameLog(frames=10)
    log.sent(1, 0, [QUEUED] * 25)
    assert ([frame.id for frame in log], log.dropped, len(log)) == (list(range(16, 26)), 15, 10)
    log = FrameLog(size=5 * (OVERHEAD + 100))
    for _ in range(7):
        log.sent(1, 0, ["x" * 100])
    log.heard(1, 0, "y" * 150)
    assert ([frame.id for frame in log], log.dropped) == ([5, 6, 7, 8], 4)
    assert FrameLog()._most == 1_000
    assert FrameLog()._size == 16 << 20


def test_waiting_counts_what_came_before_and_ends_as_soon_as_there_are_enough() -> None:
    """From another thread; and long before the time that was given is over, which no test would see the end of."""
    log = FrameLog()
    log.sent(1, 0, [QUEUED, "{}"])
    assert log.wait_for(is_queue, 0) == log.frames[:1]
    assert log.wait_for(is_queue, 0, count=2) == log.frames[:1]

    def talk() -> None:
        eventually(lambda: log._waiting)
        log.sent(1, 0, ["{}"])  # wakes it in vain
        eventually(lambda: log._waiting)
        log.sent(2, 0, [QUEUED, QUEUED])

    thread = threading.Thread(target=talk)
    thread.start()
    found = log.wait_for(is_queue, 3600, count=3)
    assert [frame.id for frame in found] == [1, 4, 5]
    thread.join()
    assert log._waiting == 0


def test_what_was_found_stays_found_when_the_log_forgets_it() -> None:
    """And no frame is looked at twice."""
    log, seen = FrameLog(frames=2), []

    def look(frame: SocketFrame) -> bool:
        seen.append(frame.id)
        if frame.id <= 3:
            log.sent(1, 0, [QUEUED])
        return True

    log.sent(1, 0, [QUEUED])
    assert [frame.id for frame in log.wait_for(look, 1, count=4)] == [1, 2, 3, 4]
    assert seen == [1, 2, 3, 4]


def test_waiting_in_vain_takes_the_time_that_was_given_and_ends_then() -> None:
    """It raises nothing."""
    begun = time.monotonic()
    assert FrameLog().wait_for(is_queue, 0.03) == []
    assert time.monotonic() - begun >= 0.03


def test_many_threads_may_write_and_read_at_once() -> None:
    """Nothing is lost, doubled or out of place."""
    log = FrameLog()

    def talk(socket: int) -> None:
        for number in range(50):
            log.sent(socket, number, [QUEUED])
            assert log.frames[-1].type == "task_queue"

    threads = [threading.Thread(target=talk, args=(socket,)) for socket in range(4)]
    for thread in threads:
        thread.start()
    assert len(log.wait_for(is_queue, 60, count=200)) == 200
    for thread in threads:
        thread.join()
    assert [frame.id for frame in log] == list(range(1, 201))
    for socket in range(4):
        assert [frame.at for frame in log if frame.socket == socket] == list(range(50))


def test_a_servers_sockets_are_written_down_as_they_were_heard_and_seen() -> None:
    """Each with its number; a frame that a client has received is in the log already."""
    with live() as running:
        log = running.world.frames
        task, token = running.run()
        with running.socket("/v1", token) as first, running.socket() as second:
            frames = first.until_end()
            assert [json.loads(frame.text) for frame in log if frame.socket == 1 and frame.direction == "out"] == [
                {"type": "connected", "version": "1.0"},
                *frames,
            ]
            second.say({"type": "task_info"})
            assert second.frame()["message"] == "tasktoken-required"
            assert running.world.sockets == {1, 2}
        eventually(lambda: not running.world.sockets)
        told = [(frame.socket, frame.type, frame.task_id) for frame in log if frame.direction == "in"]
        assert told == [(1, "task_info", task), (2, "task_info", "")]
        assert {frame.task_id for frame in log if frame.type.startswith("task_") and frame.direction == "out"} == {task}
        assert log.frames[-1].type == "error"
        assert [frame.at for frame in log] == sorted(frame.at for frame in log)
        running.world.reset()
        assert not len(running.world.frames)
        with running.socket():
            assert running.world.sockets == {3}
