"""The keywords that set up a Wiro: of `WiroMock`, of the mark, of the fixture, and as flags and ini options.

Imports nothing, because a pytest that does not use the mock reads it too.
"""

from __future__ import annotations

from typing import NamedTuple


class Keyword(NamedTuple):
    """A keyword: its name, what it does, an example, and whether it is a flag and an ini option as well."""

    name: str
    help: str
    example: str = ""
    is_flag: bool = True


KEYWORDS = (
    Keyword("scenario", "scenario that plays every run, or several in turn", "gpu-out-of-memory"),
    Keyword("preset", "situation with a name: see wiro-mock presets; other keywords go before its values", "slow-gpu"),
    Keyword("time", "auto (jumps when somebody waits), manual, real, or a rate such as 10x", "manual"),
    Keyword("auth", "strict, lenient (accept a wrong signature and say so) or off", "lenient"),
    Keyword("strict", "whether unexpected calls, unused registrations and forgotten holds fail the test", "false"),
    Keyword("seed", "whole number that makes ids, tokens and credentials; by default from the test's id", "4242"),
    Keyword("profile", "revision of the wire", "2025-12"),
    Keyword("balance", "the account's balance in USD", "0.40"),
    Keyword("unknown_models", "what a run of a model outside the catalogue meets: refuse, or play", "play"),
    Keyword("faults", "fault sets that are armed, such as bad-day, flaky-network", "flaky-network"),
    Keyword("poll", "what a Detail poll is worth: finish, next, or seconds", "next"),
    Keyword("workers", "tasks at work at once; others wait in the queue", "2"),
    Keyword("scenarios", "your own folders of scenarios", "tests/scenarios"),
    Keyword("moondream_endpoint", "URL of an engine that answers moondream3-preview/*", "http://127.0.0.1:2020/v1"),
    Keyword("fetch_hosts", "hosts of private addresses that a real model's pictures may come from", "cdn.test"),
    Keyword("suspended", "whether the account is suspended, so that every run is refused", is_flag=False),
    Keyword("member", "whether the account may run models that are for members only", is_flag=False),
    Keyword("key_only", "whether the project needs no signature", is_flag=False),
    Keyword("api_key", "the project's key, instead of one made from the seed", is_flag=False),
    Keyword("api_secret", "the project's secret, instead of one made from the seed", is_flag=False),
    Keyword("switches", "switches of the profile, such as {'error_status': 'mapped'}", is_flag=False),
    Keyword("patch_sleep", "modules whose sleeping moves the clock instead", is_flag=False),
    Keyword("realtime_grace", "how long a realtime session waits for a socket that has gone", is_flag=False),
    Keyword("expire_files", "how long URLs of a task's inputs and outputs last, by the world's clock", is_flag=False),
    Keyword("undeclared_inputs", "a run with a URL of which nobody says what it holds: echo, or refuse", "refuse"),
    Keyword("network", "whether the real Wiro may be looked up; else every attempt is refused", "true"),
)
NAMES = tuple(keyword.name for keyword in KEYWORDS)


def unknown(given: object, *, place: str) -> str:
    """What to tell of a keyword that does not exist; empty for those that do. `place` is where it was written."""
    names = [str(name) for name in given] if isinstance(given, dict | list | tuple) else []
    wrong = [name for name in names if name not in NAMES]
    if not wrong:
        return ""
    from difflib import get_close_matches

    near = get_close_matches(wrong[0], NAMES, n=1, cutoff=0.6)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    return f'{place}: unknown keyword "{wrong[0]}"; {hint}the keywords are: {", ".join(NAMES)}'


def truth(value: object) -> bool:
    """What a keyword says that is true or false. Raises `ValueError`."""
    texts = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in texts:
        return texts[value.lower()]
    raise ValueError(f"is true or false, not {value!r}")
