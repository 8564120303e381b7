"""The fault language: which calls are struck, how often, and what becomes of the operation."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.api_kit import CAPTION, ORIGIN, detail, get, make_world, post, run, send, signed, upload
from tests.test_library_choosing import made, misuse
from wiro_mock import Scenario
from wiro_mock.control import RESOURCES
from wiro_mock.faults import Fault
from wiro_mock.language.chances import Chance, parse_chance
from wiro_mock.language.faults import FaultItem
from wiro_mock.language.verbs import VERBS, operations_of
from wiro_mock.loader import ScenarioError, load_text, make_fault
from wiro_mock.mock import World
from wiro_mock.shipped import shipped
from wiro_mock.worlds import Worlds

LIST: Final = "/v1/Task/List"


def arm(world: World, **words: Any) -> Fault:
    """Arm a fault in the words of the YAML."""
    task = words.pop("task", "")
    return world.faults.arm(Fault(item=make_fault(words), scope=task, task_id=task, where="here"))


def statuses(world: World, count: int, path: str = LIST) -> list[int]:
    return [post(world, path, {}).status for _ in range(count)]


# -- when and how often --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, "5......."),
        ({"times": 3}, "555....."),
        ({"when": {"nth": 3}}, "..5....."),
        ({"when": {"nth": 3}, "times": 2}, "..55...."),
        ({"when": {"every": 3}}, "..5..5.."),
        ({"when": {"every": 2}, "times": 2}, ".5.5...."),
        ({"when": {"nth": 2, "every": 3}}, ".5..5..5"),
        ({"when": {"share": 1}}, "55555555"),
        ({"then": ["ok", {"status": 502, "times": 2}, {"code": 97}]}, "5.2297.."),
        ({"do": {"status": 503}, "times": 2, "then": [{"status": 502}]}, "552....."),
    ],
)
def test_which_calls_are_struck(words: dict[str, Any], expected: str) -> None:
    """The nth and those after it, each nth, a share; then other things in turn."""
    world = make_world()
    arm(world, on="Task/List", **{"do": {"status": 503}, **words})
    told = ""
    for _ in range(8):
        reply = post(world, LIST, {})
        codes = [str(error["code"]) for error in reply.json["errors"]] if reply.status == 200 else []
        told += codes[0] if codes else {503: "5", 502: "2"}.get(reply.status, ".")
    assert told[:8] == expected


def test_a_task_in_a_status_is_struck_and_no_other() -> None:
    """Calls that are not about such a task are not counted at all."""
    world = make_world(
        scenarios="scenario: s\nmatch: {model: '*'}\nsteps: [start: 1s, print: {text: x, after: 1s}, exit: 0]"
    )
    world.use("s")
    task, _ = run(world)
    fault = arm(world, on="Task/Detail", when={"status": "task_start", "nth": 2}, do={"status": 502})
    assert post(world, "/v1/Task/Detail", {"taskid": task}).status == 200
    world.jump(world.sim.now + 1_500_000)
    assert detail(world, run(world)[0])["status"] == "task_assign"
    assert [post(world, "/v1/Task/Detail", {"taskid": task}).status for _ in range(3)] == [200, 502, 200]
    assert fault.calls == 2


def test_a_call_that_is_not_let_in_is_no_call() -> None:
    """Counters count after authentication: Wiro refuses a wrong key before anything else happens to it."""
    world = make_world()
    fault = arm(world, on="Task/*", do={"status": 503}, times=2)
    assert send(world, "POST", LIST).status == 401
    assert send(world, "POST", "/v1/Task/Nothing").status == 404
    assert fault.calls == 0
    assert statuses(world, 2) == [503, 503]


def test_a_body_that_cannot_be_read_is_a_call() -> None:
    """It arrived; a gateway looks at no body."""
    world = make_world()
    arm(world, on="Task/List", do={"status": 503})
    broken = [send(world, "POST", LIST, b"{", content_type="application/json", headers=signed()) for _ in range(2)]
    assert [reply.status for reply in broken] == [503, 200]
    assert broken[1].error["message"] == "Request parameters are invalid."


def test_where() -> None:
    """Names, globs, lists, `upload` and `cdn`."""
    assert operations_of("upload") == ("File/Upload",)
    assert operations_of("Task/*") == (
        "Task/Detail",
        "Task/Cancel",
        "Task/Kill",
        "Task/InputOutputDelete",
        "Task/List",
        "Task/Stat",
    )
    assert make_fault({"on": ["Run", "cdn"], "do": "reset"}).operations == {"Run", "CDN", "File"}
    world = make_world(time="auto")
    task, _ = run(world)
    url = detail(world, task)["outputs"][0]["url"]
    other = upload(world, b"\x89PNG")["url"]
    arm(world, on="cdn", do={"status": 404}, task=task)
    arm(world, on="cdn", do="expired", then=[{"corrupt": 2}])
    assert get(world, other).status == 403
    assert get(world, url).status == 404
    whole = get(world, url)
    arm(world, on="upload", do={"status": 500})
    with pytest.raises(json.JSONDecodeError):
        upload(world, b"x")
    assert whole.status == 200


def test_corrupt_bytes_are_as_many_and_the_length_stays() -> None:
    """The client's only chance is to look at the file."""
    world = make_world(time="auto")
    task, _ = run(world)
    url = detail(world, task)["outputs"][0]["url"]
    right = get(world, url)
    arm(world, on="cdn", do={"corrupt": 3})
    wrong = get(world, url)
    assert len(wrong.content) == len(right.content)
    assert sum(a != b for a, b in zip(wrong.content, right.content, strict=True)) == 3
    assert wrong.headers["etag"] == right.headers["etag"]


