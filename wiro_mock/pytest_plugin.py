"""The pytest plugin: fixtures, the mark, flags and ini options, and the report of a failed test.

A pytest that does not use it pays for reading this file and the table of keywords, and no more: everything else is
imported inside the fixtures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

import pytest

from wiro_mock.testing.fence import Fence
from wiro_mock.testing.keyword_table import KEYWORDS, NAMES, truth, unknown

if TYPE_CHECKING:
    from wiro_mock.library import Served, WiroMock
    from wiro_mock.recorder.tapes import Tape
    from wiro_mock.respx_router import WiroRouter
    from wiro_mock.testing.elsewhere import Elsewhere
    from wiro_mock.testing.recorded import Studio, Taped
    from wiro_mock.testing.remote import RemoteWiro
    from wiro_mock.worlds import Over, Worlds

T = TypeVar("T")
WORLDS = pytest.StashKey["list[WiroMock]"]()
"""The Wiros that a test's fixtures have made."""
PASSED = pytest.StashKey[bool]()
"""Whether the body of a test has passed: of any other, what it left behind is told, and fails nothing."""
LAST_WORDS = pytest.StashKey["list[LastWords]"]()
"""What Wiros had to say when they ended."""
GIVEN = pytest.StashKey[tuple[dict[str, Any], dict[str, Any]]]()
"""The keywords of the ini file, and those of the flags."""
OVER = pytest.StashKey["Over"]()
SHARED = pytest.StashKey["Worlds"]()
STRAYS = pytest.StashKey[list[str]]()
STRAYS_SHOWN = 10
ELSEWHERE = pytest.StashKey["Elsewhere"]()
"""Where tests with the mark `wiro_contract` run instead of against the mock."""
CONTRACT_FLAGS = (
    ("target", "mock", "mock|real|URL", "what tests with the mark wiro_contract run against, and the contract suite"),
    ("target_socket", "", "URL", "the socket of that target, where it isn't its own"),
    ("only", "", "AREAS", "the areas of the contract suite that are checked (pytest --pyargs wiro_mock.contract)"),
    ("budget", "0.05USD", "AMOUNT", "what the contract suite may cost"),
)
RECORD_FLAGS = (
    (
        "upstream",
        "URL",
        "the Wiro that tests with the mark wiro_record are recorded from: real, or a URL (WIRO_UPSTREAM)",
    ),
    ("upstream_socket", "URL", "the socket of that Wiro, where it isn't its own"),
)
STUDIO = pytest.StashKey["Studio"]()
"""How tests with the mark `wiro_record` are recorded, where they are."""
TAPED = pytest.StashKey["Taped"]()
"""The Wiro of a test that is being recorded."""
LACKED = pytest.StashKey[bool]()
"""Whether a test asked for a run that its recording doesn't have."""
FENCE = pytest.StashKey[Fence]()
"""What keeps all tests from the real Wiro."""
ALLOWING = pytest.StashKey[ExitStack]()
"""What a test may reach, to be undone at its end."""
FIXTURES = ("wiro", "wiro_respx", "wiro_intercept", "wiro_server", "wiro_env")


class LastWords(NamedTuple):
    """A Wiro at its end: what it left behind, whether that fails the test, and its report, if it left anything."""

    problems: list[str]
    strict: bool
    report: str


