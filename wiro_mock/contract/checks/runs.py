"""What a run is refused for, and what is answered to one that is taken on (rest.md §5, §9)."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import ENVELOPES, LETS_IN
from wiro_mock.contract.client import Answer, Form
from wiro_mock.contract.compare import shown
from wiro_mock.contract.made import ANSWER_SHAPE
from wiro_mock.contract.promise import Broken, NotVerified, Promise, Unmet, expect, field
from wiro_mock.contract.service import TAKEN_ON, TOLERATED, Service
from wiro_mock.sources import APRIL, GO_CLIENT, PAGE, SERVERS_OPENAPI

PICKY = "pruna/p-image"
"""A model whose parameters are known: a prompt that is required, a seed from 0 to 99999999 (catalogue.md)."""
NO_MODEL = (1, "slug-owner-project-not-exist")
NOBODYS = "nobody-is-called-that/no-such-model"
IN_RANGE = "Request parameter [seed] must be between 0 and 99999999"


def _refused(wiro: Service, **inputs: Any) -> Answer:
    """The answer to a run that must not be taken on."""
    answer = wiro.try_run(PICKY, inputs)
    if answer.error == NO_MODEL:
        raise NotVerified(f"there is no model {PICKY}")
    return answer


def check_unknown_model(wiro: Service) -> None:
    """A model that is not there is refused by name."""
    expect(NO_MODEL, wiro.try_run(NOBODYS, {}).error, what="code and message")


def check_required_parameter(wiro: Service) -> None:
    """A run without a parameter that is required is refused, and the parameter named."""
    expect((0, "Request parameter [prompt] required"), _refused(wiro).error, what="code and message")


def check_range_of_parameter(wiro: Service) -> None:
    """A number beyond its range is refused, and the range told."""
    answer = _refused(wiro, prompt="a cat", seed="-1")
    expect((0, IN_RANGE), answer.error, what="code and message")


def _form_is_read(wiro: Service, kind: Form) -> None:
    """Shown by a refusal that names what was in it, so that it costs nothing."""
    wiro.check_room()
    answer = wiro.http.form(f"Run/{PICKY}", {"prompt": "a cat", "seed": "-1"}, kind)
    wiro.remember(answer)
    if answer.error == NO_MODEL:
        raise NotVerified(f"there is no model {PICKY}")
    expect((0, IN_RANGE), answer.error, what=f"as {kind}: code and message")


def check_multipart(wiro: Service) -> None:
    """A run reads a multipart form as it reads JSON."""
    _form_is_read(wiro, "multipart/form-data")


def check_urlencoded(wiro: Service) -> None:
    """A run reads an urlencoded form as it reads JSON."""
    _form_is_read(wiro, "application/x-www-form-urlencoded")


def check_owner_in_any_case(wiro: Service) -> None:
    """The owner of a model is found in any letter case: catalogues write `ByteDance`, clients `bytedance`."""
    owner, _, name = PICKY.partition("/")
    plain, loud = _refused(wiro).error, wiro.try_run(f"{owner.upper()}/{name}", {}).error
    expect(plain, loud, what=f"of a run of {owner.upper()}/{name}: code and message")


def check_refusals_are_http_200(wiro: Service) -> None:
    """A refusal that is not about the key comes with HTTP 200 and `result: false`."""
    answer = wiro.try_run(NOBODYS, {})
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
    """The answer to a run: HTTP 200, id and token, both strings, and no errors."""
    answer = wiro.run_to_the_end().answer
    wiro.compare(answer.json, shapes.RunAnswer)
    expect((200, []), (answer.status, answer.json["errors"]), what="status and errors")


def check_id_and_token(wiro: Service) -> None:
    """An id is of digits, a token of thirty letters and digits."""
    answer = wiro.run_to_the_end().answer.json
    task_id = field(answer, "taskid", str, told_by=ANSWER_SHAPE)
    token = field(answer, "socketaccesstoken", str, told_by=ANSWER_SHAPE)
    if not re.fullmatch(r"[0-9]+", task_id):
        raise Broken("taskid of digits", f"taskid {shown(task_id)}")
    if not re.fullmatch(r"[A-Za-z0-9]{30}", token):
        raise Broken("socketaccesstoken of 30 letters and digits", f"one of {len(token)} characters")


def check_extras_are_ignored(wiro: Service) -> None:
    """A run is taken on with parameters that its model has not, with an empty `callbackUrl`, and with numbers that are
    no strings.
    """
    with suppress(Unmet):  # that it could be stopped is another promise
        wiro.killed()
    if (answer := wiro.refused_extras) is not None:
        raise Broken(f"a taskid, with {', '.join(TOLERATED)} and a seed in digits", f"the answer {shown(answer.json)}")


def _promise(check: Any, source: Any, *needs: str, cost: Any = "reads") -> Promise:
    return Promise(area="runs", check=check, cost=cost, source=source, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_unknown_model, APRIL, ENVELOPES),
    _promise(check_required_parameter, APRIL, ENVELOPES),
    _promise(check_range_of_parameter, GO_CLIENT, ENVELOPES),
    _promise(check_refusals_are_http_200, APRIL, ENVELOPES),
    _promise(check_multipart, SERVERS_OPENAPI, "runs.range_of_parameter"),
    _promise(check_urlencoded, GO_CLIENT, "runs.range_of_parameter"),
    _promise(check_owner_in_any_case, GO_CLIENT, "runs.required_parameter"),
    _promise(check_is_taken_on, PAGE, cost="runs a model"),
    _promise(check_answer_shape, PAGE, TAKEN_ON, cost="runs a model"),
    _promise(check_id_and_token, PAGE, TAKEN_ON, cost="runs a model"),
    _promise(check_extras_are_ignored, GO_CLIENT, TAKEN_ON, cost="runs a model"),
)
