"""Whatever a file is that should be a snapshot: one sentence with the way out, and the world that was there stays."""

from __future__ import annotations

import json
import os
import pickle
import stat
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.api_kit import CAPTION, make_world, run, send, upload
from tests.snapshot.kit import loaded, saved, seen
from wiro_mock.commands.keeping import check_writable
from wiro_mock.kernel.rules import Limits
from wiro_mock.mock import World
from wiro_mock.snapshot import SnapshotError, archive, load, save

HOOK = {"callbackUrl": "http://127.0.0.1:9/hook"}


def busy_world(**more: Any) -> World:
    """One with a bit of everything."""
    world = make_world(**more)
    run(world)
    run(world, {"prompt": "hello", **HOOK}, path="/v1/Run/openai/gpt-5-2")
    upload(world, b"cat" * 100)
    world.skip(10**6)
    run(world, {"prompt": "long " * 100})
    world.use("failure", times=2)
    world.arm_set("flaky-network")
    return world


SNAPSHOT = saved(busy_world())


def refusal(data: bytes, **more: Any) -> str:
    """The sentence; and everything of the world that was asked is as it was."""
    world = busy_world(seed="another", **more)
    before, kept = seen(world), len(world.blobs)
    parts = world.sim, world.journal, world.clock, world.casting, world.project
    with pytest.raises(SnapshotError) as caught:
        load(world, BytesIO(data), name="the snapshot")
    assert (world.sim, world.journal, world.clock, world.casting, world.project) == parts
    assert seen(world) == before
    assert len(world.blobs) == kept
    sentence = str(caught.value)
    assert sentence.startswith("the snapshot ")
    assert "\n" not in sentence
    return sentence


def repacked(change: Callable[[dict[str, bytes]], None], data: bytes = SNAPSHOT) -> bytes:
    """The snapshot with other entries."""
    with zipfile.ZipFile(BytesIO(data)) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    change(entries)
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in entries.items():
            new.writestr(name, content)
    return file.getvalue()


def with_head(**changes: Any) -> bytes:
    def change(entries: dict[str, bytes]) -> None:
        entries["snapshot.json"] = json.dumps({**json.loads(entries["snapshot.json"]), **changes}).encode()

    return repacked(change)


def with_world(change: Callable[[bytes], bytes]) -> bytes:
    def changed(entries: dict[str, bytes]) -> None:
        entries["world.jsonl"] = change(entries["world.jsonl"])

    return repacked(changed)


def without(part: str) -> bytes:
    def drop(entries: dict[str, bytes]) -> None:
        for name in [name for name in entries if part in name]:
            del entries[name]

    return repacked(drop)


def recounted(data: bytes) -> bytes:
    """The same, whose head says how many files there are now."""

    def count(entries: dict[str, bytes]) -> None:
        files = sum(name.startswith("blobs/") for name in entries)
        entries["snapshot.json"] = json.dumps({**json.loads(entries["snapshot.json"]), "files": files}).encode()

    return repacked(count, data)


def with_entries(**more: bytes) -> bytes:
    return repacked(lambda entries: entries.update(more))


@settings(max_examples=25)
@given(st.integers(0, len(SNAPSHOT) - 1))
def test_one_that_was_cut_off_anywhere_is_refused(length: int) -> None:
    """A copy that was broken off is no whole ZIP file."""
    assert "no whole ZIP file; save it once more" in refusal(SNAPSHOT[:length])


