"""`wiro-mock demo`: one task from the upload to the downloaded result, as any client would do it.

The server runs in a thread of this process, in real time and on a free port; the client beside it uses the public
protocols only. Every line tells what is done, and every step why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from wiro_mock.commands.demo_client import Client, Follower
    from wiro_mock.commands.demo_views import View

MODEL = "moondream3-preview/caption"
PICTURE = "windowsill.png"
PARAMETERS = {"length": "normal", "temperature": "0.7", "top_p": "0.95"}
KEY = "demo-key"
SECRET = "demo-secret"  # noqa: S105 -- shown on purpose: it signs for this demo only


@click.command(
    short_help="Watch one signed task from upload to result.",
    epilog="Example: wiro-mock demo, or without a terminal: wiro-mock demo | grep ^task_",
)
def demo() -> None:
    """Watch one signed image-caption task, from the upload to the downloaded result, against a fake Wiro.

    Takes about six seconds, needs no network, and leaves nothing behind.
    """
    import httpx
    from websockets.exceptions import WebSocketException

    from wiro_mock.commands.demo_client import Client, Trouble
    from wiro_mock.commands.demo_views import view

    try:
        with _server() as (url, socket_url), Client(url, socket_url, KEY, SECRET) as client:
            _play(client, view())
    except (OSError, httpx.HTTPError, WebSocketException, Trouble) as error:
        if isinstance(error, BrokenPipeError):
            raise
        message = f"the demo came to grief: {error or type(error).__name__}; try once more, or see wiro-mock serve"
        raise click.ClickException(message) from None


@contextlib.contextmanager
def _server() -> Iterator[tuple[str, str]]:
    """A server of its own, for as long as the block runs; its origin and its socket's address.

    On a machine so busy that the registration comes late, it gets the frames that it has missed: the demo shows all.
    """
    from wiro_mock.api import Profile
    from wiro_mock.asgi import create_app
    from wiro_mock.kernel.account import Project
    from wiro_mock.mock import World
    from wiro_mock.server import ServerThread
    from wiro_mock.settings import Settings

    project = Project(id="699", key=KEY, secret=SECRET, key_only=False)
    world = World(Settings(time="real", project=project, profile=Profile(replay="full")))
    try:
        with ServerThread(create_app(world)) as server:
            yield server.url, server.socket_url
    finally:
        world.close()


def _play(client: Client, show: View) -> None:
    show.title(f"A fake Wiro listens on {client.url}, in this process. Nothing leaves your machine.")
    show.step("Open the socket before the run, so that no frame is missed.")
    show.sent(f"GET {client.socket_url}, upgraded to a WebSocket (no credentials: the task's token will do)")
    with client.follow() as follower:
        show.frame(0.0, follower.first())
        token = _run(client, follower, show)
        show.step("Register on the socket, and follow the task to its end.")
        show.sent(follower.registration)
        for at, frame in follower.frames(show.wait):
            show.frame(at, frame)
    task = _ask(client, token, show)
    _download(client, task["outputs"][0], show)
    show.step("What happened, and when: seconds since the run was answered.")
    show.timeline(follower.seen)
    show.step("Next: wiro-mock serve", "and point your own client at the addresses that it prints.")


def _run(client: Client, follower: Follower, show: View) -> str:
    """Run the model; the task's token. Registers at once, because the queue is short."""
    picture, fields = _picture(), " ".join(f"{name}={value}" for name, value in PARAMETERS.items())
    show.step("Sign, upload a picture, and run the model: all in one multipart request.")
    nonce, signature = client.signature()
    show.note(f"x-signature = hex of HMAC-SHA256(key: API key {KEY!r}, message: API secret + nonce {nonce})")
    show.sent(f"POST {client.url}/v1/Run/{MODEL}")
    show.detail(f"x-api-key: {KEY} · x-nonce: {nonce} · x-signature: {signature[:16]}…")
    show.detail(f"inputImage=@{PICTURE} ({len(picture)} bytes) {fields}")
    run = client.run(MODEL, PICTURE, picture, PARAMETERS, (nonce, signature))
    token: str = run["socketaccesstoken"]
    follower.register(token)
    show.received(f"task {run['taskid']}, to be followed with the token {token}")
    return token


def _ask(client: Client, token: str, show: View) -> dict[str, Any]:
    """The task as Detail answers it, the sum of its bill included."""
    show.step("Ask once how it stands; without a socket, every few seconds.")
    show.sent(f'POST {client.url}/v1/Task/Detail {{"tasktoken": "{token}"}}')
    task = client.detail(token)
    show.received(f"status {task['status']}, exit code (pexit) {task['pexit']}, {len(task['outputs'])} output")
    seconds, price, total = task["elapsedseconds"], task["cps"], task["totalcost"]
    show.detail(f"elapsedseconds {seconds} x cps {price} = totalcost {total} USD")
    show.detail(f"inputImage became {task['parameters']['inputImage']}")
    return task


def _download(client: Client, output: dict[str, Any], show: View) -> None:
    show.step("Download the output: a plain URL, without credentials.")
    show.sent(f"GET {output['url']}")
    text = client.download(output["url"])
    show.received(f"{output['name']}, {output['contenttype']}, {output['size']} bytes:")
    show.result(text.strip())


def _picture() -> bytes:
    from wiro_mock.language.media import png

    return png(512, 512, "#e0a458")
