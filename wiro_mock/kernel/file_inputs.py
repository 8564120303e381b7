"""The files and URLs that a run gives for one file parameter, in every spelling that clients have (rest.md §5.4).

A file part, a URL in the same field, several of either, a JSON array, a JSON array as the text of a form field, and
fields beside it: `inputImageUrl` for `inputImage`, where one text may hold several URLs with commas between them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

LONGEST_LIST: Final = 1 << 20
"""Characters of a text that is read as a JSON array; ours. A longer one is a single entry."""
_URL: Final = re.compile(r"\s*https?://", re.IGNORECASE)
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
    """Each file or URL that `parameters` give for the file parameter `name`; empty when there is none.

    A file stays the value that it is, a URL is its text. Nulls and empty texts are no entries. A URL that stands in
    two of the fields counts once, for one client sends the same list under both names; within one field it counts
    as often as it stands there. Never raises: what is neither a file nor a URL is an entry, too.
    """
    found = list(_pieces(parameters.get(name)))
    for other in companions(name):
        if other in parameters:
            before = {piece for piece in found if isinstance(piece, str)}
            found += [piece for piece in _pieces(parameters[other]) if not (isinstance(piece, str) and piece in before)]
    return found


def _pieces(value: object) -> Iterator[object]:
    """One field's entries; lists within lists count by what is in them."""
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, list | tuple):
            rest.extend(reversed(one))
        elif isinstance(one, str):
            yield from _of_text(one)
        elif one is not None:
            yield one


def _of_text(text: str) -> Iterator[object]:
    if text.lstrip()[:1] == "[" and len(text) <= LONGEST_LIST:
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            yield text
        else:
            yield from _pieces(listed)  # nesting texts in texts doubles their length each time, so this ends soon
    elif _URL.match(text):
        yield from _comma_list(text)
    elif text:
        yield text


def _comma_list(text: str) -> Iterator[str]:
    """The URLs of a list with commas; a comma parts two of them only where the next one begins."""
    parts: list[str] = []
    for part in text.split(","):
        if parts and _URL.match(part):
            yield ",".join(parts).strip(_AROUND)
            parts = []
        parts.append(part)
    yield ",".join(parts).strip(_AROUND)
