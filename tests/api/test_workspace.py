"""Projects, the wallet and the team: the world's account, read only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.api_kit import KEY, detail, make_world, post, run
from wiro_mock.api.profile import Profile
from wiro_mock.kernel.events import SECOND

HOUR = 3600 * SECOND
UNKNOWN = ("Project/UsageSummary", "Wallet/List", "Wallet/TransactionList", "Coupon/UserList")


def test_the_project_is_listed_by_its_key_or_without_one() -> None:
    """As a third-party client reads it (rest.md §2.3); another key finds nothing."""
    world = make_world()
    run(world)
    (project,) = post(world, "/v1/Project/List", {"uuid": "me", "apikey": ""}).json["project"]
    assert list(project) == (
        "id uuid name description slug apikey ipwhitelist time authmethod requestCount".split()  # noqa: SIM905
    )
    assert (project["apikey"], project["authmethod"], project["requestCount"]) == (KEY, "signature", "1")
    assert (project["slug"], project["ipwhitelist"], project["uuid"]) == (None, [], world.sim.account.uuid)
    assert post(world, "/v1/Project/List", {"apikey": KEY}).json["project"] == [project]
    assert post(world, "/v1/Project/List", {"apikey": "other"}).json["project"] == []


def test_the_team_tells_the_balance_and_what_was_spent() -> None:
    """Under both of the paths and spellings that the documentation has had (rest.md C27)."""
    world = make_world()
    (organization,) = post(world, "/v1/Organization/List", {}).json["organizations"]
    assert (organization["isowner"], organization["teams"][0]["walletbalance"]) == (True, 1000)
    task_id, _ = run(world)
    world.skip(HOUR)
    cost = float(detail(world, task_id)["totalcost"])
    assert cost > 0
    (organization,) = post(world, "/v1/Organization/List", {}).json["organizations"]
    assert organization["teams"][0]["walletbalance"] == pytest.approx(1000 - cost, abs=1e-12)
    april = post(world, "/v1/Team/SpendingSummary", {}).json
    assert list(april)[2:] == [
        "teamTotal",
        "playgroundTotal",
        "apiTotal",
        "memberSpent",
        "spendLimit",
        "memberSpendLimit",
    ]
    assert (april["teamTotal"], april["memberSpent"]) == (cost, {"total": cost, "playground": 0, "api": cost})
    newest = post(world, "/v1/Team/Spending/Summary", {}).json
    assert list(newest)[2:] == ["teamtotal", "playgroundTotal", "apiTotal", "spending"]
    (member,) = post(world, "/v1/Team/Member/List", {}).json["members"]
    assert (newest["spending"][0]["spent"], newest["spending"][0]["useruuid"]) == (cost, member["useruuid"])
    assert (member["role"], member["status"]) == ("owner", "active")


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_nobody_has_seen_answers_by_a_switch_only(name: str) -> None:
    """The documentation names it, and shows no answer."""
    world = make_world()
    assert post(world, f"/v1/{name}", {}).status == 404
    assert "with the switch account_shapes" in world.journal.entries()[-1].outcome.reason
    assert post(make_world(profile=Profile(account_shapes=True)), f"/v1/{name}", {}).json["result"] is True


def test_the_bill_of_the_wallet_is_that_of_the_tasks() -> None:
    """One line for each task that cost something, the newest first; together they are what is missing in the wallet."""
    world = make_world(profile=replace(Profile(), account_shapes=True))
    ids = [run(world)[0] for _ in range(3)]
    world.skip(HOUR)
    costs = [detail(world, task_id)["totalcost"] for task_id in ids]
    answer = post(world, "/v1/Wallet/TransactionList", {"limit": "2"}).json
    assert answer["total"] == "3"
    assert [(item["taskid"], item["amount"]) for item in answer["transactions"]] == [
        (ids[2], f"-{costs[2]}"),
        (ids[1], f"-{costs[1]}"),
    ]
    (wallet,) = post(world, "/v1/Wallet/List", {}).json["wallet"]
    assert float(wallet["balance"]) == pytest.approx(1000 - sum(map(float, costs)), abs=1e-9)
    (usage,) = post(world, "/v1/Project/UsageSummary", {}).json["usage"]
    assert usage["requestCount"] == "3"
    assert float(usage["totalcost"]) == pytest.approx(sum(map(float, costs)), abs=1e-9)
