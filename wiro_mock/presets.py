"""Situations with one word: what is set up, armed and played together, composed of what the house has already.

A preset is worth what nothing else says: a value that was given goes before its own, and its fault sets come on top of
those that were given. The names are the issue's; what they consist of is our choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from wiro_mock.kernel.nearest import listed, nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A situation. Empty means: as ever.

    `faults` are names of fault sets, `use` is the scenario that plays every run, `time` the mode of the server's clock
    (in a test it is `auto` anyway), `balance` in USD; `workers`, `unknown_models` and `realtime_grace` are as in
    `Settings`.
    """

    about: str
    faults: tuple[str, ...] = ()
    use: str = ""
    time: str = ""
    balance: str = ""
    workers: int | None = None
    unknown_models: str = ""
    realtime_grace: float = 0.0

    @property
    def for_server(self) -> Mapping[str, Any]:
        """What it gives to `serve` and `exec`, by the names of their parameters."""
        values = {**self._common, "time_mode": self.time, "use": self.use}
        return {name: value for name, value in values.items() if value}

    @property
    def for_library(self) -> Mapping[str, Any]:
        """What it gives to `WiroMock`, by its keywords; not what comes on top of them, its faults and its scenario."""
        values = {**self._common, "time": self.time, "faults": ()}
        return {name: value for name, value in values.items() if value}

    @property
    def flags(self) -> str:
        """The flags of `serve` that do the same."""
        words = [
            f"--{name.removesuffix('_mode').replace('_', '-')} {_word(value)}"
            for name, value in self.for_server.items()
        ]
        return " ".join(words)

    @property
    def _common(self) -> dict[str, Any]:
        return {
            "faults": self.faults,
            "balance": self.balance,
            "workers": self.workers,
            "unknown_models": self.unknown_models,
            "realtime_grace": self.realtime_grace,
        }


PRESETS: Final[Mapping[str, Preset]] = MappingProxyType(
    {
        "happy": Preset(
            about="Every run of every model, known or not, succeeds, as soon as somebody waits for it.",
            time="auto",
            unknown_models="play",
        ),
        "flaky-network": Preset(
            about="Connections break on the way there and on the way back, answers are cut off or come late.",
            faults=("flaky-network",),
        ),
        "slow-gpu": Preset(
            about="Two workers, busy and slow: tasks wait in the queue, start late and take minutes longer.",
            faults=("slow-gpu",),
            workers=2,
        ),
        "cold-start": Preset(
            about="The first task of each model waits until a worker has been started and the model loaded.",
            faults=("cold-start",),
        ),
        "rate-limited": Preset(
            about="Every third call meets HTTP 429, and a third unfinished task the limit of a small balance.",
            faults=("rate-limited",),
            balance="20",
        ),
        "llm-chat": Preset(
            about="Every run, of whatever model, is a chat: it thinks, and answers the prompt token by token.",
            use="llm",
            unknown_models="play",
        ),
        "realtime-voice": Preset(
            about="Every run, of whatever model, is a conversation by voice, which waits 10 s for a lost client.",
            use="realtime-voice",
            unknown_models="play",
            realtime_grace=10.0,
        ),
    }
)


def unknown(name: str) -> str:
    """What to tell of a preset that does not exist."""
    near = nearest(name, PRESETS)
    return f"no preset {name!r}; {f'did you mean {near!r}?' if near else f'there are: {listed(PRESETS)}'}"


def _word(value: object) -> str:
    return " --faults ".join(value) if isinstance(value, tuple) else str(value)
