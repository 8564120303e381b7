"""A `Tool/Detail` answer: the envelope, a list of tools, or one tool, in both spellings of its parameters.

rest.md §2.6 is the source: the documented names beside those that a client has decoded from live answers
(`defaultvalue`, `minvalue`, `maxinputlenght`, …), numbers as texts, and `dynamicprice` as JSON inside a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, get_args

from wiro_mock.api.jsontext import loads
from wiro_mock.api.tool_shape import GROUP
from wiro_mock.kernel.catalog import FILES
from wiro_mock.kernel.prices import Method, Tier
from wiro_mock.published.draft import Draft, Found, NotAModel
from wiro_mock.published.values import beyond, first, line, number, part, seconds, text, texts, true, whole

FORM: Final = "Tool/Detail answer"
_SLUGS: Final = ("slugproject", "cleanslugproject")
_OF_A_TOOL: Final = frozenset({
    "id", "title", "slugowner", "slugproject", "cleanslugowner", "cleanslugproject", "description", "image",
    "computingtime", "readme", "categories", "parameters", "inspire", "samples", "tags", "marketplace", "onlymembers",
    "dynamicprice", "averagepoint", "commentcount", "ratedusercount", "taskstat", "cps", "approximatelycost", "time",
    "created",
})  # fmt: skip
"""What is read of a tool, and what is reckoned anew: its runs, its average cost."""
_OF_A_GROUP: Final = frozenset({"title", "items"})
_OF_A_PARAMETER: Final = frozenset({
    "id", "type", "required", "default", "defaultvalue", "value", "min", "minvalue", "max", "maxvalue", "step",
    "incrementby", "options", "label", "note", "description", "placeholder", "maxfiles", "maxcount", "maxlength",
    "maxinputlength", "maxinputlenght", "rows",
})  # fmt: skip
"""What is read of a parameter; `rows` goes with its type."""
MOST_TOOLS: Final = 1_000


def is_tool_json(value: object) -> bool:
    """Whether a JSON value has the form of such an answer; it may still be an empty one, or a refusal."""
    if isinstance(value, list):
        return bool(value) and all(_is_tool(item) for item in value)
    return isinstance(value, dict) and ("tool" in value or _is_tool(value) or _refused(value))


def read_tool_json(value: Any) -> list[Draft]:
    """The models of such an answer, in its order. Raises `NotAModel` where there is none."""
    if isinstance(value, dict) and not _is_tool(value):
        if _refused(value):
            raise NotAModel(f"it is an answer of Wiro's that says no: {_sentence(value)}; expected is one with a tool")
        value = value["tool"]
    tools = value if isinstance(value, list) else [value]
    if not tools:
        raise NotAModel(
            "it is a Tool/Detail answer whose list of tools is empty, as Wiro answers for a slug that it does not "
            "know; ask again with the slugs of an existing model"
        )
    if not all(map(_is_tool, tools)):
        raise NotAModel(
            "one of its tools has no slugowner or no slugproject; expected are the tools as Wiro sends them"
        )
    if len(tools) > MOST_TOOLS:
        raise NotAModel(f"it lists {len(tools)} tools; expected are {MOST_TOOLS} at most: ask for fewer by `limit`")
    return [_draft(tool) for tool in tools]


def _is_tool(value: object) -> bool:
    return bool(line(first(value, "slugowner", "cleanslugowner")) and line(first(value, *_SLUGS)))


def _refused(value: Mapping[str, object]) -> bool:
    return value.get("result") is False and isinstance(value.get("errors"), list)


def _sentence(value: Mapping[str, Any]) -> str:
    told = [line(first(error, "message") if isinstance(error, dict) else error) for error in value["errors"]]
    return "; ".join(filter(None, told))[:200] or "without a reason"


def _draft(tool: Mapping[str, object]) -> Draft:
    remarks: list[str] = []
    groups = tool.get("parameters")
    remarks += _unsaid("the tool", {key: tool[key] for key in tool if not _repeats(tool, key)}, _OF_A_TOOL)
    return Draft(
        form=FORM,
        lacks="" if isinstance(groups, list) and groups else "this answer has no parameters",
        owner=text(first(tool, "slugowner", "cleanslugowner")).strip(),
        slug=text(first(tool, *_SLUGS)),
        id=line(tool.get("id")) or None,
        title=beyond(line(tool.get("title")), line(first(tool, *_SLUGS))),
        about=text(first(tool, "description", "seodescription")).strip(),
        image=line(tool.get("image")),
        readme=text(tool.get("readme")),
        categories=texts(_listed(tool.get("categories"))),
        tags=texts(_listed(tool.get("tags"))),
        samples=texts(_listed(tool.get("samples"))),
        inspire=tuple(_examples(_listed(tool.get("inspire")))),
        cps=number(tool.get("cps")),
        prices=tuple(_tiers(tool.get("dynamicprice"), remarks)),
        seconds=seconds(tool.get("computingtime")),
        members=true(tool.get("onlymembers")),
        created=_count(tool, "time", "created", remarks=remarks),
        comments=_count(tool, "commentcount", remarks=remarks),
        raters=_count(tool, "ratedusercount", remarks=remarks),
        points=_points(tool.get("averagepoint"), remarks),
        parameters=tuple(_parameters(groups, remarks)),
        remarks=tuple(remarks),
    )


def _repeats(tool: Mapping[str, object], key: str) -> bool:
    """Whether a key for search engines says what another key says."""
    others = {"seotitle": ("title", *_SLUGS), "seodescription": ("description",)}.get(key, ())
    said = line(tool[key])
    return bool(others) and (said in [line(tool.get(other)) for other in others] or not line(first(tool, *others)))


def _listed(value: object) -> object:
    """A list; also one that is JSON inside a text."""
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            return loads(value)
        except ValueError:
            return []
    return value


def _count(tool: Mapping[str, object], *keys: str, remarks: list[str]) -> int:
    """A whole number from 0; what is none is 0, and told, unless it is nothing at all."""
    sent = first(tool, *keys)
    found = whole(sent)
    if found is None and sent is not None:
        remarks.append(f"{keys[0]}: {_shown(sent)} is no whole number from 0")
    return found or 0


def _points(value: object, remarks: list[str]) -> Decimal:
    found = number(value)
    if found is not None and 0 <= found <= 5:
        return found
    if value not in (None, ""):
        remarks.append(f"averagepoint: {_shown(value)} is no number from 0 to 5")
    return Decimal(0)


def _shown(value: object) -> str:
    return repr(line(value)[:40]) if text(value) else f"a {type(value).__name__}"


# -- parameters ----------------------------------------------------------------------------------------


def _parameters(groups: object, remarks: list[str]) -> Iterator[Found]:
    """Those of all groups, in order; where there are no groups, the list is one of items."""
    for group in groups if isinstance(groups, list) else []:
        items = part(group, "items")
        title = beyond(line(part(group, "title")), GROUP) if isinstance(items, list) else ""
        if isinstance(items, list):
            remarks += _unsaid(f"the group {title or GROUP!r}", group, _OF_A_GROUP)
        for item in items if isinstance(items, list) else [group]:
            if name := text(part(item, "id")):
                both = text(item.get("note")).strip() not in ("", text(item.get("description")).strip())
                remarks += _unsaid(name, item, _OF_A_PARAMETER - ({"description"} if both else set()))
                yield _parameter(name, item, title)


def _unsaid(what: str, value: Mapping[str, object], known: frozenset[str]) -> list[str]:
    """The filled keys that a model's file has no word for."""
    keys = [key for key, said in value.items() if key not in known and (said if isinstance(said, list) else true(said))]
    return [f"{what}: {', '.join(key[:40] for key in keys)}, for which a model's file has no word"] if keys else []


