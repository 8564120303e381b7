"""Models that nobody describes: what their names tell, and what names none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.kernel.catalog import clean_slug
from wiro_mock.kernel.kinds import KINDS
from wiro_mock.kernel.unknown_models import (
    ADDED_IDS,
    LONGEST,
    PLAYED_IDS,
    WORDS,
    can_name,
    guess_kind,
    kind_in,
    made_up,
)
from wiro_mock.loader import Library
from wiro_mock.published.draft import Draft
from wiro_mock.published.guessing import guess_id
from wiro_mock.published.guessing import guess_kind as guess_draft


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("acme/text-to-image", "image"),
        ("acme/image-to-video", "video"),
        ("acme/video-to-audio", "audio"),
        ("acme/speech-to-text", "text"),
        ("acme/text-to-speech", "audio"),
        ("acme/image-caption", "text"),
        ("acme/FLUX.3-dev", "image"),
        ("acme/audio-to-video", "video"),
        ("acme/flux-lora", "image"),
        ("acme/claude-9", "llm"),
        ("acme/llama-5", "llm"),
        ("acme/hyperseedream5", "image"),
        ("acme/supercaptioner-image", "image"),
        ("acme/veo4.2", "video"),
        ("acme/kling-v9", "video"),
        ("acme/gpt-7", "llm"),
        ("acme/image-to-3d", "3d"),
        ("acme/Hunyuan3D-4", "3d"),
        ("acme/pdf-maker", "document"),
        ("openai-gpt/seven", "llm"),
        ("video-makers/gpt-7", "llm"),
        ("acme/robot", "text"),
        ("acme/giraffe", "text"),
        ("acme/ünïcode", "text"),
    ],
)
def test_a_name_tells_of_a_kind_by_its_last_word(name: str, kind: str) -> None:
    """Whole words first, then long ones in others: there is a `raf` in giraffe, and no image. The owner counts where
    the slug tells of none.
    """
    assert guess_kind(*name.split("/")) == kind


def test_most_names_of_the_catalogue_tell_of_their_kind() -> None:
    """A guess, measured on real names: 79 of 103 when this was written."""
    models = Library().models
    right = sum(guess_kind(model.owner, model.slug) == model.kind for model in models)
    assert right >= 0.7 * len(models)


def test_every_kind_can_be_guessed() -> None:
    """None has been left out of the words."""
    assert set(WORDS.values()) == set(KINDS)


@given(st.text(max_size=LONGEST + 20), st.text(max_size=LONGEST + 20))
def test_what_names_a_model_is_one_visible_segment(owner: str, slug: str) -> None:
    """And any such name makes a model that is found under it again, always with the same id."""
    fine = all(
        clean_slug(name) != "" and len(name) <= LONGEST and "/" not in name and name.isprintable()
        for name in (owner, slug)
    )
    assert can_name(owner, slug) == fine
    if fine:
        model = made_up(owner, slug)
        assert (model.owner, model.slug, str(model.cps)) == (owner, slug, "0.001")
        assert model.id.isdecimal()
        assert model.kind in KINDS
        assert made_up(owner.upper(), slug).id == model.id or clean_slug(owner.upper()) != clean_slug(owner)


@pytest.mark.parametrize("name", ["", " ", "-._ ", "a/b", "a\n", "a\x00", "x" * (LONGEST + 1), "\u202e"])
def test_these_name_none(name: str) -> None:
    """On either side."""
    assert not can_name(name, "robot")
    assert not can_name("acme", name)


def test_no_made_up_id_is_that_of_an_added_model() -> None:
    """So a server can play both."""
    assert ADDED_IDS.stop <= PLAYED_IDS.start
    for number in range(200):
        assert int(made_up("acme", f"model {number}").id) in PLAYED_IDS
        assert int(guess_id("acme", f"model {number}")) in ADDED_IDS


@pytest.mark.parametrize(
    "slug", ["speech-to-text", "image-to-3d", "claude-9", "llama-5", "flux-lora", "audio-to-video"]
)
def test_a_model_that_is_added_and_one_that_is_played_are_of_one_kind(slug: str) -> None:
    """There is one table of words."""
    draft = Draft(form="", lacks="", owner="acme", slug=slug)
    assert guess_draft(draft) == (guess_kind("acme", slug), f"from {kind_in(slug)[0]!r} in its name")  # type: ignore[index]
