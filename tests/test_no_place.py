"""Where nothing can be written: a full disk, and no temporary folder at all. The server goes on, and says why."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.api_kit import CAPTION, signed
from tests.live_kit import live
from wiro_mock.store import BlobStore

WAY_OUT = "; make room there, or let TMPDIR name a folder that can be written to (in a container: --tmpfs /tmp)"
BIG = b"\x89PNG\r\n\x1a\n" + bytes(3 << 20)


def full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every file of the store lies on a device that is full."""
    full = folder / "1"

    def path(_: BlobStore) -> Path:
        full.unlink(missing_ok=True)
        full.symlink_to("/dev/full")
        return full

    monkeypatch.setattr(BlobStore, "_new_path", path)
    return f"an upload or an output of more than 1 MiB cannot be written to {full}: No space left on device{WAY_OUT}"


def no_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """There is nowhere to write, as in a container that is read-only."""
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "gone"))
    return (
        "an upload or an output of more than 1 MiB cannot be written to a temporary folder: No such file or directory"
    )


@pytest.mark.parametrize("way", [full_disk, no_folder])
def test_an_upload_that_cannot_be_kept_is_told_of_and_the_next_request_is_served(
    way: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the wire no more than that it is so; in the log and in the journal where, why, and what helps."""
    assert callable(way)
    with live() as it:
        with monkeypatch.context() as patch:
            why = way(tmp_path, patch)
            for path, field in ((CAPTION, "inputImage"), ("/v1/File/Upload", "file")):
                answer = it.http.post(path, files={field: ("cat.png", BIG, "image/png")}, headers=signed())
                assert answer.status_code == 500
                assert answer.json()["errors"][0]["message"] == "an upload cannot be kept here"
                exchange = it.world.journal.entries()[-1]
                assert exchange.outcome.reason.startswith(why)
                assert exchange.outcome.reason.endswith(WAY_OUT)
                assert exchange.outcome.reason in it.told[-1]
            assert not len(it.world.blobs)
            # What needs no place is played as ever.
            small = it.http.post(CAPTION, files={"inputImage": ("cat.png", b"\x89PNG", "image/png")}, headers=signed())
            assert small.json()["result"] is True
        again = it.http.post("/v1/File/Upload", files={"file": ("cat.png", BIG, "image/png")}, headers=signed())
        assert again.json()["result"] is True
