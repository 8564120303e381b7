"""What each verb does to an answer: a table of functions over a `Wreck`, in the order of the language's table.

First what is answered at all, then its body, its heads, its pace, and how it ends. What a door has to do to the bytes
on their way is written into a `Damage`; no verb does anything itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal

from wiro_mock.api.answers import EXPIRED, JSON_HEADERS
from wiro_mock.api.messages import Damage, Request, Response
from wiro_mock.api.operations import refused
from wiro_mock.kernel.refusals import Refusal

if TYPE_CHECKING:
    from wiro_mock.faults.striking import Strike

TEXT_HEADERS: Final = (("content-type", "text/plain; charset=utf-8"),)
LOOPS_KEPT: Final = 1_000


class Unfit(Exception):
    """A verb cannot be done to this answer, or at this door; the message says why."""


@dataclass(slots=True)
class Wreck:
    """An answer that is being struck. `own` is Wiro's own, None where the operation does not take place."""

    strike: Strike
    request: Request
    own: Response | None
    response: Response
    damage: Damage

    @property
    def value(self) -> Callable[[str], Any]:
        """What was written for a verb."""
        return lambda verb: getattr(self.strike.do, verb)

    @property
    def random(self) -> Random:
        """The noise of this strike."""
        return self.strike.random


def wrecked(strike: Strike, request: Request, own: Response | None) -> Response:
    """What comes of an answer. Raises `Unfit`; then nothing has been changed."""
    # What another fault has done to it already, that of the run's scenario or the other way round, stays done.
    wreck = Wreck(strike, request, own, own or _made(b""), (own and own.damage) or Damage())
    for verb in strike.do.verbs:
        DEEDS[verb](wreck, getattr(strike.do, verb))
    if own is not None and own.chunks is not None and wreck.response.chunks is None:
        _close(own)
    return replace(wreck.response, damage=wreck.damage if wreck.damage != Damage() else None)


# -- what is answered ----------------------------------------------------------------------------------


def _nothing(wreck: Wreck, value: Any) -> None:
    """Said with another verb, or nothing to do."""


def _status(wreck: Wreck, status: int) -> None:
    """No source shows a gateway of Wiro's; the phrase of the status as plain text is our choice."""
    if wreck.strike.do.code is not None:
        return
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Error"
    wreck.response = Response(status=status, headers=TEXT_HEADERS, content=phrase.encode())


def _code(wreck: Wreck, code: int) -> None:
    do = wreck.strike.do
    response, _ = refused(wreck.strike.world, Refusal(code, do.sentence))
    wreck.response = replace(response, status=do.status or 200)


def _redirect_loop(wreck: Wreck, _: bool) -> None:  # noqa: FBT001 -- a row of the table
    """307 keeps the method and the body; the address is one that answers with itself for ever."""
    loops = wreck.strike.faults.loops
    path = f"{wreck.request.path}/redirected-{wreck.strike.fault.number}-{wreck.strike.fault.calls}"
    loops[path] = wreck.strike.operation
    if len(loops) > LOOPS_KEPT:
        del loops[next(iter(loops))]
    wreck.response = redirect(wreck.request.origin, path)


def redirect(origin: str, path: str) -> Response:
    """A redirect to an address here."""
    return Response(status=307, headers=(("location", f"{origin}{path}"), *TEXT_HEADERS), content=b"Redirecting")


def _expired(wreck: Wreck, _: bool) -> None:  # noqa: FBT001
    wreck.response = EXPIRED


# -- its body ------------------------------------------------------------------------------------------


def _garbage(wreck: Wreck, count: int) -> None:
    noise = b"\xff" + wreck.random.randbytes(count - 1)  # no UTF-8 begins so, hence no JSON
    wreck.response = _made(noise, wreck)


def _top_level(wreck: Wreck, what: str) -> None:
    wreck.response = _made({"array": b"[]", "null": b"null"}[what], wreck)


