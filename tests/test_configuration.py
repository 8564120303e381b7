"""What configures a command: flag, environment, file, preset, default; and a file that cannot be followed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tests.process_kit import COMMAND, environment
from wiro_mock.commands.config_file import CONFIGURABLE, LARGEST, BadConfiguration, lines_of, names_of, read
from wiro_mock.commands.group import wiro_mock
from wiro_mock.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, below which nothing is configured, and no variables of ours."""
    for name in [*os.environ]:
        if name.startswith(("WIRO_MOCK_", "WIRO_API_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def play(*words: str) -> Result:
    return CliRunner().invoke(wiro_mock, list(words), prog_name="wiro-mock")


def held(*words: str) -> dict[str, Any]:
    """What holds, as `config --json` says."""
    result = play("config", "--json", *words)
    assert result.exit_code == 0, result.output
    options: dict[str, Any] = json.loads(result.stdout)["options"]
    return options


def wrong(*words: str) -> str:
    """The complaint: on stderr, status 2."""
    result = play(*(words or ("config",)))
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr


# -- one precedence --------------------------------------------------------------------------------------

SAYS = {
    "flag": ("7001", "command line", None),
    "own variable": ("7002", "environment", "$WIRO_MOCK_SERVE_PORT"),
    "shared variable": ("7003", "environment", "$WIRO_MOCK_PORT"),
    "own section": ("7004", "file", "wiro-mock.toml:3"),
    "top": ("7005", "file", "wiro-mock.toml:1"),
}
"""The places that can say a port, the strongest first; what `config` tells of each."""


@given(said=st.sets(st.sampled_from(list(SAYS))))
def test_the_strongest_of_those_that_say_something_holds(said: set[str]) -> None:
    """Whichever of them say something; and the place of that one is told."""
    lines = ["port = 7005" if "top" in said else "", "[serve]", "port = 7004" if "own section" in said else ""]
    Path("wiro-mock.toml").write_text("\n".join(lines))
    names = {"own variable": "WIRO_MOCK_SERVE_PORT", "shared variable": "WIRO_MOCK_PORT"}
    with pytest.MonkeyPatch.context() as patch:
        for place, name in names.items():
            if place in said:
                patch.setenv(name, SAYS[place][0])
        port = held("serve", *(["--port", "7001"] if "flag" in said else []))["port"]
    first = next((SAYS[place] for place in SAYS if place in said), ("4747", "default", None))
    assert (str(port["value"]), port["source"], port["place"]) == first


def test_a_preset_goes_before_the_default_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is named; its fault sets come on top of those that were given."""
    assert held("serve", "slow-gpu")["workers"] == {"value": 2, "source": "preset", "place": "preset slow-gpu"}
    Path("wiro-mock.toml").write_text("workers = 5\npreset = 'cold-start'\n")
    assert held("serve", "slow-gpu")["workers"]["value"] == 5
    assert held("serve")["faults"] == {"value": ["cold-start"], "source": "preset", "place": "preset cold-start"}
    monkeypatch.setenv("WIRO_MOCK_PRESET", "slow-gpu")
    assert held("exec")["faults"]["value"] == ["slow-gpu"]
    assert held("exec", "--preset", "rate-limited")["balance"]["value"] == "20"


def test_every_option_can_be_set_everywhere() -> None:
    """By its long name in the file and as a variable: nobody has to do anything for a new one."""
    for name in CONFIGURABLE:
        command = wiro_mock.get_command(click.Context(wiro_mock), name)
        assert command is not None
        keys = dict(names_of(command))
        for key, param in keys.items():
            assert f"WIRO_MOCK_{name.upper()}_{key.upper().replace('-', '_')}" in (param.envvar or ()), key
        assert {param.name for param in command.params if isinstance(param, click.Option)} <= {
            "config",
            *(param.name for param in keys.values()),
        }


def test_what_the_file_says_is_what_is_served(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Flags, numbers, texts and lists come to the settings; folders are the file's own, wherever one stands."""
    (folder / "mine").mkdir()
    (folder / "wiro-mock.toml").write_text(
        'time = "auto"\nseed = 42\nkey-only = true\nfaults = ["bad-day"]\nscenarios = "mine"\nbalance = 0.40\n'
        'switch = ["welcome=false"]\nkeep-mib = 7\nrealtime-grace = 2\n'
    )
    (folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "er")
    settings, folders = settings_here()
    assert (settings.time, settings.seed, settings.project and settings.project.key_only) == ("auto", "42", True)
    assert (settings.faults, str(settings.balance), settings.realtime_grace) == (("bad-day",), "0.4", 2.0)
    assert settings.limits.bytes == 7 << 20
    assert not settings.profile.welcome
    assert [path.resolve() for path in folders] == [(folder / "mine").resolve()]


def settings_here() -> tuple[Settings, tuple[Path, ...]]:
    from wiro_mock.commands.serve_settings import settings_of

    parent = click.Context(wiro_mock)
    command = wiro_mock.get_command(parent, "serve")
    assert command is not None
    ctx = command.make_context("serve", [], parent=parent)
    return settings_of(ctx.params), ctx.params["folders"]  # type: ignore[arg-type]


def test_a_pyproject_is_read_where_it_has_a_table_of_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest file counts, and one of another tool's does not."""
    (folder / "pyproject.toml").write_text('[project]\nname = "wiro-mock-user"\n[tool.wiro-mock.serve]\nport = 5000\n')
    (folder / "src").mkdir()
    (folder / "src" / "pyproject.toml").write_text('[tool.other]\nwith = "wiro-mock"\n')
    monkeypatch.chdir(folder / "src")
    place = held()["port"]["place"]
    assert place.endswith("pyproject.toml:4")
    (folder / "src" / "wiro-mock.toml").write_text("port = 6000\n")
    assert held()["port"]["place"] == "wiro-mock.toml:1"
    assert held("serve", "--config", "../pyproject.toml")["port"]["value"] == 5000
    assert held("serve", "--config", os.devnull)["port"]["source"] == "default"


@pytest.mark.parametrize(
    "text",
    [
        "[tool.wiro-mock]\nport = 5000",
        "[ tool . 'wiro-mock' ]\nport = 5000",
        '["tool".wiro-mock]\nport = 5000',
        "[tool]\nwiro-mock = {port = 5000}",
        "[tool]\nwiro-mock.serve.port = 5000",
        "tool.wiro-mock.port = 5000",
        "tool = {wiro-mock = {port = 5000}}",
        "[tool.wiro-mock.serve]\nport = 5000",
    ],
)
def test_a_table_of_ours_is_found_however_it_is_spelt(text: str) -> None:
    """As TOML lets one."""
    Path("pyproject.toml").write_text(f"{text}\n")
    assert held()["port"]["value"] == 5000


def test_a_broken_pyproject_of_somebody_else_stops_nothing(folder: Path) -> None:
    """It is other tools' business; one that names us is ours."""
    (folder / "pyproject.toml").write_text('dependencies = ["wiro-mock"\n[tool.x\n')
    assert held()["port"]["source"] == "default"
    (folder / "pyproject.toml").write_text("[tool.wiro-mock]\nport = \n")
    assert wrong().startswith("wiro-mock: pyproject.toml:2:8: this is not TOML: ")


# -- what is shown ----------------------------------------------------------------------------------------


def test_secrets_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As text and as JSON, wherever they come from; nor the user in an URL."""
    Path("wiro-mock.toml").write_text('api-secret = "hush-1"\npublic-url = "https://me:hush-5@wiro.test"\n')
    monkeypatch.setenv("WIRO_API_KEY", "hush-2")
    monkeypatch.setenv("WIRO_MOCK_ADMIN_TOKEN", "hush-3")
    assert play("config", "watch").exit_code == 0
    for words in (["config"], ["config", "--json"], ["config", "record", "--redact", "hush-4"]):
        result = play(*words)
        assert result.exit_code == 0
        assert "***" in result.stdout
        assert "hush" not in result.output
    assert held()["public-url"]["value"] == "https://***@wiro.test"


def test_config_tells_of_the_file_and_of_variables_that_configure_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that look like ours, with the one that may be meant; variables with another meaning are none of them."""
    monkeypatch.setenv("WIRO_MOCK_PROT", "1")
    monkeypatch.setenv("WIRO_MOCK_CA_DIR", "/nowhere")
    shown = play("config").stdout
    assert shown.startswith("wiro-mock serve, configured by no file\n")
    assert shown.endswith("WIRO_MOCK_PROT configures nothing; did you mean WIRO_MOCK_PORT?\n")
    assert shown.count("configures nothing") == 1
    Path("wiro-mock.toml").write_text('[serve]\ntime = "10x"\n')
    assert "\n  time                10x        wiro-mock.toml:2\n" in play("config").stdout


# -- what cannot be followed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot = 1", "wiro-mock.toml:1: there is no option 'prot' that serve and exec share; did you mean 'port'?"),
        ("\n[serve]\nkey_only = true", "wiro-mock.toml:3: there is no option 'key_only'; did you mean 'key-only'?"),
        ("\n\n[srve]\nport = 1", "wiro-mock.toml:3: there is no section 'srve'; did you mean 'serve'?"),
        ("report = 'a.json'", "wiro-mock.toml:1: 'report' is an option of exec: write it below [exec]"),
        ("serve = 1", "wiro-mock.toml:1: serve is a section: write [serve]"),
        ("[serve.deep]\nx = 1", "wiro-mock.toml:1: serve has no sections of its own; there are: preset, host, port"),
        ("port = '5000'", "wiro-mock.toml:1: port is a whole number, not a text"),
        ("port = true", "wiro-mock.toml:1: port is a whole number, not true or false"),
        ("tls = 1", "wiro-mock.toml:1: tls is true or false, not a number"),
        ("time = 2026-01-01", "wiro-mock.toml:1: time is a text, not a date or a time"),
        ("time = ['auto']", "wiro-mock.toml:1: time has one value, not a list; write a text"),
        ("realtime-grace = nan", "wiro-mock.toml:1: realtime-grace is a finite number, not nan"),
        ("faults = [['a']]", "wiro-mock.toml:1: faults is a text, not a list"),
        (r'scenarios = "a\u0000b"', "wiro-mock.toml:1: scenarios has a NUL in it, which no option can have"),
        ("port = 70000", "Invalid value for port (wiro-mock.toml:1): 70000 is not in the range 0<=x<=65535"),
        ("profile = 'curent'", "Invalid value for profile (wiro-mock.toml:1): no profile 'curent'; did you mean"),
        ("preset = 'slow'", "Invalid value for preset (wiro-mock.toml:1): no preset 'slow'; did you mean 'slow-gpu'?"),
        ("port = 1\nport = 2", "wiro-mock.toml:2:9: this is not TOML: Cannot overwrite a value; see https://toml.io"),
        ("port = ", "wiro-mock.toml:1:8: this is not TOML: "),
        ('a = "', "wiro-mock.toml:1:"),
        ("x = " + "[" * 3000 + "]" * 3000, "wiro-mock.toml is nested too deep; sections and keys are all there is"),
    ],
)
def test_what_cannot_be_followed_is_told_with_its_place(text: str, complaint: str) -> None:
    """Status 2, file and line, and the way out; nothing is ignored."""
    Path("wiro-mock.toml").write_text(text)
    assert complaint in wrong()
    assert complaint in wrong("serve")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """One line each, in the order of the file, and secrets are not repeated."""
    Path("wiro-mock.toml").write_text("prot = 1\n[exec]\napi-secret = ['hush']\n'a\\nb' = 1\n[record]\nbytes = 'no'\n")
    told = wrong().removeprefix("wiro-mock: ").splitlines()
    places = [line.partition(": ")[0] for line in told]
    assert places == [f"wiro-mock.toml:{line}" for line in (1, 3, 4, 6)]
    assert "hush" not in "".join(told)
    assert not any("--help" in line for line in told)


