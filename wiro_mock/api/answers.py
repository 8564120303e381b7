"""What a handler gives back: the response, and what the journal is to know of it."""

from __future__ import annotations

from typing import NamedTuple

from wiro_mock.api import jsontext
from wiro_mock.api.messages import Outcome, Response

JSON_HEADERS = (("content-type", "application/json; charset=utf-8"),)


class Answer(NamedTuple):
    """A response and its outcome."""

    response: Response
    outcome: Outcome


def answer(shape: object, outcome: Outcome, *, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(Response(status=status, headers=JSON_HEADERS, content=jsontext.dumps(shape).encode()), outcome)
