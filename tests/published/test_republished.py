"""What this mock publishes itself, read back: a model that was imported is published in the very same words.

So nothing that a form can say is lost on the way; what it cannot say (ranges in llms.txt, prices in OpenAPI) is not
compared, because it is not published.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings

from tests.published.kit import DRAFTS
from wiro_mock.api.llms import llms_text
from wiro_mock.api.openapi import AUTHS, document
from wiro_mock.api.profile import Profile
from wiro_mock.api.tool_shape import tool
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.run_counts import RunCount
from wiro_mock.loader import load_models, shipped
from wiro_mock.published.completing import Offer, complete
from wiro_mock.published.draft import Draft, Found
from wiro_mock.published.recognised import read_published
from wiro_mock.published.shelf import checked
from wiro_mock.published.writing import write

WIRO = "https://api.wiro.ai"


@cache
def catalogue() -> list[Model]:
    return load_models(shipped())


def closed(model: Model) -> Model:
    """The model with a closed list of options: where a form cannot say that there are more, defaults are left out."""
    known = [replace(one, more_options=False, default=_among(one.default, one.options)) for one in model.parameters]
    return replace(model, parameters=tuple(known))


def _among(default: str | None, options: tuple[str, ...]) -> str | None:
    return default if not options or (default or "").lower() in map(str.lower, options) else None


def imported(source: str) -> Offer:
    [draft] = read_published(source.encode())
    return complete(draft)


@pytest.mark.parametrize("full", [True, False])
def test_every_shipped_models_page_is_read_back(full: bool) -> None:
    """To the same page, to the letter."""
    for model in map(closed, catalogue()):
        page = llms_text(model, WIRO, full=full)
        offer = imported(page)
        assert llms_text(offer.model, WIRO, full=full) == page
        assert offer.left_out == ()


@pytest.mark.parametrize("items", ["both", "documented", "live"])
def test_every_shipped_models_tool_is_read_back(items: Any) -> None:
    """In every spelling of the parameters, all but what no Tool says; ids, prices and samples too."""
    profile = replace(Profile(), tool_items=items)
    for model in map(closed, catalogue()):
        shape = tool(model, RunCount(), WIRO, profile)
        offer = imported(json.dumps({"result": True, "errors": [], "total": 1, "tool": [shape]}))
        assert tool(offer.model, RunCount(), WIRO, profile) == shape
        assert offer.left_out == ()
        assert (offer.model.id, offer.model.cps, offer.model.prices) == (model.id, model.cps, model.prices)


@pytest.mark.parametrize("auth", AUTHS)
def test_every_shipped_models_openapi_document_is_read_back(auth: Any) -> None:
    """To the same document, alone or in the array of the answer (rest.md §2.1)."""
    for model in catalogue():
        spec = document(model, WIRO, auth, Profile())
        offer = imported(json.dumps([{"type": auth, "spec": spec}] if auth == "apikey" else spec))
        assert document(offer.model, WIRO, auth, Profile()) == spec
        assert offer.left_out == ()


@settings(max_examples=30)
@given(DRAFTS)
@example(Draft(form="", lacks="", owner="a", slug="b", image=" "))
@example(Draft(form="", lacks="", owner="a", slug="b", parameters=(Found(id="x", type="text", label="\x85"),)))
def test_any_models_tool_is_read_back(draft: Draft) -> None:
    """Whatever texts it has: nothing is lost, and nothing made up, but for white space in what stands on one line."""
    shape = tool(closed(complete(draft).model), RunCount(), WIRO, Profile())
    once = imported(json.dumps(shape)).model
    checked(once, write(once))
    twice = imported(json.dumps(tool(once, RunCount(), WIRO, Profile()))).model
    assert twice == once
    assert {one.id: (one.type, one.required, one.minimum, one.maximum, one.step) for one in once.parameters} == {
        one.id: (one.type, one.required, one.minimum, one.maximum, one.step) for one in complete(draft).model.parameters
    }


@settings(max_examples=30)
@given(DRAFTS)
def test_any_models_page_and_document_can_be_imported(draft: Draft) -> None:
    """A page is text, in which a text of several lines may be taken for more; a model it is, all the same."""
    model = complete(draft).model
    assert imported(json.dumps(document(model, WIRO, "apikey", Profile()))).model.slug == model.slug
    page = imported(llms_text(model, WIRO, full=True)).model
    checked(page, write(page))
