"""The conversations with language models: what was asked and answered before under one `user_id` and `session_id`.

Wiro keeps them on its side (socket.md §4.2); how long, and what a model is given of them, no source says. Here an
answer that came to a good end is remembered: the latest thousand conversations, fifty turns of each, and of all of them
together sixteen million characters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from wiro_mock.kernel.events import Entry, PostprocessEnded
from wiro_mock.kernel.task import Task

if TYPE_CHECKING:
    from wiro_mock.kernel.answer import Turn

MOST = 1_000
TURNS = 50
LONGEST = 20_000
"""Characters of a question, and of an answer, that are remembered."""
LARGEST = 16_000_000
"""Characters of all conversations; of more, the one not spoken in for longest is forgotten."""


class Talks:
    """The conversations, the one spoken in last at the end."""

    def __init__(self) -> None:
        self._talks: dict[tuple[str, str], deque[Turn]] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._talks)

    def conversations(self) -> Iterator[tuple[tuple[str, str], tuple[Turn, ...]]]:
        """Whose they are (user and session), and what was said; the one spoken in last at the end."""
        return ((name, tuple(turns)) for name, turns in self._talks.items())

    def resume(self, user: str, session: str, turns: Iterable[Turn]) -> None:
        """A conversation goes on, and has been spoken in after those that are there."""
        talk = self._talks[user, session] = deque(turns)
        self._size += sum(turn.size for turn in talk)

    def turns(self, parameters: Mapping[str, object]) -> Sequence[Turn]:
        """What came before in the conversation of a run; nothing where it names none."""
        return tuple(self._talks.get(_name(parameters) or ("", ""), ()))

    def hear(self, task: Task, entry: Entry) -> None:
        """Remember an answer that has come to its end."""
        if isinstance(entry.event, PostprocessEnded) and (reply := task.shown_reply) is not None:
            from wiro_mock.kernel.answer import plain

            self.remember(task.job.parameters, reply.answer.prompt, plain(reply.said()))

    def remember(self, parameters: Mapping[str, object], prompt: str, answer: str) -> None:
        """Remember a turn of the conversation that a run names, if it names one."""
        if (name := _name(parameters)) is None:
            return
        from wiro_mock.kernel.answer import Turn

        talk = self._talks.pop(name, None) or deque[Turn]()
        talk.append(Turn.of(prompt[:LONGEST], answer[:LONGEST]))
        self._size += talk[-1].size
        while len(talk) > TURNS:
            self._size -= talk.popleft().size
        self._talks[name] = talk
        while len(self._talks) > MOST or self._size > LARGEST:
            forgotten = self._talks.pop(next(iter(self._talks)))
            self._size -= sum(turn.size for turn in forgotten)


def _name(parameters: Mapping[str, object]) -> tuple[str, str] | None:
    """The user and the session of a run; None where there is no session."""
    user, session = (parameters.get(key) for key in ("user_id", "session_id"))
    if not isinstance(session, str | int) or session == "":
        return None
    return (str(user)[:LONGEST] if isinstance(user, str | int) else ""), str(session)[:LONGEST]
