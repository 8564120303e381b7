"""Models without a mind: random numbers in the real form, for tests and benchmarks. What they say means nothing.

`TOY` runs anywhere in milliseconds: three layers, of which two are mixtures, the true crops of 378 pixels and the true
730 positions of a picture. The full size has as much to compute as the real model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wiro_mock.moondream.sizes import RegionSizes, Sizes, TextSizes, Tokens, VisionSizes, as_config

TOY = Sizes(
    text=TextSizes(
        dim=128, ff_dim=64, n_layers=3, vocab_size=300, n_heads=2, num_experts=4, start_layer=1, experts_per_token=2,
        expert_inner_dim=32,
    ),
    vision=VisionSizes(enc_dim=32, enc_ff_dim=32, enc_n_layers=2, enc_n_heads=2, proj_inner_dim=32, max_crops=4),
    region=RegionSizes(coord_feat_dim=8, size_feat_dim=8),
    tokens=Tokens(
        caption={"short": (1, 270, 2, 271, 3), "normal": (1, 270, 2, 272, 3), "long": (1, 270, 2, 273, 3)},
        around={"query": ((1, 274, 2), (3,)), "detect": ((1, 275, 2), (3,)), "point": ((1, 276, 2), (3,))},
    ),
)  # fmt: skip
FULL = Sizes()
SHARD_BYTES = 5 << 30


def tokenizer_for(sizes: Sizes) -> Any:
    """A byte-level tokenizer of the model's size: every byte is a token, and the rest are words without meaning."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {f"<|{number}|>": number for number in range(10)}
    vocabulary |= {char: 10 + number for number, char in enumerate(alphabet)}
    vocabulary |= {f"w{number}": number for number in range(len(vocabulary), sizes.text.vocab_size)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def write_folder(
    folder: Path, sizes: Sizes = TOY, *, seed: int = 0, model: Any = None, shard_bytes: int = SHARD_BYTES
) -> Path:
    """A folder of weights as it would be downloaded: shards, config and tokenizer; `model` if it is made already."""
    from safetensors.torch import save_file

    from wiro_mock.moondream.checkpoint import INDEX
    from wiro_mock.moondream.network.model import filled

    folder.mkdir(parents=True, exist_ok=True)
    state = (filled(sizes, seed=seed) if model is None else model).state_dict()
    shards: list[dict[str, Any]] = [{}]
    room = shard_bytes
    for name, tensor in state.items():
        if shards[-1] and tensor.nbytes > room:
            shards.append({})
            room = shard_bytes
        shards[-1][name] = tensor
        room -= tensor.nbytes
    names = {f"model-{number:05}-of-{len(shards):05}.safetensors": shard for number, shard in enumerate(shards, 1)}
    for file, shard in names.items():
        save_file({name: tensor.contiguous() for name, tensor in shard.items()}, str(folder / file))
    where = {name: file for file, shard in names.items() for name in shard}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": where}))
    (folder / "config.json").write_text(json.dumps({"model_type": "moondream3", "config": as_config(sizes)}))
    tokenizer_for(sizes).save(str(folder / "tokenizer.json"))
    return folder
