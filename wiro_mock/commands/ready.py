"""`wiro-mock ready`: whether a server can serve, for scripts of CI and for the health check of a container.

It answers from the standard library alone: a health check asks every few seconds.
"""

from __future__ import annotations

import click

HERE = "http://127.0.0.1:4747"
PORTS = ("WIRO_MOCK_SERVE_PORT", "WIRO_MOCK_PORT")
"""Variables that give a server beside this command another port, the first before the second: as `serve` reads them."""
PATIENCE = 3.0
"""Seconds that one question may take; a health check of the container gives it four."""
PAUSE = 0.1
"""Seconds between two questions."""


@click.command(
    short_help="Tell whether a server can serve, or wait until it can.",
    epilog="Example: wiro-mock ready http://127.0.0.1:4747 --wait 30",
)
@click.argument("url", default="", envvar="WIRO_MOCK_URL")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=0.0,
    metavar="SECONDS",
    help="Ask again until then, while nothing answers. [default: ask once]",
)
def ready(url: str, wait: float) -> None:
    """Ask the server at URL (or WIRO_MOCK_URL) whether it can serve. Without either it is the one of this machine, at
    WIRO_MOCK_PORT or 4747, with TLS or without.

    Ends with status 0 and prints `ready` when it can, with 1 and the reason when it cannot, and with 2 when URL is no
    address.
    """
    import time

    url, other = (url, "") if url else _here()
    end = time.monotonic() + wait
    while (problem := _problem(url)) and not (other and not _problem(other)):
        if time.monotonic() >= end:
            waited = f" for {wait:g} s" if wait else ""
            raise click.ClickException(f"nothing is ready at {url}{waited}: {problem}")
        time.sleep(PAUSE)
    click.echo("ready")


def _here() -> tuple[str, str]:
    """Where a server of this machine is: a health check is given no arguments, but the server's variables. Whether
    these, a file or a flag have it speak TLS need not be known: the second address is the one with it.
    """
    import os

    port = next((port for name in PORTS if (port := os.environ.get(name, "").strip())), "4747")
    return f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port}"


def _problem(url: str) -> str:
    """Why the server cannot serve; empty when it can. Raises `UsageError` for what is no address."""
    import json
    import ssl
    from http.client import HTTPConnection, HTTPException, HTTPSConnection
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = None, None, None
    if parts is None or parts.scheme not in ("http", "https") or not host:
        raise click.UsageError(f"{url!r} is no address; write one such as {HERE}")
    if parts.scheme == "https":
        # Nothing is sent that is worth anything, and the CA of a mock is one that no system knows.
        connection: HTTPConnection = HTTPSConnection(
            host,
            port,
            timeout=PATIENCE,
            context=ssl._create_unverified_context(),  # noqa: S323
        )
    else:
        connection = HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/__wiro/ready")
        answer = connection.getresponse()
        told = json.loads(answer.read(1000))
    except (OSError, HTTPException) as error:
        return getattr(error, "strerror", None) or str(error) or "it closed the connection without an answer"
    except ValueError:
        return "something else answers there, no wiro-mock"
    finally:
        connection.close()
    return "" if isinstance(told, dict) and told.get("ready") is True else "something else answers there, no wiro-mock"
