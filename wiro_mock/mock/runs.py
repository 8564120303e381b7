"""The runs that a world is asked for: which scenario plays each of them, what it comes to, and which fault strikes it.

The simulation asks twice: for the outlook before it checks anything, and for the plan once the run is taken on. Only
then does the scenario count as played, or where a refusal is its own doing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wiro_mock.api.messages import Lost
from wiro_mock.faults import Fault, sets
from wiro_mock.kernel.refusals import Refusal

if TYPE_CHECKING:
    from wiro_mock.api import Outcome, Request, Response
    from wiro_mock.api.messages import InputNote
    from wiro_mock.casting import Part
    from wiro_mock.faults.striking import Strike
    from wiro_mock.kernel.account import Terms
    from wiro_mock.kernel.events import Job
    from wiro_mock.kernel.files import Blob
    from wiro_mock.kernel.orders import Order
    from wiro_mock.kernel.plan import Plan
    from wiro_mock.kernel.task import Task
    from wiro_mock.language.faults import FaultItem
    from wiro_mock.matching import Chosen
    from wiro_mock.mock.world import World


class Runs:
    """What is known of the run that is being asked for. Not safe without the world's lock.

    `chosen` is the scenario that plays it, `strike` the fault that is to strike its answer, `inputs` what is known
    of the URLs that it sends; `armed_for` are the scenarios whose faults are armed.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.chosen: Chosen | None = None
        self.strike: Strike | None = None
        self.inputs: tuple[InputNote, ...] = ()
        self._request: Request | None = None
        self._operation = "Run"
        self._asked: str | None = None
        self._part: Part | None = None
        self._kept: list[str] = []
        self.armed_for = set[str]()

    def expect(self) -> None:
        """A request comes, of which nothing is known yet."""
        self.chosen = self.strike = self._request = None
        self.inputs = ()

    def submit(self, order: Order, asked: str | None) -> Task:
        """Take on a run; `asked` is the scenario that the request asked for by its header."""
        world = self._world
        self._asked, self._kept, self._part = asked, [], None
        try:
            task = world.sim.submit(order)
            self._arm(task)
            return task
        except Exception as error:
            if isinstance(error, Refusal):
                self._refused(error)
            for digest in self._kept:
                if not world.sim.files.needs(digest):
                    world.blobs.discard(digest)
            raise

    def plan(self, job: Job) -> Plan:
        """The simulation's planner: find the job's scenario and compile it."""
        from wiro_mock.api.measure import Measure  # a start need not wait for what opens files

        world = self._world
        self.inputs = tuple(world.inputs.look_at(job.model, job.parameters))
        part = self._part or world.casting.look(job.model, job.parameters, self._asked)
        turns = world.talks.turns(job.parameters)
        plan = self._take(part).scenario.compile(job, self.keep, balance=world.sim.balance, turns=turns)
        if world.fault_sets:
            plan = sets.delayed(plan, job, world.fault_sets, world.settings.seed)
        world.live.planned(job.id, plan)
        return Measure(job.model, world.blobs).plan(plan)

    def outlook(self, job: Job) -> Terms:
        """Look the job's scenario up; it is counted later, but for one that refuses, which does so now."""
        self._part = self._world.casting.look(job.model, job.parameters, self._asked)
        scenario = self._part.chosen.scenario
        if scenario.faults:
            self._strike(self._part.chosen)
        if scenario.refuses:
            self.plan(job)
        return scenario.terms

    def keep(self, data: bytes | Iterable[bytes], contenttype: str) -> Blob:
        """Keep what a run is going to produce."""
        blob = self._world.blobs.put(data, contenttype)
        self._kept.append(blob.digest)
        return blob

    def asked_by(self, request: Request, operation: str) -> None:
        """It is this request that may ask for a run, by this operation."""
        self._request, self._operation = request, operation

    def struck(self, response: Response, outcome: Outcome) -> tuple[Response, Outcome]:
        """The answer of a run, after the fault of its scenario has struck it, if one does."""
        if (strike := self.strike) is None:
            return response, outcome
        self.strike = None
        return strike.answer(lambda: (response, outcome))

    def _refused(self, refusal: Refusal) -> None:
        """A run was refused. Its scenario has played all the same where the refusal is its doing."""
        part = self._part
        if part is None or self.chosen is not None:
            return
        if refusal.concern and part.chosen.scenario.terms.sets(refusal.concern):
            self._take(part)
        else:
            part.turn_away(refusal.message)

    def _take(self, part: Part) -> Chosen:
        chosen = self.chosen = self._world.casting.take(part)
        self._world.played.add(chosen.scenario.name)
        return chosen

    # -- the faults of scenarios ---------------------------------------------------------------------

    def _arm(self, task: Task) -> None:
        """Arm the faults of the task's scenario."""
        from wiro_mock.language.verbs import RUNS  # a start need not wait for it

        chosen = self.chosen
        if chosen is None:
            return
        for item in chosen.scenario.faults:
            if operations := item.operations - RUNS:
                self._world.faults.arm(_fault(chosen, item, scope=task.job.id, operations=operations))

    def _strike(self, chosen: Chosen) -> None:
        """Let the faults of a scenario strike the run that it is to play. Raises `Lost`.

        They are armed once, and count all runs that the scenario plays.
        """
        from wiro_mock.language.verbs import RUNS

        faults, scope = self._world.faults, f"scenario {chosen.scenario.name}"
        if chosen.scenario.name not in self.armed_for:
            self.armed_for.add(chosen.scenario.name)
            for item in chosen.scenario.faults:
                if operations := item.operations & RUNS:
                    faults.arm(_fault(chosen, item, scope=scope, operations=operations))
        strike = faults.strike(self._world, self._operation, scope=scope, request=self._request)
        if strike is not None and strike.before:
            raise Lost(strike)
        self.strike = strike


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
