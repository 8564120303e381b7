"""The other rival: pytest-httpserver (werkzeug), as its documentation uses it, with a handler that does the same work.

As it comes it writes a line per request (here to /dev/null); with BENCH_QUIET it does not.
"""

import hashlib
import hmac
import json
import logging
import os
import threading

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

KEY, SECRET = os.environ["BENCH_KEY"], os.environ["BENCH_SECRET"]
ANSWER = json.loads(os.environ["BENCH_ANSWER"])
TOKEN = ANSWER["tasklist"][0]["socketaccesstoken"]


def detail(request: Request) -> Response:
    """Task/Detail of the one task there is."""
    headers = request.headers
    nonce, signature = headers.get("x-nonce", ""), headers.get("x-signature", "")
    expected = hmac.new(KEY.encode(), f"{SECRET}{nonce}".encode(), hashlib.sha256).hexdigest()
    known = hmac.compare_digest(headers.get("x-api-key", "").encode(), KEY.encode())
    if not known or not hmac.compare_digest(signature.encode(), expected.encode()):
        return Response(status=401)
    if json.loads(request.get_data()).get("tasktoken") != TOKEN:
        return Response(status=404)
    text = json.dumps(ANSWER, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), content_type="application/json")


if __name__ == "__main__":
    if os.environ.get("BENCH_QUIET"):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with HTTPServer(host="127.0.0.1", port=0) as server:
        server.expect_request("/v1/Task/Detail", method="POST").respond_with_handler(detail)
        print(f"ready 127.0.0.1:{server.port}/", flush=True)
        threading.Event().wait()
