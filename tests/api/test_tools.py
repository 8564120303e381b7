"""`Tool/List`, `Tool/Detail`, `Tool/Explore`: what is found, in what order, page by page, and who may ask."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.catalogue_kit import (
    DETAIL,
    EXPLORE,
    LIST,
    Explored,
    ToolDetail,
    ToolList,
    answer_of,
    painter,
    slugs_of,
    world_of,
)
from tests.api.test_task_list import ANYTHING, HUGE, NONSENSE
from tests.api_kit import JSON, KEY, Reply, make_world, multipart, part, post, run, send, signed
from wiro_mock import shapes
from wiro_mock.api import tool_shape
from wiro_mock.api.profile import Profile
from wiro_mock.api.task_list import LIMIT, MOST
from wiro_mock.api.tool_search import SORTS, index_of
from wiro_mock.kernel.catalog import Model
from wiro_mock.loader import Library, load_models, shipped
from wiro_mock.mock import World
from wiro_mock.settings import Settings

BOTH_NAMES = "a model is asked for by slugowner and slugproject, both"
URLENCODED = "application/x-www-form-urlencoded"
SHIPPED = make_world()
MANY = [
    Model(id=str(number), owner="acme", slug=f"m{number}", kind="text", cps=Decimal("0.001")) for number in range(1, 58)
]
FIFTY_SEVEN = world_of(MANY)
NEWEST = [model.slug for model in reversed(MANY)]


def listed(world: World, **fields: Any) -> list[str]:
    return slugs_of(answer_of(world, LIST, fields))


def refused(reply: Reply) -> tuple[int, int, str]:
    return reply.status, reply.error["code"], reply.error["message"]


# -- who may ask


@pytest.mark.parametrize("path", [LIST, DETAIL, EXPLORE])
@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": "nobody's"}, {"x-api-key": KEY}, {**signed(), "x-signature": "0"}, signed()],
)
def test_no_key_is_needed_and_any_is_taken(path: str, headers: dict[str, str]) -> None:
    """One client sends none, another one the bare key of a signature project (clients.md §1 line 15)."""
    fields = {"slugowner": "openai", "slugproject": "gpt-5-2"}
    reply = post(SHIPPED, path, fields, headers=headers)
    assert (reply.status, reply.json["result"]) == (200, True)
    assert SHIPPED.journal.entries()[-1].outcome.signed == "public"


@pytest.mark.parametrize("path", [LIST, DETAIL, EXPLORE])
def test_a_body_that_cannot_be_read_is_refused(path: str) -> None:
    """With the general sentence; other methods and a slash at the end are no operation."""
    assert refused(send(SHIPPED, "POST", path, b"{", content_type=JSON)) == (200, 0, "Request parameters are invalid.")
    assert send(SHIPPED, "GET", path).status == send(SHIPPED, "POST", path + "/").status == 404


# -- the envelope


def test_the_answers_are_of_the_documented_shapes_for_every_shipped_model() -> None:
    """Strictly: no number in a string's place, no key too many, in the documented order; in List and Detail alike."""
    seen: dict[str, Any] = {}
    for start in range(0, 1_000, MOST):
        answer = answer_of(SHIPPED, LIST, {"start": start, "limit": MOST})
        assert list(answer) == list(ToolList.model_fields) == list(shapes.ToolListAnswer.__annotations__)
        ToolList.model_validate(answer)
        seen |= {tool["id"]: tool for tool in answer["tool"]}
        if len(seen) == answer["total"]:
            break
    names = {f"{tool['slugowner']}/{tool['slugproject']}" for tool in seen.values()}
    assert names == {model.name for model in load_models(shipped())}
    for tool in seen.values():
        fields = {"slugowner": tool["cleanslugowner"], "slugproject": tool["cleanslugproject"]}
        answer = answer_of(SHIPPED, DETAIL, fields)
        assert list(answer) == list(ToolDetail.model_fields)
        assert answer["tool"] == [tool]
        assert list(tool) == list(shapes.ToolShape.__annotations__)


