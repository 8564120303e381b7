"""JSON as JavaScript reads and writes it, guarded against what Python's own module trips over."""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_DEPTH = 100
MAX_DIGITS = 300


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises `ValueError` with the reason for everything else.

    Refused beyond the grammar: NaN and Infinity, which Python would take; numbers too large for a double;
    nesting deeper than 100, which could not be written out again; bytes that are not UTF-8 (a BOM is passed over).
    """
    try:
        if isinstance(text, bytes):
            text = text.decode().removeprefix("\ufeff")  # UTF-8 only: Python itself would take UTF-16, too
        value = _decode(text)
    except RecursionError:
        raise ValueError(f"JSON is nested deeper than {MAX_DEPTH}") from None
    except UnicodeDecodeError:
        raise ValueError("the text is not UTF-8") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise ValueError(f"JSON is nested deeper than {MAX_DEPTH}")
    return value


def kind_of(value: object) -> str:
    """What a JSON value is, in JSON's own words and with its article."""
    if value is None:
        return "null"
    kinds = {bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    return next((kind for type_, kind in kinds.items() if isinstance(value, type_)), "a number")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_encode_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode


def dumps(value: object) -> str:
    """The compact JSON text, as `JSON.stringify` writes it; a lone surrogate as its escape, never raw."""
    text = _encode(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _encode_ascii(value)
    return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits is too large")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:40]} is too large")
    return value


# Made once; `json.loads` would make a decoder for every text, because of the functions.
_decode = json.JSONDecoder(parse_constant=_no_constant, parse_int=_int, parse_float=_float).decode


def _deeper_than(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        children: list[object] = []
        for item in level:
            if isinstance(item, dict):
                children.extend(item.values())
            elif isinstance(item, list):
                children.extend(item)
        if not children:
            return False
        level = children
    return any(isinstance(item, dict | list) for item in level)
