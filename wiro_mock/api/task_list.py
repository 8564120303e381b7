"""`Task/List`: the account's tasks, newest first, page by page.

The fields are those that Wiro's MCP server sends (rest.md §2.1, read again in November 2026): `type`, `sort`, `order`,
`start`, `limit`, `modelName`, which it calls a "slug or partial model name". Listing is no poll: it lets no time pass.

Our choices, where no source knows: a field that makes no sense counts as not sent, so a list is never refused for it,
and the tester is told. That holds for `sort`, too, for the MCP server lists no values of it here; of `Tool/List`, where
it does, an unknown one is refused.

Every `sort` is by id, which is the order of creation. Every task here is of `type` "model", whatever type is asked for.
A page has at most 100 tasks, which is what the MCP server allows, and ends early where their texts are long: a client
that goes on by the number of tasks that it got misses none. No source filters by status, so neither does this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from wiro_mock.api import wire
from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.body import text_of
from wiro_mock.api.messages import Outcome, Request, World
from wiro_mock.api.origin import origins
from wiro_mock.kernel.catalog import clean_slug
from wiro_mock.kernel.parameter_reasons import shown
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task

LIMIT = 20
MOST = 100
FAR = 10**18
"""A number of more digits is as good as this one: beyond the end of any list."""
MOST_TEXT = 8 << 20
"""About the bytes of text on a page; the task that goes beyond them is its last."""
_NUMBER_WANTED = "no number of digits"
LONGEST_NAME = 200
"""A longer `modelName` names no model; it isn't looked at any closer."""

Fits: TypeAlias = Callable[[str], bool]
"""Takes the name of a model, in display form."""


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list is asked for."""

    start: int = 0
    limit: int = LIMIT


def list_tasks(world: World, request: Request) -> Answer:
    """Show one page of the tasks."""
    fields = request.body.fields
    oldest_first = text_of(fields, "order").strip().upper() == "ASC"
    tasks, total = _cut(world.sim, page_of(fields), wanted_model(fields), newest_first=not oldest_first)
    shape = wire.task_list(tasks, total, origins(request.origin), world.profile)
    return answer(shape, Outcome(reason=passed_over(fields)))


def page_of(fields: Mapping[str, object]) -> Page:
    """`start` and `limit`, as digits in strings or as numbers; anything else, and a limit of 0, as if not sent."""
    start, limit = (_number(text_of(fields, name)) for name in ("start", "limit"))
    return Page(start=start or 0, limit=min(limit or LIMIT, MOST))


def passed_over(fields: Mapping[str, object]) -> str:
    """Which of `start`, `limit` and `order` make no sense and count as not sent, for the tester; empty for none."""
    odd = [
        f"{name} was sent as {shown(fields[name])}, which is {what}"
        for name, what in (("start", _NUMBER_WANTED), ("limit", _NUMBER_WANTED), ("order", "neither ASC nor DESC"))
        if fields.get(name) not in (None, "") and not _makes_sense(name, text_of(fields, name).strip())
    ]
    return f"{', and '.join(odd)}; it counts as not sent" if odd else ""


def _makes_sense(name: str, text: str) -> bool:
    return text.upper() in ("ASC", "DESC") if name == "order" else _number(text) is not None


def _number(text: str) -> int | None:
    if not re.fullmatch("[0-9]+", text := text.strip()):
        return None
    return min(int(text), FAR) if len(text) < len(str(FAR)) else FAR


def _cut(sim: Simulation, page: Page, fits: Fits | None, *, newest_first: bool) -> tuple[list[Task], int]:
    """The tasks of a page, and how many there are on all pages together.

    Only the page and what lies before it is walked over, of one model or of all; counting needs no walk.
    """
    if fits is None:
        total, tasks = sim.remembered, sim.tasks(newest_first=newest_first)
    else:
        total, tasks = sim.tasks_of([name for name in sim.models_run() if fits(name)], newest_first=newest_first)
    return list(_as_far(islice(tasks, page.start, page.start + page.limit))), total


def _as_far(tasks: Iterable[Task]) -> Iterator[Task]:
    """The tasks, up to the one with which their texts become too long for one page."""
    text = 0
    for task in tasks:
        yield task
        text += task.job.weight + len(task.printed) + len(task.complaints)
        if text > MOST_TEXT:
            return


def wanted_model(fields: Mapping[str, object]) -> Fits | None:
    """What says whether `modelName` is part of a model's name, in display or clean form and in any letter case.

    None where no model is asked for.
    """
    text = text_of(fields, "modelName").strip().lower()
    if not text:
        return None
    if len(text) > LONGEST_NAME:
        return lambda _: False
    clean = _clean(text)
    if not clean.strip("/"):  # of a text such as `.` nothing is left, which would be a part of everything
        clean = text
    return lambda name: text in name.lower() or clean in _clean(name)


def _clean(name: str) -> str:
    return "/".join(clean_slug(part) for part in name.split("/"))
