"""The client of the Moondream HTTP protocol: `POST {endpoint}/caption` and the like, answered by JSON or by SSE.

It reads what anything that speaks the protocol was seen to answer: our own engine server, Moondream Station (which
answers errors with status 200), Moondream Cloud. Imports no model, no torch and no Pillow.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from wiro_mock.backends.http import NoUrl, Target, exchange, read_url
from wiro_mock.backends.job import BackendError, Job
from wiro_mock.text import bare_url

SILENCE_SECONDS: Final = 300.0
"""How long an engine may say nothing: it may be loading its weights, or have a queue. What is no part of an answer
(the comments of a stream, empty pieces, half of a header) is nothing: an engine that sends only those is cut off, too.
"""
LONGEST_LINE: Final = 1 << 20
LARGEST_ANSWER: Final = 8 << 20
LARGEST_STREAM: Final = 64 << 20
"""Bytes of a stream, its comments included; far beyond the four million characters that a run may say."""
_ERROR_SHOWN: Final = 1_500
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_OUT_OF_MEMORY: Final = 507

Said: TypeAlias = "Head | Chunk | Whole"


@dataclass(frozen=True, slots=True)
class Head:
    """The engine has begun to answer."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Whole:
    """The answer in one piece."""

    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an engine is. `key` goes into the header X-Moondream-Auth, over TLS or within this machine only."""

    target: Target
    key: str = field(default="", repr=False)
    seconds: float = SILENCE_SECONDS
    answered: Callable[[], None] = field(default=lambda: None, repr=False)
    """Called after each whole answer."""

    @property
    def text(self) -> str:
        """Its URL, to be told of."""
        return self.target.text

    def ask(self, skill: str, body: Mapping[str, object], job: Job) -> Iterator[Said]:
        """What the engine answers, as it comes. Raises `BackendError` for everything but a whole answer; the key is not
        in it, also where the engine's own words have it ("invalid key …").
        """
        try:
            yield from self._asked(skill, body, job)
            self.answered()
        except BackendError as error:
            if not self.key or self.key not in str(error):
                raise
            raise BackendError(str(error).replace(self.key, "(the key)")) from None

    def _asked(self, skill: str, body: Mapping[str, object], job: Job) -> Iterator[Said]:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.key and (self.target.secure or self.target.host in _LOOPBACK):
            headers["X-Moondream-Auth"] = self.key
        target, data, patience = _below(self.target, skill), json.dumps(body).encode(), _Patience(self.seconds)
        try:
            with exchange(target, job, method="POST", body=data, headers=headers, left=patience.left) as response:
                for said in self._read(response):
                    yield said
                    patience.renew()
        except TimeoutError:
            raise BackendError(f"the engine at {self.text} said nothing of an answer for {self.seconds:g} s") from None
        except ConnectionRefusedError:
            raise BackendError(f"nothing listens at {self.text}; start the engine there, or name another one") from None
        except (OSError, http.client.HTTPException) as error:
            raise BackendError(f"the engine at {self.text} broke off: {_named(error)}") from None

    def _read(self, response: http.client.HTTPResponse) -> Iterator[Said]:
        kind = response.headers.get_content_type()
        if 300 <= response.status < 400:
            to = bare_url(response.getheader("Location") or "nowhere")
            raise BackendError(
                f"the engine at {self.text} redirects to {to} (HTTP {response.status}), which is not followed; "
                "name that one"
            )
        if response.status != 200:
            raise BackendError(f"{self._failed(response.status)}: {_error_in(_body(response))}")
        if kind == "text/event-stream":
            yield Head()
            yield from self._events(response)
        elif "json" in kind:
            answer = _object(_body(response), f"the engine at {self.text}")
            self._check(answer)  # Station answers errors with status 200
            yield Head()
            yield Whole(answer)
        else:
            raise BackendError(f"the engine at {self.text} answers with {kind}; is it a Moondream endpoint?")

    def _events(self, response: http.client.HTTPResponse) -> Iterator[Chunk]:
        """The pieces of a stream, which has to say that it is complete: one that only ends is a failure."""
        size = 0
        while line := response.readline(LONGEST_LINE + 1):
            size += len(line)
            if len(line) > LONGEST_LINE:
                raise BackendError(f"the engine at {self.text} sent a line of more than {LONGEST_LINE >> 20} MiB")
            if size > LARGEST_STREAM:
                raise BackendError(f"the engine at {self.text} sent a stream of more than {LARGEST_STREAM >> 20} MiB")
            name, _, data = line.strip().partition(b":")
            if name != b"data":  # a comment, or a field that the protocol does not use
                continue
            said = _object(data, f"the stream of the engine at {self.text}")
            self._check(said)
            if isinstance(chunk := said.get("chunk"), str) and chunk:
                yield Chunk(chunk)
            if said.get("completed"):
                return
        raise BackendError(f"the engine at {self.text} closed the stream before its end")

    def _check(self, said: Mapping[str, Any]) -> None:
        if said.get("error") is not None:  # a null beside an answer says that there is none
            raise BackendError(f"the engine at {self.text} failed: {_text(said['error'])}")

    def _failed(self, status: int) -> str:
        what = "ran out of memory" if status == _OUT_OF_MEMORY else "refused"
        return f"the engine at {self.text} {what} (HTTP {status})"


class _Patience:
    """How long is still waited: anew for each piece of an answer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        self._end = time.monotonic() + self._seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def read_endpoint(url: str, *, key: str = "", seconds: float = SILENCE_SECONDS) -> Endpoint:
    """The endpoint of a URL such as `http://127.0.0.1:2020/v1`. Raises `ValueError` with the way out."""
    try:
        target = read_url(url)
    except NoUrl as error:
        why = ": it has a name or a password in it" if error.has_credentials else ""
        raise ValueError(f"{bare_url(url)!r} is no endpoint{why}; write it like http://127.0.0.1:2020/v1") from None
    if "?" in target.path:
        raise ValueError(f"{bare_url(url)!r} is no endpoint: it has a query; write it like http://127.0.0.1:2020/v1")
    key = key.strip()  # of a file that ends with a newline
    if not (key.isascii() and key.isprintable()):  # the HTTP client would say so, and quote it
        raise ValueError("the key for the engine has characters that no header can have; look at MOONDREAM_API_KEY")
    return Endpoint(target=target, key=key, seconds=seconds)


