"""Files that were fetched: the status, and the headers, which are to agree with what the service lists of the file.

Of Wiro's CDN no source tells anything but that files are fetched without a key. So a status that differs, a type and a
length that are not those of the list are the mock's mistakes; any other header is only told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wiro_mock.contract.compare import shown
from wiro_mock.drift.findings import Finding, Level
from wiro_mock.drift.lines import line_of_place
from wiro_mock.drift.storage import listing
from wiro_mock.drift.takes import Exchange, Take

TOLD: Final = ("content-disposition", "accept-ranges", "etag", "last-modified")
"""Headers of which it is told whether they are there."""
_RANGE: Final = re.compile(r"bytes (?:\d+-\d+|\*)/\d+")


def of_download(take: Take, live: Exchange, mock: Exchange | None) -> Iterator[Finding]:
    """What differs in the answer to a request for a file."""
    if mock is None:
        return
    if live.status != mock.status:
        yield _finding(live, "status", f"HTTP {mock.status}", f"HTTP {live.status}")
        return
    if live.status not in (200, 206):
        return
    yield from _of_type_and_length(listing(take, live.call), live)
    said = live.headers.get("content-range", "")
    if live.status == 206 and not _RANGE.fullmatch(said):
        yield _finding(live, "content-range", shown(mock.headers["content-range"]), _or_none(said))
    for name in TOLD:
        ours, theirs = mock.headers.get(name, ""), live.headers.get(name, "")
        if bool(ours) != bool(theirs):
            yield _finding(live, name, _or_none(ours), _or_none(theirs), level="upstream new")


def _of_type_and_length(file: Mapping[str, Any], live: Exchange) -> Iterator[Finding]:
    wanted, kind = str(file.get("contenttype") or ""), live.headers.get("content-type", "")
    if wanted and _media(wanted) != _media(kind):
        yield _finding(live, "content-type", f"{shown(wanted)}, as it is listed", _or_none(kind))
    if "content-encoding" in live.headers or live.status != 200:
        return  # that is the length of something else
    size, length = str(file.get("size") or ""), live.headers.get("content-length", "")
    if not length:
        yield _finding(live, "content-length", "one", "none", level="upstream new")
    elif size.isdecimal() and size != length:
        yield _finding(live, "content-length", f"{shown(size)}, as it is listed", shown(length))


def _media(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _or_none(text: str) -> str:
    return shown(text) if text else "none"


def _finding(one: Exchange, name: str, mock: str, live: str, *, level: Level = "mock wrong") -> Finding:
    """A header, or the status, that differs; of all files, each is told once."""
    what = f"{one.method} of a file{f' ({asked})' if (asked := one.asked.get('range')) else ''}"
    line = line_of_place("files served" if name == "status" else "file headers")
    return Finding(
        level=level,
        key=("file", name, mock, live) if name == "status" else ("file", name),
        what=f"{what} {name}",
        mock=mock,
        live=live,
        change=f"change {line}",
        places=(what,),
    )
