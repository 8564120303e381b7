"""One precedence for all that configures a command: flag, environment, file, preset, default.

The machinery is click's own: a variable for each option (`envvar`), the file as the context's `default_map`, and
`ParameterSource`, which tells where a value came from. So every plain option is configurable by itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from wiro_mock.commands.config_file import CONFIGURABLE, SHARED, ConfigFile, Key, find, names_of, read

PREFIX: Final = "WIRO_MOCK_"
CONFIG: Final = "WIRO_MOCK_CONFIG"
TAKEN: Final = ("WIRO_MOCK_CA_DIR", "WIRO_MOCK_MOONDREAM_ENDPOINT", "WIRO_MOCK_TOKEN", "WIRO_MOCK_URL", CONFIG)
"""Variables that mean something else already: see `reach`, `backends.moondream`, `testing.remote`."""
FILE: Final = "wiro_mock.file"
"""Where a context keeps the file that was read."""
PRESET: Final = "wiro_mock.preset"


def configured(name: str, command: click.Command) -> click.Command:
    """The command with a variable for each of its options, and `--config`, if it is one that can be configured."""
    if name not in CONFIGURABLE:
        return command
    made = copy(command)
    keys = {id(param): key for key, param in names_of(command)}
    made.params = [_CONFIG_OPTION, *(_variable(copy(param), name, keys.get(id(param))) for param in command.params)]
    return made


def variables(command: str, key: str) -> list[str]:
    """The variables of an option, the one that counts first."""
    upper = key.upper().replace("-", "_")
    names = [f"{PREFIX}{command.upper()}_{upper}"]
    if command in SHARED:
        names.append(f"{PREFIX}{upper}")
    return [name for name in names if name not in TAKEN]


def _variable(param: click.Parameter, command: str, key: str | None) -> click.Parameter:
    if key is None:
        return param
    own = [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or ())
    param.envvar = [*variables(command, key), *own]
    if key == "preset":
        # Not eager, for the file may name it; declared first, so what is not given is looked for after it.
        param.callback = _take_preset
    return param


def _take_file(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:  # noqa: ARG001 -- click's
    """Read the file that was named or found, before any other value is looked for."""
    if ctx.resilient_parsing:
        return
    path = value or find()
    if path is not None:
        ctx.meta[FILE] = read(path)
        _fill(ctx)


def _take_preset(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001
    """A preset is worth what nothing else says."""
    if value is not None and not ctx.resilient_parsing:
        ctx.meta[PRESET] = value
        _fill(ctx)
    return value


def _fill(ctx: click.Context) -> None:
    """What click looks into where neither the command line nor the environment has a value."""
    preset = {
        name: value for name, value in _of_preset(ctx).items() if name in {one.name for one in ctx.command.params}
    }
    ctx.default_map = {**preset, **{name: key.value for name, key in keys_of(ctx).items()}}


def _of_preset(ctx: click.Context) -> dict[str, Any]:
    if PRESET not in ctx.meta:
        return {}
    from wiro_mock.presets import PRESETS

    return dict(PRESETS[ctx.meta[PRESET]].for_server)


def keys_of(ctx: click.Context) -> dict[str, Key]:
    """What the file says for the command of this context, by the names of its parameters."""
    found: ConfigFile | None = ctx.meta.get(FILE)
    return found.of(ctx.info_name or "") if found is not None else {}


def place_of(ctx: click.Context, param: click.Parameter) -> str:
    """Where a value comes from: a variable, `file:line`, a preset; empty for the command line and the defaults."""
    source = ctx.get_parameter_source(str(param.name))
    if source is ParameterSource.ENVIRONMENT:
        names = [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or ())
        return f"${next((name for name in names if os.environ.get(name)), names[0])}"
    if source is ParameterSource.DEFAULT_MAP:
        key = keys_of(ctx).get(str(param.name))
        return key.place if key is not None else f"preset {ctx.meta.get(PRESET)}"
    return ""


def told_with_place(error: click.UsageError) -> str:
    """What click has to say of an error, with the place of what is wrong where that is not the command line."""
    ctx = error.ctx
    if ctx is None or ctx.command.name not in CONFIGURABLE:
        return error.format_message()
    if isinstance(error, click.BadParameter) and error.param is not None:
        if place := place_of(ctx, error.param):
            key = next((key for key, param in names_of(ctx.command) if param is error.param), error.param.name)
            error.param_hint = f"{key} ({place})"
        return error.format_message()
    text = error.format_message().rstrip(".")
    placed = [(key, place) for key, param in names_of(ctx.command) if (place := _blamed(ctx, key, param, text))]
    return f"{text} ({', '.join(f'{key} is set by {place}' for key, place in placed)})" if placed else text


def _blamed(ctx: click.Context, key: str, param: click.Parameter, text: str) -> str:
    """The place of an option that a sentence tells of, by its name or by its value."""
    value = ctx.params.get(str(param.name))
    named = re.search(rf"--{re.escape(key)}(?![\w-])", text) is not None
    quoted = isinstance(value, str) and bool(value) and repr(value) in text
    return place_of(ctx, param) if named or quoted else ""


def unknown_variables() -> Iterator[tuple[str, str]]:
    """Variables that look like ours and are nobody's, each with the nearest one that is."""
    from wiro_mock.commands.group import wiro_mock
    from wiro_mock.kernel.nearest import nearest

    known = set(TAKEN)
    for name in CONFIGURABLE:
        command = wiro_mock.get_command(click.Context(wiro_mock), name)
        assert command is not None
        known.update(variable for key, _ in names_of(command) for variable in variables(name, key))
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            yield name, nearest(name, known) or ""


_CONFIG_OPTION: Final = click.Option(
    ["--config"],
    type=click.Path(path_type=Path),
    metavar="FILE",
    envvar=CONFIG,
    is_eager=True,
    expose_value=False,
    callback=_take_file,
    help="Configuration to read, instead of the nearest wiro-mock.toml or [tool.wiro-mock] in a pyproject.toml.",
)
