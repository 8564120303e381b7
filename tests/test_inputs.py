"""Every shipped model's inputs from both sides: what its definitions allow is taken on, what breaks one is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.catalogue_kit import painter, world_of
from tests.api_kit import detail, filled, make_world, part, post, post_parts, shipped_library
from wiro_mock import WiroMock, strategies
from wiro_mock.api.profile import Profile
from wiro_mock.explain import explain
from wiro_mock.kernel.catalog import FILES, NUMBERS, Model, Parameter
from wiro_mock.kernel.file_inputs import companions, entries
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.rules import Rules
from wiro_mock.kernel.validation import check_parameters

MODELS: Final = {model.name: model for model in shipped_library().models}
CHECKED, LISTED = Rules(), Rules(listed_options=True)
GENERAL = "Request parameters are invalid."
NOTHING: Final[tuple[Any, ...]] = (None, "", [], "[]")
NANO = "/v1/Run/google/nano-banana-pro"
FLUX = "/v1/Run/wiro/flux-2-dev"
some_models = st.sampled_from(list(MODELS))


@cache
def inputs(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return strategies.inputs(MODELS[name])


def message(model: Model, parameters: dict[str, Any], rules: Rules = LISTED) -> str:
    """The sentence that a run is refused with; empty for one that is taken on."""
    try:
        check_parameters(model, parameters, rules)
    except Refusal as refusal:
        return refusal.message
    return ""


class Broken(NamedTuple):
    """Fields that break one rule of one parameter, over whatever else is sent; and the sentence."""

    fields: dict[str, Any]
    message: str


def broken(model: Model) -> Iterator[Broken]:
    """Everything that a model's definitions forbid, one rule of one parameter at a time."""
    given_by_file = {name for one in model.parameters if one.type in FILES for name in companions(one.id)}
    for one in model.parameters:
        if one.type in FILES:
            yield from _broken_files(one)
            continue
        if one.required and one.id not in given_by_file:
            required = f"Request parameter [{one.id}] required"
            yield from (Broken({one.id: nothing}, required) for nothing in NOTHING[:3])
        if one.type in NUMBERS:
            no_number = f"Request parameter [{one.id}] must be integer or float"
            yield from (Broken({one.id: wrong}, no_number) for wrong in ("ten", "1,5", True, [1], {"a": 1}, "NaN"))
        yield from _out_of_range(one)
        if one.options and not one.more_options:
            yield Broken({one.id: "no such option"}, GENERAL)
        if one.max_length is not None:
            yield Broken({one.id: "x" * (one.max_length + 1)}, GENERAL)


def _broken_files(one: Parameter) -> Iterator[Broken]:
    fields = (one.id, *companions(one.id))
    if one.required:
        for nothing in NOTHING:
            yield Broken(dict.fromkeys(fields, nothing), f"Request files [{one.id}] required")
    most = one.entries or (1 if one.type == "fileinput" else None)
    if most is not None:
        urls = [f"https://example.com/{number}.png" for number in range(most + 1)]
        yield Broken({one.id: urls}, GENERAL)
        yield Broken({one.id: urls[0], fields[1]: ",".join(urls[1:])}, GENERAL)


def _out_of_range(one: Parameter) -> Iterator[Broken]:
    if one.minimum is None or one.maximum is None:
        return
    told = f"Request parameter [{one.id}] must be between {one.minimum:f} and {one.maximum:f}"
    for number in (one.minimum - 1, one.maximum + 1, one.minimum - Decimal("0.001"), Decimal("-1e30"), Decimal("1e30")):
        yield from (Broken({one.id: value}, told) for value in (format(number, "f"), float(number), f"{number:e}"))


# -- from the definitions ------------------------------------------------------------------------------


@settings(max_examples=75)
@given(st.data(), some_models)
def test_what_a_models_definitions_allow_is_taken_on(data: st.DataObject, name: str) -> None:
    """With any option or with the listed ones only; and so it is with fields that the model does not have."""
    sent = data.draw(inputs(name))
    assert [message(MODELS[name], sent, rules) for rules in (CHECKED, LISTED)] == ["", ""]
    assert message(MODELS[name], sent | {"user": "x", "steps ": "ten"}) == ""


@settings(max_examples=75)
@given(st.data(), some_models)
def test_what_breaks_one_rule_of_one_parameter_is_refused_with_its_sentence(data: st.DataObject, name: str) -> None:
    """Whatever else is sent, as long as it is allowed."""
    wrong = list(broken(MODELS[name]))
    sent = data.draw(inputs(name))
    if wrong:
        one = data.draw(st.sampled_from(wrong))
        assert message(MODELS[name], sent | one.fields) == one.message


