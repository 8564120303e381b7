"""The vocabulary: durations, rates, `${…}`, short forms, media, and what each step makes happen."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.scenarios_kit import JOB, events_of, keep, made, stored
from wiro_mock.kernel import events as e
from wiro_mock.kernel.files import FileKind, make_file
from wiro_mock.kernel.plan import Hold, Stall, Step
from wiro_mock.kernel.texts import LONGEST_VALUE, value_text
from wiro_mock.language.answers import MOST_SNAPSHOTS
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.language.durations import LONGEST, format_duration, parse_duration, parse_rate
from wiro_mock.language.media import content_type, png
from wiro_mock.language.pictures import Format, picture
from wiro_mock.language.steps import StepItem, step_kinds
from wiro_mock.language.yaml_source import read_documents

# -- durations and rates


@given(st.integers(0, LONGEST))
def test_durations_round_trip(microseconds: int) -> None:
    """What is written out reads back as the same number of microseconds."""
    assert parse_duration(format_duration(microseconds)) == microseconds


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("0s", 0),
        ("200ms", 200_000),
        ("2s", 2_000_000),
        ("1.5s", 1_500_000),
        ("1m30s", 90_000_000),
        ("1h2m3s4ms5us", 3_723_004_005),
        ("5m", 300_000_000),
    ],
)
def test_durations_are_read_in_the_units_people_write(text: str, microseconds: int) -> None:
    """Each unit alone, and all together."""
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "5 has no unit; write 5s or 5ms"),
        ("5", "5 has no unit; write 5s or 5ms"),
        (0, "0 has no unit; write 0s"),
        (1.5, "1.5 has no unit; write 1.5s or 1.5ms"),
        ("-2s", "'-2s' is not a duration; write it like 200ms, 2s or 1m30s"),
        ("", "'' is not a duration; write it like 200ms, 2s or 1m30s"),
        ("٣s", "'٣s' is not a duration; write it like 200ms, 2s or 1m30s"),
        ("2s1m", "'2s1m' is not a duration; write it like 200ms, 2s or 1m30s"),
        (True, "True is not a duration; write it like 200ms, 2s or 1m30s"),
        (None, "None is not a duration; write it like 200ms, 2s or 1m30s"),
        ("9000h", "9000h is longer than a year; for something that never ends write `stall:` or `hold: NAME`"),
    ],
)
def test_what_is_no_duration_is_told_how_to_be_one(value: object, message: str) -> None:
    """Above all a number without a unit."""
    with pytest.raises(ValueError) as caught:
        parse_duration(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (45, "45 has no unit; write 45tps (tokens per second)"),
        ("fast", "'fast' is not a rate; write it like 45tps (tokens per second)"),
        ("0tps", "a rate of 0 never comes to an end; to stop in the middle write `stall:` or `hold: NAME`"),
    ],
)
def test_what_is_no_rate_is_told_how_to_be_one(value: object, message: str) -> None:
    """A rate of 0 has a way out of its own."""
    with pytest.raises(ValueError) as caught:
        parse_rate(value)
    assert str(caught.value) == message
    assert parse_rate("12.5tps") == 12.5


# -- substitution


def test_every_name_is_filled_in() -> None:
    """The names of the run, its parameters, the model's defaults; and dollars stay dollars."""
    text = "${with.prompt}|${with.top_p}|${model}|${model.owner}|${model.slug}|${task.id}|${scenario}|$$|$5|$${x}"
    [printed] = [event for event in events_of([{"print": text}, {"exit": 0}]) if isinstance(event, e.Output)]
    assert printed.message == (
        "a cat|0.95|moondream3-preview/caption|moondream3-preview|caption|534574|trial|$|$5|${x}"
    )


def test_a_missing_parameter_names_what_exists() -> None:
    """With the nearest, if one is near, else all."""
    for wanted, hint in (("promt", "did you mean 'prompt'?"), ("zzz", "its parameters are: length, prompt, top_p")):
        scenario = made([{"print": f"${{with.{wanted}}}"}, {"exit": 0}])
        with pytest.raises(ScenarioError) as caught:
            scenario.compile(JOB, keep)
        assert str(caught.value) == (
            f"trial.yaml:3:1: scenario 'trial': ${{with.{wanted}}}: "
            f"this run of moondream3-preview/caption has no parameter '{wanted}'; {hint}; "
            "send it, give the model a default for it, or match only runs that have it (`with`)"
        )


