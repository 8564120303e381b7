"""What an HTTP archive has besides the API's own exchanges: webhooks, files, and forms with files. Pure.

Fields of ours begin with an underscore, as HAR 1.2 wants it of whoever adds any. A client's own address is nobody's
business: in its place stands `CALLBACK`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from wiro_mock.kernel.events import Instant
from wiro_mock.kernel.rules import is_web_url
from wiro_mock.recorder.callbacks import NAME
from wiro_mock.recorder.redaction import HEADERS

CALLBACK: Final = "https://client.example/webhook"
OF_THE_WAY: Final = frozenset({
    "host", "connection", "keep-alive", "content-length", "transfer-encoding", "accept", "accept-encoding",
    "accept-language", "user-agent", "via", "forwarded", "te", "upgrade", "date",
})  # fmt: skip
"""Headers that say something of a connection, or of a client, and nothing of the API."""


def without_address(body: object) -> object:
    """What a run was asked with, without the client's address for its webhook."""
    if isinstance(body, dict) and isinstance(url := body.get(NAME), str) and is_web_url(url):
        return {**body, NAME: CALLBACK}
    return body


def said_by(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say something, without those whose values are secret."""
    return {
        name: "[redacted]" if name in HEADERS else value
        for name, value in headers.items()
        if name not in OF_THE_WAY and not name.startswith(("x-forwarded-", "cf-", "sec-"))
    }


def hook_entry(task: str, at: Instant, headers: Mapping[str, object], said: str, status: int) -> dict[str, Any]:
    """A webhook that came at an instant (microseconds, on the clock of the frames), and how it was answered."""
    request = {
        "method": "POST",
        "url": CALLBACK,
        "httpVersion": "HTTP/1.1",
        "headers": [{"name": name, "value": str(value)} for name, value in headers.items()],
        "queryString": [],
        "cookies": [],
        "headersSize": -1,
        "bodySize": -1,
        "postData": {"mimeType": str(headers.get("content-type", "")), "text": said},
    }
    return {**_answered(status), "request": request, "_webhook": {"task": task, "time": at / 1_000_000}}


def _answered(status: int, headers: Mapping[str, object] | None = None) -> dict[str, Any]:
    response = {
        "status": status, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": [], "redirectURL": "",
        "headers": [{"name": name, "value": str(value)} for name, value in (headers or {}).items()],
        "content": {"size": 0, "mimeType": "x-unknown"}, "headersSize": -1, "bodySize": -1,
    }  # fmt: skip
    now = datetime.now(UTC).isoformat()
    timings = {"send": 0, "wait": 0, "receive": 0}
    return {"startedDateTime": now, "time": 0, "cache": {}, "timings": timings, "response": response}


OF_FILES: Final = (
    "content-type", "content-length", "content-disposition", "content-range", "content-encoding", "accept-ranges",
    "etag", "last-modified", "location",
)  # fmt: skip
"""What is kept of the headers of a file. Of its bytes, nothing is."""
LISTED: Final = 3
"""So many of an account's files and folders are kept of a list: enough for their shape."""


def is_file(method: str, path: str) -> bool:
    """Whether a request fetches a file: an input or an upload, an output, or whatever else is not the API's."""
    return method in ("GET", "HEAD") and (path.startswith("/v1/File/") or not path.startswith("/v1/"))


def of_a_list(call: str, answer: Any) -> Any:
    """An answer of the storage's, of which only the first few are kept."""
    if call == "File/List" and isinstance(answer, dict) and isinstance(listed := answer.get("list"), list):
        return {**answer, "list": listed[:LISTED]}
    return answer


def file_entry(
    method: str, url: str, asked: Mapping[str, str], status: int, headers: Mapping[str, object]
) -> dict[str, Any]:
    """A file that was fetched: what was asked, and the headers of the answer."""
    request = {
        "method": method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "headers": [{"name": name, "value": asked[name]} for name in ("range",) if name in asked],
        "queryString": [],
        "cookies": [],
        "headersSize": -1,
        "bodySize": -1,
    }
    return {**_answered(status, headers), "request": request}


def posted_form(parts: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    """A form with files in it, without their bytes: names, types and sizes."""
    return {"mimeType": "multipart/form-data", "params": list(parts), "text": ""}
