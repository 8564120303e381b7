"""The bytes of files: small ones in memory, large ones on disk, and gone when nobody needs them."""

from __future__ import annotations

import gc
import hashlib
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.kernel.files import Blob
from wiro_mock.store import CHUNK, IN_MEMORY, BlobStore

LARGE = b"0123456789abcdef" * (IN_MEMORY // 16) + b"!"


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store's private folders are made."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def files(disk: Path) -> list[Path]:
    return [path for path in disk.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("data", "on_disk"), [(b"", 0), (b"x", 0), (LARGE[:IN_MEMORY], 0), (LARGE, 1)])
def test_bytes_come_back_whole_from_memory_or_disk(disk: Path, data: bytes, on_disk: int) -> None:
    """Up to 1 MiB in memory, above on disk, in a folder that nobody else can read."""
    store = BlobStore()
    blob = store.put(data, "text/plain")
    assert blob == Blob(digest=hashlib.sha256(data).hexdigest(), size=len(data), contenttype="text/plain")
    assert store.read(blob) == data
    assert (len(store), len(files(disk))) == (1, on_disk)
    assert all(folder.stat().st_mode & 0o077 == 0 for folder in disk.iterdir())
    assert all(len(chunk) <= CHUNK for chunk in store.chunks(blob))
    store.close()


@given(st.lists(st.binary(max_size=20), max_size=6), st.integers(0, 130), st.integers(0, 130) | st.none())
def test_any_piece_of_bytes_written_in_any_pieces(pieces: list[bytes], start: int, stop: int | None) -> None:
    """As of one byte string."""
    store = BlobStore()
    writer = store.writer("")
    for piece in pieces:
        writer.write(piece)
    assert writer.size == len(b"".join(pieces))
    blob = writer.finish()
    assert b"".join(store.chunks(blob, start, stop)) == b"".join(pieces)[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(0, 10), (CHUNK - 1, CHUNK + 1), (IN_MEMORY - 5, None), (5, 5), (0, None)])
def test_a_piece_of_a_file_on_disk(disk: Path, start: int, stop: int | None) -> None:
    """From one place to another, also over the border of two chunks."""
    store = BlobStore()
    blob = store.put(LARGE, "")
    assert b"".join(store.chunks(blob, start, stop)) == LARGE[start:stop]
    store.close()


def test_equal_bytes_are_stored_once(disk: Path) -> None:
    """In memory and on disk."""
    store = BlobStore()
    for data in (b"same", LARGE):
        first, second = store.put(data, "a/b"), store.put(data, "c/d")
        assert first.digest == second.digest
        assert second.contenttype == "c/d"
    assert (len(store), len(files(disk))) == (2, 1)
    store.close()


@pytest.mark.parametrize("data", [b"small", LARGE])
def test_bytes_that_a_request_has_written_stay_until_it_is_answered(disk: Path, data: bytes) -> None:
    """A pin for each request; then they stay only if somebody needs them."""
    store = BlobStore()
    one, two = store.writer(""), store.writer("")
    for writer in (one, two):
        writer.write(data)
    first, second = one.finish(), two.finish()
    store.discard(first.digest)
    assert store.read(first) == data
    store.unpin(first, needed=lambda _: False)
    assert store.read(second) == data
    store.unpin(second, needed=lambda digest: digest == first.digest)
    assert store.read(second) == data
    store.discard(first.digest)
    store.discard(first.digest)
    assert (len(store), files(disk)) == (0, [])
    store.close()


def test_what_is_abandoned_leaves_nothing(disk: Path) -> None:
    """Small or large, once or twice."""
    store = BlobStore()
    for data in (b"x", LARGE):
        writer = store.writer("")
        writer.write(data)
        writer.abandon()
        writer.abandon()
    assert (len(store), files(disk)) == (0, [])
    store.close()


def test_bytes_being_read_may_be_deleted(disk: Path) -> None:
    """The reader gets the rest; a reader that never starts, or stops in the middle, leaves no open file."""
    store = BlobStore()
    blob = store.put(LARGE, "")
    reader, unread, half = store.chunks(blob), store.chunks(blob), store.chunks(blob)
    next(half)
    store.discard(blob.digest)
    assert b"".join(reader) == LARGE
    del unread, half
    gc.collect()
    store.close()


@pytest.mark.parametrize("data", [b"small", LARGE])
def test_an_open_blob_can_be_sought_in_and_outlives_its_deletion(disk: Path, data: bytes) -> None:
    """As a file, in memory or on disk."""
    store = BlobStore()
    blob = store.put(data, "")
    with store.open(blob) as file:
        store.discard(blob.digest)
        assert file.seek(-3, 2) == len(data) - 3
        assert file.read() == data[-3:]
    with pytest.raises(KeyError):
        store.open(blob)
    store.close()


def test_large_data_is_put_on_disk_without_another_copy(disk: Path) -> None:
    """Nor is what is opened or in memory copied."""
    store, data = BlobStore(), bytes(8 << 20)
    small = store.put(LARGE[:IN_MEMORY], "")
    tracemalloc.start()
    store.put(data, "")
    with store.open(small):
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 19
    store.close()


def test_closing_deletes_everything_and_the_store_can_be_used_again(disk: Path) -> None:
    """The folder is gone; a later file makes a new one."""
    store = BlobStore()
    store.put(LARGE, "")
    store.close()
    assert (len(store), list(disk.iterdir())) == (0, [])
    assert store.read(store.put(LARGE, "")) == LARGE
    store.close()
    store.close()
    assert list(disk.iterdir()) == []


def test_clearing_leaves_what_a_request_has_just_written(disk: Path) -> None:
    """A reset in the middle of an upload does not take its bytes away."""
    store = BlobStore()
    store.put(b"old", "")
    store.put(LARGE, "")
    writer = store.writer("")
    writer.write(LARGE + b"new")
    finished = store.writer("")
    finished.write(b"pinned")
    pinned = finished.finish()
    store.clear()
    assert (len(store), store.read(pinned)) == (1, b"pinned")
    assert store.read(writer.finish()) == LARGE + b"new"
    store.close()


def test_a_store_that_nobody_holds_any_more_takes_its_folder_along(disk: Path) -> None:
    """Without being closed."""
    store = BlobStore()
    store.put(LARGE, "")
    assert len(list(disk.iterdir())) == 1
    del store
    gc.collect()
    assert list(disk.iterdir()) == []


def test_many_threads_agree() -> None:
    """Each writes, reads and drops bytes that the others have too."""
    store = BlobStore()
    wrong: list[str] = []
    needed: set[str] = set()

    def work(seed: int) -> None:
        for turn in range(200):
            data = bytes([(seed + turn) % 3]) * 10
            writer = store.writer("")
            writer.write(data)
            blob = writer.finish()
            if b"".join(store.chunks(blob)) != data:
                wrong.append("other bytes")
            store.unpin(blob, needed=needed.__contains__)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(store) == 0
