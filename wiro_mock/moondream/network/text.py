"""The decoder: attention with a learned temperature, a mixture of experts, and a cache of keys and values in slots.

A slot is one request's row of the cache. The rows in use are always the first ones, so a step over all of them reads
the cache in place; rows chosen by index would be copied at every step.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 -- everybody's name for it
from torch import Tensor, nn

from wiro_mock.moondream.sizes import Sizes, TextSizes

Cache = list[tuple[Tensor, Tensor]]
"""For each layer the keys and the values, [slots, heads, length, head dim]."""


class Bare(nn.Module):
    """Parameters without a function, so that their names are the checkpoint's."""

    def __init__(self, **shapes: tuple[int, ...]) -> None:
        super().__init__()
        for name, shape in shapes.items():
            setattr(self, name, nn.Parameter(torch.empty(shape), requires_grad=False))


def experts(x: Tensor, mlp: nn.ModuleDict, chosen: int) -> Tensor:
    """The mixture for [n, dim]: the pairs of token and expert sorted by expert, and two grouped products; no sync."""
    count = x.shape[0]
    logits, index = mlp["router"](x).topk(chosen, -1)
    weight = logits.float().softmax(-1).to(x.dtype)
    flat = index.reshape(-1)
    order = flat.argsort(stable=True)
    all_experts = torch.arange(mlp["fc1"].weight.shape[0], device=x.device)
    ends = torch.searchsorted(flat[order], all_experts, right=True).to(torch.int32)
    inner = F.grouped_mm(x[order // chosen], mlp["fc1"].weight.transpose(1, 2), offs=ends)
    hidden, gate = inner.chunk(2, -1)
    y = F.grouped_mm((F.gelu(hidden) * (gate + 1)).contiguous(), mlp["fc2"].weight.transpose(1, 2), offs=ends)
    y = y * weight.reshape(-1)[order, None]
    return torch.zeros(count, x.shape[1], dtype=x.dtype, device=x.device).index_add_(0, order // chosen, y)


def rotated(x: Tensor, cos: Tensor, sin: Tensor, width: int) -> Tensor:
    """The first `width` numbers of each head, turned by the position. The reference interleaves the pair it gives."""
    re, im = x[..., : width // 2].float(), x[..., width // 2 : width].float()
    turned = torch.stack((re * cos - im * sin, re * sin + im * cos), -1).flatten(-2)
    return torch.cat([turned.to(x.dtype), x[..., width:]], -1)


class Block(nn.Module):
    """One layer: attention and the mixture (or a plain network) side by side on the same normed input."""

    def __init__(self, sizes: TextSizes, index: int) -> None:
        super().__init__()
        dim, heads = sizes.dim, sizes.n_heads
        self.sizes, self.mixed = sizes, index >= sizes.start_layer
        self.ln = nn.LayerNorm(dim)
        tau = Bare(wq=(heads, 3 * dim), wv=(heads, 3 * dim), alpha=(heads,))
        self.attn = nn.ModuleDict({"qkv": nn.Linear(dim, 3 * dim), "proj": nn.Linear(dim, dim), "tau": tau})
        self.mlp = nn.ModuleDict(self._mixture() if self.mixed else self._plain())

    def _plain(self) -> dict[str, nn.Module]:
        dim, inner = self.sizes.dim, self.sizes.ff_dim
        return {"fc1": nn.Linear(dim, inner), "fc2": nn.Linear(inner, dim)}

    def _mixture(self) -> dict[str, nn.Module]:
        dim, count, inner = self.sizes.dim, self.sizes.num_experts, self.sizes.expert_inner_dim
        fc1, fc2 = Bare(weight=(count, 2 * inner, dim)), Bare(weight=(count, dim, inner))
        return {"router": nn.Linear(dim, count), "fc1": fc1, "fc2": fc2}

    def forward(
        self, x: Tensor, pos: Tensor, turn: tuple[Tensor, Tensor], kept: tuple[Tensor, Tensor], mask: Tensor
    ) -> Tensor:
        """Of x [b, t, dim] at pos [b, t]; turn: cosine and sine; kept: this layer's b rows; mask [b, 1, t, seen]."""
        z = self.ln(x)
        seen = self._attended(z, pos, turn, kept, mask)
        if self.mixed:
            y = experts(z.reshape(-1, z.shape[-1]), self.mlp, self.sizes.experts_per_token).view(z.shape)
        else:
            y = self.mlp["fc2"](F.gelu(self.mlp["fc1"](z), approximate="tanh"))
        return x + self.attn["proj"](seen) + y

    def _attended(
        self, z: Tensor, pos: Tensor, turn: tuple[Tensor, Tensor], kept: tuple[Tensor, Tensor], mask: Tensor
    ) -> Tensor:
        rows, steps, dim = z.shape
        heads, tau = self.sizes.n_heads, self.attn["tau"]
        qkv = self.attn["qkv"](z)
        q, k, v = qkv.view(rows, steps, 3, heads, dim // heads).unbind(2)
        by_place = 0.5 + torch.sigmoid(tau.alpha * (pos + 1).to(z.dtype).log()[..., None])
        told = F.gelu(qkv)
        q = q * (torch.tanh(told @ tau.wq.T) + by_place)[..., None]
        v = v * (torch.tanh(told @ tau.wv.T) + by_place)[..., None]
        q, k = (rotated(one, *turn, self.sizes.rope_dim) for one in (q, k))
        keys, values = kept
        row = torch.arange(rows, device=z.device)[:, None]
        keys[row, :, pos] = k
        values[row, :, pos] = v
        seen = mask.shape[-1]
        out = F.scaled_dot_product_attention(q.transpose(1, 2), keys[:, :, :seen], values[:, :, :seen], attn_mask=mask)
        return out.transpose(1, 2).reshape(rows, steps, dim)


class Text(nn.Module):
    """The decoder as a whole."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = of = sizes.text
        self.wte = nn.Parameter(torch.empty(of.vocab_size, of.dim))
        self.blocks = nn.ModuleList(Block(of, index) for index in range(of.n_layers))
        self.post_ln, self.lm_head = nn.LayerNorm(of.dim), nn.Linear(of.dim, of.vocab_size)

    def cache(self, slots: int, length: int) -> Cache:
        """An empty cache."""
        shape = (slots, self.sizes.n_heads, length, self.sizes.dim // self.sizes.n_heads)
        return [(self.wte.new_zeros(shape), self.wte.new_zeros(shape)) for _ in self.blocks]

    def forward(self, x: Tensor, pos: Tensor, cache: Cache, first: int, seen: int) -> Tensor:
        """Embeddings [b, t, dim] at positions [b, t], for the slots from `first` on; gives hidden [b, t, dim].

        `seen` is how many positions of the cache are looked at.
        """
        column = torch.arange(seen, device=x.device)
        # The picture's positions all see each other; otherwise nobody looks ahead.
        prefix = self.sizes.prefix_attn
        mask = (column <= pos[..., None]) | ((pos[..., None] < prefix) & (column < prefix))
        width = self.sizes.rope_dim
        speed = 1.0 / self.sizes.rope_theta ** (torch.arange(0, width, 2, device=x.device).float() / width)
        angle = pos[..., None].float() * speed
        turn = angle.cos()[:, :, None], angle.sin()[:, :, None]
        rows = slice(first, first + x.shape[0])
        for block, (keys, values) in zip(self.blocks, cache, strict=True):
            x = block(x, pos, turn, (keys[rows], values[rows]), mask[:, None])
        return x
