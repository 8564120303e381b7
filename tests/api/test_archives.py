"""Archives from strangers: every trick that one can hold, what becomes of it, and what the tester is told."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api_kit import get, make_world, part, post, post_parts
from wiro_mock.explain import explain

UPLOAD = "/v1/File/Upload"
Writing = Callable[[zipfile.ZipFile], object]


def made(write: Writing) -> bytes:
    """An archive that this has written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(archive)
    return buffer.getvalue()


def zipped(*members: tuple[str, bytes]) -> bytes:
    def write(archive: zipfile.ZipFile) -> None:
        for name, data in members:
            archive.writestr(name, data)

    return made(write)


def of_kind(name: str, mode: int, data: bytes) -> Writing:
    """A member with this Unix mode beside a plain one."""

    def write(archive: zipfile.ZipFile) -> None:
        odd = zipfile.ZipInfo(name)
        odd.create_system, odd.external_attr = 3, mode << 16
        archive.writestr(odd, data)
        archive.writestr("good.txt", b"good")

    return write


def patched(data: bytes, *, local: int, central: int, value: bytes) -> bytes:
    """The archive with these bytes at these places of the headers of its last member."""
    changed = bytearray(data)
    for start, at in ((changed.rindex(b"PK\x03\x04"), local), (changed.rindex(b"PK\x01\x02"), central)):
        changed[start + at : start + at + len(value)] = value
    return bytes(changed)


def encrypted() -> bytes:
    return patched(zipped(("a.txt", b"one"), ("b.txt", b"two")), local=6, central=8, value=b"\x01\x00")


def sized(size: int) -> bytes:
    """Headers that tell of another size than there is."""
    data = zipped(("a.txt", b"one"), ("b.txt", bytes(1_000)))
    return patched(data, local=22, central=24, value=struct.pack("<I", size))


def uploaded(data: bytes, **settings: Any) -> tuple[Any, list[dict[str, Any]], str]:
    """The world, what came of the archive, and what the tester is told."""
    world = make_world(**settings)
    answer = post_parts(world, UPLOAD, part("file", data, filename="set.zip", kind="application/zip")).json
    assert answer["result"] is True, world.journal.entries()[-1].outcome.reason
    return world, answer["list"], world.journal.entries()[-1].outcome.reason


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("/etc/a.txt", "a.txt"),
        ("..\\..\\w.txt", "w.txt"),
        ("C:\\w.txt", "w.txt"),
    ],
)
def test_a_path_that_leads_out_is_a_plain_name_and_told(path: str, name: str) -> None:
    """Nothing is ever written by a member's name; what it was is told."""
    world, (item,), reason = uploaded(zipped((path, b"x")))
    assert (item["name"], get(world, item["url"]).content) == (name, b"x")
    assert reason == (f"'set.zip' is taken apart; a path that leads out of the archive, kept as '{name}': {path!r}")


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        (stat.S_IFLNK | 0o777, "a link, passed over: 'odd.txt'"),
        (stat.S_IFCHR | 0o666, "no regular file, passed over: 'odd.txt'"),
        (stat.S_IFIFO | 0o666, "no regular file, passed over: 'odd.txt'"),
    ],
)
def test_links_and_devices_are_passed_over(mode: int, told: str) -> None:
    """The others are kept."""
    _, items, reason = uploaded(made(of_kind("odd.txt", mode, b"/etc/passwd")))
    assert [item["name"] for item in items] == ["good.txt"]
    assert reason == f"'set.zip' is taken apart; {told}"


def test_an_archive_in_an_archive_stays_one() -> None:
    """However deep it is: only the outer one is opened."""
    inner = zipped(("deep.txt", b"x"))
    world, items, reason = uploaded(zipped(("in.zip", inner), ("a.txt", b"y")))
    assert [(item["name"], item["contenttype"]) for item in items] == [
        ("in.zip", "application/zip"),
        ("a.txt", "text/plain"),
    ]
    assert get(world, items[0]["url"]).content == inner
    assert "an archive in an archive, not taken apart: 'in.zip'" in reason


@pytest.mark.parametrize("name", ["CON", "nul.txt", "Com1.png", "LPT9", "aux.tar.png", "prn .txt"])
def test_a_file_named_like_a_device_is_kept_and_told(name: str) -> None:
    """In an archive or by itself: here no file has that name; on the client's Windows it could not be saved."""
    world, (item,), reason = uploaded(zipped((name, b"x")))
    assert (item["name"], get(world, item["url"]).content) == (name, b"x")
    assert reason.startswith(f"{name!r} is the name of a device on Windows")
    alone = post_parts(world, UPLOAD, part("file", b"y", filename=name)).json["list"][0]
    assert alone["name"] == name
    assert "device" in world.journal.entries()[-1].outcome.reason


