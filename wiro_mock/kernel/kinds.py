"""The kinds of output, and what a model's categories tell of its own.

Wiro declares a model's kind of output nowhere: a client infers it from the categories (rest.md §10.2). Here both are
written down, and they have to agree; so a client of the mock infers what it will get.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal[
    "text", "json", "image", "video", "audio", "3d", "document", "llm", "realtime-voice", "realtime-tts", "realtime-stt"
]
"""Kinds of output: a closed list, so that a slip of the pen is a complaint and no kind is without a scenario."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

MEANT: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        **dict.fromkeys(("sound", "music", "song", "speech", "voice", "wav", "mp3"), "audio"),
        **dict.fromkeys(("picture", "photo", "img", "png", "jpg", "jpeg", "webp"), "image"),
        **dict.fromkeys(("movie", "film", "clip", "animation", "mp4"), "video"),
        **dict.fromkeys(("mesh", "glb", "model3d", "object"), "3d"),
        **dict.fromkeys(("pdf", "file", "doc"), "document"),
        **dict.fromkeys(("chat", "gpt", "language-model", "assistant"), "llm"),
        **dict.fromkeys(("string", "txt", "caption", "transcript"), "text"),
        **dict.fromkeys(("data", "structured"), "json"),
    }
)
"""Other words that people have for a kind, for a did-you-mean."""

DOCUMENTED: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "text-to-image": "image",
        "image-to-image": "image",
        "image-editing": "image",
        "text-to-video": "video",
        "image-to-video": "video",
        "speech-to-video": "video",
        "talking-head": "video",
        "text-to-speech": "audio",
        "speech-to-text": "text",
        "text-to-music": "audio",
        "text-to-song": "audio",
        "voice-clone": "audio",
        "realtime-conversation": "realtime-voice",
        "3d-generation": "3d",
        "chat": "llm",
        "llm": "llm",
        "llm-reasoning": "llm",
        "reasoning": "llm",
        "rag": "llm",
    }
)
"""The categories that Wiro's own MCP server (2026) and the SDK of ersinkoc list, which spells one of them
`reasoning`; the kinds beside them are our reading of the names."""
OURS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "image-to-text": "text",
        "text-to-text": "text",
        "video-to-video": "video",
        "hr-tools": "json",
        "documents": "document",
        # After the pages of Wiro's documentation that tell of them.
        "realtime-text-to-speech": "realtime-tts",
        "realtime-speech-to-text": "realtime-stt",
    }
)
"""Our choice, where no category on Wiro's list fits."""


def kind_of(categories: Iterable[str]) -> Kind | None:
    """The kind of output that a model's categories tell of, as a client infers it: by the first that tells of one.

    None when none does. Categories such as `tool` or `quick-showcase` tell of nothing.
    """
    known = (DOCUMENTED.get(category) or OURS.get(category) for category in categories)
    return next((kind for kind in known if kind is not None), None)
