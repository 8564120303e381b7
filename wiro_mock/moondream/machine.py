"""What a report ran on, so that a figure is never without its machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("wiro-mock", "torch", "safetensors", "tokenizers", "pillow", "numpy", "transformers", "accelerate")


def machine(device: str) -> dict[str, Any]:
    """Processor, device and versions."""
    import torch

    told: dict[str, Any] = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "device": device,
        "threads": torch.get_num_threads(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }
    if device.startswith("cuda"):
        of = torch.cuda.get_device_properties(device)
        told |= {"gpu": of.name, "gpu_memory": of.total_memory, "cuda": torch.version.cuda}
    else:
        told["gpu"] = "none: this ran on a processor, and says nothing about a GPU"
    return told


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
