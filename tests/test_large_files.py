"""Uploads of 100 MB: kept byte-exact, in bounded memory, by a server in a process of its own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.api_kit import multipart, part, signed

MIB = 1 << 20
SERVER = """
import sys
from tests.live_kit import live
with live() as running:
    print(running.thread.url, flush=True)
    sys.stdin.readline()
"""


def test_100_mib_are_kept_byte_exact_in_bounded_memory() -> None:
    """The server grows by far less than the file, up and down again."""
    block = hashlib.sha256(b"seed").digest() * (MIB // 32)
    digest = hashlib.sha256(block * 100).hexdigest()
    head, tail = multipart([part("file", b"@", filename="big.bin")])[0].split(b"@")

    def stream() -> Iterator[bytes]:
        yield head
        for _ in range(100):
            yield block
        yield tail

    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with server, httpx.Client(base_url=server.stdout.readline().strip(), trust_env=False, timeout=60) as client:
        client.get("/__wiro/ready")
        before = _peak(server.pid)
        kind = multipart([])[1]
        answer = client.post("/v1/File/Upload", content=stream(), headers={**signed(), "content-type": kind}).json()
        assert answer["list"][0]["size"] == str(100 * MIB)
        found = hashlib.sha256()
        with client.stream("GET", answer["list"][0]["url"]) as download:
            for piece in download.iter_bytes():
                found.update(piece)
        assert found.hexdigest() == digest
        assert _peak(server.pid) - before < 30 * MIB
        server.communicate("\n")


def _peak(pid: int) -> int:
    """The most memory that the process has had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM here")
