"""`wiro-mock lint`: every mistake of every file, before a server or a test meets it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from wiro_mock.language.complaints import Complaint


@click.command(short_help="Check scenario files.", epilog="Example: wiro-mock lint tests/wiro")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
def lint(paths: tuple[Path, ...]) -> None:
    """Check scenario files, and folders of them.

    Every complaint names its place as file:line:column, and the way out. The status is 1 when there is one.
    """
    for path in paths:
        if not path.exists():
            raise click.UsageError(f"there is no file or folder {str(path)!r}; look at the path")
    findings = _Findings()
    for path in paths:
        findings.look_at(path)
    for complaint in findings.complaints:
        click.echo(str(complaint))
    if findings.complaints:
        raise click.exceptions.Exit(1)
    if not findings.scenarios and not findings.models and not findings.fault_sets:
        names = ", ".join(map(str, paths))
        raise click.UsageError(f"there is no scenario in {names}; scenarios lie in files that end in .yaml or .yml")
    click.echo(f"{findings}: no complaints")


@dataclass
class _Findings:
    """What was found in all paths; something that two paths lead to counts once."""

    scenarios: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    fault_sets: set[str] = field(default_factory=set)
    complaints: list[Complaint] = field(default_factory=list)

    def look_at(self, path: Path) -> None:
        """Read a file or folder. A folder named `models` describes models, one named `faults` holds fault sets."""
        from wiro_mock.loader import load_fault_sets, load_models, load_scenarios
        from wiro_mock.reading import FAULTS, MODELS

        if not {path.name, path.resolve().parent.name} & {MODELS, FAULTS}:
            self.scenarios |= {scenario.source for scenario in self._read(load_scenarios, path)}
        for folder, load, found in ((MODELS, load_models, self.models), (FAULTS, load_fault_sets, self.fault_sets)):
            if path.name == folder:
                made = self._read(load, path.parent)
            elif path.resolve().parent.name == folder:
                made = self._read(load, path.parent.parent, only=path)
            else:
                made = self._read(load, path) if path.is_dir() and path.name not in (MODELS, FAULTS) else ()
            found |= {one.name for one in made}

    def _read(self, load: Callable[..., list[Any]], path: Path, only: Path | None = None) -> Iterable[Any]:
        from wiro_mock.language.complaints import ScenarioError

        try:
            return load(path)
        except ScenarioError as error:
            found = [one for one in error.complaints if only is None or Path(one.file) == only]
            found.sort(key=lambda one: (one.file, one.line, one.column))
            self.complaints += [one for one in found if one not in self.complaints]
            return []

    def __str__(self) -> str:
        files = {source.rpartition(":")[0] for source in self.scenarios}
        counted = [f"{_count(self.scenarios, 'scenario')} in {_count(files, 'file')}"] if self.scenarios else []
        if self.models:
            counted.append(_count(self.models, "model"))
        if self.fault_sets:
            counted.append(_count(self.fault_sets, "fault set"))
        return " and ".join(filter(None, (", ".join(counted[:-1]), *counted[-1:])))


def _count(things: set[str], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"
