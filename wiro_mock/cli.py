"""The command line: `serve`, `demo`, `lint`, `plan`, `schema`.

Every command has help with an example; every error is one sentence with the way out. What a command needs is
imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import click

from wiro_mock.commands import demo, lint, plan, schema, serve


class _Commands(click.Group):
    """A group whose unknown commands are told of with a did-you-mean (click's own)."""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wiro-mock", prog_name="wiro-mock")
def main() -> None:
    """The Wiro AI API that you test against, on your own machine.

    Example: wiro-mock demo
    """


for command in (serve.serve, demo.demo, lint.lint, plan.plan, schema.schema):
    main.add_command(command)
