"""The real Wiro: who may reach it, and tests that run against it or are recorded from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from wiro_mock.pytest_plugin.flags import ini_option
from wiro_mock.pytest_plugin.notes import ALLOWING, ELSEWHERE, FENCE, STUDIO
from wiro_mock.testing.fence import Fence
from wiro_mock.testing.keyword_table import truth

if TYPE_CHECKING:
    from wiro_mock.testing.elsewhere import Elsewhere
    from wiro_mock.testing.recorded import Studio


def fence_in(config: pytest.Config) -> None:
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
    return ini_option(config, "network") if flag is None else flag


def allow(item: pytest.Item, *, allowed: bool) -> None:
    """Let a test reach the real Wiro, or not."""
    fence = item.config.stash[FENCE]
    fence.attempts.clear()  # of before this test
    fence.look_around()
    item.stash[ALLOWING].enter_context(fence.during_test(allowed=allowed))


def may_reach(item: pytest.Item) -> bool:
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


def attempts_told(item: pytest.Item) -> list[str]:
    """The attempts to reach the real Wiro that no Wiro of the test's own tells of."""
    if not (attempts := item.config.stash[FENCE].attempts):
        return []
    from wiro_mock.testing.verdict import blocked_calls

    lines = list(blocked_calls(attempts))
    attempts.clear()
    return lines


def read_target(config: pytest.Config) -> Elsewhere:
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


def read_studio(config: pytest.Config) -> Studio:
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


def is_recorded(item: Any) -> bool:
    """Whether a test is played from its recording. What it is set up to play cannot come from there."""
    if item.get_closest_marker("wiro_record") is None:
        return False
    for mark in item.iter_markers("wiro"):
        if name := next((name for name in ("scenario", "faults") if name in mark.kwargs), ""):
            told = f"@pytest.mark.wiro({name}=…) of {item.nodeid}: what plays is in its recording"
            pytest.fail(f"{told}; leave out this, or @pytest.mark.wiro_record", pytrace=False)
    return True


def elsewhere(request: pytest.FixtureRequest) -> Elsewhere | None:
    """The target of a test that isn't the mock, if it has the mark; what sets the mock up skips it."""
    target = request.config.stash.get(ELSEWHERE, None)
    if target is None or request.node.get_closest_marker("wiro_contract") is None:
        return None
    for mark in request.node.iter_markers("wiro"):
        if mark.kwargs:
            target.skip(f"what @pytest.mark.wiro({next(iter(mark.kwargs))}=…) sets up")
    return target
