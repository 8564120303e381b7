"""1 000 clients wait in `Run/sync` on one server, as JSON and as events, beside a bare Starlette handler that waits.

What is measured: memory per waiting client (ours keeps a task for each, too, which is measured apart), and the seconds
from the word that lets them all go to the last byte of the last answer. Every answer is checked to be whole.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import kit

BODY = b'{"inputImage":"https://example.test/cat.png"}'
SYNC = f"{kit.CAPTION_RUN}/sync"
WAYS = {"json": SYNC, "events": f"{SYNC}?stream=true"}
ENDS = {"json": b"}", "events": b"0\r\n\r\n"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one crowd."""

    memory: float
    seconds: float
    server: float


def crowd(port: int, way: str, size: int) -> list[socket.socket]:
    """So many clients that have asked and wait."""
    request, socks = kit.post(port, WAYS[way], BODY), []
    for _ in range(size):
        sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        sock.sendall(request)
        socks.append(sock)
    return socks


def read_all(socks: list[socket.socket], way: str) -> list[bytes]:
    """Everybody's answer, whole."""
    got = {sock: bytearray() for sock in socks}
    left = set(socks)
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ, sock)
        while left:
            found = selector.select(60)
            assert found, f"{len(left)} clients have had no answer"
            for key, _ in found:
                sock = key.data
                piece = sock.recv(1 << 16)
                assert piece, "a connection was closed before its answer was whole"
                got[sock] += piece
                if is_whole(got[sock], way):
                    left.discard(sock)
                    selector.unregister(sock)
    return [bytes(got[sock]) for sock in socks]


def is_whole(data: bytearray, way: str) -> bool:
    """Whether it has come to its end."""
    if way == "events":
        return data.endswith(ENDS[way]) and b"event: done" in data
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    at = head.lower().find(b"content-length:")
    return at > 0 and len(body) == int(head[at + 15 :].split(b"\r\n", 1)[0])


def measure(child: kit.Child, way: str, size: int) -> Measured:
    """Let them wait, look at the memory, let them go."""
    go = kit.post(child.port, "/__wiro/time", b'{"advance":"60s"}')
    empty = child.resident
    socks = crowd(child.port, way, size)
    kit.settle(child)
    memory = (child.resident - empty) / size / 1024
    started, cpu = time.perf_counter(), child.processor_seconds
    word = kit.Connection(child.port)
    word.send(go)
    answers = read_all(socks, way)
    seconds, cpu = time.perf_counter() - started, child.processor_seconds - cpu
    word.close()
    assert all(b"task_postprocess_end" in one for one in answers)
    for sock in socks:
        sock.close()
    return Measured(memory, seconds, cpu)


def one_round(mode: str, side: str, way: str, size: int, answer: Path) -> Measured:
    """One side in one install; ours has read its scenarios and imported everything before."""
    if side != "ours":
        with kit.rival(mode, "bare_waiting", ANSWER=os.fspath(answer)) as child:
            return measure(child, way, size)
    with kit.wiro_mock(mode, "--time", "manual", "--balance", "1000000") as child:
        measure(child, way, 5)
        return measure(child, way, size)


def task_memory(mode: str, size: int) -> float:
    """KiB that a task takes for which nobody waits."""
    with kit.wiro_mock(mode, "--time", "manual", "--balance", "1000000") as child:
        connection, request = kit.Connection(child.port), kit.post(child.port, kit.CAPTION_RUN, BODY)
        connection.send(request)
        connection.receive()
        empty = child.resident
        for _ in range(size):
            connection.send(request)
            connection.receive()
        connection.close()
        return (child.resident - empty) / size / 1024


def answer_of(mode: str) -> bytes:
    """What ours answers."""
    with kit.wiro_mock(mode, "--time", "auto") as child:
        return kit.ask(child.port, kit.post(child.port, SYNC, BODY))


def main(arguments: list[str] | None = None) -> None:
    """Each way in each install, the sides in turn."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sync", description=__doc__)
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    kit.title(f"{options.clients:,} clients wait in Run/sync on one server")
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer.json"
        for mode in kit.modes():
            file.write_bytes(answer_of(mode))
            json.loads(file.read_bytes())
            for way in WAYS:
                found: dict[str, list[Measured]] = {"ours": [], "Starlette": []}
                for side in kit.in_turn([*found], options.rounds):
                    found[side].append(one_round(mode, side, way, options.clients, file))
                rows += [_row(f"{mode}, {way}, {side}", of) for side, of in found.items()]
                ratio = [kit.median([one.server for one in found[side]]) for side in ("ours", "Starlette")]
                rows.append([f"{mode}, {way}, ours ÷ Starlette, by cpu", "", "", ratio[0] / ratio[1]])
            rows.append([f"{mode}, a task without a client", task_memory(mode, options.clients), "", ""])
    kit.table(["", "KiB/client", "seconds", "server cpu s"], rows)


def _row(name: str, of: list[Measured]) -> list[object]:
    return [name, *(kit.median([getattr(one, what) for one in of]) for what in ("memory", "seconds", "server"))]


if __name__ == "__main__":
    main()
