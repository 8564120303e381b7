"""The bytes of outputs, from the upstream's own hosts only; what breaks off is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import httpx

from wiro_mock.recorder.places import Upstream

MOST: Final = 64 << 20
"""Bytes of one output that are kept."""
PAUSES: Final = (0.1, 0.5)
"""Seconds before another try, where the first ones broke."""
OK: Final = 200


class _NotHad(Exception):
    """Why an output cannot be had; `is_final` where another try would end alike."""

    def __init__(self, why: str, *, is_final: bool) -> None:
        super().__init__(why)
        self.is_final = is_final


async def fetched(http: httpx.AsyncClient, upstream: Upstream, url: str, tell: Callable[[str], None]) -> bytes | None:
    """The bytes at a URL; None where they cannot be had, which is told."""
    try:
        netloc = httpx.URL(url).netloc.decode()
    except httpx.InvalidURL:
        netloc = ""
    if not upstream.is_its(netloc):
        tell("an output lies on no host of the upstream's; its bytes are not recorded")
        return None
    for pause in (*PAUSES, None):
        try:
            return await _once(http, url)
        except _NotHad as complaint:
            if pause is None or complaint.is_final:
                tell(f"an output could not be fetched ({complaint}); its bytes are not recorded")
                return None
        await asyncio.sleep(pause)
    return None


async def _once(http: httpx.AsyncClient, url: str) -> bytes:
    data = bytearray()
    try:
        async with http.stream("GET", url) as answer:
            if answer.status_code != OK:
                is_final = answer.status_code < 500 and answer.status_code != 429
                raise _NotHad(f"status {answer.status_code}", is_final=is_final)
            async for piece in answer.aiter_bytes():
                data += piece
                if len(data) > MOST:
                    raise _NotHad(f"more than {MOST >> 20} MiB", is_final=True)
    except httpx.HTTPError as error:
        raise _NotHad(type(error).__name__, is_final=isinstance(error, httpx.DecodingError)) from None
    return bytes(data)
