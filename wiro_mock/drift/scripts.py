"""What became of a run, as a scenario for the mock to play: by its frames, by its looks, or by its refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from wiro_mock.drift.retelling import retold
from wiro_mock.drift.takes import Exchange, Take, task_in
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import load_text
from wiro_mock.recorder.observed import Seen, Sighting, refusal_of, scenario_of
from wiro_mock.recording import NotRecordable
from wiro_mock.scenario import Scenario

STOPS: Final = ("Task/Cancel", "Task/Kill")


@dataclass(frozen=True, slots=True)
class Scripts:
    """The scenarios of the runs of a take. `tell` is told what cannot be played."""

    take: Take
    tell: Callable[[str], None]

    def of_run(self, one: Exchange, refusal: Callable[[], Exchange | None]) -> list[Scenario]:
        """The scenario of a run; none where that is what the mock does by itself. `refusal` is the mock's own, if it
        has one.
        """
        return self._loaded(self._script(one, refusal), one.call)

    def _script(self, one: Exchange, refusal: Callable[[], Exchange | None]) -> str:
        owner, _, project = one.call.removeprefix("Run/").partition("/")
        seen = Sighting(name="drift", owner=owner, project=project, parameters={}, at=0)
        code, message = one.error
        if not one.run_id:
            by_itself = refusal()
            if by_itself is not None and by_itself.error == one.error:
                return ""
            if not isinstance(code, int) or not 0 <= code <= 99_999 or one.status in (401, 403, 404):
                return ""
            return "" if _is_about_parameters(message) else refusal_of(seen, code, str(message)).text
        seen.frames = list(self._frames_of(one.run_id))
        if self.is_stopped(one.run_id) and seen.last is not None and seen.last["type"] == "task_cancel":
            seen.frames.pop()  # the replayed request stops it
        elif seen.frames and seen.last is None:
            self._end(seen, self._looks(one.run_id))
        try:
            made = scenario_of(seen) if seen.frames else None
            if made is not None:
                text = made.text if not made.files else ""
                load_text(text)
                return text
        except (NotRecordable, ScenarioError, AssertionError, KeyError, TypeError, ValueError) as error:
            self.tell(f"what happened in task {one.run_id} cannot be played: {str(error)[:200]}")
        return self._retold(one.run_id)

    def _loaded(self, text: str, what: str) -> list[Scenario]:
        """The scenario of a text, if it is one."""
        try:
            return load_text(text) if text else []
        except ScenarioError as error:
            self.tell(f"what happened to {what} cannot be played: {error.complaints[0]}")
            return []

    def _retold(self, task: str) -> str:
        """The scenario of a task that was looked at, and no more."""
        text = retold(self._looks(task), is_stopped=self.is_stopped(task))
        return text if self._loaded(text, f"task {task}") else ""

    def _looks(self, task: str) -> list[dict[str, Any]]:
        """All that was shown of a task, by answers and by webhooks."""
        looks = [found for one in self.take.exchanges for found in one.tasks if id_of(found) == task]
        return looks + [dict(found) for one in self.take.hooks if one.task == task and (found := task_in(one.body))]

    def _end(self, seen: Sighting, looks: Sequence[dict[str, Any]]) -> None:
        """The end of a task of which its socket did not tell, as it was shown."""
        shown = looks[-1] if looks else {}
        if shown.get("status") in ("task_postprocess_end", "task_cancel"):
            seen.detail = shown
            end = {"type": shown["status"], "message": shown.get("outputs") or []}
            seen.frames.append(Seen(at=seen.frames[-1].at, frame=end))

    def _frames_of(self, task: str) -> tuple[Seen, ...]:
        frames = self.take.streams.get(task, ())
        begin = frames[0].at if frames else 0
        if frames and frames[0].kind == "task_preprocess_end":  # a client that came late has missed its begin
            frames = (replace(frames[0], frame={**frames[0].frame, "type": "task_preprocess_start"}), *frames)
        return tuple(Seen(at=max(one.at - begin, 0), frame=one.frame) for one in frames)

    def is_stopped(self, task: str) -> bool:
        """Whether a request of the client's stopped it."""
        return any(
            one.operation in STOPS and id_of(found) == task for one in self.take.exchanges for found in one.tasks
        )


def id_of(task: Any) -> str:
    """The id of a task as it is shown."""
    return str(task.get("id", ""))


def _is_about_parameters(message: object) -> bool:
    """Whether a run was refused for what it was given, which the mock is to refuse by itself."""
    return str(message).startswith(("Request parameter", "Request files"))