# -- whether the operation took place ------------------------------------------------------------------


def test_after_the_run_is_there_and_paid_for() -> None:
    """Only its answer is lost; the journal tells what it would have been."""
    world = make_world(time="auto")
    balance = world.sim.balance
    arm(world, on="Run", do={"status": 504}, effect="after")
    assert post(world, CAPTION, {}).status == 504
    (task,) = world.sim.tasks()
    assert detail(world, task.job.id)["status"] == "task_postprocess_end"
    assert world.sim.balance < balance
    reason = world.journal.entries()[0].outcome.reason
    assert f'the operation took place, and its own answer was 200 {{"errors":[],"taskid":"{task.job.id}"' in reason
    assert world.journal.entries()[0].outcome.task_id == task.job.id


def test_a_run_is_struck_by_its_own_scenario() -> None:
    """Before or after; it counts the runs of the scenario, and no others."""
    world = make_world(
        scenarios="scenario: s\nsteps: [exit: 0]\n"
        "faults: [{on: Run, do: {status: 503}, times: 2}, {on: Run, do: reset, effect: after, when: {nth: 3}}]"
    )
    run(world)
    world.use("s")
    assert [post(world, CAPTION, {}).status for _ in range(2)] == [503, 503]
    assert len(list(world.sim.tasks())) == 1
    post(world, CAPTION, {})
    assert [one.status for one in world.journal.entries()] == [200, 503, 503, 0]
    assert len(list(world.sim.tasks())) == 2
    assert post(world, CAPTION, {}).json["result"] is True


VERBS_BEFORE: Final = ["hang", "reset", "disconnect", {"status": 500}, {"code": 96}, "garbage", {"top_level": "null"}]


@given(plan=st.lists(st.tuples(st.booleans(), st.sampled_from(VERBS_BEFORE)), max_size=8))
def test_before_nothing_is_lost_or_doubled_and_after_nothing_is_missing(plan: list[tuple[bool, Any]]) -> None:
    """There are as many tasks, and as much is charged, as runs were struck `after` or not at all."""
    world = make_world(time="auto")
    took_place = 0
    for number, (after, do) in enumerate(plan):
        arm(world, on="Run", do=do, effect="after" if after else "before")
        post(world, CAPTION, {})
        took_place += after
        assert len(list(world.sim.tasks())) == took_place, (number, do)
    world.jump(world.sim.now + 3_600_000_000)
    run(world)
    world.jump(world.sim.now + 3_600_000_000)
    costs = [task.cost for task in world.sim.tasks()]
    assert len(costs) == took_place + 1
    assert world.sim.spent == sum(cost for cost in costs if cost is not None)


