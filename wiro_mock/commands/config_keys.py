"""Keys of a configuration file against the options there are: which one is meant, and whether its value can be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import click

from wiro_mock.commands.config_file import CONFIGURABLE, SHARED, Key, names_of, shown
from wiro_mock.text import printable

LONGEST_SHOWN: Final = 60


class Reader:
    """Reads a document that was parsed; `complaints` collects all that is wrong. `lines` are its paths' lines."""

    def __init__(self, path: Path, lines: Mapping[tuple[str, ...], int], prefix: tuple[str, ...]) -> None:
        self.complaints: list[str] = []
        self._path = path
        self._lines = lines
        self._prefix = prefix

    def read(self, document: Mapping[str, Any]) -> dict[str, dict[str, Key]]:
        """The keys of each section by the name of the section, "" for the top; then by the name of the parameter."""
        sections = {name: value for name, value in document.items() if name in CONFIGURABLE}
        found: dict[str, dict[str, Key]] = {}
        if top := {name: value for name, value in document.items() if name not in sections}:
            found[""] = self._section(top, (), SHARED)
        for name, section in sections.items():
            if isinstance(section, dict):
                found[name] = self._section(section, (name,), (name,))
            else:
                self._complain((name,), f"{name} is a section: write [{'.'.join((*self._prefix, name))}]")
        return found

    def _section(self, section: Mapping[str, Any], path: tuple[str, ...], commands: tuple[str, ...]) -> dict[str, Key]:
        known: dict[str, click.Parameter] = {}
        for command in commands:
            known = {**dict(names_of(_command(command))), **known}
        if commands == SHARED:  # what only one of them has belongs into its section
            names = [{name for name, _ in names_of(_command(one))} for one in commands]
            known = {name: param for name, param in known.items() if all(name in own for own in names)}
        found: dict[str, Key] = {}
        for name, value in section.items():
            here = (*path, name)
            param = known.get(name)
            if param is None:
                self._unknown(here, value, known)
                continue
            try:
                checked = _checked(param, value, self._path.parent)
            except ValueError as error:
                self._complain(here, f"{'.'.join(here)} {error}")
                continue
            found[str(param.name)] = Key(checked, self._place(here))
        return found

    def _unknown(self, path: tuple[str, ...], value: object, known: Mapping[str, click.Parameter]) -> None:
        from wiro_mock.language.complaints import did_you_mean

        name = path[-1]
        if isinstance(value, dict) and len(path) > 1:
            what, names = f"{path[0]} has no sections of its own", list(known)
        elif isinstance(value, dict):
            what, names = f"there is no section {name!r}", list(CONFIGURABLE)
        else:
            what, names = f"there is no option {name!r}", list(known)
            if len(path) == 1:
                what += " that serve and exec share"
                for command in CONFIGURABLE:
                    if name in dict(names_of(_command(command))):
                        self._complain(path, f"{name!r} is an option of {command}: write it below [{command}]")
                        return
        self._complain(path, f"{what}; {did_you_mean(name.replace('_', '-')[:LONGEST_SHOWN], names)}")

    def _complain(self, path: tuple[str, ...], message: str) -> None:
        self.complaints.append(printable(f"{self._place(path)}: {message}"))

    def _place(self, path: tuple[str, ...]) -> str:
        full = (*self._prefix, *path)
        lines = (self._lines.get(full[:length]) for length in range(len(full), 0, -1))
        return f"{shown(self._path)}:{next(filter(None, lines), 1)}"


@cache
def _command(name: str) -> click.Command:
    from wiro_mock.commands.group import wiro_mock

    command = wiro_mock.get_command(click.Context(wiro_mock), name)
    assert command is not None, name
    return command


def _checked(param: click.Parameter, value: Any, folder: Path) -> Any:
    """The value as click takes it. Raises `ValueError` with what would be one, for what TOML has another type for."""
    if isinstance(param, click.Option) and param.is_flag:
        if not isinstance(value, bool):
            raise ValueError(f"is true or false, not {_told(value)}")
        return value
    if param.multiple:
        many = value if isinstance(value, list) else [value]
        return [_single(param, one, folder) for one in many]
    if isinstance(value, list):
        raise ValueError("has one value, not a list; write a text, with commas where it takes several")
    return _single(param, value, folder)


def _single(param: click.Parameter, value: Any, folder: Path) -> Any:
    kind = param.type
    if isinstance(kind, click.types.IntParamType):
        if type(value) is not int:
            raise ValueError(f"is a whole number, not {_told(value)}")
        return value
    if isinstance(kind, click.types.FloatParamType):
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError(f"is a finite number, not {value if isinstance(value, float) else _told(value)}")
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"is a text, not {_told(value)}")
    if "\0" in str(value):
        raise ValueError("has a NUL in it, which no option can have")
    # What a file says of other files is said from its own place.
    is_path = isinstance(kind, click.Path) or getattr(kind, "name", "") == "file"
    return str(folder / Path(str(value)).expanduser()) if is_path else str(value)


def _told(value: object) -> str:
    """The value as TOML has it, as far as one wants to see it; nothing of what may be a secret."""
    names = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a decimal number",
        list: "a list",
        dict: "a section",
    }
    return names.get(type(value), "a date or a time")
