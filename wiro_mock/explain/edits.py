"""What to change so that a refused request is answered: a call, a scenario or a model, to be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType

from wiro_mock.api.no_route import nearest_call
from wiro_mock.api.operations import OPERATIONS, find
from wiro_mock.api.socket_hints import SEND
from wiro_mock.explain import runs, tasks
from wiro_mock.explain.layout import Row
from wiro_mock.journal import FAULT, Exchange
from wiro_mock.kernel.catalog import FILES, NUMBERS, Parameter, clean_slug
from wiro_mock.kernel.nearest import nearest
from wiro_mock.kernel.numbers import json_number
from wiro_mock.kernel.refusals import No
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import Task
from wiro_mock.kernel.unknown_models import GUESSED_CPS
from wiro_mock.language.parameters import numeric
from wiro_mock.mock import World

TRY = "try"
CANNOT_GO_ON = 500
"""The HTTP status where the mock itself has no answer."""
_PLAIN = re.compile(r"[A-Za-z0-9][\w./ -]*")
_NO_SCENARIO = re.compile(r"no scenario '(.*?)';")
_NO_PARAMETER = re.compile(r"has no parameter '(.*?)';")
_PARAMETER = re.compile(r"\ARequest (?:parameter|files) \[(.+?)\] ")
_SIGNED = """\
x-api-key: API_KEY
x-nonce: 1734513807
x-signature: lower-case hex of HMAC-SHA256(key = API_KEY, message = API_SECRET + nonce)"""


def rows(world: World, exchange: Exchange) -> Iterator[Row]:
    """The suggested edits for one refusal; none where the reason itself says all."""
    outcome = exchange.outcome
    if outcome.operation == "socket":
        if not outcome.reason.startswith(FAULT):
            yield Row(TRY, SEND.removeprefix("send "), code=True)
    elif outcome.scenario and outcome.code is not None and not outcome.unexpected:
        scenario = runs.scenario_of(world, outcome.scenario)
        where = f" ({scenario.source})" if scenario is not None and scenario.source else ""
        by_account = scenario is not None and scenario.account is not None
        does = "sets the account that the run was refused for" if by_account else "is there to refuse"
        yield Row(TRY, f"another scenario: '{outcome.scenario}' {does}{where}")
    elif outcome.unexpected and exchange.status == CANNOT_GO_ON:
        yield from _no_scenario(world, exchange)
    elif edit := _EDITS.get(_kind(world, exchange)):
        yield from edit(world, exchange)


def _kind(world: World, exchange: Exchange) -> str:
    """Which refusal it is, by its sentence; empty for none that is known."""
    message = exchange.outcome.message
    if message == world.profile.not_found_message:
        return No.TASK.name
    for no in No:
        sentence = no.value[1].partition("{")[0]
        if message == no.value[1] or (sentence != no.value[1] and message.startswith(sentence)):
            return no.name
    return ""


def _no_route(world: World, exchange: Exchange) -> Iterator[Row]:
    found = find(exchange.method, exchange.path)
    if found is not None and not found[0].is_on(world.profile):
        name = found[0].switch
        yield Row(TRY, f'WiroMock(switches={{"{name}": True}}) or wiro-mock serve --switch {name}=true', code=True)
    elif call := nearest_call(exchange.path, OPERATIONS):
        yield Row(TRY, call, code=True)


def _no_model(world: World, exchange: Exchange) -> Iterator[Row]:
    found = find(exchange.method, exchange.path)
    if found is None:
        return
    owner, slug = (segment[:100] for segment in found[1])
    if near := world.catalog.nearest(owner, slug):
        yield Row(TRY, f"POST /v1/Run/{near.clean_name}", code=True)
    if clean_slug(owner) and clean_slug(slug) and "/" not in owner + slug:
        yield Row("or", 'WiroMock(unknown_models="play") or wiro-mock serve --unknown-models play', code=True)
        yield Row("or", "describe it in models/ of your scenarios folder:")
        lines = (f"model: {_quoted(f'{owner}/{slug}')}", 'id: "9001"', "kind: text", f'cps: "{GUESSED_CPS}"')
        yield Row("or", "\n".join(lines), code=True)


def _input(world: World, exchange: Exchange) -> Iterator[Row]:
    """A value that the parameter takes, and the switch that lets everything in."""
    run, named = runs.run_of(world, exchange), _PARAMETER.search(exchange.outcome.message)
    one = next((one for one in run.model.parameters if named and one.id == named[1]), None) if run else None
    if one is not None:
        yield Row(TRY, f"send it: {json.dumps({one.id: _example(one)}, ensure_ascii=False)}", code=True)
    unchecked = "WiroMock(switches={'parameters': 'unchecked'}) or wiro-mock serve --switch parameters=unchecked"
    yield Row("or", f"{unchecked}: any input passes", code=True)


def _example(one: Parameter) -> object:
    """A value that passes, as plain as can be."""
    if one.type in FILES:
        return "https://…"
    if one.type not in NUMBERS and one.minimum is None and one.maximum is None:
        return one.default or next(filter(None, one.options), "…")
    number = numeric(one.default or "")
    if number is None:
        number = _in_range(one)
    return json_number(number)


def _in_range(one: Parameter) -> Decimal:
    """The smallest number that the parameter takes; 1, or less, where there is no smallest."""
    if one.minimum is not None:
        return one.minimum
    return Decimal(1) if one.maximum is None else min(Decimal(1), one.maximum)


def _no_scenario(world: World, exchange: Exchange) -> Iterator[Row]:
    """Nothing plays for a run, or what was asked for is not there, or lacks a parameter."""
    names = [scenario.name for scenario in world.scenarios]
    if asked := _NO_SCENARIO.search(exchange.outcome.reason):
        name = nearest(asked[1], names) or names[0]
        yield Row(TRY, f"x-wiro-mock-scenario: {name}\nor: wiro.use({json.dumps(name)})", code=True)
        return
    run = runs.run_of(world, exchange)
    if run is None:
        return
    if lacking := _NO_PARAMETER.search(exchange.outcome.reason):
        yield Row(TRY, f"send it: {json.dumps({lacking[1]: '…'}, ensure_ascii=False)}", code=True)
        yield Row("or", "give the model a default, in its file in models/ of your scenarios folder:")
        yield Row("or", f'defaults: {{{_quoted(lacking[1])}: "…"}}', code=True)
    elif exchange.outcome.reason.startswith("no scenario plays"):
        name = "caption" if "caption" in names else names[0]
        yield Row(TRY, f"wiro.use({json.dumps(name)}, model={json.dumps(run.model.name)})", code=True)
        yield Row("or", "a scenario in your scenarios folder:")
        lines = (
            f"scenario: {clean_slug(run.model.slug)}",
            f"match: {{model: {_quoted(run.model.name)}}}",
            "steps:",
            "  - start: 1s",
            '  - print: "hello"',
            "  - exit: 0",
        )
        yield Row("or", "\n".join(lines), code=True)


def _cancel(world: World, exchange: Exchange) -> Iterator[Row]:
    yield Row(TRY, 'with wiro.hold("task_accept"): …  # the task stays in the queue until the block ends', code=True)
    yield from _kill_instead(world, exchange)


def _kill_instead(world: World, exchange: Exchange) -> Iterator[Row]:
    if (task := tasks.find(world, exchange)) is not None and not task.finished:
        yield Row("or", f"{_onward(world, task, 'task_start')}, and then POST /v1/Task/Kill", code=True)


def _kill(world: World, exchange: Exchange) -> Iterator[Row]:
    task = tasks.find(world, exchange)
    if task is None or task.finished:
        yield Row(TRY, 'with wiro.hold("task_end"): …  # the task runs until the block ends', code=True)
        return
    yield Row(TRY, _onward(world, task, "task_start"), code=True)
    if task.status is Status.QUEUE:
        yield Row("or", "POST /v1/Task/Cancel", code=True)


def _delete(world: World, exchange: Exchange) -> Iterator[Row]:
    if (task := tasks.find(world, exchange)) is not None and not task.finished:
        yield Row(TRY, _onward(world, task, "task_postprocess_end"), code=True)


def _onward(world: World, task: Task, to: str) -> str:
    """How a test brings a task to a point: a held one must be released before."""
    release = f'wiro.release("{task.job.id}"), and then ' if task.job.id in world.sim.holds() else ""
    return f'{release}wiro.jump_to("{task.job.id}", "{to}")'


def _fixed(*texts: str) -> Callable[[World, Exchange], Iterator[Row]]:
    def edit(world: World, exchange: Exchange) -> Iterator[Row]:  # noqa: ARG001 -- as all edits
        for number, text in enumerate(texts):
            yield Row(TRY if number == 0 else "or", text, code=True)

    return edit


def _quoted(text: str) -> str:
    """A text as YAML reads it again."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


