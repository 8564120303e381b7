"""The world: a simulation and a clock, the scenarios, the journal and the bytes, under one lock.

The only module that knows both a clock and a simulation. It holds no rule of Wiro's: those are in the kernel and
in the API. Every command and query begins by settling to the clock's present, so that nothing runs in the
background unless somebody follows (see `pump`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Protocol

from wiro_mock.api import Outcome, Profile, Request, Response, handle
from wiro_mock.api import wire as _wire
from wiro_mock.api.answers import DetailTexts
from wiro_mock.api.body import text_of
from wiro_mock.api.jsontext import dumps
from wiro_mock.api.messages import Lost
from wiro_mock.api.operations import refused
from wiro_mock.api.origin import origins
from wiro_mock.casting import Casting, Part, Standing, Use
from wiro_mock.clock import Clock, make_clock
from wiro_mock.deliveries import Deliveries, Webhook
from wiro_mock.faults import Fault, Faults, Strike, sets
from wiro_mock.faults.sets import Armed
from wiro_mock.journal import Exchange, Journal
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Account, Project, Terms
from wiro_mock.kernel.events import SECOND, Duration, Entry, Event, Instant, Job, Queued
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.orders import Order
from wiro_mock.kernel.plan import Plan
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task, fold
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.live import LiveRuns
from wiro_mock.settings import Settings
from wiro_mock.socket_log import FrameLog
from wiro_mock.store import BlobStore
from wiro_mock.talks import Talks
from wiro_mock.text import printable

if TYPE_CHECKING:
    from wiro_mock.api.frame_texts import FrameTexts
    from wiro_mock.backends import Backend
    from wiro_mock.kernel.catalog import Catalog, Model
    from wiro_mock.kernel.events import Voiced
    from wiro_mock.language.faults import FaultItem
    from wiro_mock.loader import Library
    from wiro_mock.scenario import Chosen, Scenario
    from wiro_mock.sessions import Sessions

REQUEST_ID = "x-wiro-mock-request-id"
"""The one header of ours in an answer: the id of its exchange in the journal."""
ENTRIES_PER_POLL = 10_000
UNEXPECTED_KEPT = 1_000
"""So many kinds of unexpected calls are remembered apart from the journal, which forgets: the first of each."""
DOWNLOADS_KEPT = 100_000


class PollError(Exception):
    """A poll that would make a scenario play without end."""


class Keeper(Protocol):
    """A gate that knows whom it keeps."""

    def __call__(self, task: Task, event: Event) -> str:
        """Its name, where it wants this step held back; may be asked more than once."""
        ...

    def keeps(self, task_id: str) -> bool:
        """Whether this task is held by it."""
        ...


class World:
    """Everything of one Wiro. Safe to use from several threads; `lock` is never held across a wait.

    `tell` gets one line for the tester whenever something is refused or goes wrong. `standing` are backends that play
    whatever nothing more specific plays.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        library: Library | None = None,
        tell: Callable[[str], None] | None = None,
        standing: Sequence[Standing] = (),
    ) -> None:
        self.settings = settings or Settings()
        self.tell = tell or _silent
        self.casting = Casting(library, self._tell, standing)
        self.lock = threading.RLock()
        self.clock: Clock = make_clock(self.settings.time)
        self.backends: dict[str, Backend] = {one.name: one.backend for one in standing}
        self.live = LiveRuns(self)
        self.poll_worth = self.settings.poll
        self.blobs = BlobStore()
        self.gates: list[Keeper] = []
        self.on_change: set[Callable[[], None]] = set()
        self.log_request: Callable[[str], None] | None = None
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self.name = ""
        self.doors = frozenset[str]()
        self.explain_key: Callable[[str], str] | None = None
        self.sockets: set[int] = set()
        self.socket_numbers = count(1)
        self._start()

    def _start(self) -> None:
        settings = self.settings
        seed = settings.seed
        self.project = settings.project or Project(
            id=str(ids.decimal(seed, "project", low=100, high=10_000)),
            key=ids.token(seed, "api key"),
            secret=ids.token(seed, "api secret"),
            key_only=settings.key_only,
        )
        self.journal = Journal(
            requests=settings.journal_requests,
            size=settings.journal_bytes,
            hide=(self.project.key, self.project.secret),
        )
        self.frames = FrameLog(self.journal.clean, task_of=self._id_of)
        self.deliveries = Deliveries()
        self.talks = Talks()
        self._sessions: Sessions | None = None
        self.downloads = set[str]()
        self.casting.begin()
        self._asked: str | None = None
        self._part: Part | None = None
        self._chosen: Chosen | None = None
        self.gates.clear()
        self.played: set[str] = set()
        self.faults = Faults(seed)
        self.fault_sets = list[Armed]()
        self._run_faults = set[str]()
        self._run_strike: Strike | None = None
        self._request: Request | None = None
        self.unexpected: dict[tuple[str, str], Exchange] = {}
        self._kept: list[str] = []
        self._nonces: dict[str, None] = {}
        self.detail_texts = DetailTexts()
        self._frame_texts: FrameTexts | None = None
        self._dirty = False
        self.sim = self._new_simulation(seed)
        self._came_at = self.sim.now
        for name in settings.faults:
            self.arm_set(name, where="--faults", optional=True)

    def _new_simulation(self, seed: str) -> Simulation:
        made = Simulation(
            seed=seed,
            account=Account(
                uuid=ids.uuid(seed, "account"),
                balance=self.settings.balance,
                suspended=self.settings.suspended,
                member=self.settings.member,
            ),
            planner=self._plan,
            outlook=self._outlook,
            now=self.clock.now(),
            limits=self.settings.limits,
            rules=self.settings.rules,
            sink=self._heard,
            gate=self._gate,
        )
        made.paced = not self.history_for_late
        return made

    # -- what the API asks of its world --------------------------------------------------------------

    @property
    def catalog(self) -> Catalog:
        """The models on offer, as the files stand now."""
        self.casting.refresh()
        return self.casting.catalog

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """The scenarios, as the files stand now."""
        self.casting.refresh()
        return self.casting.scenarios

    @property
    def uses(self) -> Sequence[Use]:
        """What was asked for by name, the latest last."""
        return tuple(self.casting.uses)

    @property
    def webhooks(self) -> Sequence[Webhook]:
        """The webhooks and what became of them, oldest first."""
        return tuple(self.deliveries.webhooks)

    @property
    def frame_texts(self) -> FrameTexts:
        """The texts of the latest frames. What only a socket needs, a start need not wait for."""
        if self._frame_texts is None:
            from wiro_mock.api.frame_texts import FrameTexts

            self._frame_texts = FrameTexts()
        return self._frame_texts

    @property
    def sessions(self) -> Sessions:
        """What was heard in realtime sessions, and who listens to them; made for the first of them."""
        if self._sessions is None:
            from wiro_mock.sessions import Sessions

            self._sessions = Sessions()
        return self._sessions

    def warm_up(self) -> None:
        """Read the scenarios if nobody has yet, before the clock is looked at: it must not cost a task its time."""
        if not self.casting.is_read:
            import wiro_mock.api.measure
            import wiro_mock.kernel.validation  # noqa: F401 -- what runs need besides

            with self.lock:
                _ = self.casting.catalog

    @property
    def profile(self) -> Profile:
        """The revision of the wire."""
        return self.settings.profile

    @property
    def auth_mode(self) -> str:
        """`strict`, `lenient` or `off`."""
        return self.settings.auth_mode

    @property
    def scenario_header(self) -> bool:
        """Whether a request may choose its scenario."""
        return self.settings.scenario_header

    @property
    def history_for_late(self) -> bool:
        """Where time is virtual nobody can be in time, so a late registration gets the history."""
        return self.clock.mode in ("auto", "manual")

    def seconds(self) -> int:
        """The present instant in whole unix seconds."""
        return self.sim.now // SECOND

    def is_first_use(self, nonce: str) -> bool:
        """Whether this nonce is new; the last 100 000 are remembered."""
        if nonce in self._nonces:
            return False
        self._nonces[nonce] = None
        if len(self._nonces) > 100_000:
            del self._nonces[next(iter(self._nonces))]
        return True

    def model(self, owner: str, slug: str) -> Model:
        """The model that a run names: of the catalogue, or made up for it where unknown models are played."""
        catalog = self.catalog
        if self.settings.unknown_models == "play" and catalog.get(owner, slug) is None:
            from wiro_mock.kernel.unknown_models import can_name, made_up

            if can_name(owner, slug):
                return made_up(owner, slug)
        return catalog.resolve(owner, slug)

    def submit(self, order: Order, asked: str | None) -> Task:
        """Take on a run; `asked` is the scenario that the request asked for by its header."""
        self._asked, self._kept, self._part = asked, [], None
        try:
            task = self.sim.submit(order)
            self._arm(task)
            return task
        except Exception as error:
            if isinstance(error, Refusal):
                self._refused(error)
            for digest in self._kept:
                if not self.sim.files.needs(digest):
                    self.blobs.discard(digest)
            raise

    def _refused(self, refusal: Refusal) -> None:
        """A run was refused. Its scenario has played all the same where the refusal is its doing."""
        part = self._part
        if part is None or self._chosen is not None:
            return
        if refusal.concern and part.chosen.scenario.terms.sets(refusal.concern):
            self._take(part)
        else:
            part.turn_away(refusal.message)

    def _arm(self, task: Task) -> None:
        """Arm the faults of the task's scenario."""
        chosen = self._chosen
        if chosen is None:
            return
        for item in chosen.scenario.faults:
            if operations := item.operations - {"Run"}:
                self.faults.arm(_fault(chosen, item, scope=task.job.id, operations=operations))

    def arm_set(self, name: str, *, where: str = "", optional: bool = False) -> Armed:
        """Let everything go wrong that a fault set says. Raises `ScenarioError` where there is none of this name."""
        with self.lock:
            found = self.casting.library.fault_set(name)
            armed = sets.arm(self.faults, found, where=where or found.source, optional=optional)
            self.fault_sets.append(armed)
            return armed

    def clear_faults(self) -> int:
        """Let nothing go wrong any more; how many faults there were."""
        with self.lock:
            self.fault_sets.clear()
            return self.faults.clear()

    def _strike_run(self, chosen: Chosen) -> None:
        """Let the faults of a scenario strike the run that it is to play. Raises `Lost`.

        They are armed once, and count all runs that the scenario plays.
        """
        scope = f"scenario {chosen.scenario.name}"
        if chosen.scenario.name not in self._run_faults:
            self._run_faults.add(chosen.scenario.name)
            for item in chosen.scenario.faults:
                if "Run" in item.operations:
                    self.faults.arm(_fault(chosen, item, scope=scope, operations=frozenset({"Run"})))
        strike = self.faults.strike(self, "Run", scope=scope, request=self._request)
        if strike is not None and strike.before:
            raise Lost(strike)
        self._run_strike = strike

    def poll(self, task: Task) -> Task:
        """Let pass what a poll is worth. Raises `PollError` after 10 000 entries, naming the scenario."""
        worth = self.poll_worth
        if self.live:
            worth = 0  # nobody can jump over a backend that is at work
        if worth is None:
            worth = "finish" if self.clock.mode == "auto" else 0
        if worth == 0:
            return task
        log = self.sim.log(task.job.id)
        if isinstance(worth, int):
            self.jump(self.sim.now + worth)
        else:
            self._play(task, to_end=worth == "finish")
        # A task that is forgotten the moment it ends is still told of by its log.
        return self.sim.task(task.job.id) or fold(log)

    def _play(self, task: Task, *, to_end: bool) -> None:
        log = self.sim.log(task.job.id)
        before = len(log)
        while self.sim.can_progress(task.job.id) and (to_end or len(log) == before):
            deadline = self.sim.next_deadline()
            if deadline is None:
                return
            # As `jump` does, but for what is to be done afterwards, which `handle` does once for all of them.
            self.clock.jump(deadline)
            self.sim.advance(deadline)
            if len(log) - before > ENTRIES_PER_POLL:
                raise PollError(
                    f"scenario {task.job.scenario!r} made more than {ENTRIES_PER_POLL} entries within one poll of "
                    f"task {task.job.id}; give its steps fewer repetitions, or poll with --poll next or --poll SECONDS"
                )

    # -- commands ------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Play one request: settle, answer, write it down. Never raises for what a client can send."""
        with self.lock:
            self._chosen = self._run_strike = None
            self._came_at = self.sim.now
            response, outcome = self._played(request)
            if outcome.file and len(self.downloads) < DOWNLOADS_KEPT:
                self.downloads.add(outcome.file)
            if outcome.unexpected and (past := self._from_the_past(request)):
                outcome = replace(outcome, unexpected=False, reason=f"{outcome.reason}; {past}")
            if self._chosen is not None:
                outcome = replace(outcome, scenario=self._chosen.scenario.name, how=self._chosen.how)
            is_lost = response.damage is not None and response.damage.is_total
            exchange = self.journal.record(
                at=self.sim.now,
                method=request.method,
                path=request.path,
                status=0 if is_lost else response.status,
                outcome=outcome,
                fields=request.body.fields,
                size=request.body.text_size,
                came_at=self._came_at,
                origin=request.origin,
                answer=response.content,
            )
            if outcome.unexpected and len(self.unexpected) < UNEXPECTED_KEPT:
                self.unexpected.setdefault((request.method, request.path[:200]), exchange)
            self.collect()
        if outcome.code is not None or outcome.reason:
            self.tell(exchange.line())
        if self.log_request is not None:
            self.log_request(printable(f"{exchange.id} {exchange.method} {exchange.path} {exchange.status}"))
        headers = (*response.headers, (REQUEST_ID, exchange.id))
        return replace(response, headers=headers)

    def lost_socket(self, path: str) -> None:
        """A client asked for a socket at a path where there is none."""
        with self.lock:
            self.settle()
            reason = "there is no socket at this path; it is at /v1, as wiro_server.socket_url and the ready line say"
            exchange = self.journal.record(
                at=self.sim.now,
                method="SOCKET",
                path=path,
                status=404,
                outcome=Outcome(operation="socket", reason=reason, unexpected=True),
            )
            self.unexpected.setdefault(("SOCKET", path[:200]), exchange)
        self.tell(exchange.line())

    def _played(self, request: Request) -> tuple[Response, Outcome]:
        try:
            self.warm_up()
            self.settle()
            self._came_at = self.sim.now
            if request.path in self.faults.loops:
                return self._redirected(request)
            response, outcome = handle(self, request)
            if (strike := self._run_strike) is not None:
                self._run_strike = None
                response, outcome = strike.answer(lambda: (response, outcome))
            return response, outcome
        except ScenarioError as error:
            # Where the file lies is the tester's business, and not on the wire.
            told = "; ".join(complaint.message for complaint in error.complaints)
            return self._broken(told, reason=str(error))
        except PollError as error:
            return self._broken(str(error))
        except Exception as error:
            return self._broken(f"{type(error).__name__}: {error} (a mistake in wiro_mock itself)")

    def _redirected(self, request: Request) -> tuple[Response, Outcome]:
        """The address that a redirect loop leads to, again and again."""
        from wiro_mock.faults.deeds import redirect

        told = "followed a redirect of the fault redirect_loop, which leads here again"
        outcome = Outcome(operation=self.faults.loops[request.path], reason=told, signed="public")
        return redirect(request.origin, request.path), outcome

    def _from_the_past(self, request: Request) -> str:
        """What is known of the key of another world, which is over: its calls are nobody's fault here."""
        return self.explain_key(request.headers.get("x-api-key", "")) if self.explain_key else ""

    def strike(self, operation: str, request: Request, segments: Sequence[str]) -> Strike | None:
        """The fault that strikes this request, if one does."""
        self._request = request
        if not self.faults:
            return None
        task = self._task_of(operation, request, segments)
        scope, status = (task.job.id, task.status.value) if task is not None else ("", "")
        return self.faults.strike(self, operation, scope=scope, status=status, request=request)

    def _task_of(self, operation: str, request: Request, segments: Sequence[str]) -> Task | None:
        """The task that a request is about."""
        files = self.sim.files
        if operation in ("File", "CDN"):
            file = (files.by_accesskey if operation == "File" else files.by_cdn_folder)(segments[0])
            return self.sim.task(file.task_id) if file is not None else None
        named = (text_of(request.body.fields, name) for name in ("taskid", "tasktoken", "socketaccesstoken"))
        tasks = (self.sim.task(name) or self.sim.task_by_token(name) for name in named)
        return next(filter(None, tasks), None)

    def _broken(self, message: str, *, reason: str = "") -> tuple[Response, Outcome]:
        """The mock itself cannot go on: HTTP 500, and the sentence on the wire too, for Wiro has none for this."""
        response, outcome = refused(self, Refusal(0, message, status=500, reason=reason or message, unexpected=True))
        return response, outcome

    def settle(self) -> None:
        """Let everything happen that is due by the clock."""
        with self.lock:
            self.sim.advance(self.clock.now())
            self.collect()

    def jump(self, to: Instant) -> None:
        """Move the clock to an instant, and let everything happen up to it."""
        with self.lock:
            self.clock.jump(to)
            self.sim.advance(to)
            self.collect()

    def pass_time(self, length: Duration) -> float:
        """Let so much time pass for somebody who waits: a clock that stands still moves, any other is to be waited for.

        Returns the real seconds to wait.
        """
        with self.lock:
            deadline = self.clock.now() + length
            seconds = self.clock.seconds_until(deadline)
            if seconds is None:
                self.jump(deadline)
            return seconds or 0.0

    def skip(self, length: Duration) -> None:
        """Move the clock by so much, whatever its mode."""
        with self.lock:
            self.jump(self.clock.now() + length)

    def set_time(self, mode: str) -> None:
        """Change the time mode; time goes on from the present instant. Raises `ValueError` for no such mode."""
        with self.lock:
            self.settle()
            self.clock = self.live.changed(make_clock(mode, now=max(self.clock.now(), self.sim.now)))
            self.sim.paced = not self.history_for_late
            self._dirty = True
            self.collect()

    def change_account(
        self, *, balance: Decimal | None = None, suspended: bool | None = None, member: bool | None = None
    ) -> None:
        """Set parts of the account's state from now on; None leaves one as it is."""
        with self.lock:
            self.settle()
            self.sim.change_account(balance=balance, suspended=suspended, member=member)

    def use(self, name: str, *, model: str = "*", times: int | None = None) -> Scenario:
        """Play this scenario for the runs to come, of models that the glob matches, for so many runs.

        Raises `ScenarioError` when there is none of this name.
        """
        with self.lock:
            self.casting.refresh()
            scenario = self.casting.find(name)
            self.casting.use(Use(scenarios=(scenario,), model=model, times=times))
            return scenario

    def use_none(self) -> None:
        """Let every run find its scenario by itself again."""
        with self.lock:
            self.casting.uses.clear()

    def release(self, *, task_id: str = "", name: str = "") -> list[str]:
        """Release held tasks: of one task, of one name of hold, or all; returns the ids of those released."""
        with self.lock:
            self.settle()
            held = self.sim.holds().items()
            chosen = [task for task, hold in held if task_id in ("", task) and name in ("", hold)]
            for task in chosen:
                self.sim.release(task)
            self._dirty = self._dirty or bool(chosen)
            self.collect()
            return chosen

    # -- realtime sessions ---------------------------------------------------------------------------

    def hear(self, task_id: str, samples: bytes) -> bool:
        """A client says something in a session; False where there is none, or it does not listen (any more)."""
        with self.lock:
            self.settle()
            session = self.sim.session(task_id)
            if session is None or session.phase != "on":
                return False
            self.sim.hear(task_id, self.sessions.take(task_id, samples))
            self.collect()
            return True

    def interrupt(self, task_id: str) -> bool:
        """A client wants to hear no more of this turn; False where nothing is being said."""
        with self.lock:
            self.settle()
            stopped = self.sim.interrupt(task_id)
            self.collect()
            return stopped

    def end_session(self, task_id: str) -> bool:
        """A client ends its session; False where there is none, or it is over."""
        with self.lock:
            self.settle()
            ended = self.sim.end_session(task_id)
            self.collect()
            return ended

    def joined(self, task_id: str, socket: int) -> None:
        """A socket listens to a session. Called with the lock held; nothing is done for other tasks."""
        if self.sim.session(task_id) is not None:
            self.sim.come_back(task_id)
            self.sessions.join(task_id, socket)

    def hang_up(self, sim: Simulation, task_id: str, parting: int) -> None:
        """The time to come back after this parting is over: where nobody has, the session ends."""
        with self.lock:
            if self.sim is sim and sim.session(task_id) is not None and self.sessions.is_alone(task_id, parting):
                self.settle()
                sim.end_session(task_id, "disconnect")
                self.collect()

    def was_joined(self, task_id: str) -> bool:
        """Whether any socket has ever listened to a session."""
        return self.sessions.was_joined(task_id)

    def sound(self, task_id: str, piece: Voiced) -> bytes:
        """The samples of a piece of sound."""
        from wiro_mock.kernel.audio import pcm

        return pcm(piece.sound, piece.start, piece.stop, self.sessions.recording(task_id).pcm)

    def reset(self) -> None:
        """Begin anew, as at the start: no tasks, files, journal or uses; the time mode of the settings."""
        with self.lock:
            self.live.stop()
            self.clock = make_clock(self.settings.time)
            self.blobs.clear()
            watchers = list(self._watchers.values())
            self._start()
            self._dirty = True
            for group in watchers:
                for wake in list(group):
                    wake()
            self.collect()

    def close(self) -> None:
        """Let the backends that are at work know that it is over, and delete what lies on disk."""
        with self.lock:
            self.live.stop()
        self.blobs.close()

    # -- followers -----------------------------------------------------------------------------------

    def watch(self, task_id: str, wake: Callable[[], None]) -> None:
        """Call `wake` after every entry of this task; `*` means of every new task. Called with the lock held."""
        with self.lock:
            self._watchers.setdefault(task_id, set()).add(wake)

    def unwatch(self, task_id: str, wake: Callable[[], None]) -> None:
        """Call it no longer."""
        with self.lock:
            group = self._watchers.get(task_id, set())
            group.discard(wake)
            if not group:
                self._watchers.pop(task_id, None)

    def webhook_body(self, webhook: Webhook) -> str | None:
        """What is to be posted: the Detail answer as it was when the task ended (rest.md §6); None after the post."""
        task = webhook.task
        if task is None:
            return None
        at = origins(task.job.origin)
        if self.profile.callback_shape == "task":
            return dumps(_wire.task_shape(task, at, self.profile))
        return dumps(_wire.detail(task, at, self.profile))

    # -- inside --------------------------------------------------------------------------------------

    def _heard(self, task: Task, entry: Entry) -> None:
        """The simulation's sink: wake whoever follows."""
        self._dirty = True
        self.deliveries.hear(task, entry)
        self.talks.hear(task, entry)
        if task.turns is not None and task.finished:
            self.sessions.drop(task.job.id)
        self.live.heard(task)
        for wake in tuple(self._watchers.get(task.job.id, ())):
            wake()
        if isinstance(entry.event, Queued):
            for wake in tuple(self._watchers.get("*", ())):
                wake()

    def collect(self) -> None:
        """After something has happened: start backends, drop what nobody needs, line up webhooks, tell the pump."""
        self.live.begin()
        if self.sim.files.abandoned:
            for digest in self.sim.files.abandoned:
                if not self.sim.files.needs(digest):
                    self.blobs.discard(digest)
            self.sim.files.abandoned.clear()
        for webhook in self.deliveries.collect(self.sim.outbox):
            self.tell(webhook.line)
        if self._dirty:
            self._dirty = False
            for callback in tuple(self.on_change):
                callback()

    def _plan(self, job: Job) -> Plan:
        """The simulation's planner: find the job's scenario and compile it."""
        from wiro_mock.api.measure import Measure

        part = self._part or self.casting.look(job.model, job.parameters, self._asked)
        turns = self.talks.turns(job.parameters)
        plan = self._take(part).scenario.compile(job, self._keep, balance=self.sim.balance, turns=turns)
        if self.fault_sets:
            plan = sets.delayed(plan, job, self.fault_sets, self.settings.seed)
        self.live.planned(job.id, plan)
        return Measure(job.model, self.blobs).plan(plan)

    def _outlook(self, job: Job) -> Terms:
        """Look the job's scenario up; it is counted later, but for one that refuses, which does so now."""
        self._part = self.casting.look(job.model, job.parameters, self._asked)
        scenario = self._part.chosen.scenario
        if scenario.faults:
            self._strike_run(self._part.chosen)
        if scenario.refuses:
            self._plan(job)
        return scenario.terms

    def _take(self, part: Part) -> Chosen:
        chosen = self._chosen = self.casting.take(part)
        self.played.add(chosen.scenario.name)
        return chosen

    def _gate(self, task: Task, event: Event) -> str:
        """The simulation's gate: whether somebody wants this step held back. Everybody is asked, and may count."""
        names = [gate(task, event) for gate in self.gates] if self.gates else []
        return next(filter(None, names), "")

    def let_go(self, task_id: str) -> None:
        """A gate keeps this task no longer: it goes on, unless another one does."""
        with self.lock:
            if all(not gate.keeps(task_id) for gate in self.gates):
                self.release(task_id=task_id)

    def _id_of(self, token: str) -> str:
        task = self.sim.task_by_token(token)
        return "" if task is None else task.job.id

    def _tell(self, line: str) -> None:
        self.tell(line)

    def _keep(self, data: bytes, contenttype: str) -> Blob:
        blob = self.blobs.put(data, contenttype)
        self._kept.append(blob.digest)
        return blob


def _fault(chosen: Chosen, item: FaultItem, *, scope: str, operations: frozenset[str]) -> Fault:
    scenario = chosen.scenario
    return Fault(
        item=item,
        scope=scope,
        task_id="" if scope.startswith("scenario") else scope,
        where=scenario.source or f"the scenario {scenario.name!r}",
        optional=item.optional or not chosen.demanded,
        operations=operations,
    )


def _silent(line: str) -> None:
    """Tell nobody."""
