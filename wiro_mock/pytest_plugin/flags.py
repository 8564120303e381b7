"""Flags, ini options and keywords: what is given for the Wiro of a test, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest

from wiro_mock.pytest_plugin.notes import GIVEN
from wiro_mock.testing.keyword_table import KEYWORDS, NAMES

CONTRACT_FLAGS = (
    ("target", "mock", "mock|real|URL", "what tests with the mark wiro_contract run against, and the contract suite"),
    ("target_socket", "", "URL", "the socket of that target, where it isn't its own"),
    ("only", None, "AREAS", "the areas of the contract suite that are checked (pytest --pyargs wiro_mock.contract)"),
    ("budget", "0.05USD", "AMOUNT", "what the contract suite may cost"),
)
RECORD_FLAGS = (
    (
        "upstream",
        "URL",
        "the Wiro that tests with the mark wiro_record are recorded from: real, or a URL (WIRO_UPSTREAM)",
    ),
    ("upstream_socket", "URL", "the socket of that Wiro, where it isn't its own"),
)
EXAMPLES = ", ".join(f"{keyword.name}=…" for keyword in KEYWORDS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Flags `--wiro-…` in a group of their own, and ini options `wiro_…` of the same names."""
    group = parser.getgroup("wiro", "wiro: the Wiro of a test (wiro_mock)")
    for name, help_text, example, is_flag in KEYWORDS:
        if is_flag:
            flag, metavar = f"--wiro-{name.replace('_', '-')}", example or "VALUE"
            action = "append" if name == "scenarios" else "store"
            group.addoption(flag, action=action, default=None, metavar=metavar, dest=f"wiro_{name}", help=help_text)
            parser.addini(f"wiro_{name}", f"{help_text} (as {example})", type=_ini_kind(name), default=None)

    for name, default, metavar, help_text in CONTRACT_FLAGS:
        flag = f"--wiro-{name.replace('_', '-')}"
        group.addoption(flag, default=default, metavar=metavar, dest=f"wiro_{name}", help=help_text)
    modes, told = (
        ("none", "once", "new", "rewrite"),
        "record tests with the mark wiro_record: none of them, those without a",
    )
    told += " recording, those whose recording lacks a run as well, or all"
    group.addoption("--wiro-record", default="none", choices=modes, dest="wiro_record", help=told)
    for name, metavar, help_text in RECORD_FLAGS:
        flag = f"--wiro-{name.replace('_', '-')}"
        group.addoption(flag, default="", metavar=metavar, dest=f"wiro_{name}", help=help_text)
    told = "besides credentials: never write this into a recording; repeatable"
    group.addoption("--wiro-redact", action="append", default=[], metavar="TEXT", dest="wiro_redact", help=told)


def _ini_kind(name: str) -> Literal["paths", "string"]:
    return "paths" if name == "scenarios" else "string"


def check_flags(given: Mapping[str, Any], place: str) -> None:
    """Look at the values of flags, or of other keywords that were given at a place. Raises `UsageError`."""
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.options import read

    for name, value in given.items():
        try:
            read({name: value}, place=f"--wiro-{name.replace('_', '-')}" if place.startswith("--") else place)
        except Misuse as error:
            raise pytest.UsageError(str(error)) from None


def ini_option(config: pytest.Config, name: str) -> Any:
    """What the ini file says of a keyword; None where it says nothing."""
    try:
        return config.getini(f"wiro_{name}")
    except (KeyError, ValueError):
        return None


def _given(config: pytest.Config) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the ini file and the flags give, read once for a session. Raises `Misuse`."""
    from wiro_mock.testing.options import read

    if GIVEN not in config.stash:
        ini = {name: value for name in NAMES if (value := ini_option(config, name)) not in (None, "", [])}
        flags = {name: value for name in NAMES if (value := config.getoption(f"wiro_{name}", None)) is not None}
        for name, value in ini.items():
            read({name: value}, place=f"ini option wiro_{name}")
        config.stash[GIVEN] = ini, flags
    return config.stash[GIVEN]


def keywords_of(
    request: pytest.FixtureRequest, fixture: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Any], Mapping[str, Any], dict[str, Any]]:
    """What is given for a test, from ini options, the fixture, the marks and the flags, of which the later go first;
    and the marks, the fixture and the flags by themselves. Raises `Misuse`.
    """
    from wiro_mock.misuse import Misuse
    from wiro_mock.testing.options import read

    node = request.node
    ini, flags = _given(request.config)
    if not isinstance(fixture, Mapping):
        raise Misuse(f"wiro_settings: is a dict of keywords such as {{'time': 'manual'}}, not {fixture!r}")
    if fixture:
        read(fixture, place=f"wiro_settings of {node.nodeid}")
    # From module to class to function: `iter_markers` begins with the closest.
    marks = [mark.kwargs for mark in reversed(list(node.iter_markers("wiro")))]
    given: dict[str, Any] = {**ini, **fixture}
    for mark in marks:
        given |= mark
    given |= flags
    return given, marks, fixture, flags


def origin_of(name: str, node: Any, flags: Any, marks: list[Any], fixture: Any) -> str:
    """Where a keyword was given."""
    if name in flags:
        return f"--wiro-{name}"
    if any(name in mark for mark in marks):
        return f"@pytest.mark.wiro of {node.nodeid}"
    return f"wiro_settings of {node.nodeid}" if name in fixture else f"ini option wiro_{name}"
