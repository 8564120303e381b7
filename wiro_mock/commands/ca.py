"""`wiro-mock ca`: the throw-away certificate authority of this user: how to trust it, and how to be rid of it."""

from __future__ import annotations

import os
import shlex

import click

PROXY = "http://127.0.0.1:4747"


@click.command(
    short_help="Show, trust or remove the throw-away CA.",
    epilog="Example: wiro-mock ca --env",
)
@click.option("--env", "shows_env", is_flag=True, help="Print the variables of the common stacks, for a shell.")
@click.option(
    "--proxy", default=PROXY, show_default=True, metavar="URL", help="With --env: where serve --intercept is."
)
@click.option("--no-proxy", is_flag=True, help="With --env: only what makes them trust the CA, for serve --tls.")
@click.option("--remove", is_flag=True, help="Delete the CA, its key, and the bundles made with it.")
def ca(shows_env: bool, proxy: str, no_proxy: bool, remove: bool) -> None:
    """Show the throw-away CA by which serve and exec speak TLS under Wiro's names.

    It is this user's, lives for a week, may sign for Wiro's names and this machine only, and is made when it is first
    needed. Its key never leaves its folder.
    """
    if remove and shows_env:
        raise click.UsageError("--env makes the CA where there is none, --remove deletes it; give one of them")
    if remove:
        _remove()
    elif shows_env:
        _env(proxy, with_proxy=not no_proxy)
    else:
        _show()


def _remove() -> None:
    from wiro_mock.reach.authority import Files, NoTls

    try:
        files = Files.of_user()
    except NoTls as error:
        raise click.UsageError(str(error)) from None
    there = files.remove()
    click.echo(f"removed {files.folder}" if there else f"there is no CA in {files.folder}")


def _env(proxy: str, *, with_proxy: bool) -> None:
    """Lines that a POSIX shell can evaluate."""
    from wiro_mock.commands.reaching import trusted
    from wiro_mock.reach import variables
    from wiro_mock.reach.authority import Authority, NoTls

    host, port = _place(proxy)
    try:
        Authority.of_user(tell=lambda line: click.echo(f"wiro-mock: {line}", err=True))
    except NoTls as error:
        raise click.UsageError(str(error)) from None
    made = trusted(os.environ)
    if with_proxy:
        made |= variables.of_proxy({**os.environ, **made}, host, port)
        made |= variables.past_proxies(os.environ, intercepted=True)
    for name, value in made.items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _place(proxy: str) -> tuple[str, int]:
    from urllib.parse import urlsplit

    try:
        split = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if split.scheme == "http" and split.hostname and split.port:
            return (f"[{split.hostname}]" if ":" in split.hostname else split.hostname), split.port
    except ValueError:
        pass
    raise click.UsageError(f"--proxy is the address of serve --intercept, such as {PROXY}, not {proxy!r}")


def _show() -> None:
    from wiro_mock.reach.authority import OWN_NAMES, WIRO_NAMES, Authority, Files, NoTls

    try:
        files = Files.of_user()
        found = Authority.found(files)
    except NoTls as error:
        raise click.UsageError(str(error)) from None
    if found is None:
        click.echo(f"there is no CA yet; serve --tls, serve --intercept and ca --env make one, in {files.folder}")
        return
    from cryptography.hazmat.primitives import hashes

    digest = found.x509.fingerprint(hashes.SHA256()).hex(":").upper()
    click.echo(f"certificate: {files.certificate}")
    click.echo(
        f"expires:     {found.ends:%Y-%m-%d %H:%M} UTC{'' if found.lasts() else ' (the next start makes a new one)'}"
    )
    click.echo(f"signs for:   {', '.join([*WIRO_NAMES, *OWN_NAMES, *found.extra_names()])}, and nothing else")
    click.echo(f"SHA-256:     {digest}")
