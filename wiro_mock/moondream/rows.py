"""What a slot does with each step: words are drawn, places are read. One class for each, torch only by what is given.

A row takes the last hidden state and the logits of its slot, and gives the embedding of what comes next, or None at
the end. Coordinates and words are all embeddings, so both kinds of rows share a batch.
"""

from __future__ import annotations

from typing import Any, Protocol

from wiro_mock.moondream.asking import ANSWERS, Ask, Settings
from wiro_mock.moondream.job import Chunk, Done, Job, Reason
from wiro_mock.moondream.words import Words


class Row(Protocol):
    """A request in its slot; `pos` is the position that comes next."""

    job: Job
    pos: int
    embedding: Any

    def take(self, hidden: Any, logits: Any) -> Reason | None:
        """Play one step: hidden [1, dim], logits [vocabulary]. Why it is over, if it is; else `embedding` is next."""

    def end(self, reason: Reason) -> None:
        """Tell of the end."""


class Speaking:
    """A caption or an answer, token by token."""

    def __init__(self, job: Job, model: Any, tokenizer: Any) -> None:
        self.job, self.pos, self.embedding = job, 0, None
        self._model = model
        self._words = Words(lambda ids: str(tokenizer.decode(list(ids))))
        self._tokens = 0
        self._parts: list[str] = []
        self._draw = Draw(job.ask.settings)

    def take(self, hidden: Any, logits: Any) -> Reason | None:  # noqa: ARG002 -- a row's signature
        """Draw a token; the text it completes is told at once."""
        token = self._draw(logits)
        if token == self._model.sizes.tokens.eos_id:
            return "stop"
        self._tokens += 1
        self._tell(self._words.add(token))
        if self._tokens >= self.job.ask.settings.max_tokens:
            return "length"
        self.embedding = self._model.text.wte[token]
        return None

    def end(self, reason: Reason) -> None:
        """Tell what was held back, and the whole."""
        self._tell(self._words.end())
        answer = {ANSWERS[self.job.ask.skill]: "".join(self._parts)}
        self.job.post(Done(answer=answer, reason=reason, tokens=self._tokens))

    def _tell(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self.job.post(Chunk(text))


class Pointing:
    """Objects or points: x, y and, for objects, an extent; each is read from a hidden state and fed back."""

    def __init__(self, job: Job, model: Any) -> None:
        self.job, self.pos, self.embedding = job, 0, None
        self._model, self._region = model, model.region
        self._place: list[Any] = []
        self._found: list[dict[str, float]] = []
        self._steps = 0

    def take(self, hidden: Any, logits: Any) -> Reason | None:
        """Read what is due: whether there is one more, its x, its y, its extent."""
        if not self._place:
            tokens = self._model.sizes.tokens
            if bool(logits[tokens.eos_id] > logits[tokens.coord_id]):
                return "stop"
            if len(self._found) >= self.job.ask.settings.max_objects:
                return "length"
        self._steps += 1
        if len(self._place) < 2:
            place = self._region.place_of(hidden)
            self.embedding = self._region.place(place)[0]
            self._place.append(place)
            if len(self._place) == 2 and self.job.ask.skill == "point":
                x, y = (one.item() for one in self._place)
                self._found.append({"x": x, "y": y})
                self._place.clear()
        else:
            extent = self._region.extent_of(hidden)
            self.embedding = self._region.extent(extent)[0]
            self._found.append(_box([one.item() for one in self._place], extent[0].tolist()))
            self._place.clear()
        return None

    def end(self, reason: Reason) -> None:
        """Tell what was found."""
        answer = {ANSWERS[self.job.ask.skill]: self._found}
        self.job.post(Done(answer=answer, reason=reason, tokens=self._steps))


def _box(place: list[float], extent: list[float]) -> dict[str, float]:
    """Nothing is clamped: the model may leave 0..1, and so does the official code."""
    (x, y), (width, height) = place, extent
    return {"x_min": x - width / 2, "y_min": y - height / 2, "x_max": x + width / 2, "y_max": y + height / 2}


class Draw:
    """How a token is drawn from logits: the likeliest, or one of those that make up `top_p`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._generator: Any = None

    def __call__(self, logits: Any) -> int:
        settings = self._settings
        if settings.temperature == 0 or settings.top_p == 0:
            return int(logits.argmax())
        import torch

        likely, index = (logits.float() / settings.temperature).softmax(-1).sort(descending=True)
        likely[likely.cumsum(-1) - likely > settings.top_p] = 0
        if settings.seed is not None and self._generator is None:
            self._generator = torch.Generator(device=logits.device).manual_seed(settings.seed)
        return int(index[torch.multinomial(likely, 1, generator=self._generator)])


def row_of(job: Job, model: Any, tokenizer: Any) -> Row:
    """The row that plays a job."""
    ask: Ask = job.ask
    return Speaking(job, model, tokenizer) if ask.speaks else Pointing(job, model)
