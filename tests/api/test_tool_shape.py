"""The Tool object: every key and its type on the wire, both spellings of a parameter, addresses that can be fetched."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.catalogue_kit import DETAIL, LIST, Item, answer_of, painter, world_of
from tests.api_kit import ORIGIN, get, make_world, send
from wiro_mock.api.operations import find
from wiro_mock.api.origin import WIRO
from wiro_mock.api.profile import PROFILES, Profile
from wiro_mock.api.tool_shape import parameter_groups, parameter_item
from wiro_mock.kernel.catalog import CHOICES, FILES, NUMBERS, TEXTS, Model, Parameter
from wiro_mock.kernel.prices import Tier

BOTH, DOCUMENTED, LIVE = Profile(), Profile(tool_items="documented"), Profile(tool_items="live")


def tool_of(model: Model, **settings: Any) -> dict[str, Any]:
    (tool,) = answer_of(world_of([model], **settings), LIST)["tool"]
    return dict(tool)


def test_everything_that_a_model_says_is_shown() -> None:
    """Values, types, and the order of the keys."""
    model = painter(
        prices=(
            Tier(price=Decimal("0.09"), method="cpr"),
            Tier(price=Decimal(1), method="cpo", inputs={"ratio": "1:1"}),
        )
    )
    tool = tool_of(model)
    groups = tool.pop("parameters")
    assert [[item["id"] for item in group["items"]] for group in groups] == [["prompt", "steps", "ratio", "inputImage"]]
    assert groups[0]["title"] == "Input"
    assert tool == {
        "id": "9001",
        "title": "The Painter",
        "slugowner": "Acme Inc",
        "slugproject": "Painter.2",
        "cleanslugowner": "acme-inc",
        "cleanslugproject": "painter-2",
        "description": "A picture from a prompt.",
        "image": "https://example.com/painter.png",
        "computingtime": "20 seconds",
        "readme": "<p>It paints.</p>",
        "categories": ["text-to-image", "image-editing"],
        "inspire": [{"prompt": "a cat", "steps": "30"}, {"prompt": "a dog"}],
        "samples": ["https://example.com/1.png"],
        "tags": ["Oil", "chalk"],
        "marketplace": 1,
        "onlymembers": "0",
        "dynamicprice": '[{"inputs":{},"price":0.09,"priceMethod":"cpr"},'
        '{"inputs":{"ratio":"1:1"},"price":1,"priceMethod":"cpo"}]',
        "averagepoint": "4.50",
        "commentcount": "4",
        "ratedusercount": "3",
        "taskstat": {"runcount": 0, "successcount": "0", "errorcount": "0", "lastruntime": "0"},
        "seotitle": "The Painter",
        "seodescription": "A picture from a prompt.",
        "cps": "0.001000000000",
        "approximatelycost": "1.000000000000",  # the tier of the default ratio
    }


def test_what_a_model_does_not_say_is_empty() -> None:
    """No key is missing, nothing is null but where a client expects it."""
    tool = tool_of(Model(id="1", owner="acme", slug="Plain.1", kind="text", cps=Decimal("0.5")))
    expected = {
        "title": "Plain.1", "seotitle": "Plain.1", "description": "", "seodescription": "", "computingtime": "",
        "readme": "", "categories": [], "parameters": [], "inspire": [], "samples": [], "tags": [],
        "dynamicprice": "[]", "averagepoint": "0.00", "commentcount": "0", "ratedusercount": "0",
        "cps": "0.500000000000", "approximatelycost": "0.000000000000",
    }  # fmt: skip
    assert {key: tool[key] for key in expected} == expected


@pytest.mark.parametrize(("access", "only"), [("public", "0"), ("members", "1"), ("closed", "0")])
def test_members_only_is_a_string(access: str, only: str) -> None:
    """A one for members only."""
    assert tool_of(painter(access=access))["onlymembers"] == only


def test_the_one_model_of_the_documentation_is_as_it_shows_it() -> None:
    """The sample of Tool/Detail, April 2026, as far as it is known here."""
    fields = {"slugowner": "wiro", "slugproject": "Virtual Try-On"}
    (tool,) = answer_of(make_world(), DETAIL, fields)["tool"]
    sample = {
        "id": "1611", "title": "Virtual Try-on", "slugowner": "wiro", "slugproject": "Virtual Try-On",
        "cleanslugowner": "wiro", "cleanslugproject": "virtual-try-on", "computingtime": "10 seconds",
        "categories": ["tool", "image-to-image", "image-editing"], "tags": [], "marketplace": 1,
        "averagepoint": "5.00", "commentcount": "1", "ratedusercount": "3",
    }  # fmt: skip
    assert {key: tool[key] for key in sample} == sample


# -- parameters

STEPS = Parameter(
    id="steps",
    type="number",
    minimum=Decimal(1),
    maximum=Decimal("50.0"),
    step=Decimal("0.5"),
    default="25",
    label="Steps",
)


def test_labels_groups_and_placeholders_are_those_of_the_file() -> None:
    """Options by their labels in both spellings; neighbours of one group together, in the order of the file."""
    style = Parameter(id="style", type="select", options=("", "oil"), option_labels=("None", ""), group="How")
    prompt = Parameter(id="prompt", type="text", placeholder="Say it")
    tool = tool_of(painter(parameters=(prompt, style, STEPS)))
    assert [(group["title"], [item["id"] for item in group["items"]]) for group in tool["parameters"] or ()] == [
        ("Input", ["prompt"]),
        ("How", ["style"]),
        ("Input", ["steps"]),
    ]
    assert parameter_item(prompt, BOTH)["placeholder"] == "Say it"
    assert parameter_item(style, BOTH)["options"] == [
        {"label": "None", "text": "None", "value": ""},
        {"label": "oil", "text": "oil", "value": "oil"},
    ]


def test_a_parameter_in_both_spellings_and_in_each_alone() -> None:
    """Numbers for those who read the documentation, texts for those who decoded live answers (rest.md C17)."""
    documented = {
        "id": "steps", "type": "number", "label": "Steps", "description": "", "default": "25", "required": False,
        "placeholder": "", "note": "", "min": 1, "max": 50, "step": 0.5,
    }  # fmt: skip
    live = {
        "id": "steps", "type": "number", "label": "Steps", "required": False, "placeholder": "", "note": "", "rows": "",
        "defaultvalue": "25", "value": "25", "minvalue": "1", "maxvalue": "50.0", "incrementby": "0.5",
    }  # fmt: skip
    assert list(parameter_item(STEPS, DOCUMENTED).items()) == list(documented.items())
    assert list(parameter_item(STEPS, LIVE).items()) == list(live.items())
    assert parameter_item(STEPS, BOTH) == {**documented, **live}
    assert isinstance(parameter_item(STEPS, BOTH)["max"], int)


def test_options_carry_label_text_and_value() -> None:
    """`label` in the documentation, `text` live; of what is no select there are none."""
    ratio = Parameter(id="ratio", type="selectwithcover", options=("", "1:1"))
    assert parameter_item(ratio, BOTH)["options"] == [
        {"label": "", "text": "", "value": ""},
        {"label": "1:1", "text": "1:1", "value": "1:1"},
    ]
    assert parameter_item(ratio, DOCUMENTED)["options"][1] == {"label": "1:1", "value": "1:1"}
    assert parameter_item(ratio, LIVE)["options"][1] == {"text": "1:1", "value": "1:1"}
    assert parameter_item(Parameter(id="s", type="select"), BOTH)["options"] == []
    assert "options" not in parameter_item(STEPS, BOTH)


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (Parameter(id="p", type="textarea", max_length=9, required=True, note="n"),
         {"maxinputlenght": 9, "rows": "4", "required": True, "note": "n", "label": "P", "default": "", "value": ""}),
        (Parameter(id="f", type="combinefileinput", entries=14), {"maxinputlenght": 14, "rows": ""}),
        (Parameter(id="t", type="text", minimum=Decimal(0), maximum=Decimal(9999999999), default="0"),
         {"min": 0, "max": 9999999999, "minvalue": "0", "maxvalue": "9999999999", "incrementby": "", "default": "0"}),
        (Parameter(id="n", type="number", minimum=Decimal("-1E+3"), step=Decimal("1E-7")),
         {"min": -1000, "minvalue": "-1000", "maxvalue": "", "incrementby": "0.0000001", "step": 1e-7}),
    ],
)  # fmt: skip
def test_the_rest_of_what_a_parameter_can_say(parameter: Parameter, expected: dict[str, Any]) -> None:
    """A text may have a range; numbers in texts are plain digits."""
    item = parameter_item(parameter, BOTH)
    assert {key: item.get(key) for key in expected} == expected
    assert ("maxinputlenght" in item) == bool(parameter.max_length or parameter.entries)


NUMBER = st.decimals(-(10**9), 10**9, places=3)
TEXT = st.text(max_size=20)
PARAMETERS = st.builds(
    Parameter,
    id=TEXT,
    type=st.sampled_from(sorted(TEXTS | NUMBERS | CHOICES | FILES | {"checkbox"})),
    required=st.booleans(),
    default=st.none() | TEXT,
    minimum=st.none() | NUMBER,
    maximum=st.none() | NUMBER,
    step=st.none() | NUMBER,
    options=st.lists(TEXT, max_size=4).map(tuple),
    entries=st.none() | st.integers(1, 20),
    max_length=st.none() | st.integers(1, 10**6),
    label=TEXT,
    note=TEXT,
)


@given(PARAMETERS)
def test_whatever_a_parameter_says_its_types_are_those_of_the_wire(parameter: Parameter) -> None:
    """And both spellings say the same."""
    item = json.loads(json.dumps(parameter_item(parameter, BOTH)))
    Item.model_validate(item)
    for number, text in (("min", "minvalue"), ("max", "maxvalue"), ("step", "incrementby")):
        assert (number in item) == (item[text] != "")
        assert number not in item or item[number] == pytest.approx(float(item[text]))
    assert item["default"] == item["defaultvalue"] == item["value"] == (parameter.default or "")
    assert {**parameter_item(parameter, DOCUMENTED), **parameter_item(parameter, LIVE)}.keys() == item.keys()


def test_parameters_may_be_null() -> None:
    """As in the documentation's own sample (rest.md C18); elsewhere groups, and none where there are none."""
    assert tool_of(painter(), profile=Profile(tool_parameters="null"))["parameters"] is None
    assert parameter_groups(painter(parameters=()), BOTH) == []
    for profile in PROFILES.values():
        assert tool_of(painter(), profile=profile)["parameters"] is not None