@pytest.mark.parametrize("name", MODELS)
def test_each_rule_of_each_parameter_is_kept(name: str) -> None:
    """All of them, over the plainest form; with `parameters: unchecked` none."""
    model, count = MODELS[name], 0
    plain = filled(model)
    assert message(model, plain) == ""
    for one in broken(model):
        assert message(model, plain | one.fields) == one.message, one.fields
        assert message(model, plain | one.fields, Rules(check_parameters=False)) == ""
        count += 1
    assert count > 0 or not any(one.required or one.minimum is not None for one in model.parameters)


def test_of_two_that_fail_the_first_of_the_models_list_is_told() -> None:
    """In every model, for every two neighbours that can fail."""
    pairs = 0
    for model in MODELS.values():
        first_of = {one.id: next((b for b in broken(model) if one.id in b.fields), None) for one in model.parameters}
        wrong = [one for one in first_of.values() if one is not None]
        for one, other in pairwise(wrong):
            if not one.fields.keys() & other.fields.keys():
                assert message(model, filled(model) | other.fields | one.fields) == one.message
                pairs += 1
    assert pairs > 200


@pytest.mark.parametrize("name", MODELS)
def test_the_defaults_of_a_model_are_inputs_that_it_takes(name: str) -> None:
    """Every default at once, also where only listed options are taken; and the form without any is refused by name."""
    model = MODELS[name]
    assert message(model, filled(model) | dict(model.defaults)) == ""
    required = [one for one in model.parameters if one.required]
    if required:
        kind = "files" if required[0].type in FILES else "parameter"
        assert message(model, {}) == f"Request {kind} [{required[0].id}] required"


@settings(max_examples=60)
@given(st.data(), some_models)
def test_what_the_strategy_makes_can_be_sent_as_json_and_differs(data: st.DataObject, name: str) -> None:
    """Plain JSON; required parameters are always there, files within their number."""
    model, sent = MODELS[name], data.draw(inputs(name))
    assert json.loads(json.dumps(sent)) == sent
    for one in model.parameters:
        if one.type in FILES:
            assert len(entries(sent, one.id)) >= one.required
        elif one.required:
            assert sent[one.id] != "" or "" in one.options


def test_the_strategy_makes_every_spelling() -> None:
    """Of files, of numbers, of nothing."""
    seen: set[str] = set()

    @settings(max_examples=200, database=None, derandomize=True)
    @given(inputs("wiro/rag-chat"))
    def collect(sent: dict[str, Any]) -> None:
        for name in ("inputDocumentMultiple", "inputDocumentMultipleUrl", "inputDocumentUrlMultiple", "top_k", "seed"):
            value = sent.get(name)
            is_list = isinstance(value, str) and value.startswith("[")
            seen.add(f"{name} {'json' if is_list else 'empty' if value == '' else type(value).__name__}")

    collect()
    assert seen >= {
        "inputDocumentMultiple str", "inputDocumentMultiple list", "inputDocumentMultiple json",
        "inputDocumentMultiple empty", "inputDocumentMultiple NoneType", "inputDocumentMultipleUrl str",
        "inputDocumentUrlMultiple str", "top_k int", "top_k str", "top_k empty", "seed str", "seed int",
    }  # fmt: skip


