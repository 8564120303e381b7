"""Clients of the socket that are deaf, slow, or gone: pings, back pressure, and vanishing at any moment."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from tests import api_kit
from tests.api_kit import make_world
from tests.live_kit import UPGRADE, Live, eventually, everything, live, opened, pings_to, raw, reset, text_frame
from tests.process_kit import PATIENCE
from wiro_mock import protocols, pump, server
from wiro_mock import talk as talking
from wiro_mock.api import Conversation
from wiro_mock.api import socket as dialogue
from wiro_mock.pump import Pump
from wiro_mock.talk import Talk

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
        assert listener.connection.ping(b"hello").wait(PATIENCE)


def test_the_server_pings_and_goes_on_with_who_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 30 s (socket.md §1.1), here every 30 ms."""
    assert server.PING_SECONDS == 30
    monkeypatch.setattr(server, "PING_SECONDS", 0.03)
    monkeypatch.setattr(server, "PONG_SECONDS", PATIENCE)
    with live() as running, running.socket() as listener:
        pings = pings_to(listener)
        eventually(lambda: len(pings) > 3)  # there is another only after an answer: the client's library gives it
        listener.check_silence()


def test_the_server_lets_go_of_who_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """After one ping; also where a full buffer keeps the connection from closing."""
    monkeypatch.setattr(server, "PING_SECONDS", 0.03)
    monkeypatch.setattr(server, "PONG_SECONDS", 0.1)
    with live() as running:
        deaf = raw((running.thread.host, running.thread.port), UPGRADE + b"\r\n")
        received = everything(deaf)
        assert len(re.findall(rb"(?s)\x89\x04....", received)) == 1  # its payload is random, and may look like another
        assert b"1011" in received or b"\x03\xf3" in received
        running.check_clean()


def test_a_client_that_reads_nothing_costs_no_memory_and_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of 20 MB wait in the log, not in a buffer; after the guard the others go on, and the socket dies."""
    monkeypatch.setattr(pump, "SLOW_FOLLOWER_SECONDS", 0.3)
    monkeypatch.setattr(protocols, "UNREAD_SECONDS", 0.05)
    with live(scenarios=LONG) as running:
        running.world.use("long")
        task_id, token = running.run()
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((running.thread.host, running.thread.port))
        deaf.sendall(UPGRADE + b"\r\n")
        assert deaf.recv(4096).startswith(b"HTTP/1.1 101")
        deaf.sendall(text_frame(b'{"type":"task_info","tasktoken":"%s"}' % token.encode()))
        eventually(lambda: (task := running.world.sim.task(task_id)) and task.stdout == "" and task.answer)
        eventually(lambda: "socket: a client that read nothing for too long was let go" in running.told)
        running.check_clean()
        # Before it has read a byte: with a full buffer, closing alone would wait for the reader for ever.
        eventually(lambda: not [each for each in gc.get_objects() if _is_open(each)])
        assert len(everything(deaf)) < 4 << 20
        running.world.use_none()
        running.check_healthy()


def test_a_client_that_reads_nothing_for_a_while_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one sees the end meanwhile; and what the first one reads later is whole."""
    monkeypatch.setattr(pump, "PATIENCE", 0.05)
    with live(scenarios=LONG) as running:
        running.world.use("long")
        _, token = running.run()
        with running.socket("/v1", token) as late:
            with running.socket("/v1", token) as listener:
                assert listener.until_end()[-1]["type"] == "task_postprocess_end"
            assert late.until_end()[-1]["type"] == "task_postprocess_end"
        assert not any("let go" in told for told in running.told)


def _is_open(thing: object) -> bool:
    return type(thing) is protocols.SocketProtocol and not thing.disconnected


