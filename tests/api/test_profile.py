"""The profiles: every switch has its facts, every difference shows on the wire, and `wiro-mock profile` tells both."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from tests.api.test_detail import NEWER_KEYS, SEED_KEYS
from tests.api_kit import KEY, ORIGIN, SECRET, detail, make_world, post, run, send
from tests.process_kit import PATIENCE, serving
from wiro_mock import WiroMock
from wiro_mock.api import PROFILES, Conversation, Profile, find_profile, switch
from wiro_mock.api.auth import sign
from wiro_mock.api.profile import choices, value_of
from wiro_mock.api.profile_facts import ABOUT, SWITCHES, UNDATED, Fact, source
from wiro_mock.commands.group import wiro_mock
from wiro_mock.kernel.events import SECOND
from wiro_mock.mock import World

NAMES = [field.name for field in fields(Profile) if field.name != "name"]
DATED = ["2026-09", "2026-04", "2025-12"]
TALK = "scenario: talk\nabout: It talks.\nsteps:\n  - stream: {text: one two, rate: 10tps}\n  - exit: 0\n"
BASE = ["type", "id", "message", "result"]
DAY = re.compile(r"20\d\d-\d\d(-\d\d)?( to 20\d\d-\d\d)?")


def play(*words: str) -> Result:
    return CliRunner().invoke(wiro_mock, ["profile", *words], prog_name="wiro-mock")


def differing(name: str) -> dict[str, Any]:
    """The switches of a profile that are not as in `current`."""
    profile, default = find_profile(name), Profile()
    return {
        switch: value_of(profile, switch) for switch in NAMES if value_of(profile, switch) != value_of(default, switch)
    }


# -- the table ---------------------------------------------------------------------------------------


def test_the_table_has_every_switch_once_and_every_profile() -> None:
    """In the order of the switches, the newest profile first; `current` is the defaults."""
    assert list(SWITCHES) == NAMES
    assert list(PROFILES) == list(ABOUT) == ["current", *DATED]
    assert PROFILES["current"] == Profile()
    assert all(PROFILES[name].name == name for name in PROFILES)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", NAMES)
def test_a_value_is_one_that_its_switch_allows_and_says_where_it_is_from(name: str, profile: str) -> None:
    """Read back through `name=value` it is itself; its date is one, or the source says that there is none."""
    value = value_of(PROFILES[profile], name)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    assert text in (choices(name) or (text,))
    assert value_of(switch(Profile(), f"{name}={text}"), name) == value
    where, date = source(name, profile, value_of(Profile(), name))
    if date == "-":
        assert where.endswith(UNDATED)
        assert value == value_of(Profile(), name)
    else:
        assert DAY.fullmatch(date)


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_has_an_allowed_value_and_facts_follow_in_time(name: str) -> None:
    """So the last one that holds is the newest."""
    facts = SWITCHES[name].facts
    for one in facts:
        text = str(one.value).lower() if isinstance(one.value, bool) else str(one.value)
        assert value_of(switch(Profile(), f"{name}={text}"), name) == one.value
        assert one.source
        assert DAY.fullmatch(one.date)
    months = [one.since or one.date[:7] for one in facts]
    assert months == sorted(months)
    assert re.fullmatch(r"(C\d+(-C\d+)?)?", SWITCHES[name].conflict)


def test_a_fact_holds_from_its_month_on() -> None:
    """Unless it says since when."""
    fact = Fact("a page", "2026-04-17", value=True)
    assert [fact.holds(month) for month in ("2025-12", "2026-04", "2026-09")] == [False, True, True]
    assert fact._replace(since="2025-12").holds("2025-12")


def test_what_differs_in_each_profile() -> None:
    """Written down once more, so that a changed fact is seen."""
    older: dict[str, Any] = {"envelope": "2026-04", "full_logs": True, "segments": False}
    newer: dict[str, Any] = {"categories": "array", "stop_total": True}
    assert differing("current") == {}
    assert differing("2026-09") == {**newer, "frame_token": False, "plain_texts": False}
    assert differing("2026-04") == {**newer, **older}
    assert differing("2025-12") == {"task_keys": "seed", "error_time": False, **older}


# -- the wire ----------------------------------------------------------------------------------------


def keys_of_detail(profile: Profile) -> Any:
    world = make_world(profile=profile)
    return list(detail(world, run(world)[0]))


def categories(profile: Profile) -> Any:
    world = make_world(profile=profile)
    return detail(world, run(world)[0])["categories"]


def keys_of_a_cancel(profile: Profile) -> Any:
    world = make_world(profile=profile)
    world.use("never-starts")
    return list(post(world, "/v1/Task/Cancel", {"taskid": run(world)[0]}).json)


def keys_of_an_error(profile: Profile) -> Any:
    return list(send(make_world(profile=profile), "GET", "/nope").error)


def frames(world: World, token: str) -> list[dict[str, Any]]:
    conversation = Conversation(world, ORIGIN)
    conversation.receive(json.dumps({"type": "task_info", "tasktoken": token}))
    return [json.loads(text) for text in conversation.pending(100)]


def frames_of_a_talk(profile: Profile) -> list[dict[str, Any]]:
    world = make_world(scenarios=TALK, profile=profile)
    world.use("talk")
    _, token = run(world)
    world.jump(world.sim.now + 60 * SECOND)
    return frames(world, token)


def keys_of_frames(profile: Profile) -> Any:
    keys = {tuple(frame) for frame in frames_of_a_talk(profile)}
    assert len(keys) == 1
    return [key for key in keys.pop() if key != "tasktoken"]


def token_on_frames(profile: Profile) -> Any:
    return all("tasktoken" in frame for frame in frames_of_a_talk(profile))


def plain_texts(profile: Profile) -> Any:
    told = [frame["message"] for frame in frames_of_a_talk(profile) if frame["type"] == "task_output"]
    return [key for key in ("raw", "thinking", "answer") if key in told[-1]]


def full_log(profile: Profile) -> Any:
    (log,) = [frame["message"] for frame in frames_of_a_talk(profile) if frame["type"] == "task_output_full"]
    return log


def segments(profile: Profile) -> Any:
    told = [frame["message"] for frame in frames_of_a_talk(profile) if frame["type"] == "task_output"]
    return told[-1].get("segments")


SHOWN: dict[str, tuple[Callable[[Profile], Any], dict[Any, Any]]] = {
    "task_keys": (keys_of_detail, {"all": SEED_KEYS + NEWER_KEYS, "seed": SEED_KEYS}),
    "categories": (categories, {"string": '["image-to-text"]', "array": ["image-to-text"]}),
    "stop_total": (
        keys_of_a_cancel,
        {False: ["errors", "tasklist", "result"], True: ["total", "errors", "tasklist", "result"]},
    ),
    "error_time": (keys_of_an_error, {False: ["code", "message"], True: ["code", "message", "time"]}),
    "envelope": (keys_of_frames, {"2026-04": BASE, "2026-09": [*BASE, "success", "terminal", "exitCode"]}),
    "full_logs": (full_log, {False: "", True: {"raw": "one two"}}),
    "frame_token": (token_on_frames, {False: False, True: True}),
    "plain_texts": (plain_texts, {False: [], True: ["raw", "thinking", "answer"]}),
    "segments": (segments, {False: None, True: [{"type": "answer", "text": "one two"}]}),
}
"""For each switch in which profiles differ: what to look at on the wire, and what is there for each value."""


def test_every_difference_has_a_look_at_the_wire() -> None:
    """A profile that differs in one more switch needs one more line here."""
    assert set(SHOWN) == {name for profile in PROFILES for name in differing(profile)}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", SHOWN)
def test_a_difference_shows_on_the_wire(name: str, profile: str) -> None:
    """Through the API, not through the table."""
    look, expected = SHOWN[name]
    assert look(PROFILES[profile]) == expected[value_of(PROFILES[profile], name)]


# -- the ways to choose one --------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_the_library_takes_every_profile_by_its_name(name: str) -> None:
    """As the mark does, which is read by the same code."""
    with WiroMock(api_key=KEY, api_secret=SECRET, profile=name) as mock:
        assert mock.world.profile == PROFILES[name]


@pytest.mark.parametrize("name", DATED)
def test_the_mark_takes_every_profile(name: str, pytester: pytest.Pytester, everything_is_loaded: None) -> None:
    """And a switch on top."""
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.wiro(profile={name!r}, switches={{"welcome": False}})
        def test_it(wiro):
            profile = wiro.world.profile
            assert (profile.name, profile.welcome) == ({name!r}, False)
        """
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_serve_takes_a_profile(tmp_path: Path) -> None:
    """Its switches are on the wire."""
    with serving(tmp_path, "--profile", "2026-04") as server:
        headers = {"x-api-key": server.key, "x-nonce": "17", "x-signature": sign(server.key, server.secret, "17")}
        ran = httpx.post(
            f"{server.api}/Run/moondream3-preview/caption", headers=headers, json={"inputImage": "x"}, timeout=PATIENCE
        )
        sent = {"taskid": ran.json()["taskid"]}
        answer = httpx.post(f"{server.api}/Task/Detail", headers=headers, json=sent, timeout=PATIENCE)
    assert answer.json()["tasklist"][0]["categories"] == ["image-to-text"]


