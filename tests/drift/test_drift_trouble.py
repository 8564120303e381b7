"""A service that is in trouble while it is asked: each is named, the status is 2, and nothing of it counts as drift."""

from __future__ import annotations

import re

import pytest

from tests.contract.kit import contract_world, our_target
from tests.drift.test_drift_command import play
from wiro_mock.asgi import create_app
from wiro_mock.server import ServerThread

STEPS = """
scenario: in-trouble
match: {model: "*/*"}
steps:
  - accept: {after: 600ms}
  - preprocess: {for: 200ms}
  - assign: {after: 300ms}
  - start: {after: 1s}
  - progress: {steps: 10, for: 3s, log: true}
  - print: Done.
  - produce: {image: {}}
  - exit: 0
  - postprocess: {for: 700ms}
faults:
"""
"""What the mock plays by itself, so that there is no other drift to tell."""

TROUBLE = {
    "a reset": ("{on: Task/Cancel, do: reset, when: {every: 1}}", "POST Task/Cancel: the connection broke: "),
    "a hang": ("{on: Task/Cancel, do: hang, when: {every: 1}}", "POST Task/Cancel: no answer within 0.7 s"),
    "a page": (
        "{on: Task/Kill, do: {garbage: 9, content_type: text/html}, when: {every: 1}}",
        "POST Task/Kill: HTTP 200 with a page of HTML where JSON is expected",
    ),
    "half an answer": (
        "{on: Task/Kill, do: bad_json, when: {every: 1}}",
        "POST Task/Kill: HTTP 200 with ",
    ),
    "a rate limit": (
        "{on: Task/InputOutputDelete, do: {status: 429, retry_after: 0}, when: {every: 1}}",
        "POST Task/InputOutputDelete: rate-limited (HTTP 429, Retry-After 0)",
    ),
    "an overload": (
        "{on: Task/Detail, do: {status: 503}, when: {every: 1}}",
        "POST Task/Detail: HTTP 503, the service is in trouble",
    ),
    "a socket that breaks": (
        "{on: socket, when: {frame: task_start}, do: reset}",
        "the socket told nothing more of a task after task_assign: it broke, or fell silent before the end",
    ),
    "a socket that is closed": (
        "{on: socket, when: {frame: task_output}, do: {close: 1011}}",
        "the socket told nothing more of a task after task_start: it broke, or fell silent before the end",
    ),
    "a socket that falls silent": (
        "{on: socket, when: {frame: task_end}, do: hang}",
        "the socket told nothing more of a task after task_output_full: it broke, or fell silent before the end",
    ),
    "a frame that is no JSON": (
        "{on: socket, when: {frame: task_start}, do: bad_json}",
        "expected a frame that is JSON, got a frame of ",
    ),
}


@pytest.mark.parametrize("what", TROUBLE)
def test_trouble_is_named_and_is_no_drift(what: str) -> None:
    """The rest is compared all the same."""
    fault, sentence = TROUBLE[what]
    world = contract_world(scenarios=f"{STEPS}  - {fault}\n")
    with ServerThread(create_app(world)) as thread:
        patience = ("--timeout", "0.7") if "hang" in fault else ()
        done = play("--target", our_target(thread).url, *patience)
    world.close()
    assert done.exit_code == 2, done.output
    told = done.stdout.partition("In the way:\n")[2]
    assert sentence in told, done.stdout
    assert re.search(r" compared: no drift; \d things? stood in the way\n$", done.stdout), done.stdout
