"""A Wiro behind doors, in a thread, with an authority that lies nowhere."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wiro_mock import WiroMock
from wiro_mock.asgi import create_app
from wiro_mock.reach.authority import Authority
from wiro_mock.reach.doors import Doors
from wiro_mock.reach.gateway import without_gateway
from wiro_mock.server import ServerThread

MODEL = "moondream3-preview/caption"


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A Wiro that is reached through a proxy or by TLS; `told` are the lines for its tester."""

    wiro: WiroMock
    thread: ServerThread
    doors: Doors
    ca: Path
    told: list[str]

    @property
    def proxy(self) -> str:
        return f"http://{self.thread.netloc}"

    @property
    def headers(self) -> dict[str, str]:
        return {"x-api-key": self.wiro.api_key}

    def context(self) -> ssl.SSLContext:
        """TLS of a client that trusts it, and nobody else."""
        return ssl.create_default_context(cafile=str(self.ca))


@contextmanager
def reached(
    folder: Path, *, tls: bool = False, proxy: bool = True, tunnel: Sequence[str] = (), time: str = "auto"
) -> Iterator[Reached]:
    authority = Authority.made()
    (folder / "ca.pem").write_bytes(authority.pem)
    told: list[str] = []
    doors = Doors(tls=tls, proxy=proxy, tunnel=tunnel, renew=lambda: authority, tell=told.append)
    wiro = WiroMock(key_only=True, time=time, strict=False)
    app = create_app(wiro.world)
    try:
        with ServerThread(without_gateway(app, app.state.worlds), doors=doors) as thread:
            yield Reached(wiro=wiro, thread=thread, doors=doors, ca=folder / "ca.pem", told=told)
    finally:
        wiro.close()
