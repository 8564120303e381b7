"""What a port lets in besides plain HTTP: TLS, and a proxy for Wiro's hosts. And whom the proxy leads elsewhere.

Wiro's hosts are never led anywhere: they are answered here, or nowhere. Everything else is tunnelled for this machine,
and for others only where it was named.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from wiro_mock.api.origin import is_wiro
from wiro_mock.reach.authority import Authority
from wiro_mock.text import printable

NONE = "none"
MOST_TUNNELS = 256
MOST_TOLD = 100
"""So many different things about clients are told, each once: a client that tries for ever would fill the log."""
UNTRUSTING = ("UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "BAD_CERTIFICATE", "UNKNOWN")
"""What TLS calls the alert of a client that does not trust us: each library has a word of its own."""
VARIABLES = {
    "node": "NODE_EXTRA_CA_CERTS",
    "axios": "NODE_EXTRA_CA_CERTS",
    "undici": "NODE_EXTRA_CA_CERTS",
    "python-requests": "REQUESTS_CA_BUNDLE",
    "curl": "CURL_CA_BUNDLE",
    "java": "JAVA_TOOL_OPTIONS",
    "go-http": "SSL_CERT_FILE",
    "python": "SSL_CERT_FILE",
}
"""By how a stack calls itself in its CONNECT, the variable that it reads."""


class Doors:
    """How a port is opened. `tls`: it speaks TLS; `proxy`: it is a proxy for Wiro's hosts, besides plain HTTP.

    `tunnel` are globs of hosts that the proxy leads on to for everybody (`none`: to none), without any for this
    machine to all. `renew` makes an authority when it is first needed, when that has expired, and when it was
    `replaced`; `names` are in the certificate besides Wiro's.
    """

    def __init__(
        self,
        *,
        tls: bool = False,
        proxy: bool = False,
        tunnel: Sequence[str] = (),
        names: Sequence[str] = (),
        renew: Callable[[], Authority],
        replaced: Callable[[Authority], bool] = lambda _: False,
        tell: Callable[[str], None],
    ) -> None:
        self.tls = tls
        self.proxy = proxy
        self.tunnels = 0
        self._tunnel = tuple(glob.lower() for glob in tunnel)
        self._names = names
        self._renew = renew
        self._replaced = replaced
        self._tell = tell
        self._told: set[str] = set()
        self._authority: Authority | None = None
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """TLS under Wiro's names, of an authority that lasts. Raises `NoTls`."""
        if self._authority is not None and self._replaced(self._authority):
            self.tell("another CA has taken the place of the old one; start again what trusts that one")
            self._authority = None
        if self._context is None or self._authority is None or not self._authority.lasts():
            self._authority = self._renew()
            self._context = self._authority.context(self._names)
        return self._context

    def refusal(self, host: str, peer: str) -> str:
        """Why a proxy does not lead this client to this host, in one sentence; empty where it does."""
        name = host.lower().rstrip(".")
        if is_wiro(name):
            return f"{printable(host)} is answered here, and nowhere else"
        if self.tunnels >= MOST_TUNNELS:
            return f"{MOST_TUNNELS} tunnels are open, and no more are; close some"
        if self._tunnel:
            if any(fnmatchcase(name, glob) for glob in self._tunnel if glob != NONE):
                return ""
            return f"{printable(host)} is none of the hosts of --tunnel, so it is not reached from here; add it there"
        if is_loopback(peer):
            return ""
        return f"{printable(host)} is reached for this machine only; --tunnel {printable(host)} lets others, too"

    def inner_refusal(self, host: str, address: str, peer: str) -> str:
        """Why somebody on another machine is not led to this address, which a host turned out to have; empty where he
        is. What this machine alone can reach (its loopback, and the metadata of a cloud) is meant by its own name only.
        """
        if is_loopback(peer) or not _is_inner(address) or host.lower().rstrip(".") in self._tunnel:
            return ""
        shown = printable(host)
        return (
            f"{shown} is {address}, which is this machine's alone; --tunnel {shown}, without a glob, lets others, too"
        )

    def untrusted(self, host: str, agent: str, error: Exception) -> None:
        """A client broke off the handshake: say why, and which variable helps."""
        reason = getattr(error, "reason", "") or ""
        if any(word in reason for word in UNTRUSTING):
            variable = next((value for key, value in VARIABLES.items() if key in agent.lower()), "")
            way = f"set {variable} as" if variable else "set the variables of its stack as"
            said = f"{host}: a client does not trust the CA of wiro_mock ({_words(reason)}); {way} wiro-mock ca --env"
        elif isinstance(error, ssl.SSLError):
            said = f"{host}: a client's TLS failed: {_words(reason) or error}; look at the TLS versions that it speaks"
        else:
            said = (
                f"{host}: a client broke off TLS without a word, as some do that do not trust the CA of wiro_mock; "
                "wiro-mock ca --env has the variables"
            )
        self.tell(said)

    def tell(self, line: str) -> None:
        """Tell the tester, once."""
        if line not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(line)
            self._tell(printable(line))


def _words(reason: str) -> str:
    return reason.lower().replace("_", " ")


def is_loopback(address: str) -> bool:
    """Whether this is this machine."""
    one = _address(address)
    return one is not None and one.is_loopback


def _is_inner(address: str) -> bool:
    """Whether only this machine reaches it: itself, and its link, where clouds have their metadata."""
    one = _address(address)
    return one is None or one.is_loopback or one.is_link_local or one.is_unspecified


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        one = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(one, "ipv4_mapped", None) or one
