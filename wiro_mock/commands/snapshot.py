"""`wiro-mock snapshot`: the world of a running server as a file, and a file as the world of a running server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import httpx

PATIENCE = 600.0
"""Seconds for a large world."""
URL = "http://127.0.0.1:4747"
_WHERE = [
    click.Option(["--url"], default=URL, show_default=True, help="Where the server is."),
    click.Option(["--admin-token"], default="", metavar="TOKEN", help="The token that the server was started with."),
    click.Option(
        ["--api-key"], default="", metavar="KEY", help="The world's API key, where the server has several worlds."
    ),
]


@click.group(
    short_help="Save the world of a running server, or load one.",
    epilog="Example: wiro-mock snapshot save demo.zip",
)
def snapshot() -> None:
    """Save the world of a running server to a file, or let it go on from such a file.

    Tasks (running ones, too), files, account, time, seed, scenarios, faults, webhooks and the journal are in it: the
    world goes on exactly as it would have gone on. `wiro-mock serve --load FILE` begins with one.
    """


def save(file: Path, url: str, admin_token: str, api_key: str, *, secret: bool) -> None:
    """Save the world of a running server to FILE, which only you can read, for the API secret is in it.

    A file that is there is replaced, once the new one is whole.
    """
    from wiro_mock.commands.keeping import check_writable

    check_writable(file)
    with _client(url, admin_token, api_key) as client:
        query = {} if secret else {"secret": "false"}
        with client.stream("GET", "/__wiro/snapshot", params=query) as answer:
            if answer.status_code != 200 or answer.headers.get("content-type") != "application/zip":
                answer.read()
                _refuse(answer, url)
            size = _written(answer.iter_bytes(), file)
    click.echo(f"saved {file} ({size} bytes)")


def load(file: Path, url: str, admin_token: str, api_key: str, keep: tuple[str, ...]) -> None:
    """Let the world of a running server go on from FILE; what it was before is gone. All of it, or nothing."""
    try:
        opened: IO[bytes] = file.open("rb")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}; look at the path") from None
    with opened, _client(url, admin_token, api_key) as client:
        answer = client.put("/__wiro/snapshot", params={"keep": ",".join(keep)} if keep else {}, content=opened)
        if answer.status_code != 200:
            _refuse(answer, url, name=str(file))
        told: dict[str, Any] = answer.json()
    failed = f"; {len(told['failed'])} failed, whose backends were at work" if told["failed"] else ""
    click.echo(
        f"loaded {file}: {told['tasks']} tasks, {told['unfinished']} of them unfinished, {told['files']} files, "
        f"time {told['time']}{failed}"
    )
    if told["api_key"]:
        click.echo(f"the world's API key is {told['api_key']}")


_FILE = click.Argument(["file"], type=click.Path(path_type=Path, dir_okay=False))
snapshot.add_command(
    click.Command(
        "save",
        callback=save,
        params=[
            _FILE,
            *_WHERE,
            click.Option(
                ["--secret/--no-secret"],
                default=True,
                show_default=True,
                help="Keep the API key and secret, so that the same credentials hold when it is loaded.",
            ),
        ],
        help=save.__doc__,
        short_help="Save the world of a running server.",
        epilog="Example: wiro-mock snapshot save demo.zip --no-secret",
    )
)
snapshot.add_command(
    click.Command(
        "load",
        callback=load,
        params=[
            _FILE,
            *_WHERE,
            click.Option(
                ["--keep"],
                multiple=True,
                metavar="SETTING",
                help="Setting in which the server's own holds: credentials, time, poll, profile, ... Repeatable.",
            ),
        ],
        help=load.__doc__,
        short_help="Load a world into a running server.",
        epilog="Example: wiro-mock snapshot load demo.zip --keep credentials",
    )
)


@contextmanager
def _client(url: str, admin_token: str, api_key: str) -> Iterator[httpx.Client]:
    import httpx

    origin = url.rstrip("/").removesuffix("/v1")
    headers = {"authorization": f"Bearer {admin_token}"} if admin_token else {}
    if api_key:
        headers["x-api-key"] = api_key
    try:
        with httpx.Client(base_url=origin, trust_env=False, timeout=PATIENCE, headers=headers) as client:
            yield client
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise click.UsageError(f"{url} cannot be reached: {error}; is `wiro-mock serve` running there?") from None


def _refuse(answer: httpx.Response, url: str, name: str = "") -> None:
    try:
        sentence = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        raise click.UsageError(
            f"{url} is no wiro-mock (HTTP {answer.status_code} at /__wiro); --url is the address of the ready line"
        ) from None
    raise click.ClickException(sentence.replace("the snapshot", name, 1) if name else sentence)


def _written(pieces: Iterator[bytes], file: Path) -> int:
    """Write beside the place, and move it there when it is whole; how many bytes."""
    from wiro_mock.snapshot.atomic import replacing
    from wiro_mock.snapshot.trouble import SnapshotError

    size = 0
    try:
        with replacing(file) as made:
            for piece in pieces:
                size += made.write(piece)
    except SnapshotError as error:
        raise click.ClickException(str(error)) from None
    return size
