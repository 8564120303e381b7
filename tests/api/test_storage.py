"""File/List and File/Delete, whose bodies are our choice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_kit import get, make_world, part, post, post_parts

LIST, DELETE = "/v1/File/List", "/v1/File/Delete"


def folder(world: Any, name: str, **fields: str) -> str:
    return str(post(world, "/v1/File/FolderCreate", {"name": name, **fields}).json["list"][0]["id"])


def upload(world: Any, name: str, folder_id: str = "") -> dict[str, Any]:
    parts = [part("file", name.encode(), filename=name)]
    if folder_id:
        parts.append(part("folderid", folder_id.encode()))
    return dict(post_parts(world, "/v1/File/Upload", *parts).json["list"][0])


def names(world: Any, **fields: Any) -> list[str]:
    return [item["name"] for item in post(world, LIST, fields).json["list"]]


def test_a_folder_lists_what_is_in_it_and_the_top_what_is_in_none() -> None:
    """Folders first, then uploads, each in order of their making, with the items that making them answered with."""
    world = make_world()
    first, outer = upload(world, "first.txt"), folder(world, "outer")
    inner = folder(world, "inner", parentid=outer)
    held = upload(world, "held.txt", outer)
    answer = post(world, LIST, {}).json
    assert list(answer) == ["result", "errors", "total", "list"]
    assert (answer["total"], [item["id"] for item in answer["list"]]) == ("2", [outer, first["id"]])
    assert answer["list"][1] == first
    assert [item["id"] for item in post(world, LIST, {"folderid": outer}).json["list"]] == [inner, held["id"]]
    assert post(world, LIST, {"folderid": inner}).json == {"result": True, "errors": [], "total": "0", "list": []}


@pytest.mark.parametrize("paging", [{"start": 1, "limit": 2}, {"start": "1", "limit": "2"}])
def test_a_list_comes_page_by_page(paging: dict[str, Any]) -> None:
    """Numbers or texts; the total counts all pages."""
    world = make_world()
    for name in "abcd":
        upload(world, name)
    answer = post(world, LIST, paging).json
    assert ([item["name"] for item in answer["list"]], answer["total"]) == (["b", "c"], "4")


def test_inputs_and_outputs_of_tasks_are_not_listed() -> None:
    """They are no uploads."""
    world = make_world()
    post_parts(world, "/v1/Run/moondream3-preview/caption", part("inputImage", b"x", filename="a.png"))
    assert names(world) == []


def test_a_deleted_upload_is_gone_at_once() -> None:
    """Its URL answers 404, its bytes are not kept, and it cannot be deleted twice."""
    world = make_world()
    file, other = upload(world, "a.txt"), upload(world, "b.txt")
    assert get(world, file["url"]).status == 200
    before = world.sim.files.bytes_kept
    assert post(world, DELETE, {"fileid": file["id"]}).json == {"result": True, "errors": []}
    assert get(world, file["url"]).status == 404
    assert world.sim.files.bytes_kept == before - len("a.txt")
    assert names(world) == ["b.txt"]
    error = post(world, DELETE, {"fileid": file["id"]}).error
    assert (error["code"], error["message"]) == (1, "file-not-exist")
    assert names(world) == [other["name"]]


def test_a_folder_is_deleted_when_nothing_is_in_it() -> None:
    """And refused while something is, with the reason."""
    world = make_world()
    made = folder(world, "made")
    held = upload(world, "a.txt", made)
    assert post(world, DELETE, {"fileid": made}).error["message"] == "invalid-parameters"
    assert world.journal.entries()[-1].outcome.reason == "the folder holds 1 items; delete them first"
    post(world, DELETE, {"fileid": held["id"]})
    assert post(world, DELETE, {"fileid": made}).json["result"] is True
    assert names(world) == []


@pytest.mark.parametrize(
    ("path", "fields", "message", "reason"),
    [
        (LIST, {"folderid": "nope"}, "invalid-parameters", "folderid 'nope' is no folder here"),
        (DELETE, {}, "invalid-parameters", "fileid is missing; File/Upload and File/List answer with it as id"),
        (DELETE, {"fileid": "x"}, "file-not-exist", "fileid 'x' is no upload or folder that is here"),
    ],
)
def test_what_cannot_be_is_refused(path: str, fields: dict[str, str], message: str, reason: str) -> None:
    """Wiro's general words on the wire, the reason for the tester."""
    world = make_world()
    assert post(world, path, fields).error["message"] == message
    assert world.journal.entries()[-1].outcome.reason == reason


def test_an_output_cannot_be_deleted_here() -> None:
    """It goes with Task/InputOutputDelete."""
    world = make_world()
    post_parts(world, "/v1/Run/moondream3-preview/caption", part("inputImage", b"x", filename="a.png"))
    (file,) = world.sim.files
    assert post(world, DELETE, {"fileid": file.id}).error["message"] == "file-not-exist"
