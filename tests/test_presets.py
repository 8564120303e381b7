"""Each preset keeps its promise: in a test, in a configuration, and as one word of `serve`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from wiro_mock import Misuse, WiroMock
from wiro_mock.commands.group import wiro_mock
from wiro_mock.presets import PRESETS
from wiro_mock.settings import Settings
from wiro_mock.shipped import shipped

HTTP = httpx.Client(verify=False)
CAPTION = "moondream3-preview/caption"
IMAGE = "black-forest-labs/flux-2-pro"


def call(wiro: WiroMock, path: str, **body: object) -> Any:
    answer = HTTP.post(f"https://api.wiro.ai/v1/{path}", json=body, headers={"x-api-key": wiro.api_key})
    return answer.json() if answer.status_code == 200 else answer.status_code


def run(wiro: WiroMock, model: str = CAPTION) -> Any:
    return call(wiro, f"Run/{model}", prompt="hello", inputImage="https://example.com/cat.png")


def status(wiro: WiroMock, task: Any) -> str:
    return str(wiro.world.sim.task(task["taskid"]).status)  # type: ignore[union-attr]


def preset(name: str, **more: Any) -> WiroMock:
    return WiroMock(preset=name, key_only=True, strict=False, **more)


def test_happy_plays_every_model_at_once() -> None:
    """Also those that nobody has heard of."""
    with preset("happy") as wiro, wiro.respx():
        for model in (CAPTION, IMAGE, "nobody/knows-this-image"):
            task = run(wiro, model)
            detail = call(wiro, "Task/Detail", taskid=task["taskid"])["tasklist"][0]
            assert (detail["status"], detail["pexit"]) == ("task_postprocess_end", "0"), model
    assert PRESETS["happy"].for_server["time_mode"] == "auto"


def test_flaky_network_breaks_some_calls_and_not_all() -> None:
    """The same ones for the same seed."""
    told = []
    for _ in range(2):
        with preset("flaky-network", seed=7) as wiro, wiro.respx():
            outcomes = []
            for _ in range(60):
                try:
                    outcomes.append(call(wiro, "Task/Detail", taskid="1")["result"])
                except (httpx.HTTPError, ValueError) as error:
                    outcomes.append(type(error).__name__)
            told.append(outcomes)
    assert told[0] == told[1]
    assert 3 < sum(isinstance(one, str) for one in told[0]) < 40


def test_slow_gpu_lets_the_third_task_wait_and_all_take_longer() -> None:
    """Two workers; what takes six seconds elsewhere is not done by then."""
    with preset("slow-gpu", time="manual") as wiro, wiro.respx():
        first, _, third = run(wiro), run(wiro), run(wiro)
        wiro.jump("7s")
        assert status(wiro, third) == "task_queue"
        assert status(wiro, first) not in ("task_queue", "task_end", "task_postprocess_end")
        wiro.jump("1h")
        assert status(wiro, third) == "task_postprocess_end"


def test_cold_start_delays_the_first_task_of_a_model_only() -> None:
    """By 50 seconds at least; the second finds the model loaded."""
    with preset("cold-start", time="manual") as wiro, wiro.respx():
        first = run(wiro)
        wiro.jump("49s")
        assert status(wiro, first) in ("task_accept", "task_preprocess_end", "task_assign")
        wiro.jump("5m")
        second = run(wiro)
        wiro.jump("10s")
        assert [status(wiro, task) for task in (first, second)] == ["task_postprocess_end"] * 2


def test_rate_limited_refuses_by_status_and_by_code() -> None:
    """Every third call with HTTP 429; a third unfinished task with code 96, which the balance says."""
    with preset("rate-limited", time="manual") as wiro, wiro.respx():
        answers = [run(wiro) for _ in range(4)]
        assert [answer["result"] for answer in answers[:2]] == [True, True]
        assert answers[2] == 429
        assert answers[3]["errors"][0]["code"] == 96


def test_llm_chat_answers_the_prompt_whatever_the_model() -> None:
    """Thinking first; also after a reset."""
    with preset("llm-chat") as wiro, wiro.respx():
        for model in (IMAGE, "nobody/knows-this"):
            task = run(wiro, model)
            content = call(wiro, "Task/Detail", taskid=task["taskid"])["tasklist"][0]["outputs"][0]["content"]
            assert content["thinking"]
            assert "hello" in content["answer"][0]
        wiro.world.reset()
        assert call(wiro, "Task/Detail", taskid=run(wiro, IMAGE)["taskid"])["tasklist"][0]["outputs"][0]["content"]


def test_realtime_voice_opens_a_session_whatever_the_model() -> None:
    """It waits for its client, and for one that has gone."""
    with preset("realtime-voice", time="manual") as wiro, wiro.respx():
        task = run(wiro, IMAGE)
        wiro.jump("1h")
        assert wiro.world.sim.session(task["taskid"]) is not None
        assert status(wiro, task) == "task_start"
        assert wiro.world.settings.realtime_grace == 10.0


def test_what_is_given_besides_goes_before_a_presets_values() -> None:
    """Its fault sets come on top, its scenario gives way; and a preset that does not exist is told of."""
    with preset("slow-gpu", workers=5, faults="bad-day") as wiro:
        assert wiro.world.settings.limits.workers == 5
        assert wiro.world.settings.faults == ("bad-day", "slow-gpu")
    with preset("llm-chat", scenario="failure") as wiro, wiro.respx():
        assert call(wiro, "Task/Detail", taskid=run(wiro)["taskid"])["tasklist"][0]["pexit"] != "0"
    with pytest.raises(Misuse, match=r"WiroMock: preset: no preset 'slow-gup'; did you mean 'slow-gpu'\?"):
        WiroMock(preset="slow-gup")


@pytest.mark.wiro(preset="llm-chat")
def test_a_mark_can_name_one_and_need_not_use_it(wiro: WiroMock) -> None:
    """A strict test does not fail where nothing has met what it sets up."""
    assert wiro.world.settings.use == "llm"


def serve(*words: str) -> Settings:
    """What `serve` would play with these words."""
    from wiro_mock.commands.serve_settings import settings_of

    group = wiro_mock.make_context("wiro-mock", ["config"])
    command = wiro_mock.get_command(group, "serve")
    assert command is not None
    return settings_of(command.make_context("serve", list(words), parent=group).params)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PRESETS)
def test_each_is_one_word_of_serve_and_the_flags_that_are_told(
    name: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flags that `wiro-mock presets` prints do the same, and all that they name is shipped."""
    monkeypatch.chdir(str(tmp_path))
    settings = serve(name)
    assert settings == serve(*PRESETS[name].flags.split())
    assert settings != serve()
    assert all((shipped() / "faults" / f"{one}.yaml").is_file() for one in settings.faults)
    assert not settings.use or (shipped() / f"{settings.use}.yaml").is_file()


def test_a_preset_holds_for_a_world_that_goes_on_from_a_snapshot(tmp_path: Path) -> None:
    """What is given beside `--load` holds: its scenario plays, and its fault sets are armed."""
    from wiro_mock.commands.keeping import load_into
    from wiro_mock.mock import World
    from wiro_mock.snapshot import save

    save(World(), tmp_path / "world")
    world = World(Settings(use="llm", faults=("cold-start",)))
    load_into(world, tmp_path / "world")
    assert [use.name for use in world.uses] == ["llm"]
    assert [armed.of.name for armed in world.fault_sets] == ["cold-start"]


def test_presets_are_listed_with_their_flags() -> None:
    """As text and as JSON."""
    listed = CliRunner().invoke(wiro_mock, ["presets"]).stdout
    assert [line.split()[0] for line in listed.splitlines()[::2]] == list(PRESETS)
    told = json.loads(CliRunner().invoke(wiro_mock, ["presets", "--json"]).stdout)
    assert told["rate-limited"]["flags"] == "--faults rate-limited --balance 20"
