"""A realtime session: turns of a script that react to what is heard. Pure: it is told, and says what happens then.

Theory of operation. A session never looks at time. It listens to windows of 20 ms, each a loudness: loud ones make an
utterance, and enough silence after it ends it. An utterance that has ended, the beginning, or a long silence each look
for a turn of the script that fits; the turns wait for each other, and each becomes steps for the schedule: its pieces
of sound, its transcript, its end, its charge. What the client does (an interrupt, the end) happens at once, and cuts
off the steps of the turn that is being said. So a session moves by what it is told only: no clock jumps over it.

The order of sound and transcript, and a charge for a turn that was interrupted, are our choice (socket.md §1.5, §5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from wiro_mock.kernel import audio, tokens
from wiro_mock.kernel.audio import Excerpt, Sound, microseconds_of, samples_of
from wiro_mock.kernel.events import (
    Duration,
    Ender,
    Event,
    Heard,
    Output,
    SessionEnded,
    StreamEnded,
    TurnCharged,
    Voiced,
)
from wiro_mock.kernel.prices import EXACT
from wiro_mock.kernel.session_ear import NOTHING_HEARD, WINDOW_TIME, Ear
from wiro_mock.kernel.session_script import Dictation, Script, ScriptTurn, When

USER: Final = "TRANSCRIPT_USER:"
AI: Final = "TRANSCRIPT_AI:"
"""No space after the colon (socket.md §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A turn that plays: its sound, which an echo knows only now, and the samples of it."""

    turn: ScriptTurn
    sound: Sound | None
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where a session stands. `left`: it was ended before it began, and by whom."""

    script: Script
    paced: bool = False
    phase: Literal["before", "on", "over"] = "before"
    ear: Ear = NOTHING_HEARD
    speaking: Speech | None = None
    waiting: tuple[Speech, ...] = ()
    played: frozenset[int] = frozenset()
    charged: Decimal = Decimal(0)
    left: Ender | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What comes of something: the session after it, what happens at once, and what is to come, each after a time.

    `cut`: what was to come before does not.
    """

    session: Session
    events: tuple[Event, ...] = ()
    steps: tuple[tuple[Duration, Event], ...] = ()
    cut: bool = False


# -- what a session is told ----------------------------------------------------------------------------


def begin(session: Session) -> Session:
    """The session listens from now on."""
    session = replace(session, phase="on")
    for number, turn in enumerate(session.script.turns):
        if turn.when == "start":
            session = _line_up(session, number, turn)
    return session


def proceed(session: Session, *, broke: bool) -> Reaction:
    """Nothing is to come any more: what comes next. `broke`: the account has no money left."""
    if (now := session.speaking) is not None:
        if now.turn.waits is not None:
            return Reaction(session=session)  # for the client's interrupt
        session, _ = _charge(replace(session, speaking=None), now.turn)
        if now.turn.ends:
            return end(session, "scenario")
    if session.left is not None:
        return end(session, session.left)
    if broke:
        return end(session, "balance")
    if session.waiting:
        first, *others = session.waiting
        session = replace(session, speaking=first, waiting=tuple(others))
        return Reaction(session=session, steps=tuple(_steps(first, session)))
    return Reaction(session=session) if session.script.listens else end(session, "scenario")


def hear(session: Session, levels: Iterable[int]) -> Reaction:
    """The client was heard: the loudness of one window after the other."""
    events, cut = list[Event](), False
    script, ear = session.script, session.ear
    for level in levels:
        ear = ear.listen(level, script.threshold)
        if not _matters(session, ear):
            continue
        session = replace(session, ear=ear)
        if script.barge_in is not None and session.speaking and session.ear.lasted >= script.barge_in:
            stopped = interrupt(session)
            session, cut = stopped.session, True
            events += stopped.events
        if session.phase == "over":
            break
        if script.dictation is not None:
            session, told = _dictated(session, script.dictation)
            events += told
        elif session.ear.since is not None and session.ear.quiet * WINDOW_TIME >= script.silence:
            session, told = _understood(session)
            events += told
        elif session.ear.since is None:
            session = _still(session)
        ear = session.ear
    if session.phase == "on":
        session = replace(session, ear=ear)
    return Reaction(session=session, events=tuple(events), cut=cut)


def interrupt(session: Session) -> Reaction:
    """The client wants to hear no more of this turn. Nothing happens where nothing is being said."""
    if session.speaking is None:
        return Reaction(session=session)
    turn = session.speaking.turn
    session, charge = _charge(replace(session, speaking=None), turn)
    stopped = (StreamEnded(interrupted=True), charge)
    if turn.ends:
        over = end(session, "scenario")
        return replace(over, events=(*stopped, *over.events))
    return Reaction(session=session, events=stopped, cut=True)


def end(session: Session, by: Ender) -> Reaction:
    """The session ends: what is left is dealt with, without a sound; the last charge, and the end.

    A session that ends by itself has been charged for all it did; else, where nothing is left to be charged, a final
    charge of nothing tells the sum (socket.md §1.3: "and a final one").
    """
    events: list[Event] = []
    if session.speaking is not None:
        session, charge = _charge(session, session.speaking.turn)
        events = [StreamEnded(interrupted=True), charge]
    session = replace(session, speaking=None, waiting=())
    if by != "balance":
        session, left = _left_over(session)
        events += left
    if by != "scenario" and not any(isinstance(event, TurnCharged) for event in events):
        events.append(TurnCharged(cost=Decimal(0), total=session.charged, final=True))
    events.append(SessionEnded(by=by))
    return Reaction(session=replace(session, phase="over"), events=tuple(events), cut=True)


def _matters(session: Session, ear: Ear) -> bool:
    """Whether anything may come of the latest window; of most, nothing does."""
    script = session.script
    if script.barge_in is not None and session.speaking and ear.lasted >= script.barge_in:
        return True
    if script.dictation is not None:
        return ear.speech * WINDOW_TIME // script.dictation.every > ear.told
    if ear.since is not None:
        return ear.quiet * WINDOW_TIME >= script.silence
    return any(turn.when == "silence" for turn in script.turns)


# -- inside --------------------------------------------------------------------------------------------


def _line_up(session: Session, number: int, turn: ScriptTurn, heard: Heard | None = None) -> Session:
    """The turn is to play, after those that wait already."""
    sound: Sound | None = turn.sound
    samples = turn.samples
    if turn.echo:
        sound = Excerpt(start=heard.start) if heard else None
        samples = heard.stop - heard.start if heard else 0
    speech = Speech(turn=turn, sound=sound, samples=samples if sound else 0)
    return replace(session, waiting=(*session.waiting, speech), played=session.played | {number})


def _fitting(session: Session, when: When, lasted: Duration) -> tuple[int, ScriptTurn] | None:
    """The first turn that plays now, with its number."""
    for number, turn in enumerate(session.script.turns):
        if turn.when == when and turn.least <= lasted and (turn.repeat or number not in session.played):
            return number, turn
    return None


def _understood(session: Session) -> tuple[Session, list[Event]]:
    """The utterance is over: what was understood, and the turn that answers it is lined up."""
    found = _fitting(session, "heard", session.ear.lasted)
    said = found[1].transcript if found else ""
    heard = session.ear.utterance(said)
    session = replace(session, ear=session.ear.ended())
    events: list[Event] = [heard]
    if said:
        events.append(Output(message=USER + said))
    return (_line_up(session, *found, heard) if found else session), events


def _still(session: Session) -> Session:
    """Line up the turn of a silence that has become long enough.

    While the session itself speaks there is none: it begins anew behind every turn.
    """
    quiet = replace(session, ear=replace(session.ear, still=0))
    if session.speaking or session.waiting:
        return quiet
    found = _fitting(session, "silence", session.ear.still * WINDOW_TIME)
    return session if found is None else _line_up(quiet, *found)


def _dictated(session: Session, dictation: Dictation) -> tuple[Session, list[Event]]:
    """The words that have been heard by now."""
    due = min(session.ear.speech * WINDOW_TIME // dictation.every, len(dictation.words))
    return _tell(session, dictation, due)


def _tell(session: Session, dictation: Dictation, due: int) -> tuple[Session, list[Event]]:
    words = dictation.words[session.ear.told : due]
    told = max(session.ear.told, due)
    if told == session.ear.told:
        return session, []
    return replace(session, ear=replace(session.ear, told=told)), [Output(message=USER + word) for word in words]


def _left_over(session: Session) -> tuple[Session, list[Event]]:
    """What was being said when the session ended."""
    events: list[Event] = []
    dictation = session.script.dictation
    if dictation is not None:
        started = -(-session.ear.speech * WINDOW_TIME // dictation.every)
        session, events = _tell(session, dictation, min(started, len(dictation.words)))
        if session.ear.since is not None:
            events.insert(0, session.ear.utterance(""))
        told = tokens.count(" ".join(dictation.words[: session.ear.told]))
        usage = dictation.usage or {"input_tokens": told, "output_tokens": told}
        session, charge = _charge(session, replace(dictation, usage=usage))
        return session, [*events, StreamEnded(), charge]
    if session.ear.since is not None:
        session, events = _understood(session)
        for speech in session.waiting:
            session, charge = _charge(session, speech.turn)
            events += [StreamEnded(), charge]
    return replace(session, waiting=()), events


def _charge(session: Session, turn: ScriptTurn | Dictation) -> tuple[Session, TurnCharged]:
    """The turn is paid for."""
    total = EXACT.add(session.charged, turn.cost)
    return replace(session, charged=total), TurnCharged(cost=turn.cost, total=total, usage=turn.usage)


def _steps(speech: Speech, session: Session) -> Iterator[tuple[Duration, Event]]:
    """What comes of a turn, each after the one before it."""
    turn, after = speech.turn, speech.turn.after
    paced = session.paced if session.script.paced is None else session.script.paced
    samples = speech.samples if turn.waits is None else min(speech.samples, samples_of(turn.waits))
    for start, stop in audio.pieces(samples):
        assert speech.sound is not None
        yield after, Voiced(sound=speech.sound, start=start, stop=stop)
        after = microseconds_of(stop - start) if paced else 0
    if turn.waits is not None:
        return
    if turn.say and session.script.transcripts:
        yield after, Output(message=AI + turn.say)
        after = 0
    yield after, StreamEnded(said=turn.say)
    yield 0, _charge(session, turn)[1]
