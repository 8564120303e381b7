"""What a slot does with each step, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace

from tests.moondream.kit import body
from wiro_mock.moondream.asking import ask_of
from wiro_mock.moondream.job import Chunk, Done, Event, Job
from wiro_mock.moondream.rows import Speaking
from wiro_mock.moondream.words import HALF

END = 0


@dataclass(frozen=True)
class Likeliest:
    """Logits of which one stands out."""

    token: int

    def argmax(self) -> int:
        return self.token


def spoken(tokens: Sequence[int], most: int = 100) -> list[Event]:
    """What is heard of a caption whose tokens are bytes."""
    heard: list[Event] = []
    job = Job(ask=ask_of("caption", body(settings={"max_tokens": most})), prepared=None, post=heard.append)
    model = SimpleNamespace(
        sizes=SimpleNamespace(tokens=SimpleNamespace(eos_id=END)), text=SimpleNamespace(wte=range(256))
    )
    decoder = SimpleNamespace(decode=lambda ids: bytes(ids).decode(errors="replace"))
    row = Speaking(job, model, decoder)
    for token in tokens:
        if reason := row.take(None, Likeliest(token)):
            row.end(reason)
            break
    return heard


def test_a_text_ends_where_the_model_says() -> None:
    assert spoken([*"aé".encode(), END, 65]) == [
        Chunk("a"),
        Chunk("é"),
        Done(answer={"caption": "aé"}, reason="stop", tokens=3),
    ]


def test_a_text_that_is_cut_ends_with_what_was_held_back() -> None:
    """The most tokens fall into the middle of a character."""
    assert spoken("aé".encode(), most=2) == [
        Chunk("a"),
        Chunk(HALF),
        Done(answer={"caption": f"a{HALF}"}, reason="length", tokens=2),
    ]
