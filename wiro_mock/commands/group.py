"""All commands under one name, and how each of their errors is told: in one sentence, with the way out.

What a command needs is imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

import click

from wiro_mock.commands.config_file import BadConfiguration
from wiro_mock.commands.configuring import configured, told_with_place

COMMANDS = (
    "ca",
    "completion",
    "config",
    "contract",
    "demo",
    "doctor",
    "drift",
    "exec",
    "explain",
    "help",
    "lint",
    "model",
    "moondream",
    "openapi",
    "plan",
    "presets",
    "profile",
    "ready",
    "record",
    "schema",
    "serve",
    "snapshot",
    "surface",
    "watch",
)
"""Each is a module of its own in this package, with a command of the same name."""
INTERRUPTED = 130
"""The status of a program that Ctrl-C ended, as shells count."""


class Commands(click.Group):
    """A group that tells of errors without a preamble; status 2 for wrong usage, 1 for what failed."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT002 -- click's own signature
        **extra: Any,
    ) -> Any:
        """Play a command line; ends the process unless `standalone_mode` is off."""
        play = partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        if not standalone_mode:
            return play()
        try:
            sys.exit(play() or 0)
        except click.ClickException as error:
            _end(error)
        except click.Abort:
            sys.exit(INTERRUPTED)
        except OSError as error:
            click.echo(f"wiro-mock: {error.strerror or error}; look at where the output goes", err=True)
            # What is still to be written would fail once more at a regular end.
            os._exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's own signature
        """The commands by name."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name. Only what is asked for is imported: `serve` is to be quick."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"wiro_mock.commands.{cmd_name}"), cmd_name)
        return configured(cmd_name, command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one is near."""
        if self.get_command(ctx, args[0]) is None and args[0][:1].isalnum():
            from wiro_mock.language.complaints import did_you_mean

            ctx.fail(f"no command {args[0]!r}; {did_you_mean(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


def _end(error: click.ClickException) -> NoReturn:
    """Tell of the error on stderr, and end with its status."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
    else:
        click.echo(f"wiro-mock: {_sentence(error)}", err=True)
    sys.exit(error.exit_code)


def _sentence(error: click.ClickException) -> str:
    """The error in one sentence; where click's own does not say what helps, where help is."""
    if isinstance(error, click.NoSuchOption):
        text = f"no option {error.option_name}"
        if error.possibilities:
            text += f"; did you mean {_nearest(error.option_name, error.possibilities)}?"
    else:
        text = (told_with_place(error) if isinstance(error, click.UsageError) else error.format_message()).rstrip(".")
    if isinstance(error, click.UsageError) and ";" not in text and not isinstance(error, BadConfiguration):
        text += f"; see {error.ctx.command_path if error.ctx else 'wiro-mock'} --help"
    return text


def _nearest(name: str, names: Iterable[str]) -> str:
    """The most similar name; letters that changed places count as letters that are there."""
    from difflib import SequenceMatcher

    return max(names, key=lambda known: (sorted(known) == sorted(name), SequenceMatcher(None, name, known).ratio()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog="Example: wiro-mock demo")
@click.version_option(package_name="wiro-mock", prog_name="wiro-mock")
def wiro_mock() -> None:
    """The Wiro AI API that you test against, on your own machine."""
