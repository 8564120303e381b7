"""The control API: every resource, its mistakes, and who may use it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.api_kit import CAPTION, signed
from tests.live_kit import Live, eventually, hook_of, live
from wiro_mock.admin import UPKEEP, WORLDS
from wiro_mock.control import RESOURCES

HELD = """
scenario: held
about: Waits for the test, twice.
steps:
  - accept: {after: 1s}
  - hold: door
  - start: {}
  - hold: window
  - exit: {code: 0, after: 1s}
"""


@pytest.fixture
def server() -> Iterator[Live]:
    with live(time="manual", scenarios=HELD) as running:
        yield running


def refused(running: Live, path: str, fields: object = None, **more: Any) -> str:
    """The sentence of a request that cannot be met."""
    verb = "GET" if fields is None and not more else "POST"
    answer = running.http.request(verb, f"/__wiro{path}", json=fields, **more)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["error"]
    return str(answer.json()["error"])


def test_ready_answers(server: Live) -> None:
    """With 200, as soon as the server does."""
    answer = server.http.get("/__wiro/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    assert server.http.head("/__wiro/ready").content == b""


@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_wrong_verb_names_the_right_ones(server: Live, path: str, verb: str) -> None:
    """405 with a sentence and the Allow header, for verbs that nobody knows as well."""
    if verb in RESOURCES[path]:
        return
    answer = server.http.request(verb, f"/__wiro{path}")
    verbs = ", ".join(RESOURCES[path])
    assert answer.status_code == 405
    assert answer.headers["allow"] == verbs
    assert answer.json()["error"] == f"{verb} does nothing at /__wiro{path}; the verbs here: {verbs}"


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/tasks/1/2", "/ready/", "/%00"])
def test_an_unknown_path_lists_the_paths(server: Live, path: str) -> None:
    """404, and what there is."""
    answer = server.http.get(f"/__wiro{path}")
    assert answer.status_code == 404
    assert answer.json()["paths"] == [f"/__wiro{known}" for known in (*RESOURCES, *WORLDS, *UPKEEP)]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "the body is not JSON that can be read: Expecting property name"),
        (b"x", "the body is not JSON that can be read: Expecting value: line 1 column 1 (char 0); send a JSON object"),
        (b"[1]", "the body is an array; a JSON object is expected"),
        (b"\xff", "not UTF-8"),
        (b'{"advance": NaN}', "NaN is not JSON"),
        (b" " * ((1 << 20) + 1), "the body is longer than 1048576 bytes"),
        (b"[" * 50_000, "nested deeper"),
    ],
)
def test_a_body_that_cannot_be_read_is_one_sentence(server: Live, body: bytes, sentence: str) -> None:
    """And 400, after the body was read to its end."""
    assert sentence in refused(server, "/time", content=body)
    server.check_healthy()


def test_a_body_of_any_size_is_read_to_its_end(server: Live) -> None:
    """An answer on an unread body might never arrive."""
    assert "longer than" in refused(server, "/time", content=b"x" * 20_000_000)


@pytest.mark.parametrize(
    ("path", "fields", "sentence"),
    [
        ("/time", {}, 'send {"advance"'),
        ("/time", {"advanse": 1}, "unknown key 'advanse'; did you mean 'advance'?"),
        ("/time", {"advance": "2 parsecs"}, "'2 parsecs' is not a duration; write it like 200ms, 2s or 1m30s"),
        ("/time", {"advance": -1}, "advance is a number from 0, not '-1'"),
        ("/time", {"advance": True}, "advance is a number from 0, not 'True'"),
        ("/time", {"advance": None}, "advance is a number from 0, not 'None'"),
        ("/time", {"advance": [1]}, "advance is a number from 0, not '[1]'"),
        ("/time", {"advance": 1e18}, "advance is a number from 0"),
        ("/time", {"mode": "fast"}, "time is real, auto, manual or a rate such as 10x, not 'fast'"),
        ("/time", {"mode": "0x"}, "above 0"),
        ("/time", {"mode": 10}, "mode is a text, not '10'"),
        ("/account", {}, 'send {"balance": USD}'),
        ("/account", {"ballance": 1}, "unknown key 'ballance'; did you mean 'balance'?"),
        ("/account", {"spent": 0}, "unknown key 'spent'; the keys here: balance, suspended, member"),
        ("/account", {"balance": "much"}, "balance is an amount of USD such as 0.40, not 'much'"),
        ("/account", {"balance": "1e-999999999999999999"}, "balance is an amount of USD such as 0.40, not '1e-99999"),
        ("/account", {"balance": "1_0"}, "balance is an amount of USD such as 0.40, not '1_0'"),
        ("/account", {"balance": -1e13}, "balance is an amount of USD up to 10^12 with at most 12 decimals, not"),
        ("/account", {"balance": True}, "balance is an amount of USD such as 0.40, not 'True'"),
        ("/account", {"balance": None}, "balance is an amount of USD such as 0.40, not 'None'"),
        ("/account", {"balance": "NaN"}, "balance is an amount of USD"),
        ("/account", {"balance": 1e300}, "balance is an amount of USD up to 10^12"),
        ("/account", {"balance": 1, "suspended": "no"}, "suspended is true or false, not 'no'"),
        ("/account", {"member": None}, "member is true or false, not 'None'"),
        ("/holds/release", {"hold": 5}, "hold is a text, not '5'"),
        ("/holds/release", {"name": "door"}, "unknown key 'name'; the keys here: task, hold"),
        ("/holds/release", {}, "nothing was released; held: no task"),
        ("/scenarios/use", {}, 'send {"scenario": NAME}'),
        ("/scenarios/use", {"scenario": "captoin"}, "no scenario 'captoin'; did you mean 'caption'?"),
        ("/scenarios/use", {"scenario": 5}, "scenario is a text, not '5'"),
        ("/scenarios/use", {"scenario": "caption", "model": 5}, "model is a text, not '5'"),
        ("/scenarios/use", {"scenario": "caption", "times": 0}, "times is a whole number from 1, not '0'"),
        ("/scenarios/use", {"scenario": "caption", "times": 1.5}, "times is a whole number from 1, not '1.5'"),
        ("/scenarios/use", {"scenario": "caption", "times": "2"}, "times is a whole number from 1, not '2'"),
        ("/reset", {"seed": 1}, "unknown key 'seed'; there are none here"),
        ("/tasks?limit=x", None, "limit is a number from 0, not 'x'"),
        ("/tasks?limti=3", None, "unknown parameter 'limti'; did you mean 'limit'?"),
        ("/journal?refused=maybe", None, "refused is true or false, not 'maybe'"),
        ("/journal?since=yesterday", None, "since is the id of a request such as req-12, not 'yesterday'"),
        ("/journal?taks=1", None, "unknown parameter 'taks'; did you mean 'task'?"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(server: Live, path: str, fields: object, sentence: str) -> None:
    """Unknown keys, wrong types, misspellings: what is wrong, and the way out."""
    before = server.admin("/time"), server.admin("/account")
    assert sentence in refused(server, path, fields)
    assert (server.admin("/time"), server.admin("/account")) == before
    assert server.admin("/scenarios")["in_use"] == []


def test_time_is_shown_and_moved_on(server: Live) -> None:
    """By seconds, by a duration, by a number in a text; what is due by then has happened."""
    start = server.admin("/time")
    assert start == {"mode": "manual", "now": 1735689600.0, "next": None, "unfinished": 0, "waiting": []}
    task_id, _ = server.run()
    assert server.admin("/time")["next"] == start["now"] + 0.7
    assert server.admin("/time", {"advance": 3})["now"] == start["now"] + 3
    assert server.detail(task_id)["status"] == "task_output"
    assert server.admin("/time", {"advance": "1m30s"})["now"] == start["now"] + 93
    assert server.admin("/time", {"advance": "0.5"})["now"] == start["now"] + 93.5
    assert server.detail(task_id)["status"] == "task_postprocess_end"


def test_a_jump_that_finds_nothing_says_what_everybody_waits_for(server: Live) -> None:
    """A hold, a stall, a worker, or only time (design.md §3.2)."""
    server.admin("/scenarios/use", {"scenario": "held", "times": 1})
    held, _ = server.run()
    server.admin("/scenarios/use", {"scenario": "never-starts", "times": 1})
    stalled, _ = server.run()
    answer = server.admin("/time", {"advance": "1h"})
    assert answer["next"] is None
    assert answer["unfinished"] == 2
    timed, _ = server.run()
    assert server.admin("/time")["waiting"] == [
        {"task": held, "status": "task_accept", "for": "the hold 'door'"},
        {"task": stalled, "status": "task_queue", "for": "nothing: it is stalled by its scenario"},
        {"task": timed, "status": "task_queue", "for": "time"},
    ]


@pytest.mark.parametrize("modes", [("auto", "manual"), ("1000x", "manual"), ("real", "auto"), ("10x", "auto")])
def test_the_mode_changes_with_followers_present(modes: tuple[str, str]) -> None:
    """A socket that was opened in one mode gets its frames in the next; time goes on from where it was."""
    with live(time="manual") as running:
        _, token = running.run()
        with running.socket("/v1", token) as listener:
            assert listener.frame()["type"] == "task_queue"
            last = running.admin("/time")["now"]
            for mode in modes:
                answer = running.admin("/time", {"mode": mode})
                assert answer["mode"] == mode
                assert answer["now"] >= last
                last = answer["now"]
            running.admin("/time", {"advance": 60})
            assert listener.until_end()[-1]["success"] is True


def test_the_account_is_shown_and_changed(server: Live) -> None:
    """Money as exact texts; what is left out of a change stays as it is, and the next run meets the rest."""
    account = {"balance": "1000", "spent": "0", "suspended": False, "member": True, "limit": None, "unfinished": 0}
    assert server.admin("/account") == account
    assert server.admin("/account", {"balance": 0.07}) == {**account, "balance": "0.07", "limit": 1}
    assert server.post(CAPTION, {})["errors"][0]["code"] == 97
    changed = server.admin("/account", {"balance": "30.10", "suspended": True, "member": False})
    # Digits in one form, whoever wrote or reckoned them.
    assert changed == {**account, "balance": "30.1", "suspended": True, "member": False, "limit": 3}
    assert "suspended" in server.post(CAPTION, {})["errors"][0]["message"]
    server.admin("/account", {"suspended": False})
    assert server.post(CAPTION, {})["result"] is True
    assert server.admin("/account")["unfinished"] == 1
    server.admin("/time", {"advance": "1h"})
    after = server.admin("/account")
    assert after["unfinished"] == 0
    assert Decimal(after["spent"]) > 0
    assert "E" not in after["spent"]
    assert Decimal(after["balance"]) + Decimal(after["spent"]) == Decimal("30.10")
    server.admin("/account", {"balance": "-980"})  # a debt, as it comes of runs that end together
    assert server.admin("/account", {"balance": server.admin("/account")["balance"]})["balance"] == "-980"
    assert server.post(CAPTION, {})["errors"][0]["code"] == 97
    server.admin("/reset", {})
    assert server.admin("/account") == account


def test_holds_are_listed_and_released_by_task_by_name_or_all(server: Live) -> None:
    """And the tasks go on from that instant."""
    server.admin("/scenarios/use", {"scenario": "held"})
    ids = [server.run()[0] for _ in range(3)]
    server.admin("/time", {"advance": 5})
    assert server.admin("/holds") == {"holds": [{"task": task_id, "hold": "door"} for task_id in ids]}
    assert "held: task" in refused(server, "/holds/release", {"hold": "roof"})
    assert server.admin("/holds/release", {"task": ids[0]}) == {"released": [ids[0]]}
    assert server.admin("/holds/release", {"task": int(ids[1])}) == {"released": [ids[1]]}
    server.admin("/time", {"advance": 5})
    assert [item["hold"] for item in server.admin("/holds")["holds"]] == ["window", "window", "door"]
    assert server.admin("/holds/release", {"hold": "window"}) == {"released": ids[:2]}
    assert server.http.post("/__wiro/holds/release").json() == {"released": [ids[2]]}


def test_scenarios_are_listed_used_for_some_runs_of_some_models_and_let_go(server: Live) -> None:
    """A count is used up; a glob picks the models; null undoes all."""
    listed = {item["scenario"]: item for item in server.admin("/scenarios")["scenarios"]}
    assert listed["caption"]["about"].startswith("The caption comes back")
    assert set(listed["caption"]) == {"scenario", "about", "source"}
    used = server.admin("/scenarios/use", {"scenario": "failure", "times": 2})
    assert used == {"in_use": [{"name": "failure", "model": "*", "times": 2}]}
    server.admin("/scenarios/use", {"scenario": "image", "model": "wiro/*"})
    played = [server.admin(f"/tasks/{server.run()[0]}")["scenario"] for _ in range(3)]
    assert played == ["failure", "failure", "caption"]
    assert server.admin("/scenarios")["in_use"] == [{"name": "image", "model": "wiro/*", "times": None}]
    assert server.admin("/scenarios/use", {"scenario": None}) == {"in_use": []}


def test_tasks_are_shown_newest_first_and_one_of_them_with_its_log(server: Live) -> None:
    """By id or token, with instants, frames and webhooks."""
    first, token = server.run(callbackUrl="http://192.0.2.1/")
    second, _ = server.run()
    server.admin("/time", {"advance": 60})
    assert [task["id"] for task in server.admin("/tasks")["tasks"]] == [second, first]
    assert [task["id"] for task in server.admin("/tasks?limit=1")["tasks"]] == [second]
    hook_of(server, first)  # its fate is known from here on
    task = server.admin(f"/tasks/{first}")
    assert task == server.admin(f"/tasks/{token}")
    assert (task["model"], task["scenario"], task["status"], task["exit_code"], task["waits_for"]) == (
        "moondream3-preview/caption",
        "caption",
        "task_postprocess_end",
        0,
        None,
    )
    assert [(row["event"], row["after"]) for row in task["log"]][:3] == [
        ("Queued", 0.0),
        ("Accepted", 0.7),
        ("PreprocessStarted", 0.7),
    ]
    frames = [row["frame"] for row in task["log"] if row["frame"]]
    assert frames == server.frames_of(token)
    assert [hook["url"] for hook in task["webhooks"]] == ["http://192.0.2.1/"]


def test_the_journal_is_filtered_and_hides_credentials(server: Live) -> None:
    """By task, by refusal, after a request, the last so many."""
    task_id, _ = server.run(prompt="x")
    server.http.post("/v1/Task/Detail", json={"taskid": task_id})
    server.detail(task_id)
    shown = server.admin("/journal")["journal"]
    assert [item["operation"] for item in shown] == ["Run", "Task/Detail", "Task/Detail"]
    assert [item["status"] for item in server.admin("/journal?refused=true")["journal"]] == [401]
    assert len(server.admin("/journal?refused=false")["journal"]) == 2
    assert [item["id"] for item in server.admin(f"/journal?task={task_id}")["journal"]] == ["req-1", "req-3"]
    assert [item["id"] for item in server.admin("/journal?since=req-2")["journal"]] == ["req-3"]
    assert [item["id"] for item in server.admin("/journal?limit=1")["journal"]] == ["req-3"]
    assert server.admin("/journal?limit=0")["journal"] == []
    text = server.http.get("/__wiro/journal").text
    assert not any(value in text for value in signed().values() if len(value) > 20)


def test_a_reset_begins_anew_with_the_same_seed(server: Live) -> None:
    """No tasks, no journal, no uses, time where it began; the next run is the first one again."""
    server.admin("/scenarios/use", {"scenario": "failure"})
    first = server.run()
    server.admin("/time", {"advance": 60})
    assert server.admin("/reset", {}) == {"reset": True}
    assert server.admin("/tasks") == {"tasks": [], "forgotten": 0}
    assert server.admin("/journal") == {"journal": [], "dropped": 0}
    assert server.admin("/scenarios")["in_use"] == []
    assert server.admin("/time")["now"] == 1735689600.0
    assert server.run() == first


def test_the_world_is_locked_while_it_is_read(server: Live) -> None:
    """A thread that has the world's lock is not disturbed; the answer comes afterwards."""
    answers: list[Any] = []
    server.world.settle = lambda: None  # type: ignore[method-assign]  # it takes the lock, too
    with server.world.lock:
        thread = threading.Thread(target=lambda: answers.append(server.admin("/tasks")))
        thread.start()
        thread.join(0.1)
        assert answers == []
    eventually(lambda: answers)
    thread.join()


def test_a_task_that_is_not_there_is_404(server: Live) -> None:
    """With the way to those that are."""
    answer = server.http.get("/__wiro/tasks/nobody")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "no task 'nobody' here; GET /__wiro/tasks lists them"},
    )


def test_a_reset_brings_the_first_time_mode_back(server: Live) -> None:
    """Whatever it was changed to."""
    server.http.post("/__wiro/time", json={"mode": "10x"})
    server.http.post("/__wiro/reset")
    assert server.http.get("/__wiro/time").json()["mode"] == "manual"
