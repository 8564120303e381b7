"""The rival: one Starlette handler that takes an upload as Starlette does, under the same uvicorn as ours.

`request.form()` spools a file to disk above 1 MiB; the handler reads it once for its digest, for that is how a file is
known by its bytes, and throws it away. It imports nothing of ours.
"""

import hashlib

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.benchmarks.bare_starlette import Announcing


async def upload(request: Request) -> Response:
    """The size and the digest of the one file."""
    async with request.form() as form:
        file = form["file"]
        assert isinstance(file, UploadFile)
        digest, size = hashlib.sha256(), 0
        while piece := await file.read(1 << 16):
            digest.update(piece)
            size += len(piece)
    return JSONResponse({"list": [{"size": str(size), "sha256": digest.hexdigest()}]})


if __name__ == "__main__":
    app = Starlette(routes=[Route("/v1/File/Upload", upload, methods=["POST"])])
    config = uvicorn.Config(
        app, port=0, access_log=False, log_config=None, log_level="critical", proxy_headers=False, server_header=False
    )
    Announcing(config).run()
