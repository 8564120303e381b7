"""Which kind of document a source is, told by its content and not by its name, and the drafts of the models in it."""

from __future__ import annotations

from typing import Any, Final

from wiro_mock.api.jsontext import loads
from wiro_mock.published.draft import Draft, NotAModel
from wiro_mock.published.llms_text import is_llms_text, read_llms_text
from wiro_mock.published.openapi_document import is_openapi, read_openapi
from wiro_mock.published.tool_json import is_tool_json, read_tool_json
from wiro_mock.text import printable

EXPECTED: Final = "expected is a model's llms-full.txt, a Tool/Detail answer, or an OpenAPI document"
LARGEST: Final = 2 << 20
"""Bytes of a source; what Wiro publishes about a model is far smaller."""
_SHOWN: Final = 40


def read_published(data: bytes) -> list[Draft]:
    """The drafts of all models of a source. Raises `NotAModel` with what was found, and what is expected."""
    if len(data) > LARGEST:
        raise NotAModel(f"it is larger than {LARGEST >> 20} MiB; {EXPECTED}")
    text = _decoded(data)
    start = text.lstrip()
    if not start:
        raise NotAModel(f"it is empty; {EXPECTED}")
    if start[0] == "<":
        raise NotAModel(
            f"it is an {'XML' if start.startswith('<?xml') else 'HTML'} page; {EXPECTED}: the first is found at the "
            "model's page with /llms-full.txt after it"
        )
    if start[0] in "[{":
        return _of_json(start)
    if is_llms_text(text):
        return [read_llms_text(text)]
    raise NotAModel(f"{_other(start)}; {EXPECTED}")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise NotAModel(f"it is no text in UTF-8 (byte {error.start}); {EXPECTED}") from None


def _of_json(text: str) -> list[Draft]:
    try:
        value: Any = loads(text)
    except ValueError as error:
        raise NotAModel(f"it begins like JSON and is none: {_reason(error)}; {EXPECTED}") from None
    if is_openapi(value):
        return [read_openapi(value)]
    if is_tool_json(value):
        return read_tool_json(value)
    raise NotAModel(f"it is JSON of something else: {_described(value)}; {EXPECTED}")


def _reason(error: ValueError) -> str:
    place = getattr(error, "lineno", None)
    reason = getattr(error, "msg", str(error))
    return f"{reason} in line {place}" if place else reason


def _described(value: object) -> str:
    if isinstance(value, dict):
        keys = ", ".join(printable(key[:_SHOWN]) for key in list(value)[:5])
        return f"an object with the keys {keys}" if keys else "an empty object"
    return f"an array of {len(value)}" if isinstance(value, list) else "a plain value"


def _other(start: str) -> str:
    if "\0" in start[:1024]:
        return "it is no text, for there are zero bytes in it"
    line = printable(start.partition("\n")[0][:_SHOWN])
    if start.startswith(("openapi:", "swagger:")):
        return "it is an OpenAPI document in YAML; give it as JSON, as Tool/DetailOpenAPI answers"
    if any(one.startswith("model:") for one in start.split("\n", 200)):
        return "it is a model file already, which belongs into DIR/models for wiro-mock serve --scenarios DIR"
    return f"it is a text without a line like 'Model name: owner/slug', and begins with '{line}'"
