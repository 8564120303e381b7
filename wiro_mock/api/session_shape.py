"""A realtime session on the wire: binary frames both ways, and what a turn has cost.

A binary frame is the token in UTF-8, a pipe, and the samples; it is split at the first pipe (socket.md §5). A token has
no pipe in it, and the samples are two bytes each: whatever is not so is dropped, with a reason for the tester.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wiro_mock.kernel.audio import SAMPLE
from wiro_mock.kernel.events import TurnCharged

if TYPE_CHECKING:
    from wiro_mock import shapes

PIPE: Final = b"|"
TOKEN_LENGTH: Final = 200
LARGEST: Final = 8 << 20
"""Bytes of a binary frame; what is larger is dropped (the SDKs' own limit, socket.md §2.1)."""
FRAME: Final = "send TOKEN|PCM16, 24 kHz, mono, little-endian"


class NoAudio(ValueError):
    """A binary message that is none; its text says why."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A binary frame of a client."""

    token: str
    pcm: bytes


def read(data: bytes) -> Audio:
    """What a client sent. Raises `NoAudio`."""
    if len(data) > LARGEST:
        raise NoAudio(f"a binary message of {len(data)} bytes, beyond the {LARGEST >> 20} MiB of the clients of Wiro")
    head, pipe, pcm = data[: TOKEN_LENGTH + 1].partition(PIPE)
    if not pipe:
        raise NoAudio(f"a binary message of {len(data)} bytes without a pipe behind its token; {FRAME}")
    pcm = data[len(head) + 1 :]
    try:
        token = head.decode("ascii")
    except UnicodeDecodeError:
        raise NoAudio(f"a binary message that begins with no token, but with other bytes; {FRAME}") from None
    if not token:
        raise NoAudio(f"a binary message that begins with a pipe, without a token before it; {FRAME}")
    if len(pcm) % SAMPLE:
        raise NoAudio(f"audio of {len(pcm)} bytes, an odd number, where a sample has two; {FRAME}")
    if not pcm:
        raise NoAudio(f"audio without a single sample; {FRAME}")
    return Audio(token, pcm)


def binary(token: str, pcm: bytes) -> bytes:
    """A binary frame."""
    return token.encode("ascii") + PIPE + pcm


def costed(frame: shapes.Frame, event: TurnCharged) -> shapes.Frame:
    """`task_cost` with its own keys: two numbers, and a usage that is the provider's own (socket.md §5)."""
    frame["turnCost"], frame["cumulativeCost"] = float(event.cost), float(event.total)
    frame["usage"] = dict(event.usage)
    return frame
