"""What the client of a realtime session was heard to say, and how loud and how still that was, for what came of it.

A server decides by rules of its own when somebody has spoken. Here those of a mock are looked for (a loudness, and a
silence that ends an utterance) that would have found an utterance before each TRANSCRIPT_USER:. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import isqrt
from operator import itemgetter
from typing import Final

from wiro_mock.kernel.audio import WINDOW
from wiro_mock.kernel.events import Entry, Heard, Instant
from wiro_mock.kernel.session import AI, USER
from wiro_mock.kernel.session_ear import WINDOW_TIME
from wiro_mock.language.sessions import HEARD
from wiro_mock.recorded_session import Hearing
from wiro_mock.recorder.sighting import SOUND, Seen
from wiro_mock.recorder.talked import Talk

THRESHOLDS: Final = (500, 250, 120, 60, 30, 15, 8, 4, 2, 1, 1_000, 2_000, 4_000)
SILENCES: Final = tuple(1_000 * one for one in (500, 400, 300, 200, 100, 60, 20, 700, 1_000, 1_500, 2_000, 3_000))
"""What is tried, the mock's own first."""
MOST: Final = 5_000
"""Where it is loud more often than that, nothing else is tried."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance in windows of 20 ms: it began, its last loud one, how many were loud, and when it was over; None
    where it was not before the end.
    """

    start: int
    stop: int
    loud: int
    over: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """How the session listens, and what it has heard."""

    hearing: Hearing
    heard: Sequence[Entry]


def listen(talk: Talk, frames: Sequence[Seen]) -> Listening:
    """What was heard, before frames like these."""
    texts = [said_in(one).removeprefix(USER) for one in frames if said_in(one).startswith(USER)]
    over = next((at for at, kind in reversed(talk.said) if kind != "task_session_interrupt"), None)
    if is_dictation(talk, frames):
        return Listening(hearing=Hearing(), heard=_dictated(talk, len(texts), over))
    threshold, silence, spoken, understood = _found(talk, frames, over)
    said = dict(zip(understood, texts[len(texts) - len(understood) :], strict=True))
    ended = [(place, one) for place, one in enumerate(spoken) if one.over is not None]
    heard = [_entry(talk, one, threshold, said.get(place, "")) for place, one in ended]
    stills, stillest = _still(talk, frames, spoken)
    hearing = Hearing(threshold=threshold, silence=silence, stills=stills, stillest=stillest)
    return Listening(hearing=hearing, heard=heard)


def said_in(seen: Seen) -> str:
    """The transcript in a frame; empty where it is none."""
    message = seen.frame.get("message")
    is_one = seen.kind == "task_output" and isinstance(message, str) and message.startswith((USER, AI))
    return str(message) if is_one else ""


def is_dictation(talk: Talk, frames: Sequence[Seen]) -> bool:
    """Whether it was only written down what was heard, word by word, until the client ended it."""
    texts = [text for text in map(said_in, frames) if text]
    ends = [one.at for one in frames if one.kind == "task_stream_end"]
    if any(one.kind == SOUND for one in frames) or any(text.startswith(AI) for text in texts) or len(ends) > 1:
        return False
    return len(texts) > 1 or any(at <= end for at, kind in talk.said for end in ends if kind == "task_session_end")


def _found(talk: Talk, frames: Sequence[Seen], over: Instant | None) -> tuple[int, int, list[Spoken], list[int]]:
    """The loudness and the silence by which utterances were found before all that was understood; those, and which
    of them were understood. If that can be, no cough was understood, and nothing passed over without a turn before.
    """
    told = [one.at for one in frames if said_in(one).startswith(USER)]
    turns = sum(one.kind == "task_stream_end" for one in frames)
    tried = list[tuple[int, tuple[int, int, list[Spoken], list[int]]]]()
    for threshold, silence in _tries(len(told)):
        if not tried or tried[-1][1][0] != threshold:
            stretches = list(_loud(talk, threshold))
        spoken = list(_utterances(talk, stretches, silence, over))
        understood = _understood(spoken, told)
        clear = {place for place, one in enumerate(spoken) if one.loud * WINDOW_TIME >= HEARD}
        missed, coughs = len(told) - len(understood), len(set(understood) - clear)
        passed = sum(place < max(understood, default=0) for place in clear - set(understood))
        wrong = missed * len(talk.loud) + coughs + max(0, passed - max(0, turns - len(told)))
        tried.append((wrong, (threshold, silence, spoken, understood)))
        if not tried[-1][0] or len(stretches) > MOST:
            break
    return min(tried, key=itemgetter(0))[1]


