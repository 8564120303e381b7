"""What is checked by wish only: uploads, synchronous runs, webhooks, language models, realtime sessions.

Servers that differ in one way are found, and what was left there is cleaned up, or told.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.kit import Answered, EditFrame, contract_world, drifted, our_target, played
from wiro_mock.api.profile import Profile
from wiro_mock.asgi import create_app
from wiro_mock.contract import extras
from wiro_mock.contract.checks import PROMISES
from wiro_mock.contract.promise import BY_WISH
from wiro_mock.server import ServerThread


def test_all_of_it_holds_of_the_mock_and_leaves_nothing() -> None:
    """Every promise there is, in eight runs; all tasks are over, and files and uploads are gone."""
    world = contract_world()
    with ServerThread(create_app(world)) as thread:
        found = played(our_target(thread), "auth", "tasks", "files", *BY_WISH)
        assert found.broken == {}
        areas = {one.promise.area for one in found.result.verdicts if one.outcome == "held"}
        assert areas >= {"auth", "tasks", *BY_WISH}
        assert found.notes == []
        assert "Left behind:" not in found.lines
        tasks = list(world.sim.tasks())
        assert len(tasks) == 3 + 2 + 1 + 1 + 1
        assert all(task.finished and not task.shown_outputs for task in tasks)
        assert list(world.sim.files.uploads.values()) == []
        assert 0 < 1000 - world.sim.balance < Decimal("0.05")
    assert {one.promise.name for one in found.result.verdicts} == {one.name for one in PROMISES}


def number(path: str, status: int, value: Any) -> Answered:
    if path == "File/Upload":
        value["list"][0]["size"] = int(value["list"][0]["size"])
    return status, value


def renamed(path: str, status: int, value: Any) -> Answered:
    if path == "File/Upload":
        value["list"][0]["name"] = "upload.txt"
    return status, value


def unfinished(path: str, status: int, value: Any) -> Answered:
    if path.endswith("/sync"):
        value["tasklist"][0]["status"] = "task_start"
    return status, value


def not_there(path: str, status: int, value: Any) -> Answered:
    no = {"result": False, "errors": [{"code": 0, "message": "Error parsing url."}]}
    return (404, no) if path.endswith("/sync") else (status, value)


def without_raw(path: str, status: int, value: Any) -> Answered:
    for task in value.get("tasklist", []) if isinstance(value, dict) else []:
        task["outputs"] = [one for one in task["outputs"] if "content" not in one]
    return status, value


def more_tokens(path: str, status: int, value: Any) -> Answered:
    for task in value.get("tasklist", []) if isinstance(value, dict) else []:
        for one in task["outputs"]:
            one["content"]["usage"]["total_tokens"] += 1
    return status, value


def only_the_new_words() -> EditFrame:
    said = ""

    def edit(frame: dict[str, Any]) -> list[dict[str, Any]]:
        nonlocal said
        message = frame.get("message")
        if frame["type"] == "task_output" and isinstance(message, dict):
            text = "".join(one["text"] for one in message["segments"])
            message["segments"] = [{"type": "answer", "text": text.removeprefix(said)}]
            said = text
        return [frame]

    return edit


def truth_as_text() -> EditFrame:
    def edit(frame: dict[str, Any]) -> list[dict[str, Any]]:
        if frame["type"] == "task_output" and isinstance(frame.get("message"), dict):
            frame["message"]["isThinking"] = str(frame["message"]["isThinking"]).lower()
        return [frame]

    return edit


def without(kind: str) -> Any:
    return lambda: lambda frame: [] if frame["type"] == kind else [frame]


def cost_as_text() -> EditFrame:
    return lambda frame: [{**frame, "turnCost": str(frame["turnCost"])} if frame["type"] == "task_cost" else frame]


CASES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a number for a size": ("uploads", {"answer": number}, "uploads.shape", "list[0].size: a string"),
    "another name": ("uploads", {"answer": renamed}, "uploads.name_type_and_size", "name, contenttype and size"),
    "a task under way": ("sync", {"answer": unfinished}, "sync.task_has_ended", "status and pexit"),
    "no such call": ("sync", {"answer": not_there}, "sync.answers_with_the_task", "HTTP 200"),
    "no raw output": ("language", {"answer": without_raw}, "language.output_is_raw", "an output of contenttype"),
    "tokens too many": ("language", {"answer": more_tokens}, "language.tokens_add_up", "usage.total_tokens"),
    "pieces": (
        "language",
        {"frame": only_the_new_words},
        "language.every_piece_is_the_whole_so_far",
        "a text that",
    ),
    "a truth as text": ("language", {"frame": truth_as_text}, "language.message_shape", "strings for numbers"),
    "never ready": ("sessions", {"frame": without("task_stream_ready")}, "sessions.is_ready", "a frame task_stream_r"),
    "a cost as text": ("sessions", {"frame": cost_as_text}, "sessions.frame_shape", "task_cost.turnCost: a number"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_drifted_server_is_found(case: str) -> None:
    """By one promise; what rests on it is skipped because of it."""
    area, edits, name, expected = CASES[case]
    with drifted(**edits) as target:
        found = played(target, area)
    assert list(found.broken) == [name]
    assert found.broken[name][0].startswith(expected)
    assert found.result.status == 1


@pytest.mark.parametrize(
    ("area", "profile", "told"),
    [
        ("language", Profile(segments=False), "streamed texts: documented"),
        ("webhooks", Profile(callback_shape="task"), "body of a webhook: documented"),
    ],
)
def test_a_known_contradiction_names_the_switch(area: str, profile: Profile, told: str) -> None:
    """As elsewhere: told, and broken is nothing."""
    with drifted(world=contract_world(profile=profile)) as target:
        found = played(target, area)
    assert found.broken == {}
    ((level, text),) = found.notes
    assert level == "documentation differs"
    assert text.startswith(told)


def test_a_webhook_that_does_not_come_breaks_one_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would have said is skipped because of it."""
    monkeypatch.setattr(extras, "WEBHOOK_PATIENCE", 0.05)
    monkeypatch.setattr("wiro_mock.contract.receiver.Receiver.url", "http://127.0.0.1:9/webhook")
    with drifted() as target:
        found = played(target, "webhooks")
    assert found.broken == {"webhooks.is_posted": ("a POST to callbackUrl", "none")}
    assert len(found.skipped) > 3


