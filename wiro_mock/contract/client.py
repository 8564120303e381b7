"""The HTTP client of the suite: signs, sends, and tells an answer of the API from everything that is none.

Redirects are not followed and nothing is guessed: what is not JSON, comes too late, or says 429 or 5xx is `Trouble`,
with its name, and breaks no promise.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

import httpx

from wiro_mock.contract.promise import RateLimited, Trouble

PATIENCE = 30.0
"""Seconds that an answer may take, as in Wiro's SDKs (socket.md §2.1)."""
RETRY_AT_MOST = 10.0
"""Seconds of a `Retry-After` that are waited for, once."""
LARGEST = 32 << 20
Form: TypeAlias = Literal["multipart/form-data", "application/x-www-form-urlencoded"]
FORMS: tuple[Form, ...] = get_args(Form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Key and secret of a project; one that works by key only has no secret."""

    key: str
    secret: str = ""

    def headers(self, nonce: str = "") -> dict[str, str]:
        """What lets a request in: HMAC-SHA256 with the key as its key over secret and nonce (rest.md §1.2)."""
        if not self.secret:
            return {"x-api-key": self.key}
        nonce = nonce or str(time.time_ns() // 1_000_000)
        digest = hmac.digest(self.key.encode(), (self.secret + nonce).encode(), "sha256").hex()
        return {"x-api-key": self.key, "x-nonce": nonce, "x-signature": digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of the API: its status, and its JSON."""

    call: str
    status: int
    json: Any

    @property
    def error(self) -> tuple[Any, Any]:
        """Code and message of the first error; None for what is not there."""
        errors = self.json.get("errors") if isinstance(self.json, dict) else None
        first = errors[0] if isinstance(errors, list) and errors else None
        return (first.get("code"), first.get("message")) if isinstance(first, dict) else (None, None)


class Http:
    """Requests to one base URL, such as `https://api.wiro.ai/v1`. `tap`, if there is one, is told of every answer."""

    def __init__(
        self, base_url: str, credentials: Credentials, *, patience: float = PATIENCE, pause: Callable[[float], None]
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.credentials = credentials
        self._pause = pause
        self.tap: Callable[[str, Mapping[str, str], object, Answer], None] | None = None
        self.file_tap: Callable[[str, Mapping[str, str], int, Mapping[str, str]], None] | None = None
        # A server on this machine is not reached through a proxy of the environment.
        own = is_own(base_url)
        verify = _authorities() if own else True
        self._client = httpx.Client(timeout=patience, follow_redirects=False, trust_env=not own, verify=verify)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def post(
        self, path: str, body: object, *, headers: Mapping[str, str] | None = None, patience: float | None = None
    ) -> Answer:
        """POST JSON to a path below the base URL, signed unless other headers are given. Raises `Trouble`."""
        call = f"POST {path}"
        shown = self.credentials.headers() if headers is None else headers
        response = self._sent(call, "POST", f"{self.base_url}/{path}", shown, body, patience=patience)
        if response.status_code == 429 and not path.startswith("Run/"):  # a run might be taken on twice
            self._pause(_retry_after(response))
            response = self._sent(call, "POST", f"{self.base_url}/{path}", shown, body)
        answer = Answer(call=call, status=response.status_code, json=_json(call, response))
        if self.tap:
            self.tap(path, shown, body, answer)
        return answer

    def upload(self, path: str, name: str, data: bytes, kind: str) -> Answer:
        """POST a file as the part `file` of a form, signed. Raises `Trouble`."""
        call, parts = f"POST {path}", {"files": {"file": (name, data, kind)}}
        response = self._sent(call, "POST", f"{self.base_url}/{path}", self.credentials.headers(), None, form=parts)
        return Answer(call=call, status=response.status_code, json=_json(call, response))

    def form(self, path: str, fields: Mapping[str, str], kind: Form) -> Answer:
        """POST fields as a form of this kind, signed. Raises `Trouble`."""
        call = f"POST {path}"
        parts: dict[str, Any] = (
            {"data": fields} if kind == FORMS[1] else {"files": {name: (None, text) for name, text in fields.items()}}
        )
        response = self._sent(call, "POST", f"{self.base_url}/{path}", self.credentials.headers(), None, form=parts)
        return Answer(call=call, status=response.status_code, json=_json(call, response))

    def text(self, path: str, body: object, *, patience: float) -> str:
        """POST JSON, signed, for an answer that is a stream of text. Raises `Trouble`."""
        call = f"POST {path}"
        shown = {**self.credentials.headers(), "accept": "text/event-stream"}
        response = self._sent(call, "POST", f"{self.base_url}/{path}", shown, body, patience=patience)
        if response.status_code == 429 or response.status_code >= 500:
            raise Trouble(f"{call}: HTTP {response.status_code}, the service is in trouble")
        return response.text

    def download(self, url: str) -> httpx.Response:
        """A file, without a key: whatever came with status and bytes. Raises `Trouble`."""
        response = self._sent("GET of a file", "GET", url, {}, None)
        if response.status_code == 429 or response.status_code >= 500:
            raise Trouble(f"GET of a file: HTTP {response.status_code}")
        return response

    def headers_of(self, url: str, **asked: str) -> tuple[int, dict[str, str]]:
        """Status and headers of a file, asked for without a key; its bytes are not read. Raises `Trouble`."""
        call, sent = "GET of a file", {"accept-encoding": "identity", **asked}
        try:
            with self._client.stream("GET", url, headers=sent) as answer:
                status, headers = answer.status_code, dict(answer.headers)
        except httpx.TimeoutException:
            raise Trouble(f"{call}: no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise Trouble(f"{call}: the connection broke: {_why(error)}") from None
        if status == 429 or status >= 500:
            raise Trouble(f"{call}: HTTP {status}, the service is in trouble")
        if self.file_tap:
            self.file_tap(url, asked, status, headers)
        return status, headers

    def _sent(
        self,
        call: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: object,
        *,
        patience: float | None = None,
        form: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        timeout = max(patience or 0.0, self._client.timeout.read or PATIENCE)
        sent = dict(form) if form else {"json": body} if method == "POST" else {}
        try:
            with self._client.stream(method, url, headers=dict(headers), timeout=timeout, **sent) as answer:
                received = bytearray()
                for piece in answer.iter_bytes():
                    received += piece
                    if len(received) > LARGEST:
                        raise Trouble(f"{call}: the answer is longer than {LARGEST} bytes")
        except httpx.TimeoutException:
            raise Trouble(f"{call}: no answer within {timeout:g} s") from None
        except httpx.ConnectError as error:
            raise Trouble(f"{self.base_url} cannot be reached: {_why(error)}") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise Trouble(f"{call}: the connection broke: {_why(error)}") from None
        return httpx.Response(answer.status_code, headers=_plain(answer.headers), content=bytes(received))


@cache
def _authorities() -> ssl.SSLContext:
    """Those of httpx, or of SSL_CERT_FILE and SSL_CERT_DIR, read once: that takes longer than all that a server on this
    machine is asked.
    """
    return httpx.create_ssl_context()


def is_own(url: str) -> bool:
    """Whether a URL names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """The headers of bytes that are decoded by now."""
    return {name: value for name, value in headers.items() if name not in ("content-encoding", "content-length")}


def _json(call: str, response: httpx.Response) -> Any:
    status = response.status_code
    if status == 429:
        wait = response.headers.get("retry-after", "")
        raise RateLimited(f"{call}: rate-limited (HTTP 429{f', Retry-After {wait[:40]}' if wait else ''})")
    if 300 <= status < 400:
        where = response.headers.get("location", "nowhere")[:200]
        raise Trouble(f"{call}: HTTP {status} sends elsewhere, to {where!r}; give the base URL that answers by itself")
    if status >= 500:
        raise Trouble(f"{call}: HTTP {status}, the service is in trouble")
    kind = response.headers.get("content-type", "no content type").partition(";")[0]
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        what = "a page of HTML" if "html" in kind else f"{len(response.content)} bytes of {kind[:60]}"
        raise Trouble(
            f"{call}: HTTP {status} with {what} where JSON is expected; is this the API's base URL?"
        ) from None


def _retry_after(response: httpx.Response) -> float:
    try:
        return min(max(float(response.headers.get("retry-after", "1")), 0.0), RETRY_AT_MOST)
    except ValueError:
        return 1.0  # a date: such servers are not known


def _why(error: Exception) -> str:
    why = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in why:
        return f"{why}; name the file of an authority of your own in SSL_CERT_FILE"
    return why


def dumped(value: object) -> str:
    """JSON without blanks, as clients send it."""
    return json.dumps(value, separators=(",", ":"))


def digest_of_nothing(key: str) -> str:
    """A signature of the right form that is never right."""
    return hashlib.sha256(f"not the signature of {len(key)} characters".encode()).hexdigest()
