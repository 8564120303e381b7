"""What turns promises into tests: one service for the whole session, asked once for everything, and cleaned up.

The exit status is pytest's, but for a suite that could not run (2) and one in which nothing was checked (1).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from wiro_mock.contract.checks import PROMISES
from wiro_mock.contract.cleanup import clean_up
from wiro_mock.contract.promise import Promise
from wiro_mock.contract.runner import BUDGET, CannotRun, Target, areas_of, prepared, target_of, usd_of
from wiro_mock.contract.verdicts import COULD_NOT_RUN, Judge, chosen, scrubbed

JUDGE = pytest.StashKey[Judge]()
LEFT = pytest.StashKey["list[str]"]()
PLAYED = "test_promises.py"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each promise of the areas that are asked for, and for those that they need."""
    if "promise" in metafunc.fixturenames:
        if hasattr(metafunc.config, "workerinput") and not _is_mock(metafunc.config):
            # Said here, where xdist passes it on: of a fixture that ends the session it tells a crash.
            raise pytest.UsageError("each process of xdist would run models of its own; leave out -n, or say -n 0")
        try:
            found = chosen(PROMISES, areas_of(metafunc.config.getoption("wiro_only")))
        except CannotRun as error:
            raise pytest.UsageError(f"--wiro-only: {error}") from None
        metafunc.parametrize("promise", found, ids=[one.name for one in found])


@pytest.fixture(scope="session")
def contract_judge(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """The one who checks promises of the service that `--wiro-target` names."""
    config = request.config
    promises = [one for item in request.session.items if (one := _promise_of(item))]
    with ExitStack() as stack:
        try:
            target = stack.enter_context(_own()) if _is_mock(config) else _elsewhere(config)
            budget = usd_of(config.getoption("wiro_budget")) if config.getoption("wiro_budget") else BUDGET
            service = prepared(target, promises, budget=budget, agreed=lambda _: False)
        except CannotRun as error:
            pytest.exit(f"the contract suite cannot run: {error}", returncode=COULD_NOT_RUN)
        judge = config.stash[JUDGE] = Judge(service, PROMISES)
        try:
            yield judge
        finally:
            config.stash[LEFT] = [scrubbed(text, service) for text in clean_up(service)]
            service.http.close()


def _is_mock(config: pytest.Config) -> bool:
    return config.getoption("wiro_target") in (None, "mock")


def _own() -> Any:
    from wiro_mock.contract.own_mock import own_mock

    return own_mock()


def _elsewhere(config: pytest.Config) -> Target:
    return target_of(config.getoption("wiro_target"), config.getoption("wiro_target_socket") or "")


def _promise_of(item: pytest.Item) -> Promise | None:
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get("promise") if callspec is not None else None
    return found if isinstance(found, Promise) else None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A suite that was kept from checking, or has checked nothing, is no success."""
    judge = session.config.stash.get(JUDGE, None)
    if judge is None or exitstatus != pytest.ExitCode.OK:
        return
    verdicts = judge.verdicts.values()
    if any(one.skipped == "trouble" for one in verdicts):
        session.exitstatus = COULD_NOT_RUN
    elif not any(one.outcome == "held" for one in verdicts):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What is new upstream, where the documentation differs, and what was left behind."""
    judge = config.stash.get(JUDGE, None)
    if judge is None:
        return
    notes = [(one.promise.name, note) for one in judge.verdicts.values() for note in one.notes]
    lines = [f"{note.level}: {name}: {note.text}" for name, note in notes]
    lines += [f"left behind: {text}" for text in config.stash.get(LEFT, [])]
    if lines:
        terminalreporter.section("wiro contract")
        for line in lines:
            terminalreporter.line(line)