# -- counters against a model --------------------------------------------------------------------------


class Counters(RuleBasedStateMachine):
    """Faults of one operation against the simplest list of them that could be right."""

    @initialize()
    def begin(self) -> None:
        self.world = make_world()
        self.model: list[dict[str, Any]] = []

    @precondition(lambda self: len(self.model) < 4)
    @rule(
        status=st.integers(500, 511),
        nth=st.none() | st.integers(1, 4),
        every=st.none() | st.integers(1, 3),
        times=st.none() | st.integers(1, 3),
        then=st.lists(st.integers(400, 411), max_size=2),
    )
    def arm(self, status: int, nth: int | None, every: int | None, times: int | None, then: list[int]) -> None:
        when = {key: value for key, value in (("nth", nth), ("every", every)) if value is not None}
        words: dict[str, Any] = {"on": "Task/List", "do": {"status": status}, "when": when}
        if times is not None:
            words["times"] = times
        if then and (times is not None or every is None):
            words["then"] = [{"status": one} for one in then]
        else:
            then = []
        arm(self.world, **words)
        most = times or (10_000 if every else 1)
        self.model.append({"answers": [status] * most + then, "calls": 0, "nth": nth, "every": every})

    @rule()
    def call(self) -> None:
        expected = 200
        for one in self.model:
            one["calls"] += 1
        for one in self.model:
            calls, first, every = one["calls"], one["nth"] or 1, one["every"] or 1
            beat = calls - first if one["nth"] else calls
            if one["answers"] and calls >= first and beat % every == 0:
                expected = one["answers"].pop(0)
                break
        self.model = [one for one in self.model if one["answers"]]
        assert post(self.world, LIST, {}).status == expected

    @rule()
    def another_call(self) -> None:
        """Of another operation, which counts for nothing."""
        assert post(self.world, "/v1/Tool/List", {}).status == 200


TestCounters = Counters.TestCase


@given(seed=st.integers(0, 50).map(str), share=st.floats(0.05, 0.95))
def test_a_share_is_the_same_for_the_same_seed(seed: str, share: float) -> None:
    """Drawn from the seed, the fault and the call."""

    def play() -> list[int]:
        world = make_world(seed=seed)
        arm(world, on="Tool/Detail", do={"status": 503}, when={"share": share})
        return statuses(world, 30, "/v1/Tool/Detail")

    assert play() == play()


def test_a_share_is_a_share() -> None:
    """Of a thousand calls about so many; for another seed others."""
    worlds = [make_world(seed=seed) for seed in ("1", "2")]
    struck = []
    for world in worlds:
        arm(world, on="Tool/Detail", do={"status": 503}, when={"share": 0.2})
        struck.append([status == 503 for status in statuses(world, 1000, "/v1/Tool/Detail")])
    assert all(160 < sum(one) < 240 for one in struck)
    assert struck[0] != struck[1]


# -- lengths of time -----------------------------------------------------------------------------------


@given(
    spelt=st.sampled_from(
        [
            "2s",
            "1s..3s",
            {"normal": "2s"},
            {"normal": "2s", "sd": "1ms"},
            {"lognormal": "2s", "sd": "4s"},
            {"exponential": "2s"},
        ]
    ),
    low=st.floats(0, 1),
    high=st.floats(0, 1),
)
def test_a_length_is_never_negative_and_grows_with_the_draw(spelt: Any, low: float, high: float) -> None:
    """So equal seeds give equal lengths, and shares of lengths can be told."""
    chance = Chance.model_validate(parse_chance(spelt))
    low, high = sorted((low, high))
    assert 0 <= chance.draw(low) <= chance.draw(high)
    assert Chance.model_validate(parse_chance(chance.words())) == chance


@pytest.mark.parametrize("spelt", ["2s", "1s..3s", {"normal": "2s"}, {"lognormal": "2s"}, {"exponential": "2s"}])
def test_the_mean_is_the_mean(spelt: Any) -> None:
    """Over draws that are evenly spread."""
    chance = Chance.model_validate(parse_chance(spelt))
    draws = [chance.draw((number + 0.5) / 20_000) for number in range(20_000)]
    assert sum(draws) / len(draws) == pytest.approx(2_000_000, rel=0.02)