# -- two clients, as naively as they were written


def test_what_a_strict_client_in_go_decodes() -> None:
    """`total` an int; of each item texts in `minvalue` …, options by `text`, an int in `maxinputlenght`."""
    answer = answer_of(world_of([painter()]), LIST)
    assert type(answer["total"]) is int
    for item in answer["tool"][0]["parameters"][0]["items"]:
        assert {type(item[key]) for key in ("minvalue", "maxvalue", "incrementby", "rows", "defaultvalue")} == {str}
        assert type(item.get("maxinputlenght", 0)) is int
        assert all(type(option["text"]) is str for option in item.get("options", []))


def test_what_the_mcp_server_prints() -> None:
    """`default`, options by `value`, a range by numbers; prices by parsing the text."""
    tool = tool_of(painter(prices=(Tier(price=Decimal("0.09"), method="cpr"),)))
    lines = []
    for item in tool["parameters"][0]["items"]:
        line = f"{item['id']} ({item['type']}){' (required)' if item['required'] else ''}"
        if item["default"]:
            line += f" (default: {item['default']})"
        if options := item.get("options"):
            line += f" one of {[option['value'] for option in options]}"
        if item.get("min") is not None and item.get("max") is not None:
            line += f" {item['min']} - {item['max']}, step: {item['step']}"
        lines.append(line)
    assert lines == [
        "prompt (textarea) (required)",
        "steps (number) (default: 25) 1 - 50, step: 0.5",
        "ratio (select) (default: 1:1) one of ['', '1:1', '16:9']",
        "inputImage (combinefileinput)",
    ]
    assert [(tier["price"], tier["priceMethod"]) for tier in json.loads(tool["dynamicprice"])] == [(0.09, "cpr")]
    assert float(tool["cps"]) == 0.001


