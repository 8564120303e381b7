"""What a language model answers: its frames in every profile, its output, its tokens and its conversations."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import api_kit
from tests.api_kit import make_world, post
from wiro_mock.api import Conversation, Profile, find_profile, switch
from wiro_mock.kernel import tokens
from wiro_mock.kernel.answer import Finish
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.prices import Tier
from wiro_mock.language.answers import LEAST_SNAPSHOTS
from wiro_mock.language.corpus import corpus
from wiro_mock.loader import ScenarioError, load_text
from wiro_mock.mock import World
from wiro_mock.talks import LARGEST, LONGEST, MOST, TURNS, Talks

GPT = "/v1/Run/openai/gpt-5-2"
CURRENT, NEWEST, APRIL, SEED = map(find_profile, ("current", "2026-09", "2026-04", "2025-12"))
SHIPPED = ("llm", "llm-alternating", "llm-cut-off", "llm-progress-only", "llm-tool-call")


def _played(world: World, name: str = "", **fields: object) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The frames of one run, and its Detail at the end."""
    if name:
        world.use(name, times=1)
    task_id, token = api_kit.run(world, fields or {"prompt": "why?"}, path=GPT)
    conversation = Conversation(world, api_kit.ORIGIN)
    conversation.receive(json.dumps({"type": "task_info", "tasktoken": token}))
    world.jump(world.sim.now + 3600 * SECOND)
    frames = list[dict[str, Any]]()
    while texts := conversation.pending():
        frames += map(json.loads, texts)
    return frames, post(world, "/v1/Task/Detail", {"taskid": task_id}).json["tasklist"][0]


def _said(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame["message"] for frame in frames if frame["type"] == "task_output"]


def _world(scenario: str = "", profile: Profile = CURRENT) -> World:
    yaml = f"scenario: mine\nmatch: {{model: '*'}}\nsteps:\n{scenario}" if scenario else ""
    return make_world(scenarios=yaml, profile=profile)


def test_the_default_thinks_and_then_answers() -> None:
    """S7 of socket.md §1.5: cumulative snapshots, thinking first, then the answer; the same in the output."""
    frames, task = _played(_world(), prompt="Why is the sky blue?")
    said = _said(frames)
    phases = [message["isThinking"] for message in said]
    assert phases == sorted(phases, reverse=True)
    assert {True, False} == set(phases)
    assert list(said[0]) == [
        "type", "task", "speed", "speedType", "raw", "thinking", "answer", "isThinking", "elapsedTime", "segments",
    ]  # fmt: skip
    for before, after in pairwise(said):
        assert after["raw"].startswith(before["raw"].removesuffix("</think>"))
    [output] = task["outputs"]
    assert list(output) == ["contenttype", "content"]
    assert output["contenttype"] == "raw"
    content = output["content"]
    assert list(content) == ["prompt", "raw", "thinking", "answer", "segments", "finishreason", "usage"]
    last = said[-1]
    assert {key: content[key] for key in ("raw", "thinking", "answer", "segments", "finishreason", "usage")} == {
        key: last[key] for key in ("raw", "thinking", "answer", "segments", "finishreason", "usage")
    }
    assert content["prompt"] == "Why is the sky blue?"
    assert "Why is the sky blue?" in content["answer"][0]
    assert content["raw"] == f"<think>{content['thinking'][0]}</think>{content['answer'][0]}"
    assert task["debugoutput"] == content["answer"][0]
    assert frames[-1]["message"] == task["outputs"]
    assert all("usage" not in message for message in said[:-1])