def _parameter(name: str, item: Mapping[str, object], group: str) -> Found:
    kind = line(item.get("type")) or "text"
    options = item.get("options")
    listed = options if isinstance(options, list) else []
    values = [text(part(option, "value")) for option in listed]
    return Found(
        id=name,
        type=kind,
        required=true(item.get("required")),
        default=_default(item, values),
        low=_number(item, "min", "minvalue"),
        high=_number(item, "max", "maxvalue"),
        step=_number(item, "step", "incrementby"),
        options=tuple(values) if any(values) else (),
        option_labels=tuple(line(first(option, "label", "text")) for option in listed),
        most=_most(item, kind),
        label=line(item.get("label")),
        note=text(first(item, "note", "description")).strip(),
        placeholder=line(item.get("placeholder")),
        group=group,
    )


def _default(item: Mapping[str, object], options: list[str]) -> str | None:
    """The default; an empty one only where the empty text is an option: elsewhere it means that there is none."""
    found = first(item, "default", "defaultvalue", "value")
    if isinstance(found, list):
        return ",".join(texts(found)) or None
    return text(found) or ("" if "" in options else None)


def _number(item: Mapping[str, object], *keys: str) -> str | None:
    return text(first(item, *keys)) or None


def _most(item: Mapping[str, object], kind: str) -> int | None:
    """How many files or characters there may be; 0 says nothing."""
    entries = ("maxfiles", "maxcount") if kind in FILES else ("maxlength",)
    return whole(first(item, *entries, "maxinputlength", "maxinputlenght"), least=1)


def _examples(inspire: object) -> Iterator[dict[str, str]]:
    for example in inspire if isinstance(inspire, list) else []:
        if isinstance(example, dict):
            yield {text(key): _example_value(value) for key, value in example.items()}


def _example_value(value: object) -> str:
    return ",".join(text(item) for item in value) if isinstance(value, list) else text(value)


# -- prices --------------------------------------------------------------------------------------------


def _tiers(sent: object, remarks: list[str]) -> Iterator[Tier]:
    prices = _listed(sent)
    if not isinstance(prices, list) or (not prices and isinstance(sent, str) and sent.strip("[] \t\r\n")):
        if sent not in (None, "", {}, False, 0, "0", "null", "{}"):
            remarks.append(f"all prices: dynamicprice is {_shown(sent)}, which is no JSON list")
        return
    for one in prices:
        price, method = number(part(one, "price")), line(part(one, "priceMethod"))
        if price is None or price < 0 or method not in get_args(Method):
            remarks.append(f"a price of {text(part(one, 'price'))[:40] or 'nothing'} by the method {method[:40]!r}")
            continue
        inputs = part(one, "inputs")
        yield Tier(
            price=price,
            method=method,  # type: ignore[arg-type]  # it is one of them, as the line above says
            inputs={text(key): _example_value(value) for key, value in inputs.items()}
            if isinstance(inputs, dict)
            else {},
            extra=_amount(one, "priceExtra", remarks),
            per_input=_amount(one, "priceInput", remarks),
        )


def _amount(one: object, key: str, remarks: list[str]) -> Decimal | None:
    sent = part(one, key)
    found = number(sent)
    if found is not None and found >= 0:
        return found
    if sent not in (None, ""):
        price = f"the price of {text(part(one, 'price'))[:40]} by {line(part(one, 'priceMethod'))[:40]}"
        remarks.append(f"{key} of {price}: {_shown(sent)} is no amount from 0")
    return None
