"""The same requests, asked of a mock in this process: what it would have answered, and the frames that it would have
sent.

Each task plays what happened to the real one, as a recording of its frames would, so that only the wire is compared:
a run that failed there fails here. Time is moved by hand, to the status that the service showed at each request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import count
from typing import Any, Final

from wiro_mock.api import NO_BODY, Request, find
from wiro_mock.api.auth import sign
from wiro_mock.api.body import BodyReader
from wiro_mock.api.frames import TOKEN_REQUIRED, WELCOME, frame
from wiro_mock.api.origin import origins
from wiro_mock.casting import Use
from wiro_mock.drift.retelling import retold
from wiro_mock.drift.takes import ABSENT, Exchange, Take
from wiro_mock.kernel.events import Event
from wiro_mock.kernel.rules import Limits
from wiro_mock.kernel.task import Status, Task
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import Library, load_text
from wiro_mock.mock import World
from wiro_mock.recorder.observed import TERMINAL, Seen, Sighting, refusal_of, scenario_of
from wiro_mock.recording import NotRecordable
from wiro_mock.scenario import Scenario
from wiro_mock.settings import Settings

ORIGIN: Final = "http://127.0.0.1"
NONCE: Final = 1_734_513_807_123
NOBODYS: Final = "0" * 30
ORDER: Final = (
    "task_queue", "task_accept", "task_preprocess_start", "task_preprocess_end", "task_assign", "task_start",
    "task_output", "task_output_full", "task_end", "task_postprocess_start", "task_postprocess_end",
)  # fmt: skip
"""The statuses in the order of a task's life."""
STEPS_AT_MOST: Final = 100_000
TO_THE_LAST: Final = "as far as it goes by itself"
STOPS: Final = ("Task/Cancel", "Task/Kill")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What the mock answered to each exchange (None: it could not be asked), and its frames by the service's task ids.

    `not_compared` says what could not be asked, and why.
    """

    answers: tuple[Exchange | None, ...]
    streams: Mapping[str, tuple[Seen, ...]]
    loose: tuple[Mapping[str, Any], ...]
    not_compared: tuple[str, ...]


def replayed(take: Take, library: Library, settings: Settings | None = None) -> Replayed:
    """The take as the mock plays it; `settings` tell of its profile."""
    settings = settings or Settings()
    if take.is_scenario:
        settings = replace(settings, profile=replace(settings.profile, parameters="unchecked"))
    replay = _Replay(take, library, settings)
    try:
        answers = tuple(replay.ask(one) for one in take.exchanges)
        streams = {task: replay.frames(task) for task in take.streams if task in replay.tasks}
        return Replayed(
            answers=answers,
            streams=streams,
            loose=replay.loose(),
            not_compared=tuple(dict.fromkeys(replay.not_compared)),
        )
    finally:
        replay.world.close()


@dataclass
class _Gate:
    """Keeps all tasks where they are, but the one that is moving."""

    moving: str = ""

    def __call__(self, task: Task, event: Event) -> str:  # noqa: ARG002 -- any event
        return "" if task.job.id == self.moving else "drift"

    def keeps(self, task_id: str) -> bool:
        """Whether it is held."""
        return task_id != self.moving


@dataclass
class _Replay:
    """A mock whose clock stands still, and which of its tasks stands for which of the service's."""

    take: Take
    library: Library
    settings: Settings
    tasks: dict[str, tuple[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    not_compared: list[str] = field(default_factory=list)
    nonces: Iterator[int] = field(default_factory=count)
    gate: _Gate = field(default_factory=_Gate)

    def __post_init__(self) -> None:
        self.world = World(
            replace(self.settings, time="manual", limits=Limits(), balance=10**6 * self.settings.balance),
            library=self.library,
        )
        self.world.gates.append(self.gate)

    def ask(self, one: Exchange) -> Exchange | None:
        """What the mock answers to the same request."""
        if one.answer is ABSENT:
            return None
        if one.error == (None, None) and not self._plays(one):
            self.not_compared.append(f"{one.call}: the mock does not play it, or not without waiting")
            return None
        if one.operation == "Run":
            return self._run(one)
        task = self._task_of(one)
        if task and task not in self.tasks:
            return None  # the mock refused its run, of which it is told already
        if task:
            self._bring(one, self.tasks[task][0])
        return self._asked(one, self._named_here(one.body, task))

    def frames(self, task: str) -> tuple[Seen, ...]:
        """All frames of a task, to its end as far as there is one."""
        here = self.tasks[task][0]
        self._move(here, TO_THE_LAST)
        return frames_of(self.world, here)

    def loose(self) -> tuple[Mapping[str, Any], ...]:
        """The frames that belong to no task."""
        found: list[Mapping[str, Any]] = [dict(WELCOME)] if self.world.profile.welcome else []
        return (*found, dict(TOKEN_REQUIRED))

    def _plays(self, one: Exchange) -> bool:
        """Whether there is such an operation. A synchronous run answers when its task has ended, so it is left out."""
        found = find("POST", f"/v1/{one.call}")
        return found is not None and found[0].is_on(self.world.profile) and one.operation != "Run/sync"

    # -- runs ----------------------------------------------------------------------------------------

    def _run(self, one: Exchange) -> Exchange | None:
        owner, _, project = one.call.removeprefix("Run/").partition("/")
        known = self.world.catalog.get(owner, project) is not None
        if one.run_id and not known:
            self.not_compared.append(f"{owner}/{project} is no model of the mock's catalogue; see wiro-mock model add")
        self.world.settings = replace(self.world.settings, unknown_models="play" if one.run_id else "refuse")
        self.world.casting.uses.clear()
        for scenario in self._loaded(self._script(one, owner, project), one.call):
            self.world.casting.use(Use(scenarios=(scenario,), times=1))
        answer = self._asked(one, one.body)
        if one.run_id and answer is not None and answer.run_id:
            token = str(answer.answer["socketaccesstoken"])
            self.tasks[one.run_id] = (answer.run_id, token)
            self.tokens[str(one.answer.get("socketaccesstoken", ""))] = one.run_id
        elif one.run_id:
            self.not_compared.append(f"the rest of {one.call}: the mock refused the run")
        return answer

    def _script(self, one: Exchange, owner: str, project: str) -> str:
        """The scenario of what became of this run; empty where that is what the mock does by itself."""
        seen = Sighting(name="drift", owner=owner, project=project, parameters={}, at=0)
        code, message = one.error
        if not one.run_id:
            by_itself = self._own_refusal(one)
            if by_itself is not None and by_itself.error == one.error:
                return ""
            if not isinstance(code, int) or not 0 <= code <= 99_999 or one.status in (401, 403, 404):
                return ""
            return "" if _is_about_parameters(message) else refusal_of(seen, code, str(message)).text
        seen.frames = list(self._frames_of(one.run_id))
        if self._is_stopped(one.run_id) and seen.last is not None and seen.last["type"] == "task_cancel":
            seen.frames.pop()  # the replayed request stops it
        try:
            made = scenario_of(seen) if seen.frames else None
            if made is not None:
                text = made.text if not made.files else ""
                load_text(text)
                return text
        except (NotRecordable, ScenarioError, AssertionError, KeyError, TypeError, ValueError) as error:
            self.not_compared.append(f"what happened in task {one.run_id} cannot be played: {str(error)[:200]}")
        return self._retold(one.run_id)

    def _loaded(self, text: str, what: str) -> list[Scenario]:
        """The scenario of a text, if it is one."""
        try:
            return load_text(text) if text else []
        except ScenarioError as error:
            self.not_compared.append(f"what happened to {what} cannot be played: {error.complaints[0]}")
            return []

    def _own_refusal(self, one: Exchange) -> Exchange | None:
        asked = self._asked(one, one.body)
        return asked if asked is not None and not asked.run_id else None

    def _retold(self, task: str) -> str:
        """The scenario of a task that was looked at, and no more."""
        looks = [found for one in self.take.exchanges for found in one.tasks if _id(found) == task]
        text = retold(looks, is_stopped=self._is_stopped(task))
        return text if self._loaded(text, f"task {task}") else ""

    def _frames_of(self, task: str) -> tuple[Seen, ...]:
        frames = self.take.streams.get(task, ())
        begin = frames[0].at if frames else 0
        return tuple(Seen(at=max(one.at - begin, 0), frame=one.frame) for one in frames)

    def _is_stopped(self, task: str) -> bool:
        return any(one.operation in STOPS and _id(found) == task for one in self.take.exchanges for found in one.tasks)

    # -- requests ------------------------------------------------------------------------------------

    def _task_of(self, one: Exchange) -> str:
        """The service's id of the task that is asked for; empty for none that was run here."""
        if one.operation == "Task/List" or not one.operation.startswith("Task/"):
            return ""
        runs = {run.run_id for run in self.take.runs()}
        named = one.body if isinstance(one.body, dict) else {}
        found = [str(named.get("taskid", "")), *(_id(task) for task in one.tasks)]
        found += [self.tokens.get(str(value), "") for value in named.values()]
        return next((task for task in found if task in runs), "")

    def _named_here(self, body: Any, task: str) -> Any:
        """A body with the mock's names of the task."""
        if not task or not isinstance(body, dict):
            return body
        here, token = self.tasks[task]
        return {name: here if name == "taskid" else token if "token" in name else value for name, value in body.items()}

    def _bring(self, one: Exchange, here: str) -> None:
        """Let time pass until the task is where the service showed it to be."""
        wanted = _where(one)
        if one.operation == "Task/Kill" and wanted == "task_assign" and self.take.streams.get(self._theirs(here)):
            wanted = TO_THE_LAST  # what was seen of it before it was killed
        if wanted:
            self._move(here, wanted)

    def _move(self, here: str, wanted: str) -> None:
        """Let time pass for one task, until it is where it is wanted; the others wait."""
        self.gate.moving = here
        self.world.release(task_id=here)
        for _ in range(STEPS_AT_MOST):
            task, deadline = self.world.sim.task(here), self.world.next_deadline()
            if task is None or task.finished or deadline is None or _is_there(task.status, wanted):
                break
            self.world.jump(deadline)
        self.gate.moving = ""

    def _theirs(self, here: str) -> str:
        return next((task for task, (ours, _) in self.tasks.items() if ours == here), "")

    def _asked(self, one: Exchange, body: Any) -> Exchange | None:
        tries = [self._sent(one, body, headers) for headers in self._headers(one)]
        answers = [found for found in tries if found is not None]
        text = str(one.error[1])
        return max(answers, key=lambda found: SequenceMatcher(None, str(found.error[1]), text).ratio(), default=None)

    def _headers(self, one: Exchange) -> list[dict[str, str]]:
        """The ways in which the key may have been shown; several where a recording hides which it was."""
        project = self.world.project
        nonce = str(NONCE + next(self.nonces))
        key, signature = {"x-api-key": project.key}, sign(project.key, project.secret, nonce)
        signed = {**key, "x-nonce": nonce, "x-signature": signature}
        wrong = {**signed, "x-signature": "0" * 64}
        ways: dict[str, list[dict[str, str]]] = {
            "none": [{}],
            "unknown key": [{"x-api-key": NOBODYS}],
            "key": [key],
            "missigned": [wrong],
            "signed": [signed],
        }
        if one.status in (401, 403) and one.shown == "signed":
            return [wrong, {"x-api-key": NOBODYS}]
        if one.shown == "key" and one.status not in (401, 403):
            return [signed]  # of a project that works by key only
        return ways[one.shown]

    def _sent(self, one: Exchange, body: Any, headers: dict[str, str]) -> Exchange | None:
        found = asked_of(self.world, one.call, body, headers)
        return None if found is None else replace(one, body=body, status=found[0], answer=found[1])


def frames_to_the_end(world: World, task_id: str) -> tuple[Seen, ...]:
    """The frames of a task of ours, from its begin to where nothing more happens by itself."""
    for _ in range(STEPS_AT_MOST):
        task, deadline = world.sim.task(task_id), world.next_deadline()
        if task is None or task.finished or deadline is None:
            break
        world.jump(deadline)
    return frames_of(world, task_id)


def frames_of(world: World, task_id: str) -> tuple[Seen, ...]:
    """The frames of a task of ours so far."""
    task = world.sim.task(task_id)
    if task is None:
        return ()
    told = ((entry.at, frame(entry, task, origins(ORIGIN), world.profile)) for entry in world.sim.log(task_id))
    return tuple(Seen(at=at, frame=dict(shape)) for at, shape in told if shape is not None)


def asked_of(world: World, call: str, body: Any, headers: Mapping[str, str] | None = None) -> tuple[int, Any] | None:
    """Status and JSON that a mock answers to a call, signed unless other headers are given; None for no JSON."""
    if headers is None:
        project, nonce = world.project, str(NONCE)
        signature = sign(project.key, project.secret, nonce)
        headers = {"x-api-key": project.key, "x-nonce": nonce, "x-signature": signature}
    reader = BodyReader("application/json", world.blobs)
    reader.feed(json.dumps(body).encode())
    finished = reader.finish() if body is not None else NO_BODY
    sent = {"content-type": "application/json", **headers}
    response = world.handle(Request(method="POST", path=f"/v1/{call}", headers=sent, origin=ORIGIN, body=finished))
    try:
        return response.status, json.loads(response.content)
    except ValueError:
        return None


def _id(task: Mapping[str, Any]) -> str:
    return str(task.get("id", ""))


def _where(one: Exchange) -> str:
    """Where the task has to be for this answer, by what the answer tells; empty for where it is."""
    shown = next((str(task.get("status")) for task in one.tasks), "")
    refused = one.error != (None, None)
    if one.operation == "Task/Kill":
        return "task_assign" if shown == "task_cancel" else shown
    if one.operation == "Task/Cancel":
        return "task_accept" if refused else ""
    if one.operation == "Task/InputOutputDelete":
        return "" if refused else "task_postprocess_end"
    return shown


def _is_there(status: Status, wanted: str) -> bool:
    """Whether a task is where it is wanted, or past that."""
    if status == wanted:
        return True
    if wanted == TO_THE_LAST:
        return False
    if wanted in ORDER and status in ORDER:
        return ORDER.index(status) >= ORDER.index(wanted)
    return wanted not in ORDER and wanted not in (Status.ERROR, *TERMINAL)


def _is_about_parameters(message: object) -> bool:
    """Whether a run was refused for what it was given, which the mock is to refuse by itself."""
    return str(message).startswith(("Request parameter", "Request files"))
