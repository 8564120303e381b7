"""`Run`: every encoding of a body, every way to name a model, what is echoed and what is refused."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api_kit import CAPTION, ORIGIN, detail, get, make_world, multipart, part, post, post_parts, run, send, signed
from wiro_mock.api.profile import Profile

FORM = "application/x-www-form-urlencoded"
PNG = b"\x89PNG\r\n\x1a\n some picture"


QUERY = "/v1/Run/moondream3-preview/query"
"""A model whose file parameter takes more than one file or URL."""


def parameters(world: Any, reply: Any) -> dict[str, Any]:
    assert reply.json["result"] is True, reply.json
    return dict(detail(world, reply.json["taskid"])["parameters"])


def test_the_answer_has_wiros_keys_in_their_order() -> None:
    """errors, taskid, socketaccesstoken, result; both ids are strings (rest.md §12)."""
    reply = post(make_world(), CAPTION, {"length": "short"})
    assert reply.status == 200
    assert list(reply.json) == ["errors", "taskid", "socketaccesstoken", "result"]
    assert reply.json["errors"] == []
    assert reply.json["result"] is True
    assert re.fullmatch(r"[0-9]+", reply.json["taskid"])
    assert re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]{30}", reply.json["socketaccesstoken"])


def test_every_run_has_ids_of_its_own() -> None:
    """Also with one nonce for all (clients.md §1 line 25)."""
    world = make_world()
    runs = [run(world) for _ in range(20)]
    assert len({task for task, _ in runs}) == len({token for _, token in runs}) == 20


@pytest.mark.parametrize("kind", ["application/json", "application/json;charset=utf-8", "text/plain", ""])
def test_json_is_read_whatever_its_type_is_called(kind: str) -> None:
    """`;charset=utf-8` is tolerated, a missing type too (clients.md §1 line 8)."""
    world = make_world()
    reply = send(world, "POST", CAPTION, b'{"length":"short"}', content_type=kind, headers=signed())
    assert parameters(world, reply) == {"length": "short"}


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; charset=utf-8"])
def test_multipart_without_a_boundary_is_tried_as_json(kind: str) -> None:
    """Wiro's own llms.txt sends that header with a JSON body (rest.md §2.0)."""
    world = make_world()
    reply = send(world, "POST", CAPTION, b'{"length":"short"}', content_type=kind, headers=signed())
    assert parameters(world, reply) == {"length": "short"}


def test_urlencoded_bodies_are_read() -> None:
    """Blank values are kept, several of one name become a list."""
    world = make_world()
    body = urlencode([("prompt", "a cat & a dog ü"), ("empty", ""), ("n", "1"), ("n", "2")]).encode()
    reply = send(world, "POST", CAPTION, body, content_type=FORM, headers=signed())
    assert parameters(world, reply) == {"prompt": "a cat & a dog ü", "empty": "", "n": ["1", "2"]}


def test_a_file_becomes_a_url_that_leads_to_its_bytes() -> None:
    """`{api}/v1/File/{accesskey}/{paramId}-{7 digits}.{ext}` (rest.md §7.3)."""
    world = make_world()
    reply = post_parts(world, CAPTION, part("inputImage", PNG, filename="My Cat.PNG", kind="image/png"))
    url = parameters(world, reply)["inputImage"]
    assert re.fullmatch(re.escape(ORIGIN) + r"/v1/File/[A-Za-z0-9]{30}/inputImage-[0-9]{7}\.png", url)
    fetched = get(world, url)
    assert (fetched.status, fetched.content, fetched.headers["content-type"]) == (200, PNG, "image/png")


def test_a_url_in_the_file_field_or_beside_it_is_echoed() -> None:
    """A URL is never fetched (design.md §11)."""
    world = make_world()
    parts = [part("inputImage", "https://example.com/a.png"), part("inputImageUrl", "https://example.com/b.png")]
    assert parameters(world, post_parts(world, QUERY, *parts)) == {
        "inputImage": "https://example.com/a.png",
        "inputImageUrl": "https://example.com/b.png",
    }


def test_files_and_urls_under_one_name_become_an_array() -> None:
    """Mixed, in the order in which they came (rest.md §5.4)."""
    world = make_world()
    parts = [
        part("inputImage", PNG, filename="a.png"),
        part("inputImage", "https://example.com/b.png"),
        part("inputImage", b"second", filename="c.jpg"),
    ]
    first, second, third = parameters(world, post_parts(world, QUERY, *parts))["inputImage"]
    assert second == "https://example.com/b.png"
    assert (get(world, first).content, get(world, third).content) == (PNG, b"second")
    assert third.endswith(".jpg")
    assert get(world, third).headers["content-type"] == "image/jpeg"