@settings(max_examples=60, phases=set(Phase) - {Phase.shrink})  # a byte is as small as it gets, and a look is dear
@given(st.integers(0, len(SNAPSHOT) - 1), st.integers(1, 255))
@example(len(SNAPSHOT) - 30, 2)  # in the name of a file: it would be gone without a word
@example(len(SNAPSHOT) - 221, 1)  # in a length of the directory, which swallows the next entry
def test_one_flipped_byte_is_found_or_harmless(place: int, by: int) -> None:
    """Either it is refused in a sentence, or nothing that counts has changed."""
    data = bytearray(SNAPSHOT)
    data[place] ^= by
    world = make_world(seed="another")
    told = ""
    try:
        load(world, BytesIO(bytes(data)), name="the snapshot")
    except SnapshotError as error:
        told = str(error)
    if told:
        assert told.startswith("the snapshot ")
        assert world.sim.made == 0
    else:
        assert saved(world) == saved(loaded(SNAPSHOT, make_world()))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no whole ZIP file"),
        (b"not a zip at all", "no whole ZIP file"),
        (pickle.dumps({"tasks": []}), "no whole ZIP file"),
        (repacked(dict.clear), "a ZIP file, but no snapshot of wiro-mock; `wiro-mock snapshot save` makes one"),
        (with_head(snapshot="other"), "a ZIP file, but no snapshot of wiro-mock"),
        (with_head(format="1"), "a ZIP file, but no snapshot of wiro-mock"),
        (with_entries(**{"snapshot.json": b"[" * 10_000}), "is damaged"),
        (with_entries(**{"snapshot.json": b" " * (2 << 20)}), "a ZIP file, but no snapshot of wiro-mock"),
        (
            with_head(format=2, written_by="0.9.0"),
            "was written by wiro-mock 0.9.0 in format 2, and this one reads format 1; install the wiro-mock that wrote",
        ),
        (with_head(format=0, written_by="0.0.1"), "load it with the wiro-mock that wrote it"),
        (without("world.jsonl"), "there is no world in it"),
        (without("blobs/"), "it held 2 files, and has 0; save it once more"),
        (recounted(without("blobs/")), "are missing"),
        (with_entries(**{"blobs/" + "x" * 64: b"x"}), "is no part of a snapshot; save it once more"),
        (with_entries(**{"blobs/" + "0" * 64: b"x"}), "it held 2 files, and has 3"),
        (recounted(with_entries(**{"blobs/" + "0" * 64: b"x"})), "a file in it is not what its name says"),
        (with_entries(**{"scenarios/1/../../evil.yaml": b"x"}), "would lie outside of its folder"),
        (with_entries(**{"scenarios/1//etc/cron.d/x": b"x"}), "would lie outside of its folder"),
        (with_entries(**{"scenarios/1/a\\..\\b.yaml": b"x"}), "would lie outside of its folder"),
        (with_entries(**{"scenarios/1/mine.yaml": b"scenario: [\n"}), "holds scenarios that cannot be read here"),
    ],
)  # fmt: skip
def test_what_is_no_snapshot_of_ours_is_refused(data: bytes, sentence: str) -> None:
    """Another file, another version, a part missing, a path that leads elsewhere."""
    assert sentence in refusal(data)


ENDED = b'{"type":"PostprocessEnded","fields":[]},["PostprocessEnded"]'
WORLDS: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut": (lambda world: world[: len(world) // 2], "is damaged: line"),
    "no end": (lambda world: world[: world[:-1].rindex(b"\n") + 1], "does not come to its end"),
    "no JSON": (lambda world: b"\x80\x04\x95" + world, "line 1 of its world cannot be read: it is no JSON"),
    "deep": (lambda world: b"[" * 100_000 + b"]" * 100_000 + b"\n" + world, "nested too deep"),
    "unknown type": (lambda world: b'[{"type":"Popen","fields":["args"]}]\n' + world, "there is no type 'Popen' here"),
    "unknown field": (lambda world: world.replace(b'"fields":["id","token"', b'"fields":["idd","token"'), "no field"),
    "another type": (lambda world: world.replace(b'["Step",700000', b'["Step","soon"', 1), "after cannot be 'soon'"),
    "nothing there": (lambda world: world.replace(b'{"!":0}', b'{"!":99999999}', 1), "refers to what does not stand"),
    "an illegal log": (lambda world: world.replace(b'["Accepted"]', ENDED, 1), "PostprocessEnded cannot"),
    "a task twice": (lambda world: world.replace(b'"232147"', b'"232146"'), "is damaged"),
    "no such time": (lambda world: world.replace(b'"kit","manual"', b'"kit","warp9"'), "time is real, auto, manual"),
}  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_that_cannot_be_is_refused(name: str) -> None:
    """Lines that no writer makes: nothing of them is played, or kept."""
    change, sentence = WORLDS[name]

    def damaged(world: bytes) -> bytes:
        assert change(world) != world, "the damage is not done"
        return change(world)

    assert sentence in refusal(with_world(damaged))


def test_a_zip_that_grows_beyond_all_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files beyond --keep-mib, one endless line, endless lines, and too many scenarios: by what is really read."""
    large = busy_world()
    upload(large, os.urandom(3 << 20))
    assert "beyond the 1 MiB that are kept here; start the server with a larger --keep-mib" in refusal(
        saved(large), limits=Limits(bytes=1 << 20)
    )
    monkeypatch.setattr(archive, "LONGEST_LINE", 1 << 16)
    assert "a line of more than" in refusal(with_world(lambda world: b" " * (1 << 17) + world))
    monkeypatch.setattr(archive, "MOST_TEXT", 1 << 18)
    assert "are read at most" in refusal(with_world(lambda world: b"[]\n" * (1 << 17) + world))
    monkeypatch.setattr(archive, "MOST_SCENARIOS", 1000)
    assert "MiB of scenarios" in refusal(with_entries(**{"scenarios/1/a.yaml": b"#" * 2000}))
    monkeypatch.setattr(archive, "MOST_ENTRIES", 2)
    assert "holds more than 2 files" in refusal(SNAPSHOT)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_one_that_says_it_is_packed_in_another_way_is_refused(method: int) -> None:
    """One byte of the directory does it: what unpacks bzip2 and LZMA raises errors of its own."""
    data = bytearray(SNAPSHOT)
    with zipfile.ZipFile(BytesIO(SNAPSHOT)) as file:
        place = data.index(b"world.jsonl", file.start_dir) - 46
    assert data[place : place + 4] == b"PK\x01\x02"
    data[place + 10] = method
    assert "was packed by something else; save it once more" in refusal(bytes(data))


def test_a_disk_that_cannot_be_read_is_said() -> None:
    """Once the file is open, too."""

    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() == 0:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(SnapshotError, match="the snapshot cannot be read: Input/output error; save it once more"):
        load(make_world(), Broken(SNAPSHOT), name="the snapshot")


def test_a_file_that_lies_about_its_size_is_not_believed() -> None:
    """The sizes in a ZIP's directory are promises: the CRC over what was read finds the lie."""
    data = bytearray(SNAPSHOT)
    directory = data.rindex(b"PK\x01\x02")
    size = directory + 24
    data[size : size + 4] = (1).to_bytes(4, "little")
    with pytest.raises(SnapshotError, match="is damaged"):
        load(make_world(), BytesIO(bytes(data)), name="the snapshot")


