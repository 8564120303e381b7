"""The record of requests: bounded, without credentials, the same on every run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api_kit import CAPTION, KEY, SECRET, detail, make_world, part, post, post_parts, run, send, signed
from wiro_mock.api.messages import Outcome, Upload
from wiro_mock.commands.request_log import log_of
from wiro_mock.journal import ANSWER_KEPT, ITEMS_SHOWN, OVERHEAD, TEXT_SHOWN, Exchange, Journal
from wiro_mock.kernel.files import Blob
from wiro_mock.masking import HIDDEN, Mask


def record(journal: Journal, fields: dict[str, Any] | None = None, size: int = 0, **outcome: Any) -> Exchange:
    return journal.record(
        at=1_735_689_600_123_456,
        method="POST",
        path="/v1/x",
        status=200,
        outcome=Outcome(**outcome),
        fields=fields,
        size=size,
    )


def test_an_exchange_is_shown_as_json_values() -> None:
    """With files told of by name, size and digest; what is not known is null."""
    upload = Upload(filename="a.png", blob=Blob(digest="d" * 64, size=3, contenttype="image/png"))
    exchange = record(Journal(), {"file": [upload, "x"], "n": 1}, operation="Run", task_id="7", scenario="caption")
    file = {"file": "a.png", "size": 3, "sha256": "d" * 64, "contenttype": "image/png"}
    assert exchange.shown() == {
        "id": "req-1",
        "at": 1735689600.123456,
        "method": "POST",
        "path": "/v1/x",
        "operation": "Run",
        "status": 200,
        "code": None,
        "message": None,
        "reason": None,
        "task": "7",
        "scenario": "caption",
        "fields": {"file": [file, "x"], "n": 1},
    }


def test_the_oldest_are_forgotten_by_number() -> None:
    """And counted; ids go on."""
    journal = Journal(requests=3)
    for _ in range(5):
        record(journal)
    assert [exchange.id for exchange in journal.entries()] == ["req-3", "req-4", "req-5"]
    assert (len(journal), journal.dropped) == (3, 2)


def test_the_oldest_are_forgotten_by_bytes() -> None:
    """The text of a request counts, and so do path and reason; what is larger than all is not kept at all."""
    journal = Journal(size=3 * (OVERHEAD + 1_005))
    for _ in range(5):
        record(journal, {"a": "x" * 1_000}, size=1_000)
    assert len(journal) == 3
    record(journal, reason="y" * 1_500)
    assert len(journal) == 2
    assert Journal(size=10).record(at=0, method="", path="", status=0, outcome=Outcome()).id == "req-1"


def test_what_is_kept_is_cut() -> None:
    """Long texts, many items, and of a large body the values inside values."""
    journal = Journal()
    shown = record(journal, {"a": "x" * 5_000, "b": list(range(500)), "n" * 2_000: 1}).fields
    assert shown["a"] == "x" * TEXT_SHOWN + "… (5000 characters)"
    assert shown["b"] == list(range(ITEMS_SHOWN))
    assert "n" * TEXT_SHOWN in shown
    assert len(record(journal, {str(at): at for at in range(500)}).fields) == ITEMS_SHOWN
    large = record(journal, {"a": [[[]]] * 7, "b": {"c": 1}, "d": "e"}, size=1 << 20)
    assert large.fields == {"a": "… (7 values)", "b": "… (1 values)", "d": "e"}
    assert large.weight < 1 << 20
    long = journal.record(at=0, method="M" * 9_000, path="/" * 9_000, status=1, outcome=Outcome(message="m" * 9_000))
    assert len(json.dumps(long.shown())) < 3_000


def test_an_answer_is_kept_whole_or_not_at_all() -> None:
    """Up to 64 KiB; it weighs what it is, and is no part of what is shown."""
    journal = Journal()
    kept, long = (
        journal.record(
            at=7, method="", path="", status=200, outcome=Outcome(), answer=b"x" * size, origin="http://a", came_at=5
        )
        for size in (ANSWER_KEPT, ANSWER_KEPT + 1)
    )
    assert (len(kept.answer), len(long.answer)) == (ANSWER_KEPT, 0)
    assert (kept.weight, long.weight) == (OVERHEAD + ANSWER_KEPT, OVERHEAD)
    assert (kept.origin, kept.came_at, record(journal).came_at) == ("http://a", 5, record(journal).at)
    assert kept.shown() | {"id": ""} == long.shown() | {"id": ""}
    assert "answer" not in kept.shown()


def test_an_answer_holds_no_credential() -> None:
    """Neither as it is nor as JSON writes it."""
    secret = 'qu"ote-and-more'
    journal = Journal(mask=Mask((KEY, secret)))
    answer = json.dumps({"a": f"-{KEY}-", "b": secret, "url": "http://me:pass-word@127.0.0.1/", "c": "cat@example.com"})
    kept = journal.record(at=0, method="", path="", status=200, outcome=Outcome(), answer=answer.encode()).answer
    assert json.loads(kept) == {"a": "-***-", "b": "***", "url": "http://***@127.0.0.1/", "c": "cat@example.com"}


def test_what_was_forgotten_is_counted_by_operation_and_signature() -> None:
    """So that nobody claims that it was never called."""
    journal = Journal(requests=1)
    record(journal, operation="Run", signed="wrong")
    record(journal, operation="Run", signed="wrong")
    record(journal, operation="Task/Kill", signed="signed")
    assert journal.forgotten == {("Run", "wrong"): 2}
    record(journal)
    assert journal.forgotten == {("Run", "wrong"): 2, ("Task/Kill", "signed"): 1}


def test_credentials_that_stray_are_blotted_out() -> None:
    """In names, values, paths and reasons; and the headers' own names as fields, whatever they hold."""
    journal = Journal(mask=Mask((KEY, SECRET)))
    fields = {KEY: 1, "a": f"-{SECRET}-", "b": [{"c": KEY}], "X-Nonce": "12345", "x-signature": "f" * 64}
    exchange = journal.record(
        at=0, method="POST", path=f"/v1/{KEY}", status=404, outcome=Outcome(reason=f"no {SECRET}"), fields=fields
    )
    assert exchange.fields == {
        HIDDEN: 1,
        "a": f"-{HIDDEN}-",
        "b": [{"c": HIDDEN}],
        "X-Nonce": HIDDEN,
        "x-signature": HIDDEN,
    }
    assert (exchange.path, exchange.outcome.reason) == (f"/v1/{HIDDEN}", f"no {HIDDEN}")


