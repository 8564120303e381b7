"""The official code of a weights folder, loaded by transformers so that it computes what it was written to compute.

Each of these was met (report §1.1), and each is handled here:

- Python of strangers: only when asked, from a folder or a pinned revision; the network is never asked.
- transformers below 5.17 does not copy the files that imported files import: refused.
- code without `post_init()` fails in transformers 5 (`all_tied_weights_keys`): a subclass calls it.
- buffers that no checkpoint holds come out of transformers 5 empty, and the model talks nonsense without an error: they
  are taken from a twin that is built with buffers and without weights.
- `HfConfig` drops the sizes that `config.json` holds: they are put back.
- a module of an earlier version is taken from the cache, whatever the files say by now: every process has its own.
- offline but not told so, the hub is asked for 23 s: it is told so.
- FlexAttention needs a GPU: switched off on a processor.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wiro_mock.moondream.checkpoint import stored
from wiro_mock.moondream.loading import device_for, need
from wiro_mock.moondream.refusals import CannotStart, told

OLDEST = (5, 17)
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
TOKENIZER = "moondream/starmie-v1"
"""A second repository, which the official code takes its tokenizer from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which code and weights, and how they are to run. `dtype` auto is the one that the code has hard-coded."""

    weights: str
    revision: str = ""
    trusted: bool = False
    device: str = "auto"
    dtype: str = "auto"
    compiled: bool = False


@cache
def code_folder() -> Path:
    """Where transformers copies the code to, of this process only; it is gone with the process."""
    folder = Path(tempfile.mkdtemp(prefix="moondream-code-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def is_folder(weights: str) -> bool:
    """Whether it is a folder, and not a name of the hub's. Raises `CannotStart` for what is neither."""
    folder = Path(weights).expanduser()
    if not folder.is_dir() and (not HUB_NAME.fullmatch(weights) or folder.parent.is_dir()):
        raise CannotStart(
            f"there is no folder {weights}; --weights is a folder of weights, or owner/name in the hub's cache"
        )
    return folder.is_dir()


def folder_of(weights: str, revision: str) -> Path:
    """The folder of weights, or the cached snapshot of owner/name at a commit. Raises `CannotStart`."""
    folder = Path(weights).expanduser()
    if is_folder(weights):
        return folder
    if not COMMIT.fullmatch(revision):
        raise CannotStart(
            f"{weights} needs --revision, a commit of 40 hexadecimal digits: the code that runs must be known"
        )
    return _cached(weights, revision)


def _cached(name: str, revision: str) -> Path:
    os.environ["HF_HUB_OFFLINE"] = "1"
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        fetch = f"hf download {name} --revision {revision}"
        raise CannotStart(f"{name} at {revision} is not in the cache of this machine; `{fetch}` fetches it") from None


def load(source: Source) -> tuple[Any, Path, str]:
    """The model, its folder and its device. Raises `CannotStart`."""
    is_folder(source.weights)  # before anything is asked for: trust in what is not there
    if not source.trusted:
        raise CannotStart(
            f"the transformers engine runs the Python code of {source.weights}; --trust-remote-code allows that, and "
            "--engine torch runs our own module instead"
        )
    need("moondream", "moondream-hf")
    folder = folder_of(source.weights, source.revision)
    stored(folder)  # whole files, before anything slow
    device = device_for(source.device)
    _prepare_environment(code_folder())
    return _loaded(folder, device, source), folder, device


