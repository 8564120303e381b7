"""What may be meant by an id or a token that names no task. No token is told of, only whose it is."""

from __future__ import annotations

from wiro_mock.kernel.nearest import likeness
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task

LOOKED_AT = 100
"""So many of the latest tasks are compared by likeness."""
LIKE_A_TOKEN = 0.8
BEGINNING = 6
"""Characters from which on a text may be the beginning of a token."""


def about_id(sim: Simulation, text: str) -> str:
    """What may be meant by an id that no task has."""
    if task := sim.task_by_token(text):
        return f"it is the token of task {task.job.id}, sent as its id"
    if sim.has_made(text):
        return f"that task ended and has been forgotten; the latest {sim.limits.finished} finished ones are kept"
    if task := sim.task(bare(text)):
        return f"it is the id of task {task.job.id} with quotes or white space around it"
    return what_there_is(sim)


def about_token(sim: Simulation, text: str) -> str:
    """What may be meant by a token that no task has; empty when nothing comes near."""
    if task := sim.task(text):
        return f"it is the id of task {task.job.id}, sent as its token"
    if task := sim.task_by_token(bare(text)):
        return f"it is the token of task {task.job.id} with quotes or white space around it"
    latest = list(sim.tasks())[-LOOKED_AT:]
    for task in latest:
        if len(text) >= BEGINNING and task.job.token.startswith(text):
            return f"it is the beginning of the token of task {task.job.id}, cut after {len(text)} characters"
    near = max(latest, default=None, key=lambda one: likeness(text, one.job.token))
    if near is not None and likeness(text, near.job.token) >= LIKE_A_TOKEN:
        return f"it is nearly the token of task {near.job.id}; copy it whole, in capital and small letters"
    return ""


def what_there_is(sim: Simulation) -> str:
    """Which tasks there are, in a few words."""
    tasks: list[Task] = list(sim.tasks())
    if not tasks:
        return "all tasks have been forgotten" if sim.made else "this world has had no task yet"
    if len(tasks) == 1:
        return f"the only task here is {tasks[0].job.id}"
    return f"the {len(tasks)} tasks here are {tasks[0].job.id} to {tasks[-1].job.id}"


def bare(text: str) -> str:
    """The text without quotes and white space around it."""
    return text.strip().strip("\"'")
