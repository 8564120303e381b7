"""Realtime audio: pieces of 200 ms that are heard and said per second, beside a bare Starlette that looks at none.

`heard`: each client says so much in a session of its own, and asks something last: what answers it comes behind all of
it. That the server has heard every second of it is asserted. `said`: so much sound is due at once in each session, and
the clock stops when every client has its last byte. One real voice is five pieces a second, each way: what a server can
hear and say, divided by five, are the callers that it can have.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import kit
from tests.benchmarks.fanout import Side
from tests.benchmarks.sockets import Listener, connect
from wiro_mock.kernel.audio import CHUNK, SAMPLE, Tone, pcm

WAYS = ("heard", "said")
PIECES = {1: 2_000, 20: 200}
"""How many pieces in each session, by the number of sessions."""
RUN = "/v1/Run/openai/gpt-realtime"
SCENARIO = """
scenario: talk
match: {model: openai/gpt-realtime}
steps:
  - start: {}
  - hold: door
  - session:
      pace: instant
      turns:
        - {when: %s, say: hello, audio: {tone: 440, for: %ds}}
  - exit: 0
"""


def silence(start: int, stop: int) -> bytes:
    """Nothing was heard."""
    return bytes(SAMPLE * (stop - start))


def piece(token: str) -> bytes:
    """A loud piece of 200 ms, as a client's binary frame; the mask is of zeros."""
    payload = token.encode() + b"|" + pcm(Tone(hz=300), 0, CHUNK, silence)
    return b"\x82\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload


def text(said: object) -> bytes:
    """A client's text frame."""
    payload = json.dumps(said).encode()
    return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload


def until(listener: Listener, sign: bytes) -> int:
    """Read up to this; how many bytes have come."""
    size = 0
    while sign not in listener.data[-2_000:]:
        came = listener.sock.recv(1 << 18)
        assert came, "the server closed the socket"
        size += len(came)
        listener.data = listener.data[-2_000:] + came
    return size


def measure(child: kit.Child, callers: list[tuple[Listener, str]], way: str, pieces: int) -> Side:
    """Say so much in every session, or hear what it says."""
    frames = [piece(token) for _, token in callers]
    client, server, started = time.process_time(), child.processor_seconds, time.perf_counter()
    if way == "heard":
        for _ in range(pieces):
            for (listener, _), frame in zip(callers, frames, strict=True):
                listener.sock.sendall(frame)
        for listener, _ in callers:
            listener.sock.sendall(text({"type": "task_info"}))
            until(listener, b'"error"')
    else:
        kit.ask(child.port, kit.post(child.port, "/__wiro/holds/release", b"{}"))
        came = [until(listener, b'"task_cost"') for listener, _ in callers]
        assert min(came) > pieces * CHUNK * SAMPLE, came
    seconds = time.perf_counter() - started
    return Side(seconds, time.process_time() - client, child.processor_seconds - server, pieces * len(callers))


def ours(mode: str, way: str, size: int, pieces: int) -> Side:
    """What wiro-mock does."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        seconds = pieces // 5
        (folder / "talk.yaml").write_text(SCENARIO % ("heard" if way == "heard" else "start", seconds))
        child = stack.enter_context(kit.wiro_mock(mode, "--scenarios", str(folder), "--time", "auto"))
        request = kit.post(child.port, RUN, b"{}")
        tokens = [json.loads(kit.ask(child.port, request))["socketaccesstoken"] for _ in range(size)]
        callers = [(connect(child.port), token) for token in tokens]
        for listener, token in callers:
            listener.register(token)
            until(listener, b'"task_start"')
        if way == "heard":
            kit.ask(child.port, kit.post(child.port, "/__wiro/holds/release", b"{}"))
            for listener, _ in callers:
                until(listener, b'"task_stream_ready"')
        side = measure(child, callers, way, pieces)
        for token in tokens:
            shown = json.loads(kit.ask(child.port, kit.get(child.port, f"/__wiro/sessions/{token}")))
            told = shown["heard"]["seconds"] if way == "heard" else shown["said_seconds"]
            assert told == seconds, (told, seconds)
        return side


def bare(mode: str, way: str, size: int, pieces: int) -> Side:
    """What a bare Starlette does with the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "sound.pcm")
        file.write_bytes(pcm(Tone(hz=440), 0, CHUNK, silence) * pieces)
        with kit.rival(mode, "bare_voice", SOUND=str(file)) as child:
            callers = [(connect(child.port), "x" * 30) for _ in range(size)]
            for listener, token in callers:
                listener.register(token)
                until(listener, b'"task_stream_ready"')
            return measure(child, callers, way, pieces)


def compare(mode: str, way: str, size: int, rounds: int) -> list[object]:
    """One row: the medians of either side, and the ratios."""
    pieces = PIECES[size]
    sides = [(ours(mode, way, size, pieces), bare(mode, way, size, pieces)) for _ in range(rounds)]
    return [
        f"{mode}, {way}, {size} sessions",
        sides[0][0].frames,
        kit.median([mine.rate for mine, _ in sides]),
        kit.median([other.rate for _, other in sides]),
        kit.median([mine.rate / other.rate for mine, other in sides]),
        kit.median([mine.by_cpu / other.by_cpu for mine, other in sides]),
        kit.median([mine.client / mine.seconds for mine, _ in sides]),
    ]


def main(arguments: list[str] | None = None) -> None:
    """Measure both ways, one caller and many."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.voice", description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="*", default=list(PIECES), choices=list(PIECES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes", nargs="*", default=list(kit.modes()))
    options = parser.parse_args(arguments)
    kit.title("realtime audio: pieces of 200 ms per second (a voice is five, each way)")
    rows = [
        compare(mode, way, size, options.rounds) for mode in options.modes for way in WAYS for size in options.sessions
    ]
    kit.table(["", "pieces", "ours/s", "bare/s", "÷", "÷ by cpu", "client"], rows)


if __name__ == "__main__":
    main()
