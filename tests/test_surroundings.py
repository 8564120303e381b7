"""What a process finds around it in containers and in CI: no home, no name, no UTF-8, nothing that can be written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.process_kit import COMMAND, environment
from wiro_mock.commands.group import wiro_mock

ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("around", "words", "status", "told"),
    [
        (ASCII, ["plan", "ü.yaml"], 0, "naïve ☃".encode()),
        ({"PYTHONIOENCODING": "latin-1"}, ["config"], 2, "no option 'größe \\u2603'".encode("latin-1")),
    ],
)
def test_a_locale_without_utf_8_is_worth_no_traceback(
    tmp_path: Path, around: dict[str, str], words: list[str], status: int, told: bytes
) -> None:
    """Where it is ASCII, click writes UTF-8; where it is something else, what that cannot say is escaped."""
    (tmp_path / "wiro-mock.toml").write_text('"größe ☃" = 1\n', encoding="utf-8")
    (tmp_path / "ü.yaml").write_text(
        'scenario: a\nabout: x\nsteps:\n  - print: "naïve ☃"\n  - exit: 0\n', encoding="utf-8"
    )
    done = subprocess.run([*COMMAND, *words], cwd=tmp_path, env=environment(**around), capture_output=True, check=False)
    assert done.returncode == status, done.stderr
    assert told in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr


def test_a_user_without_a_name_and_a_home_is_told_what_needs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number without a name and no HOME, as containers have it: only the CA needs a place, and says so."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "WIRO_MOCK_CA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    seen = CliRunner().invoke(wiro_mock, ["doctor"], prog_name="wiro-mock", env={"WIRO_MOCK_PORT": "0"}).stdout
    assert ", which has no name here" in seen
    assert "there is no home; only the CA" in seen
    told = "wiro-mock: the CA has no place, for this user has no home; $WIRO_MOCK_CA_DIR names one\n"
    for words in (["ca"], ["ca", "--remove"], ["ca", "--env"], ["serve", "--port", "0", "--tls"]):
        result = CliRunner().invoke(wiro_mock, words, prog_name="wiro-mock")
        assert (result.exit_code, result.stderr) == (2, told), words
    assert list(tmp_path.iterdir()) == []


def test_no_file_of_configuration_that_is_hostile_does_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that never ends, a link to itself, a pipe's name with a line break."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "two\nlines.toml").write_text("prot = 1")
    for name, told in (
        ("/dev/zero", "/dev/zero is larger than 1 MiB"),
        ("loop", "cannot read loop: Too many levels of symbolic links"),
        ("two\nlines.toml", "two\\nlines.toml:1: there is no option 'prot'"),
    ):
        result = CliRunner().invoke(wiro_mock, ["config", "serve", "--config", name], prog_name="wiro-mock")
        assert result.exit_code == 2, result.output
        assert told in result.stderr
        assert result.stderr.count("\n") == 1
