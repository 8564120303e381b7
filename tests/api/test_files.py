"""Folders, uploads, archives, and the bytes behind the URLs."""

from __future__ import annotations

import io
import random
import re
import tracemalloc
import warnings
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api_kit import (
    CAPTION,
    ORIGIN,
    detail,
    get,
    make_world,
    part,
    post,
    post_parts,
    run,
    send,
    upload,
)
from wiro_mock.api import archive, wire
from wiro_mock.api.downloads import byte_range
from wiro_mock.api.messages import Request, Upload
from wiro_mock.api.origin import Origins
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.files import Blob, FileKind, make_file, plain_name

UPLOAD = "/v1/File/Upload"
FOLDER = "/v1/File/FolderCreate"
NOT_FOUND = b'{"result":false,"errors":[{"code":0,"message":"Error parsing url.","time":1735689600}]}'


def test_a_folder_has_wiros_shape() -> None:
    """Result, errors, list of one; size "0", no content type (rest.md §2.2)."""
    world = make_world()
    answer = post(world, FOLDER, {"name": "my_Folder-1"}).json
    assert list(answer) == ["result", "errors", "list"]
    (folder,) = answer["list"]
    assert list(folder) == ["id", "name", "parentid", "size", "contenttype", "addedtime"]
    assert re.fullmatch("[0-9a-f]{32}", folder.pop("id"))
    assert folder == {"name": "my_Folder-1", "parentid": "", "size": "0", "contenttype": "", "addedtime": "1735689600"}


def test_a_folder_may_lie_in_a_folder_and_hold_files() -> None:
    """By parentid and folderid."""
    world = make_world()
    outer = post(world, FOLDER, {"name": "outer"}).json["list"][0]["id"]
    inner = post(world, FOLDER, {"name": "inner", "parentid": outer}).json["list"][0]
    assert inner["parentid"] == outer
    parts = [part("folderid", inner["id"]), part("file", b"x", filename="x.png")]
    assert post_parts(world, UPLOAD, *parts).json["list"][0]["parentid"] == inner["id"]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "ü", "../x", "a/b", "a\n", "a\x00", "x" * 201, None, ["a"], 7.5])
def test_a_folders_name_is_of_letters_digits_dash_and_underscore(name: object) -> None:
    """Anything else is refused (rest.md §2.2); the sentence is our choice."""
    reply = post(make_world(), FOLDER, {"name": name})
    assert (reply.status, reply.error["code"], reply.error["message"]) == (200, 0, "invalid-parameters")


def test_an_unknown_folder_is_refused_and_nothing_is_kept() -> None:
    """For a new folder and for an upload."""
    world = make_world()
    assert post(world, FOLDER, {"name": "a", "parentid": "nope"}).error["message"] == "invalid-parameters"
    parts = [part("folderid", "nope"), part("file", b"x", filename="x.png")]
    assert post_parts(world, UPLOAD, *parts).error["message"] == "invalid-parameters"
    assert "folderid 'nope' is no folder here" in world.journal.entries()[-1].outcome.reason
    assert len(world.blobs) == 0


def test_an_upload_has_wiros_shape_and_two_urls() -> None:
    """Found on the CDN and under its access key, byte for byte (rest.md §2.2)."""
    world = make_world()
    data = bytes(range(256)) * 10
    answer = post_parts(world, UPLOAD, part("file", data, filename="Bürö 1.png", kind="image/png")).json
    assert list(answer) == ["result", "errors", "list"]
    (item,) = answer["list"]
    assert list(item) == ["id", "name", "contenttype", "size", "parentid", "url", "addedtime", "accesskey"]
    assert all(isinstance(value, str) for value in item.values())
    assert (item["name"], item["contenttype"], item["size"]) == ("Bürö 1.png", "image/png", "2560")
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{8}){7}", item["url"].removeprefix(f"{ORIGIN}/").split("/")[0])
    for url in (item["url"], f"{ORIGIN}/v1/File/{item['accesskey']}/B%C3%BCr%C3%B6%201.png"):
        reply = get(world, url)
        assert (reply.status, reply.content, reply.headers["content-type"]) == (200, data, "image/png")


