"""Whom to trust on the internet; read once, for it takes longer than a request."""

from __future__ import annotations

import ssl
from functools import cache

import certifi


@cache
def certificates() -> ssl.SSLContext:
    """The context for every client of ours."""
    return ssl.create_default_context(cafile=certifi.where())
