"""What `serve` and `exec` do for clients that have Wiro's addresses written into them: TLS, and a proxy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from wiro_mock.commands.serve_settings import Given
from wiro_mock.commands.teller import Teller

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp

    from wiro_mock.reach.authority import Authority
    from wiro_mock.reach.doors import Doors


def doors_of(given: Given, tell: Teller) -> Doors | None:
    """What the port is besides plain HTTP. Raises what click shows."""
    if not (given["tls"] or given["intercept"]):
        _check_alone(given)
        return None
    from wiro_mock.reach.authority import Authority
    from wiro_mock.reach.doors import Doors

    names = _names(given)

    def renewed() -> Authority:
        return Authority.of_user(names, tell=tell)

    doors = Doors(
        tls=given["tls"],
        proxy=given["intercept"],
        tunnel=given["tunnel"],
        names=names,
        renew=renewed,
        replaced=Authority.was_replaced,
        tell=tell,
    )
    _in_one_sentence(doors)
    return doors


def reached(app: Starlette, doors: Doors | None) -> ASGIApp:
    """The app, as it is behind these doors: Wiro's other server is refused there."""
    if doors is None:
        return app
    from wiro_mock.reach.gateway import without_gateway

    return without_gateway(app, app.state.worlds)


def variables_of(given: Given, origin: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables by which the common stacks trust the mock, and come to it."""
    if not (given["tls"] or given["intercept"]):
        return {}
    from urllib.parse import urlsplit

    from wiro_mock.reach.variables import of_proxy

    made = trusted(environ)
    if given["intercept"]:
        split = urlsplit(origin)
        host = f"[{split.hostname}]" if ":" in (split.hostname or "") else str(split.hostname)
        made |= of_proxy({**environ, **made}, host, split.port or 80)
    return made


def trusted(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables by which the common stacks trust the authority of this user, which is there."""
    from wiro_mock.reach.authority import Authority, Files
    from wiro_mock.reach.trust import has_java, trust
    from wiro_mock.reach.variables import of_trust

    files = Files.of_user()
    authority = Authority.found(files)
    assert authority is not None
    try:
        return of_trust(environ, trust(authority, files, environ, java=has_java(environ)))
    except OSError as error:
        told = f"cannot write in {files.folder}: {error.strerror}; $WIRO_MOCK_CA_DIR names another"
        raise click.ClickException(told) from None


def _check_alone(given: Given) -> None:
    for name, option, needed in (("tunnel", "--tunnel", "--intercept"), ("tls_names", "--tls-name", "--tls")):
        if given.get(name):
            raise click.UsageError(f"{option} does nothing without {needed}; add it, or leave {option} out")


def _names(given: Given) -> tuple[str, ...]:
    """The names in the certificate besides Wiro's: those of --tls-name, and where the server listens."""
    from wiro_mock.reach.authority import checked_name

    try:
        names = [checked_name(name) for name in given["tls_names"]]
        if given["host"] not in ("0.0.0.0", "::", ""):  # noqa: S104 -- compared with
            names.append(checked_name(given["host"]))
    except ValueError as error:
        raise click.UsageError(f"--tls-name: {error}") from None
    return tuple(dict.fromkeys(names))


def _in_one_sentence(doors: Doors) -> None:
    """Make the certificate now, or say why that cannot be."""
    from wiro_mock.reach.authority import NoTls

    try:
        doors.context()
    except NoTls as error:
        raise click.UsageError(str(error)) from None
