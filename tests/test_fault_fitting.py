"""What a fault cannot be done to: refused where it is set, else left alone, not spent, and told of at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.api_kit import CAPTION, detail, get, make_world, post, run
from tests.live_kit import Live, live
from tests.places import SCENARIOS
from tests.test_fault_doors import door
from tests.test_fault_language import LIST, arm, control
from tests.test_library_choosing import made, misuse
from wiro_mock import WiroMock
from wiro_mock.control.asking import Mistake
from wiro_mock.faults import Fault, Faults, armed, frames
from wiro_mock.faults.frames import Wreckage, unfit
from wiro_mock.language.verbs import FRAMES_WITHOUT, TERMINAL, VERBS
from wiro_mock.loader import make_fault
from wiro_mock.testing import faulting

NOTHING_LEFT = "a terminal frame is the last of its task, and nothing comes after it"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"on": ["Run", "cdn"], "do": "expired"}, "expired: cannot be done to Run; strike cdn"),
        ({"on": ["Run", "cdn"], "do": {"code": 96}}, "code: cannot be done to cdn; strike an operation"),
        ({"on": "*", "do": "expired", "then": [{"code": 96}]}, "then: nothing of * is struck by all turns"),
        (
            {"on": "Run", "do": "hang", "when": {"status": "task_start"}},
            "when.status: a request of Run is about no task",
        ),
        (
            {"on": "Tool/*", "do": "hang", "when": {"status": "task_end"}},
            "when.status: a request of Tool/* is about no",
        ),
        ({"on": "socket", "do": {"status": 503}, "then": ["drop"]}, "then: some turns are done when a connection is"),
        (
            {"on": "socket", "do": "sparse", "when": {"frame": "binary"}},
            "the frame has neither id nor message nor result",
        ),
        ({"on": "socket", "do": "reorder", "when": {"frame": "task_cancel"}}, NOTHING_LEFT),
        ({"on": "Run", "do": {"latency": float("inf")}}, "latency: inf"),
    ],
)
def test_what_can_never_be_done_is_refused(words: dict[str, Any], told: str) -> None:
    """When it is set, with the way out."""
    assert told in misuse(lambda: faulting.read(words))


def test_an_endless_latency_is_refused() -> None:
    """As a number, too."""
    with made() as wiro:
        assert "latency: inf is not a duration" in misuse(lambda: wiro.fault("Run", latency=float("inf")))


def test_a_fault_for_one_task_has_to_be_about_it() -> None:
    """A task that is not there, a request that is about none, a connection: none of them could ever be met."""
    with made() as wiro:
        task_id, _ = run(wiro.world)
        assert "there is no task '7'" in misuse(lambda: wiro.fault("Task/Detail", task="7"))
        assert "task: a request of Task/List is about no task" in misuse(lambda: wiro.fault("Task/List", task=task_id))
        assert "a connection that is opened is about no task" in misuse(
            lambda: wiro.fault("socket", status=503, task=task_id)
        )
        with pytest.raises(Mistake, match="there is no task '7'"):
            control(wiro.world, "POST", "/faults", {"on": "Task/Detail", "do": "hang", "task": "7"})


def test_of_a_glob_only_what_the_verb_can_be_done_to_is_struck() -> None:
    """An expired URL is a file's: a list of tasks is no call like it."""
    world = make_world(time="auto")
    task, _ = run(world)
    fault = arm(world, on="*", do="expired")
    assert post(world, LIST, {}).status == 200
    url = detail(world, task)["outputs"][0]["url"]
    assert (fault.calls, get(world, url).status, fault.calls) == (0, 403, 1)


def test_faults_of_many_tasks_do_not_push_out_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest tasks' faults are forgotten, nobody else's; and the socket is told at once that there is none."""
    monkeypatch.setattr(armed, "ARMED", 3)
    faults = Faults("1")
    item = make_fault({"on": ["Task/Detail", "cdn"], "do": "hang"})
    faults.arm(everybodys := Fault(item=item))
    faults.arm(scenarios := Fault(item=make_fault({"on": "Run", "do": "hang"}), scope="scenario x"))
    those = [faults.arm(Fault(item=item, scope=f"task {number}")) for number in range(9)]
    assert list(faults) == [everybodys, scenarios, *those[-3:]]
    assert (faults.strikes("Task/Detail"), faults.strikes("socket")) == (True, False)
    for one in (everybodys, *those):
        faults.disarm(one)
    assert list(faults) == [scenarios]
    assert not faults.strikes("Task/Detail")


def test_what_two_faults_do_to_one_run_is_both_done() -> None:
    """That of a test loses the answer, that of the scenario would only make it late: it does not come back."""
    with WiroMock(seed=1, key_only=True) as wiro, wiro.respx(), httpx.Client(timeout=5) as client:
        wiro.scenario(
            "late", match={"model": "*"}, steps=[{"exit": 0}], faults=[{"on": "Run", "do": {"latency": "1s"}}]
        )
        wiro.fault("Run", reset=True, effect="after")
        with pytest.raises(httpx.ReadError):
            client.post(f"https://api.wiro.ai{CAPTION}", headers={"x-api-key": wiro.api_key}, json={})
        assert "the fault reset" in wiro.requests[0].reason
        assert "the fault latency 1s" in wiro.requests[0].reason


@pytest.mark.parametrize("where", ["socket", "respx"])
def test_a_file_that_cannot_be_cut_off_is_whole_whatever_else_was_to_be_done(where: str) -> None:
    """Neither the flipped bytes nor the end: Wiro's own answer, and the fault is not spent."""
    with (
        WiroMock(seed=1, key_only=True, strict=False) as wiro,
        door(wiro, where) as base,
        httpx.Client(timeout=30, headers={"x-api-key": wiro.api_key}) as client,
    ):
        data = bytes(range(250)) * 12
        sent = client.post(f"{base}/File/Upload", files={"file": ("a.mp4", data, "image/png")})
        wiro.fault("cdn", corrupt=3, truncate=50_000, optional=True)
        assert client.get(sent.json()["list"][0]["url"]).content == data
        assert "could not apply: the answer has 3000 bytes" in wiro.requests[-1].reason