@pytest.mark.parametrize("name", ["console.txt", "null.txt", "com.png", "my-con.txt"])
def test_what_only_looks_like_a_device_is_nothing_odd(name: str) -> None:
    """No word about it."""
    assert uploaded(zipped((name, b"x")))[2] == ""


def test_names_that_are_no_utf8_are_read_all_the_same() -> None:
    """The macOS archiver writes UTF-8 without saying so; anything else is code page 437, as the format has it."""
    unmarked = zipped(("x" * 9 + ".txt", b"1")).replace(b"x" * 9, "ü-é-1".encode() + b"yy")
    assert [item["name"] for item in uploaded(unmarked)[1]] == ["ü-é-1yy.txt"]
    old = zipped(("x" * 9 + ".txt", b"1")).replace(b"x" * 9, b"\x81-\xff-12345")
    _, (item,), reason = uploaded(old)
    assert item["name"] == "ü-\N{NO-BREAK SPACE}-12345.txt"
    assert "a name that is no UTF-8, read as code page 437" in reason


def test_a_name_that_says_it_is_utf8_and_is_not_leaves_the_archive_as_it_is() -> None:
    """It cannot be read."""
    data = zipped(("ü" * 4 + ".txt", b"1")).replace("ü".encode() * 4, b"\xff" * 8)
    _, (item,), reason = uploaded(data)
    assert item["name"] == "set.zip"
    assert "kept as it is: it cannot be read as an archive (UnicodeDecodeError" in reason


def test_a_name_that_is_there_twice_is_kept_twice_and_told() -> None:
    """Two folders may hold the same name, and an archive may hold it twice; each has its own URL."""
    world, items, reason = uploaded(zipped(("a.txt", b"1"), ("a.txt", b"2"), ("sub/a.txt", b"3")))
    assert [get(world, item["url"]).content for item in items] == [b"1", b"2", b"3"]
    assert reason.endswith("there several times, each kept: 'a.txt'")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (encrypted(), "'b.txt' in it is encrypted"),
        (sized(10), "it cannot be read as an archive (BadZipFile: Bad CRC-32 for file 'b.txt')"),
        (sized(1 << 30), "the archives of one request unpack to more than 104857600 bytes"),
        (sized(50_000), "'b.txt' in it has not as many bytes as its header says"),
        (zipped(("bomb.txt", bytes(1 << 20))), "'bomb.txt' in it is 10"),
        (made(of_kind("x", stat.S_IFLNK, b"y")).replace(b"good.txt", b"good.exe"), "there is nothing in it to be kept"),
        (zipped(("a/", b"")), "there is no file in it"),
        (b"PK\x03\x04 and no more", "it cannot be read as an archive (BadZipFile: File is not a zip file)"),
        (zipped(*((f"{at}.txt", b"") for at in range(201))), "there are more than 200 files in the archives"),
    ],
    ids=["encrypted", "smaller", "huge", "larger", "bomb", "nothing", "empty", "broken", "many"],
)
def test_what_cannot_be_taken_apart_is_kept_as_it_is_and_told_why(data: bytes, why: str) -> None:
    """One item, byte for byte; in the journal and in `explain` the reason."""
    world, (item,), reason = uploaded(data)
    assert (item["name"], item["contenttype"], get(world, item["url"]).content) == ("set.zip", "application/zip", data)
    assert reason.startswith(f"'set.zip' is kept as it is: {why}")
    assert f"why       {reason[:60]}" in "\n".join(explain(world, "req-1"))
    assert len(world.blobs) == 1


def test_files_of_no_documented_type_in_an_archive_are_passed_over() -> None:
    """Unless the profile takes every type; the reason names them."""
    data = zipped(("a.txt", b"1"), ("__MACOSX/._a", b"2"), ("run.exe", b"3"), ("._x.sh", b"4"))
    _, items, reason = uploaded(data)
    assert [item["name"] for item in items] == ["a.txt", "_a"]
    assert "of no documented type, passed over: 'run.exe' '_x.sh'" in reason


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20), st.binary(max_size=9))
    ),
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 255)), max_size=4),
)
def test_no_archive_brings_the_mock_down_or_leaves_anything_behind(
    members: list[tuple[str, bytes]], damage: list[tuple[int, int]]
) -> None:
    """Whatever is in it, and whatever has been done to it: an answer, plain names, no byte without a file."""
    data = bytearray(zipped(*((name.encode(errors="replace").decode(), body) for name, body in members)))
    for at, byte in damage:
        data[at % len(data)] = byte
    world, items, _ = uploaded(bytes(data))
    assert items
    assert not any(set(item["name"]) & set("/\\\0\n\r") or item["name"].startswith(".") for item in items)
    for item in items:
        assert len(get(world, item["url"]).content) == int(item["size"])
        assert post(world, "/v1/File/Delete", {"fileid": item["id"]}).json["result"] is True
    assert len(world.blobs) == 0
