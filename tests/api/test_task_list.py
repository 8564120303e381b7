"""`Task/List`: pages of tasks, what chooses among them, and what makes no sense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.test_detail import NEWER_KEYS, SEED_KEYS, check_money, check_shape
from tests.api_kit import CAPTION, detail, make_world, multipart, part, post, run, send, signed
from wiro_mock import shapes
from wiro_mock.api import task_list, wire
from wiro_mock.api.body import text_of
from wiro_mock.api.task_list import LIMIT, MOST, page_of, wanted_model
from wiro_mock.kernel.rules import Limits
from wiro_mock.kernel.task import Task
from wiro_mock.mock import World

PATH = "/v1/Task/List"
MCP = {"type": "model", "sort": "id", "order": "DESC", "start": "0", "limit": "20"}
"""What Wiro's MCP server sends."""
QUERY = "/v1/Run/moondream3-preview/query"
SCENARIOS = ("caption", "failure", "killed-while-running", "cancelled-in-queue", "setup-error-fail", "empty-output")


def listed(world: World, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = post(world, PATH, fields).json
    assert list(answer) == ["total", "errors", "tasklist", "result"]
    assert (answer["errors"], answer["result"]) == ([], True)
    assert isinstance(answer["total"], str)
    return answer


def listed_ids(world: World, **fields: Any) -> list[str]:
    return [task["id"] for task in listed(world, **fields)["tasklist"]]


def world_of(count: int) -> tuple[World, list[str]]:
    """A world of so many tasks of one model, and their ids, newest first."""
    world = make_world()
    return world, [run(world)[0] for _ in range(count)][::-1]


def test_no_task_is_a_total_of_nought_and_an_empty_list() -> None:
    """Both as the MCP server's tests have them (rest.md §2.1)."""
    assert post(make_world(), PATH, MCP).content == b'{"total":"0","errors":[],"tasklist":[],"result":true}'


def test_a_list_needs_a_key() -> None:
    """As every operation on tasks."""
    reply = send(make_world(), "POST", PATH, b"{}", content_type="application/json")
    assert (reply.status, reply.error["code"]) == (401, 99)


def test_the_newest_come_first_with_and_without_the_fields_and_in_every_kind_of_body() -> None:
    """A task is listed from its Run on; strings, numbers, forms, parts, no body at all."""
    world, newest = world_of(25)
    body, kind = multipart([part("start", "2"), part("limit", "3")])
    assert listed(world, **MCP)["total"] == "25"
    assert listed_ids(world, **MCP) == listed_ids(world) == newest[:20]
    assert listed_ids(world, start=20, limit=20) == listed_ids(world, start="20", limit="20") == newest[20:]
    for content, content_type in ((body, kind), (b"start=2&limit=3", "application/x-www-form-urlencoded")):
        reply = send(world, "POST", PATH, content, content_type=content_type, headers=signed())
        assert [task["id"] for task in reply.json["tasklist"]] == newest[2:5]
    bare = send(world, "POST", PATH, headers=signed()).json
    assert ([task["id"] for task in bare["tasklist"]], bare["total"]) == (newest[:20], "25")


@pytest.mark.parametrize("time_mode", ["manual", "auto"])
def test_a_list_is_no_poll(time_mode: str) -> None:
    """It lets no time pass, not even where a poll finishes its task; the task is as Detail shows it afterwards."""
    world = make_world(time=time_mode)
    world.use("caption")
    task_id, _ = run(world)
    for _ in range(3):
        (task,) = listed(world)["tasklist"]
        assert task["status"] == "task_queue"
    after = detail(world, task_id)
    assert after["status"] == ("task_queue" if time_mode == "manual" else "task_postprocess_end")
    assert listed(world)["tasklist"] == [after]


def test_at_every_instant_the_tasks_are_those_of_detail() -> None:
    """Whole tasks of every outcome, of the same shape and with the same sums."""
    world = make_world()
    for name in SCENARIOS:
        world.use(name)
        run(world, {"inputImage": "https://example.com/a.png"})
    while True:
        for task in (tasks := listed(world)["tasklist"]):
            assert list(task) == SEED_KEYS + NEWER_KEYS
            check_shape(task)
            check_money(task)
        assert tasks == [detail(world, task["id"]) for task in tasks]
        deadline = world.sim.next_deadline()
        if deadline is None:
            break
        world.jump(deadline)
    ended = {task["status"] for task in tasks}
    assert ended == {"task_postprocess_end", "task_cancel"}


def test_forgotten_tasks_are_not_listed() -> None:
    """Nor counted."""
    world = make_world(limits=Limits(finished=2))
    world.use("caption")
    newest = [run(world)[0] for _ in range(5)][::-1]
    while (deadline := world.sim.next_deadline()) is not None:
        world.jump(deadline)
    assert listed(world)["total"] == "2"
    assert listed_ids(world) == newest[:2]


@pytest.mark.parametrize(
    ("order", "oldest_first"),
    [("ASC", True), ("asc", True), (" Asc ", True), ("DESC", False), ("desc", False), ("up", False), (1, False)],
)
@pytest.mark.parametrize("sort", ["id", "time", "no such sort", "", 7, None, ["id"]])
def test_the_order_is_by_id_in_either_direction(order: object, oldest_first: bool, sort: object) -> None:
    """In any letter case; every sort is by id, and an order that is none is the default's."""
    world, newest = world_of(3)
    assert listed_ids(world, sort=sort, order=order) == (newest[::-1] if oldest_first else newest)


@pytest.mark.parametrize("kind", ["model", "base", "training", "", None, {}])
def test_any_type_lists_the_runs_of_models(kind: object) -> None:
    """There are no others here."""
    world, newest = world_of(2)
    assert listed_ids(world, type=kind) == newest


NONSENSE = ["", " ", "-1", -1, "-0", "1.5", 1.5, "1e3", "0x10", "+1", "٣", "²", "a", None, True, [], {}, ["1"], [1, 2]]
HUGE = [10**17, 10**18, 10**30, 1e300, "9" * 18, "9" * 19, "9" * 10_000]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
def test_paging_that_makes_no_sense_counts_as_not_sent(value: object) -> None:
    """Never a refusal, never a crash."""
    world, newest = world_of(21)
    assert listed_ids(world, start=value) == listed_ids(world, limit=value) == newest[:20]


@pytest.mark.parametrize("value", HUGE, ids=lambda value: str(value)[:20])
def test_huge_paging(value: object) -> None:
    """A start beyond the end finds nothing, and the total all the same; a limit finds as many as there may be."""
    world, newest = world_of(3)
    assert listed(world, start=value) == {"total": "3", "errors": [], "tasklist": [], "result": True}
    assert listed_ids(world, limit=value) == newest
    assert page_of({"limit": value}).limit == MOST


def test_the_page_has_at_most_a_hundred_tasks_and_by_default_twenty() -> None:
    """The limits of the MCP server; a limit of nought is none."""
    world, newest = world_of(MOST + 1)
    assert listed_ids(world, limit=MOST + 1) == newest[:MOST]
    assert listed_ids(world, limit="0") == newest[:LIMIT]
    assert listed_ids(world, limit=" 1 ") == newest[:1]


WORLD, NEWEST = world_of(57)


@given(limit=st.integers(1, 60), oldest_first=st.booleans(), as_text=st.booleans())
def test_pages_joined_are_the_whole(limit: int, oldest_first: bool, as_text: bool) -> None:
    """In order, none twice, none left out, whatever the size of a page."""
    sent: type[str | int] = str if as_text else int
    order = "ASC" if oldest_first else "DESC"
    seen: list[str] = []
    while True:
        answer = listed(WORLD, start=sent(len(seen)), limit=sent(limit), order=order)
        assert answer["total"] == "57"
        seen += (page := [task["id"] for task in answer["tasklist"]])
        if len(page) < limit:
            break
    assert seen == (NEWEST[::-1] if oldest_first else NEWEST)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*MCP, "modelName"]), ANYTHING))
