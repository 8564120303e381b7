"""A model as the list of models shows it: the Tool object (rest.md §2.6).

The keys and their order are those of Wiro's documentation of April 2026 (Tool/Detail), and after them those that only
its MCP server reads. Types are as observed: digits in strings beside numbers, JSON inside a string.

Our choices, where no source knows: `onlymembers` is "1" for models that only members may run, `seotitle` and
`seodescription` repeat title and description, a `computingtime` that is unknown is empty, `lastruntime` is "0" before
the first run. A parameter without a label has its id in words (`inputImage`: `Input Image`), so that a form made of
the answer can be read. `taskstat` counts what has been run here, and nothing else. The summary empties `readme`,
`parameters`, `inspire` and `samples`, which the documentation's sample of a list lacks; the keys stay, for clients that
need them.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from wiro_mock.api import jsontext
from wiro_mock.api.messages import seconds
from wiro_mock.api.pictures import cover_url, sample_urls
from wiro_mock.api.profile import Profile
from wiro_mock.kernel import prices
from wiro_mock.kernel.bill import approximate_cost
from wiro_mock.kernel.catalog import CHOICES, Model, Parameter, clean_slug
from wiro_mock.kernel.numbers import digits, json_number
from wiro_mock.kernel.run_counts import RunCount

if TYPE_CHECKING:
    from wiro_mock import shapes

GROUP = "Input"
"""The title of a group of parameters that the model's file gives none, as in the documentation's sample."""
TEXTAREA_ROWS = "4"


def tool(model: Model, count: RunCount, origin: str, profile: Profile, *, summary: bool = False) -> shapes.ToolShape:
    """One model, for a request of this origin; `count` are its runs in this world."""
    return {
        "id": model.id,
        "title": title_of(model),
        "slugowner": model.owner,
        "slugproject": model.slug,
        "cleanslugowner": clean_slug(model.owner),
        "cleanslugproject": clean_slug(model.slug),
        "description": model.description,
        "image": cover_url(model, origin),
        "computingtime": "" if model.seconds is None else f"{model.seconds} seconds",
        "readme": "" if summary else model.readme,
        "categories": list(model.categories),
        "parameters": None if summary else parameter_groups(model, profile),
        "inspire": [] if summary else [dict(example) for example in model.inspire],
        "samples": [] if summary else sample_urls(model, origin),
        "tags": list(model.tags),
        "marketplace": 1,
        "onlymembers": "1" if model.access == "members" else "0",
        "dynamicprice": jsontext.dumps(prices.shown(model.prices)),
        "averagepoint": f"{model.points:.2f}",
        "commentcount": str(model.comments),
        "ratedusercount": str(model.raters),
        "taskstat": {
            "runcount": count.runs,
            "successcount": str(count.succeeded),
            "errorcount": str(count.failed),
            "lastruntime": seconds(count.last_at),
        },
        "seotitle": title_of(model),
        "seodescription": model.description,
        "cps": f"{model.cps:.12f}",
        "approximatelycost": f"{approximate_cost(model):.12f}",
    }


def explore_item(model: Model, origin: str) -> shapes.ExploreItem:
    """A model as `Tool/Explore` shows it: the ten keys of Wiro's MCP server. Nothing is ever reduced here."""
    return {
        "id": model.id,
        "cleanslugowner": clean_slug(model.owner),
        "cleanslugproject": clean_slug(model.slug),
        "image": cover_url(model, origin),
        "description": model.description,
        "categories": list(model.categories),
        "commentcount": str(model.comments),
        "ratedusercount": str(model.raters),
        "averagepoint": f"{model.points:.2f}",
        "discount": None,
    }


def title_of(model: Model) -> str:
    """The name for people: the title, or else the slug as it is displayed."""
    return model.title or model.slug


def parameter_groups(model: Model, profile: Profile) -> list[shapes.ParameterGroup] | None:
    """The parameters in groups of those that stand beside each other; null where the switch says so (rest.md C18)."""
    if profile.tool_parameters == "null":
        return None
    return [
        {"title": title, "items": [parameter_item(parameter, profile) for parameter in group]}
        for title, group in groupby(model.parameters, lambda one: one.group or GROUP)
    ]


def parameter_item(parameter: Parameter, profile: Profile) -> shapes.ParameterItem:
    """One parameter, as the documentation spells it, as a client decoded it live, or both at once (rest.md C17).

    `options`, `min`, `max`, `step` and `maxinputlenght` are there only where the parameter has them; the last tells of
    characters, or of files: our reading. Of the live keys `advanced`,
    `quick`, `class` and `optionsLoad` are left out: no source tells their values.
    """
    documented, live = profile.tool_items != "live", profile.tool_items != "documented"
    default = parameter.default or ""
    item: dict[str, Any] = {"id": parameter.id, "type": parameter.type, "label": parameter.shown_label}
    if documented:
        item |= {"description": "", "default": default}
    item |= {"required": parameter.required, "placeholder": parameter.placeholder, "note": parameter.note}
    if parameter.type in CHOICES:
        item["options"] = [
            _option(value, label, documented=documented, live=live) for value, label in parameter.shown_options
        ]
    if documented:
        limits = {"min": parameter.minimum, "max": parameter.maximum, "step": parameter.step}
        item |= {key: json_number(value) for key, value in limits.items() if value is not None}
    if live:
        item |= {
            "rows": TEXTAREA_ROWS if parameter.type == "textarea" else "",
            "defaultvalue": default,
            "value": default,
            "minvalue": _digits(parameter.minimum),
            "maxvalue": _digits(parameter.maximum),
            "incrementby": _digits(parameter.step),
        }
        if longest := parameter.max_length or parameter.entries:
            item["maxinputlenght"] = longest  # the spelling is Wiro's
    return item  # type: ignore[return-value]  # the switch chooses the keys of the TypedDict


def _option(value: str, label: str, *, documented: bool, live: bool) -> dict[str, str]:
    return {**({"label": label} if documented else {}), **({"text": label} if live else {}), "value": value}


def _digits(value: Decimal | None) -> str:
    """A number in plain digits; empty for none."""
    return "" if value is None else digits(value)
