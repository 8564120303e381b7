"""Recordings without the wire: what a scenario tells is held against what the mock would do by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.drift.test_drift_command import NO_TASK, archive, entry, play
from wiro_mock.shipped import shipped


def recorded_caption() -> str:
    """The shipped scenario of a caption, as if it had been recorded."""
    text = (shipped() / "caption.yaml").read_text(encoding="utf-8")
    text = text[text.index("scenario:") :].replace("default_for: text\n", "")
    return text.replace("scenario: caption\n", "scenario: caption-1\nmatch: {model: moondream3-preview/caption}\n")


def told(folder: Path, text: str) -> tuple[int, list[dict[str, Any]]]:
    """Status and findings of a recorded scenario, without its archive."""
    (folder / "caption-1.yaml").write_text(text, encoding="utf-8")
    done = play(folder / "caption-1.yaml", "--json", folder / "drift.json")
    found: list[dict[str, Any]] = json.loads((folder / "drift.json").read_text())["findings"]
    return done.exit_code, found


def test_what_the_mock_would_play_has_not_drifted(tmp_path: Path) -> None:
    """So what the others show is theirs."""
    assert told(tmp_path, recorded_caption()) == (0, [])


WEBHOOK = "faults:\n  - {{on: webhook, do: {{{0}}}}}\n"
PROGRESS = "  - progress: {steps: 5, for: 2500ms}\n"
OTHERS: dict[str, tuple[Callable[[str], str], tuple[str, str, str, str], str]] = {
    "no progress": (
        lambda text: text.replace(PROGRESS, "  - print: {text: working, after: 2500ms}\n"),
        ("upstream new", "Run/moondream3-preview/caption tells", "progress", "none"),
        "change scenarios/caption.yaml:",
    ),
    "lines of stderr": (
        lambda text: text.replace(PROGRESS, f"{PROGRESS}  - stderr: a warning\n"),
        ("upstream new", "Run/moondream3-preview/caption tells", "no lines of stderr", "lines of stderr"),
        "add it to scenarios/caption.yaml:",
    ),
    "a slower queue": (
        lambda text: text.replace("accept: {after: 700ms}", "accept: {after: 70s}"),
        ("upstream new", "Run/moondream3-preview/caption in the queue", "0.7 s", "70.0 s"),
        "change scenarios/caption.yaml:",
    ),
    "a late webhook": (
        lambda text: text + WEBHOOK.format("latency: 20s"),
        ("upstream new", "Run/moondream3-preview/caption webhook", "one at the end", "one 20.0 s after the end"),
        "give the scenario faults: [{on: webhook, do: {latency: 20s}}]",
    ),
    "a webhook twice": (
        lambda text: text + WEBHOOK.format("duplicate: true"),
        (
            "mock wrong",
            "webhooks of a task",
            "1 (task_postprocess_end)",
            "2 (task_postprocess_end, task_postprocess_end)",
        ),
        "change wiro_mock/kernel/writer.py:",
    ),
    "a webhook with another exit code": (
        lambda text: text + WEBHOOK.format("pexit: 7"),
        ("mock wrong", "webhook tasklist[0].pexit", '"0", as the frames tell', '"7"'),
        "change wiro_mock/mock/world.py:",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_a_scenario_tells_otherwise_is_found(what: str, tmp_path: Path) -> None:
    """By one finding with both, and with the line to change; what is only an example's warns."""
    edit, expected, change = OTHERS[what]
    status, (found,) = told(tmp_path, edit(recorded_caption()))
    assert (found["level"], found["what"], found["mock"], found["live"]) == expected
    assert change in found["change"].replace("wiro_mock/scenarios/", "scenarios/")
    assert status == (1 if expected[0] == "mock wrong" else 0)


@pytest.mark.parametrize(
    ("old", "new"), [("exit: {code: 0, after: 300ms}", "exit: {code: 3, after: 300ms}"), (PROGRESS, "  - cancel: 1s\n")]
)
def test_a_run_that_failed_is_no_drift(old: str, new: str, tmp_path: Path) -> None:
    """What became of one run says nothing of the next."""
    head, _, rest = recorded_caption().partition(old)
    assert told(tmp_path, head + new + ("" if "cancel" in new else rest)) == (0, [])


def test_what_a_recorder_had_missed_is_no_drift(tmp_path: Path) -> None:
    """It had begun to listen when the task was at work already, and has filled in what comes before."""
    text = recorded_caption()
    begin, end = text.index("  - preprocess"), text.index(PROGRESS) + len(PROGRESS)
    assert told(tmp_path, f"{text[:begin]}  - assign: {{}}\n  - start: {{}}\n{text[end:]}") == (0, [])


def test_a_recording_of_a_part_is_named(tmp_path: Path) -> None:
    """With the reason that the recorder gave; what is there is compared."""
    steps = "steps:\n  - accept: {after: 700ms}\n  - stall: the recorder was ended before the task\n"
    about = 'about: "Recorded in part: a run, as far as it was seen; the recorder was ended before the task."\n'
    text = f"scenario: caption-1\n{about}match: {{model: moondream3-preview/caption}}\n{steps}"
    (tmp_path / "caption-1.yaml").write_text(text)
    done = play(tmp_path)
    assert done.exit_code == 0
    part = "Recorded in part: a run, as far as it was seen; the recorder was ended before the task"
    assert f"Not compared:\ncaption-1.yaml: {part}\n" in done.stdout
    assert done.stdout.endswith("1 answer and 2 frames compared: no drift\n")


def test_an_archive_of_a_later_version_is_named(tmp_path: Path) -> None:
    """It is compared all the same; what this version does not know it cannot miss."""
    path = archive(tmp_path, entry("Task/Detail", {"taskid": "1"}, NO_TASK))
    made = json.loads(path.read_text())
    made["log"]["creator"] = {"name": "wiro_mock", "version": "999.0"}
    path.write_text(json.dumps(made))
    done = play(path)
    assert done.exit_code == 0
    assert "traffic.har was written by wiro_mock 999.0, and this is " in done.stdout
