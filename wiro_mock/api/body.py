"""JSON, multipart and urlencoded bodies become fields and files, piece by piece as they arrive.

A transport feeds a `BodyReader` and asks for the `Body` at the end. File parts go straight into the store;
text is kept up to a limit; a body that cannot be read is still read to its end, so that it can be answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header

from wiro_mock.api import jsontext, multipart
from wiro_mock.api.messages import NO_BODY, Body
from wiro_mock.api.multipart import PART_SIZE, Parts, Store, gathered, text_weight
from wiro_mock.kernel.files import Blob

JSON_AS_FORM = "the body is JSON, but its Content-Type is that of a form; send Content-Type: application/json"
LOOKED_INTO = 1 << 16
"""Bytes of a form up to which JSON is looked for in it."""
MOST_VALUES = 200_000
"""Values of a JSON body, inner ones too; ours. Megabytes of ones and commas would take seconds to be looked at."""
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # never goes back, and an open one runs to the end
NODE_SIZE = 64
"""About what Python keeps beside the text for each value of a JSON text."""


class BodyReader:
    """Reads one body. `feed` it, then `finish` it; or `abandon` it when the client has gone."""

    def __init__(self, content_type: str, store: Store) -> None:
        kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
        boundary = options.get(b"boundary", b"")
        self._parts: Parts | None = None
        self._form = kind == b"application/x-www-form-urlencoded"
        # A multipart type without a boundary is tried as JSON: Wiro's own llms.txt samples send that (rest.md §2.0).
        if kind == b"multipart/form-data" and boundary:
            self._parts = Parts(boundary, store)
        self._text = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        if self._parts is not None:
            self._parts.feed(data)
            return
        self._size += len(data)
        if self._size <= multipart.TEXT_LIMIT:
            self._text += data

    def finish(self) -> Body:
        """The body, now that all of it has come. Never raises: see `Body.problem`."""
        if self._parts is not None:
            return self._parts.finish()
        if self._size > multipart.TEXT_LIMIT:
            return Body(problem=f"the body has {self._size} bytes of text; at most {multipart.TEXT_LIMIT} are read")
        raw = bytes(self._text)
        if self._form:
            return _form_body(raw)
        return _json_body(raw)

    def abandon(self) -> None:
        """The client has gone: leave nothing behind."""
        if self._parts is not None:
            self._parts.abandon()

    @property
    def blobs(self) -> list[Blob]:
        """The blobs written so far, pinned in the store until somebody unpins them."""
        return self._parts.blobs if self._parts is not None else []


def _json_body(raw: bytes) -> Body:
    if not raw.strip():
        return NO_BODY
    if _has_too_many(raw):
        return Body(raw=raw, text_size=len(raw), problem=f"the body has more than {MOST_VALUES} values of JSON")
    try:
        value = jsontext.loads(raw)
    except ValueError as error:
        return Body(raw=raw, text_size=len(raw), problem=f"the body is not JSON that can be read: {error}")
    if not isinstance(value, dict):
        return Body(raw=raw, text_size=len(raw), problem=f"the body is {jsontext.kind_of(value)}, not a JSON object")
    if len(value) > multipart.PART_LIMIT:
        return Body(raw=raw, text_size=len(raw), problem=f"the body has more than {multipart.PART_LIMIT} fields")
    values = raw.count(b",") + raw.count(b"[") + 4 * raw.count(b"{")
    # A single wide character makes its whole string wide; `\u` writes one in ASCII.
    text = len(raw) if raw.isascii() and b"\\u" not in raw else 4 * len(raw)
    return Body(fields=value, raw=raw, text_size=text + NODE_SIZE * values)


def _has_too_many(raw: bytes) -> bool:
    """Whether a JSON text has more values than are read, without making them; commas within texts do not count."""
    if raw.count(b",") + raw.count(b"[") < MOST_VALUES:
        return False
    bare, texts = _TEXT.subn(b"", raw, count=2 * MOST_VALUES)  # a value may have a name, but not two
    return texts == 2 * MOST_VALUES or bare.count(b",") + bare.count(b"[") >= MOST_VALUES


def _form_body(raw: bytes) -> Body:
    try:
        pairs = parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=multipart.PART_LIMIT)
    except ValueError:
        return Body(raw=raw, text_size=len(raw), problem=f"the form has more than {multipart.PART_LIMIT} fields")
    weight = sum(PART_SIZE + text_weight(name) + text_weight(value) for name, value in pairs)
    return Body(fields=gathered(pairs), raw=raw, text_size=weight, note=JSON_AS_FORM if _is_json(raw) else "")


def _is_json(raw: bytes) -> bool:
    """Whether a form is a JSON object: what curl sends for `-d` with no Content-Type of its own."""
    if raw.strip()[:1] != b"{" or len(raw) > LOOKED_INTO:
        return False
    try:
        return isinstance(jsontext.loads(raw), dict)
    except ValueError:
        return False


def text_of(fields: Mapping[str, object], name: str) -> str:
    """A field as text: strings as they are, numbers in digits, anything else as nothing."""
    value = fields.get(name)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(int(value)) if value == int(value) else str(value)
    return ""
