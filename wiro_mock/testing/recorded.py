"""Tests with the mark `wiro_record`: played from their recordings, or recorded from a Wiro elsewhere.

Recorded, the client talks to that Wiro through a recorder of the test's own; assertions about the mock are left for
the replay, and what else exists in the mock only skips. Replayed, each run is played by the recording of a run with
the same model and parameters, one after the other; a run that was not recorded is refused, and fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import pytest

from wiro_mock.casting import Use
from wiro_mock.loader import make_scenario
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.recorder.tapes import Tape
from wiro_mock.scenario import Scenario
from wiro_mock.testing.elsewhere import Elsewhere

__tracebackhide__ = True
MODES: Final = ("none", "once", "new", "rewrite")
NO_RECORDING: Final = "wiro-mock: no recording is left for this run"
"""What a client is told in place of Wiro's words; the reason is the test's failure."""


class Taped(Elsewhere):
    """The fixtures while a test is recorded: the recorder's addresses, and the credentials of the Wiro behind it."""

    kept = True

    def skip(self, what: str) -> NoReturn:
        """Skip the test: this exists in the mock only."""
        pytest.skip(f"{what} exists in the mock only, and this test is being recorded (--wiro-record)")

    def cannot(self, fixture: str) -> NoReturn:
        """Skip the test, and keep nothing of it: its client doesn't come to the recorder."""
        self.kept = False
        pytest.skip(f"through {fixture} nothing is recorded: a client comes to the recorder by wiro_server or wiro_env")

    def patch_sleep(self, *_: str) -> None:
        """A real Wiro takes its time, so there is nothing to be patched."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("assert_"):
            return _left_for_the_replay
        return super().__getattr__(name)


def _left_for_the_replay(*_: Any, **__: Any) -> None:
    """An assertion about the mock, which is only there when the recording is played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """How tests are recorded: from where, by whom, and what is taken out besides the credentials."""

    mode: str
    url: str
    socket_url: str
    api_key: str
    api_secret: str
    redact: tuple[str, ...] = ()
    grace: float = 5.0

    def wants(self, tape: Tape, *, again: bool) -> bool:
        """Whether this test is to be recorded now; `again`: its recording lacked a run."""
        return self.mode == "rewrite" or again or not tape.exists

    @contextmanager
    def recording(self, tape: Tape, told: list[str]) -> Iterator[Taped]:
        """Record a test; `told` gets what went wrong. Raises `CannotRecord`."""
        from wiro_mock.recorder.places import Upstream
        from wiro_mock.recorder.proxy import Recorder
        from wiro_mock.recorder.redaction import Redactor
        from wiro_mock.recorder.shelf import Shelf
        from wiro_mock.server import ServerThread

        secrets = [one for one in (self.api_key, self.api_secret, *self.redact) if one]
        shelf = Shelf(tape.half)
        try:
            tape.begin()
            recorder = Recorder(
                Upstream(self.url, self.socket_url), shelf, Redactor(secrets), tell=told.append, grace=self.grace
            )
            with ServerThread(recorder.app) as thread:
                taped = Taped(
                    url=thread.api_url,
                    socket_url=thread.socket_url,
                    api_key=self.api_key,
                    api_secret=self.api_secret,
                    fixture="wiro",
                )
                yield taped
        finally:
            shelf.close()
        if taped.kept:
            tape.keep(shelf.written)
        else:
            tape.drop()


@dataclass(slots=True)
class Replay:
    """A world whose runs are played from recordings."""

    world: World
    tape: Tape
    _ours: list[Use] = field(default_factory=list)

    @classmethod
    def of(cls, world: World, tape: Tape) -> Replay:
        """Let it play what was recorded. Raises `Misuse` where there is nothing, or nothing that can be played."""
        if not tape.exists:
            way = f"pytest --wiro-record=once --wiro-upstream=real '{tape.test}' (or the URL of another Wiro)"
            raise Misuse(f"{tape.contents} is not there: {tape.test} has never been recorded; record it by {way}")
        replay = cls(world, tape)
        replay._ask(_refusal(), model="*", times=None)
        # The latest use goes first, and so the first of equal runs is asked for last.
        for scenario in reversed(tape.read()):
            match = scenario.match
            model = match.model[0] if match is not None and match.model else "*"
            replay._ask(scenario, model=model, times=1, parameters=match.parameters if match is not None else {})
        return replay

    def _ask(
        self,
        scenario: Scenario,
        *,
        model: str,
        times: int | None,
        parameters: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        casting = self.world.casting
        use = Use(
            scenarios=(scenario,),
            model=model,
            parameters={name: tuple(values) for name, values in (parameters or {}).items()},
            times=times,
            optional=True,
            where=str(self.tape.folder),
        )
        self._ours.append(casting.use(use))

    @property
    def lacks(self) -> bool:
        """Whether a run came that was not recorded."""
        return self._ours[0].played > 0

    def problems(self) -> list[str]:
        """What a test is failed for, one line each."""
        found = list[str]()
        way = f"record it again: pytest --wiro-record=new --wiro-upstream=URL '{self.tape.test}'"
        for exchange in self.world.journal.entries():
            if NO_RECORDING in exchange.outcome.message:
                found.append(
                    f"{exchange.path} ({exchange.id}) was asked for once more, or with other parameters, than in "
                    f"{self.tape.folder}; {way}"
                )
        for use in self.world.casting.asked:
            if use.played and use not in self._ours:
                found.append(
                    f'"{use.name}", asked for at {use.where}, played in place of a recording; remove it, or the mark'
                )
        return found


def _refusal() -> Scenario:
    return make_scenario({"scenario": "not-recorded", "steps": [{"refuse": {"code": 0, "message": NO_RECORDING}}]})
