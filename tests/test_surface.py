"""`wiro-mock surface`: the table of Wiro's endpoints says what is played, and cannot say anything else."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from click.testing import CliRunner

from tests.live_kit import live
from wiro_mock.api import surface as table
from wiro_mock.api.files import upload
from wiro_mock.api.operations import OPERATIONS, Operation
from wiro_mock.api.profile import Profile, switch
from wiro_mock.api.surface import ENDPOINTS, SOCKET, markdown, rows
from wiro_mock.commands.group import wiro_mock
from wiro_mock.sources import Standing


def shown(*flags: str) -> str:
    done = CliRunner().invoke(wiro_mock, ["surface", *flags])
    assert done.exit_code == 0, done.output
    return done.output


def here(call: str) -> str:
    (found,) = (row.here for row in rows() if row.call == call)
    return found


def test_every_operation_is_in_the_table_once() -> None:
    """As played, and with what it says of keys."""
    for operation in OPERATIONS:
        call = f"{operation.method} {operation.path}"
        (row,) = (row for row in rows() if row.call == call)
        (endpoint,) = (endpoint for endpoint in ENDPOINTS if endpoint.operation == operation.name)
        assert endpoint.call == call
        assert row.key == ("no" if operation.public else "yes")
        assert row.here == ("by switch" if operation.switch else "played")


def test_a_switch_turns_on_what_is_played_by_it() -> None:
    """In the table, too, for whoever asks with a profile."""
    (row,) = (row for row in rows(switch(Profile(), "task_stat=true")) if row.call == "POST /v1/Task/Stat")
    assert (row.here, here("POST /v1/Task/Stat")) == ("played", "by switch")


def test_what_is_played_over_http_is_an_operation() -> None:
    """And no row comes twice."""
    calls = [row.call for row in rows()]
    assert len(calls) == len(set(calls))
    played = {row.call for row in rows() if row.here in ("played", "by switch") and row.group != SOCKET}
    assert played == {f"{operation.method} {operation.path}" for operation in OPERATIONS}


def test_an_operation_that_goes_is_not_shown_as_played(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the table cannot lie; one that has another method does not count either."""
    assert here("POST /v1/Tool/List") == "played"
    kept = tuple(operation for operation in OPERATIONS if operation.name != "Tool/List")
    monkeypatch.setattr(table, "OPERATIONS", kept)
    assert here("POST /v1/Tool/List") == "not yet"
    other = Operation(name="Tool/List", method="GET", path="/v1/Tool/List", handler=upload)
    monkeypatch.setattr(table, "OPERATIONS", (*kept, other))
    assert here("POST /v1/Tool/List") == "not yet"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("POST /v1/Run/{owner}/{model}", "played"),
        ("POST /v1/UserAgent/Deploy", "out of scope"),
        ("POST /v1/chat/completions", "out of scope"),
        ("POST /v1/Auth/SigninVerify", "out of scope"),
        ("agent_info", "out of scope"),
        ("POST /v1/Wallet/List", "by switch"),
        ("POST /v1/Project/List", "played"),
        ("POST /v1/Run/{owner}/{model}/sync", "played"),
        ("task_info", "played"),
        ("task_session_end", "played"),
        ("task_session_interrupt", "played"),
        ("binary frames, both ways", "played"),
    ],
)
def test_what_is_planned_and_what_is_not(call: str, said: str) -> None:
    """Agents, the gateway and signing in are out of scope (design.md §11)."""
    assert here(call) == said


def test_the_socket_hears_what_the_table_says() -> None:
    """Of a message that is not played the tester is told that its type is not known here; of the others, never."""
    said = [row for row in rows() if row.group == SOCKET and " " not in row.call]
    assert [row.here for row in said] == ["played", "played", "played", "out of scope"]
    with live() as running, running.socket() as listener:
        for row in said:
            running.told.clear()
            listener.say({"type": row.call, "tasktoken": "x", "agenttoken": "x"})
            listener.check_silence()
            told = any(f"a message of type '{row.call}'" in line for line in running.told)
            assert told == (row.here != "played"), row.call


def test_the_socket_hears_sound_as_the_table_says() -> None:
    """The row of the binary frames: what a client says in a session is heard."""
    assert here("binary frames, both ways") == "played"
    with live() as running:
        task_id, token = running.run("/v1/Run/openai/gpt-realtime")
        with running.socket("/v1", token) as listener:
            listener.until("task_stream_ready")
            listener.connection.send(token.encode() + b"|" + bytes(4_800))
            listener.check_silence()
            assert running.world.sessions.recording(task_id).seconds == 0.1


def test_the_terminal_shows_an_aligned_table() -> None:
    """Readable at 120 columns: every column of every row begins where its title does."""
    lines = shown().splitlines()
    assert max(map(len, lines)) <= 120
    starts = [lines[0].index(title) for title in table.HEADER]
    for line in lines:
        if line.startswith("  "):
            assert all(line[start - 1] == " " for start in starts)
            assert line[starts[0]] != " "
            assert line[starts[-1] :] == line[starts[-1] :].strip()
    assert lines[1].split() == ["POST", "/v1/Run/{owner}/{model}", "played", "yes", "documented", *lines[1].split()[5:]]


def test_as_json_it_has_the_same_rows() -> None:
    """With a key for each column; every row has a standing, a source and a date."""
    listed = json.loads(shown("--json"))
    assert listed == [row._asdict() for row in rows()]
    for row in listed:
        assert row["standing"] in get_args(Standing)
        assert row["source"]
        assert row["date"].startswith("20")
        assert row["here"] in ("played", "by switch", "not yet", "out of scope")
        assert bool(row["key"]) == (row["here"] in ("played", "by switch"))


def test_the_markdown_is_one_table_of_all_rows() -> None:
    """For README, which a test of its own holds against this."""
    lines = markdown(rows()).splitlines()
    assert {line.count("|") for line in lines} == {len(table.HEADER) + 2}
    for row in rows():
        assert f"| `{row.call}` | {row.here} | {row.key} | {row.standing} | {row.source} | {row.date} |" in lines
