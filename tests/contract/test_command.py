"""`wiro-mock contract`: credentials, budget, files, statuses, and what is left behind."""

from __future__ import annotations

import json
import signal
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from tests.api_kit import KEY, SECRET
from tests.contract.kit import Answered, contract_world, drifted, our_target, played
from tests.process_kit import COMMAND, environment, serving
from wiro_mock.asgi import create_app
from wiro_mock.commands.contract import ended_in_order
from wiro_mock.commands.group import wiro_mock
from wiro_mock.contract.checks import PROMISES
from wiro_mock.contract.exports import as_markdown
from wiro_mock.contract.promise import AREAS, BY_WISH
from wiro_mock.contract.runner import CannotRun, Target, target_of
from wiro_mock.server import ServerThread

ENV = {"WIRO_API_KEY": KEY, "WIRO_API_SECRET": SECRET}


def play(*words: object, env: dict[str, str | None] | None = None) -> Result:
    """The command, in process."""
    return CliRunner().invoke(wiro_mock, ["contract", *map(str, words)], env=ENV if env is None else env)


def against(target: Target, *words: object, **more: Any) -> Result:
    return play("--target", target.url, *words, **more)


def size_is_a_number(path: str, status: int, value: Any) -> Answered:
    for task in value.get("tasklist", []) if isinstance(value, dict) else []:
        task |= {"size": 1, "priority": "high\nvery"}
    return status, value


# -- promises ------------------------------------------------------------------------------------------


def test_every_promise_has_its_name_area_cost_source_and_sentence() -> None:
    """Names are unique, needs are there and come before, and areas are those of `--only`."""
    names = [one.name for one in PROMISES]
    assert len(set(names)) == len(names)
    for at, one in enumerate(PROMISES):
        assert set(one.needs) <= set(names[:at]), one.name
        assert one.area in (*AREAS, *BY_WISH)
        assert one.about
        assert one.source.standing in ("documented", "observed", "our choice")
    assert {one.area for one in PROMISES} == {*AREAS, *BY_WISH}
    assert {one.cost for one in PROMISES} == {
        "free",
        "reads",
        "runs a model",
        "leaves a file",
        "runs a dearer model",
    }


# -- what it may cost ----------------------------------------------------------------------------------


def test_what_it_costs_is_within_the_budget_of_five_cents() -> None:
    """Three runs of the cheapest model, and no more, whatever is checked; all are over, and their files are gone."""
    world = contract_world()
    with ServerThread(create_app(world)) as thread:
        found = played(our_target(thread))
        assert found.result.status == 0
        tasks = list(world.sim.tasks())
        assert len(tasks) == 3
        assert all(task.finished for task in tasks)
        assert all(not task.shown_outputs for task in tasks)
        assert 0 < 1000 - world.sim.balance < Decimal("0.05")


def test_areas_that_run_nothing_start_nothing() -> None:
    """And cost nothing, so a budget of nothing does."""
    world = contract_world()
    with ServerThread(create_app(world)) as thread:
        done = against(our_target(thread), "--only", "auth,catalogue", "--budget", "0USD")
        assert done.exit_code == 0, done.output
        assert list(world.sim.tasks()) == []


def test_above_the_budget_it_wants_a_yes() -> None:
    """Without a terminal there is nobody to ask: status 2, with the estimate, and nothing was run."""
    world = contract_world()
    with ServerThread(create_app(world)) as thread:
        target = our_target(thread)
        done = against(target, "--budget", "0.001USD")
        assert done.exit_code == 2
        assert done.stderr == (
            "wiro-mock: checking 75 promises costs 0.0060 USD at most, for three runs of pruna/p-image, "
            "and the budget is 0.0010 USD; say yes with --yes, give --budget 0.01USD, or leave out with --only "
            "what runs a model\n"
        )
        assert list(world.sim.tasks()) == []
        assert against(target, "--budget", "0.001USD", "--yes", "--only", "runs").exit_code == 0


def test_what_was_started_is_stopped_when_the_suite_is_interrupted() -> None:
    """Also what a check had just begun."""
    world = contract_world(time="manual", poll=None)
    lines: list[str] = []

    def write(line: str) -> None:
        lines.append(line)
        if "runs.answer_shape" in line:
            raise KeyboardInterrupt

    with ServerThread(create_app(world)) as thread, pytest.raises(KeyboardInterrupt):
        played(our_target(thread), "runs", write=write)
    (task,) = world.sim.tasks()
    assert task.status == "task_cancel"
    assert lines[-1] == "Interrupted: 2 promises were not looked at"


