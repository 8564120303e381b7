"""1 000 sockets follow 1 000 tasks on one server: every frame is delivered, in order, none twice, none missing.

That is asserted, for each socket, against the frames of the same task seen alone; times are only printed. Three
settings: virtual time (all tasks run first, then registered, so each socket gets the whole history and the rest),
real time, and real time at a rate, where each task is registered right after its Run. The client is a
hand-written reader of unmasked, unfragmented text frames over one selector.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import resource
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks import kit

RUN_BODY = b'{"inputImageUrl":"https://example.test/cat.png","prompt":"a cat"}'
TERMINAL = "task_postprocess_end"


@dataclass(slots=True)
class Listener:
    """One socket: what has come, as parsed frames, the welcome left out."""

    sock: socket.socket
    token: str = ""
    data: bytearray = field(default_factory=bytearray)
    frames: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False

    def read(self) -> int:
        """Take what has come; returns the number of new frames."""
        piece = self.sock.recv(1 << 16)
        if not piece:
            raise RuntimeError(f"the server closed the socket of {self.token} after {len(self.frames)} frames")
        self.data += piece
        count = 0
        while (payload := self._next()) is not None:
            frame = json.loads(payload)
            if frame["type"] != "connected":
                self.frames.append(frame)
                self.done = self.done or frame["type"] == TERMINAL
                count += 1
        return count

    def _next(self) -> bytes | None:
        data = self.data
        if len(data) < 2:
            return None
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < max(start, 4 if data[1] == 126 else 2) or len(data) < start + size:
            return None
        if data[0] == 0x89:  # a ping needs no answer within the length of this run
            del data[: start + size]
            return self._next()
        assert data[0] == 0x81, f"not an unfragmented text frame: {bytes(data[:2])!r}"
        payload = bytes(data[start : start + size])
        del data[: start + size]
        return payload

    def register(self, token: str) -> None:
        """Follow a task."""
        self.token = token
        text = json.dumps({"type": "task_info", "tasktoken": token}).encode()
        assert len(text) < 126
        mask = os.urandom(4)
        self.sock.sendall(
            bytes([0x81, 0x80 | len(text)]) + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
        )


def connect(port: int) -> Listener:
    """Open a socket and read the answer to the upgrade."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET /v1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(4096)
    head, _, rest = head.partition(b"\r\n\r\n")
    assert b" 101 " in head.split(b"\r\n", 1)[0], head
    return Listener(sock=sock, data=bytearray(rest))


class Crowd:
    """All sockets over one selector."""

    def __init__(self, port: int, size: int) -> None:
        self.selector = selectors.DefaultSelector()
        self.listeners = [connect(port) for _ in range(size)]
        for listener in self.listeners:
            self.selector.register(listener.sock, selectors.EVENT_READ, listener)

    def read(self, timeout: float) -> int:
        """Read what has come to any of them."""
        return sum(key.data.read() for key, _ in self.selector.select(timeout))

    def close(self) -> None:
        """Close them all."""
        self.selector.close()
        for listener in self.listeners:
            listener.sock.close()


def essence(frames: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What must be the same for every task: type and message, without the address of a file."""
    return [(frame["type"], json.dumps(_bare(frame["message"]), sort_keys=True)) for frame in frames]


def _bare(message: Any) -> Any:
    if isinstance(message, list):
        return [{name: value for name, value in item.items() if name != "url"} for item in message]
    return message


def follow(child: kit.Child, crowd: Crowd, *, together: bool, patience: float) -> tuple[float, int, list[float]]:
    """Run a task for each socket and read until all have ended; returns seconds, frames, and both sides' cpu."""
    port = child.port
    run, connection = kit.post(port, kit.CAPTION_RUN, RUN_BODY), kit.Connection(port)
    started, cpu, server, frames = time.perf_counter(), time.process_time(), child.processor_seconds, 0

    def one_run() -> str:
        connection.send(run)
        return str(json.loads(connection.receive())["socketaccesstoken"])

    tokens = [one_run() for _ in crowd.listeners] if together else []
    if together:
        started, cpu, server = time.perf_counter(), time.process_time(), child.processor_seconds
    for number, listener in enumerate(crowd.listeners):
        listener.register(tokens[number] if together else one_run())
        frames += crowd.read(0) if number % 10 == 0 else 0
    while not all(listener.done for listener in crowd.listeners):
        if time.perf_counter() - started > patience:
            late = sum(not listener.done for listener in crowd.listeners)
            raise AssertionError(f"{late} sockets have not had their last frame after {patience:.0f} s")
        frames += crowd.read(1)
    elapsed = time.perf_counter() - started
    shares = [(time.process_time() - cpu) / elapsed, (child.processor_seconds - server) / elapsed]
    time.sleep(0.3)
    frames += crowd.read(0)
    connection.close()
    return elapsed, frames, shares


def check(crowd: Crowd, expected: list[tuple[str, str]], *, whole: bool) -> int:
    """Every socket has its own task's frames and no other's, in order; returns how many began after `task_queue`.

    Where time is real, a registration that came after a status began with the frame of that status (design.md
    §11), and from there on nothing may be missing.
    """
    late = 0
    for listener in crowd.listeners:
        assert {frame["tasktoken"] for frame in listener.frames} == {listener.token}
        seen = essence(listener.frames)
        if seen != expected:
            assert not whole, f"{listener.token}: {seen} instead of {expected}"
            assert seen == expected[-len(seen) :], f"{listener.token}: {seen} is no end of {expected}"
            late += 1
    return late


def measure(mode: str, time_mode: str, size: int, patience: float) -> list[object]:
    """One row of the table."""
    together = time_mode == "auto"
    with kit.wiro_mock(mode, "--time", time_mode) as child:
        alone = Crowd(child.port, 1)
        follow(child, alone, together=together, patience=60)
        expected = essence(alone.listeners[0].frames)
        alone.close()
        empty = child.resident
        crowd = Crowd(child.port, size)
        crowd.read(0.5)
        opened = child.resident
        seconds, frames, shares = follow(child, crowd, together=together, patience=patience)
        full = child.resident
        late = check(crowd, expected, whole=together)
        crowd.close()
    per_socket, per_task = (opened - empty) / size / 1024, (full - opened) / size / 1024
    return [f"{mode}, {time_mode}", seconds, frames, frames / seconds, late, per_socket, per_task, *shares]


def main(arguments: list[str] | None = None) -> None:
    """Measure every setting in the fastest mode there is, and virtual time in the base mode too."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sockets", description=__doc__)
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--rate", default="3x")
    parser.add_argument("--patience", type=float, default=120)
    options = parser.parse_args(arguments)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * options.sockets + 200
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))  # children inherit it
    kit.title(f"{options.sockets:,} sockets following {options.sockets:,} tasks on one server")
    rows = [
        measure(mode, time_mode, options.sockets, options.patience)
        for mode in kit.modes()
        for time_mode in ("auto", "real", options.rate)
    ]
    headings = ["", "seconds", "frames", "frames/s", "late", "KiB/socket", "KiB/task", "client cpu", "server cpu"]
    kit.table(headings, rows)
    print("   asserted: every socket had every frame of its own task, in order, once, and no other's\n")


if __name__ == "__main__":
    main()
