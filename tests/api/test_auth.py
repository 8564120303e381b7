"""Who is let in, what the refused are told, and what the tester is told of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api_kit import KEY, NONCE, SECRET, Reply, make_world, post, signed
from wiro_mock.api.auth import sign
from wiro_mock.api.profile import Profile, switch
from wiro_mock.kernel.account import Project
from wiro_mock.mock import World

DETAIL = "/v1/Task/Detail"
BODY = {"tasktoken": "test"}
RAW = json.dumps(BODY).encode()
RIGHT = sign(KEY, SECRET, NONCE)
EXPECTED = "HMAC-SHA256(key = API key, message = API secret + nonce)"


def hex_hmac(key: str, message: str | bytes) -> str:
    """The HMAC, worked out without the product's own code."""
    data = message.encode() if isinstance(message, str) else message
    return hmac.new(key.encode(), data, hashlib.sha256).hexdigest()


def ask(world: World, headers: dict[str, str]) -> Reply:
    return post(world, DETAIL, BODY, headers=headers)


def sent(signature: str, nonce: str = NONCE) -> dict[str, str]:
    return {"x-api-key": KEY, "x-nonce": nonce, "x-signature": signature}


def is_let_in(reply: Reply) -> bool:
    """The task does not exist, so whoever is let in hears that."""
    return reply.status == 200 and bool(reply.error["message"] == "There is no task yet.")


def reason(world: World) -> str:
    return world.journal.entries()[-1].outcome.reason


def test_the_documented_vector_is_the_signature() -> None:
    """rest.md §1.2 gives one key, secret and nonce with their signature."""
    expected = "76875566cf31ddc2d22fcc574e9d6a3189b71f9e27006e167afcd315fcaba135"
    assert sign("key123", "sec456", "1700000000") == expected
    world = make_world()
    world.project = Project(id="1", key="key123", secret="sec456")
    assert is_let_in(ask(world, {"x-api-key": "key123", "x-nonce": "1700000000", "x-signature": expected}))


REFUSALS: list[tuple[dict[str, str], int, str]] = [
    ({}, 99, "Authorization bearer token is not founded in headers."),
    ({"x-nonce": NONCE, "x-signature": RIGHT}, 99, "Authorization bearer token is not founded in headers."),
    ({"authorization": "Bearer fake"}, 99, "Authorization bearer token is invalid."),
    ({**signed(), "x-api-key": "another"}, 0, "Project authorization is not founded."),
    (
        {"x-api-key": KEY},
        0,
        "Project requires signature authentication. x-signature and x-nonce headers are required.",
    ),
    (
        {"x-api-key": KEY, "x-nonce": NONCE},
        0,
        "Project requires signature authentication. x-signature and x-nonce headers are required.",
    ),
    (
        {"x-api-key": KEY, "x-signature": RIGHT},
        0,
        "Project requires signature authentication. x-signature and x-nonce headers are required.",
    ),
    (sent("0" * 64), 0, "Project authorization is not valid."),
    (sent(RIGHT, nonce="2"), 0, "Project authorization is not valid."),
]


@pytest.mark.parametrize(("headers", "code", "message"), REFUSALS)
def test_a_refusal_is_wiros_sentence_with_401(headers: dict[str, str], code: int, message: str) -> None:
    """The body of a 401 is exactly the envelope: result, errors; code, message, time (rest.md §1.5, C35)."""
    reply = ask(make_world(), headers)
    assert reply.status == 401
    expected = f'{{"result":false,"errors":[{{"code":{code},"message":"{message}","time":1735689600}}]}}'
    assert reply.content.decode() == expected
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(("headers", "code", "message"), REFUSALS)
def test_the_time_of_an_error_is_a_switch(headers: dict[str, str], code: int, message: str) -> None:
    """The documentation shows code and message only."""
    reply = ask(make_world(profile=Profile(error_time=False)), headers)
    assert reply.json == {"result": False, "errors": [{"code": code, "message": message}]}


@pytest.mark.parametrize("path", ["/v1/Run/a/b", "/v1/Task/Kill", "/v1/File/Upload", "/v1/File/FolderCreate"])
def test_every_operation_but_fetching_needs_the_key(path: str) -> None:
    """Nothing is looked at before the key is."""
    assert post(make_world(), path, {}, headers={}).status == 401


