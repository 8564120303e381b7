"""What a simulation is told once and for all: its limits, and what the sources leave open; and what it hands out."""

from __future__ import annotations

from dataclasses import dataclass

from wiro_mock.kernel.events import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the sources leave open about stopping tasks (rest.md §4.3, design.md §11), as switches; and how closely a
    run's parameters are looked at: not at all, or so closely that a choice has to be one of those listed (rest.md C28).
    """

    kill_before_assign: bool = False
    kill_finished: bool = True
    kill_cancelled: bool = False
    callback_on_cancel: bool = True
    check_parameters: bool = True
    listed_options: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is kept. `workers` at work at once (None: any number), `finished` tasks remembered, `unfinished` tasks
    at once, so many `uploads` and so many folders, `bytes` of files and of the runs' own text.
    """

    workers: int | None = None
    finished: int = 10_000
    unfinished: int = 100_000
    uploads: int = 100_000
    bytes: int = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook that is to be sent for a task; the kernel only says so."""

    task_id: str
    url: str
    at: Instant


def is_web_url(text: str) -> bool:
    """Whether a `callbackUrl` is one that could be called at all."""
    return text.lower().startswith(("http://", "https://"))
