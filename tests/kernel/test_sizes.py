"""The size of a picture that a run asks for."""

from __future__ import annotations

import pytest

from wiro_mock.kernel.sizes import LARGEST_SIDE, asked_size


@pytest.mark.parametrize(
    ("wishes", "size"),
    [
        ({}, (None, None)),
        ({"width": ["1024"], "height": ["768"]}, (1024, 768)),
        ({"width": ["0", "1024"], "height": ["768"]}, (1024, 768)),
        ({"width": ["1024"]}, (1024, None)),
        ({"width": ["1024"], "size": ["2048x2048"]}, (2048, 2048)),
        ({"width": ["1024"], "height": ["768"], "size": ["2048x2048"]}, (1024, 768)),
        ({"size": ["2048x1024"]}, (2048, 1024)),
        ({"size": ["", "auto"], "resolution": [" 64 \u00d7 32 "]}, (64, 32)),
        ({"size": ["2K", "640*480"]}, (640, 480)),
        ({"size": ["0x9"]}, (None, None)),
        ({"width": [str(LARGEST_SIDE)], "height": [str(LARGEST_SIDE + 1)]}, (LARGEST_SIDE, None)),
        ({"size": [f"{LARGEST_SIDE + 1}x9"]}, (None, None)),
        ({"width": ["2048.0"], "height": [" +2e3 "]}, (2048, 2000)),
        ({"width": ["2048.9"], "height": ["1.e0"]}, (2048, 1)),
        ({"width": ["0.9", "1e999999999", "NaN", "64"], "height": [f"{LARGEST_SIDE}.5"]}, (64, LARGEST_SIDE)),
        ({"width": ["-5"], "height": ["\u0663"]}, (None, None)),
    ],
)
def test_the_size_that_is_asked_for(wishes: dict[str, list[str]], size: tuple[int | None, int | None]) -> None:
    """Both sides, one, or none; a size that no picture here can have is none."""
    assert asked_size(lambda name: wishes.get(name, ())) == size
