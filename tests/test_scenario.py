"""Scenarios: which one plays, what it refuses, and the schema."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.scenarios_kit import JOB, MODEL, keep, made
from wiro_mock.kernel.kinds import KINDS
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import load_text
from wiro_mock.matching import choose
from wiro_mock.scenario import Scenario
from wiro_mock.scenario_schema import schema

FLUX = replace(MODEL, owner="Wiro", slug="FLUX.2-dev", kind="image", defaults={})


# -- which one plays


@pytest.mark.parametrize(
    "glob",
    ["Wiro/FLUX.2-dev", "wiro/flux-2-dev", "WIRO/*", "*/flux*", "*", ["x/y", "wiro/flux-2-*"], "wiro/FLUX.2-*"],
)
def test_globs_fit_the_clean_and_the_display_form(glob: Any) -> None:
    """In any letter case."""
    assert made([{"exit": 0}], match={"model": glob}).matches(FLUX, {}) == []


def test_differences_are_told_in_words() -> None:
    """Each field that differs, with what it is and what would do."""
    match = {"model": ["moondream3-preview/*", "a/b"], "with": {"length": ["short", "normal"], "n": 3}}
    scenario = made([{"exit": 0}], match=match)
    assert scenario.matches(FLUX, {"length": "long"}) == [
        "model is Wiro/FLUX.2-dev, not moondream3-preview/* or a/b",
        "with.length is 'long', not 'short' or 'normal'",
        "with.n is not given, not '3'",
    ]
    assert scenario.matches(MODEL, {"n": 3}) == []
    assert made([{"exit": 0}]).matches(MODEL, {}) == ["it has no match: it plays only when asked for by name"]


def test_values_are_compared_as_text() -> None:
    """A number in YAML is the same as its digits in a form."""
    scenario = made([{"exit": 0}], match={"with": {"a": 10, "b": True, "c": 0.5}})
    assert scenario.matches(MODEL, {"a": "10", "b": "true", "c": 0.5}) == []
    assert scenario.matches(MODEL, {"a": 10.0, "b": True, "c": "0.5"}) == []


def _named(name: str, **keys: Any) -> Scenario:
    return made([{"exit": 0}], **{"scenario": name, **keys})


def test_the_most_specific_scenario_wins() -> None:
    """More parameters, then the longer literal part of the glob that fits, then the later one."""
    everything = _named("any", match={"model": "*"}, default_for=["video", "text"])
    family = _named("family", match={"model": ["moondream3-preview/*", "a/very-long-name-of-another-model"]})
    exact = _named("exact", match={"model": "moondream3-preview/caption"})
    short = _named("short", match={"with": {"length": "short"}})
    asked = _named("asked")
    later = _named("later", match={"model": "moondream3-preview/caption"})
    shelf = [short, exact, family, everything, asked]

    def chosen(model: Any, parameters: dict[str, object], name: str | None = None, *more: Scenario) -> tuple[str, str]:
        found = choose([*shelf, *more], model, parameters, name)
        return found.scenario.name, found.how

    assert chosen(MODEL, {}) == ("exact", "match")
    assert chosen(MODEL, {"length": "short"}) == ("short", "match")
    assert chosen(replace(MODEL, slug="query"), {}) == ("family", "match")
    assert chosen(FLUX, {}) == ("any", "match")
    assert chosen(MODEL, {}, "asked") == ("asked", "asked for")
    assert chosen(MODEL, {}, None, later) == ("later", "match")
    assert exact.specificity == (0, 26, 1)
    assert short.specificity == (1, 0, 1)


def test_without_a_match_the_kind_of_output_decides() -> None:
    """The later of two defaults."""
    shelf = [_named("one", default_for="text"), _named("two", default_for=["image", "text"])]
    found = choose(shelf, MODEL, {})
    assert (found.scenario.name, found.how) == ("two", "default for text")


def test_when_nothing_plays_the_nearest_is_shown() -> None:
    """With the field that differed and the ways out."""
    near = made([{"exit": 0}], match={"model": "wiro/*", "with": {"length": "short"}})
    far = _named("far", match={"model": "x/*", "with": {"length": "long"}})
    with pytest.raises(ScenarioError) as caught:
        choose([far, near], FLUX, {"length": "long"})
    assert str(caught.value) == (
        "no scenario plays for Wiro/FLUX.2-dev (kind image); the nearest is 'far' (trial.yaml:3), but "
        "model is Wiro/FLUX.2-dev, not x/*; add `default_for: image` to one, or a match, or ask for one by name"
    )
    with pytest.raises(ScenarioError) as caught:
        choose([near], FLUX, {"length": "long"})
    assert "the nearest is 'trial' (trial.yaml:3), but with.length is 'long', not 'short';" in str(caught.value)
    with pytest.raises(ScenarioError) as caught:
        choose([], FLUX, {})
    assert str(caught.value) == (
        "no scenario plays for Wiro/FLUX.2-dev (kind image): none has a match; "
        "add `default_for: image` to one, or a match, or ask for one by name"
    )


def test_an_unknown_name_gets_a_suggestion() -> None:
    """The nearest name, or all of them."""
    shelf = [_named("failure"), _named("image")]
    for asked, hint in (("failur", "did you mean 'failure'?"), ("zzz", "none is near; there are: failure, image")):
        with pytest.raises(ScenarioError) as caught:
            choose(shelf, MODEL, {}, asked)
        assert str(caught.value) == f"no scenario '{asked}'; {hint}"


# -- refusals


@pytest.mark.parametrize(
    ("step", "code", "message"),
    [
        (97, 97, "Insufficient balance"),
        ({"code": 98}, 98, "sign in to run this model"),
        ({"code": 1, "message": "tool-not-accessible"}, 1, "tool-not-accessible"),
        ({"code": 97, "message": "own words"}, 97, "own words"),
    ],
)
def test_refusals_say_what_wiro_says(step: Any, code: int, message: str) -> None:
    """Or what the scenario says instead."""
    with pytest.raises(Refusal) as caught:
        made([{"refuse": step}]).compile(JOB, keep)
    assert (caught.value.code, caught.value.message, caught.value.status) == (code, message, 200)
    assert caught.value.reason == "the scenario 'trial' refuses every run (trial.yaml:3)"


@pytest.mark.parametrize(
    ("balance", "said"), [("1000", "$50.00, you can run up to 5"), ("40", "$40.00, you can run up to 4")]
)
def test_the_limits_sentence_follows_the_balance(balance: str, said: str) -> None:
    """An unlimited balance has no such sentence, so Wiro's example stands in."""
    with pytest.raises(Refusal) as caught:
        made([{"refuse": 96}]).compile(JOB, keep, balance=Decimal(balance))
    assert f"With your current balance of {said} tasks at the same time." in caught.value.message


