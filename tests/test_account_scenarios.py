"""`account:` of a scenario, what a refused run uses up, and the account's own refusals over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.api_kit import CAPTION, library, make_world, post, run, signed
from wiro_mock.explain import explain
from wiro_mock.kernel.catalog import Model
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import load_text
from wiro_mock.mock import World
from wiro_mock.testing import verdict

POOR = """\
scenario: poor
about: The run is refused, because the balance seems too low.
account: {balance: 0.10}
steps: [{exit: 0}]
---
scenario: banned
account: {suspended: true}
steps: [{exit: 0}]
---
scenario: stranger
account: {member: false}
steps: [{exit: 0}]
---
scenario: rich
account: {balance: "900", suspended: false, member: true}
steps: [{start: 1s}, {exit: {code: 0, after: 10s}}]
---
scenario: crowded
account: {balance: 30}
steps: [{start: 1s}, {exit: 0}]
"""
SUSPENDED = "Your account has been suspended. Please contact support if you believe this is a mistake."


def _code(world: World, path: str = CAPTION, **more: Any) -> int:
    """The error code of one run; -1 for one that was taken on."""
    answer = post(world, path, {}, **more).json
    return -1 if answer["result"] else answer["errors"][0]["code"]


def _unused(world: World) -> list[str]:
    return list(verdict.unused_uses(world.casting.asked))


def test_a_run_meets_the_balance_of_its_scenario_and_nothing_stays() -> None:
    """97 for this run; the account itself is as rich as before, and so is the next run."""
    world = make_world(scenarios=POOR)
    world.use("poor", times=1)
    reply = post(world, CAPTION, {})
    assert (reply.status, reply.error["code"], reply.error["message"]) == (200, 97, "Insufficient balance")
    assert world.sim.balance == 1000
    assert list(world.sim.tasks()) == []
    assert _code(world) == -1
    assert _unused(world) == []


@pytest.mark.parametrize(
    ("scenario", "code", "message"), [("poor", 97, "Insufficient balance"), ("banned", 0, SUSPENDED)]
)
def test_what_the_scenario_makes_refuse_has_played(scenario: str, code: int, message: str) -> None:
    """The tester asked for it: the use is spent, and the journal and the explanation name the scenario."""
    world = make_world(scenarios=POOR)
    world.use(scenario, times=1)
    reply = post(world, CAPTION, {})
    assert (reply.error["code"], reply.error["message"]) == (code, message)
    assert world.uses == ()
    (exchange,) = world.journal.entries()
    assert (exchange.outcome.scenario, exchange.outcome.how) == (scenario, "asked for")
    assert f"as the scenario '{scenario}' (<text>:" in exchange.outcome.reason
    told = "\n".join(explain(world, exchange.id))
    assert f"scenario  '{scenario}' (<text>:" in told
    assert f"try       another scenario: '{scenario}' sets the account" in told
    assert scenario in world.played


def test_a_run_that_the_account_refuses_uses_nothing_up() -> None:
    """Neither `times`, nor `nth`, nor a turn: the scenario plays when the account has money again."""
    world = make_world(scenarios=POOR, balance=Decimal("0.10"))
    world.use("caption", times=1)
    for _ in range(3):
        assert _code(world) == 97
    (use,) = world.uses
    assert (use.seen, use.played, use.turned_away) == (0, 0, 3)
    assert world.journal.entries()[-1].outcome.scenario == ""
    world.sim.change_account(balance=Decimal(100))
    assert _code(world) == -1
    assert world.uses == ()


def test_the_end_of_a_test_tells_why_a_scenario_never_played() -> None:
    """A run came, and the account turned it away."""
    world = make_world(balance=Decimal("0.10"))
    world.use("caption", times=1)
    post(world, CAPTION, {})
    (problem,) = _unused(world)
    assert "1 run that fits was refused before it could play: Insufficient balance; " in problem
    post(world, CAPTION, {})
    assert "2 runs that fit were refused before" in _unused(world)[0]


def test_a_run_with_wrong_parameters_uses_nothing_up_either() -> None:
    """And the account is looked at first: who may not run a model isn't told what is wrong with the input."""
    world = make_world(scenarios=POOR)
    nano = "/v1/Run/google/nano-banana-pro"
    world.use("failure", times=1)
    assert post(world, nano, {}).error["message"] == "Request parameter [prompt] required"
    (use,) = world.uses
    assert (use.seen, use.turned_away, use.refused_with) == (0, 1, "Request parameter [prompt] required")
    world.use("poor", times=1)
    assert post(world, nano, {}).error["code"] == 97
    assert [use.name for use in world.uses] == ["failure"]
    assert post(world, nano, {"prompt": "a cat"}).json["result"] is True
    assert world.uses == ()


