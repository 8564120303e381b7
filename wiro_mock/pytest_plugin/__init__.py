"""The pytest plugin: fixtures, the mark, flags and ini options, and the report of a failed test.

A pytest that does not use it pays for reading this room, the fence and the table of keywords, and no more: everything
else is imported inside the fixtures. pytest finds the hooks here, wherever they are written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import pytest

from wiro_mock.pytest_plugin.flags import EXAMPLES, check_flags
from wiro_mock.pytest_plugin.flags import pytest_addoption as pytest_addoption
from wiro_mock.pytest_plugin.notes import ELSEWHERE, SHARED, STUDIO, forget, in_one_sentence, over
from wiro_mock.pytest_plugin.outside import allow, elsewhere, fence_in, is_recorded, may_reach, read_studio, read_target
from wiro_mock.pytest_plugin.reports import pytest_runtest_makereport as pytest_runtest_makereport
from wiro_mock.pytest_plugin.reports import pytest_runtest_protocol as pytest_runtest_protocol
from wiro_mock.pytest_plugin.reports import pytest_runtest_teardown as pytest_runtest_teardown
from wiro_mock.pytest_plugin.reports import pytest_sessionfinish as pytest_sessionfinish
from wiro_mock.pytest_plugin.reports import pytest_terminal_summary as pytest_terminal_summary
from wiro_mock.pytest_plugin.reports import pytest_testnodedown as pytest_testnodedown
from wiro_mock.pytest_plugin.worlds import (
    at_recorder,
    attached_wiro,
    is_attached,
    make_wiro,
    own_wiro,
    recorded_wiro,
    served_at,
)
from wiro_mock.testing.keyword_table import NAMES, unknown

if TYPE_CHECKING:
    from wiro_mock.library import Served, WiroMock
    from wiro_mock.respx_router import WiroRouter
    from wiro_mock.testing.remote import RemoteWiro
    from wiro_mock.worlds import Worlds


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, and look at the flags before any test is run."""
    config.addinivalue_line(
        "markers", f"wiro({EXAMPLES}): set up the Wiro of this test; marks of module and class count"
    )
    config.addinivalue_line(
        "markers", "wiro_contract: runs against --wiro-target, which is the mock unless it is given"
    )
    config.addinivalue_line("markers", "wiro_record: is played from its recording, which --wiro-record makes")
    given = {name: value for name in NAMES if (value := config.getoption(f"wiro_{name}", None)) is not None}
    if given:
        check_flags(given, "--wiro-…")
    fence_in(config)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look for the target before any test is collected."""
    if session.config.getoption("wiro_target", "mock") != "mock":
        session.config.stash[ELSEWHERE] = read_target(session.config)
    if session.config.getoption("wiro_record", "none") != "none":
        session.config.stash[STUDIO] = read_studio(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin anew, for a test may be run again. A mark with a keyword that does not exist fails its test, whether or not
    the test uses a fixture of ours.
    """
    forget(item)
    for mark in item.iter_markers("wiro"):
        where = f"@pytest.mark.wiro of {item.nodeid}"
        if mark.args:
            pytest.fail(f"{where}: takes keywords only, such as scenario={mark.args[0]!r}", pytrace=False)
        if message := unknown(mark.kwargs, place=where):
            pytest.fail(message, pytrace=False)
    allow(item, allowed=may_reach(item))


@pytest.fixture(scope="session")
def wiro_settings() -> Mapping[str, Any]:
    """Override this to set up the Wiro of every test below: a dict of the mark's keywords, at any scope."""
    return {}


@pytest.fixture
def wiro(request: pytest.FixtureRequest, wiro_settings: Mapping[str, Any]) -> Iterator[WiroMock]:
    """A Wiro of the test's own, with clock, seed, journal, tasks, files and balance; verified at the end."""
    from wiro_mock.misuse import Misuse

    if target := elsewhere(request):
        yield cast("WiroMock", target)
        return
    if is_recorded(request.node):
        yield from recorded_wiro(request, wiro_settings)
        return
    if os.environ.get("WIRO_MOCK_URL"):
        yield from attached_wiro(request, wiro_settings)
        return
    made = in_one_sentence(lambda: make_wiro(request, wiro_settings), Misuse)
    yield from own_wiro(request, made, list)


