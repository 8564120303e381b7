"""What recording costs: a client straight at a mock, through a bare proxy, and through `wiro-mock record`.

Requests one after another; whole lifecycles one after another and twenty at a time; uploads; frames of
one task as fast as they come, and how much later each comes than to a client beside that listens directly; a language
model's stream, whose frames repeat all that was said before; memory for each task. The bare proxy is what any proxy of
the same libraries costs; what the recorder takes beyond that is recording, with `traffic.har` and without it. The
upstream works for the recorder's own listening, too.
"""

from __future__ import annotations

import argparse
import json
import selectors
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import kit
from tests.benchmarks.sockets import RUN_BODY, Listener, connect

SIDES = ("direct", "bare proxy", "recorder, no har", "recorder")
CHAT = "/v1/Run/openai/gpt-5-2"
HELD = """
scenario: held
about: A bar behind a door.
match: {model: moondream3-preview/caption}
steps:
  - start: {}
  - hold: door
  - progress: {steps: %d, for: %ds}
  - exit: 0
"""
SPOKEN = """
scenario: spoken
about: A long answer behind a door.
match: {model: openai/*}
steps:
  - start: {}
  - hold: door
  - stream: {text: "%s", rate: 50tps}
  - exit: 0
"""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the upstream: the process that the client talks to, and the upstream's own."""

    name: str
    child: kit.Child
    upstream: kit.Child

    @property
    def port(self) -> int:
        """Where the client goes."""
        return self.child.port


@contextmanager
def way(name: str, mode: str, *options: str) -> Iterator[Way]:
    """A mock, and what stands before it."""
    folder = Path(tempfile.mkdtemp())
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        upstream = stack.enter_context(kit.wiro_mock(mode, "--balance", "1000000", *options))
        url = f"http://127.0.0.1:{upstream.port}"
        if name == "direct":
            child = upstream
        elif name == "bare proxy":
            child = stack.enter_context(kit.rival(mode, "bare_proxy", UPSTREAM=url))
        else:
            har = ["--no-har"] if "no har" in name else []
            to = str(folder / "recordings")
            command = kit.program(mode, "wiro_mock", "record", "--upstream", f"{url}/v1", "--to", to, *har)
            child = stack.enter_context(kit.Child(command, after="records"))
        yield Way(name, child, upstream)


def in_sequence(port: int, request: bytes, times: int) -> float:
    """Seconds for one, asked one after another on one connection."""
    connection = kit.Connection(port)
    for _ in range(10):
        connection.send(request)
        connection.receive()
    began = time.perf_counter()
    for _ in range(times):
        connection.send(request)
        connection.receive()
    took = (time.perf_counter() - began) / times
    connection.close()
    return took


