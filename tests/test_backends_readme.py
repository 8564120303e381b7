"""The tutorial of backends cannot rot: its Python runs, in order and in one namespace, and its YAML loads."""

from __future__ import annotations

import queue
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live_kit import eventually
from tests.places import PACKAGE
from wiro_mock import WiroMock
from wiro_mock.api.auth import sign
from wiro_mock.backends import Job
from wiro_mock.library import Served
from wiro_mock.loader import load_text

README = (PACKAGE / "backends" / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def run_and_wait(server: Served, wiro: WiroMock, picture: bytes) -> dict[str, Any]:
    """A client in a few lines: what the tutorial takes for granted."""
    headers = {"x-api-key": wiro.api_key, "x-nonce": "1", "x-signature": sign(wiro.api_key, wiro.api_secret, "1")}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        files = {"inputImage": ("cat.png", picture, "image/png")}
        task = client.post("/Run/moondream3-preview/caption", files=files).json()["taskid"]
        seen: list[dict[str, Any]] = []

        def is_over() -> bool:
            seen.append(client.post("/Task/Detail", json={"taskid": task}).json()["tasklist"][0])
            return bool(seen[-1]["status"] == "task_postprocess_end")

        eventually(is_over)
        return seen[-1]


def test_the_python_of_the_tutorial_runs(tmp_path: Path) -> None:
    """Each block after the other, as a reader would paste them."""
    names: dict[str, Any] = {"run_and_wait": run_and_wait, "folder": tmp_path, "queue": queue}
    for block in blocks("python"):
        exec(compile(block, "wiro_mock/backends/README.md", "exec"), names)
    assert [path.name for path in tmp_path.iterdir()] == ["a-gif.yaml"]


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
