"""A run's parameters against their definitions: each rule from both sides, and Wiro's sentence word for word."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import BLOBS, MODEL
from wiro_mock.kernel.catalog import Model, Parameter
from wiro_mock.kernel.numbers import number_of
from wiro_mock.kernel.orders import InputBlob
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.rules import Rules
from wiro_mock.kernel.validation import check_parameters

CHECKED, LISTED = Rules(), Rules(listed_options=True)
UNCHECKED = Rules(check_parameters=False, listed_options=True)
GENERAL = "Request parameters are invalid."
FILE = InputBlob(blob=BLOBS[0], suffix=".png")
URL = "https://example.com/a.png"


def model(*parameters: Parameter, **changes: Any) -> Model:
    return replace(MODEL, parameters=parameters, source="models/m.yaml:4", **changes)


def refusal(parameters: dict[str, Any], *of: Parameter, rules: Rules = CHECKED, **changes: Any) -> Refusal:
    """What a run of a model with these parameters is refused with."""
    with pytest.raises(Refusal) as caught:
        check_parameters(model(*of, **changes), parameters, rules)
    assert (caught.value.code, caught.value.status, caught.value.unexpected) == (0, 200, False)
    return caught.value


def passes(parameters: dict[str, Any], *of: Parameter, rules: Rules = CHECKED, **changes: Any) -> None:
    check_parameters(model(*of, **changes), parameters, rules)


PROMPT = Parameter(id="prompt", type="textarea", required=True)
IMAGE = Parameter(id="inputImage", type="combinefileinput", required=True)
STEPS = Parameter(id="steps", type="number", minimum=Decimal(1), maximum=Decimal(50), default="25")
SEED = Parameter(id="seed", type="text", minimum=Decimal(0), maximum=Decimal(9999999))
SIZE = Parameter(id="size", type="select", required=True, options=("1K", "2k", "8", "true"), default="1K")

# -- required ------------------------------------------------------------------------------------------

ABSENT = [{}, {"prompt": None}, {"prompt": ""}, {"prompt": []}, {"prompt": ["", None, [""]]}, {"Prompt": "x"}]


@pytest.mark.parametrize("parameters", ABSENT, ids=repr)
def test_a_required_parameter_that_is_not_given_is_told(parameters: dict[str, Any]) -> None:
    """Missing, null, empty, or a list of nothing else; and only where it is required."""
    assert refusal(parameters, PROMPT).message == "Request parameter [prompt] required"
    passes(parameters, replace(PROMPT, required=False))


@pytest.mark.parametrize("value", ["a cat", " ", "false", False, 0, ["", "x"], {}, FILE, -0.0], ids=repr)
def test_anything_else_is_given(value: object) -> None:
    """A text of blanks, a zero and a false are values: our choice."""
    passes({"prompt": value}, PROMPT)


def test_a_default_does_not_stand_in_for_what_is_required() -> None:
    """It is what a form shows; whoever calls the API has to send it: our choice, for no source tells."""
    assert refusal({}, SIZE).message == "Request parameter [size] required"


def test_an_empty_text_that_is_an_option_is_a_value() -> None:
    """Some of Wiro's selects list one."""
    passes({"size": ""}, replace(SIZE, options=("", "1K")))
    passes({"size": ""}, replace(SIZE, options=("", "1K")), rules=LISTED)
    assert refusal({"size": None}, replace(SIZE, options=("", "1K"))).message == "Request parameter [size] required"


@pytest.mark.parametrize("kind", ["text", "number", "select", "selectwithcover", "checkbox"])
def test_whatever_the_type_the_sentence_is_the_same(kind: Any) -> None:
    """A number that is missing is missing, and not badly written."""
    assert refusal({"x": ""}, Parameter(id="x", type=kind, required=True)).message == "Request parameter [x] required"