def test_a_long_parameter_is_cut() -> None:
    """At 100 000 characters, with a sign that it was."""
    job = replace(JOB, parameters={"prompt": "x" * (LONGEST_VALUE + 1)})
    plan = made([{"print": "${with.prompt}"}, {"exit": 0}]).compile(job, keep)
    [text] = [s.event.message for s in plan.items if isinstance(s, Step) and isinstance(s.event, e.Output)]
    assert text == "x" * LONGEST_VALUE + "…"


def test_values_become_text() -> None:
    """Scalars as JSON would write them, a file by its name."""
    file = make_file("t", name="cat.jpg", kind=FileKind.INPUT, blob=keep(b"x", "image/jpeg"), at=0)
    values = [value_text(value) for value in (None, True, False, 3, 0.5, "x", file, [file, "y"], {"a": file})]
    assert values == ["", "true", "false", "3", "0.5", "x", "cat.jpg", "cat.jpg, y", '{"a": "cat.jpg"}']


# -- what steps do


def test_what_is_left_out_happens_at_once() -> None:
    """A print implies accept, assign and start; an exit implies the post-processing."""
    plan = made([{"print": {"text": "hi", "after": "2s"}}, {"exit": 0}]).compile(JOB, keep)
    told = [(item.after, type(item.event).__name__) for item in plan.items if isinstance(item, Step)]
    assert told == [
        (0, "Accepted"),
        (0, "Assigned"),
        (0, "Started"),
        (2_000_000, "Output"),
        (0, "OutputEnded"),
        (0, "Exited"),
        (0, "PostprocessStarted"),
        (0, "PostprocessEnded"),
    ]


def test_stderr_ends_only_where_there_was_any() -> None:
    """`ErrorEnded` stands between `OutputEnded` and `Exited`."""
    kinds = [type(event) for event in events_of([{"stderr": "oh"}, {"exit": 1}])]
    assert kinds[3:7] == [e.ErrorOutput, e.OutputEnded, e.ErrorEnded, e.Exited]


def test_progress_is_evenly_spaced_and_ends_at_its_total() -> None:
    """With `log` each step leaves a line like tqdm's."""
    step = {"steps": 10, "for": "5s", "after": "1s", "log": True, "speed_type": "steps/s"}
    plan = made([{"progress": step}, {"exit": 0}]).compile(JOB, keep)
    bar = [i for i in plan.items if isinstance(i, Step) and isinstance(i.event, e.Output)]
    shown = [i.event.message for i in bar if isinstance(i.event, e.Output) and isinstance(i.event.message, e.Progress)]
    assert [i.after for i in bar] == [1_500_000] + [500_000] * 9
    assert [p.step for p in shown] == list(range(1, 11))
    assert (shown[-1].elapsed, shown[-1].remaining, shown[-1].total) == (5_000_000, 0, 10)
    assert shown[5].line == " 60%|██████    | 6/10 [00:03<00:02,  2.00steps/s]"
    assert shown[-1].line == "100%|██████████| 10/10 [00:05<00:00,  2.00steps/s]"


def test_progress_in_no_time_has_no_speed() -> None:
    """Nothing is divided by nothing."""
    [first, *_] = [v for v in events_of([{"progress": {"steps": 3, "log": True}}, {"exit": 0}]) if _is_output(v)]
    assert first.message.line == " 33%|███▎      | 1/3 [00:00<00:00,     ?it/s]"


def test_a_stream_is_cumulative_and_a_second_one_continues_it() -> None:
    """All snapshots of a stream share one text."""
    steps = [
        {"stream": {"text": "A cat asleep.", "rate": "10tps", "first": "400ms", "after": "1s"}},
        {"stream": {"text": " It purrs.\n", "rate": "2tps", "first": "0s"}},
        {"exit": 0},
    ]
    plan = made(steps).compile(JOB, keep)
    outputs = [i for i in plan.items if isinstance(i, Step) and _is_output(i.event)]
    texts: list[Any] = [i.event.message for i in outputs if isinstance(i.event, e.Output)]
    assert [t.so_far for t in texts] == [
        "A",
        "A cat",
        "A cat asleep.",
        "A cat asleep. It",
        "A cat asleep. It purrs.\n",
    ]
    assert [i.after for i in outputs] == [1_400_000, 100_000, 100_000, 0, 500_000]
    assert texts[0].text is texts[2].text
    assert texts[0].words_per_second == 10.0


def test_two_streams_are_not_one_word() -> None:
    """A space stands between them, where neither brings one."""
    plan = made([{"stream": "A cat."}, {"stream": "It purrs."}, {"exit": 0}]).compile(JOB, keep)
    outputs = [item.event for item in plan.items if isinstance(item, Step) and _is_output(item.event)]
    assert outputs[-1].message.so_far == "A cat. It purrs."  # type: ignore[union-attr]


