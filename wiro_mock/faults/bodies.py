"""What the verbs do to the body of a webhook: bytes in, pieces of bytes out, the same for every attempt.

A huge body is many times the same piece, so that it costs no memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal

from wiro_mock.api.messages import Damage

if TYPE_CHECKING:
    from wiro_mock.language.fault_actions import Do

PIECE: Final = b"x" * (64 << 10)


def wrecked_body(do: Do, own: bytes, noise: int) -> list[bytes]:
    """The body that is posted in place of Wiro's own, in pieces. `noise` is what is drawn from."""
    random = Random(noise)  # noqa: S311 -- not for secrets
    for verb in do.verbs:
        if verb in BODIES:
            return BODIES[verb](own, getattr(do, verb), random)
    return [own]


def damage_of(do: Do, size: int, after_bytes: int | None) -> Damage:
    """How its bytes go: how fast, and where they end, if before the last (by `after_bytes`, or before the first)."""
    drip = do.drip or 0
    if do.truncate is not None:
        at = after_bytes if do.truncate is True else do.truncate
        return Damage(drip=drip, end="close", stop_at=min(size // 2 if at is None else at, size - 1))
    end: Literal["", "reset", "close", "hang"] = "reset" if do.reset else "close" if do.disconnect else ""
    return Damage(drip=drip, end="hang" if do.hang else end, stop_at=after_bytes and min(after_bytes, size - 1))


def _pexit(own: bytes, value: Any, _: Random) -> list[bytes]:
    """Another exit code than the task's: a failure where it succeeded, and the other way round."""
    shape = json.loads(own)
    for task in shape.get("tasklist", [shape]):
        task["pexit"] = str(value) if value is not True else "1" if task.get("pexit") == "0" else "0"
    return [json.dumps(shape, ensure_ascii=False, separators=(",", ":")).encode()]


def _huge(own: bytes, size: int, _: Random) -> list[bytes]:
    """Still JSON, with a key `padding` of so many bytes that all is of the size."""
    head, tail = own[:-1] + b',"padding":"', b'"}'
    left = max(0, size - len(head) - len(tail))
    return [head, *[PIECE] * (left // len(PIECE)), PIECE[: left % len(PIECE)], tail]


def _corrupt(own: bytes, count: int, random: Random) -> list[bytes]:
    changed = bytearray(own)
    for at in random.sample(range(len(own)), min(count, len(own))):
        changed[at] ^= random.randrange(1, 256)
    return [bytes(changed)]


BODIES: Final[Mapping[str, Callable[[bytes, Any, Random], list[bytes]]]] = {
    "garbage": lambda _, size, random: [random.randbytes(size)],
    "top_level": lambda _, kind, __: [b"[]" if kind == "array" else b"null"],
    "bad_json": lambda own, _, __: [own[:-2]],
    "corrupt": _corrupt,
    "pexit": _pexit,
    "huge": _huge,
}
"""The verbs that make another body."""
