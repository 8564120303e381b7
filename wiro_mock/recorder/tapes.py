"""Where the recordings of a test lie: a folder beside its file, with the scenarios of its runs and a list of them.

`tests/test_cats.py::TestCats::test_one[a]` has `tests/recordings/test_cats/TestCats.test_one[a]/`. The list comes last
and all at once: a folder without one is no recording, however the session before it ended.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wiro_mock.misuse import Misuse
from wiro_mock.recorder.shelf import LOCK, CannotRecord

if TYPE_CHECKING:
    from wiro_mock.scenario import Scenario

FOLDER: Final = "recordings"
LIST: Final = "recorded.json"
FORM: Final = 1
"""Of the list: what a later version reads differently gets another number."""
LONGEST: Final = 120
"""Characters of a folder's name; file systems take 255 bytes."""


@dataclass(frozen=True, slots=True)
class Tape:
    """The folder of one test."""

    folder: Path
    test: str

    @classmethod
    def of(cls, file: Path, test: str) -> Tape:
        """That of a test by its file and its id in pytest."""
        return cls(file.parent / FOLDER / file.stem / _safe(test.partition("::")[2] or test), test)

    @property
    def contents(self) -> Path:
        """The file that there is when the test has been recorded."""
        return self.folder / LIST

    @property
    def half(self) -> Path:
        """Where it lies while it is recorded."""
        return self.folder.with_name(f".{self.folder.name}.part")

    @property
    def exists(self) -> bool:
        """Whether the test has been recorded."""
        return self.contents.is_file()

    def begin(self) -> None:
        """Take away what an earlier session has left of a recording that it didn't end. Raises `CannotRecord`."""
        try:
            for path in self.half.iterdir():
                if path.name != LOCK:
                    path.unlink()
        except OSError as error:
            raise CannotRecord(f"cannot record into {self.half}: {error.strerror}; delete it") from None

    def keep(self, names: Sequence[str]) -> None:
        """These scenarios are what was recorded, in place of what was before. Raises `CannotRecord`."""
        old = self.folder.with_name(f".{self.folder.name}.old")
        written = json.dumps({"form": FORM, "scenarios": list(names)}, indent=1) + "\n"
        try:
            (self.half / LIST).write_text(written, encoding="utf-8")
            shutil.rmtree(old, ignore_errors=True)
            if self.folder.exists():
                self.folder.rename(old)
            self.half.rename(self.folder)
        except OSError as error:
            raise CannotRecord(
                f"{self.folder} could not be written: {error.strerror}; {self.test} has no new one"
            ) from None
        shutil.rmtree(old, ignore_errors=True)

    def drop(self) -> None:
        """It is not to be recorded after all."""
        shutil.rmtree(self.half, ignore_errors=True)

    def read(self) -> list[Scenario]:
        """The scenarios of its runs, in the order of the runs. Raises `Misuse` with what keeps it from being played."""
        from wiro_mock.language.complaints import ScenarioError
        from wiro_mock.loader import load_scenarios

        way = f"record it again: pytest --wiro-record=rewrite --wiro-upstream=URL '{self.test}'"
        made: list[Scenario] = []
        for name in self._names(way):
            path = self.folder / f"{name}.yaml"
            if not path.is_file():
                raise Misuse(f"{path} is not there, and {LIST} beside it lists it; {way}")
            try:
                made += load_scenarios(path)
            except ScenarioError as error:
                raise Misuse(f"{error}\nmend the recording, or {way}") from None
        return made

    def _names(self, way: str) -> list[str]:
        try:
            found = json.loads(self.contents.read_text(encoding="utf-8"))
            form, names = found["form"], found["scenarios"]
            if not all(name == Path(name).name for name in names):
                raise ValueError
        except (OSError, ValueError, LookupError, TypeError):
            raise Misuse(f"{self.contents} is no list of recordings; {way}") from None
        if form != FORM:
            raise Misuse(f"{self.contents} is of form {form!r}, and this version reads {FORM}; {way}")
        return list(names)


def _safe(test: str) -> str:
    """A test's name as that of a folder; two tests never share one."""
    plain = test.replace("::", ".")
    safe = re.sub(r"[^\w.,=+\[\]-]", "_", plain, flags=re.ASCII).strip(".")
    if safe == plain and len(safe) <= LONGEST:
        return safe
    return f"{safe[: LONGEST - 9]}-{blake2b(test.encode(errors='replace'), digest_size=4).hexdigest()}"
