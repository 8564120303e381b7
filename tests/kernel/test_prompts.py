"""A run's prompt: what was sent, in every form that clients have, and then what the model has by default."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from wiro_mock.kernel.catalog import Model, Parameter
from wiro_mock.kernel.events import Job
from wiro_mock.kernel.prompts import prompt_of

MESSAGES = [
    {"role": "user", "content": "first"},
    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "cat"}]},
    {"role": "assistant", "content": "meow"},
]
DEFAULT = Parameter(id="prompt", type="textarea", default="Hello")
QUESTION = Parameter(id="question", type="textarea")


def job(parameters: dict[str, Any], *known: Parameter) -> Job:
    model = Model(id="1", owner="a", slug="b", kind="llm", cps=Decimal(0), parameters=known)
    return Job(
        id="1", token="t", account_uuid="u", project_id="1", model=model, owner="a", project="b",
        parameters=parameters, inputs=(), callback_url="", origin="", weight=0, scenario="",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "known", "prompt"),
    [
        ({"prompt": "a cat"}, (), "a cat"),
        ({"prompt": "", "text": "a dog"}, (), "a dog"),
        ({"prompt": ""}, (DEFAULT,), "Hello"),
        ({}, (DEFAULT,), "Hello"),
        ({"messages": MESSAGES}, (), "a cat"),
        ({"messages": json.dumps(MESSAGES)}, (DEFAULT,), "a cat"),
        ({"prompt": "x", "messages": MESSAGES}, (), "x"),
        ({"messages": "[", "text": "y"}, (), "y"),
        ({"messages": 7}, (), ""),
        ({"question": "why"}, (QUESTION,), "why"),
        ({"question": "why"}, (DEFAULT, QUESTION), "why"),
        ({"prompt": ["a", 5.0]}, (), "a, 5"),
        ({}, (), ""),
    ],
)
def test_the_prompt_of_a_run(parameters: dict[str, Any], known: tuple[Parameter, ...], prompt: str) -> None:
    """What was sent goes before what holds by default."""
    assert prompt_of(job(parameters, *known)) == prompt
