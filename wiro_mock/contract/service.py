"""The service as the checks see it: an HTTP client, a socket client, a cheap model, and three runs to look at.

The runs are made when a check first asks for one and shared by all that do: one is let finish, one is cancelled, one is
killed. What is started is remembered, so that it can be stopped and its files deleted in the end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from wiro_mock.contract.client import Answer, Credentials, Http
from wiro_mock.contract.compare import differences, shown
from wiro_mock.contract.listener import ENDS, STATUSES, Listener
from wiro_mock.contract.made import CheapModel, Finished, Run, Stopped
from wiro_mock.contract.promise import Broken, Note, NotVerified, RateLimited, Trouble, Unmet

T = TypeVar("T")
RUNS_AT_MOST = 3
"""So many runs may be started, by whatever check."""
UNFIT = (96, 97, 98)
"""The codes of a refused run that say something of the account, and nothing of the API (rest.md §9)."""
LOOKS = 200
"""Looks at a task, after which it is given up on: ten minutes at the slowest pace, as in Wiro's SDKs."""
LONGEST_SILENCE = 600.0
"""Seconds after which nothing more is listened for, as in Wiro's SDKs."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 3.0
"""Seconds between two looks; the longest is the pace of Wiro's own clients (socket.md §2.1)."""
LOOKS_AT_UNKNOWN = 30
"""Looks at a status that no source knows, and that stays, after which it is taken for an end: a good minute."""
TOLERATED: Mapping[str, Any] = {"user_id": "wiro-mock", "session_id": "", "callbackUrl": ""}
"""What clients send besides, and to whatever model (clients.md no. 21); the last of them tells nobody."""
TAKEN_ON = "runs.is_taken_on"
IS_SHOWN = "tasks.is_shown"
ARE_KNOWN = "tasks.statuses_are_known"


