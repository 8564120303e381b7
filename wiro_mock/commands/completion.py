"""`wiro-mock completion`: what a shell needs to complete the commands, by click's own means."""

from __future__ import annotations

from typing import Final

import click

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_WIRO_MOCK_COMPLETE"
"""The variable by which click is asked: the shell's script sets it."""
WHERE: Final = {
    "bash": 'eval "$(wiro-mock completion bash)"  # in ~/.bashrc; needs bash 4.4 or later',
    "zsh": 'eval "$(wiro-mock completion zsh)"  # in ~/.zshrc, after compinit',
    "fish": "wiro-mock completion fish | source  # in ~/.config/fish/config.fish",
}


@click.command(
    short_help="Complete commands, options and names in a shell.",
    epilog="Example: wiro-mock completion bash",
)
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> None:
    """Print the script that lets SHELL complete commands, options, and names of presets, scenarios and fault sets.

    Without a SHELL: the line that turns it on, for each.
    """
    if shell is None:
        for name, line in WHERE.items():
            click.echo(f"{name:<4}  {line}")
        return
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    assert ctx.parent is not None
    try:
        click.echo(found(ctx.parent.command, {}, "wiro-mock", VARIABLE).source())
    except RuntimeError as error:  # what click thinks of this machine's bash
        raise click.ClickException(f"{str(error).rstrip('.')}; zsh and fish can do it, too") from None
