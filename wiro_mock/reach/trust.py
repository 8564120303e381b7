"""The files by which the common stacks are told to trust the mock's authority, besides all that they trust anyway.

Most variables name the one bundle that is trusted, so ours has the system's certificates, too: else nothing but the
mock could be reached. Bundles are named by what is in them, and lie beside the authority, so that `ca --remove` takes
them along.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from wiro_mock.reach.authority import Authority, Files, write_whole
from wiro_mock.reach.variables import JAVA_PASSWORD

USUAL_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/cert.pem",  # macOS, BSD
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """`authority` alone, for what adds to a stack's own trust; `bundle` and Java's `store` have the system's, too.

    `php` is a folder with settings for PHP. `extra` is the authority with what NODE_EXTRA_CA_CERTS named before.
    """

    authority: Path
    bundle: Path
    extra: Path
    php: Path
    store: Path | None = None


def trust(authority: Authority, files: Files, environ: Mapping[str, str], *, java: bool) -> Trust:
    """Write what is not there yet. Raises `OSError`."""
    bundle = _bundle(authority, files, _system(environ))
    before = environ.get("NODE_EXTRA_CA_CERTS", "")
    php = files.folder / f"php-{bundle.stem}"
    if not (php / "wiro-mock.ini").exists():
        php.mkdir(exist_ok=True)
        write_whole(php / "wiro-mock.ini", f'curl.cainfo="{bundle}"\nopenssl.cafile="{bundle}"\n'.encode())
    return Trust(
        authority=files.certificate,
        bundle=bundle,
        extra=_bundle(authority, files, Path(before)) if before else files.certificate,
        php=php,
        store=_java_store(bundle) if java else None,
    )


def _bundle(authority: Authority, files: Files, base: Path | None) -> Path:
    """A file with what is in `base`, and the authority."""
    data = b""
    if base is not None and base.is_file():
        data = base.read_bytes()
    if authority.pem.strip() not in data:
        data = data.rstrip() + b"\n" * bool(data) + authority.pem
    path = files.folder / f"bundle-{blake2b(data, digest_size=6).hexdigest()}.pem"
    if not path.exists():
        write_whole(path, data)
    return path


def _system(environ: Mapping[str, str]) -> Path | None:
    """Where the certificates are that are trusted now: as the environment says, or as the system has it."""
    paths = ssl.get_default_verify_paths()
    named = (environ.get("SSL_CERT_FILE"), environ.get("REQUESTS_CA_BUNDLE"), paths.cafile, paths.openssl_cafile)
    for name in (*named, *USUAL_BUNDLES):
        if name and Path(name).is_file():
            return Path(name)
    try:
        import certifi
    except ImportError:
        return None
    return Path(certifi.where())


def _java_store(bundle: Path) -> Path:
    """The bundle in the one form that Java reads."""
    path = bundle.with_suffix(".p12")
    if path.exists():
        return path
    import warnings

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the system's own may be odd; that is not this user's business
        found = x509.load_pem_x509_certificates(bundle.read_bytes())
        named = [pkcs12.PKCS12Certificate(one, b"%d" % number) for number, one in enumerate(found)]
        made = pkcs12.serialize_java_truststore(named, BestAvailableEncryption(JAVA_PASSWORD.encode()))
    write_whole(path, made)
    return path


def has_java(environ: Mapping[str, str]) -> bool:
    """Whether there is a Java here to be told."""
    import shutil

    return bool(environ.get("JAVA_HOME")) or shutil.which("java", path=environ.get("PATH")) is not None
