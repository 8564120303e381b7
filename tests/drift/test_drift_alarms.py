"""No false alarm: whatever a client of an unmutated mock does, in whatever scenario, has not drifted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.api_kit import KEY, SECRET, make_world, signed
from tests.drift.kit import drift, lines, probed, reference
from wiro_mock.api.frames import WELCOME
from wiro_mock.asgi import create_app
from wiro_mock.contract.receiver import Receiver
from wiro_mock.drift.asking import asked_of, fetched_of, frames_to_the_end
from wiro_mock.drift.drifting import drift_of_recordings
from wiro_mock.drift.report import as_json, as_markdown
from wiro_mock.drift.takes import ABSENT, Exchange, Form, Hook, Part, Take
from wiro_mock.kernel.events import SECOND
from wiro_mock.mock import World
from wiro_mock.recorder.places import Upstream
from wiro_mock.recorder.proxy import Recorder
from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.shelf import Shelf
from wiro_mock.recorder.traffic import FILE, Traffic
from wiro_mock.server import ServerThread
from wiro_mock.shipped import shipped

NAMES = sorted(path.stem for path in shipped().glob("*.yaml"))
ACTIONS = (
    *("look by id", "look by token", "go on", "go on", "cancel", "kill", "delete", "list", "a stranger"),
    *("fetch", "fetch a part", "upload", "list files", "delete a file"),
)
MODELS = ("moondream3-preview/caption", "pruna/p-image", "openai/gpt-5-2")


def client(world: World, scenario: str, model: str, actions: Sequence[str]) -> Take:
    """What a client sees that runs a model once, does this in turn, and then waits for the end."""
    exchanges: list[Exchange] = []

    def ask(call: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        found = asked_of(world, call, body, headers)
        assert found is not None
        shown: Any = "signed" if headers is None else "unknown key" if headers else "none"
        exchanges.append(Exchange(call=call, body=body, status=found[0], answer=found[1], shown=shown, where=call))
        return found[1]

    def fetch(**asked: str) -> None:
        """The first file that any answer has listed."""
        files = [one for told in exchanges for task in told.tasks for one in task["outputs"] if "url" in one]
        if files:
            url = str(files[0]["url"])
            wanted = Exchange(call=url, body=None, status=0, answer=ABSENT, method="GET", asked=asked, where="a file")
            exchanges.append(replace(fetched_of(world, wanted, urlsplit(url).path), asked=asked))

    uploads: list[str] = []
    world.use(scenario)
    inputs = {"prompt": "a cat", "inputImageUrl": "https://example.com/cat.png", "callbackUrl": "https://me.example/"}
    run = ask(f"Run/{model}", inputs)
    task, token = str(run.get("taskid", "1")), str(run.get("socketaccesstoken", "1"))
    for action in (*actions, "look by id"):
        match action:
            case "look by id":
                ask("Task/Detail", {"taskid": task})
            case "look by token":
                ask("Task/Detail", {"tasktoken": token})
            case "go on":
                if (deadline := world.next_deadline()) is not None:
                    world.jump(deadline)
            case "cancel" | "kill":
                ask(f"Task/{action.title()}", {"taskid": task})
            case "delete":
                ask("Task/InputOutputDelete", {"tasktoken": token})
            case "list":
                ask("Task/List", {"type": "model", "start": "0", "limit": "5"})
            case "fetch":
                fetch()
            case "fetch a part":
                fetch(range="bytes=0-1")
            case "upload":
                part = Part(name="file", filename="a.png", contenttype="image/png", size=7)
                uploads.append(ask("File/Upload", Form(fields={}, files=(part,)))["list"][0]["id"])
            case "list files":
                ask("File/List", {"limit": "2"})
            case "delete a file":
                ask("File/Delete", {"fileid": uploads.pop() if uploads else "12345"})
            case "a stranger":
                ask("Task/Detail", {"taskid": task}, {})
    frames = frames_to_the_end(world, task) if run.get("taskid") else ()
    ask("Task/Detail", {"taskid": task})
    end = frames[-1].at if frames else 0
    bodies = [json.loads(world.webhook_body(one) or "") for one in world.webhooks]
    kind = {"content-type": "application/json"}
    return Take(
        name="a client",
        exchanges=tuple(exchanges),
        streams={task: frames} if frames else {},
        followed=frozenset([task]),
        loose=({**WELCOME},),
        hooks=tuple(Hook(task=task, at=end, headers=kind, body=body) for body in bodies),
        awaited={task: end + 60 * SECOND},
    )


@settings(max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    scenario=st.sampled_from(NAMES),
    model=st.sampled_from(MODELS),
    actions=st.lists(st.sampled_from(ACTIONS), max_size=12),
    seen=st.booleans(),
)
def test_no_client_of_the_mock_itself_sees_a_drift(
    scenario: str, model: str, actions: list[str], *, seen: bool
) -> None:
    """In any shipped scenario, with or without a socket; how long things take is told of the scenario that played."""
    world = make_world()
    take = client(world, scenario, model, actions)
    if not seen:
        take = replace(take, streams={}, followed=frozenset(), loose=())
    assert lines(drift(take, scenario=scenario)) == []
    world.close()


VALUES: list[Any] = [None, True, 0, -1, 1.5, "", "x", "task_queue", "\ud800", [], {}, [None], {"a": 1}, [[]], 10**400]
JUNK = st.sampled_from(VALUES)


@settings(max_examples=15, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.data())
def test_nothing_that_a_service_sends_stops_the_comparison(data: st.DataObject) -> None:
    """Junk anywhere in an answer and in a frame: each finding is one line, and says what to change."""

    def spoilt(value: Any) -> Any:
        """The value with junk somewhere."""
        if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 3)) == 0:
            return data.draw(JUNK)
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(value, dict):
            return {**value, key: spoilt(value[key])}
        return [spoilt(one) if place == key else one for place, one in enumerate(value)]

    take = probed()
    exchanges = list(take.exchanges)
    place = data.draw(st.sampled_from([n for n, one in enumerate(exchanges) if not one.call.startswith("Tool/")]))
    exchanges[place] = replace(exchanges[place], answer=spoilt(exchanges[place].answer))
    task = data.draw(st.sampled_from(sorted(take.streams)))
    frames = list(take.streams[task])
    at = data.draw(st.integers(0, len(frames) - 1))
    junk = spoilt(dict(frames[at].frame))
    frames[at] = replace(frames[at], frame=junk if isinstance(junk, dict) else {"type": "x"})
    hooks = tuple(replace(one, body=spoilt(one.body)) for one in take.hooks)
    found = drift(replace(take, exchanges=tuple(exchanges), streams={**take.streams, task: tuple(frames)}, hooks=hooks))
    for one in found.findings:
        assert "\n" not in one.line
        assert one.change.partition(" ")[2]
    assert as_json(found)
    assert as_markdown(found)


def test_a_recording_of_the_mock_has_not_drifted(tmp_path: Path) -> None:
    """Through the recorder, over real sockets: an archive with every field, a scenario for each run, and their
    webhooks. No secret is in them, nor where the client listens, and each task's token has become a name for it.
    """
    world, shelf, redactor = make_world(time="auto", poll="next"), Shelf(tmp_path), Redactor(["a-word-of-ours"])
    with ServerThread(create_app(world)) as upstream:
        there = Upstream(f"{upstream.url}/v1", f"ws://{upstream.netloc}/v1")
        recorder = Recorder(there, shelf, redactor, tell=print, traffic=Traffic(shelf, redactor))
        with ServerThread(recorder.app) as thread, httpx.Client(base_url=f"{thread.url}/v1/", headers=signed()) as http:
            http.post("Task/Detail", json={}, headers={"x-api-key": "nobody"})
            http.post("Tool/List", json={"limit": "2"})
            with Receiver() as hooks:
                tokens = [play(http, model, hooks.url) for model in MODELS]
                hooks.wait(30, lambda posts: len(posts) == 3)
    shelf.close()
    archive = (tmp_path / FILE).read_text()
    assert all(secret not in archive for secret in (KEY, SECRET, "a-word-of-ours", hooks.url, *tokens))
    assert archive.count('"_webhook":') == 3
    assert "token-of-" in archive
    assert len(list(tmp_path.glob("*.yaml"))) == 3
    found = drift_of_recordings([tmp_path], reference())
    assert lines(found) == []
    assert (found.not_compared, found.trouble, found.status) == ([], [], 0)
    assert found.requests >= 2 + 3 * 3 + 3  # at least one look at each task; the scenarios have a run each
    assert found.frames > 60
    world.close()


def play(http: httpx.Client, model: str, hook: str) -> str:
    """Run a model, poll it to its end, and delete its files; the token of the task."""
    body = {
        "prompt": "a cat, and a-word-of-ours",
        "inputImageUrl": "https://example.com/cat.png?token=a-word-of-ours",
        "callbackUrl": hook,
    }
    run = http.post(f"Run/{model}", json=body).json()
    token = str(run["socketaccesstoken"])
    for _ in range(1_000):
        (task,) = http.post("Task/Detail", json={"tasktoken": token}).json()["tasklist"]
        if task["status"] == "task_postprocess_end":
            break
    http.post("Task/InputOutputDelete", json={"tasktoken": token})
    return token


@pytest.mark.parametrize("came", range(12))
def test_a_client_that_comes_late_has_missed_no_frames(came: int) -> None:
    """Whatever the first frame is that it hears."""
    take = probed()
    streams = {task: told[came:] for task, told in take.streams.items()}
    assert lines(drift(replace(take, streams=streams))) == []


def test_what_has_no_room_in_an_archive_leaves_no_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a frame that was left out, none of its task is kept, and the archive says how many were not; no alarm."""
    monkeypatch.setattr("wiro_mock.recorder.traffic.MOST_ENTRIES", 9)
    take, shelf = probed(), Shelf(tmp_path)
    kept = Traffic(shelf, Redactor())
    for run in list(take.runs())[:1]:
        kept.answered(f"/v1/{run.call}", {"x-api-key": "k"}, run.body, run.status, json.dumps(run.answer))
    for frames in take.streams.values():
        for seen in frames:
            kept.heard(seen.frame, seen.at)
    kept.write()
    shelf.close()
    log = json.loads((tmp_path / FILE).read_text())["log"]
    assert len(log["entries"][1]["_webSocketMessages"]) == 8
    assert log["comment"].endswith(" more were left out: there was no room for them")
    assert lines(drift_of_recordings([tmp_path], reference())) == []
