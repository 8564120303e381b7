"""The engine of the official code: one request at a time, from its first step to its last.

The official model has a single cache of keys and values: two streams that take turns on it give each other's text
(report §1.1). So one thread plays one job to its end, and the next only then. A stream is left between two words; what
does not stream (detect, point, a trace of reasoning) plays to its end, and what it found is dropped.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from wiro_mock.moondream.asking import ANSWERS, Ask
from wiro_mock.moondream.guarding import STOPPING, Broken, guarded, nothing
from wiro_mock.moondream.job import Chunk, Done, Engine, Job, State
from wiro_mock.moondream.line import Line
from wiro_mock.moondream.refusals import Failure
from wiro_mock.moondream.remote_code import Source, load

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

GOODBYE = 5.0
"""Seconds that the thread gets at the end; it cannot be stopped within a call of the official code."""


class Reference(Engine):
    """The official code behind a lock."""

    name = "transformers"

    def __init__(self, network: Any, *, model: str = "", device: str = "cpu", broken: Broken = nothing) -> None:
        self.network, self.model, self.device = network, model, device
        self._tell_broken = broken
        self._line = Line()
        self._playing: Job | None = None
        self._steps = 0
        self._thread = threading.Thread(target=self._run, name="moondream", daemon=True)
        self._thread.start()

    @classmethod
    def load(cls, source: Source, *, broken: Broken = nothing) -> Self:
        """The engine for code and weights. Raises `CannotStart`."""
        network, folder, device = load(source)
        return cls(network, model=folder.name, device=device, broken=broken)

    def prepare(self, ask: Ask, picture: Picture) -> Picture:  # noqa: ARG002 -- the protocol's signature
        """The official code takes the picture as it is."""
        return picture

    def submit(self, job: Job) -> None:
        """Put the job at the end of the line."""
        self._line.put(job)

    def cancel(self, job: Job) -> None:
        """Leave the line, or the stream at its next word."""
        job.cancelled.set()
        self._line.leave(job)

    def state(self) -> State:
        """How it stands."""
        return State(active=int(self._playing is not None), waiting=len(self._line), slots=1, steps=self._steps)

    def close(self) -> None:
        """Cancel everything; a call of the official code is waited for a few seconds."""
        if (job := self._playing) is not None:
            job.cancelled.set()
        self._turn_away(STOPPING)
        self._thread.join(GOODBYE)

    def _turn_away(self, failure: Failure) -> None:
        for job in self._line.close():
            job.post(failure)

    def _die(self, error: BaseException) -> None:
        self._turn_away(Failure(str(error)))
        self._tell_broken(error)

    def _run(self) -> None:
        while (job := self._line.take(wait=True)) is not None:
            self._playing = job
            failure = guarded(lambda job=job: self._play(job), self._die)  # type: ignore[misc]
            self._playing = None
            if failure is not None:
                job.post(failure)

    def _play(self, job: Job) -> None:
        import torch

        ask, picture = job.ask, job.prepared
        job.prepared = None
        if ask.settings.seed is not None:
            torch.manual_seed(ask.settings.seed)
        with torch.inference_mode():
            if ask.speaks:
                self._speak(job, self._asked(ask, picture))
            else:
                find = self.network.detect if ask.skill == "detect" else self.network.point
                found = find(picture, ask.text, settings=_settings(ask))
                key = ANSWERS[ask.skill]
                self._steps += 1
                job.post(Done(answer={key: found[key]}, reason="stop", tokens=len(found[key])))

    def _asked(self, ask: Ask, picture: Picture) -> dict[str, Any]:
        """The official answer, with a generator in it. What defaults differ by between versions is always given."""
        settings = _settings(ask)
        if ask.skill == "caption":
            return dict(self.network.caption(picture, length=ask.length, stream=True, settings=settings))
        places = [list(place) for place in ask.spatial_refs] or None
        return dict(
            self.network.query(
                picture, ask.text, reasoning=ask.reasoning, spatial_refs=places, stream=True, settings=settings
            )
        )

    def _speak(self, job: Job, answer: dict[str, Any]) -> None:
        """Word by word. How an answer ended is not said by the official code: it counts as "stop"."""
        key = ANSWERS[job.ask.skill]
        words, parts = answer.pop(key), []
        try:
            for word in words:
                self._steps += 1
                parts.append(word)
                job.post(Chunk(word))
                if job.cancelled.is_set():
                    break
        finally:
            words.close()
        reason = "cancelled" if job.cancelled.is_set() else "stop"
        job.post(Done(answer={**answer, key: "".join(parts)}, reason=reason, tokens=len(parts)))  # type: ignore[arg-type]


def _settings(ask: Ask) -> dict[str, Any]:
    """All settings that any version asks for; without `variant` some raise KeyError."""
    of = ask.settings
    speaking = {"temperature": of.temperature, "top_p": of.top_p, "max_tokens": of.max_tokens}
    return {**speaking, "max_objects": of.max_objects, "variant": None}
