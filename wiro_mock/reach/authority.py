"""The throw-away certificate authority of one user, by which the mock can speak TLS under Wiro's names.

It lies in a folder that only its user may read, lives for a week, and is made anew when it is about to end. Its own
certificate says which names it may sign for (RFC 5280 §4.2.1.10): Wiro's, this machine's, and those that were asked for
by `--tls-name`. So even where its key is stolen, nobody can play another site with it.

Needs the extra `tls`, which is imported in functions only.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from cryptography import x509
    from trustme import CA

FOLDER = "WIRO_MOCK_CA_DIR"
"""The variable that names another folder than the user's own."""
LIFE = timedelta(days=7)
RENEWED_BEFORE = timedelta(days=1)
SKEW = timedelta(hours=1)
"""A container's clock may be late: certificates count from before they were made."""
WIRO_NAMES = ("wiro.ai", "*.wiro.ai")
OWN_NAMES = ("localhost", "127.0.0.1", "::1")
_MAY_SIGN = ("wiro.ai", "localhost")  # as a constraint, each with all below it
_MAY_SIGN_NETS = ("127.0.0.0/8", "::1/128")
MISSING = "TLS needs the extra tls, which is not installed; pip install 'wiro-mock[tls]'"


class NoTls(Exception):
    """TLS is not to be had; the message says why, and what helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where an authority lies."""

    folder: Path

    @classmethod
    def of_user(cls) -> Self:
        """The folder of this user: `$WIRO_MOCK_CA_DIR`, or the one that the system has for such things.

        Raises `NoTls` where there is none.
        """
        import click

        folder = Path(os.environ.get(FOLDER) or Path(click.get_app_dir("wiro-mock")) / "ca")
        try:
            folder = folder.expanduser()
        except RuntimeError:  # a number without a name and a HOME, as containers have it
            raise NoTls(f"the CA has no place, for this user has no home; ${FOLDER} names one") from None
        return cls(folder=folder)

    @property
    def certificate(self) -> Path:
        """What clients are to trust."""
        return self.folder / "ca.pem"

    @property
    def key(self) -> Path:
        """What never leaves the machine."""
        return self.folder / "ca-key.pem"

    def remove(self) -> bool:
        """Delete everything; whether there was anything."""
        there = self.folder.exists()
        shutil.rmtree(self.folder, ignore_errors=True)
        return there


class Authority:
    """A certificate authority that may sign for Wiro's names, this machine, and `names`."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        trustme = need_tls()
        self.pem = certificate
        self._key = key
        self._ca: CA = trustme.CA.from_pem(certificate, key)
        self.x509 = _read(certificate)

    @classmethod
    def made(cls, names: Sequence[str] = (), *, now: datetime | None = None) -> Self:
        """A fresh one, which lies nowhere yet. Raises `NoTls`."""
        need_tls()
        return cls(*_make(names, now or datetime.now(UTC)))

    @classmethod
    def of_user(cls, names: Sequence[str] = (), *, files: Files | None = None, tell: Callable[[str], None]) -> Self:
        """That of this user; made, or made anew, where there is none that lasts and may sign for `names`.

        Raises `NoTls`.
        """
        need_tls()
        files = files or Files.of_user()
        try:
            with _locked(files.folder):
                return cls._kept(files, names, tell)
        except OSError as error:
            raise NoTls(
                f"the CA cannot be kept in {files.folder}: {error.strerror}; ${FOLDER} names another folder"
            ) from None

    def was_replaced(self) -> bool:
        """Whether another one lies in this user's folder now. Where there is none, what runs trusts this one still."""
        try:
            return Files.of_user().certificate.read_bytes() != self.pem
        except (OSError, NoTls):
            return False

    @classmethod
    def _kept(cls, files: Files, names: Sequence[str], tell: Callable[[str], None]) -> Self:
        found = cls.found(files)
        if found is not None and found.lasts() and found.may_sign(names):
            return found
        if found is not None:
            why = "has expired" if not found.lasts() else f"may not sign for {', '.join(names)}"
            tell(f"the CA in {files.folder} {why}: it was made anew; start what trusts the old one again")
            names = [*dict.fromkeys([*found.extra_names(), *names])]
        made = cls.made(names)
        write_whole(files.key, made._key, private=True)
        write_whole(files.certificate, made.pem)
        return made

    @classmethod
    def found(cls, files: Files) -> Self | None:
        """The one that lies there, whatever it is good for; None where there is none, or nothing that can be read."""
        try:
            return cls(files.certificate.read_bytes(), files.key.read_bytes())
        except (OSError, ValueError):
            return None

    @property
    def ends(self) -> datetime:
        """When it expires."""
        return self.x509.not_valid_after_utc

    def lasts(self, now: datetime | None = None) -> bool:
        """Whether it will be good for a while."""
        return (now or datetime.now(UTC)) < self.ends - RENEWED_BEFORE

    def extra_names(self) -> list[str]:
        """The names besides Wiro's and this machine's that it may sign for."""
        from cryptography import x509

        permitted = self.x509.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
        shown = (str(one.value) for one in permitted)
        return [
            text.removesuffix("/32").removesuffix("/128") for text in shown if text not in _MAY_SIGN + _MAY_SIGN_NETS
        ]

    def may_sign(self, names: Sequence[str]) -> bool:
        """Whether its constraints let it sign for all of these."""
        return all(_plain(name) in self.extra_names() or _is_own(name) for name in names)

    def context(self, names: Sequence[str] = ()) -> ssl.SSLContext:
        """TLS for a server under Wiro's names, this machine's, and these."""
        leaf = self._ca.issue_cert(
            *dict.fromkeys([*WIRO_NAMES, *OWN_NAMES, *names]),
            organization_name="wiro_mock",
            organization_unit_name="for tests on this machine only",
            not_before=self.x509.not_valid_before_utc,
            not_after=self.ends,
        )
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(made)
        made.set_alpn_protocols(["http/1.1"])
        # No session tickets: a client that reads and writes in two threads, as the sync client of websockets does, may
        # race with what comes after the handshake, for OpenSSL's connections are not made for two threads at once.
        made.num_tickets = 0
        return made