@pytest.mark.parametrize("words", [1, 2, 499, 500, 501, 502, 999, 1000, 10_000])
def test_a_long_stream_has_a_bounded_number_of_snapshots(words: int) -> None:
    """Words share a snapshot beyond the cap; the last one has the whole text, at the time of the last word."""
    plan = made([{"stream": {"text": "w " * words, "rate": "100tps", "first": "0s"}}, {"exit": 0}]).compile(JOB, keep)
    outputs = [i for i in plan.items if isinstance(i, Step) and _is_output(i.event)]
    last: Any = outputs[-1].event
    assert len(outputs) == min(words, len(outputs)) <= MOST_SNAPSHOTS
    assert last.message.so_far == "w " * words
    assert sum(i.after for i in outputs) == (words - 1) * 10_000


def test_files_of_every_kind() -> None:
    """Names and content types by default, and as they are given."""
    stored.clear()
    steps = [
        {"produce": {"text": "héllo ${with.prompt}"}},
        {"produce": {"json": {"k${scenario}": ["${with.prompt}", 1, None]}}},
        {"produce": {"image": {"width": 9, "height": 2}}},
        {"produce": {"name": "${with.prompt}.md", "text": ""}},
        {"produce": {"name": "x.bin", "text": "", "contenttype": "application/x-own"}},
        {"produce": {"json": None}},
        {"exit": 0},
    ]
    files = [event for event in events_of(steps) if isinstance(event, e.Produced)]
    assert [(f.name, f.blob.contenttype) for f in files] == [
        ("0.txt", "text/plain"),
        ("1.json", "application/json"),
        ("2.png", "image/png"),
        ("a cat.md", "text/markdown"),
        ("x.bin", "application/x-own"),
        ("5.json", "application/json"),
    ]
    bodies = [stored[f.blob.digest] for f in files]
    assert bodies[0] == "héllo a cat".encode()
    assert bodies[1] == b'{"ktrial": ["a cat", 1, null]}'
    assert bodies[5] == b"null"


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ('../"x"\n/y', "y"),
        ("", "0.txt"),
        ("..", "0.txt"),
        ("/", "0.txt"),
        ("a\ud800b", "ab"),
        (".hidden", "hidden"),
        ("x" * 300, "x" * 200),
        ("a?b#c%41", "a?b#c%41"),
    ],
)
def test_a_parameter_makes_a_plain_name_of_a_file(prompt: str, name: str) -> None:
    """No path, nothing that a URL cannot carry; the numbered name when nothing is left."""
    job = replace(JOB, parameters={"prompt": prompt})
    plan = made([{"produce": {"name": "${with.prompt}", "text": "\ud800"}}, {"exit": 0}]).compile(job, keep)
    [file] = [i.event for i in plan.items if isinstance(i, Step) and isinstance(i.event, e.Produced)]
    assert file.name == name


def test_cancel_is_a_cancel_in_the_queue_and_a_kill_later() -> None:
    """Which of the two it is follows from where it stands."""
    assert events_of([{"cancel": None}]) == [e.Cancelled(killed=False)]
    assert events_of([{"assign": None}, {"cancel": {}}])[-1] == e.Cancelled(killed=True)


def test_a_failed_setup_has_three_outcomes() -> None:
    """It ends, starts over, or stays."""
    assert events_of([{"setup_error": "no disk"}]) == [
        e.Accepted(),
        e.SetupFailed(message="no disk"),
        e.GaveUp(code=1),
    ]
    again = [{"setup_error": {"message": "m", "then": "requeue", "wait": "3s"}}, {"print": "x"}, {"exit": 0}]
    plan = made(again).compile(JOB, keep)
    assert plan.items[2:4] == [Step(after=3_000_000, event=e.Requeued()), Step(after=0, event=e.Accepted())]
    with pytest.raises(ValidationError):  # what is given up always has code 1
        made([{"setup_error": {"message": "m", "code": 0}}])
    stuck = made([{"setup_error": {"message": "m", "then": "stuck"}}]).compile(JOB, keep)
    assert stuck.items[-1] == Stall()


