"""Frames per second to 1, 100 and 1 000 followers of one task, beside a bare Starlette that sends the same bytes.

The followers register while the task is held, so each has the welcome and the history; the clock starts with the
release, and stops when every follower has every byte. In time `auto` each frame has an instant of its own. That each
follower has had exactly the bytes of the first is asserted. Besides: memory with 1 000 open sockets, and with one of
them stuck for a minute of the world's time while the others go on; and, in real time, the latency between a step's
instant and its frame at 1 000 sockets.
"""

from __future__ import annotations

import argparse
import json
import resource
import selectors
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import kit
from tests.benchmarks.sockets import RUN_BODY, Listener, connect

TARGET = 0.7
FRAMES = {1: 2_000, 100: 200, 1_000: 50}
"""How many frames each follower gets."""
SCENARIO = """
scenario: held
about: A bar behind a door.
match: {model: moondream3-preview/caption}
steps:
  - start: {}
  - hold: door
  - progress: {steps: %d, for: %ds}
  - exit: 0
"""


@dataclass(slots=True)
class Side:
    """What one server did: seconds from the release to the last byte, and both processes' processor seconds."""

    seconds: float
    client: float
    server: float
    frames: int

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds

    @property
    def by_cpu(self) -> float:
        """Frames per second of the server's processor time."""
        return self.frames / max(self.server, 1e-9)


class Ear:
    """A follower that keeps the bytes it was sent, without looking at them."""

    def __init__(self, port: int, token: str) -> None:
        self.listener = connect(port)
        self.listener.register(token)
        self.data = self.listener.data
        self.came: list[tuple[float, int]] = []
        """The instants of reads, and how many bytes there were then."""

    def fileno(self) -> int:
        """For the selector."""
        return self.listener.sock.fileno()

    def read(self) -> bool:
        """Take what has come; whether the terminal frame is among it."""
        piece = self.listener.sock.recv(1 << 16)
        assert piece, "the server closed the socket"
        self.data += piece
        self.came.append((time.time(), len(self.data)))
        return b'"task_postprocess_end"' in self.data[-2000:]


def listen(ears: list[Ear], patience: float = 120) -> None:
    """Read until each of them has its terminal frame, which is the last."""
    with selectors.DefaultSelector() as selector:
        for ear in ears:
            selector.register(ear, selectors.EVENT_READ)
        left, end = len(ears), time.perf_counter() + patience
        while left:
            assert time.perf_counter() < end, f"{left} followers have not had their last frame"
            for key, _ in selector.select(1):
                if key.fileobj.read():  # type: ignore[union-attr]
                    selector.unregister(key.fileobj)
                    left -= 1


def until(ears: list[Ear], sign: bytes) -> None:
    """Read until each has had this."""
    for ear in ears:
        while sign not in ear.data:
            ear.read()


def texts_of(data: bytearray) -> list[str]:
    """The texts of the frames."""
    listener, texts = Listener(sock=None, data=bytearray(data)), []  # type: ignore[arg-type]
    while (payload := listener._next()) is not None:
        texts.append(payload.decode())
    return texts


def fan_out(child: kit.Child, size: int, token: str) -> tuple[Side, bytearray]:
    """Let so many follow, release the task, and read everything."""
    ears = [Ear(child.port, token) for _ in range(size)]
    until(ears, b'"task_start"')
    before = sum(len(texts_of(ears[0].data)) for _ in range(1)) * size
    started, client, server = time.perf_counter(), time.process_time(), child.processor_seconds
    kit.ask(child.port, kit.post(child.port, "/__wiro/holds/release", b"{}"))
    listen(ears)
    side = Side(time.perf_counter() - started, time.process_time() - client, child.processor_seconds - server, 0)
    assert all(ear.data == ears[0].data for ear in ears), "the followers were sent different bytes"
    side.frames = len(texts_of(ears[0].data)) * size - before
    for ear in ears:
        ear.listener.sock.close()
    return side, ears[0].data


def run(child: kit.Child) -> str:
    """Take on a run; its token."""
    answer = json.loads(kit.ask(child.port, kit.post(child.port, kit.CAPTION_RUN, RUN_BODY)))
    return str(answer["socketaccesstoken"])


@contextmanager
def held(mode: str, frames: int, seconds: int, *options: str) -> Iterator[kit.Child]:
    """Our server with a task that waits behind its door and then says so many things in so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "held.yaml").write_text(SCENARIO % (frames, seconds))
        with kit.wiro_mock(mode, "--scenarios", folder, *options) as child:
            yield child


def compare(mode: str, size: int, apart: bool, rounds: int) -> list[object]:
    """One row: the medians of either side, and the ratios."""
    frames = FRAMES[size]
    sides: dict[str, list[Side]] = {"ours": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "frames.json")
        for number in range(rounds):
            with held(mode, frames, frames if apart else 0, "--time", "auto") as child:
                ours, data = fan_out(child, size, run(child))
            texts = texts_of(data)
            door = next(at for at, text in enumerate(texts) if '"task_start"' in text)
            # The rival's second text is sent on registration: it stands for the history.
            file.write_text(json.dumps([texts[0], texts[door], *texts[door + 1 :]]))
            with kit.rival(mode, "bare_fanout", FRAMES=str(file), APART="1" if apart else "") as child:
                bare, _ = fan_out(child, size, "x" * 30)
            assert bare.frames == ours.frames, (bare.frames, ours.frames)
            if number or rounds == 1:  # the first round warms the disk
                sides["ours"].append(ours)
                sides["bare"].append(bare)
    mine, other = sides["ours"], sides["bare"]
    ratio = kit.median([a.rate / b.rate for a, b in zip(mine, other, strict=True)])
    by_cpu = kit.median([a.by_cpu / b.by_cpu for a, b in zip(mine, other, strict=True)])
    rates = [kit.median([side.rate for side in each]) for each in (mine, other)]
    shares = [kit.median([side.client / side.seconds for side in each]) for each in (mine, other)]
    return [
        f"{mode}, {size} followers, {'one by one' if apart else 'at once'}",
        mine[0].frames,
        *rates,
        ratio,
        by_cpu,
        TARGET,
        *shares,
    ]


def instants(ear: Ear) -> list[float]:
    """When each frame was there, by the client's clock."""
    found, at = [], 0
    for text in texts_of(ear.data):
        at += len(text.encode()) + (2 if len(text.encode()) < 126 else 4 if len(text.encode()) < 1 << 16 else 10)
        found.append(next((instant for instant, size in ear.came if size >= at), 0.0))
    return found


