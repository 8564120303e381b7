"""Bad input over real sockets, each answered clearly; none of it crashes the server, loses a task or leaves a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from uvicorn.protocols.http import auto as uvicorn_auto
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.api_kit import CAPTION, multipart, part, signed
from tests.live_kit import UPGRADE, Live, eventually, everything, live, raw, reset

DETAIL, UPLOAD = "/v1/Task/Detail", "/v1/File/Upload"
MIB = 1 << 20


@pytest.fixture(scope="module", params=["h11", "installed"])
def running(request: pytest.FixtureRequest) -> Iterator[Live]:
    """A server with the base install's HTTP parser, and one with what is installed here."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "h11":
            patch.setattr(uvicorn_auto, "AutoHTTPProtocol", H11Protocol)
        with live() as server:
            yield server


@pytest.fixture(autouse=True)
def unharmed(running: Live, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """After each of these the server serves a whole run, holds no half file, and has said nothing on stderr."""
    yield
    running.check_healthy()
    eventually(lambda: _half_files(running) == [])
    assert not running.world.blobs._pins
    assert capfd.readouterr().err == ""
    assert not [line for line in running.told if "mistake in wiro_mock" in line]
    running.told.clear()


def _half_files(running: Live) -> list[str]:
    store = running.world.blobs
    kept = {path.name for path in store._on_disk.values()}
    return [] if store._folder is None else [path.name for path in store._folder.iterdir() if path.name not in kept]


def sent(running: Live, path: str, body: bytes, content_type: str = "application/json", **headers: str) -> Any:
    """A signed POST of these bytes; the status and the JSON of the answer."""
    kind = {"content-type": content_type} if content_type else {}
    answer = running.http.post(path, content=body, headers={**signed(), **kind, **headers})
    return answer.status_code, answer.json()


def why(running: Live) -> str:
    """The reason of the latest request, as the journal tells it."""
    return str(running.admin("/journal?limit=1")["journal"][0]["reason"])


INVALID = (200, False, "Request parameters are invalid.")


def outcome(answer: Any) -> tuple[int, bool, str]:
    status, shape = answer
    return status, shape["result"], shape["errors"][0]["message"] if shape["errors"] else ""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not JSON"),
        (b'{"taskid": "1"', "not JSON"),
        (b"\x00", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[1]", "the body is an array, not a JSON object"),
        (b'"text"', "the body is a string, not a JSON object"),
        (b"null", "the body is null, not a JSON object"),
        (b'{"taskid": NaN}', "NaN is not JSON"),
        (b'{"taskid": -Infinity}', "-Infinity is not JSON"),
        (b'{"taskid": 1e999}', "too large"),
        (b'{"taskid": ' + b"9" * 5_000 + b"}", "5000 digits"),
        (b"[" * 10_000, "nested deeper"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested deeper"),
    ],
)
def test_json_that_cannot_be_read_is_refused_with_its_reason(running: Live, body: bytes, reason: str) -> None:
    """Wiro's own envelope on the wire; what was wrong in the journal."""
    for path in (CAPTION, DETAIL):
        status, shape = sent(running, path, body)
        assert (status, shape["result"]) == (200, False)
        assert reason in why(running)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream", "garbage", "a/b; c", ";;=,"])
def test_json_is_read_under_any_content_type(running: Live, content_type: str) -> None:
    """Wiro's own samples send wrong ones (rest.md §2.0)."""
    status, shape = sent(running, CAPTION, b'{"prompt": "x"}', content_type)
    assert (status, shape["result"]) == (200, True)


def test_multipart_without_a_boundary_is_tried_as_json(running: Live) -> None:
    """As samples of Wiro's send it."""
    assert sent(running, CAPTION, b"{}", "multipart/form-data")[1]["result"] is True
    assert sent(running, CAPTION, b"--b\r\n", "multipart/form-data")[1]["result"] is False


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", ""),
        (b"nothing of the kind", "multipart"),
        (b"--b\r\n", "cut off"),
        (b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc', "cut off"),
        (b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nabc\r\n--b', "cut off"),
        (b"--b\r\n: :\r\n\r\n", "malformed"),
        (b"--b\r\n" + b"a" * 100_000, ""),
    ],
)
def test_multipart_that_is_cut_off_or_malformed_is_refused(running: Live, body: bytes, reason: str) -> None:
    """With its whole length sent, but without its end."""
    status, shape = sent(running, UPLOAD, body, "multipart/form-data; boundary=b")
    assert (status, shape["result"]) == (200, False)
    assert reason in why(running)


def test_files_without_a_name_and_without_bytes(running: Live) -> None:
    """A file part without a file name is a text; an empty file is kept as an empty file."""
    for one in (part("inputImage", b"\x89PNG"), part("inputImage", b"", filename="empty.png", kind="image/png")):
        body, kind = multipart([one])
        assert sent(running, CAPTION, body, kind)[1]["result"] is True
    body, kind = multipart([part("file", b"", filename="empty.txt")])
    (item,) = sent(running, UPLOAD, body, kind)[1]["list"]
    assert item["size"] == "0"
    assert running.http.get(item["url"]).content == b""


@pytest.mark.parametrize("name", ["a\x00b.png", "../../etc/passwd", "..\\..\\boot.ini", "ä\u202eb.png", "/", "a%2Fb"])
def test_hostile_file_names_stay_names(running: Live, name: str) -> None:
    """Nothing leaves the store's folder, and the file is found at the URL that the answer names."""
    body, kind = multipart([part("file", b"data", filename=name)])
    status, shape = sent(running, UPLOAD, body, kind)
    assert status == 200
    if shape["result"]:
        url = shape["list"][0]["url"]
        assert "/../" not in url
        assert running.http.get(url).content == b"data"


def test_ten_thousand_parts_are_refused_and_a_thousand_fields_of_one_name_are_a_list(running: Live) -> None:
    """The first in time, the second without complaint."""
    body, kind = multipart(part(f"f{n}", b"x", filename="a") for n in range(10_000))
    assert sent(running, UPLOAD, body, kind)[1]["result"] is False
    assert "parts" in why(running)
    body, kind = multipart(part("prompt", f"{n}") for n in range(1_000))
    assert sent(running, CAPTION, body, kind)[1]["result"] is True
    form = b"&".join(b"prompt=%d" % n for n in range(1_000))
    assert sent(running, CAPTION, form, "application/x-www-form-urlencoded")[1]["result"] is True


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [(CAPTION, signed(), 200), (CAPTION, {}, 401), ("/v1/Nowhere", {}, 404), ("/__wiro/time", {}, 400)],
)
def test_ten_megabytes_of_json_are_read_to_their_end_and_answered(
    running: Live, path: str, headers: dict[str, str], status: int
) -> None:
    """Never a reset, also where the answer is clear from the first line."""
    body = json.dumps({"prompt": "x" * (10 * MIB)}).encode()
    lines = {"host": "127.0.0.1", "content-length": str(len(body)), "connection": "close", **headers}
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    received = everything(raw((running.thread.host, running.thread.port), head.encode(), body))
    assert received.startswith(f"HTTP/1.1 {status}".encode())
    assert json.loads(received.split(b"\r\n\r\n", 1)[1])


