"""`Task/Stat`: behind a switch, in a shape of ours that adds up."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api_kit import make_world, post, run, send, signed
from wiro_mock.api import Profile
from wiro_mock.api.task_stat import DAY, DAYS
from wiro_mock.explain import explain
from wiro_mock.kernel.events import SECOND
from wiro_mock.mock import World

ON = Profile(task_stat=True)
STAT = "/v1/Task/Stat"


def _rows(world: World, fields: object = None) -> list[dict[str, Any]]:
    answer = post(world, STAT, {} if fields is None else fields).json
    assert (answer["result"], answer["errors"], list(answer)) == (True, [], ["result", "errors", "stat"])
    return list(answer["stat"])


def test_without_its_switch_nothing_answers() -> None:
    """As at any path that there is not, with a key or without; the reason and the explanation name the switch."""
    world = make_world()
    for headers in (signed(), {}):
        reply = post(world, STAT, {}, headers=headers)
        other = post(world, "/v1/Task/Nothing", {}, headers=headers)
        assert (reply.status, reply.error["message"]) == (other.status, other.error["message"])
        assert (reply.status, reply.error["code"], reply.error["message"]) == (404, 0, "Error parsing url.")
    exchange = world.journal.entries()[0]
    assert exchange.outcome.unexpected
    assert "with the switch task_stat" in exchange.outcome.reason
    assert explain(world, exchange.id)[-1].endswith(
        'WiroMock(switches={"task_stat": True}) or wiro-mock serve --switch task_stat=true'
    )


def test_with_its_switch_it_needs_a_key() -> None:
    """As everything that is the account's."""
    world = make_world(profile=ON)
    assert send(world, "POST", STAT, b"{}", content_type="application/json").status == 401
    assert _rows(world) == []


def test_a_row_for_each_day_with_texts() -> None:
    """One that ends well, one that ends badly, one that is cancelled, and on the next day one that waits."""
    world = make_world(profile=ON)
    today = world.sim.now // SECOND // DAY * DAY
    for scenario in ("caption", "failure", "cancelled-in-queue"):
        world.use(scenario)
        run(world)
    world.jump((today + DAY) * SECOND)
    world.use("never-starts")
    run(world)
    before = world.sim.now
    assert _rows(world, {"anything": ["goes"]}) == [
        {"time": str(today), "runcount": "3", "successcount": "1", "errorcount": "1"},
        {"time": str(today + DAY), "runcount": "1", "successcount": "0", "errorcount": "0"},
    ]
    assert world.sim.now == before


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3 * DAY), max_size=8))
def test_the_rows_add_up_to_the_tasks(pauses: list[int]) -> None:
    """Whenever they were made; the days rise, and none is empty."""
    world = make_world(profile=ON)
    for pause in pauses:
        world.jump(world.sim.now + pause * SECOND)
        run(world)
    rows = _rows(world)
    days = [int(row["time"]) for row in rows]
    assert days == sorted(set(days))
    assert all(day % DAY == 0 for day in days)
    assert sum(int(row["runcount"]) for row in rows) == len(pauses)
    assert all(0 < int(row["runcount"]) >= int(row["successcount"]) + int(row["errorcount"]) for row in rows)


def test_there_are_no_more_rows_than_a_year_has_days() -> None:
    """The latest are kept."""
    world = make_world(profile=ON)
    for _ in range(DAYS + 2):
        run(world)
        world.jump(world.sim.now + DAY * SECOND)
    rows = _rows(world)
    assert len(rows) == DAYS
    assert int(rows[-1]["time"]) == (world.sim.now // SECOND // DAY - 1) * DAY
