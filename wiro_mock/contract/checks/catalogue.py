"""The catalogue: public, in pages, and described model by model (rest.md §2.1, §2.6)."""

from __future__ import annotations

from typing import Any

from wiro_mock import shapes
from wiro_mock.contract.compare import shown
from wiro_mock.contract.promise import Broken, NotVerified, Promise, Unmet, expect, field
from wiro_mock.contract.service import Service
from wiro_mock.sources import APRIL, GO_CLIENT, MCP, OPENAPI_CLIENT

LIST_SHAPE, DETAIL_SHAPE = "catalogue.list_shape", "catalogue.detail_shape"
NOBODY = {"slugowner": "nobody-is-called-that", "slugproject": "no-such-model"}


def _page(wiro: Service, **asked: str) -> dict[str, Any]:
    """A page of the list, asked for as Wiro's MCP server does: with numbers in strings."""
    body = {"start": "0", "limit": "2", "sort": "id", "order": "DESC", **asked}
    answer = wiro.post("Tool/List", body, headers={}).json
    if not isinstance(answer, dict):
        raise Unmet(LIST_SHAPE)
    return answer


def _ids(page: dict[str, Any]) -> list[Any]:
    return [field(tool, "id", str, told_by=LIST_SHAPE) for tool in field(page, "tool", list, told_by=LIST_SHAPE)]


def check_is_public(wiro: Service) -> None:
    """The catalogue is shown without a key."""
    answer = wiro.post("Tool/List", {"start": "0", "limit": "1"}, headers={})
    got = answer.json.get("result") if isinstance(answer.json, dict) else None
    expect((200, True), (answer.status, got), what="status and result")


def check_list_shape(wiro: Service) -> None:
    """A page of the list, with its models, is as documented."""
    page = _page(wiro)
    wiro.compare(page, shapes.ToolListAnswer)
    if isinstance(page["total"], str):
        wiro.differs("total of Tool/List", 2, page["total"], switch="tool_total=string")


def check_pages(wiro: Service) -> None:
    """`limit` bounds a page, `start` says where it begins."""
    both = _ids(_page(wiro))
    if len(both) < 2:
        raise NotVerified("there are fewer than two models")
    expect(both[1:2], _ids(_page(wiro, start="1", limit="1")), what="the second model, by start=1 and limit=1, is")


def check_detail_shape(wiro: Service) -> None:
    """One model, asked for by owner and slug, is as documented."""
    owner, _, slug = wiro.model.path.partition("/")
    answer = wiro.post("Tool/Detail", {"slugowner": owner, "slugproject": slug}, headers={}).json
    wiro.compare(answer, shapes.ToolDetailAnswer)
    if not answer["tool"]:
        raise Broken(f"one model {wiro.model.path}", "an empty list")
    if answer["tool"][0]["parameters"] is None:
        wiro.differs("parameters of Tool/Detail", [], None, switch="tool_parameters=null")


def check_unknown_model(wiro: Service) -> None:
    """A model that is not there is an empty list, and no error."""
    answer = wiro.post("Tool/Detail", NOBODY, headers={})
    got = answer.json.get("tool") if isinstance(answer.json, dict) else None
    expect((200, []), (answer.status, got), what="status and tool")


def check_detail_by_clean_names(wiro: Service) -> None:
    """One model is found by its clean names, too."""
    owner, _, slug = wiro.model.path.partition("/")
    answer = wiro.post("Tool/Detail", {"cleanslugowner": owner, "cleanslugproject": slug}, headers={}).json
    tools = field(answer, "tool", list, told_by=DETAIL_SHAPE)
    if not tools:
        raise Broken(f"one model {wiro.model.path}, by cleanslugowner and cleanslugproject", "an empty list")


def check_explore_shape(wiro: Service) -> None:
    """The start page's groups of models are as Wiro's MCP server reads them."""
    wiro.compare(wiro.post("Tool/Explore", {}, headers={}).json, shapes.ExploreAnswer)


def check_openapi_documents(wiro: Service) -> None:
    """The OpenAPI documents of a model: a bare list of two, for keys and for signatures."""
    owner, _, slug = wiro.model.path.partition("/")
    answer = wiro.post("Tool/DetailOpenAPI", {"slugowner": owner, "slugproject": slug}, headers={}).json
    if not isinstance(answer, list):
        raise Broken("a list without an envelope", shown(answer))
    got = [
        (one.get("type"), isinstance(one.get("spec"), dict) and "openapi" in one["spec"])
        for one in answer
        if isinstance(one, dict)
    ]
    expect([("apikey", True), ("signature", True)], got, what="type, and whether there is a document,")


def _promise(check: Any, source: Any, *needs: str) -> Promise:
    return Promise(area="catalogue", check=check, cost="free", source=source, needs=needs)


PROMISES = (
    _promise(check_is_public, GO_CLIENT),
    _promise(check_list_shape, APRIL, "catalogue.is_public"),
    _promise(check_pages, APRIL, "catalogue.is_public"),
    _promise(check_detail_shape, APRIL, "catalogue.is_public"),
    _promise(check_detail_by_clean_names, GO_CLIENT, "catalogue.is_public", DETAIL_SHAPE),
    _promise(check_unknown_model, GO_CLIENT, "catalogue.is_public"),
    _promise(check_explore_shape, MCP, "catalogue.is_public"),
    _promise(check_openapi_documents, OPENAPI_CLIENT, "catalogue.is_public"),
)