WRAPPED = [
    f"(stdin)= {RIGHT}",
    f"SHA2-256(stdin)= {RIGHT}",
    f"HMAC-SHA2-256(stdin)= {RIGHT}",
    f"{RIGHT} *stdin",
    f"  {RIGHT}\t",
    RIGHT.upper(),
    f"(stdin)= {RIGHT.upper()}",
]


@pytest.mark.parametrize("signature", WRAPPED)
def test_what_openssl_prints_around_a_signature_is_tolerated(signature: str) -> None:
    """The page's own shell flow sends the whole line (page.md, rest.md §1.4)."""
    assert is_let_in(ask(make_world(), sent(signature)))


@pytest.mark.parametrize("signature", WRAPPED)
def test_the_exact_form_refuses_everything_but_bare_hex(signature: str) -> None:
    """The switch signature_form: exact (C10); the bare signature is let in."""
    world = make_world(profile=Profile(signature_form="exact"))
    assert is_let_in(ask(world, signed()))
    assert ask(world, sent(signature)).error["message"] == "Project authorization is not valid."


@pytest.mark.parametrize("signature", [RIGHT + "0", "0" + RIGHT, f"{RIGHT[:-1]}", f"{RIGHT[:-1]}g"])
def test_a_signature_with_other_digits_around_it_is_not_one(signature: str) -> None:
    """Sixty-five hex digits are no signature with something around it."""
    assert ask(make_world(), sent(signature)).status == 401


@pytest.mark.parametrize("headers", [{}, {"x-nonce": "1", "x-signature": "wrong"}, {"x-api-secret": "stale"}])
def test_a_key_only_project_ignores_stray_signatures(headers: dict[str, str]) -> None:
    """Twelve clients sign all the same, some with a wrong algorithm (clients.md §1 line 14)."""
    world = make_world(key_only=True)
    assert is_let_in(ask(world, {"x-api-key": KEY, **headers}))
    assert ask(world, {"x-api-key": "another", **headers}).status == 401


def test_lenient_lets_in_and_writes_down_what_was_wrong() -> None:
    """The journal and the tester hear of it, the client does not."""
    told: list[str] = []
    world = make_world(auth_mode="lenient", tell=told.append)
    assert is_let_in(ask(world, {}))
    assert reason(world).endswith("let in all the same (auth lenient): no x-api-key header")
    assert "let in all the same" in told[-1]
    assert is_let_in(ask(world, signed()))
    assert "lenient" not in reason(world)


def test_off_lets_everybody_in_without_a_word() -> None:
    """Mode off looks at no header."""
    world = make_world(auth_mode="off")
    assert is_let_in(ask(world, {"x-api-key": "nonsense"}))
    assert "auth" not in reason(world)


def test_a_nonce_may_be_used_again_and_a_switch_refuses_that() -> None:
    """Real clients sign once and poll for minutes (clients.md §1 line 7; C9)."""
    world = make_world()
    assert all(is_let_in(ask(world, signed())) for _ in range(3))
    strict = make_world(profile=Profile(nonce_reuse="refuse"))
    assert is_let_in(ask(strict, signed("1")))
    assert ask(strict, signed("1")).error["message"] == "Project authorization is not valid."
    assert reason(strict) == "this nonce was used before, and the switch nonce_reuse refuses that"
    assert is_let_in(ask(strict, signed("2")))


def test_a_wrong_signature_does_not_use_up_its_nonce() -> None:
    """Else anybody could lock the real client out."""
    world = make_world(profile=Profile(nonce_reuse="refuse"))
    ask(world, sent("0" * 64))
    assert is_let_in(ask(world, signed()))


DIGEST = bytes.fromhex(RIGHT)
MISTAKES: dict[str, str] = {
    hex_hmac(SECRET, KEY + NONCE): "key and secret are swapped (the API key is the HMAC's key)",
    base64.b64encode(DIGEST).decode(): "it is the right digest in base64; hex is expected",
    hex_hmac(KEY, SECRET): "the nonce is missing from the message",
    hex_hmac(KEY, NONCE): "the secret is missing from the message",
    hex_hmac(KEY, NONCE + SECRET): "the message is nonce + secret; secret + nonce is expected",
    hex_hmac(KEY, SECRET + NONCE + "\n"): "the message ends with a newline (echo without -n)",
    hex_hmac(KEY, KEY + NONCE): "the message is the key + nonce; secret + nonce is expected",
    hashlib.sha256((SECRET + NONCE).encode()).hexdigest(): (
        "it is a plain SHA-256 of secret + nonce; HMAC is expected"
    ),
    hex_hmac(SECRET, NONCE): "the secret is the HMAC's key and the message is nonce alone",
    hex_hmac(SECRET, SECRET + NONCE): "the secret is both the HMAC's key and in the message",
    hex_hmac(SECRET, KEY + NONCE + NONCE[:10]): "key and secret are swapped, and a timestamp is in the message",
    hex_hmac(KEY, RAW): "the body is signed; body, path and method are not part of the message",
    hex_hmac(SECRET, RAW): "the body is signed with the secret; it is not part of the message",
    hex_hmac(KEY, (SECRET + NONCE).encode() + RAW): "the body is part of the message; it must not be",
    hex_hmac(SECRET, NONCE.encode() + RAW): "the body is part of the message, and key and secret are swapped",
}


