"""The engine of our own module: batches, cancelling, and what fails without taking the rest along."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'wiro-mock[moondream]'")

from tests.moondream.kit import PATIENCE, body
from wiro_mock.moondream.asking import Skill, ask_of
from wiro_mock.moondream.job import Chunk, Done, Event, Job
from wiro_mock.moondream.loading import Wanted, load
from wiro_mock.moondream.pictures import decoded
from wiro_mock.moondream.refusals import BadAsk, Failure
from wiro_mock.moondream.rows import Draw
from wiro_mock.moondream.slots import Slots

ENDLESS = {"temperature": 100, "top_p": 1, "max_tokens": 100_000, "seed": 1}
"""Goes on until the slot is full."""


class Watched:
    """A job and what has been heard of it."""

    def __init__(self, engine: Slots, skill: Skill, told: dict[str, Any]) -> None:
        self.heard: queue.Queue[Event] = queue.Queue()
        self.engine, ask = engine, ask_of(skill, told)
        self.job = Job(ask=ask, prepared=engine.prepare(ask, decoded(ask.picture)), post=self.heard.put)

    def submit(self) -> Watched:
        self.engine.submit(self.job)
        return self

    def next(self) -> Event:
        return self.heard.get(timeout=PATIENCE)

    def end(self) -> Done | Failure:
        while isinstance(event := self.next(), Chunk):
            pass
        return event


@pytest.fixture(scope="module")
def parts(weights: Path) -> tuple[Any, Any]:
    return load(Wanted(weights=weights, device="cpu"))


@pytest.fixture
def broken() -> list[BaseException]:
    return []


@pytest.fixture
def engine(parts: tuple[Any, Any], broken: list[BaseException]) -> Iterator[Slots]:
    engine = Slots(*parts, slots=3, length=1024, broken=broken.append)
    yield engine
    engine.close()


ASKS: list[tuple[Skill, int]] = [
    ("caption", 0),
    ("caption", 1),
    ("caption", 2),
    ("query", 3),
    ("detect", 4),
    ("point", 5),
]


def test_concurrent_is_as_alone(engine: Slots) -> None:
    """All four skills in one batch of three slots, twice as many as fit: each as if it were the only one."""
    alone = [Watched(engine, skill, body(number)).submit().end() for skill, number in ASKS]
    together = [Watched(engine, skill, body(number)).submit() for skill, number in ASKS]
    assert [one.end() for one in together] == alone
    assert all(isinstance(one, Done) for one in alone)
    assert len({str(one) for one in alone}) >= len(ASKS) - 1  # random weights know little variety


def test_a_text_is_what_the_network_says_position_by_position(engine: Slots) -> None:
    """Drawn hot, for random weights: where a position is wrong, the likeliest word often stays the same."""
    told = body(settings={"temperature": 2, "top_p": 1, "seed": 5, "max_tokens": 30})
    watched, network = Watched(engine, "caption", told), engine.network
    prepared = watched.job.prepared
    done = watched.submit().end()
    draw, cache, tokens = Draw(watched.job.ask.settings), network.text.cache(1, 1024), list[int]()
    with torch.inference_mode():
        x = network.embedded(prepared.crops, prepared.tiling, prepared.prompt)
        hidden = network.prefill(x, cache, 0)
        for place in range(x.shape[1], x.shape[1] + 30):
            tokens.append(draw(network.logits(hidden)[0]))
            hidden = network.step(network.text.wte[tokens[-1]][None], torch.tensor([place]), cache, place + 1)
    assert isinstance(done, Done)
    assert done.answer["caption"] == engine.tokenizer.decode(tokens)


def test_the_chunks_are_the_answer(engine: Slots) -> None:
    watched = Watched(engine, "caption", body()).submit()
    chunks = []
    while isinstance(event := watched.next(), Chunk):
        chunks.append(event.text)
    assert isinstance(event, Done)
    assert (event.reason, event.tokens) == ("length", 24)
    assert "".join(chunks) == event.answer["caption"]


def test_the_same_seed_gives_the_same_text(engine: Slots) -> None:
    def caption(seed: int) -> Any:
        return Watched(engine, "caption", body(settings={"temperature": 2.0, "top_p": 1, "seed": seed})).submit().end()

    assert caption(1) == caption(1)
    assert caption(1) != caption(2)


def test_objects_and_points_are_as_many_as_allowed(engine: Slots) -> None:
    objects = Watched(engine, "detect", body()).submit().end()
    points = Watched(engine, "point", body()).submit().end()
    assert isinstance(objects, Done)
    assert isinstance(points, Done)
    assert [set(one) for one in objects.answer["objects"]] == [{"x_min", "y_min", "x_max", "y_max"}] * 3
    assert [set(one) for one in points.answer["points"]] == [{"x", "y"}] * 3


class Held:
    """What is called in a step, and lets it go on when the test says so."""

    def __init__(self) -> None:
        self.inside, self.go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.inside.set()
        assert self.go.wait(PATIENCE)


@pytest.fixture
def held(engine: Slots, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Pictures are read once three are there, so that all of them are in the first step."""
    held, line = Held(), engine._line
    prefill, step = engine.network.prefill, engine.network.step

    def held_prefill(*given: Any) -> Any:
        while len(line) + len(engine._rows) < 3:
            pass
        return prefill(*given)

    def held_step(*given: Any) -> Any:
        held()
        return step(*given)

    monkeypatch.setattr(engine.network, "prefill", held_prefill)
    monkeypatch.setattr(engine.network, "step", held_step)
    yield held
    held.go.set()


