"""`wiro-mock profile`: the revisions of the wire, and what each is known from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wiro_mock.commands.options import Profiles

if TYPE_CHECKING:
    from wiro_mock.api.profile_facts import Value

HEADER = ("switch", "here", "current", "source", "date", "besides")


@click.command(
    short_help="Show the profiles of the wire, and what differs in one.",
    epilog="Example: wiro-mock profile 2026-04",
)
@click.argument("name", type=Profiles(), required=False)
@click.option("--all", "everything", is_flag=True, help="Every switch, not only those that differ from current.")
def profile(name: str | None, *, everything: bool) -> None:
    """Show which switches of the profile NAME differ from those of current, with the source and date of each.

    Without a NAME: the profiles there are. A single switch is set by wiro-mock serve --switch NAME=VALUE.
    """
    from wiro_mock.api.profile_facts import ABOUT

    if name is None and everything:
        raise click.UsageError(f"--all goes with a name; there are: {', '.join(ABOUT)}")
    if name is None:
        width = max(map(len, ABOUT))
        for known, about in ABOUT.items():
            click.echo(f"{known:<{width}}  {about}")
        return
    rows = _rows(name, everything=everything)
    if not rows:
        click.echo(f"{name} is what the other profiles are compared with; --all shows its switches.")
        return
    if not any(row[-1] for row in rows):
        rows = [row[:-1] for row in rows]
    rows = [HEADER[: len(rows[0])], *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _rows(name: str, *, everything: bool) -> list[tuple[str, ...]]:
    from wiro_mock.api.profile import Profile, find_profile, value_of
    from wiro_mock.api.profile_facts import SWITCHES, source

    found, default = find_profile(name), Profile()
    rows: list[tuple[str, ...]] = []
    for switch, about in SWITCHES.items():
        here, usual = value_of(found, switch), value_of(default, switch)
        if everything or here != usual:
            text, date = source(switch, name, usual)
            rows.append((switch, _text(here), _text(usual), text, date, about.remark))
    return rows


def _text(value: Value) -> str:
    """The value as `--switch` takes it."""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