@pytest.mark.parametrize("kind", ["fileinput", "multifileinput", "combinefileinput"])
@pytest.mark.parametrize(
    ("sent", "is_given"),
    [
        ({}, False),
        ({"inputImage": ""}, False),
        ({"inputImage": "", "inputImageUrl": ""}, False),
        ({"inputImage": [], "inputImageUrl": [None]}, False),
        ({"inputImage": "[]"}, False),
        ({"image": URL}, False),
        ({"inputImage": FILE}, True),
        ({"inputImage": FILE, "inputImageUrl": ""}, True),
        ({"inputImage": URL}, True),
        ({"inputImage": [URL]}, True),
        ({"inputImage": json.dumps([URL])}, True),
        ({"inputImage": "", "inputImageUrl": URL}, True),
        ({"inputImageUrl": URL}, True),
    ],
    ids=repr,
)
def test_a_required_file_is_given_in_any_spelling(kind: Any, sent: dict[str, Any], is_given: bool) -> None:
    """clients.md line 20, and rest.md §5.4."""
    if is_given:
        passes(sent, replace(IMAGE, type=kind))
    else:
        assert refusal(sent, replace(IMAGE, type=kind)).message == "Request files [inputImage] required"
    passes(sent, replace(IMAGE, type=kind, required=False))


@pytest.mark.parametrize("name", ["inputDocumentMultiple", "inputDocumentMultipleUrl", "inputDocumentUrlMultiple"])
def test_a_multiple_parameter_has_two_names_for_its_urls(name: str) -> None:
    """The sources differ, and one client sends both."""
    passes({name: URL}, Parameter(id="inputDocumentMultiple", type="multifileinput", required=True))


def test_a_url_that_is_required_is_given_by_its_file() -> None:
    """Where the page lists the URL as a parameter of its own; and the other way round."""
    url = Parameter(id="inputImageUrl", type="text", required=True)
    passes({"inputImage": FILE}, IMAGE, url)
    passes({"inputImage": FILE}, url, replace(IMAGE, required=False))
    passes({"inputImageUrl": URL}, IMAGE, url)
    assert refusal({}, url, IMAGE).message == "Request parameter [inputImageUrl] required"
    assert refusal({"inputImage": FILE}, url).message == "Request parameter [inputImageUrl] required"


def test_a_conversation_stands_in_for_the_prompt_of_a_model_that_calls_tools() -> None:
    """rest.md §5.2; of no other model, and an empty one does not."""
    tools: dict[str, Any] = {"categories": ("llm", "llm-tool-call")}
    passes({"messages": [{"role": "user", "content": "hi"}]}, PROMPT, **tools)
    passes({"toolOutputs": [{"id": "1"}]}, PROMPT, **tools)
    for parameters, changes in (({"messages": []}, tools), ({"messages": [1]}, {"categories": ("llm",)})):
        assert refusal(parameters, PROMPT, **changes).message == "Request parameter [prompt] required"


def test_a_conversation_without_its_prompt_is_told_for_which_models_it_would_do() -> None:
    """No shipped model has the category, so a tester meets this often; and learns how to get past it."""
    reason = refusal({"messages": [{"role": "user"}]}, PROMPT, categories=("llm",)).reason
    assert (
        "prompt of moondream3-preview/caption is required and was not sent; `messages` stand in for it only" in reason
    )
    assert "with models of the category llm-tool-call (so Wiro's newest documentation), and the categories" in reason
    assert "of this one are: llm; " in reason
    assert "the switch parameters=unchecked lets every run pass, or send a text" in reason
    assert "stand in" not in refusal({"messages": []}, PROMPT).reason
    assert "stand in" not in refusal({"messages": [1]}, replace(PROMPT, id="text")).reason


def test_fields_of_every_run_are_no_parameters() -> None:
    """`callbackUrl` and `projectid` are keys of the task, even where a page lists them."""
    passes({}, Parameter(id="callbackUrl", type="text", required=True), Parameter(id="projectid", type="number"))


