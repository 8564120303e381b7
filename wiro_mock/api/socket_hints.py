"""What a client may say on the socket, and what to tell a tester whose client says something else."""

from __future__ import annotations

from collections.abc import Mapping

from wiro_mock.kernel.nearest import listed, nearest

SEND = 'send {"type": "task_info", "tasktoken": TOKEN}'
"""What a client says first."""
ITS_SOURCE = "it is the socketaccesstoken that the Run answered"
"""Where a client finds it."""
INTERRUPT, END = "task_session_interrupt", "task_session_end"
"""What it can say besides, of a realtime session (socket.md §1.2)."""


def of_another_type(message: Mapping[str, object]) -> str:
    """What is wrong with a message of a type that is not played, or of none."""
    kind = message.get("type")
    if kind is None and "type" in message:
        return f"a message whose type is null; {SEND}"
    if kind is None:
        key = nearest("type", message, close=0.7)
        hint = f"did you mean 'type' where {key[:60]!r} stands?" if key else f"it has {_keys(message)}; {SEND}"
        return f"a message without a type; {hint}"
    known = nearest(str(kind), ("task_info", INTERRUPT, END), close=0.75)
    hint = f"did you mean {known!r}?" if known else SEND
    return f"a message of type {str(kind)[:60]!r}; known here are task_info, {INTERRUPT} and {END}; {hint}"


def instead_of_a_token(message: Mapping[str, object]) -> str:
    """Under which other key the token may have been sent."""
    others = [key for key in message if key not in ("type", "tasktoken")]
    if "tasktoken" in message:
        return "it is empty"
    key = nearest("tasktoken", others) or next((key for key in others if "token" in key.lower()), None)
    if key is None:
        return f"it has {_keys(message)}; {SEND}"
    return f"did you mean 'tasktoken' where {key[:60]!r} stands?"


def _keys(message: Mapping[str, object]) -> str:
    return listed([repr(key[:60]) for key in message]) if message else "no keys"
