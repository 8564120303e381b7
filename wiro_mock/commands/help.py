"""`wiro-mock help`: every document that is shipped, where no browser and no checkout is at hand.

A document is a Markdown file of the package or of the shipped scenarios; its topic is the folder whose README it is, or
its own name. So a new one is a topic by itself.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

FIRST: Final = ("readme", "scenarios", "testing", "configuration", "migration", "limits")
"""The topics that most people look for, before the others."""
ABOUT: Final = {"readme": "What this is, and the first minutes with it"}
"""What is said of a document whose heading does not tell."""
_COMMENT: Final = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_SKIPPED: Final = (".", "_")


def documents() -> dict[str, Path]:
    """The shipped documents by their topics."""
    from wiro_mock.shipped import shipped

    package, scenarios = Path(__file__).resolve().parent.parent, shipped()
    readme = package / "README.md"
    found = {"readme": readme if readme.is_file() else package.parent / "README.md", **dict(_below(scenarios))}
    found.update(pair for pair in _below(package) if pair[1] != readme)
    there = {name: path for name, path in found.items() if path.is_file()}
    return {name: there[name] for name in (*(name for name in FIRST if name in there), *sorted(there))}


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(_SKIPPED)]
        for name in files:
            if name.endswith(".md"):
                path = Path(place, name)
                yield (path.parent.name if name == "README.md" else path.stem.lower()), path


class Topics(click.ParamType[str]):
    """The name of a document, or of a command."""

    name = "topic"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that there is one of this name."""
        from wiro_mock.language.complaints import did_you_mean

        topic = str(value).lower()
        known = [*documents(), *_commands()]
        if topic not in known:
            told = did_you_mean(topic, known, what="wiro-mock help lists them; there are")
            self.fail(f"no topic {str(value)!r}; {told}", param, ctx)
        return topic

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 -- click's own signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Those that begin so."""
        return [CompletionItem(name) for name in documents() if name.startswith(incomplete)]


@click.command(short_help="Show a document, or list them.", epilog="Example: wiro-mock help migration")
@click.argument("topic", type=Topics(), required=False)
@click.pass_context
def help(ctx: click.Context, topic: str | None) -> None:  # noqa: A001 -- the name of the command
    """Show the document on TOPIC, page by page where a terminal is there; without a TOPIC, list what there is.

    The name of a command shows what its --help shows.
    """
    found = documents()
    if topic is None:
        width = max(map(len, found))
        for name, path in found.items():
            click.echo(f"{name:<{width}}  {about(name, path)}")
    elif topic in found:
        _show(text_of(found[topic]))
    else:
        assert ctx.parent is not None
        group = ctx.parent.command
        assert isinstance(group, click.Group)
        command = group.get_command(ctx.parent, topic)
        assert command is not None
        click.echo(command.get_help(click.Context(command, info_name=topic, parent=ctx.parent)))


def about(name: str, path: Path) -> str:
    """What a document is about, in one line: its heading."""
    heading = next((line for line in text_of(path).splitlines() if line.startswith("# ")), f"# {name}")
    return ABOUT.get(name, heading.removeprefix("# ").strip())


def text_of(path: Path) -> str:
    """The document without what is for its own upkeep."""
    return _COMMENT.sub("", path.read_text(encoding="utf-8"))


def _show(text: str) -> None:
    if sys.stdout is not None and sys.stdout.isatty():
        click.echo_via_pager(text)
    else:
        click.echo(text, nl=not text.endswith("\n"))


def _commands() -> tuple[str, ...]:
    from wiro_mock.commands.group import COMMANDS

    return COMMANDS
