"""No rival but a yardstick: ready-made bytes for everything that comes, which is the most that a client can get."""

import asyncio
import os


class Canned(asyncio.Protocol):
    """Answers whenever something comes."""

    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self._transport.write(self.answer)


async def main() -> None:
    """Serve until killed."""
    body = os.environ["BENCH_ANSWER"].encode()
    Canned.answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", 0)
    print(f"ready 127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
