"""`Task/Detail`: the keys, their order and types, and the state that belongs to each status."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.api_kit import CAPTION, ORIGIN, detail, make_world, multipart, part, post, post_parts, run, send, signed
from wiro_mock.api.profile import PROFILES, Profile
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND
from wiro_mock.mock import World

SEED_KEYS = [
    "id",
    "uuid",
    "name",
    "socketaccesstoken",
    "parameters",
    "debugoutput",
    "debugerror",
    "starttime",
    "endtime",
    "elapsedseconds",
    "status",
    "cps",
    "totalcost",
    "guestid",
    "projectid",
    "modelid",
    "description",
    "basemodelid",
    "runtype",
    "modelfolderid",
    "modelfileid",
    "callbackurl",
    "marketplaceid",
    "createtime",
    "canceltime",
    "assigntime",
    "accepttime",
    "preprocessstarttime",
    "preprocessendtime",
    "postprocessstarttime",
    "postprocessendtime",
    "pexit",
    "categories",
    "outputs",
    "size",
]
NEWER_KEYS = [
    "estimatedvram",
    "realvram",
    "isapp",
    "slugapp",
    "dynamicprice",
    "modeldescription",
    "modelslugowner",
    "modelslugproject",
    "outputfolderid",
    "teamguid",
]
OUTPUT_KEYS = [
    "id",
    "name",
    "contenttype",
    "parentid",
    "uuid",
    "size",
    "addedtime",
    "modifiedtime",
    "accesskey",
    "foldercount",
    "filecount",
    "ispublic",
    "expiretime",
    "url",
]
DIGITS = r"[0-9]+"
TIMES = [key for key in SEED_KEYS if key.endswith("time")]
FORMS: dict[str, str] = {
    "id": DIGITS,
    "uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "name": "",
    "socketaccesstoken": "[A-Za-z0-9]{30}",
    "elapsedseconds": r"[0-9]+\.0{4}",
    "status": "task_[a-z_]+",
    "cps": r"[0-9]+\.[0-9]{12}",
    "totalcost": r"0|[0-9]+\.[0-9]{12}",
    "projectid": DIGITS,
    "modelid": DIGITS,
    "description": "",
    "basemodelid": "0",
    "runtype": "model",
    "modelfolderid": "",
    "modelfileid": "",
    "callbackurl": "",
    "size": DIGITS,
    **dict.fromkeys(TIMES, DIGITS),
}
OUTPUT_FORMS: dict[str, str] = {
    "id": "[0-9a-f]{32}",
    "name": "0.txt",
    "contenttype": "text/plain",
    "parentid": "[0-9a-f]{32}",
    "uuid": FORMS["uuid"],
    "size": DIGITS,
    "addedtime": DIGITS,
    "modifiedtime": DIGITS,
    "accesskey": "[A-Za-z0-9]{30}",
    "foldercount": "0",
    "filecount": "0",
    "url": re.escape(ORIGIN) + "/[0-9a-f]{8}(-[0-9a-f]{8}){7}/0.txt",
}
T0 = 1_735_689_600


def check_shape(task: dict[str, Any]) -> None:
    """Every scalar is a string of its form, but those that are null, numbers or arrays in the seed."""
    for key, form in FORMS.items():
        assert isinstance(task[key], str), key
        assert re.fullmatch(form, task[key]), (key, task[key])
    assert (task["guestid"], task["marketplaceid"]) == (None, None)
    assert isinstance(task["parameters"], dict)
    assert json.loads(task["categories"]) == ["image-to-text"]
    assert task["size"] == str(sum(int(output["size"]) for output in task["outputs"]))
    for output in task["outputs"]:
        assert list(output) == OUTPUT_KEYS
        for key, form in OUTPUT_FORMS.items():
            assert isinstance(output[key], str), key
            assert re.fullmatch(form, output[key]), (key, output[key])
        assert output["ispublic"] == 0
        assert output["expiretime"] is None
        assert output["uuid"] == task["uuid"]


def check_money(task: dict[str, Any]) -> None:
    """Elapsedseconds and totalcost can be worked out again from what is printed (rest.md §8)."""
    accepted, ended = int(task["accepttime"]), int(task["endtime"])
    elapsed = ended - accepted if accepted and ended else 0
    assert task["elapsedseconds"] == f"{elapsed}.0000"
    charged = task["status"] == "task_postprocess_end" and task["pexit"] == "0"
    cost = Decimal(task["elapsedseconds"]) * Decimal(task["cps"])
    assert task["totalcost"] == (f"{cost:.12f}" if charged else "0")


def test_the_envelope_has_total_first_and_one_task() -> None:
    """Total (a string), errors, tasklist, result (rest.md §12, clients.md §1 line 2)."""
    world = make_world()
    _, token = run(world)
    answer = post(world, "/v1/Task/Detail", {"tasktoken": token}).json
    assert list(answer) == ["total", "errors", "tasklist", "result"]
    assert (answer["total"], answer["errors"], answer["result"]) == ("1", [], True)
    assert [task["socketaccesstoken"] for task in answer["tasklist"]] == [token]


@pytest.mark.parametrize(
    "scenario",
    [
        "caption",
        "failure",
        "killed-while-running",
        "cancelled-in-queue",
        "setup-error-fail",
        "setup-error-requeue",
        "stderr-warnings",
        "empty-output",
    ],
)
def test_at_every_instant_of_a_run_the_shape_and_the_sums_hold(scenario: str) -> None:
    """Keys and order are the seed's, then the newer ones; both profiles agree on what they share."""
    world = make_world()
    world.use(scenario)
    task_id, _ = run(world, {"inputImage": "https://example.com/a.png"})
    statuses: list[str] = []
    while True:
        task = detail(world, task_id)
        assert list(task) == SEED_KEYS + NEWER_KEYS
        check_shape(task)
        check_money(task)
        statuses.append(task["status"])
        world.settings = replace(world.settings, profile=PROFILES["2025-12"])
        assert detail(world, task_id) == {key: task[key] for key in SEED_KEYS}
        assert list(detail(world, task_id)) == SEED_KEYS
        world.settings = replace(world.settings, profile=Profile())
        deadline = world.sim.next_deadline()
        if deadline is None:
            break
        world.jump(deadline)
    assert statuses[0] == "task_queue"
    assert statuses[-1] in ("task_postprocess_end", "task_cancel")
    assert task["pexit"] == {
        "failure": "1",
        "killed-while-running": None,
        "cancelled-in-queue": None,
        "setup-error-fail": "1",
    }.get(scenario, "0")
    assert bool(task["outputs"]) is (scenario in ("caption", "setup-error-requeue", "stderr-warnings"))