# -- numbers -------------------------------------------------------------------------------------------

NUMBERS = ["1", "50", 1, 50, 25.5, "25.5", "+7", " 7\n", "1e1", "1E+1", "5.", ".5e1", "50.000", "0010", "1e-0", 5e1]
NO_NUMBERS = [
    "abc", "1,5", "1 2", "0x10", "1_000", "٣", "NaN", "Infinity", "-inf", "1e", "e1", ".", "+", "--1", "5px", " ",
    True, False, [5], ["5", "6"], {"value": 5}, float("nan"), float("inf"), FILE, "9" * 10_001,
]  # fmt: skip


@pytest.mark.parametrize("kind", ["number", "float", "integer", "numeric", "range"])
def test_a_number_is_a_number_or_a_text_of_one(kind: Any) -> None:
    """Every type that is a number takes both, and fractions too: the sentence says "integer or float"."""
    for value in NUMBERS:
        passes({"steps": value}, replace(STEPS, type=kind))
    for value in NO_NUMBERS:
        found = refusal({"steps": value}, replace(STEPS, type=kind)).message
        assert found == "Request parameter [steps] must be integer or float", value


@pytest.mark.parametrize("kind", ["text", "textarea", "select", "selectwithcover", "checkbox"])
def test_nothing_else_has_to_be_a_number(kind: Any) -> None:
    """Checkboxes take a flag, selects what is not listed, texts anything."""
    for value in (*NUMBERS, *NO_NUMBERS, "--quantization"):
        passes({"x": value}, Parameter(id="x", type=kind, required=True))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-10_000, max_value=10_000))
def test_a_number_means_the_same_in_every_spelling(number: Decimal) -> None:
    """As a JSON number, as digits, with an exponent, with blanks."""
    text = format(number, "f")
    for spelled in (text, f"\t{text} ", f"{text}e0", f"{number:e}", float(text)):
        assert number_of(spelled) == number
    if number == number.to_integral_value():
        assert number_of(int(number)) == number


@given(st.integers() | st.floats() | st.text() | st.booleans() | st.none() | st.lists(st.integers()))
def test_whatever_is_sent_it_is_a_number_or_none(value: object) -> None:
    """No exception, and never NaN."""
    number = number_of(value)
    assert number is None or not number.is_nan()


# -- ranges --------------------------------------------------------------------------------------------


@given(st.data())
def test_a_range_holds_its_ends_and_what_is_between_them_and_nothing_else(data: st.DataObject) -> None:
    """Numbers and texts with a range alike, in every spelling."""
    finite = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1_000, max_value=1_000)
    least, most = sorted([data.draw(finite), data.draw(finite)])
    number = data.draw(
        st.one_of(finite, st.sampled_from([least, most, least - Decimal("0.01"), most + Decimal("0.01")]))
    )
    value = data.draw(st.sampled_from([format(number, "f"), f" {number:e}", float(number)]))
    one = Parameter(id="x", type=data.draw(st.sampled_from(["number", "text"])), minimum=least, maximum=most)
    if least <= number <= most:
        passes({"x": value}, one)
    else:
        found = refusal({"x": value}, one).message
        assert found == f"Request parameter [x] must be between {least:f} and {most:f}"


def test_the_range_stands_in_the_sentence_as_the_page_writes_it() -> None:
    """The one sentence that was seen live (rest.md §5.5); no exponents, no lost zeros."""
    assert refusal({"seed": -1}, SEED).message == "Request parameter [seed] must be between 0 and 9999999"
    wide = replace(SEED, minimum=Decimal("-0.10"), maximum=Decimal("1E+10"))
    assert refusal({"seed": 1e11}, wide).message == "Request parameter [seed] must be between -0.10 and 10000000000"


