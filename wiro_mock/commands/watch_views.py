"""How a watched task is shown: one line per frame where nobody watches; on a terminal, with one line that moves.

Frames of a language model tell the whole answer so far, so what is shown is what has been added since the last one.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click

from wiro_mock.text import printable

Frame = dict[str, Any]
Piece = tuple[str, str]
"""A stretch of an answer: `thinking`, `answer` or the name of a call, and its text so far."""

QUIET: Final = ("task_queue", "task_accept", "task_preprocess_start", "task_preprocess_end", "task_assign", "connected")
BYTES_PER_SECOND = 2 * 24_000
"""Audio is 24 kHz, 16 bit, one channel (socket.md §5)."""
NAME = 22


class View:
    """Plain lines, for logs and pipes."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []

    def note(self, text: str) -> None:
        """A word of explanation, which is no frame."""
        click.echo(text, err=True)

    def wait(self, at: float) -> None:
        """No frame has come for a moment."""

    def binary(self, at: float, audio: bytes) -> None:
        """A frame of audio."""
        self._line(at, "(binary)", f"{len(audio)} bytes, {len(audio) / BYTES_PER_SECOND:.2f} s of audio")

    def unreadable(self, at: float, text: str) -> None:
        """A frame that no client can read."""
        self._line(at, "(unreadable)", _cut(printable(text), 200))

    def frame(self, at: float, frame: Frame) -> None:
        """A frame of the socket."""
        message = frame.get("message")
        if (pieces := answer_of(message)) is not None:
            new = list(self._grown(pieces))
            for kind, text in new or [("", "")]:
                self._line(at, frame["type"], f"{kind}: {printable(text)}" if kind else "so far nothing")
        else:
            self._line(at, frame["type"], printable(told(frame)))

    def _grown(self, pieces: Sequence[Piece]) -> Iterator[Piece]:
        """What has been added since the last frame; all of it where that is no continuation."""
        before, self._pieces = self._pieces, list(pieces)
        if not all(old[0] == new[0] and new[1].startswith(old[1]) for old, new in zip(before, pieces, strict=False)):
            before = []
        for old, new in itertools.zip_longest(before, pieces):
            if new and (added := new[1][len(old[1]) if old else 0 :]):
                yield new[0], added

    def _line(self, at: float, name: str, text: str) -> None:
        click.echo(f"+{at:.3f}s {name:<{NAME}} {text}".rstrip())


