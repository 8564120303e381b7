"""From the events of a realtime session to the `session` step that makes them again, for a client that says the same.

What was said to the client is in the log turn by turn; what brought each turn about is not, and is inferred: an
utterance that had ended and had no answer yet, else silence; nothing for what came before anybody had spoken. An
utterance without an answer was too short for one. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from wiro_mock.kernel import events as e
from wiro_mock.kernel.audio import CHUNK, SAMPLE, Excerpt, Sound, Tone, microseconds_of, wav
from wiro_mock.kernel.events import Duration, Entry, Instant
from wiro_mock.kernel.numbers import plain
from wiro_mock.kernel.session import AI, USER
from wiro_mock.kernel.session_ear import WINDOW_TIME
from wiro_mock.language.durations import format_duration
from wiro_mock.language.recordings import LONGEST_SECONDS
from wiro_mock.language.sessions import HEARD, MOST_TURNS, SILENT
from wiro_mock.published.scalars import quoted

When: TypeAlias = Literal["start", "heard", "silence"]
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


@dataclass(slots=True, kw_only=True)
class _Utterance:
    at: Instant
    speech: Duration
    said: str = ""


@dataclass(slots=True, kw_only=True)
class _Turn:
    """A turn, as far as it has been seen. `after` is since what brought it about."""

    when: When
    after: Duration
    least: Duration = 0
    passed: Duration = 0
    heard: str = ""
    said: list[str] = field(default_factory=list)
    voiced: list[tuple[Instant, e.Voiced]] = field(default_factory=list)
    cost: Decimal | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    over: bool = False
    interrupted: bool = False

    @property
    def length(self) -> Duration:
        """Of its sound."""
        return microseconds_of(sum(one.stop - one.start for _, one in self.voiced))


class _Reader:
    """Puts the turns together."""

    def __init__(self, log: Sequence[Entry], hearing: Hearing) -> None:
        self.turns: list[_Turn] = []
        self.words: list[str] = []
        self.ended: e.Ender | Literal[""] = ""
        self.untold = False
        self.speech: Duration = 0
        self._hearing = hearing
        self._free: Instant = log[0].at
        self._passed: Duration = 0
        self._final = False
        self._open: list[_Utterance] = []
        self._expected: list[str] = []
        for entry in log:
            self._take(entry.at, entry.event)
        while not self.dictated and any(one.said for one in self._open):  # understood, and then the session was over
            self.turns.append(self._brought_about(log[-1].at))

    def _take(self, at: Instant, event: e.Event) -> None:
        match event:
            case e.Heard(speech=speech, said=said):
                self.speech += speech
                self._open.append(_Utterance(at=at, speech=speech, said=said))
                self._expected += [said] if said else []
            case e.Output(message=str() as text) if text.startswith(USER):
                self._understand(at, text.removeprefix(USER))
            case e.Output(message=str() as text) if text.startswith(AI):
                self._turn(at).said.append(text.removeprefix(AI))
            case e.Voiced():
                self._turn(at).voiced.append((at, event))
            case e.StreamEnded(said=said, interrupted=interrupted):
                turn = self._turn(at)
                turn.over, turn.interrupted = True, interrupted
                self.untold = self.untold or bool(said and not turn.said)
                turn.said = turn.said or ([said] if said else [])
                self._free = at
            case e.TurnCharged(final=True):
                self._final = True
            case e.TurnCharged(cost=cost, usage=usage) if self.turns:
                self.turns[-1].cost, self.turns[-1].usage = cost, usage
            case e.SessionEnded(by=by):
                self.ended = by

    def _understand(self, at: Instant, text: str) -> None:
        self.words.append(text)
        if text in self._expected:
            self._expected.remove(text)
        else:  # of something that was not heard
            self._open.append(_Utterance(at=at, speech=0, said=text))

    def _turn(self, at: Instant) -> _Turn:
        """The turn that goes on, or a new one."""
        if not self.turns or self.turns[-1].over:
            self.turns.append(self._brought_about(at))
        return self.turns[-1]

    def _brought_about(self, at: Instant) -> _Turn:
        found = next((one for one in self._open if one.said), None)
        found = found or next((one for one in self._open if one.speech >= HEARD), None)
        found = found or next(iter(self._open), None)
        if found is None:
            when: When = "silence" if self.speech else "start"
            return _Turn(when=when, after=at - self._free if when == "start" else 0)
        place = self._open.index(found)
        self._passed = max([self._passed, *(one.speech for one in self._open[:place])])
        self._open = self._open[place + 1 :]
        after = max(at - max(found.at, self._free), 0)
        return _Turn(when="heard", after=after, least=found.speech, passed=self._passed, heard=found.said)

    @property
    def dictated(self) -> bool:
        """Whether it only wrote down what it heard, word by word, until the client ended it."""
        if len(self.turns) > 1 or any(turn.voiced or turn.said for turn in self.turns):
            return False
        at_end = bool(self.turns) and self.ended in ("client", "disconnect") and not self._final
        return len(self.words) > 1 or (at_end and all(len(word.split()) == 1 for word in self.words))


def session_of(log: Sequence[Entry], *, name: str, files: int, hearing: Hearing | None = None) -> Step:
    """The step, for a log from `StreamReady` to `SessionEnded` or as far as there is one; `files` are there already."""
    hearing = hearing or Hearing()
    reader = _Reader(log, hearing)
    writer = _Writer(name=name, number=files, hearing=hearing, reader=reader, missing=[*hearing.missing])
    writer.write()
    return Step(lines=writer.lines, files=writer.files, missing=writer.missing)


@dataclass(slots=True, kw_only=True)
class _Writer:
    name: str
    number: int
    hearing: Hearing
    reader: _Reader
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
        last = len(turns) - 1
        self.lines += [f"  - {self._turn(turn, place, is_last=place == last)}" for place, turn in enumerate(turns)]
        if is_kept_open:
            self.lines.append(f"  - {NEVER}")

    def _dictation(self) -> None:
        reader, count = self.reader, len(self.reader.words)
        keys = {"text": _text(" ".join(reader.words) or "nothing")}
        if not count:
            self.lines.append("threshold: 32767")  # of what is not understood nothing is told
        elif reader.speech:
            keys["every"] = format_duration(max(reader.speech // count, WINDOW_TIME))
        if any(len(word.split()) != 1 for word in reader.words):
            self.missing.append("that it was told in phrases: here it comes word by word")
        cost = _cost(reader.turns[0]) if reader.turns else {}
        self.lines.append(f"transcribe: {_flow({**keys, **cost})}")

    def _turn(self, turn: _Turn, place: int, *, is_last: bool) -> str:
        keys = {"when": turn.when, **self._least(turn, place)}
        if turn.after:
            keys["after"] = format_duration(turn.after)
        if turn.heard:
            keys["transcript"] = _text(turn.heard)
        if turn.said:
            keys["say"] = _text(" ".join(turn.said))
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
        return _flow(keys)

    def _least(self, turn: _Turn, place: int) -> dict[str, str]:
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

    def _sound(self, turn: _Turn) -> str:
        if not turn.voiced:
            return ""
        sound: Sound = turn.voiced[0][1].sound
        if isinstance(sound, Excerpt) and turn.when == "heard":
            return "echo"
        if isinstance(sound, Tone | Excerpt) or turn.length > LONGEST_SECONDS * e.SECOND:
            if turn.length > LONGEST_SECONDS * e.SECOND:
                self.missing.append(f"a sound of more than {LONGEST_SECONDS // 60} minutes: here it is cut, and a tone")
            lasting = min(turn.length, LONGEST_SECONDS * e.SECOND)
            return _flow({"tone": str(sound.hz if isinstance(sound, Tone) else 440), "for": _whole(lasting)})
        first, last = turn.voiced[0][1].start, turn.voiced[-1][1].stop
        beside = f"{self.name}-{self.number}.wav"
        self.number += 1
        self.files[beside] = wav(sound.pcm[first * SAMPLE : last * SAMPLE])
        return _flow({"file": quoted(beside)})


def _whole(length: Duration) -> str:
    """A length of time of which no sample is lost when it is read again."""
    return format_duration(length + 1 if length % 125 else length)


def _pace(turns: Sequence[_Turn]) -> str:
    """Whether sound came as long as it lasts, where that can be told."""
    gaps = length = 0
    for turn in turns:
        if len(turn.voiced) > 1:
            gaps += turn.voiced[-1][0] - turn.voiced[0][0]
            length += turn.length - microseconds_of(min(CHUNK, turn.voiced[-1][1].stop - turn.voiced[-1][1].start))
    if not length:
        return ""
    return "real" if gaps * 2 >= length else "instant"


def _cost(turn: _Turn) -> dict[str, str]:
    keys = {"cost": quoted(plain(turn.cost or Decimal(0)))}
    if turn.usage or turn.cost is not None:
        keys["usage"] = _flow({quoted(name): str(count) for name, count in turn.usage.items()})
    return keys


def _text(text: str) -> str:
    return quoted(text.replace("$", "$$"))


def _flow(keys: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}"