# -- pictures

WIROS = "https://cdn.wiro.ai/uploads/models/acme-inc-painter-2"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", "/uploads/models/acme-inc-painter-2-cover.png"),
        (f"{WIROS}-cover.webp", "/uploads/models/acme-inc-painter-2-cover.webp"),
        (f"{WIROS}-cover.JPG?v=2", "/uploads/models/acme-inc-painter-2-cover.JPG"),
        (f"{WIROS}-cover.svg", "/uploads/models/acme-inc-painter-2-cover.png"),
        ("https://WIRO.ai./logo.png", "/uploads/models/acme-inc-painter-2-cover.png"),
        ("https://cdn.wiro.ai/uploads/models/../x.png", "/uploads/models/acme-inc-painter-2-cover.png"),
    ],
)
def test_a_cover_is_there_and_never_the_real_wiros(given: str, shown: str) -> None:
    """Below the origin of the request, or below Wiro's own name for a client that came by it; it can be fetched."""
    world = world_of([painter(image=given)])
    assert answer_of(world, LIST)["tool"][0]["image"] == ORIGIN + shown
    assert answer_of(world, LIST, origin=WIRO)["tool"][0]["image"] == "https://cdn.wiro.ai" + shown
    reply = get(world, ORIGIN + shown)
    assert reply.status == 200
    kind = shown.rpartition(".")[2].lower().replace("jpg", "jpeg")
    assert reply.headers["content-type"] == f"image/{kind}"
    assert reply.content.startswith({"png": b"\x89PNG", "jpeg": b"\xff\xd8", "webp": b"RIFF"}[kind])


