"""The model as a whole: made without numbers, with random ones, or with a checkpoint's."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from wiro_mock.moondream.network.region import Region
from wiro_mock.moondream.network.text import Cache, Text
from wiro_mock.moondream.network.vision import Vision
from wiro_mock.moondream.sizes import Sizes


class Moondream3(nn.Module):
    """Eye, decoder and region heads, named as in the checkpoint (`model.text.blocks.0.ln.weight`)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.model = nn.ModuleDict({"vision": Vision(sizes), "text": Text(sizes), "region": Region(sizes)})

    @property
    def vision(self) -> Any:
        """The eye."""
        return self.model["vision"]

    @property
    def text(self) -> Any:
        """The decoder."""
        return self.model["text"]

    @property
    def region(self) -> Any:
        """The heads for places."""
        return self.model["region"]

    def embedded(self, crops: Tensor, tiling: tuple[int, int], prompt: list[int]) -> Tensor:
        """The first token, the picture and the prompt: [1, positions, dim]."""
        wte = self.text.wte
        picture = self.vision(crops.to(wte.device), tiling)
        ids = torch.tensor([self.sizes.tokens.bos_id, *prompt], device=wte.device)
        words = wte[ids]
        return torch.cat([words[:1], picture, words[1:]])[None]

    def prefill(self, x: Tensor, cache: Cache, slot: int) -> Tensor:
        """Read all of [1, positions, dim] into a slot; the last hidden state [1, dim]. In one pass: see `Text`."""
        count = x.shape[1]
        pos = torch.arange(count, device=x.device)[None]
        hidden: Tensor = self.text(x, pos, cache, slot, count)
        return hidden[:, -1]

    def step(self, x: Tensor, pos: Tensor, cache: Cache, seen: int) -> Tensor:
        """One position [b] for each of the first b slots, of embeddings [b, dim]; hidden [b, dim]."""
        hidden: Tensor = self.text(x[:, None], pos[:, None], cache, 0, seen)
        return hidden[:, -1]

    def logits(self, hidden: Tensor) -> Tensor:
        """What comes next, [b, vocabulary]."""
        logits: Tensor = self.text.lm_head(self.text.post_ln(hidden))
        return logits


def empty(sizes: Sizes, dtype: torch.dtype) -> Moondream3:
    """The model without numbers: names and shapes only, no memory."""
    with torch.device("meta"):
        model: Moondream3 = Moondream3(sizes).to(dtype)
    return model


def filled(sizes: Sizes, *, device: str = "cpu", dtype: torch.dtype = torch.float32, seed: int = 0) -> Moondream3:
    """The model with random numbers, of a spread that keeps the hidden states finite."""
    model: Moondream3 = empty(sizes, dtype).to_empty(device=device)
    generator = torch.Generator(device=device).manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".ln" in name or "post_ln" in name:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            elif name.endswith("wte"):
                parameter.normal_(0, 1, generator=generator)
            elif parameter.dim() >= 2:
                parameter.normal_(0, 0.7 / math.sqrt(parameter.shape[-1]), generator=generator)
            else:
                parameter.zero_()
    model.eval().requires_grad_(requires_grad=False)
    return model
