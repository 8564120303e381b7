"""`wiro-mock lint`."""

import click


@click.command()
def lint() -> None:
    """To come."""
