"""The cheapest model that the suite knows how to run, and what its runs will cost, before anything is run.

What a model costs is asked of the service itself: `approximatelycost`, or a price by the run, or seconds by price per
second. Where it says nothing of that, a run is taken to cost `UNKNOWN`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from wiro_mock.contract.client import Http
from wiro_mock.contract.promise import Promise, Trouble
from wiro_mock.contract.service import RUNS_AT_MOST, CheapModel

CANDIDATES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("pruna/p-image", {"prompt": "a small grey stone", "aspectRatio": "1:1", "seed": "1"}),
    ("pruna/wan-image-small", {"prompt": "a small grey stone", "aspectRatio": "1:1", "seed": "1"}),
)
"""Models of two seconds that take a prompt and no file (catalogue.md), and what they are given."""
UNKNOWN = 0.01
"""USD for a run of a model whose price nobody tells. Ours, and on the safe side for models of two seconds."""


def cheapest(http: Http) -> CheapModel:
    """The candidate whose run costs least, by what the service says. Raises `Trouble` where it cannot be asked."""
    models = [
        CheapModel(path=path, inputs=inputs, usd=price)
        for path, inputs in CANDIDATES
        if (price := _price(http, path)) is not None
    ]
    if models:
        return min(models, key=lambda model: model.usd)
    path, inputs = CANDIDATES[0]
    return CheapModel(path=path, inputs=inputs, usd=UNKNOWN)


def cost_of(promises: Iterable[Promise], model: CheapModel) -> float:
    """USD that checking these promises costs at most: as many runs as the suite ever starts, or none."""
    return RUNS_AT_MOST * model.usd if any(one.cost == "runs a model" for one in promises) else 0.0


def _price(http: Http, path: str) -> float | None:
    """USD for a run of a model; None if there is no such model."""
    owner, _, slug = path.partition("/")
    answer = http.post("Tool/Detail", {"slugowner": owner, "slugproject": slug}, headers={})
    if not isinstance(answer.json, dict):
        raise Trouble(f"{http.base_url} answers Tool/Detail without an object; is this the API's base URL?")
    tools = answer.json.get("tool")
    if not isinstance(tools, list) or not tools or not isinstance(tools[0], dict):
        return None
    return max(_prices(tools[0]), default=UNKNOWN) or UNKNOWN


def _prices(tool: Mapping[str, Any]) -> list[float]:
    """Every price that the model tells, for one run; the dearest is the one to reckon with."""
    found = [_number(tool.get("approximatelycost"))]
    seconds = re.match(r"\d+", str(tool.get("computingtime")))
    if seconds:
        found.append(_number(tool.get("cps")) * int(seconds[0]))
    with suppress(ValueError, TypeError, AttributeError):
        found += [
            _number(tier.get("price")) for tier in json.loads(tool["dynamicprice"]) if tier.get("priceMethod") == "cpr"
        ]
    return [price for price in found if price > 0]


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        return 0.0
    return number if 0 <= number < 1e6 else 0.0
