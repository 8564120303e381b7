"""Takes of servers that differ from the mock in one way: it is found, named, with what to change, and nothing else."""

from __future__ import annotations

import copy
import re
from dataclasses import fields, replace
from typing import Any

import pytest

from tests.drift.cases import ANSWERS, FRAMES, in_tasks
from tests.drift.kit import as_played, drift, edited, lines, probed
from wiro_mock.api.profile import Profile, choices, switch
from wiro_mock.drift.lines import PLACES, line_of_place
from wiro_mock.settings import Settings


def test_the_mock_itself_has_not_drifted() -> None:
    """So what the others show is theirs. Everything was compared, and something of each kind was."""
    found = drift(probed())
    assert lines(found) == []
    assert found.not_compared == []
    assert found.status == 0
    assert found.requests > 30
    assert found.frames > 20


@pytest.mark.parametrize("case", ANSWERS)
def test_a_drifted_answer_is_found(case: str) -> None:
    """By one finding that names the place, both values, and what to change."""
    edit, level, what, live, change = ANSWERS[case]
    check(lines(found := drift(edited(probed(), answer=edit))), level, what, live, change)
    assert found.status == (1 if level == "mock wrong" else 0)


@pytest.mark.parametrize("case", FRAMES)
def test_a_drifted_socket_is_found(case: str) -> None:
    """Likewise."""
    edit, *rest = FRAMES[case]
    check(lines(drift(edited(probed(), frame=edit))), *rest)


def check(found: Any, level: str, what: str, live: str, change: str) -> None:
    (line,) = found
    assert line.startswith(f"{level}: ")
    assert what in line
    said, _, remedy = line.partition("this service ")[2].partition("; ")
    assert live in said, line
    assert change in remedy, line


def test_ten_times_slower_is_told_phase_by_phase() -> None:
    """With the line of the scenario that would have to take longer; it is a warning: times are nobody's promise."""
    take = probed()
    (task,) = (one.run_id for one in take.runs() if take.streams.get(one.run_id))
    begin = int(next(t for one in take.exchanges for t in one.tasks if t["id"] == task)["createtime"])

    def later(task: dict[str, Any]) -> None:
        for name, text in task.items():
            if name.endswith("time") and text != "0" and isinstance(text, str) and text.isdecimal():
                task[name] = str(begin + 10 * (int(text) - begin) + (3 if name == "accepttime" else 0))

    found = drift(edited(take, answer=in_tasks(later), slower=10))
    assert {one.level for one in found.findings} == {"upstream new"}
    assert {one.what.partition(" ")[0] for one in found.findings} == {"Run/pruna/p-image"}
    (work,) = (one for one in found.findings if one.what.endswith("at work"))
    assert work.mock == "3.0 s"
    assert work.live == "30.0 s"
    assert "scenarios/image.yaml:" in work.change
    assert found.status == 0


def other(name: str) -> str:
    """Another value of a switch, as text: the next choice, a larger number, another sentence."""
    now = getattr(Profile(), name)
    found = next((one for one in choices(name) if one != str(now).lower()), "")
    return found or (str(now + 1) if isinstance(now, int | float) else "task-not-founded")


SWITCHES = (
    "task_keys", "categories", "stop_total", "not_found_message", "pexit_before_end", "canceltime", "error_time",
    "error_status", "cancelled_cost", "parameters", "tool_total", "tool_items", "tool_parameters", "kill_finished",
    "kill_cancelled", "envelope", "frame_token", "full_logs", "welcome",
    "callback_shape",
)  # fmt: skip
"""Those whose doing is seen by what the probe asks. The others are of retried webhooks, uploads, streamed texts,
shapes of ours, and of what is tolerated of clients.
"""


@pytest.mark.parametrize("name", SWITCHES)
def test_what_a_switch_can_do_is_told_with_the_switch(name: str) -> None:
    """The service does as another source has it: no failure, and the switch (tried, and found to do it) is named."""
    assignment = f"{name}={other(name)}"
    take = as_played(probed(), Settings(profile=switch(Profile(), assignment)))
    (found,) = drift(take).findings
    assert found.level == "documentation differs"
    assert found.switch == assignment
    assert f"--switch {assignment} (wiro_mock/api/profile.py:" in found.change


def test_what_cannot_be_seen_raises_no_alarm() -> None:
    """A service that differs wherever nobody looked."""
    profile = Profile()
    for name in {one.name for one in fields(Profile)} - {"name", *SWITCHES}:
        profile = switch(profile, f"{name}={other(name)}")
    assert lines(drift(as_played(probed(), Settings(profile=profile)))) == []


def test_several_drifts_are_told_each_for_itself() -> None:
    """A switch, a wrong field and a new one, in one service."""
    changed = as_played(probed(), Settings(profile=replace(Profile(), error_time=False, stop_total=True)))

    def wrong_and_new(task: dict[str, Any]) -> None:
        task |= {"size": 1, "priority": "high"}

    found = drift(edited(changed, answer=in_tasks(wrong_and_new)))
    assert [(one.level, one.switch) for one in found.findings] == [
        ("mock wrong", ""),
        ("upstream new", ""),
        ("documentation differs", "error_time=false"),
        ("documentation differs", "stop_total=true"),
    ]


def test_the_mock_is_not_changed_by_a_comparison() -> None:
    """The same take gives the same report, whatever was compared before."""
    take = copy.deepcopy(probed())
    assert drift(take) == drift(probed())
    assert take == probed()


@pytest.mark.parametrize("name", PLACES)
def test_what_a_finding_points_to_is_there(name: str) -> None:
    """A file that was moved, or a line that was rewritten, is to be followed in `PLACES`."""
    assert re.fullmatch(r"(?:.*/)?wiro_mock/[a-z_/]+\.py:\d+", line_of_place(name))
