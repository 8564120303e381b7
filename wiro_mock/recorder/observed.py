"""From the frames that were seen to the log that made them, and so to the scenario that makes them again. Pure.

Times are those of arrival. What a frame tells only rounded (a speed, whole seconds) is taken back to a length of time
that is told in the same words. What lies between `task_output_full` and `task_end` is taken together, for the
language has no step between the two; so is other output in the midst of a language model's answer: it comes first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil, floor
from typing import Any, Final

from wiro_mock.kernel import events as e
from wiro_mock.kernel.answer import Answer, Piece, Usage
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.events import SECOND, Duration, Entry, Event, Instant, Job
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.lifecycle import Filler, way_to
from wiro_mock.kernel.task import TRANSITIONS, IllegalEvent, Status, next_status
from wiro_mock.recorder.logged import exit_code, lines_of_log, of_hooks
from wiro_mock.recorder.sighting import TERMINAL, Seen, Sighting, is_text, listed
from wiro_mock.recording import Recording, record

__all__ = ["TERMINAL", "Seen", "Sighting", "refusal_of", "scenario_of"]
_MARKS: Final[Mapping[str, Callable[[], Event]]] = {
    "task_accept": e.Accepted,
    "task_preprocess_start": e.PreprocessStarted,
    "task_preprocess_end": e.PreprocessEnded,
    "task_assign": e.Assigned,
    "task_start": e.Started,
    "task_postprocess_start": e.PostprocessStarted,
}
_BEFORE_START: Final = frozenset(
    {Status.QUEUE, Status.ACCEPT, Status.PREPROCESS_START, Status.PREPROCESS_END, Status.ASSIGN}
)
_HALF: Final = (e.PreprocessStarted, e.PostprocessStarted)


def scenario_of(sighting: Sighting) -> Recording:
    """The scenario. Raises `NotRecordable`."""
    reader = _Reader(sighting)
    log = reader.read()
    finished = sighting.last is not None
    partial = "" if finished else sighting.partial or "it had not ended when this was written"
    made = record(log, lambda blob: reader.stored[blob.digest], name=sighting.name, partial=partial)
    return Recording(text=made.text + of_hooks(sighting), files=made.files)


def refusal_of(sighting: Sighting, code: int, message: str) -> Recording:
    """The scenario of a run that was refused."""
    text = json.dumps(message)  # nothing is filled into a refusal's sentence
    written = (
        f'scenario: {sighting.name}\nabout: "Recorded: a refused run of {sighting.owner}/{sighting.project}."\n'
        f"match: {{model: {json.dumps(f'{sighting.owner}/{sighting.project}')}}}\n"
        f"steps:\n  - refuse: {{code: {code}, message: {text}}}\n"
    )
    return Recording(text=written, files={})


@dataclass(slots=True)
class _Reader:
    """Reads the frames in their order and makes the log; what cannot follow is left out, as a frame that came twice."""

    sighting: Sighting
    log: list[Entry] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    _status: Status = Status.QUEUE
    _had_stderr: bool = False
    _logged: dict[int, str] = field(default_factory=dict)

    def read(self) -> list[Entry]:
        seen = self.sighting
        self._logged = {id(seen.frames[place].frame["message"]): line for place, line in lines_of_log(seen).items()}
        self.log.append(Entry(at=seen.at, event=e.Queued(job=_job(seen))))
        answer = _Answering(seen) if _is_answer(seen) else None
        if answer is not None and not answer.pieces:
            answer = None
        at = seen.at
        for one in _answers_together(seen.frames) if answer else seen.frames:
            at = max(at, one.at)  # a clock that went back
            for event in self._events(one.frame, at, answer):
                self._happen(at, event)
        if seen.last is None and isinstance(self.log[-1].event, _HALF):
            self.log.pop()
        return self.log

    def _events(self, frame: Mapping[str, Any], at: Instant, answer: _Answering | None) -> Iterator[Event]:
        kind, message = str(frame.get("type")), frame.get("message")
        if kind in _MARKS:
            yield _MARKS[kind]()
        elif kind == "task_queue":
            if self._status is Status.ERROR:
                yield e.Requeued()
        elif kind == "task_output":
            yield e.Output(message=self._message(message, at, answer))
        elif kind == "task_error":
            text = message if isinstance(message, str) else json.dumps(message)
            yield e.SetupFailed(message=text) if self._status in _BEFORE_START else e.ErrorOutput(text=text)
        elif kind == "task_end":
            yield from self._ending()
        elif kind == "task_cancel":
            yield e.Cancelled(killed=self._status is not Status.QUEUE)
        elif kind == "task_postprocess_end":
            yield from self._end()

    def _ending(self) -> Iterator[Event]:
        for place, one in enumerate(self.sighting.outputs):
            yield e.Produced(name=str(one.get("name", place)), blob=self._blob(place, one))
        yield e.OutputEnded()
        if self._had_stderr:
            yield e.ErrorEnded()
        yield e.Exited(code=exit_code(self.sighting))

    def _end(self) -> Iterator[Event]:
        if self._status is Status.ERROR:
            yield e.GaveUp(code=1)
            return
        if self._status not in (Status.END, Status.POSTPROCESS_START):
            yield from self._ending()
        if self._status is not Status.POSTPROCESS_START:
            yield e.PostprocessStarted()
        yield e.PostprocessEnded()

    def _blob(self, place: int, one: Mapping[str, Any]) -> Blob:
        kind = str(one.get("contenttype") or "application/octet-stream")
        data = self.sighting.files.get(place)
        if data is None:
            data, kind = b"these bytes were not recorded", "text/plain"
        digest = hashlib.sha256(data).hexdigest()
        self.stored[digest] = data
        return Blob(digest=digest, size=len(data), contenttype=kind)

    def _message(self, message: Any, at: Instant, answer: _Answering | None) -> e.Message:
        if not isinstance(message, dict):
            return message if isinstance(message, str) else json.dumps(message)
        if "stepTotal" in message:
            return _progress(message, self._logged.get(id(message), ""))
        if answer is not None:
            return answer.reply(message, at)
        # A secret that came in pieces is one only at its end: what was told before is what agrees with that.
        text, whole = _said_by(message), self._told
        upto = next((place for place, char in enumerate(text) if whole[place : place + 1] != char), len(text))
        rate = _number(message.get("speed"))
        return e.Snapshot(text=whole, upto=upto, elapsed=_fit(len(text.split()), message, 0), words_per_second=rate)

    @property
    def _told(self) -> str:
        """All that was streamed in the end."""
        return next(
            (_said_by(one.frame["message"]) for one in reversed(self.sighting.frames) if is_text(one.frame)), ""
        )

    def _happen(self, at: Instant, event: Event) -> None:
        road: tuple[Filler | type[e.PreprocessEnded], ...] = way_to(self._status, type(event))
        if self._status is Status.PREPROCESS_START and type(event) not in TRANSITIONS[self._status]:
            road = (e.PreprocessEnded, *way_to(Status.PREPROCESS_END, type(event)))  # a frame that was missed
        for step in (*(kind() for kind in road), event):
            try:
                self._status = next_status(self._status, step)
            except IllegalEvent:
                return
            self._had_stderr = (self._had_stderr or isinstance(step, e.ErrorOutput)) and not isinstance(
                step, e.Requeued
            )
            self.log.append(Entry(at=at, event=step))


class _Answering:
    """A language model's answer, and how much of it each frame tells."""

    def __init__(self, seen: Sighting) -> None:
        content: Mapping[str, Any] = next(
            (one["content"] for one in listed(seen.last) if isinstance(one.get("content"), dict)), {}
        )
        told = [one.frame["message"] for one in seen.frames if is_text(one.frame)]
        whole = content or (told[-1] if told else {})
        self.pieces = tuple(_pieces(whole))
        self._left = len(told)
        thinks = bool(self.pieces) or any(one.get("isThinking") is True for one in told)
        self._hidden = bool(told) and not any(_pieces(one) for one in told) and thinks
        if not self.pieces and (content or whole.get("finishreason")):
            self.pieces = (Piece(kind="answer", text=""),)  # it said nothing
        self._tagged = any(str(one).startswith("<answer>") for one in content.get("answer") or ())
        finish = whole.get("finishreason")
        self._answer = Answer(
            prompt=str(content.get("prompt", "")),
            pieces=self.pieces,
            finish=finish if finish in ("stop", "tool_calls", "length", "content_filter", "error") else "stop",
            usage=_usage(whole.get("usage")),
        )
        self._zero: Instant | None = None

    def reply(self, message: Mapping[str, Any], at: Instant) -> e.Reply:
        self._zero = at if self._zero is None else self._zero
        self._left -= 1
        said = _pieces(message)
        words = sum(len(piece.text.split()) for piece in said)
        upto = sum(piece.length for piece in said)
        return e.Reply(
            answer=self._answer,
            upto=self._answer.length if not self._left or self._hidden else upto,
            elapsed=_fit(words, message, at - self._zero),
            last=not self._left,
            hidden=self._hidden,
            tagged=self._tagged,
        )


