"""From the events of a realtime session to the `session` step that makes them again, for a client that says the same.

Pure. What was said and what brought it about is put together in `recorded_turns`; here it is written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from wiro_mock.kernel import events as e
from wiro_mock.kernel.audio import CHUNK, SAMPLE, Excerpt, Sound, Tone, microseconds_of, wav
from wiro_mock.kernel.events import Duration, Entry
from wiro_mock.kernel.numbers import plain
from wiro_mock.kernel.session_ear import WINDOW_TIME
from wiro_mock.language.durations import format_duration
from wiro_mock.language.recordings import LONGEST_SECONDS
from wiro_mock.language.sessions import HEARD, MOST_TURNS, SILENT
from wiro_mock.published.scalars import quoted
from wiro_mock.recorded_turns import Turn, Turns
from wiro_mock.recorded_words import flow, text_word

NEVER: Final = "{when: silence, for: 10h}"
"""A turn that nobody waits for: a session that listens to nothing would end by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """How a session listens, as far as its log does not tell: the loudness of speech, the silence that ends it; how
    long it had been still before each turn, and at most before the client spoke again; what else is `missing`.
    """

    threshold: int = 500
    silence: Duration = 500_000
    stills: Sequence[Duration] = ()
    stillest: Duration = 0
    missing: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The lines of the step behind `session:`, the files beside it, and what it could not be told (for the reader)."""

    lines: Sequence[str]
    files: Mapping[str, bytes]
    missing: Sequence[str]


def session_of(log: Sequence[Entry], *, name: str, files: int, hearing: Hearing | None = None) -> Step:
    """The step, for a log from `StreamReady` to `SessionEnded` or as far as there is one; `files` are there already."""
    hearing = hearing or Hearing()
    reader = Turns(log)
    writer = _Writer(name=name, number=files, hearing=hearing, reader=reader, missing=[*hearing.missing])
    writer.write()
    return Step(lines=writer.lines, files=writer.files, missing=writer.missing)


@dataclass(slots=True, kw_only=True)
class _Writer:
    name: str
    number: int
    hearing: Hearing
    reader: Turns
    lines: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def write(self) -> None:
        reader, default = self.reader, Hearing()
        if self.hearing.threshold != default.threshold:
            self.lines.append(f"threshold: {self.hearing.threshold}")
        if self.hearing.silence != default.silence:
            self.lines.append(f"silence: {format_duration(self.hearing.silence)}")
        if reader.dictated:
            self._dictation()
            return
        if pace := _pace(reader.turns):
            self.lines.append(f"pace: {pace}")
        if reader.untold:
            self.lines.append("transcripts: false")
        self.lines.append("turns:")
        is_deaf = all(turn.when == "start" for turn in reader.turns[:MOST_TURNS])
        is_kept_open = is_deaf and (reader.ended != "scenario" or not reader.turns)
        turns = reader.turns[: MOST_TURNS - is_kept_open]
        if len(reader.turns) > len(turns):
            self.missing.append(f"{len(reader.turns) - len(turns)} more turns, for a session has at most {MOST_TURNS}")
        last = max((place for place, turn in enumerate(turns) if turn.over), default=-1)
        self.lines += [f"  - {self._turn(turn, place, is_last=place == last)}" for place, turn in enumerate(turns)]
        if is_kept_open:
            self.lines.append(f"  - {NEVER}")

    def _dictation(self) -> None:
        reader, count = self.reader, len(self.reader.words)
        keys = {"text": text_word(" ".join(reader.words) or "nothing")}
        if not count:
            self.lines.append("threshold: 32767")  # of what is not understood nothing is told
        elif reader.speech:
            keys["every"] = format_duration(max(reader.speech // count, WINDOW_TIME))
        if any(len(word.split()) != 1 for word in reader.words):
            self.missing.append("that it was told in phrases: here it comes word by word")
        cost = _cost(reader.turns[0]) if reader.turns else {}
        self.lines.append(f"transcribe: {flow({**keys, **cost})}")

    def _turn(self, turn: Turn, place: int, *, is_last: bool) -> str:
        keys = {"when": turn.when, **self._least(turn, place)}
        if turn.after:
            keys["after"] = format_duration(turn.after)
        if turn.heard:
            keys["transcript"] = text_word(turn.heard)
        if turn.said:
            keys["say"] = text_word(" ".join(turn.said))
        if len(turn.said) > 1:
            self.missing.append("that TRANSCRIPT_AI: came in parts: here it comes at once, behind the sound")
        cut = turn.voiced and (turn.interrupted or not turn.over)
        sound = self._sound(turn)
        if sound or turn.said:
            keys["audio"] = sound or "none"
        if cut:
            keys["interrupt_after"] = _whole(turn.length)
        keys |= _cost(turn)
        listens = any(one.when != "start" for one in self.reader.turns)
        if is_last and listens and self.reader.ended in ("scenario", "balance", "limit"):
            keys["ends"] = "true"
        return flow(keys)

    def _least(self, turn: Turn, place: int) -> dict[str, str]:
        if turn.when == "heard":
            # Longer than what was passed over before it, no longer than what it answered.
            least = HEARD
            if turn.least and not turn.passed < HEARD <= turn.least:
                least = min(turn.least, turn.passed + WINDOW_TIME) if turn.passed >= HEARD else turn.least
            return {"for": format_duration(least)} if least != HEARD else {}
        if turn.when == "silence" and place < len(self.hearing.stills):
            still, other = self.hearing.stills[place], self.hearing.stillest
            if still >= WINDOW_TIME and not other < SILENT <= still:
                return {"for": format_duration(still)}
        return {}

    def _sound(self, turn: Turn) -> str:
        if not turn.voiced:
            return ""
        sound: Sound = turn.voiced[0][1].sound
        if isinstance(sound, Excerpt) and turn.when == "heard":
            return "echo"
        if isinstance(sound, Tone | Excerpt) or turn.length > LONGEST_SECONDS * e.SECOND:
            if turn.length > LONGEST_SECONDS * e.SECOND:
                self.missing.append(f"a sound of more than {LONGEST_SECONDS // 60} minutes: here it is cut, and a tone")
            lasting = min(turn.length, LONGEST_SECONDS * e.SECOND)
            return flow({"tone": str(sound.hz if isinstance(sound, Tone) else 440), "for": _whole(lasting)})
        first, last = turn.voiced[0][1].start, turn.voiced[-1][1].stop
        beside = f"{self.name}-{self.number}.wav"
        self.number += 1
        self.files[beside] = wav(sound.pcm[first * SAMPLE : last * SAMPLE])
        return flow({"file": quoted(beside)})


def _whole(length: Duration) -> str:
    """A length of time of which no sample is lost when it is read again."""
    return format_duration(length + 1 if length % 125 else length)


def _pace(turns: Sequence[Turn]) -> str:
    """Whether sound came as long as it lasts, where that can be told."""
    gaps = length = 0
    for turn in turns:
        if len(turn.voiced) > 1:
            gaps += turn.voiced[-1][0] - turn.voiced[0][0]
            length += turn.length - microseconds_of(min(CHUNK, turn.voiced[-1][1].stop - turn.voiced[-1][1].start))
    if not length:
        return ""
    return "real" if gaps * 2 >= length else "instant"


def _cost(turn: Turn) -> dict[str, str]:
    keys = {"cost": quoted(plain(turn.cost or Decimal(0)))}
    if turn.usage or turn.cost is not None:
        keys["usage"] = flow({quoted(name): str(count) for name, count in turn.usage.items()})
    return keys
