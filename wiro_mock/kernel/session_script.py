"""A realtime session as it is written: turns, what is understood meanwhile, and when the client is taken to speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from wiro_mock.kernel.audio import Clip, Tone
from wiro_mock.kernel.events import Duration

When: TypeAlias = Literal["start", "heard", "silence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptTurn:
    """A turn as it is written: `when` it comes (after so much speech or silence: `least`), and what it does.

    `sound` None with `echo` says what was heard. `waits`: after so much of the sound it waits for the client's
    interrupt. A turn plays once unless it may `repeat`; one that `ends` is the session's last.
    """

    when: When
    least: Duration = 0
    after: Duration = 0
    transcript: str = ""
    say: str = ""
    sound: Tone | Clip | None = None
    echo: bool = False
    samples: int = 0
    cost: Decimal = Decimal(0)
    usage: Mapping[str, int] = field(default_factory=dict)
    repeat: bool = False
    ends: bool = False
    waits: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictation:
    """What is understood word by word while it is heard: one of the `words` for so much speech (`every`).

    Without a `usage`, the tokens of the words that were told are counted.
    """

    words: tuple[str, ...]
    every: Duration
    cost: Decimal = Decimal(0)
    usage: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A session as it is written. `threshold` is the loudness of speech, `silence` what ends an utterance; so much
    speech cuts off what is being said where there is a `barge_in`; `paced` None leaves that to the world's clock.
    """

    turns: tuple[ScriptTurn, ...] = ()
    dictation: Dictation | None = None
    threshold: int = 500
    silence: Duration = 500_000
    barge_in: Duration | None = None
    paced: bool | None = None
    transcripts: bool = True

    @property
    def listens(self) -> bool:
        """Whether anything depends on what is heard; a session that does not listen ends by itself."""
        return self.dictation is not None or any(turn.when != "start" for turn in self.turns)
