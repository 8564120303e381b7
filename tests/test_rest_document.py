"""The OpenAPI 3.1 document of the REST API: valid, complete, sourced field by field, and true of what is answered."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api_kit import KEY, make_world
from tests.live_kit import Live, live
from tests.test_schemathesis import EXCLUDED, PROGRAM
from wiro_mock import shapes
from wiro_mock.api.operations import OPERATIONS
from wiro_mock.api.profile import PROFILES, Profile, switch
from wiro_mock.api.rest_document import document
from wiro_mock.commands.group import wiro_mock
from wiro_mock.contract.compare import fields_of
from wiro_mock.shape_sources import SHAPES, source_of

STANDINGS = {"documented", "observed", "our choice"}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
def test_it_is_valid_by_the_official_validator(profile: Profile) -> None:
    """In every revision of the wire."""
    OpenAPIV31SpecValidator(document(profile=profile)).validate()


def test_every_operation_below_v1_is_in_it() -> None:
    """With its method, its source, its key, and what it answers to a no."""
    paths = document()["paths"]
    played = [one for one in OPERATIONS if one.path.startswith("/v1/") and one.is_on(Profile())]
    assert {(one.method.lower(), one.path) for one in played} == {
        (verb, path) for path, verbs in paths.items() for verb in verbs
    }
    for one in played:
        found = paths[one.path][one.method.lower()]
        assert found["x-source"]["standing"] in STANDINGS
        assert ("401" in found["responses"]) is not one.public
        assert (found.get("security") == []) is one.public


def test_a_switch_adds_its_operation() -> None:
    """And statuses that a revision answers with are listed."""
    made = document(profile=switch(switch(Profile(), "task_stat=true"), "error_status=mapped"))
    assert "/v1/Task/Stat" in made["paths"]
    assert "/v1/Task/Stat" not in document()["paths"]
    assert "429" in made["paths"]["/v1/Run/{owner}/{model}"]["post"]["responses"]


def test_every_field_has_its_source() -> None:
    """Also those of shapes that are not in the document, such as the model's parameters."""
    named = document()["components"]["schemas"]
    for name, schema in named.items():
        for field, about in schema["properties"].items():
            assert set(about["x-source"]) == {"name", "date", "standing"}, (name, field)
            assert about["x-source"]["standing"] in STANDINGS
            assert about["x-source"]["name"]
    assert source_of("TaskShape", "elapsedseconds").name == "saved model page"
    assert source_of("TaskShape", "isapp").standing == "observed"
    assert set(named) <= set(SHAPES)


def test_it_says_what_the_shapes_say() -> None:
    """Types, unions, what is required and what is not."""
    schemas = document()["components"]["schemas"]
    task = schemas["TaskShape"]
    assert set(task["required"]) == {name for name, (_, must) in fields_of(shapes.TaskShape).items() if must}
    assert set(task["properties"]) == set(fields_of(shapes.TaskShape))
    assert task["properties"]["pexit"]["type"] == ["string", "null"]
    assert task["properties"]["guestid"]["type"] == "null"
    assert [one["$ref"].rsplit("/", 1)[1] for one in task["properties"]["outputs"]["items"]["anyOf"]] == [
        "OutputFile",
        "OutputAnswer",
    ]
    assert schemas["Failure"]["properties"]["result"]["enum"] == [False]


