"""A file that an imported file imports: transformers below 5.17 forgets to copy it."""

import torch


def mask_of(sizes):
    length = sizes.text.max_context
    mask = torch.tril(torch.ones(1, 1, length, length, dtype=torch.bool))
    mask[..., : sizes.text.prefix_attn, : sizes.text.prefix_attn] = True
    return mask


def speeds_of(sizes):
    angle = torch.arange(sizes.text.max_context).float()[:, None] * torch.ones(1, 16)
    return torch.polar(torch.ones_like(angle), angle)
