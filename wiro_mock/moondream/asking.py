"""A request's body becomes an `Ask`: everything that can be refused without looking at the picture is refused here.

The protocol is that of Moondream's own client (report §1.3). What it leaves open is our choice: a picture must be
there and must be a data URL, for this server fetches nothing; numbers must be numbers; names of settings that nobody
knows are passed over.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from wiro_mock.moondream.refusals import BadAsk

Skill = Literal["caption", "query", "detect", "point"]
SKILLS: tuple[Skill, ...] = get_args(Skill)
ANSWERS: Mapping[Skill, str] = {"caption": "caption", "query": "answer", "detect": "objects", "point": "points"}
"""Under which key the answer of a skill is."""
LENGTHS = ("short", "normal", "long")
LONGEST_TEXT = 20_000
MOST_TOKENS = 768
MOST_OBJECTS = 150
PICTURE_BYTES = 20 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the answer is drawn; the defaults are the official Moondream 3 code's. Temperature 0 or top_p 0: greedy."""

    temperature: float = 0.5
    top_p: float = 0.9
    max_tokens: int = MOST_TOKENS
    max_objects: int = MOST_OBJECTS
    seed: int | None = None
    """Ours: the same seed, engine and machine give the same text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of the model. `text` is the question, or the name of the object."""

    skill: Skill
    picture: bytes
    length: str = "normal"
    text: str = ""
    reasoning: bool = False
    spatial_refs: tuple[tuple[float, ...], ...] = ()
    stream: bool = False
    settings: Settings = Settings()

    @property
    def speaks(self) -> bool:
        """Whether the answer is text; otherwise it is a list of places."""
        return self.skill in {"caption", "query"}


def ask_of(skill: Skill, body: Any) -> Ask:
    """The ask that a body of JSON makes. Raises `BadAsk`."""
    if not isinstance(body, dict):
        raise BadAsk('the body is no JSON object; it is {"image_url": "data:image/jpeg;base64,…", …}')
    return Ask(
        skill=skill,
        picture=_picture(body.get("image_url")),
        length=_length(body.get("length")) if skill == "caption" else "normal",
        text=_text(skill, body),
        reasoning=skill == "query" and _flag(body, "reasoning"),
        spatial_refs=_places(body.get("spatial_refs")) if skill == "query" else (),
        stream=_flag(body, "stream") and skill in {"caption", "query"},  # the others never stream
        settings=_settings(body.get("settings")),
    )


def _picture(url: Any) -> bytes:
    if not isinstance(url, str) or not url:
        raise BadAsk("image_url is missing; it is data:image/jpeg;base64,…")
    head, comma, data = url.partition(",")
    if not head.startswith("data:") or not comma or not head.endswith(";base64"):
        raise BadAsk("image_url is no data URL with base64; this server fetches nothing, so send the picture itself")
    if len(data) // 4 * 3 > PICTURE_BYTES:
        raise BadAsk(f"the picture is larger than {PICTURE_BYTES >> 20} MiB; send a smaller one", status=413)
    try:
        picture = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadAsk(f"image_url holds no base64: {error}") from None
    if not picture:
        raise BadAsk("image_url holds a picture of 0 bytes")
    return picture


def _length(told: Any) -> str:
    if told is None:
        return "normal"
    if told not in LENGTHS:
        raise BadAsk(f"length is {told!r:.40}; it is one of {', '.join(LENGTHS)}")
    return str(told)


def _text(skill: Skill, body: Mapping[str, Any]) -> str:
    if skill == "caption":
        return ""
    name = "question" if skill == "query" else "object"
    text = body.get(name)
    if not isinstance(text, str) or not text.strip():
        raise BadAsk(f"{name} is missing or empty; /{skill} needs one")
    if len(text) > LONGEST_TEXT:
        raise BadAsk(f"{name} has {len(text)} characters; {LONGEST_TEXT} are the most")
    return text


def _flag(body: Mapping[str, Any], name: str) -> bool:
    told = body.get(name)
    if told is not None and not isinstance(told, bool):
        raise BadAsk(f"{name} is {told!r:.40}; it is true or false")
    return bool(told)


def _places(told: Any) -> tuple[tuple[float, ...], ...]:
    try:
        places = tuple(tuple(float(number) for number in place) for place in told or ())
        if all(len(place) in {2, 4} and all(0 <= number <= 1 for number in place) for place in places):
            return places
    except (TypeError, ValueError):
        pass
    raise BadAsk("spatial_refs is no list of [x, y] or [x_min, y_min, x_max, y_max], each number in 0..1")


def _settings(told: Any) -> Settings:
    if told is None:
        return Settings()
    if not isinstance(told, dict):
        raise BadAsk("settings is no JSON object")
    for name in ("variant", "adapter"):
        if told.get(name):
            raise BadAsk(f"settings.{name} is {told[name]!r:.40}; there are no finetunes here, leave it out")
    usual = Settings()
    return Settings(
        temperature=_number(told, "temperature", usual.temperature, 0, 100),
        top_p=_number(told, "top_p", usual.top_p, 0, 1),
        max_tokens=_count(told, "max_tokens", usual.max_tokens, 100_000),
        max_objects=_count(told, "max_objects", usual.max_objects, 1_000),
        seed=None if told.get("seed") is None else _count(told, "seed", 0, 2**63 - 1, least=0),
    )


def _number(told: Mapping[str, Any], name: str, usual: float, least: float, most: float) -> float:
    value = told.get(name)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadAsk(f"settings.{name} is {value!r:.40}; it is a number from {least:g} to {most:g}")
    if not least <= value <= most:
        raise BadAsk(f"settings.{name} is {value:g}; it is a number from {least:g} to {most:g}")
    return float(value)


def _count(told: Mapping[str, Any], name: str, usual: int, most: int, *, least: int = 1) -> int:
    value = told.get(name)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadAsk(f"settings.{name} is {value!r:.40}; it is a whole number from {least} to {most}")
    return value