# -- the command -------------------------------------------------------------------------------------


def test_the_command_lists_the_profiles() -> None:
    """One sentence each."""
    result = play()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "".join(f"{name}  {about}\n" for name, about in ABOUT.items())
    assert all(about.endswith(".") for about in ABOUT.values())


def test_the_table_of_a_profile_word_for_word() -> None:
    """Only the rows that differ."""
    assert play("2026-04").stdout == (
        "switch      here     current  source                                      date\n"
        "categories  array    string   C1: the server's OpenAPI documents          2026-03\n"
        "stop_total  true     false    C8: the server's OpenAPI documents          2026-03\n"
        "envelope    2026-04  2026-09  C31: the documentation of April, websocket  2026-04-17\n"
        "full_logs   true     false    C31: the documentation of April, websocket  2026-04-17\n"
        "segments    false    true     C24: the documentation of April, websocket  2026-04-17\n"
    )


@pytest.mark.parametrize("name", PROFILES)
def test_the_rows_are_those_that_differ_or_all(name: str) -> None:
    """`current` differs from nothing, and says so; every column begins where its header does."""
    result = play(name)
    if name == "current":
        assert result.stdout == "current is what the other profiles are compared with; --all shows its switches.\n"
    else:
        assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == list(differing(name))
    header, *rows = play(name, "--all").stdout.splitlines()
    assert header.split() == ["switch", "here", "current", "source", "date", "besides"]
    assert [row.split()[0] for row in rows] == NAMES
    for column in header.split():
        assert all(row[header.index(f"{column}") - 1 : header.index(column)].strip() == "" for row in rows)
    assert sum(UNDATED in row for row in rows) == sum(row[header.index("date")] == "-" for row in rows)
