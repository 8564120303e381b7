"""The options of `wiro-mock exec`: those of `serve`, with a free port and fresh credentials, and what is to be left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wiro_mock.commands.exec_report import KINDS, SUFFIXES
from wiro_mock.commands.options import Filled, Presets
from wiro_mock.commands.serve_options import OPTIONS as OF_SERVE
from wiro_mock.commands.serve_settings import Given


class ExecGiven(Given):
    """What was given on the command line."""

    report: Path | None
    fail_on: tuple[str, ...]
    command: tuple[str, ...]


class Kinds(click.ParamType[tuple[str, ...]]):
    """A list of kinds, with commas."""

    name = "kinds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Check each of them."""
        from wiro_mock.language.complaints import did_you_mean

        names = tuple(name.strip() for name in str(value).split(",")) if isinstance(value, str) else value
        for name in names:
            if name not in KINDS:
                self.fail(f"nothing of the kind {name!r} is looked for; {did_you_mean(name, KINDS)}", param, ctx)
        return tuple(names)


class ReportFile(click.ParamType[Path]):
    """A file that can be written, of a kind that there is."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Check it before anything is run: a report that cannot be written is no report."""
        path = Path(value)
        if path.suffix not in SUFFIXES:
            self.fail(
                f"cannot tell how to write {path.name!r}; let its name end in {' or '.join(SUFFIXES)}", param, ctx
            )
        try:
            path.touch()
        except OSError as error:
            self.fail(f"cannot write {value}: {error.strerror}; name a file in a folder that is there", param, ctx)
        return path


_OWN: list[click.Parameter] = [
    click.Option(["--preset"], type=Presets(), metavar="NAME", help="A situation with a name; see wiro-mock presets."),
    click.Option(
        ["--port"],
        type=click.IntRange(0, 65535),
        default=0,
        show_default="a free one",
        help="Port to listen on.",
    ),
    click.Option(["--api-key"], type=Filled(), help="The project's key. [default: a fresh one]"),
    click.Option(["--api-secret"], type=Filled(), help="The project's secret. [default: a fresh one]"),
    click.Option(
        ["--report"],
        type=ReportFile(),
        metavar="FILE",
        help="Leave the journal and a timeline of every task there, as .json or .txt, however the command ends.",
    ),
    click.Option(
        ["--fail-on"],
        type=Kinds(),
        default=(),
        metavar="KINDS",
        help="Of unmatched (calls that nothing answers), unfired (faults and scenarios that nothing met) and leaks "
        "(open sockets, unfinished tasks, outputs that nobody downloaded), with commas: fail a command that succeeds.",
    ),
]
_NAMES = {option.name for option in _OWN}
OPTIONS: list[click.Parameter] = [
    *_OWN,
    *(option for option in OF_SERVE if option.name not in _NAMES),
    click.Argument(["command"], nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND..."),
]
