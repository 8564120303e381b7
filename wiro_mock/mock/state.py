"""What a world consists of, how it begins anew, and how time passes in it; who hears of what has happened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from wiro_mock.api.answers import DetailTexts
from wiro_mock.casting import Casting, Standing
from wiro_mock.clock import Clock, make_clock
from wiro_mock.deliveries import Deliveries
from wiro_mock.faults import Faults
from wiro_mock.faults.sets import Armed
from wiro_mock.journal import Exchange, Journal
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Account, Project
from wiro_mock.kernel.events import Duration, Entry, Event, Instant, Queued
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task
from wiro_mock.live import LiveRuns
from wiro_mock.masking import Mask
from wiro_mock.mock import hooks
from wiro_mock.mock.alarms import Alarms
from wiro_mock.receivers import Receivers
from wiro_mock.settings import Settings
from wiro_mock.socket_log import FrameLog
from wiro_mock.store import BlobStore
from wiro_mock.talks import Talks

if TYPE_CHECKING:
    from wiro_mock.api.frame_texts import FrameTexts
    from wiro_mock.backends import Backend
    from wiro_mock.inputs import InputUrls
    from wiro_mock.kernel.files import Blob
    from wiro_mock.loader import Library
    from wiro_mock.mock.runs import Runs
    from wiro_mock.sessions import Sessions


class Keeper(Protocol):
    """A gate that knows whom it keeps."""

    def __call__(self, task: Task, event: Event) -> str:
        """Its name, where it wants this step held back; may be asked more than once."""
        ...

    def keeps(self, task_id: str) -> bool:
        """Whether this task is held by it."""
        ...


class Index(Protocol):
    """Whoever finds worlds by their keys."""

    def changing(self, world: Any, key: str, seed: str) -> AbstractContextManager[None]:
        """Let a world have this key and this seed after the block. Raises `ValueError` where another one has them."""
        ...


class State:
    """The parts of a world, and its time: what everything else of `World` stands upon.

    `alarms` are the instants at which clients that wait for an answer want to be called.
    """

    runs: Runs
    _inputs: InputUrls | None

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        library: Library | None = None,
        tell: Callable[[str], None] | None = None,
        standing: Sequence[Standing] = (),
    ) -> None:
        self.settings = settings or Settings()
        self.teller = tell or _silent
        self.secrets: tuple[str, ...] = ()
        self.casting = Casting(library, self.tell, standing)
        self.lock = threading.RLock()
        self.clock: Clock = make_clock(self.settings.time)
        self.backends: dict[str, Backend] = {one.name: one.backend for one in standing}
        self.live = LiveRuns(self)
        self.poll_worth = self.settings.poll
        self.blobs = BlobStore()
        self.gates: list[Keeper] = []
        self.on_change: set[Callable[[], None]] = set()
        self.log_request: Callable[[Exchange, str, float], bool] | None = None
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self.name = ""
        self.doors = frozenset[str]()
        self.receivers = Receivers()
        self.posters = 0
        self.explain_key: Callable[[str], str] | None = None
        self.indexed_by: list[Index] = []
        self.sockets: set[int] = set()
        self.socket_numbers = count(1)
        self._start()

    def _start(self) -> None:
        """Make anew what a reset replaces."""
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
            mask=self.mask_of(self.project),
        )
        self.frames = self.frames_of(self.journal)
        self.deliveries = Deliveries()
        self.talks = Talks()
        self._sessions: Sessions | None = None
        self.downloads = set[str]()
        self.gates.clear()
        self.played: set[str] = set()
        self.faults = Faults(seed)
        self.fault_sets = list[Armed]()
        self.unexpected: dict[tuple[str, str], Exchange] = {}
        self._nonces: dict[str, None] = {}
        self.detail_texts = DetailTexts()
        self._frame_texts: FrameTexts | None = None
        self._dirty = False
        self.alarms = Alarms()
        self.sim = self._new_simulation(seed)
        self.begin_inputs()

    def _new_simulation(self, seed: str) -> Simulation:
        made = Simulation(
            seed=seed,
            account=Account(
                uuid=ids.uuid(seed, "account"),
                balance=self.settings.balance,
                suspended=self.settings.suspended,
                member=self.settings.member,
            ),
            planner=self.runs.plan,
            outlook=self.runs.outlook,
            now=self.clock.now(),
            limits=self.settings.limits,
            rules=self.settings.rules,
            sink=self.sink,
            gate=self.gate,
        )
        made.paced = not self.history_for_late
        return made

    @property
    def inputs(self) -> InputUrls:
        """What URLs hold that runs send; made for the first run that sends one."""
        if self._inputs is None:
            from wiro_mock.inputs import InputUrls, type_of

            settings = self.settings
            self._inputs = InputUrls(
                self.blobs,
                self.sim.files,
                scenarios=lambda: self.casting.scenarios,
                undeclared=settings.undeclared_inputs,
                most_bytes=settings.limits.bytes,
            )
            for url, path in settings.input_urls:
                self._inputs.declare(url, self._inputs.stored(path, type_of(path, url, None)), where="--input-url")
        return self._inputs

    def begin_inputs(self) -> None:
        """Nothing is known of any URL but what the settings say."""
        self._inputs = None
        if self.settings.input_urls:  # their files are read at once: they may be other ones later
            self._inputs = self.inputs

    def held(self, url: str) -> Blob | None:
        """The bytes that a URL holds: as it was declared, or of a file of this mock."""
        return self.inputs.held(url)

    @property
    def history_for_late(self) -> bool:
        """Where time is virtual nobody can be in time, so a late registration gets the history."""
        return self.clock.mode in ("auto", "manual")

    @property
    def frame_texts(self) -> FrameTexts:
        """The texts of the latest frames. What only a socket needs, a start need not wait for."""
        if self._frame_texts is None:
            from wiro_mock.api.frame_texts import FrameTexts

            self._frame_texts = FrameTexts()
        return self._frame_texts

    @property
    def has_sessions(self) -> bool:
        """Whether there has been a realtime session."""
        return self._sessions is not None

    @property
    def nonces(self) -> Iterable[str]:
        """The nonces that were used, oldest first."""
        return self._nonces

    @property
    def sessions(self) -> Sessions:
        """What was heard in realtime sessions, and who listens to them; made for the first of them."""
        if self._sessions is None:
            from wiro_mock.sessions import Sessions

            self._sessions = Sessions()
        return self._sessions

    # -- for whoever lets it go on from elsewhere (`snapshot`) ----------------------------------------

    def begin_anew(self) -> None:
        """Make anew what a reset replaces, but for what was asked for, and armed. Called with the lock held."""
        State._start(self)

    def frames_of(self, journal: Journal) -> FrameLog:
        """A log of frames that hides what the journal hides."""
        return FrameLog(journal.mask, task_of=self._id_of)

    def mask_of(self, project: Project) -> Mask:
        """What hides the credentials of a project, and the secrets of whoever serves this world."""
        return Mask((project.key, project.secret), words=self.secrets)

    def hide(self, secret: str) -> None:
        """Keep another secret out of all that is told and kept, besides the project's: the admin token of a server."""
        with self.lock:
            if secret not in self.secrets:
                self.secrets += (secret,)
                self.journal.mask.learn(secret, as_word=True)

    def resume_sessions(self, sessions: Sessions) -> None:
        """Go on with what was heard elsewhere."""
        self._sessions = sessions

    def use_nonces(self, nonces: Iterable[str]) -> None:
        """These have been used, oldest first."""
        self._nonces = dict.fromkeys(nonces)

    def wake_all(self) -> None:
        """Everything has changed: let whoever follows anything look again. Called with the lock held."""
        self._dirty = True
        for group in list(self._watchers.values()):
            for wake in list(group):
                wake()
        self.collect()

    # -- time ----------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Let everything happen that is due by the clock."""
        with self.lock:
            self.sim.advance(self.clock.now())
            self.collect()

    def next_deadline(self) -> Instant | None:
        """When something happens next by itself: to a task, or a webhook is due. Called with the lock held."""
        deadline, due = self.sim.next_deadline(), self.deliveries.next_due(self.sim.now)
        first = due if deadline is None else deadline if due is None else min(deadline, due)
        return self._or_alarm(first) if self.alarms else first

    def _or_alarm(self, first: Instant | None) -> Instant | None:
        """The same, or an alarm before it."""
        found = [first]
        # No wait is cut short by time that jumps while somebody may yet release what is held, or a model computes.
        if not self.clock.autojump or not (self.live or self.sim.holds()):
            found.append(self.alarms.first("cap"))
        if not self.clock.autojump:
            found.append(self.alarms.first("reminder"))
        return min((at for at in found if at is not None), default=None)

    def jump(self, to: Instant) -> None:
        """Move the clock to an instant, and let everything happen up to it."""
        with self.lock:
            due = self.deliveries.next_due(self.sim.now)
            self._dirty = self._dirty or (due is not None and due <= to)
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

    # -- who hears of it -----------------------------------------------------------------------------

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

    def sink(self, task: Task, entry: Entry) -> None:
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
        if self.alarms:
            self.alarms.ring(self.sim.now)
        if self.sim.files.abandoned:
            for digest in self.sim.files.abandoned:
                if not self.sim.files.needs(digest):
                    self.blobs.discard(digest)
            self.sim.files.abandoned.clear()
        if self.sim.outbox:
            hooks.line_up(self)
        if self._dirty:
            self._dirty = False
            for callback in tuple(self.on_change):
                callback()

    def stir_if(self, changed: bool) -> None:  # noqa: FBT001 -- its only argument
        """Something besides the tasks has changed: let whoever waits look again."""
        self._dirty = self._dirty or changed

    def gate(self, task: Task, event: Event) -> str:
        """The simulation's gate: whether somebody wants this step held back. Everybody is asked, and may count."""
        names = [gate(task, event) for gate in self.gates] if self.gates else []
        return next(filter(None, names), "")

    def _id_of(self, token: str) -> str:
        task = self.sim.task_by_token(token)
        return "" if task is None else task.job.id

    def tell(self, line: str) -> None:
        """Tell the tester a line, without any credential in it."""
        self.teller(self.journal.clean(line))


def _silent(line: str) -> None:
    """Tell nobody."""
