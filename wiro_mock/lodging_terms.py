"""What is asked of a world to be made on a server: the keys of its JSON, read into settings."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wiro_mock.api.profile import find_profile, switch
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Project, usd
from wiro_mock.kernel.rules import Limits
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.settings import Settings, parse_poll

IDLE_SECONDS = 600.0
MOST_IDLE_SECONDS = 86_400.0
KEPT_REQUESTS = 1_000
KEPT_JOURNAL_BYTES = 4 << 20
KEPT_TASKS = 1_000
KEPT_BYTES = 64 << 20
"""What one such world may keep: less than the server's own, as there are many."""


def read_terms(given: Mapping[str, Any]) -> tuple[Settings, float, str]:
    """The settings, the idle time, and the name. Raises `ValueError` with the key and what it takes."""
    if unknown := [key for key in given if key not in KEYS]:
        raise ValueError(f"unknown key {unknown[0][:60]!r}; {did_you_mean(unknown[0], KEYS, what='the keys here')}")
    made: dict[str, Any] = {}
    for key, value in given.items():
        try:
            made[key] = KEYS[key](value)
        except (ValueError, ArithmeticError, TypeError) as error:
            raise ValueError(f"{key}: {error}") from None
    seed = made.get("seed") or secrets.token_hex(8)
    key_only = made.get("key_only", False)
    if key_only and made.get("api_secret"):
        raise ValueError("a key-only project has no secret; leave api_secret or key_only out")
    project = Project(
        id=str(ids.decimal(seed, "project", low=100, high=10_000)),
        key=made.get("api_key") or ids.token(secrets.token_hex(16), "api key"),
        secret=made.get("api_secret") or ids.token(secrets.token_hex(16), "api secret"),
        key_only=key_only,
    )
    profile = made.get("profile") or find_profile("current")
    for assignment in made.get("switches", ()):
        try:
            profile = switch(profile, assignment)
        except ValueError as error:
            raise ValueError(f"switches: {error}") from None
    taken = (
        *("balance", "suspended", "member", "unknown_models", "faults", "poll", "auth_mode", "time"),
        *("expire_files", "undeclared_inputs"),
    )
    limits = Limits(workers=made.get("workers"), finished=KEPT_TASKS, bytes=KEPT_BYTES)
    made["auth_mode"] = made.get("auth", "strict")
    chosen = {name: made[name] for name in taken if name in made}
    settings = Settings(
        seed=seed,
        project=project,
        profile=profile,
        key_only=key_only,
        limits=limits,
        journal_requests=KEPT_REQUESTS,
        journal_bytes=KEPT_JOURNAL_BYTES,
    )
    return replace(settings, **chosen), made.get("idle", IDLE_SECONDS), made.get("name", "")


def _credential(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,200}", value):
        raise ValueError("is a text of at most 200 visible ASCII characters, for it travels in a header")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, not {str(value)[:60]!r}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 1_000:
        raise ValueError("is a text of at most 1000 characters")
    return value


def _seed(value: object) -> str:
    if type(value) is int and 0 <= value < 10**18:
        return str(value)
    if isinstance(value, str) and 0 < len(value) <= 200:
        return value
    raise ValueError(f"is a whole number from 0, or a text, not {str(value)[:60]!r}")


def _one_of(*names: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if value not in names:
            raise ValueError(f"is one of {', '.join(names)}, not {str(value)[:60]!r}")
        return str(value)

    return parse


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(one, str) for one in value) and len(value) <= 100:
        return tuple(value)
    raise ValueError("is a text, or a list of texts")


def _lasting(value: object) -> int:
    from wiro_mock.language.durations import parse_duration  # its pydantic is what a start need not wait for

    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return parse_duration(f"{value:.6f}s" if is_number else value)


def _workers(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"is a whole number from 1, not {str(value)[:60]!r}")
    return value


def _idle(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_IDLE_SECONDS:
        raise ValueError(
            f"is a number of seconds above 0, and at most {MOST_IDLE_SECONDS:.0f}, not {str(value)[:60]!r}"
        )
    return float(value)


KEYS: Mapping[str, Callable[[Any], Any]] = {
    "api_key": _credential,
    "api_secret": _credential,
    "key_only": _truth,
    "name": _text,
    "seed": _seed,
    "time": _text,
    "poll": lambda value: parse_poll(str(value)),
    "auth": _one_of("strict", "lenient", "off"),
    "profile": lambda value: find_profile(_text(value)),
    "switches": _texts,
    "balance": usd,
    "suspended": _truth,
    "member": _truth,
    "unknown_models": _one_of("refuse", "play"),
    "expire_files": _lasting,
    "undeclared_inputs": _one_of("echo", "refuse"),
    "faults": _texts,
    "workers": _workers,
    "idle": _idle,
}
"""The keys of `POST /__wiro/worlds`, all optional, each with what reads it."""
