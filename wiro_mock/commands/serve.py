"""`wiro-mock serve`: the fake server, for clients in any language."""

from __future__ import annotations

import errno
import gc
import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import click

from wiro_mock.commands.backing import backends
from wiro_mock.commands.keeping import AtExit, Signals, load_into
from wiro_mock.commands.reaching import doors_of, reached
from wiro_mock.commands.serve_options import OPTIONS
from wiro_mock.commands.serve_settings import Given, settings_of, shown_credentials
from wiro_mock.commands.teller import Teller

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from starlette.applications import Starlette

    from wiro_mock.casting import Standing
    from wiro_mock.loader import Library
    from wiro_mock.mock import World
    from wiro_mock.reach.doors import Doors

CONTROL_CLOSED = "the control API is closed; --admin-token TOKEN opens it to those who send the token"
CONTROL_GUARDED = "the control API is open only to those who send the admin token"


@click.command(
    params=OPTIONS,
    short_help="Serve a fake Wiro until Ctrl-C.",
    epilog="Example: wiro-mock serve --port 4747 --scenarios tests/wiro --time 10x",
)
def serve(**given: Unpack[Given]) -> None:
    """Serve a fake Wiro until Ctrl-C: the API, the socket and the files on one port.

    Prints one line on stdout when it can serve, with the addresses and the credentials.
    """
    with Teller(as_json=given["log"] == "json") as tell, backends(given, tell) as standing:
        world = world_of(given, tell, standing)
        try:
            at_exit = AtExit(world, given["save_on_exit"])
            doors = doors_of(given, tell)
            sock = listen(given["host"], given["port"])
            app = app_of(world, sock, given)
            _serve(app, sock, shown_credentials(given, world.project), doors, Signals(world, at_exit))
            for line in app.state.worlds.told_of_unknown_keys():
                tell(line)
            at_exit.write()
        finally:
            world.close()


def world_of(given: Given, tell: Teller, standing: Sequence[Standing] = ()) -> World:
    """The world that the options describe. Raises what click shows."""
    from wiro_mock.language.complaints import ScenarioError
    from wiro_mock.mock import World

    try:
        world = World(settings_of(given), library=_library(given["folders"]), tell=tell, standing=standing)
    except ScenarioError as error:
        raise click.ClickException(f"nothing is served before this is mended:\n{error}") from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if given["log"]:
        from wiro_mock.commands.request_log import log_of

        world.log_request = log_of(given["log"], tell, tell.write)
    if given["load"] is not None:
        load_into(world, given["load"])
    return world


def _library(folders: tuple[Path, ...]) -> Library | None:
    """The scenarios of one's own beside the shipped ones; without any, the world finds the shipped ones itself."""
    if not folders:
        return None
    from wiro_mock.loader import Library

    return Library(*folders)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises what click shows."""
    from wiro_mock.server import CannotListen, bind

    try:
        return bind(host, port)
    except (CannotListen, UnicodeError) as error:
        text = str(error) if isinstance(error, CannotListen) else f"cannot listen on {host!r}: no such name"
        way = "" if ";" in text else "; --host is an address or a name of this machine, such as 127.0.0.1"
        raise click.ClickException(text + way) from None


def app_of(world: World, sock: socket.socket, given: Given) -> Starlette:
    """The app over a world that listens there, open to whom the options say."""
    from wiro_mock.admin import Access
    from wiro_mock.asgi import create_app

    address = sock.getsockname()[0]
    closed, token = not is_loopback(address), given["admin_token"]
    if closed:
        world.tell(f"listening on {address}, beyond loopback: {CONTROL_GUARDED if token else CONTROL_CLOSED}")
    access = Access(closed=closed, token=token)
    hosts = frozenset(given["webhook_hosts"])
    return create_app(world, access=access, webhook_hosts=hosts, most_worlds=given["most_worlds"])


def _serve(app: Starlette, sock: socket.socket, credentials: str, doors: Doors | None, signals: Signals) -> None:
    """Serve until a signal comes; a second signal does not wait for the first to be obeyed."""
    import asyncio

    from wiro_mock.server import loop_factory, serve_until_stopped

    address, port = sock.getsockname()[:2]
    netloc = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    s = "s" if doors is not None and doors.tls else ""
    proxy = f" proxy=http://{netloc}" if doors is not None and doors.proxy else ""

    def ready() -> None:
        try:
            click.echo(f"wiro-mock ready api=http{s}://{netloc}/v1 socket=ws{s}://{netloc}/v1 {credentials}{proxy}")
        except OSError as error:
            # Not as EPIPE, which click takes for a reader that has had enough: nobody has read where the server is.
            raise OSError(0, f"the ready line cannot be written to stdout: {error.strerror}") from None
        # What is there now stays to the end, so the collector need never look at it.
        gc.freeze()
        gc.enable()

    async def until_signal() -> None:
        stop = asyncio.Event()

        def stop_now() -> None:
            if stop.is_set():
                os._exit(0)
            signals.ending()
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop_now)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, signals.hung_up)
        await serve_until_stopped(reached(app, doors), sock, stop=stop, ready=ready, doors=doors)

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(until_signal())
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        # Two servers can bind one port at the same instant; only one can then listen on it.
        raise click.ClickException(f"cannot listen on {netloc}: {error.strerror}; --port 0 takes a free port") from None


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address."""
    import ipaddress

    return ipaddress.ip_address(address.split("%", maxsplit=1)[0]).is_loopback
