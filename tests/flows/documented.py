"""A whole task as Wiro's Python documentation teaches it, with `requests` and `websockets`; only the hosts are given.

Prints the type of each frame, then what was downloaded.
"""

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time

import requests
import websockets

API, SOCKET, PICTURE = sys.argv[1:]
YOUR_API_KEY = os.environ["YOUR_API_KEY"]
YOUR_API_SECRET = os.environ["YOUR_API_SECRET"]


def headers() -> dict[str, str]:
    nonce = str(int(time.time()))
    signature = hmac.new(YOUR_API_KEY.encode(), (YOUR_API_SECRET + nonce).encode(), hashlib.sha256).hexdigest()
    return {"x-api-key": YOUR_API_KEY, "x-nonce": nonce, "x-signature": signature}


def run() -> str:
    with open(PICTURE, "rb") as picture:  # noqa: PTH123 -- as the documentation has it
        files = {"inputImage": picture}
        data = {"length": "normal", "temperature": "0.7", "top_p": "0.95"}
        url = f"{API}/Run/moondream3-preview/caption"
        answer = requests.post(url, headers=headers(), data=data, files=files, timeout=30).json()
    assert answer["result"], answer["errors"]
    return str(answer["socketaccesstoken"])


async def follow(token: str) -> None:
    async with websockets.connect(SOCKET) as socket:
        await socket.send(json.dumps({"type": "task_info", "tasktoken": token}))
        async for text in socket:
            message = json.loads(text)
            print(message["type"])
            if message["type"] == "task_postprocess_end":
                return


def result(token: str) -> None:
    answer = requests.post(f"{API}/Task/Detail", headers=headers(), json={"tasktoken": token}, timeout=30).json()
    task = answer["tasklist"][0]
    assert task["status"] == "task_postprocess_end"
    assert task["pexit"] == "0"
    for output in task["outputs"]:
        print(requests.get(output["url"], timeout=30).text)


if __name__ == "__main__":
    token = run()
    asyncio.run(follow(token))
    result(token)
