"""A model that is not in the catalogue, made up for one run of it (`unknown_models: play`). All of it is ours.

Its kind of output is guessed from its name, by the last word that tells of one: the names of models end with what
comes out (`image-to-video`, `speech-to-text`). Only where the slug tells of none is the owner looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from wiro_mock.kernel import ids
from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.kernel.kinds import Kind

LONGEST = 100
"""An owner or a slug of more characters names no model."""
CPS: Final = Decimal("0.001")
"""Its price in USD per second."""

_TEXTS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "text": "text caption captioning captioner ocr transcribe transcription transcript whisper asr translate "
        "detect",
        "json": "json",
        "image": "image images img picture photo portrait headshot art logo poster avatar edit editor inpaint "
        "background upscale upscaler esrgan swap canvas flux sdxl diffusion dreamshaper imagen banana "
        "seedream ideogram recraft midjourney kandinsky lora hidream reve",
        "video": "video videos movie film animate animation veo sora kling hailuo wan seedance runway pixverse ltx "
        "vidu hunyuanvideo mochi skyreels",
        "audio": "audio speech voice voices tts music song sound singing lyria suno musicgen realtime",
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
    for name in (slug, owner):
        kinds = [WORDS[word] for word in _WORD.findall(name[:LONGEST].lower()) if word in WORDS]
        if kinds:
            return kinds[-1]
    return "text"


def can_name(owner: str, slug: str) -> bool:
    """Whether an owner and a slug could name a model at all: visible characters, no slash, not too many."""
    return all(
        len(name) <= LONGEST and name.isprintable() and "/" not in name and clean_slug(name) for name in (owner, slug)
    )


def made_up(owner: str, slug: str) -> Model:
    """The model for one run, with the owner and the slug as they were sent. Its id comes from its clean name."""
    digits = ids.decimal(f"{clean_slug(owner)}/{clean_slug(slug)}", "unknown model", low=1_000_000, high=10_000_000)
    return Model(id=str(digits), owner=owner, slug=slug, kind=guess_kind(owner, slug), cps=CPS)