def need_tls() -> ModuleType:
    """The library that signs. Raises `NoTls` where the extra is not installed."""
    try:
        import trustme
    except ImportError:
        raise NoTls(MISSING) from None
    return trustme


def checked_name(name: str) -> str:
    """A name or an address that a certificate may have. Raises `ValueError`."""
    plain = _plain(name)
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(plain))
    labels = plain.removeprefix("*.").split(".")
    fits = all(
        0 < len(one) < 64 and one.replace("-", "a").isalnum() and one.isascii() and one.strip("-") == one
        for one in labels
    )
    if not fits or len(plain) > 250:
        raise ValueError(f"a name of a certificate is a host's, such as wiro-mock or *.wiro.test, not {name!r}")
    return plain


def _plain(name: str) -> str:
    return name.strip().lower().rstrip(".").strip("[]")


def _is_own(name: str) -> bool:
    """Whether every authority may sign for it."""
    plain = _plain(name)
    try:
        return ipaddress.ip_address(plain).is_loopback
    except ValueError:
        return any(plain == own or plain.endswith(f".{own}") for own in _MAY_SIGN)


def _read(pem: bytes) -> x509.Certificate:
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem)


def _make(names: Sequence[str], now: datetime) -> tuple[bytes, bytes]:
    """A certificate and its key: trustme's own lives for ever and may sign for everything."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "wiro_mock"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, f"throw-away CA for tests, made {now:%Y-%m-%d %H:%M:%S}"),
        ]
    )
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    usage |= {"key_cert_sign": True, "crl_sign": True, "encipher_only": False, "decipher_only": False}
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_constraints(names), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), private


def _constraints(names: Sequence[str]) -> x509.NameConstraints:
    from cryptography import x509

    permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in _MAY_SIGN]
    permitted += [x509.IPAddress(ipaddress.ip_network(net)) for net in _MAY_SIGN_NETS]
    for name in dict.fromkeys(_plain(name).removeprefix("*.") for name in names if not _is_own(name)):
        try:
            permitted.append(x509.IPAddress(ipaddress.ip_network(name)))
        except ValueError:
            permitted.append(x509.DNSName(name))
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file in one go: a reader sees the old one or the new one."""
    number, name = tempfile.mkstemp(dir=path.parent)  # only its user may read it
    with os.fdopen(number, "wb") as file:
        file.write(data)
    if not private:
        Path(name).chmod(0o644)
    Path(name).replace(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """With the folder there, private, and to oneself."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        with contextlib.suppress(ImportError):  # Windows has none of it
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
