"""What a handler gives back: the response, and what the journal is to know of it."""

from __future__ import annotations

from typing import NamedTuple

from wiro_mock.api import jsontext, wire
from wiro_mock.api.messages import Outcome, Response
from wiro_mock.api.origin import origins
from wiro_mock.api.profile import Profile
from wiro_mock.kernel.task import Task

JSON_HEADERS = (("content-type", "application/json; charset=utf-8"),)

EXPIRED = Response(
    status=403,
    headers=(("content-type", "application/xml"),),
    content=b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
)
"""No source shows an expired URL of Wiro's CDN; this is how S3 words it, our choice."""


class Answer(NamedTuple):
    """A response and its outcome."""

    response: Response
    outcome: Outcome


def answer(shape: object, outcome: Outcome, *, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(Response(status=status, headers=JSON_HEADERS, content=jsontext.dumps(shape).encode()), outcome)


class DetailTexts:
    """The texts of the latest Detail answers: clients poll, and mostly nothing has changed since the last poll.

    A task is a value, so while it is the very same one (not an equal one: 1 equals true), its text is the same.
    """

    MOST = 256
    LONGEST = 1 << 16

    def __init__(self) -> None:
        self._texts: dict[str, tuple[Task, str, Profile, bytes]] = {}

    def of(self, task: Task, origin: str, profile: Profile) -> bytes:
        """The text of this task's Detail, for a request of this origin."""
        kept = self._texts.get(task.job.id)
        if kept is not None and kept[0] is task and kept[1] == origin and kept[2] is profile:
            return kept[3]
        text = jsontext.dumps(wire.detail(task, origins(origin), profile)).encode()
        self._texts.pop(task.job.id, None)
        if len(text) <= self.LONGEST:
            self._texts[task.job.id] = (task, origin, profile, text)
            if len(self._texts) > self.MOST:
                del self._texts[next(iter(self._texts))]
        return text