def late(mode: str, size: int) -> list[object]:
    """A row: milliseconds between a step's instant, as the server's log has it, and its frame, on the real clock."""
    steps, seconds = 40, 20
    with held(mode, steps, seconds, "--time", "real") as child:
        token = run(child)
        ears = [Ear(child.port, token) for _ in range(size)]
        until(ears, b'"task_start"')
        cpu = child.processor_seconds
        kit.ask(child.port, kit.post(child.port, "/__wiro/holds/release", b"{}"))
        listen(ears)
        cpu = child.processor_seconds - cpu
        log = json.loads(kit.ask(child.port, kit.get(child.port, f"/__wiro/tasks/{token}")))["log"]
    at = [entry["at"] for entry in log if entry["frame"] and isinstance(entry["frame"]["message"], dict)]
    lags = []
    for ear in ears:
        own = [when for when, text in zip(instants(ear), texts_of(ear.data), strict=True) if '"progressG' in text]
        lags += [1000 * (came - due) for came, due in zip(own, at, strict=True)]
    lags.sort()
    shares = [lags[len(lags) // 2], lags[len(lags) * 99 // 100], lags[-1]]
    return [f"{mode}, {size} followers", len(lags), *shares, 1000 * cpu / steps]


STUCK = """
scenario: held
about: A long text behind a door, of frames that grow.
match: {model: moondream3-preview/caption}
steps:
  - start: {}
  - hold: door
  - stream: {text: "%s", rate: 33tps}
  - exit: 0
"""


def stuck(mode: str, deaf: int, size: int = 20) -> list[object]:
    """A row: memory, and the others' waits, with so many followers that read nothing for a minute of the world's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "held.yaml").write_text(STUCK % ("lorem " * 2_000))
        with kit.wiro_mock(mode, "--scenarios", folder, "--time", "10x") as child:
            token = run(child)
            ears = [Ear(child.port, token) for _ in range(size)]
            mute = [Ear(child.port, token) for _ in range(deaf)]
            until(ears, b'"task_start"')
            before = child.resident
            kit.ask(child.port, kit.post(child.port, "/__wiro/holds/release", b"{}"))
            listen(ears)
            grown = child.resident - before
            gaps = sorted(
                1000 * (b[0] - a[0]) for ear in ears for a, b in zip(ear.came[3:], ear.came[4:], strict=False)
            )
            sent = len(ears[0].data)
            for ear in [*ears, *mute]:
                ear.listener.sock.close()
    middle, most = gaps[len(gaps) // 2], gaps[len(gaps) * 999 // 1000]
    return [f"{mode}, {deaf} of {size + deaf} stuck", sent / 2**20, grown / 2**20, middle, most, gaps[-1]]


def opened(mode: str, size: int) -> list[object]:
    """A row: memory of so many open sockets that follow one task."""
    with held(mode, 10, 10, "--time", "real") as child:
        token, before = run(child), child.resident
        ears = [Ear(child.port, token) for _ in range(size)]
        until(ears, b'"task_start"')
        grown = child.resident - before
        for ear in ears:
            ear.listener.sock.close()
    return [f"{mode}, {size} open sockets", grown / 2**20, grown / size / 1024]


def main(arguments: list[str] | None = None) -> None:
    """Measure every number of followers in every mode."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fanout", description=__doc__)
    parser.add_argument("--followers", type=int, nargs="*", default=list(FRAMES))
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--modes", nargs="*", default=list(kit.modes()))
    parser.add_argument("--only", choices=["rates", "rest"], default="")
    options = parser.parse_args(arguments)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 4_000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_000, hard), hard))  # children inherit it
    if options.only != "rest":
        rates(options)
    if options.only != "rates":
        rest(options)


def rest(options: argparse.Namespace) -> None:
    """Latency and memory."""
    kit.title("from a step's instant to its frame, in real time: milliseconds")
    rows = [late(mode, size) for mode in options.modes for size in (1, 1_000)]
    kit.table(["", "frames", "median", "99 %", "worst", "server cpu of a step"], rows)
    kit.title("memory of open sockets")
    kit.table(["", "MiB", "KiB each"], [opened(mode, 1_000) for mode in options.modes])
    kit.title("followers that read nothing for a minute of the world's time (10x); milliseconds between others' frames")
    rows = [stuck(mode, deaf) for mode in options.modes for deaf in (0, 1)]
    kit.table(["", "MiB to each", "MiB grown", "median gap", "99.9 %", "worst"], rows)


def rates(options: argparse.Namespace) -> None:
    """Frames per second."""
    kit.title("frames per second to the followers of one task")
    rows = [
        compare(mode, size, apart, options.rounds)
        for mode in options.modes
        for size in options.followers
        for apart in (False, True)
    ]
    kit.table(["", "frames", "ours/s", "bare/s", "÷", "÷ by cpu", "at least", "client", "client (bare)"], rows)


if __name__ == "__main__":
    main()
