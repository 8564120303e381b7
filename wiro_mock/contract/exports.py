"""The verdicts for programs: JSON, JUnit, and Markdown for a pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from wiro_mock.contract.report import SECTIONS, summary
from wiro_mock.contract.verdicts import Verdict


def as_json(verdicts: Sequence[Verdict]) -> str:
    """An array with an object for each promise."""
    return json.dumps([_object(verdict) for verdict in verdicts], indent=2) + "\n"


def _object(verdict: Verdict) -> dict[str, object]:
    promise = verdict.promise
    return {
        "promise": promise.name,
        "outcome": verdict.outcome,
        "source": str(promise.source),
        "standing": promise.source.standing,
        "expected": verdict.expected,
        "got": verdict.got,
        "level": verdict.level,
        "because": verdict.because,
        "area": promise.area,
        "cost": promise.cost,
        "about": promise.about,
        "notes": [{"level": note.level, "subject": note.subject, "text": note.text} for note in verdict.notes],
    }


def as_junit(verdicts: Sequence[Verdict], *, target: str) -> str:
    """One suite with a case for each promise; what was noted of one is its output."""
    outcomes = [one.outcome for one in verdicts]
    counted = {"tests": len(outcomes), "failures": outcomes.count("broken"), "skipped": outcomes.count("skipped")}
    suite = ET.Element("testsuite", name="wiro-mock contract", hostname=target)
    for name, number in {**counted, "errors": 0}.items():
        suite.set(name, str(number))
    for one in verdicts:
        case = ET.SubElement(suite, "testcase", classname=f"contract.{one.promise.area}", name=one.promise.name)
        if one.outcome == "broken":
            ET.SubElement(case, "failure", message=_xml(one.line))
        if one.outcome == "skipped":
            ET.SubElement(case, "skipped", message=_xml(one.because))
        if one.notes:
            ET.SubElement(case, "system-out").text = _xml("\n".join(f"{n.level}: {n.text}" for n in one.notes))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _xml(text: str) -> str:
    """A text without what no XML may hold: half characters, and the two that are none."""
    return re.sub(r"[\ud800-\udfff\ufffe\uffff]", "?", text)


def as_markdown(verdicts: Sequence[Verdict], *, target: str) -> str:
    """A heading, the count, and a table for each kind of thing that needs reading."""
    lines = [f"### Wiro's contract against {only_text(target)}", "", f"{summary(verdicts)}."]
    broken = [one for one in verdicts if one.outcome == "broken"]
    if broken:
        lines += ["", "| broken promise | expected | got | standing | source |", "|---|---|---|---|---|"]
        for one in broken:
            cells = (one.expected, one.got, one.promise.source.standing, str(one.promise.source))
            lines.append(f"| `{one.promise.name}` | {' | '.join(map(only_text, cells))} |")
    for level, title in SECTIONS[1:]:
        notes = [(one, note) for one in verdicts for note in one.notes if note.level == level]
        if notes:
            told = (f"- `{one.promise.name}`: {only_text(note.text)}" for one, note in notes)
            lines += ["", f"**{title}**", "", *told]
    skipped = [one for one in verdicts if one.outcome == "skipped"]
    if skipped:
        lines += ["", f"<details><summary>{len(skipped)} not verified</summary>", ""]
        lines += [*(f"- `{one.promise.name}`: {only_text(one.because)}" for one in skipped), "", "</details>"]
    return "\n".join(lines) + "\n"


def only_text(text: str) -> str:
    """A text that is only text in a cell of a table, whatever a server has put into it. A comment, which nobody sees,
    keeps GitHub from finding people and issues in it: that it does after the Markdown is read, whatever is escaped.
    """
    plain = re.sub(r"([\\`*_{}\[\]<>|!~&])", r"\\\1", text.replace("\n", " "))
    return re.sub(r"[@#](?=\w)", r"\g<0><!-- -->", plain)
