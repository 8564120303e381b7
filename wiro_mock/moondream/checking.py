"""For who has weights: whether they are whole, whether the model makes sense, whether our module is the official code.

The pictures are drawn here, so that it is known what is on them. What is found is a report to keep; nobody has made one
on real weights yet, so its thresholds are the issue's and our own guesses.
"""

from __future__ import annotations

import gc
import io
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from wiro_mock.moondream.asking import LENGTHS, MOST_TOKENS, Skill, ask_of
from wiro_mock.moondream.job import Chunk, Done, Engine, Event, Job
from wiro_mock.moondream.loading import Wanted, load
from wiro_mock.moondream.machine import machine
from wiro_mock.moondream.pictures import decoded
from wiro_mock.moondream.refusals import CannotStart, Failure, told

LOOKED_AT = 20
"""So many logits of each caption are compared."""
ALIKE = 0.999
"""The least cosine of theirs."""
OVERLAP = 0.5
"""The least share of union that a box found has in common with the one drawn."""
BOX = (0.2, 0.3, 0.5, 0.7)
"""Where the blue square is drawn: x_min, y_min, x_max, y_max."""


@dataclass(slots=True)
class Report:
    """What was checked, in order; `say` hears of each step."""

    say: Callable[[str], None]
    ran_on: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all was well."""
        return all(step["ok"] for step in self.steps)

    def step(self, name: str, *, ok: bool, **details: Any) -> None:
        """A step and how it went."""
        self.steps.append({"step": name, "ok": ok, **details})
        why = f": {details['why']}" if details.get("why") else ""
        self.say(f"{'ok  ' if ok else 'FAIL'} {name}{why}")

    def as_json(self) -> dict[str, Any]:
        """The report as it is kept."""
        return {"ok": self.ok, "ran_on": self.ran_on, "steps": self.steps}


@dataclass(slots=True)
class Told:
    """A caption and the logits of its first steps."""

    text: str
    logits: list[Any]
    done: Done


def check(wanted: Wanted, against: Callable[[], Engine] | None, say: Callable[[str], None], tokens: int) -> Report:
    """Check a folder of weights; `against` makes the official engine. `tokens` are the most of a caption."""
    report = Report(say)
    began = time.perf_counter()
    try:
        network, tokenizer = load(wanted)
    except CannotStart as error:
        report.step("every tensor's name, kind and shape", ok=False, why=str(error))
        return report
    report.ran_on = machine(str(network.text.wte.device))
    report.step("every tensor's name, kind and shape", ok=True, seconds=round(time.perf_counter() - began, 3))
    from wiro_mock.moondream.slots import Slots

    engine = Slots(network, tokenizer, slots=wanted.slots, length=wanted.length)
    try:
        _captions(engine, report, tokens)
        _places(engine, report)
        ours = _told(engine, network.text.lm_head, tokens) if against else {}
    finally:
        engine.close()
    del engine, network
    gc.collect()  # the official code needs the room
    if against:
        _against(ours, against, report, tokens)
    return report


def _captions(engine: Engine, report: Report, tokens: int) -> None:
    for name, picture in drawings().items():
        for length in LENGTHS:
            title = f"a {length} caption of {name}"
            done = asked(engine, "caption", picture, tokens, length=length)
            if isinstance(done, Failure):
                report.step(title, ok=False, why=str(done))
                continue
            text = done.answer["caption"]
            why = "it is empty" if not text.strip() else f"no end in {tokens} tokens" if done.reason != "stop" else ""
            report.step(title, ok=not why, why=why, text=text, tokens=done.tokens)


def _places(engine: Engine, report: Report) -> None:
    picture = drawings()["a blue square"]
    for skill, title in (("detect", "the blue square is found"), ("point", "the blue square is pointed at")):
        done = asked(engine, skill, picture, 1, object="blue square")  # type: ignore[arg-type]
        if isinstance(done, Failure):
            report.step(title, ok=False, why=str(done))
            continue
        (found,) = done.answer.values()
        hit = max((_overlap(one) if skill == "detect" else _within(one) for one in found), default=0.0)
        why = "" if hit >= OVERLAP else f"{len(found)} found, the nearest by {hit:.2f}"
        report.step(title, ok=not why, why=why, found=found, drawn=BOX)


def _overlap(box: dict[str, float]) -> float:
    left, top = max(box["x_min"], BOX[0]), max(box["y_min"], BOX[1])
    right, bottom = min(box["x_max"], BOX[2]), min(box["y_max"], BOX[3])
    common = max(0.0, right - left) * max(0.0, bottom - top)
    area = (box["x_max"] - box["x_min"]) * (box["y_max"] - box["y_min"]) + (BOX[2] - BOX[0]) * (BOX[3] - BOX[1])
    return common / (area - common)


def _within(point: dict[str, float]) -> float:
    return float(BOX[0] <= point["x"] <= BOX[2] and BOX[1] <= point["y"] <= BOX[3])


def _against(ours: dict[str, Told], make: Callable[[], Engine], report: Report, tokens: int) -> None:
    """The same greedy captions by the official code: their first logits, and their texts."""
    try:
        engine: Any = make()
    except CannotStart as error:
        report.step("the official code", ok=False, why=str(error))
        return
    try:
        head = _head(engine.network)
        theirs = _told(engine, head, tokens)
    finally:
        engine.close()
    for name, our in ours.items():
        their = theirs.get(name)
        if their is None:
            report.step(f"the official caption of {name}", ok=False, why="it failed")
            continue
        cosines = [_cosine(*pair) for pair in zip(our.logits, their.logits, strict=False)]
        why = (
            "no logits could be seen" if not cosines else "" if min(cosines) >= ALIKE else f"cosine {min(cosines):.6f}"
        )
        report.step(f"the first {len(cosines)} logits for {name}", ok=not why, why=why, cosines=cosines)
        same = our.text == their.text
        why = "" if same else "other words"
        report.step(f"the greedy caption of {name}", ok=same, why=why, ours=our.text, theirs=their.text)


def _head(network: Any) -> Any:
    """The official code's last layer; it has the checkpoint's name."""
    try:
        return network.get_submodule("model.text.lm_head")
    except AttributeError:
        return None


def _told(engine: Engine, head: Any, tokens: int) -> dict[str, Told]:
    """A greedy caption of each picture, with the logits that led to it."""
    told: dict[str, Told] = {}
    for name, picture in drawings().items():
        with _seen(head) as logits:
            done = asked(engine, "caption", picture, tokens)
        if isinstance(done, Done):
            told[name] = Told(done.answer["caption"], logits, done)
    return told


@contextmanager
def _seen(head: Any) -> Iterator[list[Any]]:
    """The first outputs of a layer while the block runs."""
    logits: list[Any] = []

    def keep(module: Any, given: Any, out: Any) -> None:  # noqa: ARG001 -- torch's signature
        if len(logits) < LOOKED_AT:
            logits.append(out.detach().float().cpu().reshape(-1, out.shape[-1])[-1])

    hook = head.register_forward_hook(keep) if head is not None else None
    try:
        yield logits
    finally:
        if hook is not None:
            hook.remove()


def _cosine(one: Any, other: Any) -> float:
    return float((one @ other) / (one.norm() * other.norm()))


def asked(engine: Engine, skill: Skill, picture: bytes, tokens: int, **more: Any) -> Done | Failure:
    """One greedy request, to its end."""
    import base64

    heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    settings = {"temperature": 0, "max_tokens": min(tokens, MOST_TOKENS)}
    ask = ask_of(skill, {"image_url": url, "settings": settings, **more})
    try:
        engine.submit(Job(ask=ask, prepared=engine.prepare(ask, decoded(ask.picture)), post=heard.put))
    except Exception as error:  # a slot that is too short, say: a step that failed
        return Failure(told(error))
    while isinstance(event := heard.get(), Chunk):
        pass
    return event


def drawings() -> dict[str, bytes]:
    """Three pictures of which it is known what is on them."""
    from PIL import Image, ImageDraw

    images = {
        name: Image.new("RGB", (640, 480), "white") for name in ("a red disc", "a blue square", "a night with a moon")
    }
    ImageDraw.Draw(images["a red disc"]).ellipse((220, 140, 420, 340), fill="red")
    left, top, right, bottom = (share * side for share, side in zip(BOX, (640, 480) * 2, strict=True))
    ImageDraw.Draw(images["a blue square"]).rectangle((left, top, right, bottom), fill="blue")
    night = ImageDraw.Draw(images["a night with a moon"])
    night.rectangle((0, 0, 640, 480), fill="midnightblue")
    night.ellipse((450, 50, 560, 160), fill="lightyellow")
    night.polygon(((0, 480), (200, 300), (400, 480)), fill="black")
    return {name: _png(image) for name, image in images.items()}


def _png(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