def test_a_file_input_that_nobody_filled_is_an_empty_value() -> None:
    """A browser sends an empty file name for it; an empty *file* is a file of no bytes."""
    world = make_world()
    unfilled = part("inputImage", b"", filename="", kind="application/octet-stream")
    found = parameters(world, post_parts(world, CAPTION, unfilled, part("other", b"", filename="e.png")))
    assert found["inputImage"] == ""
    assert get(world, found["other"]).content == b""


def test_a_file_name_that_is_not_ascii_may_come_in_its_extended_form() -> None:
    """`filename*=utf-8''…`, as older HTTP libraries write it: a file all the same."""
    world = make_world()
    raw = b"Content-Disposition: form-data; name=\"inputImage\"; filename*=utf-8''b%C3%BCro.jpeg\r\n\r\nbytes"
    url = parameters(world, post_parts(world, CAPTION, raw))["inputImage"]
    assert url.endswith(".jpeg")
    assert get(world, url).content == b"bytes"


ECHOED: dict[str, Any] = {
    "number": 7,
    "float": 0.7,
    "big": 12345678901234567890123,
    "text number": "8",
    "true": True,
    "text true": "true",
    "empty": "",
    "null": None,
    "array": ["https://example.com/a.png", "b"],
    "object": {"a": [1, {"b": None}]},
    "flag": "--quantization",
    "unicode": "ü \u2028 🐈",
    "user_id": "unknown parameters are kept",
}


def test_json_values_are_echoed_as_they_came() -> None:
    """Numbers stay numbers, strings strings, `""` is kept, unknown names too (rest.md §5.3)."""
    world = make_world()
    found = parameters(world, post(world, CAPTION, ECHOED))
    assert json.dumps(found) == json.dumps(ECHOED)


def test_form_values_are_echoed_as_strings() -> None:
    """A JSON array inside a field stays the text it is."""
    world = make_world()
    parts = [part("n", "0.7"), part("flag", "true"), part("list", '["https://example.com/a.png"]'), part("e", "")]
    assert parameters(world, post_parts(world, CAPTION, *parts)) == {
        "n": "0.7",
        "flag": "true",
        "list": '["https://example.com/a.png"]',
        "e": "",
    }


@pytest.mark.parametrize(
    "callback", ["", "Optional: a URL that gets the result", "javascript:alert(1)", "http://[", 5, None, ["x"], True]
)
def test_junk_in_the_callback_url_is_harmless(callback: object) -> None:
    """The page's own sample sends an English sentence (page.md); it is no parameter, and nothing is posted."""
    world = make_world(time="auto")
    task, _ = run(world, {"callbackUrl": callback})
    shown = detail(world, task)
    assert shown["callbackurl"] == (callback if isinstance(callback, str) else "5" if callback == 5 else "")
    assert shown["parameters"] == {}
    assert shown["status"] == "task_postprocess_end"
    assert len(world.webhooks) == (1 if callback == "http://[" else 0)


def test_a_project_may_be_named_to_bill() -> None:
    """`projectid` is a key of the task, not a parameter; without it the key's own project pays."""
    world = make_world()
    assert detail(world, run(world, {"projectid": 42})[0])["projectid"] == "42"
    assert detail(world, run(world)[0])["projectid"] == "699"


@pytest.mark.parametrize(
    ("path", "owner", "project"),
    [
        ("/v1/Run/moondream3-preview/caption", "moondream3-preview", "caption"),
        ("/v1/Run/Moondream3-Preview/CAPTION", "Moondream3-Preview", "CAPTION"),
        ("/v1/Run/moondream3%20preview/%20caption", "moondream3 preview", " caption"),
        ("/v1/Run/moondream3.preview/caption", "moondream3.preview", "caption"),
        ("/v1/Run/google/Nano%20Banana%20Pro", "google", "Nano Banana Pro"),
        ("/v1/Run/google/nano-banana-pro", "google", "nano-banana-pro"),
    ],
)
def test_a_model_is_found_by_either_form_of_its_slugs(path: str, owner: str, project: str) -> None:
    """Clean or display, percent-encoded, in any letter case; echoed exactly (rest.md §5.1, clients.md line 32)."""
    world = make_world()
    shown = detail(world, run(world, {"prompt": "a cat"}, path=path)[0])
    assert (shown["modelslugowner"], shown["modelslugproject"]) == (owner, project)


