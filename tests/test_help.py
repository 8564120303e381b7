"""`wiro-mock help` and `completion`: every document by its topic, and what a shell completes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.places import PACKAGE, SCENARIOS
from tests.process_kit import environment
from wiro_mock.commands.completion import SHELLS
from wiro_mock.commands.group import wiro_mock
from wiro_mock.commands.help import documents, text_of


def play(*words: str) -> Result:
    return CliRunner().invoke(wiro_mock, list(words), prog_name="wiro-mock")


def test_every_document_is_a_topic() -> None:
    """None is left out, and none hides another."""
    shipped = {path for folder in (PACKAGE, SCENARIOS) for path in folder.rglob("*.md")}
    assert shipped <= set(documents().values())
    assert len(set(documents().values())) == len(documents())
    assert {"readme", "scenarios", "testing", "container", "configuration", "migration", "limits"} <= set(documents())


def test_topics_are_listed_with_one_line_each() -> None:
    """The name and the heading."""
    lines = play("help").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(documents())
    assert "scenarios      The scenario language" in lines
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines)


@pytest.mark.parametrize("topic", documents())
def test_a_topic_is_shown_whole(topic: str) -> None:
    """As it stands in the file, but for the marks of what is printed from the code; whatever the letters' case."""
    shown = play("help", topic.upper()).stdout
    assert shown.rstrip("\n") == text_of(documents()[topic]).rstrip("\n")
    assert shown.startswith("# ")
    assert "<!--" not in shown


def test_a_command_is_a_topic_too_and_a_misspelling_finds_its_way() -> None:
    """With status 2 for what there is not."""
    assert play("help", "lint").stdout.rstrip() == play("lint", "--help").stdout.rstrip()
    wrong = play("help", "migraton")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "no topic 'migraton'; did you mean 'migration'?" in wrong.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(shell: str) -> None:
    """And the line that turns it on."""
    result = play("completion", shell)
    assert result.exit_code == 0
    assert "_WIRO_MOCK_COMPLETE" in result.stdout
    assert f"wiro-mock completion {shell}" in play("completion").stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_options_and_names(tmp_path: Path) -> None:
    """A real bash, with the script that is printed and the command itself; one bash for all questions."""
    wrapper = tmp_path / "wiro-mock"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wiro_mock "$@"\n')
    wrapper.chmod(0o755)
    questions = {
        "wiro-mock pre": {"presets"},
        "wiro-mock serve slow": {"slow-gpu"},
        "wiro-mock serve --use gpu-out": {"gpu-out-of-memory"},
        "wiro-mock serve --save": {"--save-on-exit"},
        "wiro-mock help migr": {"migration"},
    }
    script = ['eval "$(wiro-mock completion bash)"']
    for line in questions:
        words = line.split()
        script.append(f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMPREPLY=()")
        script.append('_wiro_mock_completion wiro-mock; echo "${COMPREPLY[*]}"')
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={**environment(), "PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert [set(line.split()) for line in done.stdout.splitlines()] == list(questions.values()), done.stderr