EXAMPLES = ", ".join(f"{keyword.name}=…" for keyword in KEYWORDS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Flags `--wiro-…` in a group of their own, and ini options `wiro_…` of the same names."""
    group = parser.getgroup("wiro", "wiro: the Wiro of a test (wiro_mock)")
    for name, help_text, example, is_flag in KEYWORDS:
        if is_flag:
            flag, metavar = f"--wiro-{name.replace('_', '-')}", example or "VALUE"
            action = "append" if name == "scenarios" else "store"
            group.addoption(flag, action=action, default=None, metavar=metavar, dest=f"wiro_{name}", help=help_text)
            parser.addini(f"wiro_{name}", f"{help_text} (as {example})", type=_ini_kind(name), default=None)

    for name, default, metavar, help_text in CONTRACT_FLAGS:
        flag = f"--wiro-{name.replace('_', '-')}"
        group.addoption(flag, default=default, metavar=metavar, dest=f"wiro_{name}", help=help_text)
    modes, told = (
        ("none", "once", "new", "rewrite"),
        "record tests with the mark wiro_record: none of them, those without a",
    )
    told += " recording, those whose recording lacks a run as well, or all"
    group.addoption("--wiro-record", default="none", choices=modes, dest="wiro_record", help=told)
    for name, metavar, help_text in RECORD_FLAGS:
        flag = f"--wiro-{name.replace('_', '-')}"
        group.addoption(flag, default="", metavar=metavar, dest=f"wiro_{name}", help=help_text)
    told = "besides credentials: never write this into a recording; repeatable"
    group.addoption("--wiro-redact", action="append", default=[], metavar="TEXT", dest="wiro_redact", help=told)


def _ini_kind(name: str) -> Literal["paths", "string"]:
    return "paths" if name == "scenarios" else "string"


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
        _check(given, "--wiro-…")
    _fence_in(config)


def _fence_in(config: pytest.Config) -> None:
    """From now on, also while tests are collected, nobody looks up the real Wiro. Raises `UsageError`."""
    try:
        allowed = truth(_network(config) or False)
    except ValueError as error:
        raise pytest.UsageError(f"ini option wiro_network: {error}") from None
    # Who names a Wiro that is not the mock wants to reach it, and to clean up there after the last test.
    fence = config.stash[FENCE] = Fence(allowed=allowed or config.getoption("wiro_target", "mock") != "mock")
    fence.up()
    config.add_cleanup(fence.down)


def _network(config: pytest.Config) -> Any:
    """Whether all tests may reach the real Wiro, as the flag says, or the ini file."""
    flag = config.getoption("wiro_network", None)
    return _ini(config, "network") if flag is None else flag


def _allow(item: pytest.Item, *, allowed: bool) -> None:
    """Let a test reach the real Wiro, or not."""
    fence = item.config.stash[FENCE]
    fence.attempts.clear()  # of before this test
    fence.look_around()
    item.stash[ALLOWING].enter_context(fence.during_test(allowed=allowed))


def _may_reach(item: pytest.Item) -> bool:
    """Whether a test may reach the real Wiro: as the flag says, or its closest mark, or the ini file."""
    if item.config.stash.get(STUDIO, None) is not None and item.get_closest_marker("wiro_record") is not None:
        return True
    if item.config.getoption("wiro_network", None) is None:
        for mark in item.iter_markers("wiro"):
            if "network" in mark.kwargs:
                try:
                    return truth(mark.kwargs["network"])
                except ValueError as error:
                    pytest.fail(f"@pytest.mark.wiro of {item.nodeid}: network: {error}", pytrace=False)
    return item.config.stash[FENCE].allowed


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look for the target before any test is collected."""
    if session.config.getoption("wiro_target", "mock") != "mock":
        session.config.stash[ELSEWHERE] = _read_target(session.config)
    if session.config.getoption("wiro_record", "none") != "none":
        session.config.stash[STUDIO] = _read_studio(session.config)


def _read_target(config: pytest.Config) -> Elsewhere:
    """Where `--wiro-target` leads, with the credentials of the environment; status 2 if nowhere."""
    from wiro_mock.contract.runner import COULD_NOT_RUN, CannotRun, target_of
    from wiro_mock.testing.elsewhere import Elsewhere

    try:
        target = target_of(config.getoption("wiro_target"), config.getoption("wiro_target_socket"))
    except CannotRun as error:
        pytest.exit(f"--wiro-target: {error}", returncode=COULD_NOT_RUN)
    shown = target.credentials
    return Elsewhere(
        url=target.url, socket_url=target.socket_url, api_key=shown.key, api_secret=shown.secret, fixture="wiro"
    )


def _read_studio(config: pytest.Config) -> Studio:
    """How tests are recorded, with the credentials of the environment; status 2 if they cannot be."""
    from wiro_mock.contract.runner import COULD_NOT_RUN, CannotRun, target_of
    from wiro_mock.testing.recorded import Studio

    mode, url = (
        config.getoption("wiro_record"),
        config.getoption("wiro_upstream") or os.environ.get("WIRO_UPSTREAM", ""),
    )
    try:
        if not url:
            raise CannotRun("give the Wiro to record from: --wiro-upstream=real, or a URL, or WIRO_UPSTREAM")
        if "" in (redact := config.getoption("wiro_redact")):
            raise CannotRun("--wiro-redact needs a text; an empty one is everywhere")
        target = target_of(url, config.getoption("wiro_upstream_socket"))
    except CannotRun as error:
        pytest.exit(f"--wiro-record={mode}: {error}", returncode=COULD_NOT_RUN)
    shown = target.credentials
    return Studio(
        mode=mode,
        url=target.url,
        socket_url=target.socket_url,
        api_key=shown.key,
        api_secret=shown.secret,
        redact=(*redact,),
    )


def _is_recorded(item: Any) -> bool:
    """Whether a test is played from its recording. What it is set up to play cannot come from there."""
    if item.get_closest_marker("wiro_record") is None:
        return False
    for mark in item.iter_markers("wiro"):
        if name := next((name for name in ("scenario", "faults") if name in mark.kwargs), ""):
            told = f"@pytest.mark.wiro({name}=…) of {item.nodeid}: what plays is in its recording"
            pytest.fail(f"{told}; leave out this, or @pytest.mark.wiro_record", pytrace=False)
    return True


def _elsewhere(request: pytest.FixtureRequest) -> Elsewhere | None:
    """The target of a test that isn't the mock, if it has the mark; what sets the mock up skips it."""
    target = request.config.stash.get(ELSEWHERE, None)
    if target is None or request.node.get_closest_marker("wiro_contract") is None:
        return None
    for mark in request.node.iter_markers("wiro"):
        if mark.kwargs:
            target.skip(f"what @pytest.mark.wiro({next(iter(mark.kwargs))}=…) sets up")
    return target


def _check(given: Mapping[str, Any], place: str) -> None:
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.options import read

    for name, value in given.items():
        try:
            read({name: value}, place=f"--wiro-{name.replace('_', '-')}" if place.startswith("--") else place)
        except Misuse as error:
            raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin anew, for a test may be run again. A mark with a keyword that does not exist fails its test, whether or not
    the test uses a fixture of ours.
    """
    _forget(item)
    for mark in item.iter_markers("wiro"):
        where = f"@pytest.mark.wiro of {item.nodeid}"
        if mark.args:
            pytest.fail(f"{where}: takes keywords only, such as scenario={mark.args[0]!r}", pytrace=False)
        if message := unknown(mark.kwargs, place=where):
            pytest.fail(message, pytrace=False)
    _allow(item, allowed=_may_reach(item))


# -- fixtures --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wiro_settings() -> Mapping[str, Any]:
    """Override this to set up the Wiro of every test below: a dict of the mark's keywords, at any scope."""
    return {}


@pytest.fixture
def wiro(request: pytest.FixtureRequest, wiro_settings: Mapping[str, Any]) -> Iterator[WiroMock]:
    """A Wiro of the test's own, with clock, seed, journal, tasks, files and balance; verified at the end."""
    from wiro_mock.misuse import Misuse

    if target := _elsewhere(request):
        yield cast("WiroMock", target)
        return
    if _is_recorded(request.node):
        yield from _recorded(request, wiro_settings)
        return
    if os.environ.get("WIRO_MOCK_URL"):
        yield from _attached(request, wiro_settings)
        return
    made = _in_one_sentence(lambda: _make(request, wiro_settings), Misuse)
    yield from _own(request, made, list)


def _own(request: pytest.FixtureRequest, made: WiroMock, more: Callable[[], list[str]]) -> Iterator[WiroMock]:
    """A Wiro in this process, which is verified at the end of its test; `more` are problems besides its own."""
    request.node.stash.setdefault(WORLDS, []).append(made)
    try:
        yield made
        # Before it is closed, which lets everybody go on. Whether it fails the test is seen when all else has ended.
        problems = [*more(), *made.problems()]
        words = LastWords(problems, made.strict, made.report() if problems else "")
        request.node.stash.setdefault(LAST_WORDS, []).append(words)
    finally:
        _over(request.config).add(made.world)
        made.close()


@pytest.fixture
def wiro_respx(request: pytest.FixtureRequest, wiro: WiroMock) -> Iterator[WiroRouter]:
    """Wiro's hosts answered in process, for sync and async httpx: an active respx router over `wiro`."""
    from wiro_mock.misuse import Misuse

    if target := _elsewhere(request):
        if target.origin != "https://api.wiro.ai":
            target.skip("wiro_respx, which answers for Wiro's own addresses,")
        yield cast("WiroRouter", target.under("wiro_respx"))  # nothing is mocked: they lead to Wiro
        return
    if taped := _at_recorder(request):
        taped.cannot("wiro_respx")
    if _is_attached(request):
        _in_one_sentence(wiro.respx, Misuse)
    if "httpx_mock" in request.fixturenames:
        from wiro_mock.respx_router import TWO_MOCKS

        pytest.fail(TWO_MOCKS, pytrace=False)
    with ExitStack() as stack:
        yield _in_one_sentence(lambda: stack.enter_context(wiro.respx()), Misuse)


@pytest.fixture(scope="session")
def _wiro_door() -> Iterator[None]:
    """What is intercepted comes to one server for all tests of a session."""
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.redirecting import door

    with ExitStack() as stack:
        _in_one_sentence(lambda: stack.enter_context(door()), Misuse)
        yield


@pytest.fixture
def wiro_intercept(request: pytest.FixtureRequest, wiro: WiroMock) -> Iterator[WiroMock]:
    """`wiro` at Wiro's own addresses, for httpx, requests, urllib3, aiohttp and websockets in this process."""
    from wiro_mock.misuse import Misuse

    if target := _elsewhere(request):
        if target.origin != "https://api.wiro.ai":
            target.skip("wiro_intercept, which answers at Wiro's own addresses,")
        yield wiro  # nothing is intercepted: they lead to Wiro
        return
    if taped := _at_recorder(request):
        taped.cannot("wiro_intercept")
    if _is_attached(request):
        _in_one_sentence(wiro.intercept, Misuse)
    with ExitStack() as stack:
        _in_one_sentence(lambda: stack.enter_context(wiro.intercept()), Misuse)
        yield wiro


@pytest.fixture(scope="session")
def _wiro_shared_server(request: pytest.FixtureRequest) -> Iterator[tuple[Worlds, Served]]:
    """One running server for all tests of a session: the world of each test is attached to it while it runs."""
    from wiro_mock.asgi import create_app
    from wiro_mock.library import Served
    from wiro_mock.server import ServerThread
    from wiro_mock.worlds import Worlds

    worlds = Worlds(over=_over(request.config))
    request.config.stash[SHARED] = worlds
    with ServerThread(create_app(worlds)) as thread:
        yield worlds, Served.by(thread)


@pytest.fixture
def wiro_server(request: pytest.FixtureRequest, wiro: WiroMock) -> Iterator[Served]:
    """`wiro` on real sockets: `.url`, the base of the API, and `.socket_url`, both ending in `/v1`."""
    if target := _elsewhere(request) or _at_recorder(request):
        yield cast("Served", target.under("wiro_server"))
        return
    if _is_attached(request):
        yield _served(cast("RemoteWiro", wiro))
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


def _recorded(request: pytest.FixtureRequest, fixture: Mapping[str, Any]) -> Iterator[WiroMock]:
    """A Wiro that plays the test's recording, or one elsewhere that is recorded."""
    from wiro_mock.misuse import Misuse
    from wiro_mock.recorder.tapes import Tape
    from wiro_mock.testing.recorded import Replay

    node = request.node
    tape, studio = Tape.of(node.path, node.nodeid), request.config.stash.get(STUDIO, None)
    if studio is not None and studio.wants(tape, again=node.stash.get(LACKED, False)):
        yield from _recording(request, studio, tape)
        return
    made = _in_one_sentence(lambda: _make(request, {"unknown_models": "play", **fixture}), Misuse)
    try:
        replay = _in_one_sentence(lambda: Replay.of(made.world, tape), Misuse)
        yield from _own(request, made, replay.problems)
        node.stash[LACKED] = replay.lacks
    finally:
        made.close()


def _recording(request: pytest.FixtureRequest, studio: Studio, tape: Tape) -> Iterator[WiroMock]:
    """The test is recorded. What went wrong with that fails nothing, and is told."""
    from wiro_mock.recorder.shelf import CannotRecord
    from wiro_mock.testing.verdict import WiroWarning

    told: list[str] = []
    stack = ExitStack()
    taped = _in_one_sentence(lambda: stack.enter_context(studio.recording(tape, told)), CannotRecord)
    request.node.stash[TAPED] = taped
    try:
        yield cast("WiroMock", taped)
    finally:
        del request.node.stash[TAPED]
        _in_one_sentence(stack.close, CannotRecord)
    for line in told:
        request.node.warn(WiroWarning(f"--wiro-record: {line}"))


def _at_recorder(request: pytest.FixtureRequest) -> Taped | None:
    """The recorder of a test that is being recorded."""
    found: Taped | None = request.node.stash.get(TAPED, None)
    return found


def _is_attached(request: pytest.FixtureRequest) -> bool:
    """Whether the test's world is on the server of WIRO_MOCK_URL; what is recorded is played in this process."""
    return bool(os.environ.get("WIRO_MOCK_URL")) and not _is_recorded(request.node)


def _attached(request: pytest.FixtureRequest, fixture: Mapping[str, Any]) -> Iterator[WiroMock]:
    """A world of the test's own on the server of WIRO_MOCK_URL, which is deleted at its end."""
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.guard import HostGuard
    from wiro_mock.testing.remote import RemoteWiro, server_url

    def make() -> RemoteWiro:
        given, _, _, _ = _keywords(request, fixture)
        return RemoteWiro(server_url(), given, name=request.node.nodeid)

    made = _in_one_sentence(make, Misuse)
    _reach(request, made)
    guard = None if made.network else HostGuard().__enter__()
    try:
        yield cast("WiroMock", made)
    finally:
        left = made.close()
        if guard is not None:
            from wiro_mock.testing.verdict import blocked_calls

            guard.undo()
            left += blocked_calls(guard.attempts)
        report = f"world {made!r}\n" + "\n".join(left) if left else ""
        request.node.stash.setdefault(LAST_WORDS, []).append(LastWords(left, made.strict, report))


def _served(wiro: RemoteWiro) -> Served:
    from wiro_mock.library import Served

    return Served(url=wiro.url, socket_url=wiro.socket_url, origin=wiro.url.removesuffix("/v1"))


def _keywords(
    request: pytest.FixtureRequest, fixture: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Any], Mapping[str, Any], dict[str, Any]]:
    """What is given for a test, from ini options, the fixture, the marks and the flags, of which the later go first;
    and the marks, the fixture and the flags by themselves. Raises `Misuse`.
    """
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.options import read

    node = request.node
    ini, flags = _given(request.config)
    if not isinstance(fixture, Mapping):
        raise Misuse(f"wiro_settings: is a dict of keywords such as {{'time': 'manual'}}, not {fixture!r}")
    if fixture:
        read(fixture, place=f"wiro_settings of {node.nodeid}")
    # From module to class to function: `iter_markers` begins with the closest.
    marks = [mark.kwargs for mark in reversed(list(node.iter_markers("wiro")))]
    given: dict[str, Any] = {**ini, **fixture}
    for mark in marks:
        given |= mark
    given |= flags
    return given, marks, fixture, flags