def test_the_credentials_in_a_url_are_blotted_out() -> None:
    """A callbackUrl may carry some; an address in a sentence is left alone."""
    fields = {"callbackUrl": "http://me:very-secret@127.0.0.1:9/hook?a=b@c", "prompt": "write to cat@example.com"}
    assert record(Journal(), fields).shown()["fields"] == {
        "callbackUrl": "http://***@127.0.0.1:9/hook?a=b@c",
        "prompt": "write to cat@example.com",
    }


@pytest.mark.parametrize("before", [*range(TEXT_SHOWN - 40, TEXT_SHOWN + 2), TEXT_SHOWN + 290])
def test_no_part_of_a_secret_survives_the_cut(before: int) -> None:
    """Wherever the cut falls, and whatever was blotted out before it."""
    secret = "0123456789abcdefghijABCDEFGHIJ"
    journal = Journal(mask=Mask((secret,)))
    for text in ("x" * before + secret, secret * 20 + "x" * before + secret, "x" * before + secret + "y" * 400):
        value = record(journal, {"prompt": text}).shown()["fields"]["prompt"]
        assert "0123" not in value
        assert len(value) <= TEXT_SHOWN + len("… (9999 characters)")


def test_a_short_key_does_not_blot_out_half_of_the_words() -> None:
    """Someone's key may be `test`."""
    assert record(Journal(mask=Mask(("test", ""))), {"a": "a test"}).fields == {"a": "a test"}


