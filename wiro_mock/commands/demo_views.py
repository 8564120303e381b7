"""How the demo is shown where nobody watches: as plain lines, one per frame.

Only frames begin with `task_`, so that `grep ^task_` shows what the socket said.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

Frame = dict[str, Any]
Seen = Sequence[tuple[float, Frame]]

MEANINGS = {
    "connected": "the socket is open",
    "task_queue": "waits until a worker is free",
    "task_accept": "a worker has taken it",
    "task_preprocess_start": "the inputs are fetched and prepared",
    "task_preprocess_end": "the inputs are ready",
    "task_assign": "a GPU is found; from here on it can be killed",
    "task_start": "the model runs",
    "task_output_full": "nothing more will be printed",
    "task_end": "the process has ended; the outputs are not there yet",
    "task_postprocess_start": "the outputs are collected",
    "task_postprocess_end": "done",
}
"""What each frame tells a client, in a few words."""


class View:
    """Plain lines, for logs and pipes."""

    def __init__(self) -> None:
        self._steps = 0

    def title(self, text: str) -> None:
        """What this is."""
        click.echo(text)

    def step(self, text: str, rest: str = "") -> None:
        """What is done next, and why."""
        self._steps += 1
        click.echo(f"\n{self._steps}. {text}{f', {rest}' if rest else ''}")

    def note(self, text: str) -> None:
        """A word of explanation."""
        click.echo(f"   {text}")

    def detail(self, text: str) -> None:
        """A part of what was sent or received."""
        click.echo(f"      {text}")

    def sent(self, text: str) -> None:
        """What goes to the server."""
        click.echo(f"   -> {text}")

    def received(self, text: str) -> None:
        """What comes back."""
        click.echo(f"   <- {text}")

    def result(self, text: str) -> None:
        """What it was all for."""
        click.echo(f'      "{text}"')

    def frame(self, at: float, frame: Frame) -> None:  # noqa: ARG002 -- the other view shows it
        """A frame of the socket."""
        click.echo(f"{frame['type']} {said(frame)}".rstrip())

    def wait(self, at: float) -> None:
        """No frame has come for a moment."""

    def timeline(self, seen: Seen) -> None:
        """All frames with their instants; several of a kind in a row as one."""
        for row in rows(seen):
            click.echo(f"   {row[0]} {row[1]}")


def view() -> View:
    """The view that fits stdout."""
    utf8 = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "") == "utf8"
    plain = os.environ.get("TERM") == "dumb" or os.environ.get("NO_COLOR")
    if sys.stdout.isatty() and utf8 and not plain:
        from wiro_mock.commands.demo_live import LiveView

        return LiveView(shutil.get_terminal_size().columns)
    return View()


def said(frame: Frame) -> str:
    """What a frame says beyond its type: its data, and in brackets what it means."""
    message, meaning = frame.get("message"), MEANINGS.get(frame["type"], "")
    if isinstance(message, dict):
        names = sorted((name for name in message if name != "type"), key=lambda name: name != "percentage")
        return " ".join(f"{name}={message[name]}" for name in names)
    if isinstance(message, str) and message:
        return f'"{message}"'
    data = ""
    if isinstance(message, list):
        data = f"exitCode={frame.get('exitCode')} outputs={','.join(file['name'] for file in message)} "
    return f"{data}({meaning})" if meaning else data.rstrip()


def rows(seen: Seen) -> Iterator[tuple[str, str, float, float]]:
    """The instant, the name, where it starts and how long it lasts as shares of the whole."""
    groups = [list(group) for _, group in itertools.groupby(seen, key=lambda one: one[1]["type"])]
    whole = seen[-1][0] or 1.0
    for number, group in enumerate(groups):
        start = group[0][0]
        stop = groups[number + 1][0][0] if number + 1 < len(groups) else start
        times = f" x{len(group)}" if len(group) > 1 else ""
        yield f"+{start:.3f}s", f"{group[0][1]['type']}{times}", start / whole, (stop - start) / whole