def test_total_is_a_number_or_by_a_switch_a_string() -> None:
    """A strict client in Go decodes a number; fixtures of the SDKs have a string (rest.md C16)."""
    raw = post(FIFTY_SEVEN, LIST, {"limit": 1}).content
    assert raw.startswith(b'{"result":true,"errors":[],"total":57,"tool":[{"id":"57",')
    other = world_of(MANY, profile=Profile(tool_total="string"))
    assert answer_of(other, LIST)["total"] == "57"


def test_nothing_that_is_found_is_a_total_of_nought() -> None:
    """The answer as it is on the wire."""
    assert post(SHIPPED, LIST, {"search": "zzz"}).content == b'{"result":true,"errors":[],"total":0,"tool":[]}'


# -- pages


def test_strings_numbers_forms_parts_and_no_body_at_all() -> None:
    """The newest come first, twenty at a time."""
    assert listed(FIFTY_SEVEN) == slugs_of(send(FIFTY_SEVEN, "POST", LIST).json) == NEWEST[:LIMIT]
    assert listed(FIFTY_SEVEN, start="2", limit="3") == listed(FIFTY_SEVEN, start=2, limit=3) == NEWEST[2:5]
    body, kind = multipart([part("start", "2"), part("limit", "3")])
    for content, content_type in ((body, kind), (b"start=2&limit=3", URLENCODED)):
        assert slugs_of(send(FIFTY_SEVEN, "POST", LIST, content, content_type=content_type).json) == NEWEST[2:5]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
def test_paging_that_makes_no_sense_counts_as_not_sent(value: object) -> None:
    """Never a refusal, never a crash."""
    assert listed(FIFTY_SEVEN, start=value) == listed(FIFTY_SEVEN, limit=value) == NEWEST[:LIMIT]


@pytest.mark.parametrize("value", HUGE, ids=lambda value: str(value)[:20])
def test_huge_paging(value: object) -> None:
    """A start beyond the end finds nothing, and the total all the same; a limit is at most a hundred."""
    answer = answer_of(FIFTY_SEVEN, LIST, {"start": value})
    assert (answer["total"], answer["tool"]) == (57, [])
    assert len(listed(SHIPPED, limit=value)) == MOST


@given(limit=st.integers(1, 60), ascending=st.booleans(), sort=st.sampled_from(SORTS))
def test_pages_joined_are_the_whole(limit: int, ascending: bool, sort: str) -> None:
    """In order, none twice, none left out."""
    seen: list[str] = []
    while page := listed(
        FIFTY_SEVEN, start=str(len(seen)), limit=limit, sort=sort, order="ASC" if ascending else "DESC"
    ):
        seen += page
    assert seen == (NEWEST[::-1] if ascending else NEWEST)


FIELDS = ["start", "limit", "search", "sort", "order", "categories", "tags", "slugowner", "hideworkflows", "summary"]


@given(st.dictionaries(st.sampled_from([*FIELDS, "slugproject", "categories[]"]), ANYTHING))
def test_whatever_is_sent_is_answered(fields: dict[str, Any]) -> None:
    """By a part of the whole, by an empty list, or, for a sort, by the general sentence."""
    reply = post(FIFTY_SEVEN, LIST, fields)
    if reply.json["result"]:
        ToolList.model_validate(reply.json)
        assert set(slugs_of(reply.json)) <= set(NEWEST)
    else:
        assert (reply.error["code"], reply.error["message"]) == (0, "Request parameters are invalid.")
        assert "sort" in fields
    assert post(FIFTY_SEVEN, DETAIL, fields).json == {"result": True, "errors": [], "tool": []}
    Explored.model_validate(post(FIFTY_SEVEN, EXPLORE, fields).json)


