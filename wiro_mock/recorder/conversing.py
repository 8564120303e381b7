"""The frames of a realtime session as the events that made them, with what its client was heard to say between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from wiro_mock.kernel import events as e
from wiro_mock.kernel.audio import SAMPLE, Clip, Excerpt, Tone, microseconds_of
from wiro_mock.kernel.events import Entry, Event, Instant
from wiro_mock.kernel.session import AI
from wiro_mock.recorded_session import Hearing
from wiro_mock.recorder.heard import listen, said_in
from wiro_mock.recorder.sighting import SOUND, Seen
from wiro_mock.recorder.talked import Talk


class Conversing:
    """Reads the frames of a session in their order. `missing` is what no scenario tells of it."""

    def __init__(self, talk: Talk, frames: Sequence[Seen]) -> None:
        begun = next((place for place, one in enumerate(frames) if one.kind == "task_stream_ready"), len(frames))
        listening = listen(talk, frames[begun:])
        self._heard = [*listening.heard]
        self._hearing = listening.hearing
        self._talk = talk
        self._clip = Clip(pcm=bytes(talk.sound))
        self._echoes = dict(_echoes(talk, frames[begun:]))
        self._cuts = [when for when, _ in talk.said]
        self._said: list[str] = []
        self._since: Instant | None = None
        self._charged = True
        self._begun = False
        self._missing: dict[str, None] = {}
        self.is_on = False

    @property
    def hearing(self) -> Hearing:
        """How it listens, and what is missing."""
        lost = microseconds_of(self._talk.samples - len(self._talk.sound) // SAMPLE)
        kept = [f"{lost / e.SECOND:.1f} s of its sound, which were not kept: here they are a tone"] if lost else []
        return replace(self._hearing, missing=[*kept, *self._missing])

    def heard_by(self, at: Instant) -> Iterator[Entry]:
        """The utterances that were over by then."""
        while self.is_on and self._heard and self._heard[0].at <= at:
            yield self._heard.pop(0)

    def events(self, one: Seen, at: Instant) -> Iterator[Event]:
        """What a frame tells of the session; nothing where it is not about it."""
        kind = one.kind
        if kind == "task_stream_ready":
            if not self._begun:  # a client that comes back is told so again
                self._begun = self.is_on = True
                yield e.StreamReady()
        elif not self.is_on:
            return
        elif kind == SOUND:
            self._begin(at)
            yield self._voiced(one.frame["start"], one.frame["stop"])
        elif text := said_in(one):
            if text.startswith(AI):
                self._begin(at)
                self._said.append(text.removeprefix(AI))
            yield e.Output(message=text)
        elif kind in ("task_output", "task_error"):
            self._missing["what it printed besides"] = None
        elif kind == "task_stream_end":
            cut = self._was_cut(at if self._since is None else self._since, at) and not self._said
            yield e.StreamEnded(said=" ".join(self._said), interrupted=cut)
            self._said, self._since, self._charged = [], None, False
        elif kind == "task_cost":
            yield self._cost(one.frame)
        elif kind == "task_cancel":
            self.is_on = False
        elif kind in ("task_output_full", "task_end", "task_postprocess_start", "task_postprocess_end"):
            self.is_on = False
            yield e.SessionEnded(by=self._by(at))

    def _begin(self, at: Instant) -> None:
        self._since = at if self._since is None else self._since

    def _voiced(self, start: int, stop: int) -> e.Voiced:
        if start in self._echoes:
            return e.Voiced(sound=self._echoes[start], start=start, stop=stop)
        is_kept = stop * SAMPLE <= len(self._clip.pcm)
        return e.Voiced(sound=self._clip if is_kept else Tone(hz=440), start=start, stop=stop)

    def _was_cut(self, since: Instant, at: Instant) -> bool:
        """Whether the client wanted to hear no more of the turn; it says so of one turn only."""
        cuts = [when for when in self._cuts if when <= at]
        self._cuts = self._cuts[len(cuts) :]
        return any(since <= when for when in cuts)

    def _cost(self, frame: Mapping[str, Any]) -> Event:
        usage = frame.get("usage")
        counts = (
            {str(name): count for name, count in usage.items() if _is_count(count)} if isinstance(usage, dict) else {}
        )
        if isinstance(usage, dict) and len(counts) < len(usage):
            self._missing["what usage had besides whole numbers"] = None
        final, self._charged = self._charged, True
        cost, total = _usd(frame.get("turnCost")), _usd(frame.get("cumulativeCost"))
        return e.TurnCharged(cost=cost, total=total, usage=counts, final=final)

    def _by(self, at: Instant) -> e.Ender:
        ended = [kind for when, kind in self._talk.said if when <= at]
        if "task_session_end" in ended:
            return "client"
        return "disconnect" if ended[-1:] == ["left"] else "scenario"


def _echoes(talk: Talk, frames: Sequence[Seen]) -> Iterator[tuple[int, Excerpt]]:
    """The pieces of sound, by where they begin, of turns that say what the client has said, which is never kept."""
    pieces, stop = list[int](), 0
    for one in frames:
        if one.kind == SOUND:
            pieces.append(one.frame["start"])
            stop = one.frame["stop"]
        elif one.kind == "task_stream_end" and pieces:
            if (place := talk.echoed(pieces[0], stop)) is not None:
                yield from ((piece, Excerpt(start=place)) for piece in pieces)
            pieces = []
    if pieces and (place := talk.echoed(pieces[0], stop)) is not None:  # one that is not over
        yield from ((piece, Excerpt(start=place)) for piece in pieces)


def _is_count(count: object) -> bool:
    return isinstance(count, int) and not isinstance(count, bool)


def _usd(amount: object) -> Decimal:
    try:
        found = Decimal(str(amount))
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() and 0 <= found < 10**9 else Decimal(0)
