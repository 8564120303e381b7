"""`wiro-mock schema`: what editors need to complete and check scenario files."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command(
    short_help="Print the JSON Schema of scenarios, for editors.",
    epilog="Example: wiro-mock schema --output wiro.schema.json, and on the first line of a scenario file: "
    "# yaml-language-server: $schema=wiro.schema.json",
)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file, not to stdout.")
def schema(output: Path | None) -> None:
    """Print the JSON Schema of a scenario, for editors."""
    from wiro_mock.scenario import schema as scenario_schema

    text = json.dumps(scenario_schema(), indent=2, ensure_ascii=False)
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        message = f"cannot write {output}: {error.strerror}; give --output a file in a folder that you may write to"
        raise click.ClickException(message) from None
