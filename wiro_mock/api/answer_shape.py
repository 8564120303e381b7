"""A language model's answer on the wire: the `message` of its frames, and the `content` of its output.

Two forms are documented: `segments` (2026-09), and the lists `thinking` and `answer` beside `raw` (2026-04). The
switches `segments` and `plain_texts` say which are there; `current` has both, for no client chokes on either
(socket.md §0).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wiro_mock.api.profile import Profile
from wiro_mock.api.progress_shape import duration
from wiro_mock.kernel import answer as a
from wiro_mock.kernel.events import SECOND, Duration, Reply

if TYPE_CHECKING:
    from wiro_mock import shapes


def message(reply: Reply, profile: Profile) -> dict[str, Any]:
    """The answer so far, always the whole of it and never a piece (socket.md §4.2); usage with the last of it.

    Of a hidden one, what a client saw of a live model: an empty answer, and that it is thinking.
    """
    said = () if reply.hidden else reply.said()
    shape: dict[str, Any] = {
        "type": "progressGenerate",
        "task": "Generate",
        "speed": f"{_speed(said, reply.elapsed):.1f}",
        "speedType": "words/s",
    }
    if profile.plain_texts:
        thinking, answer = a.pairs(said)
        shape |= {"raw": a.raw(said), "thinking": thinking, "answer": answer}
    shape |= {"isThinking": reply.hidden or a.is_thinking(said), "elapsedTime": duration(reply.elapsed)}
    if profile.segments:
        shape["segments"] = _segments(said)
        if reply.last:
            shape |= {"finishreason": reply.answer.finish, "usage": _usage(reply.answer.usage)}
    return shape


def content(reply: Reply, profile: Profile) -> shapes.AnswerContent:
    """The `content` of the output: the same over REST and on the socket (socket.md §4.3)."""
    said = reply.said()
    shape: shapes.AnswerContent = {"prompt": reply.answer.prompt}
    if profile.plain_texts:
        thinking, answer = a.pairs(said)
        if reply.tagged:
            answer = [f"<answer>{text}</answer>" for text in answer]
        shape.update({"raw": a.raw(said), "thinking": thinking, "answer": answer})
    if profile.segments:
        usage = _usage(reply.answer.usage)
        shape.update({"segments": _segments(said), "finishreason": reply.answer.finish, "usage": usage})
    return shape


def output(reply: Reply, profile: Profile) -> shapes.OutputAnswer:
    """The output that an answer is: it has no URL (rest.md §3)."""
    return {"contenttype": "raw", "content": content(reply, profile)}


def full_log(reply: Reply, profile: Profile) -> dict[str, Any]:
    """The `message` of `task_output_full` where logs are told there (2026-04)."""
    said = reply.said()
    shape: dict[str, Any] = {"raw": a.raw(said)}
    if profile.plain_texts:
        thinking, answer = a.pairs(said)
        shape |= {"thinking": thinking, "answer": answer}
    return shape | ({"segments": _segments(said)} if profile.segments else {})


def segments(reply: Reply) -> list[shapes.Segment]:
    """What has been said of the answer so far, as `Run/sync` streams it; nothing of a hidden one."""
    return [] if reply.hidden else _segments(reply.said())


def _segments(said: Sequence[a.Said]) -> list[shapes.Segment]:
    return [_segment(one) for one in said]


def _segment(one: a.Said) -> shapes.Segment:
    piece = one.piece
    if not piece.is_call:
        return {"type": piece.kind, "text": one.text}
    segment: shapes.Segment = {"type": piece.kind, "id": piece.id, "call_id": piece.call_id, "name": piece.name}
    segment["arguments" if piece.kind == "function_call" else "input"] = one.text
    segment["status"] = "completed" if one.whole else "in_progress"
    return segment


def _usage(used: a.Usage) -> shapes.UsageShape:
    """All of it is optional; these are what we count."""
    return {
        "input_tokens": used.input,
        "input_tokens_details": {"cached_tokens": used.cached, "text_tokens": used.input},
        "output_tokens": used.output,
        "output_tokens_details": {"reasoning_tokens": used.reasoning, "text_tokens": used.output - used.reasoning},
        "total_tokens": used.total,
    }


def _speed(said: Sequence[a.Said], elapsed: Duration) -> float:
    words = sum(len(one.text.split()) for one in said)
    return words * SECOND / elapsed if elapsed else 0.0