def _answers_together(frames: Sequence[Seen]) -> list[Seen]:
    """The frames, with what came in the midst of an answer before it."""
    places = [place for place, one in enumerate(frames) if is_text(one.frame)]
    if not places:
        return list(frames)
    first, last = places[0], places[-1]
    amid = [one for one in frames[first:last] if not is_text(one.frame)]
    early = [Seen(at=frames[first].at, frame=one.frame) for one in amid]
    return [*frames[:first], *early, *(frames[place] for place in places), *frames[last + 1 :]]


def _job(seen: Sighting) -> Job:
    model = Model(id="0", owner=seen.owner, slug=seen.project, kind="text", cps=Decimal(0))
    return Job(
        id="0", token="", account_uuid="", project_id="", model=model, owner=seen.owner, project=seen.project,
        parameters=seen.parameters, inputs=(), callback_url="", origin="", weight=0, scenario="",
    )  # fmt: skip


def _is_answer(seen: Sighting) -> bool:
    """Whether the text is a language model's: it is among the outputs, or its frames tell of thinking or its end."""
    if any(isinstance(one.get("content"), dict) for one in listed(seen.last)):
        return True
    told = [one.frame["message"] for one in seen.frames if is_text(one.frame)]
    return any(one.get("thinking") or one.get("finishreason") or one.get("isThinking") for one in told)


