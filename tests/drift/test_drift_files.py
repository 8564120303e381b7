"""Files: uploads, lists, folders and downloads, by what is kept of them (never bytes); each drift is found, alone."""

from __future__ import annotations

import copy
import functools
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.api_kit import KEY, SECRET, signed
from tests.contract.kit import contract_world
from tests.drift.kit import drift, lines, reference
from tests.live_kit import PATIENCE
from tests.recorder.kit import ended, recording
from wiro_mock.api.profile import Profile, switch
from wiro_mock.asgi import create_app
from wiro_mock.drift.drifting import Reference, drift_of, drift_of_recordings
from wiro_mock.drift.har import CannotRead, take_of_har
from wiro_mock.drift.report import as_json, as_markdown, as_text
from wiro_mock.drift.takes import Exchange, Take
from wiro_mock.recorder.traffic import FILE
from wiro_mock.server import ServerThread
from wiro_mock.settings import Settings

PICTURE = b"\x89PNG these bytes are nobody's business"
CAPTION = "Run/moondream3-preview/caption"


def client(http: httpx.Client) -> None:
    """All that a client does with files: uploads, folders, a run with a file, what it made, and getting rid of it."""

    def post(call: str, **more: Any) -> Any:
        return http.post(call, headers=signed(), **more).json()

    def upload(name: str, **more: Any) -> str:
        return str(post("File/Upload", files={"file": (name, PICTURE, "image/png")}, **more)["list"][0]["id"])

    folder = post("File/FolderCreate", json={"name": "cats"})["list"][0]["id"]
    post("File/FolderCreate", json={"name": "not a name"})
    first, _ = upload("cat.png"), upload("cat in a folder.png", data={"folderid": folder})
    upload("cat.png")
    listed = post("File/List", json={"limit": "5"})["list"]
    post("File/List", json={"folderid": folder})
    fetched(http, next(one["url"] for one in listed if one["id"] == first))
    post("File/Delete", json={"fileid": folder})
    post("File/Delete", json={"fileid": first})
    fetched(http, next(one["url"] for one in listed if one["id"] == first))
    run = post(CAPTION, files={"inputImage": ("cat.png", PICTURE, "image/png")}, data={"password": "hush-hush"})
    task: Any = {}
    while task.get("status") != "task_postprocess_end":
        (task,) = post("Task/Detail", json={"tasktoken": run["socketaccesstoken"]})["tasklist"]
    url = task["outputs"][0]["url"]
    fetched(http, url)
    fetched(http, url, range="bytes=0-2")
    fetched(http, url, method="HEAD")
    post("Task/InputOutputDelete", json={"tasktoken": run["socketaccesstoken"]})
    fetched(http, url)
    fetched(http, "https://cdn1.wiro.ai/elsewhere.png")


def fetched(http: httpx.Client, url: str, *, method: str = "GET", **headers: str) -> None:
    http.request(method, f"{http.base_url.copy_with(path=urlsplit(url).path)}", headers=headers)


@functools.cache
def archive() -> str:
    """What the recorder keeps of such a client of the mock itself."""
    world = contract_world()
    with tempfile.TemporaryDirectory() as name:
        with ServerThread(create_app(world)) as upstream, recording(upstream.url, Path(name), har=True) as made:
            with httpx.Client(base_url=f"{made.api}/", timeout=PATIENCE, trust_env=False) as http:
                client(http)
            ended(made)
        world.close()
        return (Path(name) / FILE).read_text()


