"""Seeded ids: every id is derived from a seed and from what it names.

Nothing is drawn from a shared stream, so an id does not depend on what else happened before it.
That is what keeps the law of splitting true (advancing in pieces gives the same ids as advancing at once);
design.md passes a `random.Random` around instead, and this is the simpler thing that came out of it.
"""

from __future__ import annotations

from hashlib import blake2b

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN_LENGTH = 30
_PAIRS = [low + high for high in ALPHABET for low in ALPHABET]
"""Two digits at a time, the lower one first."""


def derive(seed: str, *path: str | int) -> int:
    """A 256-bit number that depends on nothing but the seed and the path."""
    name = "/".join(map(str, (seed, *path))).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=32).digest(), "big")


def token(seed: str, *path: str | int) -> str:
    """Thirty characters of `[A-Za-z0-9]`, at least one of them a letter.

    The letter matters: a Go client sends an all-digit value as `taskid` (clients.md §1 line 1).
    Socket access tokens and access keys have this form (rest.md §3, §7.3).
    """
    number = derive(seed, *path)
    text = ""
    for _ in range(TOKEN_LENGTH // 2):
        number, pair = divmod(number, len(_PAIRS))
        text += _PAIRS[pair]
    return token(seed, *path, "again") if text.isdigit() else text


def hex32(seed: str, *path: str | int) -> str:
    """Thirty-two lower-case hex digits: the id of a file or a folder (rest.md §3)."""
    return f"{derive(seed, *path):064x}"[:32]


def cdn_folder(seed: str, *path: str | int) -> str:
    """Eight groups of eight hex digits joined by dashes: the folder of an output's URL (rest.md §7.3)."""
    digits = f"{derive(seed, *path):064x}"
    return "-".join(digits[start : start + 8] for start in range(0, 64, 8))


def uuid(seed: str, *path: str | int) -> str:
    """A version 4 uuid in the usual form: 8-4-4-4-12 hex digits."""
    digits = hex32(seed, *path)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def decimal(seed: str, *path: str | int, low: int, high: int) -> int:
    """A whole number in `low <= n < high`."""
    return low + derive(seed, *path) % (high - low)
