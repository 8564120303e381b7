"""What the tests of the drift report share: one take of the mock itself, and takes that differ from it in a known way.

A take is what a client saw. To edit its answers and frames gives what a client of a drifted server would have seen,
without a server: the doors have tests of their own.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from tests.api_kit import shipped_library
from tests.contract.kit import EditAnswer, EditFrame, contract_world, our_target
from wiro_mock import api
from wiro_mock.asgi import create_app
from wiro_mock.contract.checks import PROMISES
from wiro_mock.contract.runner import prepared
from wiro_mock.contract.verdicts import chosen
from wiro_mock.drift.drifting import Reference, drift_of
from wiro_mock.drift.findings import Drift
from wiro_mock.drift.hearing import Hearing
from wiro_mock.drift.probe import asked
from wiro_mock.drift.replay import replayed
from wiro_mock.drift.takes import Hook, Take
from wiro_mock.drift.tap import Tap
from wiro_mock.recorder.observed import Seen
from wiro_mock.server import ServerThread
from wiro_mock.settings import Settings

# pytest rewrites what is imported, and in CPython 3.11 two threads that do so at once may fail ("SystemError: AST
# constructor recursion depth mismatch"): what a server imports at its first requests is imported here.
for _module in iter_modules(api.__path__):
    import_module(f"{api.__name__}.{_module.name}")


@functools.cache
def reference(scenario: str = "") -> Reference:
    """The mock as it is shipped."""
    return Reference(library=shipped_library(), scenario=scenario)


@functools.cache
def probed() -> Take:
    """What the probe makes of the mock itself, over real sockets."""
    world = contract_world()
    with ServerThread(create_app(world)) as thread:
        target = our_target(thread)
        service = prepared(target, chosen(PROMISES, ()), budget=1, agreed=lambda _: False)
        tap = Tap(target.credentials)
        service.http.tap, service.http.file_tap, service.on_frame = tap.answered, tap.fetched, tap.heard
        with Hearing(service, tap.now) as hearing:
            assert asked(service, runs=True) == ([], [])
            tap.hooks, tap.awaited, unheard = hearing.wait()
        assert (tap.cut_off(), unheard) == ([], [])
        service.http.close()
    world.close()
    return tap.take("the mock")


def edited(
    take: Take, *, answer: EditAnswer | None = None, frame: Callable[[], EditFrame] | None = None, slower: int = 1
) -> Take:
    """A take in which every answer, or every frame, was edited; or everything took so many times as long."""
    exchanges = list(take.exchanges)
    for place, one in enumerate(exchanges if answer else ()):
        assert answer is not None
        status, value = answer(one.call, one.status, copy.deepcopy(one.answer))
        exchanges[place] = replace(one, status=status, answer=value)
    streams = {
        task: tuple(
            Seen(at=seen.at, frame=made) for edit in [frame() if frame else _same] for seen in told
            for made in edit(copy.deepcopy(dict(seen.frame)))
        )
        for task, told in take.streams.items()
    }  # fmt: skip
    edit = frame() if frame else _same
    loose = tuple(made for told in take.loose for made in edit(copy.deepcopy(dict(told))))
    streams = {
        task: tuple(replace(seen, at=told[0].at + (seen.at - told[0].at) * slower) for seen in told)
        for task, told in streams.items()
    }
    return replace(take, exchanges=tuple(exchanges), streams=streams, loose=loose)


def _same(frame: dict[str, Any]) -> list[dict[str, Any]]:
    return [frame]


def as_played(take: Take, settings: Settings) -> Take:
    """The same take by a mock with other settings."""
    mock = replayed(take, shipped_library(), settings)
    answers = [one for one in mock.answers if one is not None]
    ids = {
        live.run_id: one.run_id for live, one in zip(take.exchanges, mock.answers, strict=True) if one and one.run_id
    }
    streams = {ids[task]: told for task, told in mock.streams.items()}
    hooks = tuple(
        Hook(task=ids[task], at=streams[ids[task]][-1].at, headers={"content-type": "application/json"}, body=one)
        for task, bodies in mock.hooks.items()
        for one in bodies
    )
    return replace(
        take,
        exchanges=tuple(answers),
        streams=streams,
        loose=mock.loose,
        followed=frozenset(streams),
        hooks=hooks,
        awaited={ids[task]: 10**18 for task in mock.hooks if ids[task] in streams},
    )


def drift(*takes: Take, scenario: str = "") -> Drift:
    """The drift of takes from the mock as it is shipped."""
    return drift_of(takes, reference(scenario), source="a test")


def lines(found: Drift) -> Sequence[str]:
    """All findings, each on its line."""
    return [f"{one.level}: {one.line}" for one in found.findings]
