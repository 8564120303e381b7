"""The directory of the recordings: one recorder at a time, and no file that is half written."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from wiro_mock.recording import Recording

LOCK: Final = ".wiro-mock-record.lock"
LONGEST: Final = 80
"""Characters of a name without its number."""
HEAD: Final = 5
"""Lines of a recording that say what it is."""
_NTH: Final = re.compile(r", nth: ([0-9]{1,9})\}$")
_OTHER: Final = re.compile("[^a-z0-9]+")


class CannotRecord(Exception):
    """The directory cannot be recorded into; the message says why, and the way out."""


class Shelf:
    """A directory, for one recorder, until it is closed. Raises `CannotRecord`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: dict[str, None] = {}
        self._turns: dict[str, int] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise CannotRecord(
                f"cannot record into {folder}: {error.strerror}; name a folder that you may write"
            ) from None
        if not _locked(self._lock):
            os.close(self._lock)
            raise CannotRecord(f"another recorder writes into {folder}; name another folder, or end that one")

    def close(self) -> None:
        """Let others have it. The lock's file goes first, while it is still held."""
        with suppress(OSError):  # the folder may be gone, or read-only by now
            (self._folder / LOCK).unlink()
        os.close(self._lock)

    def name(self, wanted: str) -> str:
        """A name for a scenario that no file has: caption-1, caption-2 and so on; one that every file system takes."""
        wanted = _OTHER.sub("-", wanted.lower())[:LONGEST].strip("-") or "run"
        number = 1
        while f"{wanted}-{number}" in self._taken or (self._folder / f"{wanted}-{number}.yaml").exists():
            number += 1
        self._taken[f"{wanted}-{number}"] = None
        return f"{wanted}-{number}"

    def turn(self, match: str) -> int:
        """Which run it is of those that fit the same match (`recorded_match.match_of`); earlier recordings count."""
        if self._turns is None:
            self._turns = _turns_in(self._folder)
        self._turns[match] = self._turns.get(match, 0) + 1
        return self._turns[match]

    def beside(self, wanted: str) -> str:
        """A name for another file that none has, so that what an earlier recorder left stays: traffic-2.har."""
        path, number = Path(wanted), 1
        while (self._folder / wanted).is_file():
            number += 1
            wanted = f"{path.stem}-{number}{path.suffix}"
        return wanted

    @property
    def written(self) -> list[str]:
        """The names of the scenarios that it wrote, in the order of their runs."""
        return [name for name in self._taken if (self._folder / f"{name}.yaml").is_file()]

    def put(self, name: str, data: bytes) -> None:
        """Put a file there, whole or not at all. Raises `CannotRecord`."""
        try:
            _put(self._folder / name, data)
        except OSError as error:
            raise CannotRecord(f"{self._folder / name} could not be written: {error.strerror}") from None

    def drop(self, name: str) -> None:
        """Take away a file that it wrote."""
        with suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)

    def write(self, name: str, recording: Recording) -> Path:
        """Put a recording there, in place of an earlier one of the same name. Raises `CannotRecord`."""
        path = self._folder / f"{name}.yaml"
        try:
            for beside, data in recording.files.items():
                _put(self._folder / beside, data)
            _put(path, recording.text.encode(errors="replace"))
        except OSError as error:
            raise CannotRecord(f"{path} could not be written: {error.strerror}; this task is not recorded") from None
        return path


def _turns_in(folder: Path) -> dict[str, int]:
    """The latest turn of each match, as the recordings of a folder begin."""
    found = dict[str, int]()
    for path in folder.glob("*.yaml"):
        with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
            for line in islice(file, HEAD):
                if line.startswith("match: "):
                    match, nth = _NTH.sub("}", line[7:].strip()), _NTH.search(line.strip())
                    found[match] = max(found.get(match, 0), int(nth[1]) if nth else 1)
    return found


def _put(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all."""
    half = path.with_name(f".{path.name}.part")
    try:
        half.write_bytes(data)
        half.replace(path)
    except OSError:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        raise


def _locked(number: int) -> bool:
    """Whether the file is ours now. The system gives it back when a process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows, where nobody keeps two recorders apart
        return True
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