def test_a_scenario_that_refuses_does_so_before_the_account_and_counts() -> None:
    """Of a suspended account, too: that is what was asked for."""
    world = make_world(balance=Decimal(0))
    world.sim.change_account(suspended=True)
    world.use("concurrency-limit", times=1)
    assert _code(world) == 96
    assert world.uses == ()
    assert _code(world) == 0


def test_a_refusal_that_is_not_the_scenarios_doing_leaves_it_unplayed() -> None:
    """The scenario sets the balance; the account itself is suspended."""
    world = make_world(scenarios=POOR)
    world.sim.change_account(suspended=True)
    world.use("poor", times=1)
    assert _code(world) == 0
    (use,) = world.uses
    assert (use.played, use.turned_away) == (0, 1)
    world.sim.change_account(suspended=False)
    assert (_code(world), world.uses) == (97, ())


def test_scenarios_in_turn_and_the_nth_run_go_on_as_if_refused_runs_had_not_come() -> None:
    """Two runs are let in, with refused ones between them: the second one of those is the second run."""
    from wiro_mock.casting import Use

    world = make_world(scenarios=POOR)
    find = world.casting.find
    world.casting.use(Use(scenarios=(find("failure"), find("caption"))))
    world.casting.use(Use(scenarios=(find("image"),), nth=3))
    played = []
    for suspended in (True, False, True, False, False, False):
        world.sim.change_account(suspended=suspended)
        if _code(world) == -1:
            played.append(list(world.sim.tasks())[-1].job.scenario)
    assert played == ["failure", "caption", "image", "caption"]


def test_a_scenario_lets_in_what_the_account_would_refuse_and_the_charge_is_real() -> None:
    """The balance of the account falls below zero: what is met is not what is paid with."""
    world = make_world(scenarios=POOR, balance=Decimal("0.001"))
    world.use("rich")
    task_id, _ = run(world)
    world.jump(world.sim.now + 60_000_000)
    task = world.sim.task(task_id)
    assert task is not None
    assert task.cost is not None
    assert task.cost > 0
    assert world.sim.spent == task.cost
    assert world.sim.balance == Decimal("0.001") - task.cost


def test_the_concurrency_limit_is_reckoned_with_the_balance_that_is_met() -> None:
    """30 USD let three tasks in; the figures are in the sentence."""
    world = make_world(scenarios=POOR)
    for _ in range(3):
        run(world)
    world.use("crowded")
    reply = post(world, CAPTION, {})
    assert reply.error["code"] == 96
    assert "balance of $30.00, you can run up to 3 tasks" in reply.error["message"]
    world.jump(world.sim.now + 60_000_000)
    assert _code(world) == -1


def _with(model: str) -> World:
    """A world with one more model, `acme/it`; `model` are further lines of its file."""
    from dataclasses import replace

    made = library(POOR)
    known = made.models[0]
    changes: dict[str, Any] = {"closed": {"access": "closed"}, "members": {"access": "members"}}.get(
        model, {"training": True}
    )
    it: Model = replace(known, owner="acme", slug="it", id="90010", parameters=(), **changes)
    made.models = [*made.models, it]
    world = make_world()
    world.casting._library = made
    return world


