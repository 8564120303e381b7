"""How large the model is, and which tokens mean what: the published figures, unless `config.json` says otherwise.

The defaults are moondream3-preview's. A folder's `config.json` may hold other sizes under `config`, with the names
that the official code's own classes have (`text.dim`, `vision.enc_dim` …): so toy models run through the real loader.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from wiro_mock.moondream.refusals import CannotStart

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSizes:
    """The decoder: 24 layers, of which all but the first four have 64 experts."""

    dim: int = 2048
    ff_dim: int = 8192
    n_layers: int = 24
    vocab_size: int = 51200
    n_heads: int = 32
    max_context: int = 4096
    prefix_attn: int = 730
    """The first token and the picture's 729, all of which see each other."""
    rope_theta: float = 1_500_000.0
    rope_dim: int = 32
    num_experts: int = 64
    start_layer: int = 4
    experts_per_token: int = 8
    expert_inner_dim: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionSizes:
    """The encoder of pictures: crops of 378 pixels, in patches of 14."""

    enc_dim: int = 1152
    enc_ff_dim: int = 4304
    enc_n_layers: int = 27
    enc_n_heads: int = 16
    enc_patch_size: int = 14
    crop_size: int = 378
    max_crops: int = 12
    overlap_margin: int = 4
    proj_inner_dim: int = 8192

    @property
    def grid(self) -> int:
        """Patches along an edge of a crop."""
        return self.crop_size // self.enc_patch_size


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSizes:
    """The heads that read and write places and extents."""

    coord_feat_dim: int = 256
    coord_out_dim: int = 1024
    size_feat_dim: int = 512
    size_out_dim: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens with a meaning of their own, and the prompts of the four skills."""

    bos_id: int = 0
    eos_id: int = 0
    coord_id: int = 5
    caption: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {
            "short": (1, 32708, 2, 12492, 3),
            "normal": (1, 32708, 2, 6382, 3),
            "long": (1, 32708, 2, 4059, 3),
        }
    )
    around: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(
        default_factory=lambda: {
            "query": ((1, 15381, 2), (3,)),
            "detect": ((1, 7235, 476, 2), (3,)),
            "point": ((1, 2581, 2), (3,)),
        }
    )
    """What stands before and after the text that was asked with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """All sizes of a model."""

    text: TextSizes = field(default_factory=TextSizes)
    vision: VisionSizes = field(default_factory=VisionSizes)
    region: RegionSizes = field(default_factory=RegionSizes)
    tokens: Tokens = field(default_factory=Tokens)

    def cache_bytes(self, slots: int, length: int, width: int = 2) -> int:
        """Bytes of the keys and values of so many slots; `width` is that of a number (2: bfloat16)."""
        return 2 * self.text.n_layers * self.text.dim * width * slots * length


def read_sizes(folder: Path) -> Sizes:
    """The sizes that a folder's `config.json` names; the published ones where it names none. Raises `CannotStart`."""
    path = folder / "config.json"
    try:
        told = json.loads(path.read_bytes()) if path.is_file() else {}
        return from_config(told.get("config") or {})
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise CannotStart(f"{path} cannot be read: {error}; it is the config.json of the weights' own folder") from None


def from_config(told: Mapping[str, Any]) -> Sizes:
    """The sizes that a `config` names; what it does not name is as published."""
    text = dict(told.get("text", {}))
    return Sizes(
        text=_made(TextSizes, text | dict(text.get("moe") or {})),
        vision=_made(VisionSizes, told.get("vision", {})),
        region=_made(RegionSizes, told.get("region", {})),
        tokens=_tokens(told.get("tokenizer", {})),
    )


def _made(kind: type[T], told: Mapping[str, Any]) -> T:
    """One group of sizes. Names that it has no use for are passed over: the official classes have more."""
    known: Mapping[str, Any] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{name: value for name, value in told.items() if name in known})


def _tokens(told: Mapping[str, Any]) -> Tokens:
    ids = {name: told[name] for name in ("bos_id", "eos_id", "coord_id") if name in told}
    if "templates" not in told:
        return Tokens(**ids)
    prompts = told["templates"]
    around = {
        skill: (tuple(prompts[skill]["prefix"]), tuple(prompts[skill]["suffix"]))
        for skill in ("query", "detect", "point")
    }
    return Tokens(**ids, caption={length: tuple(of) for length, of in prompts["caption"].items()}, around=around)


def as_config(sizes: Sizes) -> dict[str, Any]:
    """The `config` of a `config.json` that says these sizes; `from_config` of it gives them back."""
    from dataclasses import asdict

    text = asdict(sizes.text)
    moe = {name: text.pop(name) for name in ("num_experts", "start_layer", "experts_per_token", "expert_inner_dim")}
    tokens = asdict(sizes.tokens)
    templates: dict[str, Any] = {"caption": {length: list(ids) for length, ids in tokens.pop("caption").items()}}
    for skill, (prefix, suffix) in tokens.pop("around").items():
        templates[skill] = {"prefix": list(prefix), "suffix": list(suffix)}
    return {
        "text": {**text, "moe": moe},
        "vision": asdict(sizes.vision),
        "region": asdict(sizes.region),
        "tokenizer": {**tokens, "templates": templates},
    }
