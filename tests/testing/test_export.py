"""The journal as a file: the same JSON lines on every run, and an HTTP archive that other tools can read."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api_kit import (
    CAPTION,
    KEY,
    SECRET,
    detail,
    get,
    make_world,
    part,
    post,
    post_parts,
    run,
    send,
    signed,
    upload,
)
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing import sequences
from wiro_mock.testing.export import export, har, jsonl


def client(world: World, nonce: str, origin: str) -> None:
    """One request at a time: a run with a file, polls, a refusal, an upload, a download."""
    more: dict[str, Any] = {"headers": signed(nonce), "origin": origin}
    answer = post_parts(world, CAPTION, part("image", b"bytes", filename="a.png"), **more).json
    post(world, "/v1/Task/Detail", {"tasktoken": answer["socketaccesstoken"]}, **more)
    shown = post(world, "/v1/Task/Detail", {"taskid": answer["taskid"]}, **more).json
    post(world, "/v1/Task/Kill", {"taskid": "7"}, **more)
    post(world, "/v1/nope", {"snow": "☃ \ud800"}, **more)
    upload(world, b"upload")
    url = shown["tasklist"][0]["outputs"][0]["url"]
    get(world, f"http://127.0.0.1:4747{url.removeprefix(origin)}")


def played(nonce: str = "1111111111", origin: str = "http://127.0.0.1:1") -> World:
    world = make_world(time="auto")
    client(world, nonce, origin)
    return world


def test_two_runs_of_one_client_give_the_same_bytes(tmp_path: Path) -> None:
    """In virtual time and with one seed; neither nonce nor origin make a difference."""
    export(played(), tmp_path / "one.jsonl")
    export(played("2222222222", "http://localhost:65000"), str(tmp_path / "two.JSONL"))
    one = (tmp_path / "one.jsonl").read_bytes()
    assert one == (tmp_path / "two.JSONL").read_bytes()
    lines = one.decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"req-{n}" for n in range(1, 8)]
    assert one.endswith(b"}\n")
    other = make_world(time="auto", seed="another")
    client(other, "1111111111", "http://127.0.0.1:1")
    assert list(jsonl(other)) != lines


def test_a_line_is_the_journals_canonical_form() -> None:
    """With no line break in it, and in the order in which they came."""
    world = played()
    lines = list(jsonl(world))
    assert [json.loads(line) for line in lines] == [exchange.shown() for exchange in world.journal.entries()]
    assert all("\n" not in line for line in lines)
    assert list(jsonl(make_world())) == []


REQUEST = {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"}
RESPONSE = {
    "status",
    "statusText",
    "httpVersion",
    "cookies",
    "headers",
    "content",
    "redirectURL",
    "headersSize",
    "bodySize",
}
"""What HAR 1.2 requires (http://www.softwareishard.com/blog/har-12-spec/)."""


def check_har(archive: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of an archive that has all that the specification requires, each of its type."""
    log = archive["log"]
    assert log["version"] == "1.2"
    assert {"name", "version"} <= log["creator"].keys()
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        assert datetime.fromisoformat(entry["startedDateTime"]).tzinfo is not None
        assert entry["request"].keys() >= REQUEST
        assert entry["response"].keys() >= RESPONSE
        assert {"size", "mimeType"} <= entry["response"]["content"].keys()
        assert entry["time"] == sum(entry["timings"][name] for name in ("send", "wait", "receive"))
        for name in ("cookies", "headers"):
            assert entry["request"][name] == entry["response"][name] == []
        if data := entry["request"].get("postData"):
            assert isinstance(data["mimeType"], str)
            assert isinstance(data["text"], str)
            assert "params" not in data  # they exclude each other
        assert all(key.startswith("_") for key in entry.keys() - {
            "startedDateTime", "time", "request", "response", "cache", "timings", "comment"
        })  # fmt: skip
    return list(log["entries"])


def test_the_archive_has_what_the_specification_requires(tmp_path: Path) -> None:
    """And can be read back as JSON, whatever a client has sent."""
    export(played(), tmp_path / "journal.har")
    entries = check_har(json.loads((tmp_path / "journal.har").read_text()))
    assert [entry["_wiro"]["id"] for entry in entries] == [f"req-{n}" for n in range(1, 8)]
    assert check_har(har(make_world())) == []


def test_the_archive_tells_what_was_asked_and_answered() -> None:
    """Instants are those of the world's clock: the first poll took the time that it let pass."""
    world = played()
    ran, polled, _, killed, nope, _, fetched = har(world)["log"]["entries"]
    task = sequences.tasks(world)[0]
    assert ran["request"]["url"] == f"http://127.0.0.1:1{CAPTION}"
    assert json.loads(ran["request"]["postData"]["text"])["image"]["file"] == "a.png"
    assert json.loads(ran["response"]["content"]["text"])["taskid"] == task.id
    assert ran["_wiro"] == {"id": "req-1", "operation": "Run", "reason": None, "task": task.id}
    assert (polled["startedDateTime"], polled["time"]) == ("2025-01-01T00:00:00.000000+00:00", 5700.0)
    assert killed["startedDateTime"] == "2025-01-01T00:00:05.700000+00:00"
    assert "no task with taskid '7' here" in killed["_wiro"]["reason"]
    assert (nope["response"]["status"], nope["response"]["statusText"]) == (404, "Not Found")
    assert "postData" not in fetched["request"]
    assert fetched["response"]["content"] == {
        "size": 75,
        "mimeType": "text/plain",
        "comment": "the bytes of a file, which are not kept here",
    }


def test_the_archive_holds_no_credential() -> None:
    """Not in a path, a field or an answer, and no header at all."""
    world = make_world(time="auto")
    in_base64 = base64.b64encode(SECRET.encode()).decode()
    task_id, _ = run(
        world, {"prompt": f"{KEY} {SECRET} {in_base64}", "callbackUrl": "http://me:very-secret@127.0.0.1:9/"}
    )
    detail(world, task_id)
    post(world, f"/v1/{KEY}", {})
    text = json.dumps(har(world)) + "".join(jsonl(world))
    for secret in (KEY, SECRET, in_base64, "very-secret", signed()["x-signature"], signed()["x-nonce"]):
        assert secret not in text
    assert "http://***@127.0.0.1:9/" in text


def test_behind_wiros_own_names_the_archive_has_them() -> None:
    """Files are on the CDN there."""
    world = make_world(time="auto")
    wiro = "https://api.wiro.ai"
    answer = post(world, CAPTION, {}, origin=wiro).json
    post(world, "/v1/Task/Detail", {"taskid": answer["taskid"]}, origin=wiro)
    url = sequences.tasks(world)[0].outputs[0].url
    assert url.startswith("https://cdn1.wiro.ai/")
    send(world, "GET", url.removeprefix("https://cdn1.wiro.ai"), origin=wiro)
    assert [entry["request"]["url"] for entry in har(world)["log"]["entries"]] == [
        f"{wiro}{CAPTION}",
        f"{wiro}/v1/Task/Detail",
        url,
    ]


def test_what_was_forgotten_and_what_is_too_long_is_said() -> None:
    """In comments, which is what they are for."""
    world = make_world(journal_requests=1)
    run(world)
    task_id, _ = run(world, {"prompt": "x" * 100_000})
    detail(world, task_id)
    log = har(world)["log"]
    assert log["comment"] == "2 older requests have been forgotten to make room"
    assert log["entries"][0]["response"]["content"] == {
        "size": 0,
        "mimeType": "x-unknown",
        "comment": "no content, or more than 64 KiB, which is not kept",
    }


def test_messages_on_a_socket_are_no_part_of_the_archive() -> None:
    """They are no HTTP; the lines have them."""
    world = played()
    outcome = world.journal.entries()[0].outcome
    world.journal.record(at=world.sim.now, method="SOCKET", path="/v1", status=101, outcome=outcome)
    assert len(har(world)["log"]["entries"]) == 7
    assert len(list(jsonl(world))) == 8


def test_a_name_without_a_known_ending_is_misuse(tmp_path: Path) -> None:
    """And nothing is written."""
    with pytest.raises(Misuse) as caught:
        export(make_world(), tmp_path / "journal.json")
    assert str(caught.value) == "cannot tell how to write 'journal.json'; let its name end in .jsonl or .har"
    assert list(tmp_path.iterdir()) == []
