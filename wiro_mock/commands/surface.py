"""`wiro-mock surface`: every endpoint of Wiro's, and what of it is played here."""

from __future__ import annotations

import json

import click


@click.command(
    short_help="Show every endpoint of Wiro's, and which are played.",
    epilog="Example: wiro-mock surface --json",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
def surface(*, as_json: bool) -> None:
    """Show every endpoint that a source names: whether it is played here, and whence it is known.

    The columns: played, by switch (serve --switch NAME=VALUE), not yet, or out of scope; whether it needs a key;
    documented, observed, or our choice; the source and its date.
    """
    from wiro_mock.api.surface import HEADER, grouped, rows

    table = rows()
    if as_json:
        click.echo(json.dumps([row._asdict() for row in table], indent=2))
        return
    widths = [max(map(len, column)) for column in zip(HEADER, *(row[2:] for row in table), strict=True)]
    widest = max(len(row.call) for row in table) + 2
    for at, (group, found) in enumerate(grouped(table).items()):
        if at:
            click.echo()
        click.echo(_line([group, *(HEADER if not at else ())], [widest, *widths]))
        for row in found:
            click.echo(_line([f"  {row.call}", *row[2:]], [widest, *widths]))


def _line(cells: list[str], widths: list[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)).rstrip()
