"""Headers become the project's consent, or a `Refusal` with its reason.

The signature is lower-case hex of HMAC-SHA256 with the API *key* as key and secret + nonce as message
(rest.md §1.2). The client is told Wiro's sentence; the tester is told which of the usual mistakes it was.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from wiro_mock.api.messages import Request, World
from wiro_mock.api.profile import Profile
from wiro_mock.kernel.account import Project
from wiro_mock.kernel.refusals import No, Refusal

AUTH_MODES = ("strict", "lenient", "off")
_SHOWN_AS = {
    No.BEARER_MISSING: "missing",
    No.BEARER_INVALID: "missing",
    No.SIGNATURE_REQUIRED: "missing",
    No.PROJECT_UNKNOWN: "wrong",
    No.SIGNATURE_INVALID: "wrong",
}
"""How a request that is not let in has shown its key (`Outcome.signed`)."""
_FAULTS = {no.value[1]: shown for no, shown in _SHOWN_AS.items()}
_HEX64 = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])")
BODY_EXPLAINED = 1 << 16
"""Bytes of a body up to which the mistake of signing it is looked for."""


def sign(key: str, secret: str, nonce: str) -> str:
    """The signature that Wiro expects: 64 lower-case hex digits."""
    return hmac_hex(key, secret + nonce)


def hmac_hex(key: str, message: str | bytes) -> str:
    """HMAC-SHA256 in lower-case hex."""
    data = _bytes(message) if isinstance(message, str) else message
    return hmac.digest(_bytes(key), data, "sha256").hex()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


class Shown(NamedTuple):
    """How a request showed its key (`Outcome.signed`), what was wrong with that, and the no for it if there is one."""

    signed: str
    note: str = ""
    refusal: Refusal | None = None


def authenticate(world: World, request: Request) -> Shown:
    """Whether the request is let in; with a `refusal` (HTTP 401) it is not.

    In mode `lenient` it is let in all the same, with a note for the journal; in mode `off` nothing is looked at.
    """
    if world.auth_mode == "off":
        return Shown("off")
    try:
        _check(world, request)
    except Refusal as refusal:
        shown = _FAULTS[refusal.message]
        if world.auth_mode == "lenient":
            return Shown(shown, f"let in all the same (auth lenient): {refusal.reason}")
        return Shown(shown, refusal=refusal)
    return Shown("key-only" if world.project.key_only else "signed")


def _check(world: World, request: Request) -> None:
    headers, project = request.headers, world.project
    key = headers.get("x-api-key", "")
    if not key:
        raise _no_key(headers.get("authorization", ""))
    if not _same(key, project.key):
        raise No.PROJECT_UNKNOWN.refusal(reason=_unknown_key(key, project, world.explain_key))
    if project.key_only:
        return  # stray nonces and signatures are ignored, even wrong ones (clients.md §1 line 14)
    nonce, signature = headers.get("x-nonce", ""), headers.get("x-signature", "")
    if not nonce or not signature:
        missing = " and ".join(name for name in ("x-signature", "x-nonce") if not headers.get(name))
        raise No.SIGNATURE_REQUIRED.refusal(reason=f"{missing} missing; the project is one with signatures")
    expected = sign(project.key, project.secret, nonce)
    if not _same(_bare(signature, world.profile), expected):
        raise No.SIGNATURE_INVALID.refusal(reason=explain(project, nonce, signature, request.body.raw))
    if world.profile.nonce_reuse == "refuse" and not world.is_first_use(nonce):
        raise No.SIGNATURE_INVALID.refusal(reason="this nonce was used before, and the switch nonce_reuse refuses that")


def _no_key(authorization: str) -> Refusal:
    if authorization:
        return No.BEARER_INVALID.refusal(reason="Authorization was sent, but no x-api-key; Bearer is not played here")
    # The only sentence for "nothing was sent": Wiro falls through to Bearer (rest.md §1.5).
    return No.BEARER_MISSING.refusal(reason="no x-api-key header")


def _unknown_key(key: str, project: Project, explain: Callable[[str], str] | None) -> str:
    if _same(key, project.secret):
        return "x-api-key holds the project's secret; key and secret are swapped"
    if _same(key.strip().strip("\"'"), project.key):
        return "x-api-key is the project's key with quotes or white space around it"
    known = explain(key) if explain is not None else ""
    return known or "x-api-key is not the key of this mock's project"


def _bare(signature: str, profile: Profile) -> str:
    """The signature without what `openssl dgst` prints around it: `(stdin)= `, `SHA2-256(stdin)= `, ` *stdin`.

    Wiro's own shell sample sends the whole line (rest.md §1.4, page.md); the switch `signature_form` refuses it.
    """
    return signature if profile.signature_form == "exact" else _unwrapped(signature).lower()


def _unwrapped(signature: str) -> str:
    text = signature.strip()
    if "= " in text:
        return text.rsplit("= ", 1)[1]
    match = _HEX64.search(text)
    return match[0] if match else text


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(_bytes(one), _bytes(other))


def explain(project: Project, nonce: str, signature: str, body: bytes) -> str:
    """Which of the usual mistakes a wrong signature equals, in words and without any secret."""
    sent = signature.strip()
    bare = _unwrapped(sent)
    forms = {sent, bare, bare.lower()}
    for mistake, value in _mistakes(project, nonce, body[:BODY_EXPLAINED] if len(body) <= BODY_EXPLAINED else b""):
        if any(_same(form, value) for form in forms):
            return f"x-signature is wrong: {mistake}"
    right = sign(project.key, project.secret, nonce)
    if bare != sent and _same(bare.lower(), right):
        return "x-signature is wrong: it carries the prefix that openssl prints, which signature_form: exact refuses"
    if _same(sent.lower(), right):
        return "x-signature is wrong: it is in upper case, which signature_form: exact refuses"
    if not _HEX64.fullmatch(bare):
        return f"x-signature is wrong: {len(sent)} characters, where 64 hex digits are expected"
    return (
        "x-signature is wrong, and equals none of the usual mistakes; it is the lower-case hex of "
        "HMAC-SHA256(key = API key, message = API secret + nonce)"
    )


def _mistakes(project: Project, nonce: str, body: bytes) -> Iterator[tuple[str, str]]:
    key, secret = project.key, project.secret
    digest = bytes.fromhex(sign(key, secret, nonce))
    yield "key and secret are swapped (the API key is the HMAC's key)", hmac_hex(secret, key + nonce)
    yield "it is the right digest in base64; hex is expected", base64.b64encode(digest).decode()
    yield "it is the right digest in url-safe base64; hex is expected", base64.urlsafe_b64encode(digest).decode()
    yield "the nonce is missing from the message", hmac_hex(key, secret)
    yield "the secret is missing from the message", hmac_hex(key, nonce)
    yield "the message is nonce + secret; secret + nonce is expected", hmac_hex(key, nonce + secret)
    yield "the message ends with a newline (echo without -n)", hmac_hex(key, secret + nonce + "\n")
    yield "the message is the key + nonce; secret + nonce is expected", hmac_hex(key, key + nonce)
    yield (
        "it is a plain SHA-256 of secret + nonce; HMAC is expected",
        hashlib.sha256(_bytes(secret + nonce)).hexdigest(),
    )
    yield "the secret is the HMAC's key and the message is nonce alone", hmac_hex(secret, nonce)
    yield "the secret is both the HMAC's key and in the message", hmac_hex(secret, secret + nonce)
    # What a family of generated clients does: the same instant in milliseconds and in seconds (rest.md §1.2, GEN).
    yield "key and secret are swapped, and a timestamp is in the message", hmac_hex(secret, key + nonce + nonce[:10])
    if body:
        yield "the body is signed; body, path and method are not part of the message", hmac_hex(key, body)
        yield "the body is signed with the secret; it is not part of the message", hmac_hex(secret, body)
        before, salt = _bytes(secret), _bytes(nonce)
        for data in (before + salt + body, salt + body, before + body, body + salt):
            yield "the body is part of the message; it must not be", hmac_hex(key, data)
            yield "the body is part of the message, and key and secret are swapped", hmac_hex(secret, data)