def _prepare_environment(modules: Path) -> None:
    """Before transformers is imported: it reads these once."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_MODULES_CACHE=str(modules))
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import huggingface_hub.constants
    import transformers
    import transformers.dynamic_module_utils
    from transformers.utils import logging

    # And where somebody has imported them before.
    huggingface_hub.constants.HF_HUB_OFFLINE = True
    transformers.dynamic_module_utils.HF_MODULES_CACHE = str(modules)

    logging.disable_progress_bar()
    if tuple(int(part) for part in transformers.__version__.split(".")[:2]) < OLDEST:
        raise CannotStart(
            f"transformers {transformers.__version__} loads no code from a folder as it should; "
            "pip install 'wiro-mock[moondream-hf]' brings 5.17 or later"
        )


def _loaded(folder: Path, device: str, source: Source) -> Any:
    from huggingface_hub.errors import LocalEntryNotFoundError

    config, kind = _code(folder)
    try:
        model, report = kind.from_pretrained(
            str(folder),
            config=config,
            dtype=_dtype(source),
            device_map={"": device},
            output_loading_info=True,
            local_files_only=True,
        )
    except LocalEntryNotFoundError:
        raise _no_tokenizer() from None
    except Exception as error:  # whatever strangers' code raises
        if TOKENIZER in str(error) or "outgoing traffic has been disabled" in str(error):
            raise _no_tokenizer() from None
        raise CannotStart(f"{folder}: the weights do not fit their code: {told(error)}; take both again") from None
    _complete(report, folder)
    _refresh(model, kind, config)
    inner: Any = getattr(model, "model", None)
    if device == "cpu" and hasattr(inner, "use_flex_decoding"):
        inner.use_flex_decoding = False
    if source.compiled:
        model.compile()
    return model.eval()


def _no_tokenizer() -> CannotStart:
    return CannotStart(f"{TOKENIZER} is not in the cache of this machine; `hf download {TOKENIZER}` fetches it")


def _dtype(source: Source) -> Any:
    import torch

    return torch.bfloat16 if source.dtype == "auto" else getattr(torch, source.dtype)


def _code(folder: Path) -> tuple[Any, Any]:
    """The configuration, with its sizes, and a class that loads in transformers 5."""
    from transformers import AutoConfig
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    try:
        sizes = json.loads((folder / "config.json").read_bytes()).get("config")
        config = AutoConfig.from_pretrained(str(folder), trust_remote_code=True, local_files_only=True)
        name = config.auto_map["AutoModelForCausalLM"]
        official = get_class_from_dynamic_module(name, str(folder), local_files_only=True)
    except Exception as error:  # whatever strangers' code raises when it is imported
        raise CannotStart(
            f"{folder} holds no code that transformers can load: {told(error)}; --engine torch needs none"
        ) from None
    if sizes:
        config.config = sizes

    class Mended(official):  # type: ignore[misc,valid-type]
        """The official class, told to transformers in full."""

        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            if not hasattr(self, "all_tied_weights_keys"):
                self.post_init()

    Mended.__name__ = official.__name__
    return config, Mended


def _complete(report: Any, folder: Path) -> None:
    for what, words in (("missing_keys", "missing"), ("mismatched_keys", "of another shape")):
        names = sorted(str(name) for name in report.get(what, ()))
        if names:
            raise CannotStart(
                f"{folder}: {len(names)} tensors are {words}, such as {names[0]}; the weights are another model's, "
                "or not all of them"
            )
    if spare := sorted(report.get("unexpected_keys", ())):
        raise CannotStart(
            f"{folder}: the code has no place for {len(spare)} tensors, such as {spare[0]}; take both again"
        )


def _refresh(model: Any, kind: Any, config: Any) -> None:
    """Put what no checkpoint holds back to what the constructor makes of it."""
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        twin = kind(config)
    for path, module in twin.named_modules():
        mended = model.get_submodule(path)
        for name in module._non_persistent_buffers_set:  # there is no public list of them
            if (fresh := module._buffers[name]) is not None:
                mended._buffers[name] = fresh.to(next(model.parameters()).device)
    for name, buffer in model.named_buffers():
        if (buffer.is_floating_point() or buffer.is_complex()) and bool(buffer.isnan().any()):
            raise CannotStart(
                f"the buffer {name} is not a number after loading; another version of transformers may do"
            )
        if name.endswith("attn_mask") and not bool(buffer[..., 0, 0].all()):
            raise CannotStart(f"the buffer {name} is empty after loading; another version of transformers may do")
