"""Models as YAML that reads back as what they were, whatever a source has in it."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.published.kit import DRAFTS, NAMES, TEXTS, page, parameters
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.prices import Tier
from wiro_mock.language.yaml_source import read_documents
from wiro_mock.loader import load_models, shipped
from wiro_mock.published.completing import complete
from wiro_mock.published.draft import Draft, Found, NotAModel
from wiro_mock.published.scalars import flow, literal, prose, scalar
from wiro_mock.published.shelf import checked, file_name
from wiro_mock.published.writing import document, write

DAY = 1_790_000_000.0
"""2026-09-21, in unix seconds."""


def test_every_shipped_model_reads_back_as_it_is(tmp_path: Path) -> None:
    """All of them, at once."""
    models = load_models(shipped())
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "all.yaml").write_text("---\n".join(map(write, models)), encoding="utf-8")
    assert load_models(tmp_path) == models
    assert len(models) >= 100


@settings(max_examples=30)  # each writes a file, and the loader reads it
@given(DRAFTS)
def test_whatever_a_source_says_the_file_can_be_loaded(draft: Draft) -> None:
    """And is the very model: hostile texts, contradictions and all."""
    offer = complete(draft)
    checked(offer.model, document(offer, "a\nplace: #", DAY))


@given(TEXTS)
@example("a" * 2_000)
def test_a_text_reads_back_as_it_is_written(text: str) -> None:
    """As a value in a block, in a list, in a mapping, as a key, and as a text of several lines."""
    block = literal(text, "  ") or prose(text)
    yaml = f"prose: {block}\nflow: {flow([text, text])}\nmapping: {{a: {scalar(text)}, b: 1}}\nlast: true\n"
    [found], troubles = read_documents(yaml)
    assert troubles == []
    assert found.data == {"prose": text, "flow": [text, text], "mapping": {"a": text, "b": 1}, "last": True}
    assert isinstance(found.data["prose"], str)
    if len(text) < 100:
        assert read_documents(f"{{{scalar(text)}: 1}}")[0][0].data == {text: 1}


@pytest.mark.parametrize(
    "text", ["yes", "null", "on", "1.50", "1e3", "012", "1:30", "- x", "~", "True", "0x1f", "a: b"]
)
def test_what_another_reader_may_take_for_something_else_is_quoted(text: str) -> None:
    """Not only what our own reader would."""
    assert scalar(text) == f'"{text}"'


def test_what_is_clear_stands_bare() -> None:
    """The files are for people."""
    assert [scalar(text) for text in ("auto", "virtual-try-on", "New Arrival", "a.png")] == [
        "auto", "virtual-try-on", "New Arrival", "a.png",
    ]  # fmt: skip
    assert prose("Paints, slowly, in steps.") == "Paints, slowly, in steps."


def test_the_file_says_whence_when_and_what_was_guessed() -> None:
    """In comments that YAML passes over."""
    text = document(page("older.txt"), "https://x.test/llms.txt", DAY)
    assert text == (
        "# acme/Scribe, added on 2026-09-21 by wiro-mock model add from https://x.test/llms.txt: a page for language\n"
        "# models.\n"
        "# Such a page says neither which parameters are required nor what their ranges are.\n"
        "# Our guess, not Wiro's word: id, kind, cps.\n"
        "\n"
        "model: acme/Scribe\n"
        f'id: "{page("older.txt").model.id}"  # our guess: made of the name\n'
        "kind: text  # our guess: from its categories, speech-to-text\n"
        'cps: "0.001"  # our guess: Wiro\'s price is unknown\n'
        "categories: [speech-to-text]\n"
        "parameters:\n"
        "  inputAudio: {type: fileinput, default: talk.mp3, label: Sound, note: What was said}\n"
        "  numSpeakers: {type: number, default: 2, label: Speakers, note: How many}\n"
    )


def test_the_file_says_what_was_left_out() -> None:
    """One line each, on which no text of the source can end the comment."""
    draft = Draft(
        form="test", lacks="", owner="a", slug="b", remarks=("x\ny: z",),
        parameters=(Found(id="n", type="number", default="60", high="50"),),
    )  # fmt: skip
    text = document(complete(draft), "here", DAY)
    assert "# - x\\ny: z\n# - n: its default '60', which is out of its range from … to 50\n" in text


CONTRADICTIONS = [
    (Found(id="n", type="number", low="5", high="2"), "n: its range from 5 to 2, in which there is nothing"),
    (Found(id="n", type="text", low="0", high="0"), "n: its range from 0 to 0, in which there is nothing"),
    (Found(id="n", type="number", step="0"), "n: its step 0, which leads nowhere"),
    (Found(id="n", type="number", step="-1"), "n: its step -1, which leads nowhere"),
    (Found(id="n", type="number", low="many"), "n: its min 'many', which is no number, or too large a one"),
    (Found(id="n", type="number", high="1e400"), "n: its max '1e400', which is no number, or too large a one"),
    (Found(id="n", type="number", default="x"), "n: its default 'x', which is no number"),
    (Found(id="n", type="number", default="1", low="2"), "n: its default '1', which is out of its range from 2 to …"),
    (Found(id="n", type="text", default="x", low="2"), "n: its default 'x', which is no number"),
    (Found(id="n", type="color"), "n: its type 'color', which we do not know; it is a text here"),
    (Found(id="n", type="color", options=("red",)), "n: its type 'color', which we do not know; it is a select here"),
    (Found(id="n m"), "the parameter 'n m': that cannot be an id"),
    (Found(id="n\n"), "the parameter 'n\\n': that cannot be an id"),
    (Found(id="x" * 101), f"the parameter '{'x' * 60}…': that cannot be an id"),
    (Found(id="n", type="select", options=("a", "…")), "n: some of its options"),
]


@pytest.mark.parametrize(("found", "remark"), CONTRADICTIONS)
def test_a_contradiction_is_left_out_and_told(found: Found, remark: str) -> None:
    """And the model can be loaded."""
    offer = complete(Draft(form="test", lacks="", owner="a", slug="b", parameters=(found,)))
    assert offer.left_out == (remark,)
    checked(offer.model, write(offer.model))


SOUND = [
    (Found(id="n", type="number", default="5", low="5", high="5"), "5"),
    (Found(id="n", type="number", default="1e-05"), "0.00001"),
    (Found(id="n", type="text", default="0", low="0", high="9999999999"), "0"),
    (Found(id="n", type="select", default="AUTO", options=("auto", "")), "AUTO"),
    (Found(id="n", type="select", default="", options=("auto", "")), ""),
    (Found(id="n", type="select", default="c", options=("a",), more_options=True), "c"),
    (Found(id="__proto__", type="checkbox", default="--on"), "--on"),
]


@pytest.mark.parametrize(("found", "default"), SOUND)
def test_the_other_side_of_a_contradiction_is_kept(found: Found, default: str) -> None:
    """Nothing is left out, and the default stays."""
    offer = complete(Draft(form="test", lacks="", owner="a", slug="b", parameters=(found,)))
    assert offer.left_out == ()
    assert offer.model.parameters[0].default == default
    checked(offer.model, write(offer.model))


IMAGE = Found(id="inputImage", type="combinefileinput")
PRICE = Tier(price=Decimal(1), method="cpr")
PRICES = [
    (replace(PRICE, price=Decimal("1E-13")),
     "the price of 0.0000000000001 by cpr: '0.0000000000001' has too many digits"),
    (replace(PRICE, extra=Decimal(2)), "what the price of 1 by cpr has for pixels, of which its method counts none"),
    (replace(PRICE, inputs={"other": "1"}), "the price of 1 by cpr: the model has no parameter 'other'"),
    (replace(PRICE, inputs={"inputImage": "QUANTITY:many"}),
     "the price of 1 by cpr: 'QUANTITY:many' of inputImage counts nothing"),
    (replace(PRICE, inputs={"": "1"}),
     "the price of 1 by cpr: it names a parameter that has no name, or too long a one"),
]  # fmt: skip


@pytest.mark.parametrize(("tier", "remark"), PRICES)
def test_a_price_that_contradicts_itself_is_left_out_and_told(tier: Tier, remark: str) -> None:
    """The loader's own rules say which."""
    good = replace(PRICE, inputs={"inputImage": "QUANTITY:2"})
    offer = complete(Draft(form="", lacks="", owner="a", slug="b", parameters=(IMAGE,), prices=(good, tier)))
    assert offer.left_out == (remark,)
    assert offer.model.prices[0] == good
    assert len(offer.model.prices) == (2 if tier.extra else 1)
    checked(offer.model, write(offer.model))


