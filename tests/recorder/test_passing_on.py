"""What goes through the recorder: as it would have gone without it, whoever sends it, and whatever it is made of."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.live_kit import PATIENCE, eventually
from tests.recorder.kit import Recording, ended, recording, telling, upstream_that
from tests.recorder.test_bad_days import begun, frame, post, said
from wiro_mock.recorder import follower, runs
from wiro_mock.recorder import shelf as shelves
from wiro_mock.recorder.places import Upstream

CLOSE = "Connection: close"


def bare(made: Recording, request: bytes) -> bytes:
    """What comes back for these bytes, to the end of the connection."""
    with socket.create_connection((made.thread.host, made.thread.port), timeout=PATIENCE) as sock:
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(1 << 16), b""))


def test_the_cookies_of_one_client_are_not_another_s(tmp_path: Path) -> None:
    """The upstream sets one for each; nobody's goes along with the next request."""
    asked = list[bytes]()

    def answer(request: bytes) -> bytes:
        asked.append(request)
        return said(b"{}", "Set-Cookie: session=of-the-first; Path=/", CLOSE)

    with upstream_that(answer) as url, recording(url, tmp_path) as made:
        assert post(made).headers["set-cookie"] == "session=of-the-first; Path=/"
        post(made)
    assert len(asked) == 2
    assert b"of-the-first" not in asked[1]


def test_half_an_upload_starts_no_run(tmp_path: Path) -> None:
    """The client has gone in its midst: the upstream hears nothing of it."""
    asked = list[bytes]()

    def answer(request: bytes) -> bytes:
        asked.append(request)
        return said(b"{}", CLOSE)

    with upstream_that(answer) as url, recording(url, tmp_path) as made:
        with socket.create_connection((made.thread.host, made.thread.port), timeout=PATIENCE) as sock:
            sock.sendall(b"POST /v1/Run/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nhalf")
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1 << 16).startswith((b"", b"HTTP/1.1 400"))
        post(made, "/Task/Detail")
    assert [request.split()[1] for request in asked] == [b"/v1/Task/Detail"]


def test_headers_go_on_byte_by_byte_without_those_of_the_connection(tmp_path: Path) -> None:
    """Latin-1 too; and there is one date."""
    asked = list[bytes]()

    def answer(request: bytes) -> bytes:
        asked.append(request)
        return said(b"{}", "Date: Thu, 01 Jan 2026 00:00:00 GMT", CLOSE)

    head = (
        b"POST /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
        b"X-Name: caf\xe9\r\nExpect: 100-continue\r\n"
    )
    with upstream_that(answer) as url, recording(url, tmp_path) as made:
        came = bare(made, head + b"Content-Length: 2\r\n\r\n{}")
    assert b"x-name: caf\xe9\r\n" in asked[0].lower()
    assert b"x-hop" not in asked[0].lower()
    assert b"expect" not in asked[0].lower()
    assert came.lower().count(b"\r\ndate:") == 1


def test_addresses_in_headers_are_ours_and_a_head_tells_the_length(tmp_path: Path) -> None:
    """A redirection leads to the recorder again."""
    here = dict[str, str]()

    def answer(request: bytes) -> bytes:
        if request.startswith(b"HEAD"):
            return (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 42\r\nConnection: close\r\n\r\n"
            )
        return said(b"", f"Location: {here['url']}/a/b", CLOSE, status="302 Found", kind="text/plain")

    with upstream_that(answer) as url, recording(url, tmp_path) as made:
        here["url"] = url
        assert httpx.get(f"{made.api}/File/x", trust_env=False).headers["location"] == f"{made.thread.url}/a/b"
        assert httpx.head(f"{made.api}/File/x", trust_env=False).headers["content-length"] == "42"


def test_bytes_that_are_no_text_come_as_they_are(tmp_path: Path) -> None:
    """JSON that is not UTF-8 is read as well as may be, and passed on as it came."""
    body = b'{"result": false, "errors": [{"code": 97, "message": "caf\xe9"}]}'
    with upstream_that(lambda _: said(body, CLOSE)) as url, recording(url, tmp_path) as made:
        assert post(made).content == body
    assert "refuse: {code: 97" in made.text()


@pytest.mark.parametrize(
    "body",
    [
        b'{"result": true, "socketaccesstoken": "tok-01234567", "taskid": {"a": [1]}}',
        b'{"errors": [{"code": true, "message": null}], "result": false}',
        b'{"errors": {"a": 1}, "result": false}',
        b'{"tasklist": [5, {"id": {}, "status": [], "outputs": 5}]}',
        b"[" * 5_000 + b"]" * 5_000,
    ],
)
@pytest.mark.parametrize("path", ["/Run/a/b", "/Task/Detail"])
def test_whatever_an_answer_is_the_client_gets_it(path: str, body: bytes, tmp_path: Path) -> None:
    """And what is written can be read again."""
    from wiro_mock.loader import load_scenarios

    with (
        telling(frame("connected")) as sockets,
        upstream_that(lambda _: said(body, CLOSE)) as url,
        recording(url, tmp_path, socket=sockets, har=True, grace=0) as made,
    ):
        answer = post(made, path)
    assert (answer.status_code, answer.content) == (200, body)
    assert not any("mistake" in line for line in made.told)
    for file in tmp_path.glob("*.yaml"):
        assert load_scenarios(file)


