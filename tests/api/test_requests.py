"""Any request at all: routes, hosts, and the promise that nothing a client sends is an error of ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.api_kit import CAPTION, KEY, ORIGIN, make_world, multipart, part, post, run, send, signed
from wiro_mock.api.body import BodyReader
from wiro_mock.api.messages import Request
from wiro_mock.api.operations import OPERATIONS, find
from wiro_mock.api.origin import Origins, origin_of, origins
from wiro_mock.api.profile import PROFILES, Profile, find_profile, switch
from wiro_mock.kernel.nearest import listed
from wiro_mock.mock import REQUEST_ID

NOT_FOUND = b'{"result":false,"errors":[{"code":0,"message":"Error parsing url.","time":1735689600}]}'
NO_OPERATION = "no operation of the API as it is played here"
EVERYTHING = listed([f"{operation.method} {operation.path}" for operation in OPERATIONS])


@pytest.mark.parametrize(
    ("method", "path", "why"),
    [
        ("GET", "/v1/Task/Detail", "this path is played for POST only; send POST"),
        ("PUT", CAPTION, "this path is played for POST only; send POST"),
        ("POST", "/v1/Task/Detail/", "the path ends with a slash, and Wiro's do not: POST /v1/Task/Detail"),
        (
            "POST",
            "/Task/Detail",
            "the path lacks /v1 at its beginning; the base URL ends in /v1: POST /v1/Task/Detail",
        ),
        ("GET", "/v1/v1/Task/Detail", "/v1 stands twice; the base URL has it already: POST /v1/Task/Detail"),
        ("POST", "/v1/Task/Details", f"{NO_OPERATION}; did you mean POST /v1/Task/Detail?"),
        ("POST", "/v1/task/detail", f"{NO_OPERATION}; did you mean POST /v1/Task/Detail?"),
        ("POST", "/Tasks/Detail", f"{NO_OPERATION}; did you mean POST /v1/Task/Detail?"),
        ("POST", "/v1/TaskDetail", f"{NO_OPERATION}; did you mean POST /v1/Task/Detail?"),
        ("POST", "/v1/Runs/a/b", f"{NO_OPERATION}; did you mean POST /v1/Run/a/b?"),
        ("POST", "/v1/Run/a", f"{NO_OPERATION}; did you mean POST /v1/Run/a/{{model}}?"),
        ("POST", f"{CAPTION}/now", f"{NO_OPERATION}; did you mean POST {CAPTION}?"),
        ("GET", "/v1/File/Uploads", f"{NO_OPERATION}; did you mean POST /v1/File/Upload?"),
        ("POST", "/v1/Task/Nothing", f"{NO_OPERATION}; none is near; there are: {EVERYTHING}"),
        ("GET", "/", f"{NO_OPERATION}; none is near; there are: {EVERYTHING}"),
        ("", "", f"{NO_OPERATION}; none is near; there are: {EVERYTHING}"),
    ],
)
def test_an_unknown_path_is_404_and_explained(method: str, path: str, why: str) -> None:
    """`Error parsing url.` on the wire, before any authentication (rest.md §1.5)."""
    world = make_world()
    reply = send(world, method, path)
    assert (reply.status, reply.content) == (404, NOT_FOUND)
    assert world.journal.entries()[-1].outcome.reason == f"{method} {path}: {why}"


def test_every_operation_is_found_by_its_own_path() -> None:
    """With one segment for each name in braces; by no longer path."""
    folder = "-".join(["0a1b2c3d"] * 8)
    for operation in OPERATIONS:
        path = operation.path.replace("{cdn_folder}", folder).replace("{picture}", "p.PNG")
        path = (
            path.replace("{owner}", "a%20b").replace("{model}", "c").replace("{accesskey}", "k").replace("{name}", "n")
        )
        found = find(operation.method, path)
        assert found is not None
        assert found[0] is operation
        assert find(operation.method, path + "/x") is None
        assert find(operation.method, "/x" + path) is None
    found = find("POST", "/v1/Run/a%20b/%2F")
    assert found is not None
    assert found[1] == ["a b", "/"]


def test_every_answer_names_its_exchange_in_one_header_of_ours() -> None:
    """And in nothing else."""
    world = make_world()
    for number, reply in enumerate([post(world, CAPTION, {}), send(world, "GET", "/nope")], start=1):
        assert reply.headers[REQUEST_ID] == f"req-{number}"
        assert [name for name in reply.headers if "mock" in name] == [REQUEST_ID]


@pytest.mark.parametrize(
    ("scheme", "host", "expected"),
    [
        ("http", "127.0.0.1:4747", "http://127.0.0.1:4747"),
        ("https", "localhost", "https://localhost"),
        ("http", "[::1]:4747", "http://[::1]:4747"),
        ("http", "api.wiro.ai", "https://api.wiro.ai"),
        ("https", "SOCKET.Wiro.AI:443", "https://api.wiro.ai"),
        ("http", "wiro.ai", "https://api.wiro.ai"),
        ("http", "evilwiro.ai", "http://evilwiro.ai"),
        ("http", "wiro.ai.evil.example", "http://wiro.ai.evil.example"),
        ("http", "", "http://own:1"),
        ("http", "a b", "http://own:1"),
        ("http", "a\r\nx: y", "http://own:1"),
        ("http", "a/b", "http://own:1"),
        ("http", "user@a", "http://own:1"),
        ("http", "a:99999", "http://own:1"),
        ("http", "a:80:80", "http://own:1"),
        ("http", "[::1", "http://own:1"),
        ("http", "a, b", "http://own:1"),
        ("http", "ü", "http://own:1"),
        ("http", "a\n", "http://own:1"),
    ],
)
def test_the_origin_of_a_request(scheme: str, host: str, expected: str) -> None:
    """Scheme and Host; Wiro's own names stand for Wiro's own origin; a malformed Host for the server's own."""
    assert origin_of(scheme, host, fallback="http://own:1") == expected
    assert origin_of(scheme, host, fallback="http://own:1", public_url="https://p.example/") == "https://p.example"


