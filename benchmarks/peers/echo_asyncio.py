"""The floor: an asyncio server that parses nothing and answers a fixed body. No model."""

import asyncio
import sys

BODY = (
    b'{"predictions":[[{"label":"9","index":9,"score":0.97},{"label":"8","index":8,"score":0.02},'
    b'{"label":"1","index":1,"score":0.01}]]}'
)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)  # type: ignore[attr-defined]


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
