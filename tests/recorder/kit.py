"""What the recorder's tests share: the frames of a run, and a recorder in front of a server."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from websockets.sync.server import ServerConnection, serve

from tests.api_kit import make_world, run
from tests.live_kit import PATIENCE, eventually
from wiro_mock.api.frames import frame
from wiro_mock.api.origin import origins
from wiro_mock.kernel.task import Task
from wiro_mock.mock import World
from wiro_mock.recorder.places import Upstream
from wiro_mock.recorder.proxy import Recorder
from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.shelf import Shelf
from wiro_mock.recorder.sighting import Seen, Sighting
from wiro_mock.recorder.traffic import Traffic
from wiro_mock.server import ServerThread


def played(
    *, scenario: str = "", yaml: str = "", prompt: str = "a cat", **settings: Any
) -> tuple[Task, list[Seen], dict[int, bytes]]:
    """A whole run in virtual time: its task, its frames with their distances, and the bytes of its outputs."""
    world = make_world(scenarios=yaml, **settings)
    if scenario:
        world.use(scenario)
    task_id, _ = run(world, {"prompt": prompt})
    world.jump(world.sim.now + 10**10)
    task = world.sim.task(task_id)
    assert task is not None
    return task, *seen_of(world, task_id)


def seen_of(world: World, task_id: str) -> tuple[list[Seen], dict[int, bytes]]:
    """A task's frames with their distances, and the bytes of its outputs."""
    task, log, profile = world.sim.task(task_id), world.sim.log(task_id), world.profile
    assert task is not None
    told = ((entry.at - log[0].at, frame(entry, task, origins("http://x"), profile)) for entry in log)
    frames = [Seen(at=at, frame=dict(shape)) for at, shape in told if shape is not None]
    return frames, {place: world.blobs.read(file.blob) for place, file in enumerate(task.shown_outputs)}


def sighting(frames: list[Seen], files: dict[int, bytes], **more: Any) -> Sighting:
    given = {"name": "seen-1", "owner": "moondream3-preview", "project": "caption", "parameters": {}, "at": 0, **more}
    return Sighting(frames=frames, files=files, **given)


def comparable(shape: Any) -> Any:
    """A frame or an answer without what no two runs share: ids, tokens, addresses."""
    if isinstance(shape, dict):
        drawn = {"id", "taskid", "tasktoken", "socketaccesstoken", "accesskey", "url", "parentid", "outputfolderid"}
        return {key: comparable(one) for key, one in shape.items() if key not in drawn}
    return [comparable(one) for one in shape] if isinstance(shape, list) else shape


def timeless(shape: Any) -> Any:
    """The same without what depends on the clock of the day."""
    if isinstance(shape, dict):
        return {
            key: timeless(one)
            for key, one in comparable(shape).items()
            if not key.endswith("time")
            and key not in ("elapsedTime", "speed", "elapsedseconds", "totalcost", "remainingTime")
        }
    return [timeless(one) for one in shape] if isinstance(shape, list) else shape


@dataclass
class Recording:
    """A running recorder."""

    thread: ServerThread
    folder: Path
    told: list[str]
    recorder: Recorder

    @property
    def api(self) -> str:
        return f"{self.thread.url}/v1"

    @property
    def socket(self) -> str:
        return f"ws://{self.thread.netloc}/v1"

    def text(self) -> str:
        """All that is on the disk, names and all."""
        files = sorted(self.folder.rglob("*"))
        return "".join(
            f"{file.name}\n{file.read_bytes().decode(errors='replace')}\n" for file in files if file.is_file()
        )


@contextmanager
def recording(
    url: str, folder: Path, *redact: str, socket: str = "", har: bool = False, **more: Any
) -> Iterator[Recording]:
    """A recorder in front of the API at this origin; what it ends with is written when the block has ended."""
    told: list[str] = []
    shelf = Shelf(folder)
    upstream = Upstream(f"{url}/v1", socket or f"ws{url.removeprefix('http')}/v1")
    redactor = Redactor(redact)
    traffic = Traffic(shelf, redactor) if har else None
    recorder = Recorder(upstream, shelf, redactor, tell=told.append, traffic=traffic, **more)
    try:
        with (
            patch("wiro_mock.recorder.follower.PAUSES", (0, 0, 0)),
            patch("wiro_mock.recorder.fetching.PAUSES", (0, 0)),
            ServerThread(recorder.app) as thread,
        ):
            yield Recording(thread, folder, told, recorder)
    finally:
        shelf.close()


def ended(made: Recording) -> None:
    """All tasks have been written."""
    eventually(lambda: not made.recorder.runs.followers)


@contextmanager
def sockets_that(play: Callable[[ServerConnection, threading.Event], None]) -> Iterator[str]:
    """A socket whose connections are played like this, until the event that all is over. Its URL."""
    over = threading.Event()
    with serve(lambda connection: play(connection, over), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v1"
        finally:
            over.set()
            server.shutdown()
            thread.join()


@contextmanager
def telling(*messages: str | bytes, then: str = "wait") -> Iterator[str]:
    """A socket that answers a registration with these messages, and then waits, closes (`close`) or breaks (`reset`).
    Its URL.
    """

    def play(connection: ServerConnection, over: threading.Event) -> None:
        connection.recv()
        for message in messages:
            connection.send(message)
        if then == "wait":
            over.wait(PATIENCE)
        elif then == "reset":
            connection.socket.shutdown(2)

    with sockets_that(play) as url:
        yield url


def _request(sock: socket.socket) -> bytes:
    """A request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := sock.recv(1 << 16)):
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *([0-9]+)", head)
    while len(body) < int(length[1] if length else 0):
        body += sock.recv(1 << 16)
    return head + b"\r\n\r\n" + body


@contextmanager
def upstream_that(answer: Callable[[bytes], bytes | None]) -> Iterator[str]:
    """An upstream that answers every request with these bytes; None: it resets the connection."""
    import struct

    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                said = answer(_request(sock))
                if said is None:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    sock.sendall(said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