def test_a_file_of_100_mib_and_a_byte_is_refused_and_leaves_nothing(running: Live) -> None:
    """It is read to its end, without being kept."""

    def stream() -> Iterator[bytes]:
        body, _ = multipart([part("file", b"@", filename="big.mp4")])
        head, tail = body.split(b"@")
        yield head
        for _ in range(100):
            yield bytes(MIB)
        yield b"x" + tail

    kind = multipart([])[1]
    answer = running.http.post(UPLOAD, content=stream(), headers={**signed(), "content-type": kind}, timeout=60)
    assert (answer.status_code, answer.json()["result"]) == (200, False)
    assert "larger than" in why(running)


def test_lone_surrogates_come_back_as_they_went(running: Live) -> None:
    """As their escape, in the echo and on the socket; never a 500."""
    body = b'{"prompt": "\\ud800 and \\u0000"}'
    task_id = sent(running, CAPTION, body)[1]["taskid"]
    assert running.detail(task_id)["parameters"]["prompt"] == "\ud800 and \x00"


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/v1/Run/no/such", {}, 200),
        ("/v1/Run/..%2f..%2fetc/passwd", {}, 200),
        ("/v1/Run/%ff%fe/%00", {}, 200),
        ("/v1/Run/a", {}, 404),
        (DETAIL, {"taskid": "nobody"}, 200),
        (DETAIL, {"taskid": 10**300}, 200),
        (DETAIL, {"tasktoken": ["a"]}, 200),
        (DETAIL, {}, 200),
        ("/v1/Task/Kill", {"taskid": {"a": 1}}, 200),
        (UPLOAD, {"folderid": "nowhere"}, 200),
    ],
)
def test_what_is_not_there_is_refused_in_wiros_envelope(running: Live, path: str, fields: object, status: int) -> None:
    """Models, tasks, folders, whatever they are called."""
    answer = sent(running, path, json.dumps(fields).encode())
    assert (answer[0], answer[1]["result"]) == (status, False)


