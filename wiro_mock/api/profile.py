"""A named revision of the wire and its switches. Where sources conflict, the default is rest.md §11's
recommendation, and the variant is a switch here. What the sources say of each, and when, is in `profile_facts`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from wiro_mock.api.profile_facts import ABOUT, SWITCHES, Value, fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One revision of the wire; each field is a switch, named in the comment by the conflict it settles."""

    name: str = "current"
    # -- tasks over REST ----------------------------------------------------------------------------
    task_keys: Literal["all", "seed"] = "all"  # C25: newer keys after the seed's, or the seed's only
    categories: Literal["string", "array"] = "string"  # C1
    stop_total: bool = False  # C8: `total` in the answers of Kill and Cancel
    not_found_message: str = "There is no task yet."  # C3; `task-not-founded` was seen live
    pexit_before_end: Literal["null", "empty"] = "null"  # C23
    canceltime: Literal["now", "zero"] = "now"  # C13
    detail_statuses: Literal["all", "openapi"] = "all"  # C34
    error_time: bool = True  # C35
    error_status: Literal["200", "mapped"] = "200"  # C2: mapped answers 400, 403, 429 instead
    identifiers: Literal["any", "documented"] = "any"  # C4, C5, C6: which names find a task
    cancelled_cost: Literal["zero", "charged"] = "zero"  # C12: the seed's samples show a cost
    # -- runs ---------------------------------------------------------------------------------------
    parameters: Literal["checked", "unchecked"] = "checked"  # a run's input against what its model says of it
    options: Literal["any", "listed"] = "any"  # C28: what a select may be set to
    # -- uploads ------------------------------------------------------------------------------------
    upload_types: Literal["listed", "any"] = "listed"  # what File/Upload takes
    duplicate_filename: Literal["accept", "error", "error_with_url"] = "accept"  # C20: a name that is there already
    # -- the catalogue ------------------------------------------------------------------------------
    tool_total: Literal["number", "string"] = "number"  # C16: `total` of Tool/List
    tool_items: Literal["both", "documented", "live"] = "both"  # C17: how a parameter is spelt in Tool/Detail
    tool_parameters: Literal["groups", "null"] = "groups"  # C18
    task_stat: bool = False  # Task/Stat, whose shape nobody knows: with a shape of ours, or not there
    account_shapes: bool = False  # wallet, transactions, usage, coupons, of which only the names are known: the same
    # -- authentication -----------------------------------------------------------------------------
    signature_form: Literal["tolerant", "exact"] = "tolerant"  # C10: the openssl prefixes
    nonce_reuse: Literal["allow", "refuse"] = "allow"  # C9
    # -- stopping -----------------------------------------------------------------------------------
    kill_before_assign: Literal["refuse", "done"] = "refuse"
    kill_finished: Literal["done", "refuse"] = "done"
    kill_cancelled: Literal["refuse", "done"] = "refuse"
    # -- the webhook --------------------------------------------------------------------------------
    callback_on_cancel: bool = True
    callback_shape: Literal["detail", "task"] = "detail"
    callback_attempts: int = 1
    callback_backoff: float = 2.0  # seconds of the world's clock from a failed attempt to the next
    # -- the socket ---------------------------------------------------------------------------------
    envelope: Literal["2026-09", "2026-04"] = "2026-09"  # with success, terminal, exitCode, or without
    frame_token: bool = True  # `tasktoken` on every frame (socket.md §8 no. 1)
    full_logs: bool = False  # C31: `task_output_full` carries the log, or is a signal only
    segments: bool = True  # C24: streamed texts carry `segments` too
    plain_texts: bool = True  # C24: streamed texts carry `raw`, `thinking`, `answer`
    welcome: bool = True
    replay: Literal["auto", "full", "status", "none"] = "auto"  # what a late registration gets
    cancel_result: bool = False  # the `result` of a `task_cancel` frame; no source shows one


def value_of(profile: Profile, name: str) -> Value:
    """The value of a switch by its name."""
    value: Value = getattr(profile, name)
    return value


def choices(name: str) -> tuple[str, ...]:
    """The values that a switch allows, as they are written in `name=value`; none for any text."""
    kind = get_type_hints(Profile)[name]
    if kind is bool:
        return ("true", "false")
    return ("1", "2", "3") if kind is int else get_args(kind)


MOST_SECONDS = 86_400.0
"""A day: longer waits than this one are nobody's backoff."""


def _seconds(name: str, text: str) -> float:
    if re.fullmatch(r"\d{1,5}(?:\.\d{1,6})?", text, re.ASCII) and (seconds := float(text)) <= MOST_SECONDS:
        return seconds
    raise ValueError(f"switch {name} is a number of seconds from 0 to {MOST_SECONDS:g}, not {text[:60]!r} ({_TOLD})")


def _dated(name: str) -> Profile:
    """The profile of this name: for each switch what its facts say, or the default."""
    default = Profile()
    facts = {switch: fact(switch, name, value_of(default, switch)) for switch in SWITCHES}
    changes: dict[str, Any] = {switch: known.value for switch, known in facts.items() if known}
    return replace(default, name=name, **changes)


_TOLD = "wiro-mock profile current --all tells of every switch"
PROFILES = {name: _dated(name) for name in ABOUT}


def find_profile(name: str) -> Profile:
    """The profile of this name. Raises `ValueError` with the way out."""
    if name not in PROFILES:
        raise ValueError(f"no profile {name!r}; there are: {', '.join(PROFILES)}")
    return PROFILES[name]


def switch(profile: Profile, assignment: str) -> Profile:
    """The profile with one switch set, from `name=value`. Raises `ValueError` with the way out."""
    name, equals, text = assignment.partition("=")
    names = [field.name for field in fields(Profile) if field.name != "name"]
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names)}"
        raise ValueError(f"a switch is set as name=value, and {name!r} is none; {hint}")
    if not equals:
        free = "SECONDS" if get_type_hints(Profile)[name] is float else "TEXT"
        ways = " or ".join(f"{name}={value}" for value in choices(name)) or f"{name}={free}"
        raise ValueError(f"switch {name} has no value; write {ways} ({_TOLD})")
    change: dict[str, Any] = {name: _value(name, text)}
    return replace(profile, **change)


def _value(name: str, text: str) -> Value:
    allowed, kind = choices(name), get_type_hints(Profile)[name]
    if allowed and text not in allowed:
        raise ValueError(f"switch {name} is one of {', '.join(allowed)}, not {text!r} ({_TOLD})")
    if kind is float:
        return _seconds(name, text)
    return text == "true" if kind is bool else int(text) if kind is int else text
