"""What the whole suite shares: how hard Hypothesis tries, and which event loop runs the asynchronous tests.

`HYPOTHESIS_PROFILE` picks one of `dev`, `ci`, `thorough`. The `ci` profile is the same on every run.
"""

from __future__ import annotations

import os

import httpx
import pytest
from hypothesis import HealthCheck, settings
from websockets.sync.client import connect

# A busy machine is no failure: only what a test asserts may fail it.
_CALM = [HealthCheck.too_slow]
settings.register_profile("dev", max_examples=60, deadline=None, suppress_health_check=_CALM)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None, print_blob=True)
settings.register_profile("thorough", settings.get_profile("dev"), max_examples=2000)
# Schemathesis is run as a program (test_schemathesis). Its plugin would cost every pytest that a test starts a second
# or two, and its libraries in C bear no second import, which is what pytester's runs in process amount to.
NO_PLUGIN = "-p no:schemathesis"
os.environ["PYTEST_ADDOPTS"] = f"{os.environ.get('PYTEST_ADDOPTS', '')} {NO_PLUGIN}".strip()
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "dev"))


@pytest.fixture(scope="session")
def everything_is_loaded() -> None:
    """For tests with pytester: it forgets what its runs import, and libraries in C bear no second import."""
    import trustme  # noqa: F401

    import wiro_mock.explain
    import wiro_mock.webhooks  # noqa: F401
    from wiro_mock import WiroMock

    with WiroMock() as wiro, wiro.respx(), wiro.serve() as server, connect(server.socket_url, proxy=None):
        httpx.get(server.url, trust_env=False)
        wiro.allow("GET /v1")
        wiro.report()


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """pytester, which forgets `PYTEST_ADDOPTS`, told it again."""
    monkeypatch.setenv("PYTEST_ADDOPTS", NO_PLUGIN)
    return pytester


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio: uvicorn does."""
    return "asyncio"
