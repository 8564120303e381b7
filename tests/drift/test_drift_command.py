"""`wiro-mock drift`: its doors, files and statuses, and what it says of recordings and services that are broken."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.api_kit import KEY, SECRET
from tests.contract.kit import Answered, contract_world, drifted, our_target
from tests.contract.test_trouble import HTML, JSON, Spoilt, answering
from tests.process_kit import COMMAND, environment
from wiro_mock.asgi import create_app
from wiro_mock.commands.group import wiro_mock
from wiro_mock.server import ServerThread

ENV = {"WIRO_API_KEY": KEY, "WIRO_API_SECRET": SECRET}
RUN = {"errors": [], "taskid": "2221", "socketaccesstoken": "a" * 30, "result": True}
NO_TASK = {"result": False, "errors": [{"code": 1, "message": "There is no task yet.", "time": 1}]}


def play(*words: object, env: dict[str, str | None] | None = None) -> Result:
    """The command, in process."""
    return CliRunner().invoke(wiro_mock, ["drift", *map(str, words)], env=ENV if env is None else env)


def entry(call: str, body: object, answer: object, *, status: int = 200, kind: str = "application/json") -> Any:
    """One of an archive, as a browser writes it."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return {
        "startedDateTime": "2026-11-23T01:02:03.456Z",
        "request": {
            "method": "POST",
            "url": f"https://api.wiro.ai/v1/{call}",
            "headers": [{"name": "X-Api-Key", "value": "x"}, {"name": "X-Signature", "value": "x"}],
            "postData": {"mimeType": "application/json", "text": json.dumps(body)},
        },
        "response": {"status": status, "content": {"mimeType": kind, "text": text}},
    }


def archive(folder: Path, *entries: Any, name: str = "traffic.har") -> Path:
    path = folder / name
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return path


def two_drifts(path: str, status: int, value: Any) -> Answered:
    for task in value.get("tasklist", []) if isinstance(value, dict) else []:
        task |= {"size": 1, "priority": "high|\nvery"}
    return status, value


# -- a live service ------------------------------------------------------------------------------------


def test_the_mock_is_no_drift_and_a_drifted_service_is_one(tmp_path: Path) -> None:
    """Text, JSON and Markdown agree; each finding is one line on stdout, and the status is for CI."""
    files = {"--json": tmp_path / "d.json", "--markdown": tmp_path / "d.md"}
    with drifted(answer=two_drifts) as target:
        done = play("--target", target.url, *(word for pair in files.items() for word in pair))
    assert done.exit_code == 1
    said = done.stdout.splitlines()
    assert said[0] == "The mock is wrong:"
    assert said[1].startswith(
        "Task/Detail tasklist[0].size: the mock sends a string, this service the number 1 (also in"
    )
    assert said[1].endswith(" (TaskShape.size)")
    assert said[3] == "New upstream:"
    assert 'Task/Detail tasklist[0].priority: the mock sends no such field, this service "high|\\nvery"' in said[4]
    assert said[-1].endswith("compared: 1 where the mock is wrong, 1 new upstream, 0 where the documentation differs")
    made = json.loads(files["--json"].read_text())
    assert (made["status"], [one["level"] for one in made["findings"]]) == (1, ["mock wrong", "upstream new"])
    assert made["findings"][0]["change"].startswith("change wiro_mock/shapes.py:")
    table = files["--markdown"].read_text()
    assert "**The mock is wrong**" in table
    assert 'no such field | "high\\|\\\\nvery" |' in table
    assert "\n| Task/Detail tasklist\\[0\\].size (also in Task/" in table
    assert KEY not in done.output + table + files["--json"].read_text()


def test_the_mock_itself_by_default_as_a_process() -> None:
    """Status 0, and what was compared."""
    import subprocess

    done = subprocess.run(
        [*COMMAND, "drift", "--target", "mock"],
        env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" frames, 4 files and 1 webhook compared: no drift\n")


def test_without_runs_nothing_is_started_and_nothing_is_paid() -> None:
    """And that what happens to a task was not compared is said."""
    world = contract_world()
    with ServerThread(create_app(world)) as thread:
        done = play("--target", our_target(thread).url, "--no-runs", "--budget", "0USD")
        assert done.exit_code == 0, done.output
        assert list(world.sim.tasks()) == []
    assert "what happens to a task: no model was run" in done.stdout


def test_above_the_budget_it_wants_a_yes() -> None:
    """Without a terminal: status 2 with the estimate, and nothing was run."""
    world = contract_world()
    with ServerThread(create_app(world)) as thread:
        done = play("--target", our_target(thread).url, "--budget", "0.001USD")
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("wiro-mock: asking for the drift costs 0.0060 USD at most, for three runs of")
        assert list(world.sim.tasks()) == []


