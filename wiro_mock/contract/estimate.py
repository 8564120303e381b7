"""The cheapest model that the suite knows how to run, and what its runs will cost, before anything is run.

What a model costs is asked of the service itself: `approximatelycost`, or a price by the run, or seconds by price per
second. Where it says nothing of that, a run is taken to cost `UNKNOWN`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from wiro_mock.contract.client import Http
from wiro_mock.contract.made import CheapModel
from wiro_mock.contract.promise import Promise, Trouble
from wiro_mock.contract.service import RUNS_AT_MOST

CANDIDATES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("pruna/p-image", {"prompt": "a small grey stone", "aspectRatio": "1:1", "seed": "1"}),
    ("pruna/wan-image-small", {"prompt": "a small grey stone", "aspectRatio": "1:1", "seed": "1"}),
)
"""Models of two seconds that take a prompt and no file (catalogue.md), and what they are given."""
UNKNOWN = 0.01
"""USD for a run of a model whose price nobody tells. Ours, and on the safe side for models of two seconds."""


SPEAKERS: tuple[tuple[str, Mapping[str, Any]], ...] = tuple(
    (path, {"prompt": "Say hello, in one word."})
    for path in ("google/gemini-2-5-flash", "openai/gpt-5-mini", "zai-org/GLM-4.7-Flash")
)
"""Language models (catalogue.md), small ones first."""
TALKERS: tuple[tuple[str, Mapping[str, Any]], ...] = (("wiro/moss-tts", {"text": "Hello."}),)
"""Models with a realtime session in which the client only listens (socket.md §5)."""
EXTRA_RUNS = {"sync": 2, "webhooks": 1}
"""Areas that take runs of the cheap model for themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What checking costs at most: so many runs of the cheap model, and one of each of the dearer ones."""

    model: CheapModel
    runs: int
    speaker: CheapModel | None = None
    talker: CheapModel | None = None

    @property
    def usd(self) -> float:
        """All of it, in USD."""
        return self.runs * self.model.usd + sum(one.usd for one in self._dearer)

    @property
    def all_runs(self) -> int:
        """How many runs may be started."""
        return self.runs + len(self._dearer)

    @property
    def _dearer(self) -> list[CheapModel]:
        return [one for one in (self.speaker, self.talker) if one is not None]

    def __str__(self) -> str:
        """Such as `three runs of pruna/p-image`."""
        told = [f"{NUMBERS[self.runs]} of {self.model.path}"] if self.runs else []
        return ", and ".join([*told, *(f"one of {one.path}" for one in self._dearer)]) or "no run"


NUMBERS = ("no run", "one run", "two runs", "three runs", "four runs", "five runs", "six runs")


def estimate(http: Http, promises: Iterable[Promise]) -> Estimate:
    """What these promises cost, by what the service says. Raises `Trouble` where it cannot be asked."""
    listed = list(promises)
    areas = {one.area for one in listed}
    shared = any(one.cost == "runs a model" and one.area not in EXTRA_RUNS for one in listed)
    extra = sum(EXTRA_RUNS.get(area, 0) for area in areas)
    return Estimate(
        model=_cheapest(http, CANDIDATES) or CheapModel(path=CANDIDATES[0][0], inputs=CANDIDATES[0][1], usd=UNKNOWN),
        runs=(RUNS_AT_MOST if shared else 0) + extra,
        speaker=_cheapest(http, SPEAKERS) if "language" in areas else None,
        talker=_cheapest(http, TALKERS) if "sessions" in areas else None,
    )


def _cheapest(http: Http, candidates: Iterable[tuple[str, Mapping[str, Any]]]) -> CheapModel | None:
    """The candidate whose run costs least, by what the service says; None where it has none of them."""
    models = [
        CheapModel(path=path, inputs=inputs, usd=price)
        for path, inputs in candidates
        if (price := _price(http, path)) is not None
    ]
    return min(models, key=lambda model: model.usd, default=None)


def _price(http: Http, path: str) -> float | None:
    """USD for a run of a model; None if there is no such model."""
    owner, _, slug = path.partition("/")
    answer = http.post("Tool/Detail", {"slugowner": owner, "slugproject": slug}, headers={})
    if not isinstance(answer.json, dict):
        raise Trouble(f"{http.base_url} answers Tool/Detail without an object; is this the API's base URL?")
    tools = answer.json.get("tool")
    if answer.status == 404 and tools is None:
        raise Trouble(f"{http.base_url} has no Tool/Detail: HTTP 404; is this the API's base URL, such as http://…/v1?")
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