# -- the words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("on: Task/Detials, do: hang", "faults.on: 'Task/Detials' is not possible; did you mean 'Task/Detail'?"),
        ("on: /v1/Run, do: hang", "faults.on: '/v1/Run' is not possible; did you mean 'Run'?"),
        ("on: [], do: hang", "faults.on: is empty; write at least one"),
        ("on: Run, do: hnag", "faults.do: there is no fault 'hnag'; did you mean 'hang'?"),
        ("on: Run, do: status", "faults.do: 'status' needs a value; write {status: …}"),
        ("on: Run, do: {hang: false}", "faults.do.hang: can only be true; leave it out where it is not meant"),
        (
            "on: Run, do: {hang: true, reset: true}",
            "faults.do: hang and reset cannot both be done at once; write two faults",
        ),
        ("on: Run, do: {code: 5}", "faults.do: code: 5 has no sentence of its own; add message: TEXT"),
        ("on: Run, do: {latency: 3}", "faults.do.latency: 3 has no unit; write 3s or 3ms"),
        ("on: Run, do: {latency: 3s..1s}", "faults.do.latency: 3s..1s ends before it begins; write 1s..3s"),
        ("on: Run, do: {drip: 0}", "faults.do.drip: '0' is too small; write at least 1"),
        ("on: Run, do: expired", "faults: expired: cannot be done to Run; strike cdn"),
        (
            "on: cdn, do: bad_json",
            "faults: bad_json: cannot be done to cdn; strike an operation such as Task/Detail or socket or webhook",
        ),
        ("on: Run, when: {nth: 0}, do: hang", "faults.when.nth: '0' is too small; write at least 1"),
        ("on: Run, when: {share: 2}, do: hang", "faults.when.share: '2' is too large; write at most 1.0"),
        ("on: Run, when: {nht: 2}, do: hang", "faults.when.nht: unknown key; did you mean 'nth'?"),
        (
            "on: Run, when: {every: 2}, do: hang, then: [ok]",
            "faults: then: would never come, for the first goes on for ever; add times",
        ),
        (
            "on: Run, do: truncate, effect: before",
            "faults: effect: before cannot be, for truncate lets Wiro's own answer through, so the operation takes "
            "place; leave it out, or write after",
        ),
        (
            "on: Run, when: {after_bytes: 3}, do: garbage",
            "faults: when.after_bytes: is for hang, reset, disconnect and truncate, not for garbage",
        ),
        (
            "on: upload, do: hang",
            "faults.on: a request of upload is about no task of this scenario; put the fault into a fault set or into "
            "wiro.fault(…), which strike any request",
        ),
        (
            "on: webhook, do: burst",
            "faults: burst: cannot be done to webhook; strike socket",
        ),
        (
            "on: webhook, do: drop, effect: after",
            "faults: effect: is of operations, and a webhook is none; leave it out",
        ),
        (
            "on: webhook, do: {late: true, reorder: true}",
            "faults.do: reorder and late cannot both be done at once; write two faults",
        ),
    ],
)
def test_a_wrong_fault_is_complained_of_with_the_way_out(words: str, told: str) -> None:
    """At its place, in one sentence."""
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\nsteps: [exit: 0]\nfaults: [{{{words}}}]")
    assert told in [message.split(" ", 1)[1] for message in str(caught.value).splitlines()]


DO = st.one_of(
    st.sampled_from([name for name, verb in VERBS.items() if verb.word and {"api"} & {*verb.where}]),
    st.fixed_dictionaries(
        {"status": st.integers(400, 599)},
        optional={
            "retry_after": st.integers(0, 9),
            "latency": st.sampled_from(["2s", "1s..3s", {"normal": "2s"}, {"lognormal": "1s", "sd": "2s"}]),
            "content_type": st.just("text/html"),
            "garbage": st.integers(1, 100),
            "drip": st.integers(1, 100),
        },
    ),
)


