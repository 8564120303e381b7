"""What is kept of a world, as frozen values: the simulation stands by itself (`kernel.standing`), the rest is here.

Words of the scenario language are kept as words, and read again by whoever reads YAML: so they are checked as a file's
are, and mean the same in a later version. What is lists or sets in the world is a tuple here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from wiro_mock.api.profile import Profile
from wiro_mock.deliveries import Attempt
from wiro_mock.journal import Exchange
from wiro_mock.kernel.account import Project
from wiro_mock.kernel.answer import Turn
from wiro_mock.kernel.events import Duration, Instant
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.rules import Delivery
from wiro_mock.kernel.standing import Standing
from wiro_mock.kernel.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSettings:
    """How the world was set up, as far as that is its own affair: what a server may keep is the server's."""

    seed: str
    time: str
    poll: str | int | None
    auth_mode: str
    key_only: bool
    profile: Profile
    balance: Decimal
    suspended: bool
    member: bool
    unknown_models: Literal["refuse", "play"]
    workers: int | None
    faults: tuple[str, ...]
    scenario_header: bool
    realtime_grace: float
    expire_files: Duration | None = None
    undeclared_inputs: Literal["echo", "refuse"] = "echo"
    use: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptInput:
    """A URL and what it holds, as it was declared: see `inputs.InputUrl`."""

    url: str
    blob: Blob
    where: str
    optional: bool
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFault:
    """An armed fault, in the words of the YAML, and what became of it; `of_task` says that it stood in a scenario."""

    words: Mapping[str, object]
    of_task: bool
    scope: str
    where: str
    optional: bool
    operations: tuple[str, ...]
    number: int
    calls: int
    struck: int
    unfit: str
    times_unfit: int
    task_id: str
    is_armed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSet:
    """An armed fault set, in the words of the YAML; `faults` are its faults by number."""

    words: Mapping[str, object]
    source: str
    lines: tuple[int, ...]
    where: str
    optional: bool
    faults: tuple[KeptFault, ...]
    delayed: int
    warm: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptScenario:
    """A scenario that was made in Python or asked for: by its `name` where the files have it, else in its own words.

    `files` are the bytes of the files that it names, by what they are called in the words.
    """

    name: str
    words: Mapping[str, object] | None = None
    source: str = ""
    files: Mapping[str, bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptUse:
    """Scenarios that were asked for; `outplayed` is the place of the later use that took its place, if one did."""

    scenarios: tuple[KeptScenario, ...]
    model: str
    parameters: Mapping[str, tuple[str, ...]]
    nth: int | None
    times: int | None
    optional: bool
    where: str
    wide: bool
    seen: int
    played: int
    turned_away: int
    refused_with: str
    outplayed: int | None
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWebhook:
    """A webhook; `place` says where it waited: `later` for its time, `held` for something else, `ready` in its
    target's line, `posting` on its way; empty where it waits for nothing any more.
    """

    id: str
    delivery: Delivery
    task: Task | None
    state: str
    reason: str
    status: int | None
    attempts: int
    tries: tuple[Attempt, ...]
    due: Instant
    until: Literal["", "poll", "next"]
    late: Duration
    failures: int
    copies: int
    taken: bool
    target: str
    do: object
    noise: int
    cut_after: int | None
    fault: str
    place: Literal["", "later", "held", "ready", "posting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDeliveries:
    """The webhooks, oldest first, and those that wait, in the order in which they were lined up."""

    webhooks: tuple[KeptWebhook, ...]
    line: tuple[str, ...]
    made: int
    attempted: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRecording:
    """What was heard in a realtime session."""

    samples: int
    frames: int
    energy: int
    pcm: bytes
    forgotten: int
    judged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTalk:
    """A conversation with a language model."""

    user: str
    session: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptJournal:
    """The journal, and what is counted of requests that it has forgotten."""

    exchanges: tuple[Exchange, ...]
    count: int
    forgotten: tuple[tuple[str, str, int], ...]
    forgotten_polls: Mapping[str, int]
    answered: tuple[tuple[str, int, int], ...]
    unmatched: int
    unexpected: tuple[tuple[str, str, Exchange], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A world at an instant. `project` is None where the credentials were left out."""

    settings: KeptSettings
    project: Project | None
    standing: Standing
    journal: KeptJournal
    deliveries: KeptDeliveries
    faults: tuple[KeptFault, ...]
    loops: Mapping[str, str]
    faults_armed: int
    faults_struck: Mapping[str, int]
    sets: tuple[KeptSet, ...]
    own: tuple[KeptScenario, ...]
    uses: tuple[KeptUse, ...]
    armed_for: tuple[str, ...]
    talks: tuple[KeptTalk, ...]
    recordings: Mapping[str, KeptRecording]
    joined: tuple[str, ...]
    sockets: int
    played: tuple[str, ...]
    downloads: tuple[str, ...]
    nonces: tuple[str, ...]
    inputs: tuple[KeptInput, ...] = ()
    come: Mapping[str, int] = field(default_factory=dict)


ALL = (
    Kept, KeptSettings, KeptFault, KeptSet, KeptScenario, KeptUse, KeptWebhook, KeptDeliveries, KeptRecording, KeptTalk,
    KeptInput, KeptJournal,
)  # fmt: skip
"""The types of this file, which a snapshot may hold."""
