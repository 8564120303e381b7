"""What events hold, in the words of a scenario's YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields

from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Duration
from wiro_mock.kernel.prices import NOTHING_SAID, Used
from wiro_mock.language.durations import format_duration
from wiro_mock.published.scalars import quoted


def usage_words(used: Used) -> dict[str, str]:
    """What a run has used, as keys of `exit`; nothing where nothing was said."""
    if used == NOTHING_SAID:
        return {}
    said = {one.name: getattr(used, one.name) for one in fields(used) if getattr(used, one.name) is not None}
    written = {name: str(value) if isinstance(value, int) else f"{value:f}" for name, value in said.items()}
    return {"usage": flow({name: quoted(text) if name == "price" else text for name, text in written.items()})}


def tick_words(shown: e.Progress) -> dict[str, str]:
    """An object of a progress bar; what it has in common with most is left out (`language.steps.Tick`)."""
    all_keys = {
        "step": (str(shown.step), ""),
        "of": (str(shown.total), ""),
        "elapsed": (time_word(shown.elapsed), ""),
        "remaining": (time_word(shown.remaining), time_word(0)),
        "task": (quoted(shown.task), quoted("Generate")),
        "kind": (quoted(shown.kind), quoted("progressGenerate")),
        "speed_type": (quoted(shown.speed_type), quoted("it/s")),
        "line": (text_word(shown.line), text_word("")),
    }
    return {key: value for key, (value, default) in all_keys.items() if value != default}


def value_word(value: object) -> str:
    """A value of JSON, as YAML in one line."""
    if isinstance(value, str):
        return text_word(value)
    if isinstance(value, list):
        return f"[{', '.join(map(value_word, value))}]"
    if isinstance(value, dict):
        return flow({quoted(key): value_word(item) for key, item in value.items()})
    return json.dumps(value)


def seen_words(after: Duration, reply: e.Reply) -> str:
    """A frame of an answer: how much of it had been said by then, and when."""
    return flow({"upto": str(reply.upto), **after_words(after), "elapsed": time_word(reply.elapsed)})


def ending_words(last: e.Reply) -> dict[str, str]:
    """How an answer ended, as keys of `answer`."""
    used = last.answer.usage
    counts = {"input": used.input, "output": used.output, "reasoning": used.reasoning, "cached": used.cached}
    ending = {"finish": last.answer.finish, "usage": flow({name: str(count) for name, count in counts.items()})}
    return {**ending, **({"shown": "end"} if last.hidden else {}), **({"tagged": "true"} if last.tagged else {})}


def after_words(after: Duration) -> dict[str, str]:
    """The key `after`, where there is any time."""
    return {"after": time_word(after)} if after else {}


def time_word(length: Duration) -> str:
    """A length of time."""
    return format_duration(length)


def text_word(text: str) -> str:
    """A text in quotes, in which nothing is filled in."""
    return quoted(text.replace("$", "$$"))


def flow(keys: Mapping[str, str]) -> str:
    """A mapping in one line."""
    return f"{{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}"
