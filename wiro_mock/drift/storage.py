"""Files and folders: which of the mock's stands for which of the service's, and what is asked of them.

Nobody has their bytes: an upload is repeated with as many zeros, at most `MOST`, of the same name and type. What was
there before the take is not the mock's; what is asked about that is left out, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from wiro_mock.drift.takes import Exchange, Form, Take

OF_FILES: Final = ("fileid", "folderid", "parentid")
"""The fields that name one."""


@dataclass(slots=True)
class Storage:
    """The mock's ids and addresses by the service's. `tell` is told what cannot be asked."""

    tell: Callable[[str], None]
    ids: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def named_here(self, one: Exchange) -> Exchange | None:
        """The request with the mock's names; None where it is about something that was there before."""
        if isinstance(one.body, Form) and any(part.filename.lower().endswith(".zip") for part in one.body.files):
            self.tell(f"{one.call} of an archive: what is in it nobody has kept")
            return None
        fields = one.body.fields if isinstance(one.body, Form) else one.body
        fields = fields if isinstance(fields, dict) else {}
        named = {name: str(fields[name]) for name in OF_FILES if fields.get(name)}
        if one.error == (None, None) and (older := [name for name, value in named.items() if value not in self.ids]):
            self.tell(f"{one.call} of a {older[0].removesuffix('id')} that was there before")
            return None
        here = {**fields, **{name: self.ids.get(value, value) for name, value in named.items()}}
        return replace(one, body=replace(one.body, fields=here) if isinstance(one.body, Form) else here)

    def learn(self, live: Exchange, mock: Exchange) -> None:
        """What both have made is the same."""
        if live.operation not in ("File/Upload", "File/FolderCreate"):
            return
        for theirs, ours in zip(listed(live.answer), listed(mock.answer), strict=False):
            self.ids[str(theirs.get("id"))] = str(ours.get("id"))
            if theirs.get("url") and ours.get("url"):
                self.paths[bare(str(theirs["url"]))] = urlsplit(str(ours["url"])).path


def listed(answer: Any) -> list[Mapping[str, Any]]:
    """The files and folders in an answer of the storage's."""
    found = answer.get("list") if isinstance(answer, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def listing(take: Take, url: str) -> Mapping[str, Any]:
    """What the service has said of the file at a URL; empty where it has not."""
    return next((one for _, _, one in _listings(take) if bare(str(one["url"])) == bare(url)), {})


def output_at(take: Take, url: str) -> tuple[str, int] | None:
    """The task that lists the file at a URL among its outputs, and its place among them."""
    found = ((task, place) for task, place, one in _listings(take) if bare(str(one["url"])) == bare(url))
    return next(((task, place) for task, place in found if task), None)


def _listings(take: Take) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    for one in take.exchanges:
        for task in one.tasks:
            yield from _outputs(str(task.get("id")), task.get("outputs"))
        yield from (("", place, file) for place, file in enumerate(listed(one.answer)) if file.get("url"))
    for task_id, frames in take.streams.items():
        for seen in frames[-1:]:
            yield from _outputs(task_id, seen.frame.get("message"))


def _outputs(task: str, found: Any) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    files = [one for one in found if isinstance(one, dict) and one.get("url")] if isinstance(found, list) else []
    yield from ((task, place, one) for place, one in enumerate(files))


def bare(url: str) -> str:
    """An address without its query, spelt in one way."""
    return unquote(url.partition("?")[0])