@pytest.mark.parametrize("value", ["abc", True, [5], {}, "NaN", "9" * 10_001])
def test_a_text_with_a_range_that_is_no_number_is_not_in_it(value: object) -> None:
    """Of a text only the sentence about the range is known: our choice."""
    assert refusal({"seed": value}, SEED).message == "Request parameter [seed] must be between 0 and 9999999"


def test_a_range_of_one_side_has_no_sentence_of_wiros() -> None:
    """So it is the general one; the reason tells the side."""
    from_one = replace(STEPS, maximum=None)
    passes({"steps": 10**9}, from_one)
    found = refusal({"steps": 0}, from_one)
    assert found.message == GENERAL
    assert "send a number of 1 or more" in found.reason
    to_fifty = replace(STEPS, minimum=None)
    passes({"steps": -(10**9)}, to_fifty)
    assert "send a number of 50 or less" in refusal({"steps": 51}, to_fifty).reason


@pytest.mark.parametrize(
    ("value", "is_in"),
    [
        ("0" * 9_000 + "7", True),
        ("9" * 9_000, False),
        ("-" + "9" * 9_000, False),
        (10**4_000, False),
        (-(10**100_000), False),
        ("1e999999999", False),
        ("1e" + "9" * 5_000, False),
        ("-1e" + "9" * 5_000, False),
        ("7." + "0" * 9_000, True),
        ("9999999." + "0" * 9_000 + "1", False),
        ("1e-999999999", True),
        ("1e-" + "9" * 5_000, True),
        ("1" + " " * 9_000, True),
        ("9" * 1_000_000, False),
        ("1" * 1_000_000 + "x", False),
        (" " * 1_000_000, False),
    ],
    ids=lambda value: str(value)[:8] if isinstance(value, str) else type(value).__name__,
)
def test_numbers_of_many_digits_cost_nothing(value: object, is_in: bool) -> None:
    """In range or out of it, told at once, and the reason does not repeat them all."""
    if is_in:
        passes({"seed": value}, SEED)
    else:
        found = refusal({"seed": value}, SEED)
        assert found.message == "Request parameter [seed] must be between 0 and 9999999"
        assert len(found.reason) < 400


def test_a_number_without_a_range_may_be_of_any_size() -> None:
    """Too large for the mock to write out is not too large."""
    for value in (10**4_000, "1e" + "9" * 30, -(10**5_000)):
        passes({"x": value}, Parameter(id="x", type="number"))


# -- how many files, and what may be chosen ------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "entries", "most"),
    [("fileinput", None, 1), ("fileinput", 3, 3), ("combinefileinput", 2, 2), ("multifileinput", 1, 1)],
)
def test_so_many_files_and_no_more(kind: Any, entries: int | None, most: int) -> None:
    """Files and URLs count together, in any spelling."""
    one = Parameter(id="x", type=kind, entries=entries)
    urls = [f"{URL}?{number}" for number in range(most + 1)]
    sent: dict[str, Any]
    for sent in ({"x": urls}, {"x": json.dumps(urls)}, {"xUrl": ",".join(urls)}, {"x": [FILE] * most, "xUrl": URL}):
        found = refusal(sent, one)
        assert found.message == GENERAL
        assert f"{most + 1} were sent" in found.reason
    fewer = urls[:-1]
    for accepted in ({"x": fewer}, {"x": json.dumps(fewer)}, {"xUrl": ",".join(fewer)}, {"x": [FILE] * most}):
        passes(accepted, one)


def test_without_a_cap_there_may_be_any_number() -> None:
    """What no source limits is not limited."""
    for kind in ("combinefileinput", "multifileinput"):
        passes({"x": [URL] * 500}, Parameter(id="x", type=kind))


@pytest.mark.parametrize("value", ["1K", "1k", "2K", 8, 8.0, "8", True, ["1K", "8"], ["2k", None]], ids=repr)
def test_a_choice_of_the_list_passes(value: object) -> None:
    """In any letter case; a number or a boolean by its text; several, where all of them are listed."""
    for rules in (CHECKED, LISTED):
        passes({"size": value}, SIZE, rules=rules)