def test_who_ends_early_disturbs_nobody(engine: Slots, held: Held) -> None:
    """The last slot moves into the one that becomes free, and its text goes on as it would have."""
    drawn = {"temperature": 2, "top_p": 1, "seed": 5, "max_tokens": 30}
    lengths = [{"max_tokens": 3}, {"max_tokens": 5}, drawn]
    batch = [Watched(engine, "caption", body(n, settings=told)).submit() for n, told in enumerate(lengths)]
    assert held.inside.wait(PATIENCE)
    assert engine.state().active == 3
    held.go.set()
    *short, last = [one.end() for one in batch]
    assert [one.tokens for one in short] == [3, 5]  # type: ignore[union-attr]
    alone = [Watched(engine, "caption", body(n, settings=drawn)).submit() for n in (2, 0, 1)]
    assert [last == one.end() for one in alone] == [True, False, False]


def test_cancelling_frees_the_slot_and_the_line(engine: Slots, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three play without an end, one waits. Who waits leaves at once, who plays at the next step."""
    playing = [Watched(engine, "caption", body(n, settings=ENDLESS)).submit() for n in range(3)]
    assert held.inside.wait(PATIENCE)
    waiting = Watched(engine, "caption", body()).submit()
    assert (engine.state().active, engine.state().waiting) == (3, 1)
    engine.cancel(waiting.job)
    assert engine.state().waiting == 0
    for one in playing:
        engine.cancel(one.job)
    held.go.set()
    assert [one.end().reason for one in playing] == ["cancelled"] * 3  # type: ignore[union-attr]
    assert (engine.state().active, engine.state().steps) == (0, 1)
    assert waiting.heard.empty()
    monkeypatch.undo()
    assert isinstance(Watched(engine, "caption", body()).submit().end(), Done)


def test_a_slot_that_is_full_ends_the_text(engine: Slots) -> None:
    done = Watched(engine, "caption", body(settings={"max_tokens": 5000})).submit().end()
    assert isinstance(done, Done)
    assert done.reason in {"length", "stop"}
    assert done.tokens <= 1024 - 735


def test_what_does_not_fit_or_is_not_there_is_refused_beforehand(engine: Slots) -> None:
    with pytest.raises(BadAsk, match="positions of 1024; --length"):
        Watched(engine, "query", body(question="x" * 2000))
    with pytest.raises(BadAsk, match="without reasoning; leave it out, or serve with --engine transformers"):
        Watched(engine, "query", body(reasoning=True))
    with pytest.raises(BadAsk, match="without spatial_refs"):
        Watched(engine, "query", body(spatial_refs=[[0.1, 0.1]]))


def fails(*given: Any) -> Any:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_memory_that_runs_out_beforehand_fails_the_one(engine: Slots, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(engine.network, "prefill", fails)
        failure = Watched(engine, "caption", body()).submit().end()
    assert isinstance(failure, Failure)
    assert (failure.status, "fewer --slots" in str(failure)) == (507, True)
    assert isinstance(Watched(engine, "caption", body()).submit().end(), Done)


def test_memory_that_runs_out_in_mid_stream_fails_who_was_in_the_step(
    engine: Slots, broken: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, steps = engine.network.step, iter(range(1000))

    def fifth(*given: Any) -> Any:
        return fails() if next(steps) == 4 else real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(engine.network, "step", fifth)
        watched = Watched(engine, "caption", body()).submit()
        assert isinstance(watched.next(), Chunk)
        failure = watched.end()
    assert isinstance(failure, Failure)
    assert failure.status == 507
    assert engine.state().active == 0
    assert isinstance(Watched(engine, "caption", body()).submit().end(), Done)
    assert broken == []


def test_a_broken_device_fails_all_and_is_told(
    engine: Slots, held: Held, broken: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who wait are told, too: nobody else will play them."""

    def dead(*given: Any) -> Any:
        held()
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(engine.network, "step", dead)
    playing = [Watched(engine, "caption", body(n, settings=ENDLESS)).submit() for n in range(3)]
    assert held.inside.wait(PATIENCE)
    waiting = Watched(engine, "caption", body()).submit()
    held.go.set()
    ends = [one.end() for one in (*playing, waiting)]
    assert all(isinstance(end, Failure) and "the device is broken" in str(end) for end in ends)
    assert len(broken) == 1


def test_closing_tells_everybody(engine: Slots, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who plays and who waits; the step that is being made comes to its end."""
    close = engine._line.close

    def closed() -> list[Job]:
        left = close()
        held.go.set()
        return left

    monkeypatch.setattr(engine._line, "close", closed)
    playing = [Watched(engine, "caption", body(n, settings=ENDLESS)).submit() for n in range(3)]
    assert held.inside.wait(PATIENCE)
    waiting = Watched(engine, "caption", body()).submit()
    engine.close()
    ends = [one.end() for one in (*playing, waiting)]
    assert [(type(end), str(end)) for end in ends] == [(Failure, "the server is stopping")] * 4


def test_pixels_are_let_go_of(engine: Slots) -> None:
    """A job that plays holds no crops any more."""
    watched = Watched(engine, "caption", body()).submit()
    assert isinstance(watched.end(), Done)
    assert watched.job.prepared is None
