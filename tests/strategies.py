"""Hypothesis strategies for the kernel: legal plans, orders, and scripts of commands.

A plan is found by walking `TRANSITIONS`, so it is legal by construction and stays so when the table changes.
It travels to the planner inside its order's parameters. A `Script` plays commands into a simulation and
writes down everything that can be seen from outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from wiro_mock.kernel import events as e
from wiro_mock.kernel.account import Account
from wiro_mock.kernel.answer import Answer, Piece
from wiro_mock.kernel.audio import Clip, Tone
from wiro_mock.kernel.catalog import Model, Parameter
from wiro_mock.kernel.events import SECOND, Duration, Entry, Event, Job
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.orders import InputBlob, Order
from wiro_mock.kernel.plan import Converse, Hold, Plan, PlanItem, Stall, Step
from wiro_mock.kernel.prices import NOTHING_SAID, Tier, Used
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.rules import Limits, Rules
from wiro_mock.kernel.session_script import Dictation, ScriptTurn
from wiro_mock.kernel.session_script import Script as Talk
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.status import TERMINAL, TRANSITIONS, IllegalEvent, Status
from wiro_mock.kernel.task import Task

MODEL: Final = Model(id="598", owner="moondream3-preview", slug="caption", kind="text", cps=Decimal("0.000585"))
PRICED: Final = tuple(
    replace(MODEL, parameters=(Parameter(id="inputImage", type="combinefileinput"),), prices=tiers)
    for tiers in (
        (Tier(price=Decimal("0.09"), method="cpr"), Tier(price=Decimal(5), method="cpo", inputs={"prompt": "a dog"})),
        (Tier(price=Decimal("0.000000000001"), method="cpt"),),
        (Tier(price=Decimal("0.02"), method="cpo", inputs={"inputImage": "QUANTITY:2"}),),
        (Tier(price=Decimal("0.1"), method="cp-pixel", extra=Decimal("0.03"), per_input=Decimal("0.0007")),),
        (Tier(price=Decimal("1.5"), method="cp-readoutput"),),
    )
)
"""The model with prices other than by the second."""
ACCOUNT: Final = Account(uuid="15bce51f-442f-4f44-a71d-13c6374a62bd")
BLOBS: Final = tuple(Blob(digest=f"{n:064x}", size=100 * n, contenttype="image/png") for n in (1, 2, 3))
START: Final = 1_734_513_807 * SECOND

EXAMPLES: Final[tuple[Event, ...]] = (
    e.Requeued(),
    e.Accepted(),
    e.PreprocessStarted(),
    e.PreprocessEnded(),
    e.Assigned(),
    e.Started(),
    e.Output(message="line"),
    e.ErrorOutput(text="warning"),
    e.Produced(name="0.png", blob=BLOBS[1]),
    e.OutputEnded(),
    e.ErrorEnded(),
    e.Exited(code=0),
    e.PostprocessStarted(),
    e.PostprocessEnded(),
    e.Cancelled(killed=False),
    e.SetupFailed(message="Output folder creation failed"),
    e.GaveUp(code=1),
    e.FilesDeleted(),
    e.StreamReady(),
    e.Heard(speech=SECOND, rms=8_000, start=0, stop=24_000, said="hello"),
    e.Voiced(sound=Tone(hz=440), start=0, stop=4_800),
    e.StreamEnded(said="Hi."),
    e.TurnCharged(cost=Decimal("0.002"), total=Decimal("0.002"), usage={"input_tokens": 1}),
    e.SessionEnded(by="client"),
)
"""One event of each kind, but for `Queued`, which needs a job."""

# Few and round, with many zeros, so that different tasks are often due at the same instant.
DURATIONS: Final = st.sampled_from([0, 0, SECOND // 4, SECOND // 2, SECOND, 3 * SECOND])

_TEXTS: Final = st.sampled_from(["a cat", "", "two\nlines", "Processing: 44.0%"])
_PROGRESS: Final = st.builds(
    e.Progress, step=st.integers(0, 3), total=st.just(3), elapsed=DURATIONS, remaining=DURATIONS, line=_TEXTS
)
_SNAPSHOTS: Final = st.builds(
    e.Snapshot, text=st.just("A cat asleep."), upto=st.integers(0, 13), elapsed=DURATIONS, words_per_second=st.just(9.5)
)
_ANSWER: Final = Answer(
    prompt="what is it?",
    pieces=(
        Piece(kind="thinking", text="I see fur."),
        Piece(kind="answer", text="A cat."),
        Piece(kind="function_call", text="{}", id="fc_1", call_id="call_1", name="look"),
        Piece(kind="answer", text="Asleep."),
    ),
)
_REPLIES: Final = st.builds(
    e.Reply, answer=st.just(_ANSWER), upto=st.integers(0, 25), elapsed=DURATIONS, last=st.booleans()
)
USED: Final = st.one_of(
    st.just(NOTHING_SAID),
    st.builds(Used, tokens=st.integers(0, 10**18), pixels=st.integers(0, 10**9), price=st.just(Decimal("0.0468416"))),
)
EVENTS: Final[Mapping[type[Event], st.SearchStrategy[Event]]] = {
    e.Requeued: st.just(e.Requeued()),
    e.Accepted: st.just(e.Accepted()),
    e.PreprocessStarted: st.just(e.PreprocessStarted()),
    e.PreprocessEnded: st.just(e.PreprocessEnded()),
    e.Assigned: st.just(e.Assigned()),
    e.Started: st.just(e.Started()),
    e.Output: st.builds(e.Output, message=st.one_of(_TEXTS, _PROGRESS, _SNAPSHOTS, _REPLIES)),
    e.ErrorOutput: st.builds(e.ErrorOutput, text=_TEXTS),
    e.Produced: st.builds(e.Produced, name=st.sampled_from(["0.png", "1.txt"]), blob=st.sampled_from(BLOBS)),
    e.OutputEnded: st.just(e.OutputEnded()),
    e.ErrorEnded: st.just(e.ErrorEnded()),
    e.Exited: st.builds(e.Exited, code=st.sampled_from([0, 0, 1, 137]), used=USED),
    e.PostprocessStarted: st.just(e.PostprocessStarted()),
    e.PostprocessEnded: st.just(e.PostprocessEnded()),
    e.Cancelled: st.builds(e.Cancelled, killed=st.booleans()),
    e.SetupFailed: st.builds(e.SetupFailed, message=_TEXTS),
    e.GaveUp: st.builds(e.GaveUp, code=st.just(1)),
    e.FilesDeleted: st.just(e.FilesDeleted()),
    **{type(event): st.just(event) for event in EXAMPLES[-6:]},
}
_SESSION: Final = frozenset(type(event) for event in EXAMPLES[-6:])
_TURNS: Final = st.builds(
    ScriptTurn,
    when=st.sampled_from(["start", "heard", "heard", "silence"]),
    least=st.sampled_from([0, SECOND // 50, SECOND // 10]),
    after=DURATIONS,
    transcript=st.sampled_from(["", "hello"]),
    say=st.sampled_from(["", "Hi there."]),
    sound=st.sampled_from([None, Tone(hz=440), Clip(pcm=bytes(9_600 * 3))]),
    echo=st.booleans(),
    samples=st.sampled_from([0, 1, 4_800, 10_000]),
    cost=st.sampled_from([Decimal(0), Decimal("0.002"), Decimal(300)]),
    repeat=st.booleans(),
    ends=st.booleans(),
    waits=st.sampled_from([None, None, SECOND // 5]),
)
_TALKS: Final = st.builds(
    Talk,
    turns=st.lists(_TURNS, max_size=3).map(tuple),
    barge_in=st.sampled_from([None, 40_000]),
    silence=st.sampled_from([20_000, 100_000]),
    paced=st.sampled_from([None, False]),
)
_DICTATIONS: Final = st.builds(
    Talk, dictation=st.just(Dictation(words=("one", "two", "three"), every=40_000, cost=Decimal("0.01")))
)
SCRIPTS: Final = st.one_of(_TALKS, _TALKS, _DICTATIONS)
"""Realtime sessions of a few turns."""
LEVELS: Final = st.lists(st.sampled_from([0, 0, 0, 499, 500, 12_000]), max_size=40)
HOMEWARD: Final[Mapping[Status, type[Event]]] = {
    Status.QUEUE: e.Accepted,
    Status.ACCEPT: e.Assigned,
    Status.PREPROCESS_START: e.PreprocessEnded,
    Status.PREPROCESS_END: e.Assigned,
    Status.ASSIGN: e.Started,
    Status.START: e.OutputEnded,
    Status.OUTPUT: e.OutputEnded,
    Status.OUTPUT_FULL: e.Exited,
    Status.END: e.PostprocessStarted,
    Status.POSTPROCESS_START: e.PostprocessEnded,
    Status.ERROR: e.Requeued,
}
"""From every open status, the way to an end."""


@st.composite
def plans(draw: st.DrawFn, *, waits: bool = True, homeward: bool | None = None) -> Plan:
    """A legal plan: a random walk through `TRANSITIONS`, then the short way home, or a stall, or just no more.

    `waits` allows holds and stalls; `homeward=True` makes every plan finish its task by itself.
    """
    status, items = Status.QUEUE, list[PlanItem]()
    for _ in range(draw(st.integers(0, 14))):
        if status in TERMINAL:
            break
        if waits and draw(st.integers(0, 9)) == 9:
            items.append(Hold(name=draw(st.sampled_from(["start", "end"]))))
        if waits and not homeward and status in (Status.START, Status.OUTPUT) and draw(st.integers(0, 3)) == 3:
            items.append(Converse(script=draw(SCRIPTS)))
            status = Status.OUTPUT if draw(st.booleans()) else status
        kind = _next_kind(draw, status)
        status = _walk(draw, status, kind, items)
    if draw(st.booleans()) if homeward is None else homeward:
        while status not in TERMINAL:
            status = _walk(draw, status, HOMEWARD[status], items)
    elif waits and draw(st.booleans()):
        items.append(Stall())
    return Plan(scenario="walk", items=tuple(items))


def _next_kind(draw: st.DrawFn, status: Status) -> type[Event]:
    """Any event that may follow; the side ways out are taken now and then, so that most walks go far."""
    side = {e.Cancelled, e.SetupFailed, *_SESSION}
    allowed = [kind for kind in TRANSITIONS[status] if kind not in side or draw(st.integers(0, 9)) == 9]
    return draw(st.sampled_from(allowed))


def _walk(draw: st.DrawFn, status: Status, kind: type[Event], items: list[PlanItem]) -> Status:
    items.append(Step(after=draw(DURATIONS), event=draw(EVENTS[kind])))
    return TRANSITIONS[status][kind]


def order(plan: Plan | None = None, **changes: object) -> Order:
    """An order for this plan; `changes` replace fields, `parameters` add to the plan."""
    parameters = {"plan": plan or Plan(scenario="none")} | dict(changes.pop("parameters", {}))  # type: ignore[call-overload]
    base = Order(
        model=MODEL, owner="moondream3-preview", project="caption", project_id="699", parameters=parameters, weight=10
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@st.composite
def orders(draw: st.DrawFn, plan: st.SearchStrategy[Plan] | None = None) -> Order:
    """An order with or without input files, a webhook, junk for a webhook."""
    files = [InputBlob(blob=blob, suffix=".png") for blob in draw(st.lists(st.sampled_from(BLOBS), max_size=2))]
    return order(
        draw(plans() if plan is None else plan),
        model=draw(st.sampled_from((MODEL, *PRICED))),
        parameters={"inputImage": files, "prompt": "a cat"},
        callback_url=draw(st.sampled_from(["", "https://example.test/hook", "Your callback URL"])),
        weight=draw(st.sampled_from([0, 10, 300])),
    )


def planner(job: Job) -> Plan:
    """The plan that travels in the order."""
    plan = job.parameters["plan"]
    assert isinstance(plan, Plan)
    return plan


def simulation(
    *, seed: str = "seed", limits: Limits | None = None, rules: Rules | None = None, balance: int | str = 1000
) -> Simulation:
    """A world that starts at `START` and takes each plan from its order."""
    account = replace(ACCOUNT, balance=Decimal(balance))
    return Simulation(seed=seed, account=account, planner=planner, now=START, limits=limits, rules=rules)


@dataclass(frozen=True, kw_only=True)
class Command:
    """Do `verb`, `after` this long, to the `target`-th task that was made (counted round)."""

    after: Duration
    verb: str
    target: int = 0
    order: Order | None = None
    event: Event | None = None
    levels: Sequence[int] = ()


# What a live backend may say at any moment without spoiling the plan that is being walked.
HARMLESS: Final = st.one_of(EVENTS[e.Output], EVENTS[e.ErrorOutput], EVENTS[e.Produced], EVENTS[e.Cancelled])
_TARGETS: Final = st.integers(0, 5)


def commands(order: st.SearchStrategy[Order] | None = None) -> st.SearchStrategy[list[Command]]:
    """A script: submits mostly, and everything else that can be done to a world in between."""
    submits = st.builds(Command, after=DURATIONS, verb=st.just("submit"), order=order or orders())
    emits = st.builds(Command, after=DURATIONS, verb=st.just("emit"), target=_TARGETS, event=HARMLESS)
    verbs = st.sampled_from(["cancel", "kill", "release", "release", "delete_files", "upload", "create_folder"])
    others = st.builds(Command, after=DURATIONS, verb=verbs, target=_TARGETS)
    talks = st.builds(
        Command,
        after=DURATIONS,
        verb=st.sampled_from(["hear", "hear", "interrupt", "end_session"]),
        target=_TARGETS,
        levels=LEVELS,
    )
    others = st.one_of(others, others, talks)
    return st.lists(st.one_of(submits, submits, emits, others, others), min_size=1, max_size=10)


class Script:
    """Plays commands into a simulation, and remembers every answer and every entry in its order."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.answers: list[object] = []
        self.entries: list[tuple[str, Entry]] = []
        self.ids: list[str] = []
        simulation._sink = self._hear

    def _hear(self, task: Task, entry: Entry) -> None:
        self.entries.append((task.job.id, entry))
        if isinstance(entry.event, e.Queued):
            self.ids.append(task.job.id)

    def obey(self, command: Command) -> None:
        """Do what the command says, now, and note the answer or the refusal."""
        try:
            self.answers.append(self._do(command))
        except Refusal as refusal:
            self.answers.append((refusal.code, refusal.message))
        except IllegalEvent as illegal:
            self.answers.append(str(illegal))

    def _do(self, command: Command) -> object:
        sim = self.simulation
        if command.verb == "submit" and command.order:
            return sim.submit(command.order)
        if command.verb == "upload":
            return sim.upload("cat.png", BLOBS[command.target % 3])
        if command.verb == "create_folder":
            return sim.create_folder(f"folder {command.target}")
        if not self.ids:
            return "nobody is there"
        task_id = self.ids[command.target % len(self.ids)]
        if command.verb == "emit" and command.event:
            return sim.emit(task_id, command.event)
        if command.verb == "release":
            return sim.release(task_id)
        if command.verb == "hear":
            return sim.hear(task_id, command.levels)
        if command.verb in ("interrupt", "end_session"):
            return getattr(sim, command.verb)(task_id)
        return getattr(sim, command.verb)(task_id) if sim.task(task_id) else "forgotten"

    def logs(self) -> dict[str, list[Entry]]:
        """Every task's log, those of forgotten tasks too."""
        logs: dict[str, list[Entry]] = {task_id: [] for task_id in self.ids}
        for task_id, entry in self.entries:
            logs[task_id].append(entry)
        return logs

    def seen(self) -> dict[str, object]:
        """All that can be seen of the world, in values that compare."""
        sim = self.simulation
        tasks = list(sim.tasks())
        return {
            "answers": self.answers,
            "entries": self.entries,
            "now": sim.now,
            "tasks": tasks,
            "logs": {task.job.id: list(sim.log(task.job.id)) for task in tasks},
            "holds": sim.holds(),
            "waiting": {task.job.id: sim.waiting_for(task.job.id) for task in tasks},
            "balance": sim.balance,
            "outbox": list(sim.outbox),
            "counts": (sim.busy, sim.unfinished, sim.forgotten, sim.dropped, sim.bytes_kept),
            "files": list(sim.files),
            "folders": dict(sim.files.folders),
            "abandoned": list(sim.files.abandoned),
            "deadline": sim.next_deadline(),
        }