def _tries(told: int) -> Iterator[tuple[int, int]]:
    return iter(product(THRESHOLDS, SILENCES) if told else [(THRESHOLDS[0], SILENCES[0])])


def _understood(spoken: Sequence[Spoken], told: Sequence[Instant]) -> list[int]:
    """The places of the utterances that were understood at these instants: the latest that were over, a cough only
    where there is nothing else; fewer where there are not as many.
    """
    overs = [one.over for one in spoken if one.over is not None]  # but for the last one, each is over
    found, end = list[int](), len(overs)
    for at in reversed(told):
        end = min(end, bisect_right(overs, at))
        latest = range(end - 1, max(end - 20, len(told) - len(found) - 1) - 1, -1)
        chosen = next((place for place in latest if spoken[place].loud * WINDOW_TIME >= HEARD), end - 1)
        if chosen < 0:
            break
        found.append(chosen)
        end = chosen
    return found[::-1]


def _loud(talk: Talk, threshold: int) -> Iterator[tuple[int, int]]:
    """The stretches of loud windows."""
    flags = bytes(level >= threshold for level in talk.loud)
    return ((found.start(), found.end()) for found in re.finditer(rb"\x01+", flags))


def _utterances(
    talk: Talk, stretches: Sequence[tuple[int, int]], silence: int, over: Instant | None
) -> Iterator[Spoken]:
    quiet = -(-silence // WINDOW_TIME)
    first = last = loud = 0
    for start, stop in (*stretches, (len(talk.loud) + quiet + 1, 0)):
        if loud and start - last >= quiet:
            is_left = last + quiet > len(talk.loud)
            yield Spoken(first, last, loud, over if is_left else talk.when(last + quiet))
            loud = 0
        first = start if not loud else first
        last, loud = stop, loud + stop - start


def _entry(talk: Talk, one: Spoken, threshold: int, said: str) -> Entry:
    assert one.over is not None
    loud = [level for level in talk.loud[one.start : one.stop] if level >= threshold]
    rms = isqrt(sum(level * level for level in loud) // max(len(loud), 1))
    heard = Heard(speech=one.loud * WINDOW_TIME, rms=rms, start=one.start * WINDOW, stop=one.stop * WINDOW, said=said)
    return Entry(at=one.over, event=heard)


def _dictated(talk: Talk, words: int, over: Instant | None) -> list[Entry]:
    """All that was said, as one; it was loud enough for so many words."""
    for threshold in THRESHOLDS:
        stretches = list(_loud(talk, threshold))
        loud = sum(stop - start for start, stop in stretches)
        if stretches and loud >= words:
            last = stretches[-1][1]
            at = over if over is not None else talk.marks[-1][0]
            return [_entry(talk, Spoken(stretches[0][0], last, loud, at), threshold, "")]
    return []


def _still(talk: Talk, frames: Sequence[Seen], spoken: Sequence[Spoken]) -> tuple[list[int], int]:
    """How long it had been still before each turn, and at most before the client spoke."""
    starts, stills, ends, is_on = [one.start for one in spoken], list[int](), [0], False
    for one in frames:
        if not is_on and (one.kind in (SOUND, "task_stream_end") or said_in(one).startswith(AI)):
            now, is_on = talk.windows(one.at), True
            place = bisect_left(starts, now)
            loud = min(spoken[place - 1].stop, now) if place else 0
            stills.append(max(now - max(loud, ends[-1]), 0) * WINDOW_TIME)
        if one.kind == "task_stream_end":
            ends.append(talk.windows(one.at))
            is_on = False
    stillest = last = 0
    for utterance in spoken:
        anchor = ends[bisect_right(ends, utterance.start) - 1]
        stillest = max(stillest, utterance.start - max(anchor, last))
        last = utterance.stop
    return stills, stillest * WINDOW_TIME
