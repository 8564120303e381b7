"""What a recording plays for: which parameters count, in which turn, and what is left to its client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api_kit import CAPTION, make_world, signed
from tests.live_kit import PATIENCE, eventually, live
from tests.recorder.kit import played, recording, sighting
from wiro_mock.loader import Library, load_text
from wiro_mock.mock import World
from wiro_mock.recorded_match import match_of
from wiro_mock.recorder import halves, traffic
from wiro_mock.recorder.observed import refusal_of, scenario_of
from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.shelf import Shelf
from wiro_mock.recorder.traffic import Traffic
from wiro_mock.recording import Recording


@pytest.mark.parametrize(
    ("value", "counts"),
    [
        ("https://example.com/cat.png", True),
        ("http://Example.com", True),
        ("https://bucket.example.com/a/b.png", True),
        ("https://bucket.example.com/a.png?X-Amz-Signature=1", False),
        ("https://example.com/a.png#top", False),
        ("https://user@example.com/a.png", False),
        ("https://example.com:8443/a.png", False),
        ("http://127.0.0.1/a.png", False),
        ("http://localhost/a.png", False),
        ("https://cdn1.wiro.ai/x/a.png", False),
        ("https://notwiro.ai/a.png", True),
        ("look at https://example.com/cat.png", False),
        ("a cat", True),
    ],
)
def test_an_address_counts_where_it_is_the_same_tomorrow(value: str, counts: bool) -> None:
    """A signed one, a machine's, and Wiro's own never come again; nor does the address of a webhook."""
    assert match_of("a/b", {"inputImage": value}) == (
        f'{{model: a/b, with: {{"inputImage": {json.dumps(value)}}}}}' if counts else "{model: a/b}"
    )
    assert match_of("a/b", {"callbackUrl": "https://example.com/done"}) == "{model: a/b}"


def test_a_shelf_counts_what_was_recorded_before(tmp_path: Path) -> None:
    """Each match by itself, over the ends of recorders; what was edited by hand is read as it is."""
    match, other = match_of("a/b", {"length": "short"}), match_of("a/b", {})
    shelf = Shelf(tmp_path)
    assert [shelf.turn(match), shelf.turn(match), shelf.turn(other)] == [1, 2, 1]
    for number, nth in enumerate((1, 2, 7), 1):
        text = f"scenario: b-{number}\nabout: x\nmatch: {match_of('a/b', {'length': 'short'}, nth)}\nsteps: []\n"
        shelf.write(f"b-{number}", Recording(text=text, files={}))
    (tmp_path / "note.yaml").write_bytes(b"match: \xff\n")
    shelf.close()
    again = Shelf(tmp_path)
    assert [again.turn(match), again.turn(other)] == [8, 1]
    again.close()


def test_a_refusal_plays_for_its_own_parameters() -> None:
    """And in its turn."""
    seen = sighting([], {}, parameters={"inputImage": "https://example.com/a.png"}, nth=2)
    (scenario,) = load_text(refusal_of(seen, 96, "busy").text)
    assert scenario.match is not None
    assert (scenario.match.parameters, scenario.match.nth) == ({"inputImage": ["https://example.com/a.png"]}, 2)


def test_what_somebody_else_stopped_is_stopped_by_itself() -> None:
    """What its client stopped waits for that."""
    _, frames, files = played(scenario="killed-while-running")
    assert "\n  - cancel:" in scenario_of(sighting(frames, files)).text
    text = scenario_of(sighting(frames, files, stopped=True)).text
    assert "cancel" not in text
    assert text.rstrip().endswith('- stall: "its client stopped it"')


def post(url: str, call: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A signed call; its answer."""
    answer = httpx.post(f"{url}/{call}", json=fields, headers=signed(), timeout=PATIENCE, trust_env=False)
    return dict(answer.json())


def stopped_twice(url: str) -> list[object]:
    """A client cancels a task that waits, and kills one that works."""
    told: list[object] = []
    for length, stop in (("short", "Cancel"), ("long", "Kill")):
        task = post(url, CAPTION.removeprefix("/v1/"), {"length": length})["taskid"]
        (shown,) = post(url, "Task/Detail", {"taskid": task})["tasklist"]
        told.append(shown["status"])
        told.append(post(url, f"Task/{stop}", {"taskid": task})["result"])
        (shown,) = post(url, "Task/Detail", {"taskid": task})["tasklist"]
        told.append(shown["status"])
    return told


STALLS = """
scenario: waits
match: {model: "*", with: {length: short}}
steps: [stall]
---
scenario: works
match: {model: "*", with: {length: long}}
steps: [start: 1s, print: words, stall]
"""


def test_a_client_that_stops_its_tasks_does_so_again(tmp_path: Path) -> None:
    """The same answers from the recording, which ends nothing by itself."""
    upstream = make_world(time="auto", scenarios=STALLS)
    with live(upstream) as running, recording(running.thread.url, tmp_path) as made:
        seen = stopped_twice(made.api)
        eventually(lambda: not made.recorder.runs.followers)
    assert seen == ["task_queue", True, "task_cancel", "task_output", True, "task_cancel"]
    world = World(make_world(time="auto").settings, library=Library(tmp_path))
    with live(world) as running:
        assert stopped_twice(f"{running.thread.url}/v1") == seen
        assert [task.job.scenario for task in world.sim.tasks()] == ["caption-1", "caption-2"]


def test_the_wire_of_a_task_that_is_over_is_looked_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the archive is written afterwards: else a suite of many runs takes ever longer."""
    looked: list[int] = []
    real = halves.without_halves

    def counted(frames: Any, *args: Any, **more: Any) -> Any:
        looked.append(len(frames))
        return real(frames, *args, **more)

    monkeypatch.setattr(traffic, "without_halves", counted)
    shelf = Shelf(tmp_path)
    wire = Traffic(shelf, Redactor())
    for task in range(5):
        wire.heard({"id": str(task), "type": "task_accept"}, task)
        wire.write()  # while it goes on
        wire.heard({"id": str(task), "type": "task_postprocess_end", "message": []}, task)
        wire.write()
    shelf.close()
    assert looked == [1, 2] * 5
    entries = json.loads((tmp_path / traffic.FILE).read_text())["log"]["entries"]
    assert [len(entry["_webSocketMessages"]) for entry in entries] == [2] * 5
