"""The ways in which the engine server says no: to its caller, or to who starts it."""

from __future__ import annotations


class CannotStart(Exception):
    """The server cannot start; the message is one sentence: the thing, the place, the way out."""


class BadAsk(Exception):
    """A request that cannot be played; the message says why, `status` is HTTP's."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Failure(Exception):
    """What went wrong inside an engine, for one request; `status` is HTTP's: 507 where memory ran out."""

    def __init__(self, message: str, *, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


LONGEST = 300
"""So many characters of an error of somebody else's are repeated."""


def told(error: BaseException) -> str:
    """An error of torch's or of remote code's in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:LONGEST]


def out_of_memory(error: BaseException) -> bool:
    """Whether it says that the device has no memory left; by name, since torch need not be imported to ask."""
    return "OutOfMemory" in type(error).__name__ or isinstance(error, MemoryError)


def beyond_repair(error: BaseException) -> bool:
    """Whether the device's context is broken: after such an error every further call on it fails, too.

    torch 2.8 and later raise `AcceleratorError`; earlier and inside libraries it is a RuntimeError that says so.
    """
    if out_of_memory(error):
        return False
    return type(error).__name__ == "AcceleratorError" or "CUDA error" in str(error) or "CUBLAS_STATUS" in str(error)


def as_failure(error: BaseException) -> Failure:
    """The failure that a request is told of."""
    if isinstance(error, Failure):
        return error
    if out_of_memory(error):
        return Failure(
            f"out of memory on the device: {told(error)}; fewer --slots or a shorter --length leave room", status=507
        )
    return Failure(told(error))
