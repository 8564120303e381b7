"""Who is let in, and what the others are told (rest.md §1)."""

from __future__ import annotations

from typing import Any

from wiro_mock import shapes
from wiro_mock.contract.client import Answer, digest_of_nothing
from wiro_mock.contract.compare import shown
from wiro_mock.contract.promise import Broken, NotVerified, Promise, Trouble, expect
from wiro_mock.contract.service import Service
from wiro_mock.sources import APRIL, GUESS, N8N, PAGE

NOWHERE = "0" * 30
"""A key of the right length that is nobody's."""
LETS_IN, ENVELOPES = "auth.lets_in", "auth.refusals_are_envelopes"
NONCES = ("7", "1700000000", "1700000000123456789")
"""Numbers as the documentation allows them, and as clients send them: seconds, long past, up to 19 digits."""
NOT_SIGNED = "the project works by key only, without signatures"


def _asked(wiro: Service, headers: dict[str, str]) -> Answer:
    return wiro.post("Task/Detail", {"taskid": wiro.unknown_task}, headers=headers)


def _unsigned(wiro: Service) -> Answer:
    if not wiro.credentials.secret:
        raise NotVerified(NOT_SIGNED)
    return _asked(wiro, {"x-api-key": wiro.credentials.key})


def _missigned(wiro: Service) -> Answer:
    if not wiro.credentials.secret:
        raise NotVerified(NOT_SIGNED)
    wrong = {"x-signature": digest_of_nothing(wiro.credentials.key)}
    return _asked(wiro, {**wiro.credentials.headers(), **wrong})


def _strangers(wiro: Service) -> dict[str, Answer]:
    """The answers to those who may not in, by what is wrong with them."""
    answers = {"no key": _asked(wiro, {}), "an unknown key": _asked(wiro, {"x-api-key": NOWHERE})}
    if wiro.credentials.secret:
        answers |= {"no signature": _unsigned(wiro), "a wrong signature": _missigned(wiro)}
    return answers


def _expect_error(answer: Answer, code: int, message: str) -> None:
    expect((code, message), answer.error, what="code and message")


def check_lets_in(wiro: Service) -> None:
    """Who shows the key, signed where the project asks for that, is let in."""
    answer = _asked(wiro, wiro.credentials.headers())
    if (
        answer.status == 401
        and answer.error[1] is not None
        and answer.error == _asked(wiro, {"x-api-key": NOWHERE}).error
    ):
        raise Trouble(f"the service does not know the key: {answer.error[1]!r}; is WIRO_API_KEY right?")
    if answer.status in (401, 403):
        raise Broken("a status other than 401", f"HTTP {answer.status}: {answer.error[1]!r}; are key and secret right?")


def check_strangers_get_401(wiro: Service) -> None:
    """Who may not in gets HTTP 401, whatever was wrong with key or signature."""
    got = {what: answer.status for what, answer in _strangers(wiro).items()}
    expect(dict.fromkeys(got, 401), got, what="status")


def check_refusals_are_envelopes(wiro: Service) -> None:
    """A refusal is `result: false` with a list of errors, each a code and a message."""
    wiro.compare(_asked(wiro, {}).json, shapes.Failure)


def check_no_key(wiro: Service) -> None:
    """Without any key the answer speaks of a bearer token, with code 99. That it is this sentence is our choice."""
    _expect_error(_asked(wiro, {}), 99, "Authorization bearer token is not founded in headers.")


def check_unknown_key(wiro: Service) -> None:
    """A key that is nobody's has a sentence of its own."""
    _expect_error(_asked(wiro, {"x-api-key": NOWHERE}), 0, "Project authorization is not founded.")


def check_missing_signature(wiro: Service) -> None:
    """A project with signatures asks for the two headers by name."""
    text = "Project requires signature authentication. x-signature and x-nonce headers are required."
    _expect_error(_unsigned(wiro), 0, text)


def check_wrong_signature(wiro: Service) -> None:
    """A signature that is not right has a sentence of its own."""
    _expect_error(_missigned(wiro), 0, "Project authorization is not valid.")


def check_nonce_may_come_again(wiro: Service) -> None:
    """The same nonce and signature let in a second time: Wiro's own n8n node signs once for a whole poll."""
    headers = wiro.credentials.headers()
    first, second = _asked(wiro, headers), _asked(wiro, headers)
    expect(first.status, second.status, what="status")


def check_nonce_is_any_number(wiro: Service) -> None:
    """A nonce is the time in whatever unit, or any integer: it need not be of now."""
    if not wiro.credentials.secret:
        raise NotVerified(NOT_SIGNED)
    got = {nonce: _asked(wiro, wiro.credentials.headers(nonce)).status for nonce in NONCES}
    refused = {nonce: status for nonce, status in got.items() if status in (401, 403)}
    if refused:
        raise Broken("a status other than 401 for every nonce", f"status {shown(refused)}, by nonce")


def check_stray_headers_are_ignored(wiro: Service) -> None:
    """What is not asked for is not looked at: a secret that is sent along, or a signature to a project without."""
    stray = {"x-api-secret": NOWHERE}
    if not wiro.credentials.secret:
        stray |= {"x-nonce": "7", "x-signature": digest_of_nothing(wiro.credentials.key)}
    answer = _asked(wiro, {**wiro.credentials.headers(), **stray})
    if answer.status in (401, 403):
        raise Broken(f"a status other than 401 with {', '.join(stray)}", f"HTTP {answer.status}: {answer.error[1]!r}")


def check_unknown_path(wiro: Service) -> None:
    """Where nothing is at home: HTTP 404, and the sentence that says so."""
    answer = wiro.post("No/SuchPath", {})
    expect((404, (0, "Error parsing url.")), (answer.status, answer.error), what="status, code and message")


def _promise(check: Any, source: Any, *needs: str, cost: Any = "free") -> Promise:
    return Promise(area="auth", check=check, cost=cost, source=source, needs=needs)


PROMISES = (
    _promise(check_lets_in, APRIL, cost="reads"),
    _promise(check_strangers_get_401, APRIL),
    _promise(check_refusals_are_envelopes, APRIL),
    _promise(check_no_key, GUESS, ENVELOPES),
    _promise(check_unknown_key, APRIL, ENVELOPES),
    _promise(check_missing_signature, APRIL, LETS_IN, ENVELOPES),
    _promise(check_wrong_signature, APRIL, LETS_IN, ENVELOPES),
    _promise(check_nonce_may_come_again, N8N, LETS_IN, cost="reads"),
    _promise(check_nonce_is_any_number, PAGE, LETS_IN, cost="reads"),
    _promise(check_stray_headers_are_ignored, N8N, LETS_IN, cost="reads"),
    _promise(check_unknown_path, APRIL, LETS_IN, ENVELOPES),
)