@pytest.mark.parametrize("value", ["4K", "1K ", 9, False, 8.5, ["1K", "x"], {"a": 1}, FILE, "x" * 9_999], ids=repr)
def test_any_other_choice_passes_unless_options_are_listed(value: object) -> None:
    """C28: clients send values that no list has."""
    passes({"size": value}, SIZE)
    assert refusal({"size": value}, SIZE, rules=LISTED).message == GENERAL
    passes({"size": value}, replace(SIZE, more_options=True), rules=LISTED)
    passes({"size": value}, replace(SIZE, options=()), rules=LISTED)


def test_what_is_not_required_may_be_empty_whatever_is_listed() -> None:
    """An empty text is none."""
    passes({"size": ""}, replace(SIZE, required=False), rules=LISTED)


def test_a_default_is_always_a_choice() -> None:
    """Wiro's own are not always among the options that are known."""
    passes({"size": "Auto"}, replace(SIZE, default="auto"), rules=LISTED)


def test_a_text_may_be_longer_than_the_form_lets_it_unless_options_are_listed() -> None:
    """The length is what a form allows; nobody knows that the API does not take more."""
    short = replace(PROMPT, max_length=5)
    passes({"prompt": "abcdef"}, short)
    passes({"prompt": "abcde"}, short, rules=LISTED)
    found = refusal({"prompt": "abcdef"}, short, rules=LISTED)
    assert (found.message, "takes 5 characters, and 6 were sent" in found.reason) == (GENERAL, True)


# -- which one, and what is left alone -----------------------------------------------------------------


def test_the_first_that_fails_in_the_models_order_is_told() -> None:
    """Whatever the order in which they were sent."""
    wrong = {"seed": -1, "steps": "x", "prompt": ""}
    assert refusal(wrong, PROMPT, IMAGE, STEPS, SEED).message == "Request parameter [prompt] required"
    assert refusal(wrong, SEED, STEPS, PROMPT).message == "Request parameter [seed] must be between 0 and 9999999"
    assert refusal(wrong, STEPS, SEED, PROMPT).message == "Request parameter [steps] must be integer or float"
    assert refusal(wrong, IMAGE, STEPS, SEED).message == "Request files [inputImage] required"


def test_what_the_model_does_not_list_is_never_looked_at() -> None:
    """Any name, any value; and a model without parameters takes everything."""
    passes({"user_id": object(), "steps ": "x", "": None, "Seed": -1}, STEPS, SEED)
    passes({"steps": "x"})


def test_unchecked_takes_anything() -> None:
    """Every rule is off, the listed options too."""
    for parameters in ({}, {"steps": "x", "seed": -1, "size": "huge", "inputImage": []}):
        passes(parameters, PROMPT, IMAGE, STEPS, SEED, SIZE, rules=UNCHECKED)


