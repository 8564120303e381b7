"""Backends: a program of your own, or a real model, behind the tasks that a scenario would play otherwise.

A backend is a plain callable, `run(job) -> Iterator[Event]`. It is called in a thread of its own; what it yields
happens to the task at that instant, and what need not be said (the way to the start, the end) is filled in. The
README beside this file builds one from nothing. Nothing heavy is imported here.
"""

from __future__ import annotations

from wiro_mock.backends.checking import BrokenContract, check_backend
from wiro_mock.backends.finding import GROUP, find
from wiro_mock.backends.job import Backend, BackendError, Input, Job

__all__ = ["GROUP", "Backend", "BackendError", "BrokenContract", "Input", "Job", "check_backend", "find"]