def _make(request: pytest.FixtureRequest, fixture: Mapping[str, Any]) -> WiroMock:
    """The Wiro of a test."""
    from hashlib import blake2b

    from wiro_mock.library import WiroMock
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.options import read

    node = request.node
    given, marks, fixture, flags = _keywords(request, fixture)
    # A seed for each test, the same in every run; small enough to be typed.
    given.setdefault("seed", int.from_bytes(blake2b(node.nodeid.encode(), digest_size=4).digest()))
    options = read(given, place=f"@pytest.mark.wiro of {node.nodeid}")
    own = next((mark.kwargs for mark in node.own_markers if mark.name == "wiro" and "scenario" in mark.kwargs), None)
    try:
        made = WiroMock.of(options, name=node.nodeid)
    except Misuse as error:
        if not str(error).startswith("no scenario "):
            raise
        raise Misuse(f"{_origin('scenario', node, flags, marks, fixture)}: {error}") from None
    for use in made.world.casting.asked:
        use.where = f"@pytest.mark.wiro of {node.nodeid}"
        use.wide = own is None or "scenario" in flags
    made.world.explain_key = _over(request.config).whose
    _reach(request, made)
    if not made.network:
        made.guard()
    return made


def _reach(request: pytest.FixtureRequest, made: WiroMock | RemoteWiro) -> None:
    """What a fixture says counts for whatever its test does."""
    if made.network is not request.config.stash[FENCE].allowed:
        _allow(request.node, allowed=made.network)


