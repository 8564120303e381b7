"""What a server's thread would import in the midst of a test, loaded beforehand by the thread that starts the server.

pytest rewrites the modules of its plugins as they are imported, ours (and anyio's) among them, and in CPython 3.11 two
threads that make syntax trees at the same time may end in `SystemError: AST constructor recursion depth mismatch`
(https://github.com/python/cpython/issues/106905). Nobody's test is to meet that: where a server runs beside it, all
imports that its clients bring about are over before it begins. `serve` of the command line, which is to be quick and
has no such neighbour, imports as it goes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

MODULES: Final = (
    "anyio._backends._asyncio",
    "wiro_mock.api.archive",
    "wiro_mock.api.downloads",
    "wiro_mock.api.files",
    "wiro_mock.api.llms",
    "wiro_mock.api.measure",
    "wiro_mock.api.no_route",
    "wiro_mock.api.pictures",
    "wiro_mock.api.run_sync",
    "wiro_mock.api.storage",
    "wiro_mock.api.surface",
    "wiro_mock.api.task_list",
    "wiro_mock.api.task_stat",
    "wiro_mock.api.tool_search",
    "wiro_mock.api.tools",
    "wiro_mock.api.workspace",
    "wiro_mock.connection",
    "wiro_mock.faults.bodies",
    "wiro_mock.faults.deeds",
    "wiro_mock.faults.striking",
    "wiro_mock.inputs",
    "wiro_mock.kernel.answer",
    "wiro_mock.kernel.audio",
    "wiro_mock.kernel.parameter_reasons",
    "wiro_mock.kernel.session",
    "wiro_mock.kernel.unknown_models",
    "wiro_mock.kernel.validation",
    "wiro_mock.language.durations",
    "wiro_mock.language.inputs",
    "wiro_mock.language.verbs",
    "wiro_mock.loader",
    "wiro_mock.lodging_terms",
    "wiro_mock.matching",
    "wiro_mock.sending",
    "wiro_mock.sessions",
    "wiro_mock.waiting",
    "wiro_mock.webhooks",
)
"""What is asked for seldom and by nobody's client (snapshots, metrics, the OpenAPI document) is left out."""


def load() -> None:
    """Import all of it; the second time costs nothing."""
    for name in MODULES:
        import_module(name)
