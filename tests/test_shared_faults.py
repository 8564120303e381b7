"""Faults of connections on a server of several worlds: whose an upgrade is, and what is said where nobody knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.live_kit import PATIENCE, Listener, eventually
from tests.test_fault_language import arm
from tests.test_worlds import Shared
from wiro_mock.asgi import create_app
from wiro_mock.mock import World
from wiro_mock.server import ServerThread
from wiro_mock.testing.verdict import unfired_faults
from wiro_mock.worlds import Worlds


@pytest.fixture
def both() -> Iterator[tuple[Shared, World, World]]:
    """A server, and two worlds behind it."""
    with ServerThread(create_app(worlds := Worlds())) as thread:
        shared = Shared(worlds, thread)
        one, other = shared.attached("one", "other")
        yield shared, one, other
        shared.http.close()


def keyed(shared: Shared, world: World) -> ClientConnection:
    """A socket whose client sends the key of this world with its upgrade."""
    headers = {"x-api-key": world.project.key}
    return connect(shared.thread.socket_url, proxy=None, compression=None, additional_headers=headers)


def test_an_upgrade_with_a_key_is_struck_by_the_faults_of_its_world(both: tuple[Shared, World, World]) -> None:
    """Refused, and in the journal of that world; the other's connections are served."""
    shared, one, other = both
    fault = arm(one, on="socket", do={"status": 503})
    with keyed(shared, other) as served:
        assert Listener(served).frame()["type"] == "connected"
    with pytest.raises(InvalidStatus, match="HTTP 503"):
        keyed(shared, one)
    with keyed(shared, one) as served:
        assert Listener(served).frame()["type"] == "connected"
    assert fault.struck == 1
    assert ["the fault status 503" in entry.outcome.reason for entry in one.journal.entries()] == [True]
    assert not len(other.journal)


def test_its_welcome_is_that_worlds_too(both: tuple[Shared, World, World]) -> None:
    """So that a fault of the first frame strikes there; and the world hears what names no token."""
    shared, one, other = both
    arm(one, on="socket", do={"close": 1013})
    with keyed(shared, one) as client, pytest.raises(ConnectionClosed) as closed:
        client.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013
    with keyed(shared, one) as client:
        listener = Listener(client)
        assert listener.frame()["type"] == "connected"
        listener.check_silence()
        eventually(lambda: one.sockets == {2})
        shared.worlds.detach(one)
        with pytest.raises(ConnectionClosed):
            listener.text()
    assert not other.sockets
    assert not shared.worlds.has_strays


def test_an_upgrade_without_a_key_is_struck_by_nobody_and_the_end_says_so(both: tuple[Shared, World, World]) -> None:
    """A test beside must not feel it. It counts as no call, and is in no journal."""
    shared, one, other = both
    fault = arm(one, on="socket", do={"status": 503}, when={"nth": 2})
    for _ in range(3):
        with shared.socket():
            pass
    assert (fault.calls, fault.struck, len(one.journal)) == (0, 0, 0)
    (told,) = unfired_faults(one.faults)
    assert told.startswith("fault could not apply: status 503 on socket, set at here: several worlds share this server")
    assert "let the client send x-api-key with it" in told
    shared.worlds.detach(other)
    with shared.socket():
        pass
    with pytest.raises(InvalidStatus, match="HTTP 503"), shared.socket():
        pass
    assert not list(unfired_faults(one.faults))
