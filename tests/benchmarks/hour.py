"""An hour-long scenario, followed to its end over a real socket, in time mode auto: from the connect to the last frame.

The server runs in a thread of this process, as that of the fixture `wiro_server` does, and the client is the
synchronous one of `websockets`, as it comes. Each round has a Wiro of its own, attached to the one server like a
test's; the task is started before the clock is. The frames are asserted: all of them, in order, none twice.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from websockets.sync.client import connect

from tests.benchmarks import kit
from wiro_mock import WiroMock
from wiro_mock.asgi import create_app
from wiro_mock.server import ServerThread
from wiro_mock.worlds import Worlds

TARGET = 50
"""Milliseconds, less than (issue 3)."""
LINES = 50
TERMINAL = "task_postprocess_end"
STEPS: list[dict[str, object]] = [
    {"accept": "1m"},
    {"preprocess": {"after": "1m", "for": "1m"}},
    {"assign": "1m"},
    {"start": "3m"},
    *[dict[str, object]({"print": {"text": f"line {number}", "after": "1m"}}) for number in range(LINES)],
    {"exit": {"code": 0, "after": "2m"}},
    {"postprocess": {"for": "1m"}},
]
"""Sixty minutes and more than sixty frames."""
HOUR = 3600


def follow(worlds: Worlds, server: ServerThread, number: int) -> tuple[float, int]:
    """Seconds from the connect to the terminal frame, and the number of frames."""
    with WiroMock(seed=number, auth="off") as wiro:
        worlds.attach(wiro.world)
        wiro.use(wiro.scenario("an-hour", steps=STEPS))
        run = kit.post(server.port, kit.CAPTION_RUN, b'{"inputImageUrl":"https://example.test/cat.png"}', signed=False)
        token = json.loads(kit.ask(server.port, run))["socketaccesstoken"]
        began = wiro.now
        frames: list[dict[str, Any]] = []
        started = time.perf_counter()
        with connect(server.socket_url, proxy=None) as socket:
            socket.send(json.dumps({"type": "task_info", "tasktoken": token}))
            while not frames or frames[-1]["type"] != TERMINAL:
                frames.append(json.loads(socket.recv(10)))
            seconds = time.perf_counter() - started
        assert round(wiro.now - began) == HOUR, wiro.now - began
        worlds.detach(wiro.world)
    lines = [str(frame["message"]) for frame in frames if frame["type"] == "task_output"]
    assert lines == [f"line {number}" for number in range(LINES)], lines
    assert len({json.dumps(frame, sort_keys=True) for frame in frames}) == len(frames), "a frame came twice"
    return seconds, len(frames)


def main(arguments: list[str] | None = None) -> None:
    """Follow it a few times."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.hour", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args(arguments)
    kit.title("an hour-long scenario, followed to its end over a socket")
    worlds = Worlds()
    with ServerThread(create_app(worlds)) as server:
        taken = [follow(worlds, server, number) for number in range(1, options.rounds + 2)]
    (first, frames), *rest = [(1000 * seconds, frames) for seconds, frames in taken]
    times = [time_taken for time_taken, _ in rest]
    row = [frames, first, min(times), kit.median(times), max(times), TARGET]
    kit.table(["", "frames", "first", "best", "median", "worst", "below"], [["milliseconds", *row]])


if __name__ == "__main__":
    main()