def test_of_two_prices_for_the_same_runs_the_first_stays() -> None:
    """The loader would not know which holds."""
    offer = complete(Draft(form="", lacks="", owner="a", slug="b", prices=(PRICE, replace(PRICE, price=Decimal(2)))))
    assert offer.model.prices == (PRICE,)
    assert offer.left_out == ("the price of 2 by cpr: price 1 holds for the same runs as price 2",)


def test_of_two_parameters_with_one_id_the_first_stays() -> None:
    """YAML has room for one."""
    draft = Draft(
        form="", lacks="", owner="a", slug="b", parameters=(Found(id="n", label="1"), Found(id="n", label="2"))
    )
    offer = complete(draft)
    assert parameters(offer.model)["n"].label == "1"
    assert offer.left_out == ("n: a second parameter of this id",)


# -- names -----------------------------------------------------------------------------------------------


@given(NAMES | TEXTS, NAMES | TEXTS)
@example("..", "..")
@example("../..", "etc")
@example("a", "b/../../c")
@example("C:\\x", "b")
@example("a" * 500, "b")
def test_no_name_leads_out_of_the_folder(owner: str, slug: str) -> None:
    """A file's name is of letters, digits and dashes, short, and of one part, or the name is refused."""
    try:
        model = named(owner, slug)
    except NotAModel:
        return
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,150}\.yaml", file_name(model))


