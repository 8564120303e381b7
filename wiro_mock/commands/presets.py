"""`wiro-mock presets`: situations with one word, for `serve`, `exec` and tests."""

from __future__ import annotations

import json

import click


@click.command(
    short_help="List the situations that serve knows by one word.",
    epilog="Example: wiro-mock presets",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def presets(*, as_json: bool) -> None:
    """List the presets: what each is, and the flags that it stands for.

    Start one with wiro-mock serve NAME, run a command in one with wiro-mock exec --preset NAME, and set a test up with
    @pytest.mark.wiro(preset="NAME"). What you set besides goes before a preset's values; its fault sets come on top.
    """
    from wiro_mock.presets import PRESETS

    if as_json:
        click.echo(json.dumps({name: {"about": one.about, "flags": one.flags} for name, one in PRESETS.items()}))
        return
    width = max(map(len, PRESETS))
    for name, one in PRESETS.items():
        click.echo(f"{name:<{width}}  {one.about}\n{'':<{width}}  {one.flags}")
