"""The runs that came by: each that was taken on is followed, each that was refused is a scenario at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import httpx

from wiro_mock.kernel.catalog import clean_slug
from wiro_mock.recorded_match import match_of
from wiro_mock.recorder.attending import Attending, may_be_realtime
from wiro_mock.recorder.callbacks import NAME, Call
from wiro_mock.recorder.fetching import fetched
from wiro_mock.recorder.follower import Follower
from wiro_mock.recorder.observed import refusal_of
from wiro_mock.recorder.passing import parsed
from wiro_mock.recorder.places import Upstream
from wiro_mock.recorder.redaction import REDACTED, Redactor
from wiro_mock.recorder.shelf import CannotRecord, Shelf
from wiro_mock.recorder.sighting import Seen, Sighting
from wiro_mock.recorder.told import ANSWERED, frames_of
from wiro_mock.recorder.traffic import Traffic

if TYPE_CHECKING:
    import ssl

ENDED: Final = "the recorder was ended before the task"
UNHEARD: Final = "its client did not listen to it through the recorder"
"""Why a task is recorded in part."""
PAUSE: Final = 0.5
"""Seconds after a task's end in which the wire itself is written."""
LATEST: Final = 64
HEAVY: Final = 1 << 20
"""So many tasks are remembered after their end, those of more bytes not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run on its way: what it asks for, the body that goes to the upstream, its webhook, and when it came."""

    parameters: dict[str, object]
    body: bytes
    call: Call | None
    at: int