@functools.cache
def taken() -> Take:
    """The same, read."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / FILE).write_text(archive())
        return take_of_har(Path(name) / FILE)


def test_files_of_the_mock_itself_have_not_drifted() -> None:
    """Every exchange was compared; nothing of the bytes was kept, and no secret."""
    take = taken()
    found = drift(take)
    assert lines(found) == []
    assert found.not_compared == []
    calls = {one.operation if not one.is_file else f"{one.method} {one.status}" for one in take.exchanges}
    assert calls >= {"File/Upload", "File/List", "File/FolderCreate", "File/Delete", "Run", "Task/InputOutputDelete"}
    assert calls >= {"GET 200", "GET 206", "HEAD 200", "GET 404"}
    assert all(secret not in archive() for secret in ("nobody's business", "hush-hush", KEY, SECRET))


# -- drifted ones ---------------------------------------------------------------------------------------

Edit = Callable[[Exchange], Exchange]


def headers(**changed: str) -> Edit:
    """Files with other headers; an empty one is gone."""

    def edit(one: Exchange) -> Exchange:
        new = {name.replace("_", "-"): value for name, value in changed.items()}
        kept = {name: value for name, value in {**one.headers, **new}.items() if value}
        return replace(one, headers=kept) if one.is_file and one.status in (200, 206) else one

    return edit


def status(before: int, after: int) -> Edit:
    return lambda one: replace(one, status=after) if one.is_file and one.status == before else one


def in_list(call: str, change: Callable[[dict[str, Any]], Any]) -> Edit:
    """Each file or folder in the answers to a call is changed."""

    def edit(one: Exchange) -> Exchange:
        answer = copy.deepcopy(one.answer)
        for item in answer.get("list", []) if one.call == call and isinstance(answer, dict) else ():
            change(item)
        return replace(one, answer=answer)

    return edit


def refused(call: str, code: int, message: str) -> Edit:
    no = {"result": False, "errors": [{"code": code, "message": message, "time": 1}]}
    return lambda one: replace(one, answer=no) if one.call == call and one.error == (None, None) else one


FILES: dict[str, tuple[Edit, str, str, str, str]] = {
    "another type": (
        headers(content_type="application/octet-stream"),
        "mock wrong",
        "GET of a file content-type: the mock sends ",
        '"application/octet-stream"',
        "wiro_mock/api/downloads.py:",
    ),
    "another length": (
        headers(content_length="7"),
        "mock wrong",
        "GET of a file content-length",
        '"7"',
        "wiro_mock/api/downloads.py:",
    ),
    "no length": (
        headers(content_length=""),
        "upstream new",
        "GET of a file content-length: the mock sends one",
        "none",
        "wiro_mock/api/downloads.py:",
    ),
    "as an attachment": (
        headers(content_disposition="attachment"),
        "upstream new",
        "GET of a file content-disposition: the mock sends none",
        '"attachment"',
        "wiro_mock/api/downloads.py:",
    ),
    "no ranges": (
        status(206, 200),
        "mock wrong",
        "GET of a file (bytes=0-2) status: the mock sends HTTP 206",
        "HTTP 200",
        "wiro_mock/api/downloads.py:",
    ),
    "a range of another form": (
        headers(content_range="0-2"),
        "mock wrong",
        'GET of a file (bytes=0-2) content-range: the mock sends "bytes 0-2/',
        '"0-2"',
        "wiro_mock/api/downloads.py:",
    ),
    "403 for 404": (
        status(404, 403),
        "mock wrong",
        "GET of a file status: the mock sends HTTP 404",
        "HTTP 403",
        "wiro_mock/api/downloads.py:",
    ),
    "files need a key": (
        status(200, 401),
        "mock wrong",
        "GET of a file status: the mock sends HTTP 200",
        "HTTP 401",
        "wiro_mock/api/downloads.py:",
    ),
    "a number for a size": (
        in_list("File/Upload", lambda file: file.update(size=int(file["size"]))),
        "mock wrong",
        "File/Upload list[0].size: the mock sends a string",
        "the number",
        "(UploadShape.size)",
    ),
    "a folder renamed": (
        in_list("File/FolderCreate", lambda one: one.update(title=one.pop("name"))),
        "mock wrong",
        "File/FolderCreate list[0].name",
        "no such field, but list[0].title",
        "(FolderShape.name)",
    ),
    "more in a list": (
        in_list("File/List", lambda file: file.update(owner="me")),
        "upstream new",
        "File/List list[0].owner",
        '"me"',
        "add it to wiro_mock/shapes.py:",
    ),
    "uploads refused": (
        refused("File/Upload", 1, "storage-full"),
        "mock wrong",
        "File/Upload: the mock sends a yes",
        'code 1 "storage-full"',
        "wiro_mock/kernel/refusals.py:",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_drifted_files_are_found(case: str) -> None:
    """By one finding that names the place, both values, and what to change; nothing else is told."""
    edit, level, what, live, change = FILES[case]
    take = taken()
    (line,) = lines(drift(replace(take, exchanges=tuple(map(edit, take.exchanges)))))
    assert line.startswith(f"{level}: {what}"), line
    said, _, remedy = line.partition("this service ")[2].partition("; ")
    assert live in said, line
    assert change in remedy, line


@pytest.mark.parametrize("assignment", ["duplicate_filename=error", "duplicate_filename=error_with_url"])
def test_a_name_that_may_not_come_twice_is_told_with_the_switch(assignment: str) -> None:
    """A mock that has it set is such a service; a name that was there before the recording tells nothing."""
    second = [one for one in taken().exchanges if one.call == "File/Upload"][2]
    asked = [one for one in taken().exchanges if one.call == "File/Upload" and one is not second][:1]
    no: dict[str, Any] = {
        "result": False,
        "errors": [{"code": 1, "message": "filesystem-already-exist", "time": 1}],
        **({"list": second.answer["list"]} if assignment.endswith("url") else {}),
    }
    take = replace(taken(), exchanges=(*asked, replace(second, answer=no)), streams={}, followed=frozenset())
    (found,) = drift(take).findings
    assert (found.level, found.switch) == ("documentation differs", assignment)
    assert lines(drift(replace(take, exchanges=take.exchanges[1:]))) == []


def test_a_type_that_the_mock_does_not_take_is_told_with_the_switch() -> None:
    """As `upload_types=any` would have it."""
    (one,) = [one for one in taken().exchanges if one.call == "File/Upload"][:1]
    odd = replace(one.body, files=(replace(one.body.files[0], filename="cat.exe"),))
    take = replace(taken(), exchanges=(replace(one, body=odd),), streams={}, followed=frozenset())
    (found,) = drift(take).findings
    assert (found.level, found.switch) == ("documentation differs", "upload_types=any")
    profile = switch(Profile(), "upload_types=any")
    assert lines(drift_of([take], Reference(settings=Settings(profile=profile)), source="a test")) == []


def test_what_was_there_before_is_left_out_by_name() -> None:
    """So is a file that no answer lists, and an archive, whose bytes nobody has."""
    take = taken()
    upload = next(one for one in take.exchanges if one.call == "File/Upload")
    cats = replace(upload.body, files=(replace(upload.body.files[0], filename="cats.zip"),))
    delete = next(one for one in take.exchanges if one.call == "File/Delete" and one.error == (None, None))
    file = next(one for one in take.exchanges if one.is_file and one.status == 200)
    some = (replace(upload, body=cats), delete, replace(file, call=f"{file.call}x"))
    found = drift(replace(take, exchanges=some, streams={}, followed=frozenset()))
    assert lines(found) == []
    assert found.not_compared == [
        "File/Upload of an archive: what is in it nobody has kept",
        "File/Delete of a file that was there before",
        "a file that was fetched: no answer that was kept lists it",
    ]


def test_a_page_of_a_browser_is_no_file_of_the_api(tmp_path: Path) -> None:
    """An archive of a browser has many; files that an answer lists are compared all the same."""
    page = {"request": {"method": "GET", "url": "https://wiro.ai/index.html"}, "response": {"status": 200}}
    made = json.loads(archive())
    made["log"]["entries"].append(page)
    (tmp_path / FILE).write_text(json.dumps(made))
    assert take_of_har(tmp_path / FILE).exchanges == taken().exchanges


JUNK: list[Any] = [None, True, -5, 1.5, "", "x", "\ud800", [], {}, [None], {"a": 1}, 10**400, float("inf"), "http://["]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value within a value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


@settings(max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.data())
def test_an_archive_that_was_edited_by_hand_stops_nothing(data: st.DataObject) -> None:
    """Whatever stands anywhere in it: it is compared, or named; and it can be told in every form."""
    made = json.loads(archive())
    *way, last = data.draw(st.sampled_from(list(places(made["log"]))))
    there = made["log"]
    for key in way:
        there = there[key]
    there[last] = data.draw(st.sampled_from(JUNK))
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / FILE).write_text(json.dumps(made))
        try:
            found = drift_of_recordings([Path(name)], reference())
            said = [*as_text(found), as_markdown(found), as_json(found)]
        except CannotRead as error:
            said = [str(error)]
    assert "\n".join(said).encode()
    assert any(FILE in one or "compared" in one for one in said)
