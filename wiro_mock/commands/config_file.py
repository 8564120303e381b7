"""The file that configures the commands: where it is found, and what is wrong with it, with file and line.

`wiro-mock.toml`, or the table `[tool.wiro-mock]` of `pyproject.toml`, in the working directory or the nearest folder
above that has one. Keys at its top are options of `serve` and `exec` alike; a section has those of one command:

    time = "10x"            # serve and exec
    [serve]
    port = 5000
    [exec]
    fail-on = "unmatched"

Keys are the options' long names, without the dashes. Nothing is ignored: all that is wrong is told at once. `tomllib`
is imported where there is a file that may be meant, for nobody else has to wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from wiro_mock.text import printable

NAME: Final = "wiro-mock.toml"
PROJECT: Final = "pyproject.toml"
TABLE: Final = ("tool", "wiro-mock")
_MAY_BE_MEANT: Final = re.compile(
    rb"""^[ \t]*\[[ \t]*["']?tool["']?[ \t]*\]
    | ^[ \t]*["']?tool["']?[ \t]*=
    | tool["']?[ \t]*\.[ \t]*["']?wiro-mock""",
    re.MULTILINE | re.VERBOSE,
)
"""However TOML lets one spell the table: a project that only depends on us is not parsed, which takes some 10 ms."""
LARGEST: Final = 1 << 20
"""Bytes of a file of which anything is read: our choice, far beyond what anybody writes."""
SHARED: Final = ("serve", "exec")
"""The commands that keys at the top are for."""
CONFIGURABLE: Final = (*SHARED, "record", "watch", "contract")
"""The commands that can be configured: those whose options one wants to give again and again."""


class BadConfiguration(click.UsageError):
    """A file that cannot be followed; one line for each thing that is wrong."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a file: its value, and its place as `file:line`."""

    value: Any
    place: str


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file that was read: `path` as it is shown, and the keys of each command by the names of their options."""

    path: Path
    keys: Mapping[str, Mapping[str, Key]] = field(default_factory=dict)

    def of(self, command: str) -> dict[str, Key]:
        """What holds for a command: its own section goes before the top of the file."""
        shared = self.keys.get("", {}) if command in SHARED else {}
        return {**shared, **self.keys.get(command, {})}


def find(start: Path | None = None) -> Path | None:
    """The file of the nearest folder that has one, from `start` (the working directory) upwards.

    Raises `BadConfiguration` where a folder has two.
    """
    try:
        folder = (start or Path.cwd()).absolute()
    except OSError:  # the working directory was deleted
        return None
    for place in (folder, *folder.parents):
        own, project = place / NAME, place / PROJECT
        if _is_there(own):
            if _is_meant(project):
                told = f"{shown(own)} and [tool.wiro-mock] in {shown(project)} both configure; keep one of them"
                raise BadConfiguration(told)
            return own
        if _is_meant(project):
            return project
    return None


def read(path: Path) -> ConfigFile:
    """Read a file, and check all of it. Raises `BadConfiguration` with everything that is wrong."""
    from wiro_mock.commands.config_keys import Reader

    text = _text(path)
    document = _parsed(path, text)
    prefix: tuple[str, ...] = ()
    if path.name == PROJECT:
        prefix, document = TABLE, table_of(document) or {}
    reader = Reader(path, lines_of(text), prefix)
    keys = reader.read(document)
    if reader.complaints:
        raise BadConfiguration("\n".join(reader.complaints))
    return ConfigFile(path, keys)


def shown(path: Path) -> str:
    """The path as it is told: from the working directory on, where it lies below."""
    with suppress(OSError, ValueError):
        path = path.relative_to(Path.cwd())
    return printable(str(path))


def table_of(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The table of ours in a `pyproject.toml`, if it has one."""
    tool = document.get(TABLE[0])
    table = tool.get(TABLE[1]) if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def lines_of(text: str) -> dict[tuple[str, ...], int]:
    """The line of each key and each header, by the path to it: `tomllib` does not tell.

    A look at each line by itself. A text over several lines that looks like TOML could mislead it, by a line number.
    """
    import tomllib

    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[{1,2}([^\[\]]+)\]", line)
        keyed = None if header else re.match(r"\s*([^\s#=][^=#]*?)\s*=", line)
        found = header or keyed
        if found is None:
            continue
        try:
            path = _path(tomllib.loads(f"{found[1]} = 0"))
        except (tomllib.TOMLDecodeError, RecursionError):
            continue
        if header:
            table = path
        else:
            path = (*table, *path)
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], number)
    return lines


def _path(nested: Any) -> tuple[str, ...]:
    path: list[str] = []
    while isinstance(nested, dict):
        ((key, nested),) = nested.items()
        path.append(key)
    return tuple(path)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _is_meant(project: Path) -> bool:
    """Whether a `pyproject.toml` has a table of ours. One that cannot be read is other tools' business."""
    try:
        with project.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError:
        return False
    if _MAY_BE_MEANT.search(data) is None:
        return False
    import tomllib

    try:
        return table_of(tomllib.loads(data.decode())) is not None
    except (ValueError, RecursionError):
        return b"[tool.wiro-mock" in data


def _text(path: Path) -> str:
    """What stands in the file. Raises `BadConfiguration`."""
    place = shown(path)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except IsADirectoryError:
        raise BadConfiguration(f"{place} is a folder; the configuration is a file, in TOML") from None
    except FileNotFoundError:
        raise BadConfiguration(f"there is no file {place}; look at the path") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadConfiguration(f"cannot read {place}: {why}; make it readable, or name another by --config") from None
    if len(data) > LARGEST:
        raise BadConfiguration(f"{place} is larger than {LARGEST >> 20} MiB; is it a configuration?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadConfiguration(
            f"{place}:{line}: this is not UTF-8, which TOML is written in; save it as such"
        ) from None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
        message = found[1] if found else str(error)
        last = f"{text.count(chr(10)) + 1}:{len(text) - text.rfind(chr(10))}"
        place = f"{found[2]}:{found[3]}" if found and found[2] else last
        told = f"{shown(path)}:{place}: this is not TOML: {printable(message)}; see https://toml.io"
        raise BadConfiguration(told) from None
    except RecursionError:
        raise BadConfiguration(f"{shown(path)} is nested too deep; sections and keys are all there is") from None


def names_of(command: click.Command) -> Iterator[tuple[str, click.Parameter]]:
    """The keys of a command and the parameters that they are for: long names without dashes, and the preset."""
    for param in command.params:
        if isinstance(param, click.Option):
            name = next((text[2:] for text in param.opts if text.startswith("--")), "")
            if name and name != "config":
                yield name, param
        elif param.name == "preset":
            yield "preset", param