def test_holds_and_stalls_need_no_exit() -> None:
    """Both may stand at the end, and a hold anywhere."""
    assert made([{"hold": "go"}]).compile(JOB, keep).items == [Hold(name="go")]
    assert made([{"stall": "why"}]).compile(JOB, keep).items == [Stall()]
    after_exit = made([{"exit": 0}, {"hold": "h"}]).compile(JOB, keep).items
    assert after_exit[-3:] == [
        Hold(name="h"),
        Step(after=0, event=e.PostprocessStarted()),
        Step(after=0, event=e.PostprocessEnded()),
    ]


def test_a_stream_has_a_pace_by_default() -> None:
    """40 words a second, the first one after 300 ms; the text alone will do."""
    plan = made([{"stream": "A cat asleep."}, {"exit": 0}]).compile(JOB, keep)
    assert [i.after for i in plan.items if isinstance(i, Step) and _is_output(i.event)] == [300_000, 25_000, 25_000]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("start", {"start": {}}),
        ("accept", {"accept": {}}),
        ("assign", {"assign": {}}),
        ("preprocess", {"preprocess": {}}),
        ("postprocess", {"postprocess": {}}),
        ("stall", {"stall": {}}),
        ("cancel", {"cancel": {}}),
        ({"start": "1s"}, {"start": {"after": "1s"}}),
        ({"accept": "500ms"}, {"accept": {"after": "500ms"}}),
        ({"assign": "1s"}, {"assign": {"after": "1s"}}),
        ({"cancel": "2s"}, {"cancel": {"after": "2s"}}),
        ({"preprocess": "300ms"}, {"preprocess": {"for": "300ms"}}),
        ({"postprocess": "1s"}, {"postprocess": {"for": "1s"}}),
        ({"print": 42}, {"print": {"text": "42"}}),
        ({"stderr": 1.5}, {"stderr": {"text": "1.5"}}),
    ],
)
def test_a_step_may_be_written_in_short(short: Any, long: Any) -> None:
    """A bare word, or the one value that it is mostly written for."""
    assert StepItem.model_validate(short) == StepItem.model_validate(long)


def test_a_step_stands_alone_exactly_where_nothing_is_needed() -> None:
    """And the way out that the others name works."""
    for name, kind in step_kinds().items():
        if not kind.least:
            assert StepItem.model_validate(name).step == kind.model_validate({})
            continue
        with pytest.raises(ValidationError):
            kind.model_validate({})
        [document], _ = read_documents(f"- {kind.least}")
        assert StepItem.model_validate(document.data[0]).name == name


# -- what a client sends cannot fill the memory


@pytest.mark.parametrize("value", ["x " * 5_000_000, ["x"] * 1_000_000, {"k": ["x"] * 1_000_000}])
def test_a_huge_parameter_makes_a_small_plan(value: Any) -> None:
    """Whatever its shape: no more of it than is filled in is ever looked at."""
    texts = [{step: "${with.prompt}"} for step in ("print", "stream", "stderr")]
    scenario = made([*texts, {"produce": {"json": ["${with.prompt}"]}}, {"exit": 0}])
    job = replace(JOB, parameters={"prompt": value})
    tracemalloc.start()
    plan = scenario.compile(job, keep)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(plan.items) < 600
    assert held < 4_000_000
    assert peak < 12_000_000


def test_pictures_are_made_once() -> None:
    """And few are kept."""
    image = {"width": 4096, "height": 4096, "color": "#010203"}
    scenario = made([{"produce": {"name": "${task.id}.png", "image": image}}, {"exit": 0}])
    scenario.compile(JOB, keep)
    before = picture.cache_info()
    scenario.compile(JOB, keep)
    after = picture.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + 1)
    assert after.maxsize is not None
    assert after.maxsize * max(len(picture(kind, 4096, 4096, "#010203")) for kind in get_args(Format)) < 4_000_000


# -- media


def test_the_png_is_one() -> None:
    """Signature, chunks with their check sums, and as many pixels as were asked for."""
    data = png(17, 5, "#a1b2c3")
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, rest = {}, data[8:]
    while rest:
        size = struct.unpack(">I", rest[:4])[0]
        kind, body, check = rest[4:8], rest[8 : 8 + size], rest[8 + size : 12 + size]
        assert struct.unpack(">I", check)[0] == zlib.crc32(kind + body)
        chunks[kind], rest = body, rest[12 + size :]
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (17, 5)
    assert chunks[b"PLTE"] == bytes.fromhex("a1b2c3")
    assert zlib.decompress(chunks[b"IDAT"]) == bytes((1 + 3) * 5)
    assert content_type("X.PNG") == "image/png"
    assert content_type("x") == "application/octet-stream"


def _is_output(event: Any) -> bool:
    return isinstance(event, e.Output)