def _below(target: Target, skill: str) -> Target:
    return Target(
        secure=target.secure,
        host=target.host,
        port=target.port,
        netloc=target.netloc,
        path=f"{target.path.rstrip('/')}/{skill}",
        text=target.text,
    )


def _body(response: http.client.HTTPResponse) -> bytes:
    data = response.read(LARGEST_ANSWER + 1)
    if len(data) > LARGEST_ANSWER:
        raise BackendError(f"the engine sent an answer of more than {LARGEST_ANSWER >> 20} MiB")
    return data


def _object(data: bytes, whose: str) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        raise BackendError(f"{whose} is no JSON: {data[:100].decode(errors='replace')!r}") from None
    if not isinstance(said, dict):
        raise BackendError(f"{whose} is no JSON object: {data[:100].decode(errors='replace')!r}")
    return said


def _error_in(body: bytes) -> str:
    """What an error's body says: its `error` or `detail`, or its beginning."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    found = (said.get("error") or said.get("detail")) if isinstance(said, dict) else None
    return _text(found) if found else body[:200].decode(errors="replace").strip() or "no reason given"


def _text(error: object) -> str:
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        error = error["message"]
    return (error if isinstance(error, str) else json.dumps(error))[:_ERROR_SHOWN]


def _named(error: Exception) -> str:
    return str(error) or type(error).__name__