def _pieces(message: Mapping[str, Any]) -> list[Piece]:
    """What has been said, in either form; nothing of the stretches that are still empty."""
    if isinstance(segments := message.get("segments"), list):
        return [_piece(one) for one in segments if isinstance(one, dict)]
    made = list[Piece]()
    thinking, answer = message.get("thinking") or [], message.get("answer") or []
    for place in range(max(len(thinking), len(answer))):
        for kind, texts in (("thinking", thinking), ("answer", answer)):
            if place < len(texts) and texts[place]:
                text = re.sub(r"\A<answer>(.*)</answer>\Z", r"\1", str(texts[place]), flags=re.DOTALL)
                made.append(Piece(kind="thinking" if kind == "thinking" else "answer", text=text))
    return made or ([Piece(kind="answer", text=str(message["raw"]))] if message.get("raw") else [])


def _piece(one: Mapping[str, Any]) -> Piece:
    kind = one.get("type")
    if kind not in ("function_call", "custom_tool_call"):
        return Piece(kind="thinking" if kind == "thinking" else "answer", text=str(one.get("text", "")))
    text = one.get("arguments") if kind == "function_call" else one.get("input")
    named = {name: str(one.get(name, "")) for name in ("id", "call_id", "name")}
    return Piece(kind="function_call" if kind == "function_call" else "custom_tool_call", text=str(text or ""), **named)


def _usage(shape: object) -> Usage:
    def count(whole: object, name: str) -> int:
        found = whole.get(name) if isinstance(whole, dict) else None
        return found if isinstance(found, int) and found >= 0 else 0

    of = shape if isinstance(shape, dict) else {}
    return Usage(
        input=count(of, "input_tokens"),
        output=count(of, "output_tokens"),
        reasoning=min(count(of.get("output_tokens_details"), "reasoning_tokens"), count(of, "output_tokens")),
        cached=min(count(of.get("input_tokens_details"), "cached_tokens"), count(of, "input_tokens")),
    )


def _said_by(message: Mapping[str, Any]) -> str:
    return "".join(piece.text for piece in _pieces(message))


def _progress(message: Mapping[str, Any], line: str) -> e.Progress:
    step, total = int(_number(message.get("stepCurrent"))), int(_number(message.get("stepTotal")))
    return e.Progress(
        step=step,
        total=max(total, 1),
        elapsed=_fit(step, message, 0),
        remaining=_seconds(message.get("remainingTime")) * SECOND,
        kind=str(message.get("type", "progressGenerate")),
        task=str(message.get("task", "Generate")),
        speed_type=str(message.get("speedType", "it/s")),
        line=line,
    )


def _fit(count: int, message: Mapping[str, Any], measured: Duration) -> Duration:
    """The length of time nearest to what was measured that is told in the same words: so many whole seconds, and a
    count by it that is the same speed with one decimal.
    """
    least = _seconds(message.get("elapsedTime")) * SECOND
    most, speed = least + SECOND - 1, _number(message.get("speed"))
    if not speed or not count:
        return 0 if count and not least else min(max(measured, least), most)
    slowest, fastest = max(speed - 0.05, 1e-9), speed + 0.05
    low, high = max(least, ceil(count * SECOND / fastest) + 1), min(most, floor(count * SECOND / slowest) - 1)
    if low <= high:
        return min(max(measured, low), high)
    exact = round(count * SECOND / speed)  # of so few microseconds that there is nothing to choose
    return exact if least <= exact <= most else least


def _seconds(text: object) -> int:
    """Whole seconds of `5s` or `1m 5s`."""
    found = re.fullmatch(r"(?:(\d{1,6})m ?)?(\d{1,6})s", str(text))
    return int(found[1] or 0) * 60 + int(found[2]) if found else 0


def _number(text: object) -> float:
    found = re.match(r"\d{1,9}(?:\.\d{1,6})?", str(text))
    return float(found[0]) if found else 0.0