@pytest.mark.parametrize("path", ["/v1/Run/nobody/caption", "/v1/Run/moondream3-preview/captions", "/v1/Run/%00/%2F"])
def test_an_unknown_model_is_refused(path: str) -> None:
    """Code 1, HTTP 200; the tester hears which models there are."""
    world = make_world()
    reply = post(world, path, {})
    assert reply.status == 200
    assert reply.content == (
        b'{"result":false,"errors":[{"code":1,"message":"slug-owner-project-not-exist","time":1735689600}]}'
    )
    assert re.search(
        r"moondream3-preview/caption|none of the [0-9]+ is near", world.journal.entries()[-1].outcome.reason
    )


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b"{", "application/json", "not JSON"),
        (b"[1]", "application/json", "an array, not a JSON object"),
        (b"null", "application/json", "null, not a JSON object"),
        (b"a=b", "application/json", "not JSON"),
        (b'{"a": NaN}', "application/json", "NaN is not JSON"),
        (b"\xff\xfe{\x00}\x00", "application/json", "not UTF-8"),
        (multipart([part("a", "b")])[0][:-12], "multipart/form-data; boundary=----kit", "cut off"),
        (multipart([part("a", "b")])[0], "multipart/form-data; boundary=other", "cut off"),
        (b"------kit\r\nno colon\r\n\r\nx\r\n------kit--", "multipart/form-data; boundary=----kit", "malformed"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, kind: str, why: str) -> None:
    """`Request parameters are invalid.` on the wire, what was wrong in the journal, and no task."""
    world = make_world()
    reply = send(world, "POST", CAPTION, body, content_type=kind, headers=signed())
    assert (reply.status, reply.error["code"]) == (200, 0)
    assert reply.error["message"] == "Request parameters are invalid."
    assert why in world.journal.entries()[-1].outcome.reason
    assert list(world.sim.tasks()) == []


def test_no_body_at_all_is_a_run_without_parameters() -> None:
    """Nothing is required by default."""
    world = make_world()
    assert parameters(world, send(world, "POST", CAPTION, headers=signed())) == {}


@pytest.mark.parametrize(
    ("scenario", "balance", "code", "message"),
    [
        ("insufficient-balance", "1000", 97, "Insufficient balance"),
        ("model-not-found", "1000", 1, "slug-owner-project-not-exist"),
        (
            "concurrency-limit",
            "50",
            96,
            "You have reached your concurrent task limit. With your current balance of $50.00, you can run up to 5 "
            "tasks at the same time. Add funds to increase your limit.",
        ),
    ],
)
def test_a_scenario_may_refuse_the_run(scenario: str, balance: str, code: int, message: str) -> None:
    """HTTP 200, Wiro's sentence, no task and no bytes kept (rest.md §9)."""
    world = make_world(balance=Decimal(balance))
    world.use(scenario)
    reply = post_parts(world, CAPTION, part("inputImage", PNG, filename="a.png"))
    assert (reply.status, reply.error["code"], reply.error["message"]) == (200, code, message)
    assert list(world.sim.tasks()) == []
    assert len(world.blobs) == 0


def test_errors_may_be_mapped_to_http_statuses() -> None:
    """The introduction page lists 400, 403, 429 (C2); the default is 200 and 401."""
    mapped = make_world(profile=Profile(error_status="mapped"))
    plain = make_world()
    for path, use, status in (("/v1/Run/a/b", "", 400), (CAPTION, "concurrency-limit", 429)):
        for world, expected in ((mapped, status), (plain, 200)):
            if use:
                world.use(use)
            assert post(world, path, {}).status == expected
    assert post(mapped, CAPTION, {}, headers={**signed(), "x-signature": "0" * 64}).status == 403
    assert post(mapped, CAPTION, {}, headers={}).status == 401


def test_a_header_chooses_the_scenario_only_where_the_world_allows_it() -> None:
    """A plain client cannot change what is played by accident."""
    headers = {**signed(), "x-wiro-mock-scenario": "failure"}
    for allowed, scenario in ((True, "failure"), (False, "caption")):
        world = make_world(scenario_header=allowed)
        task, _ = run(world, headers=headers)
        found = world.sim.task(task)
        assert found is not None
        assert found.job.scenario == scenario


@pytest.mark.parametrize("slug", ["..%2fcaption", "caption%00", "caption%0a", "caption%2F", "!!caption"])
def test_junk_around_a_slug_names_no_model(slug: str) -> None:
    """Only spaces, dots, underscores and dashes are the same in a slug."""
    answer = post(make_world(), f"/v1/Run/moondream3-preview/{slug}", {})
    assert (answer.json["errors"][0]["code"], answer.json["errors"][0]["message"]) == (
        1,
        "slug-owner-project-not-exist",
    )


def test_a_scenario_that_cannot_be_played_is_told_without_its_path() -> None:
    """HTTP 500 in Wiro's envelope; the place is for the tester."""
    lines: list[str] = []
    text = "scenario: broken\nmatch: {model: '*/*'}\nsteps: [{print: '${with.nope}'}, {exit: 0}]\n"
    world = make_world(scenarios=text, tell=lines.append)
    answer = post(world, CAPTION, {"length": "short"})
    (error,) = answer.json["errors"]
    assert (answer.status, answer.json["result"], error["code"]) == (500, False, 0)
    assert list(error) == ["code", "message", "time"]
    assert "scenario 'broken': ${with.nope}" in error["message"]
    assert "/" not in error["message"].replace("moondream3-preview/", "")
    assert re.search(r":1:1: scenario .*broken.*no parameter", lines[-1])
