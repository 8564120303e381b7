"""Two suites in two languages at once on one server, faults in one of them: neither notices the other."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.process_kit import environment
from wiro_mock.commands.group import wiro_mock

SUITES = Path(__file__).parent / "suites"


def test_two_suites_share_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By pytest with our fixtures, and by Node's own runner; both were there before either began."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed here")
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    shutil.copy(SUITES / "suite.py", tmp_path / "test_suite.py")
    pytest_suite = (
        f"{sys.executable} -m pytest -q -p no:cacheprovider --rootdir={tmp_path} {tmp_path / 'test_suite.py'}"
    )
    both = f"{pytest_suite} & one=$!; node --test {SUITES / 'suite.mjs'} & two=$!; wait $one && wait $two"
    report = tmp_path / "report.json"
    words = ["exec", "--fail-on", "unmatched,unfired", "--report", str(report), "--", "sh", "-c", both]
    status = CliRunner().invoke(wiro_mock, words).exit_code
    said = capfd.readouterr()
    assert status == 0, said.out + said.err

    told = json.loads(report.read_text())
    python, node = sorted(told["worlds"][:2], key=lambda world: world["name"] == "node")
    assert (python["name"], node["name"]) == ("test_suite.py::test_faults", "node")
    assert python["deleted"]
    assert node["deleted"]
    assert [exchange["status"] for exchange in python["journal"]] == [503, 503, 503, 200, 500]
    assert [exchange["status"] for exchange in node["journal"]] == [200] * 6
    assert [len(world["tasks"]) for world in (python, node)] == [1, 3]
    assert told["worlds"][2]["journal"] == []  # of the server's own
    assert told["strays"] == []