def test_what_was_started_is_stopped_when_ci_gives_up() -> None:
    """It sends SIGTERM; the status says so, as a shell does."""
    world = contract_world(time="manual", poll=None)

    def write(line: str) -> None:
        if "runs.answer_shape" in line:
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with ServerThread(create_app(world)) as thread, pytest.raises(SystemExit) as told, ended_in_order():
        played(our_target(thread), "runs", write=write)
    assert told.value.code == 128 + signal.SIGTERM
    (task,) = world.sim.tasks()
    assert task.status == "task_cancel"
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_could_not_be_stopped_is_told() -> None:
    """With the task's id, and never its token."""

    def keeps(path: str, status: int, value: Any) -> Answered:
        no = {"result": False, "errors": [{"code": 0, "message": "You don't have any permission for this action."}]}
        return (status, no) if path == "Task/InputOutputDelete" else (status, value)

    world = contract_world()
    with drifted(answer=keeps, world=world) as target:
        found = played(target, "runs")
        task, *_ = world.sim.tasks()
        text = (
            f'the files of task {task.job.id} could not be deleted: "You don\'t have any permission for this action."'
        )
        assert found.lines[found.lines.index("Left behind:") + 1] == text


# -- what it needs -------------------------------------------------------------------------------------

WRONG: dict[str, tuple[list[str], dict[str, str | None], str]] = {
    "no key and secret": (["--target", "real"], {}, "WIRO_API_KEY and WIRO_API_SECRET not set: put the project's into"),
    "no secret": (["--target", "real"], {"WIRO_API_KEY": "k"}, "WIRO_API_SECRET not set: put the project's into the"),
    "an odd key": (
        ["--target", "real"],
        {**ENV, "WIRO_API_KEY": "k\nx"},
        "WIRO_API_KEY holds what no header can carry",
    ),
    "no address": (
        ["--target", "nowhere"],
        dict(ENV),
        "'nowhere' is no address; write one such as http://127.0.0.1:4747",
    ),
    "a password": (["--target", "http://u:pw1234@h/v1"], dict(ENV), "the address is one without user, password, query"),
    "a wrong socket": (
        ["--target", "real", "--socket", "http://x"],
        dict(ENV),
        "'http://x' is no address; write one such",
    ),
    "no area": (["--only", " ,"], {}, "no area is named, so nothing would be checked; name some of auth, catalogue"),
    "no such area": (["--only", "auth,taks"], {}, "no area 'taks'; did you mean 'tasks'?"),
    "no amount": (["--budget", "lots"], {}, "'lots' is no amount; write one such as 0.50USD"),
    "no folder": (["--json", "nowhere/at/all.json"], {}, "--json: there is no folder 'nowhere/at'; make it first"),
    "nobody there": (["--target", "http://127.0.0.1:9/v1"], dict(ENV), "http://127.0.0.1:9/v1 cannot be reached: "),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_keeps_it_from_running_is_one_sentence(what: str) -> None:
    """Status 2, nothing on stdout, and no secret."""
    words, env, sentence = WRONG[what]
    done = play(*words, env={"WIRO_API_KEY": None, "WIRO_API_SECRET": None, **env})
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert "pw1234" not in done.stderr


def test_the_real_one_has_a_socket_of_its_own() -> None:
    """And any other target the socket of its origin."""
    real = target_of("real", env=ENV)
    assert (real.url, real.socket_url) == ("https://api.wiro.ai/v1", "wss://socket.wiro.ai/v1")
    assert target_of("https://h:8443/v1/", env=ENV).socket_url == "wss://h:8443/v1"
    assert target_of("http://h", "ws://s/v1", env=ENV).socket_url == "ws://s/v1"
    assert target_of("real", key_only=True, env={"WIRO_API_KEY": "k"}).credentials.secret == ""
    with pytest.raises(CannotRun, match="--key-only"):
        target_of("real", env={"WIRO_API_KEY": "k"})


# -- what it says --------------------------------------------------------------------------------------


def test_a_broken_promise_is_one_line_on_stdout_and_in_every_file(tmp_path: Path) -> None:
    """The table, the JSON, the JUnit and the Markdown agree; a new field warns."""
    files = {"--json": tmp_path / "c.json", "--junit": tmp_path / "c.xml", "--markdown": tmp_path / "c.md"}
    with drifted(answer=size_is_a_number) as target:
        done = against(target, *(word for pair in files.items() for word in pair))
    assert done.exit_code == 1
    line = "tasks.shape: expected tasklist[0].size: a string, got the number 1"
    assert done.stdout.splitlines().count(line) == 1
    assert 'tasks.shape: TaskShape.priority is new: tasklist[0].priority is "high\\nvery"' in done.stdout.splitlines()
    assert "75 promises: 73 held, 1 broken, 1 skipped" in done.stdout
    assert " 1/75  held     auth.lets_in" in done.stdout

    listed = json.loads(files["--json"].read_text())
    (broken,) = (one for one in listed if one["outcome"] == "broken")
    assert broken["promise"] == "tasks.shape"
    assert (broken["source"], broken["standing"]) == ("saved model page (2025-12)", "documented")
    assert (broken["expected"], broken["got"]) == ("tasklist[0].size: a string", "the number 1")
    assert broken["level"] == "mock wrong"
    assert [note["level"] for note in broken["notes"]] == ["upstream new"]
    assert all({"promise", "outcome", "source", "standing", "expected", "got"} <= one.keys() for one in listed)

    suite = ET.parse(files["--junit"]).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("97", "1", "23")
    (failure,) = suite.iter("failure")
    assert failure.get("message") == line
    text = files["--markdown"].read_text()
    assert "| `tasks.shape` | tasklist\\[0\\].size: a string | the number 1 | documented | saved model page" in text


def test_left_out_areas_are_listed_as_not_verified(tmp_path: Path) -> None:
    """In the files; what an area needs of another is checked with it."""
    with drifted() as target:
        done = against(target, "--only", "auth", "--json", tmp_path / "c.json")
    assert done.exit_code == 0
    listed = json.loads((tmp_path / "c.json").read_text())
    assert {one["level"] for one in listed if one["area"] == "files"} == {"not verified"}
    reasons = {one["because"] for one in listed if one["outcome"] == "skipped" and one["area"] in AREAS}
    assert reasons == {"left out by --only"}


def test_what_a_server_sends_is_only_text_in_markdown() -> None:
    """No link, no picture, no line of its own."""

    def bad(path: str, status: int, value: Any) -> Answered:
        for error in value.get("errors", []) if isinstance(value, dict) else []:
            error["message"] = "![x](http://evil) | <script>\n# big @octocat #1"
        return status, value

    with drifted(answer=bad) as target:
        found = played(target, "auth")
    text = as_markdown(found.result.verdicts, target=target.url)
    assert "](http" not in text.replace("\\]", "")
    assert "<script>" not in text
    assert "@octocat" not in text
    assert "#1" not in text
    assert "@<!-- -->octocat #<!-- -->1" in text
    assert all(line.count(" | ") == 4 for line in text.splitlines() if line.startswith("| `auth."))


def test_nothing_checked_is_a_failure() -> None:
    """An empty run would otherwise be a silent success."""
    with drifted() as target:
        assert played(target, promises=()).result.status == 1


def test_against_a_server_of_another_process(tmp_path: Path) -> None:
    """As a user has it: `wiro-mock serve --time auto`, and the suite beside it; without an address it has its own."""
    with serving(tmp_path, "--time", "auto", env={"WIRO_API_KEY": KEY, "WIRO_API_SECRET": SECRET}) as server:
        command = [*COMMAND, "contract", "--target", server.api]
        done = subprocess.run(command, env=environment(**ENV), capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # Each poll takes a task to its end there, so none is killed on its way.
    assert "75 promises: 74 held, 0 broken, 1 skipped" in done.stdout
    assert "tasks.kill: the task had ended before it could be killed" in done.stdout
    assert KEY not in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_without_a_target_it_is_the_mock_and_needs_no_credentials() -> None:
    """Every promise holds, for a project with signatures and for one without."""
    nobody: dict[str, str | None] = {"WIRO_API_KEY": None, "WIRO_API_SECRET": None}
    done = play(env=nobody)
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("75 promises: 75 held, 0 broken, 0 skipped\n")
    done = play("--key-only", env=nobody)
    assert done.exit_code == 0, done.output
    assert "auth.wrong_signature: the project works by key only, without signatures" in done.stdout