class ByHand:
    """A task that does what it is told, ten seconds later each time."""

    def __init__(self, **settings: Any) -> None:
        self.world = make_world(**settings)
        self.world.use("never-starts")
        self.id, self.token = run(self.world)

    def happens(self, *events: e.Event) -> dict[str, Any]:
        for event in events:
            self.world.jump(self.world.sim.now + 10 * SECOND)
            assert self.world.sim.emit(self.id, event)
        return detail(self.world, self.id)

    def produced(self, text: bytes = b"a cat") -> e.Produced:
        return e.Produced(name="0.txt", blob=self.world.blobs.put(text, "text/plain"))


UP_TO_START = (e.Accepted(), e.PreprocessStarted(), e.PreprocessEnded(), e.Assigned(), e.Started())


def test_each_status_sets_its_own_timestamp_and_no_other() -> None:
    """The table of rest.md §12: "0" is not yet."""
    task = ByHand()
    expected: dict[str, str] = {**dict.fromkeys(TIMES, "0"), "createtime": str(T0)}
    state: dict[str, Any] = {"pexit": None, "outputs": [], "size": "0", "totalcost": "0"}
    shown = detail(task.world, task.id)

    def check(status: str, **changed: Any) -> None:
        assert shown["status"] == status
        for name in list(changed):
            if name in expected:
                expected[name] = changed.pop(name)
        state.update(changed)
        assert {name: shown[name] for name in TIMES} == expected
        assert {name: shown[name] for name in state} == state

    check("task_queue", elapsedseconds="0.0000", debugoutput="", debugerror="")
    shown = task.happens(e.Accepted())
    check("task_accept", accepttime=str(T0 + 10))
    shown = task.happens(e.PreprocessStarted())
    check("task_preprocess_start", preprocessstarttime=str(T0 + 20))
    shown = task.happens(e.PreprocessEnded())
    check("task_preprocess_end", preprocessendtime=str(T0 + 30))
    shown = task.happens(e.Assigned())
    check("task_assign", assigntime=str(T0 + 40))
    shown = task.happens(e.Started())
    check("task_start", starttime=str(T0 + 50))
    shown = task.happens(e.Output(message="one"))
    check("task_output", debugoutput="one")
    shown = task.happens(e.ErrorOutput(text="warned"), task.produced(), e.Output(message="two"))
    check("task_output", debugoutput="one\ntwo", debugerror="warned")
    shown = task.happens(e.OutputEnded())
    check("task_output_full")
    shown = task.happens(e.Exited(code=0))
    # Some clients stop at task_end, so everything is complete by then (clients.md §1 line 27).
    (output,) = shown["outputs"]
    check("task_end", endtime=str(T0 + 110), elapsedseconds="100.0000", pexit="0", outputs=[output], size="5")
    assert output["addedtime"] == output["modifiedtime"] == str(T0 + 80)
    shown = task.happens(e.PostprocessStarted())
    check("task_postprocess_start", postprocessstarttime=str(T0 + 120))
    shown = task.happens(e.PostprocessEnded())
    check("task_postprocess_end", postprocessendtime=str(T0 + 130), totalcost="0.058500000000")


