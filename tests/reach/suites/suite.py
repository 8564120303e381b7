"""A suite by pytest and the plugin's fixtures, on the server of WIRO_MOCK_URL: most of what it asks for fails."""

import time
from typing import Any

import httpx
import pytest

from wiro_mock.library import Served


@pytest.fixture
def both(wiro_server: Served) -> None:
    """The other suite is there."""
    end = time.monotonic() + 60
    while len(httpx.get(f"{wiro_server.origin}/__wiro/worlds", trust_env=False).json()["worlds"]) < 2:
        assert time.monotonic() < end


@pytest.mark.wiro(key_only=True)
def test_faults(both: None, wiro: Any, wiro_env: Served) -> None:
    """As often as the other suite runs a task."""
    wiro.fault("Run", status=503, times=3)
    wiro.fault("Task/Detail", status=500)
    with httpx.Client(base_url=wiro_env.url, headers={"x-api-key": wiro.api_key}, trust_env=False) as http:
        for status in (503, 503, 503, 200):
            run = http.post("/Run/moondream3-preview/caption", json={"inputImage": "https://example.com/dog.png"})
            assert run.status_code == status
        assert http.post("/Task/Detail", json={"taskid": run.json()["taskid"]}).status_code == 500
    assert len(wiro.tasks) == 1
