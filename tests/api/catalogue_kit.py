"""What the tests of the catalogue share: worlds with models of their own, and the documented shapes as schemas."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from tests.api_kit import make_world, post
from wiro_mock.kernel.catalog import Model, Parameter
from wiro_mock.mock import World

LIST, DETAIL, EXPLORE = "/v1/Tool/List", "/v1/Tool/Detail", "/v1/Tool/Explore"


def painter(**given: Any) -> Model:
    """A model with everything that a page can show."""
    known: dict[str, Any] = {
        "id": "9001",
        "owner": "Acme Inc",
        "slug": "Painter.2",
        "kind": "image",
        "cps": Decimal("0.001"),
        "description": "A picture from a prompt.",
        "categories": ("text-to-image", "image-editing"),
        "tags": ("Oil", "chalk"),
        "seconds": 20,
        "title": "The Painter",
        "readme": "<p>It paints.</p>",
        "image": "https://example.com/painter.png",
        "samples": ("https://example.com/1.png",),
        "inspire": ({"prompt": "a cat", "steps": "30"}, {"prompt": "a dog"}),
        "created": 1_760_446_472,
        "comments": 4,
        "raters": 3,
        "points": Decimal("4.5"),
        "parameters": (
            Parameter(
                id="prompt", type="textarea", required=True, max_length=1000, label="Prompt", note="what to paint"
            ),
            Parameter(
                id="steps",
                type="number",
                minimum=Decimal(1),
                maximum=Decimal("50.0"),
                step=Decimal("0.5"),
                default="25",
            ),
            Parameter(id="ratio", type="select", options=("", "1:1", "16:9"), default="1:1"),
            Parameter(id="inputImage", type="combinefileinput", entries=4),
        ),
    }
    return Model(**{**known, **given})


def world_of(models: Iterable[Model], **settings: Any) -> World:
    """A world that offers just these models."""
    world = make_world(**settings)
    world.casting.library.models = list(models)
    return world


def answer_of(world: World, path: str, fields: object = None, **more: Any) -> dict[str, Any]:
    """A successful answer."""
    answer: dict[str, Any] = post(world, path, fields, **more).json
    assert (answer["result"], answer["errors"]) == (True, []), answer
    return answer


def slugs_of(answer: dict[str, Any]) -> list[str]:
    return [tool["cleanslugproject"] for tool in answer["tool"]]


# -- the shapes, from rest.md §2.6 and Wiro's MCP server; nothing is converted, nothing else is allowed


class Exactly(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Option(Exactly):
    label: str
    text: str
    value: str


class Item(Exactly):
    """One parameter, in both spellings."""

    id: str
    type: str
    label: str
    description: str
    default: str
    required: bool
    placeholder: str
    note: str
    options: list[Option] | None = None
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    rows: str
    defaultvalue: str
    value: str
    minvalue: str
    maxvalue: str
    incrementby: str
    maxinputlenght: int = 0


class Group(Exactly):
    title: str
    items: list[Item]


class TaskStat(Exactly):
    runcount: int
    successcount: str
    errorcount: str
    lastruntime: str


class Tool(Exactly):
    id: str
    title: str
    slugowner: str
    slugproject: str
    cleanslugowner: str
    cleanslugproject: str
    description: str
    image: str
    computingtime: str
    readme: str
    categories: list[str]
    parameters: list[Group] | None
    inspire: list[dict[str, str]]
    samples: list[str]
    tags: list[str]
    marketplace: int
    onlymembers: str
    dynamicprice: str
    averagepoint: str
    commentcount: str
    ratedusercount: str
    taskstat: TaskStat
    seotitle: str
    seodescription: str
    cps: str
    approximatelycost: str


class ToolList(Exactly):
    result: bool
    errors: list[Any]
    total: int
    tool: list[Tool]


class ToolDetail(Exactly):
    result: bool
    errors: list[Any]
    tool: list[Tool]


class ExploreItem(Exactly):
    id: str
    cleanslugowner: str
    cleanslugproject: str
    image: str
    description: str
    categories: list[str]
    commentcount: str
    ratedusercount: str
    averagepoint: str
    discount: int | float | str | None


class ExploreGroup(Exactly):
    id: str
    title: str
    tools: list[ExploreItem]
    total: int


class Explored(Exactly):
    result: bool
    errors: list[Any]
    explore: list[ExploreGroup]
