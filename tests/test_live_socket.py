"""The WebSocket as clients meet it, over real connections; and clients that vanish."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from tests.live_kit import UPGRADE, Live, eventually, everything, live, raw, reset, text_frame
from tests.test_socket import ONE_EACH, types
from wiro_mock import pump, server
from wiro_mock.api import find_profile, switch
from wiro_mock.kernel.events import SECOND

LONG = """
scenario: long
about: Far more output than any buffer on the way can hold.
steps:
  - stream: {text: "%s", rate: 1000tps}
  - exit: 0
""" % ("lorem " * 2500)


@pytest.fixture(scope="module")
def auto() -> Iterator[Live]:
    """One server in virtual time for the tests that change nothing but their own tasks; polls are worth nothing."""
    with live(poll=0) as running:
        yield running


def opened(running: Live, speech: bytes, headers: bytes = b"") -> tuple[socket.socket, bytes]:
    """A raw socket on which the upgrade was answered and something said, and what was received so far."""
    sock = raw((running.thread.host, running.thread.port), UPGRADE + headers + b"\r\n")
    received = b""
    while b"\r\n\r\n" not in received:
        received += sock.recv(1)
    sock.sendall(speech)
    return sock, received


@pytest.mark.parametrize("path", ["/v1", "/", "/v1/"])
def test_the_welcome_comes_first_and_once_at_each_of_the_socket_paths(auto: Live, path: str) -> None:
    """`/v1` is Wiro's, the others are those of SDKs (socket.md §1.1)."""
    with auto.socket(path) as listener:
        listener.check_silence()


def test_the_welcome_is_first_even_for_a_client_that_speaks_at_once(auto: Live) -> None:
    """A registration sent before the welcome was read is answered after it."""
    _, token = auto.run()
    speech = text_frame(b'{"type":"task_info","tasktoken":"%s"}' % token.encode())
    sock, received = opened(auto, speech)
    while b"task_postprocess_end" not in received:
        received += sock.recv(1 << 16)
    sock.close()
    assert received.index(b"connected") < received.index(b"task_queue")
    assert received.count(b'"connected"') == 1


@pytest.mark.parametrize("path", ["/v2", "/v1/Run", "/v1//", "/__wiro/ready", "/v1/%0A", "//"])
def test_an_upgrade_at_any_other_path_is_refused_with_404(auto: Live, path: str) -> None:
    """At the handshake, without a socket (socket.md §3)."""
    with pytest.raises(InvalidStatus) as error, connect(f"ws://{auto.thread.netloc}{path}", proxy=None):
        pass
    assert error.value.response.status_code == 404
    auto.check_clean()