def test_wiros_own_origin_has_a_cdn() -> None:
    """Inputs at api.wiro.ai, outputs at cdn1.wiro.ai; every other origin is both."""
    assert origins("https://api.wiro.ai") == Origins("https://api.wiro.ai", "https://cdn1.wiro.ai")
    assert origins(ORIGIN) == Origins(ORIGIN, ORIGIN)


@given(st.sampled_from(["http", "https"]), st.text(max_size=40))
def test_no_host_breaks_out_of_the_origin(scheme: str, host: str) -> None:
    """Whatever it is, the origin is printable ASCII without a path."""
    origin = origin_of(scheme, host, fallback="http://own:1")
    assert origin.isascii()
    assert origin.isprintable()
    assert origin.count("/") == 2
    assert " " not in origin


def test_profiles_exist_or_say_so() -> None:
    """Four are there, others never were."""
    assert find_profile("current") == Profile()
    assert find_profile("2025-12").task_keys == "seed"
    assert [find_profile(name).name for name in PROFILES] == ["current", "2026-09", "2026-04", "2025-12"]
    with pytest.raises(ValueError, match="no profile 'x'; there are: current, 2026-09, 2026-04, 2025-12"):
        find_profile("x")


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("stop_total=true", "stop_total", True),
        ("welcome=false", "welcome", False),
        ("callback_attempts=3", "callback_attempts", 3),
        ("callback_backoff=0.5", "callback_backoff", 0.5),
        ("callback_backoff=86400", "callback_backoff", 86_400.0),
        ("nonce_reuse=refuse", "nonce_reuse", "refuse"),
        ("not_found_message=task-not-founded", "not_found_message", "task-not-founded"),
        ("not_found_message=a=b", "not_found_message", "a=b"),
    ],
)
def test_a_switch_is_set_by_name_and_value(assignment: str, name: str, value: object) -> None:
    """Each of its own type."""
    assert getattr(switch(Profile(), assignment), name) == value


@pytest.mark.parametrize(
    ("assignment", "why"),
    [
        ("stop_totl=true", "did you mean stop_total?"),
        ("stop_total", "switch stop_total has no value; write stop_total=true or stop_total=false"),
        ("options", r"write options=any or options=listed \(wiro-mock profile current --all tells"),
        ("not_found_message", "write not_found_message=TEXT"),
        ("options=lisetd", r"one of any, listed, not 'lisetd' \(wiro-mock profile current --all tells"),
        ("stop_total=yes", "one of true, false, not 'yes'"),
        ("nonce_reuse=no", "one of allow, refuse, not 'no'"),
        ("callback_attempts=9", "one of 1, 2, 3"),
        ("callback_backoff", "write callback_backoff=SECONDS"),
        ("callback_backoff=2s", "a number of seconds from 0 to 86400, not '2s'"),
        ("callback_backoff=-1", "a number of seconds from 0 to 86400"),
        ("callback_backoff=nan", "a number of seconds from 0 to 86400"),
        ("callback_backoff=86401", "a number of seconds from 0 to 86400"),
        ("name=x", "'name' is none"),
    ],
)
def test_a_mistaken_switch_has_a_way_out(assignment: str, why: str) -> None:
    """The nearest name, or all of them."""
    with pytest.raises(ValueError, match=why):
        switch(Profile(), assignment)


PATHS = st.one_of(
    st.sampled_from([CAPTION, *(operation.path for operation in OPERATIONS), "/v1/Run/%00/%ff", "/%2e%2e/%2e%2e", "*"]),
    st.text(max_size=40),
    st.builds("/v1/{}".format, st.text(max_size=30)),
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
NAMES = st.sampled_from(
    ["tasktoken", "taskid", "socketaccesstoken", "callbackUrl", "projectid", "name", "parentid", "file", "folderid"]
) | st.text(max_size=8)
FIELDS = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(NAMES, SCALARS, max_size=2))


def _json(fields: dict[str, Any]) -> tuple[bytes, str]:
    from wiro_mock.api import jsontext

    return jsontext.dumps(fields).encode(), "application/json"


def _parts(parts: list[tuple[str, bytes, str | None]]) -> tuple[bytes, str]:
    return multipart([part(name, data, filename=filename) for name, data, filename in parts])


