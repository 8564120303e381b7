"""How the Wiro of a test comes to be: in this process, from a recording, at a recorder, or on a server elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import pytest

from wiro_mock.pytest_plugin.flags import keywords_of, origin_of
from wiro_mock.pytest_plugin.notes import (
    FENCE,
    LACKED,
    LAST_WORDS,
    STUDIO,
    TAPED,
    WORLDS,
    LastWords,
    in_one_sentence,
    over,
)
from wiro_mock.pytest_plugin.outside import allow, is_recorded

if TYPE_CHECKING:
    from wiro_mock.library import Served, WiroMock
    from wiro_mock.recorder.tapes import Tape
    from wiro_mock.testing.recorded import Studio, Taped
    from wiro_mock.testing.remote import RemoteWiro


def own_wiro(request: pytest.FixtureRequest, made: WiroMock, more: Callable[[], list[str]]) -> Iterator[WiroMock]:
    """A Wiro in this process, which is verified at the end of its test; `more` are problems besides its own."""
    request.node.stash.setdefault(WORLDS, []).append(made)
    try:
        yield made
        # Before it is closed, which lets everybody go on. Whether it fails the test is seen when all else has ended.
        problems = [*more(), *made.problems()]
        words = LastWords(problems, made.strict, made.report() if problems else "")
        request.node.stash.setdefault(LAST_WORDS, []).append(words)
    finally:
        over(request.config).add(made.world)
        made.close()


def make_wiro(request: pytest.FixtureRequest, fixture: Mapping[str, Any]) -> WiroMock:
    """The Wiro of a test."""
    from hashlib import blake2b

    from wiro_mock.library import WiroMock
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.options import read

    node = request.node
    given, marks, fixture, flags = keywords_of(request, fixture)
    # A seed for each test, the same in every run; small enough to be typed.
    given.setdefault("seed", int.from_bytes(blake2b(node.nodeid.encode(), digest_size=4).digest()))
    options = read(given, place=f"@pytest.mark.wiro of {node.nodeid}")
    own = next((mark.kwargs for mark in node.own_markers if mark.name == "wiro" and "scenario" in mark.kwargs), None)
    try:
        made = WiroMock.of(options, name=node.nodeid)
    except Misuse as error:
        if not str(error).startswith("no scenario "):
            raise
        raise Misuse(f"{origin_of('scenario', node, flags, marks, fixture)}: {error}") from None
    for use in made.world.casting.asked:
        use.where = f"@pytest.mark.wiro of {node.nodeid}"
        use.wide = own is None or "scenario" in flags
    made.world.explain_key = over(request.config).whose
    _reach(request, made)
    if not made.network:
        made.guard()
    return made


def _reach(request: pytest.FixtureRequest, made: WiroMock | RemoteWiro) -> None:
    """What a fixture says counts for whatever its test does."""
    if made.network is not request.config.stash[FENCE].allowed:
        allow(request.node, allowed=made.network)


def recorded_wiro(request: pytest.FixtureRequest, fixture: Mapping[str, Any]) -> Iterator[WiroMock]:
    """A Wiro that plays the test's recording, or one elsewhere that is recorded."""
    from wiro_mock.misuse import Misuse
    from wiro_mock.recorder.tapes import Tape
    from wiro_mock.testing.recorded import Replay

    node = request.node
    tape, studio = Tape.of(node.path, node.nodeid), request.config.stash.get(STUDIO, None)
    if studio is not None and studio.wants(tape, again=node.stash.get(LACKED, False)):
        yield from _recording(request, studio, tape)
        return
    made = in_one_sentence(lambda: make_wiro(request, {"unknown_models": "play", **fixture}), Misuse)
    try:
        replay = in_one_sentence(lambda: Replay.of(made.world, tape), Misuse)
        yield from own_wiro(request, made, replay.problems)
        node.stash[LACKED] = replay.lacks
    finally:
        made.close()


def _recording(request: pytest.FixtureRequest, studio: Studio, tape: Tape) -> Iterator[WiroMock]:
    """The test is recorded. What went wrong with that fails nothing, and is told."""
    from wiro_mock.recorder.shelf import CannotRecord
    from wiro_mock.testing.verdict import WiroWarning

    told: list[str] = []
    stack = ExitStack()
    taped = in_one_sentence(lambda: stack.enter_context(studio.recording(tape, told)), CannotRecord)
    request.node.stash[TAPED] = taped
    try:
        yield cast("WiroMock", taped)
    finally:
        del request.node.stash[TAPED]
        in_one_sentence(stack.close, CannotRecord)
    for line in told:
        request.node.warn(WiroWarning(f"--wiro-record: {line}"))


def at_recorder(request: pytest.FixtureRequest) -> Taped | None:
    """The recorder of a test that is being recorded."""
    found: Taped | None = request.node.stash.get(TAPED, None)
    return found


def is_attached(request: pytest.FixtureRequest) -> bool:
    """Whether the test's world is on the server of WIRO_MOCK_URL; what is recorded is played in this process."""
    return bool(os.environ.get("WIRO_MOCK_URL")) and not is_recorded(request.node)


def attached_wiro(request: pytest.FixtureRequest, fixture: Mapping[str, Any]) -> Iterator[WiroMock]:
    """A world of the test's own on the server of WIRO_MOCK_URL, which is deleted at its end."""
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.guard import HostGuard
    from wiro_mock.testing.remote import RemoteWiro, server_url

    def make() -> RemoteWiro:
        given, _, _, _ = keywords_of(request, fixture)
        return RemoteWiro(server_url(), given, name=request.node.nodeid)

    made = in_one_sentence(make, Misuse)
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


def served_at(wiro: RemoteWiro) -> Served:
    """Where the world of a test is served, as `wiro_server` tells it."""
    from wiro_mock.library import Served

    return Served(url=wiro.url, socket_url=wiro.socket_url, origin=wiro.url.removesuffix("/v1"))
