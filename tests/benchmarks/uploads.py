"""A large upload beside a bare Starlette upload: time, processor time, and the server's memory at its peak.

Each server is a process of its own. The client writes a multipart body piece by piece over a blocking socket and reads
the answer; the peak is the kernel's high-water mark of resident memory (VmHWM), set back before each upload, above what
was resident then. Sides take turns.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import socket
import statistics
import time
from pathlib import Path

from tests.api_kit import multipart, part
from tests.benchmarks import kit
from wiro_mock.api.auth import sign

MB = 1_000_000
PIECE = bytes(range(256)) * 256


def _sent(port: int, size: int) -> float:
    """Seconds that one upload takes, to the end of its answer."""
    head, tail = multipart([part("file", b"@", filename="film.mp4", kind="video/mp4")])[0].split(b"@")
    signature = sign(kit.KEY, kit.SECRET, "1")
    lines = (
        "POST /v1/File/Upload HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        f"x-api-key: {kit.KEY}",
        "x-nonce: 1",
        f"x-signature: {signature}",
        "content-type: multipart/form-data; boundary=----kit",
        f"content-length: {len(head) + size + len(tail)}",
        "connection: close",
        "",
        "",
    )
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("\r\n".join(lines).encode() + head)
        for at in range(0, size, len(PIECE)):
            connection.sendall(PIECE[: size - at])
        connection.sendall(tail)
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    taken = time.perf_counter() - started
    (item,) = json.loads(answer.partition(b"\r\n\r\n")[2])["list"]
    assert item["size"] == str(size), answer
    return taken


def _measured(child: kit.Child, size: int) -> tuple[float, float, float]:
    """Seconds, processor seconds, and MiB above what was resident."""
    Path(f"/proc/{child.process.pid}/clear_refs").write_text("5")
    resident, busy = child.resident, child.processor_seconds
    taken = _sent(child.port, size)
    status = Path(f"/proc/{child.process.pid}/status").read_text()
    peak = int(status.split("VmHWM:", 1)[1].split(None, 1)[0]) * 1024
    return taken, child.processor_seconds - busy, max(0, peak - resident) / (1 << 20)


def _side(mode: str, name: str) -> kit.Child:
    return kit.wiro_mock(mode) if name == "wiro-mock" else kit.rival(mode, "bare_upload")


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.uploads", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=10, help="of the upload; the target is for 100")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modes", nargs="*", default=kit.modes(), choices=kit.MODES)
    options = parser.parse_args(arguments)
    digest = hashlib.sha256(PIECE).hexdigest()[:8]
    print(f"{options.megabytes} MB in pieces of 64 KiB ({digest}), {options.rounds} rounds; medians")
    for mode in options.modes:
        names = ("wiro-mock", "Starlette")
        with _side(mode, names[0]) as ours, _side(mode, names[1]) as rival:
            found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
            _sent(ours.port, MB), _sent(rival.port, MB)  # what is imported for the first
            for at in range(options.rounds):
                sides = list(zip(names, (ours, rival), strict=True))
                for name, child in sides if at % 2 == 0 else sides[::-1]:
                    found[name].append(_measured(child, options.megabytes * MB))
        for name in names:
            seconds, busy, peak = (statistics.median(column) for column in zip(*found[name], strict=True))
            print(f"{mode:5} {name:10} {seconds:7.3f} s   {busy:7.2f} s of processor   {peak:7.1f} MiB at the peak")
        ours_s, rival_s = (statistics.median(one[0] for one in found[name]) for name in names)
        cpu, rival_cpu = (statistics.median(one[1] for one in found[name]) for name in names)
        print(f"{mode:5} ratio {ours_s / rival_s:.2f}, by processor time {cpu / max(rival_cpu, 0.01):.2f}")


if __name__ == "__main__":
    main()
