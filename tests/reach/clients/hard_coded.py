"""A program that has Wiro's addresses written into it, unless it is set up otherwise: `hard_coded.py requests httpx`.

Or others: aiohttp, urllib.

It uploads a picture, runs a model, follows it on the socket, and downloads the output. Only what a stack has off by
default is switched on: aiohttp's `trust_env`.
"""

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request
from typing import Any

# A setting of its own, which `exec` does not know.
API, SOCKET = (
    os.environ.get("OWN_API", "https://api.wiro.ai/v1"),
    os.environ.get("OWN_SOCKET", "wss://socket.wiro.ai/v1"),
)
KEY, SECRET = os.environ["WIRO_API_KEY"], os.environ["WIRO_API_SECRET"]
RUN, DETAIL = f"{API}/Run/moondream3-preview/caption", f"{API}/Task/Detail"
PICTURE = ("cat.png", b"\x89PNG\r\n\x1a\n" + b"0" * 64, "image/png")


def signed() -> dict[str, str]:
    nonce = str(int(time.time()))
    signature = hmac.new(KEY.encode(), (SECRET + nonce).encode(), hashlib.sha256).hexdigest()
    return {"x-api-key": KEY, "x-nonce": nonce, "x-signature": signature}


def follow(token: str) -> None:
    """To the end, with websockets."""
    from websockets.sync.client import connect

    with connect(SOCKET) as socket:
        socket.send(json.dumps({"type": "task_info", "tasktoken": token}))
        while json.loads(socket.recv()).get("type") != "task_postprocess_end":
            pass


def output_of(detail: Any) -> Any:
    (task,) = detail["tasklist"]
    assert task["pexit"] == "0", task
    return task["outputs"][0]["url"]


def with_requests() -> bytes:
    import requests

    run = requests.post(RUN, headers=signed(), files={"inputImage": PICTURE}, timeout=30).json()
    follow(run["socketaccesstoken"])
    detail = requests.post(DETAIL, headers=signed(), json={"tasktoken": run["socketaccesstoken"]}, timeout=30)
    return requests.get(output_of(detail.json()), timeout=30).content


def with_httpx() -> bytes:
    import httpx

    run = httpx.post(RUN, headers=signed(), files={"inputImage": PICTURE}).json()
    follow(run["socketaccesstoken"])
    detail = httpx.post(DETAIL, headers=signed(), json={"tasktoken": run["socketaccesstoken"]})
    return httpx.get(output_of(detail.json())).content


def with_aiohttp() -> bytes:
    import aiohttp

    async def play() -> bytes:
        async with aiohttp.ClientSession(trust_env=True) as session:
            form = aiohttp.FormData()
            form.add_field("inputImage", PICTURE[1], filename=PICTURE[0], content_type=PICTURE[2])
            async with session.post(RUN, headers=signed(), data=form) as answer:
                token = (await answer.json())["socketaccesstoken"]
            async with session.ws_connect(SOCKET) as socket:
                await socket.send_json({"type": "task_info", "tasktoken": token})
                while (await socket.receive_json()).get("type") != "task_postprocess_end":
                    pass
            async with session.post(DETAIL, headers=signed(), json={"tasktoken": token}) as answer:
                url = output_of(await answer.json())
            async with session.get(url) as answer:
                return await answer.read()

    return asyncio.run(play())


def with_urllib() -> Any:
    def ask(url: str, fields: dict[str, str]) -> Any:
        headers = {**signed(), "content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(fields).encode(), headers)) as answer:
            return json.load(answer)

    token = ask(RUN, {"inputImage": "https://example.com/cat.png"})["socketaccesstoken"]
    follow(token)
    with urllib.request.urlopen(output_of(ask(DETAIL, {"tasktoken": token}))) as answer:
        return answer.read()


if __name__ == "__main__":
    WITH = {"requests": with_requests, "httpx": with_httpx, "aiohttp": with_aiohttp, "urllib": with_urllib}
    for library in sys.argv[1:]:
        print(WITH[library]().decode())
