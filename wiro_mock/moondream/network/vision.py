"""The eye: crops of a picture become 729 embeddings."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 -- everybody's name for it
from torch import Tensor, nn

from wiro_mock.moondream.sizes import Sizes, VisionSizes


class Block(nn.Module):
    """One layer of the encoder; every patch of a crop sees every other."""

    def __init__(self, sizes: VisionSizes) -> None:
        super().__init__()
        dim, inner = sizes.enc_dim, sizes.enc_ff_dim
        self.heads = sizes.enc_n_heads
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(dim, 3 * dim), "proj": nn.Linear(dim, dim)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(dim, inner), "fc2": nn.Linear(inner, dim)})

    def forward(self, x: Tensor) -> Tensor:
        """[crops, patches, dim], the same."""
        crops, patches, dim = x.shape
        qkv = self.attn["qkv"](self.ln1(x)).view(crops, patches, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(crops, patches, dim)
        x = x + self.attn["proj"](seen)
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.ln2(x)), approximate="tanh"))


class Vision(nn.Module):
    """The encoder and its projection: the whole picture once, and its crops stitched together and pooled."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = eye = sizes.vision
        self.patch_emb = nn.Linear(3 * eye.enc_patch_size**2, eye.enc_dim)
        self.pos_emb = nn.Parameter(torch.empty(1, eye.grid**2, eye.enc_dim))
        self.blocks = nn.ModuleList(Block(eye) for _ in range(eye.enc_n_layers))
        self.post_ln = nn.LayerNorm(eye.enc_dim)
        self.proj_mlp = nn.ModuleDict(
            {
                "fc1": nn.Linear(2 * eye.enc_dim, eye.proj_inner_dim),
                "fc2": nn.Linear(eye.proj_inner_dim, sizes.text.dim),
            }
        )

    def forward(self, crops: Tensor, tiling: tuple[int, int]) -> Tensor:
        """Crops [1 + rows x columns, 3, pixels, pixels] in -1..1, and their tiling; gives [patches, dim of text]."""
        grid, patch = self.sizes.grid, self.sizes.enc_patch_size
        count = crops.shape[0]
        x = crops.view(count, 3, grid, patch, grid, patch).permute(0, 2, 4, 1, 3, 5)
        x = x.reshape(count, grid * grid, 3 * patch * patch)
        x = self.patch_emb(x.to(self.patch_emb.weight.dtype)) + self.pos_emb
        for block in self.blocks:
            x = block(x)
        x = self.post_ln(x)
        full = self._stitched(x[1:], tiling).permute(2, 0, 1)[None]
        pooled = F.adaptive_avg_pool2d(full, (grid, grid))[0].permute(1, 2, 0).reshape(grid * grid, -1)
        both = torch.cat([x[0], pooled], -1)
        return self.proj_mlp["fc2"](F.gelu(self.proj_mlp["fc1"](both), approximate="tanh"))

    def _stitched(self, x: Tensor, tiling: tuple[int, int]) -> Tensor:
        """The crops side by side, without what they overlap by: [patches high, patches wide, dim]."""
        (rows, columns), grid, margin = tiling, self.sizes.grid, self.sizes.overlap_margin
        tiles = x.view(rows, columns, grid, grid, -1)

        def kept(index: int, count: int) -> slice:
            return slice(margin if index else 0, grid if index == count - 1 else grid - margin)

        strips = [
            torch.cat([tiles[i, j, kept(i, rows), kept(j, columns)] for j in range(columns)], 1) for i in range(rows)
        ]
        return torch.cat(strips, 0)