def test_what_it_started_is_over_and_its_files_are_gone() -> None:
    """As after the contract suite."""
    world = contract_world()
    with ServerThread(create_app(world)) as thread:
        assert play("--target", our_target(thread).url).exit_code == 0
        tasks = list(world.sim.tasks())
    assert len(tasks) == 3
    assert all(task.finished and not task.shown_outputs for task in tasks)


WRONG: dict[str, tuple[list[str], dict[str, str | None], str]] = {
    "nothing": ([], {}, "name recordings, or a --target, and not both"),
    "both": (["somewhere", "--target", "mock"], {}, "name recordings, or a --target, and not both"),
    "no credentials": (["--target", "real"], {}, "WIRO_API_KEY and WIRO_API_SECRET not set: put the project's into"),
    "nobody there": (["--target", "http://127.0.0.1:9/v1"], dict(ENV), "http://127.0.0.1:9/v1 cannot be reached: "),
    "no address": (["--target", "nowhere"], dict(ENV), "'nowhere' is no address; write one such as"),
    "no recording": (["nowhere.har"], {}, "there is no recording nowhere.har; name a file, or a folder"),
    "no such profile": (["--target", "mock", "--profile", "2030"], {}, "no profile '2030'; there are: current"),
    "no such switch": (["--target", "mock", "--switch", "sgments=true"], {}, "did you mean segments?"),
    "no such scenario": (["--target", "mock", "--scenario", "captoin"], {}, "did you mean 'caption'?"),
    "no folder": (
        ["--target", "mock", "--json", "no/where.json"],
        {},
        "--json: there is no folder 'no'; make it first",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_keeps_it_from_running_is_one_sentence(what: str) -> None:
    """Status 2, nothing on stdout."""
    words, env, sentence = WRONG[what]
    done = play(*words, env={"WIRO_API_KEY": None, "WIRO_API_SECRET": None, **env})
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_trouble_on_the_way_is_named_and_is_no_drift() -> None:
    """Status 2; the rest is compared all the same."""
    other = answering(503, b"{}", JSON)
    with ServerThread(Spoilt(create_app(contract_world()), "/v1/Task/List", other)) as thread:
        done = play("--target", our_target(thread).url, "--no-runs")
    assert done.exit_code == 2
    assert "In the way:\nPOST Task/List: HTTP 503, the service is in trouble\n" in done.stdout
    assert done.stdout.endswith("compared: no drift; 1 thing stood in the way\n")


def test_a_service_that_takes_ten_times_as_long_is_told_of() -> None:
    """Phase by phase, with the line of the mock's own scenario; a warning, and no failure."""
    steps = "{accept: 6s}, {assign: 3s}, {start: 10s}, {print: x}, {exit: {code: 0, after: 30s}}"
    slow = f"scenario: slow\nmatch: {{model: '*/*'}}\nsteps: [{steps}]\n"
    with drifted(world=contract_world(scenarios=slow)) as target:
        done = play("--target", target.url)
    assert done.exit_code == 0
    told = "Run/pruna/p-image at work: the mock sends 3.0 s, this service 30.0 s; change "
    assert re.search(re.escape(told) + r"(wiro_mock/)?scenarios/image\.yaml:\d", done.stdout)
    assert "Run/pruna/p-image in the queue: the mock sends 0.6 s, this service 6.0 s" in done.stdout
    assert {line for line in done.stdout.splitlines() if line.endswith(":")} == {"New upstream:", "Not compared:"}
    assert "\nfiles: the model made none\n" in done.stdout


def test_a_page_of_html_is_no_service() -> None:
    """It is the target that is wrong."""
    with ServerThread(answering(200, b"<h1>Welcome</h1>", HTML)) as thread:
        done = play("--target", our_target(thread).url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "HTTP 200 with a page of HTML where JSON is expected" in done.stderr


# -- recordings ----------------------------------------------------------------------------------------


def test_an_archive_of_a_browser_is_compared_field_by_field(tmp_path: Path) -> None:
    """Requests, and the frames of its sockets; what is no JSON, or of somebody else, is left out."""
    frames = [
        {"type": "send", "time": 1.0, "opcode": 1, "data": '{"type":"task_info"}'},
        {"type": "receive", "time": 1.1, "opcode": 1, "data": '{"type":"connected","version":"1.0"}'},
        *({"type": "receive", "time": 2.0 + n, "opcode": 1, "data": json.dumps(one)} for n, one in enumerate(told())),
    ]
    path = archive(
        tmp_path,
        entry(
            "Task/Detail", {"taskid": "1"}, NO_TASK | {"errors": [{"code": 1, "message": "No such task.", "time": 1}]}
        ),
        entry("Run/pruna/p-image", {"prompt": "a cat"}, RUN),
        entry("Tool/List", {}, "<h1>Bad gateway</h1>", status=502, kind="text/html"),
        entry("Wallet/List", {}, {"result": True, "errors": [], "wallet": [{"balance": "1"}]}),
        entry(
            "Run/pruna/p-image/sync", {"prompt": "a cat"}, {"result": True, "errors": [], "total": "0", "tasklist": []}
        ),
        {"request": {"method": "GET", "url": "https://example.com/"}, "response": {"status": 200}},
        {"request": {"url": "wss://socket.wiro.ai/v1"}, "response": {"status": 101}, "_webSocketMessages": frames},
    )
    done = play(path)
    assert done.exit_code == 1
    (wrong, what) = done.stdout.split("Not compared:")
    assert [line.partition(":")[0] for line in wrong.splitlines()] == [
        "The mock is wrong",
        "Task/Detail errors[0]",
        "frame task_start result",
        "",
    ]
    assert (
        'Task/Detail errors[0]: the mock sends code 1 "There is no task yet.", this service code 1 "No such task."'
        in wrong
    )
    assert "--switch 'not_found_message=No such task.' (wiro_mock/api/profile.py:" in wrong
    assert "frame task_start result: the mock sends true" in wrong
    assert "Wallet/List: the mock does not play it" in what
    assert "Run/pruna/p-image/sync: the mock does not play it, or not without waiting" in what
    assert "traffic.har entry 3: Tool/List was answered with HTTP 502 and no JSON that was kept" in what


def told() -> list[dict[str, Any]]:
    """The frames of a task, one of which has a drifted field."""
    kinds = ("task_queue", "task_accept", "task_assign", "task_start")
    common = {
        "id": "2221",
        "tasktoken": "a" * 30,
        "message": None,
        "success": None,
        "terminal": False,
        "exitCode": None,
    }
    return [{**common, "type": kind, "result": kind != "task_start"} for kind in kinds]


def recorded(folder: Path, text: str, name: str = "caption-1.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


REFUSED = """scenario: caption-1
match: {model: moondream3-preview/caption}
steps:
  - refuse: {code: CODE, message: SENTENCE}
"""


def test_a_recorded_refusal_that_the_mock_does_not_know_is_new(tmp_path: Path) -> None:
    """One that it knows is none: whether an account may run a model is the account's own."""
    recorded(tmp_path, REFUSED.replace("CODE", "97").replace("SENTENCE", "Insufficient balance"))
    assert play(tmp_path).exit_code == 0
    assert play(tmp_path).stdout.endswith("compared: no drift\n")
    recorded(tmp_path, REFUSED.replace("CODE", "93").replace("SENTENCE", "Not in your country"))
    done = play(tmp_path)
    assert done.exit_code == 0
    assert 'the mock sends no such refusal, this service code 93 "Not in your country"' in done.stdout
    assert "add it to wiro_mock/kernel/refusals.py:" in done.stdout


BROKEN = {
    "cut in half": ("traffic.har", '{"log": {"entries": [{"req', "is no JSON ("),
    "no archive": ("traffic.har", '{"tasks": []}', "is no HTTP archive: it has no log.entries"),
    "nothing in it": ("traffic.har", '{"log": {"entries": []}}', "is an empty recording"),
    "nothing of ours": (
        "traffic.har",
        json.dumps({"log": {"entries": [1, {"request": {}}]}}),
        "tells nothing of Wiro's",
    ),
    "edited by hand": (
        "x.yaml",
        "scenario: x\nmatch: {model: a/b}\nsteps:\n  - acept: 1s\n",
        "x.yaml:4:5: step 1: acept: unknown key",
    ),
    "from another version": (
        "x.yaml",
        "version: 9\nscenario: x\nsteps: [accept: 1s]\n",
        "x.yaml:1:1: version: unknown key",
    ),
    "no UTF-8": ("x.yaml", "\udcff\udcfe", "is no UTF-8; it was cut, or edited"),
    "an empty scenario": ("x.yaml", "", "x.yaml"),
    "no recording": ("x.txt", "hello", "is no recording: its name ends in none of .har, .yaml, .yml"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_recording_is_named_with_the_way_out(what: str, tmp_path: Path) -> None:
    """Alone: status 2 and one sentence. Beside a good one: that is compared, and the status is 2 all the same."""
    name, text, sentence = BROKEN[what]
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = play(path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    if path.suffix != ".txt":
        archive(tmp_path, entry("Task/Detail", {"taskid": "1"}, NO_TASK), name="good.har")
        done = play(tmp_path)
        assert done.exit_code == 2
        assert sentence in done.stdout
        assert done.stdout.endswith("1 answer and 0 frames compared: no drift; 1 thing stood in the way\n")


def test_an_empty_folder_is_no_recording(tmp_path: Path) -> None:
    """With what makes one."""
    done = play(tmp_path)
    assert done.exit_code == 2
    assert f"record one with wiro-mock record --to {tmp_path}" in done.stderr
