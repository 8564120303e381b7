"""What a backend yields, looked at before it is believed: a log holds for ever what it was given once.

What is wrong is refused here, where it fails the task with a sentence. Further on it would fail in the middle of a
frame, a bill or a recording, at whoever reads the task. The limits are those of the scenario language, so that what was
played can be recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal
from typing import Final

from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND, Event
from wiro_mock.kernel.files import Blob, plain_name
from wiro_mock.kernel.prices import Used
from wiro_mock.kernel.status import IllegalEvent
from wiro_mock.text import whole

CONTENT_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)?", re.ASCII)
LARGEST_CODE: Final = 255
MOST_USED: Final = 10**15
MOST_STEPS: Final = 10**9
LONGEST_TIME: Final = 366 * 24 * 3600 * SECOND
LONGEST_WORD: Final = 200
"""Characters of a progress bar's `kind`, `task` and `speed_type`; ours."""


def vetted(event: Event) -> Event:
    """The event with its texts whole and its names plain. Raises `IllegalEvent` for what is no such thing."""
    match event:
        case e.Exited(code=code, used=used):
            _need(_is_int(code, -LARGEST_CODE, LARGEST_CODE), "exit with the code", code, "it is a number such as 0")
            _vet_used(used)
        case e.GaveUp(code=code):
            _need(_is_int(code, 1, 1), "give up with the code", code, "a set-up that fails has the code 1")
        case e.ErrorOutput(text=text):
            return e.ErrorOutput(text=_text(text))
        case e.SetupFailed(message=text):
            return e.SetupFailed(message=_text(text))
        case e.Produced(name=name, blob=blob):
            _need(isinstance(blob, Blob), "produce", blob, "make files by job.produce(name, data)")
            kind = blob.contenttype
            _need(isinstance(kind, str) and CONTENT_TYPE.fullmatch(kind), "produce a", kind, "write image/png, say")
            return replace(event, name=plain_name("".join(filter(str.isprintable, _text(name).replace('"', "'")))))
        case e.Output(message=str() as text):
            return e.Output(message=whole(text))
        case e.Output(message=e.Progress() as shown):
            return e.Output(message=_progress(shown))
        case e.Output(message=e.Snapshot(upto=upto)):
            _need(_is_int(upto, 0), "stream up to", upto, "it is a number of characters; see job.say")
        case e.Output(message=message):
            raise IllegalEvent(
                f"a backend cannot yield {named(message)} as an output; what it can: a text, Progress, "
                "and Snapshot (job.say)"
            )
    return event


def _vet_used(used: object) -> None:
    _need(isinstance(used, Used), "have used", used, "write Used(tokens=…) of wiro_mock.kernel.prices")
    for one in fields(Used):
        value = getattr(used, one.name)
        is_good = _is_decimal if "Decimal" in str(one.type) else _is_count
        _need(value is None or is_good(value), f"have used {one.name}", value, f"it is {_KINDS[is_good]}")


def _progress(shown: e.Progress) -> e.Progress:
    _need(_is_int(shown.step, 0, MOST_STEPS), "be at step", shown.step, "it is a number from 0")
    _need(_is_int(shown.total, 1, MOST_STEPS), "have as many steps as", shown.total, "it is a number from 1")
    for length in (shown.elapsed, shown.remaining):
        _need(_is_int(length, 0, LONGEST_TIME), "take", length, "times are whole microseconds")
    kind, task, speed_type = (_text(word) for word in (shown.kind, shown.task, shown.speed_type))
    for word in (kind, task, speed_type):
        _need(len(word) <= LONGEST_WORD, "show a bar with", word, f"its words have at most {LONGEST_WORD} characters")
    return replace(shown, line=_text(shown.line), kind=kind, task=task, speed_type=speed_type)


def _text(value: object) -> str:
    _need(isinstance(value, str), "say", value, "it is a text")
    assert isinstance(value, str)
    return whole(value)


def _is_int(value: object, least: int, most: int | None = None) -> bool:
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return is_int and value >= least and (most is None or value <= most)  # type: ignore[operator]


def _is_count(value: object) -> bool:
    return _is_int(value, 0, MOST_USED)


def _is_decimal(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and 0 <= value <= MOST_USED


_KINDS: Final[dict[Callable[[object], bool], str]] = {
    _is_count: f"a whole number from 0 to {MOST_USED}",
    _is_decimal: f"a Decimal from 0 to {MOST_USED}",
}


def _need(good: object, what: str, value: object, way_out: str) -> None:
    if not good:
        raise IllegalEvent(f"a backend cannot {what} {_shown(value)[:40]}; {way_out}")


def named(value: object) -> str:
    """A value in a sentence: an event by its name, anything else by its kind and as it writes itself."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == e.__name__ else f"{kind.__name__} {_shown(value)}"[:80]


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # a value that cannot be shown is no reason to say nothing of it
        return f"{type(value).__name__} (its __repr__ failed)"