PART_NAMES = NAMES.filter(lambda name: name.isprintable() and '"' not in name)
BODIES = st.one_of(
    st.tuples(st.binary(max_size=60), st.text(max_size=40)),
    FIELDS.map(_json),
    st.lists(
        st.tuples(PART_NAMES, st.binary(max_size=30), st.sampled_from([None, "a.png", "b.zip", "\x00\\..", "é"])),
        max_size=4,
    ).map(_parts),
)
HEADERS = st.one_of(
    st.just(signed()),
    st.dictionaries(
        st.sampled_from(["x-api-key", "x-nonce", "x-signature", "authorization", "range", "if-none-match", "if-range"]),
        st.sampled_from([KEY, "bytes=0-0", '"', "*"]) | st.text(max_size=20),
    ),
)


@given(st.sampled_from(["POST", "GET", "HEAD", "PUT", "", "päst"]), PATHS, HEADERS, BODIES)
@example("POST", "/v1/File/Upload", signed(), _parts([("file", b"PK\x05\x06" + b"\xff" * 18, "b.zip")]))
@example("POST", CAPTION, signed(), _json({"\ud800": "\ud800", "callbackUrl": "http://\ud800"}))
def test_no_request_is_an_error_of_ours_or_leaves_anything(
    method: str, path: str, headers: dict[str, str], body: tuple[bytes, str]
) -> None:
    """Never an exception, never a 5xx; every byte kept belongs to a file that is listed."""
    for mode in ("strict", "off"):
        world = make_world(auth_mode=mode, time="auto", tell=lambda _: None)
        run(world)
        reply = send(world, method, path, body[0], content_type=body[1], headers=headers)
        assert reply.status in (200, 206, 304, 401, 404, 416)
        if reply.headers.get("content-type", "").startswith("application/json") and method != "HEAD":
            answer = reply.json
            assert isinstance(answer, list) or answer["errors"] == [] or answer["result"] is False  # the bare array
        for name, value in reply.headers.items():
            assert name.isascii()
            assert not set("\r\n\0") & set(value)
            value.encode("latin-1")
        [entry.shown() for entry in world.journal.entries()]
        stored = set(world.blobs._memory) | set(world.blobs._on_disk)
        assert {digest for digest in stored if not world.sim.files.needs(digest)} == set()


def test_a_client_that_goes_away_leaves_nothing() -> None:
    """At any byte of an upload."""
    data, kind = multipart([part("a", b"1" * 50, filename="a"), part("b", b"2" * 50, filename="b")])
    world = make_world()
    for end in range(0, len(data), 7):
        reader = BodyReader(kind, world.blobs)
        reader.feed(data[:end])
        reader.abandon()
        for blob in reader.blobs:
            world.blobs.unpin(blob, needed=world.sim.files.needs)
        assert len(world.blobs) == 0


def test_a_request_does_not_print_its_headers() -> None:
    """They hold the credentials."""
    request = Request(method="POST", path="/", headers=signed(), origin=ORIGIN)
    assert KEY not in repr(request)
    assert "x-signature" not in repr(request)


def test_the_2025_profile_is_the_seeds() -> None:
    """Its errors have code and message only."""
    world = make_world(profile=PROFILES["2025-12"])
    assert list(send(world, "GET", "/nope").error) == ["code", "message"]


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        (
            "POST",
            "/v1/Team/Create",
            "Wiro has this (documentation), and it is out of scope here; wiro-mock surface lists what is played",
        ),
        (
            "POST",
            "/v1/UserAgentOAuth/XConnect",
            "Wiro has this (documentation), and it is out of scope here; wiro-mock surface lists what is played",
        ),
    ],
)
def test_what_wiro_has_and_the_mock_has_not_is_named(method: str, path: str, reason: str) -> None:
    """No likeness is guessed at where it is known what was meant."""
    world = make_world()
    reply = send(world, method, path, headers=signed())
    assert (reply.status, reply.error["message"]) == (404, "Error parsing url.")
    assert world.journal.entries(limit=1)[0].outcome.reason == f"{method} {path}: {reason}"


def test_json_that_was_sent_as_a_form_is_named_first() -> None:
    """`curl -d` sends the type of a form: the one trap that every reader of a README steps into."""
    world = make_world()
    told = "the body is JSON, but its Content-Type is that of a form; send Content-Type: application/json"
    form = "application/x-www-form-urlencoded"
    for path, headers in (("/v1/Tool/List", {}), ("/v1/Run/google/nano-banana-pro", signed())):
        send(world, "POST", path, headers=headers, body=b'{"prompt": "a cat"}', content_type=form)
        reason = world.journal.entries(limit=1)[0].outcome.reason
        assert reason.startswith(told), path
    send(world, "POST", "/v1/Tool/List", body=b"search=%7Bcat", content_type=form)
    assert world.journal.entries(limit=1)[0].outcome.reason == ""
    send(world, "POST", "/v1/Task/Detail", body=b'{"taskid": "1"}', content_type=form)
    assert "Content-Type" not in world.journal.entries(limit=1)[0].outcome.reason