@pytest.mark.parametrize("url", ["https://example.com/a.webp", "http://notwiro.ai/a.svg", "data:image/png;base64,AA=="])
def test_a_picture_elsewhere_is_shown_as_it_is(url: str) -> None:
    """It is no address of Wiro's."""
    tool = tool_of(painter(image=url, samples=(url,)))
    assert (tool["image"], tool["samples"]) == (url, [url])


def test_samples_that_could_only_come_from_wiro_are_left_out() -> None:
    """Pictures are kept: they can be fetched from here."""
    samples = (
        f"{WIROS}-sample-1.png",
        f"{WIROS}-sample-2.mp4",
        "https://files.wiro.ai/x.png",
        "https://[::1/a.png",
        "",
    )
    assert tool_of(painter(samples=samples))["samples"] == [f"{ORIGIN}/uploads/models/acme-inc-painter-2-sample-1.png"]


def test_every_shipped_model_has_a_cover_that_opens() -> None:
    """In a colour of its own name; the same one each time."""
    image = pytest.importorskip("PIL.Image")
    world = make_world()
    covers = [
        tool["image"] for start in (0, 100) for tool in answer_of(world, LIST, {"start": start, "limit": 100})["tool"]
    ]
    colors = set()
    for cover in covers:
        with image.open(io.BytesIO(get(world, cover).content)) as opened:
            opened.load()
            assert opened.size == (512, 512)
            colors.add(opened.convert("RGB").getpixel((0, 0)))
    assert len(set(covers)) == len(covers)
    assert len(colors) > 4


@pytest.mark.parametrize("owner", ["Äcme", "a/b", "a?b#c", "%41", "a b"])
def test_a_cover_of_any_owner_has_an_address(owner: str) -> None:
    """What does not belong into a path is a dash there."""
    url = tool_of(painter(owner=owner, image=""))["image"]
    assert url.isascii()
    found = find("GET", url.removeprefix(ORIGIN))
    assert found is not None
    assert found[0].name == "Picture"


@pytest.mark.parametrize("path", ["/uploads/models/", "/uploads/models/a.txt", "/uploads/models/png", "/uploads/a.png"])
def test_other_files_are_not_there(path: str) -> None:
    """Wiro's 404."""
    assert send(make_world(), "GET", path).status == 404
