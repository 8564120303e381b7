"""What no source says, guessed: the kind of output, an id, a price. Each guess comes with its ground, for a comment.

Wiro declares a model's kind of output nowhere (rest.md §10.2), so categories, samples, names and parameters have to
tell, in this order.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from wiro_mock.kernel.catalog import clean_slug
from wiro_mock.kernel.kinds import KINDS, Kind, kind_of
from wiro_mock.published.draft import Draft

PRICE: Final = Decimal("0.001")
"""USD a second, as the shipped models of unknown price have it: our choice."""
FIRST_ID: Final = 1_000_000
"""Ids of our own begin here, far from Wiro's (of three and four digits) and from those of the shipped models."""

_SUFFIXES: Final[tuple[tuple[str, Kind], ...]] = (
    (".mp4", "video"), (".webm", "video"), (".mov", "video"), (".mp3", "audio"), (".wav", "audio"), (".glb", "3d"),
    (".pdf", "document"), (".json", "json"), (".txt", "text"), (".png", "image"), (".jpg", "image"),
    (".jpeg", "image"), (".webp", "image"), (".gif", "image"),
)  # fmt: skip
_NAMES: Final[tuple[tuple[str, Kind], ...]] = (
    ("whisper", "text"), ("transcri", "text"), ("caption", "text"), ("asr", "text"), ("ocr", "text"),
    ("moondream", "text"), ("tts", "audio"), ("speech", "audio"), ("voice", "audio"), ("music", "audio"),
    ("audio", "audio"), ("video", "video"), ("animat", "video"), ("avatar", "video"), ("sora", "video"),
    ("kling", "video"), ("veo", "video"), ("seedance", "video"), ("hailuo", "video"),
    ("image", "image"), ("flux", "image"), ("diffusion", "image"), ("banana", "image"), ("seedream", "image"),
    ("photo", "image"), ("tryon", "image"), ("dream", "image"), ("3d", "3d"), ("llm", "llm"), ("gpt", "llm"),
    ("chat", "llm"), ("gemini", "llm"), ("instruct", "llm"), ("wan", "video"),
)  # fmt: skip
"""What a name has in it, the more telling first: whole words, or from five letters on any part of it."""
_INPUTS: Final[tuple[tuple[str, Kind], ...]] = (
    ("max_tokens", "llm"), ("maxOutputTokens", "llm"), ("system_prompt", "llm"), ("systemInstructions", "llm"),
    ("max_new_tokens", "llm"), ("fps", "video"), ("duration", "video"), ("width", "image"), ("samples", "image"),
)  # fmt: skip
_TOLD: Final[tuple[tuple[str, Kind], ...]] = (
    ("answers", "text"), ("finds", "text"), ("video", "video"), ("music", "audio"), ("song", "audio"),
    ("speech", "audio"), ("3d", "3d"), ("image", "image"), ("images", "image"), ("picture", "image"),
)  # fmt: skip


def guess_kind(draft: Draft) -> tuple[Kind, str]:
    """The kind of output, and what it was inferred from; `text` where nothing tells."""
    if kind := kind_of(category.lower() for category in draft.categories):
        return kind, f"from its categories, {', '.join(draft.categories)}"
    for category in draft.categories:
        target = category.lower().rpartition("-to-")[2]
        if target != category.lower() and (kind := _named(target)):
            return kind, f"from its category {category}"
    paths = [sample.partition("?")[0].lower() for sample in draft.samples]
    for suffix, kind in _SUFFIXES:
        if any(path.endswith(suffix) for path in paths):
            return kind, f"from its samples, which end in {suffix}"
    if kind := _output_type(draft):
        return kind, "from the options of its parameter outputType"
    if found := _in_name(f"{draft.slug} {draft.title}"):
        return found[1], f"from {found[0]!r} in its name"
    if found := _first(_INPUTS, {one.id for one in draft.parameters}):
        return found[1], f"from its parameter {found[0]}"
    if found := _first(_TOLD, set(re.findall(r"[a-z0-9]+", draft.about.lower()))):
        return found[1], f"from {found[0]!r} in its description"
    return "text", "by default, for nothing tells"


def guess_id(owner: str, slug: str) -> str:
    """An id for a model of this name: always the same one, and hardly that of another."""
    name = f"{clean_slug(owner)}/{clean_slug(slug)}"
    return str(FIRST_ID + zlib.crc32(name.encode()) % FIRST_ID)


def _named(word: str) -> Kind | None:
    return next((kind for kind in KINDS if kind == word), None)


def _output_type(draft: Draft) -> Kind | None:
    options = [option for one in draft.parameters if one.id.lower() == "outputtype" for option in one.options]
    return next((kind for option in options if (kind := _named(option.lower()))), None)


def _in_name(name: str) -> tuple[str, Kind] | None:
    words, letters = set(re.findall(r"[a-z0-9]+", name.lower())), re.sub(r"[^a-z0-9]", "", name.lower())
    return next((row for row in _NAMES if row[0] in words or (len(row[0]) >= 5 and row[0] in letters)), None)


def _first(table: Iterable[tuple[str, Kind]], there: set[str]) -> tuple[str, Kind] | None:
    return next((row for row in table if row[0] in there), None)
