"""The upstream's addresses and ours: what an answer calls by the one is called by the other on its way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

ELSEWHERE: Final = "/__files"
"""Below it, a file of the upstream's other hosts: /__files/https/cdn1.wiro.ai/a.png"""
_NETLOC: Final = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_ORIGIN: Final = re.compile(r"(https?)://([A-Za-z0-9.-]+(?::[0-9]{1,5})?)(?=[/\"?#\\])")


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the API is, such as `https://api.wiro.ai/v1`, and the socket."""

    url: str
    socket: str

    @property
    def origin(self) -> str:
        """Scheme and host."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def is_its(self, netloc: str) -> bool:
        """Whether a host belongs to the upstream: its own, or one under the same domain (cdn1.wiro.ai)."""
        if not _NETLOC.fullmatch(netloc):
            return False  # of `evil.com#.wiro.ai` the host is another one
        own = urlsplit(self.url)
        return netloc == own.netloc or (bool(domain := _domain(own.hostname or "")) and netloc.endswith(f".{domain}"))

    def to_ours(self, text: str, ours: str) -> str:
        """A text with our addresses in place of the upstream's."""

        def ours_of(found: re.Match[str]) -> str:
            if found[0] == self.origin:
                return ours
            return f"{ours}{ELSEWHERE}/{found[1]}/{found[2]}" if self.is_its(found[2]) else found[0]

        return _ORIGIN.sub(ours_of, text)

    def to_theirs(self, data: bytes, ours: str) -> bytes:
        """A request's body with the upstream's addresses in place of ours."""
        origin = re.escape(ours.encode())
        elsewhere = origin + re.escape(ELSEWHERE.encode()) + rb"/(https?)/([A-Za-z0-9.:-]+)(?=/)"
        data = re.sub(elsewhere, rb"\1://\2", data)
        return re.sub(origin + rb"(?=/)", self.origin.encode(), data)

    def of_path(self, path: str) -> str | None:
        """The URL at the upstream of a path here; None where it is none of its hosts."""
        if path.startswith(f"{ELSEWHERE}/"):
            scheme, _, rest = path.removeprefix(f"{ELSEWHERE}/").partition("/")
            netloc = rest.partition("/")[0]
            return f"{scheme}://{rest}" if scheme in ("http", "https") and self.is_its(netloc) else None
        base = urlsplit(self.url).path.rstrip("/")
        if path.startswith("/v1/"):
            return f"{self.origin}{base}{path.removeprefix('/v1')}"
        return f"{self.origin}{path}"


def _domain(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        labels = host.split(".")
        return ".".join(labels[-2:]) if len(labels) > 1 else ""
    return ""
