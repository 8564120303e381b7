"""What the start of a server does not pay for: the modules that must not be imported before it says that it is ready.

Asserted here; the milliseconds are printed by `python -m tests.benchmarks.startup`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

LATER = (
    # libraries
    *("httpx", "pydantic", "respx", "yaml"),
    # what plays a run: read in a thread of its own, soon after the start
    *("wiro_mock.loader", "wiro_mock.scenario", "wiro_mock.kernel.catalog", "wiro_mock.kernel.validation"),
    *("wiro_mock.kernel.answer", "wiro_mock.kernel.bill", "wiro_mock.kernel.unknown_models", "wiro_mock.api.measure"),
    # the socket, and realtime sessions
    *("wiro_mock.connection", "wiro_mock.talk", "wiro_mock.api.socket", "wiro_mock.api.frames", "wiro_mock.sessions"),
    *("wiro_mock.api.following", "wiro_mock.faults.striking", "wiro_mock.lodging_terms"),
    *("wiro_mock.kernel.audio", "wiro_mock.kernel.session"),
    # faults
    *("wiro_mock.faults.deeds", "wiro_mock.faults.frames", "wiro_mock.language.faults", "wiro_mock.language.verbs"),
    # what few clients ask for, and what only tests do
    *("wiro_mock.api.archive", "wiro_mock.api.files", "wiro_mock.api.no_route", "wiro_mock.api.tools"),
    *("wiro_mock.explain", "wiro_mock.library", "wiro_mock.testing", "wiro_mock.webhooks"),
)
STARTING = """
import signal, sys
import click
from wiro_mock import hosting
from wiro_mock.commands.group import wiro_mock

def ready(line):
    print(line, *sys.modules, sep="\\n")
    signal.raise_signal(signal.SIGINT)

hosting.WARM_UP_AFTER_SECONDS = 3600
click.echo = ready
wiro_mock(["serve", "--port", "0"])
"""


def test_a_start_imports_nothing_that_only_later_requests_need() -> None:
    """At the ready line none of it is there; that each name is one, and the listing whole, is seen to, too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", STARTING], capture_output=True, text=True, timeout=280, check=False, env=kept
    )
    assert done.returncode == 0, done.stderr
    line, *modules = done.stdout.splitlines()
    assert line.startswith("wiro-mock ready ")
    assert {"wiro_mock.mock", "wiro_mock.server", "starlette", "uvicorn"} <= set(modules)
    assert not [name for name in LATER if name in modules]
    assert all(find_spec(name) for name in LATER)
