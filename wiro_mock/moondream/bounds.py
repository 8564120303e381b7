"""What arithmetic allows: how many bytes a decoded token needs, and so how many tokens a second memory can give.

A figure above its ceiling is a broken measurement: a missing synchronisation, or experts that were not read.
"""

from __future__ import annotations

from dataclasses import dataclass

from wiro_mock.moondream.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Bounds:
    """Counts of parameters; `always` is read at every step, `one` is one expert."""

    sizes: Sizes
    total: int
    always: int
    one: float

    def experts(self, batch: int) -> float:
        """How many different experts of a layer a batch uses, if all are as likely."""
        of = self.sizes.text
        return of.num_experts * (1 - (1 - of.experts_per_token / of.num_experts) ** batch)

    def step_bytes(self, batch: int, positions: int, width: int = 2) -> float:
        """Bytes that one step of a batch reads, with so many positions in each slot."""
        of = self.sizes.text
        weights = self.always + (of.n_layers - of.start_layer) * self.experts(batch) * self.one
        return width * weights + self.sizes.cache_bytes(batch, positions, width)

    def ceiling(self, batch: int, positions: int, bandwidth: float, width: int = 2) -> float:
        """Tokens a second of a batch, at so many bytes a second."""
        return batch * bandwidth / self.step_bytes(batch, positions, width)


def bounds_of(sizes: Sizes) -> Bounds:
    """The counts of a model of this size; takes no memory."""
    import torch

    from wiro_mock.moondream.network.model import empty

    counts = {name: parameter.numel() for name, parameter in empty(sizes, torch.bfloat16).named_parameters()}
    mixtures = {f"model.text.blocks.{index}.mlp." for index in range(sizes.text.start_layer, sizes.text.n_layers)}
    experts = sum(
        n
        for name, n in counts.items()
        for mixture in mixtures
        if name in {f"{mixture}fc1.weight", f"{mixture}fc2.weight"}
    )
    text = sum(n for name, n in counts.items() if name.startswith("model.text."))
    always = text - experts - counts["model.text.wte"]
    return Bounds(sizes, sum(counts.values()), always, experts / max(1, len(mixtures)) / sizes.text.num_experts)