class LiveView(View):
    """A terminal: colours, one last line that moves, and answers that grow."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width
        self._spinner = itertools.cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
        self._doing = "waits for the first frame"
        self._kept = False
        self._writing = ""
        self._heard = 0

    def wait(self, at: float) -> None:
        """No frame has come for a moment: show that time passes, unless an answer is being written."""
        if not self._writing:
            self._over(at, f"{click.style(next(self._spinner), fg='magenta')} {self._doing}")

    def binary(self, at: float, audio: bytes) -> None:
        """Audio is one line that counts."""
        self._heard += len(audio)
        self._stop_writing()
        self._go_on(at, click.style(f"♪ {self._heard / BYTES_PER_SECOND:.1f} s of audio", fg="magenta"))

    def frame(self, at: float, frame: Frame) -> None:
        """Progress moves the last line on, an answer grows, everything else is a line of its own."""
        message = frame.get("message")
        if (pieces := answer_of(message)) is not None:
            for kind, text in self._grown(pieces):
                self._write(at, kind, text)
        elif isinstance(message, dict) and (done := _percentage(message)) is not None:
            self._stop_writing()
            self._go_on(at, f"{_bar(done, max(4, min(24, self._width - 60)))} {_progress(message)}")
        else:
            self._line(at, frame["type"], printable(told(frame)))

    def _line(self, at: float, name: str, text: str) -> None:
        self._stop_writing()
        self._keep()
        room = max(8, self._width - NAME - 14)
        colour = _COLOURS.get(name, "cyan")
        text = click.style(_cut(text, room) if name != "task_postprocess_end" else text, dim=name in QUIET)
        self._over(at, f"{click.style(f'{name:<{NAME}}', fg=colour)} {text}\n")
        self._doing = click.style(name, dim=True)

    def _go_on(self, at: float, text: str) -> None:
        """Show what goes on in the line that moves; its last state stays."""
        self._doing, self._kept = text, True
        self._over(at, f"{text}")

    def _keep(self) -> None:
        if self._kept:
            click.echo()
            self._kept = False

    def _write(self, at: float, kind: str, text: str) -> None:
        """Go on writing a stretch of an answer, or begin one."""
        if self._writing != kind:
            self._stop_writing()
            self._keep()
            self._over(at, f"{click.style(f'{kind:<{NAME}}', fg='cyan')} ")
            self._writing = kind
        lines = "\n".join(map(printable, text.split("\n")))
        click.secho(lines, dim=kind == "thinking", nl=False)
        sys.stdout.flush()

    def _stop_writing(self) -> None:
        if self._writing:
            click.echo()
            self._writing = ""

    def _over(self, at: float, text: str) -> None:
        """Write over the line that moves."""
        click.echo(f"\r\x1b[2K{click.style(f'+{at:7.1f}s', dim=True)} {text}", nl=False)
        sys.stdout.flush()


_COLOURS: Final = {"task_error": "yellow", "task_cancel": "red", "(unreadable)": "red", "task_postprocess_end": "green"}


def view() -> View:
    """The view that fits stdout."""
    utf8 = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "") == "utf8"
    plain = os.environ.get("TERM") == "dumb" or os.environ.get("NO_COLOR")
    if sys.stdout.isatty() and utf8 and not plain:
        return LiveView(shutil.get_terminal_size().columns)
    return View()


def answer_of(message: Any) -> list[Piece] | None:
    """The stretches of a language model's answer, in either of its documented forms; None where it is none."""
    if not isinstance(message, dict):
        return None
    if isinstance(segments := message.get("segments"), list):
        return [_piece(one) for one in segments if isinstance(one, dict)]
    lists = [message.get(name) for name in ("thinking", "answer")]
    if not any(isinstance(one, list) for one in lists):
        return None
    texts = [[str(text) for text in one] if isinstance(one, list) else [] for one in lists]
    pairs = itertools.zip_longest(*texts, fillvalue="")
    return [(kind, text) for pair in pairs for kind, text in zip(("thinking", "answer"), pair, strict=True) if text]


def told(frame: Frame) -> str:
    """What a frame that is no part of an answer says beyond its type."""
    message = frame.get("message")
    match message:
        case str():
            return message
        case dict() if _percentage(message) is not None:
            return _progress(message)
        case list():
            code = f"exit code {frame['exitCode']}; " if frame.get("exitCode") is not None else ""
            return code + (", ".join(map(_output, message)) or "no outputs")
        case None:
            return _rest(frame)
        case _:
            return str(message)


def _rest(frame: Frame) -> str:
    """What stands beside the envelope, such as what a turn has cost."""
    envelope = ("type", "id", "tasktoken", "message", "result", "success", "terminal", "exitCode")
    return " ".join(f"{name}={value}" for name, value in frame.items() if name not in envelope)


def _piece(segment: Frame) -> Piece:
    kind = str(segment.get("type", ""))
    if kind in ("thinking", "answer"):
        return kind, str(segment.get("text", ""))
    return f"call {segment.get('name', '')}", str(segment.get("arguments", segment.get("input", "")))


def _output(output: Any) -> str:
    if not isinstance(output, dict):
        return str(output)
    if "url" in output:
        return f"{output.get('name')} ({output.get('contenttype')}, {output.get('size')} bytes) {output['url']}"
    content = output.get("content")
    usage = content.get("usage") if isinstance(content, dict) else None
    tokens = f", {usage.get('total_tokens')} tokens" if isinstance(usage, dict) else ""
    finish = content.get("finishreason") if isinstance(content, dict) else None
    return f"an answer{f' that ended by {finish}' if finish else ''}{tokens}"


def _percentage(message: Frame) -> int | None:
    try:
        return max(0, min(100, round(float(message["percentage"]))))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _progress(message: Frame) -> str:
    speed = f" {message['speed']} {message.get('speedType', '')}" if message.get("speed") else ""
    left = f", {message['remainingTime']} left" if message.get("remainingTime") else ""
    return f"{_percentage(message):3d}% {message.get('stepCurrent', '?')}/{message.get('stepTotal', '?')}{speed}{left}"


def _bar(done: int, length: int) -> str:
    full = length * done // 100
    return click.style("━" * full, fg="green") + click.style("━" * (length - full), dim=True)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