@pytest.mark.parametrize(("signature", "sentence"), MISTAKES.items())
@pytest.mark.parametrize("wrap", ["{}", "SHA2-256(stdin)= {}"])
def test_a_usual_mistake_is_named_to_the_tester_only(signature: str, sentence: str, wrap: str) -> None:
    """In the journal and in the line that is told, word for word; on the wire stands Wiro's sentence."""
    told: list[str] = []
    world = make_world(tell=told.append)
    reply = ask(world, sent(wrap.format(signature)))
    assert reply.error["message"] == "Project authorization is not valid."
    assert reason(world) == f"x-signature is wrong: {sentence}"
    assert told == [
        "POST /v1/Task/Detail -> 401 code 0 'Project authorization is not valid.' "
        f"(req-1): x-signature is wrong: {sentence}"
    ]


@pytest.mark.parametrize(
    ("signature", "sentence"),
    [
        (f"(stdin)= {RIGHT}", "it carries the prefix that openssl prints, which signature_form: exact refuses"),
        (f"{RIGHT} *stdin", "it carries the prefix that openssl prints, which signature_form: exact refuses"),
        (RIGHT.upper(), "it is in upper case, which signature_form: exact refuses"),
        ("nonsense", "8 characters, where 64 hex digits are expected"),
        ("1" * 64, f"and equals none of the usual mistakes; it is the lower-case hex of {EXPECTED}"),
    ],
)
def test_what_the_exact_form_refuses_is_named(signature: str, sentence: str) -> None:
    """The switch says which tolerance it took away."""
    world = make_world(profile=switch(Profile(), "signature_form=exact"))
    ask(world, sent(signature))
    assert reason(world).startswith("x-signature is wrong")
    assert reason(world).endswith(sentence)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (SECRET, "x-api-key holds the project's secret; key and secret are swapped"),
        (f'"{KEY}"', "x-api-key is the project's key with quotes or white space around it"),
        ("another", "x-api-key is not the key of this mock's project"),
    ],
)
def test_a_wrong_key_is_explained(key: str, sentence: str) -> None:
    """Swapped, quoted, or simply another one."""
    world = make_world()
    ask(world, {**signed(), "x-api-key": key})
    assert reason(world) == sentence


SIGNATURES = st.one_of(
    st.sampled_from([*MISTAKES, *WRAPPED, "0" * 64]), st.text(max_size=80), st.text("0123456789abcdef", min_size=64)
)
KEYS = st.one_of(st.just(KEY), st.just(SECRET), st.just(f"'{KEY}'"), st.text(max_size=20))


@given(
    key=KEYS,
    nonce=st.one_of(st.just(NONCE), st.text(min_size=6, max_size=30)),
    signature=SIGNATURES,
    echo=st.booleans(),
)
def test_no_credential_is_ever_written_down(key: str, nonce: str, signature: str, echo: bool) -> None:
    """Neither journal nor told lines nor any repr holds a key, secret, signature or nonce; no header raises."""
    told: list[str] = []
    world = make_world(tell=told.append)
    fields: dict[str, Any] = {"tasktoken": SECRET, "list": [KEY], KEY: 1} if echo else {"tasktoken": "test"}
    headers = {"x-api-key": key, "x-nonce": nonce, "x-signature": signature}
    reply = post(world, DETAIL if not echo else f"{DETAIL}/{SECRET}", {**fields, "X-Nonce": nonce}, headers=headers)
    assert reply.status in (200, 401, 404)
    written = json.dumps([entry.shown() for entry in world.journal.entries()], ensure_ascii=False)
    written += "\n".join(told) + repr(world.settings) + repr(world.project) + repr(world.journal.entries())
    for secret in (KEY, SECRET, RIGHT, signature if len(signature) >= 32 else KEY, NONCE):
        assert secret not in written
