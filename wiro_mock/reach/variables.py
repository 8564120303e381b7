"""The variables by which a command finds the mock, and the proxies that must not stand between them.

What an HTTP client knows as "no proxy" is a list of names with a convention of its own in every stack; here only what
all of them understand is written: names and addresses, no globs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wiro_mock.reach.trust import Trust

LOOPBACK = ("localhost", "127.0.0.1", "::1")
NO_PROXY = ("NO_PROXY", "no_proxy")
"""Both spellings: curl reads either, Go the first that is set, Python's urllib the lower case."""

PROXIED = ("https", "http", "wss", "ws")
"""Schemes with a variable, in both spellings: curl reads only the lower `http_proxy`, aiohttp asks for sockets' too."""
JAVA = "JAVA_TOOL_OPTIONS"
"""Read by every Java of version 5 or later, which says so on stderr."""
JAVA_PASSWORD = "changeit"  # noqa: S105 -- what Java's own trust store has; nothing in it is secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a mock is, and who may use it: `origin` such as `http://127.0.0.1:4747`. `secret` is empty where none is
    needed.
    """

    origin: str
    key: str
    secret: str

    @property
    def api(self) -> str:
        """The base of the API."""
        return f"{self.origin}/v1"

    @property
    def socket(self) -> str:
        """The socket's address."""
        return f"ws{self.origin.removeprefix('http')}/v1"


def of_place(place: Place) -> dict[str, str]:
    """What a client needs to know of a mock."""
    return {
        "WIRO_API_KEY": place.key,
        "WIRO_API_SECRET": place.secret,
        "WIRO_BASE_URL": place.api,
        "WIRO_SOCKET_URL": place.socket,
        "WIRO_MOCK_URL": place.origin,
    }


def past_proxies(environ: Mapping[str, str], *, intercepted: bool = False) -> dict[str, str]:
    """`NO_PROXY` in both spellings: loopback is reached without a proxy, besides what the environment says.

    Where Wiro's hosts are `intercepted`, nothing stays in it that would let them past the proxy.
    """
    given = next((environ[name] for name in NO_PROXY if environ.get(name)), "")
    kept = [name for entry in given.split(",") if (name := entry.strip())]
    if intercepted:
        kept = [name for name in kept if not frees_wiro(name)]
    value = ",".join(dict.fromkeys([*kept, *LOOPBACK])) if "*" not in kept else "*"
    return dict.fromkeys(NO_PROXY, value)


def frees_wiro(entry: str) -> bool:
    """Whether an entry of `NO_PROXY` covers a host of Wiro's: all hosts, a parent of its name, itself, or a part."""
    name = entry.lower().rsplit(":", 1)[0].lstrip("*.").rstrip(".")
    return name in {"", "ai", "wiro.ai"} or name.endswith(".wiro.ai")


def of_trust(environ: Mapping[str, str], trust: Trust) -> dict[str, str]:
    """What makes the common stacks trust the mock's authority; see the guide for who reads which."""
    made = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(trust.bundle))
    made["NODE_EXTRA_CA_CERTS"] = str(trust.extra)
    made["PHP_INI_SCAN_DIR"] = f"{environ.get('PHP_INI_SCAN_DIR', '')}{os.pathsep}{trust.php}"
    if trust.store is not None:
        store = {"trustStore": trust.store, "trustStoreType": "PKCS12", "trustStorePassword": JAVA_PASSWORD}
        made[JAVA] = _java(environ, {f"javax.net.ssl.{name}": str(value) for name, value in store.items()})
    return made


def of_proxy(environ: Mapping[str, str], host: str, port: int) -> dict[str, str]:
    """What leads the common stacks through the mock's proxy. `NO_PROXY` is of `past_proxies`."""
    url = f"http://{host}:{port}"
    made = {name: url for scheme in PROXIED for name in (f"{scheme.upper()}_PROXY", f"{scheme}_proxy")}
    made["NODE_USE_ENV_PROXY"] = "1"
    given = {
        f"{scheme}.{name}": value
        for scheme in ("https", "http")
        for name, value in (("proxyHost", host.strip("[]")), ("proxyPort", str(port)))
    }
    made[JAVA] = _java(environ, given)
    return made


def _java(environ: Mapping[str, str], properties: Mapping[str, str]) -> str:
    """Java's options with these besides."""
    ours = (f"-D{name}={value}" for name, value in properties.items())
    return " ".join([*filter(None, [environ.get(JAVA, "")]), *ours])