def test_an_upload_is_a_usable_parameter_and_outlives_the_task() -> None:
    """Its URL is given to Run; deleting the task's files leaves it."""
    world = make_world()
    url = upload(world, b"picture")["url"]
    task, token = run(world, {"inputImage": url})
    assert detail(world, task)["parameters"] == {"inputImage": url}
    world.jump(world.sim.now + 60 * SECOND)
    post(world, "/v1/Task/InputOutputDelete", {"tasktoken": token})
    assert get(world, url).content == b"picture"


def test_the_same_file_twice_is_two_files() -> None:
    """Accepted by default (C20), each with its own URL, the bytes stored once."""
    world = make_world()
    first, second = upload(world, b"same"), upload(world, b"same")
    assert first["url"] != second["url"]
    assert first["id"] != second["id"]
    assert len(world.blobs) == 1


def test_several_files_in_one_upload_are_all_kept() -> None:
    """None is dropped in silence."""
    world = make_world()
    parts = [part("file", b"1", filename="1.png"), part("file", "not a file"), part("file", b"2", filename="2.png")]
    assert [item["name"] for item in post_parts(world, UPLOAD, *parts).json["list"]] == ["1.png", "2.png"]


@pytest.mark.parametrize("parts", [[], [part("file", "text")], [part("other", b"x", filename="x.png")]])
def test_an_upload_without_a_file_is_refused(parts: list[bytes]) -> None:
    """`invalid-parameters` (rest.md §7.2)."""
    world = make_world()
    assert post_parts(world, UPLOAD, *parts).error["message"] == "invalid-parameters"
    assert post(world, UPLOAD, {"file": "https://example.com/a.png"}).error["message"] == "invalid-parameters"
    assert len(world.blobs) == 0


