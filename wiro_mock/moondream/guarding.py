"""What fails in an engine's thread fails requests, and not the thread; only a broken device ends the server."""

from __future__ import annotations

from collections.abc import Callable

from wiro_mock.moondream.refusals import Failure, as_failure, beyond_repair, out_of_memory

Broken = Callable[[BaseException], None]
"""Called when the device cannot be used any more."""


def nothing(error: BaseException) -> None:
    """For who does not care."""


STOPPING = Failure("the server is stopping", status=503)


def guarded(play: Callable[[], None], broken: Broken) -> Failure | None:
    """Play; the failure to tell, if there is one. Memory is given back only once the error holds none of it."""
    try:
        play()
    except Exception as error:
        failure, full, dead = as_failure(error), out_of_memory(error), beyond_repair(error)
    else:
        return None
    if dead:
        failure = Failure(f"the device is broken and the server ends: {failure}")
        broken(failure)
    if full:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return failure
