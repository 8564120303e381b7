"""A fake engine as a process: `python -m tests.fake_engine MODE [FOLDER]`, in the place of our own engine server.

It keeps to what that one promises: the ready line on stdout, an end when stdin ends. `MODE`: `well`; `refuses` (it
cannot load); `breaks` (its device is broken at the first request, but for a third life); `always-breaks`.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from tests.engine_kit import Exchange, engine, well


def main(mode: str, folder: str = "") -> None:
    """Serve until stdin ends."""
    if mode == "refuses":
        print("wiro-mock: no weights in /tmp/x; --weights is their folder", file=sys.stderr)
        sys.exit(1)

    def breaks(exchange: Exchange) -> None:
        lives = Path(folder) / "lives"
        lives.write_text(lives.read_text() + "x" if lives.exists() else "x")
        if mode == "always-breaks" or len(lives.read_text()) < 3:
            print("CUDA error: device-side assert", file=sys.stderr, flush=True)
            os._exit(70)
        well(exchange)

    with engine(well if mode == "well" else breaks) as one:
        print(f"moondream engine ready on {one.url.removesuffix('/v1')}", flush=True)
        threading.Event().wait() if folder == "ignore-eof" else sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
