"""How the demo is shown on a terminal: in colours, with one last line that moves."""

from __future__ import annotations

import itertools
import sys

import click

from wiro_mock.commands.demo_views import Frame, Seen, View, rows, said


class LiveView(View):
    """A terminal: colours, and one last line that shows what is going on."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width
        self._spinner = itertools.cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
        self._now = ""
        self._progress: Frame = {}

    def title(self, text: str) -> None:
        """What this is."""
        click.secho(text, dim=True)

    def step(self, text: str, rest: str = "") -> None:
        """What is done next, and why."""
        self._steps += 1
        click.echo(f"\n{click.style(f'{self._steps}. {text}', bold=True)}{f', {rest}' if rest else ''}")

    def note(self, text: str) -> None:
        """A word of explanation."""
        click.secho(f"   {text}", fg="yellow")

    def detail(self, text: str) -> None:
        """A part of what was sent or received."""
        click.secho(f"     {text}", dim=True)

    def sent(self, text: str) -> None:
        """What goes to the server."""
        click.echo(f"   {click.style('→', fg='blue')} {text}")

    def received(self, text: str) -> None:
        """What comes back."""
        click.echo(f"   {click.style('←', fg='green')} {text}")

    def result(self, text: str) -> None:
        """What it was all for."""
        click.secho(f"\n     “{text}”", fg="green", bold=True)

    def frame(self, at: float, frame: Frame) -> None:
        """A frame of the socket: progress moves the last line on, everything else is a line of its own."""
        self._now = frame["type"]
        if isinstance(frame.get("message"), dict):
            self._progress = frame["message"]
            self.wait(at)
            return
        self._keep_progress(at)
        text = said(frame)
        room = max(8, self._width - 37)
        text = text if len(text) <= room else f"{text[: room - 1]}…"
        self._row(at, click.style("●", fg="green"), f"{click.style(f'{self._now:<22}', fg='cyan')} {text}")

    def wait(self, at: float) -> None:
        """No frame has come for a moment: show that time passes."""
        if not self._now:
            return
        self._row(at, click.style(next(self._spinner), fg="magenta"), self._activity(), last=True)

    def timeline(self, seen: Seen) -> None:
        """All frames with their instants, drawn to scale."""
        room = max(10, min(40, self._width - 44))
        for instant, name, start, share in rows(seen):
            left = round(start * room)
            bar = "█" * max(1, round(share * room)) if share else "▏"
            scale = click.style(f"{' ' * left}{bar}"[: room + 1].ljust(room + 1), fg="cyan")
            click.echo(f"   {click.style(instant, dim=True)} {scale} {name}")

    def _keep_progress(self, at: float) -> None:
        """Leave the bar standing when something else is said."""
        if self._progress:
            self._row(at, click.style("●", fg="green"), self._activity())
            self._progress = {}

    def _activity(self) -> str:
        if not self._progress:
            return click.style(self._now, dim=True)
        percentage, length = int(self._progress["percentage"]), max(4, min(24, self._width - 56))
        full = length * percentage // 100
        bar = click.style("━" * full, fg="green") + click.style("━" * (length - full), dim=True)
        step = f"{self._progress['stepCurrent']}/{self._progress['stepTotal']}"
        return f"{click.style('task_output           ', fg='cyan')} {bar} {percentage:3d}%  step {step}"

    @staticmethod
    def _row(at: float, sign: str, text: str, *, last: bool = False) -> None:
        """Write over the last line; unless this is to be the last line again, go to the next."""
        click.echo(f"\r\x1b[2K   {click.style(f'+{at:.1f}s', dim=True)} {sign} {text}", nl=not last)
        sys.stdout.flush()