@given(
    do=DO,
    then=st.lists(DO, max_size=2),
    times=st.integers(1, 5),
    when=st.fixed_dictionaries({}, optional={"nth": st.integers(1, 9), "share": st.floats(0.1, 1)}),
)
def test_a_fault_is_spelt_as_it_was_read(do: Any, then: list[Any], times: int, when: dict[str, Any]) -> None:
    """In a scenario's repr, which makes it again, and in the control API's list, which is JSON."""
    item = {"on": "Task/Detail", "do": do, "then": then, "times": times, "when": when}
    scenario = Scenario.model_validate({"scenario": "x", "steps": [{"exit": 0}], "faults": [item]})
    again = eval(repr(scenario), {"Scenario": Scenario})
    assert repr(again) == repr(scenario)
    assert again.faults == scenario.faults
    assert FaultItem.model_validate(json.loads(json.dumps(make_fault(item).words()))) == make_fault(item)


def test_a_test_writes_the_same_words() -> None:
    """As keywords; what is wrong is told at once."""
    with made() as wiro:
        wiro.fault(("Task/List", "Task/Stat"), code=96, nth=2, times=2, then=["ok", {"status": 502}], effect="before")
        (fault,) = wiro.world.faults
        assert fault.item.words() == {
            "on": ["Task/List", "Task/Stat"],
            "when": {"nth": 2},
            "do": {"code": 96},
            "times": 2,
            "then": ["ok", {"status": 502}],
            "effect": "before",
        }
        wiro.world.faults.clear()
        assert misuse(lambda: wiro.fault("Run", latency="soon")).startswith(
            "fault: do.latency: 'soon' is not a duration"
        )
        assert misuse(lambda: wiro.fault("Run", statsu=503)) == (  # type: ignore[call-arg]
            "fault: do.statsu: unknown key; did you mean 'status'?"
        )
        assert misuse(lambda: wiro.fault("webhook", status=503)).startswith("fault: ")


def test_a_fault_that_was_looked_for_in_vain_says_how_many_came() -> None:
    """So that a wrong count is seen at once."""
    wiro = made()
    wiro.fault("Task/List", status=500, nth=3)
    statuses(wiro.world, 2)
    (problem,) = wiro.problems()
    assert "2 such requests came, and none was struck (nth 3)" in problem
    wiro.close()


# -- sets ----------------------------------------------------------------------------------------------


def test_the_shipped_sets() -> None:
    """By name; a wrong one is told."""
    with made() as wiro:
        names = [one.name for one in wiro.world.casting.library.fault_sets]
        hooks = ["webhook-first", "webhook-lies", "webhook-trouble", "webhook-twice"]
        assert names == ["bad-day", "cold-start", "flaky-network", "rate-limited", "slow-gpu", "sync-trouble", *hooks]
        wiro.faults(*names, optional=True)
        assert misuse(lambda: wiro.faults("bad-dya")) == "faults: no fault set 'bad-dya'; did you mean 'bad-day'?"


def test_a_set_that_is_never_met_is_left_behind() -> None:
    """As a whole: what is drawn by chance need not fire."""
    wiro = made()
    wiro.faults("flaky-network")
    (problem,) = wiro.problems()
    assert problem.startswith('fault set never met: "flaky-network" was armed at tests/test_fault_language.py:')
    post(wiro.world, LIST, {})
    assert wiro.problems() == []
    wiro.close()


def test_a_slow_gpu_is_slow_and_a_cold_start_only_once() -> None:
    """The task itself is late, wherever it is looked at; the same for the same seed."""

    def length(name: str, nth: int) -> float:
        world = make_world(time="auto")
        if name:
            world.arm_set(name)
        for _ in range(nth):
            while not (answer := post(world, CAPTION, {}).json).get("taskid"):
                pass
        return float(detail(world, answer["taskid"])["elapsedseconds"])

    usual = length("", 1)
    assert length("slow-gpu", 1) == length("slow-gpu", 1) > usual
    world = make_world(time="auto")
    world.arm_set("cold-start")
    logs = []
    for _ in range(2):
        task, _ = run(world)
        detail(world, task)
        log = world.sim.log(task)
        logs.append(log[-1].at - log[0].at)
    assert logs[0] > 50_000_000 + logs[1]


