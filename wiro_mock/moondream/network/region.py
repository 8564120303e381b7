"""Places and extents: read from hidden states, and written back as embeddings.

Three sources read three things here (report §3.3): this follows kestrel, whose heads see the last hidden state
through a norm of their own; `check --against transformers` settles it on real weights.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from wiro_mock.moondream.sizes import Sizes

FINEST = -10.0
"""An extent is 2 to a power between this and 0."""
LAST_BIN = 1023.0


def _waves(x: Tensor, weight: Tensor) -> Tensor:
    angle = 2 * math.pi * x.to(weight.dtype) @ weight
    return torch.cat([angle.cos(), angle.sin()], -1)


class Region(nn.Module):
    """The heads for coordinates and sizes, all in 0..1."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        dim, of = sizes.text.dim, sizes.region
        self.coord_encoder, self.coord_decoder = nn.Linear(of.coord_feat_dim, dim), nn.Linear(dim, of.coord_out_dim)
        self.size_encoder, self.size_decoder = nn.Linear(of.size_feat_dim, dim), nn.Linear(dim, of.size_out_dim)
        self.ln = nn.LayerNorm(dim)
        self.coord_features = nn.Parameter(torch.empty(1, of.coord_feat_dim // 2))
        self.size_features = nn.Parameter(torch.empty(2, of.size_feat_dim // 2))

    def place_of(self, hidden: Tensor) -> Tensor:
        """A coordinate, read from [n, dim]; gives [n]."""
        logits = self.coord_decoder(self.ln(hidden))
        return logits.argmax(-1).float() / logits.shape[-1]

    def extent_of(self, hidden: Tensor) -> Tensor:
        """Width and height, read from [n, dim]; gives [n, 2]."""
        bins = self.size_decoder(self.ln(hidden)).view(hidden.shape[0], 2, -1).argmax(-1).float()
        return torch.exp2(bins / LAST_BIN * -FINEST + FINEST)

    def place(self, x: Tensor) -> Tensor:
        """The embedding [n, dim] of coordinates [n]."""
        return self.coord_encoder(_waves(x[:, None], self.coord_features))

    def extent(self, sides: Tensor) -> Tensor:
        """The embedding [n, dim] of widths and heights [n, 2]."""
        return self.size_encoder(_waves(sides, self.size_features))
