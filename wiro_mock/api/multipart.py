"""The parts of a multipart body, as they arrive, through python-multipart's push parser.

Files go straight into the store, text is kept; both have limits. After the first mistake the rest is passed over.
"""

from __future__ import annotations

import logging
import re
from typing import Protocol
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from wiro_mock.api.file_names import content_type_of
from wiro_mock.api.messages import Body, Upload, Writer
from wiro_mock.kernel.files import Blob

TEXT_LIMIT = 16 << 20
"""Bytes of text (JSON, form fields) in one body; ours."""
FILE_LIMIT = 100 << 20
"""Bytes of one file: Wiro's documented 100 MB (rest.md §7.1), counted as MiB."""
FILES_LIMIT = 1 << 30
"""Bytes of all files of one body; ours."""
PART_LIMIT = 2_000
"""Parts of a multipart body, or fields of a form; ours."""
PART_SIZE = 200
"""About what Python keeps of each part or field beside its text."""
PREAMBLE_LIMIT = 1 << 16
"""Bytes before the first boundary; ours."""
# What is wrong with a body is told in its place; the parser would say it on stderr too.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


class Store(Protocol):
    """Makes a writer for a content type."""

    def writer(self, contenttype: str) -> Writer: ...


def gathered(pairs: list[tuple[str, object]] | list[tuple[str, str]]) -> dict[str, object]:
    """One value as it is, several of one name as a list, in the order in which they came."""
    found: dict[str, list[object]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def text_weight(text: str) -> int:
    """About the bytes that a text takes in memory: up to four a character, unless all of them are ASCII."""
    return len(text) if text.isascii() else 4 * len(text)


class Parts:
    """The parts of a multipart body, through python-multipart's push parser."""

    def __init__(self, boundary: bytes, store: Store) -> None:
        self.blobs: list[Blob] = []
        self._store = store
        self._pairs: list[tuple[str, object]] = []
        self._problem = ""
        self._ended = False
        self._count = 0
        self._text_size = 0
        self._weight = 0
        self._file_size = 0
        self._opening = b"--" + boundary
        self._preamble: bytearray | None = bytearray()
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[str, bytes] = {}
        self._name = ""
        self._filename = ""
        self._text = bytearray()
        self._writer: Writer | None = None
        self._parser = self._make_parser(boundary)

    def _make_parser(self, boundary: bytes) -> MultipartParser | None:
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            self._fail(f"the multipart boundary is refused: {error}")
            return None

    def feed(self, data: bytes) -> None:
        if self._problem or self._parser is None:
            return
        if self._preamble is not None:
            data = self._after_preamble(self._preamble, data)
        try:
            self._parser.write(data)
        except FormParserError as error:
            self._fail(f"the multipart body is malformed: {error}")

    def _after_preamble(self, preamble: bytearray, data: bytes) -> bytes:
        """What comes from the first boundary on; the parser's own reading of a preamble depends on the pieces."""
        searched = max(0, len(preamble) - len(self._opening))
        preamble += data
        at = preamble.find(self._opening, searched)
        if at >= 0:
            self._preamble = None
            return bytes(preamble[at:])
        if len(preamble) > PREAMBLE_LIMIT:
            self._fail("the multipart body does not begin with the boundary that content-type names")
        return b""

    def finish(self) -> Body:
        if not self._problem and not self._ended:
            self._fail("the multipart body was cut off: its closing boundary never came")
        if self._problem:
            return Body(text_size=max(self._weight, self._text_size), problem=self._problem)
        return Body(fields=gathered(self._pairs), text_size=self._weight)

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None

    def _fail(self, problem: str) -> None:
        self._problem = self._problem or problem
        self.abandon()

    def _on_part_begin(self) -> None:
        self._count += 1
        self._headers = {}
        self._text = bytearray()
        if self._count > PART_LIMIT:
            self._fail(f"the multipart body has more than {PART_LIMIT} parts")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        disposition = self._headers.get("content-disposition", b"")
        _, options = parse_options_header(disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename", _extended_filename(disposition))
        self._filename = filename.decode("utf-8", "replace")
        self._weight += PART_SIZE + text_weight(self._name) + text_weight(self._filename)
        # A browser sends an empty file name for a file input that nobody has filled: that is an empty value.
        if self._filename and not self._problem:
            declared = self._headers.get("content-type", b"").decode("latin-1")
            self._writer = self._store.writer(content_type_of(declared, self._filename))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._problem:
            return
        if self._writer is not None:
            if self._writer.size + end - start > FILE_LIMIT:
                self._fail(f"the file in part {self._name!r} is larger than {FILE_LIMIT} bytes")
                return
            self._file_size += end - start
            if self._file_size > FILES_LIMIT:
                self._fail(f"the files of the body are larger than {FILES_LIMIT} bytes together")
                return
            self._writer.write(data[start:end])
            return
        self._text_size += end - start
        if self._text_size > TEXT_LIMIT:
            self._fail(f"the form fields have more than {TEXT_LIMIT} bytes of text")
            return
        self._text += data[start:end]

    def _on_part_end(self) -> None:
        if self._problem:
            return
        if self._writer is not None:
            blob = self._writer.finish()
            self._writer = None
            self.blobs.append(blob)
            self._pairs.append((self._name, Upload(filename=self._filename, blob=blob)))
            return
        text = self._text.decode("utf-8", "replace")
        self._weight += text_weight(text)
        self._pairs.append((self._name, text))

    def _on_end(self) -> None:
        self._ended = True


def _extended_filename(disposition: bytes) -> bytes:
    """The name in `filename*=utf-8''…`, which older HTTP libraries send for names that are not ASCII."""
    match = re.search(rb";\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", disposition, re.IGNORECASE)
    return unquote_to_bytes(match[1]) if match else b""
