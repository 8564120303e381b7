"""Bodies of requests: what they ask, and what is wrong with them."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.moondream.kit import body, url
from wiro_mock.moondream.asking import SKILLS, Settings, Skill, ask_of
from wiro_mock.moondream.refusals import BadAsk


def test_an_ask_has_the_defaults_of_the_official_code() -> None:
    ask = ask_of("caption", {"image_url": url(b"x")})
    assert (ask.picture, ask.length, ask.stream) == (b"x", "normal", False)
    assert ask.settings == Settings(temperature=0.5, top_p=0.9, max_tokens=768, max_objects=150)


def test_what_is_given_is_taken() -> None:
    settings = {"temperature": 0.7, "top_p": 0.95, "max_tokens": 5, "seed": 0, "variant": None, "unknown": 1}
    told = {"image_url": url(b"x"), "question": "why?", "reasoning": True, "spatial_refs": [[0.5, 0.5]], "stream": True}
    ask = ask_of("query", {**told, "settings": settings})
    assert (ask.text, ask.reasoning, ask.spatial_refs, ask.stream) == ("why?", True, ((0.5, 0.5),), True)
    assert ask.settings == Settings(temperature=0.7, top_p=0.95, max_tokens=5, seed=0)


@pytest.mark.parametrize("skill", ["detect", "point"])
def test_places_never_stream(skill: Skill) -> None:
    assert not ask_of(skill, body(stream=True)).stream


@pytest.mark.parametrize(
    ("skill", "change", "told"),
    [
        ("caption", {"image_url": None}, "image_url is missing"),
        ("caption", {"image_url": "https://example.com/a.png"}, "fetches nothing"),
        ("caption", {"image_url": "data:image/png,abc"}, "fetches nothing"),
        ("caption", {"image_url": "data:image/png;base64,"}, "0 bytes"),
        ("caption", {"image_url": "data:image/png;base64,%%%%"}, "no base64"),
        ("caption", {"length": "medium"}, "length is 'medium'; it is one of short, normal, long"),
        ("caption", {"length": ["short"]}, "it is one of short, normal, long"),
        ("caption", {"stream": "yes"}, "stream is 'yes'; it is true or false"),
        (
            "caption",
            {"settings": {"temperature": "warm"}},
            "settings.temperature is 'warm'; it is a number from 0 to 100",
        ),
        ("caption", {"settings": {"temperature": -1}}, "settings.temperature is -1"),
        ("caption", {"settings": {"temperature": True}}, "settings.temperature is True"),
        ("caption", {"settings": {"top_p": 1.5}}, "settings.top_p is 1.5; it is a number from 0 to 1"),
        ("caption", {"settings": {"top_p": float("nan")}}, "settings.top_p is nan"),
        ("caption", {"settings": {"max_tokens": 0}}, "settings.max_tokens is 0; it is a whole number from 1"),
        ("caption", {"settings": {"max_tokens": 2.5}}, "settings.max_tokens is 2.5"),
        ("caption", {"settings": {"adapter": "mine"}}, "settings.adapter is 'mine'; there are no finetunes"),
        ("caption", {"settings": []}, "settings is no JSON object"),
        ("query", {"question": " "}, "question is missing or empty; /query needs one"),
        ("query", {"question": "x" * 20_001}, "20001 characters"),
        ("query", {"reasoning": 1}, "reasoning is 1"),
        ("query", {"spatial_refs": [[0.5]]}, "spatial_refs is no list"),
        ("query", {"spatial_refs": [[0.5, 2]]}, "spatial_refs is no list"),
        ("query", {"spatial_refs": "here"}, "spatial_refs is no list"),
        ("detect", {"object": None}, "object is missing or empty; /detect needs one"),
        ("point", {"object": 5}, "object is missing or empty; /point needs one"),
    ],
)
def test_what_is_wrong_is_said(skill: Skill, change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadAsk) as refused:
        ask_of(skill, {**body(), **change})
    assert told in str(refused.value)
    assert refused.value.status == 400


def test_a_picture_beyond_the_limit_is_not_even_decoded() -> None:
    with pytest.raises(BadAsk, match="larger than 20 MiB") as refused:
        ask_of("caption", {"image_url": "data:image/png;base64," + "A" * (28 << 20)})
    assert refused.value.status == 413


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["image_url", "length", "question", "object", "reasoning", "spatial_refs", "stream", "settings"]
)
SETTINGS = st.dictionaries(
    st.sampled_from(["temperature", "top_p", "max_tokens", "max_objects", "seed", "variant"]), JSON
)


@given(st.sampled_from(SKILLS), st.dictionaries(NAMES, JSON), SETTINGS)
def test_any_json_is_an_ask_or_a_sentence(skill: Skill, change: dict[str, Any], settings: dict[str, Any]) -> None:
    """Whatever is sent: never an error of Python's."""
    picture = "data:;base64," + base64.b64encode(b"x").decode()
    for told in (change, {"image_url": picture, "settings": settings, **change}, change.get("settings")):
        with suppress(BadAsk):
            assert ask_of(skill, told).settings.temperature >= 0
