"""A run as it was seen: its frames, the bytes of its outputs, what Task/Detail and webhooks said of it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wiro_mock.kernel.events import Instant

if TYPE_CHECKING:
    from wiro_mock.recorder.talked import Talk

SOUND: Final = "(sound)"
"""Stands as the type of a binary frame; in parentheses, for no frame of text is of such a type."""
TERMINAL: Final = frozenset({"task_postprocess_end", "task_cancel"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A frame that came at an instant (microseconds); without anything secret."""

    at: Instant
    frame: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Its type."""
        return str(self.frame.get("type"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook that came at an instant (microseconds), and the exit code that it told, if it did."""

    at: Instant
    code: int | None


@dataclass(slots=True, kw_only=True)
class Sighting:
    """A run, and what has been seen of it. `files` are the bytes of its outputs by their places among the files of the
    last frame; one that is missing is written as a text that says so. `partial` says why nothing more will come.
    `detail` is what Task/Detail said of the task at its end, which knows an exit code and lines of the log that no
    frame tells of; `hooks` are the webhooks that came. `note` says how it came to be known, where nobody listened.
    `talk` is what passed in a realtime session.
    `stopped`: its client has cancelled or killed it. It is the `nth` run of those that ask for the same.
    """

    name: str
    owner: str
    project: str
    parameters: Mapping[str, object]
    at: Instant
    frames: list[Seen] = field(default_factory=list)
    files: dict[int, bytes] = field(default_factory=dict)
    partial: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    hooks: list[Hook] = field(default_factory=list)
    note: str = ""
    talk: Talk | None = None
    stopped: bool = False
    nth: int = 1

    @property
    def model(self) -> str:
        """What it ran."""
        return f"{self.owner}/{self.project}"

    @property
    def last(self) -> Mapping[str, Any] | None:
        """The frame that ended the task."""
        return next((seen.frame for seen in self.frames if seen.kind in TERMINAL), None)

    @property
    def outputs(self) -> list[Mapping[str, Any]]:
        """The files that the last frame lists."""
        return [one for one in listed(self.last) if "url" in one]


def listed(last: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The objects in the message of a last frame: files, and the answer of a language model."""
    message = last.get("message") if last else None
    return [one for one in message if isinstance(one, dict)] if isinstance(message, list) else []


def is_text(frame: Mapping[str, Any]) -> bool:
    """Whether a frame tells of a streamed text."""
    message = frame.get("message")
    return frame.get("type") == "task_output" and isinstance(message, dict) and "stepTotal" not in message
