"""The three published forms, read: each on pages composed from their descriptions (page.md, rest.md §2.6 and §10)."""

from __future__ import annotations

import json
from decimal import Decimal

from tests.published.kit import page, parameters
from wiro_mock.kernel.catalog import Parameter
from wiro_mock.kernel.prices import Tier
from wiro_mock.published.completing import complete
from wiro_mock.published.recognised import read_published


def test_the_newer_page_says_names_words_and_addresses() -> None:
    """In display form; a description may have several lines."""
    model = page("newer-full.txt").model
    assert (model.owner, model.slug, model.kind) == ("acme", "Night Painter.2", "image")
    assert model.description == "Paints what you say: slowly, and by night.\nA second line of the description."
    assert model.image == "https://cdn.example.test/covers/night-painter.webp"
    assert (model.categories, model.tags) == (("text-to-image", "image-editing"), ("night", "oil paint"))


def test_the_newer_page_says_parameters() -> None:
    """Quoted options, blank lines between blocks, empty defaults, several samples of a file; a key counts in order.

    `callbackUrl`, which some sources list, is no parameter of a model: every run may have it (rest.md §5.2).
    """
    assert page("newer-full.txt").model.parameters == (
        Parameter(
            id="inputImage", type="combinefileinput", default="dusk.png,lamp one.png", label="Pictures to begin with",
            note="Up to four.\ntype: them in if you like",
        ),
        Parameter(id="prompt", type="textarea", default='A lamp, a cat: "hello"', label="Prompt",
                  note="What is to be seen"),
        Parameter(id="strength", type="float", default="0.35", label="Strength"),
        Parameter(
            id="style", type="selectwithcover", default="oil", options=("", "oil", 'say "hi"'),
            option_labels=("None", "Oil: on canvas", "Say hi"), label="Style", note="The manner",
        ),
        Parameter(id="frame", type="select", default="", options=("", "gold"), option_labels=("No frame", "Gold"),
                  label="frame"),
        Parameter(id="seed", type="text", default="0", label="Seed", note="Any number"),
        Parameter(id="quick", type="checkbox", default="--quick", label="Quick"),
    )  # fmt: skip


def test_example_inputs_are_parted_by_a_blank_line() -> None:
    """Or by an id that was there already; a value may have a colon in it, or go on in the next line."""
    assert page("newer-full.txt").model.inspire == (
        {"prompt": "A bridge: at noon", "style": "oil"},
        {"seed": "7", "inputImage": "a.png,b.png"},
        {"prompt": "A barn\non two lines"},
        {"prompt": "Another"},
    )


def test_an_older_page_says_tool_where_newer_ones_say_model() -> None:
    """Without tags, a description and a cover, and without blank lines between its blocks."""
    offer = page("older.txt")
    model = offer.model
    assert (model.name, model.description, model.image, model.tags) == ("acme/Scribe", "", "", ())
    assert (model.kind, model.categories) == ("text", ("speech-to-text",))
    assert [(one.id, one.type, one.default, one.label) for one in model.parameters] == [
        ("inputAudio", "fileinput", "talk.mp3", "Sound"),
        ("numSpeakers", "number", "2", "Speakers"),
    ]
    assert set(offer.guesses) == {"id", "kind", "cps"}
    assert "required" in offer.lacks


def test_a_tool_says_everything() -> None:
    """Numbers as texts, prices as JSON in a text; a method that nobody documents is left out, and told."""
    offer = page("detail.json")
    model = offer.model
    assert (model.id, model.name, model.title) == ("2207", "acme/Night Painter.2", "Night Painter")
    assert (model.cps, model.seconds, model.access) == (Decimal("0.000585"), 10, "members")
    assert model.prices == (
        Tier(price=Decimal("0.09"), method="cpr", inputs={"ratio": "16:9"}),
        Tier(price=Decimal("0.00001"), method="cp-pixel", extra=Decimal("0.01"), per_input=Decimal("0.002")),
    )
    assert offer.left_out == (
        "a price of 1 by the method 'cp-moonphase'",
        "the group 'Advanced': subtitle, for which a model's file has no word",
    )
    assert (model.points, model.comments, model.raters) == (Decimal("4.5"), 3, 12)
    assert (model.tags, model.samples) == (("night", "no", "1.5"), ("https://cdn.example.test/samples/night-1.png",))
    assert model.inspire == ({"ratio": "16:9", "steps": "30", "inputImage": "a.png,b.png"},)
    assert model.readme == '<h1>Night</h1>\n<p>Paints: "slowly" #1</p>'
    assert set(offer.guesses) == {"kind"}


