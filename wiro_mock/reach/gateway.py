"""The LLM gateway, which is another server of Wiro's (rest.md §2.5) and not played here: it is refused politely.

The answer has the shape that both its dialects read (OpenAI's and Anthropic's, socket.md §7), so that a client shows
the sentence instead of a parser's error. The status is 404, which neither's library tries again.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from wiro_mock.api import jsontext
from wiro_mock.worlds import Worlds

HOST = b"llm.wiro.ai"
SENTENCE = (
    "wiro_mock does not play the LLM gateway (llm.wiro.ai); run the model by POST "
    "https://api.wiro.ai/v1/Run/OWNER/MODEL, or give this client another base URL"
)
_ERROR = {"type": "not_found_error", "message": SENTENCE, "param": None, "code": "wiro_mock_no_gateway"}


def without_gateway(app: ASGIApp, worlds: Worlds) -> ASGIApp:
    """The app, but for what is meant for the gateway."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _host(scope) == HOST:
            await _refuse(scope, receive, send, worlds)
        else:
            await app(scope, receive, send)

    return guarded


def _host(scope: Scope) -> bytes:
    host: bytes = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return host.lower().partition(b":")[0].rstrip(b".")


async def _refuse(scope: Scope, receive: Receive, send: Send, worlds: Worlds) -> None:
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.disconnect":
        return
    worlds.fallback.lost(scope["method"], f"llm.wiro.ai{scope['path']}", SENTENCE)
    body = jsontext.dumps({"type": "error", "error": _ERROR}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})
