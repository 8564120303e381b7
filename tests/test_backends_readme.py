"""The tutorial of backends cannot rot: its Python runs, in order and in one namespace, and its YAML loads."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.places import PACKAGE
from wiro_mock.backends import Job
from wiro_mock.loader import load_text

README = (PACKAGE / "backends" / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def test_the_python_of_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block after the other, as a reader would paste them: with nothing but what stands there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, "wiro_mock/backends/README.md", "exec"), names)
    assert [path.name for path in Path(names["folder"]).iterdir()] == ["a-gif.yaml"]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_the_yaml_of_the_tutorial_loads(block: str) -> None:
    """With the backend as it is written there."""
    (scenario,) = load_text(block)
    assert scenario.backend is not None
    assert scenario.backend.options == {"style": "plain"}


def test_the_table_tells_of_everything_that_a_job_has() -> None:
    """Every public name but the mock's own."""
    names = {name for name in dir(Job) if not name.startswith("_")} - {"cancel", "bytes_of", "shelf"}
    assert all(f"`{name}" in README for name in names), names