@pytest.mark.anyio
async def test_every_frame_that_is_sent_on_shows_that_the_client_moves() -> None:
    """The guard on deaf clients counts from the last frame, not from the first of a long backlog."""
    world = make_world()
    _, token = api_kit.run(world)
    world.jump(world.sim.now + 60_000_000)
    conversation = Conversation(world, "http://x")
    conversation.receive(json.dumps({"type": "task_info", "tasktoken": token}))
    follower = Pump(world).join()
    moments: list[float] = []

    async def send(_: object) -> None:
        moments.append(follower.moved_at)
        await asyncio.sleep(0.001)

    sending = asyncio.create_task(Talk(world, conversation, follower).send_news(send))
    async with asyncio.timeout(PATIENCE):
        while len(moments) < 17:
            await asyncio.sleep(0.001)
    sending.cancel()
    assert len(set(moments)) == 17


@pytest.mark.anyio
async def test_a_client_that_only_talks_is_not_listened_to_until_it_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many replies the next message stays in the client's pipe; then it goes on, and nothing is lost."""
    monkeypatch.setattr(talking, "REPLIES_WAITING", 10)
    world = make_world()
    talk = Talk(world, Conversation(world, "http://x"), Pump(world).join())
    said, sent, may_send = 0, 0, asyncio.Event()

    async def receive() -> dict[str, str]:
        nonlocal said
        said += 1
        return {"type": "websocket.receive" if said <= 100 else "websocket.disconnect", "text": '{"type":"task_info"}'}

    async def send(_: object) -> None:
        nonlocal sent
        await may_send.wait()
        sent += 1

    async def listen() -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            await talk.hear(message)

    halves = [asyncio.create_task(talk.send_news(send)), asyncio.create_task(listen())]
    for _ in range(300):
        await asyncio.sleep(0)
    assert 11 <= said <= 13  # the first replies are in the hands of the sender
    may_send.set()
    async with asyncio.timeout(PATIENCE):
        await halves[1]
        while sent < 101:  # with the welcome
            await asyncio.sleep(0.001)
    halves[0].cancel()


@pytest.mark.parametrize("then", ["reset", "read", "silence"])
def test_a_client_that_talks_and_never_reads_fills_no_memory(monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """It is held up itself; it can go then, or read, or be missed at the next ping: nobody waits for it for ever."""
    monkeypatch.setattr(talking, "REPLIES_WAITING", 50)
    monkeypatch.setattr(dialogue, "TOKEN_REQUIRED", {"type": "error", "message": "x" * 20_000, "result": False})
    if then == "silence":
        monkeypatch.setattr(server, "PONG_SECONDS", 0.1)
        monkeypatch.setattr(protocols, "UNREAD_SECONDS", 0.05)
    talks: list[Talk] = []
    real = Talk.start

    def start(talk: Talk, *doors: Any) -> Any:
        talks.append(talk)
        return real(talk, *doors)

    monkeypatch.setattr(Talk, "start", start)
    with live() as running:
        sock, _ = opened(running, b"")
        with sock:
            sock.sendall(text_frame(b'{"type":"task_info"}') * 1000)  # the answers to which no buffer on the way holds
            eventually(lambda: talks and len(talks[0]._replies) == 51)
            if then == "read":
                count = 0
                while count < 1000:
                    count += sock.recv(1 << 20).count(b"{")
            elif then == "silence":
                (protocol,) = (each for each in gc.get_objects() if _is_open(each))
                protocol.loop.call_soon_threadsafe(protocol.send_keepalive_ping)  # in 30 s it would be by itself
                running.check_clean()
            else:
                reset(sock)
        running.check_clean()
        running.check_healthy()
        assert not [line for line in running.told if "mistake" in line]


def test_a_client_that_is_turned_away_while_it_gets_frames_is_no_mistake_of_ours(auto: Live) -> None:
    """It registers and breaks the protocol in one breath."""
    _, token = auto.run()
    hello = text_frame(b'{"type":"task_info","tasktoken":"%s"}' % token.encode())
    for _ in range(5):
        everything(opened(auto, hello + b"\xff" * 100)[0])
    auto.check_healthy()
    assert not [line for line in auto.told if "mistake" in line]


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
