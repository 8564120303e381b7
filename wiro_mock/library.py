"""`WiroMock`: a Wiro of one's own, for a test or for anything else that runs in Python.

A world with the words that a test needs: choosing what happens, moving and stopping time, looking back; and its
doors: in process through respx, over real sockets, or as an ASGI app. All doors show the one world.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from os import PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, Unpack

from wiro_mock.casting import Use
from wiro_mock.kernel.events import SECOND
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing import (
    assertions,
    awaiting,
    choosing,
    faulting,
    options,
    report,
    sequences,
    snapshots,
    verdict,
    views,
)
from wiro_mock.testing.account import Account
from wiro_mock.testing.call_site import here
from wiro_mock.testing.guard import HostGuard
from wiro_mock.testing.holding import Hold
from wiro_mock.testing.leftovers import Leftovers
from wiro_mock.testing.sessions import Sessions, sessions
from wiro_mock.testing.sleeping import SleepPatch

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from wiro_mock.backends import Backend
    from wiro_mock.inputs import InputUrl
    from wiro_mock.respx_router import WiroRouter
    from wiro_mock.scenario import Scenario
    from wiro_mock.server import ServerThread
    from wiro_mock.testing.webhooks import Webhooks

__tracebackhide__ = True  # a failure is in the tester's line
Length: TypeAlias = str | float | timedelta
"""A length of time: `"2m"`, `"500ms"`, seconds, or a timedelta."""
NOTES_KEPT = 200
"""Lines that were told to the tester, the latest of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Where a Wiro is served: `url` is the base of the API and `socket_url` the socket, both ending in `/v1`;
    `origin` is the address without a path.
    """

    url: str
    socket_url: str
    origin: str

    @classmethod
    def by(cls, thread: ServerThread) -> Served:
        """Where a running server is."""
        return cls(url=thread.api_url, socket_url=thread.socket_url, origin=thread.url)


class WiroMock:
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

    # -- what it is ------------------------------------------------------------------------------------

    @property
    def api_key(self) -> str:
        """The project's key."""
        return self.world.project.key

    @property
    def api_secret(self) -> str:
        """The project's secret, which is part of what is signed."""
        return self.world.project.secret

    @property
    def seed(self) -> int:
        """What ids, tokens and credentials are made from."""
        return self._options.seed

    @property
    def time(self) -> str:
        """How time passes: `auto`, `manual`, `real`, or a rate such as `10x`."""
        return self.world.clock.mode

    @property
    def strict(self) -> bool:
        """Whether what a test leaves behind fails it, or only warns."""
        return self._options.strict

    @property
    def network(self) -> bool:
        """Whether names of the real Wiro may be looked up."""
        return self._options.network

    @property
    def now(self) -> float:
        """The present instant of its clock, in unix seconds."""
        self.world.settle()
        return self.world.sim.now / SECOND

    @property
    def account(self) -> Account:
        """The account: its money, exact and settable, what was spent, whether it is suspended or a member."""
        return Account(self.world)

    @property
    def balance(self) -> float:
        """What is left of the balance, in USD, as a float; `account.balance` is exact, and can be set."""
        self.world.settle()
        return float(self.world.sim.balance)

    def guard(self) -> HostGuard:
        """Refuse to look up the real Wiro's names in this process, until `close`; an attempt is an unexpected call."""
        if self._left.guard is None:
            self._left.guard = HostGuard().__enter__()
        return self._left.guard

    # -- choosing what happens -------------------------------------------------------------------------

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
        `frame` of a type, `after_frames` so many, on the nth `connection`. With `effect="after"`
        the operation takes place, and only its answer suffers. A fault that no request meets fails the test, unless it
        is `optional`. Raises `Misuse` for what cannot be.
        """
        given: dict[str, object] = {"nth": nth, "every": every, "share": share, "after_bytes": after_bytes}
        given |= {"frame": frame, "after_frames": after_frames, "connection": connection}
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

    # -- time ------------------------------------------------------------------------------------------

    def jump(self, length: Length) -> None:
        """Let so much time pass, at once. Raises `Misuse` where time is real."""
        self._check_clock("jump")
        passed = options.seconds(length, asking="jump")
        self._advance(passed)

    def jump_to(self, task: views.Task | str, to: str) -> None:
        """Let time pass until this task (or its id or token) has come to a point such as `task_start` or `stream`.

        Time stops at the instant of the point; what is due at the same instant happens too. Nothing happens where it
        has been there already. Raises `Misuse` where time is real, or when the task cannot come there by itself.
        """
        self._check_clock("jump_to")
        choosing.jump_to(self.world, self.tasks[str(getattr(task, "id", task))].id, to)

    async def wait_for(
        self, task: views.Task | str, to: str = "", *, nth: int = 1, timeout: Length = 5.0
    ) -> views.Task:
        """Wait until this task (or its id or token) has come to a point such as `task_end` or `stream`, for the `nth`
        time; without a point, until its end. Returns the task.

        Where time is `auto` it jumps there; elsewhere the clock is waited for, `timeout` in real seconds. Raises
        `AssertionError`, which says where the task is, and `Misuse` for no such point. For asyncio and trio.
        """
        waiting = awaiting.Waiting(self.tasks[str(getattr(task, "id", task))], to, nth=nth)
        await waiting.wait(options.seconds(timeout, asking="wait_for"))
        return waiting.task

    def hold(self, to: str, *, nth: int = 1, model: str = "*", optional: bool = False) -> Hold:
        """Hold tasks before a point: a status (`task_start`) or a step (`stream`), or before the nth time there.

        As a context manager it ends with the block. A hold that is never released fails the test, and so does one to
        which no task comes, unless it is `optional`. Raises `Misuse` for no such point.
        """
        where = here()
        with self.world.lock:
            choosing.check_model(self.world, model, asking="hold")
            return self._left.hold(Hold(self.world, to, nth=nth, model=model, where=where), optional=optional)

    def release(self, what: views.Task | str = "") -> list[str]:
        """Let held tasks go on: one task (or its id), those of one name of hold, or all; returns their ids."""
        name = str(getattr(what, "id", what))
        is_task = self.world.sim.task(name) is not None
        released = self.world.release(task_id=name if is_task else "", name="" if is_task else name)
        if not released:
            raise Misuse(f"release: {choosing.nothing_held(self.world, name)}")
        return released

    def patch_sleep(self, *modules: str) -> SleepPatch:
        """Let `time.sleep` and `asyncio.sleep`, called in these modules, move the clock instead; until the end of the
        test, or of the with block. Raises `Misuse` where time is real, or for a module that does not exist.
        """
        self._check_clock("patch_sleep")
        return self._left.patch(SleepPatch(self._slept, modules))

    def _slept(self, passed: float) -> None:
        """A client has slept: time moves, unless a backend is at work, which is waited for."""
        if not self.world.live.wait(passed):
            self._advance(passed)

    def _advance(self, passed: float) -> None:
        with self.world.lock:
            self.world.settle()
            self.world.jump(self.world.sim.now + round(passed * SECOND))

    # -- another time ----------------------------------------------------------------------------------

    def snapshot(self, to: str | PathLike[str] | None = None, *, secret: bool = True) -> bytes:
        """All of its world as bytes, from which any Wiro goes on exactly as this one would; also written to a file,
        where one is named. Without `secret`, the credentials are left out. Raises `Misuse`.
        """
        return snapshots.snapshot(self.world, to, secret=secret)

    def restore(self, snapshot: bytes | str | PathLike[str], *, credentials: bool = False) -> None:
        """Go on from a snapshot, or from the file of one; what there was before is gone. Its own credentials stay as
        they are, so that clients go on, too, unless those of the snapshot are wanted. Holds end. Raises `Misuse`.
        """
        snapshots.restore(self.world, snapshot, credentials=credentials)

    def _check_clock(self, asking: str) -> None:
        if self.time not in ("auto", "manual"):
            raise Misuse(
                f"{asking}: time is {self.time} here and passes by itself; give the mark or WiroMock time='manual', "
                "where it stands still until it is moved, or time='auto', where it jumps when somebody waits"
            )

    # -- looking back ----------------------------------------------------------------------------------

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

        return recordings.record(self.world, self.tasks[str(getattr(task, "id", task))].id, folder, name=name)

    def explain(self, request: views.Request | str) -> str:
        """Why a request (or its id, such as `req-7`) was answered as it was, and what to change, for a reader.

        Raises `Misuse` where there is no such request, or it has been forgotten.
        """
        from wiro_mock.explain import NoSuchRequest, explain

        try:
            return "\n".join(explain(self.world, str(getattr(request, "id", request))))
        except NoSuchRequest as error:
            raise Misuse(f"explain: {error}") from None

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

    # -- doors -----------------------------------------------------------------------------------------

    @property
    def app(self) -> Starlette:
        """An ASGI app with the API, the socket and the control API. Its socket needs a server that knows lifespans."""
        self._open("asgi")
        return self._made_app

    @cached_property
    def _made_app(self) -> Starlette:
        from wiro_mock.asgi import create_app

        return create_app(self.world)

    def _open(self, door: str) -> None:
        """This door is used from now on. Raises `Misuse` where it cannot do what is armed already."""
        with self.world.lock:
            doors = self.world.doors
            self.world.doors = doors | {door}
            faulting.check_doors(self.world, self.world.faults)

    def respx(self) -> WiroRouter:
        """A respx router, to be entered with `with`: Wiro's hosts are answered in process, for sync and async httpx."""
        from wiro_mock.respx_router import make_router

        self._open("respx")
        return make_router(self.world)

    @contextmanager
    def intercept(self) -> Iterator[Self]:
        """Answer at Wiro's own addresses while the block runs, for every client in this process: httpx, requests,
        urllib3, aiohttp, websockets, and others that use Python's sockets. Needs the extra `tls`; raises `Misuse`.
        """
        from wiro_mock.testing.redirecting import intercepted

        self._open("socket")
        with intercepted(self.world):
            yield self

    @contextmanager
    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Served]:
        """Serve it on real sockets while the block runs. Raises `CannotListen` when the address cannot be had."""
        from wiro_mock.server import ServerThread

        self._open("socket")
        with ServerThread(self._made_app, host=host, port=port) as thread:
            yield Served.by(thread)
