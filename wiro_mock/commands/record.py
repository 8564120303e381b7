"""`wiro-mock record`: a proxy in front of a Wiro that writes what comes by as scenarios."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from wiro_mock.commands.teller import Teller

if TYPE_CHECKING:
    import ssl

    from wiro_mock.recorder.places import Upstream
    from wiro_mock.recorder.shelf import Shelf
    from wiro_mock.server import ServerThread


@click.command(
    short_help="Write what a Wiro answers as scenarios.",
    epilog="Example: wiro-mock record --upstream https://api.wiro.ai/v1 --to recordings -- npm test",
    context_settings={"allow_interspersed_args": False},
)
@click.option("--upstream", required=True, metavar="URL", help="The API's base URL, ending in /v1.")
@click.option("--socket", "socket_url", default="", metavar="URL", help="The socket. [default: the upstream's own]")
@click.option("--to", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Where the scenarios go.")
@click.option("--redact", multiple=True, metavar="TEXT", help="Besides keys and tokens: never write this. Repeatable.")
@click.option("--bytes/--no-bytes", "wants_bytes", default=True, help="Whether outputs are fetched and kept.")
@click.option("--har/--no-har", "wants_traffic", default=True, help="Whether the wire is kept for wiro-mock drift.")
@click.option("--callbacks", default="", metavar="URL", help="Where the upstream reaches this recorder, for webhooks.")
@click.option(
    "--upstream-ca",
    metavar="FILE",
    help="PEM file of the authority that signed for the upstream.",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option("--timeout", default=60.0, show_default=True, type=click.FloatRange(0.1, 600), help="Seconds.")
@click.option("--grace", default=5.0, show_default=True, type=click.FloatRange(0, 600), help="Seconds for last frames.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default="a free one", type=click.IntRange(0, 65535), help="Port to listen on.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def record(
    ctx: click.Context,
    *,
    upstream: str,
    socket_url: str,
    to: Path,
    redact: tuple[str, ...],
    wants_bytes: bool,
    wants_traffic: bool,
    callbacks: str,
    upstream_ca: Path | None,
    timeout: float,
    grace: float,
    host: str,
    port: int,
    command: tuple[str, ...],
) -> None:
    """Stand between a client and a Wiro, and write each of its tasks as a scenario.

    The client, or COMMAND, finds it by WIRO_BASE_URL and WIRO_SOCKET_URL, and brings its own credentials. Keys,
    signatures, tokens and what --redact names are taken out before anything is written.
    """
    from wiro_mock.commands.serve import listen
    from wiro_mock.recorder.proxy import Recorder
    from wiro_mock.recorder.redaction import Redactor
    from wiro_mock.recorder.traffic import Traffic
    from wiro_mock.server import ServerThread

    if callbacks and urlsplit(callbacks).scheme not in ("http", "https"):
        raise click.UsageError(f"--callbacks: {callbacks!r} is no http or https URL; write all of it")
    if any(not text for text in redact):
        raise click.UsageError("--redact needs a text; an empty one is everywhere")
    named = [*redact, *filter(None, (os.environ.get(name) for name in ("WIRO_API_KEY", "WIRO_API_SECRET")))]
    with Teller() as tell, _shelf(to) as shelf:
        redactor = Redactor(named)
        recorder = Recorder(
            _upstream(upstream, socket_url),
            shelf,
            redactor,
            tell=tell,
            wants_bytes=wants_bytes,
            timeout=timeout,
            grace=grace,
            traffic=Traffic(shelf, redactor) if wants_traffic else None,
            callbacks=callbacks,
            tls=_trusting(upstream_ca),
        )
        with ServerThread(recorder.app, sock=listen(host, port)) as thread:
            status = _run(command, thread, tell)
    ctx.exit(status)


def _upstream(url: str, socket_url: str) -> Upstream:
    """The upstream's addresses, checked. Wiro's own socket has a host of its own (socket.md §1.1)."""
    from wiro_mock.recorder.places import Upstream

    for option, value, schemes in (("--upstream", url, ("http", "https")), ("--socket", socket_url, ("ws", "wss"))):
        parts = urlsplit(value)
        if value and (parts.scheme not in schemes or not parts.hostname):
            raise click.UsageError(f"{option}: {value!r} is no {' or '.join(schemes)} URL; write all of it")
        if "@" in parts.netloc:
            raise click.UsageError(f"{option}: no user and no password before the host; let your client send them")
    parts = urlsplit(url)
    if parts.hostname == "api.wiro.ai":
        socket_url = socket_url or "wss://socket.wiro.ai/v1"
    scheme = "wss" if parts.scheme == "https" else "ws"
    return Upstream(url.rstrip("/"), socket_url or f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}")


def _trusting(file: Path | None) -> ssl.SSLContext | None:
    """What trusts an authority of the user's besides those of the system; None for the usual ones."""
    if file is None:
        return None
    import ssl

    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=file)
    except OSError:  # an SSLError is one
        raise click.UsageError(f"--upstream-ca: {file} holds no certificate in PEM form") from None
    return context


@contextmanager
def _shelf(folder: Path) -> Iterator[Shelf]:
    from wiro_mock.recorder.shelf import CannotRecord, Shelf

    try:
        shelf = Shelf(folder)
    except CannotRecord as error:
        raise click.ClickException(str(error)) from None
    try:
        yield shelf
    finally:
        shelf.close()


def _run(command: tuple[str, ...], thread: ServerThread, tell: Teller) -> int:
    """Run the command to its end; without one, wait for a signal."""
    from wiro_mock.commands.child import CannotRun, Child
    from wiro_mock.reach.variables import past_proxies

    base, socket_url = f"{thread.near_url}/v1", f"ws{thread.near_url.removeprefix('http')}/v1"
    if not command:
        click.echo(f"wiro-mock records api={base} socket={socket_url}")
        _wait_for_signal()
        return 0
    environment = {**os.environ, **past_proxies(os.environ), "WIRO_BASE_URL": base, "WIRO_SOCKET_URL": socket_url}
    try:
        return Child(command, environment, tell).run()
    except CannotRun as error:
        tell(str(error))
        return error.status


def _wait_for_signal() -> None:
    import signal
    import threading

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sys.stdout.flush()
    stop.wait()
