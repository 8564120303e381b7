"""What a tester is told who asks for something that cannot be had: one sentence with the way out."""

from __future__ import annotations


class WaitsForEver(AssertionError):
    """A client that would never come to an end: it waits without a timeout for what never comes."""


class Misuse(Exception):
    """The mock was used in a way that cannot work; the message says what, where and what to do instead."""
