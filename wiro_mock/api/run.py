"""`POST /v1/Run/{owner}/{model}`: fields and files become an order, the order becomes a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiro_mock.api import wire
from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.body import text_of
from wiro_mock.api.file_names import suffix_of
from wiro_mock.api.messages import Outcome, Request, Upload, World
from wiro_mock.kernel.orders import OWN_FIELDS, InputBlob, Order

if TYPE_CHECKING:
    from wiro_mock.api.measure import Measure
    from wiro_mock.kernel.task import Task

SCENARIO_HEADER = "x-wiro-mock-scenario"


def run(world: World, request: Request, owner: str, model: str) -> Answer:
    """Take on a run, and tell its id and its token."""
    task = take_on(world, request, owner, model)
    outcome = Outcome(task_id=task.job.id, scenario=task.job.scenario, seen=len(world.sim.log(task.job.id)))
    return answer(wire.run(task), outcome)


def take_on(world: World, request: Request, owner: str, model: str) -> Task:
    """Take on a run, or raise the `Refusal`: unknown model, balance, concurrency, parameters, or what its
    scenario says.
    """
    from wiro_mock.api.measure import Measure  # a start need not wait for what opens files

    fields = request.body.fields
    found = world.model(owner, model)
    measure = Measure(found, world.blobs)
    order = Order(
        model=found,
        owner=owner,
        project=model,
        project_id=text_of(fields, "projectid") or world.project.id,
        parameters={name: _stored(value, measure) for name, value in fields.items() if name not in OWN_FIELDS},
        callback_url=text_of(fields, "callbackUrl"),
        origin=request.origin,
        weight=request.body.text_size,
        linked=measure.linked(fields, world.held),
    )
    asked = request.headers.get(SCENARIO_HEADER) if world.scenario_header else None
    return world.submit(order, asked)


def _stored(value: object, measure: Measure) -> object:
    if isinstance(value, list):
        return [_stored(item, measure) for item in value]
    return InputBlob(blob=measure.blob(value.blob), suffix=suffix_of(value)) if isinstance(value, Upload) else value
