"""What File/Upload takes: the documented types and size, and names that are there already."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_kit import get, make_world, part, post, post_parts
from wiro_mock.api import multipart
from wiro_mock.api.profile import Profile
from wiro_mock.api.upload_rules import TYPES
from wiro_mock.language.media import CONTENT_TYPES

UPLOAD = "/v1/File/Upload"


def sent(world: Any, name: str, kind: str = "", data: bytes = b"x", **fields: str) -> Any:
    parts = [part(key, value) for key, value in fields.items()]
    return post_parts(world, UPLOAD, part("file", data, filename=name, kind=kind), *parts)


def reason(world: Any) -> str:
    return str(world.journal.entries()[-1].outcome.reason)


@pytest.mark.parametrize("name", [*(f"a.{one}" for one in TYPES if one != "zip"), "A.JPEG", "a.b.PnG"])
def test_every_documented_type_is_taken(name: str) -> None:
    """By its extension, in any case, whatever its content type (rest.md §7.1)."""
    for kind in ("", "application/octet-stream", "application/x-own"):
        assert sent(make_world(), name, kind).json["result"] is True


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.exe", ""), ("a.html", "image/png"), ("a.png.sh", ""), ("a.json", ""), ("blob", "text/html"), ("a.PNG2", "")],
)
def test_another_type_is_refused_and_the_tester_told_the_list(name: str, kind: str) -> None:
    """`invalid-parameters`, and nothing is kept; a switch takes everything."""
    world = make_world()
    error = sent(world, name, kind).error
    assert (error["code"], error["message"]) == (0, "invalid-parameters")
    assert f"{name!r} (" in reason(world)
    assert "is of no type that Wiro documents for uploads: jpg png gif jpeg webp heic mp4" in reason(world)
    assert reason(world).endswith("the switch upload_types=any takes every type")
    assert len(world.blobs) == 0
    open_world = make_world(profile=Profile(upload_types="any"))
    assert sent(open_world, name, kind).json["list"][0]["name"] == name


@pytest.mark.parametrize(("name", "kind"), [("blob", "image/png"), ("blob", "text/plain; charset=utf-8"), ("data", "")])
def test_a_name_without_an_extension_goes_by_its_content_type(name: str, kind: str) -> None:
    """A browser's FormData says `blob`; what says nothing at all cannot be told to be wrong."""
    assert sent(make_world(), name, kind).json["result"] is True


def test_one_file_of_another_type_refuses_them_all() -> None:
    """No upload is half kept."""
    world = make_world()
    parts = [part("file", b"1", filename="a.png"), part("file", b"2", filename="b.exe")]
    assert post_parts(world, UPLOAD, *parts).error["message"] == "invalid-parameters"
    assert (len(world.blobs), world.sim.files.uploads) == (0, {})


def test_every_type_has_a_content_type() -> None:
    """That of our own table."""
    assert all(f".{one}" in CONTENT_TYPES for one in TYPES)


def test_the_size_limit_is_the_documented_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 MB (rest.md §7.1), to the byte; the answer is our choice."""
    assert multipart.FILE_LIMIT == 100 << 20
    monkeypatch.setattr(multipart, "FILE_LIMIT", 1_000)
    world = make_world()
    assert sent(world, "a.png", data=bytes(1_000)).json["list"][0]["size"] == "1000"
    assert sent(world, "b.png", data=bytes(1_001)).error["message"] == "invalid-parameters"
    assert reason(world) == "the file in part 'file' is larger than 1000 bytes"
    assert len(world.blobs) == 1


def test_the_same_name_again_is_taken_by_default() -> None:
    """Two files (rest.md C20)."""
    world = make_world()
    ids = {sent(world, "a.png").json["list"][0]["id"] for _ in range(2)}
    assert len(ids) == 2


def test_the_same_name_again_is_refused_by_a_switch() -> None:
    """`filesystem-already-exist`, as one client saw it, in the same folder only; a deleted one is there no more."""
    world = make_world(profile=Profile(duplicate_filename="error"))
    first = sent(world, "a.png").json["list"][0]
    answer = sent(world, "a.png")
    assert (answer.status, answer.error["code"], answer.error["message"]) == (200, 1, "filesystem-already-exist")
    assert "list" not in answer.json
    assert reason(world) == (
        f"'a.png': file {first['id']} has this name in the same folder, and the switch duplicate_filename is error; "
        "accept keeps both"
    )
    folder = post(world, "/v1/File/FolderCreate", {"name": "f"}).json["list"][0]["id"]
    for _ in range(2):
        again = sent(world, "a.png", folderid=folder)
    assert again.error["message"] == "filesystem-already-exist"
    post(world, "/v1/File/Delete", {"fileid": first["id"]})
    assert sent(world, "a.png").json["result"] is True


def test_the_refusal_of_a_known_name_may_bring_the_older_file() -> None:
    """So some clients go on with the URL in it (rest.md §7.2)."""
    world = make_world(profile=Profile(duplicate_filename="error_with_url"))
    first = sent(world, "a.png", data=b"older").json["list"][0]
    answer = sent(world, "a.png", data=b"newer").json
    assert (answer["result"], answer["errors"][0]["message"]) == (False, "filesystem-already-exist")
    assert answer["list"] == [first]
    assert get(world, answer["list"][0]["url"]).content == b"older"
    assert (len(world.blobs), world.journal.entries()[-2].outcome.code) == (1, 1)


@pytest.mark.parametrize("switch", ["error", "error_with_url"])
def test_a_name_twice_in_one_request_is_refused_as_well(switch: Any) -> None:
    """There is no older file to show."""
    world = make_world(profile=Profile(duplicate_filename=switch))
    parts = [part("file", b"1", filename="a.png"), part("file", b"2", filename="a.png")]
    assert post_parts(world, UPLOAD, *parts).error["message"] == "filesystem-already-exist"
    assert "it comes twice in one request" in reason(world)
    assert len(world.blobs) == 0