@pytest.mark.parametrize("depth", [99, 900, 50_000])
def test_json_however_deep_goes_on_and_leaves_a_recording(depth: int, tmp_path: Path) -> None:
    """In a request, where nobody else would complain of it, and in a frame."""
    deep = "[" * depth + "]" * depth
    texts = [
        frame("task_start"),
        f'{{"type": "task_output", "id": "523411", "message": {deep}}}',
        frame("task_end"),
        frame("task_postprocess_end", message=[]),
    ]
    asked = list[bytes]()

    def answer(request: bytes) -> bytes:
        asked.append(request)
        return begun(request)

    body = f'{{"prompt": {deep}}}'.encode()
    with telling(*texts) as sockets, upstream_that(answer) as url, recording(url, tmp_path, socket=sockets) as made:
        assert httpx.post(f"{made.api}/Run/a/b", content=body, trust_env=False, timeout=PATIENCE).status_code == 200
        ended(made)
    assert asked[0].endswith(body)
    assert "exit: {code: 0" in made.text()
    assert not made.told


def test_an_upstream_that_breaks_off_is_told(tmp_path: Path) -> None:
    """The client's answer breaks off, too: it has no wrong end."""
    cut = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc"
    coded = said(b"none" * 99, "Content-Encoding: gzip", CLOSE, kind="image/png")
    with (
        upstream_that(lambda request: cut if b"cut" in request else coded) as url,
        recording(url, tmp_path) as made,
    ):
        for path in ("cut", "coded"):
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(f"{made.thread.url}/{path}.png", trust_env=False, timeout=PATIENCE)
    assert made.told == [
        "/cut.png: the upstream broke the connection (RemoteProtocolError) in the midst of its answer; so did the "
        "recorder",
        "/coded.png: the upstream sent a body that is not in the coding that its header names in the midst of its "
        "answer; so did the recorder",
    ]


