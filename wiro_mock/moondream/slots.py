"""The engine of our own module: one thread owns the device, and up to N requests decode together, each in its slot.

The slots in use are always the first ones: when one ends, the last takes its place, which costs one copy of its
cache. Between two steps those leave who were cancelled, and those come in who wait. A step that fails fails the
requests that were in it, and not the server, unless the device itself is broken.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wiro_mock.moondream.guarding import STOPPING, Broken, guarded, nothing
from wiro_mock.moondream.job import Engine, Job, Reason, State
from wiro_mock.moondream.line import Line
from wiro_mock.moondream.refusals import BadAsk, Failure
from wiro_mock.moondream.rows import Row, row_of

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from wiro_mock.moondream.asking import Ask


@dataclass(frozen=True, slots=True)
class Prepared:
    """Crops and tiling of a picture, and the prompt's tokens."""

    crops: Any
    tiling: tuple[int, int]
    prompt: list[int]


class Slots(Engine):
    """`broken` is called when the device cannot be used any more; `length` is positions per slot."""

    name = "torch"

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        *,
        slots: int = 4,
        length: int = 2048,
        model: str = "",
        broken: Broken = nothing,
    ) -> None:
        self.network, self.tokenizer = network, tokenizer
        self.slots, self.length, self.model = slots, length, model
        self.device = str(network.text.wte.device)
        self._tell_broken = broken
        self._cache = network.text.cache(slots, length)
        self._line = Line()
        self._rows: list[Row] = []
        self._steps = 0
        self._thread = threading.Thread(target=self._run, name="moondream", daemon=True)
        self._thread.start()

    def prepare(self, ask: Ask, picture: Picture) -> Prepared:
        """Crops and prompt; whether they fit is known by then. Raises `BadAsk`."""
        from wiro_mock.moondream.network.crops import crops_of

        if ask.reasoning or ask.spatial_refs:
            what = "reasoning" if ask.reasoning else "spatial_refs"
            raise BadAsk(f"the torch engine answers without {what}; leave it out, or serve with --engine transformers")
        prompt = self._prompt(ask)
        positions = self.network.sizes.text.prefix_attn + len(prompt)
        if positions + 1 >= self.length:
            raise BadAsk(f"picture and text take {positions} positions of {self.length}; --length gives a slot more")
        sizes = self.network.sizes.vision
        return Prepared(*crops_of(picture, sizes, self.network.text.wte.dtype), prompt)

    def submit(self, job: Job) -> None:
        """Put the job at the end of the line."""
        self._line.put(job)

    def cancel(self, job: Job) -> None:
        """Leave the line, or the slot at the next step."""
        job.cancelled.set()
        self._line.leave(job)

    def state(self) -> State:
        """How it stands."""
        return State(active=len(self._rows), waiting=len(self._line), slots=self.slots, steps=self._steps)

    def close(self) -> None:
        """Cancel everything and end the thread."""
        self._turn_away(STOPPING)
        self._thread.join()

    def _turn_away(self, failure: Failure) -> None:
        for job in self._line.close():
            job.post(failure)

    def _prompt(self, ask: Ask) -> list[int]:
        tokens = self.network.sizes.tokens
        if ask.skill == "caption":
            return list(tokens.caption[ask.length])
        before, after = tokens.around[ask.skill]
        # A question follows its template at once, the name of an object after a blank: so were they trained.
        text = ask.text if ask.skill == "query" else f" {ask.text}"
        return [*before, *self.tokenizer.encode(text).ids, *after]

    def _run(self) -> None:
        import torch

        with torch.inference_mode():
            while not self._line.closed:
                self._admit()
                self._guarded(self._step, list(self._rows))
        for row in self._rows:
            row.job.post(STOPPING)

    def _admit(self) -> None:
        while len(self._rows) < self.slots and (job := self._line.take(wait=not self._rows)) is not None:
            row = row_of(job, self.network, self.tokenizer)
            self._rows.append(row)
            self._guarded(lambda row=row: self._begin(row), [row])  # type: ignore[misc]

    def _guarded(self, play: Callable[[], None], rows: list[Row]) -> None:
        """Play; if that fails, fail these rows."""
        if (failure := guarded(play, self._die)) is None:
            return
        for row in rows:
            if row in self._rows:
                self._free(row)
                row.job.post(failure)

    def _die(self, error: BaseException) -> None:
        self._turn_away(Failure(str(error)))
        self._tell_broken(error)

    def _begin(self, row: Row) -> None:
        """Read picture and prompt into the last slot, and play the first step."""
        if row.job.cancelled.is_set():
            return self._finish(row, "cancelled")
        prepared: Prepared = row.job.prepared
        row.job.prepared = None
        x = self.network.embedded(prepared.crops, prepared.tiling, prepared.prompt)
        hidden = self.network.prefill(x, self._cache, len(self._rows) - 1)
        row.pos = x.shape[1]
        return self._taken(row, hidden, self.network.logits(hidden)[0])

    def _step(self) -> None:
        import torch

        for row in list(self._rows):
            if row.job.cancelled.is_set():
                self._finish(row, "cancelled")
        rows = list(self._rows)
        if not rows:
            return
        self._steps += 1
        x = torch.stack([row.embedding for row in rows])
        pos = torch.tensor([row.pos for row in rows], device=x.device)
        hidden = self.network.step(x, pos, self._cache, max(row.pos for row in rows) + 1)
        logits = self.network.logits(hidden)
        for row in rows:  # all of them first: who ends below moves the last one's cache, to its last position
            row.pos += 1
        for index, row in enumerate(rows):
            self._taken(row, hidden[index : index + 1], logits[index])

    def _taken(self, row: Row, hidden: Any, logits: Any) -> None:
        reason = row.take(hidden, logits)
        if reason is None and row.pos >= self.length - 1:
            reason = "length"
        if reason is not None:
            self._finish(row, reason)

    def _finish(self, row: Row, reason: Reason) -> None:
        self._free(row)
        row.end(reason)

    def _free(self, row: Row) -> None:
        """The last row moves into the slot that becomes free."""
        index, last = self._rows.index(row), self._rows[-1]
        if row is not last:
            for keys, values in self._cache:
                keys[index, :, : last.pos] = keys[len(self._rows) - 1, :, : last.pos]
                values[index, :, : last.pos] = values[len(self._rows) - 1, :, : last.pos]
            self._rows[index] = last
        self._rows.pop()