def _bad_json(wreck: Wreck, _: bool) -> None:  # noqa: FBT001
    content = _body(wreck).content
    if not content or dict(wreck.response.headers).get("content-type", "").partition(";")[0] != "application/json":
        raise Unfit("the answer is no JSON")
    wreck.response = replace(wreck.response, content=content[: -max(1, len(content) // 8)])


def _corrupt(wreck: Wreck, count: int) -> None:
    if wreck.response.streams:
        raise Unfit("the answer is a stream, which is made only when it is sent")
    size = size_of(_body(wreck))
    if not size:
        raise Unfit("the answer has no body")
    flips = {at: wreck.random.randrange(1, 256) for at in wreck.random.sample(range(size), min(count, size))}
    response = wreck.response
    if response.chunks is None:
        wreck.response = replace(response, content=b"".join(_flipped((response.content,), flips)))
    else:
        # Not begun yet: where a later verb cannot be done it is thrown away, and Wiro's answer needs its file.
        wreck.response = replace(response, chunks=_flipped(response.chunks, flips))


def _flipped(chunks: Any, flips: Mapping[int, int]) -> Iterator[bytes]:
    at = 0
    try:
        for chunk in chunks:
            inside = [place for place in flips if at <= place < at + len(chunk)]
            changed = bytearray(chunk)
            for place in inside:
                changed[place - at] ^= flips[place]
            at += len(chunk)
            yield bytes(changed)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()


# -- its heads and its pace ----------------------------------------------------------------------------


def _retry_after(wreck: Wreck, seconds: int) -> None:
    wreck.response = _with_header(wreck.response, "retry-after", str(seconds))


def _content_type(wreck: Wreck, kind: str) -> None:
    wreck.response = _with_header(wreck.response, "content-type", kind)


def _latency(wreck: Wreck, chance: Any) -> None:
    wreck.damage = replace(wreck.damage, latency=chance.draw(wreck.strike.draw("latency")))


def _drip(wreck: Wreck, rate: int) -> None:
    if not wreck.response.streams and not size_of(_body(wreck)):
        raise Unfit("the answer has no body")
    wreck.damage = replace(wreck.damage, drip=rate)


# -- its end -------------------------------------------------------------------------------------------


def _ends(how: Literal["reset", "close", "hang"]) -> Callable[[Wreck, Any], None]:
    def deed(wreck: Wreck, _: Any) -> None:
        after = wreck.strike.fault.item.when.after_bytes
        wreck.damage = replace(wreck.damage, end=how, stop_at=after if after is None else _inside(wreck, after))
        _check_door(wreck)

    return deed


def _truncate(wreck: Wreck, at: Any) -> None:
    after = wreck.strike.fault.item.when.after_bytes if at is True else at
    if wreck.response.streams and after is None:
        raise Unfit("nobody knows where the middle of a stream is; say after how many bytes: truncate: 200")
    half = size_of(_body(wreck)) // 2
    wreck.damage = replace(wreck.damage, end="close", stop_at=_inside(wreck, half if after is None else after))
    _check_door(wreck)


def _inside(wreck: Wreck, at: int) -> int:
    if wreck.response.streams:
        return at  # nobody knows yet how long it becomes
    size = size_of(_body(wreck))
    if at >= size:
        raise Unfit(f"the answer has {size} bytes, and it was to end after {at}")
    return at


def _check_door(wreck: Wreck) -> None:
    if not wreck.request.can_break:
        raise Unfit(
            "an ASGI app in somebody else's hands cannot break its connection; serve it with wiro_server or "
            "wiro.serve(), or use wiro_respx"
        )


DEEDS: Final[Mapping[str, Callable[[Wreck, Any], None]]] = {
    "ok": _nothing,
    "status": _status,
    "code": _code,
    "message": _nothing,
    "retry_after": _retry_after,
    "redirect_loop": _redirect_loop,
    "expired": _expired,
    "garbage": _garbage,
    "top_level": _top_level,
    "bad_json": _bad_json,
    "corrupt": _corrupt,
    "content_type": _content_type,
    "latency": _latency,
    "drip": _drip,
    "hang": _ends("hang"),
    "reset": _ends("reset"),
    "disconnect": _ends("close"),
    "truncate": _truncate,
}
"""Every verb that is done to an answer."""


def size_of(response: Response) -> int:
    """The bytes of the body."""
    if response.chunks is None:
        return len(response.content)
    return int(dict(response.headers).get("content-length", "0"))


def _body(wreck: Wreck) -> Response:
    """The answer, where there is a body to be worked on."""
    if wreck.request.method == "HEAD":
        raise Unfit("the answer to HEAD has no body")
    return wreck.response


def _made(content: bytes, wreck: Wreck | None = None) -> Response:
    """An answer of 200 with this body, or that of a status that was made before it."""
    if wreck is not None and wreck.strike.do.status is not None:
        return replace(wreck.response, content=content)
    return Response(headers=JSON_HEADERS, content=content)


def _with_header(response: Response, name: str, value: str) -> Response:
    others = tuple(pair for pair in response.headers if pair[0] != name)
    return replace(response, headers=(*others, (name, value)))


def _close(response: Response) -> None:
    close = getattr(response.chunks, "close", None)
    if close is not None:
        close()