def test_webhooks_of_a_service_elsewhere_are_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot reach this machine, and no run is wasted on that."""
    monkeypatch.setattr(extras, "is_own", lambda _: False)
    world = contract_world()
    with ServerThread(create_app(world)) as thread:
        found = played(our_target(thread), "webhooks")
        assert list(world.sim.tasks()) == []
    reasons = {one.because for one in found.result.verdicts if one.promise.area == "webhooks"}
    assert len(reasons) == 1
    assert reasons.pop().startswith("the service cannot reach this machine")
    assert found.result.status == 0


def test_an_upload_that_cannot_be_deleted_is_told() -> None:
    """With its id: nobody documents how."""

    def keeps(path: str, status: int, value: Any) -> Answered:
        no = {"result": False, "errors": [{"code": 0, "message": "Error parsing url."}]}
        return (404, no) if path == "File/Delete" else (status, value)

    with drifted(answer=keeps) as target:
        found = played(target, "uploads")
    told = found.lines[found.lines.index("Left behind:") + 1]
    assert re.fullmatch(
        r"the upload [0-9a-f]{32} could not be deleted: 'Error parsing url\.'; delete it in your dashboard", told
    )


def test_what_it_costs_names_the_dearer_models() -> None:
    """Before anything is run."""
    from wiro_mock.contract.runner import CannotRun

    with drifted() as target, pytest.raises(CannotRun) as error:
        played(target, "sync", "language", "sessions", budget=0.0)
    assert "for two runs of pruna/p-image, and one of " in str(error.value)
    assert ", and one of wiro/moss-tts, and the budget is 0.0000 USD" in str(error.value)


def test_without_a_wish_they_are_listed_as_not_verified() -> None:
    """In the table by their areas, in JSON one by one."""
    from wiro_mock.contract.exports import as_json

    with drifted() as target:
        found = played(target, promises=[one for one in PROMISES if one.area in ("auth", *BY_WISH)])
    assert "uploads (3 promises): checked only by --only uploads: it leaves a file" in found.lines
    listed = [one for one in json.loads(as_json(found.result.verdicts)) if one["area"] in BY_WISH]
    assert {one["outcome"] for one in listed} == {"skipped"}
    assert {one["level"] for one in listed} == {"not verified"}
    assert found.result.status == 0


@pytest.mark.parametrize(("area", "path", "name"), [("sync", "/sync", "tasklist"), ("uploads", "File/Upload", "list")])
def test_no_list_where_one_is_due_is_a_broken_promise(area: str, path: str, name: str) -> None:
    """And stops no check on the way."""

    def no_list(asked: str, status: int, value: Any) -> Answered:
        return status, {**value, name: True} if asked.endswith(path) else value

    with drifted(answer=no_list) as target:
        found = played(target, area)
    ((_, (expected, got)),) = found.broken.items()
    assert (expected, got) == (f"{name}: a list", "true")
    assert "stumbled" not in "".join(found.skipped.values())
