"""From a difference to a finding: how it is named, how bad it is, and what to change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from wiro_mock.contract.compare import shown
from wiro_mock.drift.comparing import Difference
from wiro_mock.drift.findings import Finding, Level
from wiro_mock.drift.lines import line_of
from wiro_mock.drift.remedies import by_switch, file_of, switch_of

OPEN: Final = ("absent", "present", "null", "other")
"""What a shape leaves open differs only where a switch speaks of it."""


def field_finding(one: Difference, what: str, where: str, frame: str = "") -> Iterator[Finding]:
    """What differs in a field; nothing where a shape leaves that open. `what` and `where` name the place."""
    switch = switch_of(one, frame)
    if one.kind in OPEN and not switch:
        return
    subject = f"{one.shape}.{one.field}" if one.shape else f"{frame} {re.sub(r'[0-9]+', '', one.path)}"
    file = "" if one.kind in OPEN else file_of(one, frame)
    yield Finding(
        level=leveled(switch, "upstream new" if one.kind == "new" else "mock wrong"),
        key=("field", one.field if one.kind == "new" else subject, one.kind),
        what=what,
        mock=one.mock,
        live=one.live,
        change=by_switch(switch) if switch else file,
        places=(where,),
        switch=switch,
        otherwise=file,
    )


def leveled(switch: str, level: Level) -> Level:
    """What a switch can do is none of the mock's mistakes."""
    return "documentation differs" if switch else level


def new_member(what: str, of: str, value: str, where: str) -> Finding:
    """A value `of` a status, a frame or a message that no source knows."""
    file, pattern = {
        "status": ("kernel/status.py", r"^class Status\b"),
        "frame": ("api/frames.py", r"^_STATUS_FRAMES\b"),
        "message": ("kernel/events.py", r"^class Progress\b"),
    }[of]
    return Finding(
        level="upstream new",
        key=("member", of, value),
        what=what,
        mock="no such value",
        live=shown(value),
        change=f"add it to {line_of(file, pattern)}",
        places=(where,),
    )
