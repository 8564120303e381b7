"""How a world is set up: one frozen value, and what a poll is worth."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

from wiro_mock.api.profile import Profile
from wiro_mock.kernel.account import Project
from wiro_mock.kernel.events import SECOND, Duration
from wiro_mock.kernel.rules import Limits, Rules

PollWorth: TypeAlias = Literal["finish", "next"] | Duration
"""What a Detail poll is worth: to the end, to the next thing that happens, or so many microseconds."""


UnknownModels: TypeAlias = Literal["refuse", "play"]
"""What becomes of a run of a model that is not in the catalogue."""


Undeclared: TypeAlias = Literal["echo", "refuse"]
"""What becomes of a run that sends a URL of which nobody has declared what it holds."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a world is set up. `poll` None means: `finish` in time mode `auto`, nothing elsewhere.

    `balance` is in USD, `suspended` and `member` are the account's, too; `unknown_models` is for runs of models that
    are not in the catalogue; a `project` of None gets credentials made from the seed; `public_url` is the origin of
    the URLs in answers, instead of the request's own; `faults` are the names of the fault sets that are armed;
    `use` is that of a scenario which plays every run; `realtime_grace` is how many seconds of the system's clock a
    realtime session waits for a client whose socket has gone (socket.md §3: "config, default 0 s"); `expire_files` is
    how long the URLs of a task's files lead anywhere, by the world's clock, None for always (Wiro says "limited time",
    rest.md §7.5); `input_urls` are URLs with files that they hold, and `undeclared_inputs` says what becomes of a run
    that sends another one.
    """

    seed: str = "0"
    time: str = "auto"
    poll: PollWorth | None = None
    auth_mode: str = "strict"
    project: Project | None = None
    key_only: bool = False
    profile: Profile = field(default_factory=Profile)
    balance: Decimal = Decimal(1000)
    suspended: bool = False
    member: bool = True
    unknown_models: UnknownModels = "refuse"
    limits: Limits = field(default_factory=Limits)
    public_url: str = ""
    faults: tuple[str, ...] = ()
    use: str = ""
    scenario_header: bool = False
    realtime_grace: float = 0.0
    expire_files: Duration | None = None
    undeclared_inputs: Undeclared = "echo"
    input_urls: tuple[tuple[str, Path], ...] = ()
    journal_requests: int = 1_000
    journal_bytes: int = 16 << 20

    @property
    def rules(self) -> Rules:
        """What the profile's switches say about stopping tasks, and about a run's parameters."""
        return Rules(
            kill_before_assign=self.profile.kill_before_assign == "done",
            kill_finished=self.profile.kill_finished == "done",
            kill_cancelled=self.profile.kill_cancelled == "done",
            callback_on_cancel=self.profile.callback_on_cancel,
            check_parameters=self.profile.parameters == "checked",
            listed_options=self.profile.options == "listed",
        )


def parse_poll(text: str) -> PollWorth:
    """`finish`, `next` or a number of seconds, with or without its unit. Raises `ValueError` with the way out."""
    if text == "finish":
        return "finish"
    if text == "next":
        return "next"
    try:
        seconds = Decimal(text.removesuffix("s"))
    except ArithmeticError:
        seconds = Decimal("NaN")
    if not seconds.is_finite() or not 0 <= seconds <= 31_536_000:
        raise ValueError(f"a poll is worth finish, next or a number of seconds such as 2 or 0.5, not {text!r}")
    return int(seconds * SECOND)