@dataclass
class Service:
    """One service under test. `pause` waits between looks; `notes` collects what is worth telling beside."""

    http: Http
    socket_url: str
    model: CheapModel
    patience: float
    pause: Callable[[float], None]
    notes: list[Note] = field(default_factory=list)
    started: list[Run] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    speaker: CheapModel | None = None
    talker: CheapModel | None = None
    runs_at_most: int = RUNS_AT_MOST
    unknown_task: str = "999999999999"
    unsure: list[str] = field(default_factory=list)
    statuses: set[str] = field(default_factory=set)
    on_frame: Callable[[dict[str, Any]], None] | None = None
    finish_with: Mapping[str, Any] = field(default_factory=dict)
    """What the run that is let finish is given besides."""
    _made: dict[str, Any] = field(default_factory=dict)

    @property
    def credentials(self) -> Credentials:
        """Those of the project."""
        return self.http.credentials

    def post(self, path: str, body: object, *, headers: Mapping[str, str] | None = None) -> Answer:
        """POST JSON, signed unless other headers are given."""
        return self.http.post(path, body, headers=headers)

    def listen(self) -> Listener:
        """A socket of its own, open while the block runs."""
        return Listener(self.socket_url, patience=self.patience, on_frame=self.on_frame)

    def compare(self, value: object, shape: Any, *, path: str = "") -> None:
        """A value is of a documented shape, or the promise is broken; what is new in it is noted."""
        found = differences(value, shape, path=path)
        for one in found:
            if one.is_new:
                text = f"{one.shape}.{one.field} is new: {one.path} is {one.got}"
                self.notes.append(Note(level="upstream new", subject=f"new field {one.field}", text=text))
        wrong = [one for one in found if not one.is_new]
        if wrong:
            raise Broken(
                "; ".join(f"{one.path or 'the answer'}: {one.expected}" for one in wrong),
                "; ".join(one.got for one in wrong),
            )

    def differs(self, what: str, documented: object, live: object, *, switch: str) -> None:
        """Note that a service does as another source than the documentation has it; so does the mock, with `switch`."""
        text = f"{what}: documented {shown(documented)}, here {shown(live)} (the mock does so with {switch})"
        self.notes.append(Note(level="documentation differs", subject=what, text=text))

    # -- runs ---------------------------------------------------------------------------------------

    def try_run(self, path: str, inputs: Mapping[str, Any]) -> Answer:
        """Ask for a run, of which a no is expected or not; what is taken on is remembered."""
        self.check_room()
        try:
            answer = self.post(f"Run/{path}", inputs)
        except RateLimited:
            raise
        except Trouble:
            self.unsure.append(path)  # it may have been taken on, and the answer lost
            raise
        self.remember(answer)
        return answer

    def remember(self, answer: Answer) -> None:
        """What was taken on, if this is the answer to that, is to be over in the end."""
        body = answer.json if isinstance(answer.json, dict) else {}
        if body.get("result") is True and body.get("taskid"):
            token = str(body.get("socketaccesstoken") or "")
            self.started.append(Run(answer=answer, task_id=str(body["taskid"]), token=token))

    def check_room(self) -> None:
        """Raises `NotVerified` where no more runs may be started."""
        if len(self.started) >= self.runs_at_most:
            raise NotVerified(f"{self.runs_at_most} runs have been started, and no more are")

    def run(self, inputs: Mapping[str, Any] | None = None) -> Run:
        """A run of the cheap model. Raises `Trouble` if the account cannot, `Unmet` if a run is not taken on."""
        before = len(self.started)
        answer = self.try_run(self.model.path, inputs or self.model.inputs)
        code, message = answer.error
        if len(self.started) == before:
            if code in UNFIT:
                raise Trouble(f"{answer.call}: the account cannot run models: {code} {shown(message)}")
            self._made.setdefault("refused run", answer)
            raise Unmet(TAKEN_ON)
        return self.started[-1]

    @property
    def refused_run(self) -> Answer | None:
        """The answer to the run that was refused though it should have been taken on."""
        answer: Answer | None = self._made.get("refused run")
        return answer

    def tolerant_run(self) -> Run:
        """A run that is asked for with what clients send besides; where that is refused, one without it."""
        numbers = {name: int(text) for name, text in self.model.inputs.items() if str(text).isdigit()}
        before = len(self.started)
        answer = self.try_run(self.model.path, {**self.model.inputs, **numbers, **TOLERATED})
        if len(self.started) > before:
            return self.started[-1]
        self._made.setdefault("refused extras", answer)
        return self.run()

    @property
    def refused_extras(self) -> Answer | None:
        """The answer to the run that was refused for what it was asked with besides."""
        answer: Answer | None = self._made.get("refused extras")
        return answer

    def run_to_the_end(self) -> Run:
        """The run that `finished` follows, taken on and no more."""
        return self.once("run", lambda: self.run({**self.model.inputs, **self.finish_with}))

    def finished(self) -> Finished:
        """The run that is let finish, followed over the socket from the begin, when it has. Raises `Unmet` where it
        stays in a status that nobody knows, `Trouble` where it does not end.
        """
        return self.ended(self.followed())

    def followed(self) -> Finished:
        """Likewise, whatever became of it."""
        return self.once("finished", self._finish)

    def ended(self, made: Finished) -> Finished:
        """A run that was followed, if it has ended; raises as `finished` does."""
        status = made.task.get("status")
        if status not in STATUSES:
            raise Unmet(ARE_KNOWN, f"status {' or '.join(ENDS)} of a task in the end", f"status {shown(status)}")
        if status not in ENDS:
            raise Trouble(f"task {made.run.task_id} has not ended: it was still in {status} after {LOOKS} looks")
        return made

    def cancelled(self) -> Stopped:
        """The run that is cancelled at once."""
        return self.once("cancelled", self._cancel)

    def killed(self) -> Stopped:
        """The run that is killed as soon as it has a worker."""
        return self.once("killed", self._kill)

    def task_of(self, answer: Answer) -> dict[str, Any]:
        """The one task in an answer; `Unmet` if there is none."""
        return self.task_in(answer.json)

    def task_in(self, value: Any) -> dict[str, Any]:
        """The one task in the JSON of an answer; `Unmet` if there is none."""
        tasks = value.get("tasklist") if isinstance(value, dict) else None
        if not isinstance(tasks, list) or not tasks or not isinstance(tasks[0], dict):
            raise Unmet(IS_SHOWN, "a task in tasklist[0]", f"the answer {shown(value)}")
        return tasks[0]

    def look(self, run: Run, enough: Callable[[str], bool] = lambda _: False) -> tuple[Answer, dict[str, Any]]:
        """Look at a task until its status is enough, or final; the longer nothing changes, the more seldom. What is
        shown last is returned, also where it is given up on: after many looks, or not so many at an unknown status.
        """
        pause, before, odd = SHORTEST_PAUSE, None, 0
        for _ in range(LOOKS):
            answer = self.post("Task/Detail", {"tasktoken": run.token} if run.token else {"taskid": run.task_id})
            task = self.task_of(answer)
            status = str(task.get("status"))
            self.statuses.add(status)
            odd = odd + 1 if status not in STATUSES else 0
            if status in ENDS or enough(status) or odd > LOOKS_AT_UNKNOWN:
                break
            if before is not None and status == str(before.get("status")):
                pause = min(2 * pause, LONGEST_PAUSE) if task == before else SHORTEST_PAUSE
                self.pause(pause)
            before = task
        return answer, task

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Made at the first call; what went wrong then goes wrong again for everybody who asks."""
        if name not in self._made:
            try:
                self._made[name] = make()
            except (Broken, Unmet, NotVerified, Trouble) as error:
                self._made[name] = error
        made = self._made[name]
        if isinstance(made, Exception):
            raise made
        result: T = made
        return result

    def _finish(self) -> Finished:
        return self.follow(self.run_to_the_end())

    def follow(self, run: Run) -> Finished:
        """Listen to a task and look at it, to its end."""
        frames: list[dict[str, Any]] = []
        problem: Exception | None = None
        try:
            with self.listen() as socket:
                socket.register(run.own_token)
                frames = self._heard(socket, run)
        except (Trouble, Broken, Unmet) as error:
            problem = error
        detail, task = self.look(run)
        return Finished(run=run, frames=frames, no_frames=problem, detail=detail, task=task)

    def _heard(self, socket: Listener, run: Run) -> list[dict[str, Any]]:
        """The frames to the end; where none comes for long, Detail says whether there is anything to wait for."""
        frames, deadline = socket.until_end(), time.monotonic() + LONGEST_SILENCE
        while not (socket.is_closed or (frames and frames[-1]["type"] in ENDS) or time.monotonic() > deadline):
            _, task = self.look(run, lambda _: True)
            more = socket.until_end()
            frames += more
            if not more and task.get("status") in ENDS:
                break
        return frames

    def _cancel(self) -> Stopped:
        run = self.run()
        before = self.post("Task/InputOutputDelete", {"tasktoken": run.own_token})
        return self._stop(run, before, partial(self.post, "Task/Cancel", {"taskid": run.task_id}))

    def _kill(self) -> Stopped:
        run = self.tolerant_run()
        before, _ = self.look(run, lambda status: bool(re.fullmatch("task_(assign|start|output.*)", status)))
        return self._stop(run, before, partial(self.post, "Task/Kill", {"socketaccesstoken": run.own_token}))

    def _stop(self, run: Run, before: Answer, stop: Callable[[], Answer]) -> Stopped:
        stopped, again = stop(), stop()
        task = self.task_of(self.post("Task/Detail", {"taskid": run.task_id}))
        return Stopped(run=run, before=before, stop=stopped, again=again, task=task)
