"""Looking back: what was asked, answered, posted and said, and what ought to have been."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from os import PathLike, fspath
from typing import TYPE_CHECKING

from wiro_mock.library.core import Core, Length
from wiro_mock.misuse import Misuse
from wiro_mock.testing import assertions, sequences, views
from wiro_mock.testing.sessions import Sessions, sessions

if TYPE_CHECKING:
    from wiro_mock.testing.webhooks import Webhooks

__tracebackhide__ = True  # a failure is in the tester's line


class Inspection(Core):
    """What a test reads and asserts of what has happened."""

    @property
    def tasks(self) -> sequences.Tasks:
        """The tasks, oldest first; also by id or token."""
        return sequences.tasks(self.world)

    @property
    def requests(self) -> sequences.Requests:
        """What was asked and answered, oldest first."""
        return sequences.requests(self.world)

    @property
    def frames(self) -> sequences.Frames:
        """What was said on sockets, oldest first."""
        return sequences.frames(self.world)

    @property
    def sessions(self) -> Sessions:
        """The realtime sessions, oldest first; also by their task's id or token."""
        return sessions(self.world)

    @property
    def deliveries(self) -> sequences.Deliveries:
        """The webhooks and what became of them, oldest first."""
        return sequences.deliveries(self.world)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Where webhooks go in process (`to`), and waiting for one (`wait`, `wait_async`)."""
        from wiro_mock.testing.webhooks import Webhooks

        return self._left.webhooks(Webhooks(self.world))

    @property
    def uploads(self) -> sequences.Uploads:
        """The files that were uploaded, oldest first."""
        return sequences.uploads(self.world)

    def assert_ran(
        self, model: str, *, times: int | None = None, with_: Mapping[str, object] | None = None, **params: object
    ) -> views.Task:
        """A run of this model with these parameters was taken on (`times`: exactly so many); returns its task.

        A failure shows the nearest call, field by field.
        """
        return assertions.assert_ran(self.world, model, times=times, with_=with_, **params)

    def assert_not_called(self, operation: str | None = None, *, model: str | None = None) -> None:
        """Nothing was called; or not this operation (`Task/Cancel`), or no run of this model (a glob)."""
        assertions.assert_not_called(self.world, operation, model=model)

    def assert_polled(
        self,
        task: views.Task | str | None = None,
        *,
        at_most: int | None = None,
        at_least: int | None = None,
        min_interval: Length | None = None,
    ) -> None:
        """A task (or every one) was polled so often, and no sooner than `min_interval` of its clock after the last."""
        assertions.assert_polled(self.world, task, at_most=at_most, at_least=at_least, min_interval=min_interval)

    def assert_signed(self) -> None:
        """Every request that needs a key was rightly signed."""
        assertions.assert_signed(self.world)

    def assert_no_leaks(self) -> None:
        """No socket is open, no task unfinished, no hold unreleased, and every output was downloaded."""
        assertions.assert_no_leaks(self.world)

    def export(self, path: str | PathLike[str]) -> None:
        """Write the journal to a file: `.jsonl` (the same bytes for the same seed), or `.har` for other tools."""
        from wiro_mock.testing import export

        export.export(self.world, fspath(path))

    def record(self, task: views.Task | str, folder: str | PathLike[str] | None = None, *, name: str = "") -> str:
        """The scenario, as YAML, that makes the log of this finished task (or its id or token) again: a real model's
        run, to be played from then on. With a `folder` it is written there, and the files that it produces beside it:
        so `scenarios=folder` plays it for runs of the same model with the same parameters. Raises `Misuse` for a log
        that no scenario makes, and for files where there is no folder.
        """
        from wiro_mock.testing import recordings

        return recordings.record(self.world, self._find(task).id, folder, name=name)

    def explain(self, request: views.Request | str) -> str:
        """Why a request (or its id, such as `req-7`) was answered as it was, and what to change, for a reader.

        Raises `Misuse` where there is no such request, or it has been forgotten.
        """
        from wiro_mock.explain import NoSuchRequest, explain

        try:
            return "\n".join(explain(self.world, str(getattr(request, "id", request))))
        except NoSuchRequest as error:
            raise Misuse(f"explain: {error}") from None