@settings(max_examples=40, deadline=None)
@given(prompt=st.text(min_size=1, max_size=60), more=st.dictionaries(st.sampled_from(["max_tokens", "x"]), st.text()))
def test_whatever_the_parameters_there_are_five_snapshots_and_a_thought(prompt: str, more: dict[str, str]) -> None:
    """The default of the kind (issue 5)."""
    frames, task = _played(_world(), prompt=prompt, **more)
    said = _said(frames)
    assert len(said) >= 5
    assert said[0]["isThinking"]
    assert said[0]["thinking"] != []
    assert task["outputs"][0]["content"]["answer"] == [task["debugoutput"]]


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("profile", [CURRENT, NEWEST, APRIL, SEED], ids=["current", "2026-09", "2026-04", "2025-12"])
def test_every_profile_has_its_forms(name: str, profile: Profile) -> None:
    """`segments` since 2026-09, the lists before, both in `current` (socket.md §0)."""
    frames, task = _played(_world(profile=profile), name)
    newer, older = profile.segments, profile.plain_texts
    content = task["outputs"][0]["content"]
    for shape in (*_said(frames), content):
        assert ("segments" in shape) is newer
        assert ("raw" in shape, "thinking" in shape, "answer" in shape) == (older, older, older)
    assert ("usage" in content, "finishreason" in content) == (newer, newer)
    full = next(frame["message"] for frame in frames if frame["type"] == "task_output_full")
    raw = content.get("raw", "").replace("<answer>", "").replace("</answer>", "")
    assert (full if full == "" else full["raw"]) == (raw if profile.full_logs else "")


def test_thinking_and_answer_in_turns() -> None:
    frames, task = _played(_world(), "llm-alternating", prompt="why?")
    content = task["outputs"][0]["content"]
    assert [segment["type"] for segment in content["segments"]] == ["thinking", "answer"] * 2
    assert content["answer"] == ["You ask: why?", "It depends."]
    assert len(content["thinking"]) == 2
    assert task["debugoutput"] == "You ask: why?\n\nIt depends."
    phases = [message["isThinking"] for message in _said(frames)]
    assert [one for one, other in pairwise([*phases, None]) if one != other] == [True, False, True, False]
    lengths = [len(message["segments"]) for message in _said(frames)]
    assert lengths == sorted(lengths)


def test_a_tool_is_called() -> None:
    """The call is in progress until its arguments are whole (socket.md §4.2)."""
    frames, task = _played(_world(), "llm-tool-call", prompt="rain in İzmir")
    calls = [message["segments"][-1] for message in _said(frames) if len(message["segments"]) == 2]
    assert [call["status"] for call in calls] == ["in_progress"] * (len(calls) - 1) + ["completed"]
    assert list(calls[-1]) == ["type", "id", "call_id", "name", "arguments", "status"]
    assert calls[-1]["type"] == "function_call"
    assert calls[-1]["call_id"].startswith("call_")
    assert json.loads(calls[-1]["arguments"]) == {"query": "rain in İzmir"}
    content = task["outputs"][0]["content"]
    assert content["finishreason"] == "tool_calls"
    assert content["answer"] == []
    assert content["segments"][-1] == calls[-1]
    assert task["debugoutput"] == ""


def test_a_custom_call_has_an_input_and_its_own_id() -> None:
    step = "  - answer: {pieces: [{custom_call: {name: shell, input: ls, id: mine}}]}\n  - exit: 0\n"
    _, task = _played(_world(step))
    [segment] = task["outputs"][0]["content"]["segments"]
    assert {key: segment[key] for key in ("type", "call_id", "name", "input", "status")} == {
        "type": "custom_tool_call", "call_id": "mine", "name": "shell", "input": "ls", "status": "completed",
    }  # fmt: skip


def test_the_observed_variant_shows_its_text_at_the_end_only() -> None:
    """Seen in September 2026: an empty answer, isThinking throughout, tags at the end (socket.md §0)."""
    frames, task = _played(_world(), "llm-progress-only", prompt="why?")
    assert len(_said(frames)) > 5
    for message in _said(frames):
        assert (message["answer"], message["raw"], message["segments"]) == ([], "", [])
        assert message["isThinking"] is True
    assert task["outputs"][0]["content"]["answer"] == ["<answer>This is the answer of a mock to: why?</answer>"]
    assert task["debugoutput"] == "This is the answer of a mock to: why?"


def test_an_answer_that_is_cut_off_says_so() -> None:
    _, task = _played(_world(), "llm-cut-off")
    content = task["outputs"][0]["content"]
    assert content["finishreason"] == "length"
    assert content["usage"]["output_tokens"] == 64
    assert content["answer"] == [corpus(64)]


def test_a_run_that_fails_in_the_middle_has_no_output() -> None:
    _, task = _played(_world("  - answer: It begins well\n  - exit: 1\n"))
    assert (task["outputs"], task["pexit"], task["debugoutput"]) == ([], "1", "It begins well")


