"""The WebSocket dialogue, without a socket: what a client says in, the frames it is to get out.

Whom it follows, and what has not been sent, is in `following`.
"""

from __future__ import annotations

from dataclasses import dataclass

from wiro_mock.api import jsontext, session_shape
from wiro_mock.api.following import Following
from wiro_mock.api.frames import TOKEN_REQUIRED, WELCOME
from wiro_mock.api.lost_tasks import about_token
from wiro_mock.api.socket_hints import END, INTERRUPT, ITS_SOURCE, SEND, instead_of_a_token, of_another_type

TOKEN_LENGTH = 200
"""What is longer can be no token, and is not remembered for a run to come. Ours."""
LONGEST_MESSAGE = 64 << 10
"""Characters of a message that is looked into. Of 8 MiB of empty brackets, JSON makes three million lists, and others
would wait for that. Ours."""


@dataclass(slots=True)
class Conversation(Following):
    """One connection's side of the dialogue."""

    def welcome(self) -> list[str]:
        """The frames to send right after the upgrade."""
        return [jsontext.dumps(WELCOME)] if self.world.profile.welcome else []

    def receive(self, text: str) -> list[str]:
        """Take a text message and return the frames that answer it at once.

        What a client may not say is dropped without a frame and without a close (socket.md §1.1).
        """
        self._begin_anew_with_the_world()
        if len(text) > LONGEST_MESSAGE:
            return self._drop(f"a message of {len(text)} characters, where {LONGEST_MESSAGE} are looked into; {SEND}")
        try:
            message = jsontext.loads(text)
        except ValueError as error:
            return self._drop(f"a message that is not JSON ({error}); {SEND}")
        if not isinstance(message, dict):
            return self._drop(f"JSON that is {jsontext.kind_of(message)}, where an object is expected; {SEND}")
        if (kind := message.get("type")) in (INTERRUPT, END):
            return self._of_session(str(kind), message.get("tasktoken"))
        if kind != "task_info":
            return self._drop(of_another_type(message))
        token = message.get("tasktoken")
        if token is None or (isinstance(token, str) and not token.strip()):
            self._note(f"task_info without a tasktoken; {instead_of_a_token(message)}", "text")
            return [jsontext.dumps(TOKEN_REQUIRED)]
        if not isinstance(token, str):
            return self._drop(f"task_info whose tasktoken is {jsontext.kind_of(token)}; {SEND}")
        if len(token) > TOKEN_LENGTH:
            return self._drop(f"task_info whose tasktoken has {len(token)} characters; no token is that long")
        return self._register(token)

    def receive_bytes(self, data: bytes) -> None:
        """Take a binary message: the audio of a realtime session. What is none is dropped in silence (socket.md §3)."""
        self._begin_anew_with_the_world()
        self._meet_the_unknown()
        if why := self._unheard(data):
            self._drop(why, "binary")

    def _unheard(self, data: bytes) -> str:
        """Let the session hear what was said; why it could not, if so."""
        try:
            audio = session_shape.read(data)
        except session_shape.NoAudio as error:
            return str(error)
        token = audio.token
        if token not in self._follows:
            task = self._sim.task_by_token(token)
            if task is None:
                return f"audio for a token that no task has; {about_token(self._sim, token) or ITS_SOURCE}"
            if token in self._done or task.finished:
                return f"audio for task {task.job.id}, which is over"
            return f"audio for task {task.job.id}, which this socket has not registered; first {SEND}"
        task_id = self._follows[token].task_id
        if self.world.hear(task_id, audio.pcm):
            return ""
        return f"audio for task {task_id}, {self._why_deaf(task_id)}"

    def _why_deaf(self, task_id: str) -> str:
        session, task = self._sim.session(task_id), self._sim.task(task_id)
        if session is not None:
            return "whose session has not begun; wait for task_stream_ready"
        if task is not None and task.turns is not None:
            return "whose session is over"
        return "whose scenario has no realtime session; play one with a `session` step"

    def _of_session(self, kind: str, token: object) -> list[str]:
        """Take an interrupt or an end. For what is no realtime task it is dropped silently (socket.md §3)."""
        task = self._sim.task_by_token(token) if isinstance(token, str) else None
        if task is None:
            hint = about_token(self._sim, token) if isinstance(token, str) and token.strip() else ""
            return self._drop(f"{kind} without the token of a task; {hint or ITS_SOURCE}")
        task_id = task.job.id
        done = self.world.end_session(task_id) if kind == END else self.world.interrupt(task_id)
        if done:
            return []
        session = self._sim.session(task_id)
        if session is not None and session.phase == "on":
            return self._drop(f"{kind} for task {task_id}, which was saying nothing")
        return self._drop(f"{kind} for task {task_id}, {self._why_deaf(task_id)}")
