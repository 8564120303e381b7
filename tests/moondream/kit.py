"""What the tests of the engine share: pictures, bodies, an engine that plays what it is told, a server in a process."""

from __future__ import annotations

import base64
import io
import json
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from tests.process_kit import environment
from wiro_mock.moondream.asking import ANSWERS, Ask
from wiro_mock.moondream.job import Chunk, Done, Engine, Job, State

READY = "moondream engine ready on "
PATIENCE = 60.0
"""A safety net only: nothing is asserted about time."""


def picture(number: int = 0, *, size: tuple[int, int] = (300, 300), form: str = "PNG", **options: Any) -> bytes:
    """A picture in colours that depend on the number."""
    image = Image.linear_gradient("L").resize(size).rotate(30 * number)
    ramp = Image.merge("RGB", (image, image.rotate(90), image.rotate(180 + 7 * number)))
    file = io.BytesIO()
    ramp.save(file, form, **options)
    return file.getvalue()


def url(data: bytes, kind: str = "image/png") -> str:
    """A data URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def body(number: int = 0, **more: Any) -> dict[str, Any]:
    """A body that every skill takes, greedy and short."""
    settings = {"temperature": 0, "max_tokens": 24, "max_objects": 3, **more.pop("settings", {})}
    return {"image_url": url(picture(number)), "question": "what?", "object": "cat", "settings": settings, **more}


def events(text: str) -> list[dict[str, Any]]:
    """The data of server-sent events."""
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]


@dataclass
class Played(Engine):
    """An engine without a model: `play` is called with each job, in the thread that submits it."""

    play: Callable[[Job], None]
    slots: int = 4
    name: str = "played"
    model: str = "none"
    device: str = "cpu"
    jobs: list[Job] = field(default_factory=list)

    def prepare(self, ask: Ask, picture: Image.Image) -> Any:
        return picture.size

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        self.play(job)

    def cancel(self, job: Job) -> None:
        job.cancelled.set()

    def state(self) -> State:
        return State(active=0, waiting=0, slots=self.slots, steps=0)

    def close(self) -> None:
        pass


def says(*words: str) -> Callable[[Job], None]:
    """Plays these words to their end; where there is nothing to say, something is found."""

    def play(job: Job) -> None:
        if job.ask.speaks:
            for word in words:
                job.post(Chunk(word))
        answer: Any = "".join(words) if job.ask.speaks else [{"x": 0.5, "y": 0.25}]
        job.post(Done(answer={ANSWERS[job.ask.skill]: answer}, reason="stop", tokens=len(words)))

    return play


@dataclass
class Running:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    origin: str
    stderr: Path

    def health(self) -> dict[str, Any]:
        """What /health says."""
        told: dict[str, Any] = httpx.get(f"{self.origin}/health", trust_env=False, timeout=PATIENCE).json()
        return told

    def ask(self, skill: str, told: dict[str, Any]) -> httpx.Response:
        """POST a body to a skill."""
        return httpx.post(f"{self.origin}/{skill}", json=told, trust_env=False, timeout=PATIENCE)

    def end(self) -> int:
        """Wait for the process; its status."""
        return self.process.wait(PATIENCE)


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[Running]:
    """Run a command that prints the ready line; `folder` holds its stderr."""
    errors = folder / "stderr.txt"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment(OMP_NUM_THREADS="1"),
        )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert select.select([process.stdout], [], [], PATIENCE)[0], "no ready line"
        line = process.stdout.readline()
        assert line.startswith(READY), (line, errors.read_text())
        yield Running(process, line.removeprefix(READY).strip(), errors)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


def moondream(*arguments: str | Path) -> list[str]:
    """The command line of `wiro-mock moondream …`."""
    return [sys.executable, "-m", "wiro_mock", "moondream", *(str(one) for one in arguments)]


def ended(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A `wiro-mock moondream …` that comes to an end by itself."""
    return subprocess.run(
        moondream(*arguments),
        env=environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
