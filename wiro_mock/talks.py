"""The conversations with language models: what was asked and answered before under one `user_id` and `session_id`.

Wiro keeps them on its side (socket.md §4.2); how long, and what a model is given of them, no source says. Here an
answer that came to a good end is remembered: the latest thousand conversations, fifty turns of each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from wiro_mock.kernel.answer import Turn, plain
from wiro_mock.kernel.events import Entry, PostprocessEnded
from wiro_mock.kernel.task import Task

MOST = 1_000
TURNS = 50
LONGEST = 20_000
"""Characters of a question, and of an answer, that are remembered."""


class Talks:
    """The conversations, the one spoken in last at the end."""

    def __init__(self) -> None:
        self._talks: dict[tuple[str, str], deque[Turn]] = {}

    def turns(self, parameters: Mapping[str, object]) -> Sequence[Turn]:
        """What came before in the conversation of a run; nothing where it names none."""
        return tuple(self._talks.get(_name(parameters) or ("", ""), ()))

    def hear(self, task: Task, entry: Entry) -> None:
        """Remember an answer that has come to its end."""
        if not isinstance(entry.event, PostprocessEnded) or task.shown_reply is None:
            return
        if (name := _name(task.job.parameters)) is None:
            return
        talk = self._talks.pop(name, None) or deque(maxlen=TURNS)
        reply = task.shown_reply
        talk.append(Turn(prompt=reply.answer.prompt[:LONGEST], answer=plain(reply.said())[:LONGEST]))
        self._talks[name] = talk
        if len(self._talks) > MOST:
            del self._talks[next(iter(self._talks))]


def _name(parameters: Mapping[str, object]) -> tuple[str, str] | None:
    """The user and the session of a run; None where there is no session."""
    user, session = (parameters.get(key) for key in ("user_id", "session_id"))
    if not isinstance(session, str | int) or session == "":
        return None
    return str(user or "")[:LONGEST], str(session)[:LONGEST]
