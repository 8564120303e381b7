"""What grows: the list of models with the catalogue, a run with its parameters, the list of tasks with the tasks.

In process, through `World.handle`: the bodies are parsed already, and no socket blurs a difference. What is measured is
processor time, which other work on the machine disturbs less. All sizes take turns within one run; growth is the last
size ÷ the one before: ten times as many (a list of ten fills no page). `unchecked` is the same run with the switch
`parameters=unchecked`, so what is left beside it is the price of validation.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeAlias

from tests.benchmarks import kit
from wiro_mock.api import Body, Request
from wiro_mock.api.openapi_schemas import run_tool
from wiro_mock.api.profile import Profile, switch
from wiro_mock.kernel.account import Project
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.rules import Limits
from wiro_mock.loader import Library
from wiro_mock.mock import World
from wiro_mock.settings import Settings

MODELS = (10, 100, 1_000)
Call: TypeAlias = Callable[[], object]


def make_world(models: list[Model] | None = None, **settings: Any) -> World:
    """A world without authentication, with a balance that does not run out, and these models."""
    library = Library()
    library.models = models or library.models
    project = Project(id="699", key=kit.KEY, secret=kit.SECRET, key_only=True)
    given = {"time": "auto", "auth_mode": "off", "project": project, "balance": Decimal(10**9), **settings}
    return World(Settings(**given), library=library)


def ask(world: World, path: str, fields: Mapping[str, object]) -> bytes:
    """The answer to a POST of these fields; it must be a success."""
    body = Body(fields=fields, raw=b"{}", text_size=200)
    request = Request(method="POST", path=f"/v1/{path}", headers={}, origin="http://127.0.0.1:4747", body=body)
    answer = world.handle(request).content
    assert b'"result":true' in answer, answer[:300]
    return answer


def many_models(count: int) -> list[Model]:
    """So many models: the shipped ones, over and over, with ids and slugs of their own."""
    shipped = Library().models
    return [
        replace(shipped[at % len(shipped)], id=str(10_000 + at), slug=f"{shipped[at % len(shipped)].slug}-{at}")
        for at in range(count)
    ]


def filled(model: Model) -> dict[str, object]:
    """A value for every parameter that its OpenAPI document lists."""
    return {name: _value(schema) for name, schema in run_tool(model)["properties"].items() if name != "callbackUrl"}


def _value(schema: dict[str, Any]) -> object:
    if schema.get("format") == "uri":
        return "https://example.test/cat.png"
    fallback = {"number": schema.get("minimum", 1), "boolean": False, "string": "1"}[schema["type"]]
    return schema.get("default", (schema.get("enum") or [fallback])[-1])


def by_size(models: list[Model]) -> tuple[Model, Model]:
    """The model with the fewest parameters, and the one with the most."""
    ranked = sorted((model for model in models if model.access == "public"), key=lambda one: len(one.parameters))
    return ranked[0], ranked[-1]


def microseconds(sides: Mapping[str, Call], *, rounds: int, calls: int) -> dict[str, float]:
    """What each call takes of the processor: the median over rounds, in which the sides take turns."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for call in sides.values():
        call()
    for name in kit.in_turn(list(sides), rounds):
        started = time.process_time()
        for _ in range(calls):
            sides[name]()
        taken[name].append((time.process_time() - started) / calls * 1e6)
    return {name: kit.median(values) for name, values in taken.items()}


def tool_list(rounds: int, calls: int) -> None:
    """The list of models over catalogues of several sizes."""
    worlds = {size: make_world(many_models(size)) for size in MODELS}
    asked: dict[str, dict[str, object]] = {
        "the first page of 20": {},
        "summary": {"summary": True},
        "the last page": {"start": "last"},
        "search": {"search": "video"},
        "one category": {"categories": ["text-to-image"]},
        "sorted by rating": {"sort": "averagepoint", "order": "DESC"},
    }
    rows: list[list[object]] = []
    for name, fields in asked.items():
        sides = {
            str(size): _asking(
                world, "Tool/List", {**fields, **({"start": str(size - 10)} if "start" in fields else {})}
            )
            for size, world in worlds.items()
        }
        rows.append([name, *_with_growth(microseconds(sides, rounds=rounds, calls=calls))])
    kit.table(["Tool/List, µs, models:", *map(str, MODELS), "growth"], rows)


def _asking(world: World, path: str, fields: Mapping[str, object]) -> Call:
    return lambda: ask(world, path, fields)


def _with_growth(taken: dict[str, float]) -> list[object]:
    values = list(taken.values())
    return [*values, f"{values[-1] / values[-2]:.2f} x" if len(values) > 1 else "-"]


def validated_runs(rounds: int, calls: int) -> None:
    """A run with every parameter of the smallest set, and of the largest, with and without validation."""
    rows: list[list[object]] = []
    for model in by_size(Library().models):
        fields, path = filled(model), f"Run/{model.name}"
        sides = {}
        for name in ("checked", "unchecked"):
            world = make_world(profile=switch(Profile(), f"parameters={name}"), limits=Limits(unfinished=10**7))
            sides[name] = _asking(world, path.replace(" ", "%20"), fields)
        taken = microseconds(sides, rounds=rounds, calls=calls)
        rows.append([f"{model.name}, {len(fields)} fields", *taken.values(), taken["checked"] / taken["unchecked"]])
    kit.table(["Run, µs:", "checked", "unchecked", "÷"], rows)


def task_list(rounds: int, calls: int, most: int) -> None:
    """The list of tasks over so many finished tasks, all of them kept."""
    sizes = [size for size in (1_000, 10_000, 100_000) if size <= most]
    worlds = {size: _with_tasks(size) for size in sizes}
    asked: dict[str, Callable[[int], dict[str, object]]] = {
        "the first page of 20": lambda _: {},
        "the first page, oldest first": lambda _: {"order": "ASC"},
        "a page in the middle": lambda size: {"start": str(size // 2)},
        "the last page": lambda size: {"start": str(size - 20)},
        "beyond the end": lambda size: {"start": str(size)},
        "modelName, all of them": lambda _: {"modelName": "caption"},
        "modelName, none of them": lambda _: {"modelName": "sora"},
    }
    rows = []
    for name, fields in asked.items():
        sides = {str(size): _asking(world, "Task/List", fields(size)) for size, world in worlds.items()}
        rows.append([name, *_with_growth(microseconds(sides, rounds=rounds, calls=max(1, calls // 10)))])
    kit.table(["Task/List, µs, tasks:", *map(str, sizes), "growth"], rows)


def _with_tasks(count: int) -> World:
    world = make_world(limits=Limits(finished=10**7))
    fields = {"inputImage": "https://example.test/cat.png"}
    for _ in range(count):
        token = json.loads(ask(world, "Run/moondream3-preview/caption", fields))["socketaccesstoken"]
        ask(world, "Task/Detail", {"tasktoken": token})
    assert world.sim.remembered == count
    return world


def main(arguments: list[str] | None = None) -> None:
    """Measure the three."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=100, help="of each side in each round")
    parser.add_argument("--tasks", type=int, default=100_000, help="the most tasks; 100 000 take some two minutes")
    options = parser.parse_args(arguments)
    kit.title("growth with the catalogue, the parameters and the tasks")
    tool_list(options.rounds, options.calls)
    validated_runs(options.rounds, options.calls)
    task_list(options.rounds, options.calls, options.tasks)


if __name__ == "__main__":
    main()
