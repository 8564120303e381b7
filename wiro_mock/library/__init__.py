"""`WiroMock`: a Wiro of one's own, for a test or for anything else that runs in Python.

A world with the words that a test needs, each side in a file of its own: choosing what happens, moving and stopping
time, looking back (`inspection`), and its doors. Here is how it begins and ends.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Self

from wiro_mock.language.complaints import ScenarioError
from wiro_mock.library.choosing import Choosing
from wiro_mock.library.core import Length
from wiro_mock.library.doors import Doors, Served
from wiro_mock.library.inspection import Inspection
from wiro_mock.library.timing import Timing
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing import options, report, verdict
from wiro_mock.testing.call_site import here
from wiro_mock.testing.leftovers import Leftovers

if TYPE_CHECKING:
    from wiro_mock.scenario import Scenario

__all__ = ["Served", "WiroMock"]

__tracebackhide__ = True  # a failure is in the tester's line
NOTES_KEPT = 200
"""Lines that were told to the tester, the latest of them."""


class WiroMock(Choosing, Timing, Inspection, Doors):
    """A Wiro of one's own. As a context manager it ends like a test does: with `verify`, unless the block failed.

    All keywords are optional. `scenario`: what plays every run (a name, a `Scenario`, or several in turn). `preset`: a
    situation with a name, such as `slow-gpu`, whose values hold where no other keyword says something. `time`:
    `auto`, `manual`, `real` or a rate such as `10x`. `auth`: `strict`, `lenient` or `off`. `strict`: whether what a
    test leaves behind fails it, or only warns. `seed`: a whole number that makes ids and credentials. `profile` and
    `switches`: the revision of the wire. `balance` in USD, `suspended` and `member`: the account as it begins; see
    `account`. `unknown_models`: `refuse` runs of models that are not in the catalogue, or `play` them. `faults`:
    fault sets such as `flaky-network`. `poll`: what a
    Detail poll is worth (`finish`, `next`, or seconds). `workers`: tasks at work at once. `scenarios`: your folders.
    `realtime_grace`: how long a realtime session waits for a socket that has gone, in seconds of the system's clock.
    `expire_files`: how long the URLs of a task's files lead anywhere, by its clock.
    `undeclared_inputs`: `echo` URLs of which nobody says what they hold (see `input_url`), or `refuse` runs with one.
    `moondream_endpoint`: the URL of an engine that answers moondream3-preview/*; `fetch_hosts`: hosts of private
    addresses that its pictures may come from. `name`: of the test, for messages. Raises `Misuse` for anything that
    cannot be.
    """

    def __init__(
        self,
        *,
        scenario: str | Scenario | Sequence[str | Scenario] | None = None,
        preset: str | None = None,
        time: str | None = None,
        auth: str | None = None,
        strict: bool | None = None,
        seed: int | None = None,
        profile: str | None = None,
        balance: Decimal | float | str | None = None,
        suspended: bool | None = None,
        member: bool | None = None,
        unknown_models: str | None = None,
        faults: str | Sequence[str] | None = None,
        poll: str | float | None = None,
        workers: int | None = None,
        scenarios: str | PathLike[str] | Sequence[str | PathLike[str]] | None = None,
        key_only: bool | None = None,
        api_key: str | None = None,
        api_secret: str | None = None,
        switches: Mapping[str, object] | None = None,
        patch_sleep: str | Sequence[str] | None = None,
        realtime_grace: float | str | None = None,
        expire_files: Length | None = None,
        undeclared_inputs: str | None = None,
        moondream_endpoint: str | None = None,
        fetch_hosts: str | Sequence[str] | None = None,
        network: bool | None = None,
        name: str = "",
    ) -> None:
        given = {key: value for key, value in locals().items() if key not in ("self", "name")}
        self._begin(options.read(given), name)

    @classmethod
    def of(cls, given: options.Options, *, name: str) -> Self:
        """One with keywords that have been read already."""
        made = cls.__new__(cls)
        made._begin(given, name)
        return made

    def _begin(self, given: options.Options, name: str) -> None:
        self._options = given
        self._notes: deque[str] = deque(maxlen=NOTES_KEPT)
        try:
            library = options.library_of(given.scenarios)
            self.world = World(given.settings, library=library, tell=self._notes.append, standing=given.standing)
        except ScenarioError as error:
            raise Misuse(f"faults: {error}") from None
        self.world.name = name
        self._left = Leftovers(self.world)
        if given.scenario:
            self._use(given.scenario, where=here())
        if given.patch_sleep:
            self.patch_sleep(*given.patch_sleep)

    def __repr__(self) -> str:
        name, tasks = self.world.name or "of its own", len(self.tasks)
        return f"<WiroMock {name}: seed {self.seed}, time {self.time}, tasks: {tasks}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._verify(stacklevel=3)
        finally:
            self.close()

    def close(self) -> None:
        """Undo what was patched, let everybody go, and delete what lies on disk. Again is no error."""
        self._left.close()

    def report(self) -> str:
        """What happened, for a reader: the seed, the timeline of every task, and every refusal with its reason."""
        return report.text(self.world, seed=self.seed, notes=self._notes, problems=self.problems())

    def problems(self) -> list[str]:
        """What a test would fail for at its end, one line each; empty when all is well."""
        return self._left.problems()

    def verify(self) -> None:
        """Raise `Unmet` with everything that a test left behind; where it is not strict, warn of it instead."""
        self._verify(stacklevel=3)

    def _verify(self, *, stacklevel: int) -> None:
        if problems := self.problems():
            if self.strict:
                raise verdict.Unmet(verdict.told(problems))
            warnings.warn(verdict.told(problems), verdict.WiroWarning, stacklevel=stacklevel)