def test_what_is_not_on_the_page_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many models there are."""
    built: list[str] = []
    shape_of = tool_shape.tool

    def tool(model: Model, *more: Any, **also: Any) -> shapes.ToolShape:
        built.append(model.slug)
        return shape_of(model, *more, **also)

    monkeypatch.setattr(tool_shape, "tool", tool)
    assert listed(FIFTY_SEVEN, start=5, limit=2, search="acme") == built == NEWEST[5:7]


# -- what is found

ZOO = [
    painter(id="7", title="", workflow=True, points=Decimal("4.5"), raters=1, comments=9, created=30),
    painter(id="40", owner="beta", slug="Caption-XL", title="Says it all", description="Tells of a cat",
            categories=("image-to-text",), tags=("vision",), points=Decimal("4.25"), raters=5, comments=0, created=20),
    painter(id="300", owner="acme-inc", slug="veo3.1", title="Films", description="", categories=(), tags=(),
            points=Decimal(0), raters=5, comments=3, created=0),
]  # fmt: skip
ZOO_WORLD = world_of(ZOO)
PAINTER, CAPTION, VEO = "painter-2", "caption-xl", "veo3-1"


@pytest.mark.parametrize(
    ("search", "slugs"),
    [
        ("painter", [PAINTER]),
        ("PAINTER.2", [PAINTER]),
        ("painter-2", [PAINTER]),
        ("acme inc/painter.2", [PAINTER]),
        ("acme-inc/painter-2", [PAINTER]),
        ("says", [CAPTION]),
        ("Tells OF cat", [CAPTION]),
        ("image-to-text", [CAPTION]),
        ("Vision", [CAPTION]),
        ("oil", [PAINTER]),
        ("acme", [VEO, PAINTER]),
        ('"films",', [VEO]),
        ("", [VEO, CAPTION, PAINTER]),
        ("  ", [VEO, CAPTION, PAINTER]),
        ("!?", [VEO, CAPTION, PAINTER]),
        (None, [VEO, CAPTION, PAINTER]),
        (["oil"], [VEO, CAPTION, PAINTER]),
        ("zzz", []),
        ("c.*n", []),
        ("veo3.1 zz a", [VEO]),  # none has all of the words, so one of the longer ones will do
        ("zz a b", []),
        ("Turn a picture into a film, please", [VEO, PAINTER]),
        (3, [VEO]),
        ("x" * 100_000, []),
        ("painter" + 400 * " " + "caption", [PAINTER]),  # so far, and no further
    ],
)
def test_a_search_finds(search: object, slugs: list[str]) -> None:
    """In title, names, description, categories and tags, in any letter case; a sentence finds what is near."""
    answer = answer_of(ZOO_WORLD, LIST, {"search": search})
    assert (slugs_of(answer), answer["total"]) == (slugs, len(slugs))


def test_what_has_more_of_the_words_and_has_them_in_its_name_comes_first() -> None:
    """By default, and by `relevance`; the other way round by ASC, and by id where that is asked for."""
    models = [
        painter(id="1", slug="cat", title="", description="a cat and a dog"),
        painter(id="2", slug="bird", title="", description="no cat, no dog"),
        painter(id="3", slug="dog", title="", description="a cat"),
        painter(id="4", slug="dog-cat", title="", description=""),
    ]
    world = world_of(models)
    assert listed(world, search="cat dog") == ["dog-cat", "dog", "cat", "bird"]
    assert listed(world, search="cat dog", sort="relevance", order="DESC") == ["dog-cat", "dog", "cat", "bird"]
    assert listed(world, search="cat dog", sort="relevance", order="asc") == ["bird", "cat", "dog", "dog-cat"]
    assert listed(world, search="cat dog", sort="id") == ["dog-cat", "dog", "bird", "cat"]


@pytest.mark.parametrize("name", ["categories", "tags"])
@pytest.mark.parametrize(
    "write",
    [
        lambda name, values: (json.dumps({name: values}).encode(), JSON),
        lambda name, values: (json.dumps({name: json.dumps(values)}).encode(), JSON),
        lambda name, values: ("&".join(f"{name}={value}" for value in values).encode(), URLENCODED),
        lambda name, values: ("&".join(f"{name}[]={value}" for value in values).encode(), URLENCODED),
        lambda name, values: multipart([part(name, json.dumps(values))]),
        lambda name, values: multipart([part(name, value) for value in values]),
    ],
)
def test_words_come_in_every_kind_of_list(name: str, write: Callable[[str, list[str]], tuple[bytes, str]]) -> None:
    """As an array, as JSON in a text, as repeated fields with or without brackets; one that fits is enough."""
    word = {"categories": "IMAGE-to-text", "tags": "VISION"}[name]
    other = {"categories": "text-to-image", "tags": "oil"}[name]
    for values, slugs in (([word], [CAPTION]), ([other, word], [CAPTION, PAINTER]), (["nothing", "x"], [])):
        body, kind = write(name, values)
        assert slugs_of(send(ZOO_WORLD, "POST", LIST, body, content_type=kind).json) == slugs


NO_WORDS: list[object] = ["", None, [], "[]", {}, [None, {}, []], True]


@pytest.mark.parametrize(
    ("fields", "slugs"),
    [
        ({"categories": "image-to-text"}, [CAPTION]),
        ({"categories": "text"}, []),
        ({"categories": "image-to-text", "tags": "oil"}, []),
        ({"categories": "[image-to-text"}, []),
        *[({"tags": value}, [VEO, CAPTION, PAINTER]) for value in NO_WORDS],
        ({"slugowner": "Acme Inc"}, [VEO, PAINTER]),
        ({"slugowner": " ACME-inc "}, [VEO, PAINTER]),
        ({"slugowner": "acme"}, []),
        ({"slugowner": "."}, []),
        ({"slugowner": "a" * 100_000}, []),
        ({"slugowner": ""}, [VEO, CAPTION, PAINTER]),
        ({"slugowner": ["beta"]}, [VEO, CAPTION, PAINTER]),
        *[({"hideworkflows": value}, [VEO, CAPTION]) for value in (True, "true", "True", 1, "1", " yes ")],
        *[({"hideworkflows": value}, [VEO, CAPTION, PAINTER]) for value in (False, "false", 0, "0", "", None, [True])],
    ],
)  # fmt: skip
def test_filters(fields: dict[str, Any], slugs: list[str]) -> None:
    """Together they must all fit; an empty one is none."""
    assert listed(ZOO_WORLD, **fields) == slugs


@pytest.mark.parametrize(
    ("sort", "highest_first"),
    [
        ("id", [VEO, CAPTION, PAINTER]),
        ("relevance", [VEO, CAPTION, PAINTER]),
        ("time", [PAINTER, CAPTION, VEO]),
        ("ratedusercount", [VEO, CAPTION, PAINTER]),
        ("commentcount", [PAINTER, VEO, CAPTION]),
        ("averagepoint", [PAINTER, CAPTION, VEO]),
        ("", [VEO, CAPTION, PAINTER]),
        (" Time ", [PAINTER, CAPTION, VEO]),
    ],
)
def test_every_sort_in_both_directions(sort: str, highest_first: list[str]) -> None:
    """Ids as numbers; what is equal is in the order of the ids. DESC is the default, and what is neither."""
    for order in ("DESC", "desc", "", "up", None):
        assert listed(ZOO_WORLD, sort=sort, order=order) == highest_first
    assert listed(ZOO_WORLD, sort=sort, order="ASC") == listed(ZOO_WORLD, sort=sort, order="asc") == highest_first[::-1]


@pytest.mark.parametrize("sort", ["name", "ids", 7, True, [], ["id"], {}, "x" * 10_000])
def test_a_sort_that_is_none_is_refused(sort: object) -> None:
    """As a client saw it, without the words (rest.md §2.1): the general ones, and the reason for the tester."""
    assert refused(post(ZOO_WORLD, LIST, {"sort": sort})) == (200, 0, "Request parameters are invalid.")
    reason = ZOO_WORLD.journal.entries()[-1].outcome.reason
    expected = "sort is one of id, relevance, time, ratedusercount, commentcount, averagepoint, not "
    assert reason == expected + repr(str(sort)[:60])


def test_ids_of_any_length_are_compared_as_numbers() -> None:
    """Python refuses to read numbers of thousands of digits."""
    ids = ["0", "9", "10", "0011", "100", "9" * 5000, "1" + "0" * 5000]
    world = world_of(painter(id=one, slug=f"s{at}") for at, one in enumerate(ids))
    assert listed(world, order="ASC") == [f"s{at}" for at in range(len(ids))]


# -- one model


@pytest.mark.parametrize(
    ("owner", "slug"),
    [
        ("acme-inc", "painter-2"),
        ("Acme Inc", "Painter.2"),
        ("ACME INC", "painter_2"),
        ("Acme%20Inc", "Painter%2E2"),
        (" acme-inc ", " Painter.2"),
    ],
)
def test_every_form_of_the_names_finds_the_model(owner: str, slug: str) -> None:
    """Under the documented keys and under those that a list shows; JSON, urlencoded and multipart."""
    for fields in (
        {"slugowner": owner, "slugproject": slug},
        {"cleanslugowner": owner, "cleanslugproject": slug},
        {"cleanslugowner": owner, "slugproject": slug, "slugowner": "nobody"},
    ):
        assert slugs_of(answer_of(ZOO_WORLD, DETAIL, fields)) == [PAINTER]
        body, kind = multipart([part(name, value) for name, value in fields.items()])
        assert slugs_of(send(ZOO_WORLD, "POST", DETAIL, body, content_type=kind).json) == [PAINTER]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"slugowner": "beta", "slugproject": "painter"}, "no model beta/painter in the catalogue; "),
        ({"slugowner": "beta", "slugproject": "caption-xl/"}, "no model beta/caption-xl/ in the catalogue; "),
        ({"slugowner": "beta", "slugproject": "caption-xl%2F"}, "no model beta/caption-xl/ in the catalogue; "),
        ({"slugowner": "beta"}, BOTH_NAMES),
        ({"slugproject": ["caption-xl"], "slugowner": "beta"}, BOTH_NAMES),
        ({"slugproject": "beta/caption-xl"}, BOTH_NAMES),
        ({}, BOTH_NAMES),
        ({"slugowner": "b" * 9_999, "slugproject": "x"}, BOTH_NAMES),
    ],
)  # fmt: skip
def test_what_is_not_there_is_an_empty_list_and_explained_to_the_tester(fields: dict[str, Any], reason: str) -> None:
    """No error, and no unexpected call: clients ask to find out (rest.md §2.1)."""
    assert post(ZOO_WORLD, DETAIL, fields).content == b'{"result":true,"errors":[],"tool":[]}'
    outcome = ZOO_WORLD.journal.entries()[-1].outcome
    assert outcome.reason.startswith(reason)
    assert (outcome.unexpected, outcome.code) == (False, None)


def test_a_summary_empties_what_is_heavy_and_keeps_every_key() -> None:
    """In a list and of one model."""
    world = world_of([painter()])
    whole = answer_of(world, LIST)["tool"][0]
    emptied: dict[str, object] = {"readme": "", "parameters": None, "inspire": [], "samples": []}
    assert all(whole[key] for key in emptied)
    for summary in (True, "true", "1"):
        (short,) = answer_of(world, LIST, {"summary": summary})["tool"]
        assert list(short) == list(whole)
        assert short == {**whole, **emptied}
        named = {"slugowner": "acme-inc", "slugproject": "painter-2", "summary": summary}
        assert answer_of(world, DETAIL, named)["tool"] == [short]
    assert answer_of(world, LIST, {"summary": "false"})["tool"] == [whole]


# -- all categories


def test_explore_shows_the_newest_of_every_category() -> None:
    """The largest category first; `total` counts all of its models, of which twelve are shown."""
    models = [
        painter(id=str(n), slug=f"m{n}", categories=("many", "many", "b") if n < 3 else ("many",)) for n in range(14)
    ]
    world = world_of(
        [*models, painter(id="99", slug="z", categories=("a", "b")), painter(id="100", slug="y", categories=())]
    )
    answer = answer_of(world, EXPLORE, {})
    Explored.model_validate(answer)
    assert list(answer) == ["result", "errors", "explore"]
    groups = [(group["id"], group["title"], group["total"]) for group in answer["explore"]]
    assert groups == [("1", "many", 14), ("2", "b", 4), ("3", "a", 1)]
    slugs = [[tool["cleanslugproject"] for tool in group["tools"]] for group in answer["explore"]]
    assert slugs == [[f"m{n}" for n in range(13, 1, -1)], ["z", "m2", "m1", "m0"], ["z"]]
    assert answer["explore"][2]["tools"] == [
        {
            "id": "99", "cleanslugowner": "acme-inc", "cleanslugproject": "z", "image": "https://example.com/painter.png",
            "description": "A picture from a prompt.", "categories": ["a", "b"], "commentcount": "4",
            "ratedusercount": "3", "averagepoint": "4.50", "discount": None,
        }
    ]  # fmt: skip
    assert list(answer["explore"][2]["tools"][0]) == list(shapes.ExploreItem.__annotations__)


def test_explore_of_no_model_is_an_empty_list() -> None:
    """And of what is shipped, a shape that is documented."""
    assert answer_of(world_of([]), EXPLORE)["explore"] == []
    Explored.model_validate(answer_of(SHIPPED, EXPLORE))


# -- the world behind it


def test_taskstat_counts_this_worlds_own_runs() -> None:
    """Mixed types, as observed; of other models nothing."""
    world = make_world(time="auto")
    named = {"slugowner": "moondream3-preview", "slugproject": "caption"}

    def stat() -> object:
        return answer_of(world, DETAIL, named)["tool"][0]["taskstat"]

    assert stat() == {"runcount": 0, "successcount": "0", "errorcount": "0", "lastruntime": "0"}
    for scenario in ("caption", "failure", "cancelled-in-queue", "caption"):
        world.use(scenario)
        task_id, _ = run(world)
        started = world.seconds()
        assert stat()["lastruntime"] == str(started)  # type: ignore[index]
        post(world, "/v1/Task/Detail", {"taskid": task_id})
    assert stat() == {"runcount": 4, "successcount": "2", "errorcount": "1", "lastruntime": str(started)}
    other = answer_of(world, DETAIL, {**named, "slugproject": "query"})["tool"][0]["taskstat"]
    assert other["runcount"] == 0


def test_a_models_file_that_changes_shows_at_once(tmp_path: Path) -> None:
    """What was computed for the catalogue is not used for the next one."""
    path = tmp_path / "models" / "m.yaml"
    path.parent.mkdir()
    text = 'model: acme/painter\nid: "99999"\nkind: image\ncps: "0.001"\nabout: ABOUT\n'
    world = World(Settings(time="manual", seed="kit"), library=Library(tmp_path))
    for about in ("one", "two, and longer", "three, and longer still"):
        path.write_text(text.replace("ABOUT", about), encoding="utf-8")
        (tool,) = answer_of(world, LIST, {"search": "acme/painter"})["tool"]
        assert tool["description"] == about
        assert listed(world, search=about.split()[-1], slugowner="acme") == ["painter"]
    path.write_text(text.replace("acme/painter", "acme/potter"), encoding="utf-8")
    assert listed(world, slugowner="acme") == ["potter"]


def test_an_index_is_made_once_for_a_catalogue() -> None:
    """So that a list of a thousand models stays cheap; equal models in another world have their own."""
    world, other = world_of(ZOO), world_of([replace(model) for model in ZOO])
    assert index_of(world.catalog) is index_of(world.catalog)
    assert index_of(world.catalog) is not index_of(other.catalog)


def test_all_worlds_of_a_library_have_one_index() -> None:
    """Also a hundred of them, one for each API key; and it is gone when its catalogue is."""
    library = Library()
    worlds = [World(library=library) for _ in range(100)]
    assert len({id(index_of(world.catalog)) for world in worlds}) == 1
    index = weakref.ref(index_of(worlds[0].catalog))
    del worlds, library
    gc.collect()
    assert index() is None
