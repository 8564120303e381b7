"""`wiro-mock openapi`: the REST API as one OpenAPI 3.1 document, for generators and for other tools."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command(
    short_help="Print the REST API as OpenAPI 3.1.", epilog="Example: wiro-mock openapi --output wiro.openapi.json"
)
@click.option("--profile", default="current", show_default=True, help="The revision of the wire.")
@click.option("--server", default="https://api.wiro.ai", show_default=True, metavar="URL", help="Where the API is.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file, not to stdout.")
def openapi(profile: str, server: str, output: Path | None) -> None:
    """Print the REST API as OpenAPI 3.1, generated of the documented shapes; each field tells its source.

    A running server has the same at /__wiro/openapi, for its own address. The documents of single models, with their
    parameters, are answered by Tool/DetailOpenAPI.
    """
    from wiro_mock.api.profile import find_profile
    from wiro_mock.api.rest_document import document

    try:
        made = document(server.rstrip("/").removesuffix("/v1"), find_profile(profile))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    text = json.dumps(made, indent=2, ensure_ascii=False)
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        message = f"cannot write {output}: {error.strerror}; give --output a file in a folder that you may write to"
        raise click.ClickException(message) from None
