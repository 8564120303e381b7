"""What `wiro-mock doctor` finds on the machine: ports, clock, folders, user, locale, proxies."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

State: TypeAlias = Literal["ok", "note", "bad"]
OK: Final = "ok"
NOTE: Final = "note"
BAD: Final = "bad"
DAY: Final = 86_400
LITTLE_SPACE: Final = 200 << 20
"""Bytes free where files lie, below which it is worth a note: one upload may have 100 MiB."""
FEW_FILES: Final = 1024
"""Descriptors that a process may have open, below which it is worth a note: each client holds one."""


class Finding(NamedTuple):
    """What was looked at and found: whether it is well, worth knowing or in the way, and the way out."""

    area: str
    found: str
    state: State = OK
    way: str = ""


def ports(host: str, port: int) -> Iterator[Finding]:
    """Whether a server could listen where it is configured to."""
    area = "port"
    if port == 0:
        yield Finding(area, f"any free one on {host}")
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        yield Finding(area, f"there is no address {host!r}", BAD, "--host is an address or a name of this machine")
        return
    with socket.socket(found[0], found[1], socket.IPPROTO_TCP) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(found[4])
            probe.listen(1)  # two can bind, one can listen
        except OSError as error:
            yield _taken(host, port, error)
            return
    yield Finding(area, f"{port} on {host} is free")


def _taken(host: str, port: int, error: OSError) -> Finding:
    from wiro_mock.commands.ready import _problem

    near = "127.0.0.1" if host in ("0.0.0.0", "") else "[::1]" if host == "::" else host  # noqa: S104
    if not _problem(f"http://{near}:{port}"):
        return Finding(
            "port", f"{port} on {host}: a wiro-mock is serving there already", NOTE, "--port 0 takes another"
        )
    holder = _holder(port)
    why = f"is held by {holder}" if holder else f"cannot be had: {error.strerror}"
    return Finding("port", f"{port} on {host} {why}", BAD, "--port 0 takes a free one")


def _holder(port: int, proc: Path = Path("/proc")) -> str:
    """The process that listens there, where this system tells, and tells us: on Linux, our own processes'."""
    inodes = set()
    for table in ("net/tcp", "net/tcp6"):
        with suppress(OSError, ValueError):
            for line in (proc / table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{words[9]}]")
    if not inodes:
        return ""
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                if any(str(link.readlink()) in inodes for link in (entry / "fd").iterdir()):
                    return f"{(entry / 'comm').read_text(errors='replace').strip()} (process {entry.name})"
    return ""


def clock(now: float | None = None) -> Iterator[Finding]:
    """Whether the system's clock can be right: nonces, certificates and the time mode `real` go by it."""
    now = time.time() if now is None else now
    newest = Path(__file__).stat().st_mtime
    told = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < newest - DAY:
        yield Finding("clock", f"{told}, which is before this program was installed", BAD, "set the system's clock")
    else:
        yield Finding("clock", told)
    if time.get_clock_info("monotonic").resolution > 0.05:
        yield Finding("clock", "its steps are longer than 50 ms; times of frames will be coarse", NOTE)


def folders() -> Iterator[Finding]:
    """Whether there is a place for large files; the working directory needs not be written to."""
    import shutil
    import tempfile

    area = "folders"
    try:
        place = tempfile.gettempdir()
        with tempfile.TemporaryFile():
            free = shutil.disk_usage(place).free
    except OSError as error:
        way = "$TMPDIR names another; until then, uploads and outputs above 1 MiB are answered with an error"
        yield Finding(area, f"no temporary folder can be written to: {error.strerror}", BAD, way)
    else:
        told = f"temporary: {place}, {free >> 20} MiB free"
        yield Finding(area, told, *((NOTE, "files above 1 MiB go there") if free < LITTLE_SPACE else (OK, "")))
    try:
        here = Path.cwd()
        writable = os.access(here, os.W_OK)
        yield Finding(area, f"working: {here}{'' if writable else ' (read-only; serve does not mind)'}")
    except OSError:
        yield Finding(area, "working: it was deleted; serve does not mind, relative paths do", NOTE)


def user(environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Who this is: containers may give a number without a name, and no home."""
    name = ""
    with suppress(ImportError, KeyError):
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    number = f"uid {os.getuid()}" if hasattr(os, "getuid") else "this user"
    yield Finding("user", f"{name} ({number})" if name else f"{number}, which has no name here")
    home = environ.get("HOME") or (str(Path("~").expanduser()) if name else "")
    if home and Path(home).is_dir():
        yield Finding("user", f"home: {home}")
    else:
        way = "only the CA of --tls and --intercept needs one: $WIRO_MOCK_CA_DIR names another place"
        yield Finding("user", f"there is no home{f' at {home}' if home else ''}", NOTE, way)
    with suppress(ImportError):
        import resource

        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if 0 <= soft < FEW_FILES:
            yield Finding("user", f"{soft} open files at most", NOTE, "each client holds one; ulimit -n has more")


def text() -> Iterator[Finding]:
    """How text becomes bytes here."""
    import locale

    names = {
        "stdout": getattr(sys.stdout, "encoding", None) or "none",
        "file names": sys.getfilesystemencoding(),
        "locale": locale.getpreferredencoding(do_setlocale=False),
    }
    told = ", ".join(f"{what} {name}" for what, name in names.items())
    plain = [name for name in names.values() if name.lower().replace("-", "") not in ("utf8", "none")]
    if plain:
        yield Finding("text", told, NOTE, "what cannot be shown is escaped; PYTHONUTF8=1 or LC_ALL=C.UTF-8 mends it")
    else:
        yield Finding("text", told)


def proxies(environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Proxies of the environment, which clients may send requests for this machine to."""
    found = {
        name: value for name, value in environ.items() if re.fullmatch("(?i)(https?|all|wss?)_proxy", name) and value
    }
    if not found:
        yield Finding("proxies", "none in the environment")
        return
    past = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = {host.strip() for host in past.split(",")}
    for name, value in found.items():
        shown = re.sub(r"(?<=://)[^/@]*@", "***@", value if "://" in value else f"http://{value}")
        if hosts & {"*", "127.0.0.1", "127.0.0.0/8"}:
            yield Finding("proxies", f"{name}={shown}, and NO_PROXY leads past it")
        else:
            way = "clients may send it what is for the mock: NO_PROXY=127.0.0.1,localhost leads past it"
            yield Finding("proxies", f"{name}={shown}", NOTE, way)