def test_what_contradicts_is_named_with_both_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two options that do not go together, and two files of which each wants to be the one."""
    Path("wiro-mock.toml").write_text('moondream = "weights"\ntls-name = "x"\n')
    told = wrong("serve", "--moondream-endpoint", "http://127.0.0.1:1")
    assert "give one of them (moondream is set by wiro-mock.toml:1)" in told
    Path("wiro-mock.toml").write_text('tls-name = "x"\n')
    assert "--tls-name does nothing without --tls; add it" in (told := wrong("serve", "--port", "0"))
    assert "(tls-name is set by wiro-mock.toml:1)" in told
    monkeypatch.setenv("WIRO_MOCK_TIME", "soon")
    assert "not 'soon' (time is set by $WIRO_MOCK_TIME)" in wrong("serve")
    Path("pyproject.toml").write_text("[tool.wiro-mock]\nport = 1\n")
    assert "wiro-mock.toml and [tool.wiro-mock] in pyproject.toml both configure; keep one of them" in wrong()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--time", "10x"], "serve --time"),
        (["--json", "--tmie=10x"], "serve --time"),
        (["--fail-on", "leaks"], "exec --fail-on"),
        (["--redact", "hush-4"], "record --redact"),
    ],
)
def test_an_option_of_the_command_that_was_not_named_is_told_so(words: list[str], meant: str) -> None:
    """`config` without a command shows `serve`, so it looks as if it took its options, too."""
    option = words[-1 if "=" in words[-1] else -2].partition("=")[0]
    assert wrong("config", *words) == f"wiro-mock: no option {option}; did you mean wiro-mock config {meant}?\n"
    assert "no option --jsn; did you mean --json?" in wrong("config", "--jsn")


@pytest.mark.parametrize("word", ["serve", "config"])
def test_a_file_that_is_none_is_told_of(word: str, folder: Path) -> None:
    """A folder, nothing, too much, UTF-16, bytes that are no text: one sentence, status 2."""
    place = folder / "wiro-mock.toml"
    place.mkdir()
    assert "wiro-mock.toml is a folder; the configuration is a file" in wrong(word)
    place.rmdir()
    place.write_bytes(b"#" * (LARGEST + 1))
    assert "wiro-mock.toml is larger than 1 MiB" in wrong(word)
    place.write_bytes(b"port = 1\n# caf\xe9\n")
    assert "wiro-mock.toml:2: this is not UTF-8" in wrong(word)
    place.write_bytes("port = 1\n".encode("utf-16"))
    assert "wiro-mock.toml:1: this is not UTF-8" in wrong(word)
    more = ["serve"] if word == "config" else []
    assert "there is no file nowhere.toml; look at the path" in wrong(word, *more, "--config", "nowhere.toml")


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_whatever_stands_in_a_file_is_read_or_told_of(data: bytes) -> None:
    """Never anything but settings or one complaint for each line."""
    path = Path("wiro-mock.toml")
    path.write_bytes(data)
    complaints: list[str] = []
    try:
        read(path)
    except BadConfiguration as error:
        complaints = error.message.split("\n")
    assert all(line.isprintable() for line in complaints)


@given(
    tables=st.lists(st.text("abc-", min_size=1, max_size=3), max_size=4, unique=True),
    keys=st.lists(st.text("xyz_", min_size=1, max_size=3), max_size=4, unique=True),
    gap=st.integers(0, 2),
)
def test_lines_are_those_of_the_keys(tables: list[str], keys: list[str], gap: int) -> None:
    """For any plain document: the number of the line that the key stands on."""
    lines, expected = [], {}
    for table in ["", *tables]:
        lines += ["# x = 1"] * gap + ([f"[{table}]"] if table else [])
        for key in keys:
            lines.append(f"{key} = '[q]' # = 1")
            expected[(table, key) if table else (key,)] = len(lines)
    found = lines_of("\n".join(lines))
    assert {path: found[path] for path in expected} == expected


def test_help_and_version_do_not_mind_a_broken_file() -> None:
    """Who mends it needs them."""
    Path("wiro-mock.toml").write_text("prot = 1")
    assert play("serve", "--help").exit_code == 0
    assert play("--version").exit_code == 0
    assert play("lint", "nowhere").exit_code == 2


def test_a_working_directory_that_is_gone_configures_nothing(folder: Path) -> None:
    """As a real process has it."""
    gone = folder / "gone"
    gone.mkdir()
    script = f"import os, runpy, sys; os.rmdir(os.getcwd()); sys.argv = {['wiro-mock', 'config']!r}; "
    script += "runpy.run_module('wiro_mock', run_name='__main__')"
    done = subprocess.run(
        [COMMAND[0], "-c", script], cwd=gone, env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("wiro-mock serve, configured by no file")
