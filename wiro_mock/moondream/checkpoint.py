"""A folder of weights, checked before a single number is read: which files, whole or cut short, whose tensors.

A safetensors file begins with the length of a header and the header: names, kinds and shapes of all its tensors and
where they lie. So a file that is cut short, a missing shard and another model's weights are told in milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiro_mock.moondream.refusals import CannotStart

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PLAIN = frozenset({"BF16", "F16", "F32"})
"""The kinds of numbers that are loaded; int4 and fp8 weights are other models (report §1.2)."""
LARGEST_HEADER = 100 << 20
"""As in the safetensors library."""
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a tensor lies, and what it is."""

    file: Path
    kind: str
    shape: tuple[int, ...]


def stored(folder: Path) -> dict[str, Stored]:
    """All tensors of a folder by name. Raises `CannotStart`."""
    if not folder.is_dir():
        raise CannotStart(f"there is no folder {folder}; --weights is the folder that holds {SINGLE} or {INDEX}")
    return {name: one for file in _files(folder) for name, one in _tensors(file)}


def _files(folder: Path) -> list[Path]:
    index = folder / INDEX
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CannotStart(
                f"{index} cannot be read: {error!r}; take it from the weights' repository again"
            ) from None
        files = [folder / str(name) for name in names]
    else:
        files = [folder / SINGLE]
    for file in files:
        if not file.is_file():
            hint = "take it from the weights' repository again" if index.is_file() else f"there is no {INDEX} either"
            raise CannotStart(f"{file} is missing; {hint}")
    return files


def _tensors(file: Path) -> Iterator[tuple[str, Stored]]:
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if size < 8 or length > LARGEST_HEADER:
            raise CannotStart(f"{file} is no safetensors file; take it from the weights' repository again")
        if size < 8 + length:
            raise CannotStart(
                f"{file} is cut short: its header alone has {length} bytes, the file {size}; take it again"
            )
        told = opened.read(length)
    try:
        header: dict[str, Any] = json.loads(told)
        header.pop("__metadata__", None)
        end = 8 + length + max((one["data_offsets"][1] for one in header.values()), default=0)
        found = [(name, Stored(file, str(one["dtype"]), tuple(one["shape"]))) for name, one in header.items()]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CannotStart(f"{file} is no safetensors file; take it from the weights' repository again") from None
    if size < end:
        raise CannotStart(f"{file} is cut short: {size} bytes of {end}; take it from the weights' repository again")
    yield from found


def fit(found: Mapping[str, Stored], wanted: Mapping[str, tuple[int, ...]], folder: Path) -> list[str]:
    """Check every name, kind and shape; the names that the model has no place for. Raises `CannotStart`."""
    missing = sorted(wanted.keys() - found.keys())
    spare = sorted(found.keys() - wanted.keys())
    if missing:
        more = f", and {len(spare)} that Moondream 3 does not have, such as {spare[0]}" if spare else ""
        raise CannotStart(
            f"{folder} holds another model's weights, or not all of them: {len(missing)} of {len(wanted)} tensors are "
            f"missing, such as {', '.join(missing[:SHOWN])}{more}; the weights are those of moondream3-preview"
        )
    for name, shape in wanted.items():
        one = found[name]
        if one.shape != tuple(shape):
            raise CannotStart(
                f"{one.file}: {name} is {one.shape}, and the model's is {tuple(shape)}; another model's weights"
            )
        if one.kind not in PLAIN:
            raise CannotStart(f"{one.file}: {name} is of {one.kind}; weights of {', '.join(sorted(PLAIN))} are loaded")
    return spare