def test_a_field_that_came_later_is_filled_in() -> None:
    """An older snapshot, without a field that has a default, is read as before."""

    def older(world: bytes) -> bytes:
        lines = []
        for line in world.splitlines():
            items = json.loads(line)
            for item in items:
                if isinstance(item, dict) and item["type"] == "File":
                    assert item["fields"][-1] == "task_id"
                    item["fields"].pop()
                elif isinstance(item, list) and item[0] == "File":
                    item.pop()
            lines.append(json.dumps(items).encode())
        return b"\n".join(lines)

    world = loaded(with_world(older), make_world())
    assert [file.name for file in world.sim.files.uploads.values()] == ["picture.png"]


def test_the_same_world_makes_the_same_bytes() -> None:
    """And so does one that was loaded: a snapshot in a repository changes only when its world does."""
    assert saved(busy_world()) == SNAPSHOT
    assert saved(loaded(SNAPSHOT, make_world(seed="else"))) == SNAPSHOT


# -- writing -------------------------------------------------------------------------------------------


def test_only_its_owner_can_read_it_and_the_secret_can_be_left_out(tmp_path: Path) -> None:
    """Mode 0600; without the secret, whoever loads it keeps credentials of their own."""
    path = tmp_path / "world.zip"
    os.umask(old := os.umask(0))
    save(busy_world(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert old == os.umask(old)
    world = busy_world()
    secret, key = world.project.secret.encode(), world.project.key.encode()

    def everything(data: bytes) -> bytes:
        with zipfile.ZipFile(BytesIO(data)) as file:
            return b"".join(map(file.read, file.namelist()))

    assert secret in everything(saved(world))
    without = saved(world, secret=False)
    assert secret not in everything(without)
    assert key not in everything(without)
    again = loaded(without, make_world(key_only=True))
    assert (again.project.key_only, again.settings.key_only) == (True, True)
    assert again.sim.made == world.sim.made


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, nothing half, nothing left over."""
    path = tmp_path / "world.zip"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SnapshotError) as caught:
        save(busy_world(), path)
    assert str(caught.value) == (
        f"{path} cannot be written: No space left on device; what was there before is untouched; "
        "give a path on a disk that has room and may be written to"
    )
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"old", [path])


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """Root could put a file in the place of /dev/null; a pipe stands for it here. The commands say so at the begin."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SnapshotError, match="pipe is no file; give the path of a file"):
        save(busy_world(), pipe)
    with pytest.raises(click.UsageError, match="is no file, but a device or a pipe; give the path of a file"):
        check_writable(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """For a file that is to be read, too."""
    with pytest.raises(SnapshotError, match="cannot be written: No such file or directory; give a path"):
        save(busy_world(), tmp_path / "none" / "world.zip")
    with pytest.raises(SnapshotError, match=r"none\.zip cannot be read: there is no such file; look at the path"):
        load(busy_world(), tmp_path / "none.zip")


def test_bytes_that_are_forgotten_while_a_world_is_written_are_written_all_the_same() -> None:
    """What was taken stays until it is written, and goes then."""
    from wiro_mock.snapshot import put
    from wiro_mock.snapshot.taking import take

    world = busy_world()
    file = next(iter(world.sim.files.uploads.values()))
    taken = take(world)
    world.sim.delete_upload(file)
    world.collect()
    assert world.blobs.has(file.blob)
    made = BytesIO()
    put(world, taken, made)
    assert not world.blobs.has(file.blob)
    again = loaded(made.getvalue(), make_world())
    assert send(again, "GET", f"/v1/File/{file.accesskey}/{file.name}").content == b"cat" * 100


def test_what_is_odd_in_json_survives() -> None:
    """Large and small numbers, keys that look like ours, emptiness."""
    world = make_world()
    odd = {"prompt": "\U0001f408", "n": 10**15, "f": 1e-9, "!": {"!": 3}, "list": [[], {}, None, True, 1, 1.0], "": ""}
    run(world, odd, path=CAPTION)
    (task,) = world.sim.tasks()
    (again,) = loaded(saved(world), make_world()).sim.tasks()
    assert repr(again.job.parameters) == repr(task.job.parameters)
