"""The origin in the URLs of an answer: that of the request being answered, except for Wiro's own hosts.

A client that reached the mock under Wiro's names (respx, interception, a hosts file) gets Wiro's own URLs:
`https://api.wiro.ai` for inputs, `https://cdn1.wiro.ai` for outputs.
"""

from __future__ import annotations

import re
from typing import NamedTuple

WIRO = "https://api.wiro.ai"
WIRO_CDN = "https://cdn1.wiro.ai"
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")


class Origins(NamedTuple):
    """Where input files are, and where outputs and uploads are: two origins without a trailing slash."""

    api: str
    cdn: str


def origins(origin: str) -> Origins:
    """Both origins that belong to a request's one."""
    return Origins(WIRO, WIRO_CDN) if origin == WIRO else Origins(origin, origin)


def origin_of(scheme: str, host: str, *, fallback: str, public_url: str = "") -> str:
    """The origin of a request by its scheme and Host; `fallback` when Host is missing or malformed."""
    if public_url:
        return public_url.rstrip("/")
    name = _host_name(host)
    if name is None:
        return fallback
    if is_wiro(name):
        return WIRO
    return f"{scheme}://{host}"


def is_wiro(name: str) -> bool:
    """Whether the name of a host, in lower case, is one of Wiro's."""
    return name == "wiro.ai" or name.endswith(".wiro.ai")


def checked_origin(url: str) -> str:
    """A public URL without its trailing slash. Raises `ValueError` when it is no origin."""
    scheme, _, host = url.removesuffix("/").partition("://")
    if scheme not in ("http", "https") or _host_name(host) is None:
        raise ValueError(f"a public URL is an origin such as https://wiro.test:8443, not {url!r}; leave the rest out")
    return f"{scheme}://{host}"


def _host_name(host: str) -> str | None:
    """The name in a Host, in lower case; None when it is malformed."""
    match = _HOST.fullmatch(host)
    return None if match is None or int(match[2] or 0) > 65_535 else match[1].lower()
