"""The pages beside the code cannot rot: their Python runs, their YAML and TOML are read, their names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.places import PACKAGE
from wiro_mock.commands.config_file import read
from wiro_mock.commands.group import wiro_mock
from wiro_mock.loader import load_text
from wiro_mock.presets import PRESETS

MIGRATION = (PACKAGE / "testing" / "migration.md").read_text(encoding="utf-8")
CONFIGURATION = (PACKAGE / "commands" / "configuration.md").read_text(encoding="utf-8")
LIMITS = (PACKAGE / "limits.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.usefixtures("everything_is_loaded")
def test_the_tests_of_the_migration_pass(pytester: pytest.Pytester) -> None:
    """Those by hand, and those with the fixtures, as they are printed."""
    pytester.makepyfile("\n\n".join(blocks(MIGRATION, "python")))
    pytester.runpytest_inprocess("-W", "error").assert_outcomes(passed=3)


def test_the_scenario_of_the_migration_loads() -> None:
    """And is the one that is told of."""
    (text,) = blocks(MIGRATION, "yaml")
    assert [scenario.name for scenario in load_text(text)] == ["slow-caption"]


@pytest.mark.parametrize("text", blocks(CONFIGURATION, "toml"))
def test_the_files_of_the_guide_are_followed(tmp_path: Path, text: str) -> None:
    """Each under the name that its first line has."""
    path = tmp_path / text.splitlines()[0].removeprefix("# ")
    path.write_text(text)
    assert read(path).of("exec")


def test_the_presets_of_the_guide_are_those_of_the_code() -> None:
    """Word for word."""
    rows = [f"| `{name}` | {one.about} | `{one.flags}` |" for name, one in PRESETS.items()]
    table = "\n".join(["| preset | what happens | as flags |", "|---|---|---|", *rows])
    assert f"<!-- presets -->\n{table}\n<!-- /presets -->" in CONFIGURATION


@pytest.mark.parametrize("text", [MIGRATION, CONFIGURATION, LIMITS], ids=["migration", "configuration", "limits"])
def test_every_option_and_command_that_a_page_names_is_there(text: str) -> None:
    """In code of any kind."""
    code = " ".join([*re.findall(r"`([^`\n]+)`", text), *blocks(text, "sh")])
    for name in set(re.findall(r"wiro-mock (\w[\w-]*)", code)):
        assert CliRunner().invoke(wiro_mock, [name, "--help"]).exit_code == 0, name
    helps = "".join(
        CliRunner().invoke(wiro_mock, [name, "--help"]).stdout for name in ("serve", "exec", "record", "profile")
    )
    for option in set(re.findall(r"(?<![\w-])--[a-z][\w-]+", code)) - {"--record", "--json"}:
        assert option in helps, option
