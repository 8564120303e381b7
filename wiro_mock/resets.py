"""Ending a TCP connection by a RST, which no event loop has a word for."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import Any


def reset(transport: asyncio.BaseTransport) -> None:
    """End a connection by a RST: what lingers is thrown away, and the peer is told so."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # A socket of our own over the same connection: uvloop's and asyncio's are only to be looked at.
        with socket.socket(fileno=os.dup(sock.fileno())) as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    abort: Any = getattr(transport, "abort", transport.close)
    abort()
