"""Prices in the files of models, usage in the files of scenarios: what they say, and what is refused."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scenarios_kit import JOB, keep
from wiro_mock.api.jsontext import dumps
from wiro_mock.kernel import events as e
from wiro_mock.kernel.prices import METHODS, NOTHING_SAID, Tier, Used, shown
from wiro_mock.language.plan_table import detail
from wiro_mock.loader import ScenarioError, load_models, load_text, shipped
from wiro_mock.scenario import Scenario
from wiro_mock.scenario_schema import schema

HEAD = """model: acme/painter
id: "9001"
kind: image
cps: "0.001"
"""
PARAMETERS = """parameters:
  resolution: {type: select, options: [1K, 2K]}
  seed: {type: text, default: 7}
  inputImage: {type: combinefileinput}
"""
CPR = '{price: "1", method: cpr}'


def prices(tmp_path: Path, *tiers: str, head: str = HEAD + PARAMETERS) -> tuple[Tier, ...]:
    (tmp_path / "models").mkdir(exist_ok=True)
    (tmp_path / "models" / "m.yaml").write_text(head + "prices:\n" + "".join(f"  - {tier}\n" for tier in tiers))
    (model,) = load_models(tmp_path)
    return model.prices


def complaint(tmp_path: Path, *tiers: str, head: str = HEAD + PARAMETERS) -> str:
    with pytest.raises(ScenarioError) as caught:
        prices(tmp_path, *tiers, head=head)
    return "\n".join(str(one).partition("m.yaml:")[2] for one in caught.value.complaints)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_written(tmp_path: Path, method: Any) -> None:
    """In Wiro's words."""
    assert prices(tmp_path, f'{{price: "0.09", method: {method}}}') == (Tier(price=Decimal("0.09"), method=method),)


def test_a_tier_with_everything(tmp_path: Path) -> None:
    """Values of `inputs` are text, however they are written."""
    one = (
        '{price: "0.03", method: cp-pixel, inputs: {seed: 07, inputImage: "QUANTITY:2"}, extra: "0.01", per_input: "0"}'
    )
    assert prices(tmp_path, one) == (
        Tier(
            price=Decimal("0.03"), method="cp-pixel", inputs={"seed": "07", "inputImage": "QUANTITY:2"},
            extra=Decimal("0.01"), per_input=Decimal(0),
        ),
    )  # fmt: skip


