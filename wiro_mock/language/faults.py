"""`faults:` of a scenario: what goes wrong on the way, while the task itself goes on as its steps say.

A fault is no event: the log never lies, the bytes do. For now a gateway's status is all that can be done; it stands for
"the request did not reach Wiro", so a request that meets one has no effect.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wiro_mock.language.strict import Strict


class FaultAction(Strict):
    """What is done to a request."""

    status: int = Field(ge=400, le=599, description="the HTTP status that a gateway answers with, such as 503")


class FaultItem(Strict):
    """One fault: requests of an operation that name the scenario's task, so many of them."""

    on: Literal["Task/Detail", "Task/Cancel", "Task/Kill", "Task/InputOutputDelete"] = Field(
        description="the operation, such as Task/Detail"
    )
    do: FaultAction = Field(description="what is done to the request, such as {status: 503}")
    times: int = Field(default=1, ge=1, le=1_000_000, description="to how many requests; by default to one")
    optional: bool = Field(default=False, description="whether a test passes that never meets it")