@pytest.mark.parametrize(
    ("filename", "declared", "expected"),
    [
        ("a.png", "application/octet-stream", "image/png"),
        ("a.mov", "", "video/quicktime"),
        ("a.docx", "", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.png", "image/webp", "image/webp"),
        ("a.txt", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("a", "", "application/octet-stream"),
        ("a.png", "text/html\tx: y", "image/png"),
        ("a.png", "nonsense", "image/png"),
        ("a.png", "text/html; a=ü", "image/png"),
    ],
)
def test_the_content_type_is_the_declared_one_or_that_of_the_name(filename: str, declared: str, expected: str) -> None:
    """From a table of our own, the same on every machine; a type that could break a header is not repeated."""
    world = make_world()
    item = upload(world, b"x", filename, declared)
    assert item["contenttype"] == expected
    assert get(world, item["url"]).headers["content-type"] == expected


HOSTILE = [
    "../../etc/passwd",
    "..",
    ".",
    "a\\..\\b.png",
    "/etc/passwd",
    "x\x00y.png",
    "C:\\x\\y.png",
    ".hidden",
    "%2e%2e",
    "a?b#c.png",
    "…/🐈.png",
    "  ",
    "con\r.png",
    "x" * 500 + ".png",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_name_is_made_harmless_and_found_again(name: str) -> None:
    """No folders, no control characters, no leading dots; the URL leads to the bytes."""
    world = make_world()
    kept = plain_name(name)
    assert kept not in ("", ".", "..")
    assert not re.search(r"[/\\\x00-\x1f\x7f]", kept)
    assert len(kept) <= 200
    item = upload(world, b"bytes", name.replace("\\", "\\\\").replace("\r", " "))
    assert get(world, item["url"]).content == b"bytes"
    assert re.fullmatch(r"[!-~]+", item["url"])


@given(st.text(max_size=300))
def test_every_name_becomes_a_plain_one(name: str) -> None:
    """Whatever it is; and doing so again changes nothing."""
    kept = plain_name(name)
    assert kept
    assert len(kept) <= 200
    assert plain_name(kept) == kept
    assert not re.search(r"[/\\\x00-\x1f\x7f\ud800-\udfff]", kept)
    assert not kept.startswith(".")


# -- archives ------------------------------------------------------------------------------------------------


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in members.items():
            made.writestr(name, data)
    return buffer.getvalue()


def uploaded(world: Any, data: bytes, filename: str = "Set.ZIP") -> list[dict[str, Any]]:
    answer = post_parts(world, UPLOAD, part("file", data, filename=filename, kind="application/zip")).json
    assert answer["result"] is True
    return list(answer["list"])


def test_an_archive_is_taken_apart() -> None:
    """One item for each file in it, with its own name and type (rest.md §2.2)."""
    world = make_world()
    items = uploaded(world, zipped({"a.png": b"one", "folder/": b"", "folder/b.txt": b"two"}))
    assert [(item["name"], item["contenttype"]) for item in items] == [("a.png", "image/png"), ("b.txt", "text/plain")]
    assert [get(world, item["url"]).content for item in items] == [b"one", b"two"]
    assert len(world.blobs) == 2


def test_paths_in_an_archive_lead_nowhere() -> None:
    """`../` and absolute names lose their folders."""
    world = make_world()
    items = uploaded(world, zipped({"../../etc/passwd": b"1", "/abs/x.png": b"2", "..\\..\\w.txt": b"3", "..": b"4"}))
    assert [item["name"] for item in items] == ["passwd", "x.png", "w.txt", "file"]


def broken_deflate() -> bytes:
    data = bytearray(zipped({"a.txt": b"0123456789" * 50, "b.txt": b"abc" * 50}))
    at = data.index(b"b.txt") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


def lying_about_size() -> bytes:
    data = bytearray(zipped({"a.txt": b"first", "b.txt": b"0" * 1000}))
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = (10).to_bytes(4, "little")
    return bytes(data)


def packed_slowly() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as made:
        made.writestr("a.txt", b"lzma")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        zipped({}),
        zipped({"only/": b""}),
        zipped({"a.txt": b"x" * 100})[:60],
        zipped({"good.txt": b"good", "bad.txt": b"x" * 100}).replace(
            zlib.crc32(b"x" * 100).to_bytes(4, "little"), b"\0" * 4
        ),
        broken_deflate(),
        lying_about_size(),
        zipped({f"{at}.txt": b"" for at in range(201)}),
        zipped({"a.txt": b"x", **{f"{at}/": b"" for at in range(6_000)}}),
        zipped({"dense.txt": bytes(1 << 20)}),
        packed_slowly(),
    ],
    ids=lambda data: f"{len(data)} bytes",  # not the bytes: there is the time in them, and workers collect apart
)
def test_an_archive_that_cannot_be_taken_apart_is_kept_as_it_is(data: bytes) -> None:
    """A single item, byte for byte, and nothing else in the store."""
    world = make_world()
    (item,) = uploaded(world, data)
    assert (item["name"], item["contenttype"], item["size"]) == ("Set.ZIP", "application/zip", str(len(data)))
    assert get(world, item["url"]).content == data
    assert len(world.blobs) == 1


def test_a_bomb_is_kept_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an archive unpacks to is counted before anything is unpacked."""
    monkeypatch.setattr(archive, "FILE_LIMIT", 1_000)
    world = make_world()
    assert len(uploaded(world, zipped({"a": b"0" * 500, "b": b"0" * 501}))) == 1
    assert len(uploaded(world, zipped({"a": b"0" * 500, "b": b"0" * 500}))) == 2


def several(world: Any, *archives: bytes) -> list[str]:
    """The names of what several archives in one request become."""
    parts = [part("file", data, filename=f"{at}.zip") for at, data in enumerate(archives)]
    return [item["name"] for item in post_parts(world, UPLOAD, *parts).json["list"]]


def test_what_unpacking_may_cost_is_counted_for_the_whole_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, bytes and tables of contents; an archive that was broken has cost its time too."""
    world = make_world()
    assert several(world, *(zipped({f"{at}": b"x" for at in range(90)}) for _ in range(3)))[180:] == ["2.zip"]
    folders = {f"{at}/": b"" for at in range(4_000)}
    assert several(world, *(zipped({**folders, "a": b"x"}) for _ in range(3))) == ["a", "1.zip", "2.zip"]
    monkeypatch.setattr(archive, "FILE_LIMIT", 1_000)
    data = {"a": b"x" * 600}
    assert several(world, zipped(data), zipped(data)) == ["a", "1.zip"]
    broken = zipped(data).replace(zlib.crc32(data["a"]).to_bytes(4, "little"), b"\0" * 4)
    assert several(world, broken, zipped(data), zipped({"b": b"x" * 400})) == ["0.zip", "1.zip", "b"]
    assert several(world, zipped({}) + bytes(9_000), zipped({"b": b"x"})) == ["0.zip", "b"]


def test_an_archive_that_is_packed_worse_than_not_at_all_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte after a long run of empty deflate blocks, over which many files might lie."""
    monkeypatch.setattr(archive, "FILE_LIMIT", 20_000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a", b"\0\0\0\xff\xff" * 60_000 + b"\x01\x01\0\xfe\xffx")
    data = bytearray(buffer.getvalue())
    central = data.rindex(b"PK\x01\x02")
    for at in (8, central + 10):  # both headers now call it deflated
        data[at : at + 2] = (8).to_bytes(2, "little")
        data[at + 6 : at + 10] = zlib.crc32(b"x").to_bytes(4, "little")
        data[at + 14 : at + 18] = (1).to_bytes(4, "little")
    assert several(make_world(), bytes(data)) == ["0.zip"]


def test_deflated_bytes_are_limited_for_the_whole_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacking those costs the most time; an archive made for it takes a second for 24 MiB."""
    data = zipped({"a": random.Random(1).randbytes(600)})
    monkeypatch.setattr(archive, "DEFLATED_LIMIT", 1_000)
    assert several(make_world(), data, data) == ["a", "1.zip"]


def test_an_archive_is_unpacked_without_being_held_in_memory() -> None:
    """Stored or packed, beside the pieces that it is read in."""
    world = make_world()
    data = random.Random(1).randbytes(3 << 20)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("a.bin", data)
    writer = world.blobs.writer("application/zip")
    writer.write(buffer.getvalue())
    blob = writer.finish()
    with archive.Unpacking(world.blobs, needed=lambda _: False) as unpacking:
        tracemalloc.start()
        (found,) = unpacking.files_of(Upload(filename="a.zip", blob=blob))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert world.blobs.read(found.blob) == data
    assert peak < 2 << 20
    assert len(world.blobs) == 1


def test_a_broken_archive_does_not_take_other_files_with_it() -> None:
    """Bytes of a member that is stored already stay, though the archive is not taken apart."""
    world = make_world()
    kept = upload(world, b"good", "good.txt")
    data = zipped({"good.txt": b"good", "bad.txt": b"x" * 100})
    uploaded(world, data.replace(zlib.crc32(b"x" * 100).to_bytes(4, "little"), b"\0" * 4))
    assert get(world, kept["url"]).content == b"good"


def test_a_file_that_is_deleted_while_it_is_fetched_arrives_whole() -> None:
    """By a reset or a deletion in another thread, between the answer's head and its bytes."""
    for data in (b"small", b"large" * (1 << 18)):
        world = make_world()
        path = upload(world, data)["url"].removeprefix(ORIGIN)
        response = world.handle(Request(method="GET", path=path, headers={}, origin=ORIGIN))
        world.reset()
        assert response.chunks is not None
        assert b"".join(response.chunks) == data
        assert len(world.blobs) == 0


# -- fetching ------------------------------------------------------------------------------------------------


def fetched(method: str = "GET", **headers: str) -> tuple[Any, bytes]:
    world = make_world()
    data = b"0123456789"
    path = upload(world, data, "digits.txt", "text/plain")["url"].removeprefix(ORIGIN)
    return send(world, method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}), data


