"""The WebSocket as clients meet it, over real connections; and clients that vanish."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.live_kit import Live, eventually, live, opened, text_frame
from tests.process_kit import PATIENCE
from tests.test_socket import ONE_EACH, types
from wiro_mock.api import find_profile, switch
from wiro_mock.kernel.events import SECOND


@pytest.fixture(scope="module")
def auto() -> Iterator[Live]:
    """One server in virtual time for the tests that change nothing but their own tasks; polls are worth nothing."""
    with live(poll=0) as running:
        yield running


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
    # However late it registers, it gets every frame.
    with live(time="50x", profile=switch(find_profile("current"), "replay=full")) as running:
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
        frames = [json.loads(other.recv(PATIENCE)) for _ in range(16)]
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
    assert reasons[-2].startswith("dropped audio for a token that no task has")
    assert any(line.endswith(reasons[-2]) for line in auto.told)


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
            monkeypatch.setattr("wiro_mock.api.frame_texts.frame", lambda *_: 1 / 0)
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