_SIGN = _fixed(_SIGNED, 'WiroMock(auth="lenient") or wiro-mock serve --auth lenient: let in, and told of')
_RICHER = _fixed(
    "wiro.account.balance = …, WiroMock(balance=…), or wiro-mock serve --balance USD",
    'POST /__wiro/account {"balance": "…"}',
)
_LET_IN = _fixed("wiro.account.suspended = False", 'POST /__wiro/account {"suspended": false}')
_MEMBER = _fixed("wiro.account.member = True", 'POST /__wiro/account {"member": true}')
_EDITS: Mapping[str, Callable[[World, Exchange], Iterator[Row]]] = MappingProxyType(
    {
        No.ROUTE.name: _no_route,
        No.MODEL.name: _no_model,
        No.CANCEL.name: _cancel,
        No.KILL.name: _kill,
        No.DELETE_UNFINISHED.name: _delete,
        No.REQUIRED.name: _input,  # and the other sentences that begin like it
        No.FILES_REQUIRED.name: _input,
        No.TASK.name: _fixed("wiro.tasks, or GET /__wiro/tasks: what there is"),
        No.DELETE_TASK.name: _fixed("wiro.tasks, or GET /__wiro/tasks: what there is"),
        No.IDENTIFIER.name: _fixed('{"tasktoken": "…"}, as the answer to Run named it: socketaccesstoken'),
        No.SUSPENDED.name: _LET_IN,
        No.SIGN_IN.name: _MEMBER,
        No.BALANCE.name: _RICHER,
        No.CONCURRENCY.name: _RICHER,
        No.BEARER_MISSING.name: _SIGN,
        No.BEARER_INVALID.name: _SIGN,
        No.SIGNATURE_REQUIRED.name: _SIGN,
        No.SIGNATURE_INVALID.name: _SIGN,
        No.PROJECT_UNKNOWN.name: _fixed("x-api-key: the key that wiro.api_key or the server's ready line tells"),
    }
)
