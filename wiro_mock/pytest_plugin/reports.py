"""What is told of a test and of a session at its end, and what fails a test that has passed."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from wiro_mock.pytest_plugin.notes import ALLOWING, LACKED, LAST_WORDS, PASSED, SHARED, STRAYS, STUDIO, WORLDS, forget
from wiro_mock.pytest_plugin.outside import attempts_told

if TYPE_CHECKING:
    from wiro_mock.library import WiroMock

STRAYS_SHOWN = 10
FIXTURES = ("wiro", "wiro_respx", "wiro_intercept", "wiro_server", "wiro_env")
_SCOPE = re.compile(
    r"ScopeMismatch: You tried to access the function scoped fixture (\w+) with a (\w+) scoped request object"
)


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
        attempts = attempts_told(item)
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
        forget(item)  # else every world would live until the end of the session
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