def test_a_closed_model_a_model_for_members_and_one_that_trains() -> None:
    """Each refusal over HTTP, in Wiro's words; none of them is an unexpected call."""
    world = _with("closed")
    reply = post(world, "/v1/Run/acme/it", {})
    assert (reply.status, reply.error["code"], reply.error["message"]) == (200, 1, "tool-not-accessible")
    assert not world.unexpected
    world = _with("members")
    assert _code(world, "/v1/Run/acme/it") == -1
    world.use("stranger", times=1)
    reply = post(world, "/v1/Run/acme/it", {})
    assert (reply.error["code"], reply.error["message"]) == (98, "sign in to run this model")
    world.sim.change_account(member=False)
    assert (_code(world, "/v1/Run/acme/it"), _code(world)) == (98, -1)
    world = _with("training")
    world.sim.change_account(balance=Decimal("9.99"))
    assert (_code(world, "/v1/Run/acme/it"), _code(world)) == (97, -1)
    world.jump(world.sim.now + 60_000_000)
    world.sim.change_account(balance=Decimal(10))
    assert _code(world, "/v1/Run/acme/it") == -1


def test_the_header_may_ask_for_it_too() -> None:
    """As for any other scenario."""
    world = make_world(scenarios=POOR, scenario_header=True)
    headers = {**signed(), "x-wiro-mock-scenario": "banned"}
    assert [_code(world, headers=headers), _code(world)] == [0, -1]


def test_a_file_that_came_with_a_refused_run_is_not_kept() -> None:
    """Whoever refuses it."""
    from tests.api_kit import part, post_parts

    world = make_world(scenarios=POOR)
    world.use("poor", times=1)
    for _ in range(2):
        reply = post_parts(world, CAPTION, part("inputImage", b"x", filename="a.png", kind="image/png"))
        assert reply.error["code"] in (97, 0)
        assert len(world.blobs) == 0
        world.sim.change_account(suspended=True)


@pytest.mark.parametrize(
    ("account", "complaint"),
    [
        ("{}", "account: says nothing; write balance, suspended or member, or leave it out"),
        ("", "account: has no value; write one, or leave the key out"),
        ("{balance: much}", "account.balance: is an amount of USD such as 0.40, not 'much'; write the balance in USD"),
        ("{balance: 1e3}", "account.balance: is an amount of USD such as 0.40, not '1e3'"),
        ("{balance: true}", "account.balance: is an amount of USD such as 0.40, not 'True'"),
        ("{balance: null}", "account.balance: has no value"),
        ("{balance: [1]}", "account.balance: is an amount of USD"),
        ("{suspended: yes}", "account.suspended: "),
        ("{ballance: 1}", "account.ballance: unknown key; did you mean 'balance'?"),
        ("poor", "account: "),
    ],
)
def test_an_account_that_makes_no_sense_is_a_complaint(account: str, complaint: str) -> None:
    """With its place, the key, and the way out."""
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\naccount: {account}\nsteps: [{{exit: 0}}]\n")
    assert str(caught.value).startswith("<text>:2:")
    assert complaint in str(caught.value)


def test_a_refusing_scenario_has_no_account() -> None:
    """Nothing would look at it."""
    with pytest.raises(ScenarioError, match=r"account: `refuse` answers before anybody looks at it"):
        load_text("scenario: x\naccount: {suspended: true}\nsteps: [{refuse: 97}]\n")


def test_a_scenario_with_an_account_can_be_pasted_back() -> None:
    """Its repr loads again to the same scenario."""
    from wiro_mock.scenario import Scenario

    for one in load_text(POOR):
        pasted = eval(repr(one), {"Scenario": Scenario})
        assert pasted.model_dump() == one.model_dump()
        assert pasted.account == one.account
