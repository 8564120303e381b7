"""The command line as a whole, and the commands that only read files: lint, plan, schema."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.process_kit import COMMAND, environment
from wiro_mock.commands.group import COMMANDS, wiro_mock
from wiro_mock.loader import shipped

GOOD = """\
scenario: one
about: Says hello.
steps:
  - print: {after: 1s, text: "Hello ${with.who}, ${model} costs $$5."}
  - exit: 0
---
scenario: two
about: Says nothing.
steps:
  - exit: 3
"""
BROKEN = """\
scenario: one
about: Says hello.
match: {modle: a/b}
steps:
  - acept: {after: 1s}
  - exit: 0
"""


def play(*words: str | Path) -> Result:
    """A command line, in this process."""
    return CliRunner().invoke(wiro_mock, [str(word) for word in words], prog_name="wiro-mock")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    return file


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_every_command_has_help_with_an_example(name: str | None) -> None:
    """`--help` succeeds, and ends with a line that can be copied."""
    result = play(*([name] if name else []), "--help")
    assert result.exit_code == 0
    assert f"Example: wiro-mock {name or 'demo'}" in result.stdout
    assert "To come" not in result.stdout


def test_all_options_have_help() -> None:
    """Nobody has to guess what an option does."""
    for name in COMMANDS:
        command = getattr(import_module(f"wiro_mock.commands.{name}"), name)
        for option in command.params:
            assert isinstance(option, click.Argument) or getattr(option, "help", None), (command.name, option.name)


def test_no_command_shows_the_help_with_status_2() -> None:
    """The bare name is wrong usage, and helps."""
    result = play()
    assert result.exit_code == 2
    assert "serve" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["srve"], "no command 'srve'; did you mean 'serve'?"),
        (["frobnicate"], f"no command 'frobnicate'; there are: {', '.join(COMMANDS[:9])}, "),
        (["--vresion"], "no option --vresion; did you mean --version?"),
        (["serve", "--prot", "1"], "no option --prot; did you mean --port?"),
        (["serve", "--profile", "curent"], "no profile 'curent'; did you mean 'current'?"),
        (["serve", "--profile", "zzz"], "no profile 'zzz'; there are: current, 2026-09, 2026-04, 2025-12"),
        (["profile", "curent"], "no profile 'curent'; did you mean 'current'?"),
        (["profile", "zzz"], "no profile 'zzz'; there are: current, 2026-09, 2026-04, 2025-12"),
        (["profile", "--all"], "--all goes with a name; there are: current, 2026-09, 2026-04, 2025-12"),
        (["serve", "--port", "70000"], "70000 is not in the range 0<=x<=65535; see wiro-mock serve --help"),
        (["serve", "--auth", "loose"], "'loose' is not one of 'strict', 'lenient', 'off'"),
        (["serve", "--time", "soon"], "time is real, auto, manual or a rate such as 10x, not 'soon'"),
        (["serve", "--poll", "often"], "a poll is worth finish, next or a number of seconds such as 2 or 0.5"),
        (["serve", "--balance", "much"], "is an amount of USD such as 0.40, not 'much'"),
        (["serve", "--public-url", "wiro.test/x"], "a public URL is an origin such as https://wiro.test:8443"),
        (["serve", "--switch", "welcom=false"], "did you mean welcome?"),
        (["serve", "--api-key", ""], "leave the option out for the default"),
        (["serve", "extra"], "no preset 'extra'; there are: happy, flaky-network,"),
        (["lint"], "see wiro-mock lint --help"),
        (["lint", "nowhere"], "there is no file or folder 'nowhere'; look at the path"),
        (["plan", "nowhere.yaml"], "there is no file 'nowhere.yaml'; look at the path, or name a shipped scenario: 3d"),
        (["plan", "caption", "--with", "who"], "--with takes name=value, not 'who'; for example --with length=short"),
        (["plan", "caption", "--scenario", "captoin"], "did you mean 'caption'?"),
    ],
)
def test_wrong_usage_is_one_sentence_with_the_way_out(words: list[str], sentence: str) -> None:
    """One line on stderr, nothing on stdout, status 2."""
    result = play(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("wiro-mock: ")
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr


def test_a_given_secret_is_not_repeated_in_a_complaint() -> None:
    """Not even when it is the secret that is wrong."""
    result = play("serve", "--api-secret", "hush-hush ")
    assert result.exit_code == 2
    assert "hush" not in result.output


def test_the_module_is_the_command() -> None:
    """`python -m wiro_mock` does what `wiro-mock` does."""
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout.startswith("wiro-mock, version ")
    done = subprocess.run([*COMMAND, "nope"], capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_reader_that_goes_away_makes_no_traceback() -> None:
    """`wiro-mock schema | true`: the schema is larger than a pipe's buffer."""
    process = subprocess.Popen(
        [*COMMAND, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    process.wait()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["schema"], "No space left on device; look at where the output goes"),
        (["plan", "caption"], "No space left on device; look at where the output goes"),
        (
            ["serve", "--port", "0"],
            "the ready line cannot be written to stdout: No space left on device; look at where the output goes",
        ),
    ],
)
def test_output_that_cannot_be_written_is_one_sentence(words: list[str], sentence: str) -> None:
    """A full disk is a failure without a traceback."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False
        )
    assert done.returncode == 1
    assert done.stderr == f"wiro-mock: {sentence}\n"


def test_help_imports_nothing_heavy() -> None:
    """What only a server or a loader needs is not imported to show help."""
    code = "import sys; from wiro_mock.commands.group import COMMANDS, wiro_mock; print(*sys.modules)"
    done = subprocess.run([COMMAND[0], "-c", code], capture_output=True, text=True, env=environment(), check=True)
    heavy = {"pydantic", "starlette", "uvicorn", "httpx", "websockets", "yaml", "asyncio", "wiro_mock.mock"}
    assert not heavy & set(done.stdout.split())


# -- lint ----------------------------------------------------------------------------------------------


def test_lint_counts_what_is_good(good: Path) -> None:
    """Files and folders, each thing once, whichever path leads to it."""
    assert play("lint", good).stdout == "2 scenarios in 1 file: no complaints\n"
    (good.parent / "more.yaml").write_text(GOOD.replace("one", "three").partition("---")[0])
    result = play("lint", good.parent, good)
    assert (result.exit_code, result.stdout) == (0, "3 scenarios in 2 files: no complaints\n")


def test_lint_is_content_with_what_is_shipped() -> None:
    """The shipped folder passes, models included; so does each part of it alone."""
    count = len(list((shipped() / "faults").glob("*.yaml")))
    result = play("lint", shipped())
    assert result.exit_code == 0
    assert result.stdout.endswith(f" models and {count} fault sets: no complaints\n")
    sets = play("lint", shipped() / "faults")
    assert sets.stdout == f"{count} fault sets: no complaints\n"
    models = play("lint", shipped() / "models")
    assert models.stdout.endswith(" models: no complaints\n")
    file = next((shipped() / "models").glob("*.yaml"))
    assert play("lint", file).stdout.endswith(": no complaints\n")


def test_lint_tells_every_complaint_with_its_place(tmp_path: Path) -> None:
    """All complaints of all files on stdout, one a line, and status 1."""
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(BROKEN.replace("one", name[0]))
    result = play("lint", tmp_path, tmp_path / "a.yaml")
    assert result.exit_code == 1
    assert result.stderr == ""
    assert [line.partition(": ")[0] for line in result.stdout.splitlines()] == [
        f"{tmp_path}/{place}" for place in ("a.yaml:3:9", "a.yaml:5:5", "b.yaml:3:9", "b.yaml:5:5")
    ]
    assert "did you mean 'accept'?" in result.stdout


def test_lint_of_a_folder_without_scenarios_is_no_success(tmp_path: Path) -> None:
    """A path that is wrong in CI must not look green."""
    result = play("lint", tmp_path)
    assert result.exit_code == 2
    assert "there is no scenario in" in result.stderr


# -- plan ----------------------------------------------------------------------------------------------


def test_plan_shows_the_timeline_of_every_scenario(good: Path) -> None:
    """The instant, the frame, a detail; a name without a value stays as it is written."""
    result = play("plan", good)
    assert result.exit_code == 0
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    assert ["+0.000s", "task_queue"] in lines
    assert ["+1.000s", "task_output", "Hello ${with.who}, ${model} costs $5."] in lines
    assert ["+0.000s", "task_end", "exit code 3"] in lines
    assert result.stdout.count("task_postprocess_end") == 2


def test_plan_fills_in_what_is_given(good: Path) -> None:
    """`--with` is a parameter of the run that there is not."""
    result = play("plan", good, "--scenario", "one", "--with", "who=World")
    assert "Hello World, ${model} costs $5." in result.stdout
    assert "two:" not in result.stdout


def test_plan_fills_in_the_prompt_and_the_first_turn(tmp_path: Path) -> None:
    """And the last line of an answer tells how it ended."""
    shown = play("plan", "llm", "--with", "prompt=hi there").stdout
    assert "${prompt}" not in shown
    assert "hi there" in shown
    assert re.search(r"\[finish stop, tokens 2 in, \d+ out.*\]\n", shown)
    assert shown.count("[finish") == 1
    path = tmp_path / "a.yaml"
    text = "turn ${session.turn} after '${session.answer}' of ${prompt}"
    path.write_text(f'scenario: a\nsteps:\n  - print: "{text}"\n  - exit: 0\n')
    assert "turn 1 after '' of ${prompt}" in play("plan", path).stdout


def test_plan_knows_the_shipped_scenarios_by_name() -> None:
    """Also the one that only refuses."""
    assert "task_postprocess_end" in play("plan", "caption").stdout
    assert "code 97: Insufficient balance" in play("plan", "insufficient-balance").stdout
    assert "  account  " in (shown := play("plan", "account-suspended").stdout)
    assert "the run meets suspended: true; if that refuses it, there is no task\n" in shown
    for file in shipped().glob("*.yaml"):
        assert play("plan", file).exit_code == 0


def test_plan_of_a_broken_file_tells_its_complaints(tmp_path: Path) -> None:
    """As lint does; status 1."""
    (tmp_path / "a.yaml").write_text(BROKEN)
    result = play("plan", tmp_path / "a.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "a.yaml:3:9: match.modle: unknown key" in result.stderr


# -- schema --------------------------------------------------------------------------------------------


def test_schema_goes_to_stdout_or_into_a_file(tmp_path: Path) -> None:
    """Both are the same JSON Schema."""
    printed = json.loads(play("schema").stdout)
    assert printed["$schema"].endswith("2020-12/schema")
    result = play("schema", "--output", tmp_path / "wiro.json")
    assert (result.exit_code, result.output) == (0, "")
    assert json.loads((tmp_path / "wiro.json").read_text()) == printed


def test_schema_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    """One sentence, status 1."""
    result = play("schema", "--output", tmp_path / "no" / "wiro.json")
    assert result.exit_code == 1
    assert "give --output a file in a folder" in result.stderr