def test_a_failed_task_has_no_outputs_and_no_cost() -> None:
    """The same terminal status as success; only pexit tells (rest.md §4.2)."""
    task = ByHand()
    shown = task.happens(*UP_TO_START, task.produced(), e.OutputEnded(), e.Exited(code=137))
    assert (shown["status"], shown["pexit"], shown["outputs"]) == ("task_end", "137", [])
    shown = task.happens(e.PostprocessStarted(), e.PostprocessEnded())
    assert (shown["status"], shown["pexit"], shown["outputs"]) == ("task_postprocess_end", "137", [])
    assert (shown["totalcost"], shown["size"], shown["elapsedseconds"]) == ("0", "0", "70.0000")


def test_a_killed_task_shows_no_exit_code_even_while_its_outputs_are_stored() -> None:
    """Pexit null is the only safe thing to show of a cancelled task (rest.md §4.2)."""
    task = ByHand()
    task.happens(*UP_TO_START, task.produced(), e.OutputEnded(), e.Exited(code=0), e.PostprocessStarted())
    assert post(task.world, "/v1/Task/Kill", {"taskid": task.id}).json["result"] is True
    shown = detail(task.world, task.id)
    assert (shown["status"], shown["pexit"], shown["outputs"]) == ("task_cancel", None, [])
    assert (shown["totalcost"], shown["canceltime"], shown["endtime"]) == ("0", str(T0 + 90), str(T0 + 80))


def test_a_second_try_shows_nothing_of_the_first() -> None:
    """Debugerror is empty on success (clients.md §1 line 19), and times count from the new queueing."""
    task = ByHand()
    shown = task.happens(e.Accepted(), e.SetupFailed(message="Output folder creation failed"))
    assert (shown["status"], shown["debugerror"]) == ("task_error", "Output folder creation failed")
    assert (shown["pexit"], shown["endtime"]) == (None, "0")
    shown = task.happens(e.Requeued())
    assert (shown["status"], shown["debugerror"], shown["accepttime"]) == ("task_queue", "", "0")
    assert shown["createtime"] == str(T0)


def test_the_text_of_a_stream_is_in_debugoutput() -> None:
    """Eight clients read only that (clients.md §1 line 13)."""
    task = ByHand()
    part_of = e.Snapshot(text="a cat asleep", upto=5, elapsed=SECOND, words_per_second=2.0)
    assert task.happens(*UP_TO_START, e.Output(message=part_of))["debugoutput"] == "a cat"
    whole = replace(part_of, upto=12)
    assert task.happens(e.Output(message=whole))["debugoutput"] == "a cat asleep"