def test_a_file_comes_with_its_type_length_and_etag() -> None:
    """Without a key and without a redirect (clients.md §1 line 4)."""
    reply, data = fetched()
    request_id = reply.headers.pop("x-wiro-mock-request-id")
    etag = reply.headers.pop("etag")
    assert reply.headers == {
        "last-modified": "Wed, 01 Jan 2025 00:00:00 GMT",
        "accept-ranges": "bytes",
        "content-type": "text/plain",
        "content-length": "10",
    }
    assert (reply.status, reply.content) == (200, data)
    assert re.fullmatch('"[0-9a-f]{32}"', etag)
    assert request_id


def test_head_is_get_without_the_bytes() -> None:
    """The same headers, also for a file that is not there; a Range is for GET only (RFC 9110 §14.2)."""
    for headers in ({}, {"range": "bytes=0-1"}):
        head, _ = fetched("HEAD", **headers)
        whole, _ = fetched("GET")
        assert (head.status, head.headers, head.content) == (200, whole.headers, b"")
    world = make_world()
    head, whole = (send(world, method, "/v1/File/nope/nope") for method in ("HEAD", "GET"))
    assert (head.status, head.content) == (whole.status, b"") == (404, b"")
    assert head.headers["content-length"] == str(len(whole.content))


def test_a_known_etag_needs_no_bytes() -> None:
    """304 for a matching If-None-Match: alone, in a list, weak, or `*`; else everything."""
    reply, data = fetched()
    etag = reply.headers["etag"]
    for known in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        again, _ = fetched(if_none_match=known)
        assert (again.status, again.content, again.headers["etag"]) == (304, b"", etag)
    for other in ('"x"', "", etag.strip('"')):
        again, _ = fetched(if_none_match=other)
        assert (again.status, again.content) == (200, data)


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("Wed, 01 Jan 2025 00:00:00 GMT", 304),
        ("Thu, 02 Jan 2025 00:00:00 GMT", 304),
        ("Tue, 31 Dec 2024 23:59:59 GMT", 200),
        ("Wednesday, 01-Jan-25 00:00:00 GMT", 304),
        ("Wed Jan  1 00:00:00 2025", 304),
        ("Thu, 02 Jan 2025 00:00:00 +9999", 200),
        ("yesterday", 200),
        ("Wed, 01 Jan 99999 00:00:00 GMT", 200),
    ],
)
def test_a_file_that_has_not_changed_since_needs_no_bytes(since: str, status: int) -> None:
    """304, with both validators; in the three forms of dates that HTTP has; what is none is ignored."""
    reply, data = fetched(if_modified_since=since)
    assert (reply.status, reply.content) == ((304, b"") if status == 304 else (200, data))
    assert reply.headers["last-modified"] == "Wed, 01 Jan 2025 00:00:00 GMT"
    assert reply.headers["etag"] == fetched()[0].headers["etag"]


