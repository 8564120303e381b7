"""Language models: what they say while they say it, and in the end (socket.md §4.2, §4.3). One run of such a model."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import LETS_IN
from wiro_mock.contract.extras import answered
from wiro_mock.contract.promise import Broken, NotVerified, Promise, Unmet, expect, field
from wiro_mock.contract.service import Service
from wiro_mock.sources import APRIL, NEWEST

SPEAKS, SHAPE, ENDS = "language.succeeds", "language.message_shape", "language.output_is_raw"
TEXTS = ("speed", "elapsedTime")


def check_succeeds(wiro: Service) -> None:
    """A prompt is answered: the task ends in `task_postprocess_end` with exit code 0."""
    task = answered(wiro).task
    expect(("task_postprocess_end", "0"), (task.get("status"), task.get("pexit")), what="status and pexit")


def _messages(wiro: Service) -> list[dict[str, Any]]:
    """What was streamed."""
    finished = answered(wiro)
    if finished.no_frames is not None:
        raise finished.no_frames
    told = [frame.get("message") for frame in finished.frames if frame.get("type") == "task_output"]
    spoken = [one for one in told if isinstance(one, dict) and ("isThinking" in one or "segments" in one)]
    if not spoken:
        raise NotVerified("the model said nothing on the way")
    return spoken


def _said(message: dict[str, Any]) -> str:
    """The text so far, in whichever form it comes."""
    segments = message.get("segments")
    if isinstance(segments, list):
        return "".join(str(one.get("text", "")) for one in segments if isinstance(one, dict))
    raw = message.get("raw")
    if not isinstance(raw, str):
        raise Unmet(SHAPE)
    return raw


def check_message_shape(wiro: Service) -> None:
    """A piece tells the text in `segments`, whether it is still thinking, and its numbers as strings."""
    for message in _messages(wiro):
        wrong = [name for name in TEXTS if name in message and not isinstance(message[name], str)]
        if wrong or not isinstance(message.get("isThinking"), bool):
            raise Broken("strings for numbers, and isThinking true or false", f"message {message!r}"[:300])
    last = _messages(wiro)[-1]
    if "segments" in last:
        wiro.compare(last["segments"], list[shapes.Segment], path="message.segments")
    elif "raw" in last:
        wiro.differs("streamed texts", "segments", "raw, thinking and answer", switch="segments=false")
    else:
        raise Broken("message.segments, or message.raw", f"fields {', '.join(last)}")


def check_every_piece_is_the_whole_so_far(wiro: Service) -> None:
    """No piece has less than the one before it, and each goes on where that one ended."""
    texts = [_said(message) for message in _messages(wiro)]
    for before, after in pairwise(texts):
        if not after.startswith(before):
            raise Broken("a text that goes on from the one before", f"{before[-60:]!r}, then {after[:60]!r}")


def check_output_is_raw(wiro: Service) -> None:
    """What it said in the end is among the outputs, without a file: `raw` content."""
    wiro.compare(answered(wiro).task.get("outputs"), list[shapes.OutputFile | shapes.OutputAnswer], path="outputs")
    if not any(isinstance(one, dict) and one.get("contenttype") == "raw" for one in answered(wiro).task["outputs"]):
        raise Broken('an output of contenttype "raw"', "none")


def check_prompt_is_told(wiro: Service) -> None:
    """The content says what was asked."""
    asked = wiro.speaker.inputs["prompt"] if wiro.speaker else ""
    expect(asked, _content(wiro).get("prompt"), what="content.prompt")


def check_tokens_add_up(wiro: Service) -> None:
    """Where tokens are told, the whole is input and output, and nothing else."""
    usage = _content(wiro).get("usage")
    if not isinstance(usage, dict):
        raise NotVerified("the model told no usage")
    parts = [field(usage, name, int, told_by=ENDS) for name in ("input_tokens", "output_tokens", "total_tokens")]
    expect(parts[0] + parts[1], parts[2], what="usage.total_tokens")


def _content(wiro: Service) -> dict[str, Any]:
    outputs = field(answered(wiro).task, "outputs", list, told_by=ENDS)
    found = next((one.get("content") for one in outputs if isinstance(one, dict) and "content" in one), None)
    if not isinstance(found, dict):
        raise Unmet(ENDS)
    return found


def _promise(check: Any, source: Any, *needs: str) -> Promise:
    return Promise(area="language", check=check, cost="runs a dearer model", source=source, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_succeeds, APRIL),
    _promise(check_message_shape, NEWEST, SPEAKS),
    _promise(check_every_piece_is_the_whole_so_far, NEWEST, SHAPE),
    _promise(check_output_is_raw, APRIL, SPEAKS),
    _promise(check_prompt_is_told, APRIL, ENDS),
    _promise(check_tokens_add_up, NEWEST, ENDS),
)
