"""The catalogue: how the two segments of a URL find a model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import MODEL
from wiro_mock.kernel import catalog
from wiro_mock.kernel.catalog import WHERE_MODELS_ARE, Catalog, Parameter, clean_slug
from wiro_mock.kernel.nearest import Letters, likeness
from wiro_mock.kernel.refusals import Refusal

VEO = replace(MODEL, id="600", owner="Google", slug="veo3.1")


@pytest.mark.parametrize(
    ("display", "clean"),
    [
        ("veo3.1", "veo3-1"),
        ("FLUX.2-dev", "flux-2-dev"),
        ("caption", "caption"),
        ("a  b__c", "a-b-c"),
        ("-x-", "x"),
        ("", ""),
    ],
)
def test_a_display_slug_has_one_clean_form(display: str, clean: str) -> None:
    """The pairs that the dossier knows, and the corners."""
    assert clean_slug(display) == clean
    assert clean_slug(clean) == clean


@pytest.mark.parametrize(("owner", "slug"), [("google", "veo3-1"), ("GOOGLE", "veo3.1"), ("Google", "VEO3.1")])
def test_a_model_is_found_by_either_form_in_any_case(owner: str, slug: str) -> None:
    """Clients spell the same model in many ways."""
    assert Catalog([MODEL, VEO]).resolve(owner, slug) is VEO


def test_an_unknown_model_is_refused_and_the_known_ones_are_named_to_the_tester() -> None:
    """The client sees Wiro's words only; the reason names the way out."""
    with pytest.raises(Refusal) as refused:
        Catalog([VEO, MODEL]).resolve("google", "veo4")
    assert (refused.value.code, refused.value.message, refused.value.status) == (1, "slug-owner-project-not-exist", 200)
    assert refused.value.reason == (
        f"no model google/veo4 in the catalogue; did you mean Google/veo3.1? If not, {WHERE_MODELS_ARE}"
    )


def test_an_empty_catalogue_says_so() -> None:
    """Rather than ending its sentence with a colon."""
    with pytest.raises(Refusal) as refused:
        Catalog().resolve("a", "b")
    assert refused.value.reason == f"no model a/b in the catalogue; none is near; there are: none; {WHERE_MODELS_ARE}"


def test_the_defaults_are_those_of_the_parameters() -> None:
    """In their order; a parameter without one has none, an empty one counts."""
    rows = [("b", "1"), ("none", None), ("a", "")]
    parameters = tuple(Parameter(id=name, type="text", default=default) for name, default in rows)
    model = replace(MODEL, defaults={"old": "x"}, parameters=parameters)
    assert list(model.defaults.items()) == [("b", "1"), ("a", "")]
    assert replace(MODEL, defaults={"old": "x"}).defaults == {"old": "x"}


def test_the_catalogue_lists_each_model_once() -> None:
    """A later model of the same slug takes the place of the earlier."""
    catalog = Catalog([MODEL, VEO, replace(VEO, id="601")])
    assert [model.id for model in catalog] == ["598", "601"]
    assert len(catalog) == 2


@pytest.mark.parametrize(
    "slug", ["../caption", "caption\n", "caption\x00", "caption/", "!!caption", "cap?tion", "cáption"]
)
def test_other_characters_are_part_of_the_slug(slug: str) -> None:
    """Junk in a URL names no model."""
    model = replace(MODEL, owner="moondream3-preview", slug="caption")
    with pytest.raises(Refusal, match="slug-owner-project-not-exist"):
        Catalog([model]).resolve("moondream3-preview", slug)


LONG = "x. " * 1_000_000


def test_a_name_of_megabytes_names_nothing_and_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the memory of clean slugs nor in the reason; it is cut before anything is made of it."""
    cleaned: list[int] = []
    clean = catalog._cleaned
    monkeypatch.setattr(catalog, "_kept", None)

    def counted(text: str) -> str:
        cleaned.append(len(text))
        return clean(text)

    monkeypatch.setattr(catalog, "_cleaned", counted)
    assert clean_slug(LONG) == "x-" * 999_999 + "x"
    monkeypatch.undo()
    clean_slug("kept-" * 40)
    kept = catalog._kept.cache_info().currsize
    for long in (LONG, "y" * 201):
        models = Catalog([VEO, MODEL])
        assert models.get(long, "x") is models.get("x", long) is None
        for owner, slug in ((long, long), ("google", long), (long, "veo3.1")):
            with pytest.raises(Refusal) as refused:
                models.resolve(owner, slug)
            assert len(refused.value.reason) < 1_000
    assert catalog._kept.cache_info().currsize <= kept + 20
    assert cleaned == [len(LONG)]


def test_few_of_many_models_are_compared_letter_by_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are; the letters that a name has tell which of them are worth it."""
    compared: list[str] = []

    def counted(one: str, other: str) -> float:
        compared.append(other)
        return likeness(one, other)

    models = Catalog(
        replace(MODEL, owner=f"owner-{number % 7}", slug=f"{'slug' * 20}-{number}") for number in range(1_000)
    )
    monkeypatch.setattr(catalog, "likeness", counted)
    for owner, slug in (("owner-3", "guls" * 20 + "-17"), ("owner-3", "slug" * 20 + "-17x"), ("zzz", "qqq" * 30)):
        compared.clear()
        models.nearest(owner, slug)
        assert len(compared) <= 2 * catalog.COMPARED
    assert not compared
    near = models.nearest("owner-3", "slug" * 20 + "-17")
    assert near is models.get("owner-3", "slug" * 20 + "-17")


@given(st.text(max_size=120), st.text(max_size=120))
def test_letters_promise_no_less_than_the_words_have_in_common(one: str, other: str) -> None:
    """So that leaving out what promises too little leaves out nothing that is near."""
    assert Letters.of(one).likeness(Letters.of(other)) >= likeness(one, other) - 1e-9
