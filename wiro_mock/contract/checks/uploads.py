"""Uploads (rest.md §2.2, §7). Asked for only: no source documents how an upload is deleted, so one may stay behind.

`File/Delete` is named by the newest documentation without what it takes; `fileid` is our guess, and is tried.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import LETS_IN
from wiro_mock.contract.checks.files import absolute
from wiro_mock.contract.extras import UPLOADED, uploaded
from wiro_mock.contract.promise import Promise, expect, field
from wiro_mock.contract.service import Service
from wiro_mock.sources import APRIL, NEWEST

SHAPE = "uploads.shape"


class Uploaded(TypedDict):
    """The answer to an upload."""

    result: Literal[True]
    errors: list[shapes.ErrorItem]
    list: list[shapes.UploadShape]


def _file(wiro: Service) -> dict[str, Any]:
    """What the answer says of the one file."""
    listed = field(uploaded(wiro).json, "list", list, told_by=SHAPE)
    return dict(listed[0]) if listed and isinstance(listed[0], dict) else {}


def check_shape(wiro: Service) -> None:
    """A file that is sent as a part of a form is kept, and every field of it is a string."""
    wiro.compare(uploaded(wiro).json, Uploaded)


def check_name_type_and_size(wiro: Service) -> None:
    """It is called as it was sent, has the type that it was sent with, and is as long."""
    name, data, kind = UPLOADED
    got = {key: field(_file(wiro), key, str, told_by=SHAPE) for key in ("name", "contenttype", "size")}
    expect({"name": name, "contenttype": kind, "size": str(len(data))}, got, what="name, contenttype and size")


def check_is_public(wiro: Service) -> None:
    """It is fetched from its URL without a key, byte by byte."""
    got = wiro.http.download(absolute(field(_file(wiro), "url", str, told_by=SHAPE)))
    expect((200, True), (got.status_code, got.content == UPLOADED[1]), what="status, and whether the bytes are those,")


def _promise(check: Any, source: Any, *needs: str) -> Promise:
    return Promise(area="uploads", check=check, cost="leaves a file", source=source, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_shape, APRIL),
    _promise(check_name_type_and_size, APRIL, SHAPE),
    _promise(check_is_public, NEWEST, SHAPE),
)
