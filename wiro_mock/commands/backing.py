"""The real models behind a server: the options that ask for them, and what lives as long as it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from wiro_mock.commands.serve_settings import Given

if TYPE_CHECKING:
    from wiro_mock.backends import Backend
    from wiro_mock.casting import Standing


@contextmanager
def backends(given: Given, tell: Callable[[str], None]) -> Iterator[list[Standing]]:
    """The real model that was asked for, while the block runs."""
    url, weights, hosts = given["moondream_endpoint"], given["moondream"], given["fetch_hosts"]
    if url and weights:
        raise click.UsageError("--moondream starts an engine and --moondream-endpoint names another; give one of them")
    if given["moondream_with"] and not weights:
        raise click.UsageError("--moondream-with is for the engine that --moondream WEIGHTS starts; give that, too")
    if not url and not weights:
        yield []
        return
    import shlex

    from wiro_mock.backends import child, moondream
    from wiro_mock.casting import Standing

    def standing(backend: Backend) -> list[Standing]:
        return [Standing(name=moondream.NAME, model=moondream.MODELS, backend=backend)]

    if url:
        try:
            backend = moondream.at(url, fetch_hosts=hosts)
        except ValueError as error:
            raise click.UsageError(f"--moondream-endpoint: {error}") from None
        yield standing(backend)
        return
    try:
        more = shlex.split(given["moondream_with"])
    except ValueError as error:
        raise click.UsageError(f"--moondream-with: {str(error).lower()}; close the quotes") from None
    if wrong := child.missing(weights):
        raise click.UsageError(f"--moondream: {wrong}")
    with child.ChildEngine(child.command(weights, *more), tell) as engine:
        yield standing(moondream.behind(engine, fetch_hosts=hosts))