_ANYTHING = st.recursive(
    st.sampled_from([None, "", True, 0, FILE, URL]) | st.text() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_NAMES = ["prompt", "inputImage", "inputImageUrl", "steps", "seed", "size", "other"]


@given(st.dictionaries(st.sampled_from(_NAMES), _ANYTHING), st.sampled_from([CHECKED, LISTED]))
def test_whatever_is_sent_the_answer_is_yes_or_a_sentence(parameters: dict[str, Any], rules: Rules) -> None:
    """No other exception; nothing that was sent is changed; the reason is one line of bounded length."""
    before = repr(parameters)
    told: list[Refusal] = []
    try:
        passes(parameters, PROMPT, IMAGE, STEPS, SEED, SIZE, rules=rules)
    except Refusal as found:
        told.append(found)
    assert all(one.code == 0 and "models/m.yaml:4" in one.reason and len(one.reason) < 600 for one in told)
    assert repr(parameters) == before


# -- what the tester hears -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (
            {"promt": "x"},
            "prompt of moondream3-preview/caption is required and was not sent; 'promt' was sent, which the model does "
            "not have: did you mean prompt? send a text (so says models/m.yaml:4)",
        ),
        (
            {"prompt": ""},
            "prompt of moondream3-preview/caption is required and was sent as an empty text, which counts as not "
            "given; send a text (so says models/m.yaml:4)",
        ),
        (
            {"prompt": "x"},
            "inputImage of moondream3-preview/caption is required and was not sent; send a file or a URL as "
            "inputImage, or URLs as inputImageUrl (so says models/m.yaml:4)",
        ),
        (
            {"prompt": "x", "inputimage": URL},
            "inputImage of moondream3-preview/caption is required and was not sent; 'inputimage' was sent, which the "
            "model does not have: did you mean inputImage? send a file or a URL as inputImage, or URLs as "
            "inputImageUrl (so says models/m.yaml:4)",
        ),
        (
            {"prompt": "x", "inputImage": FILE, "steps": FILE},
            "steps of moondream3-preview/caption is a number, and a file of 100 bytes is none; send a number from 1 "
            "to 50, such as its default 25 (so says models/m.yaml:4)",
        ),
        (
            {"prompt": "x", "inputImage": URL, "steps": "9" * 100},
            f"steps of moondream3-preview/caption was sent as '{'9' * 60}'…; send a number from 1 to 50, such as its "
            "default 25 (so says models/m.yaml:4)",
        ),
        (
            {"prompt": "x", "inputImage": URL, "size": "1KK"},
            "size of moondream3-preview/caption was sent as '1KK', which is none of its options; did you mean 1K? "
            "send one of 1K, 2k, 8, true, such as its default '1K' (so says models/m.yaml:4) (options=any takes "
            "others, as Wiro is thought to)",
        ),
        (
            {"prompt": "x", "inputImage": [URL, FILE, FILE]},
            "inputImage of moondream3-preview/caption takes at most 2 files and URLs, and 3 were sent (so says "
            "models/m.yaml:4)",
        ),
    ],
)
def test_the_reason_names_the_thing_what_is_wrong_and_the_way_out(sent: dict[str, Any], reason: str) -> None:
    """Word for word; never a file's bytes, never all of a long text."""
    found = refusal({"size": "1K"} | sent, PROMPT, replace(IMAGE, entries=2), STEPS, SIZE, rules=LISTED)
    assert found.reason == reason


def test_of_many_unknown_names_only_some_are_compared() -> None:
    """A client may send any number of fields."""
    names = {f"field{number}": "x" for number in range(100_000)}
    assert "did you mean" not in refusal(names, PROMPT).reason


NO_FILES = [False, 0, {}, " ", "null", ",", ["", {}, "null"], "[null, 0, false]"]


@pytest.mark.parametrize("name", ["inputImage", "inputImageUrl"])
@pytest.mark.parametrize("nothing", NO_FILES, ids=repr)
def test_what_no_file_can_be_is_no_file(name: str, nothing: object) -> None:
    """Blanks, JSON's null as a text, false, zero, an empty object, commas with nothing between them."""
    assert refusal({name: nothing}, IMAGE).message == "Request files [inputImage] required"


@pytest.mark.parametrize("name", ["inputImage", "inputImageUrl"])
def test_more_files_than_are_counted_are_refused(name: str) -> None:
    """Also where the model has no limit of its own; and a required text is looked for only so far."""
    for value in ([URL] * 1_001, [""] * 20_000, ",".join([URL] * 1_001)):
        refused = refusal({name: value}, IMAGE)
        assert refused.message == GENERAL
        assert "inputImage of moondream3-preview/caption was sent with more than 1000 files and URLs" in refused.reason
        refusal({name: value}, replace(IMAGE, required=False))
    passes({name: [URL] * 1_000}, IMAGE)
    passes({"prompt": [[""] * 20_000]}, PROMPT)
