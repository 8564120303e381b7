"""What lies in a folder of scenarios, byte for byte: the YAML files, and the files beside them that scenarios name.

Kept as it was when it was read, so that a world can be saved with what it plays, whatever has become of the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from wiro_mock.language.produce import SourceFile
from wiro_mock.reading import fault_files, model_files, scenario_files
from wiro_mock.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The files of a folder (or one file), by their paths below `root`, with slashes."""

    root: Path
    files: Mapping[str, bytes]

    def has(self, source: str) -> bool:
        """Whether a `path:line` is one of its files."""
        path = source.rpartition(":")[0]
        return any(path == str(self.root / name) for name in self.files)


def content_of(folder: Path, scenarios: Iterable[Scenario]) -> Content:
    """The content of a folder whose scenarios are these."""
    root = folder if folder.is_dir() else folder.parent
    files: dict[str, bytes] = {}
    for path in (*scenario_files(folder), *model_files(folder), *fault_files(folder)):
        with suppress(OSError):  # it has just been read; where it has gone, the next look finds out
            files[path.relative_to(root).as_posix()] = path.read_bytes()
    within = root.resolve()
    for one in source_files(scenarios):
        with suppress(ValueError):
            files[one.path.relative_to(within).as_posix()] = one.data
    return Content(root=root, files=files)


def source_files(part: object) -> Iterator[SourceFile]:
    """All files that a scenario, or a part of one, names: with the bytes that they had when it was read."""
    if isinstance(part, SourceFile):
        yield part
    elif isinstance(part, BaseModel):
        for name in part.model_fields_set:
            yield from source_files(getattr(part, name))
    elif isinstance(part, list | tuple | dict):
        for item in part.values() if isinstance(part, dict) else part:
            yield from source_files(item)