@pytest.fixture
def wiro_respx(request: pytest.FixtureRequest, wiro: WiroMock) -> Iterator[WiroRouter]:
    """Wiro's hosts answered in process, for sync and async httpx: an active respx router over `wiro`."""
    from wiro_mock.misuse import Misuse

    if target := elsewhere(request):
        if target.origin != "https://api.wiro.ai":
            target.skip("wiro_respx, which answers for Wiro's own addresses,")
        yield cast("WiroRouter", target.under("wiro_respx"))  # nothing is mocked: they lead to Wiro
        return
    if taped := at_recorder(request):
        taped.cannot("wiro_respx")
    if is_attached(request):
        in_one_sentence(wiro.respx, Misuse)
    if "httpx_mock" in request.fixturenames:
        from wiro_mock.respx_router import TWO_MOCKS

        pytest.fail(TWO_MOCKS, pytrace=False)
    with ExitStack() as stack:
        yield in_one_sentence(lambda: stack.enter_context(wiro.respx()), Misuse)


@pytest.fixture(scope="session")
def _wiro_door() -> Iterator[None]:
    """What is intercepted comes to one server for all tests of a session."""
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.redirecting import door

    with ExitStack() as stack:
        in_one_sentence(lambda: stack.enter_context(door()), Misuse)
        yield


@pytest.fixture
def wiro_intercept(request: pytest.FixtureRequest, wiro: WiroMock) -> Iterator[WiroMock]:
    """`wiro` at Wiro's own addresses, for httpx, requests, urllib3, aiohttp and websockets in this process."""
    from wiro_mock.misuse import Misuse

    if target := elsewhere(request):
        if target.origin != "https://api.wiro.ai":
            target.skip("wiro_intercept, which answers at Wiro's own addresses,")
        yield wiro  # nothing is intercepted: they lead to Wiro
        return
    if taped := at_recorder(request):
        taped.cannot("wiro_intercept")
    if is_attached(request):
        in_one_sentence(wiro.intercept, Misuse)
    with ExitStack() as stack:
        in_one_sentence(lambda: stack.enter_context(wiro.intercept()), Misuse)
        yield wiro


@pytest.fixture(scope="session")
def _wiro_shared_server(request: pytest.FixtureRequest) -> Iterator[tuple[Worlds, Served]]:
    """One running server for all tests of a session: the world of each test is attached to it while it runs."""
    from wiro_mock import early
    from wiro_mock.asgi import create_app
    from wiro_mock.library import Served
    from wiro_mock.server import ServerThread
    from wiro_mock.worlds import Worlds

    early.load()
    worlds = Worlds(over=over(request.config))
    request.config.stash[SHARED] = worlds
    with ServerThread(create_app(worlds)) as thread:
        yield worlds, Served.by(thread)


@pytest.fixture
def wiro_server(request: pytest.FixtureRequest, wiro: WiroMock) -> Iterator[Served]:
    """`wiro` on real sockets: `.url`, the base of the API, and `.socket_url`, both ending in `/v1`."""
    if target := elsewhere(request) or at_recorder(request):
        yield cast("Served", target.under("wiro_server"))
        return
    if is_attached(request):
        yield served_at(cast("RemoteWiro", wiro))
        return
    worlds, served = request.getfixturevalue("_wiro_shared_server")
    worlds.attach(wiro.world)
    try:
        yield served
    finally:
        worlds.detach(wiro.world)


@pytest.fixture
def wiro_env(wiro: WiroMock, wiro_server: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """`wiro_server`, with WIRO_API_KEY, WIRO_API_SECRET, WIRO_BASE_URL and WIRO_SOCKET_URL set for the test."""
    monkeypatch.setenv("WIRO_API_KEY", wiro.api_key)
    monkeypatch.setenv("WIRO_API_SECRET", wiro.api_secret)
    monkeypatch.setenv("WIRO_BASE_URL", wiro_server.url)
    monkeypatch.setenv("WIRO_SOCKET_URL", wiro_server.socket_url)
    return wiro_server
