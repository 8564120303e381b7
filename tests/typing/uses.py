"""How a tester's own, strictly typed code uses the library. Checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

import httpx
import pytest
from hypothesis import given
from hypothesis.strategies import SearchStrategy

from wiro_mock import Hold, Misuse, Scenario, Served, Task, Unmet, WiroMock, WiroRouter, WiroWarning, strategies
from wiro_mock.testing.views import FileView


@pytest.fixture(scope="module")
def shared() -> Iterator[WiroMock]:
    with WiroMock(scenario=["concurrency-limit", "caption"], time="manual", seed=4242, balance="0.40") as wiro:
        yield wiro


@pytest.fixture
def wiro_settings() -> Mapping[str, Any]:
    return {"time": "manual", "scenarios": [Path("tests/scenarios")]}


@pytest.mark.wiro(scenario="failure", strict=False)
def test_choosing(wiro: WiroMock) -> None:
    made = wiro.scenario("slow", match={"model": "*"}, steps=["accept", {"start": "1s"}, {"exit": 0}])
    assert_type(made, Scenario)
    wiro.scenario("poor", account={"balance": Decimal("0.40"), "member": False}, steps=[{"exit": 0}], optional=True)
    wiro.use("failure", made, model="google/*", with_={"length": ["short", 7]}, times=2, optional=True)
    wiro.on_run(model="*/caption", nth=2).use(made, optional=True)
    wiro.allow("POST /v1/Run/nobody/*")


def test_time(wiro: WiroMock) -> None:
    with wiro.hold("task_start", nth=2, model="*") as hold:
        assert_type(hold, Hold)
        assert_type(hold.held, list[str])
        assert_type(hold.wait(1.5), str)
    assert_type(wiro.release("the-end"), list[str])
    for length in ("2m", 1.5, 3, timedelta(hours=1)):
        wiro.jump(length)
    wiro.jump_to(wiro.tasks[-1], "task_start")
    wiro.jump_to("223113", "stream")
    with wiro.patch_sleep("client.polling", "client.aio"):
        pass
    assert_type(wiro.now, float)


def test_looking_back(wiro: WiroMock) -> None:
    task = wiro.tasks[-1]
    assert_type(task, Task)
    assert_type(task.id, str)
    assert_type(task.model, str)
    assert_type(task.status, str)
    assert_type(task.exit_code, int | None)
    assert_type(task.cost, Decimal | None)
    assert_type(task.parameters, dict[str, Any])
    assert_type(task.outputs, list[FileView])
    assert_type(task.outputs[0].read(), bytes)
    assert_type([moment.kind for moment in task.timeline], list[str])
    assert_type(wiro.tasks["token"].finished, bool)
    assert_type(wiro.requests.of("Run").refused[0].reason, str)
    assert_type([upload.sha256 for upload in wiro.uploads], list[str])
    assert_type([delivery.state for delivery in wiro.deliveries], list[str])
    assert_type(len(wiro.frames.wait_for("task_output", count=3, task=task, timeout="5s")), int)
    assert_type(wiro.assert_ran("moondream3-preview/caption", length="short", times=1), Task)
    wiro.assert_not_called("Task/Cancel", model="google/*")
    wiro.assert_polled(task, at_most=3, at_least=1, min_interval="1s")
    wiro.assert_signed()
    wiro.assert_no_leaks()
    wiro.export(Path("journal.jsonl"))
    assert_type(wiro.report(), str)
    assert_type(wiro.explain(wiro.requests[-1]), str)
    assert_type(wiro.deliveries[-1].json, Any)


async def test_waiting(wiro: WiroMock) -> None:
    with wiro.hold("task_start") as hold:
        assert_type(await hold.wait_async("2s"), str)
    assert_type(len(await wiro.frames.wait_for_async("task_end", timeout=1)), int)


def test_the_account(wiro: WiroMock) -> None:
    wiro.account.balance = "0.40"
    wiro.account.balance = Decimal("0.40")
    wiro.account.balance = 5
    before = wiro.account.balance
    assert_type(wiro.account.suspended, bool)
    wiro.account.suspended = True
    wiro.account.member = False
    assert wiro.account.spent <= 0.05
    assert before - wiro.account.balance == Decimal("0.00351")
    assert before - 0.5 < wiro.account.balance
    assert_type(wiro.account.limit, int | None)
    amounts: list[Decimal] = [wiro.account.balance, wiro.account.spent, 1 - before]
    assert sum(amounts) > 0
    with WiroMock(balance=Decimal(5), suspended=True, member=False, unknown_models="play"):
        pass


def test_leftovers(wiro: WiroMock) -> None:
    wiro.fault("Task/Detail", status=503, times=2, task=wiro.tasks[-1], optional=True)
    wiro.fault(["Run", "upload"], latency="1s..3s", retry_after=2, status=429, when={"share": 0.5}, then=["ok"])
    wiro.faults("bad-day", optional=True)
    assert_type(wiro.problems(), list[str])


def test_doors(wiro: WiroMock, wiro_respx: WiroRouter, wiro_server: Served, wiro_env: Served) -> None:
    assert_type(wiro_server.url, str)
    assert_type(wiro_env.socket_url, str)
    assert_type(wiro_respx["Run"].called, bool)
    with wiro.respx() as router:
        assert_type(router, WiroRouter)
        router.get("https://example.com/cat.png").respond(200, content=b"a cat")
    with wiro.serve(port=0) as served:
        assert_type(served, Served)
    httpx.ASGITransport(wiro.app)


@given(scenario=strategies.scenarios())
def test_fuzz(scenario: Scenario) -> None:
    with WiroMock(scenario=scenario) as wiro, wiro.respx():
        assert len(wiro.tasks) == 0


@given(sent=strategies.inputs("google/nano-banana-pro", scenarios=["wiro_scenarios"]))
def test_inputs(sent: dict[str, Any]) -> None:
    assert_type(strategies.inputs("openai/gpt-5-2"), SearchStrategy[dict[str, Any]])
    assert "prompt" in sent


def test_errors() -> None:
    for kind in (Misuse, Unmet, WiroWarning):
        assert issubclass(kind, Exception)