def test_whatever_is_sent_the_list_is_a_part_of_the_whole(fields: dict[str, Any]) -> None:
    """At most a hundred tasks in one of the two orders, and a total that is the whole, or what the model leaves."""
    answer = listed(WORLD, **fields)
    shown = [task["id"] for task in answer["tasklist"]]
    assert len(shown) <= MOST
    assert is_part(shown, NEWEST) or is_part(shown, NEWEST[::-1])
    assert answer["total"] in (("57", "0") if text_of(fields, "modelName").strip() else ("57",))


def is_part(some: Sequence[str], whole: Sequence[str]) -> bool:
    at = whole.index(some[0]) if some else 0
    return list(whole[at : at + len(some)]) == list(some)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("moondream3-preview/caption", "caption"),
        ("moondream3-preview/query", "query"),
        ("MOONDREAM3-PREVIEW/Caption", "caption"),
        ("moondream3 preview/caption", "caption"),
        ("caption", "caption"),
        (" Query ", "query"),
        ("cap", "caption"),
        ("preview/q", "query"),
        ("moondream3", "both"),
        ("moondream3.preview", "both"),
        ("-", "both"),  # it is in their names as it stands
        ("/", "both"),
        ("", "both"),
        (" ", "both"),
        (None, "both"),
        (["caption"], "both"),
        ("3", "both"),
        (3, "both"),
        (".", "neither"),
        ("//", "neither"),
        ("caption/moondream3-preview", "neither"),
        ("gpt", "neither"),
        ("caption" * 10_000, "neither"),
        ("c.*n", "neither"),
    ],
)
def test_a_models_name_in_any_of_its_forms_or_a_part_of_it_chooses(name: object, shown: str) -> None:
    """And the total counts what is chosen."""
    world = make_world()
    captions: list[str] = []
    queries: list[str] = []
    for _ in range(3):
        captions.insert(0, run(world, path=CAPTION)[0])
        queries.insert(0, run(world, path=QUERY)[0])
    both = sorted(captions + queries, reverse=True)
    expected = {"caption": captions, "query": queries, "both": both, "neither": []}[shown]
    answer = listed(world, modelName=name)
    assert ([task["id"] for task in answer["tasklist"]], answer["total"]) == (expected, str(len(expected)))
    page = listed(world, modelName=name, start=1, limit=1, order="ASC")
    assert ([task["id"] for task in page["tasklist"]], page["total"]) == (expected[::-1][1:2], str(len(expected)))


