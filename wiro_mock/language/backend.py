"""The key `backend` of a scenario: the program that says what happens, and what the scenario says to it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, JsonValue

from wiro_mock.backends.finding import is_name
from wiro_mock.language.strict import StepModel


def _check_name(name: str) -> str:
    if not is_name(name):
        raise ValueError(
            f"{name[:200]!r} is no name of a backend; write package.module:name, or the name that its package gives it"
        )
    return name


class BackendItem(StepModel):
    """A backend by its name. Nothing more is looked at before the first run: it may be heavy, and is imported then."""

    shorthand: ClassVar[str] = "use"
    use: Annotated[str, AfterValidator(_check_name)] = Field(
        description="package.module:name, or the name of an entry point of the group wiro_mock.backends"
    )
    options: dict[str, JsonValue] = Field(default={}, description="what the backend is told, as job.options")
