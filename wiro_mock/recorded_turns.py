"""What was said in a realtime session, turn by turn, and what brought each turn about, from its log. Pure.

The log has what was said to the client. What brought it about is inferred: an utterance that had ended and had no
answer yet, else silence; nothing for what came before anybody had spoken. An utterance without an answer was too short
for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, TypeAlias

from wiro_mock.kernel import events as e
from wiro_mock.kernel.audio import microseconds_of
from wiro_mock.kernel.events import Duration, Entry, Instant
from wiro_mock.kernel.session import AI, USER
from wiro_mock.language.sessions import HEARD

When: TypeAlias = Literal["start", "heard", "silence"]


@dataclass(slots=True, kw_only=True)
class _Utterance:
    at: Instant
    speech: Duration
    said: str = ""


@dataclass(slots=True, kw_only=True)
class Turn:
    """A turn, as far as it has been seen. `after` is since what brought it about: speech as long as `least`, where the
    longest that had brought about nothing was `passed`.
    """

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


class Turns:
    """Puts the turns together. `words` is all that was understood, `speech` how long the client spoke in all, `ended`
    who ended the session; `untold`: what was said was told in sound only.
    """

    def __init__(self, log: Sequence[Entry]) -> None:
        self.turns: list[Turn] = []
        self.words: list[str] = []
        self.ended: e.Ender | Literal[""] = ""
        self.untold = False
        self.speech: Duration = 0
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

    def _turn(self, at: Instant) -> Turn:
        """The turn that goes on, or a new one."""
        if not self.turns or self.turns[-1].over:
            self.turns.append(self._brought_about(at))
        return self.turns[-1]

    def _brought_about(self, at: Instant) -> Turn:
        found = next((one for one in self._open if one.said), None)
        found = found or next((one for one in self._open if one.speech >= HEARD), None)
        found = found or next(iter(self._open), None)
        if found is None:
            when: When = "silence" if self.speech else "start"
            return Turn(when=when, after=at - self._free if when == "start" else 0)
        place = self._open.index(found)
        self._passed = max([self._passed, *(one.speech for one in self._open[:place])])
        self._open = self._open[place + 1 :]
        after = max(at - max(found.at, self._free), 0)
        return Turn(when="heard", after=after, least=found.speech, passed=self._passed, heard=found.said)

    @property
    def dictated(self) -> bool:
        """Whether it only wrote down what it heard, word by word, until the client ended it."""
        if len(self.turns) > 1 or any(turn.voiced or turn.said for turn in self.turns):
            return False
        at_end = bool(self.turns) and self.ended in ("client", "disconnect") and not self._final
        return len(self.words) > 1 or (at_end and all(len(word.split()) == 1 for word in self.words))
