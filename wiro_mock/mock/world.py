"""What a world can be asked and told: by the API, the socket, whoever delivers its webhooks, and whoever tests."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from wiro_mock.api import Outcome, Profile, Request, Response
from wiro_mock.api import wire as _wire
from wiro_mock.api.jsontext import dumps
from wiro_mock.api.origin import origins
from wiro_mock.casting import Use
from wiro_mock.clock import make_clock
from wiro_mock.deliveries import Webhook
from wiro_mock.faults import sets
from wiro_mock.faults.sets import Armed
from wiro_mock.kernel.events import SECOND, Duration
from wiro_mock.kernel.orders import Order
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task
from wiro_mock.mock import polling, requests
from wiro_mock.mock.runs import Runs
from wiro_mock.mock.state import State

if TYPE_CHECKING:
    from wiro_mock.faults.striking import Strike
    from wiro_mock.kernel.catalog import Catalog, Model
    from wiro_mock.kernel.events import Voiced
    from wiro_mock.scenario import Scenario


class World(State):
    """Everything of one Wiro. Safe to use from several threads; `lock` is never held across a wait.

    `tell` gets one line for the tester whenever something is refused or goes wrong. `standing` are backends that play
    whatever nothing more specific plays.
    """

    def _start(self) -> None:
        self.runs = Runs(self)
        super()._start()
        for name in self.settings.faults:
            self.arm_set(name, where="--faults", optional=True)
        self.use_standing()

    def handle(self, request: Request, *, unread: str = "") -> Response:
        """Play one request: settle, answer, write it down. Never raises for what a client can send.

        `unread` says why its body could not be kept; it is answered with HTTP 500 and that sentence then.
        """
        return requests.handle(self, request, unread=unread)

    def while_sent(self, request: Request) -> list[int]:
        """After how many bytes of its body a fault may strike this request, the fewest first."""
        return requests.while_sent(self, request)

    def struck_while_sent(self, request: Request, after: int, sent: int) -> requests.Met:
        """`after` so many bytes of its body a request is struck, or not; `sent` is how many have come."""
        return requests.struck_while_sent(self, request, after, sent)

    def sent_whole(self, request: Request, size: int) -> str:
        """A request has come whole, so that no fault could strike it on its way; those that would have, say so."""
        return requests.sent_whole(self, request, size)

    def lost_socket(self, path: str) -> None:
        """A client asked for a socket at a path where there is none."""
        requests.lost_socket(self, path)

    def lost(self, method: str, path: str, reason: str) -> None:
        """A client asked for what is not played at all, and was answered 404."""
        requests.lost(self, method, path, Outcome(reason=reason, unexpected=True))

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

    def warm_up(self) -> None:
        """Read the scenarios if nobody has yet, before the clock is looked at: it must not cost a task its time."""
        if not self.casting.is_read:
            import wiro_mock.api.measure
            import wiro_mock.kernel.validation
            import wiro_mock.matching  # noqa: F401 -- what runs need besides

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
    def expire_files(self) -> Duration | None:
        """How long the URLs of a task's files lead anywhere."""
        return self.settings.expire_files

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
        return self.runs.submit(order, asked)

    def strike(self, operation: str, request: Request, segments: Sequence[str]) -> Strike | None:
        """The fault that strikes this request, if one does."""
        return requests.strike(self, operation, request, segments)

    def poll(self, task: Task) -> Task:
        """Let pass what a poll is worth."""
        return polling.poll(self, task)

    # -- commands of whoever tests -------------------------------------------------------------------

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

    def use_standing(self) -> None:
        """Play the scenario of the settings from now on, where they name one.

        Raises `ScenarioError` when there is none of this name.
        """
        if name := self.settings.use:
            found = self.casting.find(name)
            self.casting.use(Use(scenarios=(found,), optional=True, where="--use", wide=True))

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

    def let_go(self, task_id: str) -> None:
        """A gate keeps this task no longer: it goes on, unless another one does."""
        with self.lock:
            if all(not gate.keeps(task_id) for gate in self.gates):
                self.release(task_id=task_id)

    def reset(self) -> None:
        """Begin anew, as at the start: no tasks, files, journal or uses; the time mode of the settings."""
        with self.lock:
            self.live.stop()
            self.clock = make_clock(self.settings.time)
            self.blobs.clear()
            self.casting.begin()
            self._start()
            self.wake_all()

    def close(self) -> None:
        """Let the backends that are at work know that it is over, and delete what lies on disk."""
        with self.lock:
            self.live.stop()
        self.blobs.close()

    # -- webhooks, and realtime sessions -------------------------------------------------------------

    def webhook_body(self, webhook: Webhook) -> str | None:
        """What is to be posted: the Detail answer as it was when the task ended (rest.md §6); None after the post."""
        task = webhook.task
        if task is None:
            return None
        at = origins(task.job.origin)
        if self.profile.callback_shape == "task":
            return dumps(_wire.task_shape(task, at, self.profile))
        return dumps(_wire.detail(task, at, self.profile))

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
