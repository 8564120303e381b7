"""The files and URLs that a run gives for one file parameter, in every spelling that clients have (rest.md §5.4).

A file part, a URL in the same field, several of either, a JSON array, a JSON array as the text of a form field, and
fields beside it: `inputImageUrl` for `inputImage`, where one text may hold several URLs with commas between them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final

MOST_ENTRIES: Final = 1_000
"""Files and URLs of one parameter that are counted; ours. Who sends more is told so."""
MOST_VALUES: Final = 10_000
"""Values that are looked at for them, empty ones too: a body of megabytes can hold millions."""
LONGEST_LIST: Final = 1 << 20
"""Characters of texts that are read as JSON arrays; ours. What is longer is a single entry."""
LONGEST_URL: Final = 1 << 16
"""A longer text is an entry as it is."""
_URL: Final = re.compile(r"\s*https?://", re.IGNORECASE)
_SCHEMES: Final = ("https", "http")
_AROUND: Final = ", \t\r\n"
_MULTIPLE: Final = "Multiple"


@lru_cache(maxsize=10_000)
def companions(name: str) -> tuple[str, ...]:
    """The other fields in which a file parameter's URLs may stand: `inputImageUrl` for `inputImage`.

    A name that ends in `Multiple` has two, because Wiro's sources write `inputDocumentUrlMultiple` as well as
    `inputDocumentMultipleUrl`, and the n8n node sends both (rest.md §5.4).
    """
    if name.endswith(_MULTIPLE) and name != _MULTIPLE:
        return (f"{name}Url", f"{name.removesuffix(_MULTIPLE)}Url{_MULTIPLE}")
    return (f"{name}Url",)


def entries(parameters: Mapping[str, object], name: str) -> list[object]:
    """Each file or URL that `parameters` give for the file parameter `name`, as far as they are counted; see `found`.

    A file stays the value that it is, a URL is its text. Nulls, false, zero, `{}`, blanks, the text `null` and commas
    with nothing between them are no entries. A URL that stands in two of the fields counts once, for one client sends
    the same list under both names; within one field it counts as often as it stands there. Never raises: what is
    neither a file nor a URL is an entry, too. `a.png,b.png` is one: no source has a list of names with commas.
    """
    return found(parameters, name)[0]


def found(parameters: Mapping[str, object], name: str) -> tuple[list[object], bool]:
    """The entries, and whether there may be more than are looked at."""
    look = _Look()
    entered = list(islice(look.pieces(parameters.get(name)), MOST_ENTRIES + 1))
    for other in companions(name):
        if other in parameters:
            before = {piece for piece in entered if isinstance(piece, str)}
            pieces = (one for one in look.pieces(parameters[other]) if not (isinstance(one, str) and one in before))
            entered += islice(pieces, MOST_ENTRIES + 1 - len(entered))
    return entered[:MOST_ENTRIES], look.values > MOST_VALUES or len(entered) > MOST_ENTRIES


class _Look:
    """One look at what is sent for a parameter: how many values it has come by, and how much JSON it has read."""

    def __init__(self) -> None:
        self.values = 0
        self._read = 0

    def pieces(self, value: object) -> Iterator[object]:
        """One field's entries; lists within lists count by what is in them."""
        rest: list[Iterator[object]] = [iter((value,))]
        while rest:
            one = next(rest[-1], rest)
            if one is rest:  # this list is over
                rest.pop()
                continue
            self.values += 1
            if self.values > MOST_VALUES:
                return
            if isinstance(one, str):
                inner = self._json(one)
                if inner is None:
                    yield from self._text(one)
                    continue
                one = inner
            if isinstance(one, list | tuple):
                rest.append(iter(one))
            elif one:
                yield one

    def _json(self, text: str) -> object:
        """The list that a text is in JSON; None for another text."""
        if text.lstrip()[:1] != "[" or self._read + len(text) > LONGEST_LIST:
            return None
        self._read += len(text)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None

    def _text(self, text: str) -> Iterator[str]:
        if _URL.match(text):
            yield from self._comma_list(text)
        elif len(text) > LONGEST_URL or text.strip(_AROUND) not in ("", "null"):
            yield text

    def _comma_list(self, text: str) -> Iterator[str]:
        """The URLs of a list with commas; a comma parts two of them only where the next one begins."""
        begin, looked = 0, 0
        while (at := text.find("://", looked)) >= 0:
            # What lies between this `://` and the one before it: each character is looked at once.
            between, looked = text[looked:at], at + 3
            self.values += 1
            if self.values > MOST_VALUES:
                return
            scheme = next((one for one in _SCHEMES if between[-len(one) :].lower() == one), between)
            if between[: -len(scheme)].rstrip().endswith(","):
                end = at - len(scheme)
                yield _trimmed(text[begin:end])
                begin = end
        yield _trimmed(text[begin:])


def _trimmed(url: str) -> str:
    return url.strip(_AROUND) if len(url) <= LONGEST_URL else url
