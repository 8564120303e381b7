"""Toy weights, once for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: its threads spin for what little there is


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of toy weights in several shards."""
    pytest.importorskip("torch", reason="torch is not installed: pip install 'wiro-mock[moondream]'")
    from wiro_mock.moondream.toy import write_folder

    return write_folder(tmp_path_factory.mktemp("weights") / "toy", seed=1, shard_bytes=1 << 20)
