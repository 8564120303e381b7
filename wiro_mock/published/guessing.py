"""What no source says, guessed: the kind of output, an id, a price. Each guess comes with its ground, for a comment.

Wiro declares a model's kind of output nowhere (rest.md §10.2), so categories, samples, names and parameters have to
tell, in this order; the words of names are those of `kernel/unknown_models.py`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from typing import Final

from wiro_mock.kernel.catalog import clean_name
from wiro_mock.kernel.kinds import KINDS, Kind, kind_of
from wiro_mock.kernel.unknown_models import ADDED_IDS, kind_in
from wiro_mock.published.draft import Draft

_SUFFIXES: Final[tuple[tuple[str, Kind], ...]] = (
    (".mp4", "video"), (".webm", "video"), (".mov", "video"), (".mp3", "audio"), (".wav", "audio"), (".glb", "3d"),
    (".pdf", "document"), (".json", "json"), (".txt", "text"), (".png", "image"), (".jpg", "image"),
    (".jpeg", "image"), (".webp", "image"), (".gif", "image"),
)  # fmt: skip
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
    if found := kind_in(draft.slug) or kind_in(draft.title):
        return found[1], f"from {found[0]!r} in its name"
    if found := _first(_INPUTS, {one.id for one in draft.parameters}):
        return found[1], f"from its parameter {found[0]}"
    if found := _first(_TOLD, set(re.findall(r"[a-z0-9]+", draft.about.lower()))):
        return found[1], f"from {found[0]!r} in its description"
    return "text", "by default, for nothing tells"


def guess_id(owner: str, slug: str) -> str:
    """An id for a model of this name: always the same one, and hardly that of another."""
    return str(ADDED_IDS.start + zlib.crc32(clean_name(owner, slug).encode()) % len(ADDED_IDS))


def _named(word: str) -> Kind | None:
    return next((kind for kind in KINDS if kind == word), None)


def _output_type(draft: Draft) -> Kind | None:
    options = [option for one in draft.parameters if one.id.lower() == "outputtype" for option in one.options]
    return next((kind for option in options if (kind := _named(option.lower()))), None)


def _first(table: Iterable[tuple[str, Kind]], there: set[str]) -> tuple[str, Kind] | None:
    return next((row for row in table if row[0] in there), None)
