"""What a run is refused for, and what is answered to one that is taken on (rest.md §5, §9)."""

from __future__ import annotations

import re
from typing import Any

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import LETS_IN
from wiro_mock.contract.client import Answer
from wiro_mock.contract.compare import shown
from wiro_mock.contract.promise import Broken, NotVerified, Promise, expect, field
from wiro_mock.contract.service import TAKEN_ON, Service
from wiro_mock.sources import APRIL, GO_CLIENT, PAGE

PICKY = "pruna/p-image"
"""A model whose parameters are known: a prompt that is required, a seed from 0 to 99999999 (catalogue.md)."""
NO_MODEL = (1, "slug-owner-project-not-exist")
ANSWER_SHAPE = "runs.answer_shape"


def _refused(wiro: Service, **inputs: Any) -> Answer:
    """The answer to a run that must not be taken on."""
    answer = wiro.try_run(PICKY, inputs)
    if answer.error == NO_MODEL:
        raise NotVerified(f"there is no model {PICKY}")
    return answer


def check_unknown_model(wiro: Service) -> None:
    """A model that is not there is refused by name."""
    expect(NO_MODEL, wiro.try_run("nobody-is-called-that/no-such-model", {}).error, what="code and message")


def check_required_parameter(wiro: Service) -> None:
    """A run without a parameter that is required is refused, and the parameter named."""
    expect((0, "Request parameter [prompt] required"), _refused(wiro).error, what="code and message")


def check_range_of_parameter(wiro: Service) -> None:
    """A number beyond its range is refused, and the range told."""
    answer = _refused(wiro, prompt="a cat", seed="-1")
    expect((0, "Request parameter [seed] must be between 0 and 99999999"), answer.error, what="code and message")


def check_refusals_are_http_200(wiro: Service) -> None:
    """A refusal that is not about the key comes with HTTP 200 and `result: false`."""
    answer = _refused(wiro)
    got = answer.json.get("result") if isinstance(answer.json, dict) else None
    expect((200, False), (answer.status, got), what="status and result")


def check_is_taken_on(wiro: Service) -> None:
    """A run that is as its model asks for is taken on."""
    try:
        wiro.run_to_the_end()
    except Exception:
        if (answer := wiro.refused_run) is None:
            raise
        raise Broken("a taskid", f"HTTP {answer.status}: {shown(answer.json)}") from None


def check_answer_shape(wiro: Service) -> None:
    """The answer to a run: id and token, both strings, and no errors."""
    wiro.compare(wiro.run_to_the_end().answer.json, shapes.RunAnswer)


def check_id_and_token(wiro: Service) -> None:
    """An id is of digits, a token of thirty letters and digits."""
    answer = wiro.run_to_the_end().answer.json
    task_id = field(answer, "taskid", str, told_by=ANSWER_SHAPE)
    token = field(answer, "socketaccesstoken", str, told_by=ANSWER_SHAPE)
    if not re.fullmatch(r"[0-9]+", task_id):
        raise Broken("taskid of digits", f"taskid {shown(task_id)}")
    if not re.fullmatch(r"[A-Za-z0-9]{30}", token):
        raise Broken("socketaccesstoken of 30 letters and digits", f"one of {len(token)} characters")


def _promise(check: Any, source: Any, *needs: str, cost: Any = "reads") -> Promise:
    return Promise(area="runs", check=check, cost=cost, source=source, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_unknown_model, APRIL),
    _promise(check_required_parameter, APRIL),
    _promise(check_range_of_parameter, GO_CLIENT),
    _promise(check_refusals_are_http_200, APRIL),
    _promise(check_is_taken_on, PAGE, cost="runs a model"),
    _promise(check_answer_shape, PAGE, TAKEN_ON, cost="runs a model"),
    _promise(check_id_and_token, PAGE, TAKEN_ON, cost="runs a model"),
)