def test_tokens_are_counted_in_one_way() -> None:
    frames, task = _played(_world("  - answer: {thinking: a b, text: one two three}\n  - exit: 0\n"), prompt="x y")
    assert len(_said(frames)) == 5
    assert task["outputs"][0]["content"]["usage"] == {
        "input_tokens": 2,
        "input_tokens_details": {"cached_tokens": 0, "text_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2, "text_tokens": 3},
        "total_tokens": 7,
    }


def test_what_is_counted_is_never_more_than_what_is_said() -> None:
    step = "  - answer: {thinking: a b c d e f, text: g, usage: {output: 2}}\n  - exit: 0\n"
    _, task = _played(_world(step))
    assert task["outputs"][0]["content"]["usage"]["output_tokens_details"] == {"reasoning_tokens": 2, "text_tokens": 0}


def test_usage_and_finish_may_be_said() -> None:
    step = (
        "  - answer: {text: one, finish: error, usage: {input: 18, cached: 6, output: 11, reasoning: 4}}\n  - exit: 0\n"
    )
    _, task = _played(_world(step))
    content = task["outputs"][0]["content"]
    assert (content["finishreason"], content["usage"]["total_tokens"]) == ("error", 29)
    assert content["usage"]["input_tokens_details"]["cached_tokens"] == 6
    assert content["usage"]["output_tokens_details"]["reasoning_tokens"] == 4


def _instants(world: World, **fields: object) -> list[int]:
    task_id, _ = api_kit.run(world, fields or {"prompt": "x"}, path=GPT)
    world.jump(world.sim.now + 3600 * SECOND)
    log = world.sim.log(task_id)
    begun = log[0].at
    return [entry.at - begun for entry in log if type(entry.event).__name__ == "Output"]


def test_the_first_token_and_the_pace() -> None:
    even = _instants(_world("  - answer: {text: a b c d, first: 2s, rate: 4tps}\n  - exit: 0\n"))
    assert even == [2_000_000, 2_250_000, 2_500_000, 2_750_000]


def test_jitter_is_drawn_from_the_seed() -> None:
    step = "  - answer: {say: corpus, tokens: 200, first: 1s, rate: 10tps, jitter: 0.5}\n  - exit: 0\n"
    one, again = _instants(_world(step)), _instants(_world(step))
    assert one == again
    gaps = [after - before for before, after in pairwise(one)]
    assert len(set(gaps)) > 100
    assert all(50_000 <= gap <= 150_000 for gap in gaps)
    assert abs(sum(gaps) / len(gaps) - 100_000) < 10_000
    world = _world(step)
    assert _instants(world) != _instants(world)  # another task, another draw


def test_a_long_answer_has_a_bounded_number_of_snapshots() -> None:
    frames, task = _played(_world("  - answer: {say: corpus, tokens: 3000, rate: 100tps}\n  - exit: 0\n"))
    assert 250 <= len(_said(frames)) <= 501
    assert tokens.count(task["debugoutput"]) == 3_000


def test_a_very_long_answer_has_few_snapshots() -> None:
    """Each shows all of it so far, and some profiles twice: all frames together stay within a few megabytes."""
    prompt = "hello " * 60_000
    frames, task = _played(_world("  - answer: {say: echo, rate: 1000tps}\n  - exit: 0\n"), prompt=prompt)
    said = _said(frames)
    assert task["debugoutput"] == prompt
    assert LEAST_SNAPSHOTS <= len(said) < 60
    assert sum(len(json.dumps(frame)) for frame in frames) < 18_000_000


def test_several_steps_are_one_answer() -> None:
    steps = (
        "  - answer: {pieces: [{thinking: hm}], first: 1s}\n  - stderr: {text: careful, after: 2s}\n"
        "  - answer: {text: yes, finish: content_filter, first: 1s, after: 1s}\n  - exit: 0\n"
    )
    frames, task = _played(_world(steps))
    assert [frame["type"] for frame in frames if frame["type"] in ("task_output", "task_error")] == [
        "task_output",
        "task_error",
        "task_output",
    ]
    content = task["outputs"][0]["content"]
    assert (content["raw"], content["finishreason"]) == ("<think>hm</think>yes", "content_filter")
    first, second = _said(frames)
    assert "finishreason" not in first
    assert (first["elapsedTime"], second["elapsedTime"]) == ("1s", "5s")  # since the answer began
    assert (first["speed"], second["speed"]) == ("1.0", "0.4")


def test_a_last_step_that_says_nothing_still_ends_the_answer() -> None:
    steps = "  - answer: {pieces: [{thinking: hm}]}\n  - answer: '${with.nothing}'\n  - exit: 0\n"
    frames, _ = _played(_world(steps), prompt="p", nothing="")
    assert ["finishreason" in message for message in _said(frames)] == [False, True]


def test_only_the_last_step_tells_how_it_ends() -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(
            "scenario: x\nsteps:\n  - answer: {text: a, finish: stop, tagged: true}\n  - answer: b\n  - exit: 0\n"
        )
    assert str(caught.value) == (
        "<text>:3:5: step 1: answer: finish and tagged tell of the whole answer; move them to its last step"
        " [answer-ends-once]"
    )


def test_two_steps_are_drawn_differently_and_call_by_different_ids() -> None:
    steps = (
        "  - answer: {say: corpus, tokens: 60, jitter: 0.9}\n  - answer: {say: corpus, tokens: 60, jitter: 0.9}\n"
        "  - answer: {pieces: [{call: {name: a}}]}\n  - answer: {pieces: [{call: {name: b}}]}\n  - exit: 0\n"
    )
    world = _world(steps)
    instants = _instants(world)
    assert [after - before for before, after in pairwise(instants[:60])] != [
        after - before for before, after in pairwise(instants[60:120])
    ]
    _, task = _played(world)
    calls = task["outputs"][0]["content"]["segments"][2:]
    assert calls[0]["call_id"] != calls[1]["call_id"]
    assert calls[0]["id"] != calls[1]["id"]


def test_the_id_of_a_call_may_be_said() -> None:
    step = "  - answer: {pieces: [{call: {name: a, id: 'call-${with.prompt}'}}]}\n  - exit: 0\n"
    _, task = _played(_world(step), prompt="7")
    assert task["outputs"][0]["content"]["segments"][0]["call_id"] == "call-7"


def test_long_arguments_stay_whole() -> None:
    step = "  - answer: {pieces: [{call: {name: a, arguments: {text: '${with.prompt}'}}}]}\n  - exit: 0\n"
    _, task = _played(_world(step), prompt="x" * 99_999 + "é")
    told = json.loads(task["outputs"][0]["content"]["segments"][0]["arguments"])
    assert told == {"text": "x" * 99_999 + "é"}


def test_the_speed_is_that_of_what_was_shown() -> None:
    step = "  - answer: {text: a b c d, first: 1s, rate: 1tps}\n  - exit: 0\n"
    frames, _ = _played(_world(step))
    assert [(message["speed"], message["elapsedTime"]) for message in _said(frames)] == [
        ("1.0", "1s"),
        ("1.0", "2s"),
        ("1.0", "3s"),
        ("1.0", "4s"),
    ]
    hidden, _ = _played(_world(), "llm-progress-only")
    assert {message["speed"] for message in _said(hidden)} == {"0.0"}


def test_a_log_that_is_told_whole_has_the_forms_of_its_profile() -> None:
    for profile, keys in (
        (APRIL, ["raw", "thinking", "answer"]),
        (switch(NEWEST, "full_logs=true"), ["raw", "segments"]),
    ):
        frames, task = _played(_world(profile=profile), "llm-alternating")
        full = next(frame["message"] for frame in frames if frame["type"] == "task_output_full")
        assert list(full) == keys
        content = task["outputs"][0]["content"]
        assert {key: full[key] for key in keys[1:]} == {key: content[key] for key in keys[1:]}
        assert all(full[key] for key in keys)


def test_an_answer_is_an_output_that_is_paid_for() -> None:
    tiers = (Tier(price=Decimal("0.02"), method="cpo"),)
    model = replace(api_kit.shipped_library().models[0], owner="openai", slug="gpt-5-2", prices=tiers, parameters=())
    world = _world("  - answer: yes\n  - produce: {text: a file}\n  - exit: 0\n")
    world.casting.library.models = [model]
    _, task = _played(world)
    assert (len(task["outputs"]), task["totalcost"]) == (2, "0.040000000000")


def test_a_price_per_token_is_reckoned_from_the_usage_that_is_told() -> None:
    tiers = (Tier(price=Decimal("0.001"), method="cpt"),)
    model = replace(api_kit.shipped_library().models[0], owner="openai", slug="gpt-5-2", prices=tiers, parameters=())
    world = _world("  - answer: {thinking: a b, text: one two three}\n  - exit: 0\n")
    world.casting.library.models = [model]
    _, task = _played(world, prompt="x y")
    assert task["outputs"][0]["content"]["usage"]["total_tokens"] == 7
    assert task["totalcost"] == "0.007000000000"


def test_a_long_prompt_is_counted_whole_and_filled_in_cut() -> None:
    tiers = (Tier(price=Decimal("0.000001"), method="cpt"),)
    model = replace(api_kit.shipped_library().models[0], owner="openai", slug="gpt-5-2", prices=tiers, parameters=())
    world = _world("  - answer: '${prompt}'\n  - exit: 0\n")
    world.casting.library.models = [model]
    prompt = "hello " * 50_000
    _, task = _played(world, prompt=prompt)
    content = task["outputs"][0]["content"]
    assert content["prompt"] == prompt
    assert content["usage"]["input_tokens"] == tokens.count(prompt) == 50_001
    assert content["answer"] == [prompt[:100_000] + "…"]
    assert task["totalcost"] == f"{Decimal('0.000001') * content['usage']['total_tokens']:.12f}"


def test_an_echo() -> None:
    _, task = _played(_world("  - answer: {say: echo}\n  - exit: 0\n"), prompt="Say it again")
    assert task["debugoutput"] == "Say it again"


@pytest.mark.parametrize(
    ("fields", "prompt"),
    [
        ({"prompt": "p", "messages": [{"role": "user", "content": "m"}]}, "p"),
        ({"prompt": "", "messages": [{"role": "user", "content": "m"}, {"role": "assistant", "content": "a"}]}, "m"),
        (
            {"messages": '[{"role": "user", "content": [{"type": "text", "text": "parts"}, {"type": "image"}]}]'},
            "parts",
        ),
        ({"messages": "no json"}, ""),
        ({"messages": [1, {"role": "user"}]}, ""),
        ({"messages": "[" * 100_000}, ""),
    ],
)
def test_what_was_asked(fields: dict[str, Any], prompt: str) -> None:
    world = make_world(
        scenarios="scenario: mine\nmatch: {model: '*'}\nsteps:\n  - answer: {say: echo}\n  - exit: 0\n",
        profile=switch(CURRENT, "parameters=unchecked"),
    )
    _, task = _played(world, **fields)
    assert task["outputs"][0]["content"]["prompt"] == prompt


def test_a_session_keeps_its_conversation() -> None:
    step = "  - answer: 'turn ${session.turn} after [${session.prompt}] [${session.answer}]'\n  - exit: 0\n"
    world = _world(step)

    def turn(prompt: str, **session: str) -> dict[str, Any]:
        return dict(_played(world, prompt=prompt, **session)[1]["outputs"][0]["content"])

    first = turn("one", session_id="s", user_id="u")
    second = turn("two", session_id="s", user_id="u")
    assert first["answer"] == ["turn 1 after [] []"]
    assert second["answer"] == ["turn 2 after [one] [turn 1 after [] []]"]
    before = tokens.count("one") + tokens.count("turn 1 after [] []")
    assert second["usage"]["input_tokens_details"]["cached_tokens"] == before
    assert second["usage"]["input_tokens"] == before + 1
    assert turn("x", session_id="s", user_id="another")["answer"] == ["turn 1 after [] []"]
    assert turn("x", session_id="t", user_id="u")["answer"] == ["turn 1 after [] []"]
    assert turn("x")["answer"] == ["turn 1 after [] []"]
    assert turn("y")["answer"] == ["turn 1 after [] []"]
    world.reset()
    assert turn("z", session_id="s", user_id="u")["answer"] == ["turn 1 after [] []"]


def test_an_answer_that_failed_is_no_part_of_a_conversation() -> None:
    world = _world("  - answer: '${session.turn}'\n  - exit: 1\n")
    for _ in range(2):
        _, task = _played(world, prompt="p", session_id="s")
        assert task["debugoutput"] == "1"


def test_conversations_have_bounds() -> None:
    talks = Talks()
    for number in range(TURNS + 5):
        talks.remember({"session_id": "s"}, f"{number}" + "p" * LONGEST, "a" * (LONGEST + 1))
    turns = talks.turns({"session_id": "s"})
    assert len(turns) == TURNS
    assert turns[0].prompt[:2] == "5p"
    assert {len(turn.prompt) for turn in turns} == {len(turn.answer) for turn in turns} == {LONGEST}
    for number in range(MOST):
        talks.remember({"session_id": number}, "p", "a")
        talks.remember({"session_id": 0}, "p", "a")  # spoken in all the time
    assert len(talks) == MOST
    assert talks.turns({"session_id": "s"}) == ()
    assert len(talks.turns({"session_id": 0})) == TURNS


def test_all_conversations_together_have_a_bound() -> None:
    talks = Talks()
    for number in range(1 + LARGEST // (2 * LONGEST)):
        talks.remember({"session_id": number}, "p" * LONGEST, "a" * LONGEST)
    assert talks.turns({"session_id": 0}) == ()
    assert len(talks) == LARGEST // (2 * LONGEST)
    assert talks._size == len(talks) * 2 * LONGEST


@pytest.mark.parametrize(
    "named", [{}, {"session_id": ""}, {"session_id": None}, {"session_id": ["s"]}, {"user_id": "u"}]
)
def test_without_a_session_there_is_no_conversation(named: dict[str, Any]) -> None:
    talks = Talks()
    talks.remember(named, "p", "a")
    assert (len(talks), talks.turns(named)) == (0, ())


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("answer: {}", "an answer has exactly one source, here none; write one of text, pieces, say"),
        (
            "answer: {text: a, say: echo}",
            "an answer has exactly one source, here text and say; write one of text, pieces, say",
        ),
        (
            "answer: {pieces: [{answer: a}], thinking: b}",
            "`thinking` stands beside pieces; write it as the first of them",
        ),
        ("answer: {text: a, tokens: 3}", "`tokens` is for `say: corpus`; leave it out, or write that"),
        ("answer: {text: a, usage: {}}", "is empty; write one of input, output, reasoning, cached"),
        (
            "answer: {text: a, usage: {output: 2, reasoning: 3}}",
            "reasoning is a part of output, and 3 are more than 2; mend one of the two",
        ),
        (
            "answer: {text: a, usage: {input: 1, cached: 9}}",
            "cached is a part of input, and 9 are more than 1; mend one of the two",
        ),
        (
            "answer: {pieces: [{}]}",
            "a piece is exactly one of thinking, answer, call, custom_call, here none",
        ),
    ],
)
def test_an_answer_with_a_mistake(step: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\nsteps:\n  - {step}\n  - exit: 0\n")
    assert message in str(caught.value)


@pytest.mark.parametrize("order", [("stream", "answer"), ("answer", "stream")])
def test_a_scenario_streams_in_one_way(order: tuple[str, str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\nsteps:\n  - {order[0]}: ''\n  - {order[1]}: b\n  - exit: 0\n")
    assert f"{order[1]}: a scenario has stream steps or answer steps, not both; write all of it as answer" in str(
        caught.value
    )


def test_the_reasons_to_finish_are_wiros() -> None:
    for finish in get_args(Finish):
        load_text(f"scenario: x\nsteps:\n  - answer: {{text: a, finish: {finish}}}\n  - exit: 0\n")
    with pytest.raises(ScenarioError):
        load_text("scenario: x\nsteps:\n  - answer: {text: a, finish: bored}\n  - exit: 0\n")


def test_a_hold_in_the_middle_of_an_answer() -> None:
    from wiro_mock import WiroMock

    with WiroMock(key_only=True) as wiro, wiro.respx():
        import httpx

        http = httpx.Client(base_url="https://api.wiro.ai/v1", headers={"x-api-key": wiro.api_key})
        with wiro.hold("answer", nth=4):
            run = http.post("/Run/openai/gpt-5-2", json={"prompt": "hello"}).json()
            detail = http.post("/Task/Detail", json={"taskid": run["taskid"]}).json()["tasklist"][0]
            assert detail["status"] == "task_output"
        assert wiro.tasks[-1].status == "task_output"
        http.post("/Task/Detail", json={"taskid": run["taskid"]})
        assert wiro.tasks[-1].succeeded
