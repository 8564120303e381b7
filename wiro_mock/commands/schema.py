"""`wiro-mock schema`: what editors need to complete and check scenario files and fault sets."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command(
    short_help="Print the JSON Schema of scenarios or fault sets, for editors.",
    epilog="Example: wiro-mock schema --output wiro.schema.json, and on the first line of a scenario file: "
    "# yaml-language-server: $schema=wiro.schema.json",
)
@click.argument("kind", type=click.Choice(["scenario", "fault-set"]), default="scenario")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file, not to stdout.")
def schema(kind: str, output: Path | None) -> None:
    """Print the JSON Schema of a scenario, or of a fault set, for editors."""
    if kind == "fault-set":
        from wiro_mock.language.fault_sets import schema as made
    else:
        from wiro_mock.scenario_schema import schema as made

    text = json.dumps(made(), indent=2, ensure_ascii=False)
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        message = f"cannot write {output}: {error.strerror}; give --output a file in a folder that you may write to"
        raise click.ClickException(message) from None