def test_a_tools_parameters_are_those_of_all_groups() -> None:
    """In the documented spelling."""
    assert page("detail.json").model.parameters == (
        Parameter(id="inputImage", type="combinefileinput", required=True, label="Pictures", note="Up to four."),
        Parameter(id="ratio", type="select", default="1:1", options=("1:1", "16:9"),
                  option_labels=("Square", "Wide"), label="ratio"),
        Parameter(
            id="steps", type="number", default="25", minimum=Decimal(1), maximum=Decimal(50), step=Decimal("0.5"),
            label="Steps", note="More is slower", group="Advanced",
        ),
    )  # fmt: skip


def test_a_tool_in_the_spelling_of_live_answers() -> None:
    """A bare object; a text with a range, a select whose options come later, a checkbox that is a flag."""
    model = page("detail-live.json").model
    assert (model.id, model.name, model.title, model.kind) == ("2208", "acme/clip maker", "", "video")
    assert (model.cps, model.seconds, model.access, model.prices) == (Decimal("0.00001"), 120, "public", ())
    assert model.parameters == (
        Parameter(
            id="inputImage", type="combinefileinput", required=True, entries=4, label="Picture", note="One will do"
        ),
        Parameter(id="prompt", type="textarea", required=True, default="A walk", max_length=900, label="Prompt"),
        Parameter(
            id="seed", type="text", default="0", minimum=Decimal(0), maximum=Decimal(9999999), step=Decimal(1),
            label="Seed",
        ),
        Parameter(id="voice", type="select", default="617", label="Voice"),
        Parameter(id="sound", type="select", default="off", options=("on", "off"), option_labels=("On", "Off"),
                  label="Sound"),
        Parameter(id="quantization", type="checkbox", default="--quantization", label="Smaller"),
    )  # fmt: skip


def test_what_a_file_has_no_word_for_is_told() -> None:
    """Filled keys only; what repeats another key, and what is reckoned anew, is no loss."""
    assert page("detail-live.json").left_out == (
        "inputImage: quick, for which a model's file has no word",
        "voice: optionsLoad, for which a model's file has no word",
    )
    tool = {"slugowner": "a", "slugproject": "b", "title": "B", "seotitle": "B", "description": "d"}
    item = {"id": "p", "note": "n", "description": "d", "placeholder": "Say it"}
    words = {"seodescription": "other", "discount": "5", "parameters": [{"title": "How", "items": [item]}]}
    [draft] = read_published(json.dumps(tool | words).encode())
    offer = complete(draft)
    assert offer.left_out == (
        "the tool: seodescription, discount, for which a model's file has no word",
        "p: description, for which a model's file has no word",
    )
    assert offer.model.parameters == (Parameter(id="p", type="text", note="n", placeholder="Say it", group="How"),)


def test_an_openapi_document_says_what_may_be_sent() -> None:
    """What is common is no parameter; lengths of a text are its range, unless its default is no number."""
    model = page("openapi.json").model
    assert (model.name, model.seconds) == ("acme/clip maker", 50)
    assert model.description == "Makes a clip.\n\nOf a picture."
    found = parameters(model)
    assert list(found) == [
        "inputImage", "inputAudio", "inputAudioUrl", "inputDocumentMultiple", "steps", "seed", "script",
        "caption", "offset", "model", "ratio", "mode", "effect", "do_sample",
    ]  # fmt: skip
    assert found["inputImage"] == Parameter(
        id="inputImage", type="combinefileinput", required=True, label="Picture", note="One"
    )
    assert found["inputAudio"] == Parameter(id="inputAudio", type="fileinput", label="Sound")
    assert found["inputAudioUrl"] == Parameter(id="inputAudioUrl", type="text", note="Sound by URL")
    assert found["inputDocumentMultiple"].type == "multifileinput"
    assert found["steps"] == Parameter(
        id="steps", type="number", required=True, default="25", minimum=Decimal(1), maximum=Decimal(50),
        step=Decimal("0.5"), label="Steps", note="More is slower",
    )  # fmt: skip
    assert found["seed"] == Parameter(id="seed", type="text", default="0", minimum=Decimal(0), maximum=Decimal(9999999))
    assert found["script"] == Parameter(id="script", type="text", default="Perfect scent", max_length=300)
    assert found["caption"] == Parameter(id="caption", type="text", max_length=200)
    assert found["offset"] == Parameter(id="offset", type="text", default="1", maximum=Decimal(4294967295))
    assert found["model"] == Parameter(id="model", type="select")
    assert found["ratio"] == Parameter(
        id="ratio", type="select", default="1:1", options=("1:1", "16:9"), option_labels=("Square", "Wide")
    )
    assert found["effect"] == Parameter(
        id="effect", type="selectwithcover", default="c", options=("a", "b"), more_options=True
    )
    assert found["do_sample"] == Parameter(id="do_sample", type="checkbox")


def test_a_default_that_cannot_be_is_left_out_and_told() -> None:
    """The rest of the parameter stays."""
    offer = page("openapi.json")
    assert parameters(offer.model)["mode"] == Parameter(id="mode", type="select", options=("std", "pro"))
    assert offer.left_out == ("mode: its default 'match', which is none of the options",)
