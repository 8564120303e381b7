"""A socket that its client has just left is no leak, although the server learns of it a moment later."""

from __future__ import annotations

import threading

import pytest

from tests.api_kit import make_world
from wiro_mock.testing.assertions import assert_no_leaks


def test_a_client_that_has_just_left() -> None:
    """The server's thread takes the socket off its list while the test already asks."""
    world = make_world()
    world.sockets.add(1)
    threading.Timer(0.05, world.sockets.discard, [1]).start()
    assert_no_leaks(world)


def test_a_client_that_stays() -> None:
    """Patience ends."""
    world = make_world()
    world.sockets.add(1)
    with pytest.raises(AssertionError, match="socket 1 is still open"):
        assert_no_leaks(world)