TASK = "There is no task yet."
MISSING = "taskid or socketaccesstoken is required"


@pytest.mark.parametrize("name", ["tasktoken", "socketaccesstoken", "taskid"])
@pytest.mark.parametrize("path", ["Detail", "Cancel"])
@pytest.mark.parametrize("encoding", ["json", "multipart", "form"])
def test_every_name_of_an_identifier_finds_the_task(name: str, path: str, encoding: str) -> None:
    """In every encoding (clients.md §1 lines 6, 8, 11)."""
    world = make_world()
    task_id, token = run(world)
    value = task_id if name == "taskid" else token
    if encoding == "multipart":
        body, kind = multipart([part(name, value)])
    elif encoding == "form":
        body, kind = f"{name}={value}".encode(), "application/x-www-form-urlencoded; charset=utf-8"
    else:
        body, kind = json.dumps({name: value}).encode(), "application/json"
    answer = send(world, "POST", f"/v1/Task/{path}", body, content_type=kind, headers=signed()).json
    assert answer["tasklist"][0]["id"] == task_id


@pytest.mark.parametrize("make", [int, float, str])
def test_an_id_may_come_as_a_number(make: Any) -> None:
    """JSON numbers are ids too; 534574.0 is the same number in JavaScript."""
    world = make_world()
    task_id, _ = run(world)
    assert post(world, "/v1/Task/Detail", {"taskid": make(task_id)}).json["tasklist"][0]["id"] == task_id


def test_of_two_identifiers_the_token_goes_first() -> None:
    """Three clients send both (clients.md §1 line 6); an empty one counts as none."""
    world = make_world()
    first, token = run(world)
    second, _ = run(world)
    for fields, expected in (
        ({"taskid": first, "tasktoken": token}, first),
        ({"taskid": second, "tasktoken": token}, first),
        ({"taskid": second, "tasktoken": ""}, second),
        ({"taskid": second, "tasktoken": None, "socketaccesstoken": token}, first),
    ):
        assert post(world, "/v1/Task/Detail", fields).json["tasklist"][0]["id"] == expected


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({}, 0, MISSING),
        (None, 0, MISSING),
        ({"tasktoken": ""}, 0, MISSING),
        ({"taskid": True}, 0, MISSING),
        ({"taskid": ["1", "2"]}, 0, MISSING),
        ({"id": "1"}, 0, MISSING),
        ({"tasktoken": "test"}, 1, TASK),
        ({"taskid": "999999999"}, 1, TASK),
        ({"taskid": -1}, 1, TASK),
        ({"taskid": 10**299}, 1, TASK),
        ({"taskid": 1e300}, 1, TASK),
        ({"tasktoken": "\ud800\x00\n"}, 1, TASK),
    ],
)
@pytest.mark.parametrize("path", ["Detail", "Cancel", "Kill"])
def test_a_task_that_cannot_be_found_is_refused_with_200(path: str, fields: Any, code: int, message: str) -> None:
    """A bare error envelope, no tasklist (rest.md C3)."""
    world = make_world()
    run(world)
    reply = post(world, f"/v1/Task/{path}", fields)
    assert reply.status == 200
    expected = f'{{"result":false,"errors":[{{"code":{code},"message":"{message}","time":{T0}}}]}}'
    assert reply.content.decode() == expected


def test_an_id_sent_as_a_token_is_explained_to_the_tester() -> None:
    """And the other way round."""
    world = make_world()
    task_id, token = run(world)
    post(world, "/v1/Task/Detail", {"tasktoken": task_id})
    assert world.journal.entries()[-1].outcome.reason.endswith(f"it is the id of task {task_id}, sent as its token")
    post(world, "/v1/Task/Detail", {"taskid": token})
    assert world.journal.entries()[-1].outcome.reason.endswith(f"it is the token of task {task_id}, sent as its id")


def test_a_forgotten_task_answers_like_an_unknown_one() -> None:
    """Finished tasks beyond the limit are forgotten oldest first."""
    from wiro_mock.kernel.rules import Limits

    world = make_world(time="auto", limits=Limits(finished=1))
    (first, _), (second, _) = run(world), run(world)
    post(world, "/v1/Task/Detail", {"taskid": second})
    post(world, "/v1/Task/Detail", {"taskid": first})
    known = [post(world, "/v1/Task/Detail", {"taskid": one}).json["result"] for one in (first, second)]
    assert sorted(known) == [False, True]
    assert "forgotten" in "".join(entry.outcome.reason for entry in world.journal.entries())