def test_two_models_have_two_files() -> None:
    """Where letters had to be left out of the name, a digest tells them apart; where none had, there is none."""
    assert file_name(named("acme", "Night Painter.2")) == "acme--night-painter-2.yaml"
    assert file_name(named("a b", "c")) != file_name(named("a", "b c"))
    assert file_name(named("A", "C")) == file_name(named("a", "c")), "which are one model, by the rule for slugs"
    assert file_name(named("ü", "b")) != file_name(named("ö", "b"))
    assert file_name(named("a" * 100, "b" * 100)) != file_name(named("a" * 100, "b" * 99 + "c"))


_WORDS = st.text("aB .-_!ü1", min_size=1, max_size=6)


@given(_WORDS, _WORDS, _WORDS, _WORDS)
def test_only_one_and_the_same_model_has_the_same_file(owner: str, slug: str, other: str, another: str) -> None:
    """Whatever the names are."""
    try:
        one, two = named(owner, slug), named(other, another)
    except NotAModel:
        return
    assert (file_name(one) == file_name(two)) == (one.clean_name == two.clean_name)


def named(owner: str, slug: str) -> Model:
    return complete(Draft(form="test", lacks="", owner=owner, slug=slug)).model


@given(st.sampled_from(["", " ", ".", "a/b", "a\\b", "a?b", "a#b", "a\nb", "x" * 101]))
def test_a_name_that_no_url_can_have_is_refused(name: str) -> None:
    """On either side of the slash."""
    for owner, slug in ((name, "b"), ("a", name)):
        with pytest.raises(NotAModel, match="no URL can have"):
            named(owner, slug)
