"""A server whose device fails when it is asked to: `wiro-mock moondream serve`, with a network that raises on cue.

The cue is the length of the prompt, since a question is only tokens by then.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

from wiro_mock.cli import main
from wiro_mock.moondream.network.model import Moondream3

CUES = {len("out of memory"): "full", len("out of memory later"): "later", len("break it"): "broken"}
AROUND = 4
prefill, step = Moondream3.prefill, Moondream3.step
last = ""


def cued_prefill(model: Moondream3, x: Any, cache: Any, slot: int) -> Any:
    global last  # noqa: PLW0603
    last = CUES.get(x.shape[1] - model.sizes.text.prefix_attn - AROUND, "")
    if last == "full":
        raise torch.OutOfMemoryError("CUDA out of memory")
    return prefill(model, x, cache, slot)


def cued_step(model: Moondream3, *given: Any) -> Any:
    if last == "later":
        raise torch.OutOfMemoryError("CUDA out of memory")
    if last == "broken":
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    return step(model, *given)


if __name__ == "__main__":
    setattr(Moondream3, "prefill", cued_prefill)  # noqa: B010 -- as a test patches
    setattr(Moondream3, "step", cued_step)  # noqa: B010
    serve = ["moondream", "serve", "--engine", "torch", "--device", "cpu", "--port", "0", "--length", "1024"]
    sys.argv = ["wiro-mock", *serve, "--weights", sys.argv[1]]
    main()
