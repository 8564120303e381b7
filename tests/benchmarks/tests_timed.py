"""A pytest plugin that times each test whole, set-up and tear-down included; `per_test` loads it into a child.

It uses nothing of this project but its own place in the tree, so that any environment with pytest can load it.
Tests are called `test_KIND_NUMBER`; kinds take turns in blocks, and the times are written to `times.json` by kind.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Generator
from pathlib import Path

import pytest

BLOCK = 20
"""So many tests of one kind, one after the other."""
_times: dict[str, list[tuple[float, float]]] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the kinds take turns."""
    kinds = list(dict.fromkeys(_kind(item) for item in items))

    def place(item: pytest.Item) -> tuple[int, int]:
        block, kind = int(item.name.rsplit("_", 1)[1]) // BLOCK, kinds.index(_kind(item))
        return block, kind if block % 2 == 0 else -kind

    items.sort(key=place)


def _kind(item: pytest.Item) -> str:
    return item.name.removeprefix("test_").rsplit("_", 1)[0]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Seconds on the wall and of processor time, of all threads."""
    kind = _kind(item)
    of_kind = _times.setdefault(kind, [])
    if len(of_kind) % BLOCK == 0:
        gc.collect()  # each block pays for its own garbage
    started, cpu = time.perf_counter(), time.process_time()
    result = yield
    of_kind.append((time.perf_counter() - started, time.process_time() - cpu))
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write them down."""
    Path(config.rootpath, "times.json").write_text(json.dumps(_times))
