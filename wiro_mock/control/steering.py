"""Steering: time, holds, the account, and what plays or goes wrong, as the control API shows and changes them."""
# ruff: noqa: ARG001 -- every resource is given the same three things

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wiro_mock.control.asking import Answer, Mistake, balance_of, duration, only, text, truth
from wiro_mock.kernel.account import concurrency_limit
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.numbers import plain
from wiro_mock.mock import World

WAITING_SHOWN = 100


def show_time(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The present instant, the mode, the next instant at which something happens, and what the tasks wait for."""
    deadline = world.sim.next_deadline()
    unfinished = [task for task in world.sim.tasks() if not task.finished]
    return 200, {
        "mode": world.clock.mode,
        "now": world.sim.now / SECOND,
        "next": None if deadline is None else deadline / SECOND,
        "unfinished": len(unfinished),
        "waiting": [
            {"task": task.job.id, "status": task.status.value, "for": world.sim.waiting_for(task.job.id) or "time"}
            for task in unfinished[:WAITING_SHOWN]
        ],
    }


def change_time(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"advance": seconds or "2m"}` moves time on, `{"mode": "real|auto|manual|10x"}` changes how it passes."""
    only(body, ("advance", "mode"))
    if not body:
        raise Mistake('send {"advance": SECONDS or "2m"}, {"mode": "real|auto|manual|10x"}, or both')
    length = duration(body.get("advance", 0))
    if "mode" in body:
        world.set_time(text(body, "mode"))
    if length:
        world.jump(world.sim.now + length)
    return show_time(world, {}, {})


def show_holds(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The held tasks, and what each waits for."""
    return 200, {"holds": [{"task": task, "hold": hold} for task, hold in world.sim.holds().items()]}


def release_holds(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"task": id}`, `{"hold": name}`, both, or nothing for all: let held tasks go on."""
    only(body, ("task", "hold"))
    task_id = str(body["task"]) if type(body.get("task")) is int else text(body, "task", "")
    released = world.release(task_id=task_id, name=text(body, "hold", ""))
    if not released:
        held = ", ".join(f"task {task} at {hold!r}" for task, hold in world.sim.holds().items()) or "no task"
        raise Mistake(f"nothing was released; held: {held}")
    return 200, {"released": released}


def show_account(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The account: money in USD as exact texts, its state, its limit of unfinished tasks (null for none)."""
    account = world.sim.account
    return 200, {
        "balance": plain(account.balance),
        "spent": plain(world.sim.spent),
        "suspended": account.suspended,
        "member": account.member,
        "limit": concurrency_limit(account.balance),
        "unfinished": world.sim.unfinished,
    }


def change_account(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"balance": "0.40" or 0.40, "suspended": true|false, "member": true|false}`: any of them, from now on."""
    only(body, ("balance", "suspended", "member"))
    if not body:
        raise Mistake('send {"balance": USD}, {"suspended": true|false}, {"member": true|false}, or several of them')
    world.change_account(
        balance=balance_of(body["balance"]) if "balance" in body else None,
        suspended=truth(body, "suspended"),
        member=truth(body, "member"),
    )
    return show_account(world, {}, {})


def list_scenarios(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The scenarios by name, those asked for, and the complaints about files that an edit has broken."""
    scenarios = [
        {"scenario": scenario.name, "about": scenario.about, "source": scenario.source} for scenario in world.scenarios
    ]
    in_use = [use.shown() for use in world.uses]
    return 200, {"scenarios": scenarios, "in_use": in_use, "broken": world.casting.library.broken}


def use_scenario(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"scenario": name, "model": glob?, "times": n?}` plays it for the runs to come; a null name undoes that."""
    only(body, ("scenario", "model", "times"))
    if "scenario" not in body:
        raise Mistake('send {"scenario": NAME}, or {"scenario": null} to let runs find theirs again')
    if body["scenario"] is None:
        world.use_none()
    else:
        times = body.get("times")
        if times is not None and (type(times) is not int or times < 1):
            raise Mistake(f"times is a whole number from 1, not {str(times)[:60]!r}")
        world.use(text(body, "scenario"), model=text(body, "model", "*"), times=times)
    return 200, {"in_use": [use.shown() for use in world.uses]}


def show_faults(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The armed faults, and the fault sets: those that there are, and those that are armed."""
    return 200, {
        "faults": [fault.shown() for fault in world.faults],
        "sets": [{"set": one.name, "about": one.about} for one in world.casting.library.fault_sets],
        "armed_sets": [{"set": armed.of.name, "delayed": armed.delayed} for armed in world.fault_sets],
    }


def arm_faults(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"set": "bad-day"}` arms a fault set, `{"on": "Run", "do": "reset"}` a fault in the words of the YAML."""
    from wiro_mock.faults.armed import Fault, unmeetable
    from wiro_mock.loader import make_fault

    if "set" in body:
        only(body, ("set",))
        world.arm_set(text(body, "set"), where="POST /__wiro/faults", optional=True)
    else:
        task_id = str(body.get("task") or "")
        item = make_fault({key: value for key, value in body.items() if key != "task"})
        if task_id and (why := unmeetable(item, world.sim.task(task_id), task_id)):
            raise Mistake(why)
        world.faults.arm(Fault(item=item, scope=task_id, task_id=task_id, where="POST /__wiro/faults", optional=True))
    return show_faults(world, {}, {})


def clear_faults(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """Disarm all faults and fault sets."""
    only(body, ())
    return 200, {"cleared": world.clear_faults()}
