"""The process around the app: bind, load, say so, serve, stop in order.

The port is taken before the weights are read, so that a port in use is told at once. A signal, or the end of stdin
where that was asked for, lets the requests that are being played come to their ends, for `grace` seconds; a second
signal does not wait. A device that is broken ends the process with status 70, for whoever starts it again.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from wiro_mock.moondream.app import create_app

if TYPE_CHECKING:
    from wiro_mock.moondream.job import Engine

BROKEN = 70
"""The status when the device is broken: a new process may find it mended (sysexits' "internal software error")."""
KEEP_ALIVE_SECONDS = 75

Load = Callable[[Callable[[BaseException], None]], "Engine"]
"""Makes the engine; it is given what to call when the device is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How the process serves."""

    queue: int = 64
    grace: float = 10.0
    stop_at_eof: bool = False
    ready: Callable[[str], None]
    say: Callable[[str], None]


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us: its own way raises them again at the end, and the status would be theirs."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, and say so."""
        await super().startup(sockets)
        self._ready()


class Process:
    """One life of the server; `run` gives its exit status."""

    def __init__(self, sock: socket.socket, load: Load, service: Service) -> None:
        self._sock, self._load, self._service = sock, load, service
        self._status = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: _Server | None = None

    def run(self) -> int:
        """Load and serve until something stops it. Raises what loading raises."""
        began = time.perf_counter()
        engine = self._load(self._broken)
        seconds = time.perf_counter() - began
        gc.enable()  # `cli` has put it to rest for the start
        try:
            asyncio.run(self._serve(engine, seconds))
        finally:
            engine.close()
        return self._status

    async def _serve(self, engine: Engine, load_seconds: float) -> None:
        service = self._service
        app = create_app(engine, queue=service.queue, load_seconds=load_seconds, say=service.say)
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            log_level="critical",
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            # uvicorn counts whole seconds; those who are still there afterwards are cut off.
            timeout_graceful_shutdown=max(1, round(service.grace)),
        )
        host, port = self._sock.getsockname()[:2]
        origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._loop = asyncio.get_running_loop()
        self._server = _Server(config, lambda: service.ready(origin))
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._stop)
        if service.stop_at_eof:
            threading.Thread(target=self._until_eof, name="stdin", daemon=True).start()
        await self._server.serve(sockets=[self._sock])

    def _stop(self) -> None:
        assert self._server is not None
        if self._server.should_exit:
            os._exit(self._status)
        self._server.should_exit = True

    def _until_eof(self) -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        self._from_thread(self._end)

    def _broken(self, error: BaseException) -> None:
        self._service.say(str(error))
        self._status = BROKEN
        self._from_thread(self._end)

    def _end(self) -> None:
        assert self._server is not None
        self._server.should_exit = True

    def _from_thread(self, call: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it is over already
                self._loop.call_soon_threadsafe(call)