def _given(config: pytest.Config) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the ini file and the flags give, read once for a session. Raises `Misuse`."""
    from wiro_mock.testing.options import read

    if GIVEN not in config.stash:
        ini = {name: value for name in NAMES if (value := _ini(config, name)) not in (None, "", [])}
        flags = {name: value for name in NAMES if (value := config.getoption(f"wiro_{name}", None)) is not None}
        for name, value in ini.items():
            read({name: value}, place=f"ini option wiro_{name}")
        config.stash[GIVEN] = ini, flags
    return config.stash[GIVEN]


def _origin(name: str, node: Any, flags: Any, marks: list[Any], fixture: Any) -> str:
    """Where a keyword was given."""
    if name in flags:
        return f"--wiro-{name}"
    if any(name in mark for mark in marks):
        return f"@pytest.mark.wiro of {node.nodeid}"
    return f"wiro_settings of {node.nodeid}" if name in fixture else f"ini option wiro_{name}"


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(f"wiro_{name}")
    except (KeyError, ValueError):
        return None


def _over(config: pytest.Config) -> Over:
    """The keys of the tests that are over, to be recognised."""
    from wiro_mock.worlds import Over

    return config.stash.setdefault(OVER, Over())


def _forget(item: pytest.Item) -> None:
    """Nothing is known of the test any more."""
    item.stash[WORLDS], item.stash[LAST_WORDS], item.stash[PASSED] = [], [], False
    item.stash[ALLOWING] = ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Under `--wiro-record=new`, run a test whose recording lacks a run once more, and record it; the first try counts
    for nothing, as with pytest-rerunfailures.
    """
    studio = item.config.stash.get(STUDIO, None)
    if studio is None or studio.mode != "new" or item.get_closest_marker("wiro_record") is None:
        return None
    from _pytest.runner import runtestprotocol

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if item.stash.get(LACKED, False):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that has passed for what it left behind; where anything else has failed, that is told only."""
    try:
        result = yield  # raises what has failed
    finally:
        item.stash.get(ALLOWING, ExitStack()).close()
        attempts = _attempts(item)
    passed: bool = item.stash.get(PASSED, False)
    for words in item.stash[LAST_WORDS] if passed else []:
        if words.problems:
            from wiro_mock.testing.verdict import WiroWarning, told

            if words.strict:
                pytest.fail(told(words.problems), pytrace=False)
            item.warn(WiroWarning(told(words.problems)))
    if passed and attempts:
        from wiro_mock.testing.verdict import WiroWarning, told

        item.warn(WiroWarning(told(attempts)))
    return result


def _attempts(item: pytest.Item) -> list[str]:
    """The attempts to reach the real Wiro that no Wiro of the test's own tells of."""
    if not (attempts := item.config.stash[FENCE].attempts):
        return []
    from wiro_mock.testing.verdict import blocked_calls

    lines = list(blocked_calls(attempts))
    attempts.clear()
    return lines


