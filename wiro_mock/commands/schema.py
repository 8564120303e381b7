"""`wiro-mock schema`."""

import click


@click.command()
def schema() -> None:
    """To come."""