# -- the schema


def test_the_schema_describes_every_key() -> None:
    """Editors show a description wherever they complete a key."""
    whole = schema()
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    keys = {"scenario", "about", "match", "default_for", "account", "backend", "inputs", "steps", "faults"}
    assert set(whole["properties"]) == keys
    assert whole["required"] == ["scenario"]
    assert whole["oneOf"] == [{"required": ["steps"]}, {"required": ["backend"]}]

    def undescribed(part: Any, path: str) -> list[str]:
        if isinstance(part, list):
            return [found for index, item in enumerate(part) for found in undescribed(item, f"{path}/{index}")]
        if not isinstance(part, dict):
            return []
        found = [
            f"{path}/{key}"
            for key, value in part.get("properties", {}).items()
            if "description" not in value and "$ref" not in value
        ]
        return found + [more for key, value in part.items() for more in undescribed(value, f"{path}/{key}")]

    assert undescribed(whole, "") == []


def test_the_schema_knows_the_short_forms() -> None:
    """Each step as a mapping, and as the bare value that it may be."""
    kinds = schema()["$defs"]
    assert [form["type"] for form in kinds["Print"]["anyOf"]] == ["object", ["string", "number"]]
    assert [form["type"] for form in kinds["Exit"]["anyOf"]] == ["object", "integer"]
    assert [form["type"] for form in kinds["Accept"]["anyOf"]] == ["object", "string", "null"]
    mapping, word = kinds["StepItem"]["anyOf"]
    assert mapping["additionalProperties"] is False
    assert mapping["maxProperties"] == 1
    bare = ["accept", "preprocess", "assign", "start", "postprocess", "stall", "cancel"]
    assert word == {"type": "string", "enum": bare}


@pytest.mark.parametrize(
    ("kinds", "complaint"),
    [
        ("vdieo", "t.yaml:2:14: default_for: 'vdieo' is not possible; did you mean 'video'?"),
        ("[image, nonsense]", "t.yaml:2:22: default_for: 'nonsense' is not possible; write one of: "),
        ("[]", "t.yaml:2:14: default_for: is empty; write at least one"),
    ],
)
def test_kinds_are_a_closed_list(kinds: str, complaint: str) -> None:
    """A scenario for a kind that no model can have would never play."""
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\ndefault_for: {kinds}\nsteps: [exit: 0]\n", file="t.yaml")
    assert str(caught.value).startswith(complaint)
    assert schema()["properties"]["default_for"]["anyOf"][0]["enum"] == list(KINDS)