def test_a_date_counts_only_where_no_etag_is_named() -> None:
    """RFC 9110 §13.1.3."""
    later = "Thu, 02 Jan 2025 00:00:00 GMT"
    assert fetched(if_none_match='"x"', if_modified_since=later)[0].status == 200


@given(
    st.text(max_size=40)
    | st.from_regex(r"\A[A-Z][a-z]{2}, \d{1,9} [A-Z][a-z]{2} \d{1,9} \d\d:\d\d:\d\d [+A-Z0-9-]{1,6}\Z")
)
def test_no_date_raises(since: str) -> None:
    """Any text is a date or ignored."""
    assert fetched(if_modified_since=since)[0].status in (200, 304)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_files_of_a_task_expire_by_the_worlds_clock(method: str) -> None:
    """403 as S3 words it, from that instant on, for inputs and outputs; uploads stay, and Detail shows what it did."""
    world = make_world(expire_files=3600 * SECOND)
    kept = upload(world, b"kept")
    task = post_parts(world, CAPTION, part("inputImage", b"x", filename="a.png")).json["taskid"]
    taken = world.sim.now
    world.jump(taken + 60 * SECOND)
    shown = detail(world, task)
    (output,), given_url = shown["outputs"], shown["parameters"]["inputImage"]
    made = int(output["addedtime"]) * SECOND
    path, given_path = (url.removeprefix(ORIGIN) for url in (output["url"], given_url))
    world.jump(taken + 3600 * SECOND - 1)
    assert [send(world, method, one).status for one in (path, given_path)] == [200, 200]
    world.jump(taken + 3600 * SECOND)
    assert [send(world, method, one).status for one in (path, given_path)] == [200, 403]
    world.jump(made + 3602 * SECOND)
    reply = send(world, method, path, headers={"range": "bytes=0-0", "if-none-match": "*"})
    assert (reply.status, reply.headers["content-type"]) == (403, "application/xml")
    assert (b"Request has expired" in reply.content) is (method == "GET")
    told = "the URL of this file expired 1 s ago by the world's clock: expire_files lets files of tasks last 3600 s"
    exchange = world.journal.entries()[-1]
    assert exchange.line() == f"{method} {path} -> 403 Forbidden ({exchange.id}): {told}"
    assert get(world, kept["url"]).content == b"kept"
    assert detail(world, task)["outputs"] == shown["outputs"]


