"""What `wiro-mock doctor` finds of the mock itself: packages, configuration, scenarios, backends, the CA."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import click

from wiro_mock.commands.doctor_machine import BAD, NOTE, OK, Finding

NAME: Final = "wiro-mock"
OLDEST: Final = (3, 11)


def packages() -> Iterator[Finding]:
    """Versions: of Python, of this, of what it needs, and of what it can use besides."""
    import wiro_mock

    python = f"Python {platform.python_version()} ({platform.system()} {platform.machine()})"
    yield Finding("versions", python, *((OK, "") if sys.version_info >= OLDEST else (BAD, "3.11 or later is needed")))
    place = Path(wiro_mock.__file__).parent
    try:
        distribution = metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        yield Finding("versions", f"wiro-mock in {place}, which is not installed", NOTE, "pip install -e . there")
        return
    yield Finding("versions", f"wiro-mock {distribution.version} in {place}")
    extras: dict[str, list[str]] = {"": []}
    for line in distribution.requires or ():
        found = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        extras.setdefault(found[1] if found else "", []).append(re.split(r"[^\w.-]", line, maxsplit=1)[0])
    yield from _needed(extras.pop(""))
    for extra, names in extras.items():
        yield from _extra(extra, [name for name in names if name != NAME])


def _needed(names: list[str]) -> Iterator[Finding]:
    found = {name: _version(name) for name in sorted(names)}
    yield Finding("versions", ", ".join(f"{name} {version}" for name, version in found.items() if version))
    for name, version in found.items():
        if not version:
            yield Finding("versions", f"{name} is missing", BAD, f"pip install {name}")


def _extra(extra: str, names: list[str]) -> Iterator[Finding]:
    found = {name: _version(name) for name in names}
    missing = [name for name, version in found.items() if not version]
    if missing:
        told = f"without the extra {extra} ({', '.join(missing)})"
        yield Finding("versions", told, NOTE, f"pip install '{NAME}[{extra}]' where you want it")
    else:
        told = ", ".join(f"{name} {version}" for name, version in found.items())
        yield Finding("versions", f"extra {extra}: {told}")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def configuration(ctx: click.Context) -> tuple[dict[str, Any], list[Finding]]:
    """What serve would have, by the names of its parameters, and what is to be told of where that comes from."""
    from wiro_mock.commands.config import context_of
    from wiro_mock.commands.config_file import shown
    from wiro_mock.commands.configuring import FILE, told_with_place, unknown_variables

    told: list[Finding] = []
    held: dict[str, Any] = {}
    try:
        played = context_of(ctx, "serve", ())
    except click.UsageError as error:
        told += [Finding("configuration", line, BAD) for line in told_with_place(error).splitlines()]
    else:
        held, file = played.params, played.meta.get(FILE)
        told.append(Finding("configuration", shown(file.path) if file else "no file; defaults and variables hold"))
        told += _settings(held)
    for name, near in unknown_variables():
        way = f"did you mean {near}?" if near else "wiro-mock config lists what there is"
        told.append(Finding("configuration", f"{name} configures nothing", NOTE, way))
    return held, told


def _settings(held: Any) -> Iterator[Finding]:
    from wiro_mock.clock import make_clock
    from wiro_mock.commands.serve_settings import settings_of

    try:
        make_clock(settings_of(held).time)
    except ValueError as error:
        yield Finding("configuration", str(error), BAD)


def scenarios(folders: tuple[Path, ...]) -> Iterator[Finding]:
    """What would be read at the first run, and what is wrong with it."""
    from wiro_mock.loader import Library, ScenarioError
    from wiro_mock.shipped import shipped

    if not shipped().is_dir():
        yield Finding("scenarios", f"the shipped ones are not in {shipped()}", BAD, "install wiro-mock again")
        return
    own = f" and {', '.join(map(str, folders))}" if folders else ""
    try:
        library = Library(*folders, watch=False)
    except ScenarioError as error:
        for complaint in error.complaints:
            yield Finding("scenarios", str(complaint), BAD)
    else:
        told = f"{len(library.scenarios)} scenarios and {len(list(library.catalog))} models in {shipped()}{own}"
        yield Finding("scenarios", told)


def backends() -> Iterator[Finding]:
    """The backends that scenarios can name: nothing of them is imported."""
    from importlib.util import find_spec

    for entry in metadata.entry_points(group="wiro_mock.backends"):
        there = find_spec(entry.value.partition(":")[0].partition(".")[0]) is not None
        way = "" if there else f"install the package of {entry.value} again"
        yield Finding(
            "backends", f"{entry.name}: {entry.value}{'' if there else ' is missing'}", OK if there else BAD, way
        )


def ca() -> Iterator[Finding]:
    """The certificate authority of this user, if there is one."""
    from wiro_mock.reach.authority import Authority, Files, NoTls

    try:
        files = Files.of_user()
        found = Authority.found(files)
    except NoTls as error:
        yield Finding("CA", str(error), NOTE)
        return
    if found is None:
        yield Finding("CA", f"none yet in {files.folder}; --tls and --intercept make one")
    elif found.lasts():
        yield Finding("CA", f"{files.certificate}, until {found.ends:%Y-%m-%d %H:%M} UTC")
    else:
        told = f"{files.certificate} ends {found.ends:%Y-%m-%d %H:%M} UTC"
        yield Finding("CA", told, NOTE, "the next start with --tls makes a new one")