def finished(world: World) -> str:
    task_id, _ = run(world)
    world.jump(world.sim.now + 60 * SECOND)
    return task_id


def test_each_switch_of_detail_has_two_sides() -> None:
    """task_keys, categories, not_found_message, pexit_before_end: the default first (rest.md §11)."""
    for profile, keys in ((Profile(), SEED_KEYS + NEWER_KEYS), (Profile(task_keys="seed"), SEED_KEYS)):
        world = make_world(profile=profile)
        assert list(detail(world, finished(world))) == keys
    sides: list[tuple[Profile, Any]] = [
        (Profile(), '["image-to-text"]'),
        (Profile(categories="array"), ["image-to-text"]),
    ]
    for profile, categories in sides:
        world = make_world(profile=profile)
        assert detail(world, run(world)[0])["categories"] == categories
    for profile, text in ((Profile(), TASK), (Profile(not_found_message="task-not-founded"), "task-not-founded")):
        assert post(make_world(profile=profile), "/v1/Task/Detail", {"tasktoken": "x"}).error["message"] == text
    for profile, pexit in ((Profile(), None), (Profile(pexit_before_end="empty"), "")):
        world = make_world(profile=profile)
        task = run(world)[0]
        assert detail(world, task)["pexit"] == pexit
        world.jump(world.sim.now + 60 * SECOND)
        assert detail(world, task)["pexit"] == "0"


def test_detail_may_show_only_the_statuses_of_the_openapi_document() -> None:
    """The last of the nine that was entered (C34); by default all are shown."""
    documented = ByHand(profile=Profile(detail_statuses="openapi"))
    everything = ByHand()
    ending = (e.OutputEnded(), e.Exited(code=0), e.PostprocessStarted(), e.PostprocessEnded())
    events = (*UP_TO_START, e.Output(message="x"), *ending)
    pairs = [(everything.happens(event)["status"], documented.happens(event)["status"]) for event in events]
    assert pairs == [
        ("task_accept", "task_accept"),
        ("task_preprocess_start", "task_preprocess_start"),
        ("task_preprocess_end", "task_preprocess_end"),
        ("task_assign", "task_assign"),
        ("task_start", "task_start"),
        ("task_output", "task_output"),
        ("task_output_full", "task_output"),
        ("task_end", "task_output"),
        ("task_postprocess_start", "task_output"),
        ("task_postprocess_end", "task_postprocess_end"),
    ]


def test_identifiers_may_be_restricted_to_the_documented_ones() -> None:
    """C4, C5, C6: taskid for Cancel, taskid or socketaccesstoken for Kill, tasktoken or taskid for Detail."""
    allowed = {
        "Detail": ["tasktoken", "taskid"],
        "Cancel": ["taskid"],
        "Kill": ["socketaccesstoken", "taskid"],
        "InputOutputDelete": ["tasktoken"],
    }
    for path, names in allowed.items():
        for name in ("tasktoken", "socketaccesstoken", "taskid"):
            for profile, expected in ((Profile(), True), (Profile(identifiers="documented"), name in names)):
                world = make_world(profile=profile)
                task_id, token = run(world)
                answer = post(world, f"/v1/Task/{path}", {name: task_id if name == "taskid" else token})
                errors = [error["message"] for error in answer.json["errors"]]
                assert (errors != [MISSING]) is expected, (path, name)


def test_reading_changes_nothing() -> None:
    """A Detail in a world where polls are worth nothing is the same again."""
    world = make_world()
    task_id, token = run(world)
    answers = {post(world, "/v1/Task/Detail", {"taskid": task_id}).content for _ in range(3)}
    answers.add(post_parts(world, "/v1/Task/Detail", part("tasktoken", token)).content)
    assert len(answers) == 1
    assert CAPTION.endswith(json.loads(answers.pop())["tasklist"][0]["modelslugproject"])
