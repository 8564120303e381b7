"""A drift as text for a terminal, as Markdown for an issue or a pull request, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from wiro_mock.contract.exports import only_text
from wiro_mock.drift.findings import LEVELS, Drift, Finding


def as_text(drift: Drift) -> list[str]:
    """The lines: a finding in each, by level, then what was not compared, and the count."""
    lines: list[str] = []
    for level, title in LEVELS:
        lines += _section(title, [one.line for one in drift.findings if one.level == level])
    lines += _section("Not compared", drift.not_compared)
    lines += _section("In the way", drift.trouble)
    lines += _section("Left behind", drift.left_behind)
    return [*lines, drift.summary]


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"{title}:", *lines, ""] if lines else []


def as_markdown(drift: Drift) -> str:
    """A heading, the count, and a table for each level."""
    lines = [f"### Drift of {only_text(drift.source)} from the mock", "", f"{drift.summary}."]
    for level, title in LEVELS:
        found = [one for one in drift.findings if one.level == level]
        if found:
            lines += ["", f"**{title}**", "", "| what | the mock | this service | change |", "|---|---|---|---|"]
            lines += [f"| {' | '.join(map(only_text, _row(one)))} |" for one in found]
    for title, rest in (("In the way", drift.trouble), ("Left behind", drift.left_behind)):
        lines += ["", f"**{title}**", "", *(f"- {only_text(text)}" for text in rest)] if rest else []
    if drift.not_compared:
        lines += ["", f"<details><summary>{len(drift.not_compared)} not compared</summary>", ""]
        lines += [*(f"- {only_text(text)}" for text in drift.not_compared), "", "</details>"]
    return "\n".join(lines) + "\n"


def _row(one: Finding) -> tuple[str, str, str, str]:
    return one.what + one.elsewhere, one.mock, one.live, one.change


def as_json(drift: Drift) -> str:
    """An object: `source`, `status`, the counts, and `findings` as an array."""
    made = {
        "source": drift.source,
        "status": drift.status,
        "summary": drift.summary,
        "answers": drift.requests,
        "frames": drift.frames,
        "files": drift.files,
        "webhooks": drift.hooks,
        "findings": [_object(one) for one in drift.findings],
        "not_compared": list(drift.not_compared),
        "trouble": list(drift.trouble),
        "left_behind": list(drift.left_behind),
    }
    return json.dumps(made, indent=2) + "\n"


def _object(one: Finding) -> dict[str, object]:
    return {
        "level": one.level,
        "what": one.what,
        "mock": one.mock,
        "live": one.live,
        "change": one.change,
        "switch": one.switch,
        "places": list(one.places),
    }