def test_the_command_and_the_server_have_it(tmp_path: Path) -> None:
    """The command for any address and revision, to a file or stdout; a server for itself."""
    done = CliRunner().invoke(wiro_mock, ["openapi"])
    assert json.loads(done.stdout) == document()
    file = tmp_path / "wiro.json"
    done = CliRunner().invoke(
        wiro_mock, ["openapi", "--server", "http://h/v1", "--profile", "2025-12", "--output", str(file)]
    )
    assert (done.exit_code, done.stdout) == (0, "")
    assert json.loads(file.read_text()) == document("http://h", PROFILES["2025-12"])
    with live() as running:
        assert running.admin("/openapi") == document("/", running.world.profile)
        assert running.admin("/openapi?server=http://h")["servers"] == [{"url": "http://h"}]
    done = CliRunner().invoke(wiro_mock, ["openapi", "--profile", "2020"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no profile '2020'; there are: " in done.stderr
    done = CliRunner().invoke(wiro_mock, ["openapi", "--output", str(tmp_path / "no" / "x.json")])
    assert done.exit_code == 1
    assert "give --output a file in a folder that you may write to" in done.stderr


# -- Schemathesis --------------------------------------------------------------------------------------

CASES = 4
LEFT_OUT = "^/v1/(File/.accesskey|Run/.*/sync$)"
"""Files, of which there are none; and runs that wait until their tasks have ended, which they do not in manual time."""


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    with live(make_world(time="manual", key_only=True)) as running:
        yield running


def known_tasks(running: Live) -> tuple[list[str], list[str]]:
    """Ids and tokens of tasks in several states: without them every answer would be a no."""
    tasks = [running.run(), running.run("/v1/Run/pruna/p-image", prompt="a cat")]
    running.admin("/time", {"advance": "60s"})
    tasks += [running.run() for _ in range(3)]
    running.admin("/time", {"advance": "3s"})
    tasks += [running.run() for _ in range(2)]
    ids, tokens = zip(*tasks, strict=True)
    return list(ids), list(tokens)


def arguments(running: Live, folder: Path, *more: str, wrong: bool = False) -> list[str]:
    """The command line for the served document, in which requests name tasks and a model that there are."""
    made: dict[str, Any] = running.admin("/openapi")
    ids, tokens = known_tasks(running)
    schemas = made["components"]["schemas"]
    for name, schema in schemas.items():
        if name in ("DetailRequest", "CancelRequest", "KillRequest", "TokenRequest"):
            for key, field in schema["properties"].items():
                if key != "uuid":
                    field.clear()
                    field |= {"type": "string", "enum": ids if key == "taskid" else tokens}
        if name == "DetailRequest":  # so that each body that fits names a task that is there
            schema |= {"required": ["taskid"], "properties": {"taskid": schema["properties"]["taskid"]}}
        if name == "ToolRequest":
            schema["properties"]["slugowner"]["enum"] = ["pruna"]
            schema["properties"]["slugproject"]["enum"] = ["p-image", "none"]
        if name == "RunRequest":
            schema |= {"required": ["prompt"]}
            schema["properties"]["prompt"] = {"type": "string", "enum": ["a cat"]}
    for place, value in zip(made["paths"]["/v1/Run/{owner}/{model}"]["post"]["parameters"], ["pruna", "p-image"]):  # noqa: B905
        place["schema"]["enum"] = [value]
    if wrong:
        schemas["TaskShape"]["properties"]["elapsedseconds"]["type"] = "number"
    file = folder / f"{wrong}.json"
    file.write_text(json.dumps(made))
    return [
        *("run", file.name, f"--url={running.thread.url}", "--no-color", "--seed=1", f"--max-examples={CASES}"),
        *("--generation-database=none", "--no-shrink", "--checks=all", f"--exclude-checks={','.join(EXCLUDED)}"),
        *(f"--header=x-api-key: {KEY}", *more),
    ]


@pytest.fixture(scope="module")
def said(server: Live, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Status and output of both runs, in one process because its start takes as long as a run."""
    folder = tmp_path_factory.mktemp("schemathesis")
    jobs = {
        "true": arguments(server, folder, "--phases=examples,fuzzing", f"--exclude-path-regex={LEFT_OUT}"),
        "untrue": arguments(server, folder, "--phases=fuzzing", "--include-path=/v1/Task/Detail", wrong=True),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        input=json.dumps([*jobs.values()]),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {name: (one["status"], one["output"]) for name, one in zip(jobs, results, strict=True)}


def test_schemathesis_finds_nothing_to_complain_of(server: Live, said: dict[str, tuple[int, str]]) -> None:
    """Every operation, with bodies that fit and bodies that do not; and it has met successes as well as noes."""
    status, output = said["true"]
    assert status == 0, output[-6000:]
    found = re.search(r"(\d+) generated, (\d+) passed", output)
    assert found is not None
    assert found[1] == found[2]
    entries = server.world.journal.entries(limit=10_000)
    met = {(entry.outcome.operation, entry.outcome.code is None) for entry in entries}
    for name in ("Run", "Task/Detail", "Tool/Detail", "Tool/List", "File/List", "Project/List"):
        assert (name, True) in met, name


def test_schemathesis_finds_a_field_that_is_not_true(said: dict[str, tuple[int, str]]) -> None:
    """So its silence says something."""
    status, output = said["untrue"]
    assert status == 1, output[-6000:]
    assert set(re.findall(r"^- ST\d+ (.*)$", output, re.MULTILINE)) == {"Response violates schema"}
