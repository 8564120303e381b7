"""How large a picture a run asks for: for the picture that is made, and for the bill."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from wiro_mock.kernel.numbers import number_of

Wishes: TypeAlias = Callable[[str], Iterable[str]]
"""What a run asks for under the name of a parameter, the most wanted first; empty when it asks for nothing."""
LARGEST_SIDE: Final = 4096
"""Pixels of a side of a picture that can be made here. A larger wish counts as none, and so it does for the bill."""
_SIZES: Final = ("size", "resolution")
_WIDTH_BY_HEIGHT: Final = re.compile(r"\s*([0-9]{1,9}) ?[xX\u00d7*] ?([0-9]{1,9})\s*")


def asked_size(wishes: Wishes) -> tuple[int | None, int | None]:
    """Width and height in pixels: `width` and `height`, else `size` or `resolution` like 1024x1024, else one of the
    first two alone; None for a side that nobody asks for.
    """
    width, height = _side(wishes("width")), _side(wishes("height"))
    if width is None or height is None:
        for found in (_WIDTH_BY_HEIGHT.fullmatch(wish) for name in _SIZES for wish in wishes(name)):
            if found and _is_side(int(found[1])) and _is_side(int(found[2])):
                return int(found[1]), int(found[2])
    return width, height


def _side(wishes: Iterable[str]) -> int | None:
    """The first that is a side which a picture can have: n8n sends 0 where nobody chose one (rest.md §5.3).

    What passes for a number of a run is one here, too: `2048.0`, `2e3`. A picture has whole pixels: 2048.5 is 2048.
    """
    sides = (number for wish in wishes if (number := number_of(wish)) is not None)
    return next((int(side) for side in sides if 1 <= side < LARGEST_SIDE + 1), None)


def _is_side(pixels: int) -> bool:
    return 0 < pixels <= LARGEST_SIDE
