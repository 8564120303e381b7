"""What a backend yields becomes the events of its task: what it leaves out is filled in, what cannot be is refused.

Pure: the same for a run of the mock and for `check_backend`, which folds the same events without one.
"""

from __future__ import annotations

from typing import Final

from wiro_mock.backends.job import BackendError
from wiro_mock.backends.vetting import named, vetted
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Event, Instant
from wiro_mock.kernel.lifecycle import closing, exiting, way_to
from wiro_mock.kernel.status import IllegalEvent, Status
from wiro_mock.kernel.task import Task
from wiro_mock.kernel.texts import Growing
from wiro_mock.text import whole

MOST_EVENTS: Final = 20_000
"""Of one run; ours, as for realtime sessions."""
MOST_TEXT: Final = 4 << 20
"""Characters of everything that one run says; ours."""
MOST_PRODUCED: Final = 256 << 20
"""Bytes of all output files of one run: a quarter of what a mock keeps, or the run would push itself out at its end."""

_ALLOWED: Final = (
    e.PreprocessStarted,
    e.PreprocessEnded,
    e.Assigned,
    e.Started,
    e.Output,
    e.ErrorOutput,
    e.Produced,
    e.Exited,
    e.PostprocessStarted,
    e.PostprocessEnded,
    e.SetupFailed,
    e.GaveUp,
)
_IMPLIED: Final = (e.Accepted, e.OutputEnded, e.ErrorEnded)
"""What a backend may yield, and what happens without it: the worker is had already, the logs end with the exit."""
_HAS_ENDED: Final = frozenset({Status.END, Status.POSTPROCESS_START})


class Feed:
    """Follows one run. Not safe without a lock."""

    def __init__(self) -> None:
        self._text = Growing()
        self._heard: str | Growing = ""
        self._zero: Instant | None = None
        self._events = self._size = self._produced = 0

    def events(self, task: Task, event: object, *, now: Instant, since: Instant) -> list[Event]:
        """What happens now when the backend of this task yields that; the entry before happened at `since`.

        Raises `IllegalEvent` for what no backend may yield, and `BackendError` where a run has said too much.
        """
        if isinstance(event, _IMPLIED):
            return []
        if not isinstance(event, _ALLOWED):
            names = ", ".join(kind.__name__ for kind in _ALLOWED)
            raise IllegalEvent(f"a backend cannot yield {named(event)}; what it can: {names}")
        event = vetted(event)
        self._count(event)
        if isinstance(event, e.Exited):
            if task.status in _HAS_ENDED:
                raise IllegalEvent(f"Exited cannot follow {task.status}: the process has ended once")
            return exiting(task, event.code, event.used)
        road = way_to(task.status, type(event))
        match event:
            case e.ErrorOutput(text=""):  # stderr where there is nothing is no stderr
                return []
            case e.Output(message=e.Snapshot() as message):
                event = e.Output(message=self._grown(message, now, now if road else since))
        return [*(kind() for kind in road), event]

    def ended(self, task: Task) -> list[Event]:
        """What happens when the backend has no more to yield. Raises `BackendError` where it has yielded nothing."""
        if task.status is Status.ERROR:
            return [e.GaveUp(code=1)]
        if task.status in _HAS_ENDED:
            return closing(task)
        if not self._events:
            raise BackendError(
                "the backend has yielded nothing; yield job.say(...), job.produce(...) or Exited(code=0)"
            )
        if task.status is Status.PREPROCESS_START:
            raise BackendError("the backend ended between PreprocessStarted and PreprocessEnded")
        return [*exiting(task, 0), e.PostprocessStarted(), e.PostprocessEnded()]

    def _count(self, event: Event) -> None:
        self._events += 1
        match event:
            case e.Output(message=str() as text) | e.ErrorOutput(text=text) | e.SetupFailed(message=text):
                self._size += len(text)
            case e.Output(message=e.Progress(line=line)):
                self._size += len(line)
            case e.Produced(blob=blob):
                self._produced += blob.size
        if self._events > MOST_EVENTS:
            raise BackendError(f"the backend has yielded more than {MOST_EVENTS} events; say several words at a time")
        if self._produced > MOST_PRODUCED:
            raise BackendError(f"the backend has produced more than {MOST_PRODUCED >> 20} MiB of files; make fewer")
        if self._size + len(self._text) > MOST_TEXT:
            raise BackendError(f"the backend has said more than {MOST_TEXT} characters; end it, or produce a file")

    def _grown(self, message: e.Snapshot, now: Instant, since: Instant) -> e.Snapshot:
        """The snapshot with the text that all of them share. Its time counts from the entry before the first one, so
        that a recording of the run can tell the same (see `stream: {pieces: …}`).
        """
        self._text.add(whole(self._new_of(message)))
        self._zero = since if self._zero is None else self._zero
        return e.Snapshot.spoken(self._text, now - self._zero)

    def _new_of(self, message: e.Snapshot) -> str:
        """What a snapshot has more than the one before it. One of the same text need not be compared with that: a
        stream would cost the square of its length.
        """
        told, text = len(self._text), message.text
        if message.upto < told or (text is not self._heard and whole(text[:told]) != str(self._text)):
            raise IllegalEvent("a streamed text only grows; begin each Snapshot with the text of the one before it")
        self._heard = text
        return text[told : message.upto]
