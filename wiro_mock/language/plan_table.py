"""A plan as rows of text: the instant, what it is on the wire, and a detail; for `wiro-mock plan`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import assert_never

from wiro_mock.kernel import events as e
from wiro_mock.kernel.answer import Answer
from wiro_mock.kernel.audio import microseconds_of
from wiro_mock.kernel.events import SECOND, Duration, Event
from wiro_mock.kernel.plan import Converse, Hold, Live, Plan, Stall, Step
from wiro_mock.kernel.session_script import Script, ScriptTurn
from wiro_mock.language.durations import format_duration

FRAMES: dict[type[Event], str] = {
    e.Queued: "task_queue",
    e.Requeued: "task_queue",
    e.Accepted: "task_accept",
    e.PreprocessStarted: "task_preprocess_start",
    e.PreprocessEnded: "task_preprocess_end",
    e.Assigned: "task_assign",
    e.Started: "task_start",
    e.Output: "task_output",
    e.ErrorOutput: "task_error",
    e.Produced: "produce",
    e.OutputEnded: "task_output_full",
    e.ErrorEnded: "task_error_full",
    e.Exited: "task_end",
    e.PostprocessStarted: "task_postprocess_start",
    e.PostprocessEnded: "task_postprocess_end",
    e.Cancelled: "task_cancel",
    e.SetupFailed: "task_error",
    e.GaveUp: "task_postprocess_end",
    e.FilesDeleted: "files deleted",
    e.StreamReady: "task_stream_ready",
    e.Heard: "heard",
    e.Voiced: "audio",
    e.StreamEnded: "task_stream_end",
    e.TurnCharged: "task_cost",
    e.SessionEnded: "session ended",
}
"""What each event is on the socket; some are on no wire, and named by what they are; audio is a binary frame."""


def plan_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """One row per event, hold and stall, from the queue on. After a hold the time counts from its release."""
    rows = [(instant("", 0), FRAMES[e.Queued], "")]
    since, at = "", 0
    for item in plan.items:
        match item:
            case Step(after=after, event=event):
                at += after
                rows.append((instant(since, at), FRAMES[type(event)], detail(event)))
            case Hold(name=name):
                rows.append((instant(since, at), "hold", f"until {name!r} is released; times count from there"))
                since, at = f"{name} ", 0
            case Stall():
                rows.append((instant(since, at), "stall", "nothing more happens by itself"))
            case Converse(script=script):
                rows += [(instant(since, at), "session", told) for told in _script(script)]
                since, at = "session ", 0
            case Live(backend=backend):
                rows.append((instant(since, at), "live", f"the backend {backend} says what happens, in its own time"))
            case _:
                assert_never(item)
    return rows


def _script(script: Script) -> Iterator[str]:
    """What a realtime session is going to do, a line for each turn."""
    if script.dictation is not None:
        yield f"hears {len(script.dictation.words)} words, one for {format_duration(script.dictation.every)} of speech"
    yield from map(_turn, script.turns)
    yield "until the client ends it; times count from there" if script.listens else "until all has been said"


def _turn(turn: ScriptTurn) -> str:
    when = turn.when if turn.when == "start" else f"{turn.when} for {format_duration(turn.least)}"
    sound = "an echo" if turn.echo else f"{format_duration(microseconds_of(turn.samples))} of sound"
    return _short(f"{when}: {sound}" + (f", {turn.say}" if turn.say else ""))


def instant(since: str, at: Duration) -> str:
    """A time after the run, or after the release of a hold, with three decimals: `+1.200s`."""
    return f"{since}+{at // SECOND}.{at % SECOND // 1000:03d}s"


def detail(event: Event) -> str:
    """What there is to say of an event beside its name: on one line, at most 72 characters of a text."""
    match event:
        case e.Output(message=str() as text) | e.ErrorOutput(text=text) | e.SetupFailed(message=text):
            return _short(text)
        case e.Output(message=e.Progress(step=step, total=total)):
            return f"{round(100 * step / total)}% ({step}/{total})"
        case e.Output(message=e.Snapshot() as snapshot):
            return _short(snapshot.so_far)
        case e.Output(message=e.Reply() as reply):
            return _said(reply)
        case e.Produced(name=name, blob=blob):
            return f"{name} ({blob.contenttype}, {blob.size} bytes)"
        case e.Exited(code=code, used=used):
            said = {item.name: getattr(used, item.name) for item in fields(used)}
            words = [f", {name} {value}" for name, value in said.items() if value is not None]
            return f"exit code {code}{''.join(words)}"
        case e.GaveUp(code=code):
            return f"exit code {code}"
        case e.Heard(speech=speech, rms=rms, said=said):
            return _short(f"{format_duration(speech)} of speech, rms {rms}" + (f": {said}" if said else ""))
        case e.Voiced(start=start, stop=stop):
            return f"{format_duration(microseconds_of(stop - start))} from {format_duration(microseconds_of(start))}"
        case e.StreamEnded(said=text, interrupted=interrupted):
            return "interrupted" if interrupted else _short(text)
        case e.TurnCharged(cost=cost, final=final):
            return f"{cost:f} USD" + (", the last" if final else "")
        case e.SessionEnded(by=by):
            return f"by the {by}"
        case e.Cancelled(killed=killed):
            return "killed" if killed else "cancelled"
        case _:
            return ""


def _said(reply: e.Reply) -> str:
    """What has been said, with the last piece of it: thinking in parentheses, and a call by the tool's name. At the
    end also how it ended.
    """
    ended = f" [{_ending(reply.answer)}]" if reply.last else ""
    return f"{_latest(reply)}{ended}".strip()


def _ending(answer: Answer) -> str:
    usage = answer.usage
    parts = {"of thinking": usage.reasoning, "cached": usage.cached}
    more = "".join(f", {count} {what}" for what, count in parts.items() if count)
    return f"finish {answer.finish}, tokens {usage.input} in, {usage.output} out{more}"


def _latest(reply: e.Reply) -> str:
    said = reply.said()
    if not said:
        return ""
    last = said[-1]
    if last.piece.is_call:
        return _short(f"{last.piece.name}({last.text}")
    return ("(thinking) " if last.piece.kind == "thinking" else "") + _end(last.text)


def _end(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"…{line[-59:]}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 72 else f"{line[:71]}…"