def _in_one_sentence(act: Callable[[], T], kind: type[Exception]) -> T:
    """Do it, or fail with what an exception of ours says and no traceback: the line in question is in the sentence."""
    try:
        return act()
    except kind as error:
        told = str(error)
    # Outside of the handler, or pytest would show what was being handled, too.
    pytest.fail(told, pytrace=False)


# -- reports ---------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what happened in its Wiro."""
    report = yield
    if call.when == "call" and call.excinfo is None:
        item.stash[PASSED] = True
    if report.failed:
        _explain_scope(report)
        report.sections += [("wiro", text) for text in _reports(item)]
    if call.when == "teardown":
        _forget(item)  # else every world would live until the end of the session
    return report


def _reports(item: pytest.Item) -> list[str]:
    """What there is to tell of a test's Wiros: their last words, or how they stand now."""
    if words := [words.report for words in item.stash.get(LAST_WORDS, []) if words.report]:
        return words
    try:
        return [made.report() for made in _worlds_of(item)]
    except Exception as error:  # a report must not be what ends the session
        return [f"the report could not be made: {type(error).__name__}: {error} (a mistake in wiro_mock itself)"]


def _worlds_of(item: pytest.Item) -> list[WiroMock]:
    """The Wiros that a test has: those of the fixture, and those of fixtures of the user's own."""
    import sys

    library = sys.modules.get("wiro_mock.library")
    if library is None:
        return []
    made: list[WiroMock] = item.stash.get(WORLDS, [])
    found = [*made]
    for value in getattr(item, "funcargs", {}).values():
        if isinstance(value, library.WiroMock) and value not in found:
            found.append(value)
    return found