def test_slow_clients_keep_nobody_waiting(tmp_path: Path) -> None:
    """A hundred and ten downloads that nobody reads to the end, and a poll beside them."""
    over = threading.Event()

    def serve_one(sock: socket.socket) -> None:
        with sock:
            asked = sock.recv(1 << 16)
            if b"GET" in asked:
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\nx")
                over.wait(PATIENCE)
            else:
                sock.sendall(said(b"{}", CLOSE))

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve_one, args=(sock,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        with recording(f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path, timeout=9 * PATIENCE) as made:
            where = (made.thread.host, made.thread.port)
            slow = [socket.create_connection(where, timeout=PATIENCE) for _ in range(110)]
            for sock in slow:
                sock.sendall(b"GET /a.png HTTP/1.1\r\nHost: x\r\n\r\n")
            assert all(sock.recv(1 << 16).startswith(b"HTTP/1.1 200") for sock in slow)
            assert post(made, "/Task/Detail").status_code == 200
            over.set()
            for sock in slow:
                sock.close()
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def sockets_that_close() -> Iterator[tuple[str, list[tuple[str, str | None, str | None]]]]:
    """A socket that closes with the code that it is told, or breaks; its URL, and what it was opened with."""
    opened = list[tuple[str, str | None, str | None]]()

    def play(connection: ServerConnection) -> None:
        asked = connection.request
        assert asked is not None
        opened.append((asked.path, connection.subprotocol, asked.headers.get("Authorization")))
        told = str(connection.recv())
        if told == "break":
            connection.socket.shutdown(2)
        else:
            connection.close(int(told), "because")

    with serve(play, "127.0.0.1", 0, subprotocols=[Subprotocol("wiro")], select_subprotocol=_any) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/v1", opened
        server.shutdown()
        thread.join()


def _any(_: ServerConnection, offered: object) -> Subprotocol | None:
    return Subprotocol("wiro") if offered else None


def test_a_socket_is_opened_and_closed_as_it_would_be_without_the_recorder(tmp_path: Path) -> None:
    """Its query, its headers and its subprotocol go on; the code and the reason of its end come back, or its loss."""
    with sockets_that_close() as (url, opened), recording("http://127.0.0.1:9", tmp_path, socket=url) as made:
        for told, code in (("1000", 1000), ("1008", 1008), ("1013", 1013), ("4001", 4001), ("break", None)):
            with connect(
                f"{made.socket}?a=1",
                proxy=None,
                open_timeout=PATIENCE,
                additional_headers={"Authorization": "Bearer abcdefghij"},
                subprotocols=[Subprotocol("wiro")] if told == "1000" else None,
            ) as client:
                client.send(told)
                with pytest.raises(ConnectionClosed) as closed:
                    client.recv(PATIENCE)
            came = closed.value.rcvd
            assert (came and (came.code, came.reason)) == (code and (code, "because"))
    assert opened[0] == ("/v1?a=1", "wiro", "Bearer abcdefghij")
    assert opened[1][1] is None


@given(
    host=st.sampled_from(["169.254.169.254", "127.0.0.1:9", "evil.com", "cdn1.wiro.ai.evil.com", "[::1]"]),
    glue=st.sampled_from(["#", "?", "@", "\\", "%23", "%2f", ";", ":", " ", "\t", ":80#", "/", "@x"]),
)
def test_no_spelling_leads_to_a_host_of_others(host: str, glue: str) -> None:
    """Neither for a client, nor for an output."""
    upstream = Upstream("https://api.wiro.ai/v1", "wss://socket.wiro.ai/v1")
    for netloc in (f"{host}{glue}.wiro.ai", f"{host}{glue}cdn1.wiro.ai", f"cdn1.wiro.ai{glue}{host}"):
        url = upstream.of_path(f"/__files/https/{netloc}/x")
        assert url is None or httpx.URL(url).host.endswith(".wiro.ai")
    assert upstream.of_path("/__files/https/cdn1.wiro.ai/x") == "https://cdn1.wiro.ai/x"


def test_what_is_kept_of_the_wire_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """However many runs there are, and however long their prompts."""
    from wiro_mock.recorder import traffic
    from wiro_mock.recorder.redaction import Redactor
    from wiro_mock.recorder.shelf import Shelf

    monkeypatch.setattr(traffic, "MOST_KINDS", 5)
    monkeypatch.setattr(traffic, "MOST_RUNS", 5)
    shelf = Shelf(tmp_path)
    kept = traffic.Traffic(shelf, Redactor())
    for number in range(20):
        said = {"result": True, "taskid": str(number), "socketaccesstoken": f"token-{number}", "errors": []}
        kept.answered("/v1/Run/a/b", {}, {"prompt": "x" * 5_000 + str(number)}, 200, json.dumps(said))
    kept.write()
    shelf.close()
    log = json.loads((tmp_path / "traffic.har").read_text())["log"]
    assert (len(log["entries"]), log["comment"]) == (5, "15 more were left out: there was no room for them")
    assert sum(map(len, kept._kinds)) + len(kept._tokens) < 100


def test_a_part_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The recorder is ended before the task, and its folder has gone: nothing is lost without a word."""
    import shutil

    with (
        telling(frame("task_start")) as sockets,
        upstream_that(begun) as url,
        recording(url, tmp_path / "r", socket=sockets, grace=0) as made,
    ):
        post(made)
        eventually(lambda: list((tmp_path / "r").glob("caption-1.yaml")))
        shutil.rmtree(tmp_path / "r")
    assert any("caption-1 is not recorded whole" in line and "No such file" in line for line in made.told)


def test_a_later_recorder_leaves_the_archive_of_an_earlier_one(tmp_path: Path) -> None:
    """Beside it there is another, as there is another scenario."""
    for archives in (["traffic.har"], ["traffic-2.har", "traffic.har"]):
        earlier = {file.name: file.read_bytes() for file in tmp_path.glob("*.har")}
        with (
            telling(frame("task_start"), frame("task_end"), frame("task_postprocess_end", message=[])) as sockets,
            upstream_that(begun) as url,
            recording(url, tmp_path, socket=sockets, har=True) as made,
        ):
            post(made)
            ended(made)
        assert sorted(file.name for file in tmp_path.glob("*.har")) == archives
        assert all((tmp_path / name).read_bytes() == data for name, data in earlier.items())


def test_what_comes_together_is_written_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many statuses and tasks there are: each scenario once, and the archive of all of them once."""
    written: list[str] = []
    put = shelves._put

    def counted(path: Path, data: bytes) -> None:
        written.append(path.name)
        put(path, data)

    monkeypatch.setattr(shelves, "_put", counted)
    monkeypatch.setattr(follower, "SOON", PATIENCE)  # so that no slow machine makes two of what is one
    monkeypatch.setattr(runs, "PAUSE", PATIENCE)
    kinds = ("task_queue", "task_accept", "task_assign", "task_start", "task_end")
    with (
        telling(*map(frame, kinds), frame("task_postprocess_end", message=[])) as sockets,
        upstream_that(begun) as url,
        recording(url, tmp_path, socket=sockets, har=True) as made,
    ):
        for _ in range(3):
            post(made)
            ended(made)
    assert written == ["caption-1.yaml", "caption-2.yaml", "caption-3.yaml", "traffic.har"]


def test_an_archive_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    """And not for every task."""
    with (
        telling(frame("task_start"), frame("task_end"), frame("task_postprocess_end", message=[])) as sockets,
        upstream_that(begun) as url,
        recording(url, tmp_path, socket=sockets, har=True) as made,
    ):
        (tmp_path / "traffic.har").mkdir()
        for _ in range(3):
            post(made)
            ended(made)
    assert [line.rpartition("/")[2] for line in made.told] == ["traffic.har could not be written: Is a directory"]
    assert len(list(tmp_path.glob("caption-*.yaml"))) == 3