def lifecycles(port: int, count: int, at_once: int) -> float:
    """Seconds for one run with its Detail, so many at once."""
    pool = [kit.Connection(port) for _ in range(at_once)]
    run = kit.post(port, kit.CAPTION_RUN, RUN_BODY)
    began = time.perf_counter()
    for _ in range(count // at_once):
        for connection in pool:
            connection.send(run)
        tokens = [json.loads(connection.receive())["socketaccesstoken"] for connection in pool]
        for connection, token in zip(pool, tokens, strict=True):
            connection.send(kit.post(port, "/v1/Task/Detail", json.dumps({"tasktoken": token}).encode()))
        for connection in pool:
            assert b"tasklist" in connection.receive()
    took = (time.perf_counter() - began) / (count // at_once * at_once)
    for connection in pool:
        connection.close()
    return took


def upload(port: int, size: int) -> bytes:
    """The bytes of a File/Upload of so many bytes."""
    boundary, data = b"of-the-benchmark", bytes(size)
    body = (
        b"--" + boundary + b'\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n'
        b"content-type: image/png\r\n\r\n" + data + b"\r\n--" + boundary + b"--\r\n"
    )
    plain = kit.post(port, "/v1/File/Upload", body)
    return plain.replace(b"application/json", b"multipart/form-data; boundary=" + boundary, 1)


def begun(way: Way, path: str) -> tuple[Listener, str]:
    """A task that waits behind the door, and who listens to it on this way."""
    token = json.loads(kit.ask(way.port, kit.post(way.port, path, RUN_BODY)))["socketaccesstoken"]
    listener = connect(way.port)
    listener.register(token)
    return listener, token


def heard(listeners: dict[str, Listener], release: Callable[[], object]) -> dict[str, list[float]]:
    """When each frame came to each listener, after the door was opened, to the task's end."""
    came: dict[str, list[float]] = {name: [] for name in listeners}
    with selectors.DefaultSelector() as selector:
        for name, listener in listeners.items():
            selector.register(listener.sock, selectors.EVENT_READ, (name, listener))
        while selector.select(0.5):  # what came before the door
            for one in listeners.values():
                one.sock.setblocking(False)
                with suppress(BlockingIOError):
                    one.read()
        for listener in listeners.values():
            listener.frames.clear()
        release()
        while not all(listener.done for listener in listeners.values()):
            found = selector.select(60)
            assert found, "no frame came for a minute"
            for key, _ in found:
                name, listener = key.data
                came[name] += [time.perf_counter()] * listener.read()
    for listener in listeners.values():
        listener.sock.close()
    return came


def opened(way: Way) -> Callable[[], object]:
    """What opens the door, at the upstream."""
    return lambda: kit.ask(way.upstream.port, kit.post(way.upstream.port, "/__wiro/holds/release", b"{}"))


def flood(mode: str, name: str, path: str, scenario: str, frames: int) -> tuple[float, float]:
    """Frames per second to a client on this way, and processor seconds for one frame of what the client talks to."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "one.yaml").write_text(scenario)
        with way(name, mode, "--scenarios", folder, "--time", "auto") as one:
            listener, _ = begun(one, path)
            cpu = one.child.processor_seconds
            times = heard({name: listener}, opened(one))[name]
            assert len(times) >= frames, f"{len(times)} frames came, where {frames} are expected"
            kit.settle(one.child)
            return len(times) / (times[-1] - times[0]), (one.child.processor_seconds - cpu) / len(times)


def later(mode: str, name: str, frames: int) -> list[float]:
    """How many seconds later each frame comes on this way than to somebody who listens directly."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "one.yaml").write_text(HELD % (frames, frames // 100))
        with way(name, mode, "--scenarios", folder) as one:
            through, token = begun(one, kit.CAPTION_RUN)
            beside = connect(one.upstream.port)
            beside.register(token)
            came = heard({"through": through, "beside": beside}, opened(one))
    assert len(came["through"]) == len(came["beside"])
    return [there - here for there, here in zip(came["through"], came["beside"], strict=True)]


def memory(mode: str, name: str, count: int) -> tuple[float, float]:
    """KiB of the process for each task: of the first so many, and of twice as many after them."""
    with way(name, mode, "--time", "auto", "--keep-tasks", "100") as one:
        lifecycles(one.port, 200, 20)
        kit.settle(one.child)
        figures = []
        for times in (1, 2):
            before = one.child.resident
            lifecycles(one.port, count * times, 20)
            kit.settle(one.child)
            figures.append((one.child.resident - before) / (count * times) / 1024)
        return figures[0], figures[1]


def of_requests(mode: str, options: argparse.Namespace) -> None:
    """Microseconds for one, and as a multiple of direct."""
    measured: dict[str, Callable[[Way], float]] = {
        "Task/Detail": lambda one: in_sequence(
            one.port, kit.post(one.port, "/v1/Task/Detail", b'{"taskid":"1"}'), options.requests
        ),
        "Run and Detail": lambda one: lifecycles(one.port, options.requests // 2, 1),
        "Run and Detail, 20 at once": lambda one: lifecycles(one.port, options.requests // 2, 20),
        "upload of 10 kB": lambda one: in_sequence(one.port, upload(one.port, 10_000), options.requests // 10),
        "upload of 10 MB": lambda one: in_sequence(one.port, upload(one.port, 10_000_000), 3),
    }
    found: dict[tuple[str, str], list[float]] = {}
    for name in kit.in_turn(SIDES, options.rounds):
        with way(name, mode, "--time", "auto") as one:
            for what, act in measured.items():
                found.setdefault((what, name), []).append(act(one) * 1e6)
                kit.settle(one.child)
    rows: list[list[object]] = []
    for what in measured:
        of = [kit.median(found[what, name]) for name in SIDES]
        rows.append([f"{mode}, {what}, us", *of, of[-1] - of[1], of[-1] / of[1]])
    kit.table(["", *SIDES, "beyond the proxy", "÷ proxy"], rows)


def of_frames(mode: str, options: argparse.Namespace) -> None:
    """Frames per second, processor time for a frame, and how much later a frame comes."""
    spoken = SPOKEN % " ".join(["mocking"] * options.frames)
    kinds = {
        "a bar": (kit.CAPTION_RUN, HELD % (options.frames, options.frames), options.frames),
        "an answer": (CHAT, spoken, min(options.frames // 5, 300)),  # some words come in one frame
    }
    rows: list[list[object]] = []
    for kind, (path, scenario, least) in kinds.items():
        floods: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
        for name in kit.in_turn(SIDES, options.rounds):
            floods[name].append(flood(mode, name, path, scenario, least))
        for number, what in enumerate((f"{kind}, frames/s", f"{kind}, us cpu/frame")):
            factor = 1e6 if number else 1
            rows.append(
                [f"{mode}, {what}", *(kit.median([one[number] for one in floods[name]]) * factor for name in SIDES)]
            )
    delays: dict[str, list[float]] = {name: [] for name in SIDES[1:]}
    for name in kit.in_turn(SIDES[1:], options.rounds):
        delays[name] += later(mode, name, 200)
    for what, at in (("median", 0.5), ("of 100 the 99th", 0.99)):
        values = [sorted(delays[name])[int(len(delays[name]) * at)] * 1e6 for name in SIDES[1:]]
        rows.append([f"{mode}, later by us, {what}", "", *values])
    kit.table(["", *SIDES], rows)


def main(arguments: list[str] | None = None) -> None:
    """All of it, in each install."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.recorder", description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--frames", type=int, default=1_000)
    parser.add_argument("--tasks", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    kit.title("The recorder, beside a client that goes straight to the mock, and beside a bare proxy")
    for mode in kit.modes():
        of_requests(mode, options)
        of_frames(mode, options)
        rows = [[f"{mode}, {name}", *memory(mode, name, options.tasks)] for name in SIDES[1:]]
        kit.table(["KiB a task", f"the first {options.tasks}", f"{2 * options.tasks} more"], rows)


if __name__ == "__main__":
    main()