_SCOPE = re.compile(
    r"ScopeMismatch: You tried to access the function scoped fixture (\w+) with a (\w+) scoped request object"
)


def _explain_scope(report: pytest.TestReport) -> None:
    """Say in one sentence what to do when one of our fixtures is asked for by a fixture of a wider scope."""
    match = _SCOPE.search(str(report.longrepr))
    if match and match[1] in FIXTURES:
        sentence = (
            f"{match[1]} is made anew for every test, so a {match[2]}-scoped fixture cannot use it: make that fixture "
            "function-scoped, or let it make a Wiro of its own, by `with WiroMock() as wiro: yield wiro`"
        )
        report.longrepr = f"{sentence}\n\n{report.longrepr}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under xdist, tell the one who prints of the requests that belonged to no test."""
    worlds = session.config.stash.get(SHARED, None)
    if worlds is None or not worlds.has_strays:
        return
    lines = [exchange.line() for exchange in worlds.strays.journal.entries(limit=STRAYS_SHOWN)]
    output = getattr(session.config, "workeroutput", None)
    if output is None:
        session.config.stash.setdefault(STRAYS, []).extend(lines)
    else:
        output["wiro_strays"] = lines


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of xdist has ended."""
    node.config.stash.setdefault(STRAYS, []).extend(getattr(node, "workeroutput", {}).get("wiro_strays", []))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Tell of requests to the shared server that belonged to no test."""
    if lines := config.stash.get(STRAYS, []):
        terminalreporter.section("wiro: requests of no test")
        terminalreporter.line("requests to wiro_server that had the key of no running test:")
        for line in lines:
            terminalreporter.line(line)
