"""What URLs hold, as it was declared by a test, a scenario or the command line: so that no run makes anybody fetch.

A declared URL is a file: its bytes lie in the store, count among those that are kept, and are what a live backend
reads and a price measures. Every run's URLs are looked up once, and what was found is told in the journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from wiro_mock.api.measure import own_file
from wiro_mock.api.messages import InputNote
from wiro_mock.kernel.catalog import FILES, Model
from wiro_mock.kernel.file_inputs import entries
from wiro_mock.kernel.files import Blob, FileIndex
from wiro_mock.kernel.nearest import nearest
from wiro_mock.kernel.refusals import No
from wiro_mock.language.media import content_type

if TYPE_CHECKING:
    from wiro_mock.language.inputs import InputItem
    from wiro_mock.scenario import Scenario
    from wiro_mock.store import BlobStore

LARGEST: Final = 100 << 20
"""Bytes that one URL holds; ours, as for uploads."""
MOST: Final = 1_000
"""URLs that are declared at once; ours."""
MOST_TOLD: Final = 10
"""URLs of one run that the journal tells of."""
CLOSE: Final = 0.8
"""URLs are alike by nature, so more than for other words."""
_CHUNK: Final = 1 << 16


@dataclass(slots=True, kw_only=True, eq=False)
class InputUrl:
    """What a URL holds. `where` says who declared it; `runs` counts those that have sent it."""

    url: str
    blob: Blob
    where: str
    optional: bool = True
    runs: int = 0

    def shown(self) -> dict[str, object]:
        """As JSON values."""
        told = {"url": self.url, "size": self.blob.size, "contenttype": self.blob.contenttype}
        return {**told, "sha256": self.blob.digest, "declared": self.where, "runs": self.runs}


class InputUrls:
    """The declared URLs of a world. Not safe without its lock, but for `stored`."""

    def __init__(
        self,
        blobs: BlobStore,
        files: FileIndex,
        *,
        scenarios: Callable[[], Iterable[Scenario]],
        undeclared: Literal["echo", "refuse"] = "echo",
        most_bytes: int = 1 << 30,
    ) -> None:
        self.undeclared: Literal["echo", "refuse"] = undeclared
        self.sent: deque[str] = deque(maxlen=100)
        self._blobs = blobs
        self._files = files
        self._scenarios = scenarios
        self._most_bytes = most_bytes
        self._declared: dict[str, InputUrl] = {}
        self._written: dict[str, tuple[InputItem, InputUrl]] = {}

    def __iter__(self) -> Iterator[InputUrl]:
        """Those declared by tests, the command line and the control API, oldest first."""
        return iter(self._declared.values())

    # -- declaring -------------------------------------------------------------------------------------

    def stored(self, content: bytes | Path, contenttype: str) -> Blob:
        """The bytes in the store, pinned until they are declared. Raises `ValueError` for too many, and `OSError`."""
        writer = self._blobs.writer(contenttype)
        try:
            for piece in _pieces(content):
                writer.write(piece)
                if writer.size > LARGEST:
                    raise ValueError(f"it is larger than {LARGEST >> 20} MiB")
        except BaseException:
            writer.abandon()
            raise
        return writer.finish()

    def again(self, blob: Blob) -> Blob:
        """Bytes that are in the store already, pinned once more until they are declared."""
        self._blobs.pin(blob)
        return blob

    def declare(self, url: str, blob: Blob, *, where: str, optional: bool = True) -> InputUrl:
        """Let a URL hold this from now on, in place of what it held. Raises `ValueError` for what is no URL."""
        from wiro_mock.language.inputs import normal_url

        try:
            known = normal_url(url)
            if known not in self._declared and len(self._declared) >= MOST:
                raise ValueError(f"{MOST} URLs are declared already, and there can be no more at once")
            held = sum(one.blob.size for one in self if one.url != known)
            if held + blob.size > self._most_bytes:
                raise ValueError(
                    f"it has {blob.size} bytes, and the declared URLs would have more than {self._most_bytes} together"
                )
            made = InputUrl(url=known, blob=blob, where=where, optional=optional)
            self._files.reserve(blob)
        finally:
            self._blobs.unpin(blob, needed=self._files.needs)
        if (older := self._declared.pop(known, None)) is not None:
            self._files.release(older.blob)
        self._declared[known] = made
        return made

    def forget(self) -> int:
        """Take back everything that was declared, but for what scenarios say; how many URLs there were."""
        for one in self._declared.values():
            self._files.release(one.blob)
        count = len(self._declared)
        self._declared.clear()
        return count

    # -- looking up ------------------------------------------------------------------------------------

    def find(self, url: str) -> InputUrl | None:
        """What is declared of this URL: by a test before a scenario, by a later scenario before an earlier one."""
        inputs = self._by_scenarios()
        if not self._declared and not inputs:
            return None
        from wiro_mock.language.inputs import normal_url

        try:
            known = normal_url(url)
        except ValueError:
            return None
        return self._declared.get(known) or self._of_scenario(known, inputs)

    def held(self, url: str) -> Blob | None:
        """The bytes that a URL holds: declared, or of a file of this mock."""
        found = self.find(url)
        return own_file(url, self._files) if found is None else found.blob

    def look_at(self, model: Model, parameters: Mapping[str, object]) -> list[InputNote]:
        """What is known of the URLs that a run sends as files; each counts as sent. Nothing where nobody declares any.

        Raises the `Refusal` for one that nobody has declared, where those are refused.
        """
        known = [*self._declared, *self._by_scenarios()]
        if not known and self.undeclared == "echo":
            return []
        notes = []
        for name in (one.id for one in model.parameters if one.type in FILES):
            for url in (one for one in entries(parameters, name) if isinstance(one, str) and _is_url(one)):
                note = self._note(name, url, known)
                if not note.declared and self.undeclared == "refuse":
                    raise No.FILES_REQUIRED.refusal(name=name, reason=_refused(note), unexpected=True)
                notes.append(note)
        return notes[:MOST_TOLD]

    def _note(self, name: str, url: str, known: Sequence[str]) -> InputNote:
        if (found := self.find(url)) is not None:
            found.runs += 1
            return InputNote(parameter=name, url=url, declared=found.where, size=found.blob.size)
        if (own := own_file(url, self._files)) is not None:
            return InputNote(parameter=name, url=url, declared="a file of this mock", size=own.size)
        self.sent.append(url)
        return InputNote(parameter=name, url=url, near=nearest(url, known, close=CLOSE) or "")

    def _by_scenarios(self) -> Mapping[str, tuple[InputItem, str]]:
        """What scenarios say of URLs, the later of two winning."""
        written = [one for one in self._scenarios() if one.inputs]
        return {url: (item, one.source or one.name) for one in written for url, item in one.inputs.items()}

    def _of_scenario(self, url: str, inputs: Mapping[str, tuple[InputItem, str]]) -> InputUrl | None:
        if url not in inputs:
            return None
        item, source = inputs[url]
        kept = self._written.get(url)
        if kept is not None and kept[0] is item:
            return kept[1]
        data, kind = item.content(url)
        blob = self._blobs.put(data, kind)
        self._files.reserve(blob)
        if kept is not None:  # the file has been edited since
            self._files.release(kept[1].blob)
        made = InputUrl(url=url, blob=blob, where=f"the scenario at {source}")
        self._written[url] = (item, made)
        return made


def type_of(content: bytes | Path, url: str, given: str | None) -> str:
    """The content type of what a URL is to hold: as it was given, or by the names."""
    if given:
        return given
    from wiro_mock.language.inputs import type_of as type_of_url

    return content_type(content.name, type_of_url(url)) if isinstance(content, Path) else type_of_url(url)


def _pieces(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, Path):
        with content.open("rb") as file:
            while piece := file.read(_CHUNK):
                yield piece
    else:
        yield from (content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK))


def _is_url(text: str) -> bool:
    return text.lstrip()[:8].lower().startswith(("http://", "https://"))


def _refused(note: InputNote) -> str:
    ways = "wiro.input_url(URL, bytes or a path), `inputs:` of a scenario, --input-url or POST /__wiro/inputs does"
    return f"{note.told()}, and this world is set to refuse such inputs (undeclared_inputs); {ways}"
