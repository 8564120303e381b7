"""Uploads of 100 MB: kept byte-exact, in bounded memory, by a server in a process of its own."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

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
    head, tail = multipart([part("file", b"@", filename="big.mp4")])[0].split(b"@")

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


@pytest.mark.parametrize("without", ["uvloop httptools", ""])
def test_a_client_that_leaves_in_the_middle_of_a_download_is_no_news(without: str) -> None:
    """The rest of the file is not sent to nobody, and nothing is logged; with the base install's parser, too."""
    forbidden = f"import sys\nfor name in {without.split()!r}: sys.modules[name] = None\n"
    command = [sys.executable, "-c", forbidden + SERVER]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    server = subprocess.Popen(command, **pipes, text=True)
    assert server.stdout is not None
    with server, httpx.Client(base_url=server.stdout.readline().strip(), trust_env=False, timeout=60) as client:
        kind = multipart([])[1]
        body = multipart([part("file", bytes(8 * MIB), filename="big.mp4")])[0]
        answer = client.post("/v1/File/Upload", content=body, headers={**signed(), "content-type": kind}).json()
        url = httpx.URL(answer["list"][0]["url"])
        for _ in range(3):
            with socket.create_connection((url.host, url.port or 80)) as leaving:
                leaving.sendall(f"GET {url.path} HTTP/1.1\r\nhost: {url.netloc.decode()}\r\n\r\n".encode())
                assert leaving.recv(100).startswith(b"HTTP/1.1 200")
        assert client.get(str(url)).content == bytes(8 * MIB)
        _, errors = server.communicate("\n")
    assert errors == ""


def _peak(pid: int) -> int:
    """The most memory that the process has had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM here")
