"""What the suite has made of a service: a model to run, and runs that came to their end or were stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiro_mock.contract.client import Answer
from wiro_mock.contract.compare import shown
from wiro_mock.contract.promise import Unmet

ANSWER_SHAPE = "runs.answer_shape"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheapModel:
    """The model that is run: its path below `Run/`, what it is given, and what a run costs at most, in USD."""

    path: str
    inputs: Mapping[str, Any]
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that was taken on: the answer, and the names that its task is asked for by."""

    answer: Answer
    task_id: str
    token: str

    @property
    def own_token(self) -> str:
        """The token, where only that will do. Raises `Unmet` if the run was answered without one."""
        if not self.token:
            token = self.answer.json.get("socketaccesstoken")
            raise Unmet(ANSWER_SHAPE, "socketaccesstoken: a string", f"socketaccesstoken {shown(token)}")
        return self.token


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The run that was let finish: the frames of its socket (or what was wrong with that), and its task in the end."""

    run: Run
    frames: list[dict[str, Any]]
    no_frames: Exception | None
    detail: Answer
    task: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A run that was stopped: what was answered to that, to a second try, and the task afterwards."""

    run: Run
    before: Answer
    stop: Answer
    again: Answer
    task: dict[str, Any]