def test_entries_are_chosen() -> None:
    """The last so many, after an id, of a task, only the refused or only the others."""
    journal = Journal()
    for number in range(1, 7):
        record(journal, task_id=str(number % 2), code=1 if number > 4 else None)

    def ids(**choice: Any) -> list[int]:
        return [int(exchange.id.removeprefix("req-")) for exchange in journal.entries(**choice)]

    assert ids() == [1, 2, 3, 4, 5, 6]
    assert ids(limit=2) == [5, 6]
    assert ids(limit=0) == []
    assert ids(since="req-4") == [5, 6]
    assert ids(since="nonsense") == [1, 2, 3, 4, 5, 6]
    assert ids(task="1") == [1, 3, 5]
    assert ids(refused=True) == [5, 6]
    assert ids(refused=False, task="0") == [2, 4]


ACTIONS = st.lists(
    st.sampled_from(["run", "upload", "detail", "cancel", "kill", "delete", "unknown", "unsigned", "bad"]), max_size=12
)


def play(actions: list[str], nonce: str, boundary: str, origin: str) -> str:
    """A client that makes one request at a time; its journal as JSON."""
    world = make_world(time="auto")
    tasks = [run(world, headers=signed(nonce), origin=origin)[0]]
    for action in actions:
        more: dict[str, Any] = {"headers": {**signed(nonce), "user-agent": nonce}, "origin": origin}
        last = {"taskid": tasks[-1]}
        match action:
            case "run":
                tasks.append(run(world, {"prompt": "x"}, **more)[0])
            case "upload":
                body = part("file", b"bytes", filename="a.png")
                data = b"--%b\r\n%b\r\n--%b--" % (boundary.encode(), body, boundary.encode())
                kind = f"multipart/form-data; boundary={boundary}"
                send(world, "POST", "/v1/File/Upload", data, content_type=kind, **more)
            case "detail":
                post(world, "/v1/Task/Detail", last, **more)
            case "cancel":
                post(world, "/v1/Task/Cancel", last, **more)
            case "kill":
                post(world, "/v1/Task/Kill", last, **more)
            case "delete":
                post(world, "/v1/Task/InputOutputDelete", last, **more)
            case "unknown":
                post(world, "/v1/nope", {}, **more)
            case "unsigned":
                post(world, "/v1/Task/Detail", last, headers={"x-api-key": KEY, "x-nonce": nonce})
            case _:
                send(world, "POST", CAPTION, b"{", **more)
    return json.dumps([exchange.shown() for exchange in world.journal.entries()])


@given(ACTIONS)
@settings(max_examples=20)
def test_two_runs_of_one_client_write_the_same_journal(actions: list[str]) -> None:
    """In virtual time: neither nonce nor boundary, origin or user agent make a difference (design.md §5, law 7)."""
    first = play(actions, "1111111111", "----one", "http://127.0.0.1:1")
    assert first == play(actions, "2222222222", "----another", "http://localhost:65000")
    for absent in ("1111111111", "----one", "127.0.0.1", signed("1111111111")["x-signature"]):
        assert absent not in first


@pytest.mark.parametrize("text", ["\ud800", "\n", "\x1b[31m", "\u202e"])
def test_a_told_line_is_one_printable_line(text: str) -> None:
    """Whatever the client sent; the terminal is not its to paint."""
    told: list[str] = []
    world = make_world(tell=told.append)
    world.log_request = log_of("text", told.append, told.append)
    post(world, "/v1/Task/Detail", {"taskid": text})
    send(world, "GET", f"/{text}")
    assert len(told) == 4
    assert all(line.isprintable() for line in told)


def test_a_run_and_its_polls_are_found_by_the_task() -> None:
    """With the scenario that was played."""
    world = make_world()
    task, _ = run(world)
    run(world)
    detail(world, task)
    found = world.journal.entries(task=task)
    assert [(entry.outcome.operation, entry.outcome.scenario) for entry in found] == [
        ("Run", "caption"),
        ("Task/Detail", "caption"),
    ]
    post_parts(world, "/v1/File/Upload", part("file", b"x", filename="a"))
    assert world.journal.entries()[-1].outcome.task_id == ""
