"""A socket that breaks is opened again, an output that breaks off is fetched again: nothing is lost or told twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection

from tests.live_kit import PATIENCE
from tests.recorder.kit import ended, recording, sockets_that, telling, upstream_that
from tests.recorder.test_bad_days import begun, frame, post, said
from wiro_mock.recorder.again import Again

CONNECTED = '{"type": "connected", "version": "1.0"}'
PIECES = tuple(frame("task_output", message=text) for text in ("one", "two", "one"))
LIFE = (
    frame("task_accept"),
    frame("task_start"),
    *PIECES,
    frame("task_end"),
    frame("task_postprocess_end", message=[]),
)


@contextmanager
def in_turn(*connections: tuple[str, ...]) -> Iterator[str]:
    """A socket whose first connection tells the first of these, and closes, and so on; the last one waits."""
    left = list(connections)

    def play(connection: ServerConnection, over: threading.Event) -> None:
        connection.recv()
        for message in left.pop(0):
            connection.send(message)
        if not left:
            over.wait(PATIENCE)

    with sockets_that(play) as url:
        yield url


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("cut", [1, 2, 4])
def test_a_socket_that_breaks_is_opened_again(cut: int, whole: bool, tmp_path: Path) -> None:
    """Whether it tells all from the beginning then, or where the task stands (socket.md §2.4); in the archive, too."""
    stands = () if whole else (LIFE[min(cut, 2) - 1],)
    first, second = LIFE[:cut], (LIFE if whole else (*stands, *LIFE[cut:]))
    with (
        in_turn((CONNECTED, *first), (CONNECTED, *second)) as sockets,
        upstream_that(begun) as url,
        recording(url, tmp_path, socket=sockets, har=True) as made,
    ):
        post(made)
        ended(made)
    text = (tmp_path / "caption-1.yaml").read_text()
    assert [line.split('"')[1] for line in text.splitlines() if "print:" in line] == ["one", "two", "one"]
    assert "Recorded: " in text
    assert not made.told
    kept = json.loads((tmp_path / "traffic.har").read_text())["log"]["entries"]
    heard = [json.loads(one["data"])["type"] for entry in kept for one in entry.get("_webSocketMessages", ())]
    assert [kind for kind in heard if kind != "connected"] == [json.loads(one)["type"] for one in LIFE]


@given(cut=st.integers(1, 6), kind=st.sampled_from(["all", "status", "none"]))
def test_what_is_told_again_is_left_out_and_nothing_else(cut: int, kind: str) -> None:
    """By the frames alone."""
    frames = [json.loads(text) for text in LIFE]
    before = frames[:cut]
    stood = [one for one in before if one["type"] != "task_output"][-1:]
    again = Again(before)
    told = {"all": frames, "status": [*stood, *frames[cut:]], "none": frames[cut:]}[kind]
    assert [one for one in told if not again.has(one)] == frames[cut:]


def test_an_output_that_breaks_off_is_fetched_again(tmp_path: Path) -> None:
    """Until it is there; one that is not to be had is asked for once, and told."""
    asked = list[str]()

    def answer(request: bytes) -> bytes | None:
        path = request.split()[1].decode()
        if not path.endswith(".bin"):
            return begun(request)
        asked.append(path)
        if path == "/gone.bin":
            return said(b"", "Connection: close", status="404 Not Found", kind="text/plain")
        if len(asked) == 1:
            return None
        if len(asked) == 2:
            return said(b"", "Connection: close", status="503 Not Now", kind="text/plain")
        return said(b"\x00whole\xff", "Connection: close", kind="application/octet-stream")

    with upstream_that(answer) as url:
        files = [{"name": name, "url": f"{url}/{name}", "contenttype": "a/b"} for name in ("here.bin", "gone.bin")]
        texts = (frame("task_start"), frame("task_postprocess_end", message=files))
        with telling(*texts) as sockets, recording(url, tmp_path, socket=sockets) as made:
            post(made)
            ended(made)
    assert asked == ["/here.bin"] * 3 + ["/gone.bin"]
    assert (tmp_path / "caption-1-0.bin").read_bytes() == b"\x00whole\xff"
    assert made.told == ["an output could not be fetched (status 404); its bytes are not recorded"]
