"""The gallery of drifted servers: each differs from the mock in one way, which is found and named, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.kit import Answered, EditFrame, Played, contract_world, drifted, named, played
from wiro_mock.contract.checks import PROMISES
from wiro_mock.contract.promise import BY_WISH


def with_tasks(value: Any, edit: Any) -> Any:
    """Edit every task of an answer, whichever operation it is of."""
    if isinstance(value, dict):
        for task in value.get("tasklist", []):
            edit(task)
    return value


def renamed(path: str, status: int, value: Any) -> Answered:
    def edit(task: dict[str, Any]) -> None:
        task["elapsed_seconds"] = task.pop("elapsedseconds")

    return status, with_tasks(value, edit)


def number_for_a_string(path: str, status: int, value: Any) -> Answered:
    def edit(task: dict[str, Any]) -> None:
        task["size"] = int(task["size"])

    return status, with_tasks(value, edit)


def number_for_an_id(path: str, status: int, value: Any) -> Answered:
    if path.startswith("Run/") and "taskid" in value:
        value["taskid"] = int(value["taskid"])
    return status, value


def without_the_start() -> EditFrame:
    return lambda frame: [] if frame["type"] == "task_start" else [frame]


def start_before_assign() -> EditFrame:
    held: list[dict[str, Any]] = []

    def edit(frame: dict[str, Any]) -> list[dict[str, Any]]:
        if frame["type"] == "task_assign":
            held.append(frame)
            return []
        return [frame, held.pop()] if frame["type"] == "task_start" and held else [frame]

    return edit


def other_text(path: str, status: int, value: Any) -> Answered:
    return status, with_error(value, "Project authorization is not valid.", "Invalid signature.")


def with_error(value: Any, old: str, new: str) -> Any:
    for error in value.get("errors", []) if isinstance(value, dict) else []:
        error["message"] = error["message"].replace(old, new)
    return value


def new_field(path: str, status: int, value: Any) -> Answered:
    return status, with_tasks(value, lambda task: task.update(priority="normal"))


def new_field_everywhere(path: str, status: int, value: Any) -> Answered:
    return status, {**value, "requestid": "abc"} if isinstance(value, dict) else value


def forbidden(path: str, status: int, value: Any) -> Answered:
    return 403 if status == 401 else status, value


def error_for_a_missing_model(path: str, status: int, value: Any) -> Answered:
    return (404 if value == {"result": True, "errors": [], "tool": []} else status), value


def long_wait(path: str, status: int, value: Any) -> Answered:
    def edit(task: dict[str, Any]) -> None:
        task["createtime"] = str(int(task["createtime"]) - 120)

    return status, with_tasks(value, edit)


def number_in_a_frame() -> EditFrame:
    return lambda frame: [{**frame, "id": int(frame["id"])} if "id" in frame else frame]


def another_welcome() -> EditFrame:
    return lambda frame: [{**frame, "version": "2.0"} if frame["type"] == "connected" else frame]


ANSWERS: dict[str, tuple[Any, str, str, str]] = {
    "a field renamed": (
        renamed,
        "tasks.shape",
        "tasklist[0].elapsedseconds: a string",
        "no such field, but tasklist[0].elapsed_seconds",
    ),
    "a number for a string": (number_for_a_string, "tasks.shape", "tasklist[0].size: a string", "the number "),
    "a number for an id": (number_for_an_id, "runs.answer_shape", "taskid: a string", "the number "),
    "another error text": (
        other_text,
        "auth.wrong_signature",
        'code and message [0, "Project authorization is not valid."]',
        'code and message [0, "Invalid signature."]',
    ),
    "403 for 401": (
        forbidden,
        "auth.strangers_get_401",
        'status {"no key": 401, "an unknown key": 401, "no signature": 401, "a wrong signature": 401}',
        'status {"no key": 403, "an unknown key": 403, "no signature": 403, "a wrong signature": 403}',
    ),
    "404 for an empty list": (
        error_for_a_missing_model,
        "catalogue.unknown_model",
        "status and tool [200, []]",
        "status and tool [404, []]",
    ),
}
FRAMES: dict[str, tuple[Any, str, str, str]] = {
    "an event missing": (without_the_start, "socket.every_status_is_told", "a frame task_start", "frames task_queue, "),
    "a status reordered": (
        start_before_assign,
        "socket.statuses_are_in_order",
        "frames in the order task_queue, task_accept, task_preprocess_start, task_preprocess_end, task_assign, ",
        "task_queue, task_accept, task_preprocess_start, task_preprocess_end, task_start, task_assign, ",
    ),
    "a number in every frame": (
        number_in_a_frame,
        "socket.frame_shape",
        "task_queue.id: a string",
        "the number ",
    ),
    "another welcome": (
        another_welcome,
        "socket.welcome",
        'the first frame {"type": "connected", "version": "1.0"}',
        'the first frame {"type": "connected", "version": "2.0"}',
    ),
}
RESTS_ON = {
    # What is broken takes along what speaks of the same field.
    "a field renamed": {"tasks.elapsed_seconds", "tasks.stopped_shape"},
    "a number for a string": {"tasks.stopped_shape"},
    "a number for an id": {"runs.id_and_token"},
    "a number in every frame": {"socket.frames_name_their_task", "socket.end_tells_success"},
}


def check_found(found: Played, case: str, name: str, expected: str, got: str) -> None:
    """One broken promise of this name; what rests on it is skipped because of it; nothing else is reported."""
    ((broken, (was_expected, came)),) = found.broken.items()
    assert broken == name
    assert was_expected.startswith(expected), was_expected
    assert came.startswith(got), came
    assert found.skipped == dict.fromkeys(RESTS_ON.get(case, set()), f"{name} is broken")
    assert found.notes == []
    assert found.result.status == 1
    (line,) = (line for line in found.lines if line.startswith(f"{name}: expected "))
    assert line == f"{name}: expected {was_expected}, got {came}"


def test_the_mock_itself_has_not_drifted() -> None:
    """Every promise is held, with nothing to note: so what the others show is theirs."""
    with drifted() as target:
        found = played(target)
    assert found.broken == found.skipped == {}
    assert found.notes == []
    assert found.result.status == 0
    assert {one.outcome for one in found.asked} == {"held"}
    assert len(found.result.verdicts) == len(PROMISES)
    by_wish = {one.promise.area for one in found.result.verdicts if one not in found.asked}
    assert by_wish == set(BY_WISH)


@pytest.mark.parametrize("case", ANSWERS)
def test_a_drifted_answer_is_found(case: str) -> None:
    """By one promise, which names the field, the status or the text."""
    edit, *rest = ANSWERS[case]
    with drifted(answer=edit) as target:
        check_found(played(target), case, *rest)


@pytest.mark.parametrize("case", FRAMES)
def test_a_drifted_socket_is_found(case: str) -> None:
    """Likewise."""
    edit, *rest = FRAMES[case]
    with drifted(frame=edit) as target:
        check_found(played(target), case, *rest)


def test_a_new_field_is_told_and_breaks_nothing() -> None:
    """Once, though it is in every answer with a task."""
    with drifted(answer=new_field) as target:
        found = played(target)
    assert found.broken == found.skipped == {}
    text = 'TaskShape.priority is new: tasklist[0].priority is "normal"'
    assert found.notes == [("upstream new", text)]
    assert found.named("tasks.shape").level == "upstream new"
    assert f"tasks.shape: {text}" in found.lines
    assert found.result.status == 0


def test_a_new_field_of_every_answer_is_told_once() -> None:
    """Whatever the shape that it came in."""
    with drifted(answer=new_field_everywhere) as target:
        found = played(target)
    assert found.broken == found.skipped == {}
    assert [text.split(":")[0] for _, text in found.notes] == ["Failure.requestid is new"]


@pytest.mark.parametrize("how", ["edited", "played"])
def test_a_slower_queue_is_told_and_breaks_nothing(how: str) -> None:
    """No source promises a quick one; both that tell of a task have one of at most a second."""
    answer = long_wait if how == "edited" else None
    slow = "scenario: slow\nmatch: {model: '*/*'}\nsteps: [accept: 3m, assign: 0s, start: 1s, exit: 0]\n"
    queue = named("auth.lets_in", "runs.is_taken_on", "tasks.is_shown", "tasks.queue_is_short")
    with drifted(answer=answer, world=contract_world(scenarios=slow if how == "played" else "")) as target:
        found = played(target, promises=queue)
    assert found.broken == {}
    ((level, text),) = found.notes
    assert level == "upstream new"
    assert text.startswith(f"the queue is slower: {'120' if how == 'edited' else '180'} s from createtime")


KNOWN = {
    "not_found_message": ("task-not-founded", ["message of Task/Detail for no task", "message of Task/Cancel", "mess"]),
    "stop_total": (True, ["total of Cancel and Kill: documented"]),
    "tool_total": ("string", ["total of Tool/List: documented 2"]),
    "tool_parameters": ("null", ["parameters of Tool/Detail: documented"]),
    "envelope": ("2026-04", ["the last frame's news: documented"]),
}


@pytest.mark.parametrize("switch", KNOWN)
def test_a_known_contradiction_is_told_with_the_switch_that_plays_it(switch: str) -> None:
    """What another source than the documentation has is no broken promise, and names the mock's own switch."""
    from dataclasses import replace

    from wiro_mock.api.profile import Profile

    value, texts = KNOWN[switch]
    changed: dict[str, Any] = {switch: value}
    with drifted(world=contract_world(profile=replace(Profile(), **changed))) as target:
        found = played(target)
    assert found.broken == {}
    assert [level for level, _ in found.notes] == ["documentation differs"] * len(texts)
    for (_, told), start in zip(found.notes, texts, strict=True):
        assert told.startswith(start)
        assert f"(the mock does so with {switch}=" in told
    assert found.result.status == 0
