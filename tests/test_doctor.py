"""`wiro-mock doctor`: what is there, what is missing, and how to get it; status 0 or 1."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from wiro_mock.commands import doctor_house, doctor_machine
from wiro_mock.commands.doctor_machine import BAD, NOTE, OK
from wiro_mock.commands.group import wiro_mock


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and a CA folder of its own, and no variables that configure anything."""
    for name in [*os.environ]:
        if name.startswith(("WIRO_", "wiro_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WIRO_MOCK_CA_DIR", str(tmp_path / "ca"))
    monkeypatch.setenv("WIRO_MOCK_PORT", "0")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def see() -> Result:
    return CliRunner().invoke(wiro_mock, ["doctor"], prog_name="wiro-mock")


def findings(status: int = 0) -> dict[str, list[dict[str, Any]]]:
    """What was found, by area."""
    result = CliRunner().invoke(wiro_mock, ["doctor", "--json"], prog_name="wiro-mock")
    assert result.exit_code == status, result.output
    told = json.loads(result.stdout)
    assert told["ok"] is (status == 0)
    areas: dict[str, list[dict[str, Any]]] = {}
    for finding in told["findings"]:
        areas.setdefault(finding["area"], []).append(finding)
    return areas


def test_a_machine_in_order_is_told_of(folder: Path) -> None:
    """Every area, with status 0; as text it is one line for each finding."""
    found = findings()
    wanted = {
        "versions",
        "configuration",
        "port",
        "scenarios",
        "backends",
        "clock",
        "CA",
        "folders",
        "user",
        "text",
        "proxies",
    }
    assert set(found) <= wanted
    assert wanted - {"backends"} <= set(found)
    versions = " ".join(one["found"] for one in found["versions"])
    for name in ("Python 3", "wiro-mock ", "starlette ", "uvicorn ", "httpx ", "respx "):
        assert name in versions
    assert " scenarios and " in found["scenarios"][0]["found"]
    assert str(folder / "ca") in found["CA"][0]["found"]
    assert not (folder / "ca").exists()
    result = see()
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == sum(map(len, found.values()))


def test_a_port_that_is_taken_is_in_the_way_and_its_holder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system tells; another wiro-mock there is no fault."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.settimeout(0)  # whoever asks what serves here is not answered
        monkeypatch.setattr("wiro_mock.commands.ready.PATIENCE", 0.01)
        monkeypatch.setenv("WIRO_MOCK_PORT", str(port))
        (told,) = findings(status=1)["port"]
    assert told["state"] == BAD
    assert told["way"] == "--port 0 takes a free one"
    if Path("/proc/net/tcp").exists():
        assert f"(process {os.getpid()})" in told["found"]


def test_another_mock_at_the_port_is_no_fault() -> None:
    """It says who it is."""
    from wiro_mock import WiroMock

    with WiroMock() as wiro, wiro.serve() as server:
        (told,) = doctor_machine.ports("127.0.0.1", int(server.origin.rpartition(":")[2]))
    assert (told.state, "a wiro-mock is serving there already" in told.found) == (NOTE, True)


def test_what_is_wrong_with_the_configuration_is_in_the_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a value, scenarios, a variable that configures nothing; each with what helps, and no secret."""
    (folder / "wiro-mock.toml").write_text("prot = 1\napi-secret = 'hush'\n")
    told = findings(status=1)["configuration"]
    assert told[0]["found"].startswith("wiro-mock.toml:1: there is no option 'prot'")
    (folder / "wiro-mock.toml").write_text("time = 'soon'\napi-secret = 'hush'\nscenarios = 'mine'\n")
    (folder / "mine").mkdir()
    (folder / "mine" / "a.yaml").write_text("scenario: a\nsteps:\n  - exti: 0\n")
    monkeypatch.setenv("WIRO_MOCK_TMIE", "1")
    found = findings(status=1)
    words = [one["found"] for one in found["configuration"]]
    assert words[0] == "wiro-mock.toml"
    assert "not 'soon'" in words[1]
    assert (words[2], found["configuration"][2]["way"]) == (
        "WIRO_MOCK_TMIE configures nothing",
        "did you mean WIRO_MOCK_TIME?",
    )
    assert "a.yaml:3:5" in found["scenarios"][0]["found"]
    assert "hush" not in see().output


def test_what_is_missing_is_told_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that everybody needs is in the way; an extra is worth a note."""
    monkeypatch.setattr(doctor_house, "_version", lambda name: "" if name in ("httpx", "uvloop") else "1.0")
    told = {finding.found: finding for finding in doctor_house.packages()}
    assert told["httpx is missing"][2:] == (BAD, "pip install httpx")
    extra = next(finding for finding in told.values() if "the extra fast" in finding.found)
    assert (extra.state, extra.way) == (NOTE, "pip install 'wiro-mock[fast]' where you want it")


def test_the_clock_is_compared_with_what_is_installed() -> None:
    """Nothing is older than what one runs."""
    assert next(doctor_machine.clock(time.time())).state == OK
    told = next(doctor_machine.clock(86_400.0))
    assert (told.state, told.found[:10]) == (BAD, "1970-01-02")


def test_a_ca_is_told_of_with_its_end(folder: Path) -> None:
    """What lies there, and whether it lasts."""
    pytest.importorskip("trustme")
    from wiro_mock.reach.authority import Authority, Files

    Authority.of_user(files=Files(folder=folder / "ca"), tell=print)
    (told,) = doctor_house.ca()
    assert (told.state, str(folder / "ca" / "ca.pem") in told.found, " until 20" in told.found) == (OK, True, True)


def test_proxies_are_told_of_without_their_passwords() -> None:
    """And whether the way to this machine leads past them."""
    environ = {"HTTPS_PROXY": "http://me:hush@proxy.test:3128", "http_proxy": "me:hush@proxy.test", "all_proxy": ""}
    told = list(doctor_machine.proxies(environ))
    assert [finding.state for finding in told] == [NOTE, NOTE]
    assert [finding.found for finding in told] == [
        "HTTPS_PROXY=http://***@proxy.test:3128",
        "http_proxy=http://***@proxy.test",
    ]
    assert [finding.state for finding in doctor_machine.proxies({**environ, "NO_PROXY": "x, 127.0.0.1"})] == [OK, OK]
    assert "none" in next(doctor_machine.proxies({})).found


def test_no_place_for_files_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that is read-only throughout; no home is not."""
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    assert next(doctor_machine.folders()).state == BAD
    assert [one.state for one in doctor_machine.user({"HOME": "/nowhere/at/all"})][1] == NOTE


def test_a_check_that_breaks_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a finding of its own."""

    def broken() -> Any:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("wiro_mock.commands.doctor.clock", broken)
    found = findings(status=1)
    assert found["broken"][0]["found"] == "could not be looked at: ZeroDivisionError: oh"
    assert "proxies" in found
