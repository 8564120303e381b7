"""Sizes of files as people write them (`300`, `20kB`, `5MB`, `1MiB`), in bytes.

k and M are thousands, Ki and Mi 1024.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

LARGEST_FILE: Final = 100 << 20
"""Bytes of one output; ours, as for uploads."""
_UNITS: Final = {"": 1, "b": 1, "kb": 1_000, "mb": 1_000_000, "kib": 1 << 10, "mib": 1 << 20}
_SIZE: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([A-Za-z]{0,3})")


def parse_size(value: object) -> int:
    """Whole bytes. Raises `ValueError` with the way out."""
    found = _SIZE.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ValueError(f"{str(value)[:60]!r} is no size; write it like 300, 20kB, 5MB or 1MiB")
    size = Decimal(found[1]) * unit
    if size != int(size):
        raise ValueError(f"{str(value)[:60]!r} is no whole number of bytes; write one")
    if size > LARGEST_FILE:
        raise ValueError(f"{str(value)[:60]!r} is larger than {LARGEST_FILE >> 20} MiB, and no file may be")
    return int(size)


Size: TypeAlias = Annotated[int, BeforeValidator(parse_size), WithJsonSchema({"type": ["integer", "string"]})]
"""A number of bytes."""
