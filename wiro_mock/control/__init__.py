"""What the control API does, without a transport: each resource is a function of the world and of JSON.

The table `RESOURCES` says what there is: what looks, what steers, and what URLs hold. Every function is called with the
world locked and settled.
"""
# ruff: noqa: ARG001 -- every resource is given the same three things

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wiro_mock.control.asking import Answer, Handler, only, only_query
from wiro_mock.control.inputs import clear_inputs, declare_input, list_inputs
from wiro_mock.control.looking import (
    explain_request,
    list_tasks,
    show_backends,
    show_journal,
    show_scenario,
    show_task,
    show_webhooks,
)
from wiro_mock.control.steering import (
    arm_faults,
    change_account,
    change_time,
    clear_faults,
    list_scenarios,
    release_holds,
    show_account,
    show_faults,
    show_holds,
    show_time,
    use_scenario,
)
from wiro_mock.mock import World
from wiro_mock.session_control import heard_wav, list_sessions, show_session


def ready(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The server answers."""
    return 200, {"ready": True}


def reset(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """Begin anew: no tasks, files, journal; the same seed and credentials."""
    only(body, ())
    world.reset()
    return 200, {"reset": True}


def show_openapi(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The REST API as OpenAPI 3.1, in the world's revision; `server` says at which address."""
    from wiro_mock.api.rest_document import document  # what only a tester asks for, a start need not wait for

    only_query(query, ("server",))
    return 200, document(query.get("server", "/"), world.profile)


RESOURCES: Mapping[str, Mapping[str, Handler]] = {
    "/ready": {"GET": ready},
    "/tasks": {"GET": list_tasks},
    "/tasks/{task}": {"GET": show_task},
    "/tasks/{task}/scenario": {"GET": show_scenario},
    "/sessions": {"GET": list_sessions},
    "/sessions/{task}.wav": {"GET": heard_wav},
    "/sessions/{task}": {"GET": show_session},
    "/journal": {"GET": show_journal},
    "/explain/{request}": {"GET": explain_request},
    "/webhooks": {"GET": show_webhooks},
    "/time": {"GET": show_time, "POST": change_time},
    "/backends": {"GET": show_backends},
    "/holds": {"GET": show_holds},
    "/holds/release": {"POST": release_holds},
    "/account": {"GET": show_account, "POST": change_account},
    "/inputs": {"GET": list_inputs, "POST": declare_input},
    "/inputs/clear": {"POST": clear_inputs},
    "/scenarios": {"GET": list_scenarios},
    "/scenarios/use": {"POST": use_scenario},
    "/faults": {"GET": show_faults, "POST": arm_faults},
    "/faults/clear": {"POST": clear_faults},
    "/reset": {"POST": reset},
    "/openapi": {"GET": show_openapi},
}
"""Every path under `/__wiro`, with what it does for each verb."""
