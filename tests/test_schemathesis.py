"""Schemathesis drives the generated documents against a running server: no server error, and every answer as promised.

It runs in a process of its own, one document after the other, each against a server of its own whose time stands still:
so no webhook is ever due, and the same seed meets the same tasks. The documents are as they are served, but for the
tasks that requests may name: those are there, in every state, where Wiro's examples name one that is not.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api_kit import KEY, make_world, signed
from tests.live_kit import Live, live

EXCLUDED = {
    "negative_data_rejection": "Wiro says no with HTTP 200 and `result: false` (rest.md C2), so no 4xx is to be had",
    "unsupported_method": "Wiro answers 404, not 405, wherever nothing is at home (rest.md §1.5)",
}
"""The checks that are left out, and why. All others are made."""
WANTED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
CASES = 6
"""Random cases for each operation, beside those that Schemathesis derives from the schema itself."""
PROGRAM = """
import json, sys
from click.testing import CliRunner
from schemathesis.cli import schemathesis

for arguments in json.load(sys.stdin):
    done = CliRunner().invoke(schemathesis, arguments)
    print(json.dumps({"status": done.exit_code, "output": done.output}), flush=True)
"""
"""Several runs of its command line in one process, because its start takes as long as a run."""


@dataclass(frozen=True)
class Drive:
    """One run: a model's document, with a property whose schema is untrue, if any, and more of the command line."""

    model: str
    auth: str = "apikey"
    wrong: tuple[str, str, str] | None = None
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Driven:
    """What became of it: the status and the output of Schemathesis, and the server with its journal."""

    status: int
    output: str
    live: Live


RUNS_ONLY = ("--exclude-path-regex=^/Task",)
DRIVES = {
    "text": Drive("moondream3-preview/caption", "signature"),
    "image": Drive("pruna/p-image"),
    "files": Drive("google/nano-banana-pro", more=RUNS_ONLY),
    "many parameters": Drive("wiro/rag-chat", more=RUNS_ONLY),
    "untrue of a run": Drive(
        "pruna/p-image", wrong=("RunTaskResponse", "taskid", "integer"), more=(*RUNS_ONLY, "--phases=fuzzing")
    ),
    "untrue of a task": Drive(
        "pruna/p-image",
        wrong=("TaskObject", "elapsedseconds", "number"),
        more=("--include-path=/Task/Detail", "--phases=examples"),
    ),
}
TRUE = [name for name in DRIVES if "untrue" not in name]
UNTRUE = [name for name in DRIVES if "untrue" in name]


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Driven]]:
    """All of them."""
    folder = tmp_path_factory.mktemp("schemathesis")
    with ExitStack() as stack:
        servers = [
            stack.enter_context(live(make_world(time="manual", key_only=drive.auth == "apikey")))
            for drive in DRIVES.values()
        ]
        jobs = [
            _arguments(*pair, folder / f"{at}.json")
            for at, pair in enumerate(zip(DRIVES.values(), servers, strict=True))
        ]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=folder,
            input=json.dumps(jobs),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(results) == len(jobs), done.stderr
        yield {name: Driven(**each, live=at) for name, each, at in zip(DRIVES, results, servers, strict=True)}


def _arguments(drive: Drive, running: Live, file: Path) -> list[str]:
    """The command line; the document lies in the file then."""
    file.write_text(json.dumps(_document(drive, running)), encoding="utf-8")
    headers = {"x-api-key": KEY} if drive.auth == "apikey" else signed()
    return [
        *("run", file.name, "--no-color", f"--url={running.thread.url}/v1", "--seed=1", f"--max-examples={CASES}"),
        *("--generation-database=none", "--no-shrink", "--checks=all", f"--exclude-checks={','.join(EXCLUDED)}"),
        *(f"--header={name}: {value}" for name, value in headers.items()),
        *drive.more,
    ]


def _document(drive: Drive, running: Live) -> dict[str, Any]:
    owner, slug = drive.model.split("/")
    answer = running.post("/v1/Tool/DetailOpenAPI", {"slugowner": owner, "slugproject": slug})
    (document,) = (item["spec"] for item in answer if item["type"] == drive.auth)
    schemas: dict[str, Any] = document["components"]["schemas"]
    ids, tokens = zip(*_tasks(running), strict=True)
    for name in ("TaskDetailRequest", "TaskKillRequest", "TaskCancelRequest"):
        for key, schema in schemas[name]["properties"].items():
            if key != "uuid":
                known = ids if key == "taskid" else tokens
                schema |= {"enum": known, "example": known[0]}
    del document["paths"]["/Task/Detail"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    if drive.wrong:
        schema, name, kind = drive.wrong
        schemas[schema]["properties"][name] = {"type": kind}
    return dict(document)


def _tasks(running: Live) -> list[tuple[str, str]]:
    """Ids and tokens of tasks: done, cancelled, failed, running, in the queue."""
    tasks = [running.run(), running.run("/v1/Run/pruna/p-image", prompt="a cat"), running.run()]
    running.post("/v1/Task/Cancel", {"taskid": tasks[2][0]})
    running.admin("/scenarios/use", {"scenario": "gpu-out-of-memory", "times": 1})
    tasks.append(running.run())
    running.admin("/time", {"advance": "60s"})
    tasks += [running.run() for _ in range(3)]
    running.admin("/time", {"advance": "3s"})
    return [*tasks, *(running.run() for _ in range(3))]


@pytest.mark.parametrize("name", TRUE)
def test_no_check_fails(driven: dict[str, Driven], name: str) -> None:
    """Over JSON and forms, with data that fit the document and data that do not."""
    drive = driven[name]
    assert drive.status == 0, drive.output
    found = re.search(r"(\d+) generated, (\d+) passed", drive.output)
    assert found is not None, drive.output
    assert found[1] == found[2]
    assert int(found[1]) > 50


@pytest.mark.parametrize("name", TRUE)
def test_it_has_met_successes_and_refusals(driven: dict[str, Driven], name: str) -> None:
    """So the schema of a task was held against tasks that were shown, killed and cancelled, not only against noes."""
    operations = ("Run",) if DRIVES[name].more else ("Run", "Task/Detail", "Task/Kill", "Task/Cancel")
    entries = driven[name].live.world.journal.entries(limit=10_000)
    for operation in operations:
        codes = {entry.outcome.code for entry in entries if entry.outcome.operation == operation}
        assert None in codes, operation
        assert len(codes) > 1, operation


@pytest.mark.parametrize("name", UNTRUE)
def test_a_document_that_is_not_true_is_found_out(driven: dict[str, Driven], name: str) -> None:
    """By the conformance of answers to their schema, and by nothing else."""
    drive = driven[name]
    assert drive.status == 1, drive.output
    failures = re.findall(r"^- ST\d+ (.*)$", drive.output, re.MULTILINE)
    assert failures
    assert set(failures) == {"Response violates schema"}


def test_the_checks_that_the_project_promises_are_made() -> None:
    """None of the five is left out."""
    assert not set(WANTED) & set(EXCLUDED)
