"""The scenarios of a snapshot, unpacked to a private temporary folder, which goes with the library that reads it."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from wiro_mock.snapshot.trouble import SnapshotError


class Unpacked:
    """Folders of scenarios; empty until something is written there. `discard` it, or let it belong to somebody."""

    def __init__(self) -> None:
        self.folders: Sequence[Path] = ()
        self._root: Path | None = None
        self._count = 0

    def write(self, contents: Sequence[Mapping[str, bytes]]) -> None:
        """Write each of these folders. Raises `SnapshotError` for a path that leads elsewhere."""
        self.folders = [self._folder(files) for files in contents]

    def beside(self, words: Mapping[str, object], files: Mapping[str, bytes]) -> tuple[Path | None, Any]:
        """The words of a scenario whose files are written, and where they lie."""
        if not files:
            return None, words
        names = {path: f"{place}{PurePosixPath(path).suffix[:20]}" for place, path in enumerate(files)}
        return self._folder({names[path]: data for path, data in files.items()}), _renamed(words, names)

    def belong_to(self, owner: object) -> None:
        """Stay there as long as the owner does."""
        if self._root is not None:
            weakref.finalize(owner, _remove, self._root, os.getpid())
            self._root = None

    def discard(self) -> None:
        """Nobody is going to read it. Again is no error, and nothing is done to what belongs to somebody."""
        if self._root is not None:
            _remove(self._root, os.getpid())
            self._root = None

    def _folder(self, files: Mapping[str, bytes]) -> Path:
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="wiro-mock-"))
        self._count += 1
        folder = self._root / str(self._count)
        folder.mkdir()
        for name, data in files.items():
            path = folder / checked(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder


def checked(name: str) -> PurePosixPath:
    """A path below a folder. Raises `SnapshotError` for any that is none: absolute, upwards, or not to be written."""
    path = PurePosixPath(name)
    odd = any(not char.isprintable() or char in '\\:*?"<>|' for char in name)
    if path.is_absolute() or not path.parts or ".." in path.parts or odd or len(name) > 500 or str(path) != name:
        raise SnapshotError(f"holds a file {name[:60]!r}, which would lie outside of its folder; it was not made here")
    return path


def _renamed(words: Any, names: Mapping[str, str]) -> Any:
    """The words, with other names for files."""
    if isinstance(words, dict):
        return {key: _renamed(item, names) for key, item in words.items()}
    if isinstance(words, list | tuple):
        return [_renamed(item, names) for item in words]
    return names.get(words, words) if isinstance(words, str) else words


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
