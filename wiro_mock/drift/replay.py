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
from typing import Any
from urllib.parse import urlsplit

from wiro_mock.api import find
from wiro_mock.api.frames import TOKEN_REQUIRED, WELCOME
from wiro_mock.api.origin import origins
from wiro_mock.api.wire import file_url
from wiro_mock.casting import Use
from wiro_mock.drift.asking import NONCE, ORIGIN, STEPS_AT_MOST, asked_of, fetched_of, frames_of, ways_to_show
from wiro_mock.drift.scripts import STOPS, Scripts, id_of
from wiro_mock.drift.storage import Storage, bare, output_at
from wiro_mock.drift.takes import ABSENT, Exchange, Take
from wiro_mock.drift.whereabouts import TO_THE_LAST, is_there, where
from wiro_mock.kernel.events import Event
from wiro_mock.kernel.rules import Limits
from wiro_mock.kernel.task import Task
from wiro_mock.loader import Library
from wiro_mock.mock import World
from wiro_mock.recorder.observed import Seen
from wiro_mock.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What the mock answered to each exchange (None: it could not be asked); its frames, and the bodies of its
    webhooks, by the service's task ids.

    `not_compared` says what could not be asked, and why.
    """

    answers: tuple[Exchange | None, ...]
    streams: Mapping[str, tuple[Seen, ...]]
    loose: tuple[Mapping[str, Any], ...]
    hooks: Mapping[str, tuple[Any, ...]]
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
            hooks={task: replay.hooks(task) for task in replay.tasks if replay.has_ended(task)},
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
    outputs: dict[str, list[str]] = field(default_factory=dict)
    told: dict[str, tuple[Seen, ...]] = field(default_factory=dict)
    not_compared: list[str] = field(default_factory=list)
    nonces: Iterator[int] = field(default_factory=count)
    gate: _Gate = field(default_factory=_Gate)

    def __post_init__(self) -> None:
        self.world = World(
            replace(self.settings, time="manual", limits=Limits(), balance=10**6 * self.settings.balance),
            library=self.library,
        )
        self.world.gates.append(self.gate)
        self.scripts = Scripts(self.take, self.not_compared.append)
        self.storage = Storage(self.not_compared.append)

    def ask(self, one: Exchange) -> Exchange | None:
        """What the mock answers to the same request."""
        if one.is_file:
            return self._fetched(one)
        if one.answer is ABSENT:
            return None
        if one.error == (None, None) and not self._plays(one):
            self.not_compared.append(f"{one.call}: the mock does not play it, or not without waiting")
            return None
        if one.operation == "Run":
            return self._run(one)
        if one.operation.startswith("File/"):
            return self._stored(one)
        task = self._task_of(one)
        if task and task not in self.tasks:
            return None  # the mock refused its run, of which it is told already
        if task:
            self._bring(one, self.tasks[task][0])
            self._note_outputs(task)
            if one.operation == "Task/InputOutputDelete" and task not in self.told:
                self.told[task] = frames_of(self.world, self.tasks[task][0])  # afterwards they would list nothing
        return self._asked(one, self._named_here(one.body, task))

    def frames(self, task: str) -> tuple[Seen, ...]:
        """All frames of a task, to its end as far as there is one."""
        here = self.tasks[task][0]
        self._move(here, TO_THE_LAST)
        told, before = frames_of(self.world, here), self.told.get(task, ())
        return before if len(before) == len(told) else told

    def has_ended(self, task: str) -> bool:
        """Whether a task is over, so that its webhook has been posted, if there is one."""
        found = self.world.sim.task(self.tasks[task][0])
        return found is not None and found.finished

    def hooks(self, task: str) -> tuple[Any, ...]:
        """The bodies that would have been posted for a task, where each was answered as the service's was."""
        ours = [one for one in self.world.webhooks if one.delivery.task_id == self.tasks[task][0]]
        body = self.world.webhook_body(ours[0]) if ours else None
        answered = [one.answered for one in self.take.hooks if one.task == task]
        most = self.world.profile.callback_attempts
        times = next((n for n, status in enumerate(answered[:most], 1) if status == 200), most)
        return () if body is None else (json.loads(body),) * times

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
        for scenario in self.scripts.of_run(one, lambda: self._own_refusal(one)):
            self.world.casting.use(Use(scenarios=(scenario,), times=1))
        answer = self._asked(one, one.body)
        if one.run_id and answer is not None and answer.run_id:
            token = str(answer.answer["socketaccesstoken"])
            self.tasks[one.run_id] = (answer.run_id, token)
            self.tokens[str(one.answer.get("socketaccesstoken", ""))] = one.run_id
        elif one.run_id:
            self.not_compared.append(f"the rest of {one.call}: the mock refused the run")
        return answer

    def _own_refusal(self, one: Exchange) -> Exchange | None:
        asked = self._asked(one, one.body)
        return asked if asked is not None and not asked.run_id else None

    # -- files ---------------------------------------------------------------------------------------

    def _stored(self, one: Exchange) -> Exchange | None:
        asked = self.storage.named_here(one)
        if asked is None:
            return None
        answer = self._asked(one, asked.body)
        if answer is not None:
            self.storage.learn(one, answer)
        return answer

    def _fetched(self, one: Exchange) -> Exchange | None:
        """What the mock answers to a request for the same file; None where nobody knows which one that is."""
        if found := output_at(self.take, one.call):
            task, place = found
            if task not in self.tasks:
                return None
            for status in ("task_end", "task_postprocess_end") if one.status < 400 else ():
                if place >= len(self._note_outputs(task)):
                    self._move(self.tasks[task][0], status)
            paths = self._note_outputs(task)
            return fetched_of(self.world, one, paths[place]) if place < len(paths) else None
        if path := self.storage.paths.get(bare(one.call)):
            return fetched_of(self.world, one, path)
        if one.status >= 400:
            return fetched_of(self.world, one, urlsplit(one.call).path)
        self.not_compared.append("a file that was fetched: no answer that was kept lists it")
        return None

    def _note_outputs(self, task: str) -> list[str]:
        """The paths of a task's outputs, which are remembered when they are deleted."""
        here = self.world.sim.task(self.tasks[task][0])
        if here is not None and here.shown_outputs:
            self.outputs[task] = [urlsplit(file_url(one, origins(ORIGIN))).path for one in here.shown_outputs]
        return self.outputs.get(task, [])

    # -- requests ------------------------------------------------------------------------------------

    def _task_of(self, one: Exchange) -> str:
        """The service's id of the task that is asked for; empty for none that was run here."""
        if one.operation == "Task/List" or not one.operation.startswith("Task/"):
            return ""
        runs = {run.run_id for run in self.take.runs()}
        named = one.body if isinstance(one.body, dict) else {}
        found = [str(named.get("taskid", "")), *(id_of(task) for task in one.tasks)]
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
        wanted = where(one)
        is_stopped = one.operation in STOPS and any(task.get("status") == "task_cancel" for task in one.tasks)
        if is_stopped and self.take.streams.get(self._theirs(here)):
            wanted = TO_THE_LAST  # what was seen of it before it was stopped
        if wanted:
            self._move(here, wanted)

    def _move(self, here: str, wanted: str) -> None:
        """Let time pass for one task, until it is where it is wanted; the others wait."""
        self.gate.moving = here
        self.world.release(task_id=here)
        for _ in range(STEPS_AT_MOST):
            task, deadline = self.world.sim.task(here), self.world.next_deadline()
            if task is None or task.finished or deadline is None or is_there(task.status, wanted):
                break
            self.world.jump(deadline)
        self.gate.moving = ""

    def _theirs(self, here: str) -> str:
        return next((task for task, (ours, _) in self.tasks.items() if ours == here), "")

    def _asked(self, one: Exchange, body: Any) -> Exchange | None:
        ways = ways_to_show(self.world, one, str(NONCE + next(self.nonces)))
        tries = [self._sent(one, body, headers) for headers in ways]
        answers = [found for found in tries if found is not None]
        text = str(one.error[1])
        return max(answers, key=lambda found: SequenceMatcher(None, str(found.error[1]), text).ratio(), default=None)

    def _sent(self, one: Exchange, body: Any, headers: dict[str, str]) -> Exchange | None:
        found = asked_of(self.world, one.call, body, headers)
        return None if found is None else replace(one, body=body, status=found[0], answer=found[1])
