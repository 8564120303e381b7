"""`wiro-mock plan`."""

import click


@click.command()
def plan() -> None:
    """To come."""
