"""From the frames that were seen to the log that made them, and so to the scenario that makes them again. Pure.

Times are those of arrival. What lies between `task_output_full` and `task_end` is taken together, for the language
has no step between the two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from wiro_mock.kernel import events as e
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.events import SECOND, Entry, Event, Instant, Job
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.lifecycle import Filler, way_to
from wiro_mock.kernel.status import TRANSITIONS, IllegalEvent, Status, next_status
from wiro_mock.recorded_match import match_of
from wiro_mock.recorder.answering import Answering, answers_together, is_answer, said_by
from wiro_mock.recorder.conversing import Conversing
from wiro_mock.recorder.logged import exit_code, lines_of_log, of_hooks
from wiro_mock.recorder.rounded import fit, number, seconds
from wiro_mock.recorder.sighting import TERMINAL, Seen, Sighting, is_text
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
    """The scenario. One that its client stopped stalls there, to be stopped again. Raises `NotRecordable`."""
    if sighting.stopped:
        frames = [seen for seen in sighting.frames if seen.kind != "task_cancel"]
        sighting = replace(sighting, frames=frames, partial="its client stopped it")
    reader = _Reader(sighting)
    log = reader.read()
    finished = sighting.last is not None
    partial = "" if finished else sighting.partial or "it had not ended when this was written"
    made = record(
        log,
        lambda blob: reader.stored[blob.digest],
        name=sighting.name,
        partial=partial,
        note=sighting.note,
        nth=sighting.nth,
        hearing=reader.session.hearing if reader.session else None,
    )
    return Recording(text=made.text + of_hooks(sighting), files=made.files)


def refusal_of(sighting: Sighting, code: int, message: str) -> Recording:
    """The scenario of a run that was refused."""
    text = json.dumps(message)  # nothing is filled into a refusal's sentence
    written = (
        f'scenario: {sighting.name}\nabout: "Recorded: a refused run of {sighting.owner}/{sighting.project}."\n'
        f"match: {match_of(sighting.model, sighting.parameters, sighting.nth)}\n"
        f"steps:\n  - refuse: {{code: {code}, message: {text}}}\n"
    )
    return Recording(text=written, files={})


@dataclass(slots=True)
class _Reader:
    """Reads the frames in their order and makes the log; what cannot follow is left out, as a frame that came twice."""

    sighting: Sighting
    log: list[Entry] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    session: Conversing | None = None
    _status: Status = Status.QUEUE
    _had_stderr: bool = False
    _logged: dict[int, str] = field(default_factory=dict)
    _told: str = ""
    """All that was streamed in the end."""

    def read(self) -> list[Entry]:
        seen = self.sighting
        streamed = (one.frame["message"] for one in reversed(seen.frames) if is_text(one.frame))
        self._told = next((said_by(message) for message in streamed), "")
        self._logged = {id(seen.frames[place].frame["message"]): line for place, line in lines_of_log(seen).items()}
        self.log.append(Entry(at=seen.at, event=e.Queued(job=_job(seen))))
        answer = Answering(seen) if is_answer(seen) else None
        if answer is not None and not answer.pieces:
            answer = None
        self.session = Conversing(seen.talk, seen.frames) if seen.talk is not None else None
        at = seen.at
        for one in answers_together(seen.frames) if answer else seen.frames:
            at = max(at, one.at)  # a clock that went back
            if self.session is not None:
                self._converse(self.session, one, at)
            if self.session is None or not self.session.is_on:
                for event in self._events(one.frame, at, answer):
                    self._happen(at, event)
        if seen.last is None and isinstance(self.log[-1].event, _HALF):
            self.log.pop()
        return self.log

    def _converse(self, session: Conversing, one: Seen, at: Instant) -> None:
        for entry in session.heard_by(at):
            self._happen(max(entry.at, self.log[-1].at), entry.event)
        for event in session.events(one, at):
            self._happen(at, event)

    def _events(self, frame: Mapping[str, Any], at: Instant, answer: Answering | None) -> Iterator[Event]:
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

    def _message(self, message: Any, at: Instant, answer: Answering | None) -> e.Message:
        if not isinstance(message, dict):
            return message if isinstance(message, str) else json.dumps(message)
        if "stepTotal" in message:
            return _progress(message, self._logged.get(id(message), ""))
        if answer is not None:
            return answer.reply(message, at)
        # A secret that came in pieces is one only at its end: what was told before is what agrees with that.
        text, whole = said_by(message), self._told
        upto = len(text)
        if not whole.startswith(text):
            upto = next(place for place, char in enumerate(text) if whole[place : place + 1] != char)
        rate = number(message.get("speed"))
        return e.Snapshot(text=whole, upto=upto, elapsed=fit(len(text.split()), message, 0), words_per_second=rate)

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


def _job(seen: Sighting) -> Job:
    model = Model(id="0", owner=seen.owner, slug=seen.project, kind="text", cps=Decimal(0))
    return Job(
        id="0", token="", account_uuid="", project_id="", model=model, owner=seen.owner, project=seen.project,
        parameters=seen.parameters, inputs=(), callback_url="", origin="", weight=0, scenario="",
    )  # fmt: skip


def _progress(message: Mapping[str, Any], line: str) -> e.Progress:
    step, total = int(number(message.get("stepCurrent"))), int(number(message.get("stepTotal")))
    return e.Progress(
        step=step,
        total=max(total, 1),
        elapsed=fit(step, message, 0),
        remaining=seconds(message.get("remainingTime")) * SECOND,
        kind=str(message.get("type", "progressGenerate")),
        task=str(message.get("task", "Generate")),
        speed_type=str(message.get("speedType", "it/s")),
        line=line,
    )