def test_a_model_is_found_by_its_name_also_one_of_your_own(tmp_path: Path) -> None:
    """Clean or display; an unknown one is told with the nearest."""
    (tmp_path / "models").mkdir()
    head = 'model: acme/robot\nid: "1"\nkind: text\ncps: "0.001"\n'
    text = head + "parameters: {go: {type: select, required: true, options: [left]}}\n"
    (tmp_path / "models" / "acme.yaml").write_text(text)
    found: list[object] = []

    @settings(max_examples=5, database=None)
    @given(strategies.inputs("ACME/robot", scenarios=tmp_path), strategies.inputs("openai/gpt-5-2"))
    def collect(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
        found.append((mine, theirs["prompt"]))

    collect()
    assert found[0] == ({"go": "left"}, "a cat")
    with pytest.raises(ValueError, match="did you mean google/nano-banana-pro"):
        strategies.inputs("google/nano-bananna-pro")


# -- over the wire -------------------------------------------------------------------------------------


def test_a_refusal_has_one_error_and_makes_no_task() -> None:
    """HTTP 200, code 0, exactly one item (rest.md §5.5), and nothing was counted."""
    world = make_world()
    reply = post(world, NANO, {"promt": "a cat", "resolution": ""})
    assert reply.status == 200
    assert (reply.error["code"], reply.error["message"]) == (0, "Request parameter [prompt] required")
    assert (world.sim.made, world.sim.unfinished) == (0, 0)
    assert "did you mean prompt?" in world.journal.entries()[0].outcome.reason


def test_where_errors_are_mapped_it_is_a_bad_request() -> None:
    """C2: the introduction's 400."""
    reply = post(make_world(profile=Profile(error_status="mapped")), FLUX, {"prompt": "x", "seed": -1})
    assert (reply.status, reply.error["message"]) == (400, "Request parameter [seed] must be between 0 and 9999999999")


def test_a_form_sends_texts_and_they_are_echoed_as_they_came() -> None:
    """Numbers as texts, an array as a text, empty fields (clients.md line 21)."""
    world = make_world()
    fields = {"prompt": "x", "steps": "12", "seed": " 7 ", "inputImage": '["https://example.com/a.png"]', "scale": ""}
    reply = post_parts(world, FLUX, *(part(name, value) for name, value in fields.items()))
    assert detail(world, reply.json["taskid"])["parameters"] == fields
    refused = post_parts(world, FLUX, part("prompt", "x"), part("steps", "many"))
    assert refused.error["message"] == "Request parameter [steps] must be integer or float"


def test_a_file_part_is_a_file_and_an_empty_one_is_none() -> None:
    """A browser's unfilled field is not given."""
    world = make_world()
    path = "/v1/Run/wiro/virtual-try-on"
    assert post_parts(world, path, part("inputImageHuman", b"png", filename="a.png")).json["result"]
    refused = post_parts(world, path, part("inputImageHuman", b"", filename=""), part("inputImageHumanUrl", ""))
    assert refused.error["message"] == "Request files [inputImageHuman] required"


@pytest.mark.parametrize("listed", [False, True])
def test_a_switch_keeps_to_the_listed_options(listed: bool) -> None:
    """`options: listed`; without it any value passes (C28)."""
    world = make_world(profile=Profile(options="listed" if listed else "any"))
    answer = post(world, NANO, {"prompt": "x", "aspectRatio": "match_input_image"})
    assert answer.json["result"] is not listed
    if listed:
        assert answer.error["message"] == GENERAL
    assert post(world, NANO, {"prompt": "x", "aspectRatio": "", "resolution": "4k"}).json["result"]


def test_a_switch_takes_anything() -> None:
    """`parameters: unchecked`, also for a `WiroMock`."""
    assert post(make_world(profile=Profile(parameters="unchecked")), FLUX, {"seed": -1}).json["result"]
    with WiroMock(switches={"parameters": "unchecked"}, key_only=True) as wiro:
        assert post(wiro.world, FLUX, {}, headers={"x-api-key": wiro.api_key}).json["result"]


# -- explained -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "sent", "suggestion"),
    [
        (NANO, {"promt": "x"}, '{"prompt": "…"}'),
        (FLUX, {"prompt": "x", "seed": "-1"}, '{"seed": 0}'),
        (FLUX, {"prompt": "x", "steps": "many"}, '{"steps": 15}'),
        ("/v1/Run/wiro/virtual-try-on", {}, '{"inputImageHuman": "https://…"}'),
        ("/v1/Run/openai/sora-2", {"prompt": "x"}, '{"seconds": "4"}'),
        ("/v1/Run/google/veo3-1", {}, '{"durationSeconds": "4"}'),
    ],
)
def test_explain_tells_why_and_what_to_send(path: str, sent: dict[str, Any], suggestion: str) -> None:
    """The reason, a value that passes, and the switch that lets everything in; what is suggested helps."""
    world = make_world()
    reply = post(world, path, sent)
    lines = explain(world, "req-1")
    told = " ".join("\n".join(lines).split())
    assert told.startswith(f"req-1: POST {path} -> 200 code 0 {reply.error['message']!r} why ")
    assert f"  try       send it: {suggestion}" in lines
    assert any("serve --switch parameters=unchecked: any input passes" in line for line in lines)
    assert post(world, path, sent | json.loads(suggestion)).json["result"]


def test_explain_suggests_a_number_that_passes_where_the_most_is_zero() -> None:
    """And not 1."""
    gain = Parameter(id="gain", type="number", required=True, maximum=Decimal(0))
    world = world_of([painter(parameters=(gain,))])
    path = "/v1/Run/acme-inc/painter-2"
    assert post(world, path, {"gain": "many"}).json["result"] is False
    assert '  try       send it: {"gain": 0}' in explain(world, "req-1")
    assert post(world, path, {"gain": 0}).json["result"]


def test_explain_tells_of_a_choice_that_is_not_listed() -> None:
    """The reason says all: the options, the nearest, and the switch."""
    world = make_world(profile=Profile(options="listed"))
    post(world, NANO, {"prompt": "x", "resolution": "4KK"})
    told = " ".join(" ".join(explain(world, "req-1")).split())
    assert "'4KK', which is none of its options; did you mean 4K? send one of 1K, 2K, 4K" in told
    assert "(options=any takes others" in told
