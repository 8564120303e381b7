"""`Tool/List`, `Tool/Detail` and `Tool/Explore`: the models on offer, as a client finds and reads them.

No key is needed, and any key or none is taken (clients.md §1 line 15). The fields are those of rest.md §2.1; bodies
are JSON, multipart or urlencoded.

Our choices, where no source knows: pages are those of `Task/List` (20 models by default, at most 100, which is what
the SDKs allow; what makes no sense counts as not sent, and the tester is told), the newest come first, an unknown
`sort` is refused with the general sentence (two sources list its values, while none does for `Task/List`), and
`Tool/Explore` shows for every category its newest models. `tool_search` says what a search finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from wiro_mock.api import jsontext, tool_shape
from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.body import text_of
from wiro_mock.api.messages import Outcome, Request, World
from wiro_mock.api.task_list import page_of, passed_over
from wiro_mock.api.tool_search import SORTS, Wanted, found, index_of, words_of
from wiro_mock.kernel.catalog import LONGEST_SLUG, Model, clean_slug
from wiro_mock.kernel.refusals import No, Refusal

if TYPE_CHECKING:
    from wiro_mock import shapes

EXPLORED: Final = 12
"""So many models of a category are shown by `Tool/Explore`; ours."""
_TRUE: Final = frozenset({"true", "1", "yes", "on"})


def list_tools(world: World, request: Request) -> Answer:
    """Show one page of the models, and count all of them. Raises `Refusal` for a sort that is none."""
    fields = request.body.fields
    models = found(index_of(world.catalog), wanted(fields))
    page = page_of(fields)
    shown = [_shape(world, request, model) for model in models[page.start : page.start + page.limit]]
    total: int | str = len(models) if world.profile.tool_total == "number" else str(len(models))
    shape: shapes.ToolListAnswer = {"result": True, "errors": [], "total": total, "tool": shown}
    return answer(shape, Outcome(reason=passed_over(fields)))


def detail(world: World, request: Request) -> Answer:
    """Show one model, by its names in any form. There may be none of this name: that is no error (rest.md §2.1)."""
    fields = request.body.fields
    tools: list[shapes.ToolShape] = []
    reason = ""
    try:
        tools = [_shape(world, request, asked_model(world, fields))]
    except Refusal as refusal:
        reason = refusal.reason
    shape: shapes.ToolDetailAnswer = {"result": True, "errors": [], "tool": tools}
    return answer(shape, Outcome(reason=reason))


def explore(world: World, request: Request) -> Answer:
    """Show some models of every category."""
    groups: list[shapes.ExploreGroup] = [
        {
            "id": str(number),
            "title": category,
            "tools": [tool_shape.explore_item(model, request.origin) for model in models[:EXPLORED]],
            "total": len(models),
        }
        for number, (category, models) in enumerate(index_of(world.catalog).groups, start=1)
    ]
    shape: shapes.ExploreAnswer = {"result": True, "errors": [], "explore": groups}
    return answer(shape, Outcome())


def asked_model(world: World, fields: Mapping[str, object]) -> Model:
    """The model that `slugowner` and `slugproject` name, or `cleanslugowner` and `cleanslugproject`, in any form.

    Raises `Refusal` where there is none.
    """
    owner, slug = _name(fields, "slugowner"), _name(fields, "slugproject")
    if not owner or not slug:
        reason = "a model is asked for by slugowner and slugproject, both"
        raise No.MODEL.refusal(reason=reason)
    return world.catalog.resolve(owner, slug)


def wanted(fields: Mapping[str, object]) -> Wanted:
    """What the fields of a list ask for. Raises `Refusal` for a sort that is none."""
    sort = fields.get("sort")
    name = text_of(fields, "sort").strip().lower()
    if name not in ("", *SORTS) or (not name and sort is not None and not isinstance(sort, str)):
        reason = f"sort is one of {', '.join(SORTS)}, not {str(sort)[:60]!r}"
        raise No.PARAMETERS_INVALID.refusal(reason=reason)
    owner = text_of(fields, "slugowner").strip()[: LONGEST_SLUG + 1]  # one that is too long stays too long
    return Wanted(
        words=words_of(text_of(fields, "search")),
        categories=_texts(fields, "categories"),
        tags=_texts(fields, "tags"),
        # An owner of which nothing is left, such as `.`, has no models.
        owner=clean_slug(owner) or owner,
        hide_workflows=is_true(fields, "hideworkflows"),
        sort=name,
        ascending=text_of(fields, "order").strip().upper() == "ASC",
    )


def is_true(fields: Mapping[str, object], name: str) -> bool:
    """Whether a field says yes: true, 1, or one of the texts `true`, `1`, `yes`, `on` in any letter case."""
    return fields.get(name) is True or text_of(fields, name).strip().lower() in _TRUE


def _shape(world: World, request: Request, model: Model) -> shapes.ToolShape:
    count = world.sim.run_counts.of(model.name)
    summary = is_true(request.body.fields, "summary")
    return tool_shape.tool(model, count, request.origin, world.profile, summary=summary)


def _name(fields: Mapping[str, object], key: str) -> str:
    """A slug: the clean key goes first, as the two say the same; percent-encoding is undone, as in a path."""
    text = text_of(fields, f"clean{key}").strip() or text_of(fields, key).strip()
    return unquote(text, errors="replace") if len(text) <= LONGEST_SLUG else ""


def _texts(fields: Mapping[str, object], name: str) -> frozenset[str]:
    """The texts of a field in lower case: one, several, a JSON array in a form; the name may end in `[]`."""
    texts: set[str] = set()
    for key in (name, f"{name}[]"):
        value = fields.get(key)
        for one in value if isinstance(value, list) else [value]:
            texts.update(_read(one))
    return frozenset(texts)


def _read(value: object) -> list[str]:
    text = text_of({"": value}, "").strip()
    if text.startswith("["):
        try:
            inner = jsontext.loads(text)
        except ValueError:
            inner = [text]
        return [word for one in inner if (word := text_of({"": one}, "").strip().lower())]
    return [text.lower()] if text else []
