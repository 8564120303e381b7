"""The world: a simulation and a clock, the scenarios, the journal and the bytes, under one lock.

The only room that knows both a clock and a simulation. It holds no rule of Wiro's: those are in the kernel and in the
API. Every command and query begins by settling to the clock's present, so that nothing runs in the background unless
somebody follows (see `pump`).

`world` has what can be asked of it; `state` what it consists of, and how time passes in it; `requests` plays what comes
over HTTP, `runs` finds the scenario of a run, `polling` lets pass what a poll is worth.
"""

from wiro_mock.mock.requests import REQUEST_ID
from wiro_mock.mock.world import World

__all__ = ["REQUEST_ID", "World"]