def test_sets_of_ones_own(tmp_path: Any) -> None:
    """In `faults/` of a folder of scenarios; complaints have their places."""
    from wiro_mock.loader import Library

    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "mine.yaml").write_text("fault_set: mine\nfaults:\n  - {on: Run, do: hang}\n")
    library = Library(tmp_path)
    assert library.fault_set("mine").source_of(0).endswith("mine.yaml:3")
    (tmp_path / "faults" / "mine.yaml").write_text("fault_set: Mine\nfaults: [{on: Rn, do: hang}]\ndelay: []\n")
    with pytest.raises(ScenarioError) as caught:
        Library(tmp_path)
    told = [line.split(" ", 1)[1] for line in str(caught.value).splitlines()]
    assert told == [
        "fault_set: 'Mine' is not a name in small letters, digits and single dashes; write mine",
        "faults.on: 'Rn' is not possible; did you mean 'Run'?",
        "delay: unknown key; did you mean 'delays'?",
    ]


# -- elsewhere -----------------------------------------------------------------------------------------


def test_the_guide_has_every_verb() -> None:
    """The table of the guide is the table of the language."""
    names = {"api": "operations", "file": "files", "socket": "`socket`", "webhook": "`webhook`"}
    guide = (shipped() / "README.md").read_text()
    rows = [row for row in guide.partition("<!-- verbs -->")[2].partition("<!-- /verbs -->")[0].splitlines() if row]
    told = {row.split(" | ")[0].strip("| `"): row.split(" | ")[1:] for row in rows[2:]}
    assert {name: cells[:2] for name, cells in told.items()} == {
        name: [verb.about, ", ".join(names[kind] for kind in verb.where)] for name, verb in VERBS.items()
    }
    for name, cells in told.items():
        if VERBS[name].own and {"api", "file"} & {*VERBS[name].where}:
            assert cells[2] == "takes place |", name


def control(world: World, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    with world.lock:
        return RESOURCES[path][method](world, body or {}, {})


def test_faults_are_armed_over_the_control_api() -> None:
    """Listed with their counters, armed in the words of the YAML or as a set, and cleared."""
    world = make_world()
    status, told = control(world, "POST", "/faults", {"on": "Task/List", "do": {"status": 503}, "times": 2})
    assert status == 200
    assert statuses(world, 1) == [503]
    (shown,) = control(world, "GET", "/faults")[1]["faults"]
    assert shown == {
        "on": "Task/List",
        "do": {"status": 503},
        "times": 2,
        "task": None,
        "where": "POST /__wiro/faults",
        "calls": 1,
        "struck": 1,
        "left": 1,
        "could_not": None,
    }
    told = control(world, "POST", "/faults", {"set": "slow-gpu"})[1]
    assert told["armed_sets"] == [{"set": "slow-gpu", "delayed": 0}]
    assert told["sets"][0]["set"] == "bad-day"
    assert control(world, "POST", "/faults/clear") == (200, {"cleared": 1})
    assert statuses(world, 1) == [200]
    with pytest.raises(ScenarioError, match="on: is missing; add it"):
        control(world, "POST", "/faults", {"do": "hang"})
    with pytest.raises(ScenarioError, match="no fault set 'bad'; did you mean 'bad-day'"):
        control(world, "POST", "/faults", {"set": "bad"})


def test_a_world_of_settings_has_its_sets_again_after_a_reset() -> None:
    """As `serve --faults` makes one."""
    world = make_world(faults=("rate-limited",))
    assert statuses(world, 3) == [200, 200, 429]
    world.reset()
    assert statuses(world, 3) == [200, 200, 429]
    with pytest.raises(ScenarioError, match="no fault set 'x'"):
        make_world(faults=("x",))


def test_on_a_shared_server_a_loop_finds_its_world() -> None:
    """The address that a file's URL was redirected to has no key and no token in it."""
    world, other = make_world(time="auto"), make_world(seed="other", project=None)
    task, _ = run(world)
    url = detail(world, task)["outputs"][0]["url"]
    arm(world, on="cdn", do="redirect_loop")
    location = get(world, url).headers["location"].removeprefix(ORIGIN)
    worlds = Worlds(world)
    worlds.attach(other)
    assert worlds.for_request("GET", location, {}) is world
    assert get(world, ORIGIN + location).headers["location"] == ORIGIN + location
    assert get(world, url).status == 200
