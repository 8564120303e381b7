"""Folders of weights: what is in them, and what is wrong with them, told from their headers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wiro_mock.moondream.checkpoint import INDEX, SINGLE, fit, stored
from wiro_mock.moondream.refusals import CannotStart


def write(file: Path, tensors: dict[str, tuple[int, ...]], *, kind: str = "F32", cut: int = 0) -> None:
    """A safetensors file of zeros; `cut` bytes are missing at its end."""
    header, end = {}, 0
    for name, shape in tensors.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    told = json.dumps(header).encode()
    data = len(told).to_bytes(8, "little") + told + bytes(end)
    file.write_bytes(data[: len(data) - cut])


def index(folder: Path, files: dict[str, str]) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": files}))


WANTED = {"a": (2, 3), "b": (4,)}


def said(folder: Path) -> str:
    with pytest.raises(CannotStart) as refused:
        fit(stored(folder), WANTED, folder)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_one_file_or_shards(tmp_path: Path) -> None:
    write(tmp_path / SINGLE, WANTED)
    assert {name: one.shape for name, one in stored(tmp_path).items()} == WANTED
    write(tmp_path / "1.safetensors", {"a": (2, 3)})
    write(tmp_path / "2.safetensors", {"b": (4,), "spare": (1,)})
    index(tmp_path, {"a": "1.safetensors", "b": "2.safetensors"})
    assert fit(stored(tmp_path), WANTED, tmp_path) == ["spare"]


def test_no_folder_and_no_weights(tmp_path: Path) -> None:
    assert said(tmp_path / "none").startswith(f"there is no folder {tmp_path / 'none'}; --weights is")
    assert said(tmp_path).startswith(f"{tmp_path / SINGLE} is missing; there is no {INDEX} either")


def test_a_shard_that_is_missing_or_cut_short_is_named(tmp_path: Path) -> None:
    write(tmp_path / "1.safetensors", {"a": (2, 3)})
    index(tmp_path, {"a": "1.safetensors", "b": "2.safetensors"})
    assert f"{tmp_path / '2.safetensors'} is missing" in said(tmp_path)
    write(tmp_path / "2.safetensors", {"b": (4,)}, cut=1)
    assert f"{tmp_path / '2.safetensors'} is cut short" in said(tmp_path)
    write(tmp_path / "2.safetensors", {"b": (4,)}, cut=40)
    assert f"{tmp_path / '2.safetensors'} is cut short: its header alone" in said(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"abc", b"<html>not found</html>", b"\2\0\0\0\0\0\0\0[]", b"\7\0\0\0\0\0\0\0nothing"]
)
def test_what_is_no_safetensors_file(tmp_path: Path, data: bytes) -> None:
    """Such as the page of a hub that wanted a login."""
    (tmp_path / SINGLE).write_bytes(data)
    assert f"{tmp_path / SINGLE} is no safetensors file" in said(tmp_path)


def test_a_pointer_instead_of_an_index(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("version https://git-lfs.github.com/spec/v1")
    assert f"{tmp_path / INDEX} cannot be read" in said(tmp_path)


def test_another_models_weights(tmp_path: Path) -> None:
    write(tmp_path / SINGLE, {"a": (2, 3), "text_model.b": (4,)})
    assert "1 of 2 tensors are missing, such as b, and 1 that Moondream 3 does not have, such as text_model.b" in said(
        tmp_path
    )
    write(tmp_path / SINGLE, {"a": (3, 2), "b": (4,)})
    assert "a is (3, 2), and the model's is (2, 3)" in said(tmp_path)
    write(tmp_path / SINGLE, WANTED, kind="I32")
    assert "a is of I32; weights of BF16, F16, F32 are loaded" in said(tmp_path)
