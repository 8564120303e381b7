"""What is made up of a model that nobody describes: for one run of it (`unknown_models: play`), and where a model is
added of which a page does not tell all. All of it is ours.

A kind of output is guessed from the name, by the last word that tells of one: the names of models end with what
comes out (`image-to-video`, `speech-to-text`). Only where the slug tells of none is the owner looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from wiro_mock.kernel import ids
from wiro_mock.kernel.catalog import Model, clean_name, clean_slug
from wiro_mock.kernel.kinds import Kind

LONGEST = 100
"""An owner or a slug of more characters names no model."""
GUESSED_CPS: Final = Decimal("0.001")
"""USD per second where nobody knows a model's price, as the shipped models have it then, too."""
ADDED_IDS: Final = range(1_000_000, 2_000_000)
"""Ids of models that `wiro-mock model add` had to make up, far from Wiro's (of three and four digits) and from those of
the shipped models."""
PLAYED_IDS: Final = range(2_000_000, 10_000_000)
"""Ids of models that were made up for a run; none is that of an added one."""
_TELLING: Final = 5
"""Letters of a word that tells of a kind also where it is a part of another."""

_TEXTS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "text": "text moondream caption captioning captioner ocr transcribe transcriber transcription transcript "
        "whisper asr translate detect",
        "json": "json",
        "image": "image images img picture photo portrait headshot art logo poster edit editor inpaint "
        "background upscale upscaler esrgan swap canvas flux sdxl diffusion dream tryon dreamshaper imagen banana "
        "seedream ideogram recraft midjourney kandinsky lora hidream reve",
        "video": "video videos movie film animate animation animations avatar veo sora kling hailuo wan seedance "
        "runway pixverse ltx vidu hunyuanvideo mochi skyreels",
        "audio": "audio speech voice voices tts music song sound singing lyria suno musicgen",
        "realtime-voice": "realtime conversational",
        "realtime-tts": "moss",
        "realtime-stt": "voxtral",
        "3d": "3d mesh trellis hunyuan3d",
        "document": "pdf document docx",
        "llm": "llm chat gpt claude gemini llama mistral mixtral qwen deepseek gemma phi grok glm reasoning instruct "
        "rag assistant",
    }
)
WORDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {word: kind for kind, words in _TEXTS.items() for word in words.split()}
)
"""The words that tell of a kind of output."""
_WORD = re.compile(r"hunyuan3d|3d|[a-z]+")


def guess_kind(owner: str, slug: str) -> Kind:
    """The kind of output that a name tells of: by its last word that is known; `text` where none is."""
    found = kind_in(slug) or kind_in(owner)
    return found[1] if found else "text"


def kind_in(name: str) -> tuple[str, Kind] | None:
    """The word in a name that tells of a kind, and the kind: the last whole word that does, else the last long one
    that is a part of another; None where there is none.
    """
    words = _WORD.findall(name[:LONGEST].lower())
    if whole := [word for word in words if word in WORDS]:
        return whole[-1], WORDS[whole[-1]]
    letters = "".join(words)
    parts = [word for word in WORDS if len(word) >= _TELLING and word in letters]
    last = max(parts, key=lambda word: (letters.rindex(word) + len(word), len(word)), default=None)
    return (last, WORDS[last]) if last is not None else None


def can_name(owner: str, slug: str) -> bool:
    """Whether an owner and a slug could name a model at all: visible characters, no slash, not too many."""
    return all(
        len(name) <= LONGEST and name.isprintable() and "/" not in name and clean_slug(name) for name in (owner, slug)
    )


def made_up(owner: str, slug: str) -> Model:
    """The model for one run, with the owner and the slug as they were sent. Its id comes from its clean name."""
    number = ids.decimal(clean_name(owner, slug), "unknown model", low=PLAYED_IDS.start, high=PLAYED_IDS.stop)
    return Model(id=str(number), owner=owner, slug=slug, kind=guess_kind(owner, slug), cps=GUESSED_CPS)