@pytest.mark.parametrize("name", ["openai/gpt-5.2", "OpenAI/GPT-5-2", "gpt 5.2", "gpt-5.2", "gpt-5-2", "GPT_5", "5.2"])
def test_display_and_clean_forms_mean_the_same_model(name: str) -> None:
    """A slug with a dot has a clean form without one (rest.md §5.1)."""
    fits = wanted_model({"modelName": name})
    assert fits is not None
    assert fits("openai/gpt-5.2")
    assert not fits("google/veo3.1")


def test_what_is_not_shown_is_neither_walked_over_nor_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting takes no walk, and a page only one up to its end: of all tasks, or of those of the models asked for."""
    walked: list[str] = []
    built: list[str] = []
    all_tasks, tasks_of, shape_of = WORLD.sim.tasks, WORLD.sim.tasks_of, wire.task_shape

    def seen(found: Iterator[Task]) -> Iterator[Task]:
        for task in found:
            walked.append(task.job.id)
            yield task

    def tasks(**more: bool) -> Iterator[Task]:
        return seen(all_tasks(**more))

    def some_tasks(names: list[str], **more: bool) -> tuple[int, Iterator[Task]]:
        count, found = tasks_of(names, **more)
        return count, seen(found)

    def task_shape(task: Task, *more: Any) -> shapes.TaskShape:
        built.append(task.job.id)
        return shape_of(task, *more)

    monkeypatch.setattr(WORLD.sim, "tasks", tasks)
    monkeypatch.setattr(WORLD.sim, "tasks_of", some_tasks)
    monkeypatch.setattr(wire, "task_shape", task_shape)
    assert listed_ids(WORLD, start=2, limit=5) == built == NEWEST[2:7]
    assert walked == NEWEST[:7]
    walked.clear()
    built.clear()
    assert listed_ids(WORLD, start=50, limit=3, modelName="caption") == built == NEWEST[50:53]
    assert walked == NEWEST[:53]


def test_a_page_of_long_texts_ends_early_and_none_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One task at least, so that a client which goes on where the page ended comes to the end."""
    monkeypatch.setattr(task_list, "MOST_TEXT", 2_000)
    world, _ = world_of(0)
    made = [run(world, {"prompt": "x" * size})[0] for size in (10, 1_500, 1_500, 10, 5_000, 5_000, 10)]
    pages: list[list[str]] = []
    while page := listed_ids(world, start=sum(map(len, pages)), limit=100):
        pages.append(page)
    assert [len(page) for page in pages] == [2, 1, 2, 2]
    assert [task for page in pages for task in page] == made[::-1]
    assert listed(world, limit=100)["total"] == "7"


@pytest.mark.parametrize("path", ["/v1/Task/List", "/v1/Tool/List"])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"start": "ten"}, "start was sent as 'ten', which is no number of digits; it counts as not sent"),
        ({"limit": -5}, "limit was sent as -5, which is no number of digits; it counts as not sent"),
        ({"order": "UP"}, "order was sent as 'UP', which is neither ASC nor DESC; it counts as not sent"),
        ({"start": [1], "limit": "9"}, "start was sent as a list of 1 value, which is no number of digits; "),
        ({"start": "3", "limit": 0, "order": " desc "}, ""),
        ({"start": "", "limit": None}, ""),
    ],
)
def test_what_counts_as_not_sent_is_told(path: str, fields: dict[str, Any], reason: str) -> None:
    """A slip of the pen is seen in the journal, while the answer is that of a list without the field."""
    world = make_world()
    assert post(world, path, fields).json["result"] is True
    told = world.journal.entries()[0].outcome.reason
    assert told.startswith(reason)
    assert bool(told) == bool(reason)