CONTRADICTIONS: dict[str, tuple[list[str], str]] = {
    "two for all runs": (
        [CPR, '{price: "2", method: cpo}'],
        "11:5: prices: price 1 holds for the same runs as price 2; write other inputs into one of the two, "
        "or take it out",
    ),
    "two for some runs": (
        [CPR, *(f'{{price: "{n}", method: cpr, inputs: {{resolution: 1K, seed: 7}}}}' for n in (2, 3))],
        "12:39: prices.inputs: price 2 holds for the same runs as price 3; write other inputs into one of the two, "
        "or take it out",
    ),
    "extra without megapixels": (
        ['{price: "1", method: cpr, extra: "0.1"}'],
        "10:38: prices.extra: means nothing with the method cpr; take it out, or write method: cp-pixel",
    ),
    "input megapixels without megapixels": (
        ['{price: "1", method: cpo, per_input: "0.1"}'],
        "10:42: prices.per_input: means nothing with the method cpo; take it out, or write method: cp-pixel",
    ),
    "no such parameter": (
        ['{price: "1", method: cpr, inputs: {resoluton: 1K}}'],
        "10:51: prices.inputs.resoluton: the model has no parameter 'resoluton'; did you mean 'resolution'?",
    ),
    "nothing like a parameter": (
        ['{price: "1", method: cpr, inputs: {qqq: 1K}}'],
        "10:45: prices.inputs.qqq: the model has no parameter 'qqq'; its parameters are: resolution, seed, inputImage",
    ),
    "files of no files": (
        ['{price: "1", method: cpr, inputs: {resolution: "QUANTITY:2"}}'],
        "10:52: prices.inputs.resolution: a select has no files to count; write a value that it may have, "
        "or name a file parameter",
    ),
    "no number of files": (
        ['{price: "1", method: cpr, inputs: {inputImage: "QUANTITY:two"}}'],
        "10:39: prices.inputs: 'QUANTITY:two' of inputImage counts nothing; write QUANTITY:2 for two files",
    ),
    "no method": (['{price: "1", method: cp}'], "10:26: prices.method: 'cp' is not possible; did you mean 'cpt'?"),
    "not in quotes": (
        ["{price: 1, method: cpr}"],
        '10:13: prices.price: 1 is not a price; write USD in quotes, such as "0.09"',
    ),
    "below nothing": (
        ['{price: "-1", method: cpr}'],
        "10:13: prices.price: '-1' is not a price; write USD in quotes, such as \"0.09\"",
    ),
    "finer than is printed": (
        ['{price: "0.0000000000001", method: cpr}'],
        "10:13: prices.price: '0.0000000000001' has too many digits; write at most twelve decimals, "
        "and fifteen digits in all",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_prices_that_contradict_themselves(tmp_path: Path, name: str) -> None:
    """Said at the key that has to be mended, with the way out."""
    tiers, said = CONTRADICTIONS[name]
    assert complaint(tmp_path, *tiers) == said


def test_all_complaints_come_at_once(tmp_path: Path) -> None:
    """As everywhere."""
    said = complaint(tmp_path, CPR, CPR, '{price: "1", method: cpr, inputs: {a: 1, seed: "QUANTITY:1"}}')
    assert [line.partition(": ")[0] for line in said.split("\n")] == ["11:5", "12:43", "12:52"]


def test_a_model_without_a_list_of_parameters_may_name_any(tmp_path: Path) -> None:
    """Nobody knows which it has."""
    one = '{price: "1", method: cpr, inputs: {anything: "QUANTITY:2"}}'
    assert prices(tmp_path, one, head=HEAD)[0].inputs == {"anything": "QUANTITY:2"}


@given(st.decimals(0, 999, places=12))
def test_what_a_file_may_say_is_exact_on_the_wire(tmp_path_factory: pytest.TempPathFactory, amount: Decimal) -> None:
    """A reader of `dynamicprice` gets the price that is charged."""
    (tier,) = prices(tmp_path_factory.getbasetemp(), f'{{price: "{amount:f}", method: cpr}}')
    (item,) = json.loads(dumps(shown([tier])), parse_float=Decimal)
    assert item["price"] == amount == tier.price


def test_the_shipped_prices_are_those_that_a_source_knows() -> None:
    """One: rest.md §2.6 and §10.2. Of the realtime models the method is known (per turn), and the amount is ours."""
    priced = {model.name: model.prices for model in load_models(shipped()) if model.prices}
    known = {name: tiers for name, tiers in priced.items() if tiers[0].method != "cp-realtimeturn"}
    assert known == {"wiro/Virtual Try-On": (Tier(price=Decimal("0.09"), method="cpr"),)}


# -- usage -----------------------------------------------------------------------------------------------

FULL = '{tokens: 1200, audio_seconds: 12.5, video_seconds: 5, turns: 3, pixels: 1048576, price: "0.05"}'
USED = Used(
    tokens=1200, audio_seconds=Decimal("12.5"), video_seconds=Decimal(5), turns=3, pixels=1048576, price=Decimal("0.05")
)


def scenario(leave: str) -> Scenario:
    (made,) = load_text(f"scenario: a\nsteps:\n  - exit: {leave}\n")
    return made


def exited(made: Scenario) -> e.Exited:
    """The exit of the scenario's plan."""
    events = [item.event for item in made.compile(JOB, keep).items if hasattr(item, "event")]
    return next(event for event in events if isinstance(event, e.Exited))


@pytest.mark.parametrize(
    ("leave", "used"),
    [
        ("0", NOTHING_SAID),
        ("{code: 0}", NOTHING_SAID),
        (f"{{code: 0, usage: {FULL}}}", USED),
        ("{code: 0, usage: {tokens: 0}}", Used(tokens=0)),
        ("{code: 0, usage: {audio_seconds: 0.1}}", Used(audio_seconds=Decimal("0.1"))),
        ("{code: 0, usage: {tokens: 1000000000000000}}", Used(tokens=10**15)),
    ],
)
def test_a_scenario_says_what_its_run_used(leave: str, used: Used) -> None:
    """Exactly as it is written; nothing where it is silent."""
    assert exited(scenario(leave)).used == used


def test_usage_is_spelt_again_as_it_was_written() -> None:
    """The `repr` of a scenario reads as the same scenario."""
    made = scenario(f"{{code: 0, usage: {FULL}}}")
    assert repr(eval(repr(made), {"Scenario": Scenario})) == repr(made)
    assert exited(eval(repr(made), {"Scenario": Scenario})).used == USED


def test_the_plan_shows_the_usage() -> None:
    """`wiro-mock plan` says everything that was written."""
    said = "exit code 0, tokens 1200, audio_seconds 12.5, video_seconds 5.0, turns 3, pixels 1048576, price 0.05"
    assert detail(exited(scenario(f"{{code: 0, usage: {FULL}}}"))) == said
    assert detail(e.Exited(code=3)) == "exit code 3"


def test_the_schema_knows_the_usage() -> None:
    """Every key of it, each with its explanation."""
    usage = schema()["$defs"]["UsageWords"]
    assert usage["properties"].keys() == {field.name for field in fields(Used)}
    assert all("description" in one for one in usage["properties"].values())


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        ("{}", "usage: says nothing; write at least one of tokens, audio_seconds, video_seconds, turns, pixels, price"),
        ("{tokens: -1}", "usage.tokens: '-1' is too small; write at least 0"),
        ("{tokens: 1.5}", "usage.tokens: '1.5' is not a whole number; write digits without quotes"),
        ("{tokens: 1000000000000001}", "usage.tokens: '1000000000000001' is too large"),
        ("{audio_seconds: -0.5}", "usage.audio_seconds: '-0.5' is too small"),
        ("{audio_seconds: .inf}", "usage.audio_seconds: '.inf' is not a number"),
        ("{price: 0.05}", "usage.price: '0.05' is not text; put it in quotes"),
        ('{price: "-1"}', "usage.price: '-1' is not a price; write USD in quotes"),
        ("{tokns: 3}", "usage.tokns: unknown key; did you mean 'tokens'?"),
        ("{tokens: }", "usage.tokens: has no value; write one, or leave the key out"),
        ("7", "usage: '7' is not a mapping"),
    ],
)
def test_usage_that_cannot_be(usage: str, said: str) -> None:
    """As strict as everything else."""
    with pytest.raises(ScenarioError) as caught:
        scenario(f"{{code: 0, usage: {usage}}}")
    assert said in str(caught.value)
