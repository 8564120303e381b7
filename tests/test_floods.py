"""Clients that flood the server: others have their turn meanwhile, and nothing grows without a bound."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from collections.abc import Iterator, Sequence

import pytest

from tests.api_kit import make_world, run
from tests.live_kit import PATIENCE, UPGRADE, Live, eventually, everything, live, opened, raw, reset
from wiro_mock.api import jsontext
from wiro_mock.api import socket as dialogue
from wiro_mock.protocols import SLICE, SocketProtocol, message_frame

MANY = """
scenario: many
about: A log of many lines.
match: {model: "*"}
steps: [{start: {}}, %s {exit: 0}]
""" % ("{print: x}, " * 200)


@pytest.fixture(scope="module")
def auto() -> Iterator[Live]:
    """One server in virtual time."""
    with live(poll=0) as running:
        yield running
        running.check_clean()


def frame(opcode: int, data: bytes = b"", *, fin: bool = True) -> bytes:
    """A masked frame of a client (mask of zeros)."""
    assert len(data) < 126
    return bytes([(0x80 if fin else 0) | opcode, 0x80 | len(data)]) + bytes(4) + data


def protocol_of(sock: socket.socket) -> SocketProtocol:
    """The server's end of a raw client's socket."""
    (found,) = (
        one
        for one in gc.get_objects()
        if type(one) is SocketProtocol and one.client == sock.getsockname() and not one.disconnected
    )
    return found


def test_a_message_that_is_too_long_to_register_anything_is_not_looked_into(
    auto: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 8 MiB of brackets JSON would make three million lists, and others would wait for seconds."""
    read: list[int] = []
    loads = jsontext.loads

    def counted(text: str) -> object:
        read.append(len(text))
        return loads(text)

    monkeypatch.setattr(jsontext, "loads", counted)
    _, token = auto.run()
    with auto.socket() as listener:
        listener.connection.send("[" + "[]," * ((8 << 20) // 3 - 2) + "[]]")
        listener.say({"type": "task_info", "tasktoken": token, "padding": "x" * dialogue.LONGEST_MESSAGE})
        listener.check_silence()
    assert any(f"dropped a message of {(8 << 20) - 4} characters" in line for line in auto.told), auto.told
    frames = [one for one in auto.world.frames if one.direction == "in" and one.size > dialogue.LONGEST_MESSAGE]
    assert len(frames) == 2
    assert max(read) <= dialogue.LONGEST_MESSAGE


def test_a_message_in_very_many_pieces_takes_its_bytes_and_no_more(auto: Live) -> None:
    """Each piece in a list of its own would take fifty bytes for one; put together it is a message like any other."""
    said = json.dumps({"type": "task_info", "tasktoken": auto.run()[1]}).encode()
    sock, received = opened(auto, frame(1, b"", fin=False))
    with sock:
        server = protocol_of(sock)
        sock.sendall(frame(0, b"", fin=False) * 20_000)
        sock.sendall(b"".join(frame(0, said[at : at + 1], fin=False) for at in range(len(said) - 1)))
        eventually(lambda: server.frames and len(server.frames[0]) == len(said) - 1)
        assert len(server.frames) == 1
        sock.sendall(frame(0, said[-1:]))
        while b'"task_postprocess_end"' not in received:
            received += sock.recv(1 << 16)
        reset(sock)
    auto.check_clean()


def test_bytes_in_pieces_stay_bytes(auto: Live) -> None:
    """Of a binary message as of a text."""
    with auto.socket() as listener:
        listener.connection.send([b"token|", b"\x00" * 10, b"", b"\x01" * 10])
        listener.check_silence()
    heard = [one for one in auto.world.frames if one.direction == "in" and one.size == 26]
    assert [one.text[:20] for one in heard] == ["74 6f 6b 65 6e 7c 00"]


def test_a_flood_is_looked_at_in_slices(auto: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two of them the loop does what others want; every ping has its pong, in order."""
    sizes: list[int] = []
    look_at = SocketProtocol._look_at

    def count(self: SocketProtocol, data: bytes) -> None:
        sizes.append(len(data))
        look_at(self, data)

    monkeypatch.setattr(SocketProtocol, "_look_at", count)
    numbers = [b"%05d" % number for number in range(10_000)]
    sock, received = opened(auto, b"".join(frame(9, number) for number in numbers))
    with sock:
        wanted = b"".join(b"\x8a\x05" + number for number in numbers)
        while wanted not in received:
            received += sock.recv(1 << 16)
        reset(sock)
    assert max(sizes) <= SLICE
    assert sum(sizes) > 11 * len(numbers)


def test_a_flood_of_messages_waits_for_the_app_and_is_heard_to_its_end(auto: Live) -> None:
    """No more is looked at than there is room for; what was sent before the client left counts."""
    auto.world.frames._kept.clear()
    messages = [b'{"type":"no","n":%d}' % number for number in range(800)]
    sock, _ = opened(auto, b"".join(frame(1, message) for message in messages) + frame(8, b"\x03\xe8"))
    with sock:
        everything(sock)
    auto.check_clean()
    heard = [one.text.encode() for one in auto.world.frames if one.direction == "in"]
    assert heard == messages


@pytest.mark.parametrize("endless", [b"GET /", UPGRADE + b"X-A: ", UPGRADE], ids=["address", "header", "headers"])
def test_a_head_without_an_end_is_cut_off(auto: Live, endless: bytes) -> None:
    """431, or whatever h11 says to it; not one byte more than a few hundred thousand is taken."""
    piece = b"x" * 8000 if endless != UPGRADE else b"X-A: b\r\n" * 1000
    sock = raw((auto.thread.host, auto.thread.port), endless)
    sock.settimeout(PATIENCE)
    answer = b""
    with sock, pytest.raises(OSError, match=r"(?i)reset|pipe|aborted"):  # noqa: PT012 -- either may notice
        for _ in range(10_000):
            sock.sendall(piece)
        raise AssertionError("80 MB of a head were taken")
    assert answer == b""
    auto.check_healthy()


def test_a_long_body_with_a_request_after_it_is_no_long_head(auto: Live) -> None:
    """Both in one go, so that the second head is cut in two."""
    one = b"POST /v1/Tool/List HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
    body = b"{%s}" % (b" " * 300_000)
    whole = one % len(body) + body + one % 2 + b"{}"
    sock = raw((auto.thread.host, auto.thread.port), whole[:-60], whole[-60:-10])
    with sock:
        sock.sendall(whole[-10:])
        received = b""
        while received.count(b"HTTP/1.1 200") < 2:
            piece = sock.recv(1 << 16)
            assert piece, received[-300:]
            received += piece


def test_no_more_is_read_while_requests_wait_for_their_turn(auto: Live) -> None:
    """Uvicorn reads on after every answer: a client that takes none would fill the memory with its requests."""
    pytest.importorskip("httptools")
    request = b"POST /v1/Tool/List HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    seen: list[tuple[int, bool]] = []
    with socket.create_connection((auto.thread.host, auto.thread.port)) as sock:

        def look() -> None:
            (server,) = (
                one
                for one in gc.get_objects()
                if type(one).__name__ == "HttpProtocol" and getattr(one, "client", None) == sock.getsockname()
            )
            seen.append((len(server.pipeline), server.flow.read_paused))

        def look_soon(*_: object) -> bool:
            asyncio.get_running_loop().call_soon(look)
            return True

        auto.world.log_request = look_soon
        try:
            sock.sendall(request * 4)
            eventually(lambda: len(seen) == 4)
        finally:
            auto.world.log_request = None
    assert [paused for waiting, paused in seen if waiting] == [True] * len([1 for waiting, _ in seen if waiting])
    assert not seen[-1][1]


def test_what_is_due_at_once_is_written_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write is a call of the kernel, dearer than the frame in it; the frames are those of any other follower."""
    written: list[int] = []
    write_now = SocketProtocol.write_now

    def count(self: SocketProtocol, messages: Sequence[str | bytes]) -> bool:
        written.append(len(messages))
        return write_now(self, messages)

    with live(poll=0, scenarios=MANY, time="manual") as running:
        _, token = running.run()
        running.admin("/time", {"advance": "1h"})
        monkeypatch.setattr(SocketProtocol, "write_now", count)
        history = running.frames_of(token)
        calls = [size for size in written if size]
        assert sum(calls) == len(history) + 1 > 200
        assert len(calls) < 10, calls
        monkeypatch.setattr(SocketProtocol, "write_now", lambda *_: False)
        assert running.frames_of(token) == history


def test_so_many_characters_wait_at_once_for_a_client_that_reads_nothing() -> None:
    """Sixty-four frames of a megabyte each would be as many megabytes for every stuck client."""
    world = make_world(time="manual", scenarios=MANY.replace(": x", ": " + "x" * 20_000))
    _, token = run(world)
    world.jump(world.sim.now + 3600 * 1_000_000)
    conversation = dialogue.Conversation(world, "http://x")
    conversation.receive(json.dumps({"type": "task_info", "tasktoken": token}))
    pieces = list(iter(conversation.pending, []))
    assert max(sum(map(len, piece[:-1])) for piece in pieces) <= 64 << 10
    assert sum(map(len, pieces)) > 200


def test_a_frame_is_encoded_once_for_all_followers() -> None:
    """The latest is kept, if it is not too long; another of the same length is another one."""
    one, other = "ä" * 100, "ö" * 100
    assert message_frame(one) is message_frame(one)
    assert message_frame(other) == b"\x81\x7e\x00\xc8" + other.encode()
    assert message_frame(one.encode()) == b"\x82\x7e\x00\xc8" + one.encode()
    long = "x" * (1 << 16)
    assert message_frame(long) == b"\x81\x7f" + len(long).to_bytes(8, "big") + long.encode()
    assert message_frame(one) == b"\x81\x7e\x00\xc8" + one.encode()