@pytest.mark.parametrize(
    ("wanted", "status", "content", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99999999999999999999999", 206, b"89", "bytes 8-9/10"),
        ("Bytes = 9-9", 206, b"9", "bytes 9-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=3-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("items=0-1", 200, b"0123456789", None),
        ("bytes=a-b", 200, b"0123456789", None),
        ("bytes=1 2-3", 200, b"0123456789", None),
    ],
)
def test_a_range_is_a_piece_of_the_file(wanted: str, status: int, content: bytes, content_range: str | None) -> None:
    """206 with its place; 416 when there is nothing there; what is no single range is ignored."""
    reply, _ = fetched(range=wanted)
    assert (reply.status, reply.content) == (status, content)
    assert reply.headers.get("content-range") == content_range
    if status != 416:
        assert reply.headers["content-length"] == str(len(content))


def test_a_range_counts_only_for_the_file_it_is_of() -> None:
    """If-Range with another ETag, or a date, gives the whole."""
    etag = fetched()[0].headers["etag"]
    assert fetched(range="bytes=0-1", if_range=etag)[0].status == 206
    for other in ('"x"', f"W/{etag}", "Wed, 01 Jan 2025 00:00:00 GMT"):
        assert fetched(range="bytes=0-1", if_range=other)[0].status == 200


@given(st.integers(0, 12), st.integers(0, 15) | st.none(), st.integers(0, 15) | st.none())
def test_a_range_is_what_a_slow_reader_would_pick(size: int, first: int | None, last: int | None) -> None:
    """Against an oracle that looks at each position of the file."""
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    found = byte_range(header, size)
    if first is None and last is not None:
        wanted = [at for at in range(size) if size - at <= last]
        impossible = last == 0
    elif first is not None:
        wanted = [at for at in range(size) if first <= at and (last is None or at <= last)]
        impossible = not wanted and (last is None or first <= last)
    else:
        wanted, impossible = [], False
    if impossible:
        assert found == (0, 0)
    elif not wanted:
        assert found is None
    else:
        assert found is not None
        assert list(range(*found)) == wanted


@given(st.text(max_size=30) | st.from_regex(r"bytes=[0-9 ,-]*", fullmatch=True), st.integers(0, 100))
def test_no_range_header_raises(header: str, size: int) -> None:
    """Any text is a range within the file, unsatisfiable, or ignored."""
    found = byte_range(header, size)
    assert found is None or found == (0, 0) or 0 <= found[0] < found[1] <= size


def test_an_output_is_found_only_once_detail_lists_it() -> None:
    """404 before task_end, and never for a failed or cancelled task."""
    for code, status in ((0, 200), (1, 404)):
        world = make_world()
        world.use("never-starts")
        task_id, _ = run(world)
        blob = world.blobs.put(b"a cat", "text/plain")
        started = (e.Accepted(), e.Assigned(), e.Started(), e.Produced(name="0.txt", blob=blob), e.OutputEnded())
        for event in started:
            world.sim.emit(task_id, event)
        task = world.sim.task(task_id)
        assert task is not None
        (file,) = task.outputs
        paths = [f"/{file.cdn_folder}/0.txt", f"/v1/File/{file.accesskey}/0.txt"]
        assert [send(world, "GET", path).status for path in paths] == [404, 404]
        world.sim.emit(task_id, e.Exited(code=code))
        assert [send(world, "GET", path).status for path in paths] == [status, status]
        post(world, "/v1/Task/Kill", {"taskid": task_id})
        assert [send(world, "GET", path).status for path in paths] == [404, 404]


def test_a_wrong_url_is_not_found() -> None:
    """Another name, a longer path, folders in the name, in any encoding: 404 `Error parsing url.`"""
    world = make_world()
    item = upload(world, b"x", "a.png")
    folder, key = item["url"].removeprefix(ORIGIN).split("/")[1], item["accesskey"]
    for path in (
        f"/{folder}/b.png",
        f"/{folder}/",
        f"/{folder}",
        f"/{folder}/..%2Fa.png",
        f"/{folder}/../a.png",
        f"/{folder}/a.png%00",
        f"/{folder}/a.png%0A",
        f"/{folder}/a.png\n",
        f"/{folder}/x/a.png",
        f"/{folder.upper()}x/a.png",
        f"/{folder[:-1]}/a.png",
        f"/{folder}-00000000/a.png",
        f"/v1/File/{key}/..%2f..%2fetc%2fpasswd",
        f"/v1/File/{key}/%61%2Epng/",
        f"/v1/File/{key[:-1]}/a.png",
        "/v1/File/%2E%2E/%2E%2E",
        "/v1/File//a.png",
        f"//{folder}/a.png",
    ):
        reply = send(world, "GET", path)
        assert (reply.status, reply.content) == (404, NOT_FOUND), path
    assert send(world, "GET", f"/{folder}/%61%2Epng").content == b"x"


def test_a_name_with_slashes_in_a_url_is_one_segment() -> None:
    """A run's file is named after its parameter, whatever that is called; the URL leads there all the same."""
    world = make_world()
    for name in ("../../x", "a b", "ü", "", "n" * 300, "%2e", "a?b"):
        task = post_parts(world, CAPTION, part(name, b"bytes of it", filename="x.png")).json["taskid"]
        (url,) = detail(world, task)["parameters"].values()
        assert re.fullmatch(r"http://127\.0\.0\.1:4747/v1/File/[A-Za-z0-9]{30}/[A-Za-z0-9._~%-]+", url)
        assert get(world, url).content == b"bytes of it"


def test_posting_to_a_files_url_is_explained() -> None:
    """404 on the wire; the tester hears which verb there is."""
    world = make_world()
    path = upload(world, b"x", "a.png")["url"].removeprefix(ORIGIN)
    assert post(world, path, {}).status == 404
    assert world.journal.entries()[-1].outcome.reason == f"POST {path}: this path is played for GET only; send GET"


def test_urls_have_the_origin_of_whoever_asks() -> None:
    """Two clients of one task each get a URL that they can reach; Wiro's own hosts get Wiro's own."""
    world = make_world()
    body = part("inputImage", b"x", filename="a.png")
    task = post_parts(world, CAPTION, body, origin="http://a:1").json["taskid"]
    world.jump(world.sim.now + 60 * SECOND)
    for origin, api, cdn in (
        ("http://b:2", "http://b:2", "http://b:2"),
        ("https://api.wiro.ai", "https://api.wiro.ai", "https://cdn1.wiro.ai"),
    ):
        (shown,) = post(world, "/v1/Task/Detail", {"taskid": task}, origin=origin).json["tasklist"]
        assert shown["parameters"]["inputImage"].startswith(f"{api}/v1/File/")
        assert shown["outputs"][0]["url"].startswith(f"{cdn}/")
        (item,) = post_parts(world, UPLOAD, part("file", b"y", filename="y.png"), origin=origin).json["list"]
        assert item["url"].startswith(f"{cdn}/")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_a_files_url_is_always_one_plain_segment(name: str) -> None:
    """Whatever a file is called."""
    file = make_file("s", name=name, kind=FileKind.OUTPUT, blob=Blob(digest="d", size=1, contenttype="x"), at=0)
    url = wire.file_url(file, Origins("http://a", "http://b"))
    assert re.fullmatch(r"http://b/[0-9a-f-]{71}/[A-Za-z0-9._~%-]+", url)
