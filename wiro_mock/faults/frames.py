"""What the verbs do to frames, and to the connection that carries them: one row of `DEEDS` for each verb.

A connection has one `Wreckage`, through which its frames go on their way out. The log of the task and the conversation
are whole; what is done here is done to the bytes. So a frame that is dropped has been sent, as far as they know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from wiro_mock.language.verbs import FRAMES_WITHOUT, TERMINAL

if TYPE_CHECKING:
    from wiro_mock.faults.armed import Fault
    from wiro_mock.faults.striking import Strike

MOST = 8 << 20
"""Clients' limit of a message (socket.md §2.1); one byte more is too much."""
HELD = 10_000
HELD_BYTES = 16 << 20
"""So many frames, or bytes of them, are held back on a connection; then they come, whatever has not. Ours."""
_BARE = ("id", "message", "result")


@dataclass(frozen=True, slots=True)
class Act:
    """Something else than a frame: wait so many microseconds, close with a code, break off, be silent."""

    kind: Literal["wait", "close", "reset", "disconnect", "hang"]
    value: int = 0


Out: TypeAlias = "str | bytes | Act"


@dataclass(frozen=True, slots=True)
class Struck:
    """A frame that a fault strikes: as text, and as JSON where it is an object."""

    sent: str | bytes
    shape: Mapping[str, Any]
    value: Any

    @property
    def text(self) -> str:
        """As text; a binary frame has none."""
        return self.sent if isinstance(self.sent, str) else ""

    def with_(self, **changes: Any) -> str:
        """The frame with other values under these keys."""
        return json.dumps({**self.shape, **changes}, ensure_ascii=False, separators=(",", ":"))


@dataclass(slots=True)
class Wreckage:
    """What has become of one connection: how many frames it has been sent, what is held back, whether it is over."""

    connection: int
    sent: int = 0
    over: bool = False
    _late: list[Out] = field(default_factory=list)
    _burst: list[Out] | None = None
    _held_bytes: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is wrecked so far."""
        return not (self.over or self._late or self._burst is not None)

    def is_like(self, fault: Fault, kind: str) -> bool:
        """Whether a fault is for a frame of this type, here and now."""
        when = fault.item.when
        if fault.item.opens or when.connection not in (None, self.connection):
            return False
        return when.frame in (None, kind) and (when.after_frames is None or self.sent >= when.after_frames)

    def through(self, frame: str | bytes, kind: str, strike: Strike | None) -> list[Out]:
        """What is to be sent, and done, in place of this frame."""
        if self.over:
            return []
        self.sent += 1
        outs: list[Out] = [frame] if strike is None else self._wrecked(frame, strike)
        if self._late or self._burst is not None:
            self._held_bytes += len(frame)
        return self._held(outs, kind, is_last=strike is None or "reorder" not in strike.do.verbs)

    def _wrecked(self, frame: str | bytes, strike: Strike) -> list[Out]:
        shape = _object(frame)
        outs: list[Out] = [frame]
        for verb in strike.do.verbs:
            if verb == "latency" and strike.do.latency is not None:
                outs = [Act("wait", strike.do.latency.draw(strike.draw("latency"))), *outs]
            elif verb == "reorder":
                self._late, outs = [*self._late, *outs], []
            elif verb == "burst":
                self._burst = self._burst or []
            else:
                outs = list(DEEDS[verb](Struck(frame, shape, getattr(strike.do, verb))))
        self.over = any(isinstance(out, Act) and out.kind != "wait" for out in outs)
        return outs

    def _held(self, outs: list[Out], kind: str, *, is_last: bool) -> list[Out]:
        """The same with what was held back before, or nothing where they are held back too."""
        is_full = len(self._late) + len(self._burst or ()) >= HELD or self._held_bytes >= HELD_BYTES
        if self._late and (is_last or is_full):
            outs, self._late = [*outs, *self._late], []
        if self._burst is not None:
            self._burst += outs
            if kind not in TERMINAL and not is_full and not self.over:
                return []
            outs, self._burst = self._burst, None
        if not self._late:
            self._held_bytes = 0
        return outs


def unfit(strike: Strike, kind: str) -> str:
    """Why a frame of this type cannot be struck; empty where it can."""
    rows = (FRAMES_WITHOUT[verb] for verb in strike.do.verbs if verb in FRAMES_WITHOUT)
    return next((why for frames, why in rows if kind in frames), "")


def kind_of(frame: str | bytes) -> tuple[str, str]:
    """The type of a frame and the id of its task; `binary` for audio, whose task is in its first bytes."""
    if isinstance(frame, bytes):
        return "binary", ""
    shape = _object(frame)
    return str(shape.get("type", "")), str(shape.get("id", ""))


def _object(frame: str | bytes) -> Mapping[str, Any]:
    value = json.loads(frame) if isinstance(frame, str) else {}
    return value if isinstance(value, dict) else {}


def _oversized(frame: Struck) -> list[Out]:
    if frame.value == "binary" or not frame.shape:
        return [_padded((str(frame.shape.get("tasktoken", "")) + "|").encode()), frame.sent]
    return [frame.with_(padding="x" * (MOST + 1 - len(frame.with_(padding="").encode())))]


def _padded(head: bytes) -> bytes:
    return head + bytes(MOST + 1 - len(head))


def _early_end(frame: Struck) -> list[Out]:
    ending = {"success": True, "terminal": True, "exitCode": 0}
    changes = {key: value for key, value in ending.items() if key in frame.shape}
    return (
        [frame.with_(type=TERMINAL[0], message=[], result=True, **changes), frame.sent] if frame.shape else [frame.sent]
    )


def _sparse(frame: Struck) -> list[Out]:
    left = {key: value for key, value in frame.shape.items() if key not in _BARE}
    return [json.dumps(left, ensure_ascii=False, separators=(",", ":"))] if frame.shape else [frame.sent]


def _json_in_string(frame: Struck) -> list[Out]:
    if "message" not in frame.shape:
        return [frame.sent]
    return [frame.with_(message=json.dumps(frame.shape["message"], ensure_ascii=False, separators=(",", ":")))]


DEEDS: Final[Mapping[str, Callable[[Struck], Iterable[Out]]]] = {
    "ok": lambda frame: [frame.sent],
    "hang": lambda _: [Act("hang")],
    "reset": lambda _: [Act("reset")],
    "disconnect": lambda _: [Act("disconnect")],
    "close": lambda frame: [Act("close", frame.value)],
    "drop": lambda _: [],
    "duplicate": lambda frame: [frame.sent, frame.sent],
    "unknown_type": lambda frame: [frame.with_(type=frame.value), frame.sent],
    "early_end": _early_end,
    "oversized": _oversized,
    "top_level": lambda frame: ["[]" if frame.value == "array" else "null"],
    "bad_json": lambda frame: [frame.text[:-2]] if frame.text else [frame.sent],
    "sparse": _sparse,
    "json_in_string": _json_in_string,
}
"""What comes in place of a frame, for each verb but those that concern several frames (see `Wreckage`)."""