@pytest.fixture(scope="module")
def auto() -> Any:
    """One server in virtual time."""
    with live(poll=0) as running:
        yield running


def on_socket(running: Live, words: dict[str, Any]) -> tuple[Fault, list[dict[str, Any]]]:
    """A fault of the socket, and the frames of one task with the welcome before them."""
    running.world.faults.clear()
    fault = arm(running.world, on="socket", **words)
    _, token = running.run()
    with running.socket("/v1", token) as listener:
        return fault, [{"type": "connected"}, *listener.until_end()]


@pytest.mark.parametrize(
    ("do", "changed"),
    [("sparse", lambda frame: "id" not in frame), ("json_in_string", lambda frame: frame["message"] == "null")],
)
def test_a_frame_that_has_nothing_to_be_spoilt_is_passed_over(auto: Live, do: str, changed: Any) -> None:
    """By default the first frame is struck; the welcome has neither id nor message, so it is the next."""
    fault, got = on_socket(auto, {"do": do})
    assert changed(got[1]), got[1]
    assert (fault.struck, fault.times_unfit) == (1, 1)
    assert any("could not apply: the frame has n" in line for line in auto.told)


def test_a_terminal_frame_is_not_put_after_what_never_comes(auto: Live) -> None:
    """It would be lost, and that is `drop`."""
    fault, got = on_socket(auto, {"do": "reorder", "when": {"every": 1, "status": "task_postprocess_end"}})
    assert got[-1]["type"] in TERMINAL
    assert fault.unfit == NOTHING_LEFT


def test_a_turn_in_which_nothing_goes_wrong_is_one_of_the_same_kind(auto: Live) -> None:
    """The second connection is let in; a frame of one that was open before does not use that turn up."""
    auto.world.faults.clear()
    _, token = auto.run()
    with auto.socket() as open_before:
        fault = arm(auto.world, on="socket", do={"status": 503}, then=["ok", {"status": 502}])
        for status in (503, None, 502):
            if status is None:
                with auto.socket():
                    continue
            with pytest.raises(InvalidStatus, match=f"HTTP {status}"), auto.socket():
                pass
            open_before.register(token)
            assert open_before.until_end() if status == 503 else True
        assert fault.struck == 3


def test_every_reason_names_frames_that_can_be_meant() -> None:
    """And its verbs are of the socket."""
    assert all("socket" in VERBS[verb].where for verb in FRAMES_WITHOUT)
    strike: Any = type("S", (), {"do": make_fault({"on": "socket", "do": "sparse"}).do})
    assert (unfit(strike, "connected") != "", unfit(strike, "task_start")) == (True, "")


@pytest.mark.parametrize("do", ["burst", "reorder"])
@pytest.mark.parametrize(("most", "size"), [("HELD", 10), ("HELD_BYTES", 1_000)])
def test_what_is_held_back_has_a_bound(monkeypatch: pytest.MonkeyPatch, do: str, most: str, size: int) -> None:
    """In frames and in bytes; nothing of it is lost, and it begins anew."""
    monkeypatch.setattr(frames, most, size)
    world = make_world()
    arm(world, on="socket", do=do, when={"every": 1})
    wreckage, sent, held = Wreckage(1), [], 0
    for number in range(100):
        text = json.dumps({"type": "task_output", "number": number, "padding": "x" * 70})
        strike = world.faults.strike(world, "socket")
        outs = wreckage.through(text, "task_output", strike)
        sent += outs
        held = max(held, number + 1 - len(sent))
    assert 5 <= held <= 12
    assert len({*sent}) == len(sent) >= 85


def test_the_guide_tells_of_these(tmp_path: Path) -> None:
    """Every verb that passes frames over is in the guide's sentence."""
    guide = (SCENARIOS / "README.md").read_text()
    sentence = guide.partition("<!-- unfit -->")[2].partition("<!-- /unfit -->")[0]
    assert all(f"`{verb}`" in sentence for verb in FRAMES_WITHOUT)