def test_an_id_may_be_a_number(running: Live) -> None:
    """Clients send it so."""
    task_id, _ = running.run()
    status, shape = sent(running, DETAIL, json.dumps({"taskid": int(task_id)}).encode())
    assert (status, shape["tasklist"][0]["id"]) == (200, task_id)


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/v1/File/../../x", "/v1/File/%2e%2e/%2e%2e%2fetc", "/v1/%00"])
def test_dots_in_a_url_lead_nowhere(running: Live, path: str) -> None:
    """404, as for anything else that is not there."""
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = everything(raw((running.thread.host, running.thread.port), request.encode()))
    assert received.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    "lines",
    [
        b"Host: a b\r\n",
        b"Host: <script>\r\n",
        b"Host: [::1\r\n",
        b"Host: evil.test/path\r\n",
        b"Host: " + b"h" * 5_000 + b"\r\n",
        b"Host: x\r\nX-Long: " + b"y" * 10_000 + b"\r\n",
        b"Host: x\r\n" + b"X-Same: 1\r\n" * 200,
        b"Host: x\r\nX-Api-Key: a\r\nX-Api-Key: b\r\n",
        b"Host: x\r\nX-Latin: \xe4\xff\r\n",
    ],
)
def test_odd_headers_are_answered_and_never_echoed_into_a_url(running: Live, lines: bytes) -> None:
    """Ten thousand bytes, doubles, a malformed Host: the request is a request all the same."""
    own = "".join(f"{name}: {value}\r\n" for name, value in signed().items()).encode()
    lines = lines if b"Api-Key" in lines else lines + own
    request = b"POST %b HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n%b\r\n{}" % (CAPTION.encode(), lines)
    received = everything(raw((running.thread.host, running.thread.port), request))
    assert received[9:12] in (b"200", b"401", b"400")
    assert b"script" not in received
    assert b"500" not in received.split(b"\r\n")[0]


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        UPGRADE + b"X-Long: " + b"y" * 10_000 + b"\r\n\r\n",
        UPGRADE + b"X-Many: 1\r\n" * 200 + b"\r\n",
        UPGRADE.replace(b"Version: 13", b"Version: 7") + b"\r\n",
        UPGRADE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short") + b"\r\n",
        UPGRADE.replace(b"GET", b"POST") + b"\r\n",
    ],
)
def test_what_is_no_http_closes_its_own_connection_only(running: Live, data: bytes) -> None:
    """TLS on the plain port, an endless header, a bad upgrade: no noise, no harm."""
    sock = raw((running.thread.host, running.thread.port), data)
    sock.settimeout(0.2)
    with suppress(TimeoutError, ConnectionResetError):
        assert b" 500 " not in sock.recv(4096).split(b"\r\n")[0]
    reset(sock)


def test_a_client_that_goes_away_in_the_middle_of_anything_leaves_nothing(running: Live) -> None:
    """During the head, during a Run, during an upload (by length and in chunks), before the answer was read."""
    netloc, tasks = (running.thread.host, running.thread.port), len(list(running.world.sim.tasks()))
    own = "".join(f"{name}: {value}\r\n" for name, value in signed().items()).encode()
    body, kind = multipart([part("file", bytes(3 * MIB), filename="a.mp4")])
    head = b"POST %b HTTP/1.1\r\nHost: x\r\n%bContent-Type: %b\r\n" % (UPLOAD.encode(), own, kind.encode())
    length = head + b"Content-Length: %d\r\n\r\n" % len(body)
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body)
    run = b"POST %b HTTP/1.1\r\nHost: x\r\n%bContent-Length: 50\r\n\r\n{" % (CAPTION.encode(), own)
    for data in (head[:30], head, run, length, length + body[:100], length + body[:-5], chunked + body[:-5]):
        raw(netloc, data).close()
        reset(raw(netloc, data))
    reset(raw(netloc, length + body))
    eventually(lambda: _half_files(running) == [])
    assert len(list(running.world.sim.tasks())) == tasks


def test_an_upload_in_chunks_is_kept_byte_exact(running: Live) -> None:
    """Pieces of any size, without a length in advance."""
    data = os.urandom(3 * MIB + 17)
    body, kind = multipart([part("file", data, filename="a.mp4")])

    def pieces() -> Iterator[bytes]:
        at, size = 0, 1
        while at < len(body):
            yield body[at : at + size]
            at, size = at + size, size * 3 % 70_001 + 1

    answer = running.http.post(UPLOAD, content=pieces(), headers={**signed(), "content-type": kind}).json()
    assert running.http.get(answer["list"][0]["url"]).content == data


@pytest.mark.parametrize("lines", [b"X-Long: " + b"y" * 10_000 + b"\r\n", b"X-Many: 1\r\n" * 200])
def test_an_upgrade_with_too_much_header_is_refused_and_not_left_open(running: Live, lines: bytes) -> None:
    """A client would wait for ever otherwise."""
    received = everything(raw((running.thread.host, running.thread.port), UPGRADE + lines + b"\r\n"))
    assert received.startswith(b"HTTP/1.1 400")