@dataclass(slots=True, kw_only=True)
class Runs:
    """All runs. `followers` are those of the tasks that go on; `now` is the time in microseconds."""

    upstream: Upstream
    shelf: Shelf
    redactor: Redactor
    tell: Callable[[str], None]
    wants_bytes: bool
    tls: ssl.SSLContext | None
    now: Callable[[], int]
    traffic: Traffic | None
    http: httpx.AsyncClient = field(init=False)
    followers: dict[asyncio.Task[None], Follower] = field(default_factory=dict)
    _known: dict[str, Follower] = field(default_factory=dict)
    _attending: dict[str, Attending] = field(default_factory=dict)
    _complaint: str = ""
    _due: asyncio.TimerHandle | None = None
    _is_over: bool = False

    async def end(self, grace: float) -> None:
        """Write the tasks that have not ended after so many seconds."""
        if waited := [task for task, follower in self.followers.items() if not follower.alone]:
            await asyncio.wait(waited, timeout=grace)
        left = dict(self.followers)
        for task, follower in left.items():
            task.cancel()
            unheard = follower.alone and not follower.sighting.frames
            follower.sighting.partial = follower.sighting.partial or (UNHEARD if unheard else ENDED)
            follower.write()
        self._is_over = True
        self.write_traffic()
        await asyncio.gather(*left, return_exceptions=True)  # their sockets are closed before the loop is

    async def detail(self, text: str) -> None:
        """Task/Detail knows what no frame tells."""
        found = parsed(text)
        listed = found.get("tasklist") if isinstance(found, dict) else None
        for task in listed if isinstance(listed, list) else []:
            if isinstance(task, dict) and (follower := self._known.get(str(task.get("id")))):
                await follower.detail(task)

    def stopped(self, task_id: object) -> None:
        """Its client has cancelled or killed it, and the upstream has said yes."""
        if follower := self._known.get(str(task_id)):
            follower.stopped()

    def _write_traffic_soon(self) -> None:
        """Write it once for the tasks that end together: it is all one file, which grows with every task."""
        if self.traffic and self._due is None and not self._is_over:
            self._due = asyncio.get_running_loop().call_later(PAUSE, self.write_traffic)

    def write_traffic(self) -> None:
        """Write the wire itself, where that is wanted."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self.traffic:
            try:
                self.traffic.write(self.now())
                self._complaint = ""
            except CannotRecord as complaint:
                if str(complaint) != self._complaint:  # once, and not for every task
                    self.tell(str(complaint))
                self._complaint = str(complaint)

    async def see(self, run: Run, path: str, shown: str, status: int, text: str) -> None:
        """See what became of a Run: a task, or a refusal."""
        answer = parsed(text)
        if not isinstance(answer, dict):
            self.tell(f"the upstream answered {shown} with no object of JSON; nothing was recorded")
            return
        token = str(answer.get("socketaccesstoken") or "")
        self.redactor.learn(token, pool="tokens")
        errors = answer.get("errors")
        if token and (answer.get("result") or answer.get("taskid")):
            self.follow(run, path, str(answer.get("taskid")), token)  # one that waited in vain goes on (rest.md §2.1)
        elif (task := self.task_of(answer)) is not None:
            follower = self.follower(run, path, str(task.get("id")), str(task.get("socketaccesstoken") or ""))
            follower.weight += len(text)
            self.conclude(follower, task, (), ANSWERED)
        elif errors:
            error = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
            self._refused(self._sighting(run, path), error)
        elif status < 400:
            self.tell(f"{shown} is no run that can be followed (no socketaccesstoken); it was not recorded")

    def _sighting(self, run: Run, path: str) -> Sighting:
        owner, project = map(_slug, ([*path.removeprefix("/v1/Run/").split("/"), "", ""])[:2])
        owner, project = self.redactor.text(owner), self.redactor.text(project)
        parameters = self.redactor.value(run.parameters)
        assert isinstance(parameters, dict)
        kept = {key: one for key, one in parameters.items() if REDACTED not in str(one) and REDACTED not in key}
        kept.pop(NAME, None)
        name = self.shelf.name(clean_slug(project))
        seen = Sighting(name=name, owner=owner, project=project, parameters=kept, at=run.at)
        seen.nth = self.shelf.turn(match_of(seen.model, kept))
        return seen

    def follower(self, run: Run, path: str, task_id: str, token: str) -> Follower:
        """Who writes what is seen of a run that was taken on; nobody listens yet."""
        follower = Follower(
            sighting=self._sighting(run, path),
            task_id=task_id,
            token=token,
            shelf=self.shelf,
            redactor=self.redactor,
            tell=self.tell,
            now=self.now,
            fetch=self._fetch if self.wants_bytes else None,
            tls=self.tls,
            heard=self.traffic.heard if self.traffic else None,
        )
        if run.call is not None:
            run.call.belongs_to(follower)
            if self.traffic:
                self.traffic.awaits(follower.task_id)
        return follower

    def follow(self, run: Run, path: str, task_id: str, token: str) -> Follower:
        """Listen to the task of a run."""
        follower = self.follower(run, path, task_id, token)
        self._known[task_id] = follower
        by_wire = may_be_realtime(follower.sighting.project)

        def listen() -> None:
            self.spawn(follower, follower.follow(self.upstream.socket))

        attending = self._attending[task_id] = Attending(follower=follower, by_wire=by_wire, listen=listen)
        self.spawn(follower, attending.attend() if by_wire else follower.follow(self.upstream.socket))
        return follower

    def attending(self, token: str) -> Attending | None:
        """What becomes of the session with this token, where there may be one."""
        return next((one for one in reversed(self._attending.values()) if one.follower.token == token), None)

    def conclude(self, follower: Follower, task: Mapping[str, Any], said: Sequence[Seen], note: str) -> None:
        """A task to which nobody listened is over; Detail has told this of it."""
        self.redactor.learn(str(task.get("socketaccesstoken") or ""), pool="tokens")
        follower.task_id = str(task.get("id"))
        follower.sighting.note = note
        frames = frames_of(task, follower.sighting.at, self.now(), said)
        self.spawn(follower, follower.conclude(task, frames))

    def spawn(self, follower: Follower, work: Coroutine[Any, Any, None]) -> None:
        """Do this for a follower, beside everything else, and before the recorder ends."""
        task = asyncio.create_task(work)
        self.followers[task] = follower
        task.add_done_callback(self._ended)

    @staticmethod
    def task_of(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The one task that Detail, and a synchronous run, answer with."""
        tasks = answer.get("tasklist") if answer.get("result") else None
        return tasks[0] if isinstance(tasks, list) and tasks and isinstance(tasks[0], dict) else None

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task is not followed any more. The latest are kept for what Detail says, unless they are big."""
        follower = self.followers.pop(task)
        self._write_traffic_soon()
        if not task.cancelled() and (error := task.exception()):
            self.tell(
                f"{follower.sighting.name} is not recorded whole: {type(error).__name__}, a mistake in wiro_mock itself"
            )
        followed = {id(follower) for follower in self.followers.values()}
        over = {key: one for key, one in self._known.items() if id(one) not in followed}
        for number, (key, follower) in enumerate(over.items()):
            if follower.weight > HEAVY or number < len(over) - LATEST:
                del self._known[key]
                self._attending.pop(key, None)

    def _refused(self, sighting: Sighting, error: dict[str, Any]) -> None:
        code, message = error.get("code"), self.redactor.text(str(error.get("message") or ""))
        if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code <= 99_999:
            self.tell(f"a run of {sighting.owner}/{sighting.project} was refused without a code; it was not recorded")
            return
        try:
            self.shelf.write(sighting.name, refusal_of(sighting, code, message))
        except CannotRecord as complaint:
            self.tell(str(complaint))

    async def _fetch(self, url: str) -> bytes | None:
        return await fetched(self.http, self.upstream, url, self.tell)


def _slug(part: str) -> str:
    """What a part of a path says; one with a slash in it names no model, and stays as it came."""
    plain = unquote(part)
    return part if "/" in plain else plain
