"""One mock, in a fresh Python: `python -m tests.benchmarks.anchor_sides SIDE CALLS` times its start and a call.

Prints `{"start": seconds, "call": seconds}`. `start` is from before the import of the mock to its first answer, with
the client imported already; `call` is the middle of so many calls. Run by `anchors`, each side by the Python that
has it, so that only the standard library is imported at the top.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module

Ask = Callable[[], bytes]
DETAIL = "/v1/Task/Detail"
RUN = "/v1/Run/moondream3-preview/caption"
FIELDS = {"inputImageUrl": "https://example.test/cat.png", "prompt": "a cat"}
ANSWER = json.dumps({"result": True, "errors": [], "total": "1", "tasklist": [{"id": "1", "padding": "x" * 2000}]})
"""As long as an answer to Task/Detail, nearly, for those that answer what they are told to."""
AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
AWS_SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"


class Client:
    """The standard library's client: one connection, opened anew where the server closes it after each answer."""

    def __init__(self, netloc: str) -> None:
        self._connection = http.client.HTTPConnection(netloc, timeout=30)

    def post(self, path: str, fields: Mapping[str, object], headers: Mapping[str, str] | None = None) -> bytes:
        """The body of the answer to a POST of JSON, which must be 200."""
        sent = {"content-type": "application/json", **(headers or {})}
        self._connection.request("POST", path, json.dumps(fields).encode(), sent)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, (answer.status, content)
        return content


def _signed(key: str, secret: str) -> dict[str, str]:
    nonce = "1763769600"
    signature = hmac.new(key.encode(), f"{secret}{nonce}".encode(), hashlib.sha256).hexdigest()
    return {"x-api-key": key, "x-nonce": nonce, "x-signature": signature}


# -- over a socket -----------------------------------------------------------------------------------


@contextmanager
def wiro_server() -> Iterator[Ask]:
    """Task/Detail of a finished task, signed."""
    from wiro_mock import WiroMock

    with WiroMock(seed=1) as wiro, wiro.serve() as server:
        client, headers = Client(server.origin.removeprefix("http://")), _signed(wiro.api_key, wiro.api_secret)
        task = json.loads(client.post(RUN, FIELDS, headers))["taskid"]
        yield lambda: client.post(DETAIL, {"taskid": task}, headers)


@contextmanager
def httpserver() -> Iterator[Ask]:
    """A ready answer of pytest-httpserver, its log silenced."""
    import logging

    from pytest_httpserver import HTTPServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with HTTPServer(host="127.0.0.1", port=0) as server:
        server.expect_request(DETAIL, method="POST").respond_with_data(ANSWER, content_type="application/json")
        client = Client(f"127.0.0.1:{server.port}")
        yield lambda: client.post(DETAIL, {"taskid": "1"})


@contextmanager
def moto_server() -> Iterator[Ask]:
    """GetQueueAttributes of SQS: a POST of JSON that asks for a state."""
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = import_module("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        client = Client(f"127.0.0.1:{server.get_host_and_port()[1]}")

        def ask(operation: str, fields: Mapping[str, object]) -> bytes:
            target = {"x-amz-target": f"AmazonSQS.{operation}", "authorization": AWS_SIGNED}
            return client.post("/", fields, {**target, "content-type": "application/x-amz-json-1.0"})

        queue = json.loads(ask("CreateQueue", {"QueueName": "tasks"}))["QueueUrl"]
        yield lambda: ask("GetQueueAttributes", {"QueueUrl": queue, "AttributeNames": ["All"]})
    finally:
        server.stop()


@contextmanager
def aimock_server() -> Iterator[Ask]:
    """A chat completion of aimock, whose server is a process of Node's."""
    server = import_module("aimock_pytest._server").AIMockServer(
        import_module("aimock_pytest._node_manager").NodeManager()
    )
    server.start()
    try:
        server.on_message("a cat", {"content": "x" * 2000})
        client = Client(server.base_url.removeprefix("http://"))
        fields = {"model": "gpt-4", "messages": [{"role": "user", "content": "a cat"}]}
        yield lambda: client.post("/v1/chat/completions", fields)
    finally:
        server.stop()


# -- in process --------------------------------------------------------------------------------------


@contextmanager
def wiro_respx() -> Iterator[Ask]:
    """Task/Detail of a finished task, signed, by httpx."""
    import httpx

    from wiro_mock import WiroMock

    with WiroMock(seed=1) as wiro, wiro.respx(), httpx.Client(headers=_signed(wiro.api_key, wiro.api_secret)) as client:
        task = client.post(f"https://api.wiro.ai{RUN}", json=FIELDS).json()["taskid"]
        yield lambda: client.post(f"https://api.wiro.ai{DETAIL}", json={"taskid": task}).content


@contextmanager
def respx() -> Iterator[Ask]:
    """A ready answer of one route, by httpx."""
    import httpx
    import respx as library

    with library.mock() as router, httpx.Client() as client:
        router.post(f"https://api.wiro.ai{DETAIL}").respond(text=ANSWER, content_type="application/json")
        yield lambda: client.post(f"https://api.wiro.ai{DETAIL}", json={"taskid": "1"}).content


@contextmanager
def moto() -> Iterator[Ask]:
    """GetQueueAttributes of SQS, by boto3."""
    os.environ.update(AWS)
    with import_module("moto").mock_aws():
        client = import_module("boto3").client("sqs")
        queue = client.create_queue(QueueName="tasks")["QueueUrl"]
        yield lambda: json.dumps(client.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])).encode()


SIDES = {side.__name__: side for side in (wiro_server, httpserver, moto_server, aimock_server, wiro_respx, respx, moto)}
CLIENTS = {"wiro_respx": "httpx", "respx": "httpx", "moto": "boto3"}
"""What a side's client needs, imported before the clock starts; the others' is the standard library's."""


def measure(name: str, calls: int) -> dict[str, float]:
    """Seconds of the start and of a call."""
    if name in CLIENTS:
        import_module(CLIENTS[name])
    started = time.perf_counter()
    with SIDES[name]() as ask:
        assert len(ask()) > 200
        start = time.perf_counter() - started
        for _ in range(calls // 10):
            ask()
        taken = [_timed(ask) for _ in range(calls)]
    return {"start": start, "call": statistics.median(taken)}


def _timed(ask: Ask) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))), flush=True)
