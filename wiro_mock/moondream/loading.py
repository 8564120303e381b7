"""From a folder of weights to our own module on a device: everything is checked first, then read once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiro_mock.moondream.checkpoint import Stored, fit, stored
from wiro_mock.moondream.refusals import CannotStart, told
from wiro_mock.moondream.sizes import Sizes, read_sizes

EXTRA = {
    "moondream": ("torch", "safetensors", "tokenizers", "PIL", "numpy"),
    "moondream-hf": ("transformers", "accelerate"),
}
SPARE_BYTES = 2 << 30
"""What a device needs besides weights and cache; the report's estimate (§3.4), not yet measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be loaded, and how."""

    weights: Path
    device: str = "auto"
    dtype: str = "auto"
    tokenizer: Path | None = None
    slots: int = 4
    length: int = 2048
    say: Callable[[str], None] = print


def need(*extras: str) -> None:
    """Raise `CannotStart` where what an extra brings is not installed."""
    for extra in extras:
        for module in EXTRA[extra]:
            if importlib.util.find_spec(module) is None:
                raise CannotStart(f"{module} is not installed; pip install 'wiro-mock[{extra}]' brings it")


def device_for(name: str) -> str:
    """The device that is meant; `auto` is the first GPU, or the processor. Raises `CannotStart`."""
    import torch

    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise CannotStart(f"--device {name!r} is none; it is auto, cpu, cuda, cuda:1 … or mps") from None
    if device.type == "cuda":
        return _gpu(name, device.index or 0)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise CannotStart("this machine has no mps device; --device cpu runs everywhere")
    return str(device)


def _gpu(name: str, index: int) -> str:
    import torch

    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        raise CannotStart(
            f"--device {name}: torch {torch.__version__} is built without CUDA; install one with, or --device cpu"
        )
    if not torch.cuda.is_available():
        raise CannotStart(f"--device {name}: torch finds no GPU here; look at nvidia-smi, or take --device cpu")
    if index >= torch.cuda.device_count():
        raise CannotStart(f"--device {name}: there are {torch.cuda.device_count()} GPUs; they are counted from cuda:0")
    return f"cuda:{index}"


def dtype_for(name: str, device: str) -> Any:
    """The dtype that is meant: bfloat16 on a GPU, as the weights are stored; float32 on a processor."""
    import torch

    if name == "auto":
        return torch.float32 if device == "cpu" else torch.bfloat16
    return getattr(torch, name)


def fits(sizes: Sizes, wanted: Wanted, weight_bytes: int, width: int, free: int) -> None:
    """Raise `CannotStart` where weights and slots do not fit into so much free memory."""
    cache = sizes.cache_bytes(wanted.slots, wanted.length, width)
    total = weight_bytes + cache + SPARE_BYTES
    if total > free:
        parts = (
            f"{weight_bytes / 1e9:.1f} GB of weights, {cache / 1e9:.1f} GB for {wanted.slots} slots of {wanted.length}"
        )
        raise CannotStart(
            f"{wanted.device} has {free / 1e9:.1f} GB free and {total / 1e9:.1f} GB are needed ({parts}, and "
            f"{SPARE_BYTES / 1e9:.1f} GB to work in); fewer --slots or a shorter --length take less"
        )


def load(wanted: Wanted) -> tuple[Any, Any]:
    """The network and its tokenizer. Raises `CannotStart`."""
    need("moondream")
    from wiro_mock.moondream.network.model import empty

    sizes = read_sizes(wanted.weights)
    found = stored(wanted.weights)
    device = device_for(wanted.device)
    dtype = dtype_for(wanted.dtype, device)
    model = empty(sizes, dtype)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    spare = fit(found, shapes, wanted.weights)
    if spare:
        wanted.say(f"{len(spare)} tensors are passed over that the model has no place for, such as {spare[0]}")
    if wanted.length > sizes.text.max_context:
        wanted.say(f"--length {wanted.length} is beyond the {sizes.text.max_context} positions of config.json")
    tokenizer = load_tokenizer(wanted.tokenizer or wanted.weights / "tokenizer.json", sizes)
    width = dtype.itemsize
    if device.startswith("cuda"):
        import torch

        count = sum(tensor.numel() for tensor in model.state_dict().values())
        fits(sizes, wanted, count * width, width, torch.cuda.mem_get_info(device)[0])
    _read(model, {name: found[name] for name in shapes}, device, dtype)
    return model.eval().requires_grad_(requires_grad=False), tokenizer


def _read(model: Any, found: dict[str, Stored], device: str, dtype: Any) -> None:
    """File by file, straight to the device: there is never a second copy of the whole."""
    from safetensors import SafetensorError, safe_open

    for file in sorted({one.file for one in found.values()}):
        try:
            with safe_open(str(file), "pt", device=device) as opened:
                names = [name for name, one in found.items() if one.file == file]
                model.load_state_dict({n: opened.get_tensor(n).to(dtype) for n in names}, strict=False, assign=True)
        except (SafetensorError, OSError) as error:
            raise CannotStart(
                f"{file} cannot be read: {told(error)}; take it from the weights' repository again"
            ) from None
        except RuntimeError as error:
            raise CannotStart(
                f"{file} cannot be brought to {device}: {told(error)}; see that its memory is free"
            ) from None


def load_tokenizer(file: Path, sizes: Sizes) -> Any:
    """The tokenizer; always a file, never a download. Raises `CannotStart`."""
    from tokenizers import Tokenizer

    if not file.is_file():
        raise CannotStart(f"{file} is missing; --tokenizer is the tokenizer.json of moondream/starmie-v1")
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise CannotStart(f"{file} is no tokenizer: {told(error)}; take the one of moondream/starmie-v1") from None
    if tokenizer.get_vocab_size() > sizes.text.vocab_size:
        raise CannotStart(
            f"{file} has {tokenizer.get_vocab_size()} tokens and the model {sizes.text.vocab_size}; "
            "take the one of moondream/starmie-v1"
        )
    return tokenizer
