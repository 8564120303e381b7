"""`wiro-mock config`: what holds for a command, and where each value comes from."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import click
from click.core import ParameterSource

from wiro_mock.commands.config_file import CONFIGURABLE, names_of, shown
from wiro_mock.commands.configuring import FILE, place_of, unknown_variables
from wiro_mock.text import printable

HIDDEN: Final = "***"
_SECRET: Final = re.compile(r"secret|token|password|redact|api-key|moondream-with")
"""Options whose values are shown to nobody; the key may be a whole credential, and an engine's options may hold one."""
_USERINFO: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_SOURCES: Final = {
    ParameterSource.COMMANDLINE: "command line",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "file",
    ParameterSource.DEFAULT: "default",
}


class Held(NamedTuple):
    """A value that holds: the option's name, the value as it may be shown, the kind of its source, and the place."""

    option: str
    value: Any
    source: str
    place: str


class _NamesFirst(click.Command):
    """A command that is followed by another's name: an option of that one is told so where the name is missing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line. Raises what click shows."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities or not (meant := _meant(ctx, error.option_name)):
                raise
            told = f"no option {error.option_name}; did you mean {ctx.command_path} {meant}?"
            raise click.UsageError(told, ctx) from None


def _meant(ctx: click.Context, option: str) -> str:
    """The command with such an option, `serve` before others, and how the option is written; empty if there is none."""
    from wiro_mock.kernel.nearest import nearest

    assert ctx.parent is not None
    assert isinstance(ctx.parent.command, click.Group)
    owners: dict[str, str] = {}
    for name in CONFIGURABLE:
        command = ctx.parent.command.get_command(ctx.parent, name)
        for param in command.params if command is not None else ():
            for opt in param.opts if isinstance(param, click.Option) else ():
                owners.setdefault(opt, name)
    found = option if option in owners else nearest(option, owners)
    return f"{owners[found]} {found}" if found else ""


@click.command(
    cls=_NamesFirst,
    short_help="Show what configures a command, and where it comes from.",
    epilog="Example: wiro-mock config exec --time 10x",
    context_settings={"allow_interspersed_args": False},
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.argument("name", metavar="[COMMAND]", type=click.Choice(CONFIGURABLE), default="serve")
@click.argument("flags", metavar="[FLAGS]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def config(ctx: click.Context, *, as_json: bool, name: str, flags: tuple[str, ...]) -> None:
    """Show what holds for COMMAND (serve, unless another is named) if it is given these FLAGS, and why.

    A flag goes before a variable of the environment, that before the configuration file, that before a preset, and a
    preset before the default. Nothing is started. Secrets are not shown.
    """
    played = context_of(ctx, name, flags)
    held = list(held_by(played))
    file = played.meta.get(FILE)
    unused = dict(unknown_variables())
    if as_json:
        click.echo(_as_json(name, None if file is None else str(file.path), held, unused))
        return
    click.echo(f"wiro-mock {name}, configured by {shown(file.path) if file else 'no file'}")
    rows = [(one.option, printable(_text(one.value)), one.place or one.source) for one in held]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for option, value, why in rows:
        click.echo(f"  {option:<{widths[0]}}  {value:<{min(widths[1], 40)}}  {why}")
    for variable, near in unused.items():
        click.echo(f"{printable(variable)} configures nothing{f'; did you mean {near}?' if near else ''}")


def context_of(ctx: click.Context, name: str, flags: tuple[str, ...]) -> click.Context:
    """The context of the command, as it would be played. Raises what click shows."""
    assert ctx.parent is not None
    assert isinstance(ctx.parent.command, click.Group)
    command = ctx.parent.command.get_command(ctx.parent, name)
    assert command is not None
    for param in command.params:
        param.required = False  # what is missing is shown to be missing
    return command.make_context(name, list(flags), parent=ctx.parent)


def held_by(ctx: click.Context) -> Iterator[Held]:
    """What holds in a context, in the order of the options."""
    for key, param in names_of(ctx.command):
        source = ctx.get_parameter_source(str(param.name)) or ParameterSource.DEFAULT
        place = place_of(ctx, param)
        told = "preset" if place.startswith("preset ") else _SOURCES.get(source, "default")
        yield Held(
            key, _shown(key, ctx.params.get(str(param.name)), given=source != ParameterSource.DEFAULT), told, place
        )


def _shown(key: str, value: Any, *, given: bool) -> Any:
    """The value as it may be shown."""
    if isinstance(value, list | tuple):
        return [_shown(key, one, given=given) for one in value]
    if given and value not in (None, "") and _SECRET.search(key):
        return HIDDEN
    if isinstance(value, os.PathLike):
        value = str(value)
    return _USERINFO.sub(f"{HIDDEN}@", value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _as_json(command: str, file: str | None, held: list[Held], unused: dict[str, str]) -> str:
    options = {one.option: {"value": one.value, "source": one.source, "place": one.place or None} for one in held}
    return json.dumps({"command": command, "file": file, "options": options, "unknown_variables": unused}, default=str)
