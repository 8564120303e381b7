"""Choosing what happens: scenarios, programs of one's own, what URLs hold, and what goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Unpack

from wiro_mock.casting import Use
from wiro_mock.library.core import Core
from wiro_mock.misuse import Misuse
from wiro_mock.testing import choosing, faulting, views
from wiro_mock.testing.call_site import here

if TYPE_CHECKING:
    from wiro_mock.backends import Backend
    from wiro_mock.inputs import InputUrl
    from wiro_mock.scenario import Scenario

__tracebackhide__ = True  # a failure is in the tester's line


class Choosing(Core):
    """What a test says of the runs and calls to come."""

    def use(
        self,
        *scenarios: str | Scenario,
        model: str = "*",
        with_: Mapping[str, object] | None = None,
        nth: int | None = None,
        times: int | None = None,
        optional: bool = False,
    ) -> None:
        """Play these scenarios for the runs to come: in turn, and the last one stays.

        Only for runs of `model` (a glob) whose parameters are as in `with_` (a value or a list of values, compared as
        text); only for the `nth` run that fits; at most `times` times. What never plays fails the test, unless it is
        `optional`. Raises `Misuse` for a scenario that does not exist.
        """
        self._use(scenarios, model=model, with_=with_, nth=nth, times=times, optional=optional, where=here())

    def on_run(
        self, *, model: str = "*", with_: Mapping[str, object] | None = None, nth: int | None = None
    ) -> choosing.OnRun:
        """The runs of a model, with these parameters, or the nth of them: `wiro.on_run(nth=2).use("failure")`."""
        return self._left.on_run(choosing.OnRun(self._use, model=model, with_=with_ or {}, nth=nth, where=here()))

    def scenario(
        self,
        name: str,
        *,
        steps: Sequence[str | Mapping[str, object]],
        about: str | None = None,
        match: Mapping[str, object] | None = None,
        default_for: str | Sequence[str] | None = None,
        account: choosing.AccountTerms | None = None,
        inputs: Mapping[str, Mapping[str, object]] | None = None,
        faults: Sequence[Mapping[str, object]] | None = None,
        optional: bool = False,
    ) -> Scenario:
        """Make a scenario in the words of the YAML, such as `steps=[{"start": "1s"}, {"print": "hello"}, {"exit": 0}]`.
        `account={"balance": 0.40}` is what its runs meet of the account; also `suspended` and `member`.
        `inputs={"https://example.com/cat.png": {"image": {}}}` is what URLs hold.

        It plays where its `match` fits, or when it is used by name or as it is. Raises `Misuse` with every complaint,
        at the line that made it.
        """
        where = here()
        rest = {"about": about, "match": match, "default_for": default_for, "account": account, "faults": faults}
        rest["inputs"] = inputs
        made = choosing.make(self.world, where, {"scenario": name, "steps": steps}, rest)
        return self._left.scenario(made, where, optional=optional)

    def backend(
        self, model: str, run: Backend, *, options: Mapping[str, object] | None = None, optional: bool = False
    ) -> Scenario:
        """Let a program of your own play the runs of a model (a glob) from now on: `run(job)` yields what happens, in a
        thread of its own; `options` are its `job.options`. Returns its scenario. One that never plays fails the test,
        unless it is `optional`; see wiro_mock/backends/README.md. Raises `Misuse` for what is no function.
        """
        return choosing.backend(self.world, model, run, options=options, where=here(), optional=optional)

    def input_url(
        self,
        url: str,
        content: bytes | str | PathLike[str],
        *,
        content_type: str | None = None,
        optional: bool = False,
    ) -> InputUrl:
        """Say what a URL holds that runs send as an input: bytes, or the path of a file. So nothing is fetched: a live
        backend reads these bytes, a price measures them, and the journal tells of it. The latest of two for one URL
        wins. One that no run sends fails the test, unless it is `optional`. Raises `Misuse` for what cannot be.
        """
        from wiro_mock.testing.inputs import input_url

        return input_url(self.world, url, content, content_type=content_type, where=here(), optional=optional)

    def allow(self, call: str) -> None:
        """Do not fail for calls such as `POST /v1/Run/nobody/*` (a glob over method and path) that nothing answers."""
        if not isinstance(call, str) or not call.strip():
            raise Misuse(f"allow: a call is told as a text such as 'POST /v1/Run/nobody/*', not as {call!r}")
        self._left.allow(call)

    def fault(
        self,
        on: str | Sequence[str],
        *,
        when: faulting.Conditions | None = None,
        nth: int | None = None,
        every: int | None = None,
        share: float | None = None,
        after_bytes: int | None = None,
        after_sent: int | None = None,
        frame: str | None = None,
        after_frames: int | None = None,
        connection: int | None = None,
        times: int | None = None,
        then: Sequence[str | Mapping[str, object]] = (),
        effect: str | None = None,
        task: views.Task | str | None = None,
        optional: bool = False,
        **do: Unpack[faulting.Actions],
    ) -> None:
        """Let something go wrong with the next calls of an operation (`Run`, `Task/*`, `upload`, `cdn`): `status=503`
        (where nothing is said), `latency="1s..3s"`, `reset=True`, …: the verbs of the scenarios' `faults:`.

        `times` of them; only those about this task (or its id), if one is given; from the `nth` on, each `every`, a
        `share` of them, or those in `when={"status": "task_start"}`; `then` come other actions. On a `socket`: at a
        `frame` of a type, `after_frames` so many, on the nth `connection`. Of an upload or a run, while it is sent:
        `after_sent` so many bytes of it. With `effect="after"` the operation takes place, and only its answer suffers.
        A fault that no request meets fails the test, unless it is `optional`. Raises `Misuse` for what cannot be.
        """
        given: dict[str, object] = {"nth": nth, "every": every, "share": share, "after_bytes": after_bytes}
        given |= {"after_sent": after_sent, "frame": frame, "after_frames": after_frames, "connection": connection}
        made = faulting.fault(
            on,
            do or {"status": 503},
            when={**(when or {}), **{key: value for key, value in given.items() if value is not None}},
            task=task,
            where=here(),
            times=times,
            then=then,
            effect=effect,
            optional=optional or None,
        )
        faulting.arm(self.world, [made])

    def faults(self, *names: str, optional: bool = False) -> None:
        """Let everything go wrong that these fault sets say: `bad-day`, `flaky-network`, or one of your own folder.

        A set of which nothing is ever met fails the test, unless it is `optional`. Raises `Misuse` for no such set.
        """
        for name in names:
            faulting.arm_set(self.world, name, where=here(), optional=optional)

    def _use(self, scenarios: Sequence[str | Scenario], *, where: str, **given: Any) -> Use:
        return choosing.use(self.world, scenarios, where=where, **given)