def test_frames_are_whole_and_uncompressed_text(auto: Live) -> None:
    """Every frame on the wire begins with 0x81 (FIN, text, no extension bit); none is offered compression."""
    _, token = auto.run()
    speech = text_frame(b'{"type":"task_info","tasktoken":"%s"}' % token.encode())
    sock, received = opened(auto, speech, b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
    while b"task_postprocess_end" not in received or not received.endswith(b"}"):
        received += sock.recv(1 << 16)
    sock.close()
    head, _, stream = received.partition(b"\r\n\r\n")
    assert b"101" in head.split(b"\r\n")[0]
    assert b"extensions" not in head.lower()
    kinds = []
    while stream:
        assert stream[0] == 0x81
        short = stream[1]
        size, start = (short, 2) if short < 126 else (int.from_bytes(stream[2:4], "big"), 4)
        kinds.append(json.loads(stream[start : start + size])["type"])
        stream = stream[start + size :]
    assert kinds[:2] == ["connected", "task_queue"]
    assert kinds[-1] == "task_postprocess_end"


@pytest.mark.parametrize("scenario", ["caption", "failure", "killed-while-running"])
def test_detail_is_never_behind_a_frame(scenario: str) -> None:
    """A client that polls on every frame: terminal at the terminal one, text and files complete at `task_end`."""
    with live(time="50x") as running:
        running.world.use(scenario)
        task_id, token = running.run()
        seen: dict[str, dict[str, Any]] = {}
        with running.socket("/v1", token) as listener:
            while not seen or not {"task_postprocess_end", "task_cancel"} & set(seen):
                frame = listener.frame()
                seen[frame["type"]] = running.detail(task_id) | {"frame": frame}
        last = running.detail(task_id)
        end = seen.get("task_postprocess_end") or seen["task_cancel"]
        assert end["status"] == end["frame"]["type"]
        assert end["frame"].get("exitCode") == (None if last["pexit"] is None else int(last["pexit"]))
        if scenario != "killed-while-running":
            assert seen["task_end"]["pexit"] == last["pexit"]
            for kind in ("task_end", "task_postprocess_start"):
                for key in ("debugoutput", "debugerror", "outputs"):
                    assert seen[kind][key] == last[key]
        running.check_clean()


def test_urls_have_the_origin_of_the_upgrade_request(auto: Live) -> None:
    """Not that of the Run: each connection gets files from where it came."""
    _, token = auto.run()
    with auto.socket("/v1", token) as listener:
        (file,) = listener.until_end()[-1]["message"]
    assert file["url"].startswith(f"{auto.thread.url}/")
    assert (
        auto.http.get(file["url"]).content
        == b"A tabby cat lies asleep on a sunlit windowsill beside a small potted plant."
    )
    url = f"ws://localhost:{auto.thread.port}/v1"
    with connect(url, sock=socket.create_connection((auto.thread.host, auto.thread.port)), proxy=None) as other:
        other.recv()
        other.send(json.dumps({"type": "task_info", "tasktoken": token}))
        frames = [json.loads(other.recv(5)) for _ in range(16)]
    assert frames[-1]["message"][0]["url"] == file["url"].replace(auto.thread.host, "localhost")


def test_several_tokens_on_a_socket_and_several_sockets_on_a_token(auto: Live) -> None:
    """Each socket gets every frame of what it registered, once, in order."""
    runs = [auto.run() for _ in range(3)]
    tokens = [token for _, token in runs]
    with auto.socket("/v1", *tokens) as all_three, auto.socket("/v1", tokens[0], tokens[0]) as one:
        frames: list[dict[str, Any]] = []
        while sum(frame["type"] == "task_postprocess_end" for frame in frames) < 3:
            frames.append(all_three.frame())
        for task_id, token in runs:
            own = [frame for frame in frames if frame["id"] == task_id]
            assert types(own) == ONE_EACH
            assert {frame["tasktoken"] for frame in own} == {token}
        assert types(one.until_end()) == ONE_EACH
        one.check_silence()
        all_three.check_silence()
    auto.check_clean()


@pytest.mark.parametrize("mode", ["auto", "manual", "100x"])
def test_an_unknown_token_is_followed_as_soon_as_its_run_has_come(mode: str) -> None:
    """To the very end, and without another message of the client."""
    with live(time=mode, poll=0) as first:
        _, token = first.run()
    with live(time=mode, poll=0) as running, running.socket("/v1", token) as listener:
        listener.check_silence()
        assert running.run()[1] == token
        if mode == "manual":
            assert listener.frame()["type"] == "task_queue"
            for kind in ONE_EACH[1:3]:
                running.admin("/time", {"advance": 1 if kind == "task_accept" else 60})
                assert listener.frame()["type"] == kind
            listener.until_end()
        else:
            assert types(listener.until_end()) == ONE_EACH


def test_what_is_dropped_stands_in_the_journal_and_is_told(auto: Live) -> None:
    """The client gets nothing, the tester a line."""
    with auto.socket() as listener:
        for text in ("{", "[]", '{"type":"x"}', '{"type":"task_info","tasktoken":1}'):
            listener.connection.send(text)
        listener.connection.send(b"audio|\x00\x01")
        listener.check_silence()
    reasons = [item["reason"] for item in auto.admin("/journal")["journal"] if item["method"] == "SOCKET"]
    assert len(reasons) >= 6
    assert reasons[-2] == "dropped a binary message; nothing here takes audio"
    assert any(line.endswith(reasons[-2]) for line in auto.told)


def test_a_message_of_more_than_8_mib_closes_the_socket_and_nothing_else(auto: Live) -> None:
    """One of exactly 8 MiB is read."""
    with auto.socket() as listener:
        listener.connection.send("x" * (8 << 20))
        listener.check_silence()
        with pytest.raises(ConnectionClosedError):  # noqa: PT012 -- either may be the one to notice
            listener.connection.send("x" * ((8 << 20) + 1))
            listener.text()
    auto.check_clean()


def test_a_ping_is_answered(auto: Live) -> None:
    """As every WebSocket server does."""
    with auto.socket() as listener:
        assert listener.connection.ping(b"hello").wait(5)


def test_the_server_pings_and_lets_go_of_who_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 30 s (socket.md §1.1), here every 30 ms; also where a full buffer keeps the connection from closing."""
    assert server.PING_SECONDS == 30
    monkeypatch.setattr(server, "PING_SECONDS", 0.03)
    monkeypatch.setattr(server, "PONG_SECONDS", 0.1)
    with live() as running:
        with running.socket() as listener:
            time.sleep(0.3)
            listener.check_silence()  # the client's library answers pings
        deaf = raw((running.thread.host, running.thread.port), UPGRADE + b"\r\n")
        received = everything(deaf)
        assert received.count(b"\x89\x04") == 1
        assert b"1011" in received or b"\x03\xf3" in received
        running.check_clean()


def test_a_client_that_reads_nothing_costs_no_memory_and_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of 20 MB wait in the log, not in a buffer; after the guard the others go on, and the socket dies."""
    monkeypatch.setattr(pump, "SLOW_FOLLOWER_SECONDS", 0.3)
    monkeypatch.setattr(server, "UNREAD_SECONDS", 0.05)
    with live(scenarios=LONG) as running:
        running.world.use("long")
        task_id, token = running.run()
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((running.thread.host, running.thread.port))
        deaf.sendall(UPGRADE + b"\r\n")
        assert deaf.recv(4096).startswith(b"HTTP/1.1 101")
        deaf.sendall(text_frame(b'{"type":"task_info","tasktoken":"%s"}' % token.encode()))
        eventually(lambda: running.pump.behind)
        eventually(lambda: (task := running.world.sim.task(task_id)) and task.stdout == "" and task.answer)
        eventually(lambda: "socket: a client that read nothing for too long was let go" in running.told)
        running.check_clean()
        assert len(everything(deaf)) < 4 << 20
        running.world.use_none()
        running.check_healthy()


def test_a_slow_reader_holds_up_others_no_longer_than_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """In real time there is no guard but the ping: a full socket does not slow anybody else down."""
    with live(scenarios=LONG, time="1000x") as running:
        running.world.use("long")
        _, token = running.run()
        with connect(f"ws://{running.thread.netloc}/v1", proxy=None, max_queue=1, close_timeout=0.1) as slow:
            slow.send(json.dumps({"type": "task_info", "tasktoken": token}))
            time.sleep(0.05)
            frames = running.frames_of(token)
            assert frames[-1]["type"] == "task_postprocess_end"
        running.check_clean()


GOODBYES = ["before the welcome", "in mid-frame", "reset", "after the terminal frame", "half a message", "garbage"]


@pytest.mark.parametrize("goodbye", GOODBYES)
def test_a_client_may_vanish_at_any_moment(goodbye: str, capfd: pytest.CaptureFixture[str]) -> None:
    """No noise on stderr, no follower or watcher left, no task lost."""
    with live(time="100x") as running:
        netloc = (running.thread.host, running.thread.port)
        task_id, token = running.run()
        hello = text_frame(b'{"type":"task_info","tasktoken":"%s"}' % token.encode())
        if goodbye == "before the welcome":
            for upto in (5, len(UPGRADE), len(UPGRADE) + 2):
                reset(raw(netloc, (UPGRADE + b"\r\n")[:upto]))
        elif goodbye == "half a message":
            reset(opened(running, hello[:-10])[0])
        elif goodbye == "garbage":
            opened(running, b"\xff" * 100)[0].close()
            opened(running, b"\x81\x05hello")[0].close()  # not masked
            opened(running, b"\x81\x82" + bytes(4) + b"\xff\xfe")[0].close()  # not UTF-8
        else:
            sock, received = opened(running, hello)
            wanted = b"task_postprocess_end" if "terminal" in goodbye else b"task_"
            while wanted not in received:
                received += sock.recv(64)
            reset(sock) if goodbye == "reset" else sock.close()
        eventually(lambda: running.detail(task_id)["status"] == "task_postprocess_end")
        running.check_clean()
        assert running.frames_of(token)[-1]["type"] == "task_postprocess_end"
        assert not [line for line in running.told if "mistake" in line]
    assert capfd.readouterr().err == ""


def test_many_clients_that_come_and_go_leave_nothing(auto: Live, capfd: pytest.CaptureFixture[str]) -> None:
    """Fifty sockets, closed after a random number of frames."""
    for count in range(50):
        _, token = auto.run()
        with auto.socket("/v1", token) as listener:
            for _ in range(count % 17):
                listener.text()
    auto.check_clean()
    assert capfd.readouterr().err == ""


def test_a_reset_with_live_followers_lets_the_same_sockets_follow_new_tasks() -> None:
    """The connection stays; its registrations are gone with the old world (the same tokens come again)."""
    with live(time="manual") as running:
        _, token = running.run()
        with running.socket("/v1", token) as listener:
            assert listener.frame()["type"] == "task_queue"
            running.admin("/reset", {})
            assert running.run()[1] == token
            listener.check_silence()
            listener.register(token)
            assert listener.frame()["type"] == "task_queue"
            running.admin("/time", {"mode": "auto"})
            assert types(listener.until_end()) == ONE_EACH[1:]
        running.check_clean()


def test_a_mistake_of_ours_in_a_frame_closes_the_socket_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not swallowed: a tester whose client waits for ever would never find out."""
    with live() as running:
        _, token = running.run()
        with running.socket() as listener:
            monkeypatch.setattr("wiro_mock.api.socket.frame", lambda *_: 1 / 0)
            listener.register(token)
            with pytest.raises(Exception, match="close"):
                listener.text()
        eventually(lambda: any("mistake in wiro_mock itself: ZeroDivisionError" in line for line in running.told))


def test_the_welcome_can_be_switched_off_on_the_wire_too() -> None:
    """The first frame is then the task's."""
    with live(profile=switch(find_profile("current"), "welcome=false")) as running:
        _, token = running.run()
        with running.socket("/v1", token) as listener:
            assert listener.frame()["type"] == "task_queue"


def test_time_advanced_by_far_is_followed_frame_by_frame() -> None:
    """One advance over many deadlines still sends each frame."""
    with live(time="manual") as running:
        _, token = running.run()
        with running.socket("/v1", token) as listener:
            running.world.jump(running.world.sim.now + 3600 * SECOND)
            assert types(listener.until_end()) == ONE_EACH
