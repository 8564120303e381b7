"""`wiro-mock serve`: the fake server, for clients in any language."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wiro_mock.commands.options import Profiles, Valued

if TYPE_CHECKING:
    from wiro_mock.mock import World

DEFAULT_KEY = "wiro-mock-key"
DEFAULT_SECRET = "wiro-mock-secret"  # noqa: S105 -- the default pair, known to everybody


@click.command(
    epilog="Example: wiro-mock serve --port 4747 --scenarios tests/wiro --time 10x",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=4747,
    show_default=True,
    help="Port to listen on; 0 for a free one.",
)
@click.option(
    "--scenarios",
    "folders",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Folder (or file) of your own scenarios, beside the shipped ones. Repeatable; watched while serving.",
)
@click.option(
    "--time", "time_mode", default="real", show_default=True, help="real, auto, manual, or a rate such as 10x."
)
@click.option("--poll", help="What a Task/Detail poll is worth: finish, next, or seconds.")
@click.option("--api-key", envvar="WIRO_API_KEY", show_envvar=True, help="The project's key.")
@click.option("--api-secret", envvar="WIRO_API_SECRET", show_envvar=True, help="The project's secret.")
@click.option("--key-only", is_flag=True, help="The project needs no signature.")
@click.option(
    "--auth",
    type=click.Choice(["strict", "lenient", "off"]),
    default="strict",
    show_default=True,
    help="Refuse a wrong signature, accept and record it, or look at nothing.",
)
@click.option("--profile", type=Profiles(), default="current", show_default=True, help="Revision of the wire.")
@click.option(
    "--switch", "switches", multiple=True, metavar="NAME=VALUE", help="Set one switch of the profile. Repeatable."
)
@click.option("--seed", default="0", show_default=True, help="Makes ids and tokens.")
@click.option("--public-url", default="", help="Origin of the URLs in answers, instead of the request's own.")
@click.option("--workers", type=click.IntRange(1), help="Tasks at work at once; others wait. [default: any number]")
@click.option("--balance", type=Valued("usd"), default="1000", show_default=True, help="The account's balance in USD.")
@click.option(
    "--keep-tasks",
    type=click.IntRange(0),
    default=10_000,
    show_default=True,
    help="Finished tasks remembered; older ones are forgotten with logs and files.",
)
@click.option(
    "--webhook-host",
    "webhook_hosts",
    multiple=True,
    metavar="NAME",
    help="Host that webhooks may go to although its address is not private. Repeatable.",
)
@click.option("--scenario-header", is_flag=True, help="Let requests choose by the header x-wiro-mock-scenario.")
@click.option("--admin-token", default="", help="Opens the control API beyond loopback.")
@click.option("--log", "log_requests", is_flag=True, help="One line for each request on stderr.")
def serve(
    host: str,
    port: int,
    folders: tuple[Path, ...],
    time_mode: str,
    poll: str | None,
    api_key: str | None,
    api_secret: str | None,
    key_only: bool,
    auth: str,
    profile: str,
    switches: tuple[str, ...],
    seed: str,
    public_url: str,
    workers: int | None,
    balance: str,
    keep_tasks: int,
    webhook_hosts: tuple[str, ...],
    scenario_header: bool,
    admin_token: str,
    log_requests: bool,
) -> None:
    """Serve a fake Wiro until Ctrl-C: the API, the socket and the files on one port.

    Prints one line on stdout when it can serve, with the addresses and the credentials.
    """
    from decimal import Decimal

    from wiro_mock.api import find_profile, switch
    from wiro_mock.kernel.account import Project
    from wiro_mock.kernel.simulation import Limits
    from wiro_mock.loader import Library
    from wiro_mock.mock import Settings, World, parse_poll
    from wiro_mock.scenario import ScenarioError

    try:
        wire = find_profile(profile)
        for assignment in switches:
            wire = switch(wire, assignment)
        settings = Settings(
            seed=seed,
            time=time_mode,
            poll=None if poll is None else parse_poll(poll),
            auth_mode=auth,
            project=Project(
                id="699", key=api_key or DEFAULT_KEY, secret=api_secret or DEFAULT_SECRET, key_only=key_only
            ),
            profile=wire,
            balance=Decimal(balance),
            limits=Limits(workers=workers, finished=keep_tasks),
            public_url=checked_origin(public_url),
            scenario_header=scenario_header,
        )
        world = World(settings, library=Library(*folders), tell=tell)
    except ScenarioError as error:
        raise click.ClickException(str(error)) from None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if log_requests:
        world.log_request = tell
    shown_key = "***" if api_key else DEFAULT_KEY
    shown_secret = "***" if api_secret else DEFAULT_SECRET
    _run(world, host, port, shown_key, shown_secret, frozenset(webhook_hosts), admin_token)


def _run(
    world: World,
    host: str,
    port: int,
    key: str,
    secret: str,
    webhook_hosts: frozenset[str],
    admin_token: str,
) -> None:
    from wiro_mock.admin import Access
    from wiro_mock.asgi import create_app
    from wiro_mock.server import CannotListen, bind, serve_until_stopped

    try:
        sock = bind(host, port)
    except CannotListen as error:
        raise click.ClickException(str(error)) from None
    address, bound_port = sock.getsockname()[:2]
    closed = not is_loopback(address)
    if closed:
        tell(
            f"listening on {address}, beyond loopback: the control API needs the admin token"
            if admin_token
            else f"listening on {address}, beyond loopback: the control API is closed; --admin-token TOKEN opens it"
        )
    app = create_app(world, access=Access(closed=closed, token=admin_token), webhook_hosts=webhook_hosts)
    netloc = f"[{address}]:{bound_port}" if ":" in address else f"{address}:{bound_port}"

    def ready() -> None:
        line = f"wiro-mock ready api=http://{netloc}/v1 socket=ws://{netloc}/v1 key={key} secret={secret}"
        click.echo(line)
        sys.stdout.flush()

    async def until_signal() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await serve_until_stopped(app, sock, stop=stop, ready=ready)

    try:
        asyncio.run(until_signal())
    finally:
        world.close()


def tell(line: str) -> None:
    """One line for the tester, on stderr."""
    click.echo(f"wiro-mock: {line}", err=True)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address."""
    import ipaddress

    return ipaddress.ip_address(address.split("%", maxsplit=1)[0]).is_loopback


def checked_origin(url: str) -> str:
    """A public URL that is an origin, or `ValueError`."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.netloc or parts.path.rstrip("/") or parts.query):
        raise ValueError(f"--public-url is an origin such as https://wiro.test:8443, not {url!r}")
    return url.rstrip("/")
